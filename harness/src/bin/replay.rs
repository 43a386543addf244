//! `replay [--tell] CASE INPUT...` checks inputs of a case again, without libFuzzer. An input is a file, or a seed and a number, or a
//! seed and a range of numbers, as in `0:17` and `0:0..1000`. A finding is a panic, as under the fuzzer. With `--tell`, what
//! happens on a stage is told step by step. `replay --trace FILE CASE INPUT` makes a failure on a path through a scenario smaller
//! and writes it as a trace; such a trace is an input too.

use std::io::Write as _;
use std::process::ExitCode;
use std::{env, fs, io};

use podproof_harness::cases::{CASES, Case};
use podproof_harness::runner::{input, replay_command};
use podproof_harness::stage::tell_all;
use podproof_traces::Trace;
use podproof_vocabulary::Scenario;
use podproof_vocabulary::action::Action;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if(|argument| argument == "--tell").is_some() {
        tell_all();
    }
    let trace = arguments.next_if(|argument| argument == "--trace").and_then(|_| arguments.next());
    let name = arguments.next().unwrap_or_default();
    let inputs: Vec<String> = arguments.collect();
    let case = CASES.iter().find(|case| case.name == name).filter(|_| !inputs.is_empty());
    let Some(case) = case else {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        say(&format!("usage: replay [--tell] [--trace FILE] CASE INPUT...; cases are {}", names.join(", ")));
        return ExitCode::from(2);
    };
    if let Some(file) = trace {
        return write_trace(case, &inputs[0], &file).unwrap_or_else(|problem| {
            say(&problem);
            ExitCode::from(2)
        });
    }
    for text in inputs {
        match numbers(&text) {
            Some((seed, range)) => {
                let useful = range.clone().filter(|&number| {
                    let found = Told { seed, number };
                    let useful = (case.run)(&input(seed, number)).is_some_and(|checked| checked.useful);
                    std::mem::forget(found);
                    useful
                });
                let useful = useful.count();
                say(&format!("{text}: no finding, {useful} of {} are useful", range.len()));
            }
            None => match fs::read(&text) {
                Ok(bytes) => replay(case, &text, &bytes),
                Err(error) => {
                    say(&format!("{text}: {error}"));
                    return ExitCode::from(2);
                }
            },
        }
    }
    ExitCode::SUCCESS
}

/// Makes the failure of an input smaller and writes it as a trace.
fn write_trace(case: &Case, text: &str, file: &str) -> Result<ExitCode, String> {
    let walk =
        case.walk.ok_or_else(|| format!("the inputs of {} are no paths through scenarios", case.name))?;
    let bytes = match numbers(text) {
        Some((seed, range)) => input(seed, range.start),
        None => fs::read(text).map_err(|error| format!("{text}: {error}"))?,
    };
    let found = match trace_of(&bytes) {
        Some((scenario, path)) => (walk.follow)(&scenario, &path),
        None => (walk.find)(&bytes),
    };
    let Some(found) = found else {
        say(&format!("{text}: no finding"));
        return Ok(ExitCode::SUCCESS);
    };
    let steps = found.path.len();
    let found = found.shrink(walk);
    fs::write(file, found.trace()?.to_json()).map_err(|error| format!("{file}: {error}"))?;
    say(&format!("of {steps} steps {} are left: {found}", found.path.len()));
    say(&format!("read it: cargo run -- trace show {file}"));
    say(&format!("replay it: {}", replay_command(case.name, file)));
    Ok(ExitCode::SUCCESS)
}

/// The path of a trace, if this is one.
fn trace_of(bytes: &[u8]) -> Option<(Scenario, Vec<Action>)> {
    let trace = Trace::from_json(std::str::from_utf8(bytes).ok()?).ok()?;
    let path = trace.steps().map(|(_, step)| step.action).collect();
    Some((trace.scenario, path))
}

fn replay(case: &Case, name: &str, bytes: &[u8]) {
    if let (Some(walk), Some((scenario, path))) = (case.walk, trace_of(bytes)) {
        match (walk.follow)(&scenario, &path) {
            Some(found) => panic!("{name}: {found}"),
            None => say(&format!("{name}: no finding")),
        }
        return;
    }
    match (case.run)(bytes) {
        Some(checked) => say(&format!("{name}: no finding, useful: {}", checked.useful)),
        None => say(&format!("{name}: too short to be an input")),
    }
}

/// Says which input it was, if its check panics.
struct Told {
    seed: u32,
    number: u32,
}

impl Drop for Told {
    fn drop(&mut self) {
        say(&format!("{}:{}: a finding", self.seed, self.number));
    }
}

/// A seed and the numbers of its inputs.
fn numbers(text: &str) -> Option<(u32, std::ops::Range<u32>)> {
    let (seed, numbers) = text.split_once(':')?;
    let seed = seed.parse().ok()?;
    match numbers.split_once("..") {
        Some((first, last)) => Some((seed, first.parse().ok()?..last.parse().ok()?)),
        None => numbers.parse().ok().map(|number: u32| (seed, number..number + 1)),
    }
}

fn say(line: &str) {
    // Whoever closed the pipe does not want to hear it.
    let _ = writeln!(io::stdout(), "{line}");
}
