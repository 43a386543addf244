//! Fingerprints: what a search keeps of a state to know it again.
//!
//! Two states with one fingerprint are taken for one. With 64 bits and n states that happens somewhere with a probability
//! of about n² / 2^65: 3 · 10^-8 at a million states, 3 % at a thousand millions. 128 bits cost twice the memory, and leave
//! nothing to speak of.

use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};

use foldhash::quality::FixedState;

use crate::packer::Packer;

/// How many bits of a state's hash are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bits {
    /// 8 bytes a state.
    #[default]
    B64,
    /// 16 bytes a state.
    B128,
}

impl Bits {
    /// As a number.
    pub const fn count(self) -> u32 {
        match self {
            Self::B64 => 64,
            Self::B128 => 128,
        }
    }

    /// About how probable it is that among `states` states two have the same fingerprint: as for words that are drawn at random, which those of
    /// a hash function nearly are.
    pub fn collision_probability(self, states: u64) -> f64 {
        let pairs = states as f64 * (states.saturating_sub(1)) as f64 / 2.0;
        (pairs / 2_f64.powi(self.count() as i32)).min(1.0)
    }
}

/// A hash function that is the same on every run and every machine of one byte order.
#[derive(Clone)]
pub struct Hasher {
    low: FixedState,
    high: FixedState,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { low: FixedState::default(), high: FixedState::with_seed(0x9e37_79b9_7f4a_7c15) }
    }
}

fn hash<S: Hash>(hasher: &FixedState, state: &S) -> u64 {
    let mut packer = Packer::new(hasher.build_hasher());
    state.hash(&mut packer);
    packer.hash()
}

/// A fingerprint, never [`EMPTY`](Self::EMPTY).
pub trait Fingerprint: Copy + Ord + Debug + Send + Sync + 'static {
    /// What no state has.
    const EMPTY: Self;
    /// How long it is.
    const BITS: Bits;
    /// That of a state.
    fn of<S: Hash>(hasher: &Hasher, state: &S) -> Self;
    /// Its upper 64 bits, by which a table is ordered.
    fn high(self) -> u64;
    /// Its lower bits, which say in which shard it is.
    fn low(self) -> usize;
    /// As a number.
    fn wide(self) -> u128;
    /// The one that is this number; none if no state has it.
    fn of_wide(wide: u128) -> Option<Self>;
}

impl Fingerprint for u64 {
    const EMPTY: Self = 0;
    const BITS: Bits = Bits::B64;

    fn of<S: Hash>(hasher: &Hasher, state: &S) -> Self {
        hash(&hasher.low, state).max(1)
    }

    fn high(self) -> u64 {
        self
    }

    fn low(self) -> usize {
        self as usize
    }

    fn wide(self) -> u128 {
        self.into()
    }

    fn of_wide(wide: u128) -> Option<Self> {
        Self::try_from(wide).ok().filter(|&print| print != Self::EMPTY)
    }
}

impl Fingerprint for u128 {
    const EMPTY: Self = 0;
    const BITS: Bits = Bits::B128;

    fn of<S: Hash>(hasher: &Hasher, state: &S) -> Self {
        let (low, high) = (hash(&hasher.low, state), hash(&hasher.high, state));
        (Self::from(high) << 64 | Self::from(low)).max(1)
    }

    fn high(self) -> u64 {
        (self >> 64) as u64
    }

    fn low(self) -> usize {
        self as usize
    }

    fn wide(self) -> u128 {
        self
    }

    fn of_wide(wide: u128) -> Option<Self> {
        (wide != Self::EMPTY).then_some(wide)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collision_becomes_probable_with_the_square_of_the_states() {
        let at = |states| Bits::B64.collision_probability(states);
        assert_eq!((at(0), at(1)), (0.0, 0.0));
        assert!((2e-8..4e-8).contains(&at(1_000_000)), "{}", at(1_000_000));
        assert!((0.02..0.03).contains(&at(1_000_000_000)), "{}", at(1_000_000_000));
        assert_eq!(Bits::B64.collision_probability(u64::MAX), 1.0);
        assert!(Bits::B128.collision_probability(1_000_000_000) < 1e-20);
    }

    #[test]
    fn both_halves_of_a_long_fingerprint_tell_states_apart() {
        let hasher = Hasher::default();
        let long: Vec<u128> = (0..1000_u32).map(|state| u128::of(&hasher, &state)).collect();
        for half in [|print: &u128| *print as u64, |print: &u128| (*print >> 64) as u64] {
            let mut halves: Vec<u64> = long.iter().map(half).collect();
            halves.sort_unstable();
            halves.dedup();
            assert_eq!(halves.len(), 1000);
        }
    }
}
