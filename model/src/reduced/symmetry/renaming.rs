//! New numbers for pods and nodes.

use podproof_vocabulary::action::Rename;
use podproof_vocabulary::{Action, NodeId, PodId};

use super::name_nodes;
use crate::cluster::Cluster;
use crate::reduced::Move;
use crate::rules::Rules;
use crate::state::ClusterState;

/// A new number for each pod and each node, no number twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming {
    /// By the old number.
    pods: Vec<PodId>,
    /// By the old number.
    nodes: Vec<NodeId>,
}

impl Rename for Renaming {
    fn pod(&self, pod: PodId) -> PodId {
        self.pods[pod.index()]
    }

    /// A number beyond the scenario's nodes stands for one that does not exist, and stays.
    fn node(&self, node: NodeId) -> NodeId {
        self.nodes.get(node.index()).copied().unwrap_or(node)
    }
}

impl Renaming {
    /// Gives each pod and each node the number that stands in its place.
    ///
    /// # Panics
    /// If a number stands there twice, or not at all.
    pub fn new(pods: Vec<PodId>, nodes: Vec<NodeId>) -> Self {
        let is_renaming = |mut numbers: Vec<usize>| {
            numbers.sort_unstable();
            numbers.into_iter().enumerate().all(|(index, number)| index == number)
        };
        assert!(is_renaming(pods.iter().map(|pod| pod.index()).collect()), "each pod gets one number");
        assert!(is_renaming(nodes.iter().map(|node| node.index()).collect()), "each node gets one number");
        Self { pods, nodes }
    }

    /// Leaves everything as it is.
    pub fn identity(rules: &Rules) -> Self {
        Self { pods: PodId::first(rules.pods).collect(), nodes: NodeId::first(rules.nodes).collect() }
    }

    /// The renaming that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let mut inverse = self.clone();
        for (old, new) in self.pods.iter().enumerate() {
            inverse.pods[new.index()] = PodId::from(old);
        }
        for (old, new) in self.nodes.iter().enumerate() {
            inverse.nodes[new.index()] = NodeId::from(old);
        }
        inverse
    }

    /// This renaming, and `next` after it.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let pods = self.pods.iter().map(|&pod| next.pod(pod)).collect();
        Self { pods, nodes: self.nodes.iter().map(|&node| next.node(node)).collect() }
    }

    /// Gives `pod` the number `becomes`; the pod that had it gets the number that `pod` had. So a new pod is matched that
    /// took one free slot in a state and another in the renamed state: free slots are alike.
    pub fn match_slots(&mut self, pod: PodId, becomes: PodId) {
        let had = self.pods.iter().position(|&number| number == becomes);
        let had = had.expect("every number is given to a pod");
        self.pods.swap(pod.index(), had);
    }

    /// A move with the new numbers.
    pub fn renamed_move(&self, taken: Move) -> Move {
        let head: Action = taken.head.renamed(self);
        Move { head, follow: taken.follow.map(|pod| self.pod(pod)) }
    }

    /// A state with the new numbers, of a scenario whose watches keep no events in order unless nothing gets a new one.
    pub fn state(&self, rules: &Rules, state: &ClusterState) -> ClusterState {
        if *self == Self::identity(rules) {
            return state.clone();
        }
        let (mut old, mut renamed) = (state.clone(), state.clone());
        let old = Cluster::new(rules, &mut old);
        let mut new = Cluster::new(rules, &mut renamed);
        assert!(new.rings.is_empty(), "events in their order name pods and nodes");
        for node in old.node_ids() {
            let named = self.node(node);
            new.nodes[named.index()] = old.nodes[node.index()];
            for (from, to) in rules.clocks.of_node(node).zip(rules.clocks.of_node(named)) {
                new.clocks[to] = old.clocks[from];
            }
        }
        for pod in old.pod_ids() {
            let named = self.pod(pod);
            new.pods[named.index()] = old.pods[pod.index()];
            new.containers_of_mut(named).copy_from_slice(old.containers_of(pod));
            for node in old.node_ids() {
                *new.proxy_mut(self.node(node), named) = old.proxy(node, pod);
            }
            new.clocks[rules.clocks.of_pod(named)].copy_from_slice(&old.clocks[rules.clocks.of_pod(pod)]);
        }
        let followed = old.shared.control_plane.followed();
        new.shared.control_plane.set_followed(followed.map(|pod| self.pod(pod)));
        name_nodes(&mut new, |node| self.node(node));
        renamed
    }
}
