//! Where pods may go: required node affinity, pod affinity and anti-affinity, and spread constraints that forbid.
//! Preferences only score, and every feasible node is a possible choice of the scheduler: they need no reading.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::cursor::Cursor;
use super::names;
use super::selector::{
    NODE_OPERATORS, TEMPLATE_HASH, asks_for_one_hash, label_selector, requirement, selects,
    with_any_template_hash,
};
use crate::release::Release;
use crate::scenario::{
    LabelSelector, Labels, NodeSelectorTerm, Operator, PodAffinityTerm, Requirement, SpreadConstraint,
};

/// What terms of affinity are read against.
pub struct Surroundings<'s> {
    /// The release.
    pub release: Release,
    /// The labels of the pod itself.
    pub labels: &'s Labels,
    /// The pod also has the label that tells the revisions of its Deployment apart.
    pub has_template_hash: bool,
    /// Its value is not known before there is a cluster.
    pub is_hashed: bool,
    /// All namespaces of the input, with their labels.
    pub namespaces: &'s BTreeMap<String, Labels>,
}

/// The label that every namespace has.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Reads required node affinity; terms without requirements match nothing (FLT-5).
pub fn node_affinity(cursor: &Cursor<'_>, given: &core::NodeSelector) -> Vec<NodeSelectorTerm> {
    let cursor = cursor.field("nodeSelectorTerms");
    if given.node_selector_terms.is_empty() {
        cursor.refuse("has no term", "at least one term");
    }
    let read = |(cursor, term): (Cursor<'_>, &core::NodeSelectorTerm)| {
        let requirements = |name: &str, given: Option<&[core::NodeSelectorRequirement]>| {
            let of = |(cursor, given): (Cursor<'_>, &core::NodeSelectorRequirement)| {
                requirement(&cursor, &given.key, &given.operator, given.values.as_deref(), NODE_OPERATORS)
            };
            cursor.field(name).items(given.unwrap_or_default()).map(of).collect::<Vec<_>>()
        };
        let expressions = requirements("matchExpressions", term.match_expressions.as_deref());
        let fields = requirements("matchFields", term.match_fields.as_deref());
        for (cursor, field) in cursor.field("matchFields").items(&fields) {
            if field.key != "metadata.name" {
                cursor.field("key").refuse(format!("is '{}'", field.key), "metadata.name, the only field");
            } else if !matches!(field.operator, Operator::In | Operator::NotIn) || field.values.len() != 1 {
                cursor
                    .refuse("does not compare with one name", "operator In or NotIn with exactly one value");
            }
        }
        NodeSelectorTerm { expressions, fields }
    };
    cursor.items(&given.node_selector_terms).map(read).collect()
}

/// Reads required terms of pod affinity or anti-affinity.
pub fn pod_affinity(
    cursor: &Cursor<'_>,
    given: &[core::PodAffinityTerm],
    around: &Surroundings<'_>,
) -> Vec<PodAffinityTerm> {
    cursor.items(given).map(|(cursor, given)| pod_affinity_term(&cursor, given, around)).collect()
}

fn topology_key(cursor: &Cursor<'_>, key: &str) -> String {
    if key.is_empty() {
        cursor
            .field("topologyKey")
            .refuse("is missing", "the key of a node label, such as kubernetes.io/hostname");
    } else {
        names::key(&cursor.field("topologyKey"), key);
    }
    key.into()
}

fn pod_affinity_term(
    cursor: &Cursor<'_>,
    given: &core::PodAffinityTerm,
    around: &Surroundings<'_>,
) -> PodAffinityTerm {
    let mut selector = selector(cursor, given.label_selector.as_ref(), around);
    let has_keys = around.release.has_match_label_keys_in_affinity();
    let keys = |keys: &Option<Vec<String>>| keys.clone().filter(|_| has_keys).unwrap_or_default();
    let same_revision =
        match_label_keys(selector.as_mut(), &keys(&given.match_label_keys), Operator::In, around);
    let other_revision =
        match_label_keys(selector.as_mut(), &keys(&given.mismatch_label_keys), Operator::NotIn, around);
    if other_revision {
        cursor
            .field("mismatchLabelKeys")
            .warn("pod-template-hash in mismatchLabelKeys is not represented; the term is read without it");
    }
    let release = around.release;
    let has_selector = release.has_namespace_selector_in_affinity();
    if given.namespace_selector.is_some() && !has_selector {
        cursor
            .field("namespaceSelector")
            .warn(format!("namespaceSelector has no effect in Kubernetes {release}"));
    }
    let by_selector = given.namespace_selector.as_ref().filter(|_| has_selector);
    let all = by_selector.is_some_and(|selector| *selector == meta::LabelSelector::default());
    let mut namespaces = given.namespaces.clone().unwrap_or_default();
    if let Some(given) = by_selector.filter(|_| !all) {
        let cursor = cursor.field("namespaceSelector");
        cursor.warn(
            "a namespaceSelector is read by the labels of the Namespaces of the input, and of any other namespace by \
             kubernetes.io/metadata.name alone, as its labels are not known",
        );
        let selector = label_selector(&cursor, given);
        let of = |(_, labels): &(&String, &Labels)| selects(&selector, labels);
        namespaces.extend(around.namespaces.iter().filter(of).map(|(name, _)| name.clone()));
        if namespaces.is_empty() {
            // No list at all would mean the pod's own namespace; no namespace has an empty name.
            namespaces.push(String::new());
        }
    }
    PodAffinityTerm {
        topology_key: topology_key(cursor, &given.topology_key),
        selector,
        namespaces,
        all_namespaces: all,
        same_revision,
    }
}

/// A pod whose revisions a hash tells apart speaks of others that have one, too.
fn selector(
    cursor: &Cursor<'_>,
    given: Option<&meta::LabelSelector>,
    around: &Surroundings<'_>,
) -> Option<LabelSelector> {
    let cursor = cursor.field("labelSelector");
    let read = label_selector(&cursor, given?);
    if !around.is_hashed {
        return Some(read);
    }
    if asks_for_one_hash(&read) {
        cursor.warn(format!(
            "asks for one {TEMPLATE_HASH}: nobody knows it beforehand, and it is read as selecting no pod"
        ));
    }
    with_any_template_hash(read)
}

/// FLT-14, FLT-19: the pod's own values of these labels are added to the selector; says whether the template hash was
/// among them.
fn match_label_keys(
    selector: Option<&mut LabelSelector>,
    keys: &[String],
    operator: Operator,
    around: &Surroundings<'_>,
) -> bool {
    if let Some(selector) = selector {
        let known = keys.iter().filter_map(|key| Some((key, around.labels.get(key)?)));
        selector.expressions.extend(known.map(|(key, value)| Requirement {
            key: key.clone(),
            operator,
            values: vec![value.clone()],
        }));
    }
    around.has_template_hash && keys.iter().any(|key| key == TEMPLATE_HASH)
}

/// Reads the spread constraints that forbid (FLT-15 to FLT-19; S28 `validateTopologySpreadConstraints`).
pub fn spread(
    cursor: &Cursor<'_>,
    given: &[core::TopologySpreadConstraint],
    around: &Surroundings<'_>,
) -> Vec<SpreadConstraint> {
    let mut seen = BTreeSet::new();
    let mut read = |(cursor, given): (Cursor<'_>, &core::TopologySpreadConstraint)| {
        let forbids = [("DoNotSchedule", true), ("ScheduleAnyway", false)];
        let at = cursor.field("whenUnsatisfiable");
        if given.when_unsatisfiable.is_empty() {
            at.refuse("is missing", "DoNotSchedule or ScheduleAnyway");
        }
        let forbids = at.one_of(Some(&given.when_unsatisfiable), &forbids, true);
        if given.max_skew < 1 {
            cursor
                .field("maxSkew")
                .refuse(format!("is {}", given.max_skew), "a whole number from 1 to 2147483647");
        }
        let topology_key = topology_key(&cursor, &given.topology_key);
        if !seen.insert((topology_key.clone(), forbids)) {
            cursor.refuse("stands twice", "each pair of topologyKey and whenUnsatisfiable once");
        }
        let at = cursor.field("minDomains");
        let min_domains = at.positive(given.min_domains, 1);
        if given.min_domains.is_some() && !forbids {
            at.refuse("is set", "this field only beside whenUnsatisfiable: DoNotSchedule");
        }
        let release = around.release;
        if given.min_domains.is_some() && !release.has_min_domains() {
            at.warn(format!("minDomains has no effect in Kubernetes {release}"));
        }
        let min_domains = if release.has_min_domains() { min_domains } else { 1 };
        let policies = [("Honor", true), ("Ignore", false)];
        let policy = |field: &'static str, given: Option<&str>, default: bool| {
            let at = cursor.field(field);
            let honours = at.one_of(given, &policies, default);
            let is_read = release.has_node_inclusion_policies();
            if given.is_some() && !is_read {
                at.warn(format!("{field} has no effect in Kubernetes {release}"));
            }
            if is_read { honours } else { default }
        };
        let mut selector = selector(&cursor, given.label_selector.as_ref(), around);
        let keys = given.match_label_keys.clone().filter(|_| around.release.has_match_label_keys_in_spread());
        let same_revision =
            match_label_keys(selector.as_mut(), &keys.unwrap_or_default(), Operator::In, around);
        let constraint = SpreadConstraint {
            max_skew: u32::try_from(given.max_skew).unwrap_or(1),
            topology_key,
            selector,
            min_domains,
            honour_node_affinity: policy("nodeAffinityPolicy", given.node_affinity_policy.as_deref(), true),
            honour_node_taints: policy("nodeTaintsPolicy", given.node_taints_policy.as_deref(), false),
            same_revision,
        };
        forbids.then_some(constraint)
    };
    cursor.items(given).filter_map(&mut read).collect()
}
