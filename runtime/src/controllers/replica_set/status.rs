//! What a ReplicaSet says of itself (RS-7).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use podproof_vocabulary::Release;

use super::handlers::min_ready_seconds;
use crate::api::constants::{condition, is_ready, pod_condition};
use crate::clock::Moment;

/// The status that these pods make. `terminating` are those that are being deleted (DEP-5).
pub fn status_of(
    set: &ReplicaSet,
    pods: &[Arc<Pod>],
    terminating: usize,
    release: Release,
    now: Moment,
) -> ReplicaSetStatus {
    let count = |counts: &dyn Fn(&Pod) -> bool| {
        i32::try_from(pods.iter().filter(|pod| counts(pod)).count()).unwrap_or(i32::MAX)
    };
    let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
    let labels =
        template.and_then(|template| template.metadata.as_ref()).and_then(|meta| meta.labels.clone());
    let labelled = |pod: &Pod| {
        let own = pod.metadata.labels.as_ref();
        labels.iter().flatten().all(|(key, value)| own.and_then(|own| own.get(key)) == Some(value))
    };
    let seconds = min_ready_seconds(set);
    ReplicaSetStatus {
        replicas: i32::try_from(pods.len()).unwrap_or(i32::MAX),
        fully_labeled_replicas: Some(count(&labelled)),
        ready_replicas: Some(count(&is_ready)),
        available_replicas: Some(count(&|pod| is_available(pod, seconds, now))),
        terminating_replicas: (release.minor >= 35).then(|| i32::try_from(terminating).unwrap_or(i32::MAX)),
        observed_generation: set.metadata.generation,
        conditions: set.status.as_ref().and_then(|status| status.conditions.clone()),
    }
}

/// Has the pod been Ready for `minReadySeconds`?
pub fn is_available(pod: &Pod, min_ready_seconds: u32, now: Moment) -> bool {
    let since = pod_condition(pod, condition::READY).and_then(|ready| ready.last_transition_time.as_ref());
    let after = Duration::from_secs(u64::from(min_ready_seconds));
    is_ready(pod)
        && (min_ready_seconds == 0 || since.is_some_and(|since| Moment::from_time(since) + after <= now))
}
