//! One order of the steps of all processes. Each has found its own way, and writes come in the order of the log; between them a
//! step stands where it was searched for, which is later, or a little earlier, than it was seen. Promises depend on who was
//! first, so here each step goes to its own moment as far as the model allows. A way that does not come through like this
//! keeps its steps where they were searched for.

use std::rc::Rc;

use podproof_vocabulary::action::{Action, Watch};

use super::path::{Moment, Taken, Way};
use super::replay::Replay;
use super::whole::Course;
use crate::record::Micros;
use crate::spool::{Depot, Pack, Record, Spool, Unpack, sorted};

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

impl Record for Placed {
    const BYTES: usize = Taken::BYTES + 24;

    fn pack(&self, to: &mut Pack<'_>) {
        self.taken.pack(to);
        to.signed(self.at);
        to.number(self.first);
        to.number(self.last);
    }

    fn unpack(from: &mut Unpack<'_>) -> Self {
        let taken = Taken::unpack(from);
        Self { taken, at: from.signed(), first: from.number(), last: from.number() }
    }
}

/// The places of the steps of a way, the last first, among writes that were made at these moments; where `held`, the places at
/// which they were searched for.
fn place(way: &Way, written: &Spool<Micros>, held: bool) -> Spool<Placed> {
    let mut placed = Spool::new(written.depot());
    let (mut latest, mut last, mut near) = (Micros::MAX, u64::MAX, written.len());
    for taken in way.back() {
        let Moment { writes: found, at } = taken.moment;
        latest = if taken.shown_by.is_some() { at } else { latest.min(at) };
        // A list takes the store as it is.
        let fixed = held || taken.is_write || matches!(taken.action, Action::Watch(Watch::List { .. }));
        let own = match fixed {
            true => found,
            false => {
                near = written.partition_point(near, |write| *write <= latest);
                near as u64
            }
        };
        last = last.min(own.max(found));
        placed.push(&Placed { taken, at: latest, first: own.min(found).min(last), last });
    }
    placed
}

/// Puts the ways of `replay` in one order, behind what led to the beginning of the log.
pub fn weave(replay: &Replay, ways: &[Way]) -> Spool<Taken> {
    let written = &replay.written;
    let mut held = vec![false; ways.len()];
    loop {
        let placed = ways.iter().zip(&held).map(|(way, &held)| place(way, written, held)).collect();
        let mut loom = Loom::new(Course::new(replay), placed);
        match loom.run(beginning(replay, written.depot())) {
            Ok(steps) => return steps,
            // Whoever moved may have been in the way of who did not.
            Err(way) if held[way] => match held.iter().position(|held| !held) {
                Some(_) => held.fill(true),
                None => return loom.searched(beginning(replay, written.depot())),
            },
            Err(way) => held[way] = true,
        }
    }
}

/// What led to the beginning of the log.
fn beginning(replay: &Replay, depot: &Rc<Depot>) -> Spool<Taken> {
    let mut steps = Spool::new(depot);
    replay.led().iter().for_each(|led| steps.push(led));
    steps
}

/// The ways on the whole model.
struct Loom<'m> {
    course: Course<'m>,
    /// Each from its end.
    ways: Vec<Spool<Placed>>,
    /// How far each has come.
    come: Vec<usize>,
    /// The next step of each.
    heads: Vec<Option<Placed>>,
    writes: u64,
}

impl<'m> Loom<'m> {
    fn new(course: Course<'m>, ways: Vec<Spool<Placed>>) -> Self {
        let heads = ways.iter().map(|way| way.get(way.len().checked_sub(1)?)).collect();
        Self { course, come: vec![0; ways.len()], ways, heads, writes: 0 }
    }

    /// The next step of each way, but for writes whose turn it is not.
    fn heads(&self) -> impl Iterator<Item = (usize, &Placed)> {
        let heads = self.heads.iter().enumerate().filter_map(|(way, head)| Some((way, head.as_ref()?)));
        heads.filter(|(_, head)| !head.taken.is_write || head.taken.moment.writes == self.writes)
    }

    /// A way has come one step further.
    fn go_on(&mut self, way: usize) {
        self.come[way] += 1;
        let left = self.ways[way].len() - self.come[way];
        self.heads[way] = left.checked_sub(1).and_then(|next| self.ways[way].get(next));
    }

    /// The way whose step comes next; none if all are at their end; or the one that does not come through.
    fn next(&mut self) -> Result<Option<(usize, Placed)>, usize> {
        let enabled = self.course.enabled(self.writes);
        let can = |head: &Placed| enabled.contains(&self.course.called(&head.taken.action));
        let write = self.heads().find(|(_, head)| head.taken.is_write);
        let steps = self.heads().filter(|(_, head)| !head.taken.is_write && head.first <= self.writes);
        let mut steps: Vec<(usize, &Placed)> = steps.collect();
        steps.sort_by_key(|(way, head)| (head.at, *way));
        let is_due =
            |head: &Placed| head.last <= self.writes || write.is_none_or(|(_, write)| head.at <= write.at);
        if let Some((way, head)) = steps.iter().find(|(_, head)| is_due(head) && can(head)) {
            return Ok(Some((*way, **head)));
        }
        let is_late = |head: &Placed| head.last <= self.writes || write.is_none();
        match (steps.iter().find(|(_, head)| is_late(head)), write) {
            (Some((way, _)), _) => Err(*way),
            (None, Some((way, write))) => {
                if can(write) {
                    Ok(Some((way, *write)))
                } else {
                    Err(way)
                }
            }
            (None, None) => match self.heads.iter().position(Option::is_some) {
                Some(way) => Err(way),
                None => Ok(None),
            },
        }
    }

    /// The steps in their order, behind `steps`, if there is one; else the way that does not come through.
    fn run(&mut self, mut steps: Spool<Taken>) -> Result<Spool<Taken>, usize> {
        while let Some((way, Placed { taken, at, .. })) = self.next()? {
            let taken = Taken { moment: Moment { writes: self.writes, at }, ..taken };
            self.course.take(&taken.action);
            self.go_on(way);
            self.writes += u64::from(taken.is_write);
            steps.push(&taken);
        }
        Ok(steps)
    }

    /// The steps where they were searched for, behind `steps`.
    fn searched(&self, mut steps: Spool<Taken>) -> Spool<Taken> {
        let all = self.ways.iter().flat_map(|way| way.iter().rev());
        let all =
            all.map(|Placed { taken, at, .. }| Taken { moment: Moment { at, ..taken.moment }, ..taken });
        let key = |taken: &Taken| (taken.moment.writes, taken.is_write, taken.moment.at);
        for taken in sorted(all, key, steps.depot()).iter() {
            steps.push(&taken);
        }
        steps
    }
}
