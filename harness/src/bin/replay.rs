//! `replay CASE INPUT...` checks inputs of a case again, without libFuzzer. A finding is a panic, as under the fuzzer; whatever one input
//! finds, the next one is checked.

use std::fs;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use podproof_harness::cases::{CASES, Case, case_of};
use podproof_harness::findings::failing::input_of;
use podproof_harness::findings::{fails, path_of, smallest};
use podproof_harness::runner::{input, replay_command};
use podproof_harness::telling::{tell_all, tell_of};
use podproof_traces::plain::{plain, word};

/// Checks inputs of a case again, without libFuzzer
///
/// Of each it is said whether it is a finding, and else whether it is useful: whether it came to what the case is about, so that its oracle
/// had something to say.
#[derive(Debug, Parser)]
#[command(
    name = "replay",
    after_help = "Exit status: 0 no input is a finding; 1 one is, or was written by --trace; 2 something cannot be used."
)]
struct Arguments {
    /// Tell on standard error what happens, step by step
    #[arg(long, conflicts_with = "trace")]
    tell: bool,

    /// Make the first finding smaller and write it as a file that `podproof trace show` reads
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// The case: the name of the fuzz target
    #[arg(value_parser = PossibleValuesParser::new(CASES.iter().map(|case| case.name)))]
    case: String,

    /// A file: an input as libFuzzer keeps it, a trace, or a reproducer. Or inputs that are drawn: SEED:NUMBER, from 0 on, or
    /// SEED:FROM..TO, TO not among them
    #[arg(required = true, value_parser = read)]
    inputs: Vec<Input>,
}

/// What is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Input {
    File(PathBuf),
    /// Inputs of a seed.
    Drawn(u32, RangeInclusive<u32>),
}

/// An input as it is named on the command line.
fn read(text: &str) -> Result<Input, String> {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit());
    let Some((seed, numbers)) = text.split_once(':').filter(|(seed, _)| is_number(seed)) else {
        return Ok(Input::File(text.into()));
    };
    let drawn = || {
        let seed = seed.parse().ok()?;
        let (first, last) = match numbers.split_once("..") {
            Some((from, to)) => (from.parse().ok()?, to.parse::<u32>().ok()?.checked_sub(1)?),
            None => (numbers.parse().ok()?, numbers.parse().ok()?),
        };
        (first <= last).then_some(Input::Drawn(seed, first..=last))
    };
    drawn().ok_or_else(|| {
        format!(
            "accepted are SEED:NUMBER and SEED:FROM..TO, as 0:17 and 0:0..1000, with numbers up to {}",
            u32::MAX
        )
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = case_of(&arguments.case).and_then(|case| match &arguments.trace {
        Some(file) => write_first(case, &arguments.inputs, file),
        None => check_all(case, &arguments),
    });
    match done {
        Ok(true) => ExitCode::FAILURE,
        Ok(false) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Checks all inputs; is one of them a finding?
fn check_all(case: &'static Case, arguments: &Arguments) -> Result<bool, String> {
    if arguments.tell {
        tell_all();
    }
    let mut found = false;
    for given in &arguments.inputs {
        match given {
            Input::File(file) => found |= check_file(case, file)?,
            Input::Drawn(seed, numbers) => found |= check_drawn(case, *seed, numbers.clone()),
        }
    }
    Ok(found)
}

/// Checks the input of a file; is it a finding?
fn check_file(case: &'static Case, file: &Path) -> Result<bool, String> {
    let name = plain(&file.display().to_string()).into_owned();
    let bytes = fs::read(file).map_err(|error| format!("{name}: {error}"))?;
    tell_of(&name);
    if case.walk.is_some() && path_of(&bytes).is_some() {
        let found = fails(case, bytes)?;
        say(&found
            .as_ref()
            .map_or_else(|| format!("{name}: no finding"), |found| format!("{name}: {found}")));
        return Ok(found.is_some());
    }
    let bytes = input_of(case, bytes).map_err(|error| format!("{name}: {error}"))?;
    let checked = catch_unwind(|| (case.run)(&bytes));
    match &checked {
        Ok(Some(checked)) => say(&format!("{name}: no finding, useful: {}", checked.useful)),
        Ok(None) => say(&format!("{name}: too short to be an input")),
        Err(_) => say(&format!("{name}: a finding")),
    }
    Ok(checked.is_err())
}

/// Checks inputs of a seed; is one of them a finding?
fn check_drawn(case: &Case, seed: u32, numbers: RangeInclusive<u32>) -> bool {
    let (mut useful, mut findings, mut count) = (0, 0, 0_u64);
    for number in numbers {
        count += 1;
        tell_of(&format!("{seed}:{number}"));
        match catch_unwind(|| (case.run)(&input(seed, number))) {
            Ok(checked) => useful += u64::from(checked.is_some_and(|checked| checked.useful)),
            Err(_) => {
                findings += 1;
                say(&format!("{seed}:{number}: a finding"));
            }
        }
    }
    say(&format!("seed {seed}: {findings} findings, {useful} of {count} are useful"));
    findings > 0
}

/// Makes the first finding among the inputs smaller and writes it as a trace, or as a reproducer; is there one?
fn write_first(case: &'static Case, inputs: &[Input], file: &Path) -> Result<bool, String> {
    let is_own = |given: &Input| matches!(given, Input::File(own) if is_same(own, file));
    if inputs.iter().any(is_own) {
        return Err(format!("--trace {}: this is read; accepted is another file", file.display()));
    }
    for given in inputs {
        let found = match given {
            Input::File(own) => {
                let bytes = fs::read(own).map_err(|error| format!("{}: {error}", own.display()))?;
                smallest(case, bytes, |_| {}).map_err(|error| format!("{}: {error}", own.display()))?
            }
            Input::Drawn(seed, numbers) => {
                let fails = |number: &u32| catch_unwind(|| (case.run)(&input(*seed, *number))).is_err();
                match numbers.clone().find(fails) {
                    Some(number) => smallest(case, input(*seed, number), |_| {})?,
                    None => None,
                }
            }
        };
        if let Some(found) = found {
            fs::write(file, found.file).map_err(|error| format!("{}: {error}", file.display()))?;
            let shown = file.display().to_string();
            say(&found.says);
            say(&format!("read it: cargo run -- trace show {}", plain(&word(&shown))));
            say(&format!("replay it: {}", plain(&replay_command(case.name, &word(&shown)))));
            return Ok(true);
        }
    }
    say("no finding, and nothing was written");
    Ok(false)
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn say(line: &str) {
    // Whoever closed the pipe does not want to hear it.
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_a_file_or_is_drawn() {
        assert_eq!(read("0:17"), Ok(Input::Drawn(0, 17..=17)));
        assert_eq!(read("3:0..1000"), Ok(Input::Drawn(3, 0..=999)));
        assert_eq!(read("4294967295:4294967295"), Ok(Input::Drawn(u32::MAX, u32::MAX..=u32::MAX)));
        for file in ["crash-1", "c:17", "./0:17"] {
            assert_eq!(read(file), Ok(Input::File(file.into())));
        }
        for wrong in ["0:x", "0:5..3", "0:5..5", "0:0..=3", "5000000000:1", "0:"] {
            assert!(read(wrong).is_err_and(|says| says.contains("accepted are SEED:NUMBER")), "{wrong}");
        }
    }

    #[test]
    fn the_command_line_is_one() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
