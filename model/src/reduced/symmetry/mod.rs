//! Symmetry: pods of one template differ in nothing but their slots, and nodes of one class (see
//! [`Rules::classes_of_nodes`]) in nothing but their numbers. So a state stands for all that come from it by numbering
//! such pods and nodes anew ([`Renaming`]), and a search may keep one representative of them.
//!
//! **Why this is exact for safety.** Every guard, effect and promise treats such pods and nodes alike: what can be done in a
//! state can be done, renamed, in the renamed state, with the renamed outcome and the same judgement. One thing is not
//! renamed: a new pod takes the lowest free slot, whatever the slots are called; free slots are all zero, so that is one more
//! renaming. `tests/searches/equivariance.rs` compares renamed states with the states themselves in every built-in scenario. What a
//! search over representatives finds is unfolded again into steps with the names that things had.
//!
//! **The representative** is found by sorting, never by trying. First the nodes of each class, by keys that speak of no number
//! of a pod or of a node that may be renamed ([`keys`]); then the pods, by their whole columns. So:
//!
//! - It is deterministic, and sorting twice is sorting once: a key does not change with the numbers, and equal keys stay in
//!   their order.
//! - Where the keys of a class are all different, every renaming of a state has the same representative: the order of the
//!   nodes is that of their keys, and pods with equal columns are equal.
//! - Nodes with equal keys mostly can be told apart by nothing (two empty ones), and then their order is of no consequence.
//!   If they can be told apart only by how they hang together through several pods and nodes, or if two keys are equal by
//!   chance (of 2^64), two states may stay that a perfect form would make one. That costs states and no verdict: each is a
//!   renaming of what it stands for.
//!
//! **Progress** speaks of one pod, or of one node, through a whole cycle, which a renaming on the way hides. So a search over
//! representatives judges progress coarsely, property by property, and no unit of fairness whose key is renamed binds a cycle
//! ([`Symmetry::renames`]). A run of the cluster that is fair and keeps an obligation for ever becomes a run over
//! representatives that keeps the obligation's property; the units that still bind it are possible in a representative
//! exactly where they are in the state, and taken where they are taken; so a component in which it could go on is not
//! dismissed. Any state that a fair run may rest in is judged exactly; a cycle that might keep something pending sends the
//! search back to a finer one ([`Symmetry::finer`]), in the end to the states themselves.

mod keys;
mod renaming;

use podproof_vocabulary::{NodeId, PodId};

use crate::cluster::Cluster;
use crate::fairness;
use crate::rules::Rules;
use crate::state::ClusterState;

pub use renaming::Renaming;

/// Nodes that a scenario has at most.
const NODES_MAX: usize = 64;

/// What is interchangeable in a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symmetry {
    /// Pods are.
    pods: bool,
    /// Nodes are, within each of these classes of two or more.
    classes: Vec<Vec<NodeId>>,
    /// The node that stands for each in keys: the first of its class.
    stands_for: Vec<NodeId>,
    /// The nodes of `classes`, a bit each.
    movable: u64,
    /// The bits of a pod's column that hold nodes.
    node_bits: [u64; 3],
}

impl Symmetry {
    /// Every state for itself.
    pub fn none() -> Self {
        Self {
            pods: false,
            classes: Vec::new(),
            stands_for: Vec::new(),
            movable: 0,
            node_bits: keys::node_bits(),
        }
    }

    /// All that a scenario has.
    pub fn of(rules: &Rules) -> Self {
        Self::new(rules, why_no_pods(rules).is_none(), why_no_nodes(rules).is_none())
    }

    /// The one that is asked for.
    ///
    /// # Errors
    /// Why the scenario has it not, a sentence without a full stop.
    pub fn asked(rules: &Rules, pods: bool, nodes: bool) -> Result<Self, String> {
        let why_not = [why_no_pods(rules).filter(|_| pods), why_no_nodes(rules).filter(|_| nodes)];
        let mut why_not: Vec<&str> = why_not.into_iter().flatten().collect();
        why_not.dedup();
        match why_not.first() {
            Some(_) => Err(why_not.join("; ")),
            None => Ok(Self::new(rules, pods, nodes)),
        }
    }

    fn new(rules: &Rules, pods: bool, nodes: bool) -> Self {
        let classes = if nodes { interchangeable(rules) } else { Vec::new() };
        let mut stands_for: Vec<NodeId> = NodeId::first(rules.nodes).collect();
        let mut movable = 0;
        for class in &classes {
            for node in class {
                stands_for[node.index()] = class[0];
                movable |= 1 << node.index();
            }
        }
        Self { pods, classes, stands_for, movable, ..Self::none() }
    }

    /// The classes of nodes that may change places, each of two or more.
    pub fn classes(&self) -> &[Vec<NodeId>] {
        &self.classes
    }

    /// Is every state for itself?
    pub fn is_none(&self) -> bool {
        !self.pods && self.classes.is_empty()
    }

    /// What is interchangeable, in words.
    pub fn name(&self) -> &'static str {
        match (self.pods, self.classes.is_empty()) {
            (false, true) => "none",
            (true, true) => "pods",
            (false, false) => "nodes",
            (true, false) => "all",
        }
    }

    /// The next finer one, for what this one is too coarse for; nothing if states already stand for themselves.
    pub fn finer(&self) -> Option<Self> {
        match (self.pods, self.classes.is_empty()) {
            (false, true) => None,
            (true, false) => Some(Self { pods: true, ..Self::none() }),
            (true, true) | (false, false) => Some(Self::none()),
        }
    }

    /// May the key of this unit of fairness get another number?
    pub fn renames(&self, unit: fairness::Unit) -> bool {
        let moves = |node: NodeId| self.moves(node);
        (self.pods && fairness::is_of_pod(unit)) || fairness::node_of(unit).is_some_and(moves)
    }

    fn moves(&self, node: NodeId) -> bool {
        node.index() < NODES_MAX && self.movable >> node.index() & 1 != 0
    }

    /// Makes of a state the representative of all that come from it by renaming.
    pub fn sort(&self, rules: &Rules, state: &mut ClusterState) {
        if !self.is_none() {
            self.sort_telling(&mut Cluster::new(rules, state), &mut ());
        }
    }

    /// The same, and which renaming makes the representative.
    pub fn sort_and_tell(&self, rules: &Rules, state: &mut ClusterState) -> Renaming {
        let mut places = Places::new(rules);
        self.sort_telling(&mut Cluster::new(rules, state), &mut places);
        places.renaming()
    }

    fn sort_telling(&self, cluster: &mut Cluster<'_>, told: &mut impl Told) {
        debug_assert!(
            self.is_none() || cluster.rings.is_empty(),
            "events in their order name pods and nodes"
        );
        if !self.classes.is_empty() {
            self.sort_nodes(cluster, told);
        }
        if self.pods {
            sort_pods(cluster, told);
        }
    }

    fn sort_nodes(&self, cluster: &mut Cluster<'_>, told: &mut impl Told) {
        let mut keys = [0; NODES_MAX];
        keys::of_nodes(self, cluster, &mut keys);
        let mut was: [u8; NODES_MAX] = std::array::from_fn(|node| node as u8);
        let mut moved = false;
        for class in &self.classes {
            for end in 1..class.len() {
                let mut at = end;
                while at > 0 {
                    let (low, high) = (class[at - 1].index(), class[at].index());
                    if keys[low] <= keys[high] {
                        break;
                    }
                    swap_nodes(cluster, class[at - 1], class[at]);
                    keys.swap(low, high);
                    was.swap(low, high);
                    moved = true;
                    at -= 1;
                }
            }
        }
        if moved {
            let mut names = was;
            for (new, &old) in was.iter().enumerate() {
                names[usize::from(old)] = new as u8;
            }
            told.nodes(&names[..cluster.rules.nodes]);
            let named = |node: NodeId| names.get(node.index()).map_or(node, |&new| NodeId(new));
            name_nodes(cluster, named);
        }
    }
}

/// Why pods are not interchangeable.
fn why_no_pods(rules: &Rules) -> Option<&'static str> {
    why_nothing(rules).or((rules.pods < 2).then_some("there is only one pod to be interchanged"))
}

/// The classes of nodes that may change places, each of two or more. Where all nodes are of one class and one kube-proxy is
/// modelled, it is that of the first of them in every state, which so stays where it is.
fn interchangeable(rules: &Rules) -> Vec<Vec<NodeId>> {
    let mut classes = rules.classes_of_nodes();
    if let ([class], true) = (classes.as_mut_slice(), rules.observes_one_proxy()) {
        class.remove(0);
    }
    classes.retain(|class| class.len() > 1);
    classes
}

/// Why nodes are not interchangeable.
fn why_no_nodes(rules: &Rules) -> Option<&'static str> {
    let none = || match (rules.nodes, rules.classes_of_nodes().len()) {
        (1, _) => "there is only one node to be interchanged",
        (2, 1) => "of two equal nodes one is told apart by its kube-proxy, the only one that is modelled",
        _ => "no two nodes are interchangeable: the manifests tell them apart",
    };
    why_nothing(rules).or_else(|| interchangeable(rules).is_empty().then(none))
}

/// Why nothing is interchangeable. Rings of events hold the numbers of pods and nodes in an order that no sorting of columns
/// can give.
fn why_nothing(rules: &Rules) -> Option<&'static str> {
    let kept = !rules.layout.rings.is_empty();
    kept.then_some(
        "without coalesced-watch-events each watch keeps its events in order, and these name pods and nodes",
    )
}

/// Who is told what was renamed.
trait Told {
    /// The nodes got these new numbers, by their old ones.
    fn nodes(&mut self, _names: &[u8]) {}

    /// The pods of slot `low` and of the next changed places.
    fn pods(&mut self, _low: usize) {}
}

impl Told for () {}

/// Keeps account of a renaming.
struct Places {
    /// The old number of the pod that is in each slot.
    pods: Vec<u8>,
    /// The new number of each node.
    nodes: Vec<u8>,
}

impl Places {
    fn new(rules: &Rules) -> Self {
        let first = |count: usize| (0..count).map(|index| index as u8).collect();
        Self { pods: first(rules.pods), nodes: first(rules.nodes) }
    }

    fn renaming(self) -> Renaming {
        let mut pods = vec![PodId(0); self.pods.len()];
        for (new, &old) in self.pods.iter().enumerate() {
            pods[usize::from(old)] = PodId(new as u8);
        }
        Renaming::new(pods, self.nodes.into_iter().map(NodeId).collect())
    }
}

impl Told for Places {
    fn nodes(&mut self, names: &[u8]) {
        self.nodes.copy_from_slice(names);
    }

    fn pods(&mut self, low: usize) {
        self.pods.swap(low, low + 1);
    }
}

/// Two nodes change places, but for the numbers that others have of them.
fn swap_nodes(cluster: &mut Cluster<'_>, one: NodeId, other: NodeId) {
    cluster.nodes.swap(one.index(), other.index());
    for row in cluster.proxies.chunks_exact_mut(cluster.rules.nodes) {
        row.swap(one.index(), other.index());
    }
    let clocks = &cluster.rules.clocks;
    for (one, other) in clocks.of_node(one).zip(clocks.of_node(other)) {
        cluster.clocks.swap(one, other);
    }
}

/// Whoever has the number of a node gets its new one. A number beyond the scenario's nodes, which stands for one that does not
/// exist, stays.
fn name_nodes(cluster: &mut Cluster<'_>, named: impl Fn(NodeId) -> NodeId) {
    for column in cluster.pods.iter_mut() {
        column.set_nodes(column.nodes().map(|node| node.map(&named)));
    }
    let control = &mut cluster.shared.control_plane;
    control.set_draining(control.draining().map(&named));
    control.set_observed_proxy(control.observed_proxy().map(&named));
}

/// Renames pods so that their columns are sorted.
fn sort_pods(cluster: &mut Cluster<'_>, told: &mut impl Told) {
    let mut followed = cluster.shared.control_plane.followed();
    for end in 1..cluster.rules.pods {
        let mut at = end;
        while at > 0 && is_less(cluster, at, at - 1, followed) {
            swap_pods(cluster, at - 1);
            told.pods(at - 1);
            followed = followed.map(|pod| swapped(pod, at - 1));
            at -= 1;
        }
    }
    cluster.shared.control_plane.set_followed(followed);
}

/// The slot of `pod` after the columns of `low` and the next slot changed places.
fn swapped(pod: PodId, low: usize) -> PodId {
    match pod.index() {
        index if index == low => PodId::from(low + 1),
        index if index == low + 1 => PodId::from(low),
        _ => pod,
    }
}

fn is_less(cluster: &Cluster<'_>, one: usize, other: usize, followed: Option<PodId>) -> bool {
    let (one, other) = (PodId::from(one), PodId::from(other));
    let clocks = |pod| &cluster.clocks[cluster.rules.clocks.of_pod(pod)];
    let key = |pod| {
        let column = (cluster.pod(pod), cluster.containers_of(pod), cluster.proxies_of(pod));
        (column, followed == Some(pod), clocks(pod))
    };
    key(one) < key(other)
}

fn swap_pods(cluster: &mut Cluster<'_>, low: usize) {
    cluster.pods.swap(low, low + 1);
    swap_rows(cluster.containers, cluster.rules.containers.len(), low);
    swap_rows(cluster.proxies, cluster.rules.nodes, low);
    let width = cluster.rules.clocks.of_pod(PodId(0)).len();
    if width > 0 {
        swap_rows(cluster.clocks, width, low);
    }
}

fn swap_rows<T>(rows: &mut [T], width: usize, low: usize) {
    let (first, second) = rows[low * width..(low + 2) * width].split_at_mut(width);
    first.swap_with_slice(second);
}
