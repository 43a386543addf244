//! How far the clocks of a log's sources are from each other, estimated from what must come before what.
//!
//! The clock of the first audit log is the one that all others are set to. Two API servers write to one store, so the versions of
//! their writes bound the difference of their clocks from both sides ([`versions`]). What a node did is bounded by the writes that
//! it follows and by those that tell of it ([`causes`]). Where no difference is within its bounds, it is taken to be none.

pub(super) mod causes;
pub(super) mod versions;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::record::{Entry, Micros, Seen};

/// How much is added to the times of each source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// For the files of audit logs that are not zero: by name.
    pub audits: BTreeMap<Rc<str>, Micros>,
    /// For nodes that are not zero: by name.
    pub nodes: BTreeMap<Rc<str>, Micros>,
    /// The nodes of pods, by name: what a process says of itself has its node's time.
    pub(super) homes: BTreeMap<Rc<str>, Rc<str>>,
}

impl Clocks {
    /// Sets the times of what a recorder has written down.
    pub(super) fn set(&self, entry: &mut Entry) {
        if self.nodes.is_empty() {
            return;
        }
        let node = match &entry.seen {
            Seen::Runtime(event) => Some(&event.node),
            Seen::Rules(event) => Some(&event.node),
            Seen::Request(event) => Some(&event.node),
            Seen::App(event) => self.homes.get(&event.pod),
            _ => None,
        };
        let by = node.and_then(|node| self.nodes.get(node)).copied().unwrap_or_default();
        entry.from = entry.from.saturating_add(by);
        entry.to = entry.to.saturating_add(by);
    }
}

/// What must be added to a clock, at least and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    least: Option<Micros>,
    most: Option<Micros>,
}

/// Bounds that contradict each other by more than this tell nothing.
const CLOSE: Micros = 100_000;

impl Bounds {
    /// Nothing is known.
    pub(super) const NONE: Self = Self { least: None, most: None };

    /// What was seen at `later` came after what was seen at `earlier`, by the clock that is right.
    pub(super) fn after(&mut self, earlier: Micros, later: Micros) {
        let least = earlier.saturating_sub(later);
        self.least = Some(self.least.map_or(least, |known| known.max(least)));
    }

    /// What was seen at `earlier` came before what was seen at `later`, by the clock that is right.
    pub(super) fn before(&mut self, earlier: Micros, later: Micros) {
        let most = later.saturating_sub(earlier);
        self.most = Some(self.most.map_or(most, |known| known.min(most)));
    }

    /// The likeliest difference: none if that is possible, as clocks mostly agree and what is set wrongly would put causes behind what they
    /// cause; and none if the bounds contradict each other by much: times are cut, and an answer may be older than it seems.
    pub(super) fn likeliest(self) -> Micros {
        match (self.least, self.most) {
            (Some(least), Some(most)) if least > most.saturating_add(CLOSE) => 0,
            (Some(least), Some(most)) if least > 0 || most < 0 => least + (most - least) / 2,
            (Some(least), _) if least > 0 => least,
            (_, Some(most)) if most < 0 => most,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_none_where_that_is_possible_and_else_in_the_middle_of_its_bounds() {
        let bounds = |least: Option<Micros>, most: Option<Micros>| Bounds { least, most }.likeliest();
        assert_eq!(bounds(None, None), 0);
        assert_eq!(bounds(Some(-300_000), Some(200_000)), 0);
        assert_eq!(bounds(Some(-10), Some(30)), 0);
        assert_eq!(bounds(Some(1_000_000), Some(1_200_000)), 1_100_000);
        assert_eq!(bounds(Some(-1_200_000), Some(-1_000_000)), -1_100_000);
        assert_eq!(bounds(Some(40), None), 40);
        assert_eq!(bounds(None, Some(-40)), -40);
        assert_eq!(bounds(Some(40), Some(30)), 35);
        assert_eq!(bounds(Some(4_000_000), Some(30)), 0, "something did not happen as it must have");
    }

    #[test]
    fn what_came_before_and_after_bounds_a_clock() {
        let mut bounds = Bounds::NONE;
        bounds.after(1_000, 900);
        bounds.after(2_000, 1_950);
        bounds.before(3_000, 3_150);
        bounds.before(4_000, 4_120);
        assert_eq!(bounds, Bounds { least: Some(100), most: Some(120) });
    }
}
