//! The turning point of a trace: the first step after which its end could no longer be avoided, and what would have had to come
//! first.
//!
//! *Avoidable* in a state: there is a run from it that comes to rest with the promise kept. A run is of steps of components, time
//! and promised repairs; that something else happens to the cluster nobody can count on. If the end is avoidable after a step, it
//! was before it too, so the turning point lies between a step after which a run was found and the next; it is found by search from
//! prefixes, from the end backwards ([`avoid`]). Where searches meet their bound, only where it lies at the earliest is said.
//!
//! Mostly it is a race: the step itself would do no harm, had others come before it. Which these are is searched for too
//! ([`order`]), and said only if the promise is kept in that order on the model.

mod avoid;
mod order;

use podproof_model::ClusterState;
use podproof_vocabulary::action::{Action, Component, Container, Kubelet};
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, Scenario};

use crate::names::Names;
use crate::standing::Standing;
use crate::trace::{Kind, Trace};
use crate::walk::World;
use crate::why::{advice, falls_back};
use crate::words;
use avoid::{Avoidable, Goal, Searches};

/// States of a small cluster that all searches for one turning point see at most: a few seconds.
const STATES_MAX: usize = 60_000;
/// Searches that may meet their bound.
const SEARCHES_MAX: usize = 6;

/// Why it turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// These came too late: with them before the step, in this order, the promise can still be kept.
    Order(Vec<Action>),
    /// The same component could have done another step instead, and the promise could still be kept.
    Instead {
        /// What must come before that one, in this order.
        first: Vec<Action>,
        /// What it could have done.
        other: Action,
    },
    /// Something happened to the cluster.
    Event,
    /// The run that keeps the promise never comes to this step.
    Never,
}

/// Where the end of a trace could no longer be avoided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurningPoint {
    /// The first step after which no run was found that keeps the promise; the first of a trace is 1. Before it one was found, if
    /// it is not 1.
    pub step: usize,
    /// The step is what breaks the promise.
    pub is_break: bool,
    /// Every run from there was followed to its end; else a bound came first, and the point may be later.
    pub is_certain: bool,
    /// Why it turns there.
    pub reason: Reason,
}

/// The turning point of `trace`; none of a path, of a run that keeps a promise waiting for ever though it could always be met, if
/// nothing was found within the bounds, or if the model of today does not take the steps, or they break nothing.
pub fn turning_point(trace: &Trace) -> Option<TurningPoint> {
    let property = trace.property?;
    if trace.followed.is_some() || trace.kind == Kind::Path {
        return None;
    }
    let standing = Standing::of(trace);
    if !standing.is_broken() {
        return None;
    }
    let trace = &standing.up_to_the_break(trace);
    let prefixes = Prefixes::of(trace, property)?;
    let left = STATES_MAX / prefixes.world.weight();
    let most = left / SEARCHES_MAX;
    let goal = Goal { world: &prefixes.world, property, is_progress: trace.kind == Kind::Lasso, most };
    let mut searches = Searches::new(goal, left);
    // The end of a safety trace has broken the promise already.
    let end = trace.stem.len();
    let is_broken = trace.kind == Kind::Safety;
    let mut lost = end;
    let mut is_certain = true;
    if !is_broken {
        match searches.avoidable(&prefixes.states[end]) {
            Avoidable::Yes(_) => return None,
            Avoidable::No => {}
            Avoidable::Unknown => is_certain = false,
        }
    }
    let mut found = None;
    let mut stride = 1;
    // Backwards in growing strides until a run is found, then by halves: `lost` always is where none was.
    while lost > 0 && found.is_none() {
        let at = lost.saturating_sub(stride);
        match searches.avoidable(&prefixes.states[at]) {
            Avoidable::Yes(run) => found = Some((at, run)),
            Avoidable::No => (lost, is_certain) = (at, true),
            Avoidable::Unknown => (lost, is_certain) = (at, false),
        }
        if searches.left == 0 && found.is_none() {
            return None;
        }
        stride *= 2;
    }
    let Some((mut kept, mut run)) = found else {
        // There is no run that keeps it at all.
        return None;
    };
    while lost - kept > 1 {
        let at = kept + (lost - kept) / 2;
        match searches.avoidable(&prefixes.states[at]) {
            Avoidable::Yes(found) => (kept, run) = (at, found),
            Avoidable::No => (lost, is_certain) = (at, true),
            Avoidable::Unknown => (lost, is_certain) = (at, false),
        }
    }
    let step = trace.stem[kept].action;
    let reason = order::reason(&mut searches, &prefixes.states[kept], step, &run);
    Some(TurningPoint { step: lost, is_break: is_broken && lost == end, is_certain, reason })
}

/// Why a trace that follows the clocks of one pod has none: what else could come before a step depends on clocks that it leaves out.
const FOLLOWS: &str = "turning point: not looked for where only one pod's clocks run; `podproof trace shrink` takes the trace with all";

/// What is known of where a trace turns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turning {
    /// The turning point in sentences, and what helps; none if there is nothing to tell.
    pub sentences: Vec<String>,
    /// What came too late, in its order: whose step it would have been, and the step.
    pub late: Vec<(Component, String)>,
}

/// Looks for the turning point of `trace`, and tells it.
pub fn turning(trace: &Trace) -> Turning {
    if trace.followed.is_some() {
        return Turning { sentences: vec![FOLLOWS.to_owned()], late: Vec::new() };
    }
    turning_point(trace)
        .map(|point| Turning { sentences: point.told(trace), late: point.late(trace) })
        .unwrap_or_default()
}

impl TurningPoint {
    /// In sentences: where `trace`, whose turning point it is, turns, and what would have had to come first.
    pub fn told(&self, trace: &Trace) -> Vec<String> {
        let (point, Some(property)) = (self, trace.property) else { return Vec::new() };
        let names = self.names(trace);
        let says = |action: &Action| words::action(&names, action);
        let number = point.step;
        let what = trace.stem.get(number - 1).map(|step| says(&step.action)).unwrap_or_default();
        let keeps = match point.is_certain {
            // That what breaks a promise can be avoided until it comes is no news; that it is no race is.
            _ if point.is_break && point.reason == Reason::Never => Some(format!(
                "turning point: step {number} itself, {what}: no order of steps was found in which it comes and {property} is kept"
            )),
            true if point.is_break => Some(format!(
                "turning point: step {number} itself, {what}: until then {property} could still be kept"
            )),
            true => Some(format!(
                "turning point: step {number}, {what}: before it {property} could still be kept, after it no more"
            )),
            false => Some(format!(
                "turning point: step {number} at the earliest, {what}: before it {property} could still be kept; whether after \
                 it too was not found out within the bound on states"
            )),
        };
        let other = match &point.reason {
            Reason::Order(first) => {
                let first: Vec<String> = done(first).map(says).collect();
                let these = if first.len() > 1 { "all of this" } else { "this" };
                (!first.is_empty()).then(|| {
                    let first = first.join("; ");
                    format!("had {these} come before step {number}, the promise could still be kept: {first}")
                })
            }
            Reason::Instead { first, other } => {
                let first: Vec<String> = done(first).chain([other]).map(says).collect();
                Some(match &first[..] {
                    [other] if point.waits() => {
                        format!("instead of step {number} this would keep it, some time later: {other}")
                    }
                    [other] => format!("instead of step {number} this would keep it: {other}"),
                    these => format!(
                        "had all of this come in place of step {number}, in this order, the promise could still be kept: {}",
                        these.join("; ")
                    ),
                })
            }
            // Where it is not known that it turns there, something that comes later may prevent it.
            Reason::Event if !point.is_certain => None,
            Reason::Event => Some(
                "nothing that was tried to be done first prevents that: what helps must have been so before"
                    .to_owned(),
            ),
            Reason::Never => None,
        };
        keeps.into_iter().chain(other).chain(self.advice(trace)).collect()
    }

    /// Must time pass before what could be done instead?
    fn waits(&self) -> bool {
        matches!(&self.reason, Reason::Instead { first, .. } if first.contains(&Action::Tick))
    }

    /// The names before the step.
    fn names(&self, trace: &Trace) -> Names {
        let mut names = Names::of(trace);
        for step in trace.stem.iter().take(self.step - 1) {
            names.see(&step.changed);
        }
        names
    }

    /// What came too late, in its order: whose step it would have been, and the step.
    fn late(&self, trace: &Trace) -> Vec<(Component, String)> {
        let Reason::Order(first) = &self.reason else { return Vec::new() };
        let names = self.names(trace);
        done(first).map(|action| (action.component(), words::action(&names, action))).collect()
    }

    /// What helps, where connections are sent to a pod that goes.
    fn advice(&self, trace: &Trace) -> Option<String> {
        if falls_back(trace) {
            return Some(advice(&trace.scenario));
        }
        self.waits_for_rules(trace).then(|| propagation(&trace.scenario.latencies))
    }

    /// Is it a pod's end that comes before the rules follow its deletion, in a world with time?
    fn waits_for_rules(&self, trace: &Trace) -> bool {
        let Reason::Order(first) = &self.reason else { return false };
        let of_rules = |action: &Action| matches!(action, Action::EndpointSlice(_) | Action::Proxy(_));
        let turns = trace.stem.get(self.step - 1).map(|step| step.action);
        let is_end = matches!(
            turns,
            Some(
                Action::Kubelet(Kubelet::SendSigterm { .. } | Kubelet::SendSigkill { .. })
                    | Action::Container(Container::Exit { .. })
            )
        );
        trace.scenario.timing == Timing::Timed && is_end && first.iter().any(of_rules)
    }
}

/// These without ticks: that time passes is nothing that a component could have done.
fn done(actions: &[Action]) -> impl Iterator<Item = &Action> {
    actions.iter().filter(|action| **action != Action::Tick)
}

/// How long whoever waits for the rules has to wait.
fn propagation(latencies: &Latencies) -> String {
    let Latencies { watch, endpoint_slice_sync: slice, proxy_sync: proxy, .. } = latencies;
    format!(
        "while nothing fails, a deletion is in the rules of every node within {} s (watch {watch} s, EndpointSlice {slice} s, \
         watch {watch} s, kube-proxy {proxy} s): what keeps the pod serving must last longer than that",
        latencies.propagation()
    )
}

/// The states of a trace's stem, the first before its first step.
struct Prefixes {
    world: World,
    states: Vec<ClusterState>,
}

impl Prefixes {
    fn of(trace: &Trace, property: Property) -> Option<Self> {
        let scenario: Scenario = trace.scenario.clone();
        let world = World::new(scenario).ok()?.judging(property);
        let mut state = world.begin(trace.observed_proxy)?.state;
        let mut states = vec![state.clone()];
        let mut enabled = Vec::new();
        for step in &trace.stem {
            enabled.clear();
            world.model().enabled(&state, &mut enabled);
            if !enabled.contains(&step.action) {
                return None;
            }
            state = world.model().apply(&state, &step.action);
            states.push(state.clone());
        }
        Some(Self { world, states })
    }
}
