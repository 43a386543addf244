//! kube-scheduler and its watches: the runtime's own.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use podproof_runtime::api::constants::node_of;
use podproof_runtime::api::{Key, Kind, Object, Request, Resource};
use podproof_runtime::api_server::WatchEvent;
use podproof_runtime::client::{CallId, CallState};
use podproof_runtime::operation::{Process, Timer};
use podproof_runtime::scheduler::Scheduler;
use podproof_runtime::scheduler::filter::feasible;
use podproof_runtime::{Actor as _, Component, Slips, Step};
use podproof_vocabulary::action::{Action, Scheduler as Act, Watch};
use podproof_vocabulary::observation::TaintsSeen;
use podproof_vocabulary::{NodeId, PodId};

use super::observed::{is_unschedulable, taints_seen};
use super::{HIDDEN_MAX, Running};
use crate::{ModelSystem, Refused};

/// What the scheduler reads of a pod.
type PodRead = Option<(Option<NodeId>, bool)>;

/// What it reads of a node.
type NodeRead = (bool, TaintsSeen, bool);

/// What the watches have brought to the scheduler.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    pods: BTreeMap<Key, PodRead>,
    nodes: BTreeMap<Key, NodeRead>,
}

const OWN: Component = Component::Scheduler;

/// How often the scheduler looks for pods whose backoff is over.
const BACKOFF_FLUSH: Duration = Duration::from_secs(1);

impl Running {
    /// The pending operations of the scheduler.
    fn own(&self) -> Vec<Step> {
        self.steps_of(OWN)
    }

    fn actor(&self) -> Option<&Scheduler> {
        self.cluster.actor(Process::Scheduler).filter(|_| self.cluster.is_running(Process::Scheduler))
    }

    /// The scheduler lists and watches anew.
    pub(super) fn settle_scheduler(&mut self) -> Result<(), Refused> {
        if self.actor().is_some() {
            self.settle_watches(Process::Scheduler, 2)?;
        }
        self.know_all();
        Ok(())
    }

    /// Until the next flush, or by a second if one is due that must wait: pods that back off are looked for every second (SCH-9).
    fn let_time_pass(&mut self) -> Result<(), Refused> {
        let now = self.cluster.now();
        let next = self.actor().and_then(|actor| actor.next_deadline(now));
        let next = next.ok_or_else(|| Refused::because("nothing is ever due"))?;
        self.pass_until(if next > now { next } else { now + BACKOFF_FLUSH })
    }

    /// The watches have brought all that there is.
    pub(super) fn know_all(&mut self) {
        let store = self.cluster.server().store();
        let pods = store.all::<Pod>().map(|(key, pod)| (key.clone(), self.pod_read(pod)));
        let nodes = store.all::<Node>().map(|(key, node)| (key.clone(), self.node_read(key, node)));
        self.delivered = Delivered { pods: pods.collect(), nodes: nodes.collect() };
    }

    fn pod_read(&self, pod: &Pod) -> PodRead {
        let terminal = podproof_runtime::api::constants::is_terminal(pod);
        let node = || node_of(pod).and_then(|name| self.node_named(name));
        (!terminal).then(|| (node(), pod.is_deleting()))
    }

    fn node_read(&self, key: &Key, node: &Node) -> NodeRead {
        let own = self.scenario.nodes.iter().find(|own| own.name == key.name());
        let relabelled = own.is_some_and(|own| {
            own.later_labels.is_some() && node.metadata.labels.as_ref() != Some(&own.labels)
        });
        (is_unschedulable(node), taints_seen(&self.scenario, node), relabelled)
    }

    /// News arrive: as many events as it takes until the scheduler has read what the model's has.
    pub(super) fn deliver_to_scheduler(&mut self, watch: Watch, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        match watch {
            Watch::DeliverPod { pod, .. } => {
                let view = model.open(state, |cluster| cluster.pod(pod).scheduler.view());
                let target = view.present().then(|| (view.node(), view.deleting()));
                let key = self.key(pod)?;
                self.bring(Resource::Pod, |own| own.delivered.pods.get(&key).copied().flatten() == target)?;
                match model.open(state, |cluster| cluster.pod(pod).scheduler.assumed()) {
                    Some(_) => Ok(()),
                    None => self.fail_binding(&key),
                }
            }
            Watch::DeliverNode { node, .. } => {
                let view = model.open(state, |cluster| cluster.node(node).scheduler);
                let target = view.exists().then(|| (view.unschedulable(), view.taints(), view.relabelled()));
                let key = Key::global(&self.scenario.nodes[node.index()].name);
                self.bring(Resource::Node, |own| own.delivered.nodes.get(&key).copied() == target)
            }
            _ => Ok(()),
        }
    }

    /// A binding that is on its way when the news come that it cannot succeed: the model drops it with the news, here it fails.
    fn fail_binding(&mut self, key: &Key) -> Result<(), Refused> {
        let Some((call, _)) = self.binding_of(key) else { return Ok(()) };
        self.complete(OWN, Step::Arrive(call))?;
        let answered = self.cluster.calls().get(call).map(|call| call.state.clone());
        if !matches!(answered, Some(CallState::Answered(Err(_)))) {
            return Err(Refused::because("a binding succeeds that cannot"));
        }
        self.complete(OWN, Step::Answer(call))?;
        self.settle_conditions()
    }

    /// The same for all bindings that are on their way when the scheduler lists anew.
    pub(super) fn fail_bindings(&mut self, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let is_assumed =
            |&pod: &PodId| model.open(state, |cluster| cluster.pod(pod).scheduler.assumed()).is_some();
        let dropped = self.names.iter().filter(|(pod, _)| !is_assumed(pod)).map(|(_, name)| name.key.clone());
        for key in dropped.collect::<Vec<_>>() {
            self.fail_binding(&key)?;
        }
        Ok(())
    }

    fn bring(&mut self, resource: Resource, done: impl Fn(&Self) -> bool) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            if done(self) {
                return Ok(());
            }
            let Some(event) = self.next_event(Process::Scheduler, resource).cloned() else {
                return Err(Refused::because(format!("no watch of {} brings it", resource.plural())));
            };
            self.note(&event);
            self.deliver_next(Process::Scheduler, resource)?;
        }
        Err(Refused::because("too many events bring it"))
    }

    fn note(&mut self, event: &WatchEvent) {
        match event {
            WatchEvent::Added(key, object, _) | WatchEvent::Modified(key, object, _) => match object {
                Object::Pod(pod) => {
                    self.delivered.pods.insert(key.clone(), self.pod_read(pod));
                }
                Object::Node(node) => {
                    self.delivered.nodes.insert(key.clone(), self.node_read(key, node));
                }
                _ => {}
            },
            WatchEvent::Deleted(key, object, _) => match object {
                Object::Node(_) => drop(self.delivered.nodes.remove(key)),
                _ => drop(self.delivered.pods.remove(key)),
            },
            WatchEvent::Bookmark(_) => {}
        }
    }

    /// A step of the scheduler.
    pub(super) fn schedule(&mut self, step: Act, rest: &ModelSystem) -> Result<(), Refused> {
        match step {
            Act::AssumePod { pod, node } => {
                let (key, name) = (self.key(pod)?, self.scenario.nodes[node.index()].name.clone());
                *self.wish.borrow_mut() = Some(name.clone());
                self.cycle(&key, rest)?;
                match self.binding_of(&key) {
                    Some((_, chosen)) if chosen == name => Ok(()),
                    Some((_, chosen)) => {
                        Err(Refused::because(format!("{name} passes no filter; {chosen} was chosen")))
                    }
                    None => Err(Refused::because("no node passes every filter")),
                }
            }
            Act::ParkPod { pod } => {
                let key = self.key(pod)?;
                self.cycle(&key, rest)?;
                if let Some((_, chosen)) = self.binding_of(&key) {
                    return Err(Refused::because(format!("{chosen} passes every filter")));
                }
                self.complete(OWN, Step::Park(key))?;
                self.settle_conditions()
            }
            Act::BindPod { pod } => {
                let key = self.key(pod)?;
                let bound = self.binding_of(&key);
                let (call, _) = bound.ok_or_else(|| Refused::because("no binding is in flight"))?;
                self.complete(OWN, Step::Arrive(call))?;
                self.complete(OWN, Step::Answer(call))?;
                self.settle_conditions()
            }
            Act::FlushPod { pod } => {
                let key = self.key(pod)?;
                self.until_active(&key, true, rest)
            }
        }
    }

    /// One scheduling cycle of this pod.
    fn cycle(&mut self, key: &Key, rest: &ModelSystem) -> Result<(), Refused> {
        self.until_active(key, false, rest)?;
        self.complete(OWN, Step::Schedule(key.clone()))
    }

    /// Time passes until a pod that backs off, or waits for an event if that is flushed too, is to be tried, and those before it are
    /// tried that come to nothing.
    fn until_active(&mut self, key: &Key, flushes: bool, rest: &ModelSystem) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            let own = self.own();
            if own.contains(&Step::Schedule(key.clone())) {
                return Ok(());
            }
            let due = own.into_iter().find(|step| match step {
                Step::Wake(Timer::BackoffFlush) => true,
                Step::Wake(Timer::UnschedulableFlush) => flushes,
                _ => false,
            });
            match due {
                Some(step) => self.complete(OWN, step)?,
                None => {
                    let queue = self.actor().map(Scheduler::queue);
                    if !flushes && queue.is_some_and(|queue| queue.is_unschedulable(key)) {
                        return Err(Refused::because("the pod waits for an event, and none has woken it"));
                    }
                    let others = queue
                        .is_some_and(|queue| queue.next().next().is_some() && queue.attempts(key).is_some());
                    if let Some(first) = self.tried_in_vain(rest).filter(|_| others) {
                        self.complete(OWN, Step::Schedule(first.clone()))?;
                        if self.own().contains(&Step::Park(first.clone())) {
                            self.complete(OWN, Step::Park(first))?;
                        }
                        self.settle_conditions()?;
                        continue;
                    }
                    if others {
                        return Err(Refused::later("other pods are tried before this one (SCH-2)"));
                    }
                    self.let_time_pass()?;
                }
            }
        }
        Err(Refused::because("the pod is never tried"))
    }

    /// A pod that is to be tried now and whose cycle the model has no step for: it knows that the pod is deleted, which the cycle finds
    /// out (`skipPodSchedule`), or has parked it, and there still is no node. As long as anything else is possible, news may wake such a
    /// pod in the model, too.
    fn tried_in_vain(&self, rest: &ModelSystem) -> Option<Key> {
        let actor = self.actor()?;
        let (model, state) = rest.model();
        let store = self.cluster.server().store();
        let is_last = |action: &Action| matches!(action, Action::Environment(_) | Action::Scheduler(_));
        let nothing_else = rest.enabled().iter().all(is_last);
        let comes_to_nothing = |slot: PodId, key: &Key| {
            let is_dropped = self.delivered.pods.get(key).copied().flatten() != Some((None, false));
            let is_parked = model.open(state, |cluster| cluster.pod(slot).scheduler.rejected_by() != 0);
            let fits_nowhere = |pod| feasible(pod, actor.cache(), Slips::NONE).is_err();
            is_dropped || (nothing_else && is_parked && store.get::<Pod>(key).is_some_and(fits_nowhere))
        };
        actor.queue().next().find_map(|key| {
            let (&slot, _) = self.names.iter().find(|(_, name)| name.key == *key)?;
            comes_to_nothing(slot, key).then(|| key.clone())
        })
    }

    /// The binding of a pod that is on its way, and the node that was chosen.
    pub(super) fn binding_of(&self, pod: &Key) -> Option<(CallId, String)> {
        self.cluster.calls().iter().find_map(|call| match &call.request {
            Request::Bind { pod: own, node, .. } if own == pod && matches!(call.state, CallState::Sent) => {
                Some((call.id, node.to_string()))
            }
            _ => None,
        })
    }

    /// Conditions that the scheduler writes are written.
    pub(super) fn settle_conditions(&mut self) -> Result<(), Refused> {
        for _ in 0..HIDDEN_MAX {
            let hidden = self.own().into_iter().find(|step| match step {
                Step::Arrive(call) | Step::Answer(call) => self
                    .cluster
                    .calls()
                    .get(*call)
                    .is_some_and(|call| matches!(call.request, Request::Patch(..))),
                _ => false,
            });
            match hidden {
                Some(step) => self.complete(OWN, step)?,
                None => return Ok(()),
            }
        }
        Err(Refused::because("the scheduler goes on writing conditions"))
    }

    /// What the scheduler could do, as actions. A pod that the model has parked is flushed first there, if it has found a node.
    pub(super) fn scheduling(&self, rest: &ModelSystem, operations: &mut Vec<Action>) {
        let Some(actor) = self.actor() else { return };
        for (&slot, name) in &self.names {
            if self.binding_of(&name.key).is_some() {
                operations.push(Action::Scheduler(Act::BindPod { pod: slot }));
            }
        }
        let (model, state) = rest.model();
        let ready: Vec<&Key> = actor.queue().next().collect();
        let named = self.names.iter().map(|(&slot, name)| (slot, &name.key));
        for (slot, key) in named.filter(|(_, key)| ready.contains(key)) {
            let store = self.cluster.server().store();
            // A pod that is seen to be deleted, or to be gone, is dropped by its cycle.
            let seen = self.delivered.pods.get(key).copied().flatten();
            let Some(pod) = store.get::<Pod>(key).filter(|_| matches!(seen, Some((None, false)))) else {
                continue;
            };
            let own = model.open(state, |cluster| cluster.pod(slot).scheduler);
            // A binding that was written although its outcome was lost is tried again in vain: the model waits for the news (SCH-6).
            if own.refused() {
                continue;
            }
            let parked = own.rejected_by() != 0;
            match feasible(pod, actor.cache(), Slips::NONE) {
                Ok(_) if parked => operations.push(Action::Scheduler(Act::FlushPod { pod: slot })),
                Ok(nodes) => {
                    let nodes = nodes.iter().filter_map(|node| self.node_named(node.name()));
                    operations.extend(nodes.map(|node| assume(slot, node)));
                }
                Err(_) if parked => {}
                Err(_) => operations.push(Action::Scheduler(Act::ParkPod { pod: slot })),
            }
        }
    }
}

const fn assume(pod: PodId, node: NodeId) -> Action {
    Action::Scheduler(Act::AssumePod { pod, node })
}
