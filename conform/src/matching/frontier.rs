//! What a search has still to look at: first the states whose paths go best with the times, and of those that were found first the first. A
//! state that is reached in two ways is looked at once, by the better one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::part::{Possible, Prints};
use super::path::Fit;

/// A state that waits, ordered by how well it fits and when it was found.
struct Waiting {
    fit: Fit,
    number: u64,
    print: u128,
    possible: Possible,
}

impl Waiting {
    fn rank(&self) -> (Fit, u64) {
        (self.fit, self.number)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// The states that were found, and those of them that are still to be looked at.
#[derive(Default)]
pub(super) struct Frontier {
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// How well the best way to each goes with the times; none, if it was looked at.
    best: BTreeMap<u128, Option<Fit>>,
    /// States that are looked at later, by their prints.
    put_off: Prints,
    found: u64,
}

impl Frontier {
    /// A state was found, unless it was as good before.
    pub(super) fn push(&mut self, possible: Possible) {
        let (print, fit) = (possible.print(), possible.fit);
        let is_worse = |known: &Option<Fit>| known.is_none_or(|known| known <= fit);
        if self.put_off.contains(&print) || self.best.get(&print).is_some_and(is_worse) {
            return;
        }
        self.best.insert(print, Some(fit));
        self.found += 1;
        self.waiting.push(Reverse(Waiting { fit, number: self.found, print, possible }));
    }

    /// The next state to look at.
    pub(super) fn pop(&mut self) -> Option<Possible> {
        while let Some(Reverse(Waiting { fit, print, possible, .. })) = self.waiting.pop() {
            let best = self.best.get_mut(&print)?;
            if *best == Some(fit) {
                *best = None;
                return Some(possible);
            }
        }
        None
    }

    /// Is this a state that was not found yet? It is looked at later.
    pub(super) fn puts_off(&mut self, possible: &Possible) -> bool {
        let print = possible.print();
        !self.best.contains_key(&print) && self.put_off.insert(print)
    }

    /// Those that were put off are looked at now.
    pub(super) fn take_up(&mut self, put_off: Vec<Possible>) {
        self.put_off.clear();
        put_off.into_iter().for_each(|possible| self.push(possible));
    }

    /// How many states were found.
    pub(super) fn len(&self) -> usize {
        self.best.len() + self.put_off.len()
    }
}

#[cfg(test)]
mod tests {
    use podproof_model::Model;
    use podproof_vocabulary::catalogue::web;
    use podproof_vocabulary::event::Story;

    use super::*;
    use crate::matching::clock::Clock;

    /// The same state, but that it has met these sightings, by a path that stands so far behind its times.
    fn possible(met: u128, behind: i64) -> Possible {
        let model = Model::new(web("test", Story::Create, 1, 1)).expect("it fits");
        let mut fit = Fit::default();
        fit.see(behind);
        fit.see(0);
        Possible { state: model.initial().swap_remove(0), met, tip: None, clock: Clock::default(), fit }
    }

    fn all(frontier: &mut Frontier) -> Vec<u128> {
        std::iter::from_fn(|| frontier.pop()).map(|possible| possible.met).collect()
    }

    #[test]
    fn what_goes_best_with_the_times_comes_first() {
        let mut frontier = Frontier::default();
        for (met, behind) in [(1, 5), (2, 0), (3, 5), (4, 0)] {
            frontier.push(possible(met, behind));
        }
        assert_eq!(all(&mut frontier), [2, 4, 1, 3], "and of those alike what was found first");
    }

    #[test]
    fn a_state_is_looked_at_once_by_its_better_way() {
        let mut frontier = Frontier::default();
        frontier.push(possible(1, 9));
        frontier.push(possible(2, 5));
        frontier.push(possible(1, 0));
        frontier.push(possible(1, 7));
        let best = frontier.pop().expect("one waits");
        assert_eq!((best.met, best.fit), (1, possible(1, 0).fit));
        frontier.push(possible(1, 0));
        assert_eq!(all(&mut frontier), [2]);
        assert_eq!(frontier.len(), 2);
    }

    #[test]
    fn what_is_put_off_is_taken_up_later() {
        let mut frontier = Frontier::default();
        frontier.push(possible(1, 0));
        assert!(!frontier.puts_off(&possible(1, 0)), "it was found");
        assert!(frontier.puts_off(&possible(2, 0)) && !frontier.puts_off(&possible(2, 0)));
        frontier.push(possible(2, 0));
        assert_eq!(all(&mut frontier), [1], "it is looked at later");
        assert_eq!(frontier.len(), 2);
        frontier.take_up(vec![possible(2, 0)]);
        assert_eq!(all(&mut frontier), [2]);
    }
}
