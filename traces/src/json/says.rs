//! What the reader of the fields says, in the words of this crate: what is wrong, and what would be accepted.

/// The words for a message of `serde` and `serde_json`, without the place that it may end in.
pub(super) fn in_words(message: &str) -> String {
    let cases = [missing, unknown, twice, unexpected, of_syntax];
    cases.into_iter().find_map(|case| case(message)).unwrap_or_else(|| message.to_owned())
}

/// ``missing field `name` ``
fn missing(message: &str) -> Option<String> {
    let (name, _) = quoted(message.strip_prefix("missing field ")?)?;
    Some(format!("the field '{name}' is missing"))
}

/// ``unknown field `name`, expected one of `a`, `b` ``, and the same of variants.
fn unknown(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown ")?;
    let (what, rest) = rest.split_once(' ')?;
    // A name may hold what it is quoted with, and what is accepted stands last.
    let ends = ["`, expected ", "`, there are no "];
    let (name, rest) = ends.iter().find_map(|end| rest.strip_prefix('`')?.rsplit_once(end))?;
    let name: String =
        name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    let accepted: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let accepted = match &accepted[..] {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let are = if accepted.contains(", ") { "are" } else { "is" };
    Some(match what {
        "field" => format!("there is no field '{name}'; accepted {are} {accepted}"),
        _ => format!("there is no '{name}' here; accepted {are} {accepted}"),
    })
}

/// ``duplicate field `name` ``
fn twice(message: &str) -> Option<String> {
    let (name, _) = quoted(message.strip_prefix("duplicate field ")?)?;
    Some(format!("the field '{name}' stands here twice; accepted is one"))
}

/// `invalid type: string "four", expected u8`, and the same of values and lengths.
fn unexpected(message: &str) -> Option<String> {
    let rest = message.strip_prefix("invalid ")?;
    let (_, rest) = rest.split_once(' ')?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    Some(format!("this is {}; accepted is {}", found_in_words(found), expected_in_words(expected)))
}

/// What is said of a value that is JSON and no name with what belongs to it.
fn of_syntax(message: &str) -> Option<String> {
    let says = match message {
        "trailing characters" => "there is more here than is accepted",
        _ if message.starts_with("expected ") => {
            "this is none of its names; accepted is one, or an object with one as its only key"
        }
        _ => return None,
    };
    Some(says.to_owned())
}

/// What was found, as `string "four"`.
fn found_in_words(found: &str) -> String {
    if let Ok(length) = found.parse::<usize>() {
        return format!("a list of {length}");
    }
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let value = value.trim_matches('`');
    match (kind, value) {
        ("string", value) => format!("the text {value}"),
        ("integer", value) => format!("the number {value}"),
        ("floating", _) => {
            format!("the number {}", found.rsplit(' ').next().unwrap_or_default().trim_matches('`'))
        }
        ("boolean", value) => value.to_owned(),
        ("sequence", _) => "a list".to_owned(),
        ("map", _) => "an object".to_owned(),
        ("unit", _) => "null".to_owned(),
        _ => found.to_owned(),
    }
}

/// What would be accepted, as `u8`.
fn expected_in_words(expected: &str) -> String {
    let numbers = [("u8", "255"), ("u16", "65535"), ("u32", "4294967295"), ("u64", "18446744073709551615")];
    if let Some((_, most)) = numbers.into_iter().find(|(name, _)| *name == expected) {
        return format!("a whole number from 0 to {most}");
    }
    match expected.split_once(' ') {
        _ if expected == "i8" => "a whole number from -128 to 127".to_owned(),
        _ if expected == "a boolean" => "true or false".to_owned(),
        _ if expected == "a string" => "a text".to_owned(),
        _ if expected == "a map" => "an object".to_owned(),
        _ if expected == "a sequence" => "a list".to_owned(),
        Some(("a", tuple)) if tuple.starts_with("tuple of size ") => {
            tuple.replace("tuple of size", "a list of")
        }
        Some(("struct", _)) => "an object with the names of its fields".to_owned(),
        Some(("enum", _)) => "one of its names, or an object with one as its key".to_owned(),
        _ => expected.to_owned(),
    }
}

/// A name in backquotes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('`')?.split_once('`')
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn what_is_wrong_is_said_in_words() {
        for (message, says) in [
            ("missing field `kind`", "the field 'kind' is missing"),
            (
                "unknown field `tock`, expected one of `tick`, `reads`",
                "there is no field 'tock'; accepted are tick, reads",
            ),
            ("unknown field `x`, expected `pod`", "there is no field 'x'; accepted is pod"),
            ("unknown field `x`, there are no fields", "there is no field 'x'; accepted is none"),
            (
                "unknown field `a`b\nc`, expected `d`, expected one of `tick`, `reads`",
                "there is no field 'a`b\u{fffd}c`, expected `d'; accepted are tick, reads",
            ),
            (
                "unknown variant `tock`, expected one of `tick`, `drain`",
                "there is no 'tock' here; accepted are tick, drain",
            ),
            ("duplicate field `tick`", "the field 'tick' stands here twice; accepted is one"),
            (
                "invalid type: string \"four\", expected u8",
                "this is the text \"four\"; accepted is a whole number from 0 to 255",
            ),
            (
                "invalid value: integer `300`, expected u8",
                "this is the number 300; accepted is a whole number from 0 to 255",
            ),
            (
                "invalid type: floating point `1.5`, expected u32",
                "this is the number 1.5; accepted is a whole number from 0 to 4294967295",
            ),
            ("invalid type: null, expected a sequence", "this is null; accepted is a list"),
            ("invalid type: map, expected a string", "this is an object; accepted is a text"),
            ("invalid type: sequence, expected a boolean", "this is a list; accepted is true or false"),
            ("invalid length 1, expected a tuple of size 2", "this is a list of 1; accepted is a list of 2"),
            ("trailing characters", "there is more here than is accepted"),
            (
                "expected value",
                "this is none of its names; accepted is one, or an object with one as its only key",
            ),
            ("'yes' is no digest", "'yes' is no digest"),
        ] {
            assert_eq!(in_words(message), says);
        }
    }
}
