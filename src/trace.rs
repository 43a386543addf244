//! `podproof trace show` and `podproof trace replay`.

use std::io::IsTerminal;
use std::path::Path;

use podproof_traces::{
    Replayed, Style, Trace, replay as replay_trace, show as show_trace, show_slice, show_turning,
};
use podproof_vocabulary::Property;

use crate::output;

fn read(file: &Path) -> Result<Trace, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    Trace::from_json(&text).map_err(|error| error.to_string())
}

fn refuse(file: &Path, error: &str) -> u8 {
    output::tell(format_args!("error: {}: {error}", file.display()));
    crate::exit::WRONG_INPUT
}

/// Prints a trace, or of it only the steps that its end depends on, and where its end could no longer be avoided.
pub fn show(file: &Path, slice: bool) -> u8 {
    match read(file) {
        Ok(trace) => {
            let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(110);
            let style = Style { colour: std::io::stdout().is_terminal(), width };
            let tell = if slice { show_slice } else { show_trace };
            output::put(&(tell(&trace, style) + &show_turning(&trace, style)), crate::exit::HOLDS)
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
