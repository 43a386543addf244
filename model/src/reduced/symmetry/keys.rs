//! Keys of nodes: numbers that say what a node is, whatever pods and nodes are called.
//!
//! A key is made of the node's own column and clocks, of what there is once and speaks of it (the drain, the kube-proxy that
//! is modelled), and, for each pod that has to do with it, of how (which of the pod's fields name it, and what its kube-proxy
//! knows of the pod) and of what that pod is. A sum over the pods forgets their order. What a pod is, is its own column, with
//! the class of a node in place of its number.
//!
//! Where a pod has to do with several nodes, two different nodes may have equal keys because what their pods have to do with
//! *other* nodes was left out. Then the keys are refined: a pod is also what its nodes are, a node also what its pods are,
//! until no more nodes can be told apart (colour refinement; each round tells more apart or is the last).

use podproof_vocabulary::{NodeId, PodId};

use super::{NODES_MAX, Symmetry};
use crate::cluster::Cluster;
use crate::state::{NODE_FIELDS, PodColumn};

/// A key for each node; only those of the symmetry's classes are set.
pub type Keys = [u64; NODES_MAX];

/// Sets the keys of the nodes that may change places; `keys` is all zero.
pub(super) fn of_nodes(symmetry: &Symmetry, cluster: &Cluster<'_>, keys: &mut Keys) {
    let spans_nodes = Round { symmetry, cluster, known: None }.keys(keys);
    if spans_nodes {
        refine(symmetry, cluster, keys);
    }
}

/// Tells apart what can be told apart by how pods and nodes hang together.
#[cold]
fn refine(symmetry: &Symmetry, cluster: &Cluster<'_>, keys: &mut Keys) {
    let mut different = count_different(symmetry, keys);
    while different < symmetry.movable.count_ones() {
        let mut finer = [0; NODES_MAX];
        Round { symmetry, cluster, known: Some(keys) }.keys(&mut finer);
        let now = count_different(symmetry, &finer);
        if now <= different {
            return;
        }
        (*keys, different) = (finer, now);
    }
}

/// How many nodes are told apart, each class counted for itself.
fn count_different(symmetry: &Symmetry, keys: &Keys) -> u32 {
    let classes = symmetry.classes.iter();
    let of_class = |class: &Vec<NodeId>| {
        let is_first = |&(at, node): &(usize, &NodeId)| {
            class[..at].iter().all(|other| keys[other.index()] != keys[node.index()])
        };
        class.iter().enumerate().filter(is_first).count() as u32
    };
    classes.map(of_class).sum()
}

/// One number of two, without pattern.
fn mix(one: u64, other: u64) -> u64 {
    // Digits of π, as good as any.
    let product = u128::from(one ^ 0x243f_6a88_85a3_08d3) * u128::from(other ^ 0x1319_8a2e_0370_7344);
    (product as u64) ^ (product >> 64) as u64
}

/// The lowest bit of each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The bytes of `bytes` that equal `byte`: the highest bit of each.
fn equal_bytes(bytes: u64, byte: u8) -> u64 {
    const LOW: u64 = 0x7f * ONES;
    let differs = bytes ^ (ONES * u64::from(byte));
    !(((differs & LOW) + LOW) | differs | LOW)
}

/// The nodes that a pod's fields name, a byte for each field.
#[derive(Clone, Copy)]
struct Named {
    /// The number of the node plus one; 0 for none and for one that stays where it is.
    numbers: u64,
    /// The number of the node that stands for its class, plus one; 0 for none.
    classes: u64,
}

/// The bits of a pod's column that hold nodes.
pub(super) fn node_bits() -> [u64; 3] {
    let mut all = PodColumn::default();
    all.set_nodes([Some(NodeId(62)); NODE_FIELDS]);
    bytemuck::cast(all)
}

/// One round: what each node is, as far as what the nodes are is known.
struct Round<'r, 'c> {
    symmetry: &'r Symmetry,
    cluster: &'r Cluster<'c>,
    known: Option<&'r Keys>,
}

impl Round<'_, '_> {
    /// Sets the keys. Does a pod have to do with more than one node that may change places?
    fn keys(&self, keys: &mut Keys) -> bool {
        let mut spans_nodes = false;
        for pod in self.cluster.pod_ids() {
            if !self.cluster.pod(pod).head.used() {
                continue;
            }
            let named = self.named(pod);
            let mut key = self.of_pod(pod, named);
            if let Some(known) = self.known {
                let nodes = self.nodes().map(|node| (node, self.bond(pod, node, named)));
                let bonds = nodes.filter(|&(_, bond)| bond != 0);
                let sum = bonds.fold(0u64, |sum, (node, bond)| sum.wrapping_add(mix(known[node], bond)));
                key = mix(key, sum);
            }
            let mut bonds = 0;
            for node in self.nodes() {
                let bond = self.bond(pod, node, named);
                if bond != 0 {
                    keys[node] = keys[node].wrapping_add(mix(key, bond));
                    bonds += 1;
                }
            }
            spans_nodes |= bonds > 1;
        }
        for node in self.nodes() {
            keys[node] = mix(self.of_node(NodeId(node as u8)), keys[node]);
        }
        spans_nodes
    }

    /// The nodes that may change places, by number.
    fn nodes(&self) -> impl Iterator<Item = usize> + use<> {
        let mut left = self.symmetry.movable;
        std::iter::from_fn(move || {
            let node = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (node < u64::BITS).then_some(node as usize)
        })
    }

    /// The nodes that a pod's fields name.
    fn named(&self, pod: PodId) -> Named {
        let mut named = Named { numbers: 0, classes: 0 };
        for node in self.cluster.pod(pod).nodes() {
            let (mut number, mut class) = (0, 0);
            if let Some(node) = node {
                class = self.symmetry.stands_for.get(node.index()).map_or(node.0, |first| first.0) + 1;
                if self.symmetry.moves(node) {
                    number = node.0 + 1;
                }
            }
            named.numbers = named.numbers << 8 | u64::from(number);
            named.classes = named.classes << 8 | u64::from(class);
        }
        named
    }

    /// How a pod and a node have to do with each other; 0 if they have not.
    fn bond(&self, pod: PodId, node: usize, named: Named) -> u64 {
        // Six fields name nodes, so the two highest bytes are free.
        let proxy: u16 = bytemuck::cast(self.cluster.proxy(NodeId(node as u8), pod));
        equal_bytes(named.numbers, node as u8 + 1) | u64::from(proxy) << 48
    }

    /// What a pod is, but for the numbers of nodes that may change places, and for its own if pods may.
    fn of_pod(&self, pod: PodId, named: Named) -> u64 {
        let (symmetry, cluster) = (self.symmetry, self.cluster);
        let words: [u64; 3] = bytemuck::cast(*cluster.pod(pod));
        let mut key = named.classes;
        for (word, node_bits) in words.into_iter().zip(symmetry.node_bits) {
            key = mix(key, word & !node_bits);
        }
        for &container in cluster.containers_of(pod) {
            key = mix(key, u32::from(container).into());
        }
        for &clock in &cluster.clocks[cluster.rules.clocks.of_pod(pod)] {
            key = mix(key, clock.into());
        }
        // What the kube-proxies of nodes that stay where they are know of it.
        for (node, &proxy) in cluster.proxies_of(pod).iter().enumerate() {
            if symmetry.movable >> node & 1 == 0 {
                key = mix(key, u16::into(bytemuck::cast(proxy)));
            }
        }
        if cluster.shared.control_plane.followed() == Some(pod) {
            key = mix(key, 1);
        }
        if !symmetry.pods {
            key = mix(key, pod.0.into());
        }
        key
    }

    /// What a node is by itself.
    fn of_node(&self, node: NodeId) -> u64 {
        let cluster = self.cluster;
        let control = cluster.shared.control_plane;
        let mut key: u64 = bytemuck::cast(*cluster.node(node));
        for clock in cluster.rules.clocks.of_node(node) {
            key = mix(key, cluster.clocks[clock].into());
        }
        let is_drained = control.draining() == Some(node);
        let is_observed = control.observed_proxy() == Some(node);
        if is_drained || is_observed {
            key = mix(key, u64::from(is_drained) << 1 | u64::from(is_observed));
        }
        match self.known {
            Some(known) => mix(key, known[node.index()]),
            None => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_nodes_are_those_that_other_nodes_change() {
        let column = |node| {
            let mut column = PodColumn::default();
            column.set_nodes([node; NODE_FIELDS]);
            bytemuck::cast::<_, [u64; 3]>(column)
        };
        let changed = (0..63).map(|node| column(Some(NodeId(node))));
        let changed = changed.fold([0; 3], |set, words| [0, 1, 2].map(|index| set[index] | words[index]));
        assert_eq!(node_bits(), changed);
        assert_eq!(changed.map(u64::count_ones).iter().sum::<u32>(), 6 * NODE_FIELDS as u32);
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands_and_no_other_is() {
        for byte in [0, 1, 2, 60, 127, 128, 255] {
            for place in 0..8 {
                let others = byte ^ 1;
                let bytes =
                    (ONES * u64::from(others)) & !(0xff << (8 * place)) | u64::from(byte) << (8 * place);
                assert_eq!(equal_bytes(bytes, byte), 0x80 << (8 * place), "{byte} at {place}");
            }
            assert_eq!(equal_bytes(ONES * u64::from(byte), byte), 0x80 * ONES);
        }
    }
}
