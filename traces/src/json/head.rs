//! What a trace says of itself, read past its steps, which may be many.

use std::io::Read;

use serde::de::IgnoredAny;

use super::{ReadError, not_at_a_place};
use crate::trace::{Trace, VERSION};

/// A trace but for its stem.
pub type Head = Trace<IgnoredAny>;

impl Head {
    /// Reads it. Nothing of the stem is kept, so whether its steps are possible is not looked at.
    ///
    /// # Errors
    /// If this is no trace of this version; [`Trace::from_bytes`] tells in what, and where.
    pub fn read(input: impl Read) -> Result<Self, ReadError> {
        let head: Self = serde_json::from_reader(input).map_err(|error| not_at_a_place(error.to_string()))?;
        match head.version {
            VERSION => Ok(head),
            version => Err(not_at_a_place(format!("version {version}; accepted is {VERSION}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITNESS: &[u8] = include_bytes!("../../corpus/witness/empty-selector-spreads-nothing.json");

    #[test]
    fn a_head_is_all_of_a_trace_but_its_stem() {
        let (head, whole) =
            (Head::read(WITNESS).expect("a trace"), Trace::from_bytes(WITNESS).expect("a trace"));
        assert_eq!((head.title, head.scenario, head.cycle), (whole.title, whole.scenario, whole.cycle));
    }

    #[test]
    fn what_is_no_trace_of_this_version_has_no_head() {
        let text = std::str::from_utf8(WITNESS).expect("UTF-8");
        let newer = text.replacen("\"version\": 1", "\"version\": 99", 1);
        for (text, says) in
            [(&text[..text.len() / 2], "EOF"), (&*newer, "version 99"), ("{}", "missing field")]
        {
            let error = Head::read(text.as_bytes()).expect_err("no trace");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
