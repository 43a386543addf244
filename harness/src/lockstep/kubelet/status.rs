//! What kubelets write of pods. Their status manager writes one pod after the other; the model's one pod in a step. So what else
//! is in a batch is given up, and comes with the next.

use k8s_openapi::api::core::v1::Pod;
use podproof_model::state::Worker;
use podproof_runtime::api::constants::{is_ready, is_terminal, phase_of};
use podproof_runtime::api::{Key, Request, Resource, Uid};
use podproof_runtime::client::{CallId, CallState};
use podproof_runtime::container_runtime::ContainerState;
use podproof_runtime::container_runtime::simulated::Simulated;
use podproof_runtime::kubelet::pod::{RestartPolicy, Role};
use podproof_runtime::kubelet::pod_worker::KnownPods;
use podproof_runtime::kubelet::pod_worker::step::WorkerStep;
use podproof_runtime::kubelet::status::merge::{Circumstances, Containers, merge};
use podproof_runtime::kubelet::status::write::Owed;
use podproof_runtime::kubelet::{Kubelet as RunningKubelet, KubeletStep};
use podproof_runtime::operation::Component;
use podproof_runtime::{Operation, Step};
use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::{Address, Deletion, Phase};
use podproof_vocabulary::{NodeId, PodId};

use super::drive::Driven;
use super::index;
use crate::lockstep::names::Name;
use crate::lockstep::observed::deletion_of;
use crate::lockstep::views::phase_named;
use crate::lockstep::{HIDDEN_MAX, Running};
use crate::{ModelSystem, Refused};

/// What is compared of a pod's status.
type Said = (Phase, bool, Option<Address>);

/// A write that somebody sees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    Status,
    Removal,
}

impl Running {
    fn said(&self, slot: PodId, pod: &Pod) -> Said {
        let ip = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
        let address = ip.map(|ip| self.address_of(slot, ip));
        (phase_named(phase_of(pod)), is_ready(pod), address)
    }

    /// What the status manager of a node would write by itself, as actions: statuses that differ in what is compared, and removals. It
    /// writes nothing while the node is cut off, or the API server is down.
    pub(super) fn owed_by(&self, node: NodeId, rest: &ModelSystem, operations: &mut Vec<Action>) {
        let Some(kubelet) = self.kubelet(node).filter(|_| self.is_heard(node, rest)) else { return };
        for (&pod, name) in &self.names {
            let Some(stored) = self.cluster.server().store().get::<Pod>(&name.key) else { continue };
            let owed = self.owed(kubelet, name, stored);
            let differs = |status| {
                let new = Pod { status: Some(status), ..stored.clone() };
                self.said(pod, &new) != self.said(pod, stored)
            };
            if owed.status.is_some_and(differs) {
                operations.push(Action::Kubelet(Kubelet::ReportStatus { pod }));
            }
            // DEL-8: only a finalizer keeps a pod whose grace is 0, and another deletion changes nothing.
            if owed.removal && deletion_of(stored) != Deletion::Immediate {
                operations.push(Action::Kubelet(Kubelet::RemovePod { pod }));
            }
        }
    }

    /// Does the API server run, and does this node reach it?
    pub(super) fn is_heard(&self, node: NodeId, rest: &ModelSystem) -> bool {
        let (model, state) = rest.model();
        !self.api_server_down && model.open(state, |cluster| cluster.node(node).machine.connected())
    }

    fn owed(&self, kubelet: &RunningKubelet, name: &Name, stored: &Pod) -> Owed {
        let pods = KnownPods { pods: &kubelet.parts().pods, workers: kubelet.workers() };
        let circumstances = self.circumstances(kubelet, &name.uid);
        kubelet.parts().status.owed(&name.uid, stored, &pods, circumstances)
    }

    /// Would the kubelet of a node say of a pod that it has ended, and nobody has said so yet?
    pub(super) fn says_end(&self, node: NodeId, pod: PodId) -> bool {
        let (Some(kubelet), Some(name)) = (self.kubelet(node), self.names.get(&pod)) else { return false };
        let Some(stored) = self.cluster.server().store().get::<Pod>(&name.key) else { return false };
        let status = self.owed(kubelet, name, stored).status;
        !is_terminal(stored)
            && status.is_some_and(|status| is_terminal(&Pod { status: Some(status), ..Pod::default() }))
    }

    fn circumstances(&self, kubelet: &RunningKubelet, uid: &Uid) -> Circumstances {
        Circumstances {
            containers: kubelet.workers().may_run(uid),
            release: self.scenario.release,
            now: self.cluster.now(),
            slips: self.slips,
        }
    }

    /// The status of a pod is patched.
    pub(super) fn report_status(&mut self, driven: &Driven, rest: &ModelSystem) -> Result<(), Refused> {
        let pod = driven.pod;
        let (model, state) = rest.model();
        let after = model.apply(state, &Action::Kubelet(Kubelet::ReportStatus { pod }));
        let object = model.open(&after, |cluster| cluster.pod(pod).api);
        let target = (object.phase(), object.ready(), object.address());
        self.settle_machine(driven.node)?;
        if self.would_say(driven) != Some(target) {
            if self.withholds(driven) {
                return Err(Refused::later(
                    "an init container that has ended runs again, and its status manager takes no such status (STM-8)",
                ));
            }
            let is_rejected = is_rejected(rest, pod);
            if is_rejected {
                self.look_what_runs(driven)?;
            }
            let ends =
                |own: &Self, operation: &Operation| is_rejected && own.ends_what_never_ran(driven, operation);
            self.drive(driven, ends, |own| own.would_say(driven) == Some(target))
                .map_err(|refused| self.says_instead(driven, refused, target))?;
        }
        self.write_of(driven, Write::Status)
    }

    /// A kubelet that starts says of no pod that it has failed before its housekeeping has looked what runs, and has stopped that (STM-4,
    /// PW-13).
    fn look_what_runs(&mut self, driven: &Driven) -> Result<(), Refused> {
        let &Driven { node, ref uid, .. } = driven;
        let may_run = self.kubelet(node).is_some_and(|own| own.workers().may_run(uid) == Containers::MayRun);
        if !may_run || self.worker(node, uid).is_some() {
            return Ok(());
        }
        if !self.is_purged(driven) && self.scenario.release.stops_what_runs_of_rejected_pods() {
            return Err(Refused::later(
                "what runs of it is stopped before it is told that it has failed (STM-4)",
            ));
        }
        self.keep_house(node)
    }

    /// A rejected pod gets a worker when it is deleted, which has nothing to stop (ADM-12, PW-4): the model has no worker then.
    pub(super) fn ends_what_never_ran(&self, driven: &Driven, operation: &Operation) -> bool {
        let is_unmounted =
            matches!(operation.step, Step::Kubelet(KubeletStep::Worker(_, WorkerStep::Unmount)));
        let is_there = |runtime: &Simulated| {
            runtime.sandboxes().any(|(_, own)| own.config.uid == driven.uid && !own.stopped)
        };
        (is_unmounted || self.begins(driven.node, &driven.uid, &operation.step))
            && !self.runtime(driven.node).is_ok_and(|runtime| is_there(&runtime))
    }

    /// Does an init container run again, or wait for that, in a new sandbox, that the status manager has said to have ended for good? Until it
    /// has ended once more no status is taken (STM-8; S28 `status_manager.go` `checkContainerStateTransition`); the model has no such memory.
    fn withholds(&self, driven: &Driven) -> bool {
        let Some(parts) = self.kubelet(driven.node).map(RunningKubelet::parts) else { return false };
        let (Some(said), Ok(seen), Some(pod)) =
            (parts.status.get(&driven.uid), parts.cache.get(&driven.uid), parts.pods.get(&driven.uid))
        else {
            return false;
        };
        let ends_for_good = |code: i32| match pod.spec.restart_policy {
            RestartPolicy::Always => false,
            RestartPolicy::OnFailure => code == 0,
            RestartPolicy::Never => true,
        };
        let is_sidecar = |name: &str| {
            pod.spec
                .init()
                .iter()
                .any(|container| *container.name == *name && container.role == Role::Sidecar)
        };
        let reasons = parts.reasons.of(&driven.uid);
        let is_to_end = |name: &str| match seen.containers.iter().find(|own| *own.name == *name) {
            Some(newest) => newest.state == ContainerState::Running,
            None => reasons.contains_key(name),
        };
        said.init_container_statuses.iter().flatten().any(|status| {
            let end = status.state.as_ref().and_then(|state| state.terminated.as_ref());
            let name = status.name.as_str();
            end.is_some_and(|end| ends_for_good(end.exit_code)) && is_to_end(name) && !is_sidecar(name)
        })
    }

    fn says_instead(&self, driven: &Driven, refused: Refused, target: Said) -> Refused {
        let why = format!("it would say {:?} and not {target:?}: {}", self.would_say(driven), refused.why);
        Refused { why, ..refused }
    }

    /// The object is removed, once nothing is left of the pod. One that was rejected gets a worker for that by housekeeping.
    pub(super) fn remove_pod(&mut self, driven: &Driven) -> Result<(), Refused> {
        if self.worker(driven.node, &driven.uid).is_none() {
            self.keep_house(driven.node)?;
            if self.worker(driven.node, &driven.uid).is_none() {
                self.expect_heard_of_end(driven)?;
            }
        }
        self.finish_pod(driven)?;
        self.write_of(driven, Write::Removal)
    }

    /// A rejected pod waits until the kubelet's copy of it says that it has ended; only then housekeeping gives it a worker (ADM-12).
    pub(super) fn expect_heard_of_end(&self, driven: &Driven) -> Result<(), Refused> {
        let key = self.key(driven.pod)?;
        let copy = self.kubelet(driven.node).and_then(|kubelet| kubelet.pods().get(&key));
        if copy.is_some_and(|pod| is_terminal(pod)) {
            return Ok(());
        }
        Err(Refused::later("its kubelet rejected it, and has not heard that it has failed (ADM-12)"))
    }

    /// What the status manager would write of a pod now.
    fn would_say(&self, driven: &Driven) -> Option<Said> {
        let kubelet = self.kubelet(driven.node)?;
        let stored = self.cluster.server().store().get::<Pod>(&self.key(driven.pod).ok()?)?;
        let known = stored.status.clone().unwrap_or_default();
        let computed = kubelet.parts().status.get(&driven.uid)?;
        let merged = merge(&known, computed, self.circumstances(kubelet, &driven.uid));
        Some(self.said(driven.pod, &Pod { status: Some(merged), ..stored.clone() }))
    }

    /// The next request of the status manager that is on its way.
    fn next_write(&self, node: NodeId) -> Option<(CallId, Request)> {
        let component = Component::Kubelet(index(node));
        let mut own = self.cluster.calls().iter().filter(|call| {
            let is_its = matches!(
                call.request,
                Request::Get(Resource::Pod, _)
                    | Request::Patch(Resource::Pod, ..)
                    | Request::Delete(Resource::Pod, ..)
            );
            call.caller == component && call.state == CallState::Sent && is_its
        });
        own.next().map(|call| (call.id, call.request.clone()))
    }

    fn give_up_writes(&mut self, node: NodeId) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            let Some((call, _)) = self.next_write(node) else { return Ok(()) };
            self.complete(Component::Kubelet(index(node)), Step::LoseRequest(call))?;
        }
        Err(Refused::because("the status manager goes on writing"))
    }

    /// The status manager writes this of a pod, in a batch of what has changed or of what differs (STM-1).
    fn write_of(&mut self, driven: &Driven, wanted: Write) -> Result<(), Refused> {
        let component = Component::Kubelet(index(driven.node));
        self.settle_machine(driven.node)?;
        self.give_up_writes(driven.node)?;
        let changed = Step::Kubelet(KubeletStep::WriteStatuses);
        let mut written = false;
        if self.steps_of_machine(driven.node).iter().any(|operation| operation.step == changed) {
            self.complete(component, changed)?;
            written = self.carry_out_batch(driven, wanted)?;
        }
        if !written {
            let next = self.kubelet(driven.node).and_then(|kubelet| kubelet.parts().status.next_reconcile());
            self.pass_until(next.ok_or_else(|| Refused::because("the status manager is at a batch"))?)?;
            self.complete(component, Step::Kubelet(KubeletStep::ReconcileStatuses))?;
            written = self.carry_out_batch(driven, wanted)?;
        }
        self.settle_machine(driven.node)?;
        match written {
            true => Ok(()),
            false => Err(Refused::because("the status manager has nothing to write of it")),
        }
    }

    /// A batch is carried out until this is written; the rest of it is given up.
    fn carry_out_batch(&mut self, driven: &Driven, wanted: Write) -> Result<bool, Refused> {
        let component = Component::Kubelet(index(driven.node));
        let key = self.key(driven.pod)?;
        for _ in 0..HIDDEN_MAX {
            let Some((call, request)) = self.next_write(driven.node) else { return Ok(false) };
            match (request, wanted) {
                (Request::Get(..), _) => {
                    self.carry_out(component, call).map(drop)?;
                }
                (Request::Patch(_, own, ..), Write::Status)
                | (Request::Delete(_, own, _), Write::Removal)
                    if own == key =>
                {
                    let answer = self.carry_out(component, call)?;
                    self.give_up_writes(driven.node)?;
                    return match answer {
                        Ok(_) => Ok(true),
                        Err(error) => Err(Refused::because(format!("the API server says {error}"))),
                    };
                }
                (Request::Patch(_, own, ..), Write::Removal)
                    if own == key && self.says_no_more(driven, &key) =>
                {
                    self.carry_out(component, call).map(drop)?;
                }
                (Request::Patch(_, own, ..), Write::Removal) if own == key => {
                    self.give_up_writes(driven.node)?;
                    return Err(Refused::later("its status is written before it is removed (STM-6)"));
                }
                _ => self.complete(component, Step::LoseRequest(call))?,
            }
        }
        Err(Refused::because("the status manager goes on writing"))
    }

    /// Would it say of the pod what is said already? Of one that has ended the address may come back with the worker that ends it
    /// (ADM-12, PLEG-11), just before it is removed: nobody reads that.
    fn says_no_more(&self, driven: &Driven, key: &Key) -> bool {
        let (Some(new), Some(old)) = (self.would_say(driven), self.is_said(driven.pod, key)) else {
            return false;
        };
        new == old || (new.0.is_terminal() && (new.0, new.1) == (old.0, old.1))
    }

    fn is_said(&self, pod: PodId, key: &Key) -> Option<Said> {
        self.cluster.server().store().get::<Pod>(key).map(|stored| self.said(pod, stored))
    }
}

/// Has the kubelet of the model rejected this pod?
pub(super) fn is_rejected(rest: &ModelSystem, pod: PodId) -> bool {
    let (model, state) = rest.model();
    model.open(state, |cluster| cluster.pod(pod).kubelet.worker()) == Worker::Rejected
}
