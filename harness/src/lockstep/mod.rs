//! The runtime as a [`System`](crate::System): step by step what the model does, component by component.
//!
//! A component that is *covered* is the runtime's own: each of its actions is the completion of pending operations of the
//! runtime, with the hidden steps of [`HIDDEN`]. All others are *played* by a model of its own, and what they write is sent to
//! the runtime's API server as the real component would send it. What an outsider sees of the API comes from the runtime's
//! store, so the API server is compared whoever wrote.
//!
//! - [`covered`]: which components are the runtime's own; [`fit`]: which scenarios can be run
//! - `operations`: completing what is pending, waiting, following watches; [`hidden`]: what the model has no action for
//! - `kubelet`: the kubelets and their machines
//! - `scheduler`, `controllers` with `meaning`, `news` and `told`, `nodes`, `taint_eviction`, `garbage`, `proxy`,
//!   `eviction`, `restarts`, `lost`: a file for each part of the runtime
//! - `judged`: promises that read the copies of the runtime's components
//! - `played`, `workload`: what the others write; `names`, `views`, `observed`: the runtime's objects in the words of the model

mod controllers;
pub mod covered;
mod eviction;
pub mod fit;
mod garbage;
pub mod hidden;
mod judged;
pub mod kubelet;
mod lost;
mod meaning;
mod names;
mod news;
mod nodes;
mod observed;
mod operations;
mod played;
mod proxy;
mod restarts;
mod scheduler;
mod taint_eviction;
mod told;
mod views;
mod workload;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem;
use std::rc::Rc;

use podproof_runtime::api::{Key, Object, Request, Response};
use podproof_runtime::chooser::Question;
use podproof_runtime::client::CallId;
use podproof_runtime::{Cluster, Slips};
use podproof_vocabulary::action::{
    Action, Component, Environment, Process as Started, Proxy, ReplicaSet, Watch, Watcher,
};
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::Scenario;
use podproof_vocabulary::{NodeId, PodId};

pub use covered::Covered;
pub use fit::{fit, unfit};
pub use hidden::{HIDDEN, Hidden};

use crate::system::Parts;
use crate::{ModelSystem, Refused, System, Unfit};
use hidden::{Counts, HIDDEN_MAX};
use names::Name;
use proxy::Endpoints;
use scheduler::Delivered;

/// The runtime, and a model that plays the rest.
pub struct RuntimeSystem {
    slips: Slips,
    covered: Covered,
    rest: ModelSystem,
    /// What the model that plays the rest showed last.
    shown: Option<Observation>,
    /// Somebody has looked since it was reset.
    observed: bool,
    running: Option<Running>,
}

struct Running {
    scenario: Scenario,
    /// The wrong mechanisms that are on.
    slips: Slips,
    covered: Covered,
    cluster: Cluster,
    /// The node that the next scheduling cycle is to choose.
    wish: Rc<RefCell<Option<String>>>,
    /// The pod of each slot.
    names: BTreeMap<PodId, Name>,
    /// Pods that were ever created.
    created: u32,
    delivered: Delivered,
    /// Pods that the last sync of a ReplicaSet chose to delete, those left that the model has not chosen.
    victims: Vec<PodId>,
    /// The ReplicaSet whose sync chose to delete a pod.
    deletions: BTreeMap<Key, Key>,
    /// Evictions that are granted and have not deleted.
    evictions: BTreeMap<PodId, CallId>,
    /// The endpoints that the rules of a node were computed from.
    programmed: BTreeMap<NodeId, Endpoints>,
    /// A write of the Deployment controller was given up, and no worker has looked at the Deployment since.
    scaling_given_up: bool,
    /// The controllers have heard of nodes since the last pass over them.
    news_of_nodes: bool,
    machines: kubelet::Machines,
    /// Since the controllers began, their watches broke.
    watches_broke: bool,
    /// The API server is down: requests wait.
    api_server_down: bool,
    /// A step of the runtime that the model does not allow.
    unlawful: Option<Action>,
    /// What was completed in the step that is under way.
    counts: Counts,
    /// What the last step broke of the promises that read a component's copy.
    broken: PropertySet,
}

impl RuntimeSystem {
    /// The runtime with these wrong mechanisms and every component that can be its own.
    pub fn new(slips: Slips) -> Self {
        Self::with(slips, Covered::ALL)
    }

    /// The runtime with these wrong mechanisms and these components.
    pub fn with(slips: Slips, covered: Covered) -> Self {
        Self { slips, covered, rest: ModelSystem::default(), shown: None, observed: false, running: None }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("a system is reset before anything else")
    }

    /// The runtime takes a step of one of its own components, and the model that plays the rest follows.
    fn take(&mut self, action: &Action) -> Result<(), Refused> {
        let running = self.running.as_mut().expect("a system is reset before anything else");
        let wanted = running.wanted(action);
        let created = match *action {
            Action::Scheduler(step) => running.schedule(step, &self.rest).map(|()| None),
            Action::Proxy(Proxy::ProgramRules { node }) => running.program(node).map(|()| None),
            Action::Kubelet(_) | Action::Container(_) => {
                running.run_machine(action, self.rest.enabled(), &self.rest).map(|()| None)
            }
            _ => running.control(action, self.rest.enabled(), &self.rest),
        }?;
        running.broken = running.judge(action, wanted);
        let creates = matches!(action, Action::ReplicaSet(ReplicaSet::CreatePod { .. }));
        self.follow(action, created.filter(|_| creates))
    }

    /// The model that plays the rest takes the step that the runtime has taken, and that may have created a pod.
    fn follow(&mut self, action: &Action, created: Option<Object>) -> Result<(), Refused> {
        let has_pod = |seen: &Observation, slot: &PodId| seen.slots[slot.index()].pod.is_some();
        let mut shown = self.shown.take().unwrap_or_else(|| self.rest.observation());
        let is_free = |slot: &PodId| created.is_some() && !has_pod(&shown, slot);
        let free: Vec<PodId> = PodId::first(shown.slots.len()).filter(is_free).collect();
        self.rest.apply(action)?;
        self.rest.observe(&mut shown);
        let running = self.running.as_mut().expect("a system is reset before anything else");
        if let Some(pod) = created {
            let slot = free.into_iter().find(|slot| has_pod(&shown, slot));
            slot.into_iter().for_each(|slot| running.name(slot, &pod));
        }
        self.shown = Some(shown);
        Ok(())
    }

    /// The model that plays the rest takes a step, and what it writes is sent to the runtime's API server.
    fn play(&mut self, action: &Action) -> Result<(), Refused> {
        let before = self.shown.take().unwrap_or_else(|| self.rest.observation());
        let mut after = before.clone();
        self.rest.apply(action)?;
        self.rest.observe(&mut after);
        let running = self.running.as_mut().expect("a system is reset before anything else");
        let written = running.replay_writes(action, &before, &after, &self.rest);
        self.shown = Some(after);
        written
    }

    fn hear(&mut self, watch: Watch) -> Result<(), Refused> {
        self.play(&Action::Watch(watch))?;
        let running = self.running.as_mut().expect("a system is reset before anything else");
        match watch {
            Watch::List { watcher } => {
                running.list(watcher)?;
                match watcher {
                    Watcher::Scheduler => running.fail_bindings(&self.rest),
                    _ => Ok(()),
                }
            }
            Watch::DeliverPod { to, .. } | Watch::DeliverNode { to, .. } => match to {
                Watcher::Scheduler if running.covered.has(Component::Scheduler) => {
                    running.deliver_to_scheduler(watch, &self.rest)
                }
                Watcher::ControllerManager => running.deliver_to_controllers(watch, &self.rest),
                Watcher::Kubelet(node) => match watch {
                    Watch::DeliverPod { pod, .. } => running.deliver_to_kubelet(node, pod, &self.rest),
                    _ => Ok(()),
                },
                _ => Ok(()),
            },
            Watch::DeliverSlice { node } => running.deliver_slice(node, &self.rest),
            _ => running.deliver_to_controllers(watch, &self.rest),
        }
    }

    fn step(&mut self, action: &Action) -> Result<(), Refused> {
        let running = self.running.as_mut().expect("a system is reset before anything else");
        running.begin_step();
        running.machines.begin_step();
        running.broken = PropertySet::NONE;
        match *action {
            _ if running.covered.takes(action) => self.take(action),
            Action::Watch(watch) => self.hear(watch),
            Action::Drain(step) if running.covered.has(Component::DisruptionController) => {
                running.evict(step, &self.rest)?;
                self.follow(action, None)
            }
            Action::Environment(Environment::LoseResponse { write, committed }) if running.sends(write) => {
                let created = running.lose_outcome(write, committed, &self.rest)?;
                self.follow(action, created)
            }
            Action::Environment(step) => {
                running.harm(step, &self.rest)?;
                match step {
                    Environment::StopScheduler => running.stop(Watcher::Scheduler)?,
                    Environment::StopControllerManager => running.stop(Watcher::ControllerManager)?,
                    Environment::StopProxy { node } => running.stop(Watcher::Proxy(node))?,
                    Environment::BreakWatches { watcher } => running.break_watches(watcher)?,
                    Environment::StopApiServer => running.stop_api_server()?,
                    Environment::CrashNode { node } => running.crash_proxy(node)?,
                    Environment::AddNode { node } | Environment::ReturnNode { node } => {
                        running.start_proxy(node);
                    }
                    _ => {}
                }
                self.play(action)
            }
            Action::Process(step) => {
                match step {
                    Started::StartScheduler => running.start(Watcher::Scheduler)?,
                    Started::StartControllerManager => running.start(Watcher::ControllerManager)?,
                    Started::StartApiServer => running.api_server_down = false,
                    Started::StartKubelet { node } => running.start_kubelet(node)?,
                }
                self.play(action)
            }
            _ => self.play(action),
        }
    }

    /// After a step: what the runtime does and nobody sees. Says on which nodes rules were programmed again.
    fn settle(&mut self) -> Result<Vec<NodeId>, Refused> {
        let enabled = self.rest.enabled();
        let running = self.running.as_mut().expect("a system is reset before anything else");
        running.settle_evictions(&self.rest)?;
        running.evict_in_vain(&self.rest)?;
        if self.rest.is_stuck() || is_choosing(enabled) || running.api_server_down {
            return Ok(Vec::new());
        }
        if running.has_controllers() {
            running.settle_controllers(enabled, &self.rest)?;
        }
        running.settle_proxies(enabled)
    }
}

impl System for RuntimeSystem {
    fn reset(&mut self, scenario: &Scenario) -> Result<(), Unfit> {
        if let Some(why) = unfit(scenario, self.covered) {
            return Err(Unfit { why });
        }
        self.rest.reset(scenario)?;
        let mut shown = self.rest.observation();
        self.rest.observe(&mut shown);
        let mut running = Running::new(scenario, self.slips, self.covered);
        running.begin(&shown).map_err(|refused| Unfit { why: refused.why })?;
        self.shown = Some(shown);
        self.observed = false;
        self.running = Some(running);
        self.settle().map(|_| ()).map_err(|refused| Unfit { why: refused.why })
    }

    fn pending(&self, operations: &mut Vec<Action>) {
        let running = self.running();
        self.rest.pending(operations);
        let is_choosing = is_choosing(operations);
        operations.retain(|action| !running.covered.takes(action));
        operations.extend(running.unlawful);
        // What a model that is stuck would do next, nobody knows; one that is at rest does nothing, and so must the runtime.
        if self.rest.is_stuck() {
            return;
        }
        // Requests wait for an API server that is down.
        if !running.api_server_down {
            running.controlling(is_choosing, operations);
        }
        // While a controller is choosing, nothing else is possible in the model.
        if is_choosing {
            return;
        }
        running.machining(&self.rest, operations);
        if running.covered.has(Component::Scheduler) && !running.api_server_down {
            running.scheduling(&self.rest, operations);
        }
    }

    fn apply(&mut self, action: &Action) -> Result<(), Refused> {
        self.step(action)?;
        let mut programmed = self.settle()?;
        if matches!(action, Action::Kubelet(_) | Action::Watch(_)) {
            let running = self.running.as_mut().expect("a system is reset before anything else");
            running.broken = running.broken.union(running.judge_room(&self.rest));
        }
        if let Action::Proxy(Proxy::ProgramRules { node }) = *action
            && self.running().covered.has(Component::KubeProxy)
        {
            programmed.push(node);
        }
        match programmed.as_slice() {
            [] => Ok(()),
            nodes => {
                let (running, seen) = (self.running(), self.observation());
                nodes.iter().try_for_each(|&node| running.check_rules(node, &seen))
            }
        }
    }

    fn linger(&mut self) -> Result<(), Refused> {
        let running = self.running.as_mut().expect("a system is reset before anything else");
        if running.api_server_down || !running.covered.has(Component::Kubelet) {
            return Ok(());
        }
        running.linger(&self.rest)
    }

    fn broken(&self) -> PropertySet {
        self.running().broken
    }

    fn observation(&self) -> Observation {
        let mut seen = match &self.shown {
            Some(shown) => shown.clone(),
            None => self.rest.observation(),
        };
        self.running().observe_api(&mut seen);
        seen
    }

    fn observe(&mut self, seen: &mut Observation) -> Parts {
        let before = mem::replace(seen, self.observation());
        match mem::replace(&mut self.observed, true) {
            true => Parts::changed(&before, seen),
            false => Parts::everything(seen),
        }
    }
}

/// A sync of a ReplicaSet is choosing whom to delete.
fn is_choosing(enabled: &[Action]) -> bool {
    enabled.iter().any(|action| matches!(action, Action::ReplicaSet(ReplicaSet::ChooseVictim { .. })))
}

impl Running {
    fn new(scenario: &Scenario, slips: Slips, covered: Covered) -> Self {
        let wish: Rc<RefCell<Option<String>>> = Rc::default();
        let asked = Rc::clone(&wish);
        let mut ties = 0;
        let chooser = move |question: &Question<'_>| match (question, &*asked.borrow()) {
            (Question::Node { candidates, .. }, Some(wished)) => {
                candidates.iter().position(|node| node.name() == wished).unwrap_or(0)
            }
            // Ties fall now this way, now that.
            (Question::Victim { candidates, .. }, _) => {
                ties += 1;
                ties % candidates.len()
            }
            _ => 0,
        };
        Self {
            scenario: scenario.clone(),
            slips,
            covered: if kubelet::are_played(scenario) {
                covered.without(Component::Kubelet)
            } else {
                covered
            },
            cluster: Cluster::new(scenario.release, slips, Box::new(chooser)),
            wish,
            names: BTreeMap::new(),
            created: 0,
            delivered: Delivered::default(),
            victims: Vec::new(),
            deletions: BTreeMap::new(),
            evictions: BTreeMap::new(),
            programmed: BTreeMap::new(),
            scaling_given_up: false,
            news_of_nodes: false,
            machines: kubelet::Machines::default(),
            watches_broke: false,
            api_server_down: false,
            unlawful: None,
            counts: Counts::default(),
            broken: PropertySet::NONE,
        }
    }

    /// Somebody outside sends a request, and nothing else happens before its answer.
    fn call(&mut self, request: Request) -> Result<Response, Refused> {
        let sent = request.clone();
        self.cluster.call(request).map_err(|error| Refused::because(format!("{error} to {sent:?}")))
    }
}

#[cfg(test)]
mod tests;
