//! The arithmetic of a budget (PDB-1 to PDB-4).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::informers::{Informers, controller_of};
use super::{DELETION_TIMEOUT, pods_of};
use crate::api::constants::is_ready;
use crate::api::{Key, Kind};
use crate::clock::Moment;
use crate::slip::{Slip, Slips};

/// What a budget should say, and when it must be looked at again.
pub(super) struct Judged {
    pub status: PodDisruptionBudgetStatus,
    /// The controllers of its pods could not be found: the status is the fail-safe (PDB-4).
    pub failed: bool,
    pub recheck_at: Option<Moment>,
}

/// Judges a budget by the caches.
pub(super) fn judge(
    budget: &PodDisruptionBudget,
    informers: &Informers,
    slips: Slips,
    now: Moment,
) -> Judged {
    let pods: Vec<_> = pods_of(budget, informers).cloned().collect();
    let old = budget.status.clone().unwrap_or_default();
    let Some((expected, desired)) = expected(budget, &pods, informers, slips) else {
        // PDB-4: the controllers of its pods could not be found.
        let status = PodDisruptionBudgetStatus { disruptions_allowed: Some(0), ..old };
        return Judged { status, failed: true, recheck_at: None };
    };
    let (disrupted, recheck_at) = disrupted(&old, &pods, now);
    // PDB-3
    let is_disrupted = |pod: &Pod| {
        let name = pod.metadata.name.as_deref().unwrap_or("");
        disrupted.contains_key(name) && !slips.has(Slip::DisruptedPodsCounted)
    };
    let healthy = pods.iter().filter(|pod| is_ready(pod) && !pod.is_deleting() && !is_disrupted(pod)).count();
    let healthy = i32::try_from(healthy).unwrap_or(i32::MAX);
    // PDB-4
    let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
    let status = PodDisruptionBudgetStatus {
        current_healthy: Some(healthy),
        desired_healthy: Some(desired),
        disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
        disruptions_allowed: Some(allowed),
        expected_pods: Some(expected),
        observed_generation: budget.metadata.generation,
        conditions: old.conditions,
    };
    Judged { status, failed: false, recheck_at }
}

/// Expected and desired healthy pods. Percentages round up (PDB-2); the number that a percentage or `maxUnavailable` is of is what
/// the pods' controllers want, that of a plain `minAvailable` the pods that there are (PDB-1).
fn expected(
    budget: &PodDisruptionBudget,
    pods: &[Arc<Pod>],
    informers: &Informers,
    slips: Slips,
) -> Option<(i32, i32)> {
    let spec = budget.spec.as_ref()?;
    let count = i32::try_from(pods.len()).unwrap_or(i32::MAX);
    let wanted = |of: &IntOrString| {
        let is_percentage = matches!(of, IntOrString::String(_));
        let slips = is_percentage && slips.has(Slip::PercentageOfPodsPresent);
        if slips { Some(count) } else { wanted_by_controllers(pods, informers) }
    };
    if let Some(unavailable) = &spec.max_unavailable {
        let expected = wanted(unavailable)?;
        return Some((expected, (expected - scaled(unavailable, expected)).max(0)));
    }
    match spec.min_available.as_ref() {
        Some(IntOrString::Int(available)) => Some((count, *available)),
        Some(percentage) => {
            let expected = wanted(percentage)?;
            Some((expected, scaled(percentage, expected)))
        }
        // With neither no pod is expected, and then none may be disrupted (PDB-4; S28 `getExpectedPodCount`).
        None => Some((0, 0)),
    }
}

/// PDB-2
fn scaled(value: &IntOrString, total: i32) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i32 = text.trim_end_matches('%').parse().unwrap_or(0);
            (percent * total + 99) / 100
        }
    }
}

/// The sum of what the pods' controllers want, each counted once. A pod without a controller is passed over; one whose controller
/// cannot be found is an error (S28 `disruption.go` `getExpectedScale`).
fn wanted_by_controllers(pods: &[Arc<Pod>], informers: &Informers) -> Option<i32> {
    let mut wanted = BTreeMap::new();
    for pod in pods {
        let Some(owner) = controller_of(&pod.metadata) else { continue };
        let set = informers.replica_sets.cache().get(&pod.key().sibling(&owner.name))?;
        if set.metadata.uid.as_deref() != Some(&owner.uid) {
            return None;
        }
        let deployment = controller_of(&set.metadata).and_then(|owner| {
            let key: Key = set.key().sibling(&owner.name);
            let found = informers.deployments.cache().get(&key);
            found.filter(|found| found.metadata.uid.as_deref() == Some(&owner.uid))
        });
        let (uid, replicas) = match deployment {
            Some(deployment) => (deployment.uid(), deployment.spec.as_ref().and_then(|spec| spec.replicas)),
            // A Deployment that is gone is asked no more: the ReplicaSet says it by its own scale (S28 `getScaleController`).
            None => (set.uid(), set.spec.as_ref().and_then(|spec| spec.replicas)),
        };
        wanted.insert(uid, replicas.unwrap_or(1));
    }
    Some(wanted.into_values().sum())
}

/// Pods whose eviction was granted and that have not gone: those that are being deleted are left out, and those that did not go
/// in time count again (PDB-3).
fn disrupted(
    old: &PodDisruptionBudgetStatus,
    pods: &[Arc<Pod>],
    now: Moment,
) -> (BTreeMap<String, Time>, Option<Moment>) {
    let (mut kept, mut recheck_at) = (BTreeMap::new(), None);
    for (name, since) in old.disrupted_pods.iter().flatten() {
        let pod = pods.iter().find(|pod| pod.metadata.name.as_ref() == Some(name));
        if pod.is_none_or(|pod| pod.is_deleting()) {
            continue;
        }
        let until = Moment::from_time(since) + DELETION_TIMEOUT;
        if until < now {
            continue;
        }
        kept.insert(name.clone(), since.clone());
        recheck_at = Some(recheck_at.map_or(until, |at: Moment| at.min(until)));
    }
    (kept, recheck_at.map(|at| Moment(at.0 + 1)))
}
