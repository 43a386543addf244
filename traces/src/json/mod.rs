//! A trace as a JSON document: written with a line for each step and each part of the scenario, read strictly.

mod form;
pub mod head;
mod lawful;
mod place;
mod says;
mod tree;
mod write;

use std::cell::RefCell;
use std::{fmt, io};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::trace::{Trace, TraceStep, VERSION};
pub(crate) use place::error;
use tree::Tree;

/// What a text lacks to be a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no JSON document.
    Text,
    /// It has not the form that the schema says.
    Form,
    /// It has the form, and no search can have written it.
    Content,
}

/// Why a text is not a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// What it lacks.
    pub fault: Fault,
    /// The line, from 1 on; 0 if no place in the text is to blame.
    pub line: usize,
    /// The column, from 1 on; 0 if no place in the text is to blame.
    pub column: usize,
    /// The field, as `stem[3].action`; empty if none is to blame.
    pub field: String,
    /// What is wrong, and what would be accepted.
    pub message: String,
}

/// Characters of a field that are shown.
const FIELD_MAX: usize = 100;

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        if !self.field.is_empty() {
            // No field of a trace lies so deep.
            let shown: String = self.field.chars().take(FIELD_MAX).collect();
            let more = if shown.len() < self.field.len() { "…" } else { "" };
            write!(f, "{shown}{more}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

/// What every version of the format has.
#[derive(Deserialize)]
struct Versioned {
    version: Option<u32>,
}

/// What is written as a list, once.
struct Once<I>(RefCell<Option<I>>);

impl<I: Iterator<Item = TraceStep>> Serialize for Once<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten())
    }
}

impl Trace {
    /// Writes the trace with these steps in place of its stem, each as soon as it is there.
    ///
    /// # Errors
    /// If `out` does not take it.
    pub fn write_json_along(
        &self,
        stem: impl Iterator<Item = TraceStep>,
        out: impl io::Write,
    ) -> io::Result<()> {
        let Self {
            version,
            title,
            lesson,
            manifest,
            origin,
            remedy,
            property,
            kind,
            obligation,
            observed_proxy,
            followed,
            log,
            called,
            scenario,
            stem: _,
            cycle,
        } = self.clone();
        let stem = Once(RefCell::new(Some(stem)));
        let trace = Trace {
            version,
            title,
            lesson,
            manifest,
            origin,
            remedy,
            property,
            kind,
            obligation,
            observed_proxy,
            followed,
            log,
            called,
            scenario,
            stem,
            cycle,
        };
        write::document(&trace, out)
    }

    /// The trace as a JSON document, one line for each step, that ends in a newline.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        write::document(self, &mut out)
            .expect("memory takes it, and a trace has no map with keys that are not strings");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    /// Writes the same document, part by part.
    ///
    /// # Errors
    /// If `out` does not take it.
    pub fn write_json(&self, out: impl io::Write) -> io::Result<()> {
        write::document(self, out)
    }

    /// Reads a trace from the bytes of a file, whatever they are.
    ///
    /// # Errors
    /// The place of the first byte that is not UTF-8; or as [`Trace::from_json`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReadError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::from_json(text),
            Err(error) => Err(place::not_utf8(bytes, error.valid_up_to())),
        }
    }

    /// Reads a trace.
    ///
    /// # Errors
    /// The place, the field and what would be accepted: if the text is not JSON, is of another version, has a field that
    /// is missing, unknown or of another type, or holds a scenario that no search can have.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        let (trace, given) = of_this_version::<Self>(text)?;
        match lawful::check(&trace, &given) {
            Some((field, message)) => {
                Err(ReadError { fault: Fault::Content, ..error(text, &field, message) })
            }
            None => Ok(trace),
        }
    }
}

/// Reads a document of this version that has the form in which it is written.
///
/// # Errors
/// The place, the field and what would be accepted.
pub(crate) fn read<T: DeserializeOwned + Serialize>(text: &str) -> Result<T, ReadError> {
    of_this_version(text).map(|(read, _)| read)
}

fn of_this_version<T: DeserializeOwned + Serialize>(text: &str) -> Result<(T, Tree), ReadError> {
    let given: Tree = parse(text, Fault::Text)?;
    if let Some(message) = form::no_object(&given) {
        return Err(error(text, "", message));
    }
    let versioned: Versioned = parse(text, Fault::Form)?;
    match versioned.version {
        Some(VERSION) => {}
        Some(version) => {
            let message = format!(
                "this is version {version} of the trace format; accepted is {VERSION} (another release of podproof wrote it)"
            );
            return Err(error(text, "version", message));
        }
        None => {
            let message = format!("there is no field 'version'; accepted is a trace of version {VERSION}");
            return Err(error(text, "", message));
        }
    }
    let read: T = parse(text, Fault::Form)?;
    let written = serde_json::to_value(&read).map_err(|error| not_at_a_place(error.to_string()))?;
    match form::odd(&given, &written) {
        Some((field, message)) => Err(error(text, &field, message)),
        None => Ok((read, given)),
    }
}

fn not_at_a_place(message: String) -> ReadError {
    ReadError { fault: Fault::Form, line: 0, column: 0, field: String::new(), message }
}

/// Reads a text, of which an error says that it is no JSON, or, where that is known not to be so, that it has another form.
fn parse<'t, T: Deserialize<'t>>(text: &'t str, fault: Fault) -> Result<T, ReadError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut reader).and_then(|value| {
        // The path of what follows the document is the document itself.
        reader.end().map(|()| value).map_err(|error| serde_path_to_error::Error::new(root(), error))
    });
    parsed.map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        let inner = error.into_inner();
        let (line, column) = (inner.line(), inner.column());
        let message = inner.to_string();
        let message = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
        if fault != Fault::Text {
            return place::error_at(text, &field, says::in_words(message), (line, column));
        }
        // What is wrong at the end of a line is told of the next one, before its first character.
        let column = column.max(usize::from(line > 0));
        ReadError {
            fault: Fault::Text,
            line,
            column,
            field,
            message: format!(
                "this cannot be read as JSON: {message}; accepted is a trace, as `podproof check` writes them"
            ),
        }
    })
}

fn root() -> serde_path_to_error::Path {
    serde_path_to_error::Track::new().path()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        let error = Trace::from_json("{\n  \"version\": 1,,\n}").expect_err("two commas");
        assert_eq!((error.line, error.column), (2, 16), "{error}");
        assert!(error.to_string().contains("this cannot be read as JSON"), "{error}");
    }

    #[test]
    fn a_field_that_lies_deep_is_not_spelled_out() {
        let error = Trace::from_json(&"[".repeat(1_000)).expect_err("no trace").to_string();
        assert!(error.contains("…: this cannot be read as JSON") && error.len() < 300, "{error}");
    }

    #[test]
    fn a_document_without_a_version_is_no_trace() {
        let error = Trace::from_json("{\"steps\": []}").expect_err("another document");
        assert!(error.to_string().contains("version 1"), "{error}");
    }

    #[test]
    fn a_document_that_is_no_object_is_no_trace() {
        for (text, what) in [("[]", "a list"), ("null", "null"), ("1", "a single value")] {
            let says = Trace::from_json(text).expect_err(what).to_string();
            let expected = "accepted is an object with the names of its fields";
            assert_eq!(says, format!("line 1, column 1: this is {what}; {expected}"));
        }
    }

    #[test]
    fn what_follows_the_document_is_refused() {
        let error = Trace::from_json("{\"version\": 1} {}").expect_err("two documents");
        assert!(error.to_string().contains("trailing characters"), "{error}");
    }
}
