//! Expectations: what a controller has asked for and not yet seen in its cache. While it expects something it neither creates
//! nor deletes, so that a lagging cache does not make it do things twice (CTL-3).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::api::Key;
use crate::clock::Moment;

/// An expectation that was not met for so long is given up (C-15).
const TIMEOUT: Duration = Duration::from_secs(300);

/// What is expected for one key.
#[derive(Debug)]
struct Expected {
    creations: i64,
    /// By name: a deletion is seen once, however many events show it.
    deletions: BTreeSet<Key>,
    since: Moment,
}

/// What a controller expects to see, by the key of the object that it works for.
#[derive(Debug, Default)]
pub struct Expectations {
    expected: BTreeMap<Key, Expected>,
}

impl Expectations {
    /// So many creations are asked for. What was expected before is forgotten.
    pub fn expect_creations(&mut self, key: &Key, creations: usize, now: Moment) {
        let creations = i64::try_from(creations).unwrap_or(i64::MAX);
        let expected = Expected { creations, deletions: BTreeSet::new(), since: now };
        self.expected.insert(key.clone(), expected);
    }

    /// These deletions are asked for. What was expected before is forgotten.
    pub fn expect_deletions(&mut self, key: &Key, deletions: impl IntoIterator<Item = Key>, now: Moment) {
        let expected = Expected { creations: 0, deletions: deletions.into_iter().collect(), since: now };
        self.expected.insert(key.clone(), expected);
    }

    /// A creation was seen, or will not come.
    pub fn creation_observed(&mut self, key: &Key) {
        if let Some(expected) = self.expected.get_mut(key) {
            expected.creations -= 1;
        }
    }

    /// A deletion was seen, or will not come.
    pub fn deletion_observed(&mut self, key: &Key, deleted: &Key) {
        if let Some(expected) = self.expected.get_mut(key) {
            expected.deletions.remove(deleted);
        }
    }

    /// Has everything been seen, or waited for long enough?
    pub fn satisfied(&self, key: &Key, now: Moment) -> bool {
        self.expected.get(key).is_none_or(|expected| {
            expected.creations <= 0 && expected.deletions.is_empty() || now.since(expected.since) > TIMEOUT
        })
    }

    /// Are creations asked for that were not seen? How long ago does not count.
    pub fn awaits_creations(&self, key: &Key) -> bool {
        self.expected.get(key).is_some_and(|expected| expected.creations > 0)
    }

    /// Is anything asked for that was not seen? How long ago does not count.
    pub fn awaits_any(&self, key: &Key) -> bool {
        self.expected
            .get(key)
            .is_some_and(|expected| expected.creations > 0 || !expected.deletions.is_empty())
    }

    /// The object is gone.
    pub fn forget(&mut self, key: &Key) {
        self.expected.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("default", name)
    }

    #[test]
    fn creations_are_counted_down() {
        let mut expectations = Expectations::default();
        let set = key("web");
        assert!(expectations.satisfied(&set, Moment(0)), "nothing is expected");
        expectations.expect_creations(&set, 2, Moment(0));
        expectations.creation_observed(&set);
        assert!(!expectations.satisfied(&set, Moment(1_000)) && expectations.awaits_creations(&set));
        expectations.creation_observed(&set);
        assert!(!expectations.awaits_creations(&set));
        assert!(expectations.satisfied(&set, Moment(1_000)));
    }

    #[test]
    fn one_deletion_seen_twice_counts_once() {
        let mut expectations = Expectations::default();
        let set = key("web");
        expectations.expect_deletions(&set, [key("web-1"), key("web-2")], Moment(0));
        expectations.deletion_observed(&set, &key("web-1"));
        expectations.deletion_observed(&set, &key("web-1"));
        assert!(!expectations.satisfied(&set, Moment(0)) && expectations.awaits_any(&set));
        expectations.deletion_observed(&set, &key("web-2"));
        assert!(expectations.satisfied(&set, Moment(0)) && !expectations.awaits_any(&set));
    }

    #[test]
    fn what_never_comes_is_given_up_after_five_minutes() {
        let mut expectations = Expectations::default();
        expectations.expect_creations(&key("web"), 1, Moment(0));
        assert!(!expectations.satisfied(&key("web"), Moment(300_000)));
        assert!(expectations.satisfied(&key("web"), Moment(300_001)));
    }
}
