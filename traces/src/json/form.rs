//! Has a document the form in which its trace is written? What reads the fields takes more than that: a list of values in the place
//! of an object with fields, or a key twice, of which it keeps the last.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tree::Tree;

/// The first field whose form is another than the one in which it is written, with what would be accepted. Fields that are left out
/// where they say nothing may be there all the same.
pub(super) fn odd(given: &Tree, written: &Value) -> Option<(String, String)> {
    differs(given, written, String::new())
}

/// Why a document is no object, if it is none.
pub(super) fn no_object(given: &Tree) -> Option<String> {
    let wanted = Value::Object(serde_json::Map::new());
    (!matches!(given, Tree::Object(_)))
        .then(|| format!("this is {}; accepted is {}", name(given), kind(&wanted)))
}

fn differs(given: &Tree, written: &Value, path: String) -> Option<(String, String)> {
    match (given, written) {
        (Tree::Object(given), Value::Object(written)) => {
            let mut seen = BTreeSet::new();
            given.iter().find_map(|(key, value)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if !seen.insert(key) {
                    return Some((path, format!("'{key}' stands here twice; accepted is one")));
                }
                differs(value, written.get(key)?, path)
            })
        }
        (Tree::List(given), Value::Array(written)) => given
            .iter()
            .zip(written)
            .enumerate()
            .find_map(|(index, (given, written))| differs(given, written, format!("{path}[{index}]"))),
        (Tree::Null, Value::Null)
        | (Tree::Leaf | Tree::Text(_), Value::Bool(_) | Value::Number(_) | Value::String(_)) => None,
        (given, written) => Some((path, format!("this is {}; accepted is {}", name(given), kind(written)))),
    }
}

const fn name(given: &Tree) -> &'static str {
    match given {
        Tree::Object(_) => "an object",
        Tree::List(_) => "a list",
        Tree::Null => "null",
        Tree::Leaf | Tree::Text(_) => "a single value",
    }
}

const fn kind(written: &Value) -> &'static str {
    match written {
        Value::Object(_) => "an object with the names of its fields",
        Value::Array(_) => "a list",
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(given: &str, written: &Value) -> Option<String> {
        let given: Tree = serde_json::from_str(given).expect("it is JSON");
        odd(&given, written).map(|(field, says)| format!("{field}: {says}"))
    }

    /// An object may have as many fields as the file has room for.
    #[test]
    fn many_keys_are_each_looked_at_once() {
        let labels: serde_json::Map<String, Value> =
            (0..FIELDS).map(|label| (label.to_string(), "x".into())).collect();
        let written = json!({ "labels": labels });
        assert_eq!(says(&written.to_string(), &written), None);
        let twice = written.to_string().replacen("\"7\":", "\"8\":", 1);
        assert_eq!(
            says(&twice, &written).as_deref(),
            Some("labels.8: '8' stands here twice; accepted is one")
        );
    }

    /// Each beside each other one would take minutes.
    const FIELDS: usize = 200_000;

    #[test]
    fn a_list_is_no_object_and_a_key_stands_once() {
        let written = json!({ "a": { "b": 1, "c": [null, "x"] } });
        assert_eq!(says(r#"{"a": {"b": 2, "c": [null, "y"], "left-out": {}}}"#, &written), None);
        for (given, expected) in [
            (r#"{"a": [1, []]}"#, "a: this is a list; accepted is an object with the names of its fields"),
            (r#"{"a": {"b": 1, "b": 1}}"#, "a.b: 'b' stands here twice; accepted is one"),
            (r#"{"a": {"c": [null, {"x": null}]}}"#, "a.c[1]: this is an object; accepted is a text"),
            (r#"{"a": {"c": null}}"#, "a.c: this is null; accepted is a list"),
        ] {
            assert_eq!(says(given, &written).as_deref(), Some(expected), "{given}");
        }
    }
}
