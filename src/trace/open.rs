//! A document in the reader's browser.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// The environment variable that names the commands with which documents are opened, where one is set: the first that opens them, as
/// `man` and Python's `webbrowser` read it. In each, `%s` stands for the document, which else comes last.
const BROWSER: &str = "BROWSER";
/// What stands between two commands.
const BETWEEN: char = if cfg!(windows) { ';' } else { ':' };
/// What stands for the document.
const DOCUMENT: &str = "%s";

/// How often, and how long apart, it is looked whether a command has failed: about a second. One that goes on shows the document.
const LOOKS: u32 = 50;
const APART: Duration = Duration::from_millis(20);

/// Opens a document and does not wait until it is closed.
///
/// # Errors
/// Why no command opens it, each with what it said.
pub(super) fn open(path: &Path) -> Result<(), String> {
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    let own = std::env::var_os(BROWSER).unwrap_or_default().to_string_lossy().into_owned();
    let desktop = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let commands = own.split(BETWEEN).map(words).chain([vec![desktop.to_owned()]]);
    let mut failures = Vec::new();
    for command in commands.filter(|command| !command.is_empty()) {
        match run(&command, &path) {
            Ok(()) => return Ok(()),
            Err(failure) => failures.push(format!("{}: {failure}", command[0])),
        }
    }
    Err(failures.join("; "))
}

fn run(command: &[String], path: &Path) -> Result<(), String> {
    let mut process = Command::new(&command[0]);
    for word in &command[1..] {
        let mut parts = word.split(DOCUMENT);
        let mut filled = OsString::from(parts.next().unwrap_or_default());
        for part in parts {
            filled.push(path);
            filled.push(part);
        }
        process.arg(filled);
    }
    if !command[1..].iter().any(|word| word.contains(DOCUMENT)) {
        process.arg(path);
    }
    let child = process.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    for _ in 0..LOOKS {
        match child.try_wait() {
            Ok(None) => sleep(APART),
            // That of Windows ends with 1 whatever it has done.
            Ok(Some(status)) if status.success() || cfg!(windows) => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

/// The words of a command: what stands in quotes is one, and behind a backslash every letter is itself.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = command.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (_, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) if !cfg!(windows) => word.get_or_insert_default().extend(letters.next()),
            (_, None) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_command_is_of_words() {
        for (command, expected) in [
            ("", &[][..]),
            ("  firefox ", &["firefox"]),
            ("firefox --new-window %s", &["firefox", "--new-window", "%s"]),
            ("'/my apps/x' \"a 'b'\" c\\ d ''", &["/my apps/x", "a 'b'", "c d", ""]),
        ] {
            assert_eq!(words(command), expected, "{command}");
        }
    }
}
