//! What befalls machines and their processes, and what processes do by themselves.

use std::time::Duration;

use podproof_runtime::Context;
use podproof_runtime::api::Uid;
use podproof_runtime::container_runtime::ContainerId as InstanceId;
use podproof_runtime::container_runtime::simulated::{RuntimeStep, Simulated};
use podproof_runtime::kubelet::KubeletProcess;
use podproof_runtime::kubelet::parts::Settings;
use podproof_vocabulary::action::{Action, Component as Lane, Environment, Watcher};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::drive::Driven;
use super::machine::newest;
use super::process;
use crate::lockstep::Running;
use crate::{ModelSystem, Refused};

impl Running {
    /// A process begins to accept connections.
    pub(super) fn listen(&mut self, pod: PodId, container: ContainerId) -> Result<(), Refused> {
        let (node, id) = self.running_of(pod, container)?;
        self.wait_for(node, RuntimeStep::Listen(id))
    }

    /// A process exits: it is done, or it got SIGTERM.
    pub(super) fn exit(&mut self, pod: PodId, container: ContainerId) -> Result<(), Refused> {
        let (node, id) = self.running_of(pod, container)?;
        self.wait_for(node, RuntimeStep::Exit(id))?;
        self.settle_machine(node)
    }

    /// A process ends with this code.
    pub(in crate::lockstep) fn end_process(
        &mut self,
        node: NodeId,
        id: InstanceId,
        code: i32,
    ) -> Result<(), Refused> {
        let now = self.now();
        self.befall(node, |runtime| runtime.crash(id, code, now));
        self.settle_machine(node)
    }

    /// An app answers its readiness probe in the other way.
    pub(in crate::lockstep) fn falter(&self, pod: PodId, container: ContainerId) -> Result<(), Refused> {
        let (node, id) = self.running_of(pod, container)?;
        self.befall(node, |runtime| runtime.change_readiness(id));
        Ok(())
    }

    fn befall(&self, node: NodeId, what: impl FnOnce(&mut Simulated)) {
        if let Some(runtime) = self.machines.runtimes.get(&node) {
            what(&mut runtime.borrow_mut());
        }
    }

    /// Something happens to a machine.
    pub(in crate::lockstep) fn harm(&mut self, step: Environment, rest: &ModelSystem) -> Result<(), Refused> {
        if !self.covered.has(Lane::Kubelet) {
            return Ok(());
        }
        match step {
            Environment::CrashContainer { pod, container } => {
                let (node, id) = self.running_of(pod, container)?;
                self.end_process(node, id, 1)
            }
            Environment::FinishContainer { pod, container } => {
                let (node, id) = self.running_of(pod, container)?;
                self.end_process(node, id, 0)
            }
            Environment::ChangeReadiness { pod, container } => self.falter(pod, container),
            Environment::ChangeLiveness { pod, container } => {
                let (node, id) = self.running_of(pod, container)?;
                self.befall(node, |runtime| runtime.change_liveness(id));
                Ok(())
            }
            Environment::KillSandbox { pod } => {
                let uid = self.uid(pod)?;
                let node = self.machine_of(&uid).ok_or_else(|| Refused::because("it has no sandbox"))?;
                let id = newest(&*self.runtime(node)?, &uid).map(|(id, _)| id);
                self.befall(node, |runtime| id.into_iter().for_each(|id| runtime.kill_sandbox(id)));
                Ok(())
            }
            Environment::EvictUnderPressure { pod } => self.evict_under_pressure(pod, rest),
            Environment::FailCni { node } => {
                self.befall(node, |runtime| runtime.faults_mut().network_down = true);
                Ok(())
            }
            Environment::HangRuntime { node } => {
                self.befall(node, |runtime| runtime.faults_mut().hung = true);
                Ok(())
            }
            Environment::RecoverRuntime { node } => {
                self.befall(node, |runtime| runtime.faults_mut().hung = false);
                self.settle_machine(node)
            }
            Environment::StopKubelet { node } => self.stop_kubelet(node),
            Environment::CrashNode { node } => self.crash_machine(node, rest),
            Environment::AddNode { node } => {
                self.add_machine(node);
                self.relist(node)
            }
            _ => Ok(()),
        }
    }

    /// Its kubelet finds out that its runtime hangs: no list came for longer than the PLEG's threshold (PLEG-4, PLEG-20). From its next
    /// relist on it is as patient as before.
    pub(super) fn notice_hang(&mut self, node: NodeId) -> Result<(), Refused> {
        let Settings { pleg_threshold, runtime_check_threshold, .. } = Settings::default();
        self.pass_until(self.now() + pleg_threshold + Duration::from_secs(1))?;
        self.set_patience(node, pleg_threshold, runtime_check_threshold);
        self.settle_machine(node)
    }

    pub(in crate::lockstep) fn set_patience(&mut self, node: NodeId, pleg: Duration, status: Duration) {
        let set = |kubelet: &mut KubeletProcess, _: &mut Context<'_>| kubelet.set_patience(pleg, status);
        self.cluster.act(process(node), set);
    }

    /// A kubelet stops (RST-1, RST-2). What it had asked its runtime for is not done any more: the model has no call that outlives
    /// its process.
    fn stop_kubelet(&mut self, node: NodeId) -> Result<(), Refused> {
        self.stop(Watcher::Kubelet(node))?;
        let mut lost = Vec::new();
        self.runtime(node)?.call_faults(&mut lost);
        for step in lost.into_iter().filter(|step| matches!(step, RuntimeStep::Lose(_))) {
            self.complete_runtime(node, step)?;
        }
        self.machines.begun.retain(|_, own| *own != node);
        self.machines.expired.retain(|(own, _)| *own != node);
        Ok(())
    }

    /// Its kubelet starts, and knows nothing.
    pub(in crate::lockstep) fn start_kubelet(&mut self, node: NodeId) -> Result<(), Refused> {
        if self.covered.has(Lane::Kubelet) {
            self.cluster.start(process(node));
            self.settle_machine(node)?;
        }
        Ok(())
    }

    /// A machine loses power. What one that never returns remembers is of no consequence.
    fn crash_machine(&mut self, node: NodeId, rest: &ModelSystem) -> Result<(), Refused> {
        self.stop_kubelet(node)?;
        let now = self.now();
        self.befall(node, |runtime| runtime.reboot(now));
        let (model, state) = rest.model();
        if !model.open(state, |cluster| cluster.rules.nodes_may_return()) {
            let is_here = |uid: &Uid| self.machine_of(uid) == Some(node);
            let gone = self.names.iter().filter(|(_, name)| is_here(&name.uid)).map(|(&slot, _)| slot);
            let gone: Vec<PodId> = gone.collect();
            self.machines.forgotten.extend(gone);
        }
        Ok(())
    }

    /// Its kubelet evicts a pod, unless it has been told to stop it. A sync before has found which of its containers wait for their
    /// restart.
    fn evict_under_pressure(&mut self, pod: PodId, rest: &ModelSystem) -> Result<(), Refused> {
        let uid = self.uid(pod)?;
        let node = NodeId::first(self.scenario.nodes.len()).find(|&node| self.worker(node, &uid).is_some());
        let node = node.ok_or_else(|| Refused::later("its worker is forgotten (PW-12)"))?;
        let (model, state) = rest.model();
        let after = model.apply(state, &Action::Environment(Environment::EvictUnderPressure { pod }));
        let waiting: Vec<_> = model.open(&after, |cluster| {
            cluster.container_ids().filter(|&own| cluster.container(pod, own).held_back()).collect()
        });
        let waiting: Vec<_> = waiting.into_iter().map(|own| self.container_name(own)).collect();
        if !waiting.is_empty() {
            let driven = Driven { pod, node, uid: uid.clone(), may_relist: false, waits_for_kill: false };
            self.drive(
                &driven,
                |_, _| false,
                |own| {
                    own.kubelet(node).is_some_and(|kubelet| {
                        let reasons = kubelet.parts().reasons.of(&uid);
                        waiting.iter().all(|name| reasons.contains_key(name))
                    })
                },
            )?;
        }
        let evicted = self
            .cluster
            .act(process(node), |kubelet: &mut KubeletProcess, context| kubelet.evict(&uid, context));
        match evicted {
            Some(true) => self.settle_machine(node),
            _ => Err(Refused::later("its worker has been told to stop it (EVM-5)")),
        }
    }
}
