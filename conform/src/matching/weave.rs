//! One order of the steps of all processes. Each has found its own way, and writes come in the order of the log; between them a
//! step stands where it was searched for, which is later, or a little earlier, than it was seen. Promises depend on who was
//! first, so here each step goes to its own moment as far as the model allows. A way that does not come through like this
//! keeps its steps where they were searched for.

use std::collections::BTreeMap;

use podproof_vocabulary::action::{Action, Watch};

use super::path::{Moment, Taken};
use super::replay::Replay;
use super::whole::Course;
use crate::record::Micros;

/// A step of a way.
#[derive(Clone, Copy)]
struct Placed {
    taken: Taken,
    /// When: what nobody saw happened at the latest when what it led to was seen.
    at: Micros,
    /// So many writes come before it at least,
    first: u64,
    /// and at most.
    last: u64,
}

/// Moments of the writes, in their order.
fn writes(ways: &[Vec<Taken>]) -> Vec<Micros> {
    let writes = ways.iter().flatten().filter(|taken| taken.is_write);
    let by_number: BTreeMap<u64, Micros> =
        writes.map(|taken| (taken.moment.writes, taken.moment.at)).collect();
    let mut latest = Micros::MIN;
    let moments = by_number.into_values().map(|at| {
        latest = latest.max(at);
        latest
    });
    moments.collect()
}

/// The places of the steps of a way; where `held`, the places at which they were searched for.
fn place(way: &[Taken], writes: &[Micros], held: bool) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::with_capacity(way.len());
    let (mut latest, mut last) = (Micros::MAX, u64::MAX);
    for &taken in way.iter().rev() {
        let Moment { writes: found, at } = taken.moment;
        latest = if taken.shown_by.is_some() { at } else { latest.min(at) };
        // A list takes the store as it is.
        let fixed = held || taken.is_write || matches!(taken.action, Action::Watch(Watch::List { .. }));
        let own = if fixed { found } else { writes.partition_point(|&write| write <= latest) as u64 };
        last = last.min(own.max(found));
        placed.push(Placed { taken, at: latest, first: own.min(found).min(last), last });
    }
    placed.reverse();
    placed
}

/// Puts the ways of `replay` in one order.
pub fn weave(replay: &Replay, ways: Vec<Vec<Taken>>) -> Vec<Taken> {
    let writes = writes(&ways);
    let mut held = vec![false; ways.len()];
    loop {
        let placed = ways.iter().zip(&held).map(|(way, &held)| place(way, &writes, held)).collect();
        let course = Course::new(replay);
        let mut loom = Loom { course, ways: placed, come: vec![0; ways.len()], writes: 0 };
        match loom.run() {
            Ok(steps) => return steps,
            // Whoever moved may have been in the way of who did not.
            Err(way) if held[way] => match held.iter().position(|held| !held) {
                Some(_) => held.fill(true),
                None => return loom.searched(),
            },
            Err(way) => held[way] = true,
        }
    }
}

/// The ways on the whole model.
struct Loom<'m> {
    course: Course<'m>,
    ways: Vec<Vec<Placed>>,
    /// How far each has come.
    come: Vec<usize>,
    writes: u64,
}

impl Loom<'_> {
    /// The next step of each way, but for writes whose turn it is not.
    fn heads(&self) -> impl Iterator<Item = (usize, &Placed)> {
        let heads = self.ways.iter().zip(&self.come).enumerate();
        let heads = heads.filter_map(|(index, (way, &come))| Some((index, way.get(come)?)));
        heads.filter(|(_, head)| !head.taken.is_write || head.taken.moment.writes == self.writes)
    }

    /// The way whose step comes next; none if all are at their end; or the one that does not come through.
    fn next(&mut self) -> Result<Option<usize>, usize> {
        let enabled = self.course.enabled(self.writes);
        let can = |head: &Placed| enabled.contains(&self.course.called(&head.taken.action));
        let write = self.heads().find(|(_, head)| head.taken.is_write);
        let steps = self.heads().filter(|(_, head)| !head.taken.is_write && head.first <= self.writes);
        let mut steps: Vec<(usize, &Placed)> = steps.collect();
        steps.sort_by_key(|(way, head)| (head.at, *way));
        let is_due =
            |head: &Placed| head.last <= self.writes || write.is_none_or(|(_, write)| head.at <= write.at);
        if let Some((way, _)) = steps.iter().find(|(_, head)| is_due(head) && can(head)) {
            return Ok(Some(*way));
        }
        let is_late = |head: &Placed| head.last <= self.writes || write.is_none();
        match (steps.iter().find(|(_, head)| is_late(head)), write) {
            (Some((way, _)), _) => Err(*way),
            (None, Some((way, write))) => {
                if can(write) {
                    Ok(Some(way))
                } else {
                    Err(way)
                }
            }
            (None, None) => match (0..self.ways.len()).find(|&way| self.come[way] < self.ways[way].len()) {
                Some(way) => Err(way),
                None => Ok(None),
            },
        }
    }

    /// The steps in their order, if there is one; else the way that does not come through.
    fn run(&mut self) -> Result<Vec<Taken>, usize> {
        let mut steps = Vec::new();
        while let Some(way) = self.next()? {
            let Placed { taken, at, .. } = self.ways[way][self.come[way]];
            let taken = Taken { moment: Moment { writes: self.writes, at }, ..taken };
            self.course.take(&taken.action);
            self.come[way] += 1;
            self.writes += u64::from(taken.is_write);
            steps.push(taken);
        }
        Ok(steps)
    }

    /// The steps where they were searched for.
    fn searched(&self) -> Vec<Taken> {
        let all = self
            .ways
            .iter()
            .flatten()
            .map(|&Placed { taken, at, .. }| Taken { moment: Moment { at, ..taken.moment }, ..taken });
        let mut all: Vec<Taken> = all.collect();
        all.sort_by_key(|taken| (taken.moment.writes, taken.is_write, taken.moment.at));
        all
    }
}
