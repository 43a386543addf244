//! A trace step by step, in words.

use std::collections::BTreeSet;

use podproof_vocabulary::action::{Action, Component, Kubelet};
use podproof_vocabulary::observation::Hook;
use podproof_vocabulary::{ContainerId, PodId};

use crate::change::Change;
use crate::names::Names;
use crate::slice::slice;
use crate::trace::{Trace, TraceStep};
use crate::words;

/// A step in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its number, stem and cycle in a row; the first is 1.
    pub number: usize,
    /// Whose step it is.
    pub component: Component,
    /// How many ticks have passed, this step counted.
    pub tick: u32,
    /// What it is, with the names of its objects.
    pub says: String,
    /// What it changed of what an outsider can see, without what goes without saying.
    pub changes: Vec<String>,
}

/// The steps of a trace in words, told from what is recorded.
pub fn told(trace: &Trace) -> Vec<Told> {
    let mut names = Names::of(trace);
    trace.steps().map(|(number, step)| one(&mut names, number, step)).collect()
}

/// The numbers of the steps that tell the end of a trace to somebody in a hurry, at most so many: from the first event that
/// befalls the cluster on, the events, and of those that the end depends on the nearest to it; if nobody can tell that, of those
/// that are more than news that change nothing yet.
pub fn essence(trace: &Trace, most: usize) -> BTreeSet<usize> {
    let sliced = slice(trace);
    let first = trace.steps().find(|(_, step)| befalls(step)).map_or(1, |(number, _)| number);
    let is_told = |(number, step): &(usize, &TraceStep)| {
        let is_routine = is_routine(&step.action) || step.action == Action::Tick;
        let is_news = step.changed.is_empty() && is_routine;
        *number >= first && sliced.as_ref().map_or(!is_news, |slice| slice.has(*number))
    };
    let (events, others): (Vec<_>, Vec<_>) =
        trace.steps().filter(is_told).partition(|(_, step)| befalls(step));
    let mut essence: BTreeSet<usize> =
        events.into_iter().take(most.div_ceil(2)).map(|(number, _)| number).collect();
    let room = most.saturating_sub(essence.len());
    essence.extend(others.iter().rev().take(room).map(|(number, _)| number));
    essence
}

/// Does something befall the cluster?
const fn befalls(step: &TraceStep) -> bool {
    matches!(step.action, Action::Environment(_))
}

/// One step in words, with the pods that it creates named from here on.
pub(crate) fn one(names: &mut Names, number: usize, step: &TraceStep) -> Told {
    let says = words::action(names, &step.action);
    names.see(&step.changed);
    let processes = processes(&step.changed);
    let said = step.changed.iter().filter(|change| !is_implied(change, &processes));
    let changes = said.map(|change| words::change(names, change)).collect();
    Told { number, component: step.component, tick: step.tick, says, changes }
}

/// A step that only tells somebody what is so already: of interest when looking for who knew what.
pub(crate) const fn is_routine(action: &Action) -> bool {
    matches!(action, Action::Watch(_) | Action::Kubelet(Kubelet::Relist { .. }))
}

/// The containers whose processes begin or end.
fn processes(changed: &[Change]) -> BTreeSet<(PodId, ContainerId)> {
    let process = |change: &Change| match *change {
        Change::Process { pod, container, .. } => Some((pod, container)),
        _ => None,
    };
    changed.iter().filter_map(process).collect()
}

/// A process that ends takes its signals, hook and grace with it, and a new one begins without.
fn is_implied(change: &Change, processes: &BTreeSet<(PodId, ContainerId)>) -> bool {
    let (Change::Sigterm { pod, container, received: false }
    | Change::Hook { pod, container, hook: Hook::None }
    | Change::GraceExpired { pod, container, expired: false }) = change
    else {
        return false;
    };
    processes.contains(&(*pod, *container))
}
