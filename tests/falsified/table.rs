//! What was found out, kind by kind and recording by recording.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::judge::Found;
use crate::kinds::kinds;
use crate::known::{KNOWN_ACCEPTED, Known, NEEDS_ANSWERS};

/// A recording, falsified in one way.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The name of the kind.
    pub kind: &'static str,
    /// The recording.
    pub recording: String,
    /// The file and the line that must be unexplained.
    pub place: (String, u64),
    /// What was found.
    pub found: Found,
    /// What was found in the audit log alone, if it is enough for this kind, and lawful without the lie.
    pub alone: Option<Found>,
    /// What was found in all files without the answers of the API server, if they tell the lie.
    pub asked: Option<Found>,
}

impl Cell {
    fn number(&self) -> &str {
        self.recording.split('-').next().unwrap_or_default()
    }

    /// It was found out, with all files and without.
    fn is_out(&self) -> bool {
        self.found == Found::Out && self.alone.as_ref().is_none_or(|found| *found == Found::Out)
    }

    fn is_known(&self, known: &Known) -> bool {
        known.kind == self.kind && (known.of.is_empty() || known.of.contains(&self.number()))
    }
}

/// All of it.
pub struct Table {
    /// Each recording and each kind that it has what it takes for.
    pub cells: Vec<Cell>,
}

impl Table {
    /// The recordings in it.
    pub fn recordings(&self) -> BTreeSet<&str> {
        self.cells.iter().map(|cell| cell.recording.as_str()).collect()
    }

    /// What was found in this recording.
    pub fn of<'t>(&'t self, recording: &'t str) -> impl Iterator<Item = &'t Cell> {
        self.cells.iter().filter(move |cell| cell.recording == recording)
    }

    /// What was not found out and is not known, in words.
    pub fn unknown(&self, known: &[Known]) -> Vec<String> {
        let cells = self.cells.iter().filter(|cell| !cell.is_out());
        let unknown = cells.filter(|cell| !known.iter().any(|known| cell.is_known(known)));
        unknown
            .map(|cell| {
                let Cell { kind, recording, place: (file, line), found, alone, .. } = cell;
                format!("{recording} {kind}, {file}:{line}: {found:?}; with the audit log alone: {alone:?}")
            })
            .collect()
    }

    /// What is known and was found out after all.
    pub fn stale<'k>(&self, known: &'k [Known]) -> Vec<&'k str> {
        let is_stale = |known: &&Known| {
            let found = |number: Option<&str>| {
                self.cells.iter().any(|cell| {
                    cell.is_known(known)
                        && !cell.is_out()
                        && number.is_none_or(|number| cell.number() == number)
                })
            };
            match known.of {
                [] => !found(None),
                of => !of.iter().all(|number| found(Some(number))),
            }
        };
        known.iter().filter(is_stale).map(|known| known.kind).collect()
    }

    /// How often each letter stands in one of the columns.
    fn counts<'t>(&'t self, found: impl Fn(&'t Cell) -> Option<&'t Found>) -> BTreeMap<char, usize> {
        let mut counts = BTreeMap::new();
        for found in self.cells.iter().filter_map(found) {
            *counts.entry(found.letter()).or_default() += 1;
        }
        counts
    }

    /// What is accepted without the answers and not with them: the numbers of the recordings, by kind.
    pub fn needs_answers(&self) -> BTreeMap<&'static str, Vec<&str>> {
        let mut kinds: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        let accepted = |found: &Found| *found == Found::Accepted;
        let needs = |cell: &&Cell| cell.asked.as_ref().is_some_and(accepted) && !accepted(&cell.found);
        for cell in self.cells.iter().filter(needs) {
            kinds.entry(cell.kind).or_default().push(cell.number());
        }
        kinds
    }
}

impl fmt::Display for Table {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            to,
            "Falsified recordings, kind by kind: with all files, with the audit log alone, and with all files but no answers (level Request)."
        )?;
        writeln!(
            to,
            "x unexplained at the entry that lies, e at another entry, A accepted, ? a bound came first"
        )?;
        writeln!(to)?;
        let recordings = self.recordings();
        let numbers = recordings.iter().map(|name| name.split('-').next().unwrap_or_default());
        writeln!(to, "{:46} {}", "", numbers.collect::<Vec<_>>().join("  "))?;
        for kind in kinds() {
            let cell = |recording: &str| {
                self.cells.iter().find(|cell| cell.kind == kind.name && cell.recording == recording)
            };
            let letters = recordings.iter().map(|recording| {
                let Some(cell) = cell(recording) else { return " . ".to_owned() };
                let letter = |found: &Option<Found>| found.as_ref().map_or(' ', Found::letter);
                format!("{}{}{}", cell.found.letter(), letter(&cell.alone), letter(&cell.asked))
            });
            let row = format!("{:46} {}", kind.name, letters.collect::<Vec<_>>().join(" "));
            writeln!(to, "{}", row.trim_end())?;
        }
        let count = |counts: &BTreeMap<char, usize>, letter| counts.get(&letter).copied().unwrap_or_default();
        writeln!(to)?;
        let columns = [
            ("with all files", self.counts(|cell| Some(&cell.found))),
            ("with the audit log alone", self.counts(|cell| cell.alone.as_ref())),
            ("with all files but no answers", self.counts(|cell| cell.asked.as_ref())),
        ];
        for (what, counts) in columns {
            let total: usize = counts.values().sum();
            let (out, elsewhere) = (count(&counts, 'x'), count(&counts, 'e'));
            let (accepted, unsure) = (count(&counts, 'A'), count(&counts, '?'));
            writeln!(
                to,
                "{total} falsified {what}: {out} found out where they lie, {elsewhere} elsewhere, {accepted} accepted, {unsure} unsure"
            )?;
        }
        writeln!(to, "\nNot found out, and why:")?;
        for known in KNOWN_ACCEPTED {
            writeln!(to, "{} {}: {}", known.kind, known.of.join(" "), known.why)?;
        }
        writeln!(to, "\nAccepted without the answers, and not with them:")?;
        for (kind, recordings) in self.needs_answers() {
            let why = NEEDS_ANSWERS.iter().find(|(known, _)| *known == kind).map_or("", |(_, why)| why);
            writeln!(to, "{kind} {}: {why}", recordings.join(" "))?;
        }
        writeln!(to, "\nWhat each tells, and where it must be found out:")?;
        for kind in kinds() {
            writeln!(to, "{}: {}; {}", kind.name, kind.tells, kind.shows)?;
        }
        Ok(())
    }
}
