//! A reproducer: an input on which a case of the harness fails that follows no path through a scenario, with what happens on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::json::{self, Fault, ReadError};
use crate::plain::{plain, plain_line};
use crate::trace::VERSION;

/// An input that fails, and what is to be known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reproducer {
    /// The version of the format.
    pub version: u32,
    /// The case that fails: the name of its fuzz target.
    pub case: String,
    /// The check that fails: where in the source it stands.
    pub check: String,
    /// What is wrong.
    pub says: String,
    /// What happens up to there, a line for each step; what is told over several lines has as many.
    pub happens: Vec<String>,
    /// The input as libFuzzer keeps it, in base64.
    pub input: String,
}

impl Reproducer {
    /// Of this input, on which `check` of `case` fails.
    pub fn new(case: &str, check: &str, says: &str, happens: Vec<String>, input: &[u8]) -> Self {
        Self {
            version: VERSION,
            case: case.to_owned(),
            check: check.to_owned(),
            says: says.to_owned(),
            happens,
            input: STANDARD.encode(input),
        }
    }

    /// The input.
    ///
    /// # Errors
    /// If it is no base64, which none is that was read.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        STANDARD.decode(&self.input).map_err(|error| error.to_string())
    }

    /// As a JSON document that ends in a newline.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("it has fields, lists and texts alone");
        text + "\n"
    }

    /// Reads a reproducer.
    ///
    /// # Errors
    /// The place, the field and what would be accepted: if the text is not JSON, is of another version, has a field that is
    /// missing, unknown or of another type, or its input is no base64.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        let read: Self = json::read(text)?;
        match read.bytes() {
            Ok(_) => Ok(read),
            Err(error) => {
                let message = format!("{error}; accepted are the bytes of an input in base64");
                Err(ReadError { fault: Fault::Content, ..json::error(text, "input", message) })
            }
        }
    }

    /// What is wrong, and what happens up to there, for a terminal.
    pub fn story(&self) -> String {
        let Self { case, check, says, happens, .. } = self;
        let mut story = format!("a finding of the case {} at {}\n\n", plain(case), plain(check));
        let lines =
            |text: &str| text.lines().map(|line| format!("  {}\n", plain_line(line))).collect::<String>();
        story += &lines(says);
        story += "\nwhat happens up to there:\n\n";
        story += &match happens.is_empty() {
            true => "  nothing is told\n".to_owned(),
            false => happens.iter().map(|line| lines(line)).collect(),
        };
        story
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reproducer() -> Reproducer {
        let happens = vec!["0.000 s: outside: Create".to_owned(), "0.100 s: kubelet sync".to_owned()];
        Reproducer::new("kubelet", "harness/src/a.rs:1:2", "app runs twice", happens, &[0, 255, 7])
    }

    #[test]
    fn what_is_written_is_read() {
        let written = reproducer().to_json();
        let read = Reproducer::from_json(&written).expect("it was written");
        assert_eq!((&read, read.bytes()), (&reproducer(), Ok(vec![0, 255, 7])));
    }

    #[test]
    fn what_is_no_reproducer_is_refused_with_its_place() {
        let written = reproducer().to_json();
        for (from, to, field, says) in [
            ("\"AP8H\"", "\"AP8\"", "input", "accepted are the bytes of an input in base64"),
            ("\"version\": 1", "\"version\": 2", "version", "accepted is 1"),
            ("\"check\"", "\"checks\"", "checks", "accepted"),
            ("\"happens\": [", "\"happens\": [[],", "happens[0]", "accepted"),
        ] {
            assert!(written.contains(from), "{from}: {written}");
            let error = Reproducer::from_json(&written.replace(from, to)).expect_err(from);
            assert_eq!(error.field, field, "{error}");
            assert!(error.line > 0 && error.message.contains(says), "{error}");
        }
        let twice = written.replace("\"case\"", "\"says\": \"\", \"case\"");
        let error = Reproducer::from_json(&twice).expect_err("a key twice");
        assert!(error.to_string().contains("says"), "{error}");
    }

    #[test]
    fn nothing_in_a_story_steers_a_terminal() {
        let mut told = reproducer();
        told.says = "red \u{1b}[31m\nsecond".to_owned();
        let story = told.story();
        assert!(story.contains("  red \\u{1b}[31m\n  second\n"), "{story}");
        assert!(story.contains("  0.000 s: outside: Create\n  0.100 s: kubelet sync\n"), "{story}");
        told.happens.clear();
        assert!(told.story().contains("nothing is told"));
    }
}
