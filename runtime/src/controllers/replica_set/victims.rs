//! Which pods of a ReplicaSet are deleted first (RS-5).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use crate::api::constants::{condition, is_ready, node_of, phase, phase_of, pod_condition};
use crate::api::{Key, Kind};
use crate::chooser::Question;
use crate::clock::Moment;
use crate::context::Context;
use crate::slip::Slip;

/// The annotation that says how dear a pod is.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What the order looks at.
struct Rank {
    assigned: bool,
    phase: u8,
    ready: bool,
    cost: i64,
    /// Active pods of related ReplicaSets on the same node.
    neighbours: usize,
    ready_since: Option<Moment>,
    restarts: i32,
    created: Moment,
}

/// The `count` pods that go. `related` are the active pods of all ReplicaSets of the same owner. Among pods that the order
/// leaves equal, the chooser picks.
pub fn choose(
    set: &Key,
    pods: &[Arc<Pod>],
    related: &[Arc<Pod>],
    count: usize,
    context: &mut Context<'_>,
) -> Vec<Key> {
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    for node in related.iter().filter_map(|pod| node_of(pod)) {
        *on_node.entry(node).or_insert(0) += 1;
    }
    let rank = |pod: &Arc<Pod>| (pod.key(), rank(pod, &on_node, context));
    let mut left: Vec<(Key, Rank)> = pods.iter().map(rank).collect();
    // Gate LogarithmicScaleDown.
    let (now, by_logarithm) = (context.now(), context.release.minor >= 22);
    let age = |since: Moment| Age::of(since, now, by_logarithm);
    let mut victims = Vec::new();
    while victims.len() < count && !left.is_empty() {
        let first =
            |(_, one): &&(Key, Rank)| !left.iter().any(|(_, other)| order(other, one, age) == Ordering::Less);
        let candidates: Vec<Key> = left.iter().filter(first).map(|(key, _)| key.clone()).collect();
        let chosen = context.choose(&Question::Victim { replica_set: set, candidates: &candidates });
        left.retain(|(key, _)| *key != candidates[chosen]);
        victims.push(candidates[chosen].clone());
    }
    victims
}

fn rank(pod: &Pod, on_node: &BTreeMap<&str, usize>, context: &Context<'_>) -> Rank {
    let cost = pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(DELETION_COST));
    // Gate PodDeletionCost.
    let cost = cost.filter(|_| context.release.minor >= 22);
    let ready_since =
        pod_condition(pod, condition::READY).and_then(|ready| ready.last_transition_time.as_ref());
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    Rank {
        assigned: node_of(pod).is_some(),
        phase: match phase_of(pod) {
            phase::PENDING => 0,
            phase::RUNNING => 2,
            _ => 1,
        },
        ready: is_ready(pod) != context.has(Slip::ReadyPodsDeletedFirst),
        cost: cost.and_then(|cost| cost.parse().ok()).unwrap_or(0),
        neighbours: node_of(pod).and_then(|node| on_node.get(node)).copied().unwrap_or(0),
        ready_since: ready_since.map(Moment::from_time),
        restarts: statuses.into_iter().flatten().map(|status| status.restart_count).max().unwrap_or(0),
        created: pod.metadata.creation_timestamp.as_ref().map(Moment::from_time).unwrap_or_default(),
    }
}

/// The first difference decides; the smaller goes first.
fn order(one: &Rank, other: &Rank, age: impl Fn(Moment) -> Age) -> Ordering {
    let first = one
        .assigned
        .cmp(&other.assigned)
        .then(one.phase.cmp(&other.phase))
        .then(one.ready.cmp(&other.ready))
        .then(one.cost.cmp(&other.cost))
        .then(other.neighbours.cmp(&one.neighbours));
    if first != Ordering::Equal {
        return first;
    }
    if one.ready && other.ready && one.ready_since != other.ready_since {
        // Nobody knows since when: that goes first (S28 `pkg/controller/controller_utils.go` `afterOrZero`).
        return match (one.ready_since, other.ready_since) {
            (Some(one), Some(other)) => age(one).cmp(&age(other)),
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
    }
    other.restarts.cmp(&one.restarts).then_with(|| age(one.created).cmp(&age(other.created)))
}

/// How long ago something was. From 1.22 on it is the logarithm of that: within one power of two it is as good as random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Age(i128);

impl Age {
    fn of(since: Moment, now: Moment, by_logarithm: bool) -> Self {
        let nanoseconds = now.since(since).as_nanos();
        if by_logarithm {
            return Self(nanoseconds.checked_ilog2().map_or(-1, i128::from));
        }
        Self(i128::try_from(nanoseconds).unwrap_or(i128::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RS-5: of pods that are Ready since nobody knows when, and others, one goes first.
    #[test]
    fn who_is_ready_since_nobody_knows_when_goes_first() {
        let rank = |ready_since: Option<u64>, restarts| Rank {
            assigned: true,
            phase: 2,
            ready: true,
            cost: 0,
            neighbours: 0,
            ready_since: ready_since.map(Moment),
            restarts,
            created: Moment(0),
        };
        let age = |since| Age::of(since, Moment(2_000_000), true);
        let all = [rank(None, 2), rank(Some(1_999_000), 1), rank(Some(1_000_000), 3)];
        let first = |one: &&Rank| !all.iter().any(|other| order(other, one, age) == Ordering::Less);
        assert_eq!(all.iter().filter(first).count(), 1);
        assert_eq!(order(&all[0], &all[1], age), Ordering::Less);
        assert_eq!(order(&all[1], &all[2], age), Ordering::Less, "then who is Ready for the shortest time");
    }
}
