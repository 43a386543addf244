//! A set of fingerprints that is never less than three quarters full, nor more than fifteen sixteenths.
//!
//! Fingerprints stand in buckets of one cache line (two for long ones), as many as fit, and where a bucket is full in the next
//! one. A look compares a whole bucket without a branch, and ends at the first that has room. The bucket is chosen in proportion to
//! the value, so growing is one pass through memory. It grows by a quarter, so that at no time more than a quarter of it is
//! empty.

use crate::fingerprint::Fingerprint;
use crate::graph::Id;

/// Fingerprints of a bucket.
const WIDTH: usize = 8;

/// Buckets of a new table.
const LEAST: usize = 8;

/// Filled from the front.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket<F>([F; WIDTH]);

impl<F: Fingerprint> Bucket<F> {
    const EMPTY: Self = Self([F::EMPTY; WIDTH]);

    fn has(&self, print: F) -> bool {
        // Not `contains`: it branches at each.
        self.0.iter().fold(false, |has, &slot| has | (slot == print))
    }

    fn is_full(&self) -> bool {
        self.0[WIDTH - 1] != F::EMPTY
    }

    fn position(&self, print: F) -> usize {
        self.0.iter().position(|&slot| slot == print).expect("it is in this bucket")
    }
}

/// The set, with a number for each member if it keeps numbers.
pub struct Table<F> {
    buckets: Vec<Bucket<F>>,
    /// One for each slot; empty if no numbers are kept.
    numbers: Vec<Id>,
    keeps_numbers: bool,
    len: usize,
}

impl<F: Fingerprint> Table<F> {
    pub fn new(keeps_numbers: bool) -> Self {
        Self::with(LEAST, keeps_numbers)
    }

    fn with(buckets: usize, keeps_numbers: bool) -> Self {
        let numbers = if keeps_numbers { vec![0; buckets * WIDTH] } else { Vec::new() };
        Self { buckets: vec![Bucket::EMPTY; buckets], numbers, keeps_numbers, len: 0 }
    }

    fn home(&self, print: F) -> usize {
        ((u128::from(print.high()) * self.buckets.len() as u128) >> 64) as usize
    }

    /// Part of the bucket where a look begins. Who has many looks ahead asks for all of these first, and the memory is waited for
    /// once.
    #[inline]
    pub fn ahead(&self, print: F) -> u64 {
        self.buckets[self.home(print)].0[0].high()
    }

    /// The bucket that it is in, or that has room for it.
    #[inline]
    fn find(&self, print: F) -> Result<usize, usize> {
        let mut at = self.home(print);
        loop {
            let bucket = &self.buckets[at];
            if bucket.has(print) {
                return Ok(at);
            }
            if !bucket.is_full() {
                return Err(at);
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
    }

    #[inline]
    pub fn contains(&self, print: F) -> bool {
        self.find(print).is_ok()
    }

    fn place(&self, print: F) -> Option<usize> {
        self.find(print).ok().map(|at| at * WIDTH + self.buckets[at].position(print))
    }

    /// The number of a member.
    pub fn number(&self, print: F) -> Option<Id> {
        self.place(print).map(|place| self.numbers[place])
    }

    /// Gives a member a number.
    pub fn set_number(&mut self, print: F, number: Id) {
        if let (true, Some(place)) = (self.keeps_numbers, self.place(print)) {
            self.numbers[place] = number;
        }
    }

    /// Enters a fingerprint; is it new?
    pub fn insert(&mut self, print: F) -> bool {
        let Err(mut at) = self.find(print) else { return false };
        if (self.len + 1) * 16 > self.buckets.len() * WIDTH * 15 {
            self.grow();
            at = self.find(print).expect_err("it was not there");
        }
        self.put(at, print);
        true
    }

    /// Puts it into a bucket that has room; its place.
    fn put(&mut self, at: usize, print: F) -> usize {
        let free = self.buckets[at].position(F::EMPTY);
        self.buckets[at].0[free] = print;
        self.len += 1;
        at * WIDTH + free
    }

    fn grow(&mut self) {
        let buckets = self.buckets.len() + self.buckets.len() / 4;
        let mut next = Self::with(buckets, self.keeps_numbers);
        for (at, bucket) in self.buckets.iter().enumerate() {
            for (slot, &print) in bucket.0.iter().enumerate().filter(|&(_, &print)| print != F::EMPTY) {
                let free = next.find(print).expect_err("each is there once");
                let place = next.put(free, print);
                if self.keeps_numbers {
                    next.numbers[place] = self.numbers[at * WIDTH + slot];
                }
            }
        }
        *self = next;
    }

    pub fn bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket<F>>() + self.numbers.capacity() * size_of::<Id>()
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
            prop_assert_eq!(table.len, known.len());
        }
    }
}
