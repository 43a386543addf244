//! A case over many inputs: what `cargo test` runs for seconds, and libFuzzer for nights.

use std::cell::Cell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use arbitrary::{Arbitrary, Unstructured};
use proptest::arbitrary::any;
use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

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

/// An input that fails, and what it fails with.
pub struct Failure {
    /// The input, made as short as a thousand tries make it.
    pub bytes: Vec<u8>,
    /// What the panic said.
    pub says: String,
}

impl Failure {
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

/// Checks `runs` inputs that proptest draws, the same ones every time.
///
/// # Errors
/// The first that fails, made smaller.
pub fn first_failure<T: for<'a> Arbitrary<'a>>(
    runs: u32,
    check: fn(&T) -> Checked,
) -> Result<Summary, Failure> {
    let config = Config {
        cases: runs,
        failure_persistence: None,
        max_shrink_iters: SHRINK_TRIES,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let summary = Cell::new(Summary::default());
    let outcome = runner.run(&vec(any::<u8>(), BYTES_MIN..=BYTES_MAX), |bytes| {
        if let Some(checked) = run(&bytes, check) {
            let Summary { checked: before, useful } = summary.get();
            summary.set(Summary { checked: before + 1, useful: useful + u32::from(checked.useful) });
        }
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(summary.get()),
        Err(TestError::Fail(reason, bytes)) => Err(Failure { bytes, says: reason.message().to_owned() }),
        Err(TestError::Abort(reason)) => unreachable!("no input is rejected: {reason}"),
    }
}

/// Checks `runs` inputs.
///
/// # Panics
/// If one fails: it is written to a file, and the command that replays it is said.
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
        let replay = match failure.keep(name, folder) {
            Ok(path) => {
                let file = path.display().to_string();
                format!(
                    "replay it: {}\nmake it smaller and read it: {}",
                    replay_command(name, &file),
                    reading_command(name, &file)
                )
            }
            Err(error) => format!("the input could not be kept in {}: {error}", folder.display()),
        };
        panic!("{}\n{replay}", failure.says)
    })
}

/// The shortest input of a smoke run.
const BYTES_MIN: usize = 16;

/// The longest input of a smoke run.
const BYTES_MAX: usize = 1500;

/// How many smaller inputs are tried after a failure.
const SHRINK_TRIES: u32 = 1000;

/// The n-th input of a seed: short ones and long ones.
pub fn input(seed: u32, number: u32) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(u64::from(seed) << 32 | u64::from(number));
    let length = random.usize(BYTES_MIN..=BYTES_MAX);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// The command that makes one kept input of a case smaller, and writes what `podproof trace show` reads.
pub fn reading_command(name: &str, file: &str) -> String {
    format!("cargo run --features fuzz -- trace from-fuzz {name} {file} -o {name}.json")
}

/// The command that checks one kept input of a case again.
pub fn replay_command(name: &str, file: &str) -> String {
    format!("cargo run -p podproof-harness --bin replay -- {name} {file}")
}
