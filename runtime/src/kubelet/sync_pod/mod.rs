//! Bringing a pod to what its spec says (SP-1 to SP-9; S28 `kubelet.go` `SyncPod`, `kuberuntime_manager.go` `SyncPod`): status,
//! network, volumes, probes; then kills, the sandbox, init containers, app containers. One call after the other.
//!
//! - this file: the order of it all
//! - [`start`]: the start of one container

pub mod start;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use self::start::{NotBegun, Start, Started};
use super::api_status::terminal_phase;
use super::host::{Host, Waiter};
use super::kill::container::KillStep;
use super::kill::{Grace, KillPod, Killed};
use super::parts::Parts;
use super::pod::{KnownPod, Role};
use super::pod_actions::{KillReason, PodActions, Situation, compute};
use super::pod_cache::PodStatus;
use super::pod_worker::activity::{End, SyncError};
use super::pod_worker::step::WorkerStep;
use crate::api::constants::is_terminal;
use crate::clock::Moment;
use crate::container_runtime::call::SandboxConfig;
use crate::container_runtime::{Answer, CallId, ContainerId, Outcome, ProbeKind, Request, SandboxId};
use crate::slip::Slip;

/// A sync that is going on.
#[derive(Clone, Debug)]
pub struct SyncPod {
    pod: KnownPod,
    status: Arc<PodStatus>,
    actions: PodActions,
    sandbox: Option<SandboxId>,
    /// Containers that are still to be killed, then removals of old init containers, then places that are still to start.
    to_kill: VecDeque<(ContainerId, usize, KillReason)>,
    to_remove: VecDeque<ContainerId>,
    to_start: VecDeque<usize>,
    stage: Stage,
    /// Something failed that does not keep the rest from going on.
    failed: bool,
    /// The earliest end of a crash-loop back-off that held a container up.
    held_until: Option<Moment>,
}

#[derive(Clone, Debug)]
enum Stage {
    /// It waits for volumes (SP-7).
    Mounting,
    /// Everything is killed.
    KillingPod(KillPod),
    /// One container is killed.
    KillingOne(KillPod),
    /// An init container of an old sandbox is removed (CPA-4).
    Removing(CallId),
    /// The sandbox is made (CPA-13).
    Sandbox(CallId),
    /// Its address is read.
    Address(CallId),
    /// A container is started.
    Starting(Box<Start>),
    /// Nothing is going on.
    Over,
}

impl SyncPod {
    /// Begins. Tells how it ended, if it did so at once.
    pub fn begin(
        pod: KnownPod,
        status: Arc<PodStatus>,
        mounted: bool,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> (Self, Option<End>) {
        let api = parts.generate(&pod, &status, false, host);
        // SP-1, SP-3.
        let ended = api.phase.as_deref().and_then(terminal_phase).is_some()
            && !(host.context.has(Slip::TerminalPodsRunAgain) && is_terminal(&pod.object));
        parts.status.set(&pod, api);
        let mut sync = Self {
            actions: PodActions::default(),
            sandbox: status.sandboxes.first().map(|sandbox| sandbox.id),
            to_kill: VecDeque::new(),
            to_remove: VecDeque::new(),
            to_start: VecDeque::new(),
            stage: Stage::Mounting,
            failed: false,
            held_until: None,
            pod,
            status,
        };
        let end = if ended {
            Some(End::BecameTerminal)
        } else if !parts.network_ready && !sync.pod.spec.host_network {
            // SP-4.
            Some(End::Failed(SyncError::NetworkNotReady))
        } else if mounted {
            sync.act(parts, host)
        } else {
            None
        };
        (sync, end)
    }

    /// Nothing has been done yet that could not be left.
    pub const fn is_cancellable(&self) -> bool {
        matches!(self.stage, Stage::Mounting)
    }

    /// It stops everything, and makes no new sandbox (CPA-2, CPA-11).
    pub const fn stops_for_good(&self) -> bool {
        matches!(self.stage, Stage::KillingPod(_)) && self.actions.create_sandbox.is_none()
    }

    /// The steps that it may take by now without an answer.
    pub fn pending(&self, now: Moment, steps: &mut Vec<WorkerStep>) {
        match &self.stage {
            Stage::Mounting => steps.push(WorkerStep::Mount),
            Stage::KillingPod(kill) | Stage::KillingOne(kill) => {
                steps.extend(kill.pending(now).map(|(id, step)| WorkerStep::Kill(id, step)));
            }
            Stage::Starting(start) => start.pending(now, steps),
            Stage::Removing(_) | Stage::Sandbox(_) | Stage::Address(_) | Stage::Over => {}
        }
    }

    /// When it may take the next step that it may not take yet.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        match &self.stage {
            Stage::KillingPod(kill) | Stage::KillingOne(kill) => kill.next_deadline(now),
            Stage::Starting(start) => start.next_deadline(now),
            _ => None,
        }
    }

    /// The kill that is going on.
    pub const fn kill(&self) -> Option<&KillPod> {
        match &self.stage {
            Stage::KillingPod(kill) | Stage::KillingOne(kill) => Some(kill),
            Stage::Starting(start) => start.kill(),
            _ => None,
        }
    }

    /// The volumes are mounted. None if it does not wait for that.
    pub fn on_mounted(&mut self, parts: &mut Parts, host: &mut Host<'_, '_>) -> Option<Option<End>> {
        matches!(self.stage, Stage::Mounting).then_some(())?;
        Some(self.act(parts, host))
    }

    /// SP-8, SP-9: what is to be done is computed, and begins.
    fn act(&mut self, parts: &mut Parts, host: &mut Host<'_, '_>) -> Option<End> {
        parts.probes.add_pod(&self.pod, host.now());
        let situation = Situation {
            pod: &self.pod,
            status: &self.status,
            results: parts.probes.results(),
            release: host.context.release,
            slips: host.context.slips,
        };
        self.actions = compute(&situation);
        self.to_start = self.actions.init_to_start.iter().chain(&self.actions.to_start).copied().collect();
        if self.actions.kill_pod {
            let mut kill = KillPod::begin(&self.pod.uid, Some(&self.pod), &self.status, Grace::Own, host);
            let killed = kill.advance(host);
            self.stage = Stage::KillingPod(kill);
            return killed.and_then(|killed| self.on_killed(killed, parts, host));
        }
        self.to_kill = self.actions.to_kill.iter().copied().collect();
        self.go_on(parts, host)
    }

    fn on_killed(&mut self, killed: Killed, parts: &mut Parts, host: &mut Host<'_, '_>) -> Option<End> {
        if killed.is_err() {
            return Some(End::Failed(SyncError::Failed));
        }
        if matches!(self.stage, Stage::KillingPod(_)) {
            if self.actions.create_sandbox.is_none() {
                return Some(self.over(parts, host));
            }
            // CPA-4.
            let init = self.pod.spec.init();
            let of_init = |name: &str| init.iter().any(|container| *container.name == *name);
            let old = self.status.containers.iter().filter(|container| of_init(&container.name));
            self.to_remove = old.map(|container| container.id).collect();
        }
        self.go_on(parts, host)
    }

    /// The next thing that is to be done.
    fn go_on(&mut self, parts: &mut Parts, host: &mut Host<'_, '_>) -> Option<End> {
        let waiter = Waiter::Worker(self.pod.uid.clone());
        while let Some((id, place, reason)) = self.to_kill.pop_front() {
            let Some(running) = self.status.containers.iter().find(|container| container.id == id) else {
                continue;
            };
            let mut kill = KillPod::one(&self.pod, running, grace_of(&self.pod, place, reason), host);
            let killed = kill.advance(host);
            self.stage = Stage::KillingOne(kill);
            match killed {
                None => return None,
                Some(Err(_)) => return Some(End::Failed(SyncError::Failed)),
                Some(Ok(())) => {}
            }
        }
        if let Some(id) = self.to_remove.pop_front() {
            self.stage = Stage::Removing(host.call(waiter, Request::RemoveContainer(id)));
            return None;
        }
        if let Some(attempt) = self.actions.create_sandbox.take() {
            let config = SandboxConfig {
                uid: self.pod.uid.clone(),
                name: self.pod.key.name().into(),
                namespace: self.pod.key.namespace().into(),
                attempt,
                host_network: self.pod.spec.host_network,
            };
            self.stage = Stage::Sandbox(host.call(waiter, Request::RunSandbox(config)));
            return None;
        }
        while let Some(place) = self.to_start.pop_front() {
            let (Some(sandbox), Some(container)) = (self.sandbox, self.pod.spec.containers.get(place)) else {
                return Some(End::Failed(SyncError::Failed));
            };
            match Start::begin(&self.pod, container, sandbox, &self.status, parts, host) {
                Ok(start) => {
                    self.stage = Stage::Starting(Box::new(start));
                    return None;
                }
                Err(NotBegun { held_until }) => {
                    self.held_until = self.held_until.into_iter().chain(held_until).min();
                    self.on_start_failed(container.role);
                }
            }
        }
        Some(self.over(parts, host))
    }

    /// CPA-7, CPA-14: an init container that cannot be started holds all after it up; any other does not.
    fn on_start_failed(&mut self, role: Role) {
        self.failed = true;
        if role == Role::Init {
            self.to_start.clear();
        }
    }

    /// PLEG-13, from 1.36 on: what the kubelet did itself need not wait for the next relist.
    fn over(&mut self, parts: &mut Parts, host: &Host<'_, '_>) -> End {
        let acted = self.actions != PodActions::default();
        self.stage = Stage::Over;
        if self.failed {
            // From 1.35 on.
            let retries_then = host.context.release.retries_when_a_back_off_ends();
            let held_until = self.held_until.filter(|_| retries_then);
            return End::Failed(held_until.map_or(SyncError::Failed, SyncError::HeldBack));
        }
        if acted && host.context.release.minor >= 36 {
            parts.pleg.request_relist(host.now());
        }
        End::Synced
    }

    /// Is this the call that makes the sandbox?
    pub fn makes_sandbox(&self, call: CallId) -> bool {
        matches!(self.stage, Stage::Sandbox(expected) if expected == call)
    }

    /// A call was answered.
    pub fn on_answer(
        &mut self,
        call: CallId,
        outcome: &Outcome,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<End> {
        match &mut self.stage {
            Stage::KillingPod(kill) | Stage::KillingOne(kill) => {
                let killed = kill.on_answer(call, outcome, host)?;
                self.on_killed(killed, parts, host)
            }
            // CPA-4: a removal that fails is logged, and the sync goes on (S28 `purgeInitContainers`).
            Stage::Removing(expected) if *expected == call => self.go_on(parts, host),
            Stage::Sandbox(expected) if *expected == call => match outcome {
                Ok(Answer::NewSandbox(id)) => {
                    self.sandbox = Some(*id);
                    let waiter = Waiter::Worker(self.pod.uid.clone());
                    self.stage = Stage::Address(host.call(waiter, Request::SandboxStatus(*id)));
                    None
                }
                _ => Some(End::Failed(SyncError::Failed)),
            },
            Stage::Address(expected) if *expected == call => match outcome {
                Ok(_) => self.go_on(parts, host),
                Err(_) => Some(End::Failed(SyncError::Failed)),
            },
            Stage::Starting(start) => {
                let started = start.on_answer(call, outcome, &self.pod, parts, host)?;
                self.on_started(started, parts, host)
            }
            _ => None,
        }
    }

    fn on_started(&mut self, started: Started, parts: &mut Parts, host: &mut Host<'_, '_>) -> Option<End> {
        if let (Started::Failed, Stage::Starting(start)) = (started, &self.stage) {
            let role = start.role();
            self.on_start_failed(role);
        }
        self.go_on(parts, host)
    }

    /// A postStart hook that is no command has ended. None if there is none.
    pub fn on_post_start(&mut self, parts: &mut Parts, host: &mut Host<'_, '_>) -> Option<Option<End>> {
        let Stage::Starting(start) = &mut self.stage else { return None };
        start.finish_hook(host.now()).then_some(())?;
        Some(self.on_started(Started::Running, parts, host))
    }

    /// A container that is being killed gets further. None if it may not.
    pub fn on_kill_step(
        &mut self,
        id: ContainerId,
        step: KillStep,
        parts: &mut Parts,
        host: &mut Host<'_, '_>,
    ) -> Option<Option<End>> {
        match &mut self.stage {
            Stage::KillingPod(kill) | Stage::KillingOne(kill) => {
                let killed = kill.step(id, step, host)?;
                Some(killed.and_then(|killed| self.on_killed(killed, parts, host)))
            }
            Stage::Starting(start) => {
                let started = start.on_kill_step(id, step, host)?;
                Some(started.and_then(|started| self.on_started(started, parts, host)))
            }
            _ => None,
        }
    }
}

/// KIL-2: a probe may have a grace period of its own.
fn grace_of(pod: &KnownPod, place: usize, reason: KillReason) -> Grace {
    let kind = match reason {
        KillReason::LivenessProbe => ProbeKind::Liveness,
        KillReason::StartupProbe => ProbeKind::Startup,
        KillReason::SpecChanged | KillReason::Unknown => return Grace::Own,
    };
    let probe = pod.spec.containers.get(place).and_then(|container| container.probe(kind));
    let own = probe.and_then(|probe| probe.grace_seconds).filter(|_| !pod.is_deleting());
    own.map_or(Grace::Own, Grace::Seconds)
}
