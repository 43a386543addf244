//! Killing one container: its preStop hook, then its turn, then SIGTERM and, when its grace period is over, SIGKILL (S28
//! `kuberuntime_container.go` `killContainer`, `executePreStopHook`; M33 for the turn).

use std::time::Duration;

use super::Grace;
use crate::api::Uid;
use crate::clock::Moment;
use crate::container_runtime::{CallId, ContainerId, ContainerStatus, Outcome, Request, RuntimeError};
use crate::kubelet::host::{Host, Waiter};
use crate::kubelet::pod::{Hook, KnownPod, Role};
use crate::slip::Slip;

/// The least grace period that a stop gets (KIL-5, K-17).
const MINIMUM_GRACE_SECONDS: i64 = 2;

/// What a container that is being killed may do without an answer of its runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KillStep {
    /// Its preStop hook begins: each container has a thread of its own (KIL-1).
    BeginPreStop,
    /// Its preStop hook ends.
    FinishPreStop,
    /// Its grace period is over while its hook runs, or while it waits for its turn.
    ExpireGrace,
}

/// How far the preStop hook is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookState {
    /// There is none, or it did not begin.
    None,
    /// It runs.
    Running,
    /// It ended, or the grace period did.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    /// The hook runs: a command in the container, or something that takes the kubelet this long, or any time.
    PreStop {
        since: Moment,
        call: Option<CallId>,
        ends: Option<Moment>,
    },
    /// It waits for its turn.
    Turn {
        since: Moment,
    },
    Stopping(CallId),
    Done(Option<RuntimeError>),
}

/// One container that is being killed.
#[derive(Clone, Debug)]
pub struct KillContainer {
    id: ContainerId,
    role: Role,
    place: usize,
    /// The place of the next sidecar in the spec, whether that runs or not.
    next_sidecar: Option<usize>,
    pre_stop: Option<Hook>,
    /// Seconds that are left of its grace period.
    grace: i64,
    full_grace: i64,
    stage: Stage,
    hook: HookState,
    expired: bool,
    waits_for_hook: bool,
}

impl KillContainer {
    /// KIL-2: the grace period is that of the deletion, or else the pod's own, unless the kill says otherwise.
    pub fn new(running: &ContainerStatus, pod: Option<&KnownPod>, grace: Grace) -> Self {
        let found = pod.and_then(|pod| pod.spec.find(&running.name));
        let next_sidecar = pod.zip(found).and_then(|(pod, (place, _))| {
            let later = pod.spec.init().iter().enumerate().skip(place + 1);
            later.filter(|(_, it)| it.role == Role::Sidecar).map(|(place, _)| place).next()
        });
        let own = pod.map_or(1, |pod| {
            let deletion = pod.object.metadata.deletion_grace_period_seconds.filter(|_| pod.is_deleting());
            deletion.unwrap_or(pod.spec.grace_seconds)
        });
        let grace = match grace {
            Grace::Own => own,
            Grace::Seconds(seconds) => seconds,
        };
        Self {
            id: running.id,
            role: found.map_or(Role::App, |(_, container)| container.role),
            place: found.map_or(0, |(place, _)| place),
            next_sidecar,
            pre_stop: found.and_then(|(_, container)| container.pre_stop.clone()),
            grace,
            full_grace: grace,
            stage: Stage::New,
            hook: HookState::None,
            expired: false,
            waits_for_hook: false,
        }
    }

    /// The container.
    pub const fn id(&self) -> ContainerId {
        self.id
    }

    /// What it is for.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Its place in the spec.
    pub const fn place(&self) -> usize {
        self.place
    }

    /// The place of the next sidecar in the spec, whether that runs or not.
    pub const fn next_sidecar(&self) -> Option<usize> {
        self.next_sidecar
    }

    /// How far its preStop hook is.
    pub const fn hook(&self) -> HookState {
        self.hook
    }

    /// Its grace period was over before its stop began.
    pub const fn grace_expired(&self) -> bool {
        self.expired
    }

    /// Its stop is over, one way or the other.
    pub const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done(_))
    }

    /// It was stopped. One whose stop failed lets the others wait until their grace is over.
    pub const fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Done(None))
    }

    /// Why its stop failed.
    pub const fn error(&self) -> Option<RuntimeError> {
        match self.stage {
            Stage::Done(error) => error,
            _ => None,
        }
    }

    /// It waits for its turn.
    pub const fn awaits_turn(&self) -> bool {
        matches!(self.stage, Stage::Turn { .. })
    }

    /// Nothing is left of its grace period: it does not wait for its turn (KIL-10).
    pub const fn is_out_of_grace(&self) -> bool {
        self.grace <= 0
    }

    /// KIL-3: the hook runs first, if there is one and any grace; else it waits for its turn at once.
    pub fn begin(&mut self, host: &Host<'_, '_>) {
        if self.pre_stop.is_none() || self.grace <= 0 {
            self.stage = Stage::Turn { since: host.now() };
        }
    }

    /// The hook begins. It is not ordered: sidecars' run with all others (KIL-9).
    fn begin_pre_stop(&mut self, uid: &Uid, host: &mut Host<'_, '_>) {
        let since = host.now();
        let Some(hook) = self.pre_stop.clone() else { return };
        let (call, ends) = match hook {
            Hook::Exec(command) => {
                let waiter = Waiter::Worker(uid.clone());
                (Some(host.call(waiter, Request::Exec { container: self.id, command })), None)
            }
            Hook::Sleep(seconds) => (None, Some(since + Duration::from_secs(seconds.into()))),
            Hook::HttpGet => (None, Some(since)),
            Hook::Unknown => {
                self.hook = HookState::Done;
                self.stage = Stage::Turn { since };
                return;
            }
        };
        self.waits_for_hook = host.context.has(Slip::PreStopIsWaitedFor);
        self.hook = HookState::Running;
        self.stage = Stage::PreStop { since, call, ends };
    }

    /// Its turn has come: SIGTERM, with what is left of the grace period, at least 2 s (KIL-5, KIL-6).
    pub fn stop(&mut self, uid: &Uid, host: &mut Host<'_, '_>) {
        if let Stage::Turn { since } = self.stage {
            self.spend(since, host.now());
        }
        let left = if host.context.has(Slip::FullGraceAfterPreStop) { self.full_grace } else { self.grace };
        let timeout_seconds = u32::try_from(left.max(MINIMUM_GRACE_SECONDS)).unwrap_or(u32::MAX);
        let waiter = Waiter::Worker(uid.clone());
        let call = host.call(waiter, Request::StopContainer { container: self.id, timeout_seconds });
        self.stage = Stage::Stopping(call);
    }

    /// A call was answered; it need not be one of this container's.
    pub fn on_answer(&mut self, answered: CallId, outcome: &Outcome, uid: &Uid, host: &mut Host<'_, '_>) {
        match self.stage {
            // KIL-4: a hook that fails goes straight on as well.
            Stage::PreStop { call: Some(call), .. } if call == answered => {
                self.step(KillStep::FinishPreStop, uid, host);
            }
            Stage::Stopping(call) if call == answered => {
                let failed = outcome.as_ref().err().copied().filter(|&error| error != RuntimeError::NotFound);
                self.stage = Stage::Done(failed);
            }
            _ => {}
        }
    }

    /// The steps that may be taken by this moment.
    pub fn pending(&self, now: Moment) -> [Option<KillStep>; 2] {
        let expires = self.expires_at().filter(|&moment| moment <= now).map(|_| KillStep::ExpireGrace);
        let next = match self.stage {
            Stage::New => Some(KillStep::BeginPreStop),
            Stage::PreStop { ends: Some(ends), .. } if ends <= now => Some(KillStep::FinishPreStop),
            _ => None,
        };
        [next, expires]
    }

    /// When the next step is due that is not yet.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        let ends = match self.stage {
            Stage::PreStop { ends, .. } => ends,
            _ => None,
        };
        [ends, self.expires_at()].into_iter().flatten().filter(|&moment| moment > now).min()
    }

    fn expires_at(&self) -> Option<Moment> {
        match self.stage {
            Stage::PreStop { .. } if self.waits_for_hook => None,
            Stage::PreStop { since, .. } | Stage::Turn { since } => {
                Some(since + Duration::from_secs(u64::try_from(self.grace).unwrap_or(0)))
            }
            _ => None,
        }
    }

    /// Takes one of these steps.
    pub fn step(&mut self, step: KillStep, uid: &Uid, host: &mut Host<'_, '_>) {
        let now = host.now();
        match (self.stage, step) {
            (Stage::New, KillStep::BeginPreStop) => self.begin_pre_stop(uid, host),
            (Stage::PreStop { since, .. }, KillStep::FinishPreStop) => {
                self.hook = HookState::Done;
                self.spend(since, now);
                self.stage = Stage::Turn { since: now };
            }
            (Stage::PreStop { .. }, KillStep::ExpireGrace) => {
                // KIL-4: the hook is not cancelled, and nobody waits for it any longer.
                self.hook = HookState::Done;
                self.expired = true;
                self.grace = 0;
                self.stop(uid, host);
            }
            // KIL-10.
            (Stage::Turn { .. }, KillStep::ExpireGrace) => {
                self.expired = true;
                self.stop(uid, host);
            }
            _ => {}
        }
    }

    /// KIL-4: whole seconds of the grace period are used up.
    fn spend(&mut self, since: Moment, now: Moment) {
        let used = i64::try_from(now.since(since).as_secs()).unwrap_or(i64::MAX);
        self.grace = self.grace.saturating_sub(used).max(0);
    }
}
