//! A rolling update: how far the new ReplicaSet may go up, how far the old ones may go down.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::replica_sets::{available_of, wanted_of};
use super::sync::recreates;
use crate::slip::{Slip, Slips};

/// What a Deployment wants: so many replicas, so many more and so many unavailable at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// `spec.replicas`.
    pub replicas: i64,
    /// `maxSurge`, as a number.
    pub surge: i64,
    /// `maxUnavailable`, as a number.
    pub unavailable: i64,
}

impl Bounds {
    /// Percentages of the surge round up, those of the unavailable down; if both are 0, one may be unavailable; never more than
    /// there are (DEP-1). Without a rolling update neither is.
    pub fn of(deployment: &Deployment) -> Self {
        let spec = deployment.spec.as_ref();
        let replicas = i64::from(spec.and_then(|spec| spec.replicas).unwrap_or(1));
        if recreates(deployment) {
            return Self { replicas, surge: 0, unavailable: 0 };
        }
        let strategy = spec.and_then(|spec| spec.strategy.as_ref());
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let surge = scaled(rolling.and_then(|rolling| rolling.max_surge.as_ref()), replicas, true);
        let unavailable =
            scaled(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), replicas, false);
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
        Self { replicas, surge, unavailable: unavailable.min(replicas) }
    }
}

/// A number, or a percentage of `total`; 25 % if it is absent (C-17).
fn scaled(value: Option<&IntOrString>, total: i64, up: bool) -> i64 {
    let percent = |percent: i64| (percent * total + if up { 99 } else { 0 }) / 100;
    match value {
        Some(IntOrString::Int(number)) => i64::from(*number),
        Some(IntOrString::String(text)) => percent(text.trim_end_matches('%').parse().unwrap_or(0)),
        None => percent(25),
    }
}

/// How many the new ReplicaSet is to have: all, unless the sum would exceed what the surge allows (DEP-2).
pub fn new_replicas(bounds: Bounds, new: i64, sum: i64, slips: Slips) -> i64 {
    if new > bounds.replicas {
        // Down it goes at once.
        return bounds.replicas;
    }
    let room = bounds.replicas + bounds.surge - if slips.has(Slip::SurgeIgnored) { new } else { sum };
    if room <= 0 { new } else { (new + room).min(bounds.replicas) }
}

/// What becomes of old ReplicaSets, write by write: first pods that are not available go, then as many as the available ones allow
/// (DEP-3), so that one ReplicaSet may be written twice. A status that still counts more than are wanted is an error there, and ends
/// the sync without a further write (S28 `rolling.go` `cleanupUnhealthyReplicas`). `old` is in order of age.
pub fn scale_down(
    bounds: Bounds,
    new: Option<&Arc<ReplicaSet>>,
    old: &[Arc<ReplicaSet>],
    slips: Slips,
) -> Vec<(Arc<ReplicaSet>, i64)> {
    let old: Vec<_> = old.iter().filter(|set| wanted_of(set) > 0).cloned().collect();
    let all = || old.iter().chain(new);
    let minimum = bounds.replicas - bounds.unavailable;
    let new_unavailable = match new {
        Some(new) if !slips.has(Slip::UnavailableCounted) => wanted_of(new) - available_of(new),
        _ => 0,
    };
    let mut left = all().map(|set| wanted_of(set)).sum::<i64>() - minimum - new_unavailable;
    let mut writes = Vec::new();
    if left <= 0 {
        return writes;
    }
    let mut sizes: Vec<i64> = old.iter().map(|set| wanted_of(set)).collect();
    for (size, set) in sizes.iter_mut().zip(&old) {
        let unhealthy = (*size - available_of(set)).min(left);
        if left == 0 {
            break;
        }
        if unhealthy < 0 {
            return writes;
        }
        if unhealthy > 0 {
            *size -= unhealthy;
            left -= unhealthy;
            writes.push((Arc::clone(set), *size));
        }
    }
    let available = if slips.has(Slip::UnavailableCounted) { wanted_of } else { available_of };
    let mut left = (all().map(|set| available(set)).sum::<i64>() - minimum).max(0);
    for (size, set) in sizes.iter_mut().zip(&old) {
        let down = (*size).min(left);
        if down > 0 {
            *size -= down;
            left -= down;
            writes.push((Arc::clone(set), *size));
        }
    }
    writes
}
