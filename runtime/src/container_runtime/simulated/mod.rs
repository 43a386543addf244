//! A container runtime that is simulated and deterministic: sandboxes with addresses, processes that listen, get signals
//! and exit, and calls that take effect and are answered when whoever drives the cluster says so.
//!
//! - [`behaviour`]: what a process does by itself and on SIGTERM
//! - [`process`]: a container's process: signals, and what it may do next
//! - [`network`]: the network plugin's addresses
//! - `perform`: what each call does when it takes effect
//! - [`fault`]: what can go wrong
//! - [`actor`]: the runtime as a process of the cluster

pub mod actor;
pub mod behaviour;
pub mod fault;
pub mod network;
mod perform;
pub mod process;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use self::behaviour::Behaviour;
use self::fault::Faults;
use self::network::Network;
use self::process::Process;
use super::call::{Answer, CallId, Outcome, Request, RuntimeError, SandboxConfig};
use super::status::{ContainerState, ContainerStatus, SandboxState, SandboxStatus};
use super::{ContainerId, ContainerRuntime, ProbeKind, Prober, SandboxId};
use crate::api::Uid;
use crate::clock::Moment;
use crate::operation::Refused;
use crate::slip::Slips;

/// What a runtime, its network plugin or one of its processes does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuntimeStep {
    /// A call takes effect; a stop sends SIGTERM.
    Perform(CallId),
    /// A command inside a container ends.
    FinishExec(CallId),
    /// The time-out of a stop is over: SIGKILL.
    Kill(CallId),
    /// A process begins to accept connections.
    Listen(ContainerId),
    /// A process exits by itself: it is done, or it got SIGTERM.
    Exit(ContainerId),
    /// A fault: a call fails and has no effect.
    Fail(CallId),
    /// A fault: a call that its caller gave up never takes effect.
    Lose(CallId),
}

impl RuntimeStep {
    /// Is it something that goes wrong, rather than something that is owed?
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Fail(_) | Self::Lose(_))
    }
}

/// A sandbox, as the runtime has it.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// What it was made from.
    pub config: SandboxConfig,
    /// Its state.
    pub state: SandboxState,
    /// The address that it holds, until it is stopped.
    pub address: Option<Ipv4Addr>,
    /// It was stopped, not only found dead.
    pub stopped: bool,
}

/// A container, as the runtime has it.
#[derive(Clone, Debug)]
pub struct Container {
    /// What the runtime says of it.
    pub status: ContainerStatus,
    /// Its pod's UID.
    pub uid: Uid,
    /// Its process, while it runs.
    pub process: Option<Process>,
    /// When it first got SIGTERM.
    pub sigterm_at: Option<Moment>,
}

/// How far a call has come.
#[derive(Clone, Debug)]
enum Stage {
    /// It was sent.
    Sent,
    /// SIGTERM was sent, and SIGKILL follows at this moment (KIL-6).
    Stopping(Moment),
    /// A command runs, until this moment if it is a plain sleep, else for any time.
    Running(Option<Moment>),
    /// It took effect.
    Answered(Outcome),
}

#[derive(Clone, Debug)]
struct Call {
    request: Request,
    stage: Stage,
    abandoned: bool,
}

/// A simulated container runtime.
#[derive(Clone, Debug)]
pub struct Simulated {
    behaviours: BTreeMap<Arc<str>, Behaviour>,
    network: Network,
    faults: Faults,
    sandboxes: BTreeMap<SandboxId, Sandbox>,
    containers: BTreeMap<ContainerId, Container>,
    calls: BTreeMap<CallId, Call>,
    last_sandbox: u32,
    last_container: u32,
    last_call: u32,
    slips: Slips,
}

impl Simulated {
    /// A runtime without sandboxes, whose processes behave as their containers' names say.
    pub fn new(network: Network, behaviours: impl IntoIterator<Item = (Arc<str>, Behaviour)>) -> Self {
        Self {
            behaviours: behaviours.into_iter().collect(),
            network,
            faults: Faults::default(),
            sandboxes: BTreeMap::new(),
            containers: BTreeMap::new(),
            calls: BTreeMap::new(),
            last_sandbox: 0,
            last_container: 0,
            last_call: 0,
            slips: Slips::NONE,
        }
    }

    /// Which wrong mechanisms are on.
    pub const fn set_slips(&mut self, slips: Slips) {
        self.slips = slips;
    }

    /// Its sandboxes.
    pub fn sandboxes(&self) -> impl Iterator<Item = (SandboxId, &Sandbox)> {
        self.sandboxes.iter().map(|(&id, sandbox)| (id, sandbox))
    }

    /// Its containers.
    pub fn containers(&self) -> impl Iterator<Item = (ContainerId, &Container)> {
        self.containers.iter().map(|(&id, container)| (id, container))
    }

    /// Its network plugin, for the environment to act on it.
    pub const fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// A call in flight.
    pub fn request(&self, call: CallId) -> Option<&Request> {
        self.calls.get(&call).map(|call| &call.request)
    }

    /// Does somebody accept connections at this address?
    pub fn accepts(&self, address: Ipv4Addr) -> bool {
        self.containers.values().any(|container| {
            container.process.as_ref().is_some_and(|process| process.accepting)
                && self.sandboxes.get(&container.status.sandbox).and_then(|sandbox| sandbox.address)
                    == Some(address)
        })
    }

    /// What may happen next, by this moment. What waits for a later moment is in [`Self::next_deadline`].
    pub fn pending(&self, now: Moment, steps: &mut Vec<RuntimeStep>) {
        for (&id, call) in &self.calls {
            match &call.stage {
                Stage::Sent if self.answers(&call.request) => steps.push(RuntimeStep::Perform(id)),
                Stage::Stopping(deadline) if *deadline <= now && !self.faults.hung => {
                    steps.push(RuntimeStep::Kill(id));
                }
                Stage::Running(end) if end.is_none_or(|end| end <= now) && !self.faults.hung => {
                    steps.push(RuntimeStep::FinishExec(id));
                }
                _ => {}
            }
        }
        for (&id, container) in &self.containers {
            let Some(process) = &container.process else { continue };
            if process.may_listen(now) {
                steps.push(RuntimeStep::Listen(id));
            }
            if process.may_exit(now) {
                steps.push(RuntimeStep::Exit(id));
            }
        }
    }

    /// What may go wrong with calls: they fail, or are lost if nobody waits for them.
    pub fn call_faults(&self, steps: &mut Vec<RuntimeStep>) {
        for (&id, call) in self.calls.iter().filter(|(_, call)| matches!(call.stage, Stage::Sent)) {
            if self.answers(&call.request) {
                steps.push(RuntimeStep::Fail(id));
            }
            if call.abandoned {
                steps.push(RuntimeStep::Lose(id));
            }
        }
    }

    /// The next moment after `now` at which more may happen.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        let calls = self.calls.values().filter_map(|call| match call.stage {
            Stage::Stopping(deadline) => Some(deadline),
            Stage::Running(end) => end,
            _ => None,
        });
        let processes = self.containers.values().filter_map(|container| container.process.as_ref());
        let processes = processes.flat_map(|process| [process.listens_at(), process.exits_at()]).flatten();
        calls.chain(processes).filter(|&deadline| deadline > now).min()
    }

    /// Takes a step.
    ///
    /// # Errors
    /// If it is not pending.
    pub fn complete(&mut self, step: RuntimeStep, now: Moment) -> Result<(), Refused> {
        match step {
            RuntimeStep::Perform(id) => {
                let call = self.calls.get(&id).ok_or(Refused)?;
                if !matches!(call.stage, Stage::Sent) || !self.answers(&call.request) {
                    return Err(Refused);
                }
                let request = call.request.clone();
                let stage = self.perform(request, now);
                self.advance(id, stage);
            }
            RuntimeStep::Fail(id) => {
                let call = self.calls.get(&id).ok_or(Refused)?;
                if !matches!(call.stage, Stage::Sent) || !self.answers(&call.request) {
                    return Err(Refused);
                }
                self.advance(id, Stage::Answered(Err(RuntimeError::Unavailable)));
            }
            RuntimeStep::Lose(id) => {
                let call = self.calls.get(&id).ok_or(Refused)?;
                if !matches!(call.stage, Stage::Sent) || !call.abandoned {
                    return Err(Refused);
                }
                self.calls.remove(&id);
            }
            RuntimeStep::Kill(id) => {
                let call = self.calls.get(&id).ok_or(Refused)?;
                let Stage::Stopping(deadline) = call.stage else { return Err(Refused) };
                let Request::StopContainer { container, .. } = call.request else { return Err(Refused) };
                if deadline > now || self.faults.hung {
                    return Err(Refused);
                }
                self.kill(container, now);
            }
            RuntimeStep::FinishExec(id) => {
                let call = self.calls.get(&id).ok_or(Refused)?;
                let Stage::Running(end) = call.stage else { return Err(Refused) };
                if end.is_some_and(|end| end > now) || self.faults.hung {
                    return Err(Refused);
                }
                self.advance(id, Stage::Answered(Ok(Answer::Exited(0))));
            }
            RuntimeStep::Listen(id) => {
                let process = self.process(id).filter(|process| process.may_listen(now)).ok_or(Refused)?;
                process.accepting = true;
            }
            RuntimeStep::Exit(id) => {
                self.process(id).filter(|process| process.may_exit(now)).ok_or(Refused)?;
                self.exit(id, 0, now);
            }
        }
        Ok(())
    }

    fn process(&mut self, id: ContainerId) -> Option<&mut Process> {
        self.containers.get_mut(&id)?.process.as_mut()
    }

    /// A call gets further. Nobody waits for the answer of one that was given up.
    fn advance(&mut self, id: CallId, stage: Stage) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let is_over = !matches!(stage, Stage::Sent);
        if call.abandoned && is_over {
            self.calls.remove(&id);
        } else {
            call.stage = stage;
        }
    }

    /// The process of a container ends, and with it each stop that waits for it and each command inside.
    fn exit(&mut self, id: ContainerId, exit_code: i32, now: Moment) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        if container.process.take().is_none() {
            return;
        }
        container.status.state = ContainerState::Exited;
        container.status.finished_at = Some(now);
        container.status.exit_code = exit_code;
        for call in self.calls.values_mut() {
            let outcome = match (&call.request, &call.stage) {
                (Request::StopContainer { container, .. }, Stage::Stopping(_)) if *container == id => {
                    Ok(Answer::Done)
                }
                (Request::Exec { container, .. }, Stage::Running(_)) if *container == id => {
                    Ok(Answer::Exited(KILLED))
                }
                _ => continue,
            };
            call.stage = Stage::Answered(outcome);
        }
    }

    /// SIGKILL.
    fn kill(&mut self, id: ContainerId, now: Moment) {
        self.exit(id, KILLED, now);
    }
}

/// The exit code of a process that got SIGKILL.
pub const KILLED: i32 = 137;

impl ContainerRuntime for Simulated {
    fn call(&mut self, request: Request) -> CallId {
        self.last_call += 1;
        let id = CallId(self.last_call);
        self.calls.insert(id, Call { request, stage: Stage::Sent, abandoned: false });
        id
    }

    fn abandon(&mut self, id: CallId) {
        match self.calls.get_mut(&id) {
            Some(call) if matches!(call.stage, Stage::Sent) => call.abandoned = true,
            Some(_) => {
                self.calls.remove(&id);
            }
            None => {}
        }
    }

    fn answered(&self, calls: &mut Vec<CallId>) {
        if !self.faults.hung {
            let answered =
                |(&id, call): (&CallId, &Call)| matches!(call.stage, Stage::Answered(_)).then_some(id);
            calls.extend(self.calls.iter().filter_map(answered));
        }
    }

    fn take_answer(&mut self, id: CallId) -> Option<Outcome> {
        let answered = matches!(self.calls.get(&id)?.stage, Stage::Answered(_));
        if !answered || self.faults.hung {
            return None;
        }
        match self.calls.remove(&id) {
            Some(Call { stage: Stage::Answered(outcome), .. }) => Some(outcome),
            _ => None,
        }
    }
}

impl Prober for Simulated {
    /// A probe succeeds exactly if the container accepts connections and nothing made it fail that probe.
    fn probe(&self, container: ContainerId, kind: ProbeKind) -> bool {
        self.containers
            .get(&container)
            .and_then(|container| container.process.as_ref())
            .is_some_and(|process| process.passes(kind))
    }
}

impl SandboxStatus {
    fn of(id: SandboxId, sandbox: &Sandbox) -> Self {
        Self {
            id,
            uid: sandbox.config.uid.clone(),
            attempt: sandbox.config.attempt,
            state: sandbox.state,
            host_network: sandbox.config.host_network,
            address: sandbox.address.filter(|_| sandbox.state == SandboxState::Ready),
        }
    }
}
