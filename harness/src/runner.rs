//! A case over many inputs: what `cargo test` runs for seconds, and libFuzzer for nights.

use std::any::Any;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::{env, io};

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

/// An input that fails, and the panic that it fails with.
pub struct Failure {
    /// The input.
    pub bytes: Vec<u8>,
    panic: Box<dyn Any + Send>,
}

impl Failure {
    /// What the panic says, if it says something.
    pub fn says(&self) -> Option<&str> {
        let owned = self.panic.downcast_ref::<String>().map(String::as_str);
        owned.or_else(|| self.panic.downcast_ref::<&str>().copied())
    }

    /// Keeps the input in a file of `folder` of its own.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self, name: &str, folder: &Path) -> io::Result<PathBuf> {
        let prefix = format!("podproof-{name}-");
        let mut file = tempfile::Builder::new().prefix(&prefix).suffix(".input").tempfile_in(folder)?;
        file.write_all(&self.bytes)?;
        Ok(file.into_temp_path().keep()?)
    }
}

/// Checks `runs` inputs, each of its own seed.
///
/// # Errors
/// The first that fails.
pub fn first_failure<T: for<'a> Arbitrary<'a>>(
    runs: u32,
    check: fn(&T) -> Checked,
) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    for seed in 0..runs {
        let bytes = input(0, seed);
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&bytes, check)));
        let checked = outcome.map_err(|panic| Failure { bytes, panic })?;
        if let Some(checked) = checked {
            summary.checked += 1;
            summary.useful += u32::from(checked.useful);
        }
    }
    Ok(summary)
}

/// Checks `runs` inputs, each of its own seed. A failure is written to a file, and the command that replays it is printed
/// before the panic goes on.
pub fn smoke<T: for<'a> Arbitrary<'a>>(name: &str, runs: u32, check: fn(&T) -> Checked) -> Summary {
    smoke_in(&env::temp_dir(), name, runs, check)
}

/// The same, with the folder of the file.
pub(crate) fn smoke_in<T: for<'a> Arbitrary<'a>>(
    folder: &Path,
    name: &str,
    runs: u32,
    check: fn(&T) -> Checked,
) -> Summary {
    first_failure(runs, check).unwrap_or_else(|failure| {
        let says = match failure.keep(name, folder) {
            Ok(path) => format!("replay it: {}", replay_command(name, &path.display().to_string())),
            Err(error) => format!("the input could not be kept in {}: {error}", folder.display()),
        };
        let _ = writeln!(io::stderr(), "{says}");
        resume_unwind(failure.panic)
    })
}

/// The longest input of a smoke run.
const BYTES_MAX: usize = 1500;

/// The n-th input of a seed: short ones and long ones.
pub fn input(seed: u32, number: u32) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(u64::from(seed) << 32 | u64::from(number));
    let length = random.usize(16..=BYTES_MAX);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// The command that checks one kept input of a case again.
pub fn replay_command(name: &str, file: &str) -> String {
    format!("cargo run -p podproof-harness --bin replay -- {name} {file}")
}
