//! The rows of a timeline, on disk: an entry each, in the order of time, and which steps stand with it.

use std::collections::BTreeMap;

use podproof_conform::record::Micros;
use podproof_conform::spool::{Pack, Record, Spool, Unpack, sorted};
use podproof_vocabulary::action::{Action, Watcher};

use super::course::{Course, Taken};

/// A row, but for what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Light {
    /// The entry; none for what was done after the last one.
    pub entry: Option<u64>,
    /// When.
    pub at: Micros,
    /// The first of its steps that it shows, from 0.
    step: u64,
    /// Something befell the cluster.
    befalls: bool,
}

/// All rows of a path.
pub struct Rows {
    all: Spool<Light>,
    /// Of each step, the last first, the entry with which it stands, as [`key`] has it.
    entries: Spool<i64>,
    /// Steps before the first row.
    led: usize,
}

/// What stands for no entry: that comes last.
const NONE: i64 = i64::MAX;

/// An entry as a number that is kept.
fn key(entry: Option<u64>) -> i64 {
    entry.and_then(|entry| i64::try_from(entry).ok()).unwrap_or(NONE)
}

/// The entry that such a number stands for.
fn entry_of(key: i64) -> Option<u64> {
    u64::try_from(key).ok().filter(|_| key != NONE)
}

impl Record for Light {
    const BYTES: usize = 25;

    fn pack(&self, to: &mut Pack<'_>) {
        to.signed(key(self.entry));
        to.signed(self.at);
        to.number(self.step);
        to.byte(self.befalls.into());
    }

    fn unpack(from: &mut Unpack<'_>) -> Self {
        let (entry, at) = (entry_of(from.signed()), from.signed());
        Self { entry, at, step: from.number(), befalls: from.byte() != 0 }
    }
}

impl Rows {
    /// A row for each entry that shows a step of `course`, with the steps that the same process took for it since its last one; and
    /// one for what was done after the last.
    pub fn of(course: &Course) -> Self {
        let depot = course.taken.depot();
        let (mut entries, mut latest) = (Spool::new(depot), Micros::MIN);
        let mut next: BTreeMap<Option<Watcher>, Option<u64>> = BTreeMap::new();
        let behind = course.taken.len().saturating_sub(course.led);
        for taken in course.taken.iter().rev().take(behind) {
            let next = next.entry(taken.process).or_default();
            *next = taken.shown_by.or(*next);
            entries.push(&key(*next));
        }
        for taken in course.taken.iter() {
            latest = latest.max(taken.at);
        }
        let steps = (course.led as u64..).zip(course.taken.iter().skip(course.led)).zip(entries.iter().rev());
        let piece = |((step, taken), entry): ((u64, Taken), i64)| Light {
            entry: entry_of(entry),
            at: if taken.shown_by.is_some() { taken.at } else { Micros::MAX },
            step: if taken.shown_by.is_some() { step } else { u64::MAX },
            befalls: matches!(taken.action, Action::Environment(_)),
        };
        let pieces = sorted(steps.map(piece), |piece| (key(piece.entry), piece.step), depot);
        let mut whole: Spool<Light> = Spool::new(depot);
        let mut now: Option<Light> = None;
        for piece in pieces.iter() {
            match &mut now {
                Some(row) if row.entry == piece.entry => row.befalls |= piece.befalls,
                _ => {
                    now.iter().for_each(|row| whole.push(row));
                    now = Some(piece);
                }
            }
        }
        // Nothing shows the last one.
        let last = now.map(|row| if row.entry.is_none() { Light { at: latest, ..row } } else { row });
        last.iter().for_each(|row| whole.push(row));
        let all = sorted(whole.iter(), |row| (row.at, row.step), depot);
        Self { all, entries, led: course.led }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The one of this number, from 0.
    pub fn get(&self, row: usize) -> Option<Light> {
        self.all.get(row)
    }

    /// How many there are until a moment.
    pub fn until(&self, at: Micros) -> usize {
        self.all.partition_point(0, |row| row.at <= at)
    }

    /// When the next one is behind the one of this number, which is at `at`; the last goes on until `end`.
    pub fn next_after(&self, row: usize, at: Micros, end: Micros) -> Micros {
        self.get(row + 1).map_or(end, |next| next.at).max(at)
    }

    /// The first one that goes on at a moment.
    pub fn at(&self, at: Micros, end: Micros) -> Option<usize> {
        let last = self.until(at).checked_sub(1)?;
        (at < self.next_after(last, self.get(last)?.at, end)).then_some(last)
    }

    /// The one with which a step stands, by its number from 0.
    pub fn of_step(&self, step: usize) -> Option<usize> {
        let place = self.entries.len().checked_sub(step.checked_sub(self.led)? + 1)?;
        let entry = entry_of(self.entries.get(place)?);
        self.all.iter().position(|row| row.entry == entry)
    }

    /// Those at which something befalls the cluster.
    pub fn events(&self) -> impl Iterator<Item = usize> + '_ {
        self.all.iter().enumerate().filter(|(_, row)| row.befalls).map(|(index, _)| index)
    }

    /// Of each step the entry with which it stands, or that it stands behind the last; none, if it comes before the log.
    pub fn entries_of_steps(&self) -> impl Iterator<Item = Option<Option<u64>>> + '_ {
        let before = std::iter::repeat_n(None, self.led);
        before.chain(self.entries.iter().rev().map(|key| Some(entry_of(key))))
    }
}
