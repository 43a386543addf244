//! Where the sections of a state's words are.

use std::ops::Range;

use super::{Container, NodeColumn, PodColumn, ProxyPod, ReplicaSetColumn, Shared};

/// The sections of a state's words, as ranges of words.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(crate) shared: Range<usize>,
    pub(crate) replica_sets: Range<usize>,
    pub(crate) nodes: Range<usize>,
    pub(crate) pods: Range<usize>,
    pub(crate) containers: Range<usize>,
    pub(crate) proxies: Range<usize>,
    pub(crate) clocks: Range<usize>,
    pub(crate) rings: Range<usize>,
}

/// How many of each there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub pods: usize,
    pub nodes: usize,
    pub containers: usize,
    pub revisions: usize,
    pub clocks: usize,
    pub ring_words: usize,
}

impl Layout {
    pub(crate) fn new(counts: Counts) -> Self {
        let mut end = 0;
        let mut section = |bytes: usize| {
            let start = end;
            end += bytes.div_ceil(size_of::<u64>());
            start..end
        };
        Self {
            shared: section(size_of::<Shared>()),
            replica_sets: section(counts.revisions * size_of::<ReplicaSetColumn>()),
            nodes: section(counts.nodes * size_of::<NodeColumn>()),
            pods: section(counts.pods * size_of::<PodColumn>()),
            containers: section(counts.pods * counts.containers * size_of::<Container>()),
            proxies: section(counts.pods * counts.nodes * size_of::<ProxyPod>()),
            clocks: section(counts.clocks * size_of::<u16>()),
            rings: section(counts.ring_words * size_of::<u64>()),
        }
    }

    /// The length of a state in words.
    pub fn words(&self) -> usize {
        self.rings.end
    }
}
