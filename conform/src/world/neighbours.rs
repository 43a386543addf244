//! Neighbours: the pods of other workloads that were on the nodes of a workload, as running pods with the time in which they
//! were there.

use std::collections::BTreeMap;
use std::rc::Rc;

use podproof_vocabulary::manifest::{selects, term_selects};
use podproof_vocabulary::scenario::{
    Container, ContainerKind, HostPort, Neighbour, PodTemplate, Protocol, Scenario,
};

use super::life::Span;
use super::observed::{NeighbourSeen, NodeSeen};
use super::pods::Pod;
use super::selectors::Selector;

/// The most neighbours of a scenario.
pub(super) const MOST: usize = 60;
/// How many ways there are to be one: the first matters most.
const RANKS: usize = 4;

/// A pod that had a place on a node, with what it is made of.
pub(super) struct Other<'s> {
    pub uid: &'s Rc<str>,
    pub pod: &'s Pod,
    pub node: &'s Rc<str>,
    pub span: Span,
    /// What it is called.
    pub name: &'s str,
    pub template: Option<&'s PodTemplate>,
}

/// What makes pods neighbours of a workload.
pub(super) struct Surroundings<'s> {
    /// The workload's scenario, its nodes set.
    pub scenario: &'s Scenario,
    pub nodes: &'s [NodeSeen],
    pub span: Span,
    /// The nodes that its pods were on.
    pub own_nodes: Vec<Rc<str>>,
    pub service: Option<&'s Selector>,
    pub budgets: &'s [&'s Selector],
}

/// Another pod that is a neighbour, if there is room for it.
struct Candidate<'o> {
    other: &'o Other<'o>,
    node: u8,
    in_service: bool,
    in_budget: bool,
}

impl Surroundings<'_> {
    /// The neighbours among `others`, which are in the order in which they came; in that order too, and how many more there were than a scenario holds.
    /// Those go first that share the Service or a budget, then those that affinity, anti-affinity or spread speak of, then
    /// those on nodes that the workload's pods were on.
    pub fn neighbours<'o>(
        &self,
        others: impl Iterator<Item = &'o Other<'o>>,
    ) -> (Vec<Neighbour>, Vec<NeighbourSeen>, usize) {
        let numbers = (0_u8..).zip(self.nodes).map(|(number, node)| (&*node.name, number)).collect();
        let mut ranks: [Vec<Candidate<'o>>; RANKS] = Default::default();
        for (rank, candidate) in others.filter_map(|other| self.candidate(other, &numbers)) {
            ranks[rank].push(candidate);
        }
        let mut found: Vec<_> = ranks.into_iter().flatten().collect();
        let too_many = found.len().saturating_sub(MOST);
        found.truncate(MOST);
        found.sort_by_key(|one| (one.other.span.from, one.other.uid));
        let seen =
            found.iter().map(|one| NeighbourSeen { uid: Rc::clone(one.other.uid), span: one.other.span });
        let seen = seen.collect();
        (found.into_iter().map(neighbour).collect(), seen, too_many)
    }

    fn candidate<'o>(
        &self,
        other: &'o Other<'o>,
        numbers: &BTreeMap<&str, u8>,
    ) -> Option<(usize, Candidate<'o>)> {
        if !other.span.overlaps(self.span) {
            return None;
        }
        let pod = other.pod;
        let node = *numbers.get(&**other.node)?;
        let selects = |selector: &&Selector| selector.selects(&pod.namespace, &pod.labels, other.uid);
        let in_service = self.service.as_ref().is_some_and(selects);
        let in_budget = self.budgets.iter().any(selects);
        let rank = match () {
            () if in_service || in_budget => 0,
            () if self.speaks_of(other) => 1,
            () if self.own_nodes.contains(other.node) => 2,
            () => 3,
        };
        Some((rank, Candidate { other, node, in_service, in_budget }))
    }

    /// Does required affinity, anti-affinity of either side or a spread constraint select the other?
    fn speaks_of(&self, other: &Other<'_>) -> bool {
        let (own, template) = (&self.scenario.workload, &self.scenario.workload.template);
        let (own_name, other_name, labels) = (&own.namespace, &*other.pod.namespace, &other.pod.labels);
        let mut ours = template.pod_affinity.iter().chain(&template.pod_anti_affinity);
        let mut theirs = other.template.into_iter().flat_map(|template| &template.pod_anti_affinity);
        let mut spread = template.spread.iter().filter_map(|constraint| constraint.selector.as_ref());
        ours.any(|term| term_selects(term, own_name, other_name, labels))
            || theirs.any(|term| term_selects(term, other_name, own_name, &template.labels))
            || (own_name == other_name && spread.any(|selector| selects(selector, labels)))
    }
}

fn neighbour(candidate: Candidate<'_>) -> Neighbour {
    let Other { pod, name, template, .. } = *candidate.other;
    let containers = template.map_or(&[][..], |template| &template.containers);
    Neighbour {
        name: name.to_owned(),
        namespace: pod.namespace.to_string(),
        labels: (*pod.labels).clone(),
        node: candidate.node,
        requests: containers.iter().map(|container| (container.kind, container.requests)).collect(),
        host_ports: host_ports(containers),
        pod_anti_affinity: template.map_or_else(Vec::new, |template| template.pod_anti_affinity.clone()),
        tolerations: template.map_or_else(Vec::new, |template| template.tolerations.clone()),
        is_bare: false,
        in_service: candidate.in_service,
        in_budget: candidate.in_budget,
    }
}

/// The ports of the node that the containers hold.
fn host_ports(containers: &[Container]) -> Vec<(Protocol, HostPort)> {
    let lasting = containers.iter().filter(|container| container.kind != ContainerKind::Init);
    let ports = lasting.flat_map(|container| &container.ports);
    ports.filter_map(|port| Some((port.protocol, port.host.clone()?))).collect()
}
