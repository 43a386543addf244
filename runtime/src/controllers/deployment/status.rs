//! What a Deployment says of itself, and its progress deadline (DEP-8).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet};

use super::replica_sets::{available_of, wanted_of};
use super::rolling::Bounds;
use crate::api::Kind;
use crate::api::constants::condition;
use crate::clock::Moment;

/// Condition Progressing.
pub const PROGRESSING: &str = "Progressing";
/// It is complete.
const COMPLETE: &str = "NewReplicaSetAvailable";
/// It made progress.
const UPDATED: &str = "ReplicaSetUpdated";
/// It made none for too long.
const EXCEEDED: &str = "ProgressDeadlineExceeded";
/// Its new ReplicaSet was made just now.
const CREATED: &str = "NewReplicaSetCreated";
/// It is paused.
const PAUSED: &str = "DeploymentPaused";
/// It is paused no more.
const RESUMED: &str = "DeploymentResumed";

/// The status that these ReplicaSets make. `progress` says whether the progress deadline is judged, which it is not while the
/// Deployment is only scaled; `created` says that the new ReplicaSet was made just now.
pub fn status_of(
    deployment: &Deployment,
    sets: &[Arc<ReplicaSet>],
    new: Option<&Arc<ReplicaSet>>,
    progress: bool,
    created: bool,
    now: Moment,
) -> DeploymentStatus {
    let sum = |of: fn(&ReplicaSet) -> i64| {
        i32::try_from(sets.iter().map(|set| of(set)).sum::<i64>()).unwrap_or(i32::MAX)
    };
    let mut old = deployment.status.clone().unwrap_or_default();
    if deadline_of(deployment).is_some() && !deployment.is_deleting() {
        begin_anew(deployment, &mut old, created, now);
    }
    let replicas = sum(|set| set.status.as_ref().map_or(0, |status| i64::from(status.replicas)));
    let available = sum(available_of);
    let updated = new.and_then(|new| new.status.as_ref()).map_or(0, |status| status.replicas);
    let bounds = Bounds::of(deployment);
    let mut status = DeploymentStatus {
        replicas: Some(replicas),
        updated_replicas: Some(updated),
        ready_replicas: Some(sum(|set| {
            i64::from(set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0))
        })),
        available_replicas: Some(available),
        // Of those that are wanted, whether they are there or not (S28 `sync.go` `calculateStatus`).
        unavailable_replicas: Some((sum(wanted_of) - available).max(0)),
        terminating_replicas: terminating(sets),
        observed_generation: deployment.metadata.generation,
        collision_count: old.collision_count,
        conditions: old.conditions.clone(),
    };
    let enough = i64::from(available) >= bounds.replicas - bounds.unavailable;
    let (value, reason) = if enough {
        (condition::TRUE, "MinimumReplicasAvailable")
    } else {
        (condition::FALSE, "MinimumReplicasUnavailable")
    };
    set_condition(&mut status, "Available", value, reason, now, false);
    if progress {
        judge_progress(deployment, &old, &mut status, bounds, now);
    }
    status
}

/// None before 1.35, when ReplicaSets do not say it (DEP-5).
fn terminating(sets: &[Arc<ReplicaSet>]) -> Option<i32> {
    let of = |set: &Arc<ReplicaSet>| set.status.as_ref().and_then(|status| status.terminating_replicas);
    sets.iter().filter_map(of).reduce(|one, other| one.saturating_add(other))
}

/// Has everything that is wanted come to be?
pub fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).or(Some(1));
    status.updated_replicas == wanted
        && status.replicas == wanted
        && status.available_replicas == wanted
        && status.observed_generation >= deployment.metadata.generation
}

/// What begins the deadline anew: a pause, its end (S28 `sync.go` `checkPausedConditions`), a new ReplicaSet (`getNewReplicaSet`).
fn begin_anew(deployment: &Deployment, status: &mut DeploymentStatus, created: bool, now: Moment) {
    let paused = deployment.spec.as_ref().and_then(|spec| spec.paused).unwrap_or(false);
    let reason = progressing(status).and_then(|current| current.reason.clone());
    match reason.as_deref() {
        Some(EXCEEDED) => {}
        Some(PAUSED) if paused => {}
        _ if paused => set_condition(status, PROGRESSING, condition::UNKNOWN, PAUSED, now, false),
        Some(PAUSED) => set_condition(status, PROGRESSING, condition::UNKNOWN, RESUMED, now, false),
        _ => {}
    }
    if created {
        set_condition(status, PROGRESSING, condition::TRUE, CREATED, now, false);
    }
}

fn judge_progress(
    deployment: &Deployment,
    old: &DeploymentStatus,
    status: &mut DeploymentStatus,
    bounds: Bounds,
    now: Moment,
) {
    let Some(deadline) = deadline_of(deployment) else { return };
    let current = progressing(old);
    let was_complete = current.is_some_and(|current| current.reason.as_deref() == Some(COMPLETE));
    if status.replicas == status.updated_replicas && was_complete {
        return;
    }
    let of = |value: Option<i32>| i64::from(value.unwrap_or(0));
    let progressed = of(status.updated_replicas) > of(old.updated_replicas)
        || of(status.replicas) - of(status.updated_replicas) < of(old.replicas) - of(old.updated_replicas)
        || of(status.ready_replicas) > of(old.ready_replicas)
        || of(status.available_replicas) > of(old.available_replicas);
    if is_complete(deployment, status) && bounds.replicas == of(status.updated_replicas) {
        set_condition(status, PROGRESSING, condition::TRUE, COMPLETE, now, true);
    } else if progressed || current.is_none() {
        set_condition(status, PROGRESSING, condition::TRUE, UPDATED, now, true);
    } else if let Some(current) = current
        && current.reason.as_deref() != Some(COMPLETE)
        && last_update(current) + deadline < now
    {
        set_condition(status, PROGRESSING, condition::FALSE, EXCEEDED, now, false);
    }
}

/// When a Deployment that is not complete must be looked at again because of its deadline.
pub fn stuck_after(deployment: &Deployment, status: &DeploymentStatus) -> Option<Moment> {
    let deadline = deadline_of(deployment)?;
    let current = progressing(status)?;
    let judged = matches!(current.reason.as_deref(), Some(COMPLETE | EXCEEDED));
    if judged || is_complete(deployment, status) {
        return None;
    }
    Some(last_update(current) + deadline + Duration::from_secs(1))
}

fn deadline_of(deployment: &Deployment) -> Option<Duration> {
    let seconds = deployment.spec.as_ref()?.progress_deadline_seconds?;
    (seconds < i32::MAX).then(|| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn progressing(status: &DeploymentStatus) -> Option<&DeploymentCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == PROGRESSING)
}

fn last_update(condition: &DeploymentCondition) -> Moment {
    condition.last_update_time.as_ref().map(Moment::from_time).unwrap_or_default()
}

/// Sets a condition. One that says the same as before keeps its times, unless `renew`.
fn set_condition(
    status: &mut DeploymentStatus,
    type_: &str,
    value: &str,
    reason: &str,
    now: Moment,
    renew: bool,
) {
    let conditions = status.conditions.get_or_insert_default();
    let old = conditions
        .iter()
        .position(|condition| condition.type_ == type_)
        .map(|index| conditions.remove(index));
    let same = old.as_ref().is_some_and(|old| old.status == value);
    if let Some(old) = old.as_ref()
        && same
        && old.reason.as_deref() == Some(reason)
        && !renew
    {
        conditions.push(old.clone());
        return;
    }
    let transition = if same { old.and_then(|old| old.last_transition_time) } else { Some(now.to_time()) };
    conditions.push(DeploymentCondition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        message: None,
        last_transition_time: transition,
        last_update_time: Some(now.to_time()),
    });
}
