//! Fingerprints that were lately met: most transitions lead to where others have just led, and a look into this small table, which
//! stays in the processor's cache, spares one into the large one.

use crate::fingerprint::Fingerprint;

/// Places; a power of two.
const PLACES: usize = 1 << 13;

/// Bits of a fingerprint that are the same for many in a row, as they say which shard it is in.
const SHARD_BITS: u32 = 6;

/// Remembers the last fingerprint for each place.
pub struct Met<F>(Box<[F]>);

impl<F: Fingerprint> Met<F> {
    pub fn new() -> Self {
        Self(vec![F::EMPTY; PLACES].into())
    }

    /// Meets a fingerprint: was it met before? False says nothing: it may have been forgotten.
    pub fn again(&mut self, print: F) -> bool {
        let place = &mut self.0[print.low() >> SHARD_BITS & (PLACES - 1)];
        std::mem::replace(place, print) == print
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_never_met_is_not_met_again(prints in prop::collection::vec((1..40_u64, 1..9_u64), 0..400)) {
            let mut met = Met::<u64>::new();
            let mut known = std::collections::BTreeSet::new();
            let mut last = None;
            for (low, high) in prints {
                // Some share a place.
                let print = high << 40 | low << SHARD_BITS;
                let (again, is_new) = (met.again(print), known.insert(print));
                prop_assert!(!again || !is_new);
                prop_assert!(again || last != Some(print));
                last = Some(print);
            }
        }
    }
}
