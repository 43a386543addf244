//! PodTopologySpread: required constraints on how evenly pods lie over domains (FLT-15 to FLT-19).
//!
//! Left out: the soft default constraints (FLT-20), which only score.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{label_of, node_affinity, taint_toleration};
use crate::api::Kind;
use crate::api::selector::selects;
use crate::scheduler::cache::{Cache, NodeInfo};
use crate::slip::{Slip, Slips};

/// One constraint and how many matching pods each eligible domain has.
struct Constraint<'a> {
    spec: &'a TopologySpreadConstraint,
    counts: BTreeMap<String, i64>,
    /// The incoming pod itself matches.
    own: i64,
}

/// What is known before a node is looked at.
pub struct TopologySpread<'a> {
    constraints: Vec<Constraint<'a>>,
}

impl<'a> TopologySpread<'a> {
    /// Counts the pods of every eligible node.
    pub fn new(pod: &'a Pod, cache: &Cache, slips: Slips) -> Self {
        let specs: Vec<_> = required(pod).collect();
        if specs.is_empty() {
            return Self { constraints: Vec::new() };
        }
        let count = |&spec: &&'a TopologySpreadConstraint| {
            let counts_nothing =
                cache.release().counts_nothing_for_empty_spread_selectors() && is_empty(spec, pod);
            let mut counts = BTreeMap::new();
            for (node, info) in cache.nodes().filter(|(node, _)| is_eligible(pod, spec, &specs, node)) {
                if let Some(value) = label_of(node, &spec.topology_key) {
                    let matching = if counts_nothing { 0 } else { matching(spec, pod, info, slips) };
                    *counts.entry(value.to_owned()).or_insert(0) += matching;
                }
            }
            Constraint { spec, counts, own: i64::from(selects_pod(spec, pod, pod)) }
        };
        Self { constraints: specs.iter().map(count).collect() }
    }

    /// Does the pod keep every skew within bounds on this node?
    pub fn passes(&self, node: &Node) -> bool {
        self.constraints.iter().all(|constraint| {
            // FLT-15: the node must have the key.
            let Some(value) = label_of(node, &constraint.spec.topology_key) else { return false };
            let here = constraint.counts.get(value).copied().unwrap_or(0);
            let skew = here + constraint.own - constraint.minimum();
            skew <= i64::from(constraint.spec.max_skew)
        })
    }
}

impl Constraint<'_> {
    /// FLT-16
    fn minimum(&self) -> i64 {
        let domains = i64::try_from(self.counts.len()).unwrap_or(i64::MAX);
        if domains < i64::from(self.spec.min_domains.unwrap_or(1)) {
            return 0;
        }
        self.counts.values().min().copied().unwrap_or(0)
    }
}

fn required(pod: &Pod) -> impl Iterator<Item = &TopologySpreadConstraint> {
    let constraints = pod.spec.as_ref().and_then(|spec| spec.topology_spread_constraints.as_ref());
    let all = constraints.into_iter().flatten();
    all.filter(|constraint| constraint.when_unsatisfiable == "DoNotSchedule")
}

/// Does this node count as a domain for this constraint (FLT-17)? It has the keys of all constraints, and its affinity and
/// taints are looked at as the policies say.
fn is_eligible(
    pod: &Pod,
    spec: &TopologySpreadConstraint,
    all: &[&TopologySpreadConstraint],
    node: &Node,
) -> bool {
    let honours = |policy: &Option<String>, default: bool| {
        policy.as_deref().map_or(default, |policy| policy == "Honor")
    };
    let has_keys = all.iter().all(|other| label_of(node, &other.topology_key).is_some());
    let affinity =
        !honours(&spec.node_affinity_policy, true) || node_affinity::passes(pod, node, Slips::NONE);
    let taints =
        !honours(&spec.node_taints_policy, false) || taint_toleration::passes(pod, node, Slips::NONE);
    has_keys && affinity && taints
}

/// How many pods of a node match; those that are being deleted do not count (FLT-18).
fn matching(spec: &TopologySpreadConstraint, pod: &Pod, info: &NodeInfo, slips: Slips) -> i64 {
    let counts = |other: &Pod| {
        let leaving = other.is_deleting() && !slips.has(Slip::SpreadCountsDeleting);
        !leaving && other.metadata.namespace == pod.metadata.namespace && selects_pod(spec, pod, other)
    };
    i64::try_from(info.pods().filter(|info| counts(&info.pod)).count()).unwrap_or(i64::MAX)
}

/// Is the selector `{}`, and do no `matchLabelKeys` add to it? Such a selector counts no pod, although it selects every one (S28
/// `common.go` `countPodsMatchSelector`; kubernetes/kubernetes#141339).
fn is_empty(spec: &TopologySpreadConstraint, pod: &Pod) -> bool {
    let is_empty = |selector: &LabelSelector| {
        selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
    };
    let adds = |key: &String| pod.label(key).is_some();
    spec.label_selector.as_ref().is_some_and(is_empty) && !spec.match_label_keys.iter().flatten().any(adds)
}

/// Does the constraint of `pod` select `other`? The values of `matchLabelKeys` are those of the incoming pod (FLT-19).
fn selects_pod(spec: &TopologySpreadConstraint, pod: &Pod, other: &Pod) -> bool {
    let labels = other.metadata.labels.as_ref();
    let selected = spec.label_selector.as_ref().is_some_and(|selector| selects(selector, labels));
    let same = |key: &String| pod.label(key).is_none() || pod.label(key) == other.label(key);
    selected && spec.match_label_keys.iter().flatten().all(same)
}
