//! `replay [--tell] CASE INPUT...` checks inputs of a case again, without libFuzzer. An input is a file, or a seed and a number, or a
//! seed and a range of numbers, as in `0:17` and `0:0..1000`. A finding is a panic, as under the fuzzer. With `--tell`, what
//! happens is told step by step. `replay --trace FILE CASE INPUT` makes a failure smaller and writes it as a file that
//! `podproof trace show` reads; such a file is an input too.

use std::io::Write as _;
use std::ops::Range;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::{env, fs, io};

use podproof_harness::cases::{CASES, Case};
use podproof_harness::findings::failing::input_of;
use podproof_harness::findings::{fails, path_of, smallest};
use podproof_harness::runner::{input, replay_command};
use podproof_harness::telling::tell_all;

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
    let mut found = false;
    for text in inputs {
        match numbers(&text) {
            Some((seed, range)) => found |= replay_range(case, seed, range) > 0,
            None => match fs::read(&text) {
                Ok(bytes) => {
                    if let Err(problem) = replay(case, &text, bytes) {
                        say(&format!("{text}: {problem}"));
                        return ExitCode::from(2);
                    }
                }
                Err(error) => {
                    say(&format!("{text}: {error}"));
                    return ExitCode::from(2);
                }
            },
        }
    }
    if found { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Checks inputs of a seed and goes on after a finding, which is said; how many there are.
fn replay_range(case: &Case, seed: u32, numbers: Range<u32>) -> usize {
    let (mut useful, mut findings) = (0, 0);
    for number in numbers.clone() {
        match catch_unwind(|| (case.run)(&input(seed, number))) {
            Ok(checked) => useful += usize::from(checked.is_some_and(|checked| checked.useful)),
            Err(_) => {
                findings += 1;
                say(&format!("{seed}:{number}: a finding"));
            }
        }
    }
    say(&format!("{seed}:{numbers:?}: {findings} findings, {useful} of {} are useful", numbers.len()));
    findings
}

/// Makes the failure of an input smaller and writes it as a trace, or as a reproducer.
fn write_trace(case: &'static Case, text: &str, file: &str) -> Result<ExitCode, String> {
    let bytes = match numbers(text) {
        Some((seed, range)) => input(seed, range.start),
        None => fs::read(text).map_err(|error| format!("{text}: {error}"))?,
    };
    let found = smallest(case, bytes, |_| {}).map_err(|problem| format!("{text}: {problem}"))?;
    let Some(found) = found else {
        say(&format!("{text}: no finding"));
        return Ok(ExitCode::SUCCESS);
    };
    fs::write(file, found.file).map_err(|error| format!("{file}: {error}"))?;
    say(&found.says);
    say(&format!("read it: cargo run -- trace show {file}"));
    say(&format!("replay it: {}", replay_command(case.name, file)));
    Ok(ExitCode::SUCCESS)
}

/// Checks the input of a file.
///
/// # Panics
/// If it is a finding.
fn replay(case: &'static Case, name: &str, file: Vec<u8>) -> Result<(), String> {
    if case.walk.is_some() && path_of(&file).is_some() {
        match fails(case, file)? {
            Some(found) => panic!("{name}: {found}"),
            None => say(&format!("{name}: no finding")),
        }
        return Ok(());
    }
    match (case.run)(&input_of(case, file)?) {
        Some(checked) => say(&format!("{name}: no finding, useful: {}", checked.useful)),
        None => say(&format!("{name}: too short to be an input")),
    }
    Ok(())
}

/// A seed and the numbers of its inputs.
fn numbers(text: &str) -> Option<(u32, Range<u32>)> {
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
