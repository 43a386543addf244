//! Pods terminate, containers are stopped.

use podproof_model::kubelet::container_runtime;
use podproof_model::state::Worker;
use podproof_runtime::Step;
use podproof_runtime::api::Kind as _;
use podproof_runtime::container_runtime::simulated::{RuntimeStep, Simulated};
use podproof_runtime::container_runtime::{CallId, ContainerId as InstanceId, Request, SandboxState};
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::kill::container::{KillContainer, KillStep};
use podproof_runtime::kubelet::pod_worker::activity::Activity;
use podproof_runtime::kubelet::pod_worker::step::WorkerStep;
use podproof_runtime::kubelet::pod_worker::{PodWorker, Work};
use podproof_runtime::kubelet::sync_loop::Source;
use podproof_runtime::operation::Component;
use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::{ContainerId, NodeId};

use super::drive::Driven;
use super::index;
use super::status::is_rejected;
use crate::lockstep::{HIDDEN_MAX, Running};
use crate::{ModelSystem, Refused};

/// The kill of a container that is under way.
impl Running {
    fn kill_of(&self, driven: &Driven, id: InstanceId) -> Option<&KillContainer> {
        let kill = self.worker(driven.node, &driven.uid)?.kill()?;
        kill.containers().iter().find(|container| container.id() == id)
    }

    /// A container of a pod that goes on begins to be stopped.
    pub(super) fn begin_stop(
        &mut self,
        driven: &Driven,
        container: ContainerId,
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        let (_, id) = self.running_of(driven.pod, container)?;
        let stops = self.drive(driven, |_, _| false, |own| own.kill_of(driven, id).is_some());
        let (model, state) = rest.model();
        let is_done = || model.open(state, |cluster| container_runtime::is_done(cluster, driven.pod));
        stops.map_err(|refused| match is_done() {
            true => Refused::for_good("no sync began before its pod was seen to be done (CPA-4, CPA-11)"),
            false => refused,
        })
    }

    /// The worker begins to terminate its pod. One that never started, and was forgotten with others (PW-12), has nothing to do; one
    /// whose sync stops everything already (CPA-2, CPA-11) goes on with that, and its termination finds nothing more to stop. That of a
    /// pod of which nothing is left would end as soon as it begins; the model's ends with the stop of its sandbox.
    pub(super) fn begin_termination(&mut self, driven: &Driven, rest: &ModelSystem) -> Result<(), Refused> {
        let &Driven { node, pod, ref uid, .. } = driven;
        self.settle_machine(node)?;
        self.expect_told_of_end(driven, rest)?;
        self.tell_of_end(driven, rest)?;
        if self.worker(node, uid).is_none() {
            // PW-13.
            self.keep_house(node)?;
            let is_known = self.worker(node, uid).is_some() || !self.is_configured(driven);
            if !is_known && self.is_purged(driven) {
                self.expect_heard_of_end(driven)?;
            }
        }
        // Of what is configured no more housekeeping stops what runs alone (S28 `GetPods`); the rest is for the collector.
        if !self.was_forgotten(driven) && self.has_something_to_stop(driven)? {
            let has_begun = |own: &Self| {
                own.worker(node, uid).is_some_and(|own| own.has_begun_to_terminate() || own.stops_for_good())
            };
            self.drive(driven, |own, operation| own.begins(node, uid, &operation.step), has_begun)?;
        }
        self.machines.begun.insert(pod, node);
        Ok(())
    }

    /// A terminal phase that the kubelet had heard of, and that is gone again, is a reason to stop only if somebody told the worker of it
    /// meanwhile: a relist that found something, a probe, the resync.
    fn expect_told_of_end(&self, driven: &Driven, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let kubelet = model.open(state, |cluster| cluster.pod(driven.pod).kubelet);
        let view = kubelet.view();
        let has_other = !view.present() || view.is_deleting() || view.terminal() || kubelet.evicted();
        let worker = self.worker(driven.node, &driven.uid);
        if kubelet.heard_of_end() && !has_other && worker.is_some_and(|worker| worker.work() == Work::Sync) {
            return Err(Refused::for_good("nobody has told its worker of an end that is gone again (SRC-2)"));
        }
        Ok(())
    }

    /// Of a pod without a grace period what stops it decides over its hooks: a sync that finds it done has none for them, a worker that
    /// is told has a moment (PW-18). The model's kubelet has heard, so the worker is told before a sync that is pending begins.
    fn tell_of_end(&mut self, driven: &Driven, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let is_disputed =
            model.open(state, |cluster| podproof_model::kubelet::status::is_disputed(cluster, driven.pod));
        let pends = |worker: &&PodWorker| worker.work() == Work::Sync && worker.has_update();
        let resync = self.worker(driven.node, &driven.uid).filter(pends).and_then(PodWorker::resync_at);
        match resync {
            Some(at) if is_disputed && self.scenario.workload.template.grace_seconds == 0 => {
                self.pass_beyond(at)?;
                self.settle_machine(driven.node)
            }
            _ => Ok(()),
        }
    }

    /// Has the pod a sandbox that nobody has stopped, a process, or a sync that may make one?
    fn has_something_to_stop(&self, driven: &Driven) -> Result<bool, Refused> {
        let worker = self.worker(driven.node, &driven.uid);
        // What the garbage collector has written comes as RECONCILE, and tells no worker (SRC-2).
        let syncs = |worker: &PodWorker| {
            matches!(worker.activity(), Activity::Syncing(_))
                || worker.has_update() && worker.work() == Work::Sync
        };
        if worker.is_some_and(syncs) {
            return Ok(true);
        }
        let runtime = self.runtime(driven.node)?;
        let has_sandbox = runtime.sandboxes().any(|(_, it)| it.config.uid == driven.uid && !it.stopped);
        Ok(has_sandbox || runtime.containers().any(|(_, it)| it.uid == driven.uid && it.process.is_some()))
    }

    /// No worker knows the pod, and nothing is left of it that runs.
    pub(super) fn is_purged(&self, driven: &Driven) -> bool {
        let is_left = |runtime: &Simulated| {
            runtime.sandboxes().any(|(_, it)| it.config.uid == driven.uid && it.state == SandboxState::Ready)
                || runtime.containers().any(|(_, it)| it.uid == driven.uid && it.process.is_some())
        };
        self.worker(driven.node, &driven.uid).is_none()
            && !self.runtime(driven.node).is_ok_and(|runtime| is_left(&runtime))
    }

    /// Nothing of it runs, it is configured no more, and it has no worker: housekeeping has forgotten one that had not begun, with those
    /// of other such pods (PW-12), or this kubelet has never known it.
    pub(super) fn was_forgotten(&self, driven: &Driven) -> bool {
        self.is_purged(driven) && !self.is_configured(driven)
    }

    /// Does its kubelet's source name the pod?
    pub(super) fn is_configured(&self, driven: &Driven) -> bool {
        self.kubelet(driven.node)
            .is_some_and(|kubelet| kubelet.pods().iter().any(|(_, pod)| pod.uid() == driven.uid))
    }

    /// A preStop hook begins: in the container, or in the kubelet.
    pub(super) fn run_pre_stop(&mut self, driven: &Driven, container: ContainerId) -> Result<(), Refused> {
        let (node, id) = self.running_of(driven.pod, container)?;
        self.take_kill_step(driven, id, KillStep::BeginPreStop)?;
        let is_its =
            |request: &Request| matches!(request, Request::Exec { container, .. } if *container == id);
        if let Some(call) = self.call_in_flight(node, is_its)? {
            self.complete_runtime(node, RuntimeStep::Perform(call))?;
        }
        self.settle_machine(node)
    }

    /// It ends.
    pub(super) fn finish_pre_stop(&mut self, driven: &Driven, container: ContainerId) -> Result<(), Refused> {
        let (node, id) = self.running_of(driven.pod, container)?;
        let is_its =
            |request: &Request| matches!(request, Request::Exec { container, .. } if *container == id);
        match self.call_in_flight(node, is_its)? {
            Some(call) => self.wait_for(node, RuntimeStep::FinishExec(call))?,
            None => self.take_kill_step(driven, id, KillStep::FinishPreStop)?,
        }
        self.settle_machine(node)
    }

    /// The grace period of a stop runs out: in the kubelet, or after SIGTERM in the runtime.
    pub(super) fn expire_grace(&mut self, driven: &Driven, container: ContainerId) -> Result<(), Refused> {
        let (node, id) = self.running_of(driven.pod, container)?;
        let has_sigterm =
            self.runtime(node)?.containers().any(|(own, it)| own == id && it.sigterm_at.is_some());
        let stop = self.stop_of(node, id);
        if stop.is_err() || !has_sigterm {
            match stop {
                // A kill that begins again runs the hook again (KIL-13).
                Err(_) if has_sigterm && self.is_hook_due(driven, id) => {
                    return Err(Refused::later("its hook runs again first (KIL-13)"));
                }
                Err(_) => self.take_kill_step(driven, id, KillStep::ExpireGrace)?,
                // Its hook has used it up.
                Ok(_) => {
                    self.machines.expired.insert((node, id));
                }
            }
            return self.settle_machine(node);
        }
        let call = stop?;
        for _ in 0..HIDDEN_MAX {
            let (mut steps, now) = (Vec::new(), self.now());
            self.runtime(node)?.pending(now, &mut steps);
            if steps.contains(&RuntimeStep::Kill(call)) {
                self.machines.expired.insert((node, id));
                return Ok(());
            }
            let next = self.runtime(node)?.next_deadline(now);
            self.pass_until(next.ok_or_else(|| Refused::because("its grace never runs out"))?)?;
        }
        Err(Refused::because("its grace does not run out for long"))
    }

    fn is_hook_due(&self, driven: &Driven, id: InstanceId) -> bool {
        let now = self.now();
        self.kill_of(driven, id).is_some_and(|kill| kill.pending(now).contains(&Some(KillStep::BeginPreStop)))
    }

    fn stop_of(&self, node: NodeId, id: InstanceId) -> Result<CallId, Refused> {
        let is_its = |request: &Request| matches!(request, Request::StopContainer { container, .. } if *container == id);
        self.call_in_flight(node, is_its)?.ok_or_else(|| Refused::because("no stop is on its way"))
    }

    /// SIGTERM reaches the main process of a container.
    pub(super) fn send_sigterm(&mut self, driven: &Driven, container: ContainerId) -> Result<(), Refused> {
        let (node, id) = self.running_of(driven.pod, container)?;
        let is_its = |request: &Request| matches!(request, Request::StopContainer { container, .. } if *container == id);
        self.drive(
            driven,
            |own, operation| own.request_of(node, operation, |_, request| is_its(request)) == Some(true),
            |own| {
                own.runtime(node).is_ok_and(|runtime| {
                    runtime.containers().any(|(own, it)| own == id && it.sigterm_at.is_some())
                })
            },
        )
    }

    /// SIGKILL.
    pub(super) fn send_sigkill(&mut self, driven: &Driven, container: ContainerId) -> Result<(), Refused> {
        let (node, id) = self.running_of(driven.pod, container)?;
        let call = self.stop_of(node, id)?;
        self.wait_for(node, RuntimeStep::Kill(call))?;
        self.settle_machine(node)
    }

    /// The container takes this step of its kill, once its time has come.
    fn take_kill_step(&mut self, driven: &Driven, id: InstanceId, step: KillStep) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            let now = self.now();
            let kill = self.kill_of(driven, id);
            let kill = kill.ok_or_else(|| Refused::because("it is not being stopped"))?;
            if kill.pending(now).contains(&Some(step)) {
                let step = KubeletStep::Worker(driven.uid.clone(), WorkerStep::Kill(id, step));
                return self.complete(Component::Kubelet(index(driven.node)), Step::Kubelet(step));
            }
            let next = kill.next_deadline(now);
            self.pass_until(next.ok_or_else(|| Refused::because(format!("{step:?} is never due")))?)?;
        }
        Err(Refused::because(format!("{step:?} is not due for long")))
    }

    /// StopPodSandbox takes effect, and the look at what is left finds nothing that runs (STP-5).
    pub(super) fn stop_sandbox(&mut self, driven: &Driven, rest: &ModelSystem) -> Result<(), Refused> {
        let &Driven { node, pod, ref uid, .. } = driven;
        if !self.is_purged(driven) {
            if !driven.may_relist && self.worker(node, uid).is_some_and(PodWorker::stops_for_good) {
                return Err(Refused::later(
                    "after the sync that stops it its worker waits for a relist (PW-16)",
                ));
            }
            let is_stop = |_: &Simulated, request: &Request| matches!(request, Request::StopSandbox(_));
            self.drive(
                driven,
                |own, operation| {
                    own.begins(node, uid, &operation.step)
                        || own.request_of(node, operation, is_stop) == Some(true)
                },
                // The worker of what only the runtime knows goes with it.
                |own| own.worker(node, uid).is_none_or(|worker| worker.work() == Work::Terminated),
            )?;
        }
        self.machines.laid_down.insert(pod);
        let (model, state) = rest.model();
        let after = model.apply(state, &Action::Kubelet(Kubelet::StopSandbox { pod }));
        if model.open(&after, |cluster| cluster.pod(pod).kubelet.worker()) == Worker::Rejected {
            self.machines.begun.remove(&pod);
        }
        Ok(())
    }

    /// What the pod held is given back.
    pub(super) fn finish_pod(&mut self, driven: &Driven) -> Result<(), Refused> {
        let &Driven { node, ref uid, .. } = driven;
        if self.is_purged(driven) {
            return Ok(());
        }
        let unmount = Step::Kubelet(KubeletStep::Worker(uid.clone(), WorkerStep::Unmount));
        self.drive(
            driven,
            |own, operation| own.begins(node, uid, &operation.step) || operation.step == unmount,
            |own| own.worker(node, uid).is_some_and(PodWorker::is_finished),
        )
    }

    /// Housekeeping forgets a pod that is finished and not configured any more; with it all others that are. The worker of one that was
    /// rejected may have begun to stop it when it was deleted (ADM-12, PW-4), and comes to its end first, if it ever ran (PW-12).
    pub(super) fn forget_pod(&mut self, driven: &Driven, rest: &ModelSystem) -> Result<(), Refused> {
        let has_worker = |own: &Self| own.worker(driven.node, &driven.uid).is_some();
        let has_begun = |worker: &PodWorker| worker.has_begun_to_terminate() && !worker.is_finished();
        let mut ended = Ok(());
        if is_rejected(rest, driven.pod) && self.worker(driven.node, &driven.uid).is_some_and(has_begun) {
            ended = self.drive(
                driven,
                |own, operation| own.ends_what_never_ran(driven, operation),
                |own| own.worker(driven.node, &driven.uid).is_none_or(PodWorker::is_finished),
            );
        }
        if has_worker(self) {
            self.keep_house(driven.node)?;
        }
        if has_worker(self) {
            return ended.and(Err(Refused::because("housekeeping does not forget it")));
        }
        self.machines.forgotten.insert(driven.pod);
        self.machines.begun.remove(&driven.pod);
        Ok(())
    }

    /// Housekeeping runs once.
    pub(super) fn keep_house(&mut self, node: NodeId) -> Result<(), Refused> {
        let take = Step::Kubelet(KubeletStep::Take(Source::Housekeeping));
        let component = Component::Kubelet(index(node));
        let is_healthy = self.kubelet(node).is_none_or(|own| own.parts().pleg.is_healthy(self.now()));
        if self.runtime(node)?.faults().hung || !is_healthy {
            return Err(Refused::later("no house is kept while the runtime is not well (SRC-5)"));
        }
        for _ in 0..HIDDEN_MAX {
            self.settle_machine(node)?;
            if self.steps_of_machine(node).iter().any(|operation| operation.step == take) {
                self.complete(component, take)?;
                return self.settle_machine(node);
            }
            let kubelet = self.process(super::process(node));
            let next = kubelet.and_then(|kubelet| kubelet.next_deadline(self.now()));
            self.pass_until(next.ok_or_else(|| Refused::because("no house is kept here"))?)?;
        }
        Err(Refused::because("no house is kept here for long"))
    }
}
