//! A failure of a case whose inputs are no paths through scenarios: the input made smaller, with what happens on it.

use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use podproof_traces::plain::plain;
use podproof_traces::{Reproducer, Trace};

use crate::cases::{CASES, Case};
use crate::telling::overhear;

/// How many smaller inputs are tried.
const TRIES: u32 = 4_000;

/// An input on which a case fails.
#[derive(Clone)]
pub struct Failing {
    case: &'static Case,
    /// The input.
    pub bytes: Vec<u8>,
    fault: Fault,
}

/// The check that failed, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    /// Where it stands: failures at one place are taken to have one cause.
    check: String,
    says: String,
}

impl Failing {
    /// What comes of an input; nothing if the case does not fail on it.
    pub fn of(case: &'static Case, bytes: &[u8]) -> Option<Self> {
        let fault = fault_of(case, bytes)?;
        Some(Self { case, bytes: bytes.to_vec(), fault })
    }

    /// A smaller input at which the same check fails: bytes are left out, in ever smaller runs, and those that are left become 0 as
    /// far as that is possible. `says` is told how many bytes are left before each try.
    #[must_use]
    pub fn shrink(mut self, mut says: impl FnMut(usize)) -> Self {
        let mut left = TRIES;
        loop {
            let before = self.bytes.clone();
            self.leave_out(&mut left, &mut says);
            self.make_plain(&mut left, &mut says);
            if left == 0 || self.bytes == before {
                return self;
            }
        }
    }

    fn leave_out(&mut self, left: &mut u32, says: &mut impl FnMut(usize)) {
        let mut run = self.bytes.len().div_ceil(2);
        while run > 0 {
            // From the end on: what is cut off there moves nothing else.
            let mut to = self.bytes.len();
            while to > 0 {
                let from = to.saturating_sub(run);
                let rest = [&self.bytes[..from], &self.bytes[to..]].concat();
                self.take(rest, left, says);
                to = from.min(self.bytes.len());
            }
            run /= 2;
        }
    }

    fn make_plain(&mut self, left: &mut u32, says: &mut impl FnMut(usize)) {
        for place in 0..self.bytes.len() {
            if self.bytes.get(place).is_some_and(|byte| *byte != 0) {
                let mut plain = self.bytes.clone();
                plain[place] = 0;
                self.take(plain, left, says);
            }
        }
    }

    /// Takes this input in place of its own, if the same check fails on it.
    fn take(&mut self, bytes: Vec<u8>, left: &mut u32, says: &mut impl FnMut(usize)) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        says(self.bytes.len());
        if let Some(fault) = fault_of(self.case, &bytes).filter(|fault| fault.check == self.fault.check) {
            (self.bytes, self.fault) = (bytes, fault);
        }
    }

    /// As a file that `podproof trace show` reads, with what happens on it.
    pub fn reproducer(&self) -> Reproducer {
        let (_, happens) = overhear(|| fault_of(self.case, &self.bytes));
        let Fault { check, says } = &self.fault;
        Reproducer::new(self.case.name, check, says, happens, &self.bytes)
    }
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {:?}: {:?}", self.case.name, self.bytes, self.fault)
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.says)
    }
}

/// The input of a file: that of a reproducer, or the file itself.
///
/// # Errors
/// If it is a reproducer of another case, or one that cannot be read, or a trace in place of an input.
pub fn input_of(case: &Case, file: Vec<u8>) -> Result<Vec<u8>, String> {
    let Some(text) = document(&file) else { return Ok(file) };
    if !text.contains("\"case\"") {
        return match Trace::from_json(text) {
            Err(error) => Err(error.to_string()),
            Ok(_) => {
                let names = CASES.iter().filter(|case| case.walk.is_some()).map(|case| case.name);
                let names = names.collect::<Vec<_>>().join(", ");
                Err(format!("this is a trace; accepted of {} is an input, and traces of {names}", case.name))
            }
        };
    }
    let reproducer = Reproducer::from_json(text).map_err(|error| error.to_string())?;
    match reproducer.case == case.name {
        true => reproducer.bytes(),
        false => Err(format!(
            "this is a reproducer of the case {}; accepted here is one of {}",
            plain(&reproducer.case),
            case.name
        )),
    }
}

/// The text of a file that is no input but a trace or a reproducer, whole or damaged: inputs are no JSON documents with a version.
fn document(file: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(file).ok()?;
    (text.trim_start().starts_with('{') && text.contains("\"version\"")).then_some(text)
}

thread_local! {
    /// Where panics of this thread go while somebody catches them.
    static CAUGHT: RefCell<Option<Vec<Fault>>> = const { RefCell::new(None) };
}

/// The check that fails on an input. Nothing is printed.
fn fault_of(case: &Case, bytes: &[u8]) -> Option<Fault> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_caught = CAUGHT.with_borrow_mut(|caught| {
                caught.as_mut().is_some_and(|caught| {
                    let check = info.location().map_or_else(String::new, ToString::to_string);
                    let says = info.payload_as_str().unwrap_or_default().to_owned();
                    caught.push(Fault { check, says });
                    true
                })
            });
            if !is_caught {
                before(info);
            }
        }));
    });
    let before = CAUGHT.replace(Some(Vec::new()));
    let outcome = catch_unwind(AssertUnwindSafe(|| (case.run)(bytes)));
    let caught = CAUGHT.replace(before);
    outcome.err().and_then(|_| caught?.into_iter().next())
}

#[cfg(test)]
mod tests {
    use podproof_runtime::{Slip, Slips};

    use super::*;
    use crate::cases::{case_of, proxy};
    use crate::runner;

    fn failing(bytes: &[u8]) -> Option<Failing> {
        Failing::of(case_of("canary").expect("there is one"), bytes)
    }

    #[test]
    fn an_input_that_fails_is_made_smaller_and_told() {
        // Before each note stands whether there is one.
        let found = failing(&[1, 3, 1, 7, 1, 5]).expect("a multiple of 7 fails");
        let mut tries = 0;
        let small = found.shrink(|_| tries += 1);
        assert_eq!((small.bytes.as_slice(), tries > 3), (&[1][..], true), "what is missing is 0");
        let reproducer = small.reproducer();
        assert_eq!((reproducer.case.as_str(), reproducer.bytes()), ("canary", Ok(vec![1])));
        assert!(reproducer.check.contains("canary.rs:"), "{reproducer:?}");
        assert_eq!(reproducer.says, "the canary is dead, as it should be");
        assert_eq!(reproducer.happens, ["it sings 0"]);
        assert_eq!(reproducer.says, small.to_string());
    }

    const SLIPS: Slips = Slips::only(Slip::ProxyKeepsDeletedSlices);
    static SLIPPED: Case = Case {
        name: "proxy",
        run: |bytes| runner::run(bytes, |case| proxy::check_with(case, SLIPS)),
        run_with: None,
        walk: None,
    };

    /// Of what fails on a stage scenes are left out, and what is left is told.
    #[test]
    fn a_script_is_made_shorter_and_told_step_by_step() {
        let mut findings = (0..200).filter_map(|number| Failing::of(&SLIPPED, &runner::input(0, number)));
        let found = findings.find(|found| found.bytes.len() > 200).expect("there is a long one");
        let small = found.clone().shrink(|_| {});
        assert_eq!(small.fault.check, found.fault.check);
        assert!(
            small.bytes.len() * 4 < found.bytes.len(),
            "{} bytes, then {}",
            found.bytes.len(),
            small.bytes.len()
        );
        let reproducer = small.reproducer();
        let scenes = reproducer.happens.iter().filter(|line| line.contains(": --- ")).count();
        assert!(scenes > 0 && scenes < 8 && reproducer.happens.len() > scenes, "{reproducer:#?}");
        let again =
            Failing::of(&SLIPPED, &reproducer.bytes().expect("base64")).map(|again| again.to_string());
        assert_eq!(again, Some(reproducer.says));
    }

    #[test]
    fn what_does_not_fail_is_no_finding() {
        assert!(failing(&[1, 2, 1, 3]).is_none());
    }

    /// Another failure on the way to a smaller input does not take the place of this one.
    #[test]
    fn a_smaller_input_fails_at_the_same_check() {
        let mut found = failing(&[1, 7]).expect("7 fails");
        found.fault.check = "elsewhere".to_owned();
        assert_eq!(found.shrink(|_| {}).bytes, [1, 7]);
    }

    #[test]
    fn a_reproducer_is_an_input_of_its_case_alone() {
        let file = failing(&[1, 7]).expect("7 fails").reproducer().to_json().into_bytes();
        let case = |name| case_of(name).expect("there is one");
        assert_eq!(input_of(case("canary"), file.clone()), Ok(vec![1, 7]));
        let error = input_of(case("proxy"), file.clone()).expect_err("of another case");
        assert!(error.contains("of the case canary; accepted here is one of proxy"), "{error}");
        // What is damaged is not taken for an input, on which nothing would fail.
        let text = String::from_utf8(file).expect("it is text");
        for damaged in [&text.replace("\"version\": 1", "\"version\": 2"), &text[..text.len() / 2]] {
            let error = input_of(case("canary"), damaged.as_bytes().to_vec()).expect_err("it is damaged");
            assert!(error.contains("accepted"), "{error}");
        }
        let trace = include_str!("../../../traces/corpus/witness/rollout-that-completes.json");
        let error = input_of(case("proxy"), trace.as_bytes().to_vec()).expect_err("it is a trace");
        assert!(
            error.contains(
                "this is a trace; accepted of proxy is an input, and traces of model_walk, lockstep"
            ),
            "{error}"
        );
        let error = input_of(case("lockstep"), trace.as_bytes()[..200].to_vec()).expect_err("it is cut off");
        assert!(error.contains("accepted"), "{error}");
        assert_eq!(input_of(case("proxy"), vec![1, 2]), Ok(vec![1, 2]));
    }
}
