//! What a search asks for the steps of: everything, or only what a step has touched.
//!
//! In a state in which nothing follows at once, what follows at once after one more step can only be about what that step
//! has touched. So a search that has just taken a step asks for the candidates of that scope, which is a pod or two, and not
//! for those of the whole cluster.

use podproof_vocabulary::{NodeId, PodId};

use crate::cluster::Cluster;
use crate::slots::Slots;

/// The things whose candidates are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    everything: bool,
    replica_sets: bool,
    pods: Slots,
}

impl Scope {
    /// Everything: every candidate is asked for.
    pub const EVERYTHING: Self = Self { everything: true, replica_sets: true, pods: Slots::ALL };

    /// Nothing.
    pub const NOTHING: Self = Self { everything: false, replica_sets: false, pods: Slots::NONE };

    /// The ReplicaSets.
    pub const REPLICA_SETS: Self = Self { everything: false, replica_sets: true, pods: Slots::NONE };

    /// One pod.
    pub fn of(pod: PodId) -> Self {
        let mut scope = Self::NOTHING;
        scope.pods.insert(pod);
        scope
    }

    /// What either holds.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            everything: self.everything || other.everything,
            replica_sets: self.replica_sets || other.replica_sets,
            pods: self.pods.union(other.pods),
        }
    }

    /// Is it everything? Candidates that never follow at once are asked for only then, but for those of a pod on its node.
    pub fn is_everything(self) -> bool {
        self.everything
    }

    /// Are the ReplicaSets in it?
    pub fn has_replica_sets(self) -> bool {
        self.replica_sets
    }

    /// Is a pod in it?
    pub fn has(self, pod: PodId) -> bool {
        self.pods.contains(pod)
    }

    /// Is there a pod in it?
    pub fn has_pods(self) -> bool {
        !self.pods.is_empty()
    }

    /// Is there a pod in it that the kubelet or the runtime of `node` knows? Everything has to do with every node.
    pub fn has_pod_of(self, cluster: &Cluster<'_>, node: NodeId) -> bool {
        self.everything || self.pods(cluster).any(|pod| cluster.pod(pod).kubelet.node() == Some(node))
    }

    /// The pods in it that somebody remembers.
    pub fn pods(self, cluster: &Cluster<'_>) -> impl Iterator<Item = PodId> + use<> {
        self.pods.intersection(cluster.used()).iter()
    }
}
