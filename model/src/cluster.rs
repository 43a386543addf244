//! A cluster at work: typed slices over the words of one state, together with the rules. Guards read it, effects
//! write it.

use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use crate::rules::Rules;
use crate::slots::Slots;
use crate::state::{ClusterState, Container, NodeColumn, PodColumn, ProxyPod, ReplicaSetColumn, Shared};

/// One state, laid open.
pub struct Cluster<'a> {
    /// The scenario, compiled.
    pub rules: &'a Rules,
    /// What there is once.
    pub shared: &'a mut Shared,
    /// The ReplicaSets by revision.
    pub replica_sets: &'a mut [ReplicaSetColumn],
    /// The nodes.
    pub nodes: &'a mut [NodeColumn],
    /// The pods by slot.
    pub pods: &'a mut [PodColumn],
    /// The containers, a row for each slot.
    pub(crate) containers: &'a mut [Container],
    /// The kube-proxies' copies and rules, a row for each slot.
    pub(crate) proxies: &'a mut [ProxyPod],
    /// What is left on each clock, plus one; 0 where it does not run.
    pub(crate) clocks: &'a mut [u16],
    /// The event rings of an exact search.
    pub(crate) rings: &'a mut [u64],
    /// The slots that somebody remembers a pod in.
    used: Slots,
}

/// The slots that are in use.
fn used(pods: &[PodColumn]) -> Slots {
    Slots::of_columns(pods, |column| column.head.used())
}

impl<'a> Cluster<'a> {
    /// Lays `state` open.
    pub fn new(rules: &'a Rules, state: &'a mut ClusterState) -> Self {
        let layout = &rules.layout;
        let (shared, rest) = state.words.split_at_mut(layout.shared.end);
        let (replica_sets, rest) = rest.split_at_mut(layout.replica_sets.len());
        let (nodes, rest) = rest.split_at_mut(layout.nodes.len());
        let (pods, rest) = rest.split_at_mut(layout.pods.len());
        let (containers, rest) = rest.split_at_mut(layout.containers.len());
        let (proxies, rest) = rest.split_at_mut(layout.proxies.len());
        let (clocks, rings) = rest.split_at_mut(layout.clocks.len());
        let pods: &mut [PodColumn] = bytemuck::cast_slice_mut(pods);
        Self {
            rules,
            used: used(pods),
            shared: &mut bytemuck::cast_slice_mut(shared)[0],
            replica_sets: bytemuck::cast_slice_mut(replica_sets),
            nodes: bytemuck::cast_slice_mut(nodes),
            pods,
            containers: &mut bytemuck::cast_slice_mut(containers)[..rules.pods * rules.containers.len()],
            proxies: &mut bytemuck::cast_slice_mut(proxies)[..rules.pods * rules.nodes],
            clocks: &mut bytemuck::cast_slice_mut(clocks)[..rules.clocks.count()],
            rings,
        }
    }

    /// The state that is laid open, copied.
    pub fn copy(&self) -> ClusterState {
        let mut state = ClusterState::zeroed(self.rules.layout.words());
        let copy = Cluster::new(self.rules, &mut state);
        *copy.shared = *self.shared;
        copy.replica_sets.copy_from_slice(self.replica_sets);
        copy.nodes.copy_from_slice(self.nodes);
        copy.pods.copy_from_slice(self.pods);
        copy.containers.copy_from_slice(self.containers);
        copy.proxies.copy_from_slice(self.proxies);
        copy.clocks.copy_from_slice(self.clocks);
        copy.rings.copy_from_slice(self.rings);
        state
    }

    /// Is this wrong rule switched on?
    pub fn has_mutant(&self, mutant: Mutant) -> bool {
        self.rules.scenario.mutant == Some(mutant)
    }

    /// All slots.
    pub fn pod_ids(&self) -> impl DoubleEndedIterator<Item = PodId> + Clone + use<> {
        PodId::first(self.rules.pods)
    }

    /// All slots that somebody remembers a pod in.
    pub fn used(&self) -> Slots {
        self.used
    }

    /// The same, one after the other.
    pub fn used_pods(&self) -> impl Iterator<Item = PodId> + Clone + use<> {
        self.used.iter()
    }

    /// Takes a free slot for a new pod.
    pub(crate) fn take_slot(&mut self, pod: PodId) {
        debug_assert_eq!(*self.pod(pod), PodColumn::default(), "a free slot is all zero");
        self.pod_mut(pod).head.set_used(true);
        self.used.insert(pod);
    }

    /// Finds out again which slots are in use.
    pub(crate) fn recount_slots(&mut self) {
        self.used = used(self.pods);
    }

    /// Frees the slot of a pod that nobody remembers.
    pub(crate) fn free_slot(&mut self, pod: PodId) {
        *self.pod_mut(pod) = PodColumn::default();
        self.used.remove(pod);
    }

    /// All nodes.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + Clone + use<> {
        NodeId::first(self.rules.nodes)
    }

    /// All containers of the template.
    pub fn container_ids(&self) -> impl DoubleEndedIterator<Item = ContainerId> + Clone + use<> {
        ContainerId::first(self.rules.containers.len())
    }

    /// All revisions that there may be.
    pub fn revision_ids(&self) -> impl DoubleEndedIterator<Item = Revision> + Clone + use<> {
        Revision::first(self.rules.revisions)
    }

    /// A pod's column.
    pub fn pod(&self, pod: PodId) -> &PodColumn {
        &self.pods[pod.index()]
    }

    /// A pod's column, to change.
    pub fn pod_mut(&mut self, pod: PodId) -> &mut PodColumn {
        &mut self.pods[pod.index()]
    }

    /// A pod's revision.
    pub fn revision_of(&self, pod: PodId) -> Revision {
        Revision(self.pod(pod).head.revision())
    }

    /// A node's column.
    pub fn node(&self, node: NodeId) -> &NodeColumn {
        &self.nodes[node.index()]
    }

    /// A node's column, to change.
    pub fn node_mut(&mut self, node: NodeId) -> &mut NodeColumn {
        &mut self.nodes[node.index()]
    }

    /// A ReplicaSet.
    pub fn replica_set(&self, revision: Revision) -> ReplicaSetColumn {
        self.replica_sets[revision.index()]
    }

    /// A ReplicaSet, to change.
    pub fn replica_set_mut(&mut self, revision: Revision) -> &mut ReplicaSetColumn {
        &mut self.replica_sets[revision.index()]
    }

    /// A container of a pod.
    pub fn container(&self, pod: PodId, container: ContainerId) -> Container {
        self.containers[pod.index() * self.rules.containers.len() + container.index()]
    }

    /// A container of a pod, to change.
    pub fn container_mut(&mut self, pod: PodId, container: ContainerId) -> &mut Container {
        &mut self.containers[pod.index() * self.rules.containers.len() + container.index()]
    }

    /// The containers of a pod.
    pub fn containers_of(&self, pod: PodId) -> &[Container] {
        let width = self.rules.containers.len();
        &self.containers[pod.index() * width..][..width]
    }

    /// The containers of a pod, to change.
    pub fn containers_of_mut(&mut self, pod: PodId) -> &mut [Container] {
        let width = self.rules.containers.len();
        &mut self.containers[pod.index() * width..][..width]
    }

    /// Is the kube-proxy of this node modelled?
    pub fn models_proxy(&self, node: NodeId) -> bool {
        self.rules.has_proxies()
            && self.shared.control_plane.observed_proxy().is_none_or(|observed| observed == node)
    }

    /// What the kube-proxy of `node` knows of a pod.
    pub fn proxy(&self, node: NodeId, pod: PodId) -> ProxyPod {
        self.proxies[pod.index() * self.rules.nodes + node.index()]
    }

    /// What the kube-proxy of `node` knows of a pod, to change.
    pub fn proxy_mut(&mut self, node: NodeId, pod: PodId) -> &mut ProxyPod {
        &mut self.proxies[pod.index() * self.rules.nodes + node.index()]
    }

    /// What all kube-proxies know of a pod, by node.
    pub fn proxies_of(&self, pod: PodId) -> &[ProxyPod] {
        let width = self.rules.nodes;
        &self.proxies[pod.index() * width..][..width]
    }
}
