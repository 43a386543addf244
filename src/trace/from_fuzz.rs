//! `podproof trace from-fuzz`: what a fuzzer found, as a trace.

use std::path::Path;

use podproof_harness::findings::{self, Finding};

use super::arguments::FromFuzzArguments;
use crate::output;

/// Runs the command; its exit status.
///
/// # Errors
/// If there is no such case, if its inputs are no paths through scenarios, or what is wrong with a file.
pub fn run(arguments: &FromFuzzArguments) -> Result<u8, String> {
    let FromFuzzArguments { case, artifact, output } = arguments;
    let walk = findings::walk_of(case)?;
    let bytes = std::fs::read(artifact).map_err(|error| format!("{}: {error}", artifact.display()))?;
    let Some(found) = Finding::of(walk, &bytes) else {
        output::tell(format_args!("{}: it finds nothing any more", artifact.display()));
        return Ok(crate::exit::HOLDS);
    };
    let steps = found.path.len();
    let found = found.shrink(walk);
    output::tell(format_args!("of {steps} steps {} are left: {}", found.path.len(), found.says));
    super::write(&found.trace()?, output.as_deref())
}
