//! Pod workers: one for each pod, one thing at a time, from sync through terminating to terminated (S28 `pod_workers.go`).
//!
//! - this file: what a worker knows of its pod
//! - [`update`]: what the sync loop tells it
//! - [`grace`]: the grace period in force
//! - [`activity`]: what it is doing: a sync, a termination, the end of one
//! - [`step`]: what it does next

pub mod activity;
pub mod grace;
pub mod step;
pub mod terminate;
#[cfg(test)]
mod tests;
pub mod update;

use std::collections::BTreeMap;

use self::activity::Activity;
use self::update::Update;
use super::kill::KillPod;
use super::pod::KnownPod;
use super::status::merge::Containers;
use super::status::write::Pods;
use crate::api::Uid;
use crate::clock::Moment;

/// Where a worker is with its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// The pod should run.
    Sync,
    /// The pod is being stopped.
    Terminating,
    /// The pod is stopped; what it held is given back.
    Terminated,
}

/// What a worker knows of its pod.
#[derive(Clone, Debug, Default)]
pub struct PodWorker {
    /// Termination was asked for (PW-5).
    pub(super) terminating_at: Option<Moment>,
    /// The worker has begun to terminate.
    pub(super) started_terminating: bool,
    /// All containers are stopped (PW-7).
    pub(super) terminated_at: Option<Moment>,
    /// Everything is done (PW-9).
    pub(super) finished: bool,
    /// The worker has begun the first sync.
    pub(super) started: bool,
    /// The pod was deleted, or is not configured any more.
    pub(super) deleted: bool,
    /// The kubelet itself evicted it.
    pub(super) evicted: bool,
    /// The runtime has something of it.
    pub(super) observed_runtime: bool,
    /// A new pod with the same identity was created while this one ended (PW-11).
    pub(super) restart_requested: bool,
    /// The grace period in force, once termination was asked for.
    pub(super) grace_seconds: Option<i64>,
    pub(super) pending: Option<Update>,
    pub(super) active: Option<Update>,
    pub(super) activity: Activity,
    /// The sync that it has taken and not begun with was cancelled.
    pub(super) cancelled: bool,
    pub(super) last_sync: Option<Moment>,
    pub(super) mounted: bool,
    /// When the work queue hands the pod to the sync loop again (PW-17).
    pub(super) resync_at: Option<Moment>,
    /// What the API shall say of a pod that the kubelet evicted.
    pub(super) eviction: Option<update::Eviction>,
}

impl PodWorker {
    /// Where it is.
    pub const fn work(&self) -> Work {
        if self.terminated_at.is_some() {
            Work::Terminated
        } else if self.terminating_at.is_some() {
            Work::Terminating
        } else {
            Work::Sync
        }
    }

    /// It has come to the end of a sync, or of a kill.
    pub const fn has_synced(&self) -> bool {
        self.last_sync.is_some()
    }

    /// Everything is done.
    pub const fn is_finished(&self) -> bool {
        self.finished
    }

    /// It has begun to stop its pod.
    pub const fn has_begun_to_terminate(&self) -> bool {
        self.started_terminating
    }

    /// It is at a sync that stops everything, and makes no new sandbox (CPA-2, CPA-11).
    pub fn stops_for_good(&self) -> bool {
        matches!(&self.activity, Activity::Syncing(sync) if sync.stops_for_good())
    }

    /// It was told something that it has not begun with.
    pub const fn has_update(&self) -> bool {
        self.pending.is_some() || matches!(self.activity, Activity::Waiting { .. })
    }

    /// When the sync loop hands it its pod again (PW-17).
    pub const fn resync_at(&self) -> Option<Moment> {
        self.resync_at
    }

    /// What it is doing.
    pub const fn activity(&self) -> &Activity {
        &self.activity
    }

    /// The kill that it is at, of the whole pod or of one container.
    pub const fn kill(&self) -> Option<&KillPod> {
        match &self.activity {
            Activity::Syncing(sync) => sync.kill(),
            Activity::Terminating(terminating) => Some(terminating.kill()),
            Activity::Idle | Activity::Waiting { .. } | Activity::Unmounting(_) => None,
        }
    }

    /// The pod, as it was told of it last.
    pub fn pod(&self) -> Option<&KnownPod> {
        let of = |update: &Option<Update>| update.as_ref().and_then(Update::pod).is_some();
        if of(&self.pending) { &self.pending } else { &self.active }.as_ref().and_then(Update::pod)
    }
}

/// The workers of a kubelet.
#[derive(Clone, Debug, Default)]
pub struct PodWorkers {
    pub(super) workers: BTreeMap<Uid, PodWorker>,
    /// Housekeeping has compared them once with what is configured: from then on nothing runs of a pod without one (S28 `podsSynced`).
    pub(super) are_synced: bool,
}

impl PodWorkers {
    /// The worker of a pod.
    pub fn get(&self, uid: &Uid) -> Option<&PodWorker> {
        self.workers.get(uid)
    }

    /// All workers.
    pub fn iter(&self) -> impl Iterator<Item = (&Uid, &PodWorker)> {
        self.workers.iter()
    }

    /// STM-4: containers may run unless the worker has stopped them; those of a pod that no worker knows may until housekeeping has
    /// looked for the first time.
    pub fn may_run(&self, uid: &Uid) -> Containers {
        match self.workers.get(uid) {
            Some(worker) if worker.terminated_at.is_some() => Containers::Stopped,
            None if self.are_synced => Containers::Stopped,
            _ => Containers::MayRun,
        }
    }

    /// Was its termination asked for?
    pub fn is_termination_requested(&self, uid: &Uid) -> bool {
        self.workers.get(uid).is_some_and(|worker| worker.terminating_at.is_some())
    }

    /// Are its containers stopped for good?
    pub fn is_terminated(&self, uid: &Uid) -> bool {
        self.workers.get(uid).is_some_and(|worker| worker.terminated_at.is_some())
    }

    /// The pods that the work queue hands to the sync loop by now.
    pub fn due(&self, now: Moment) -> impl Iterator<Item = &Uid> {
        let due = move |worker: &PodWorker| worker.resync_at.is_some_and(|at| at <= now);
        self.workers.iter().filter(move |(_, worker)| due(worker)).map(|(uid, _)| uid)
    }
}

/// What the status manager asks of the rest of the kubelet.
pub struct KnownPods<'a> {
    /// The pods of the kubelet's source.
    pub pods: &'a BTreeMap<Uid, KnownPod>,
    /// The workers.
    pub workers: &'a PodWorkers,
}

impl Pods for KnownPods<'_> {
    fn configured(&self, uid: &Uid) -> Option<&KnownPod> {
        self.pods.get(uid)
    }

    fn containers(&self, uid: &Uid) -> Containers {
        self.workers.may_run(uid)
    }
}
