//! The state of a cluster: plain old data, a few words long.
//!
//! A state is a sequence of 64-bit words whose length and layout the scenario fixes, so that it is cloned, hashed,
//! compared and stored as what it is. Components never see the words: they work on a [`Cluster`](crate::Cluster),
//! which lays typed slices over them.
//!
//! A pod's whole footprint (store, each consumer's copy, worker, containers, rules of each node) is its *column*:
//! its [`PodColumn`], its row of containers and its row of [`ProxyPod`]s.

mod bytes;
mod container;
pub(crate) mod layout;
mod node;
mod pod;
mod shared;

use std::fmt;

use smallvec::SmallVec;

pub use container::Container;
pub use layout::Layout;
pub use node::{Machine, NodeColumn, NodeObject};
pub(crate) use pod::NODE_FIELDS;
pub use pod::{
    ControllerPod, ControllerView, Endpoint, KubeletPod, KubeletView, PodColumn, PodHead, PodObject,
    ProxyPod, SchedulerPod, SchedulerView, Worker,
};
pub use shared::{BudgetObject, ControlPlane, DeploymentObject, ReplicaSetColumn, Shared};

/// Words that are stored without an allocation; scenarios of the default size stay below.
const INLINE_WORDS: usize = 48;

/// The state of a cluster. Equal states have equal words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterState {
    pub(crate) words: SmallVec<[u64; INLINE_WORDS]>,
}

impl ClusterState {
    /// The all-zero state of a layout.
    pub(crate) fn zeroed(words: usize) -> Self {
        Self { words: SmallVec::from_elem(0, words) }
    }

    /// Bytes that it holds outside of itself.
    pub fn heap_bytes(&self) -> usize {
        if self.words.spilled() { size_of_val(&*self.words) } else { 0 }
    }

    /// What there is once.
    pub(crate) fn shared(&self, layout: &Layout) -> Shared {
        bytemuck::cast_slice(&self.words[layout.shared.clone()])[0]
    }

    /// The words, in the layout of the scenario.
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

impl Clone for ClusterState {
    fn clone(&self) -> Self {
        Self { words: SmallVec::from_slice(&self.words) }
    }
}

impl std::hash::Hash for ClusterState {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        hasher.write(bytemuck::cast_slice(&self.words));
    }
}

impl fmt::Debug for ClusterState {
    /// The words in hexadecimal; [`crate::Model`] prints a state with names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterState(")?;
        for word in &self.words {
            write!(f, "{word:x}.")?;
        }
        write!(f, ")")
    }
}
