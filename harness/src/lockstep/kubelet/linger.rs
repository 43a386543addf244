//! Nothing is left to do: every kubelet lists what runs, each of its workers syncs once more, its probes go round, and it keeps house. What
//! comes of that is asked as everything else is that is on its way.

use podproof_runtime::api::Uid;
use podproof_runtime::clock::Moment;
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::pod_worker::Work;
use podproof_runtime::kubelet::pod_worker::activity::Activity;
use podproof_runtime::kubelet::probes::ProbeKey;
use podproof_runtime::operation::Component;
use podproof_runtime::{Operation, Step};
use podproof_vocabulary::NodeId;

use super::index;
use crate::lockstep::{HIDDEN_MAX, Running};
use crate::system::Refusal;
use crate::{ModelSystem, Refused};

/// So many rounds of a probe, more than any threshold.
const ROUNDS: usize = 4;

impl Running {
    /// Every kubelet does what it does by its clocks alone, if it knows its pods (SRC-6). Where a runtime hangs or a network is not there,
    /// nothing comes of that; where an eviction is granted and its pod is not seen to go, so much time must not pass.
    pub(in crate::lockstep) fn linger(&mut self, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let must_list =
            |node: NodeId| model.open(state, |cluster| cluster.node(node).machine.kubelet_must_list());
        let nodes: Vec<NodeId> =
            self.machines.runtimes.keys().copied().filter(|&node| !must_list(node)).collect();
        for node in nodes {
            match self.linger_on(node) {
                Err(refused) if refused.refusal == Refusal::Difference => return Err(refused),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn linger_on(&mut self, node: NodeId) -> Result<(), Refused> {
        let is_ill = {
            let runtime = self.runtime(node)?;
            runtime.faults().hung || runtime.faults().network_down
        };
        let Some(kubelet) = self.kubelet(node).filter(|_| !is_ill) else { return Ok(()) };
        // Neighbours take room alone: nobody ever lets theirs sync.
        let is_compared = |uid: &Uid| self.slot_of_uid(uid).is_some();
        let workers = kubelet.workers().iter().filter(|(uid, _)| is_compared(uid));
        let syncs = workers.filter(|(_, worker)| worker.work() == Work::Sync);
        let syncs: Vec<Uid> = syncs.map(|(uid, _)| uid.clone()).collect();
        let probes = &kubelet.parts().probes;
        let probes = probes.due(Moment(u64::MAX)).chain(probes.running()).filter(|key| is_compared(&key.uid));
        let probes: Vec<ProbeKey> = probes.cloned().collect();
        self.begin_step();
        self.settle_machine(node)?;
        self.relist(node)?;
        for probe in &probes {
            self.begin_step();
            self.go_round(node, probe)?;
        }
        for uid in &syncs {
            self.begin_step();
            self.sync_once_more(node, uid)?;
        }
        self.begin_step();
        self.keep_house(node)?;
        self.machines.lingered.insert(node);
        Ok(())
    }

    /// The worker is handed its pod again (PW-17), and does what nobody sees of its sync.
    fn sync_once_more(&mut self, node: NodeId, uid: &Uid) -> Result<(), Refused> {
        if let Some(at) = self.worker(node, uid).and_then(|worker| worker.resync_at()) {
            self.pass_beyond(at)?;
        }
        self.settle_machine(node)?;
        self.relist(node)?;
        for _ in 0..HIDDEN_MAX {
            self.settle_machine(node)?;
            let steps = self.steps_of_machine(node).into_iter();
            let own: Vec<Operation> =
                steps.filter(|operation| self.is_of_pod(node, uid, &operation.step)).collect();
            if let Some(next) = own.iter().find(|operation| self.is_of_sync(node, uid, &operation.step)) {
                self.complete(next.component, next.step.clone())?;
                continue;
            }
            let is_at_it =
                self.worker(node, uid).is_some_and(|own| matches!(own.activity(), Activity::Syncing(_)));
            let is_seen = || own.iter().any(|operation| self.seen_of(node, operation).is_some());
            return match is_at_it && !is_seen() {
                true => Err(Refused::because(format!("a sync does not come to its end: {own:?}"))),
                false => Ok(()),
            };
        }
        Err(Refused::because("its syncs do not come to their end"))
    }

    /// A probe goes round as often as it takes to be believed.
    fn go_round(&mut self, node: NodeId, probe: &ProbeKey) -> Result<(), Refused> {
        let component = Component::Kubelet(index(node));
        for _ in 0..ROUNDS {
            let next = self.kubelet(node).and_then(|kubelet| kubelet.parts().probes.next_round(probe));
            let Some(next) = next else { return Ok(()) };
            self.pass_until(next)?;
            for step in [KubeletStep::BeginProbe(probe.clone()), KubeletStep::FinishProbe(probe.clone())] {
                let step = Step::Kubelet(step);
                if self.steps_of_machine(node).iter().any(|operation| operation.step == step) {
                    self.complete(component, step)?;
                }
            }
            self.settle_machine(node)?;
        }
        Ok(())
    }
}
