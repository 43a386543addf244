//! The states that a dive has been in lately: a table that grows to a bound and then forgets.

/// Places that one state may have: as many as a line of the cache has.
const WAYS: usize = 8;

/// Places at the beginning.
const FIRST: usize = 1 << 10;

/// What no state's fingerprint is.
const EMPTY: u64 = 0;

/// A set of fingerprints.
pub struct Recent {
    slots: Vec<u64>,
    most: usize,
    has_forgotten: bool,
}

impl Recent {
    /// One that takes no more than `bytes`, but for the few that it begins with.
    pub fn new(bytes: u64) -> Self {
        let places = usize::try_from(bytes / size_of::<u64>() as u64).unwrap_or(usize::MAX);
        // The power of two that is not above.
        let most = 1 << places.max(1).ilog2();
        Self { slots: vec![EMPTY; FIRST], most: most.max(FIRST), has_forgotten: false }
    }

    /// Knows nothing any more.
    pub fn clear(&mut self) {
        // One that has grown for a long dive is not swept for each short one after it.
        self.slots.truncate(FIRST);
        self.slots.fill(EMPTY);
        self.has_forgotten = false;
    }

    /// Was a state forgotten since it was cleared?
    pub fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        (self.slots.capacity() * size_of::<u64>()) as u64
    }

    fn bucket(&self, print: u64) -> usize {
        (print as usize) & (self.slots.len() - 1) & !(WAYS - 1)
    }

    /// Is it known?
    pub fn contains(&self, print: u64) -> bool {
        let first = self.bucket(print);
        self.slots[first..first + WAYS].contains(&print)
    }

    /// Enters it; false if it was known. The oldest of its bucket makes room.
    pub fn insert(&mut self, print: u64) -> bool {
        if self.contains(print) {
            return false;
        }
        while self.is_full(print) && self.slots.len() < self.most {
            let known = std::mem::take(&mut self.slots);
            self.slots = vec![EMPTY; known.len() * 2];
            // Each bucket is divided over two, so that none of these is too full.
            known.into_iter().rev().filter(|&print| print != EMPTY).for_each(|print| self.enter(print));
        }
        self.enter(print);
        true
    }

    fn is_full(&self, print: u64) -> bool {
        let first = self.bucket(print);
        self.slots[first + WAYS - 1] != EMPTY
    }

    fn enter(&mut self, print: u64) {
        let first = self.bucket(print);
        let bucket = &mut self.slots[first..first + WAYS];
        // The newest stands first.
        bucket.rotate_right(1);
        let forgotten = std::mem::replace(&mut bucket[0], print);
        self.has_forgotten |= forgotten != EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::{Fingerprint, Hasher};

    fn prints(count: u64) -> Vec<u64> {
        let hasher = Hasher::default();
        (0..count).map(|state| u64::of(&hasher, &state)).collect()
    }

    #[test]
    fn it_takes_no_more_than_it_may_and_knows_the_newest() {
        let mut recent = Recent::new(64 << 10);
        let prints = prints(100_000);
        prints.iter().for_each(|&print| {
            recent.insert(print);
            assert!(recent.contains(print), "the one that came last is known");
        });
        assert!(recent.bytes() <= 64 << 10, "{}", recent.bytes());
        assert!(recent.has_forgotten());
        let known = |prints: &[u64]| prints.iter().filter(|&&print| recent.contains(print)).count();
        assert!(known(&prints[..50_000]) < 500, "old ones are forgotten");
        assert!(known(&prints[99_000..]) > 900, "new ones are known: {}", known(&prints[99_000..]));
    }

    #[test]
    fn it_is_exact_as_long_as_it_says_that_it_has_forgotten_nothing() {
        let mut recent = Recent::new(1 << 20);
        let mut entered = Vec::new();
        for print in prints(200_000) {
            recent.insert(print);
            entered.push(print);
            if recent.has_forgotten() {
                break;
            }
            assert!(!recent.insert(print), "it is known twice");
        }
        entered.pop();
        let missing = entered.iter().filter(|&&print| !recent.contains(print)).count();
        assert!(
            missing <= 1 && entered.len() > 20_000,
            "{missing} of {} are missing in {}",
            entered.len(),
            recent.slots.len()
        );
        recent.clear();
        assert!(!recent.has_forgotten() && entered.iter().all(|&print| !recent.contains(print)));
    }
}
