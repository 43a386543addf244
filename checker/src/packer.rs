//! A hasher that packs what it is given before it hashes: derived `Hash` writes each discriminant, each flag and each length by
//! itself, eight bytes for most of them, and a state of small parts would cost a multiplication for each.
//!
//! Discriminants and lengths (`usize`, `isize`) below 255 take one byte, others a byte of 255 and eight more. So a sequence of
//! writes can be read back from what is hashed, if its reader knows at each place which type was written, as with derived `Hash`
//! it does: nothing becomes equal that was not.

use std::hash::Hasher;

/// Packs writes into words, and hashes these by `H`.
pub struct Packer<H> {
    hasher: H,
    word: u64,
    /// Bits of the word that are taken, below 64.
    taken: u32,
    words: u64,
}

/// In front of a length that takes more than a byte.
const LONG: u64 = 0xff;

impl<H: Hasher> Packer<H> {
    /// Hashes by `hasher`.
    pub fn new(hasher: H) -> Self {
        Self { hasher, word: 0, taken: 0, words: 0 }
    }

    #[inline(always)]
    fn push(&mut self, value: u64, bits: u32) {
        // The shift by 64 is one by 63 and by 1.
        let packed = self.word << 1 << (bits - 1) | value;
        let taken = self.taken + bits;
        if taken < 64 {
            (self.word, self.taken) = (packed, taken);
            return;
        }
        let left = taken - 64;
        let full = if left == 0 { packed } else { self.word << (bits - left) | value >> left };
        self.hasher.write_u64(full);
        self.words += 1;
        // What did not fit.
        self.word = value & ((1 << left) - 1);
        self.taken = left;
    }
}

impl<H: Hasher> Hasher for Packer<H> {
    #[inline]
    fn finish(&self) -> u64 {
        unreachable!("a packer is finished by value")
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        if self.taken != 0 {
            // Where the bytes begin depends on what came before them alone.
            self.push(0, 64 - self.taken);
        }
        self.hasher.write(bytes);
    }

    #[inline(always)]
    fn write_u8(&mut self, value: u8) {
        self.push(value.into(), 8);
    }

    #[inline(always)]
    fn write_u16(&mut self, value: u16) {
        self.push(value.into(), 16);
    }

    #[inline(always)]
    fn write_u32(&mut self, value: u32) {
        self.push(value.into(), 32);
    }

    #[inline(always)]
    fn write_u64(&mut self, value: u64) {
        self.push(value, 64);
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.push(value as u64, 64);
        self.push((value >> 64) as u64, 64);
    }

    #[inline(always)]
    fn write_usize(&mut self, value: usize) {
        let value = value as u64;
        if value < LONG {
            self.push(value, 8);
        } else {
            self.push(LONG, 8);
            self.push(value, 64);
        }
    }

    #[inline(always)]
    fn write_isize(&mut self, value: isize) {
        self.write_usize(value as usize);
    }
}

impl<H: Hasher> Packer<H> {
    /// The hash of all that was written.
    #[inline]
    pub fn hash(mut self) -> u64 {
        self.hasher.write_u64(self.word);
        self.hasher.write_u64(self.words << 6 | u64::from(self.taken));
        self.hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, Hash};

    use foldhash::quality::FixedState;
    use proptest::prelude::*;

    use super::*;

    fn hash(value: impl Hash) -> u64 {
        let mut packer = Packer::new(FixedState::default().build_hasher());
        value.hash(&mut packer);
        packer.hash()
    }

    /// Keeps what it is given.
    #[derive(Default)]
    struct Tape(Vec<u64>);

    impl Hasher for Tape {
        fn finish(&self) -> u64 {
            self.0.len() as u64
        }

        fn write(&mut self, bytes: &[u8]) {
            self.0.extend(bytes.iter().map(|&byte| u64::from(byte)));
        }

        fn write_u64(&mut self, value: u64) {
            self.0.push(value);
        }
    }

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    enum Part {
        Nothing,
        Flag(bool),
        Byte(u8),
        Pair(u16, i32),
        Wide(u128),
        Long(i64),
        List(Vec<u8>),
        Flags(Vec<bool>),
        Number(usize),
        Text(String),
    }

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let part = prop_oneof![
            Just(Part::Nothing),
            any::<bool>().prop_map(Part::Flag),
            any::<u8>().prop_map(Part::Byte),
            any::<(u16, i32)>().prop_map(|(a, b)| Part::Pair(a, b)),
            any::<u128>().prop_map(Part::Wide),
            any::<i64>().prop_map(Part::Long),
            prop::collection::vec(0_u8..3, 0..4).prop_map(Part::List),
            prop::collection::vec(any::<bool>(), 0..20).prop_map(Part::Flags),
            prop_oneof![0_usize..300, any::<usize>()].prop_map(Part::Number),
            "[a-b]{0,3}".prop_map(Part::Text),
        ];
        prop::collection::vec(part, 0..8)
    }

    /// What reaches the hasher below, the end included.
    fn tape(value: &impl Hash) -> Vec<u64> {
        let mut packer = Packer::new(Tape::default());
        value.hash(&mut packer);
        let mut tape = packer.hasher.0;
        tape.extend([packer.word, packer.words << 6 | u64::from(packer.taken)]);
        tape
    }

    #[test]
    fn small_parts_share_a_word() {
        let flags = (Part::Flag(true), [true; 4], Part::Nothing);
        assert_eq!(tape(&flags).len(), 3, "one word, the last one, and the length: {:?}", tape(&flags));
    }

    #[test]
    fn the_length_of_what_was_written_counts() {
        assert_ne!(hash([0_u8; 3].map(Part::Byte)), hash([0_u8; 4].map(Part::Byte)));
        assert_ne!(hash(0_u64), hash((0_u64, 0_u64)));
        assert_ne!(hash(254_usize), hash(255_usize));
        assert_ne!(hash(-1_isize), hash(255_usize));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_differs_is_packed_differently(one in parts(), other in parts()) {
            prop_assert_eq!(tape(&one) == tape(&other), one == other);
            prop_assert_eq!(hash(&one) == hash(&other), one == other);
        }

        #[test]
        fn a_change_of_one_part_shows(mut one in parts(), at in any::<prop::sample::Index>(), part in parts()) {
            let before = one.clone();
            if let (false, Some(part)) = (one.is_empty(), part.first()) {
                let at = at.index(one.len());
                one[at] = part.clone();
            }
            prop_assert_eq!(tape(&one) == tape(&before), one == before);
        }
    }
}
