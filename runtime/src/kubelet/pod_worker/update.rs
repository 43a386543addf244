//! What the sync loop tells a worker, and how the worker's state follows (S28 `pod_workers.go` `UpdatePod`).

use std::sync::Arc;

use podproof_vocabulary::Release;

use super::grace::{self, effective};
use super::{PodWorker, PodWorkers, Work};
use crate::api::Uid;
use crate::api::constants::is_terminal;
use crate::clock::Moment;
use crate::kubelet::pod::KnownPod;
use crate::kubelet::pod_cache::{PodCache, PodStatus};
use crate::slip::{Slip, Slips};

/// Why the worker is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// The pod is new.
    Create,
    /// Its object changed.
    Update,
    /// Something of it may have changed.
    Sync,
    /// It is to be stopped.
    Kill,
}

/// Why the kubelet stops a pod by itself, as the API shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// `status.reason`.
    pub reason: &'static str,
    /// `status.message`.
    pub message: &'static str,
}

/// Whom it is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A pod that is, or was, configured.
    Configured(KnownPod),
    /// A pod that only the runtime knows, with what runs of it (PW-13).
    Running(Uid, Arc<PodStatus>),
}

/// What a worker is told.
#[derive(Clone, Debug)]
pub struct Update {
    /// Why.
    pub kind: UpdateKind,
    /// Whom it is about.
    pub subject: Subject,
    /// The grace period that the kubelet itself asks for.
    pub grace_seconds: Option<i64>,
    /// It evicts the pod.
    pub eviction: Option<Eviction>,
}

impl Update {
    /// Tells of a configured pod.
    pub const fn of(kind: UpdateKind, pod: KnownPod) -> Self {
        Self { kind, subject: Subject::Configured(pod), grace_seconds: None, eviction: None }
    }

    /// The pod, if it is configured.
    pub const fn pod(&self) -> Option<&KnownPod> {
        match &self.subject {
            Subject::Configured(pod) => Some(pod),
            Subject::Running(..) => None,
        }
    }

    fn uid(&self) -> &Uid {
        match &self.subject {
            Subject::Configured(pod) => &pod.uid,
            Subject::Running(uid, _) => uid,
        }
    }
}

/// What an update is judged by.
pub struct Judgement<'a> {
    /// What the PLEG saw.
    pub cache: &'a PodCache,
    /// What time it is.
    pub now: Moment,
    /// The Kubernetes release.
    pub release: Release,
    /// Which wrong mechanisms are on.
    pub slips: Slips,
}

impl PodWorkers {
    /// Tells the worker of a pod something. Only the newest that it was told counts (PW-14).
    pub fn update(&mut self, mut update: Update, judgement: &Judgement<'_>) {
        let uid = update.uid().clone();
        let is_first = !self.workers.contains_key(&uid);
        let worker = self.workers.entry(uid).or_insert_with(|| new_worker(&update, judgement));
        if let Subject::Running(..) = update.subject {
            worker.observed_runtime = true;
            if let Some(pod) = worker.pod() {
                update.subject = Subject::Configured(pod.clone());
            }
        }
        if !is_first && worker.terminating_at.is_some() && update.kind == UpdateKind::Create {
            worker.restart_requested = true;
            return;
        }
        // PW-10.
        if worker.finished {
            return;
        }
        worker.note_termination(&update, judgement);
        match worker.work() {
            Work::Terminated if matches!(update.subject, Subject::Running(..)) => return,
            Work::Terminated | Work::Sync => {}
            Work::Terminating => worker.shorten(&update, judgement.release),
        }
        worker.pending = Some(update);
        if worker.terminating_at.is_some() {
            worker.cancel();
        }
    }
}

/// PW-3: a pod that ended before this kubelet started is not started again.
fn new_worker(update: &Update, judgement: &Judgement<'_>) -> PodWorker {
    let Some(pod) = update.pod() else { return PodWorker::default() };
    let ended = is_terminal(&pod.object)
        && judgement.cache.get(&pod.uid).is_ok_and(|status| !status.is_running())
        && !judgement.slips.has(Slip::TerminalPodsRunAgain);
    if !ended {
        return PodWorker::default();
    }
    PodWorker {
        terminating_at: Some(judgement.now),
        started_terminating: true,
        terminated_at: Some(judgement.now),
        ..PodWorker::default()
    }
}

impl PodWorker {
    /// PW-2, PW-4, PW-5: what makes a worker terminate.
    fn note_termination(&mut self, update: &Update, judgement: &Judgement<'_>) {
        if self.terminating_at.is_some() {
            return;
        }
        let terminates = match &update.subject {
            Subject::Running(..) => {
                self.deleted = true;
                true
            }
            Subject::Configured(pod) if pod.is_deleting() => {
                self.deleted = true;
                true
            }
            Subject::Configured(pod) => {
                let ended = is_terminal(&pod.object) && !judgement.slips.has(Slip::TerminalPodsRunAgain);
                ended || update.kind == UpdateKind::Kill
            }
        };
        if !terminates {
            return;
        }
        if update.kind == UpdateKind::Kill {
            self.evicted = update.eviction.is_some();
            self.deleted |= update.eviction.is_none();
            self.eviction.clone_from(&update.eviction);
        }
        self.terminating_at = Some(judgement.now);
    }

    /// PW-6, PW-18.
    pub(in crate::kubelet) fn shorten(&mut self, update: &Update, release: Release) {
        let situation = grace::Situation {
            current: self.grace_seconds,
            pod: update.pod(),
            asked: update.grace_seconds,
            release,
        };
        self.grace_seconds = Some(effective(&situation));
    }

    /// The last update is done again (S28 `requeueLastPodUpdate`).
    pub(in crate::kubelet) fn requeue(&mut self) {
        if self.pending.is_none() {
            self.pending.clone_from(&self.active);
        }
    }
}
