//! `podproof trace show` and `podproof trace replay`.

use std::io::IsTerminal;
use std::path::Path;

use podproof_traces::{Replayed, Style, Trace, replay as replay_trace, show as show_trace};
use podproof_vocabulary::Property;

use crate::output;

/// Reads a trace.
///
/// # Errors
/// What is wrong with the file, and where.
pub(crate) fn read(file: &Path) -> Result<Trace, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    Trace::from_json(&text).map_err(|error| error.to_string())
}

/// Says why a file cannot be read or written; the exit status.
pub(crate) fn refuse(file: &Path, error: &str) -> u8 {
    output::tell(format_args!("error: {}: {error}", file.display()));
    crate::exit::WRONG_INPUT
}

/// Prints a trace.
pub fn show(file: &Path) -> u8 {
    match read(file) {
        Ok(trace) => {
            let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(110);
            let style = Style { colour: std::io::stdout().is_terminal(), width };
            output::put(&show_trace(&trace, style), crate::exit::HOLDS)
        }
        Err(error) => refuse(file, &error),
    }
}

/// Replays a trace on the model.
pub fn replay(file: &Path) -> u8 {
    let trace = match read(file) {
        Ok(trace) => trace,
        Err(error) => return refuse(file, &error),
    };
    let steps = trace.stem.len() + trace.cycle.len();
    let (says, status) = match replay_trace(&trace) {
        Ok(replayed @ (Replayed::StillBroken { .. } | Replayed::CanBeTaken)) => {
            (format!("{replayed} ({steps} steps)"), crate::exit::HOLDS)
        }
        Ok(replayed) => (format!("{replayed} ({steps} steps)"), crate::exit::BROKEN),
        Err(divergence) => {
            (format!("the model of today does not take this path: {divergence}"), crate::exit::BROKEN)
        }
    };
    let what = trace.property.map_or("path", Property::name);
    output::put(&format!("{what}: {says}\n"), status)
}
