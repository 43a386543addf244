//! What was seen, in the order of time, and what the model did for it that nothing shows.

use std::collections::{BTreeMap, BTreeSet};

use podproof_conform::record::Micros;
use podproof_traces::TraceStep;
use podproof_vocabulary::action::{Action, Kubelet};

use super::account::Workload;
use super::course::Course;
use super::rows::{Light, Rows};

/// Entries that are shown before something that is worth telling, and as many from there on.
const AROUND: usize = 10;
/// Entries that are shown where nothing is broken or unexplained.
const CALM: usize = 60;

/// How much of a timeline is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// What is around something broken or unexplained; where nothing is, what is around that which befalls the cluster, up to a bound.
    Parts,
    /// What is around something broken or unexplained.
    Guilt,
}

/// A moment of the timeline: an entry, and the steps that the same process took for it since its last one.
pub struct Row {
    /// The entry; none for what was done after the last one.
    pub entry: Option<u64>,
    /// When.
    pub at: Micros,
    /// When the next one is.
    pub until: Micros,
    /// It is no deed of a component: somebody did it to the cluster.
    pub is_aside: bool,
    /// What the entry says, once it has been looked up.
    pub seen: String,
    /// What the model did for it that nothing shows.
    pub hidden: Vec<Hidden>,
    /// What was broken there.
    pub broken: Vec<Mark>,
    /// Connections that failed between this entry and the next, by their error.
    pub failed: BTreeMap<String, u64>,
}

/// A promise that is broken at a row.
#[derive(Clone)]
pub struct Mark {
    /// Its place in [`Workload::broken`].
    pub broken: usize,
    /// Of what breaks it anew: the place among [`Broken::again`](super::Broken::again).
    pub again: Option<usize>,
}

/// A step that nothing shows, or several that say the same.
pub struct Hidden {
    /// In words.
    pub says: String,
    /// How many.
    pub times: usize,
    /// It only tells somebody what is so already.
    pub is_routine: bool,
}

/// The timeline of a workload, or the parts of it that are worth telling.
pub struct Timeline {
    /// Each part, in order.
    pub parts: Vec<Part>,
    /// Rows that are left out after the last part, or all of them.
    pub skipped: usize,
    /// How much of it was asked for.
    pub extent: Extent,
}

/// A part of a timeline.
pub struct Part {
    /// Rows that are left out before it.
    pub skipped: usize,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Timeline {
    /// The timeline of `workload`, whose path is `course`, or as much of it as is asked for.
    pub fn of(workload: &Workload, course: &Course, extent: Extent) -> Self {
        let rows = Rows::of(course);
        let end = workload.unexplained.as_ref().map_or(Micros::MAX, |found| found.at);
        let marks = marks(workload, &rows, end);
        let unexplained = workload.unexplained.as_ref().map(|found| rows.until(found.at));
        let around = marks.keys().copied().chain(unexplained);
        let around = around.map(|row| row.saturating_sub(AROUND)..(row + AROUND).min(rows.len()));
        let mut shown: BTreeSet<usize> = around.flatten().collect();
        match extent {
            Extent::Whole => shown.extend(0..rows.len()),
            Extent::Parts if shown.is_empty() => shown = calm(&rows),
            Extent::Parts | Extent::Guilt => {}
        }
        let mut told = told(course, &rows, &shown);
        let mut next = 0;
        let mut parts: Vec<Part> = Vec::new();
        for (index, Light { entry, at, .. }) in
            shown.into_iter().filter_map(|row| Some((row, rows.get(row)?)))
        {
            let row = Row {
                entry,
                at,
                until: rows.next_after(index, at, end),
                is_aside: false,
                seen: String::new(),
                hidden: told.remove(&entry).unwrap_or_default(),
                broken: marks.get(&index).cloned().unwrap_or_default(),
                failed: BTreeMap::new(),
            };
            match parts.last_mut() {
                Some(part) if next == index => part.rows.push(row),
                _ => parts.push(Part { skipped: index - next, rows: vec![row] }),
            }
            next = index + 1;
        }
        Self { parts, skipped: rows.len() - next, extent }
    }

    /// Every row.
    pub fn rows(&mut self) -> impl Iterator<Item = &mut Row> {
        self.parts.iter_mut().flat_map(|part| &mut part.rows)
    }
}

/// What is broken at which row; the path ends at `end` at the latest.
fn marks(workload: &Workload, rows: &Rows, end: Micros) -> BTreeMap<usize, Vec<Mark>> {
    let mut found: BTreeMap<usize, Vec<Mark>> = BTreeMap::new();
    for (index, broken) in workload.broken.iter().enumerate() {
        let again = broken.again.iter().enumerate().map(|(place, again)| (Some(place), again.step));
        for (again, step) in std::iter::once((None, broken.step)).chain(again) {
            // What time did, no step did: it stands where it was by the clock.
            let row = match broken.by_time {
                true => rows.at(broken.at, end),
                false => rows.of_step(step - 1),
            };
            if let Some(row) = row {
                found.entry(row).or_default().push(Mark { broken: index, again });
            }
        }
    }
    found
}

/// The rows that are shown where nothing is broken or unexplained: around what befalls the cluster, from the first on.
fn calm(rows: &Rows) -> BTreeSet<usize> {
    let mut shown = BTreeSet::new();
    for event in rows.events() {
        if shown.len() >= CALM && shown.iter().nth(CALM - 1).is_some_and(|last| last + AROUND < event) {
            break;
        }
        shown.extend(event.saturating_sub(AROUND)..(event + AROUND).min(rows.len()));
    }
    if shown.is_empty() {
        shown.extend(0..rows.len().min(CALM));
    }
    shown.into_iter().take(CALM).collect()
}

/// The hidden steps of the rows that are shown, in words, by their entries.
fn told(course: &Course, rows: &Rows, shown: &BTreeSet<usize>) -> BTreeMap<Option<u64>, Vec<Hidden>> {
    let entries = shown.iter().filter_map(|&row| Some((rows.get(row)?.entry, Vec::new())));
    let mut wanted: BTreeMap<Option<u64>, Vec<Hidden>> = entries.collect();
    if wanted.is_empty() {
        return wanted;
    }
    let steps = course.steps().zip(course.taken.iter()).zip(rows.entries_of_steps());
    for ((TraceStep { says, action, .. }, taken), entry) in steps {
        let row = entry.filter(|_| taken.shown_by.is_none()).and_then(|entry| wanted.get_mut(&entry));
        let Some(hidden) = row else { continue };
        match hidden.last_mut().filter(|last| last.says == says) {
            Some(last) => last.times += 1,
            None => hidden.push(Hidden { says, times: 1, is_routine: is_routine(&action) }),
        }
    }
    wanted
}

/// A step that only tells somebody what is so already.
const fn is_routine(action: &Action) -> bool {
    matches!(action, Action::Watch(_) | Action::Kubelet(Kubelet::Relist { .. }))
}
