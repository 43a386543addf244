//! What a workload needs at the size that its manifest gives it, where fewer replicas are checked: nodes of the input are not made fewer with
//! them.

use std::collections::BTreeMap;

use super::neighbours::{add_one, is_tolerated, is_wanted, may_run, term_selects};
use super::selector::selects;
use super::workload::Parsed;
use crate::scenario::{
    Neighbour, Node, PodAffinityTerm, PodTemplate, Rounding, Strategy, Workload, WorkloadKind,
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
pub fn lacks_room(own: &Parsed<'_>, nodes: &[Node], neighbours: &[Neighbour]) -> Option<Lack> {
    let workload = &own.workload;
    let is_smaller = u32::from(workload.replicas) < workload.manifest_replicas;
    if !is_smaller || workload.kind == WorkloadKind::Pod || workload.template.node_name.is_some() {
        return None;
    }
    let fits = (0..nodes.len()).map(|first| pods_that_fit(own, nodes, neighbours, first)).min()?;
    if fits >= own.pods_at_once.min(PODS_MAX) {
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

/// How many pods find room one after the other, `first` being the node that is asked first.
fn pods_that_fit(own: &Parsed<'_>, nodes: &[Node], neighbours: &[Neighbour], first: usize) -> u32 {
    let Workload { template, namespace, manifest_replicas, .. } = &own.workload;
    // A pod of the next template passes over terms that ask for its own revision: none of it is there yet.
    let next = PodTemplate {
        pod_anti_affinity: others_too(&template.pod_anti_affinity),
        pod_affinity: others_too(&template.pod_affinity),
        spread: template.spread.iter().filter(|constraint| !constraint.same_revision).cloned().collect(),
        ..template.clone()
    };
    let mut placed = neighbours.to_vec();
    let needed = own.pods_at_once.min(PODS_MAX);
    for fits in 0..needed {
        let template = if fits < *manifest_replicas { template } else { &next };
        if fits == *manifest_replicas {
            // Nor do the pods that are there ask for it.
            for pod in placed.iter_mut().skip(neighbours.len()) {
                pod.pod_anti_affinity.clone_from(&next.pod_anti_affinity);
            }
        }
        let takes = |&node: &usize| {
            may_run(template, namespace, node, nodes, &placed)
                && spreads(template, namespace, node, nodes, &placed)
                && is_beside(template, namespace, node, nodes, &placed)
        };
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

fn domain<'n>(nodes: &'n [Node], node: usize, key: &str) -> Option<&'n String> {
    nodes.get(node)?.labels.get(key)
}

/// FLT-15 to FLT-18.
fn spreads(
    template: &PodTemplate,
    namespace: &str,
    node: usize,
    nodes: &[Node],
    placed: &[Neighbour],
) -> bool {
    template.spread.iter().all(|constraint| {
        let Some(own) = domain(nodes, node, &constraint.topology_key) else { return false };
        let is_counted = |pod: &&Neighbour| {
            let selector = constraint.selector.as_ref();
            pod.namespace == namespace && selector.is_some_and(|selector| selects(selector, &pod.labels))
        };
        let counts_here = |node: &Node| {
            (!constraint.honour_node_affinity || is_wanted(template, node))
                && (!constraint.honour_node_taints || is_tolerated(template, node))
        };
        let mut counts: BTreeMap<&String, u32> = BTreeMap::new();
        for place in (0..nodes.len()).filter(|&place| counts_here(&nodes[place])) {
            if let Some(domain) = domain(nodes, place, &constraint.topology_key) {
                let here = |pod: &&Neighbour| usize::from(pod.node) == place && is_counted(pod);
                let count = placed.iter().filter(here).count();
                *counts.entry(domain).or_default() += u32::try_from(count).unwrap_or(u32::MAX);
            }
        }
        let domains = u32::try_from(counts.len()).unwrap_or(u32::MAX);
        let least =
            if domains < constraint.min_domains { 0 } else { counts.values().copied().min().unwrap_or(0) };
        let selector = constraint.selector.as_ref();
        let itself = u32::from(selector.is_some_and(|selector| selects(selector, &template.labels)));
        counts.get(own).is_some_and(|&there| there + itself <= least + constraint.max_skew)
    })
}

/// FLT-13: each term has a pod in the domain, or the pod is the first of those that it selects, itself among them.
fn is_beside(
    template: &PodTemplate,
    namespace: &str,
    node: usize,
    nodes: &[Node],
    placed: &[Neighbour],
) -> bool {
    template.pod_affinity.iter().all(|term| {
        let Some(own) = domain(nodes, node, &term.topology_key) else { return false };
        let is_meant = |pod: &&Neighbour| term_selects(term, namespace, &pod.namespace, &pod.labels);
        let mut meant = placed.iter().filter(is_meant).peekable();
        if meant.peek().is_none() {
            return term_selects(term, namespace, namespace, &template.labels);
        }
        meant.any(|pod| domain(nodes, pod.node.into(), &term.topology_key) == Some(own))
    })
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
