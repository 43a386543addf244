//! One probe worker (PRB-2 to PRB-7; S28 `prober/worker.go` `doProbe`). It looks at the status that the status manager has, not
//! at the runtime. It counts for the probe, not for the container: a container that ends by itself leaves its count to the next, in
//! every release up to 1.36 (kubernetes/kubernetes#46371 resets it after a probe that has failed, and nowhere else).

use std::time::Duration;

use k8s_openapi::api::core::v1::{
    ContainerStateRunning, ContainerStatus as ApiContainer, PodStatus as ApiStatus,
};
use podproof_vocabulary::Release;

use super::ProbeKey;
use super::results::{ProbeResult, ProbeResults};
use crate::clock::Moment;
use crate::container_runtime::{ContainerId, ProbeKind};
use crate::kubelet::api_status::containers::{parse_id, terminated};
use crate::kubelet::api_status::terminal_phase;
use crate::kubelet::pod::{KnownPod, ProbeSpec, RestartPolicy, Role};
use crate::slip::{Slip, Slips};

/// What a worker knows of its pod.
pub struct Situation<'a> {
    /// The pod; none if it is not configured any more.
    pub pod: Option<&'a KnownPod>,
    /// Its newest status, if there is one.
    pub status: Option<&'a ApiStatus>,
    /// What time it is.
    pub now: Moment,
    /// The Kubernetes release.
    pub release: Release,
    /// Which wrong mechanisms are on.
    pub slips: Slips,
}

/// Whether a worker goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// It waits for its next round, or for the answer of the probe that it sent.
    GoesOn,
    /// There is nothing left to probe.
    Over,
}

impl Round {
    /// There is nothing left to probe.
    pub fn is_over(self) -> bool {
        self == Self::Over
    }
}

/// A probe worker.
#[derive(Clone, Debug)]
pub struct Worker {
    spec: ProbeSpec,
    /// When its next round is due; none while a probe is on its way.
    next: Option<Moment>,
    /// When its ticker goes next, however long a probe takes.
    tick: Moment,
    /// A round out of turn was asked for.
    is_triggered: bool,
    container: Option<ContainerId>,
    /// It waits for a new container (PRB-7).
    on_hold: bool,
    last: Option<ProbeResult>,
    /// How often the last result came in a row.
    run: u32,
}

impl Worker {
    /// A worker whose first round is due at once.
    pub fn new(spec: ProbeSpec, now: Moment) -> Self {
        Self {
            spec,
            next: Some(now),
            tick: now + Duration::from_secs(spec.period_seconds.into()),
            is_triggered: false,
            container: None,
            on_hold: false,
            last: None,
            run: 0,
        }
    }

    /// The container instance that it probes.
    pub const fn container(&self) -> Option<ContainerId> {
        self.container
    }

    /// When its next round is due.
    pub const fn next(&self) -> Option<Moment> {
        self.next
    }

    /// Is its next round due by now?
    pub fn is_due(&self, now: Moment) -> bool {
        self.next.is_some_and(|next| next <= now)
    }

    /// Is a probe on its way?
    pub const fn is_probing(&self) -> bool {
        self.next.is_none()
    }

    /// Its next round is due at once, or as soon as the probe that is on its way is answered.
    pub const fn trigger(&mut self) {
        self.is_triggered = true;
        if self.next.is_some() {
            self.next = Some(Moment(0));
        }
    }

    /// A round begins by the ticker, which drops what nobody took, or out of turn (S28 `run`).
    fn take_turn(&mut self, situation: &Situation<'_>) {
        let (now, period) = (situation.now, Duration::from_secs(self.spec.period_seconds.into()));
        if std::mem::take(&mut self.is_triggered) {
            if situation.release.shifts_probes_after_a_trigger() {
                self.tick = now + period;
            }
        } else {
            while self.tick <= now {
                self.tick = self.tick + period;
            }
        }
        self.next = Some(self.tick);
    }

    /// A round: either nothing is to be probed, or a probe is sent.
    pub fn begin(
        &mut self,
        key: &ProbeKey,
        situation: &Situation<'_>,
        keeps_before: Option<Moment>,
        results: &mut ProbeResults,
    ) -> Round {
        self.take_turn(situation);
        let Some(status) = situation.status else { return Round::GoesOn };
        if status.phase.as_deref().and_then(terminal_phase).is_some() {
            return Round::Over;
        }
        let Some(container) = find(status, &key.container) else { return Round::GoesOn };
        let Some(id) = container.container_id.as_deref().and_then(parse_id) else { return Round::GoesOn };
        let running = container.state.as_ref().and_then(|state| state.running.as_ref());
        if self.container != Some(id) {
            let is_kept = running.is_some_and(|running| started_before(running, keeps_before));
            let first = if is_kept { kept(key, container, situation) } else { Some(initial(key.kind)) };
            self.adopt(id, key, first, situation, results);
        }
        if self.on_hold {
            return Round::GoesOn;
        }
        let Some(running) = running else {
            // PRB-6.
            results.set(&key.uid, key.kind, id, ProbeResult::Failure);
            // A sidecar starts again whatever the policy of its pod (kubernetes/kubernetes#133072; in patches of 1.33 and 1.34).
            let never = situation.pod.is_some_and(|pod| pod.spec.restart_policy == RestartPolicy::Never)
                && !is_sidecar(key, situation);
            let over = terminated(container.state.as_ref()).is_some() && never;
            return if over { Round::Over } else { Round::GoesOn };
        };
        let started_at = running.started_at.as_ref().map_or(situation.now, Moment::from_time);
        if situation.now.since(started_at) < Duration::from_secs(self.spec.initial_delay_seconds.into()) {
            return Round::GoesOn;
        }
        // PRB-3: the startup probe comes first, and ends when the container has started.
        let started = container.started == Some(true);
        if started == (key.kind == ProbeKind::Startup) {
            return Round::GoesOn;
        }
        self.next = None;
        Round::GoesOn
    }

    /// There is a new container instance.
    fn adopt(
        &mut self,
        id: ContainerId,
        key: &ProbeKey,
        initial: Option<ProbeResult>,
        situation: &Situation<'_>,
        results: &mut ProbeResults,
    ) {
        if let Some(old) = self.container {
            results.remove(key.kind, old);
        }
        self.container = Some(id);
        self.on_hold = false;
        let kept =
            |of: Option<ProbeResult>| of.filter(|_| situation.slips.has(Slip::ProbeResultOfOldContainer));
        if let Some(initial) = kept(self.last).or(initial) {
            results.set(&key.uid, key.kind, id, initial);
        }
        // PRB-4: what came in a row goes on with the new container; only a worker on hold has begun to count anew (PRB-7).
    }

    /// The answer of the probe that was sent: the result changes once it came as often as its threshold says (PRB-4).
    pub fn finish(
        &mut self,
        key: &ProbeKey,
        situation: &Situation<'_>,
        passes: impl FnOnce(ContainerId) -> bool,
        results: &mut ProbeResults,
    ) {
        self.next = Some(if self.is_triggered { situation.now } else { self.tick });
        let Some(id) = self.container else { return };
        let result = if passes(id) { ProbeResult::Success } else { ProbeResult::Failure };
        self.run = if self.last == Some(result) { self.run + 1 } else { 1 };
        self.last = Some(result);
        let threshold = match result {
            ProbeResult::Success => self.spec.success_threshold,
            ProbeResult::Failure | ProbeResult::Unknown => self.spec.failure_threshold,
        };
        if self.run < threshold {
            return;
        }
        results.set(&key.uid, key.kind, id, result);
        let failed = key.kind == ProbeKind::Liveness && result == ProbeResult::Failure;
        if failed || key.kind == ProbeKind::Startup {
            self.on_hold = true;
            if !situation.slips.has(Slip::ProbeCountSurvivesHold) {
                self.run = 0;
            }
        }
    }
}

/// What holds of a container that ran before its kubelet started: nothing until the first probe (PRB-12). But a sidecar that counts as
/// started has passed its startup probe: the apps of its pod, which wait for that result (CPA-8), could else never start again
/// (kubernetes/kubernetes#137146, in 1.36 and in a patch of 1.35).
fn kept(key: &ProbeKey, container: &ApiContainer, situation: &Situation<'_>) -> Option<ProbeResult> {
    (key.kind == ProbeKind::Startup && is_sidecar(key, situation) && container.started == Some(true))
        .then_some(ProbeResult::Success)
}

fn is_sidecar(key: &ProbeKey, situation: &Situation<'_>) -> bool {
    let spec = situation.pod.and_then(|pod| pod.spec.find(&key.container));
    spec.is_some_and(|(_, spec)| spec.role == Role::Sidecar)
}

/// PRB-2.
const fn initial(kind: ProbeKind) -> ProbeResult {
    match kind {
        ProbeKind::Startup => ProbeResult::Unknown,
        ProbeKind::Liveness => ProbeResult::Success,
        ProbeKind::Readiness => ProbeResult::Failure,
    }
}

/// Did it start before then? Never, if there is no such moment.
pub(super) fn started_before(running: &ContainerStateRunning, moment: Option<Moment>) -> bool {
    let started_at = running.started_at.as_ref().map(Moment::from_time);
    started_at.is_some_and(|started_at| moment.is_some_and(|moment| started_at < moment))
}

/// The status of a container.
fn find<'a>(status: &'a ApiStatus, name: &str) -> Option<&'a ApiContainer> {
    let all =
        status.container_statuses.iter().flatten().chain(status.init_container_statuses.iter().flatten());
    all.into_iter().find(|status| status.name == name)
}
