//! What a search asks for the steps of: everything, or only what a step has touched.
//!
//! In a state in which nothing follows at once, what follows at once after one more step can only be about what that step
//! has touched. So a search that has just taken a step asks for the candidates of that scope: of a pod or two, and of them
//! only the [parts](Part) whose guards read something that has changed; and not for those of the whole cluster.

use podproof_vocabulary::{NodeId, PodId};

use crate::cluster::Cluster;
use crate::slots::Slots;

/// A group of candidates that may follow at once. Each component looks at its own; what its guards read is said beside
/// [`Touches`](crate::reduced).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Part {
    /// News of pods to the scheduler.
    SchedulerNews = 1,
    /// News of ReplicaSets to the controller manager.
    ReplicaSetNews = 1 << 1,
    /// News of the slice to the kube-proxies.
    SliceNews = 1 << 2,
    /// What the scheduler has decided and not yet written.
    Bindings = 1 << 3,
    /// Status and planned creations of ReplicaSets.
    ReplicaSets = 1 << 4,
    /// What controllers have planned to write of a pod.
    PlannedWrites = 1 << 5,
    /// The write of the slice.
    Slice = 1 << 6,
    /// Relists, and what pod workers and probes make of them.
    Reactions = 1 << 7,
    /// The rules of the nodes.
    Rules = 1 << 8,
    /// What never follows at once, or after such steps alone as touch everything.
    Others = 1 << 9,
}

/// A set of parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts(u16);

impl Parts {
    /// None.
    pub const NONE: Self = Self(0);

    /// All.
    pub const ALL: Self = Self(u16::MAX);

    /// These.
    pub const fn of(parts: &[Part]) -> Self {
        let (mut set, mut index) = (0, 0);
        while index < parts.len() {
            set |= parts[index] as u16;
            index += 1;
        }
        Self(set)
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Is one of `others` in this set?
    pub const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// The things whose candidates are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    everything: bool,
    parts: Parts,
    pods: Slots,
}

impl Scope {
    /// Everything: every candidate is asked for.
    pub const EVERYTHING: Self = Self { everything: true, parts: Parts::ALL, pods: Slots::ALL };

    /// Nothing.
    pub const NOTHING: Self = Self { everything: false, parts: Parts::NONE, pods: Slots::NONE };

    /// One pod, and no part of what may follow.
    pub fn of(pod: PodId) -> Self {
        let mut scope = Self::NOTHING;
        scope.pods.insert(pod);
        scope
    }

    /// The same with more parts.
    #[must_use]
    pub fn with(self, parts: Parts) -> Self {
        Self { parts: self.parts.union(parts), ..self }
    }

    /// What either holds.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            everything: self.everything || other.everything,
            parts: self.parts.union(other.parts),
            pods: self.pods.union(other.pods),
        }
    }

    /// Is it everything? Candidates that never follow at once are asked for only then.
    pub fn is_everything(self) -> bool {
        self.everything
    }

    /// Are the candidates of this part asked for?
    pub fn asks(self, part: Part) -> bool {
        self.asks_any(Parts::of(&[part]))
    }

    /// Are the candidates of one of these parts asked for?
    pub fn asks_any(self, parts: Parts) -> bool {
        self.parts.meets(parts)
    }

    /// Is a pod in it?
    pub fn has(self, pod: PodId) -> bool {
        self.pods.contains(pod)
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
