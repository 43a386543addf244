//! What is said on standard output and on standard error, also where nobody can read it.

use std::borrow::Cow;
use std::fmt;
use std::io::{ErrorKind, Write};

use crate::arguments::Format;

/// Writes the whole of `text` on standard output; the exit status of the command, which is `status` unless that failed.
///
/// A reader that has gone (`| head -1`) has read what it wanted: nothing is said of it. Whatever else keeps the text from
/// being written, such as a full disk, is an error: a report that is cut off must not look like one.
pub fn put(text: &str, status: u8) -> u8 {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            tell(format_args!("error: standard output could not be written: {error}"));
            crate::exit::WRONG_INPUT
        }
        _ => status,
    }
}

/// Prints a report: errors on standard error, and there the warnings too unless people read the text; then the text. The exit
/// status of the command.
pub fn report(errors: &[String], warnings: &[String], format: Format, text: &str, status: u8) -> u8 {
    for error in errors {
        tell(format_args!("error: {error}"));
    }
    if format != Format::Human {
        for warning in warnings {
            tell(format_args!("warning: {warning}"));
        }
    }
    put(text, status)
}

/// The command line as it was typed, with one option more. What a folder keeps is gone on with, as a new one is not begun there twice.
pub fn again(option: &str) -> String {
    let typed = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    again_with(typed, option)
}

fn again_with(typed: impl Iterator<Item = String>, option: &str) -> String {
    const KEEP: &str = "--checkpoint";
    let resumed = typed.map(|word| match word.strip_prefix(KEEP) {
        Some(folder) if folder.is_empty() || folder.starts_with('=') => format!("--resume{folder}"),
        _ => word,
    });
    let words: Vec<String> = resumed.chain([option.to_owned()]).collect();
    let quoted = words.iter().map(|text| word(text));
    std::iter::once(Cow::Borrowed("podproof")).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// A text as one word of a shell's command line (POSIX.1-2017, Shell Command Language 2.2.2).
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-./+:,@%=".contains(letter);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("'{}'", text.replace('\'', "'\\''"))),
    }
}

/// Says a line on standard error. That it cannot be read there is nothing that could be said elsewhere.
pub fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::{again_with, word};

    #[test]
    fn a_command_line_can_be_typed_again() {
        let again = |typed: &[&str]| again_with(typed.iter().map(|word| (*word).to_owned()), "--remedy");
        assert_eq!(
            again(&["check", "my web.yaml", "--event", "container-crash=1"]),
            "podproof check 'my web.yaml' --event container-crash=1 --remedy"
        );
        assert_eq!(
            again(&["check", "--checkpoint", "kept", "--checkpoint-interval", "9s"]),
            "podproof check --resume kept --checkpoint-interval 9s --remedy"
        );
        assert_eq!(again(&["check", "--checkpoint=kept"]), "podproof check --resume=kept --remedy");
    }

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        for (text, quoted) in [
            ("traces/web-1.json", "traces/web-1.json"),
            ("my traces/web.json", "'my traces/web.json'"),
            ("it's", "'it'\\''s'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }
}
