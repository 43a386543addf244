//! What is where on a machine, and waiting for it.

use std::cell::Ref;
use std::sync::Arc;

use podproof_runtime::api::Uid;
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::{Container, RuntimeStep, Sandbox, Simulated};
use podproof_runtime::container_runtime::{
    CallId, ContainerId as InstanceId, ContainerState, Request, SandboxId, SandboxState,
};
use podproof_runtime::kubelet::pod_worker::{PodWorker, Work};
use podproof_runtime::kubelet::{Kubelet, KubeletProcess};
use podproof_runtime::operation::{Component, Process};
use podproof_runtime::{Clock, Operation, Step};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::{index, process};
use crate::Refused;
use crate::lockstep::operations::USUAL;
use crate::lockstep::{HIDDEN_MAX, Running};

/// A sandbox of a machine.
pub(super) type Found<'a> = (SandboxId, &'a Sandbox);

impl Running {
    /// The kubelet of a node, if it runs.
    pub(super) fn kubelet(&self, node: NodeId) -> Option<&Kubelet> {
        self.cluster.actor::<KubeletProcess>(process(node))?.kubelet()
    }

    pub(super) fn worker(&self, node: NodeId, uid: &Uid) -> Option<&PodWorker> {
        self.kubelet(node)?.workers().get(uid)
    }

    pub(super) fn runtime(&self, node: NodeId) -> Result<Ref<'_, Simulated>, Refused> {
        let runtime = self.machines.runtimes.get(&node);
        runtime.map(|runtime| runtime.borrow()).ok_or_else(|| Refused::because("there is no such machine"))
    }

    /// The machine that has something of a pod.
    pub(super) fn machine_of(&self, uid: &Uid) -> Option<NodeId> {
        let has = |runtime: &Simulated| runtime.sandboxes().any(|(_, own)| own.config.uid == *uid);
        self.machines.runtimes.iter().find(|(_, runtime)| has(&runtime.borrow())).map(|(&node, _)| node)
    }

    /// How many pods a node has a sandbox of whose workers have not stopped them.
    pub(in crate::lockstep) fn pods_that_run(&self, node: NodeId) -> u64 {
        let (Some(kubelet), Ok(runtime)) = (self.kubelet(node), self.runtime(node)) else { return 0 };
        let lives =
            |uid: &Uid| newest(&runtime, uid).is_some_and(|(_, own)| own.state == SandboxState::Ready);
        let own = kubelet.workers().iter();
        own.filter(|(uid, worker)| worker.work() != Work::Terminated && lives(uid)).count() as u64
    }

    /// The name of a container.
    pub(super) fn container_name(&self, container: ContainerId) -> Arc<str> {
        self.scenario.workload.template.containers[container.index()].name.as_str().into()
    }

    /// The container of a pod that runs under this name.
    pub(in crate::lockstep) fn running_of(
        &self,
        pod: PodId,
        container: ContainerId,
    ) -> Result<(NodeId, InstanceId), Refused> {
        let uid = self.uid(pod)?;
        let name = self.container_name(container);
        let found = self.machines.runtimes.iter().find_map(|(&node, runtime)| {
            let id = running(&runtime.borrow(), &uid, &name)?;
            Some((node, id))
        });
        found.ok_or_else(|| Refused::because(format!("no container {name} runs")))
    }

    pub(super) fn uid(&self, pod: PodId) -> Result<Uid, Refused> {
        let name = self.names.get(&pod);
        name.map(|name| name.uid.clone())
            .ok_or_else(|| Refused::because(format!("slot {} has no pod", pod.0)))
    }

    /// What a machine and its kubelet may do now.
    pub(super) fn steps_of_machine(&self, node: NodeId) -> Vec<Operation> {
        let mut steps = Vec::with_capacity(USUAL);
        let mut clock = Clock::default();
        clock.pass_until(self.cluster.now());
        for process in [process(node), Process::ContainerRuntime(index(node))] {
            if let Some(actor) = self.process(process) {
                actor.pending(clock, &mut steps);
            }
        }
        steps
    }

    pub(super) fn complete_runtime(&mut self, node: NodeId, step: RuntimeStep) -> Result<(), Refused> {
        self.complete(Component::ContainerRuntime(index(node)), Step::Runtime(step))
    }

    /// A step of a machine happens, once its time has come.
    pub(super) fn wait_for(&mut self, node: NodeId, step: RuntimeStep) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            let now = self.cluster.now();
            let mut steps = Vec::new();
            self.runtime(node)?.pending(now, &mut steps);
            if steps.contains(&step) {
                return self.complete_runtime(node, step);
            }
            let next = self.runtime(node)?.next_deadline(now);
            let next = next.ok_or_else(|| Refused::because(format!("{step:?} is never due")))?;
            self.pass_until(next)?;
        }
        Err(Refused::because(format!("{step:?} is not due for long")))
    }

    /// Time passes until then, at least a millisecond.
    pub(super) fn pass_beyond(&mut self, moment: Moment) -> Result<(), Refused> {
        self.pass_until(moment.max(Moment(self.cluster.now().0 + 1)))
    }

    /// A call in flight, with what it asks.
    pub(super) fn call_in_flight(
        &self,
        node: NodeId,
        which: impl Fn(&Request) -> bool,
    ) -> Result<Option<CallId>, Refused> {
        let (mut steps, runtime) = (Vec::new(), self.runtime(node)?);
        runtime.pending(Moment(u64::MAX), &mut steps);
        Ok(steps.into_iter().find_map(|step| match step {
            RuntimeStep::Perform(call) | RuntimeStep::Kill(call) | RuntimeStep::FinishExec(call) => {
                runtime.request(call).is_some_and(&which).then_some(call)
            }
            _ => None,
        }))
    }
}

/// The newest sandbox of a pod.
pub(super) fn newest<'a>(runtime: &'a Simulated, uid: &Uid) -> Option<Found<'a>> {
    let own = runtime.sandboxes().filter(|(_, sandbox)| sandbox.config.uid == *uid);
    own.max_by_key(|(_, sandbox)| sandbox.config.attempt)
}

/// The containers of this name in one sandbox that were started, the last of them last.
pub(super) fn started<'a>(
    runtime: &'a Simulated,
    sandbox: SandboxId,
    name: &'a str,
) -> impl Iterator<Item = (InstanceId, &'a Container)> {
    runtime.containers().filter(move |(_, own)| {
        let status = &own.status;
        status.sandbox == sandbox && *status.name == *name && status.state != ContainerState::Created
    })
}

fn running(runtime: &Simulated, uid: &Uid, name: &str) -> Option<InstanceId> {
    let mut own = runtime.containers();
    own.find(|(_, it)| it.uid == *uid && *it.status.name == *name && it.process.is_some()).map(|(id, _)| id)
}

/// The pod that a call is about.
pub(super) fn pod_of(runtime: &Simulated, request: &Request) -> Option<Uid> {
    let of_sandbox = |id: &SandboxId| {
        runtime.sandboxes().find(|(own, _)| own == id).map(|(_, sandbox)| sandbox.config.uid.clone())
    };
    let of_container = |id: &InstanceId| {
        runtime.containers().find(|(own, _)| own == id).map(|(_, container)| container.uid.clone())
    };
    match request {
        Request::RunSandbox(config) => Some(config.uid.clone()),
        Request::StopSandbox(id)
        | Request::RemoveSandbox(id)
        | Request::CreateContainer { sandbox: id, .. } => of_sandbox(id),
        Request::StartContainer(id)
        | Request::RemoveContainer(id)
        | Request::StopContainer { container: id, .. }
        | Request::Exec { container: id, .. } => of_container(id),
        _ => None,
    }
}
