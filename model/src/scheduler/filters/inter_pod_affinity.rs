//! InterPodAffinity: required pod affinity and anti-affinity, with its symmetry.

use podproof_vocabulary::scenario::{Labels, PodAffinityTerm, Scenario};
use podproof_vocabulary::{NodeId, Revision};

use super::{Domains, Placement, selects};

/// FLT-8 to FLT-13 (S28 `plugins/interpodaffinity/filtering.go`).
pub struct InterPodAffinity {
    affinity: Vec<Term>,
    anti_affinity: Vec<Term>,
    /// The terms of neighbours' anti-affinity that select the workload's pods, with where the neighbour is (FLT-11).
    forbidding: Vec<(Domains, NodeId)>,
    /// The pod matches all of its own affinity terms (FLT-9).
    matches_itself: bool,
}

/// A term, compiled.
struct Term {
    /// The domain of each node.
    domains: Domains,
    /// It selects the workload's own pods.
    selects_own: bool,
    /// Only those of the same template.
    same_revision: bool,
    /// Nodes of the neighbours that it selects.
    neighbours: Vec<NodeId>,
}

fn term_selects(term: &PodAffinityTerm, own_namespace: &str, namespace: &str, labels: &Labels) -> bool {
    let in_namespace = if term.namespaces.is_empty() && !term.all_namespaces {
        namespace == own_namespace
    } else {
        term.all_namespaces || term.namespaces.iter().any(|name| name == namespace)
    };
    in_namespace && selects(term.selector.as_ref(), labels)
}

impl Term {
    /// The term `term`, for which a pod counts that matches all of `all`.
    fn compile(term: &PodAffinityTerm, all: &[PodAffinityTerm], scenario: &Scenario) -> Self {
        let workload = &scenario.workload;
        let same_revision = all.iter().any(|term| term.same_revision);
        let selected = |namespace: &str, labels: &Labels| {
            all.iter().all(|term| term_selects(term, &workload.namespace, namespace, labels))
        };
        let neighbours =
            scenario.neighbours.iter().filter(|n| selected(&n.namespace, &n.labels) && !same_revision);
        Self {
            domains: Domains::of(&scenario.nodes, &term.topology_key),
            selects_own: selected(&workload.namespace, &workload.template.labels),
            same_revision,
            neighbours: neighbours.map(|neighbour| NodeId(neighbour.node)).collect(),
        }
    }

    /// The nodes of the pods that it selects; deleting pods count until they are gone (FLT-13).
    fn selected<'a>(
        &'a self,
        placement: &'a Placement,
        revision: Revision,
    ) -> impl Iterator<Item = NodeId> + 'a {
        let own = placement.occupants.iter().filter(move |occupant| {
            self.selects_own && (!self.same_revision || occupant.revision == revision)
        });
        own.map(|occupant| occupant.node).chain(self.neighbours.iter().copied())
    }

    /// Is one of the pods that it selects in the domain of `node`?
    fn is_met(&self, placement: &Placement, revision: Revision, node: NodeId) -> bool {
        let domain = self.domains.at(placement, node);
        domain.is_some()
            && self.selected(placement, revision).any(|other| self.domains.at(placement, other) == domain)
    }
}

impl InterPodAffinity {
    pub(super) fn compile(scenario: &Scenario) -> Self {
        let template = &scenario.workload.template;
        // A pod counts for affinity if it matches all terms (S28 `podMatchesAllAffinityTerms`), for anti-affinity if it
        // matches the one.
        let wanted = &template.pod_affinity;
        let affinity: Vec<Term> = wanted.iter().map(|term| Term::compile(term, wanted, scenario)).collect();
        let unwanted = template.pod_anti_affinity.iter();
        let mut forbidding = Vec::new();
        for neighbour in &scenario.neighbours {
            let own = &scenario.workload.namespace;
            let selects_own =
                |term: &&PodAffinityTerm| term_selects(term, &neighbour.namespace, own, &template.labels);
            for term in neighbour.pod_anti_affinity.iter().filter(selects_own) {
                forbidding.push((Domains::of(&scenario.nodes, &term.topology_key), NodeId(neighbour.node)));
            }
        }
        Self {
            matches_itself: affinity.iter().all(|term| term.selects_own),
            affinity,
            anti_affinity: unwanted
                .map(|term| Term::compile(term, std::slice::from_ref(term), scenario))
                .collect(),
            forbidding,
        }
    }

    /// The pod has no term of either kind.
    pub(super) fn is_empty(&self) -> bool {
        self.affinity.is_empty() && self.anti_affinity.is_empty()
    }

    pub(super) fn passes(&self, placement: &Placement, revision: Revision, node: NodeId) -> bool {
        // The incoming pod's anti-affinity and that of existing pods of the same template are one: FLT-10 and FLT-11
        // coincide for a workload's own pods.
        let apart = self.anti_affinity.iter().all(|term| !term.is_met(placement, revision, node));
        let forbidden = self.forbidding.iter().any(|(domains, neighbour)| {
            let domain = domains.at(placement, node);
            domain.is_some() && domain == domains.at(placement, *neighbour)
        });
        apart && !forbidden && self.affinity_passes(placement, revision, node)
    }

    /// FLT-8: every term is met in the node's domain; or FLT-9: no pod matches all terms, the pod matches its own, and
    /// the node has all keys (`satisfyPodAffinity`).
    fn affinity_passes(&self, placement: &Placement, revision: Revision, node: NodeId) -> bool {
        let has_keys = self.affinity.iter().all(|term| term.domains.at(placement, node).is_some());
        let met = self.affinity.iter().all(|term| term.is_met(placement, revision, node));
        let in_domain = |term: &Term, node: NodeId| term.domains.at(placement, node).is_some();
        let none_anywhere = self
            .affinity
            .iter()
            .all(|term| !term.selected(placement, revision).any(|other| in_domain(term, other)));
        has_keys && (met || (none_anywhere && self.matches_itself))
    }
}
