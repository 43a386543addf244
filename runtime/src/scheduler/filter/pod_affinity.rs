//! InterPodAffinity: required affinity and anti-affinity between pods (FLT-8 to FLT-13).
//!
//! Pods that are being deleted still count (FLT-13). A namespace is known by its name only: of its labels, a
//! namespaceSelector sees `kubernetes.io/metadata.name`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Pod, PodAffinityTerm};

use super::label_of;
use crate::api::selector::selects;
use crate::scheduler::cache::Cache;
use crate::slip::{Slip, Slips};

/// A topology key and one of its values.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Domain(String, String);

/// What is known before a node is looked at.
pub struct PodAffinity<'a> {
    affinity: &'a [PodAffinityTerm],
    anti_affinity: &'a [PodAffinityTerm],
    /// Domains of pods that match all affinity terms of the incoming pod.
    attracting: BTreeSet<Domain>,
    /// Domains of pods that match an anti-affinity term of the incoming pod, by that term's key.
    repelling: BTreeSet<Domain>,
    /// Domains of pods whose own anti-affinity matches the incoming pod.
    repelled_by: BTreeSet<Domain>,
    /// Nothing in the cluster matches, but the pod does itself (FLT-9).
    first: bool,
}

impl<'a> PodAffinity<'a> {
    /// Looks at every pod of the cluster.
    pub fn new(pod: &'a Pod, cache: &Cache, slips: Slips) -> Self {
        let (affinity, anti_affinity) = (affinity_terms(pod), anti_affinity_terms(pod));
        let (mut attracting, mut repelling, mut repelled_by) = Default::default();
        for (node, info) in cache.nodes() {
            for other in info.pods().map(|info| &*info.pod) {
                if !affinity.is_empty() && affinity.iter().all(|term| matches(term, pod, other)) {
                    add_domains(&mut attracting, affinity, node);
                }
                let matching = anti_affinity.iter().filter(|term| matches(term, pod, other));
                matching.for_each(|term| add_domains(&mut repelling, std::slice::from_ref(term), node));
                let theirs = anti_affinity_terms(other).iter().filter(|term| matches(term, other, pod));
                theirs.for_each(|term| add_domains(&mut repelled_by, std::slice::from_ref(term), node));
            }
        }
        if slips.has(Slip::SymmetricAntiAffinityIgnored) {
            repelled_by = BTreeSet::new();
        }
        let first = attracting.is_empty() && affinity.iter().all(|term| matches(term, pod, pod));
        Self { affinity, anti_affinity, attracting, repelling, repelled_by, first }
    }

    /// May the pod go to this node?
    pub fn passes(&self, node: &Node) -> bool {
        let domain = |key: &str| label_of(node, key).map(|value| Domain(key.to_owned(), value.to_owned()));
        // FLT-8, FLT-9
        let attracted = self.affinity.iter().all(|term| {
            domain(&term.topology_key).is_some_and(|domain| self.first || self.attracting.contains(&domain))
        });
        // FLT-10: a node without the key passes.
        let repelled = self
            .anti_affinity
            .iter()
            .any(|term| domain(&term.topology_key).is_some_and(|domain| self.repelling.contains(&domain)));
        // FLT-11
        let labels: Option<&BTreeMap<_, _>> = node.metadata.labels.as_ref();
        let unwelcome = !self.repelled_by.is_empty()
            && labels
                .into_iter()
                .flatten()
                .any(|(key, value)| self.repelled_by.contains(&Domain(key.clone(), value.clone())));
        attracted && !repelled && !unwelcome
    }
}

fn add_domains(domains: &mut BTreeSet<Domain>, terms: &[PodAffinityTerm], node: &Node) {
    for term in terms {
        if let Some(value) = label_of(node, &term.topology_key) {
            domains.insert(Domain(term.topology_key.clone(), value.to_owned()));
        }
    }
}

/// Does `term` of the pod `owner` match `other`?
fn matches(term: &PodAffinityTerm, owner: &Pod, other: &Pod) -> bool {
    let namespace = |pod: &'_ Pod| pod.metadata.namespace.clone().unwrap_or_default();
    let theirs = namespace(other);
    let listed = term.namespaces.iter().flatten().any(|name| *name == theirs);
    // FLT-12
    let selected = term.namespace_selector.as_ref().is_some_and(|selector| {
        let labels = BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), theirs.clone())]);
        selects(selector, Some(&labels))
    });
    let unsaid = term.namespaces.as_ref().is_none_or(Vec::is_empty) && term.namespace_selector.is_none();
    let in_namespace = listed || selected || unsaid && namespace(owner) == theirs;
    let labels = other.metadata.labels.as_ref();
    in_namespace && term.label_selector.as_ref().is_some_and(|selector| selects(selector, labels))
}

fn affinity_terms(pod: &Pod) -> &[PodAffinityTerm] {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
    let own = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
    own.and_then(|own| own.required_during_scheduling_ignored_during_execution.as_deref()).unwrap_or(&[])
}

fn anti_affinity_terms(pod: &Pod) -> &[PodAffinityTerm] {
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref());
    let own = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    own.and_then(|own| own.required_during_scheduling_ignored_during_execution.as_deref()).unwrap_or(&[])
}
