//! When the wanted number of a Deployment changes, or it is paused: its ReplicaSets share what is added or taken (DEP-10).

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ReplicaSet;

use super::replica_sets::{available_of, desired_of, max_of, wanted_of};
use super::rolling::Bounds;

/// Was the Deployment scaled since its ReplicaSets were?
pub fn was_scaled(bounds: Bounds, sets: &[Arc<ReplicaSet>]) -> bool {
    let mut active = sets.iter().filter(|set| wanted_of(set) > 0);
    active.any(|set| desired_of(set).is_some_and(|desired| desired != bounds.replicas))
}

/// The sizes of the ReplicaSets that are written. `sets` is in order of age, `new` one of them or none. `total` is how many replicas
/// the Deployment last said to have. Where they share, one whose size stays is written too if it does not say what is wanted now
/// (S28 `sync.go` `scaleReplicaSet`); else only a new size is a reason to write.
pub fn scale(
    bounds: Bounds,
    rolling: bool,
    new: Option<&Arc<ReplicaSet>>,
    sets: &[Arc<ReplicaSet>],
    total: i64,
) -> Vec<(Arc<ReplicaSet>, i64)> {
    let is_new = |set: &Arc<ReplicaSet>| new.is_some_and(|new| new.metadata.uid == set.metadata.uid);
    let active: Vec<_> = sets.iter().filter(|set| wanted_of(set) > 0).cloned().collect();
    let changed = |sizes: Vec<(Arc<ReplicaSet>, i64)>| {
        sizes.into_iter().filter(|(set, size)| wanted_of(set) != *size).collect::<Vec<_>>()
    };
    // The only one that has replicas, or else the newest, takes all.
    let only = match active.as_slice() {
        [] => new.or(sets.last()),
        [only] => Some(only),
        _ => None,
    };
    if let Some(only) = only {
        return changed(vec![(Arc::clone(only), bounds.replicas)]);
    }
    // The new one has all that it wants: the old ones go.
    let saturated = new.is_some_and(|new| {
        let own = (wanted_of(new), desired_of(new), available_of(new));
        own == (bounds.replicas, Some(bounds.replicas), bounds.replicas)
    });
    if saturated {
        return changed(active.into_iter().filter(|set| !is_new(set)).map(|set| (set, 0)).collect());
    }
    if !rolling {
        return Vec::new();
    }
    let sum: i64 = active.iter().map(|set| wanted_of(set)).sum();
    let allowed = if bounds.replicas > 0 { bounds.replicas + bounds.surge } else { 0 };
    let to_add = allowed - sum;
    let mut in_order = active;
    if to_add == 0 {
        // The newest last.
        in_order.sort_by_key(is_new);
    } else {
        // The largest first; among equals, the newest if something is added, else the oldest.
        if to_add > 0 {
            in_order.reverse();
        }
        in_order.sort_by_key(|set| -wanted_of(set));
    }
    let mut added = 0;
    let mut sizes = Vec::new();
    for set in in_order {
        let own = wanted_of(&set);
        let share = if to_add == 0 { 0 } else { proportion(&set, bounds, to_add, added, total) };
        added += share;
        sizes.push((set, own + share));
    }
    // What rounding left over goes to the largest.
    if let Some((_, size)) = sizes.first_mut() {
        *size = (*size + to_add - added).max(0);
    }
    let says = |set: &ReplicaSet| {
        (desired_of(set), max_of(set)) == (Some(bounds.replicas), Some(bounds.replicas + bounds.surge))
    };
    sizes.retain(|(set, size)| wanted_of(set) != *size || !says(set));
    sizes
}

/// The share of one ReplicaSet in what is added or taken.
fn proportion(set: &ReplicaSet, bounds: Bounds, to_add: i64, added: i64, total: i64) -> i64 {
    let own = wanted_of(set);
    let allowed = to_add - added;
    let before = max_of(set).filter(|max| *max > 0).unwrap_or(total).max(1);
    let scaled = if bounds.replicas == 0 {
        0
    } else {
        // Rounded to the nearest.
        (2 * own * (bounds.replicas + bounds.surge) + before) / (2 * before)
    };
    let share = scaled - own;
    match to_add {
        _ if allowed == 0 => 0,
        1.. => share.min(allowed),
        _ => share.max(allowed),
    }
}
