//! What a workload needs at the size that its manifest gives it, where fewer replicas are checked: nodes of the input are not made fewer with
//! them.

use super::neighbours::{add_one, may_run};
use super::workload::Parsed;
use crate::scenario::{Neighbour, Node, Rounding, Strategy, WorkloadKind};

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

/// Says so if the nodes of the input have room for the pods that are checked, as far as that is known beforehand, and not for those of the
/// manifest: a verdict at the smaller size says nothing of the larger one then.
pub fn lacks_room(own: &Parsed<'_>, nodes: &[Node], neighbours: &[Neighbour]) -> Option<String> {
    let workload = &own.workload;
    let is_smaller = u32::from(workload.replicas) < workload.manifest_replicas;
    if !is_smaller || workload.kind == WorkloadKind::Pod || workload.template.node_name.is_some() {
        return None;
    }
    let needed = own.pods_at_once.min(PODS_MAX);
    let mut placed = neighbours.to_vec();
    for fits in 0..needed {
        let free = (0..nodes.len())
            .find(|&node| may_run(&workload.template, &workload.namespace, node, nodes, &placed));
        let Some(node) = free else {
            let during = match own.pods_at_once > workload.manifest_replicas {
                true => " of which one is there during a rollout alone,",
                false => "",
            };
            return Some(format!(
                "{} of the manifest's {} replicas are checked, and its nodes have room for {fits} of {} pods,{during} at the size of the \
                 manifest: whether a rollout gets through there is not decided (more: --replicas)",
                workload.replicas, workload.manifest_replicas, own.pods_at_once
            ));
        };
        add_one(&mut placed, own, node);
    }
    None
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
