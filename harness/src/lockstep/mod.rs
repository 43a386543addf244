//! The runtime as a [`System`](crate::System): step by step what the model does, component by component.
//!
//! A component that is *covered* is the runtime's own: each of its actions is the completion of pending operations of the
//! runtime, with the hidden steps of [`HIDDEN`]. All others are *played* by a model of its own, and what they write is sent to
//! the runtime's API server as the real component would send it. What an outsider sees of pods and nodes in the API comes from
//! the runtime's store, so the API server is compared whoever wrote.
//!
//! Covered: the API server's writes of pods and nodes, and kube-scheduler with its watches. Played: the controllers, the
//! kubelets and their machines, kube-proxy, `kubectl drain`. A scenario with events that reach further is refused
//! ([`unfit`]): it is never passed over in silence.

mod observed;
mod played;
mod scheduler;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use podproof_runtime::api::{Key, Request, Response};
use podproof_runtime::chooser::Question;
use podproof_runtime::operation::Process;
use podproof_runtime::{Cluster, Slips};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Environment, Process as Started, Watch, Watcher};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::scenario::{Scenario, Timing};

use crate::{ModelSystem, Refused, System, Unfit};
use scheduler::Delivered;

/// A hidden step: something that the runtime does and the model has no action for.
pub struct Hidden {
    /// The operation of the runtime.
    pub operation: &'static str,
    /// The action that it is a part of.
    pub within: &'static str,
    /// How often at most.
    pub most: usize,
}

/// All of them.
pub const HIDDEN: &[Hidden] = &[
    Hidden {
        operation: "Deliver of an event that changes nothing that the scheduler reads",
        within: "watch/deliver-*",
        most: HIDDEN_MAX,
    },
    Hidden { operation: "Notify", within: "watch/deliver-*, watch/list", most: HIDDEN_MAX },
    Hidden {
        operation: "Arrive, Answer of lists and watches; Wake(Reflect)",
        within: "watch/list, process/start-scheduler",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes, Wake(BackoffFlush)",
        within: "scheduler/assume-pod, scheduler/park-pod",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes, Wake(UnschedulableFlush)",
        within: "scheduler/flush-pod",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Arrive, Answer of a binding that must fail",
        within: "watch/deliver-pod that says so",
        most: 1,
    },
    Hidden {
        operation: "LoseRequest of what the scheduler had sent: the model has no request that outlives its process",
        within: "environment/stop-scheduler",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Arrive, Answer of the condition PodScheduled",
        within: "scheduler/park-pod, scheduler/bind-pod",
        most: HIDDEN_MAX,
    },
];

/// No action takes more hidden steps.
const HIDDEN_MAX: usize = 200;

/// Events that are covered, or that touch only what is played.
const EVENTS: [EventName; 14] = [
    EventName::Rollout,
    EventName::Scale,
    EventName::DeletePod,
    EventName::ForceDeletePod,
    EventName::EvictPod,
    EventName::CordonNode,
    EventName::UncordonNode,
    EventName::DrainNode,
    EventName::TaintNode,
    EventName::UntaintNode,
    EventName::LabelNode,
    EventName::ContainerCrash,
    EventName::KubeletRestart,
    EventName::SchedulerRestart,
];

const STORIES: [Story; 5] =
    [Story::Create, Story::Rollout, Story::PodDeletion, Story::Drain, Story::ScaleDown];

/// Why a scenario cannot be run, if it cannot.
pub fn unfit(scenario: &Scenario) -> Option<String> {
    let uncovered = scenario.events.iter().map(|(event, _)| event).find(|event| !EVENTS.contains(event));
    if let Some(event) = uncovered {
        return Some(format!("event {event} reaches further than what is covered"));
    }
    if !STORIES.contains(&scenario.story) {
        return Some(format!("story {} reaches further than what is covered", scenario.story.name()));
    }
    if scenario.timing == Timing::Timed {
        return Some("time in ticks is not covered".into());
    }
    if scenario.approximations.has(Approximation::CoalescedWatchEvents) {
        return Some("the runtime's watches do not coalesce".into());
    }
    None
}

/// Makes a scenario one that can be run.
pub fn covered(scenario: &mut Scenario) {
    for event in EventName::all().filter(|event| !EVENTS.contains(event)) {
        scenario.events.set(event, 0);
    }
    if !STORIES.contains(&scenario.story) {
        scenario.story = Story::Create;
    }
    scenario.timing = Timing::Untimed;
    scenario.approximations = scenario.approximations.without(Approximation::CoalescedWatchEvents);
}

/// The runtime, and a model that plays the rest.
pub struct RuntimeSystem {
    slips: Slips,
    rest: ModelSystem,
    /// What the model that plays the rest showed last.
    shown: Option<Observation>,
    running: Option<Running>,
}

struct Running {
    scenario: Scenario,
    cluster: Cluster,
    /// The node that the next scheduling cycle is to choose.
    wish: Rc<RefCell<Option<String>>>,
    /// The pod of each slot.
    names: BTreeMap<PodId, Key>,
    /// Pods that were ever created.
    created: u32,
    delivered: Delivered,
}

impl RuntimeSystem {
    /// The runtime with these wrong mechanisms.
    pub fn new(slips: Slips) -> Self {
        Self { slips, rest: ModelSystem::default(), shown: None, running: None }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("a system is reset before anything else")
    }

    fn played(&mut self, action: &Action) -> Result<(), Refused> {
        let before = self.shown.take().unwrap_or_else(|| self.rest.observation());
        self.rest.apply(action)?;
        let after = self.rest.observation();
        let running = self.running.as_mut().expect("a system is reset before anything else");
        let written = running.replay_writes(action, &before, &after);
        self.shown = Some(after);
        written
    }
}

impl System for RuntimeSystem {
    fn reset(&mut self, scenario: &Scenario) -> Result<(), Unfit> {
        if let Some(why) = unfit(scenario) {
            return Err(Unfit { why });
        }
        self.rest.reset(scenario)?;
        let shown = self.rest.observation();
        let mut running = Running::new(scenario, self.slips);
        running.begin(&shown).map_err(|refused| Unfit { why: refused.why })?;
        self.shown = Some(shown);
        self.running = Some(running);
        Ok(())
    }

    fn pending(&self, operations: &mut Vec<Action>) {
        self.rest.pending(operations);
        operations.retain(|action| !matches!(action, Action::Scheduler(_)));
        // While a controller is choosing, nothing else is possible in the model.
        let choosing = operations.iter().any(|action| {
            matches!(action, Action::ReplicaSet(podproof_vocabulary::action::ReplicaSet::ChooseVictim { .. }))
        });
        if !choosing && !operations.is_empty() {
            self.running().scheduling(&self.rest, operations);
        }
    }

    fn apply(&mut self, action: &Action) -> Result<(), Refused> {
        let running = self.running.as_mut().expect("a system is reset before anything else");
        match *action {
            Action::Scheduler(step) => {
                running.schedule(step)?;
                self.rest.apply(action)?;
                self.shown = Some(self.rest.observation());
                Ok(())
            }
            Action::Environment(Environment::StopScheduler) => {
                running.cluster.stop(Process::Scheduler);
                running.lose_requests()?;
                self.played(action)
            }
            Action::Process(Started::StartScheduler) => {
                running.cluster.start(Process::Scheduler);
                running.settle_watches()?;
                self.played(action)
            }
            Action::Watch(watch) => {
                self.played(action)?;
                let target = watch_of_scheduler(watch);
                let running = self.running.as_mut().expect("a system is reset before anything else");
                match target {
                    true => running.deliver(watch, &self.rest),
                    false => Ok(()),
                }
            }
            _ => self.played(action),
        }
    }

    fn observation(&self) -> Observation {
        let mut seen = match &self.shown {
            Some(shown) => shown.clone(),
            None => self.rest.observation(),
        };
        self.running().observe_api(&mut seen);
        seen
    }
}

/// Is this news for the scheduler?
fn watch_of_scheduler(watch: Watch) -> bool {
    match watch {
        Watch::DeliverPod { to, .. } | Watch::DeliverNode { to, .. } | Watch::List { watcher: to } => {
            to == Watcher::Scheduler
        }
        _ => false,
    }
}

impl Running {
    fn new(scenario: &Scenario, slips: Slips) -> Self {
        let wish: Rc<RefCell<Option<String>>> = Rc::default();
        let asked = Rc::clone(&wish);
        let chooser = move |question: &Question<'_>| match (question, &*asked.borrow()) {
            (Question::Node { candidates, .. }, Some(wished)) => {
                candidates.iter().position(|node| node.name() == wished).unwrap_or(0)
            }
            _ => 0,
        };
        Self {
            scenario: scenario.clone(),
            cluster: Cluster::new(scenario.release, slips, Box::new(chooser)),
            wish,
            names: BTreeMap::new(),
            created: 0,
            delivered: Delivered::default(),
        }
    }

    /// Somebody outside sends a request, and nothing else happens before its answer.
    fn call(&mut self, request: Request) -> Result<Response, Refused> {
        let said = format!("{request:?}");
        self.cluster.call(request).map_err(|error| Refused::because(format!("{error} to {said}")))
    }
}
