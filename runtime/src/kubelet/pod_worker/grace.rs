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

/// The effective grace period in seconds (S28 `pod_workers.go` `calculateEffectiveGracePeriod`). It becomes shorter only, and is never
/// below 1. A zero is "nobody said anything" until something else is said; from 1.22 to 1.30 also at the end, so that a force deletion
/// gets the pod's whole grace period, whatever was in force.
pub fn effective(situation: &Situation<'_>) -> i64 {
    let zero_counts = situation.release.force_deletion_uses_minimum_grace();
    let deletion = situation.pod.and_then(|pod| pod.object.metadata.deletion_grace_period_seconds);
    let (mut seconds, mut is_said) = (situation.current.unwrap_or(0), false);
    for said in [deletion, situation.asked].into_iter().flatten() {
        if seconds == 0 || said < seconds {
            (seconds, is_said) = (said, true);
        }
    }
    if seconds == 0 && !(zero_counts && is_said) {
        seconds = situation.pod.map_or(0, |pod| pod.spec.grace_seconds);
    }
    seconds.max(1)
}
