//! Names come from files: nothing in one may steer where it is shown.

use std::borrow::Cow;

use serde_json::Value;

/// A text in which what cannot be seen but changes how it is set, or what it seems to be, is written out.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_steering) {
        return Cow::Borrowed(text);
    }
    let written = text.chars().map(|letter| match is_steering(letter) {
        true => letter.escape_unicode().to_string(),
        false => letter.to_string(),
    });
    Cow::Owned(written.collect())
}

/// A line of a file that is shown to be copied: the same, but for tabs, which are part of it.
pub fn plain_line(line: &str) -> String {
    line.split('\t').map(plain).collect::<Vec<_>>().join("\t")
}

/// Writes out what steers in all texts of a JSON value. The names of its fields are those of a format.
pub fn make_plain(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(written) = plain(text) {
                *text = written;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_plain),
        Value::Object(fields) => fields.values_mut().for_each(make_plain),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Cannot this letter be seen, and does it change how others are set, or make two names look alike that are not? Control characters,
/// and what Unicode has as `Default_Ignorable_Code_Point`, but for the joiners and variation selectors that scripts and emoji need.
pub fn is_steering(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'
            | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// A text as one word of a shell's command line (POSIX.1-2017, Shell Command Language 2.2.2).
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-./+:,@%=".contains(letter);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("'{}'", text.replace('\'', "'\\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for letter in ['\u{200b}', '\u{feff}', '\u{ad}', '\u{2060}', '\u{3164}', '\u{e0041}', '\u{9b}'] {
            let expected = format!("we{}b", letter.escape_unicode());
            assert_eq!(plain(&format!("we{letter}b")), expected);
        }
        // A family, and a Persian word with a joiner.
        assert_eq!(plain("👨\u{200d}👩 ❤\u{fe0f} می\u{200c}خواهم"), "👨\u{200d}👩 ❤\u{fe0f} می\u{200c}خواهم");
    }

    #[test]
    fn tabs_are_part_of_a_line() {
        assert_eq!(plain_line("+\ta: b\t\u{1b}[2J\t"), "+\ta: b\t\\u{1b}[2J\t");
        assert_eq!(plain_line(""), "");
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

    #[test]
    fn what_steers_is_written_out_and_nothing_else() {
        assert_eq!(plain("a\u{202e}b\u{7}"), "a\\u{202e}b\\u{7}");
        assert_eq!(plain("עברית 🦀"), "עברית 🦀");
        let mut value = serde_json::json!({ "a": [{ "b": "a\u{202e}b\u{7}" }, "עברית 🦀", 1, null] });
        make_plain(&mut value);
        assert_eq!(value, serde_json::json!({ "a": [{ "b": "a\\u{202e}b\\u{7}" }, "עברית 🦀", 1, null] }));
    }
}
