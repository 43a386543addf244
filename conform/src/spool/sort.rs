//! Sequences in another order: they are sorted in runs, which are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use super::{Depot, Record, Spool};

/// Records of a run.
pub(super) const RUN: usize = 8_192;

/// These records by their keys. Of those that have the same the first stays the first.
pub fn sorted<T: Record, K: Ord>(
    mut all: impl Iterator<Item = T>,
    key: impl Fn(&T) -> K,
    depot: &Rc<Depot>,
) -> Spool<T> {
    let mut runs: Vec<Spool<T>> = Vec::new();
    loop {
        let mut run: Vec<T> = all.by_ref().take(RUN).collect();
        if run.is_empty() {
            break;
        }
        run.sort_by_key(&key);
        let mut kept = Spool::new(depot);
        run.iter().for_each(|record| kept.push(record));
        runs.push(kept);
    }
    let head = |run: usize, index: usize| Some(Reverse((key(&runs[run].get(index)?), run, index)));
    let mut heads: BinaryHeap<_> = (0..runs.len()).filter_map(|run| head(run, 0)).collect();
    let mut merged = Spool::new(depot);
    while let Some(Reverse((_, run, index))) = heads.pop() {
        if let Some(record) = runs[run].get(index) {
            merged.push(&record);
        }
        heads.extend(head(run, index + 1));
    }
    merged
}
