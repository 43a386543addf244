//! The files of a recording.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use podproof_conform::record::Micros;

/// Which files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The audit log alone.
    Audit,
    /// All of them.
    All,
    /// All of them, by an audit policy of level Request: without the answers of the API server.
    Requests,
}

/// The name of the audit log.
const AUDIT: &str = "audit.jsonl";

/// What recorders of a cluster have written down.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Lines by the name of their file, with when they were written down.
    files: BTreeMap<String, Vec<(Micros, Value)>>,
}

impl Recording {
    /// A file is there, if only as an empty one.
    pub(super) fn open(&mut self, file: &str) {
        self.files.entry(file.to_owned()).or_default();
    }

    /// A line is written down.
    pub(super) fn note(&mut self, file: &str, at: Micros, line: Value) {
        self.files.entry(file.to_owned()).or_default().push((at, line));
    }

    /// There is an audit log, if only an empty one.
    pub(super) fn audit_is_kept(&mut self) {
        self.open(AUDIT);
    }

    /// An event of the audit log, answered at this moment.
    pub(super) fn audit(&mut self, answered: Micros, event: Value) {
        self.note(AUDIT, answered, event);
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }

    /// The lines of a file, in the order in which they were written down.
    fn lines(&self, file: &str) -> Vec<&Value> {
        let mut lines: Vec<_> = self.files.get(file).into_iter().flatten().collect();
        lines.sort_by_key(|(at, _)| *at);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// Writes the files into a folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, folder: &Path, which: Which) -> io::Result<()> {
        for name in self.files.keys().filter(|name| which != Which::Audit || *name == AUDIT) {
            let mut file = io::BufWriter::new(fs::File::create(folder.join(name))?);
            for line in self.lines(name) {
                match which == Which::Requests && name == AUDIT {
                    true => serde_json::to_writer(&mut file, &without_answer(line))?,
                    false => serde_json::to_writer(&mut file, line)?,
                }
                file.write_all(b"\n")?;
            }
            file.flush()?;
        }
        Ok(())
    }
}

fn without_answer(event: &Value) -> Value {
    let mut event = event.clone();
    event["level"] = "Request".into();
    if let Some(members) = event.as_object_mut() {
        members.remove("responseObject");
    }
    event
}
