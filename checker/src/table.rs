//! A set of fingerprints that is never less than three quarters full, nor more than seven eighths.
//!
//! Fingerprints stand in ascending order with gaps (linear probing from a place in proportion to the value), so an
//! unsuccessful look ends as soon as a larger one is met, and growing is one pass through memory. It grows by an eighth, so
//! that at no time more than a quarter of it is empty.

use crate::fingerprint::Fingerprint;
use crate::graph::Id;

/// The set, with a number for each member if it keeps numbers.
pub struct Table<F> {
    slots: Vec<F>,
    /// Beside the slots; empty if no numbers are kept.
    numbers: Vec<Id>,
    keeps_numbers: bool,
    /// Slots that fingerprints are spread over; behind them there is room for those that are pushed on.
    spread: usize,
    len: usize,
}

const LEAST: usize = 64;

impl<F: Fingerprint> Table<F> {
    pub fn new(keeps_numbers: bool) -> Self {
        let numbers = if keeps_numbers { vec![0; LEAST + 1] } else { Vec::new() };
        Self { slots: vec![F::EMPTY; LEAST + 1], numbers, keeps_numbers, spread: LEAST, len: 0 }
    }

    fn home(&self, print: F) -> usize {
        ((u128::from(print.high()) * self.spread as u128) >> 64) as usize
    }

    /// Where it is, or where it would have to be. The last slot is empty, so that a look always ends.
    fn find(&self, print: F) -> Result<usize, usize> {
        let mut at = self.home(print);
        loop {
            let here = self.slots[at];
            if here == print {
                return Ok(at);
            }
            if here == F::EMPTY || here > print {
                return Err(at);
            }
            at += 1;
        }
    }

    pub fn contains(&self, print: F) -> bool {
        self.find(print).is_ok()
    }

    /// The number of a member.
    pub fn number(&self, print: F) -> Option<Id> {
        self.find(print).ok().map(|at| self.numbers[at])
    }

    /// Gives a member a number.
    pub fn set_number(&mut self, print: F, number: Id) {
        if let (true, Ok(at)) = (self.keeps_numbers, self.find(print)) {
            self.numbers[at] = number;
        }
    }

    /// Enters a fingerprint; is it new?
    pub fn insert(&mut self, print: F) -> bool {
        let Err(mut at) = self.find(print) else { return false };
        if (self.len + 1) * 8 > self.spread * 7 {
            self.grow();
            at = self.find(print).expect_err("it was not there");
        }
        let free = (at..).find(|&slot| self.slots[slot] == F::EMPTY).expect("the last slot is empty");
        self.slots.copy_within(at..free, at + 1);
        self.slots[at] = print;
        if self.keeps_numbers {
            self.numbers.copy_within(at..free, at + 1);
        }
        self.len += 1;
        if free + 1 == self.slots.len() {
            self.slots.push(F::EMPTY);
            if self.keeps_numbers {
                self.numbers.push(0);
            }
        }
        true
    }

    fn grow(&mut self) {
        let spread = self.spread + (self.spread / 8).max(LEAST);
        let mut next = Self { slots: Vec::new(), numbers: Vec::new(), spread, ..*self };
        // Room behind for those that the last ones push on.
        let room = spread + LEAST;
        next.slots.reserve_exact(room);
        if self.keeps_numbers {
            next.numbers.reserve_exact(room);
        }
        for (at, &print) in self.slots.iter().enumerate().filter(|&(_, &print)| print != F::EMPTY) {
            let home = next.home(print).max(next.slots.len());
            next.slots.resize(home, F::EMPTY);
            next.slots.push(print);
            if self.keeps_numbers {
                next.numbers.resize(home, 0);
                next.numbers.push(self.numbers[at]);
            }
        }
        let end = (spread + 1).max(next.slots.len() + 1);
        next.slots.resize(end, F::EMPTY);
        if self.keeps_numbers {
            next.numbers.resize(end, 0);
        }
        *self = next;
    }

    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<F>() + self.numbers.capacity() * size_of::<Id>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers all over the range of a hash.
    fn scattered(seed: u64) -> u64 {
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9).max(1)
    }

    #[test]
    fn a_full_table_takes_less_than_eleven_bytes_a_member() {
        let mut table = Table::<u64>::new(false);
        for count in 1..200_000_u64 {
            assert!(table.insert(scattered(count)));
            if count > 10_000 {
                let each = table.bytes() as f64 / count as f64;
                assert!(each < 11.0, "{each} bytes at {count}");
            }
        }
        assert!(
            (1..200_000).all(|count| table.contains(scattered(count)) && !table.insert(scattered(count)))
        );
        assert!(!(200_000..300_000).any(|count| table.contains(scattered(count))));
    }

    #[test]
    fn the_ends_of_the_range_have_room() {
        let mut table = Table::<u64>::new(true);
        for distance in 0..500 {
            assert!(table.insert(u64::MAX - distance) && table.insert(1 + distance));
            table.set_number(u64::MAX - distance, distance as Id);
        }
        assert!((0..500).all(|distance| table.number(u64::MAX - distance) == Some(distance as Id)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_a_map(prints in prop::collection::vec(prop_oneof![1_u128..40, any::<u128>().prop_map(|p| p.max(1)),
            (u128::MAX - 40)..u128::MAX], 0..600))
        {
            let mut table = Table::<u128>::new(true);
            let mut known = std::collections::BTreeMap::new();
            for (number, &print) in prints.iter().enumerate() {
                prop_assert_eq!(table.insert(print), !known.contains_key(&print));
                table.set_number(print, number as Id);
                known.insert(print, number as Id);
            }
            for (&print, &number) in &known {
                prop_assert_eq!(table.number(print), Some(number));
            }
            prop_assert!(table.slots.iter().filter(|&&print| print != 0).is_sorted());
        }
    }
}
