//! Creation: names, identities, and a status that no client may set (API-6, API-9).

use std::sync::Arc;

use k8s_openapi::api::core::v1::PodStatus;

use super::{ApiServer, admission};
use crate::api::constants::{condition, phase};
use crate::api::patch::new_pod_condition;
use crate::api::{ApiError, Kind, Object};
use crate::clock::Moment;

/// The letters of a generated suffix: no vowels, so that it spells nothing. Kubernetes: `util/rand/rand.go`.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

impl ApiServer {
    /// Creates an object. The name of an object that is being deleted is still taken (API-6).
    pub(super) fn create(&mut self, mut object: Object, now: Moment) -> Result<Object, ApiError> {
        let serial = self.store.created() + 1;
        let meta = object.meta_mut();
        if meta.name.as_deref().unwrap_or("").is_empty() {
            let prefix = meta.generate_name.as_deref().ok_or(ApiError::Invalid)?;
            meta.name = Some(format!("{prefix}{}", suffix(serial)));
        }
        if meta.deletion_timestamp.is_some() || meta.resource_version.is_some() {
            return Err(ApiError::Invalid);
        }
        let key = object.key();
        if self.store.object(object.resource(), &key).is_some() {
            return Err(ApiError::AlreadyExists);
        }
        admission::admit(&mut object, self.release)?;
        let uid = self.store.new_uid();
        let meta = object.meta_mut();
        meta.uid = Some(uid);
        meta.creation_timestamp = Some(now.to_time());
        meta.generation = Some(1);
        Ok(self.store.put(key, reset_status(object, now), now))
    }
}

/// A suffix for the n-th object: any that no other has will do.
fn suffix(serial: u64) -> String {
    let digit = |place: u32| {
        let letter = serial.wrapping_mul(7_919) / 27_u64.pow(place) % 27;
        char::from(LETTERS[usize::try_from(letter).unwrap_or(0)])
    };
    (0..5).map(digit).collect()
}

/// The status of a new object: a pod is Pending, and is not scheduled while it has gates (API-9). A kubelet creates its Node
/// with a status; of other kinds it is dropped.
fn reset_status(object: Object, now: Moment) -> Object {
    match object {
        Object::Pod(mut pod) => {
            let pod_mut = Arc::make_mut(&mut pod);
            let mut status = PodStatus { phase: Some(phase::PENDING.to_owned()), ..PodStatus::default() };
            let gates = pod_mut.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref());
            if gates.is_some_and(|gates| !gates.is_empty()) {
                status.conditions = Some(vec![new_pod_condition(
                    condition::POD_SCHEDULED,
                    condition::FALSE,
                    "SchedulingGated",
                    now,
                )]);
            }
            pod_mut.status = Some(status);
            Kind::wrap(pod)
        }
        Object::Deployment(mut deployment) => {
            Arc::make_mut(&mut deployment).status = None;
            Kind::wrap(deployment)
        }
        Object::ReplicaSet(mut set) => {
            Arc::make_mut(&mut set).status = None;
            Kind::wrap(set)
        }
        Object::PodDisruptionBudget(mut budget) => {
            Arc::make_mut(&mut budget).status = None;
            Kind::wrap(budget)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn suffixes_of_many_objects_differ() {
        let suffixes: BTreeSet<_> = (1..20_000).map(suffix).collect();
        assert_eq!(suffixes.len(), 19_999);
        assert!(suffixes.iter().all(|suffix| suffix.len() == 5));
    }
}
