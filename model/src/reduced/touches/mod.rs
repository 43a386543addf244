//! What a small step has touched, found by comparing the words of the states on both sides of it.
//!
//! Each bit of a state has a [`Meaning`]: what may follow at once where it changes, and which promises about states read it.
//! [`reads`] says what is read, by painting it: a brush sets the bits, whatever word they are in.

mod reads;
#[cfg(test)]
mod tests;

use podproof_vocabulary::PodId;
use podproof_vocabulary::property::PropertySet;
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::rules::Rules;
use crate::scope::{Parts, Scope};
use crate::state::ClusterState;
use crate::watch::ring;

/// What each word of a state holds.
#[derive(Clone, Debug)]
pub struct Touches {
    words: Vec<Word>,
    /// Guards read more of what other pods do than a scope tells: those of rings and of hangs.
    coarse: bool,
}

#[derive(Clone, Debug)]
struct Word {
    /// The pods whose bits are in it.
    scope: Scope,
    /// Bits that mean the same, with what they mean; bits that mean nothing are left out.
    meanings: SmallVec<[(u64, Meaning); 4]>,
}

/// What it means that a bit has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Meaning {
    /// Everything may have become possible.
    everything: bool,
    /// What may follow at once.
    parts: Parts,
    /// The promises about states that read it.
    promises: PropertySet,
}

impl Meaning {
    #[must_use]
    const fn union(self, other: Self) -> Self {
        Self {
            everything: self.everything || other.everything,
            parts: self.parts.union(other.parts),
            promises: self.promises.union(other.promises),
        }
    }
}

/// What a small step has touched.
#[derive(Clone, Copy, Debug)]
pub struct Touched {
    /// What guards may have become true of.
    pub scope: Scope,
    /// The promises about states that read something of it: each of the others says of the state after the step what it said
    /// before.
    pub promises: PropertySet,
}

impl Touches {
    /// The words of the states of `rules`, where no more than `parts` has steps that follow at once.
    pub fn of(rules: &Rules, parts: Parts) -> Self {
        let paint = |brush: &dyn Fn(&mut Cluster<'_>)| {
            let mut state = ClusterState::zeroed(rules.layout.words());
            brush(&mut Cluster::new(rules, &mut state));
            state
        };
        let mut bits = vec![[Meaning::default(); 64]; rules.layout.words()];
        let mut mean = |painted: &ClusterState, meaning: Meaning| {
            for (bits, painted) in bits.iter_mut().zip(painted.words()) {
                for (_, known) in bits.iter_mut().enumerate().filter(|(bit, _)| painted >> bit & 1 == 1) {
                    *known = known.union(meaning);
                }
            }
        };
        mean(&paint(&reads::common), Meaning { everything: true, ..Meaning::default() });
        for part in reads::PARTS {
            let parts = Parts::of(&[part]).intersection(parts);
            mean(&paint(&|cluster| reads::part(part, cluster)), Meaning { parts, ..Meaning::default() });
        }
        for property in reads::PROMISES {
            let promises = PropertySet::NONE.with(property);
            let painted = paint(&|cluster| reads::promise(property, cluster));
            mean(&painted, Meaning { promises, ..Meaning::default() });
        }
        let mut words: Vec<Word> =
            bits.iter().map(|bits| Word { scope: Scope::NOTHING, meanings: grouped(bits) }).collect();
        for pod in PodId::first(rules.pods) {
            let column = paint(&|cluster| reads::column(pod, cluster));
            for (word, _) in words.iter_mut().zip(column.words()).filter(|(_, painted)| **painted != 0) {
                word.scope = word.scope.union(Scope::of(pod));
            }
        }
        let rings = ring::is_kept(&Cluster::new(rules, &mut ClusterState::zeroed(rules.layout.words())));
        Self { words, coarse: rings || rules.has_hangs() }
    }

    /// What a step from `before` to `after` has touched, of which `cluster` is laid open.
    ///
    /// A guard that is true after it and was not before reads something that the step changed. What pods have in common is read
    /// by many guards, so a step that changes it has touched everything; and while pods are evicted the guards of that read the
    /// budget and all pods.
    pub fn between(&self, before: &ClusterState, after: &[u64], evicting: bool) -> Touched {
        let mut scope = Scope::NOTHING;
        let mut meaning = Meaning { everything: self.coarse || evicting, ..Meaning::default() };
        for (index, (before, after)) in before.words().iter().zip(after).enumerate() {
            let changed = before ^ after;
            if changed != 0 {
                let word = &self.words[index];
                scope = scope.union(word.scope);
                for &(_, of_bits) in word.meanings.iter().filter(|(bits, _)| changed & bits != 0) {
                    meaning = meaning.union(of_bits);
                }
            }
        }
        let scope = if meaning.everything { Scope::EVERYTHING } else { scope.with(meaning.parts) };
        Touched { scope, promises: meaning.promises }
    }
}

/// The bits of a word by what they mean.
fn grouped(bits: &[Meaning; 64]) -> SmallVec<[(u64, Meaning); 4]> {
    let mut groups: SmallVec<[(u64, Meaning); 4]> = SmallVec::new();
    for (bit, &meaning) in bits.iter().enumerate().filter(|(_, meaning)| **meaning != Meaning::default()) {
        match groups.iter_mut().find(|(_, known)| *known == meaning) {
            Some((mask, _)) => *mask |= 1 << bit,
            None => groups.push((1 << bit, meaning)),
        }
    }
    groups
}
