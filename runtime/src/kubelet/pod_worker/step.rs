//! What a worker does next: it takes what it was told last, begins with it once the pod cache is new enough, goes on as answers come,
//! and ends (S28 `pod_workers.go` `podWorkerLoop`, `startPodSync`, `completeWork` and its like).

use super::activity::{Activity, End, SyncError};
use super::terminate::Terminating;
use super::update::Subject;
use super::{PodWorker, PodWorkers, Work};
use crate::api::Uid;
use crate::clock::Moment;
use crate::container_runtime::{CallId, ContainerId, Outcome};
use crate::kubelet::host::Host;
use crate::kubelet::kill::container::KillStep;
use crate::kubelet::parts::Parts;
use crate::kubelet::pod_cache::PodCache;
use crate::kubelet::sync_pod::SyncPod;
use crate::slip::{Slip, Slips};

/// Something that a worker waits for beside the answers of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkerStep {
    /// It takes what it was told last, and fixes what it works at.
    Take,
    /// It begins with what it took.
    Begin,
    /// The volumes of its pod are mounted (SP-7).
    Mount,
    /// They are unmounted (STD-1).
    Unmount,
    /// A postStart hook that is no command ends (CPA-12).
    FinishPostStart,
    /// A container that is being killed gets further.
    Kill(ContainerId, KillStep),
}

impl PodWorker {
    /// It has taken something, or may, and is not kept waiting for a newer pod cache (PW-16). What the runtime alone knows is not
    /// looked up.
    pub fn need_not_wait(&self, uid: &Uid, cache: &PodCache, slips: Slips) -> bool {
        let update = match self.activity {
            Activity::Idle => &self.pending,
            Activity::Waiting { .. } => &self.active,
            _ => return false,
        };
        let Some(update) = update else { return false };
        matches!(update.subject, Subject::Running(..))
            || slips.has(Slip::WorkerTrustsOldCache)
            || cache.newer_than(uid, self.last_sync).is_some()
    }

    /// The steps that it may take by now without an answer.
    pub fn pending(
        &self,
        uid: &Uid,
        cache: &PodCache,
        slips: Slips,
        now: Moment,
        steps: &mut Vec<WorkerStep>,
    ) {
        match &self.activity {
            Activity::Idle => steps.extend(self.pending.is_some().then_some(WorkerStep::Take)),
            Activity::Waiting { .. } => {
                steps.extend(self.need_not_wait(uid, cache, slips).then_some(WorkerStep::Begin));
            }
            Activity::Syncing(sync) => sync.pending(now, steps),
            Activity::Terminating(terminating) => {
                steps.extend(terminating.kill().pending(now).map(|(id, step)| WorkerStep::Kill(id, step)));
            }
            Activity::Unmounting(_) => steps.push(WorkerStep::Unmount),
        }
    }

    /// When it may take the next step that it may not take yet; that it is handed to the sync loop again counts.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        let kill = match &self.activity {
            Activity::Syncing(sync) => sync.next_deadline(now),
            Activity::Terminating(terminating) => terminating.kill().next_deadline(now),
            Activity::Idle | Activity::Waiting { .. } | Activity::Unmounting(_) => None,
        };
        crate::clock::earlier(kill, self.resync_at.filter(|&at| at > now))
    }

    /// PW-19: what waits for volumes is cancelled; what the runtime is doing goes on.
    pub(in crate::kubelet) fn cancel(&mut self) {
        match &self.activity {
            Activity::Syncing(sync) if sync.is_cancellable() => self.activity = Activity::Idle,
            Activity::Waiting { work: Work::Sync, .. } => self.cancelled = true,
            _ => {}
        }
    }

    fn take(&mut self) -> Option<()> {
        self.active = Some(self.pending.take()?);
        self.started = true;
        self.cancelled = false;
        self.activity = Activity::Waiting { work: self.work(), grace: self.grace_seconds.unwrap_or(1) };
        Some(())
    }
}

impl PodWorkers {
    /// A worker takes a step. None if it may not.
    pub fn step(
        &mut self,
        uid: &Uid,
        step: WorkerStep,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<()> {
        let worker = self.workers.get_mut(uid)?;
        let end = match (step, &mut worker.activity) {
            (WorkerStep::Take, Activity::Idle) => return worker.take(),
            (WorkerStep::Begin, &mut Activity::Waiting { work, grace }) => {
                worker.need_not_wait(uid, &parts.cache, host.context.slips).then_some(())?;
                worker.begin(uid, work, grace, parts, host)
            }
            (WorkerStep::Mount, Activity::Syncing(sync)) => {
                let end = sync.on_mounted(parts, host)?;
                worker.mounted = true;
                end
            }
            (WorkerStep::FinishPostStart, Activity::Syncing(sync)) => sync.on_post_start(parts, host)?,
            (WorkerStep::Kill(id, step), Activity::Syncing(sync)) => {
                sync.on_kill_step(id, step, parts, host)?
            }
            (WorkerStep::Kill(id, step), Activity::Terminating(it)) => {
                it.on_kill_step(id, step, parts, host)?
            }
            (WorkerStep::Unmount, Activity::Unmounting(pod)) => {
                parts.status.terminate(pod, host.context.release);
                Some(End::Released)
            }
            _ => return None,
        };
        self.end(uid, end, parts, host);
        Some(())
    }

    /// The runtime answered a call of a worker.
    pub fn on_answer(
        &mut self,
        uid: &Uid,
        call: CallId,
        outcome: &Outcome,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let is_to_stop = worker.terminating_at.is_some();
        let end = match &mut worker.activity {
            // CPA-15: of a pod whose termination was asked for meanwhile, however that was.
            Activity::Syncing(sync) if is_to_stop && outcome.is_err() && sync.makes_sandbox(call) => {
                Some(End::Synced)
            }
            Activity::Syncing(sync) => sync.on_answer(call, outcome, parts, host),
            Activity::Terminating(terminating) => terminating.on_answer(call, outcome, parts, host),
            Activity::Idle | Activity::Waiting { .. } | Activity::Unmounting(_) => None,
        };
        self.end(uid, end, parts, host);
    }

    fn end(&mut self, uid: &Uid, end: Option<End>, parts: &mut Parts, host: &mut Host<'_, '_>) {
        let (Some(end), Some(worker)) = (end, self.workers.get_mut(uid)) else { return };
        worker.activity = Activity::Idle;
        let now = host.now();
        // PW-16: without a status nothing was synced, and what is told next need not wait for a newer one.
        if end != End::Failed(SyncError::NoStatus) {
            worker.last_sync = Some(now);
        }
        let settings = &parts.settings;
        let wait = match end {
            End::Synced => settings.sync_frequency,
            End::BecameTerminal => {
                worker.terminating_at = worker.terminating_at.or(Some(now));
                if let Some(update) = worker.active.clone() {
                    worker.shorten(&update, host.context.release);
                }
                worker.requeue();
                std::time::Duration::ZERO
            }
            End::Stopped => {
                worker.terminated_at = Some(now);
                worker.requeue();
                std::time::Duration::ZERO
            }
            // What the runtime alone knows is nobody's business once it is stopped; from 1.27 on a worker of a configured pod, which was
            // rejected, goes with it (kubernetes/kubernetes#113145).
            End::RuntimeStopped if host.context.release.minor >= 27 => {
                self.workers.remove(uid);
                return;
            }
            End::RuntimeStopped => {
                worker.terminated_at = Some(now);
                worker.finished = true;
                worker.pending = None;
                worker.resync_at = None;
                return;
            }
            End::Released => {
                worker.finished = true;
                worker.pending = None;
                worker.resync_at = None;
                return;
            }
            End::Failed(SyncError::NetworkNotReady) => settings.network_back_off,
            End::Failed(SyncError::HeldBack(end)) => end.since(now).min(settings.sync_frequency),
            End::Failed(SyncError::Failed | SyncError::NoStatus) => settings.error_back_off,
            End::Cancelled => return,
        };
        // PW-17.
        worker.resync_at = Some(now + wait);
    }
}

impl PodWorker {
    /// Begins with what it took. Tells how that ended, if it did so at once.
    fn begin(
        &mut self,
        uid: &Uid,
        work: Work,
        grace: i64,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<End> {
        let update = self.active.clone()?;
        let pod = match &update.subject {
            Subject::Running(uid, running) => {
                self.started_terminating = true;
                let terminating = Terminating::begin_running(uid, running, grace, host);
                return self.terminate(terminating, parts, host);
            }
            Subject::Configured(pod) => pod,
        };
        let Ok(status) = parts.cache.get(uid) else { return Some(End::Failed(SyncError::NoStatus)) };
        match work {
            Work::Sync => {
                let (sync, end) = SyncPod::begin(pod.clone(), status, self.mounted, parts, host);
                // PW-19: where a sync that was cancelled waits, it ends; what does not wait goes on.
                if end.is_none() && self.cancelled && sync.is_cancellable() {
                    return Some(End::Cancelled);
                }
                self.activity = Activity::Syncing(Box::new(sync));
                end
            }
            Work::Terminating => {
                self.started_terminating = true;
                let terminating = Terminating::begin(pod, status, grace, self.eviction.as_ref(), parts, host);
                self.terminate(terminating, parts, host)
            }
            Work::Terminated => {
                let status = parts.generate(pod, &status, true, host);
                parts.status.set(pod, status);
                self.activity = Activity::Unmounting(pod.clone());
                None
            }
        }
    }

    fn terminate(
        &mut self,
        mut terminating: Terminating,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<End> {
        let end = terminating.advance(parts, host);
        self.activity = Activity::Terminating(Box::new(terminating));
        end
    }
}
