//! The writes of the status manager. They are serial: one pod after the other, and for each a live read, a patch if
//! anything changed, and the removal of the object if that is due (STM-2, STM-6).

use std::collections::VecDeque;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, PodCondition, PodStatus as ApiStatus};
use podproof_vocabulary::Release;

use super::merge::{Circumstances, Containers, merge};
use super::{StatusManager, Versioned};
use crate::api::constants::is_terminal;
use crate::api::{
    ApiError, DeleteOptions, Kind, Object, Patch, Preconditions, Request, Resource, Response, Uid,
};
use crate::client::CallId;
use crate::clock::Moment;
use crate::kubelet::api_status::conditions::is_owned;
use crate::kubelet::host::Host;
use crate::kubelet::pod::KnownPod;
use crate::operation::Component;
use crate::slip::{Slip, Slips};

/// What the status manager asks of the rest of the kubelet.
pub trait Pods {
    /// A pod as the kubelet's source has it.
    fn configured(&self, uid: &Uid) -> Option<&KnownPod>;

    /// Whether containers of it may still run: its worker has not gone past terminating.
    fn containers(&self, uid: &Uid) -> Containers;
}

/// A batch of pods that is being written.
#[derive(Clone, Debug)]
pub struct Writing {
    uid: Uid,
    /// What is being written: what was newest when the batch began.
    versioned: Versioned,
    stage: Stage,
    queue: VecDeque<(Uid, Versioned)>,
}

/// What is to be written of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owed {
    /// This status, which says something else than the API.
    pub status: Option<ApiStatus>,
    /// Its object is to be removed.
    pub removal: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Reading(CallId),
    Patching(CallId),
    Deleting(CallId),
}

impl StatusManager {
    /// Has anything been set that no batch has looked at?
    pub const fn has_signal(&self) -> bool {
        self.signalled && self.writing.is_none()
    }

    /// When everything is compared next; none while a batch is written.
    pub const fn next_reconcile(&self) -> Option<Moment> {
        if self.writing.is_none() { Some(self.next_reconcile) } else { None }
    }

    /// What it would write of a pod whose object the API has so: with the next batch, or when everything is compared.
    pub fn owed(&self, uid: &Uid, stored: &Pod, pods: &impl Pods, circumstances: Circumstances) -> Owed {
        let Circumstances { release, slips, .. } = circumstances;
        let Some(versioned) = self.statuses.get(uid) else { return Owed::default() };
        let is_due = self.needs_update(uid, pods, release)
            || !slips.has(Slip::StatusIsNeverReconciled) && self.needs_reconcile(uid, pods, circumstances);
        if !is_due {
            return Owed::default();
        }
        let none = ApiStatus::default();
        let old = stored.status.as_ref().unwrap_or(&none);
        let merged = merge(old, &versioned.status, circumstances);
        let removal = pods.configured(uid).is_some() && is_removed(versioned, stored, release, slips);
        Owed { status: Some(merged).filter(|merged| merged != old), removal }
    }

    /// A batch begins: of the pods whose status changed since it was written. A removal that failed waits for the next full comparison
    /// (S28 `syncBatch`).
    pub fn begin_batch(&mut self, host: &mut Host<'_, '_>) {
        self.signalled = false;
        let changed = self.statuses.iter().filter(|(uid, versioned)| self.is_newer(uid, versioned));
        let queue = changed.map(|(uid, versioned)| (uid.clone(), versioned.clone())).collect();
        self.write_next(queue, host);
    }

    /// STM-1: everything is compared with what the kubelet's source says of the API, and differences are written again.
    pub fn begin_reconcile(&mut self, pods: &impl Pods, host: &mut Host<'_, '_>) {
        self.signalled = false;
        self.next_reconcile = host.now() + self.period;
        let mut queue = VecDeque::new();
        self.written.retain(|uid, _| self.statuses.contains_key(uid));
        for (uid, versioned) in &self.statuses {
            if self.needs_update(uid, pods, host.context.release) {
                queue.push_back((uid.clone(), versioned.clone()));
            } else if self.needs_reconcile(uid, pods, circumstances(uid, pods, host))
                && !host.context.has(Slip::StatusIsNeverReconciled)
            {
                self.written.remove(uid);
                queue.push_back((uid.clone(), versioned.clone()));
            }
        }
        self.write_next(queue, host);
    }

    /// The API does not have this status yet.
    fn is_newer(&self, uid: &Uid, versioned: &Versioned) -> bool {
        self.written.get(uid).is_none_or(|&written| written < versioned.version)
    }

    fn needs_update(&self, uid: &Uid, pods: &impl Pods, release: Release) -> bool {
        let Some(versioned) = self.statuses.get(uid) else { return false };
        if self.is_newer(uid, versioned) {
            return true;
        }
        let phase_matters = release.writes_terminal_phase_before_removal();
        let due = |pod: &KnownPod| may_be_deleted(&pod.object, versioned.is_finished, phase_matters);
        pods.configured(uid).is_some_and(due)
    }

    /// Does the API say something else of this pod than the kubelet, in a field that is the kubelet's?
    fn needs_reconcile(&self, uid: &Uid, pods: &impl Pods, circumstances: Circumstances) -> bool {
        let (Some(versioned), Some(pod)) = (self.statuses.get(uid), pods.configured(uid)) else {
            return false;
        };
        let Some(stored) = &pod.object.status else { return true };
        let circumstances = Circumstances { slips: Slips::NONE, ..circumstances };
        let computed = merge(stored, &versioned.status, circumstances);
        !says_the_same(stored, &computed)
    }

    fn write_next(&mut self, mut queue: VecDeque<(Uid, Versioned)>, host: &mut Host<'_, '_>) {
        self.writing = queue.pop_front().map(|(uid, versioned)| {
            let call = send(host, Request::Get(Resource::Pod, versioned.key.clone()));
            Writing { uid, versioned, stage: Stage::Reading(call), queue }
        });
    }

    /// An answer of the API server; it need not be one to a request of the status manager.
    pub fn on_answer(
        &mut self,
        call: CallId,
        answer: Result<Response, ApiError>,
        pods: &impl Pods,
        host: &mut Host<'_, '_>,
    ) -> bool {
        let Some(mut writing) = self.writing.take() else { return false };
        match writing.stage {
            Stage::Reading(expected) if expected == call => match pod_of(answer) {
                Ok(pod) => self.patch(writing, &pod, pods, host),
                Err(error) => self.give_up(writing, error, host),
            },
            Stage::Patching(expected) if expected == call => match pod_of(answer) {
                Ok(pod) => {
                    self.count_as_written(&writing, host);
                    self.delete(writing, &pod, pods, host);
                }
                Err(error) => self.give_up(writing, error, host),
            },
            Stage::Deleting(expected) if expected == call => {
                if answer.is_ok() {
                    self.statuses.remove(&writing.uid);
                }
                let queue = std::mem::take(&mut writing.queue);
                self.write_next(queue, host);
            }
            _ => {
                self.writing = Some(writing);
                return false;
            }
        }
        true
    }

    /// STM-2: another pod of the same name is none of ours.
    fn patch(&mut self, mut writing: Writing, pod: &Arc<Pod>, pods: &impl Pods, host: &mut Host<'_, '_>) {
        let checks_uid = !host.context.has(Slip::StatusOfNamesake);
        if checks_uid && pod.uid() != writing.uid {
            self.statuses.remove(&writing.uid);
            self.write_next(writing.queue, host);
            return;
        }
        let stored = pod.status.clone().unwrap_or_default();
        let circumstances = circumstances(&writing.uid, pods, host);
        let merged = merge(&stored, &writing.versioned.status, circumstances);
        if merged == stored {
            self.count_as_written(&writing, host);
            self.delete(writing, pod, pods, host);
            return;
        }
        let preconditions =
            if checks_uid { Preconditions::uid(writing.uid.clone()) } else { Preconditions::NONE };
        // S28 `pkg/util/pod/pod.go` `preparePatchBytesForPodStatus`: a two-way merge patch.
        let (from, to) = (Arc::new(stored), Arc::new(merged));
        let is_whole = host.context.has(Slip::StatusPatchIsWhole);
        let patch = if is_whole { Patch::PodStatusWhole(to) } else { Patch::PodStatusChanges { from, to } };
        let request = Request::Patch(Resource::Pod, writing.versioned.key.clone(), preconditions, patch);
        writing.stage = Stage::Patching(send(host, request));
        self.writing = Some(writing);
    }

    /// The API has this version now. A newer one is written with the next batch (STM-9).
    fn count_as_written(&mut self, writing: &Writing, host: &Host<'_, '_>) {
        let newest =
            self.statuses.get(&writing.uid).filter(|_| host.context.has(Slip::NewerStatusCountsAsWritten));
        let version = newest.map_or(writing.versioned.version, |newest| newest.version);
        self.written.insert(writing.uid.clone(), version);
    }

    /// STM-6: the object goes when nothing of the pod is left.
    fn delete(&mut self, mut writing: Writing, pod: &Arc<Pod>, pods: &impl Pods, host: &mut Host<'_, '_>) {
        let (release, slips) = (host.context.release, host.context.slips);
        let due =
            pods.configured(&writing.uid).is_some() && is_removed(&writing.versioned, pod, release, slips);
        if !due {
            self.write_next(writing.queue, host);
            return;
        }
        let preconditions = if host.context.has(Slip::StatusOfNamesake) {
            Preconditions::NONE
        } else {
            Preconditions::uid(writing.uid.clone())
        };
        let options = DeleteOptions { grace_seconds: Some(0), preconditions };
        let request = Request::Delete(Resource::Pod, writing.versioned.key.clone(), options);
        writing.stage = Stage::Deleting(send(host, request));
        self.writing = Some(writing);
    }

    /// The pod is gone, or the write failed: it is tried again with the next full comparison (STM-10).
    fn give_up(&mut self, writing: Writing, error: ApiError, host: &mut Host<'_, '_>) {
        if error == ApiError::NotFound {
            self.statuses.remove(&writing.uid);
        }
        self.write_next(writing.queue, host);
    }
}

/// Is the object of a pod that has this status removed now?
fn is_removed(versioned: &Versioned, pod: &Pod, release: Release, slips: Slips) -> bool {
    let early = slips.has(Slip::RemovedBeforeFinished);
    let phase_matters = release.writes_terminal_phase_before_removal() && !early;
    may_be_deleted(pod, versioned.is_finished || early, phase_matters)
}

/// STM-6: it is deleting, its phase is terminal (from 1.27 on), and nothing of it is left.
fn may_be_deleted(pod: &Pod, is_finished: bool, phase_matters: bool) -> bool {
    pod.metadata.deletion_timestamp.is_some() && is_finished && (!phase_matters || is_terminal(pod))
}

fn circumstances(uid: &Uid, pods: &impl Pods, host: &Host<'_, '_>) -> Circumstances {
    let containers = pods.containers(uid);
    let (release, slips) = (host.context.release, host.context.slips);
    Circumstances { containers, release, now: host.now(), slips }
}

fn pod_of(answer: Result<Response, ApiError>) -> Result<Arc<Pod>, ApiError> {
    match answer? {
        Response::Object(Object::Pod(pod)) => Ok(pod),
        _ => Err(ApiError::Internal),
    }
}

fn send(host: &mut Host<'_, '_>, request: Request) -> CallId {
    host.context.calls.send(Component::Kubelet(host.node), request)
}

/// Do two statuses say the same of what is the kubelet's, whenever it changed (S28 `isPodStatusByKubeletEqual`)?
fn says_the_same(one: &ApiStatus, other: &ApiStatus) -> bool {
    fn own(status: &ApiStatus) -> Vec<&PodCondition> {
        let conditions = status.conditions.iter().flatten();
        let mut own: Vec<_> = conditions.filter(|condition| is_owned(&condition.type_)).collect();
        own.sort_unstable_by_key(|condition| &condition.type_);
        own
    }
    let same = |(one, other): (&PodCondition, &PodCondition)| {
        (&one.type_, &one.status, &one.reason, &one.message)
            == (&other.type_, &other.status, &other.reason, &other.message)
            && one.observed_generation == other.observed_generation
    };
    let (conditions, others) = (own(one), own(other));
    one.phase == other.phase
        && one.pod_ip == other.pod_ip
        && one.container_statuses == other.container_statuses
        && one.init_container_statuses == other.init_container_statuses
        && conditions.len() == others.len()
        && conditions.into_iter().zip(others).all(same)
}
