//! Names come from files: nothing in one may steer where it is shown.

use std::borrow::Cow;

use serde_json::Value;

/// A text in which what cannot be seen but changes how it is set is written out: control characters, and those that turn its
/// direction (Unicode, Bidirectional Formatting Characters).
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

/// Cannot this letter be seen, and does it change how others are set?
pub fn is_steering(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_written_out_and_nothing_else() {
        assert_eq!(plain("a\u{202e}b\u{7}"), "a\\u{202e}b\\u{7}");
        assert_eq!(plain("עברית 🦀"), "עברית 🦀");
        let mut value = serde_json::json!({ "a": [{ "b": "a\u{202e}b\u{7}" }, "עברית 🦀", 1, null] });
        make_plain(&mut value);
        assert_eq!(value, serde_json::json!({ "a": [{ "b": "a\\u{202e}b\\u{7}" }, "עברית 🦀", 1, null] }));
    }
}
