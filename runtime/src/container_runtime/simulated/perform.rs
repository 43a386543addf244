//! What each call does at the moment when it takes effect.

use std::sync::Arc;
use std::time::Duration;

use super::process::Process;
use super::{Container, Sandbox, Simulated, Stage};
use crate::api::Uid;
use crate::clock::Moment;
use crate::container_runtime::call::{
    Answer, ContainerConfig, Outcome, Request, RuntimeError, SandboxConfig,
};
use crate::container_runtime::status::{
    ContainerState, ContainerStatus, ListedContainer, ListedSandbox, SandboxState, SandboxStatus,
};
use crate::container_runtime::{ContainerId, SandboxId};
use crate::slip::Slip;

impl Simulated {
    pub(super) fn perform(&mut self, request: Request, now: Moment) -> Stage {
        Stage::Answered(match request {
            Request::Status => {
                Ok(Answer::Status { runtime_ready: true, network_ready: !self.faults.network_down })
            }
            Request::ListSandboxes { uid } => Ok(Answer::Sandboxes(self.list_sandboxes(uid.as_ref()))),
            Request::ListContainers { uid } => Ok(Answer::Containers(self.list_containers(uid.as_ref()))),
            Request::SandboxStatus(id) => self.sandbox_status(id),
            Request::ContainerStatus(id) => self
                .containers
                .get(&id)
                .map(|it| Answer::Container(it.status.clone()))
                .ok_or(RuntimeError::NotFound),
            Request::RunSandbox(config) => self.run_sandbox(config),
            Request::StopSandbox(id) => self.stop_sandbox(id, now).map(|()| Answer::Done),
            Request::RemoveSandbox(id) => self.stop_sandbox(id, now).map(|()| {
                self.sandboxes.remove(&id);
                self.containers.retain(|_, container| container.status.sandbox != id);
                Answer::Done
            }),
            Request::PullImage { .. } => Ok(Answer::Done),
            Request::CreateContainer { sandbox, config } => self.create_container(sandbox, config),
            Request::StartContainer(id) => self.start_container(id, now),
            Request::StopContainer { container, timeout_seconds } => {
                return self.stop_container(container, timeout_seconds, now);
            }
            Request::RemoveContainer(id) => {
                self.kill(id, now);
                self.containers.remove(&id);
                Ok(Answer::Done)
            }
            Request::Exec { container, command } => return self.exec(container, &command, now),
        })
    }

    fn list_sandboxes(&self, uid: Option<&Uid>) -> Vec<ListedSandbox> {
        let wanted = self.sandboxes.iter().filter(|(_, it)| uid.is_none_or(|uid| it.config.uid == *uid));
        wanted
            .map(|(&id, sandbox)| ListedSandbox {
                id,
                uid: sandbox.config.uid.clone(),
                name: sandbox.config.name.clone(),
                namespace: sandbox.config.namespace.clone(),
                attempt: sandbox.config.attempt,
                state: sandbox.state,
            })
            .collect()
    }

    fn list_containers(&self, uid: Option<&Uid>) -> Vec<ListedContainer> {
        let wanted = self.containers.iter().filter(|(_, it)| uid.is_none_or(|uid| it.uid == *uid));
        wanted
            .map(|(&id, container)| ListedContainer {
                id,
                sandbox: container.status.sandbox,
                uid: container.uid.clone(),
                name: container.status.name.clone(),
                state: container.status.state,
            })
            .collect()
    }

    fn sandbox_status(&self, id: SandboxId) -> Outcome {
        if self.faults.cni {
            return Err(RuntimeError::NetworkPluginFailed);
        }
        let sandbox = self.sandboxes.get(&id).ok_or(RuntimeError::NotFound)?;
        Ok(Answer::Sandbox(SandboxStatus::of(id, sandbox)))
    }

    fn run_sandbox(&mut self, config: SandboxConfig) -> Outcome {
        let is_same = |it: &Sandbox| it.config.uid == config.uid && it.config.attempt == config.attempt;
        if self.sandboxes.values().any(is_same) {
            return Err(RuntimeError::NameReserved);
        }
        if self.faults.cni || (self.faults.network_down && !config.host_network) {
            return Err(RuntimeError::NetworkPluginFailed);
        }
        let address = if config.host_network { Some(self.network.node()) } else { self.network.allocate() };
        let address = Some(address.ok_or(RuntimeError::NetworkPluginFailed)?);
        self.last_sandbox += 1;
        let id = SandboxId(self.last_sandbox);
        self.sandboxes.insert(id, Sandbox { config, state: SandboxState::Ready, address, stopped: false });
        Ok(Answer::NewSandbox(id))
    }

    /// SBX-4: what runs in it is killed, the network is torn down, and the address is free at once. Again changes nothing. Without a
    /// network plugin the network cannot be torn down.
    fn stop_sandbox(&mut self, id: SandboxId, now: Moment) -> Result<(), RuntimeError> {
        let running: Vec<_> =
            self.containers.iter().filter(|(_, it)| it.status.sandbox == id).map(|(&id, _)| id).collect();
        for container in running {
            self.kill(container, now);
        }
        if let Some(sandbox) = self.sandboxes.get_mut(&id) {
            let has_network = sandbox.address.is_some() && !sandbox.config.host_network;
            if has_network && (self.faults.cni || self.faults.network_down) {
                return Err(RuntimeError::NetworkPluginFailed);
            }
            sandbox.state = SandboxState::NotReady;
            sandbox.stopped = true;
            if let Some(address) = sandbox.address.take() {
                self.network.release(address);
            }
        }
        Ok(())
    }

    fn create_container(&mut self, sandbox_id: SandboxId, config: ContainerConfig) -> Outcome {
        let sandbox = self.sandboxes.get(&sandbox_id).ok_or(RuntimeError::NotFound)?;
        if sandbox.state != SandboxState::Ready {
            return Err(RuntimeError::NotRunnable);
        }
        let uid = sandbox.config.uid.clone();
        let is_same = |it: &Container| {
            it.uid == uid && it.status.name == config.name && it.status.attempt == config.attempt
        };
        if self.containers.values().any(is_same) {
            return Err(RuntimeError::NameReserved);
        }
        self.last_container += 1;
        let id = ContainerId(self.last_container);
        let status = ContainerStatus {
            id,
            sandbox: sandbox_id,
            name: config.name,
            attempt: config.attempt,
            spec_hash: config.spec_hash,
            state: ContainerState::Created,
            started_at: None,
            finished_at: None,
            exit_code: 0,
        };
        self.containers.insert(id, Container { status, uid, process: None, sigterm_at: None });
        Ok(Answer::NewContainer(id))
    }

    /// A container joins the namespaces of its sandbox, so the sandbox has to live (SBX-1).
    fn start_container(&mut self, id: ContainerId, now: Moment) -> Outcome {
        let container = self.containers.get_mut(&id).ok_or(RuntimeError::NotFound)?;
        let sandbox = self.sandboxes.get(&container.status.sandbox);
        let lives = sandbox.is_some_and(|sandbox| sandbox.state == SandboxState::Ready);
        if !lives || container.status.state != ContainerState::Created {
            return Err(RuntimeError::NotRunnable);
        }
        let behaviour = self.behaviours.get(&container.status.name).copied().unwrap_or_default();
        container.status.state = ContainerState::Running;
        container.status.started_at = Some(now);
        container.process = Some(Process::new(behaviour, now));
        Ok(Answer::Done)
    }

    /// KIL-6. A container that does not run is stopped already.
    fn stop_container(&mut self, id: ContainerId, timeout_seconds: u32, now: Moment) -> Stage {
        let Some(container) = self.containers.get_mut(&id) else {
            return Stage::Answered(Err(RuntimeError::NotFound));
        };
        let Some(process) = &mut container.process else { return Stage::Answered(Ok(Answer::Done)) };
        process.sigterm(now);
        container.sigterm_at.get_or_insert(now);
        if self.slips.has(Slip::StopAnswersAtSigterm) {
            return Stage::Answered(Ok(Answer::Done));
        }
        Stage::Stopping(now + Duration::from_secs(timeout_seconds.into()))
    }

    fn exec(&self, id: ContainerId, command: &Arc<[String]>, now: Moment) -> Stage {
        match self.containers.get(&id).map(|container| container.process.is_some()) {
            None => Stage::Answered(Err(RuntimeError::NotFound)),
            Some(false) => Stage::Answered(Err(RuntimeError::NotRunnable)),
            Some(true) => Stage::Running(plain_sleep(command).map(|duration| now + duration)),
        }
    }
}

/// How long a command takes that is `sleep` with whole seconds, by itself or in a shell.
fn plain_sleep(command: &[String]) -> Option<Duration> {
    let words: Vec<&str> = match command {
        [shell, flag, script] if shell.ends_with("sh") && flag == "-c" => script.split_whitespace().collect(),
        words => words.iter().map(String::as_str).collect(),
    };
    let [program, seconds] = words[..] else { return None };
    if program != "sleep" && !program.ends_with("/sleep") {
        return None;
    }
    seconds.strip_suffix('s').unwrap_or(seconds).parse().ok().map(Duration::from_secs)
}
