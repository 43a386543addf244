//! What nobody sees of a kubelet, and the way of a pod's worker to what somebody sees.

use podproof_model::kubelet::node_of;
use podproof_runtime::api::Uid;
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::{RuntimeStep, Sandbox, Simulated};
use podproof_runtime::container_runtime::{ContainerState, Request, SandboxState};
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::pod_worker::activity::Activity;
use podproof_runtime::kubelet::pod_worker::step::WorkerStep;
use podproof_runtime::kubelet::pod_worker::{PodWorker, Work};
use podproof_runtime::kubelet::sync_loop::Source;
use podproof_runtime::operation::Component;
use podproof_runtime::{Operation, Step};
use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::{NodeId, PodId};

use super::machine::pod_of;
use super::{FOR_EVER, index};
use crate::lockstep::{HIDDEN_MAX, Running};
use crate::{ModelSystem, Refused};

/// A pod whose kubelet takes a step.
pub(super) struct Driven {
    pub pod: PodId,
    pub node: NodeId,
    pub uid: Uid,
    /// A relist would come to its end, and find nothing that the model has not seen.
    pub may_relist: bool,
    /// What is wanted comes in the middle of a kill: its hooks and grace periods are waited for.
    pub waits_for_kill: bool,
}

impl Running {
    pub(super) fn driven(
        &self,
        pod: PodId,
        enabled: &[Action],
        rest: &ModelSystem,
    ) -> Result<Driven, Refused> {
        let (model, state) = rest.model();
        let node = model.open(state, |cluster| node_of(cluster, pod));
        let node = node.ok_or_else(|| Refused::because("the pod is on no node"))?;
        let is_stuck = model.open(state, |cluster| podproof_model::kubelet::pleg::is_stuck(cluster, node));
        let may_relist = !is_stuck && !enabled.contains(&Action::Kubelet(Kubelet::Relist { node }));
        Ok(Driven { pod, node, uid: self.uid(pod)?, may_relist, waits_for_kill: false })
    }

    /// A machine does what nobody sees, until there is no more of it.
    pub(in crate::lockstep) fn settle_machine(&mut self, node: NodeId) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            self.absorb_news(node)?;
            let steps = self.steps_of_machine(node);
            let hidden = steps.into_iter().find(|operation| self.is_hidden(node, &operation.step));
            match hidden {
                Some(operation) => self.complete(operation.component, operation.step)?,
                None => return Ok(()),
            }
        }
        Err(Refused::because("the machine never comes to rest"))
    }

    /// Does nobody see this, whatever comes next?
    pub(super) fn is_hidden(&self, node: NodeId, step: &Step) -> bool {
        match step {
            Step::Kubelet(KubeletStep::Take(source)) => *source != Source::Housekeeping,
            Step::Kubelet(KubeletStep::Return(_) | KubeletStep::CheckRuntime) => true,
            // The hook and the grace period of a container that has exited.
            Step::Kubelet(KubeletStep::Worker(_, WorkerStep::Kill(id, _))) => {
                self.runtime(node).is_ok_and(|runtime| {
                    !runtime.containers().any(|(own, it)| own == *id && it.process.is_some())
                })
            }
            Step::Runtime(RuntimeStep::Perform(call)) => self.runtime(node).is_ok_and(|runtime| {
                runtime.request(*call).is_some_and(|request| is_unseen(&runtime, request))
            }),
            _ => false,
        }
    }

    /// The PLEG lists, and the sync loop takes its events.
    pub(super) fn relist(&mut self, node: NodeId) -> Result<(), Refused> {
        let next = self.kubelet(node).and_then(|kubelet| kubelet.parts().pleg.next_relist());
        let next =
            next.ok_or_else(|| Refused::because("a relist is going on, or the kubelet does not run"))?;
        self.pass_beyond(next)?;
        self.complete(Component::Kubelet(index(node)), Step::Kubelet(KubeletStep::Relist))?;
        self.settle_machine(node)?;
        match self.kubelet(node).and_then(|kubelet| kubelet.parts().pleg.next_relist()) {
            Some(_) => {
                self.set_patience(node, FOR_EVER, FOR_EVER);
                self.settle_machine(node)
            }
            None => Err(Refused::because("the relist does not come to its end")),
        }
    }

    /// The worker of a pod goes on until this is so. Beside what nobody sees it begins syncs, and does what is allowed.
    pub(super) fn drive(
        &mut self,
        driven: &Driven,
        allowed: impl Fn(&Self, &Operation) -> bool,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), Refused> {
        let Driven { node, uid, .. } = driven;
        for _ in 0..HIDDEN_MAX {
            self.settle_machine(*node)?;
            if done(self) {
                return Ok(());
            }
            let own = |operation: &Operation| {
                self.is_of_pod(*node, uid, &operation.step)
                    && (self.is_of_sync(*node, uid, &operation.step) || allowed(self, operation))
            };
            if let Some(operation) = self.steps_of_machine(*node).into_iter().find(own) {
                self.complete(operation.component, operation.step)?;
                continue;
            }
            self.wait_for_worker(driven)?;
        }
        Err(Refused::because("its worker never comes to that"))
    }

    /// A worker that can do nothing waits: for a relist, for its next turn, for a moment.
    fn wait_for_worker(&mut self, driven: &Driven) -> Result<(), Refused> {
        let (node, now) = (driven.node, self.cluster.now());
        let worker = self.worker(node, &driven.uid);
        let worker = worker.ok_or_else(|| match self.was_forgotten(driven) {
            true => Refused::later("its worker was forgotten before it began (PW-12)"),
            false => Refused::because("no worker knows the pod"),
        })?;
        let next = worker.next_deadline(now);
        if worker.work() == Work::Sync && self.runtime(node)?.faults().network_down {
            return Err(Refused::later("without a network no sync gets further than the status (SP-4)"));
        }
        match worker.activity() {
            Activity::Idle | Activity::Waiting { .. } if self.may_begin(node, &driven.uid) => {
                Err(Refused::later("its worker has been told to stop it, and syncs no more (PW-19)"))
            }
            Activity::Idle | Activity::Waiting { .. } if worker.has_update() => match driven.may_relist {
                true => self.relist(node),
                false => {
                    Err(Refused::later("its worker waits for a relist, which has news, or is stuck (PW-16)"))
                }
            },
            Activity::Idle => {
                let at = worker.resync_at();
                let at = at.ok_or_else(|| Refused::because("its worker has nothing to do any more"))?;
                self.pass_beyond(at)
            }
            _ if !driven.waits_for_kill && !self.kills_what_is_dead(driven) => {
                Err(Refused::later("its worker is at something else (PW-14)"))
            }
            _ => {
                let of_runtime = self.runtime(node)?.next_deadline(now);
                let next = next.into_iter().chain(of_runtime).min();
                self.pass_beyond(
                    next.ok_or_else(|| Refused::later("its worker is at something else (PW-14)"))?,
                )
            }
        }
    }

    /// All that its worker is stopping has exited by itself: only hooks and grace periods are left of that, and nobody sees them end.
    fn kills_what_is_dead(&self, driven: &Driven) -> bool {
        let kill = self.worker(driven.node, &driven.uid).and_then(PodWorker::kill);
        let (Some(kill), Ok(runtime)) = (kill, self.runtime(driven.node)) else { return false };
        let lives = |id| runtime.containers().any(|(own, it)| own == id && it.process.is_some());
        kill.containers().iter().all(|container| !lives(container.id()))
    }

    /// May the worker of a pod begin with what it was told?
    fn may_begin(&self, node: NodeId, uid: &Uid) -> bool {
        let begins = |operation: &Operation| self.begins(node, uid, &operation.step);
        self.steps_of_machine(node).iter().any(begins)
    }

    /// The worker of this pod begins with what it was told. It takes that when it can begin with it, and not before: so what it hears
    /// while it waits for a relist is not too late, as it is in the model.
    pub(super) fn begins(&self, node: NodeId, uid: &Uid, step: &Step) -> bool {
        match step {
            Step::Kubelet(KubeletStep::Worker(own, WorkerStep::Begin)) => own == uid,
            Step::Kubelet(KubeletStep::Worker(own, WorkerStep::Take)) => {
                let cache = self.kubelet(node).map(|kubelet| &kubelet.parts().cache);
                let is_free = |(worker, cache): (&PodWorker, _)| worker.need_not_wait(uid, cache, self.slips);
                own == uid && self.worker(node, uid).zip(cache).is_some_and(is_free)
            }
            _ => false,
        }
    }

    /// Is this a step of the worker of this pod, or of a call for it?
    pub(super) fn is_of_pod(&self, node: NodeId, uid: &Uid, step: &Step) -> bool {
        match step {
            Step::Kubelet(KubeletStep::Worker(own, _)) => own == uid,
            Step::Runtime(RuntimeStep::Perform(call)) => self.runtime(node).is_ok_and(|runtime| {
                runtime.request(*call).and_then(|request| pod_of(&runtime, request)).as_ref() == Some(uid)
            }),
            _ => false,
        }
    }

    /// A sync begins, or mounts volumes.
    pub(super) fn is_of_sync(&self, node: NodeId, uid: &Uid, step: &Step) -> bool {
        let is_sync = || self.worker(node, uid).is_some_and(|worker| worker.work() == Work::Sync);
        match step {
            Step::Kubelet(KubeletStep::Worker(_, WorkerStep::Mount)) => true,
            step => self.begins(node, uid, step) && is_sync(),
        }
    }

    /// The request of a call that is about to take effect.
    pub(super) fn request_of<T>(
        &self,
        node: NodeId,
        operation: &Operation,
        with: impl FnOnce(&Simulated, &Request) -> T,
    ) -> Option<T> {
        let Step::Runtime(RuntimeStep::Perform(call)) = operation.step else { return None };
        let runtime = self.runtime(node).ok()?;
        Some(with(&runtime, runtime.request(call)?))
    }

    pub(super) fn now(&self) -> Moment {
        self.cluster.now()
    }
}

/// Does nobody see it when this takes effect?
pub(super) fn is_unseen(runtime: &Simulated, request: &Request) -> bool {
    let find = |id| runtime.containers().find(move |(own, _)| *own == id).map(|(_, container)| container);
    let runs = |id| find(id).is_some_and(|container| container.process.is_some());
    let lives =
        |id| runtime.sandboxes().any(move |(own, sandbox)| own == id && sandbox.state == SandboxState::Ready);
    match request {
        Request::Status
        | Request::ListSandboxes { .. }
        | Request::ListContainers { .. }
        | Request::SandboxStatus(_)
        | Request::ContainerStatus(_)
        | Request::PullImage { .. } => true,
        // A second SIGTERM changes nothing (KIL-13).
        Request::StopContainer { container, .. } => {
            !runs(*container) || find(*container).is_some_and(|it| it.sigterm_at.is_some())
        }
        Request::Exec { container, .. } => !runs(*container),
        // What fails because there is no network.
        Request::RunSandbox(config) => runtime.faults().network_down && !config.host_network,
        // What fails because the sandbox has died.
        Request::CreateContainer { sandbox, .. } => !lives(*sandbox),
        Request::StartContainer(id) => find(*id).is_none_or(|container| !lives(container.status.sandbox)),
        // A sandbox that is stopped already, or that cannot be.
        Request::StopSandbox(id) => {
            let is_in_vain = |sandbox: &Sandbox| {
                sandbox.stopped
                    || runtime.faults().network_down
                        && sandbox.address.is_some()
                        && !sandbox.config.host_network
            };
            runtime.sandboxes().all(|(own, sandbox)| own != *id || is_in_vain(sandbox))
        }
        // A dead container that is gone already, or that a newer one has taken the place of.
        Request::RemoveContainer(id) => find(*id).is_none_or(|old| {
            runtime.containers().any(|(own, newer)| {
                own > *id
                    && newer.uid == old.uid
                    && newer.status.name == old.status.name
                    && newer.status.state != ContainerState::Created
            })
        }),
        Request::RemoveSandbox(_) => false,
    }
}
