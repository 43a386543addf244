//! A document in the reader's browser.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The environment variable that names the program with which documents are opened, where one is set.
const BROWSER: &str = "BROWSER";

/// Opens a document and does not wait until it is closed.
pub(super) fn open(path: &Path) -> io::Result<()> {
    let chosen = std::env::var_os(BROWSER).filter(|program| !program.is_empty());
    let program = chosen.unwrap_or_else(|| {
        let program = match std::env::consts::OS {
            "macos" => "open",
            "windows" => "explorer",
            _ => "xdg-open",
        };
        program.into()
    });
    Command::new(program)
        .arg(std::path::absolute(path)?)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map(drop)
}
