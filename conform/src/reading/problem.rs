//! What is wrong with a log, where, and what would be accepted.

use std::fmt;

/// Something in a log that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; 0 if it is about the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub says: String,
    /// What would be accepted.
    pub accepted: String,
}

impl Problem {
    /// One about a line; line 0 is the file as a whole.
    pub(super) fn new(file: &str, line: u64, says: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, says: says.into(), accepted: accepted.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}; accepted: {}", self.file, self.says, self.accepted),
            line => write!(f, "{}:{line}: {}; accepted: {}", self.file, self.says, self.accepted),
        }
    }
}

impl std::error::Error for Problem {}
