//! A file as lines, one at a time, whether it is compressed or not.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::problem::Problem;
use crate::record::Place;

/// The longest line that is read, in bytes: the API server refuses objects over 1.5 MiB, a watch begins with many of them.
pub(super) const LONGEST: usize = 64 << 20;

/// How a file begins that gzip has made, whatever its name.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What some editors and shells put in front of a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

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

    /// The next line that is not empty. Zeros before it are left out: a file that is cut to nothing while somebody writes to it goes on behind
    /// as many (`copytruncate` of logrotate). After a problem of the file itself there is none, and a last line that is only begun is none: it
    /// was being written as the file was copied.
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
            if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
                self.line.drain(..BYTE_ORDER_MARK.len());
            }
            if self.line.first() == Some(&0) {
                let zeros = self.line.iter().take_while(|&&byte| byte == 0).count();
                self.line.drain(..zeros);
            }
            let is_last = !self.line.ends_with(b"\n");
            if read == 0 || is_last && self.number > 1 && is_begun(&self.line) {
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

/// Is it JSON that is cut off?
fn is_begun(line: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

/// Does a file end in a line that is only begun, behind others? Of one that is compressed nothing is said.
pub(super) fn is_cut_off(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut end = Vec::new();
    for size in [1, LONGEST as u64] {
        end.clear();
        file.seek(SeekFrom::Start(length.saturating_sub(size)))?;
        (&mut file).take(size).read_to_end(&mut end)?;
        if end.is_empty() || end.ends_with(b"\n") {
            return Ok(false);
        }
    }
    let last = end.iter().rposition(|&byte| byte == b'\n').map(|at| &end[at + 1..]);
    Ok(last.is_some_and(|last| !last.trim_ascii().is_empty() && is_begun(last)))
}

/// One line as what it is.
pub(super) fn parse<'a, T: Deserialize<'a>>(
    line: &'a [u8],
    place: &Place,
    accepted: &str,
) -> Result<T, Problem> {
    serde_json::from_slice(line).map_err(|error| {
        let says = match error.classify() {
            serde_json::error::Category::Eof if place.line == 1 => {
                "the line is cut off, or goes on in the next (`jq -c .` writes a document in one)".to_owned()
            }
            serde_json::error::Category::Eof => "the line is cut off".to_owned(),
            _ => error.to_string(),
        };
        Problem::new(&place.file, place.line, says, accepted)
    })
}
