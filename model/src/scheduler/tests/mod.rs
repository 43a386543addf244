//! Tests of the scheduler's rules, with what they share.

mod affinity;
mod nodes;
mod queue;
mod spread;

use podproof_vocabulary::event::Story;
use podproof_vocabulary::scenario::{
    LabelSelector, Labels, Neighbour, NodeSelectorTerm, Operator, PodAffinityTerm, Requirement, Scenario,
    TaintEffect, Toleration,
};
use podproof_vocabulary::{NodeId, Revision, catalogue};

use super::filters::{Filter, FilterSet, Filters, Occupant, Placement};
use crate::properties::placement::spelled_out::SpelledOut;
use crate::state::NodeObject;

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Filters of a workload on four nodes, two to a zone, with who is where.
struct Bench {
    scenario: Scenario,
    filters: Filters,
    placement: Placement,
}

impl Bench {
    fn new(tweak: impl FnOnce(&mut Scenario)) -> Self {
        let mut scenario = catalogue::web("test", Story::Create, 4, 4);
        for (index, node) in scenario.nodes.iter_mut().enumerate() {
            node.labels.insert(ZONE.into(), if index < 2 { "a" } else { "b" }.into());
        }
        tweak(&mut scenario);
        let nodes = (0..scenario.nodes.len()).map(|_| NodeObject::new().with_exists(true)).collect();
        let filters = Filters::compile(&scenario);
        Self { scenario, filters, placement: Placement { nodes, ..Placement::default() } }
    }

    /// With pods of revision 0 on these nodes.
    fn with(mut self, nodes: &[u8]) -> Self {
        for &node in nodes {
            self.placement.occupants.push(Occupant {
                node: NodeId(node),
                revision: Revision(0),
                deleting: false,
            });
        }
        self
    }

    /// With one more pod of this revision.
    fn with_pod(mut self, node: u8, revision: u8, deleting: bool) -> Self {
        self.placement.occupants.push(Occupant {
            node: NodeId(node),
            revision: Revision(revision),
            deleting,
        });
        self
    }

    /// With a node object changed.
    fn with_node(mut self, node: usize, change: impl FnOnce(NodeObject) -> NodeObject) -> Self {
        self.placement.nodes[node] = change(self.placement.nodes[node]);
        self
    }

    /// The nodes that `filter` lets a pod of this revision onto; no other filter may reject one, and what `placement-lawful`
    /// judges by must say the same of each.
    #[track_caller]
    fn passes_for(&self, revision: u8, filter: Filter) -> Vec<u8> {
        let rejected =
            |node: &u8| self.filters.rejections(&self.placement, Revision(revision), NodeId(*node));
        let nodes: Vec<u8> = (0..self.placement.nodes.len() as u8).collect();
        let judged = SpelledOut::new(&self.scenario, &self.placement, Revision(revision));
        for node in &nodes {
            assert_eq!(judged.passes(NodeId(*node)).all(), rejected(node).is_empty(), "node {node}");
            let others = rejected(node).0 & !FilterSet::of(&[filter]).0;
            assert_eq!(others, 0, "another filter rejects node {node}");
        }
        nodes.into_iter().filter(|node| rejected(node).is_empty()).collect()
    }

    /// The same for revision 0.
    #[track_caller]
    fn passes(&self, filter: Filter) -> Vec<u8> {
        self.passes_for(0, filter)
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn selector(pairs: &[(&str, &str)]) -> Option<LabelSelector> {
    Some(LabelSelector { labels: labels(pairs), expressions: Vec::new() })
}

/// Pods with these labels, in domains of this key.
fn term(topology_key: &str, pairs: &[(&str, &str)]) -> PodAffinityTerm {
    PodAffinityTerm {
        topology_key: topology_key.into(),
        selector: selector(pairs),
        namespaces: Vec::new(),
        all_namespaces: false,
        same_revision: false,
    }
}

fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    Requirement { key: key.into(), operator, values: values.iter().map(|&value| value.into()).collect() }
}

fn expression(key: &str, operator: Operator, values: &[&str]) -> NodeSelectorTerm {
    NodeSelectorTerm { expressions: vec![requirement(key, operator, values)], fields: Vec::new() }
}

fn toleration(key: &str, effect: Option<TaintEffect>, seconds: Option<u32>) -> Toleration {
    Toleration { key: key.into(), exists: true, value: String::new(), effect, seconds }
}

/// A database pod on a node.
fn neighbour(node: u8) -> Neighbour {
    Neighbour {
        name: "StatefulSet/db 0".into(),
        namespace: "default".into(),
        labels: labels(&[("app", "db")]),
        node,
        requests: Vec::new(),
        host_ports: Vec::new(),
        pod_anti_affinity: Vec::new(),
        tolerations: Vec::new(),
        is_bare: false,
        in_service: false,
        in_budget: false,
    }
}
