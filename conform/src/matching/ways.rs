//! What a replay keeps of the ways that its processes went, and gives away in the end.

use std::rc::Rc;

use super::part::Part;
use super::path::{Paths, Way};
use super::replay::Replay;
use crate::record::Micros;

impl Replay {
    /// The steps of each process on that of the ways that explain everything which goes best with the times, and what happened to the
    /// cluster. They are kept no longer.
    pub(super) fn take_ways(&mut self) -> Vec<Way> {
        let depot = Rc::clone(self.written.depot());
        let of_part = |part: &mut Part| {
            let tip = part.possible.iter_mut().min_by_key(|possible| possible.fit)?.tip.take();
            Some(Way { paths: std::mem::replace(&mut part.paths, Paths::new(&depot)), tip })
        };
        let befallen = std::mem::replace(&mut self.befallen, Way::new(&depot));
        std::iter::once(befallen).chain(self.parts.iter_mut().filter_map(of_part)).collect()
    }

    /// One more write has been made.
    pub(super) fn count_write(&mut self, at: Micros) {
        let last = self.written.len().checked_sub(1).and_then(|last| self.written.get(last));
        self.written.push(&last.map_or(at, |last| last.max(at)));
        self.writes += 1;
    }
}
