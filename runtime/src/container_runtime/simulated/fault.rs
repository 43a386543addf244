//! What can go wrong on a node, by the hand of whoever drives the cluster: hangs, a failing network plugin, crashes.

use std::collections::BTreeSet;

use super::Simulated;
use crate::clock::Moment;
use crate::container_runtime::call::Request;
use crate::container_runtime::status::{ContainerState, SandboxState};
use crate::container_runtime::{ContainerId, SandboxId};

/// What is wrong now.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// No call gets anywhere.
    pub hung: bool,
    /// The network plugin fails: no new sandbox, none is torn down, and the status of those that exist cannot be read.
    pub cni: bool,
    /// The network is not ready, and the runtime's status says so: there is no network plugin. No new sandbox gets a network,
    /// and that of no sandbox is torn down.
    pub network_down: bool,
    /// The status of these containers never comes.
    pub stuck: BTreeSet<ContainerId>,
    /// A list of all containers never comes while there are more sandboxes than this.
    pub list_limit: Option<usize>,
}

impl Simulated {
    /// What is wrong now.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Makes something wrong, or right again.
    pub const fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Does the runtime get to this call at all?
    pub(super) fn answers(&self, request: &Request) -> bool {
        !self.faults.hung
            && match request {
                Request::ContainerStatus(id) => !self.faults.stuck.contains(id),
                Request::ListContainers { uid: None } => {
                    self.faults.list_limit.is_none_or(|limit| self.sandboxes.len() <= limit)
                }
                _ => true,
            }
    }

    /// A process ends by itself with this code.
    pub fn crash(&mut self, id: ContainerId, exit_code: i32, now: Moment) {
        self.exit(id, exit_code, now);
    }

    /// The pause process of a sandbox dies. Its containers run on in its namespaces until they are stopped, and the network
    /// plugin takes the address back only when the sandbox is stopped (SBX-1, SBX-2).
    pub fn kill_sandbox(&mut self, id: SandboxId) {
        if let Some(sandbox) = self.sandboxes.get_mut(&id) {
            sandbox.state = SandboxState::NotReady;
        }
    }

    /// Somebody removes every container that has exited, behind the kubelet's back.
    pub fn prune(&mut self) {
        self.containers.retain(|_, container| container.status.state != ContainerState::Exited);
    }

    /// A running process begins to fail its readiness probe, or stops to.
    pub fn change_readiness(&mut self, id: ContainerId) {
        if let Some(process) = self.process(id) {
            process.fails_readiness = !process.fails_readiness;
        }
    }

    /// A running process begins to fail its liveness probe, or stops to.
    pub fn change_liveness(&mut self, id: ContainerId) {
        if let Some(process) = self.process(id) {
            process.fails_liveness = !process.fails_liveness;
        }
    }

    /// The machine loses power and boots again: every process is dead, every sandbox is not ready, every call is lost, and
    /// what the runtime wrote to its disk is still there (SBX-3).
    pub fn reboot(&mut self, now: Moment) {
        self.calls.clear();
        let containers: Vec<_> = self.containers.keys().copied().collect();
        for id in containers {
            self.exit(id, LOST, now);
        }
        for sandbox in self.sandboxes.values_mut() {
            sandbox.state = SandboxState::NotReady;
            if let Some(address) = sandbox.address.take() {
                self.network.release(address);
            }
        }
        self.faults = Faults::default();
    }
}

/// The exit code of a process whose end nobody saw.
pub const LOST: i32 = 255;
