//! The causal slice of a trace: the steps that its end depends on, and the arrows between them.
//!
//! Walking back from the end along what steps read and wrote leaves those that can have had a hand in it ([`walk_back`]); of
//! them are left out, one after the other, those without which the end comes all the same ([`reduce`]). What remains is a path
//! of its own, taken on the model: leaving out any one more step makes a later one impossible or keeps the promise, as far as
//! the bound on tries went.
//!
//! Where possible it is a path of the world [at any moment](free): there the story's event and slow timers need not wait until
//! nothing else is possible, which is a convention of searches and no cause, and steps take any time, so ticks are no steps of
//! it. Where a promise is broken only by the clock it is a path of the trace's own world.
//!
//! Of a lasso the stem is walked back from what its obligation is about, and nothing more is left out: a step less would leave
//! something to do, and the run would not rest.

mod arrows;
mod free;
mod reduce;
mod walk_back;

use podproof_model::ClusterState;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, Resource};

use crate::standing::Standing;
use crate::trace::{Kind, Trace};
use crate::walk::World;

/// Small steps of a small cluster that are taken to find out what can be left out: a second or two.
const STEPS_MAX: usize = 60_000;

/// One step goes before another, as the second has read what the first has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The number of the step that writes, the first of a trace being 1.
    pub from: usize,
    /// The number of the step that reads.
    pub to: usize,
    /// What the one has written and the other has read.
    pub over: Resource,
}

/// The steps that the end of a trace depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Their numbers in their order, the first of the trace being 1; no ticks, and of a lasso those of its cycle too.
    pub steps: Vec<usize>,
    /// What goes before what, where the steps are of different components and nothing lies between; in the order of `to`.
    pub arrows: Vec<Arrow>,
    /// The steps alone, as a path of a world of their own; none of a lasso.
    alone: Option<Trace>,
}

impl Slice {
    /// Is this step one that the end depends on?
    pub fn has(&self, step: usize) -> bool {
        self.steps.binary_search(&step).is_ok()
    }

    /// The arrows to a step.
    pub fn arrows_to(&self, step: usize) -> impl Iterator<Item = &Arrow> {
        self.arrows.iter().filter(move |arrow| arrow.to == step)
    }

    /// One of these steps, for tests of what is told of them.
    #[cfg(test)]
    pub(crate) fn of_steps(steps: &[usize]) -> Self {
        Self { steps: steps.to_vec(), arrows: Vec::new(), alone: None }
    }

    /// The steps alone, as a trace that breaks the same property by its last step; none of a lasso.
    pub fn alone(&self) -> Option<&Trace> {
        self.alone.as_ref()
    }
}

/// The steps that the end of `trace` depends on; none of a path, which shows nothing, or if the model of today does not take its
/// steps or they break nothing.
pub fn slice(trace: &Trace) -> Option<Slice> {
    let property = trace.property.filter(|_| Standing::of(trace).is_broken())?;
    match trace.kind {
        Kind::Path => None,
        Kind::Safety => {
            let free = free::free(&trace.scenario);
            let course = Course::new(trace, free, property, |action| *action != Action::Tick);
            match course.and_then(|course| course.slice()) {
                Some(slice) => Some(slice),
                // Steps have their place where one pod is followed.
                None if trace.followed.is_some() => None,
                None => Course::new(trace, trace.scenario.clone(), property, |_| true)?.slice(),
            }
        }
        Kind::Lasso => lasso(trace, property),
    }
}

/// A step with its number.
type Numbered = (usize, Action);

/// A world in which the steps of a safety trace are taken, or some of them.
struct Course {
    world: World,
    first: ClusterState,
    property: Property,
    actions: Vec<Numbered>,
    /// The trace has clocks.
    is_clocked: bool,
}

impl Course {
    fn new(
        trace: &Trace,
        scenario: podproof_vocabulary::Scenario,
        property: Property,
        is_wanted: fn(&Action) -> bool,
    ) -> Option<Self> {
        let world = World::new(scenario).ok()?.judging(property);
        let first = world.begin(trace.observed_proxy)?.state;
        let actions = trace.steps().map(|(number, step)| (number, step.action));
        let actions = actions.filter(|(_, action)| is_wanted(action)).collect();
        let is_clocked = trace.scenario.timing == Timing::Timed;
        Some(Self { world, first, property, actions, is_clocked })
    }

    /// Is this step kept whatever comes without it? Where steps take any time less has to go wrong than by the clock of the trace.
    fn keeps(&self, action: Action) -> bool {
        self.is_clocked && matches!(action, Action::Environment(_))
    }

    /// Are all of these steps possible in their turn from `state` on, and is the last the first that breaks the property?
    fn ends(&self, state: &ClusterState, actions: &[Numbered], left: &mut usize) -> bool {
        let model = self.world.model();
        let mut state = state.clone();
        let mut enabled = Vec::new();
        for (place, (_, action)) in actions.iter().enumerate() {
            let Some(fewer) = left.checked_sub(1) else { return false };
            *left = fewer;
            enabled.clear();
            model.enabled(&state, &mut enabled);
            if !enabled.contains(action) {
                return false;
            }
            let next = model.apply(&state, action);
            let is_last = place + 1 == actions.len();
            if model.judge(&state, action, &next).broken.contains(self.property) != is_last {
                return false;
            }
            state = next;
        }
        !actions.is_empty()
    }

    fn slice(&self) -> Option<Slice> {
        // To take them all once is always within the bound.
        let mut left = STEPS_MAX / self.world.weight() + self.actions.len();
        if !self.ends(&self.first, &self.actions, &mut left) {
            return None;
        }
        let touched = walk_back::walk_back(&self.world, &self.first, &self.actions, None);
        let kept = match self.ends(&self.first, &touched, &mut left) {
            true => touched,
            false => self.actions.clone(),
        };
        let kept = reduce::reduce(self, kept, &mut left);
        let actions: Vec<Action> = kept.iter().map(|&(_, action)| action).collect();
        let model = self.world.model();
        let alone = Trace::record(model, self.property, &self.first, &actions, None, None);
        let steps = kept.iter().filter(|(_, action)| *action != Action::Tick).map(|&(number, _)| number);
        Some(Slice {
            steps: steps.collect(),
            arrows: arrows::arrows(&self.world, &self.first, &kept),
            alone: Some(alone),
        })
    }
}

/// Of a lasso what is left of its stem must be possible and leave the obligation pending.
fn lasso(trace: &Trace, property: Property) -> Option<Slice> {
    let bit = trace.obligation?;
    let world = World::new(free::free(&trace.scenario)).ok()?;
    let first = world.begin(trace.observed_proxy)?.state;
    let model = world.model();
    if !model.obligations.range(property).contains(&bit) {
        return None;
    }
    let all: Vec<Numbered> = trace
        .steps()
        .filter(|(_, step)| step.action != Action::Tick)
        .map(|(number, step)| (number, step.action))
        .collect();
    let pends = |actions: &[Numbered]| {
        let mut state = first.clone();
        let mut enabled = Vec::new();
        for (_, action) in actions {
            enabled.clear();
            model.enabled(&state, &mut enabled);
            if !enabled.contains(action) {
                return false;
            }
            state = model.apply(&state, action);
        }
        model.pending(&state).contains(&bit)
    };
    if !pends(&all) {
        return None;
    }
    let kept = walk_back::walk_back(&world, &first, &all, Some((bit, trace.stem.len())));
    let kept = if pends(&kept) { kept } else { all };
    let steps = kept.iter().map(|&(number, _)| number).collect();
    Some(Slice { steps, arrows: arrows::arrows(&world, &first, &kept), alone: None })
}
