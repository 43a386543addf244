//! What may be the name of an object, of a container or of a label (S28 `ValidateObjectMeta`, `ValidateLabels`,
//! `ValidateAnnotations`, with `apimachinery/pkg/util/validation`).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::cursor::{Cursor, Object};
use super::tree::quoted;
use crate::scenario::limits::NAME_MAX;

const LONGEST_LABEL: usize = 63;

/// What a DNS label is, for a message.
pub const LABEL: &str =
    "at most 63 small letters, digits and '-', the first and the last of them a letter or digit";
/// What the name of a Service is, for a message.
const SERVICE: &str =
    "at most 63 small letters, digits and '-', the first a letter, the last a letter or digit";
/// What a DNS subdomain is, for a message.
pub const SUBDOMAIN: &str = "at most 253 small letters, digits, '-' and '.', each part between dots beginning and ending with a letter or digit";
const LONGEST_PORT: usize = 15;
/// What the name of a port is, for a message.
const PORT: &str =
    "at most 15 small letters, digits and '-', with a letter among them, no '-' first, last or after another";
const PORT_NUMBER: &str = "a number without quotes, or a name with a letter in it";
/// What the key of a label is, for a message.
pub const KEY: &str = "at most 63 letters, digits, '-', '_' and '.', the first and the last of them a letter or digit, after a \
                   DNS subdomain and '/' or alone";
/// What the value of a label is, for a message.
pub const VALUE: &str = "nothing, or at most 63 letters, digits, '-', '_' and '.', the first and the last of them a letter or digit";

/// Is it made of `inner` characters, with a letter or digit at either end?
fn is_word(text: &str, inner: fn(char) -> bool, end: fn(char) -> bool) -> bool {
    text.starts_with(end) && text.ends_with(end) && text.chars().all(inner)
}

fn is_small(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// Is it a label of DNS (RFC 1123)?
pub fn is_label(text: &str) -> bool {
    text.len() <= LONGEST_LABEL && is_word(text, |c| is_small(c) || c == '-', is_small)
}

/// Is it a subdomain of DNS (RFC 1123)?
pub fn is_subdomain(text: &str) -> bool {
    let is_part = |part: &str| is_word(part, |c| is_small(c) || c == '-', is_small);
    text.len() <= NAME_MAX && text.split('.').all(is_part)
}

fn is_service_name(text: &str) -> bool {
    is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

fn is_plain(text: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= LONGEST_LABEL
        && is_word(text, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'), end)
}

/// Can it be the key of a label, of an annotation or of a taint (`IsQualifiedName`)?
pub fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_plain(name),
        None => is_plain(text),
    }
}

/// Can it be the name of a port (`IsValidPortName`)?
pub fn is_port_name(text: &str) -> bool {
    text.len() <= LONGEST_PORT
        && is_word(text, |c| is_small(c) || c == '-', is_small)
        && text.contains(|c: char| c.is_ascii_lowercase())
        && !text.contains("--")
}

/// Refuses a name that no port can have (`validateContainerPorts`, `ValidateService`).
pub fn port(cursor: &Cursor<'_>, given: &str) {
    if !is_port_name(given) {
        let is_number = !given.is_empty() && given.chars().all(|c| c.is_ascii_digit());
        let says = format!("is {}", quoted(given));
        cursor.refuse(says, if is_number { PORT_NUMBER } else { PORT });
    }
}

/// Can it be the value of a label?
pub fn is_value(text: &str) -> bool {
    text.is_empty() || is_plain(text)
}

/// Refuses a key that no label can have.
pub fn key(cursor: &Cursor<'_>, given: &str) {
    if !is_key(given) {
        cursor.refuse(format!("is {}", quoted(given)), KEY);
    }
}

/// Refuses a value that no label can have.
pub fn value(cursor: &Cursor<'_>, given: &str) {
    if !is_value(given) {
        cursor.refuse(format!("is {}", quoted(given)), VALUE);
    }
}

/// Refuses labels, or what asks for labels, that no object can have.
pub fn labels(cursor: &Cursor<'_>, given: Option<&BTreeMap<String, String>>) {
    for (key, given) in given.into_iter().flatten() {
        if !is_key(key) {
            cursor.refuse_key(key, format!("{} is no key of a label", quoted(key)), KEY);
        }
        // To look for its place takes long where there are many.
        if !is_value(given) {
            value(&cursor.field(key), given);
        }
    }
}

/// Refuses labels and annotations that no object can have.
pub fn labels_and_annotations(cursor: &Cursor<'_>, given: &meta::ObjectMeta) {
    labels(&cursor.field("labels"), given.labels.as_ref());
    for key in given.annotations.iter().flatten().map(|(key, _)| key) {
        if !is_key(&key.to_lowercase()) {
            let says = format!("{} is no key of an annotation", quoted(key));
            cursor.field("annotations").refuse_key(key, says, KEY);
        }
    }
}

/// Refuses names, labels and annotations that an object of this kind cannot have.
pub fn metadata(object: &Object, given: &meta::ObjectMeta) {
    let cursor = object.cursor().field("metadata");
    let (is_name, accepted): (fn(&str) -> bool, _) = match object.kind.as_str() {
        "Service" => (is_service_name, SERVICE),
        _ => (is_subdomain, SUBDOMAIN),
    };
    let check = |field: &str, given: Option<&String>, is_name: fn(&str) -> bool, accepted: &str| {
        if let Some(given) = given.filter(|given| !given.is_empty() && !is_name(given)) {
            cursor.field(field).refuse(format!("is {}", quoted(given)), accepted);
        }
    };
    check("name", given.name.as_ref(), is_name, accepted);
    check("namespace", given.namespace.as_ref(), is_label, LABEL);
    // What follows is five letters and digits: before them, a name may end with '-'.
    let begin = given.generate_name.as_ref().filter(|begin| !begin.is_empty());
    if begin.is_some_and(|begin| !is_name(&format!("{}a", begin.strip_suffix('-').unwrap_or(begin)))) {
        check("generateName", begin, |_| false, accepted);
    }
    labels_and_annotations(&cursor, given);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_dns() {
        let (label, subdomain) = ("a".repeat(63), "a".repeat(253));
        for (text, as_label, as_service, as_subdomain) in [
            ("web", true, true, true),
            ("web-1", true, true, true),
            ("1web", true, false, true),
            ("shop.web", false, false, true),
            ("shop..web", false, false, false),
            ("-web", false, false, false),
            ("web-", false, false, false),
            ("Web", false, false, false),
            ("WEB_!", false, false, false),
            ("../../x", false, false, false),
            ("wéb", false, false, false),
            ("", false, false, false),
            (label.as_str(), true, true, true),
            (subdomain.as_str(), false, false, true),
            (&"a".repeat(64), false, false, true),
            (&"a".repeat(254), false, false, false),
        ] {
            let is = (is_label(text), is_service_name(text), is_subdomain(text));
            assert_eq!(is, (as_label, as_service, as_subdomain), "{text}");
        }
    }

    #[test]
    fn keys_and_values_are_those_of_labels() {
        for (text, as_key, as_value) in [
            ("app", true, true),
            ("App_1.x", true, true),
            ("example.com/app", true, false),
            ("Example.com/app", false, false),
            ("a/b/c", false, false),
            ("/app", false, false),
            ("app/", false, false),
            ("-app", false, false),
            ("two words", false, false),
            ("", false, true),
            (&"a".repeat(64), false, false),
        ] {
            assert_eq!((is_key(text), is_value(text)), (as_key, as_value), "{text}");
        }
    }
}
