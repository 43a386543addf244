//! What machines are about to do and somebody would see, as actions: the model must allow each of them.

use podproof_runtime::api::Uid;
use podproof_runtime::container_runtime::simulated::{RuntimeStep, Simulated};
use podproof_runtime::container_runtime::{ContainerId as InstanceId, Request};
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::kill::container::KillStep;
use podproof_runtime::kubelet::pod_worker::Work;
use podproof_runtime::kubelet::pod_worker::step::WorkerStep;
use podproof_runtime::{Operation, Step};
use podproof_vocabulary::action::{Action, Component as Lane, Kubelet};
use podproof_vocabulary::observation::Process;
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::drive::is_unseen;
use super::machine::pod_of;
use crate::ModelSystem;
use crate::lockstep::Running;

impl Running {
    /// What kubelets and runtimes are about to do, but for what only time keeps apart from something else.
    pub(in crate::lockstep) fn running_machines(&self, rest: &ModelSystem, operations: &mut Vec<Action>) {
        if !self.covered.has(Lane::Kubelet) {
            return;
        }
        for &node in self.machines.runtimes.keys() {
            for operation in self.steps_of_machine(node) {
                let meant = self.meaning_of(node, &operation);
                operations.extend(meant.filter(|action| !self.precedes_relist(action, rest)));
            }
        }
    }

    fn meaning_of(&self, node: NodeId, operation: &Operation) -> Option<Action> {
        match &operation.step {
            Step::Kubelet(KubeletStep::Worker(uid, WorkerStep::Begin)) => {
                let worker = self.worker(node, uid)?;
                let pod = self.slot_of_uid(uid)?;
                let begins = worker.work() == Work::Terminating && !worker.has_begun_to_terminate();
                begins.then_some(Action::Kubelet(Kubelet::BeginTermination { pod }))
            }
            Step::Kubelet(KubeletStep::Worker(uid, WorkerStep::Kill(id, KillStep::BeginPreStop))) => {
                let (pod, container) = self.running_container(node, uid, *id)?;
                Some(Action::Kubelet(Kubelet::RunPreStop { pod, container }))
            }
            Step::Runtime(RuntimeStep::Perform(call)) => {
                let runtime = self.runtime(node).ok()?;
                let request = runtime.request(*call).filter(|request| !is_unseen(&runtime, request))?;
                self.meaning_of_call(node, &runtime, request).map(Action::Kubelet)
            }
            _ => None,
        }
    }

    fn meaning_of_call(&self, node: NodeId, runtime: &Simulated, request: &Request) -> Option<Kubelet> {
        let uid = pod_of(runtime, request)?;
        let pod = self.slot_of_uid(&uid)?;
        match request {
            Request::RunSandbox(_) => Some(Kubelet::CreateSandbox { pod }),
            Request::CreateContainer { config, .. } => {
                Some(Kubelet::StartContainer { pod, container: self.container_named(&config.name)? })
            }
            Request::StopContainer { container, .. } => {
                let (pod, container) = self.running_container(node, &uid, *container)?;
                Some(Kubelet::SendSigterm { pod, container })
            }
            Request::StopSandbox(_) => {
                let terminates = self.worker(node, &uid)?.work() == Work::Terminating;
                terminates.then_some(Kubelet::StopSandbox { pod })
            }
            _ => None,
        }
    }

    /// A container that runs, by its number in the pod.
    fn running_container(&self, node: NodeId, uid: &Uid, id: InstanceId) -> Option<(PodId, ContainerId)> {
        let runtime = self.runtime(node).ok()?;
        let (_, found) = runtime.containers().find(|(own, it)| *own == id && it.process.is_some())?;
        Some((self.slot_of_uid(uid)?, self.container_named(&found.status.name)?))
    }

    fn container_named(&self, name: &str) -> Option<ContainerId> {
        let containers = &self.scenario.workload.template.containers;
        containers.iter().position(|own| own.name == name).map(ContainerId::from)
    }

    /// A sync that kills a container starts it again at once; in the model a relist comes first (CPA-10).
    fn precedes_relist(&self, action: &Action, rest: &ModelSystem) -> bool {
        let Action::Kubelet(Kubelet::StartContainer { pod, container }) = *action else { return false };
        let (model, state) = rest.model();
        model.open(state, |cluster| {
            let state = cluster.container(pod, container);
            state.cached() == Process::Running && !state.is_running()
        })
    }
}
