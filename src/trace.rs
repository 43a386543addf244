//! `podproof trace show` and `podproof trace replay`.

use std::io::IsTerminal;
use std::path::Path;

use anstream::{eprintln, print, println};
use podproof_traces::{Replayed, Style, Trace, replay as replay_trace, show as show_trace};

fn read(file: &Path) -> Result<Trace, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    Trace::from_json(&text).map_err(|error| error.to_string())
}

fn refuse(file: &Path, error: &str) -> u8 {
    eprintln!("error: {}: {error}", file.display());
    crate::exit::WRONG_INPUT
}

/// Prints a trace.
pub fn show(file: &Path) -> u8 {
    match read(file) {
        Ok(trace) => {
            let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(110);
            print!("{}", show_trace(&trace, Style { colour: std::io::stdout().is_terminal(), width }));
            crate::exit::HOLDS
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
    match replay_trace(&trace) {
        Ok(replayed) => {
            println!("{}: {replayed} ({steps} steps)", trace.property);
            match replayed {
                Replayed::StillBroken { .. } => crate::exit::HOLDS,
                _ => crate::exit::BROKEN,
            }
        }
        Err(divergence) => {
            println!("{}: the model of today does not take this path: {divergence}", trace.property);
            crate::exit::BROKEN
        }
    }
}
