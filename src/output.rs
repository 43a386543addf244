//! What is said on standard output and on standard error, also where nobody can read it.

use std::borrow::Cow;
use std::fmt;
use std::io::{ErrorKind, Write};

use podproof_traces::is_steering;
pub use podproof_traces::plain::word;

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
    let text = &harmless(text, format);
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
    // What comes behind it is no option.
    const FILES: &str = "--";
    let mut are_files = false;
    let resumed = typed.map(|word| {
        are_files |= word == FILES;
        match word.strip_prefix(KEEP) {
            Some(folder) if !are_files && (folder.is_empty() || folder.starts_with('=')) => {
                format!("--resume{folder}")
            }
            _ => word,
        }
    });
    let mut words: Vec<String> = resumed.collect();
    words.insert(words.iter().position(|word| word == FILES).unwrap_or(words.len()), option.to_owned());
    let quoted = words.iter().map(|text| word(text));
    std::iter::once(Cow::Borrowed("podproof")).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// The parameters of the colours and weights that reports for people have (ECMA-48, SGR).
const COLOURS: [&str; 12] = ["0", "1", "2", "31", "32", "33", "34", "35", "36", "1;31", "1;32", "1;33"];

/// The report in which no name steers where it is shown. Names come from files, and those of files from whoever has made them; all of
/// them pass here. In JSON what is written out stands as text, so that it stays so for whoever reads the document.
pub fn harmless(text: &str, format: Format) -> Cow<'_, str> {
    if !text.contains(|letter| is_steering(letter) && letter != '\n') {
        return Cow::Borrowed(text);
    }
    let backslash = if matches!(format, Format::Json | Format::Sarif) { "\\\\" } else { "\\" };
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let colour = rest.strip_prefix("\u{1b}[").and_then(|rest| rest.split_once('m'));
        let colour = colour.filter(|(colour, _)| format == Format::Human && COLOURS.contains(colour));
        rest = match colour {
            Some((colour, rest)) => {
                written += &format!("\u{1b}[{colour}m");
                rest
            }
            None => {
                match letter {
                    '\n' | '\t' => written.push(letter),
                    // How a line of a patch ends.
                    '\r' if rest.starts_with("\r\n") => written.push(letter),
                    letter if is_steering(letter) => {
                        written += &letter.escape_unicode().to_string().replacen('\\', backslash, 1);
                    }
                    letter => written.push(letter),
                }
                &rest[letter.len_utf8()..]
            }
        };
    }
    Cow::Owned(written)
}

/// Says a line on standard error, in which no name steers the terminal. That it cannot be read there is nothing that could be said
/// elsewhere.
pub fn tell(line: fmt::Arguments<'_>) {
    let line = line.to_string();
    let _ = writeln!(anstream::stderr(), "{}", harmless(&line, Format::Markdown));
}

#[cfg(test)]
mod tests {
    use super::{again_with, harmless};
    use crate::arguments::Format;

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
        assert_eq!(
            again(&["check", "--story=drain", "--", "web.yaml", "--checkpoint"]),
            "podproof check --story=drain --remedy -- web.yaml --checkpoint"
        );
    }

    #[test]
    fn nothing_of_a_name_steers_and_documents_stay_documents() {
        let name = "\u{1b}[2Ja\u{202e}b\u{200b}";
        let written = "\\u{1b}[2Ja\\u{202e}b\\u{200b}";
        let people = format!("\u{1b}[1;31mbroken\u{1b}[0m {name}\n\tx\u{1b}[8m");
        let expected = format!("\u{1b}[1;31mbroken\u{1b}[0m {written}\n\tx\\u{{1b}}[8m");
        assert_eq!(harmless(&people, Format::Human), expected);
        let document = serde_json::json!({ "name": name }).to_string();
        let harmless_document = harmless(&document, Format::Sarif).into_owned();
        let read: serde_json::Value = serde_json::from_str(&harmless_document).expect("it is JSON still");
        assert_eq!(
            read["name"], "\u{1b}[2Ja\\u{202e}b\\u{200b}",
            "JSON writes out control characters itself"
        );
        assert!(!harmless_document.contains(['\u{1b}', '\u{202e}', '\u{200b}']));
        assert_eq!(harmless("<a b=\"\u{202e}\"/>", Format::Junit), "<a b=\"\\u{202e}\"/>");
        assert_eq!(harmless("עברית 🦀\n", Format::Markdown), "עברית 🦀\n");
        assert_eq!(harmless("+a\r\nb\rc\n", Format::Human), "+a\r\nb\\u{d}c\n");
    }
}
