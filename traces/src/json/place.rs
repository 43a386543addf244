//! Where in a JSON text a field is.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Fault, ReadError};

/// The error for `field`, written as `stem[3].action`, at its place in `text`, which is JSON.
pub(crate) fn error(text: &str, field: &str, message: String) -> ReadError {
    let (line, column) = offset(text, field).map_or((0, 0), |offset| line_and_column(text, offset));
    ReadError { fault: Fault::Form, line, column, field: field.to_owned(), message }
}

/// The same; at this line and column, if the field is not found because the text behind it is not JSON.
pub(super) fn error_at(
    text: &str,
    field: &str,
    message: String,
    (line, column): (usize, usize),
) -> ReadError {
    match error(text, field, message) {
        error @ ReadError { line: 0, .. } => ReadError { line, column: column.max(1), ..error },
        found => found,
    }
}

/// The error for bytes that are UTF-8 up to `valid` and not further.
pub(super) fn not_utf8(bytes: &[u8], valid: usize) -> ReadError {
    let text = String::from_utf8_lossy(&bytes[..valid]);
    let (line, column) = line_and_column(&text, text.len());
    let message = "this is not UTF-8".to_owned();
    ReadError { fault: Fault::Text, line, column, field: String::new(), message }
}

/// The offset in bytes of the value of `field`, or of the last of its parents that there is.
fn offset(text: &str, field: &str) -> Option<usize> {
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    for part in field.split(['.', '[']).filter(|part| !part.is_empty()) {
        let child = match part.strip_suffix(']') {
            Some(index) => {
                let items: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                index.parse().ok().and_then(|index: usize| items.get(index).copied())
            }
            None => {
                let fields: BTreeMap<String, &RawValue> = serde_json::from_str(value.get()).ok()?;
                fields.get(part).copied()
            }
        };
        match child {
            Some(child) => value = child,
            None => break,
        }
    }
    // A raw value is a part of the text that it was read from.
    Some(value.get().as_ptr() as usize - text.as_ptr() as usize)
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"a\": [1,\n    {\"b\": 2}],\n  \"c\": {}\n}";

    #[test]
    fn a_field_is_found_by_its_path() {
        let error = error(TEXT, "a[1].b", "wrong".to_owned());
        assert_eq!((error.line, error.column), (3, 11));
    }

    #[test]
    fn a_field_that_is_missing_is_blamed_on_its_parent() {
        let error = error(TEXT, "c.d", "missing".to_owned());
        assert_eq!((error.line, error.column), (4, 8));
    }
}
