//! Neighbours: the pods of other workloads that were on the nodes of a workload, as running pods with the time in which they
//! were there.

use std::rc::Rc;

use podproof_vocabulary::manifest::term_selects;
use podproof_vocabulary::scenario::{
    Container, ContainerKind, HostPort, Labels, Neighbour, PodTemplate, Protocol, Scenario,
};

use super::life::Span;
use super::observed::{NeighbourSeen, NodeSeen};
use super::pods::Pod;
use super::selectors::Selector;

/// The most neighbours of a scenario.
pub(super) const MOST: usize = 60;

/// Another pod, with what it is made of.
pub(super) struct Other<'s> {
    pub uid: &'s Rc<str>,
    pub pod: &'s Pod,
    /// What its workload is called.
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

impl Surroundings<'_> {
    /// The neighbours among `others`, in the order in which they came, and how many more there were than a scenario holds.
    /// Those go first that share the Service or a budget, then those that affinity, anti-affinity or spread speak of, then
    /// those on nodes that the workload's pods were on.
    pub fn neighbours<'o>(
        &self,
        others: impl Iterator<Item = Other<'o>>,
    ) -> (Vec<Neighbour>, Vec<NeighbourSeen>, usize) {
        let mut found: Vec<_> = others.filter_map(|other| self.neighbour(&other)).collect();
        found.sort_by(|(rank, _, a), (other_rank, _, b)| {
            (rank, a.span.from, &a.uid).cmp(&(other_rank, b.span.from, &b.uid))
        });
        let too_many = found.len().saturating_sub(MOST);
        found.truncate(MOST);
        found.sort_by(|(_, _, a), (_, _, b)| (a.span.from, &a.uid).cmp(&(b.span.from, &b.uid)));
        let (neighbours, seen) = found.into_iter().map(|(_, neighbour, seen)| (neighbour, seen)).unzip();
        (neighbours, seen, too_many)
    }

    fn neighbour(&self, other: &Other<'_>) -> Option<(u8, Neighbour, NeighbourSeen)> {
        let pod = other.pod;
        let span = pod.on_node().filter(|span| span.overlaps(self.span))?;
        let (name, _) = pod.bound.as_ref()?;
        let node = self.nodes.iter().position(|node| node.name == *name)?;
        let labels: &Labels = &pod.labels;
        let selects = |selector: &&Selector| selector.selects(&pod.namespace, labels, other.uid);
        let in_service = self.service.as_ref().is_some_and(selects);
        let in_budget = self.budgets.iter().any(selects);
        let template = other.template;
        let containers = template.map_or(&[][..], |template| &template.containers);
        let pod_anti_affinity = template.map_or_else(Vec::new, |template| template.pod_anti_affinity.clone());
        let neighbour = Neighbour {
            name: other.name.to_owned(),
            namespace: pod.namespace.to_string(),
            labels: labels.clone(),
            node: u8::try_from(node).ok()?,
            requests: containers.iter().map(|container| (container.kind, container.requests)).collect(),
            host_ports: host_ports(containers),
            pod_anti_affinity,
            in_service,
            in_budget,
        };
        let rank = match () {
            () if in_service || in_budget => 0,
            () if self.speaks_of(&neighbour) => 1,
            () if self.own_nodes.contains(name) => 2,
            () => 3,
        };
        Some((rank, neighbour, NeighbourSeen { uid: Rc::clone(other.uid), span }))
    }

    /// Does required affinity, anti-affinity of either side or a spread constraint select the other?
    fn speaks_of(&self, other: &Neighbour) -> bool {
        let (own, template) = (&self.scenario.workload, &self.scenario.workload.template);
        let (own_name, other_name) = (&own.namespace, &other.namespace);
        let mut ours = template.pod_affinity.iter().chain(&template.pod_anti_affinity);
        let mut theirs = other.pod_anti_affinity.iter();
        let mut spread = template.spread.iter().filter_map(|constraint| constraint.selector.as_ref());
        ours.any(|term| term_selects(term, own_name, other_name, &other.labels))
            || theirs.any(|term| term_selects(term, other_name, own_name, &template.labels))
            || (own_name == other_name
                && spread.any(|selector| podproof_vocabulary::manifest::selects(selector, &other.labels)))
    }
}

/// The ports of the node that the containers hold.
fn host_ports(containers: &[Container]) -> Vec<(Protocol, HostPort)> {
    let lasting = containers.iter().filter(|container| container.kind != ContainerKind::Init);
    let ports = lasting.flat_map(|container| &container.ports);
    ports.filter_map(|port| Some((port.protocol, port.host.clone()?))).collect()
}
