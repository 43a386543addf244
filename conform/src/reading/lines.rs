//! A file as lines, one at a time, whether it is compressed or not.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use super::problem::Problem;
use crate::record::Place;

/// The longest line that is read, in bytes: the API server refuses objects over 1.5 MiB, a watch begins with many of them.
pub(super) const LONGEST: usize = 64 << 20;

/// How a file begins that gzip has made, whatever its name.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The lines of a file that say something.
pub(super) struct Lines {
    file: Rc<str>,
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
    ended: bool,
}

impl Lines {
    /// Opens a file; problems call it `name`.
    pub(super) fn open(path: &Path, name: Rc<str>) -> Result<Self, Problem> {
        let unreadable =
            |error: std::io::Error| Problem::new(&name, 0, error.to_string(), "a file that can be read");
        let mut input = BufReader::with_capacity(1 << 16, File::open(path).map_err(unreadable)?);
        let is_gzip = input.fill_buf().map_err(unreadable)?.starts_with(&GZIP);
        let input: Box<dyn BufRead> =
            if is_gzip { Box::new(BufReader::new(MultiGzDecoder::new(input))) } else { Box::new(input) };
        Ok(Self::over(input, name))
    }

    /// The lines of any input.
    pub(super) fn over(input: Box<dyn BufRead>, file: Rc<str>) -> Self {
        Self { file, input, line: Vec::new(), number: 0, ended: false }
    }

    /// Where the line stands that was read last.
    pub(super) fn place(&self) -> Place {
        Place { file: Rc::clone(&self.file), line: self.number }
    }

    /// The next line that is not empty. After a problem of the file itself there is none.
    pub(super) fn next(&mut self) -> Option<Result<&[u8], Problem>> {
        while !self.ended {
            self.line.clear();
            self.number += 1;
            let mut input = (&mut self.input).take(LONGEST as u64 + 1);
            let read = match input.read_until(b'\n', &mut self.line) {
                Ok(read) => read,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(self.problem(error.to_string(), "a file that can be read to its end")));
                }
            };
            if read > LONGEST {
                self.ended = true;
                let accepted = format!("lines of at most {} MiB", LONGEST >> 20);
                return Some(Err(self.problem("the line is too long", accepted)));
            }
            if read == 0 {
                self.ended = true;
            } else if !self.line.trim_ascii().is_empty() {
                return Some(Ok(self.line.trim_ascii()));
            }
        }
        None
    }

    /// A problem with the line that was read last.
    fn problem(&self, says: impl Into<String>, accepted: impl Into<String>) -> Problem {
        Problem::new(&self.file, self.number, says, accepted)
    }
}

/// One line as what it is.
pub(super) fn parse<'a, T: Deserialize<'a>>(
    line: &'a [u8],
    place: &Place,
    accepted: &str,
) -> Result<T, Problem> {
    serde_json::from_slice(line).map_err(|error| {
        let says = match error.classify() {
            serde_json::error::Category::Eof => "the line is cut off".to_owned(),
            _ => error.to_string(),
        };
        Problem::new(&place.file, place.line, says, accepted)
    })
}
