//! The grace period in force while a pod terminates (PW-18).

use podproof_vocabulary::Release;

use crate::kubelet::pod::KnownPod;

/// What counts for it.
pub struct Situation<'a> {
    /// What was in force before, once termination was asked for.
    pub current: Option<i64>,
    /// The pod; none if the runtime alone knows it.
    pub pod: Option<&'a KnownPod>,
    /// What the kubelet itself asks for: an eviction, an orphan.
    pub asked: Option<i64>,
    /// The Kubernetes release.
    pub release: Release,
}

/// The effective grace period in seconds. It can only become shorter, and is never below 1. Before 1.31, except for the two oldest
/// releases, a zero counted as "nobody said anything": a force deletion got the pod's whole grace period.
pub fn effective(situation: &Situation<'_>) -> i64 {
    let zero_counts = situation.release.force_deletion_uses_minimum_grace();
    let said = |seconds: Option<i64>| seconds.filter(|&seconds| seconds != 0 || zero_counts);
    let deletion = situation.pod.and_then(|pod| pod.object.metadata.deletion_grace_period_seconds);
    let shortest =
        [said(situation.current), said(deletion), said(situation.asked)].into_iter().flatten().min();
    let own = situation.pod.map(|pod| pod.spec.grace_seconds);
    shortest.or(own).unwrap_or(1).max(1)
}
