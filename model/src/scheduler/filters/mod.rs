//! The filter predicates: which nodes may run a pod. One file a predicate, named as in kube-scheduler; every feasible
//! node is a possible choice (13.3: scores are safe to leave out).

mod inter_pod_affinity;
mod node_affinity;
mod node_name;
mod node_ports;
pub mod node_resources_fit;
mod node_unschedulable;
mod pod_topology_spread;
mod taint_toleration;

use podproof_vocabulary::scenario::{LabelSelector, Labels, Node, Operator, Requirement, Scenario};
use podproof_vocabulary::{NodeId, Revision};
use smallvec::SmallVec;

use crate::state::NodeObject;

/// A filter predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are kube-scheduler's own")]
pub enum Filter {
    NodeName,
    NodeUnschedulable,
    NodeResourcesFit,
    NodePorts,
    NodeAffinity,
    TaintToleration,
    InterPodAffinity,
    PodTopologySpread,
}

/// A set of filters, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilterSet(pub u8);

impl FilterSet {
    /// The set of `filters`.
    pub const fn of(filters: &[Filter]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < filters.len() {
            bits |= 1 << filters[index] as u8;
            index += 1;
        }
        Self(bits)
    }

    /// All filters.
    pub const ALL: Self = Self(u8::MAX);

    /// Is nothing in it?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Of the filters that reject a node the one that is asked first, which is the only one to be blamed: kube-scheduler asks no
    /// further (SCH-8; S28 `runtime/framework.go` `RunFilterPlugins`, `default_plugins.go` for the order).
    pub fn blamed(self) -> Self {
        const ASKED: [Filter; 8] = [
            Filter::NodeUnschedulable,
            Filter::NodeName,
            Filter::TaintToleration,
            Filter::NodeAffinity,
            Filter::NodePorts,
            Filter::NodeResourcesFit,
            Filter::PodTopologySpread,
            Filter::InterPodAffinity,
        ];
        let first = ASKED.into_iter().map(|filter| Self::of(&[filter])).find(|one| self.0 & one.0 != 0);
        first.unwrap_or_default()
    }
}

/// A pod of the workload that takes up room on a node, as somebody sees it.
#[derive(Clone, Copy, Debug)]
pub struct Occupant {
    /// Where it is.
    pub node: NodeId,
    /// Its template.
    pub revision: Revision,
    /// It is being deleted.
    pub deleting: bool,
}

/// Who is where, as somebody sees it: what the predicates read beside the scenario.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// The workload's pods on nodes, terminal ones left out.
    pub occupants: SmallVec<[Occupant; 16]>,
    /// The nodes.
    pub nodes: SmallVec<[NodeObject; 8]>,
}

impl Placement {
    fn on(&self, node: NodeId) -> impl Iterator<Item = &Occupant> {
        self.occupants.iter().filter(move |occupant| occupant.node == node)
    }
}

/// The filters of one scenario, compiled.
pub struct Filters {
    node_name: node_name::NodeName,
    node_unschedulable: node_unschedulable::NodeUnschedulable,
    /// Kept open for the kubelet's admission, which counts in the same way.
    pub node_resources_fit: node_resources_fit::NodeResourcesFit,
    /// Kept open for the kubelet's admission.
    pub node_ports: node_ports::NodePorts,
    /// Kept open for the kubelet's admission.
    pub node_affinity: node_affinity::NodeAffinity,
    taint_toleration: taint_toleration::TaintToleration,
    inter_pod_affinity: inter_pod_affinity::InterPodAffinity,
    pod_topology_spread: pod_topology_spread::PodTopologySpread,
}

impl Filters {
    /// Compiles the predicates for the workload of `scenario`.
    pub fn compile(scenario: &Scenario) -> Self {
        let node_affinity = node_affinity::NodeAffinity::compile(scenario);
        let taint_toleration = taint_toleration::TaintToleration::compile(scenario);
        Self {
            node_name: node_name::NodeName::compile(scenario),
            node_unschedulable: node_unschedulable::NodeUnschedulable::compile(scenario),
            node_resources_fit: node_resources_fit::NodeResourcesFit::compile(scenario),
            node_ports: node_ports::NodePorts::compile(scenario),
            inter_pod_affinity: inter_pod_affinity::InterPodAffinity::compile(scenario),
            pod_topology_spread: pod_topology_spread::PodTopologySpread::compile(
                scenario,
                node_affinity.clone(),
                taint_toleration.clone(),
            ),
            node_affinity,
            taint_toleration,
        }
    }

    /// The filters that reject `node` for a pod of `revision`.
    pub fn rejections(&self, placement: &Placement, revision: Revision, node: NodeId) -> FilterSet {
        let object = placement.nodes[node.index()];
        let passed = [
            (Filter::NodeName, self.node_name.passes(node)),
            (Filter::NodeUnschedulable, self.node_unschedulable.passes(object)),
            (Filter::NodeResourcesFit, self.node_resources_fit.passes(placement, node)),
            (Filter::NodePorts, self.node_ports.passes(placement, node)),
            (Filter::NodeAffinity, self.node_affinity.passes(object, node)),
            (Filter::TaintToleration, self.taint_toleration.passes(object, node)),
            (Filter::InterPodAffinity, self.inter_pod_affinity.passes(placement, revision, node)),
            (Filter::PodTopologySpread, self.pod_topology_spread.passes(placement, revision, node)),
        ];
        let rejected = passed.iter().filter(|(_, passed)| !passed).map(|&(filter, _)| 1 << filter as u8);
        FilterSet(rejected.fold(0, |set, bit| set | bit))
    }

    /// Does a node exist and pass every filter?
    pub fn is_feasible(&self, placement: &Placement, revision: Revision, node: NodeId) -> bool {
        placement.nodes[node.index()].exists() && self.rejections(placement, revision, node).is_empty()
    }

    /// Do the predicates that read names and labels say the same of two nodes?
    pub fn treats_alike(&self, a: NodeId, b: NodeId) -> bool {
        self.node_name.passes(a) == self.node_name.passes(b) && self.node_affinity.treats_alike(a, b)
    }

    /// No predicate depends on where the workload's pods are, as long as there are no more than `pods`: every node has
    /// room for all, and nothing speaks of other pods or of host ports.
    pub fn ignore_occupants(&self, pods: usize) -> bool {
        self.node_resources_fit.capacity.iter().all(|&capacity| capacity >= pods as u64)
            && !self.node_ports.claims_any()
            && self.inter_pod_affinity.is_empty()
            && self.pod_topology_spread.is_empty()
    }
}

/// Does a set of labels meet a requirement? (FLT-5; apimachinery `labels.Requirement`)
fn meets(labels: &Labels, requirement: &Requirement) -> bool {
    let value = labels.get(&requirement.key);
    let compare = |holds: fn(i64, i64) -> bool| {
        let number = |text: &String| text.parse::<i64>().ok();
        match (value.and_then(number), requirement.values.first().and_then(number)) {
            (Some(value), Some(bound)) => holds(value, bound),
            _ => false,
        }
    };
    match requirement.operator {
        Operator::In => value.is_some_and(|value| requirement.values.contains(value)),
        Operator::NotIn => value.is_none_or(|value| !requirement.values.contains(value)),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt => compare(|value, bound| value > bound),
        Operator::Lt => compare(|value, bound| value < bound),
    }
}

/// Does a selector select an object with these labels? No selector selects nothing, an empty one everything.
fn selects(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    selector.is_some_and(|selector| {
        selector.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && selector.expressions.iter().all(|requirement| meets(labels, requirement))
    })
}

/// What depends on a node's labels: for each node, with those of its manifest and with those that are in store for it.
#[derive(Clone)]
struct ByLabels<T>(Vec<[T; 2]>);

impl<T: Copy> ByLabels<T> {
    fn of(nodes: &[Node], mut each: impl FnMut(usize, &Labels) -> T) -> Self {
        let both =
            |(index, node): (usize, &Node)| [false, true].map(|set| each(index, node.labels_when(set)));
        Self(nodes.iter().enumerate().map(both).collect())
    }

    /// With the labels that `object`, the node's, has.
    fn at(&self, object: NodeObject, node: NodeId) -> T {
        self.0[node.index()][usize::from(object.relabelled())]
    }
}

/// The topology domain of each node for a key: equal numbers are the same domain, none has no such label.
#[derive(Clone)]
struct Domains(ByLabels<Option<u8>>);

impl Domains {
    fn of(nodes: &[Node], key: &str) -> Self {
        let mut values: Vec<String> = Vec::new();
        Self(ByLabels::of(nodes, |_, labels| {
            let value = labels.get(key)?;
            let known = values.iter().position(|other| other == value);
            let number = known.unwrap_or_else(|| {
                values.push(value.clone());
                values.len() - 1
            });
            Some(u8::try_from(number).expect("there are at most 60 nodes, each with two sets of labels"))
        }))
    }

    /// The domain of a node as somebody sees it. One that does not exist has none: its pods, while they are still there, keep
    /// nobody away and attract nobody (S28 `cache.go` `UpdateSnapshot`: a snapshot has the nodes that have an object).
    fn at(&self, placement: &Placement, node: NodeId) -> Option<u8> {
        let object = *placement.nodes.get(node.index()).filter(|object| object.exists())?;
        self.0.at(object, node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
        Requirement { key: key.into(), operator, values: values.iter().map(|&v| v.into()).collect() }
    }

    #[test]
    fn a_requirement_compares_as_its_operator_says() {
        let node = labels(&[("zone", "a"), ("gen", "3")]);
        for (holds, key, operator, values) in [
            (true, "zone", Operator::In, &["a", "b"][..]),
            (false, "zone", Operator::NotIn, &["a"]),
            (true, "disk", Operator::NotIn, &["ssd"]),
            (true, "gen", Operator::Exists, &[]),
            (true, "disk", Operator::DoesNotExist, &[]),
            (true, "gen", Operator::Gt, &["2"]),
            (false, "gen", Operator::Lt, &["3"]),
            (false, "zone", Operator::Gt, &["2"]),
        ] {
            assert_eq!(
                meets(&node, &requirement(key, operator, values)),
                holds,
                "{key} {operator:?} {values:?}"
            );
        }
    }

    /// SCH-8.
    #[test]
    fn of_the_filters_that_reject_a_node_the_one_asked_first_is_blamed() {
        let blamed = |filters: &[Filter]| FilterSet::of(filters).blamed();
        assert_eq!(
            blamed(&[Filter::NodePorts, Filter::PodTopologySpread, Filter::InterPodAffinity]),
            FilterSet::of(&[Filter::NodePorts])
        );
        assert_eq!(
            blamed(&[Filter::NodeName, Filter::NodeUnschedulable]),
            FilterSet::of(&[Filter::NodeUnschedulable])
        );
        assert!(blamed(&[]).is_empty());
    }

    #[test]
    fn no_selector_selects_nothing_and_an_empty_one_everything() {
        assert!(!selects(None, &labels(&[])));
        assert!(selects(Some(&LabelSelector::default()), &labels(&[("a", "b")])));
    }
}
