//! A falsified recording, written to a folder and judged.

use std::path::PathBuf;

use podproof_conform::reading::Log;
use podproof_conform::report::{Options, Verdict, Wrong};
use podproof_conform::run;

use crate::recording::Recording;

/// What is said of a falsified recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is unexplained, at the entry at which it must be.
    Out,
    /// It is unexplained at another entry: its file and line, and what is said of it.
    Elsewhere(String),
    /// It is taken for lawful.
    Accepted,
    /// A bound on states came first.
    Unsure,
}

impl Found {
    /// A letter for a table.
    pub fn letter(&self) -> char {
        match self {
            Self::Out => 'x',
            Self::Elsewhere(_) => 'e',
            Self::Accepted => 'A',
            Self::Unsure => '?',
        }
    }
}

/// Is the recording lawful? If it is not, where and why.
pub fn is_lawful(recording: &Recording) -> Result<(), String> {
    match judge(recording, None) {
        Found::Accepted => Ok(()),
        Found::Elsewhere(place) => Err(place),
        found => Err(format!("{found:?}")),
    }
}

/// What is said of a recording in which something is wrong with the line `wrong`.
pub fn judge(recording: &Recording, wrong: Option<usize>) -> Found {
    let folder = tempfile::tempdir().expect("a temporary folder");
    recording.write(folder.path());
    let log = Log::find(&[PathBuf::from(folder.path())]).expect("a log");
    let report = match run::run(&log, &Options::default(), |_| {}) {
        Ok(report) => report,
        Err(Wrong::NoWrites) => panic!("{}: each recording has an audit log", recording.name),
        Err(Wrong::Disk(says) | Wrong::SeveralClusters(says)) => {
            panic!("{}: {says}", recording.name)
        }
        Err(Wrong::Log(problem)) => panic!("{}: {problem}", recording.name),
        Err(Wrong::Manifests(problems)) => panic!("{}: {problems:?}", recording.name),
    };
    if report.verdict() == Verdict::Lawful {
        return Found::Accepted;
    }
    let Some(first) = report.first_unexplained() else { return Found::Unsure };
    if first.unsure {
        return Found::Unsure;
    }
    let file = first.place.file.rsplit('/').next().unwrap_or_default().to_owned();
    if wrong.is_some_and(|wrong| recording.place(wrong) == (file.clone(), first.place.line)) {
        return Found::Out;
    }
    Found::Elsewhere(format!("{file}:{} {}: {}", first.place.line, first.seen, first.why))
}
