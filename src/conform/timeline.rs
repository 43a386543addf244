//! What was seen and what the model did in between, in the order of time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use podproof_conform::record::Micros;
use podproof_traces::{Names, words};
use podproof_vocabulary::action::{Action, Kubelet};

use super::account::Workload;

/// Entries that are shown before something that is worth telling, and as many from there on.
const AROUND: usize = 10;

/// A moment of the timeline: what was seen, and the steps from there on that nothing shows.
pub struct Row {
    /// The entry; none before the first.
    pub entry: Option<u64>,
    /// When.
    pub at: Micros,
    /// When the next one is.
    pub until: Micros,
    /// It is no deed of a component: somebody did it to the cluster.
    pub is_aside: bool,
    /// What the entry says, once it has been looked up.
    pub seen: String,
    /// What the model did then that nothing shows, in words.
    pub hidden: Vec<Hidden>,
    /// What was broken there, by its place in [`Workload::broken`].
    pub broken: Vec<usize>,
    /// Connections that failed between this entry and the next, by their error.
    pub failed: BTreeMap<String, u64>,
    /// Its steps, from 0.
    steps: Range<usize>,
}

/// A step that nothing shows.
pub struct Hidden {
    /// In words.
    pub says: String,
    /// It only tells somebody what is so already.
    pub is_routine: bool,
}

/// The timeline of a workload, or the parts of it that are worth telling.
pub struct Timeline {
    /// Each part, in order.
    pub parts: Vec<Part>,
    /// Rows that are left out after the last part.
    pub skipped: usize,
    /// All of it was asked for.
    pub is_whole: bool,
}

/// A part of a timeline.
pub struct Part {
    /// Rows that are left out before it.
    pub skipped: usize,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Timeline {
    /// The timeline of `workload`, whole or around what is worth telling.
    pub fn of(workload: &Workload, whole: bool) -> Self {
        let mut rows = rows(workload);
        for (index, broken) in workload.broken.iter().enumerate() {
            let row = rows.partition_point(|row| row.steps.start < broken.step).saturating_sub(1);
            if let Some(row) = rows.get_mut(row) {
                row.broken.push(index);
            }
        }
        let mut shown: BTreeSet<usize> = BTreeSet::new();
        let worth = rows.iter().enumerate().filter(|(_, row)| !row.broken.is_empty()).map(|(index, _)| index);
        let end = workload.unexplained.as_ref().map(|_| rows.len());
        for row in worth.chain(end) {
            shown.extend(row.saturating_sub(AROUND)..rows.len().min(row + AROUND));
        }
        if whole {
            shown.extend(0..rows.len());
        }
        tell(workload, &mut rows, &shown);
        let count = rows.len();
        let mut parts: Vec<Part> = Vec::new();
        let mut next = 0;
        for (index, row) in rows.into_iter().enumerate().filter(|(index, _)| shown.contains(index)) {
            match parts.last_mut() {
                Some(part) if next == index => part.rows.push(row),
                _ => parts.push(Part { skipped: index - next, rows: vec![row] }),
            }
            next = index + 1;
        }
        let skipped = if parts.is_empty() { 0 } else { count - next };
        Self { parts, skipped, is_whole: whole }
    }

    /// Every row.
    pub fn rows(&mut self) -> impl Iterator<Item = &mut Row> {
        self.parts.iter_mut().flat_map(|part| &mut part.rows)
    }
}

/// A row for each entry that shows a step, without words.
fn rows(workload: &Workload) -> Vec<Row> {
    let row = |entry, at, step| Row {
        entry,
        at,
        until: Micros::MAX,
        is_aside: false,
        seen: String::new(),
        hidden: Vec::new(),
        broken: Vec::new(),
        failed: BTreeMap::new(),
        steps: step..step,
    };
    let mut rows: Vec<Row> = Vec::new();
    for (step, &(shown_by, at)) in workload.moments.iter().enumerate() {
        let is_new = match rows.last() {
            None => true,
            Some(last) => shown_by.is_some() && last.entry != shown_by,
        };
        if is_new {
            // What is in the order of its writes may be a moment earlier by the clock.
            let at = rows.last().map_or(at, |last| last.at.max(at));
            if let Some(last) = rows.last_mut() {
                last.until = at;
            }
            rows.push(row(shown_by, at, step));
        }
        if let Some(last) = rows.last_mut() {
            last.steps.end = step + 1;
        }
    }
    rows
}

/// Puts the hidden steps of the rows that are shown into words.
fn tell(workload: &Workload, rows: &mut [Row], shown: &BTreeSet<usize>) {
    let mut names = Names::of(&workload.path);
    for (index, row) in rows.iter_mut().enumerate() {
        for number in row.steps.clone() {
            let Some(step) = workload.path.stem.get(number) else { continue };
            let is_hidden = workload.moments.get(number).is_none_or(|(shown_by, _)| shown_by.is_none());
            if is_hidden && shown.contains(&index) {
                let says = words::action(&names, &step.action);
                row.hidden.push(Hidden { says, is_routine: is_routine(&step.action) });
            }
            names.see(&step.changed);
        }
    }
}

/// A step that only tells somebody what is so already.
const fn is_routine(action: &Action) -> bool {
    matches!(action, Action::Watch(_) | Action::Kubelet(Kubelet::Relist { .. }))
}
