//! A case over many inputs: what `cargo test` runs for seconds, and libFuzzer for nights.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::{env, fs};

use arbitrary::{Arbitrary, Unstructured};

/// What came of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// It came to what the case is about: its oracle had something to say.
    pub useful: bool,
    /// A hash of everything that happened.
    pub log: u64,
}

/// What came of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Inputs that were checked.
    pub checked: u32,
    /// Those that were useful.
    pub useful: u32,
}

/// Checks one input of a case as libFuzzer hands it over; nothing if the bytes do not reach for an input.
pub fn run<T: for<'a> Arbitrary<'a>>(bytes: &[u8], check: impl Fn(&T) -> Checked) -> Option<Checked> {
    let case = T::arbitrary_take_rest(Unstructured::new(bytes)).ok()?;
    Some(check(&case))
}

/// Checks `runs` inputs, each of its own seed. A failure is written to a file, and the command that replays it is printed
/// before the panic goes on.
pub fn smoke<T: for<'a> Arbitrary<'a>>(name: &str, runs: u32, check: fn(&T) -> Checked) -> Summary {
    let mut summary = Summary::default();
    for seed in 0..runs {
        let bytes = bytes_of(seed);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&bytes, check)));
        match outcome {
            Ok(Some(checked)) => {
                summary.checked += 1;
                summary.useful += u32::from(checked.useful);
            }
            Ok(None) => {}
            Err(panic) => {
                let says = report(name, &bytes);
                let _ = writeln!(std::io::stderr(), "{says}");
                resume_unwind(panic);
            }
        }
    }
    summary
}

/// The longest input of a smoke run.
const BYTES_MAX: usize = 1500;

/// The input of a seed: short ones and long ones.
fn bytes_of(seed: u32) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(u64::from(seed));
    let length = random.usize(16..=BYTES_MAX);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// Keeps a failing input, and says how it is checked again.
fn report(name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = env::temp_dir().join(format!("podproof-{name}.input"));
    match fs::write(&path, bytes) {
        Ok(()) => format!("replay it: {}", replay_command(name, &path.display().to_string())),
        Err(error) => format!("the input could not be kept in {}: {error}", path.display()),
    }
}

/// The command that checks one kept input of a case again.
pub fn replay_command(name: &str, file: &str) -> String {
    format!("cargo run -p podproof-harness --bin replay -- {name} {file}")
}
