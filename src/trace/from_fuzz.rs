//! `podproof trace from-fuzz`: what a fuzz target found, as a trace. The cases come with the feature `fuzz`: they need the concrete
//! runtime, which nobody else of the command does.

#[cfg(feature = "fuzz")]
use podproof_harness::findings::{self, Finding};

use super::arguments::FromFuzzArguments;
#[cfg(feature = "fuzz")]
use super::target;
#[cfg(feature = "fuzz")]
use crate::output;

/// Runs the command; its exit status.
///
/// # Errors
/// If there is no such case, if its inputs are no paths through scenarios, or what is wrong with a file.
#[cfg(feature = "fuzz")]
pub fn run(arguments: &FromFuzzArguments) -> Result<u8, String> {
    let FromFuzzArguments { case, artifact, output } = arguments;
    let walk = findings::walk_of(case)?;
    target::refuse("--output", output.as_deref(), [artifact.as_path()])?;
    let bytes = std::fs::read(artifact).map_err(|error| format!("{}: {error}", artifact.display()))?;
    let Some(found) = Finding::of(walk, &bytes) else {
        output::tell(format_args!("{}: it does not fail any more", artifact.display()));
        return Ok(crate::exit::HOLDS);
    };
    let steps = found.path.len();
    let found = found.shrink(walk);
    output::tell(format_args!("of {steps} steps {} are left: {}", found.path.len(), found.says));
    target::write(&found.trace()?, output.as_deref())
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
