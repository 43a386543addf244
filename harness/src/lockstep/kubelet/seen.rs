//! What an outsider sees of the machines: sandboxes, processes, signals, hooks.

use podproof_runtime::api::Uid;
use podproof_runtime::container_runtime::ContainerId as InstanceId;
use podproof_runtime::container_runtime::simulated::{Container, Sandbox, Simulated};
use podproof_runtime::container_runtime::{ContainerState, SandboxState};
use podproof_runtime::kubelet::kill::container::HookState;
use podproof_vocabulary::action::Component as Lane;
use podproof_vocabulary::observation::{
    ContainerSeen, Hook, Observation, Process, Sandbox as SandboxIs, SandboxSeen,
};
use podproof_vocabulary::scenario::{ContainerKind, RestartPolicy};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::machine::{newest, started};
use crate::lockstep::Running;

impl Running {
    /// Replaces what the model believes of sandboxes and containers by what there is.
    pub(in crate::lockstep) fn observe_machines(&self, seen: &mut Observation) {
        if !self.covered.has(Lane::Kubelet) {
            return;
        }
        for slot in PodId::first(seen.slots.len()) {
            let own = &mut seen.slots[slot.index()];
            own.containers.fill(ContainerSeen::default());
            own.sandbox = SandboxSeen {
                terminating: self.machines.begun.contains_key(&slot),
                ..SandboxSeen::default()
            };
            let Some(name) = self.names.get(&slot).filter(|_| !self.machines.forgotten.contains(&slot))
            else {
                continue;
            };
            let Some(node) = self.machine_of(&name.uid) else { continue };
            let Ok(runtime) = self.runtime(node) else { continue };
            let Some((id, sandbox)) = newest(&runtime, &name.uid) else { continue };
            let is_laid_down =
                sandbox.state == SandboxState::NotReady && self.machines.laid_down.contains(&slot);
            if !is_laid_down {
                own.sandbox.sandbox = state_of(sandbox);
                own.sandbox.address = sandbox.address.map(|ip| self.address_of(slot, &ip.to_string()));
            }
            for container in ContainerId::first(own.containers.len()) {
                let name_in_pod = self.container_name(container);
                let of_newest = started(&runtime, id, &name_in_pod).last();
                let found = of_newest.or_else(|| self.done_before(&runtime, &name.uid, container));
                if let Some((id, found)) = found {
                    let container_seen = self.container_seen(node, id, found);
                    if container_seen.process == Process::Running {
                        own.sandbox.runs_on = Some(node);
                    }
                    own.containers[container.index()] = container_seen;
                }
            }
        }
    }

    /// Of a pod that restarts on failure, an app that ended well in a sandbox before this one: it is not started again (CPA-3, CPA-9).
    fn done_before<'a>(
        &self,
        runtime: &'a Simulated,
        uid: &Uid,
        container: ContainerId,
    ) -> Option<(InstanceId, &'a Container)> {
        let template = &self.scenario.workload.template;
        let own = &template.containers[container.index()];
        if template.restart_policy != RestartPolicy::OnFailure || own.kind != ContainerKind::App {
            return None;
        }
        let is_own = |it: &Container| it.uid == *uid && *it.status.name == *own.name;
        let instances = runtime.containers().filter(|(_, it)| is_own(it));
        let last = instances.filter(|(_, it)| it.status.state != ContainerState::Created).last();
        last.filter(|(_, it)| it.status.state == ContainerState::Exited && it.status.exit_code == 0)
    }

    fn container_seen(&self, node: NodeId, id: InstanceId, found: &Container) -> ContainerSeen {
        let process = match (found.status.state, found.status.exit_code) {
            (ContainerState::Running, _) => Process::Running,
            (_, 0) => Process::ExitedOk,
            _ => Process::ExitedError,
        };
        let Some(own) = &found.process else { return ContainerSeen { process, ..ContainerSeen::default() } };
        let kill = self.worker(node, &found.uid).and_then(|worker| worker.kill());
        let kill = kill.and_then(|kill| kill.containers().iter().find(|container| container.id() == id));
        ContainerSeen {
            process,
            accepting: own.accepting,
            sigterm: found.sigterm_at.is_some(),
            hook: match kill.map(|kill| kill.hook()) {
                None | Some(HookState::None) => Hook::None,
                Some(HookState::Running) => Hook::Running,
                Some(HookState::Done) => Hook::Done,
            },
            grace_expired: kill.is_some_and(|kill| kill.grace_expired())
                || self.machines.expired.contains(&(node, id)),
        }
    }
}

const fn state_of(sandbox: &Sandbox) -> SandboxIs {
    match (sandbox.state, sandbox.stopped) {
        (SandboxState::Ready, _) => SandboxIs::Ready,
        (SandboxState::NotReady, false) => SandboxIs::Dead,
        (SandboxState::NotReady, true) => SandboxIs::None,
    }
}
