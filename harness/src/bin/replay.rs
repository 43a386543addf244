//! `replay CASE FILE...` checks kept inputs of a case again, without libFuzzer. A finding is a panic, as under the fuzzer.

use std::io::Write as _;
use std::process::ExitCode;
use std::{env, fs, io};

use podproof_harness::cases::CASES;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let files: Vec<String> = arguments.collect();
    let case = CASES.iter().find(|case| case.name == name).filter(|_| !files.is_empty());
    let Some(case) = case else {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        say(&format!("usage: replay CASE FILE...; cases are {}", names.join(", ")));
        return ExitCode::from(2);
    };
    for file in files {
        match fs::read(&file) {
            Ok(bytes) => match (case.run)(&bytes) {
                Some(checked) => say(&format!("{file}: no finding, useful: {}", checked.useful)),
                None => say(&format!("{file}: too short to be an input")),
            },
            Err(error) => {
                say(&format!("{file}: {error}"));
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}

fn say(line: &str) {
    // Whoever closed the pipe does not want to hear it.
    let _ = writeln!(io::stdout(), "{line}");
}
