//! Event rings of an exact search: for each consumer and resource the events that are on their way, in order (MOD-1,
//! API-40), as many as the scenario says. An overflow marks the state, and its verdict becomes `incomplete`.
//!
//! A ring is a header word with its length, then its entries; a popped ring moves down, so that equal queues are
//! equal words. An entry of an EndpointSlice is a snapshot of all its endpoints, eight to a word.

use std::ops::Range;

use podproof_vocabulary::action::Watcher;
use podproof_vocabulary::{NodeId, PodId};
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::state::Endpoint;
use crate::time;

/// Bits of an entry's value; the object's number is above.
const VALUE_BITS: u32 = 52;

/// One consumer's events of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Pods to the scheduler.
    SchedulerPods,
    /// Nodes to the scheduler.
    SchedulerNodes,
    /// Pods to the controller manager.
    ControllerPods,
    /// Nodes to the controller manager.
    ControllerNodes,
    /// ReplicaSets to the controller manager.
    ReplicaSets,
    /// The Deployment to the controller manager.
    Deployments,
    /// Its pods to a kubelet.
    KubeletPods(NodeId),
    /// The slice to a kube-proxy.
    Slices(NodeId),
}

impl Stream {
    const FIXED: usize = 6;

    /// Every stream, in the order of their numbers.
    pub fn all(nodes: usize) -> impl Iterator<Item = Self> {
        let fixed = [
            Self::SchedulerPods,
            Self::SchedulerNodes,
            Self::ControllerPods,
            Self::ControllerNodes,
            Self::ReplicaSets,
            Self::Deployments,
        ];
        fixed
            .into_iter()
            .chain(NodeId::first(nodes).map(Self::KubeletPods))
            .chain(NodeId::first(nodes).map(Self::Slices))
    }

    /// How many streams there are.
    pub const fn count(nodes: usize) -> usize {
        Self::FIXED + 2 * nodes
    }

    /// Its number, below [`Self::count`].
    pub fn number(self, nodes: usize) -> usize {
        match self {
            Self::SchedulerPods => 0,
            Self::SchedulerNodes => 1,
            Self::ControllerPods => 2,
            Self::ControllerNodes => 3,
            Self::ReplicaSets => 4,
            Self::Deployments => 5,
            Self::KubeletPods(node) => Self::FIXED + node.index(),
            Self::Slices(node) => Self::FIXED + nodes + node.index(),
        }
    }

    /// Whose events they are.
    pub fn watcher(self) -> Watcher {
        match self {
            Self::SchedulerPods | Self::SchedulerNodes => Watcher::Scheduler,
            Self::ControllerPods | Self::ControllerNodes | Self::ReplicaSets | Self::Deployments => {
                Watcher::ControllerManager
            }
            Self::KubeletPods(node) => Watcher::Kubelet(node),
            Self::Slices(node) => Watcher::Proxy(node),
        }
    }

    /// The pods that a consumer watches.
    pub fn pods(watcher: Watcher) -> Self {
        match watcher {
            Watcher::Scheduler => Self::SchedulerPods,
            Watcher::ControllerManager => Self::ControllerPods,
            Watcher::Kubelet(node) => Self::KubeletPods(node),
            Watcher::Proxy(node) => Self::Slices(node),
        }
    }

    /// The nodes that a consumer watches.
    pub fn nodes(watcher: Watcher) -> Self {
        match watcher {
            Watcher::Scheduler => Self::SchedulerNodes,
            Watcher::ControllerManager | Watcher::Kubelet(_) | Watcher::Proxy(_) => Self::ControllerNodes,
        }
    }

    fn words(self, cluster: &Cluster<'_>) -> Range<usize> {
        let capacity = cluster.rules.ring_capacity();
        let plain = 1 + capacity;
        let slice = 1 + capacity * snapshot_words(cluster.rules.pods);
        let nodes = cluster.rules.nodes;
        match self {
            Self::Slices(node) => {
                let start = (Self::FIXED + nodes) * plain + node.index() * slice;
                start..start + slice
            }
            _ => {
                let start = self.number(nodes) * plain;
                start..start + plain
            }
        }
    }

    fn entry_words(self, cluster: &Cluster<'_>) -> usize {
        match self {
            Self::Slices(_) => snapshot_words(cluster.rules.pods),
            _ => 1,
        }
    }
}

fn snapshot_words(pods: usize) -> usize {
    pods.div_ceil(8)
}

/// The words that the rings of such a cluster take.
pub fn words(pods: usize, nodes: usize, capacity: usize) -> usize {
    (Stream::FIXED + nodes) * (1 + capacity) + nodes * (1 + capacity * snapshot_words(pods))
}

/// Does this search keep rings?
pub fn is_kept(cluster: &Cluster<'_>) -> bool {
    !cluster.rings.is_empty()
}

/// Adds an event; a full ring marks the state.
pub fn push(cluster: &mut Cluster<'_>, stream: Stream, key: u8, value: &[u64]) {
    let width = stream.entry_words(cluster);
    let words = stream.words(cluster);
    let capacity = cluster.rules.ring_capacity();
    let ring = &mut cluster.rings[words];
    let length = ring[0] as usize;
    if length == capacity {
        cluster.shared.control_plane.set_ring_overflow(true);
        return;
    }
    ring[0] += 1;
    let entry = &mut ring[1 + length * width..][..width];
    entry.copy_from_slice(value);
    if width == 1 && !matches!(stream, Stream::Slices(_)) {
        debug_assert!(value[0] < 1 << VALUE_BITS, "a value fits below its key");
        entry[0] |= u64::from(key) << VALUE_BITS;
    }
}

/// How many events are on their way.
pub fn length(cluster: &Cluster<'_>, stream: Stream) -> usize {
    cluster.rings[stream.words(cluster).start] as usize
}

/// The oldest event: its object and value.
pub fn head(cluster: &Cluster<'_>, stream: Stream) -> Option<(u8, u64)> {
    let ring = &cluster.rings[stream.words(cluster)];
    (ring[0] > 0).then(|| ((ring[1] >> VALUE_BITS) as u8, ring[1] & ((1 << VALUE_BITS) - 1)))
}

/// Takes the oldest event away; nothing, where no rings are kept.
pub fn pop(cluster: &mut Cluster<'_>, stream: Stream) {
    if !is_kept(cluster) {
        return;
    }
    let width = stream.entry_words(cluster);
    let words = stream.words(cluster);
    let ring = &mut cluster.rings[words];
    let length = ring[0] as usize;
    ring.copy_within(1 + width..1 + length * width, 1);
    ring[1 + (length - 1) * width..][..width].fill(0);
    ring[0] -= 1;
    time::forget_event(cluster, stream);
}

/// Takes all events away.
pub fn clear(cluster: &mut Cluster<'_>, stream: Stream) {
    if is_kept(cluster) {
        let words = stream.words(cluster);
        cluster.rings[words].fill(0);
        time::forget_events(cluster, stream);
    }
}

/// Is an event of this pod, or a slice that has it, on its way to somebody?
pub fn mentions(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let entries = |stream: Stream| {
        let width = stream.entry_words(cluster);
        let ring = &cluster.rings[stream.words(cluster)];
        ring[1..1 + ring[0] as usize * width].chunks(width)
    };
    let of_kubelets = cluster.node_ids().map(Stream::KubeletPods);
    let mut of_pods = [Stream::SchedulerPods, Stream::ControllerPods].into_iter().chain(of_kubelets);
    let mut of_slices = cluster.node_ids().map(Stream::Slices);
    of_pods.any(|stream| entries(stream).any(|entry| (entry[0] >> VALUE_BITS) as u8 == pod.0))
        || of_slices.any(|stream| entries(stream).any(|entry| endpoint_in(entry, pod).is_present()))
}

/// The slice as an entry.
pub fn snapshot(cluster: &Cluster<'_>) -> SmallVec<[u64; 4]> {
    let endpoints = cluster.pods.chunks(8);
    endpoints
        .map(|chunk| chunk.iter().rev().fold(0, |word, column| word << 8 | u64::from(u8::from(column.slice))))
        .collect()
}

fn endpoint_in(entry: &[u64], pod: PodId) -> Endpoint {
    Endpoint::from((entry[pod.index() / 8] >> (8 * (pod.index() % 8))) as u8)
}

/// A pod's entry in the oldest slice on its way to a kube-proxy.
pub fn endpoint_of(cluster: &Cluster<'_>, node: NodeId, pod: PodId) -> Endpoint {
    let width = snapshot_words(cluster.rules.pods);
    let ring = &cluster.rings[Stream::Slices(node).words(cluster)];
    endpoint_in(&ring[1..1 + width], pod)
}
