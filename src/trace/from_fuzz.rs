//! `podproof trace from-fuzz`: what a fuzz target found, as a trace or as a reproducer. The cases come with the feature `fuzz`: they need the concrete
//! runtime, which nobody else of the command does.

#[cfg(feature = "fuzz")]
use std::path::Path;

#[cfg(feature = "fuzz")]
use podproof_harness::cases::case_of;
#[cfg(feature = "fuzz")]
use podproof_harness::findings::smallest;
#[cfg(feature = "fuzz")]
use podproof_harness::runner::replay_command;

use super::arguments::FromFuzzArguments;
#[cfg(feature = "fuzz")]
use super::target;
#[cfg(feature = "fuzz")]
use crate::output;
#[cfg(feature = "fuzz")]
use crate::progress::Line;

/// Runs the command; its exit status.
///
/// # Errors
/// If there is no such case, or what is wrong with a file.
#[cfg(feature = "fuzz")]
pub fn run(arguments: &FromFuzzArguments) -> Result<u8, String> {
    let FromFuzzArguments { case, artifact, output } = arguments;
    let case = case_of(case)?;
    target::refuse("--output", output.as_deref(), [artifact.as_path()])?;
    let bytes = super::bytes_of(artifact)?;
    let line = Line::new(case.name, 0);
    let found = smallest(case, bytes, |left| line.say(left));
    let found = found.map_err(|error| format!("{}: {error}", artifact.display()))?;
    drop(line);
    let Some(found) = found else {
        output::tell(format_args!("{}: it does not fail, and nothing was written", artifact.display()));
        return Ok(crate::exit::BROKEN);
    };
    output::tell(format_args!("{}", found.says));
    let status = target::write_text(&found.file, output.as_deref())?;
    for line in what_next(case.name, artifact, output.as_deref()) {
        output::tell(format_args!("{line}"));
    }
    Ok(status)
}

/// How to read the trace, and the command that replays it on both sides; one that was printed has no file, and the artifact replays.
#[cfg(feature = "fuzz")]
fn what_next(case: &str, artifact: &Path, output: Option<&Path>) -> Vec<String> {
    let word = |path: &Path| output::word(&path.display().to_string()).to_string();
    let replay = |path| format!("replay it: {}", replay_command(case, &word(path)));
    match output {
        Some(file) => vec![format!("read it: podproof trace show {}", word(file)), replay(file)],
        None => vec![replay(artifact)],
    }
}

#[cfg(all(test, feature = "fuzz"))]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_a_trace_is_told_how_to_replay_it() {
        let artifact = Path::new("fuzz/artifacts/lockstep/crash-1");
        let with = what_next("lockstep", artifact, Some(Path::new("my trace.json")));
        let replay = "replay it: cargo run -p podproof-harness --bin replay -- lockstep ";
        let expected =
            ["read it: podproof trace show 'my trace.json'".to_owned(), format!("{replay}'my trace.json'")];
        assert_eq!(with, expected);
        assert_eq!(what_next("lockstep", artifact, None), [format!("{replay}{}", artifact.display())]);
    }
}

/// Says how to build a command that can.
///
/// # Errors
/// Always.
#[cfg(not(feature = "fuzz"))]
pub fn run(arguments: &FromFuzzArguments) -> Result<u8, String> {
    let FromFuzzArguments { case, artifact, .. } = arguments;
    Err(format!(
        "this podproof is built without the cases of the fuzz targets; accepted is one with them: \
         cargo run --features fuzz -- trace from-fuzz {case} {}",
        crate::output::word(&artifact.display().to_string())
    ))
}
