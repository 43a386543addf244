//! A set of pods, a bit for each slot.

use podproof_vocabulary::PodId;

const WORDS: usize = 4;

/// A set of pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots([u64; WORDS]);

impl Slots {
    /// No pod.
    pub const NONE: Self = Self([0; WORDS]);

    /// Every slot that there can be.
    pub const ALL: Self = Self([u64::MAX; WORDS]);

    /// The pods whose column, one of these in the order of slots, is such.
    #[inline]
    pub fn of_columns<T>(columns: &[T], is_such: impl Fn(&T) -> bool) -> Self {
        let mut set = Self::NONE;
        for (word, columns) in columns.chunks(64).enumerate() {
            let bits = columns.iter().enumerate().map(|(bit, column)| u64::from(is_such(column)) << bit);
            set.0[word] = bits.fold(0, |all, bit| all | bit);
        }
        set
    }

    /// Adds a pod.
    #[inline]
    pub fn insert(&mut self, pod: PodId) {
        self.0[pod.index() / 64] |= 1 << (pod.index() % 64);
    }

    /// Removes a pod.
    #[inline]
    pub fn remove(&mut self, pod: PodId) {
        self.0[pod.index() / 64] &= !(1 << (pod.index() % 64));
    }

    /// Is the pod in it?
    #[inline]
    pub fn contains(self, pod: PodId) -> bool {
        self.0[pod.index() / 64] >> (pod.index() % 64) & 1 == 1
    }

    /// Is no pod in it?
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == [0; WORDS]
    }

    /// The pods that are in either.
    #[must_use]
    #[inline]
    pub fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    /// The pods that are in both.
    #[must_use]
    #[inline]
    pub fn intersection(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    /// The pods, in order.
    #[inline]
    pub fn iter(self) -> Iter {
        // Most scenarios have no more pods than bits in a word.
        let words = if self.0[1..] == [0; WORDS - 1] { 1 } else { WORDS };
        Iter { rest: self.0, word: 0, words }
    }
}

/// The pods of a set, in order.
#[derive(Clone, Debug)]
pub struct Iter {
    rest: [u64; WORDS],
    word: usize,
    /// Words that there may be a pod in.
    words: usize,
}

impl Iterator for Iter {
    type Item = PodId;

    #[inline]
    fn next(&mut self) -> Option<PodId> {
        while *self.rest.get(self.word)? == 0 {
            self.word += 1;
            if self.word >= self.words {
                return None;
            }
        }
        let rest = &mut self.rest[self.word];
        let bit = rest.trailing_zeros();
        *rest &= *rest - 1;
        Some(PodId(self.word as u8 * 64 + bit as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_in_order_what_was_put_in() {
        let mut set = Slots::NONE;
        for slot in [255, 0, 63, 64, 128, 70] {
            set.insert(PodId(slot));
        }
        set.remove(PodId(70));
        assert_eq!(set.iter().map(|pod| pod.0).collect::<Vec<_>>(), [0, 63, 64, 128, 255]);
        assert!(set.contains(PodId(64)) && !set.contains(PodId(70)) && !set.is_empty());
        assert_eq!(set.intersection(Slots::ALL), set);
        assert_eq!(set.union(Slots::ALL), Slots::ALL);
        assert_eq!(Slots::ALL.iter().count(), 256);
        assert!(Slots::NONE.iter().next().is_none() && Slots::NONE.is_empty());
        let columns: [u8; 250] = std::array::from_fn(|slot| slot as u8);
        let of_columns = Slots::of_columns(&columns, |slot| [0, 63, 64, 128, 249].contains(slot));
        assert_eq!(of_columns.iter().map(|pod| pod.0).collect::<Vec<_>>(), [0, 63, 64, 128, 249]);
    }
}
