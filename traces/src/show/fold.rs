//! What of a trace is told for itself, and what is folded away.

use std::collections::BTreeSet;

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Component, Watch, Watcher};
use podproof_vocabulary::observation::Deletion;

use crate::change::Change;
use crate::told::is_routine;
use crate::trace::{Trace, TraceStep};

/// Steps before the first event that are worth folding.
const PRELUDE_MIN: usize = 6;

/// How much of a trace is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View<'f> {
    /// Every step is told for itself, from the beginning on.
    pub full: bool,
    /// The number of the first step that is told; what is so before it is told in its place.
    pub from: Option<usize>,
    /// The file that the trace was read from, as a word of a command line, where that is known.
    pub file: Option<&'f str>,
}

/// Steps that stand on one line, or one that stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run<'s> {
    /// A step.
    One(&'s TraceStep),
    /// Ticks in which nothing else happens.
    Ticks(&'s [TraceStep]),
    /// Steps that only tell somebody what is so already.
    Routine(&'s [TraceStep]),
    /// Steps that are not in the slice that is told.
    Unrelated(&'s [TraceStep]),
}

impl<'s> Run<'s> {
    pub(super) const fn steps(&self) -> &'s [TraceStep] {
        match self {
            Self::One(step) => std::slice::from_ref(step),
            Self::Ticks(steps) | Self::Routine(steps) | Self::Unrelated(steps) => steps,
        }
    }

    pub(super) fn moves(&self, component: Component) -> bool {
        !matches!(self, Self::Unrelated(_)) && self.steps().iter().any(|step| step.component == component)
    }
}

impl View<'_> {
    /// How many steps of the stem come before those that are told: all up to the first event that befalls the cluster, for what
    /// leads up to it is mostly how the workload comes to run.
    pub(super) fn prelude(self, trace: &Trace) -> usize {
        let event = || {
            let befalls = |step: &TraceStep| matches!(step.action, Action::Environment(_));
            trace.stem.iter().position(befalls).filter(|&steps| steps >= PRELUDE_MIN)
        };
        match (self.full, self.from) {
            (_, Some(from)) => from.saturating_sub(1).min(trace.stem.len()),
            (true, None) => 0,
            (false, None) => event().unwrap_or(0),
        }
    }

    /// Steps in runs.
    pub(super) fn runs<'s>(self, steps: &'s [TraceStep]) -> Vec<Run<'s>> {
        let mut runs = Vec::new();
        let mut sorts = Sorts::default();
        let sorts: Vec<Sort> = steps.iter().map(|step| sorts.of(step)).collect();
        let mut rest = steps;
        for sorts in sorts.chunk_by(Sort::eq) {
            let (run, after) = rest.split_at(sorts.len());
            rest = after;
            match sorts[0] {
                Sort::Tick => runs.push(Run::Ticks(run)),
                Sort::Routine if !self.full && run.len() > 1 => runs.push(Run::Routine(run)),
                Sort::Routine | Sort::Itself => runs.extend(run.iter().map(Run::One)),
            }
        }
        runs
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Tick,
    Routine,
    Itself,
}

/// Step by step, whether it is told.
#[derive(Default)]
struct Sorts {
    /// Pods that are deleted, and whose kubelet has not heard of it: with that news the race against the rules of nodes begins.
    unheard: BTreeSet<PodId>,
}

impl Sorts {
    fn of(&mut self, step: &TraceStep) -> Sort {
        for change in &step.changed {
            match change {
                Change::PodDeletion { deletion: Deletion::None, .. } => {}
                Change::PodDeletion { pod, .. } => {
                    self.unheard.insert(*pod);
                }
                _ => {}
            }
        }
        match step.action {
            Action::Watch(Watch::DeliverPod { to: Watcher::Kubelet(_), pod })
                if self.unheard.remove(&pod) =>
            {
                Sort::Itself
            }
            _ => kind(step),
        }
    }
}

fn kind(step: &TraceStep) -> Sort {
    match step.action {
        _ if !step.changed.is_empty() => Sort::Itself,
        Action::Tick if step.component == Component::Time => Sort::Tick,
        action if is_routine(&action) => Sort::Routine,
        _ => Sort::Itself,
    }
}
