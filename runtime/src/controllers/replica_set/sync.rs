//! What a worker of the ReplicaSet controller does with a key: claim its pods, create or delete some, write the status.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::super::informers::{BY_CONTROLLER, Informers, controller_of};
use super::handlers::min_ready_seconds;
use super::status::status_of;
use super::{ReplicaSetController, victims};
use crate::api::constants::{is_active, is_terminal};
use crate::api::selector::selects;
use crate::api::{
    ApiError, DeleteOptions, Key, Kind, Object, Patch, Preconditions, Request, Resource, Response, Uid,
};
use crate::client::CallId;
use crate::context::Context;
use crate::operation::Component;
use crate::slip::{Slip, Slips};

/// At most so many pods are created or deleted in one sync (RS-3).
const BURST: usize = 500;

/// What a worker is at.
#[derive(Debug)]
pub struct Sync {
    set: Arc<ReplicaSet>,
    /// The pods that count, as they were when the sync began.
    pods: Vec<Arc<Pod>>,
    terminating: usize,
    /// Whether expectations allowed to create and delete.
    manage: bool,
    /// Pods without an owner that it would adopt.
    orphans: Vec<Arc<Pod>>,
    /// Answers that are still to come.
    outstanding: usize,
    /// Creations that are still to be sent after this batch, and how large the next batch is (CTL-4).
    unsent: usize,
    batch: usize,
    failed: bool,
    /// The status was written once, in vain.
    retried: bool,
    /// What is written, the second time too: what the sync acted on, its generation included (S28 `updateReplicaSetStatus`).
    status: Option<ReplicaSetStatus>,
}

/// What an answer is for.
#[derive(Debug)]
pub enum Purpose {
    /// A live look at the ReplicaSet before it adopts (RS-8).
    Recheck,
    /// Adoption of a pod.
    Adopt(Arc<Pod>),
    /// Release of a pod.
    Release,
    /// Creation of a pod.
    Create,
    /// Deletion of a pod.
    Delete(Key),
    /// The status.
    Status,
    /// A live look after the status could not be written.
    Reread,
}

/// Does the selector of the ReplicaSet select the pod?
pub(super) fn matches(set: &ReplicaSet, pod: &Pod) -> bool {
    let selector = set.spec.as_ref().map(|spec| &spec.selector);
    set.metadata.namespace == pod.metadata.namespace
        && selector.is_some_and(|selector| selects(selector, pod.metadata.labels.as_ref()))
}

/// Does the pod count as a replica (RS-1)?
fn counts(pod: &Pod, slips: Slips) -> bool {
    let terminal = is_terminal(pod) && !slips.has(Slip::FailedPodsCounted);
    let deleting = pod.is_deleting() && !slips.has(Slip::DeletingPodsCounted);
    !terminal && !deleting
}

impl ReplicaSetController {
    /// A worker begins with a key.
    pub(super) fn begin(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let Some(set) = informers.replica_sets.cache().get(key).cloned() else {
            if !context.has(Slip::ExpectationsInherited) {
                self.expectations.forget(key);
            }
            self.wrote.remove(key);
            self.finish(key, false, context);
            return;
        };
        let waits_for_own = context.release.minor >= 36 && !context.has(Slip::ExpectationsForgotten);
        if waits_for_own && !self.sees_own_writes(key, informers) {
            self.finish(key, true, context);
            return;
        }
        let satisfied =
            context.has(Slip::ExpectationsForgotten) || self.expectations.satisfied(key, context.now());
        let (mut sync, released) = look(&set, satisfied, informers, context.slips);
        for pod in released {
            let patch = Patch::RemoveOwner(set.uid());
            let patch = Request::Patch(Resource::Pod, pod.key(), Preconditions::uid(pod.uid()), patch);
            sync.outstanding += 1;
            self.send(key, Purpose::Release, patch, context);
        }
        if !sync.orphans.is_empty() {
            sync.outstanding += 1;
            self.send(key, Purpose::Recheck, Request::Get(Resource::ReplicaSet, key.clone()), context);
        }
        let waits = sync.outstanding > 0;
        self.syncs.insert(key.clone(), sync);
        if !waits {
            self.manage(key, informers, context);
        }
    }

    /// An answer has come for the sync of a key.
    pub(super) fn proceed(
        &mut self,
        key: &Key,
        purpose: &Purpose,
        answer: Result<Response, ApiError>,
        informers: &Informers,
        context: &mut Context<'_>,
    ) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        sync.outstanding -= 1;
        match purpose {
            Purpose::Recheck => {
                if !self.adopt(key, &answer, context) {
                    self.abort(key, context);
                    return;
                }
                self.after_claims(key, informers, context);
            }
            Purpose::Adopt(pod) => {
                match answer {
                    Ok(_) => sync.pods.push(Arc::clone(pod)),
                    Err(ApiError::NotFound) => {}
                    Err(_) => sync.failed = true,
                }
                self.after_claims(key, informers, context);
            }
            Purpose::Release => {
                // Gone, or another by now: it is not ours in either case.
                sync.failed |= !matches!(
                    answer,
                    Ok(_) | Err(ApiError::NotFound | ApiError::Invalid | ApiError::Conflict)
                );
                self.after_claims(key, informers, context);
            }
            Purpose::Create => self.on_created(key, &answer, context),
            Purpose::Delete(pod) => {
                if let Err(error) = answer {
                    // It will not be seen (CTL-3).
                    self.expectations.deletion_observed(key, pod);
                    sync.failed |= error != ApiError::NotFound;
                }
                if sync.outstanding == 0 {
                    self.write_status(key, context);
                }
            }
            Purpose::Status => self.on_status(key, &answer, context),
            Purpose::Reread => match answer {
                Ok(Response::Object(Object::ReplicaSet(set))) => {
                    sync.set = set;
                    self.send_status(key, context);
                }
                _ => self.abort(key, context),
            },
        }
    }

    /// The live look allows to adopt only if it is still the same ReplicaSet and not being deleted (GC-1).
    fn adopt(&mut self, key: &Key, answer: &Result<Response, ApiError>, context: &mut Context<'_>) -> bool {
        let Some(sync) = self.syncs.get_mut(key) else { return false };
        let live = match answer {
            Ok(Response::Object(Object::ReplicaSet(live))) => live,
            _ => return false,
        };
        if live.uid() != sync.set.uid() || live.is_deleting() {
            return false;
        }
        let owner = owner_reference(&sync.set);
        let orphans = std::mem::take(&mut sync.orphans);
        sync.outstanding += orphans.len();
        for pod in orphans {
            let preconditions = Preconditions::uid(pod.uid());
            let patch = Patch::AddOwner(owner.clone());
            let patch = Request::Patch(Resource::Pod, pod.key(), preconditions, patch);
            self.send(key, Purpose::Adopt(pod), patch, context);
        }
        true
    }

    fn after_claims(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        match self.syncs.get(key) {
            Some(sync) if sync.outstanding > 0 => {}
            Some(sync) if sync.failed => self.abort(key, context),
            _ => self.manage(key, informers, context),
        }
    }

    /// Creates or deletes what is missing or too much (RS-3).
    fn manage(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        // RS-6
        if !sync.manage || sync.set.is_deleting() {
            self.write_status(key, context);
            return;
        }
        let wanted = sync.set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let wanted = usize::try_from(wanted).unwrap_or(0);
        let have = sync.pods.len();
        if have < wanted {
            sync.unsent = (wanted - have).min(BURST);
            sync.batch = 1;
            self.expectations.expect_creations(key, sync.unsent, context.now());
            self.send_batch(key, context);
        } else if have > wanted {
            let count = (have - wanted).min(BURST);
            let related = related_pods(&sync.set, informers);
            let pods = std::mem::take(&mut sync.pods);
            let victims = victims::choose(key, &pods, &related, count, context);
            sync.pods = pods;
            sync.outstanding += victims.len();
            self.expectations.expect_deletions(key, victims.iter().cloned(), context.now());
            for victim in victims {
                // CTL-6: by name only.
                let delete = Request::Delete(Resource::Pod, victim.clone(), DeleteOptions::default());
                self.send(key, Purpose::Delete(victim), delete, context);
            }
        } else {
            self.write_status(key, context);
        }
    }

    /// Slow start: 1, 2, 4, …, each batch after all of the one before succeeded (CTL-4).
    fn send_batch(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let count = sync.batch.min(sync.unsent);
        sync.unsent -= count;
        sync.batch *= 2;
        sync.outstanding += count;
        let pod = Object::from(new_pod(&sync.set));
        for _ in 0..count {
            self.send(key, Purpose::Create, Request::Create(pod.clone()), context);
        }
    }

    fn on_created(&mut self, key: &Key, answer: &Result<Response, ApiError>, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        if let Err(error) = answer {
            sync.failed = true;
            let believed = error.outcome_unknown() && context.has(Slip::TimedOutCreationExpected);
            if !believed {
                // It will not be seen, or nobody knows (CTL-3).
                self.expectations.creation_observed(key);
            }
        }
        if sync.outstanding > 0 {
            return;
        }
        if sync.failed {
            // What was skipped will not be seen either.
            for _ in 0..std::mem::take(&mut sync.unsent) {
                self.expectations.creation_observed(key);
            }
        }
        if sync.unsent > 0 { self.send_batch(key, context) } else { self.write_status(key, context) }
    }

    /// Writes the status if it differs (RS-7).
    fn write_status(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let status = status_of(&sync.set, &sync.pods, sync.terminating, context.release, context.now());
        if sync.set.status.as_ref() == Some(&status) {
            self.settle(key, context);
            return;
        }
        sync.status = Some(status);
        self.send_status(key, context);
    }

    fn send_status(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let mut set = (*sync.set).clone();
        set.status.clone_from(&sync.status);
        sync.outstanding += 1;
        self.send(key, Purpose::Status, Request::UpdateStatus(set.into()), context);
    }

    fn on_status(&mut self, key: &Key, answer: &Result<Response, ApiError>, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        match answer {
            Ok(Response::Object(Object::ReplicaSet(set))) => {
                sync.set = Arc::clone(set);
                self.settle(key, context);
            }
            // One more time, from a fresh copy. Kubernetes: `replica_set_utils.go` `statusUpdateRetries`.
            Err(_) if !sync.retried => {
                sync.retried = true;
                sync.outstanding += 1;
                self.send(key, Purpose::Reread, Request::Get(Resource::ReplicaSet, key.clone()), context);
            }
            _ => self.abort(key, context),
        }
    }

    /// The end of a sync whose status is written: pods that become available by time alone bring it back (RS-7).
    fn settle(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get(key) else { return };
        let status = sync.set.status.clone().unwrap_or_default();
        let wanted = sync.set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let seconds = min_ready_seconds(&sync.set);
        let failed = sync.failed;
        if !failed
            && seconds > 0
            && status.ready_replicas == Some(wanted)
            && status.available_replicas != Some(wanted)
        {
            self.queue.add_at(key.clone(), context.now() + Duration::from_secs(u64::from(seconds)));
        }
        self.finish(key, failed, context);
    }

    fn abort(&mut self, key: &Key, context: &Context<'_>) {
        self.finish(key, true, context);
    }

    /// The worker is done with the key (CTL-1).
    fn finish(&mut self, key: &Key, failed: bool, context: &Context<'_>) {
        self.syncs.remove(key);
        self.calls.retain(|_, (other, _)| other != key);
        if failed {
            self.queue.add_rate_limited(key.clone(), context.now());
        } else {
            self.queue.forget(key);
        }
        self.queue.done(key);
    }

    fn send(&mut self, key: &Key, purpose: Purpose, request: Request, context: &mut Context<'_>) -> CallId {
        let call = context.calls.send(Component::ReplicaSet, request);
        self.calls.insert(call, (key.clone(), purpose));
        call
    }
}

/// What the caches say: the pods that count, and those to be released.
fn look(set: &Arc<ReplicaSet>, manage: bool, informers: &Informers, slips: Slips) -> (Sync, Vec<Arc<Pod>>) {
    let mut sync = Sync {
        set: Arc::clone(set),
        pods: Vec::new(),
        terminating: 0,
        manage,
        orphans: Vec::new(),
        outstanding: 0,
        unsent: 0,
        batch: 0,
        failed: false,
        retried: false,
        status: None,
    };
    let mut released = Vec::new();
    let uid = set.metadata.uid.as_deref().unwrap_or("");
    for (_, pod) in informers.pods.cache().by_index(BY_CONTROLLER, uid) {
        if !counts(pod, slips) {
            sync.terminating += usize::from(pod.is_deleting() && !is_terminal(pod));
        } else if matches(set, pod) {
            sync.pods.push(Arc::clone(pod));
        } else if !set.is_deleting() {
            // One that is being deleted releases nothing, and counts no more what it does not select (S28 `ClaimObject`).
            released.push(Arc::clone(pod));
        }
    }
    if !set.is_deleting() {
        let all = informers.pods.cache().iter().map(|(_, pod)| pod);
        let orphan =
            |pod: &&Arc<Pod>| controller_of(&pod.metadata).is_none() && is_active(pod) && matches(set, pod);
        sync.orphans = all.filter(orphan).cloned().collect();
    }
    (sync, released)
}

/// The active pods of all ReplicaSets that have the same owner (RS-5); none if it has none (S28 `replica_set.go`
/// `getReplicaSetsWithSameController`).
fn related_pods(set: &ReplicaSet, informers: &Informers) -> Vec<Arc<Pod>> {
    let owner = controller_of(&set.metadata).map(|owner| owner.uid.clone());
    let siblings =
        owner.iter().flat_map(|owner| informers.replica_sets.cache().by_index(BY_CONTROLLER, owner));
    let uids: Vec<String> = siblings.filter_map(|(_, set)| set.metadata.uid.clone()).collect();
    let pods = uids.iter().flat_map(|uid| informers.pods.cache().by_index(BY_CONTROLLER, uid));
    pods.map(|(_, pod)| pod).filter(|pod| is_active(pod)).cloned().collect()
}

fn owner_reference(set: &ReplicaSet) -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "ReplicaSet".to_owned(),
        name: set.metadata.name.clone().unwrap_or_default(),
        uid: Uid::of(&set.metadata).as_str().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// A pod from the template.
fn new_pod(set: &ReplicaSet) -> Pod {
    let template = set.spec.as_ref().and_then(|spec| spec.template.clone()).unwrap_or_default();
    let meta = template.metadata.unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", set.metadata.name.as_deref().unwrap_or(""))),
            namespace: set.metadata.namespace.clone(),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![owner_reference(set)]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}
