//! What was seen, in the order of time, and what the model did for it that nothing shows.

use std::collections::{BTreeMap, BTreeSet};

use podproof_conform::record::Micros;
use podproof_traces::{Names, words};
use podproof_vocabulary::action::{Action, Kubelet, Watcher};

use super::account::Workload;
use super::course::Course;

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
    /// Its steps, from 0.
    steps: Vec<usize>,
}

/// A promise that is broken at a row.
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
        let mut rows = rows(workload, course);
        for (index, broken) in workload.broken.iter().enumerate() {
            // What time did, no step did: it stands where it was by the clock.
            let is_there = |row: &Row, step: usize| match broken.by_time {
                true => row.at <= broken.at && broken.at < row.until,
                false => row.steps.contains(&(step - 1)),
            };
            let again = broken.again.iter().enumerate().map(|(place, again)| (Some(place), again.step));
            for (again, step) in std::iter::once((None, broken.step)).chain(again) {
                if let Some(row) = rows.iter_mut().find(|row| is_there(row, step)) {
                    row.broken.push(Mark { broken: index, again });
                }
            }
        }
        let worth = rows.iter().enumerate().filter(|(_, row)| !row.broken.is_empty()).map(|(index, _)| index);
        let unexplained =
            workload.unexplained.as_ref().map(|found| rows.partition_point(|row| row.at <= found.at));
        let around = worth.chain(unexplained).map(|row| row.saturating_sub(AROUND)..row + AROUND);
        let mut shown: BTreeSet<usize> = around.flatten().collect();
        match extent {
            Extent::Whole => shown.extend(0..rows.len()),
            Extent::Parts if shown.is_empty() => shown = calm(course, &rows),
            Extent::Parts | Extent::Guilt => {}
        }
        tell(course, &mut rows, &shown);
        let (count, mut next) = (rows.len(), 0);
        let mut parts: Vec<Part> = Vec::new();
        for (index, row) in rows.into_iter().enumerate().filter(|(index, _)| shown.contains(index)) {
            match parts.last_mut() {
                Some(part) if next == index => part.rows.push(row),
                _ => parts.push(Part { skipped: index - next, rows: vec![row] }),
            }
            next = index + 1;
        }
        Self { parts, skipped: count - next, extent }
    }

    /// Every row.
    pub fn rows(&mut self) -> impl Iterator<Item = &mut Row> {
        self.parts.iter_mut().flat_map(|part| &mut part.rows)
    }
}

/// The rows that are shown where nothing is broken or unexplained: around what befalls the cluster, from the first on.
fn calm(course: &Course, rows: &[Row]) -> BTreeSet<usize> {
    let befalls = |step: &usize| {
        course.path.stem.get(*step).is_some_and(|step| matches!(step.action, Action::Environment(_)))
    };
    let events = rows.iter().enumerate().filter(|(_, row)| row.steps.iter().any(befalls));
    let around = events.map(|(row, _)| row.saturating_sub(AROUND)..(row + AROUND).min(rows.len()));
    let mut shown: BTreeSet<usize> = around.flatten().collect();
    if shown.is_empty() {
        shown.extend(0..rows.len());
    }
    shown.into_iter().take(CALM).collect()
}

/// A row for each entry that shows a step, without words, in the order of time.
fn rows(workload: &Workload, course: &Course) -> Vec<Row> {
    let row = |entry, at, steps| Row {
        entry,
        at,
        until: Micros::MAX,
        is_aside: false,
        seen: String::new(),
        hidden: Vec::new(),
        broken: Vec::new(),
        failed: BTreeMap::new(),
        steps,
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut of_entry: BTreeMap<u64, usize> = BTreeMap::new();
    let mut unseen: BTreeMap<Option<Watcher>, Vec<usize>> = BTreeMap::new();
    for (step, taken) in course.taken.iter().enumerate().skip(course.led) {
        let waiting = unseen.entry(taken.process).or_default();
        waiting.push(step);
        let Some(entry) = taken.shown_by else { continue };
        let steps = std::mem::take(waiting);
        match of_entry.get(&entry) {
            Some(&index) => rows[index].steps.extend(steps),
            None => {
                of_entry.insert(entry, rows.len());
                rows.push(row(Some(entry), taken.at, steps));
            }
        }
    }
    let last: Vec<usize> = unseen.into_values().flatten().collect();
    if !last.is_empty() {
        let at = course.taken.iter().map(|taken| taken.at).max().unwrap_or_default();
        rows.push(row(None, at, last));
    }
    rows.sort_by_key(|row| row.at);
    let end = workload.unexplained.as_ref().map_or(Micros::MAX, |found| found.at);
    for index in 0..rows.len() {
        let next = rows.get(index + 1).map_or(end, |next| next.at);
        rows[index].until = next.max(rows[index].at);
    }
    rows
}

/// Puts the hidden steps of the rows that are shown into words.
fn tell(course: &Course, rows: &mut [Row], shown: &BTreeSet<usize>) {
    let mut wanted: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate().filter(|(index, _)| shown.contains(index)) {
        let hidden = row.steps.iter().filter(|&&step| course.taken[step].shown_by.is_none());
        wanted.extend(hidden.map(|&step| (step, index)));
    }
    let mut names = Names::of(&course.path);
    for (number, step) in course.path.stem.iter().enumerate() {
        if let Some(&row) = wanted.get(&number) {
            let says = words::action(&names, &step.action);
            let hidden = &mut rows[row].hidden;
            match hidden.last_mut().filter(|last| last.says == says) {
                Some(last) => last.times += 1,
                None => hidden.push(Hidden { says, times: 1, is_routine: is_routine(&step.action) }),
            }
        }
        names.see(&step.changed);
    }
}

/// A step that only tells somebody what is so already.
const fn is_routine(action: &Action) -> bool {
    matches!(action, Action::Watch(_) | Action::Kubelet(Kubelet::Relist { .. }))
}
