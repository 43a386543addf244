//! Event handlers of the ReplicaSet controller: they lower expectations and add keys.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::super::informers::{Informers, controller_of};
use super::ReplicaSetController;
use super::sync::matches;
use crate::api::constants::is_ready;
use crate::api::{Key, Kind};
use crate::client::Notification;
use crate::context::Context;
use crate::operation::{Component, Refused};
use crate::slip::Slip;

impl ReplicaSetController {
    pub(super) fn on_replica_set(
        &mut self,
        informers: &mut Informers,
        context: &Context<'_>,
    ) -> Result<(), Refused> {
        let notification = informers.replica_sets.next_notification(Component::ReplicaSet)?;
        let replaced = match &notification {
            Notification::Updated(_, old, new) => old.uid() != new.uid(),
            Notification::Deleted(..) => true,
            Notification::Added(..) => false,
        };
        let key = notification.key();
        // What was expected for one that is gone does not bind the next of its name.
        if replaced && !context.has(Slip::ExpectationsInherited) {
            self.expectations.forget(key);
        }
        self.queue.add(key.clone());
        Ok(())
    }

    pub(super) fn on_pod(&mut self, informers: &mut Informers, context: &Context<'_>) -> Result<(), Refused> {
        match informers.pods.next_notification(Component::ReplicaSet)? {
            // A pod that is deleting when it is first seen was not created just now.
            Notification::Added(key, pod) if pod.is_deleting() => self.on_deleted(&key, &pod, informers),
            Notification::Added(_, pod) => self.on_added(&pod, informers),
            Notification::Updated(key, old, pod) => self.on_updated(&key, &old, &pod, informers, context),
            Notification::Deleted(key, pod) => self.on_deleted(&key, &pod, informers),
        }
        Ok(())
    }

    fn on_added(&mut self, pod: &Pod, informers: &Informers) {
        match controller_of(&pod.metadata) {
            Some(owner) => {
                if let Some(set) = owner_of(pod, owner, informers) {
                    self.expectations.creation_observed(&set);
                    self.queue.add(set);
                }
            }
            None => self.add_all_matching(pod, informers),
        }
    }

    fn on_updated(
        &mut self,
        key: &Key,
        old: &Arc<Pod>,
        pod: &Arc<Pod>,
        informers: &Informers,
        context: &Context<'_>,
    ) {
        if old.version() == pod.version() {
            return;
        }
        if old.uid() != pod.uid() {
            // Another pod of the same name: the old one's deletion was missed.
            self.on_deleted(key, old, informers);
            self.on_added(pod, informers);
            return;
        }
        if pod.is_deleting() {
            // CTL-3: this already counts as the deletion.
            self.on_deleted(key, pod, informers);
            // Whose it was before it was released is told, too. Kubernetes: `replica_set.go` `updatePod`.
            if old.metadata.labels != pod.metadata.labels {
                self.on_deleted(key, old, informers);
            }
            return;
        }
        let (before, after) = (controller_of(&old.metadata), controller_of(&pod.metadata));
        if before.map(|owner| &owner.uid) != after.map(|owner| &owner.uid)
            && let Some(set) = before.and_then(|owner| owner_of(old, owner, informers))
        {
            self.queue.add(set);
        }
        let Some(owner) = after else {
            if before.is_some() || old.metadata.labels != pod.metadata.labels {
                self.add_all_matching(pod, informers);
            }
            return;
        };
        let Some(key) = owner_of(pod, owner, informers) else { return };
        let set = informers.replica_sets.cache().get(&key);
        let seconds = set.map_or(0, |set| min_ready_seconds(set));
        if seconds > 0 && !is_ready(old) && is_ready(pod) {
            // It becomes available by time alone (RS-7).
            let after = Duration::from_secs(u64::from(seconds) + 1);
            self.queue.add_at(key.clone(), context.now() + after);
        }
        self.queue.add(key);
    }

    fn on_deleted(&mut self, key: &Key, pod: &Pod, informers: &Informers) {
        let Some(owner) = controller_of(&pod.metadata) else { return };
        if let Some(set) = owner_of(pod, owner, informers) {
            self.expectations.deletion_observed(&set, key);
            self.queue.add(set);
        }
    }

    fn add_all_matching(&mut self, pod: &Pod, informers: &Informers) {
        for (key, set) in informers.replica_sets.cache().iter() {
            if matches(set, pod) {
                self.queue.add(key.clone());
            }
        }
    }
}

/// `spec.minReadySeconds`.
pub(super) fn min_ready_seconds(set: &ReplicaSet) -> u32 {
    let seconds = set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
    u32::try_from(seconds).unwrap_or(0)
}

/// The ReplicaSet that an owner reference means, if it is in the cache and is that one and no other of its name.
fn owner_of(pod: &Pod, owner: &OwnerReference, informers: &Informers) -> Option<Key> {
    let key = pod.key().sibling(&owner.name);
    let set = informers.replica_sets.cache().get(&key)?;
    (set.metadata.uid.as_deref() == Some(&owner.uid)).then_some(key)
}
