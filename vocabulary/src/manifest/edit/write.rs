//! Values as YAML.

use super::Value;

/// Columns that each level is further in.
pub const STEP: usize = 2;

/// A field in lines of their own, so many columns in, each ended by a line break.
pub fn block(name: &str, value: &Value, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let name = key(name, false);
    match value {
        Value::Plain(text) => format!("{margin}{name}: {text}\n"),
        Value::Fields(fields) => {
            let within = fields.iter().map(|(name, value)| block(name, value, indent + STEP));
            format!("{margin}{name}:\n{}", within.collect::<String>())
        }
        Value::List(items) => {
            let within = items.iter().map(|value| item(value, indent + STEP));
            format!("{margin}{name}:\n{}", within.collect::<String>())
        }
    }
}

/// An item of a list in lines of its own.
pub fn item(value: &Value, indent: usize) -> String {
    let margin = " ".repeat(indent);
    match value {
        Value::Fields(fields) => {
            let lines: String =
                fields.iter().map(|(name, value)| block(name, value, indent + STEP)).collect();
            format!("{margin}- {}", lines.trim_start())
        }
        other => format!("{margin}- {}\n", flow(other, false)),
    }
}

/// A value in one line.
pub fn flow(value: &Value, quoted: bool) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Plain(text) if quoted && !is_of_json(text) => format!("\"{text}\""),
        Value::Plain(text) => text.clone(),
        Value::List(items) => format!("[{}]", list(items.iter().map(|item| flow(item, quoted)).collect())),
        Value::Fields(fields) => {
            let field =
                |(name, value): &(String, Value)| format!("{}: {}", key(name, quoted), flow(value, quoted));
            format!("{{{}}}", list(fields.iter().map(field).collect()))
        }
    }
}

/// A key in one line; quoted, too, where it would be read as something else than a text.
pub fn key(name: &str, quoted: bool) -> String {
    if quoted || !is_text(name) { format!("\"{name}\"") } else { name.to_owned() }
}

/// Is this a text without quotes, whichever YAML it is read as (1.1: type `bool` knows `on`, `y` and others)?
fn is_text(name: &str) -> bool {
    const OTHERS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !OTHERS.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// JSON writes it without quotes, or it is quoted.
fn is_of_json(text: &str) -> bool {
    text.starts_with('"') || matches!(text, "true" | "false" | "null") || text.parse::<f64>().is_ok()
}
