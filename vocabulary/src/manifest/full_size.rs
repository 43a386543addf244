//! What a workload needs at the size that its manifest gives it, where fewer replicas are checked: nodes of the input are not made fewer with
//! them.

use std::collections::BTreeMap;

use super::neighbours::{add_one, is_tolerated, is_wanted, may_run, term_selects};
use super::selector::selects;
use super::workload::Parsed;
use crate::release::Release;
use crate::scenario::{
    Labels, Neighbour, Node, PodAffinityTerm, PodTemplate, Rounding, Strategy, Workload, WorkloadKind,
};

/// The row of what is left out.
pub const ROOM: &str = "room for all replicas of the manifest";

/// Pods that are counted at most.
const PODS_MAX: u32 = 1_000;

/// How many pods of a Deployment of this size must find room at once so that a rollout gets on: all that are wanted, and the surge where
/// none may be unavailable (DEP-6).
pub fn pods_of_a_rollout(strategy: Strategy, replicas: u32) -> u32 {
    match strategy {
        Strategy::Recreate => replicas,
        Strategy::RollingUpdate { max_surge, max_unavailable } => {
            let surge = max_surge.of(replicas, Rounding::Up);
            // Both may not be 0 (S28 `ResolveFenceposts`).
            let waits = max_unavailable.of(replicas, Rounding::Down) == 0 && surge > 0;
            if waits { replicas.saturating_add(surge.min(1)) } else { replicas }
        }
    }
}

/// What the nodes of the input lack at the size of the manifest.
pub struct Lack {
    /// In words.
    pub says: String,
    /// Whether a rollout gets through is not decided by what is checked.
    pub concerns_rollouts: bool,
}

/// Says so if the nodes of the input have room for the pods that are checked, as far as that is known beforehand, and not for those of the
/// manifest: a verdict at the smaller size says nothing of the larger one then. Pods are put on the first node that takes one; which is
/// the first is tried out.
pub fn lacks_room(
    own: &Parsed<'_>,
    nodes: &[Node],
    neighbours: &[Neighbour],
    release: Release,
) -> Option<Lack> {
    let workload = &own.workload;
    let is_smaller = u32::from(workload.replicas) < workload.manifest_replicas;
    if !is_smaller || workload.kind == WorkloadKind::Pod || workload.template.node_name.is_some() {
        return None;
    }
    let size = Size { replicas: workload.manifest_replicas, at_once: own.pods_at_once, release };
    let fits = at_least(own, nodes, neighbours, size)?;
    if fits >= size.at_once.min(PODS_MAX) {
        return None;
    }
    let (checked, all, needed) = (workload.replicas, workload.manifest_replicas, own.pods_at_once);
    let concerns_rollouts = workload.kind == WorkloadKind::Deployment;
    let during = if needed > all { " of which one is there during a rollout alone," } else { "" };
    let then = match concerns_rollouts {
        true => "whether a rollout gets through there is not decided",
        false => "what is Pending there is not followed",
    };
    let says = format!(
        "{checked} of the manifest's {all} replicas are checked, and its nodes have room for {fits} of {needed} pods,{during} at the size \
         of the manifest: {then} (more: --replicas)"
    );
    Some(Lack { says, concerns_rollouts })
}

/// Says so if as many generated nodes as there are have no room for the pods of a rollout of the size that is checked, and more nodes have:
/// nobody has said that the cluster has so few.
pub fn lacks_nodes(
    own: &Parsed<'_>,
    nodes: &[Node],
    more: impl Fn(u8) -> Vec<Node>,
    release: Release,
) -> Option<String> {
    let Workload { kind, strategy, replicas, .. } = own.workload;
    let at_once = pods_of_a_rollout(strategy, replicas.into());
    let size = Size { replicas: replicas.into(), at_once, release };
    let fits = at_least(own, nodes, &[], size)?;
    if kind != WorkloadKind::Deployment || fits >= at_once {
        return None;
    }
    let enough = u8::try_from(at_once).ok().filter(|&count| {
        usize::from(count) > nodes.len() && at_least(own, &more(count), &[], size) == Some(at_once)
    })?;
    let pods = if at_once > u32::from(replicas) { ", with that of the surge" } else { "" };
    Some(format!(
        "{} generated nodes have room for {fits} of the {at_once} pods that a rollout of {replicas} replicas has at once{pods}: what waits \
         for room here need not in a cluster of more (--nodes {enough}, or its Nodes in the input)",
        nodes.len()
    ))
}

/// How many pods find room, whichever node is asked first.
fn at_least(own: &Parsed<'_>, nodes: &[Node], neighbours: &[Neighbour], size: Size) -> Option<u32> {
    (0..nodes.len()).map(|first| pods_that_fit(own, nodes, neighbours, size, first)).min()
}

/// How large a workload is.
#[derive(Clone, Copy)]
struct Size {
    /// The pods that are wanted.
    replicas: u32,
    /// Those that must find room at once.
    at_once: u32,
    /// The Kubernetes release that places them.
    release: Release,
}

/// How many pods find room one after the other, `first` being the node that is asked first.
fn pods_that_fit(
    own: &Parsed<'_>,
    nodes: &[Node],
    neighbours: &[Neighbour],
    size: Size,
    first: usize,
) -> u32 {
    let Workload { template, namespace, .. } = &own.workload;
    // A pod of the next template passes over terms that ask for its own revision: none of it is there yet.
    let next = PodTemplate {
        pod_anti_affinity: others_too(&template.pod_anti_affinity),
        pod_affinity: others_too(&template.pod_affinity),
        spread: template.spread.iter().filter(|constraint| !constraint.same_revision).cloned().collect(),
        ..template.clone()
    };
    let mut placed = neighbours.to_vec();
    let needed = size.at_once.min(PODS_MAX);
    for fits in 0..needed {
        let template = if fits < size.replicas { template } else { &next };
        if fits == size.replicas {
            // Nor do the pods that are there ask for it.
            for pod in placed.iter_mut().skip(neighbours.len()) {
                pod.pod_anti_affinity.clone_from(&next.pod_anti_affinity);
            }
        }
        let placing = Placing { template, namespace, nodes, placed: &placed, release: size.release };
        let takes = |&node: &usize| placing.may_be_on(node);
        let Some(node) = (0..nodes.len()).map(|step| (first + step) % nodes.len()).find(takes) else {
            return fits;
        };
        add_one(&mut placed, own, node);
    }
    needed
}

fn others_too(terms: &[PodAffinityTerm]) -> Vec<PodAffinityTerm> {
    terms.iter().filter(|term| !term.same_revision).cloned().collect()
}

/// A pod that is to be put on a node, beside those that were placed before.
struct Placing<'a> {
    template: &'a PodTemplate,
    namespace: &'a str,
    nodes: &'a [Node],
    placed: &'a [Neighbour],
    release: Release,
}

impl Placing<'_> {
    fn may_be_on(&self, node: usize) -> bool {
        may_run(self.template, self.namespace, node, self.nodes, self.placed)
            && self.spreads(node)
            && self.is_beside(node)
    }

    fn domain(&self, node: usize, key: &str) -> Option<&String> {
        self.nodes.get(node)?.labels.get(key)
    }

    /// FLT-15 to FLT-18.
    fn spreads(&self, node: usize) -> bool {
        self.template.spread.iter().all(|constraint| {
            let Some(own) = self.domain(node, &constraint.topology_key) else { return false };
            let is_selected = |labels: &Labels| {
                constraint.selector.as_ref().is_some_and(|selector| selects(selector, labels))
            };
            let counts_here = |node: &Node| {
                (!constraint.honour_node_affinity || is_wanted(self.template, node))
                    && (!constraint.honour_node_taints || is_tolerated(self.template, node))
            };
            let mut counts: BTreeMap<&String, u32> = BTreeMap::new();
            for (place, node) in self.nodes.iter().enumerate() {
                let Some(domain) = node.labels.get(&constraint.topology_key).filter(|_| counts_here(node))
                else {
                    continue;
                };
                let is_counted = |pod: &&Neighbour| {
                    !constraint.counts_nothing(self.release)
                        && usize::from(pod.node) == place
                        && pod.namespace == self.namespace
                        && is_selected(&pod.labels)
                };
                let count = self.placed.iter().filter(is_counted).count();
                *counts.entry(domain).or_default() += u32::try_from(count).unwrap_or(u32::MAX);
            }
            let domains = u32::try_from(counts.len()).unwrap_or(u32::MAX);
            let least = counts.values().copied().min().filter(|_| domains >= constraint.min_domains);
            let itself = u32::from(is_selected(&self.template.labels));
            let most = least.unwrap_or(0) + constraint.max_skew;
            counts.get(own).is_some_and(|&there| there + itself <= most)
        })
    }

    /// FLT-13: each term has a pod in the domain, or the pod is the first of those that it selects, itself among them.
    fn is_beside(&self, node: usize) -> bool {
        self.template.pod_affinity.iter().all(|term| {
            let Some(own) = self.domain(node, &term.topology_key) else { return false };
            let is_meant = |pod: &&Neighbour| term_selects(term, self.namespace, &pod.namespace, &pod.labels);
            let mut meant = self.placed.iter().filter(is_meant).peekable();
            if meant.peek().is_none() {
                return term_selects(term, self.namespace, self.namespace, &self.template.labels);
            }
            meant.any(|pod| self.domain(pod.node.into(), &term.topology_key) == Some(own))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::IntOrPercent::{Int, Percent};

    #[test]
    fn a_rollout_needs_room_for_one_more_where_none_may_be_unavailable() {
        let rolling = |max_surge, max_unavailable| Strategy::RollingUpdate { max_surge, max_unavailable };
        let quarters = rolling(Percent(25), Percent(25));
        assert_eq!(pods_of_a_rollout(quarters, 3), 4);
        assert_eq!(pods_of_a_rollout(quarters, 4), 4);
        assert_eq!(pods_of_a_rollout(rolling(Int(3), Int(0)), 10), 11, "one after the other");
        assert_eq!(pods_of_a_rollout(rolling(Int(1), Int(1)), 10), 10);
        assert_eq!(pods_of_a_rollout(rolling(Percent(0), Percent(1)), 3), 3);
        assert_eq!(pods_of_a_rollout(Strategy::Recreate, 3), 3);
    }
}
