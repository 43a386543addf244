//! Names come from files: nothing in one may steer where it is shown.

use std::borrow::Cow;

/// A text in which what cannot be seen but changes how it is set is written out: control characters, and those that turn its
/// direction (Unicode, Bidirectional Formatting Characters).
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_steering) {
        return Cow::Borrowed(text);
    }
    let written = text.chars().map(|letter| match is_steering(letter) {
        true => letter.escape_unicode().to_string(),
        false => letter.to_string(),
    });
    Cow::Owned(written.collect())
}

/// Cannot this letter be seen, and does it change how others are set?
pub(crate) fn is_steering(letter: char) -> bool {
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
    }
}
