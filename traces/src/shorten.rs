//! A shorter trace of the same world that breaks the same property: steps are left out, and what is left is taken on the model.
//!
//! Delta debugging (Zeller and Hildebrandt 2002, `ddmin`), after all steps of one pod or node have been left out together. A
//! step that is no longer possible where it stands is left out too. Every trace that is kept was taken by the model.

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::{Action, Rename};
use podproof_vocabulary::{NodeId, PodId, Property};

use crate::replay::{Replayed, replay};
use crate::standing::Standing;
use crate::trace::{Kind, Trace};
use crate::walk::World;

/// A shorter trace that breaks the same property in the same world, or the same trace. Trying others takes at most so
/// many steps of the model. A path breaks nothing, nor does a trace whose claim does not stand, and in a trace that follows one pod every step has its place: those stay as they
/// are (`podproof trace shrink` takes the latter with all clocks first).
pub fn shorten(trace: &Trace, steps: u64) -> Trace {
    let (Some(property), None) = (trace.property, trace.followed) else { return trace.clone() };
    if !Standing::of(trace).is_broken() {
        return trace.clone();
    }
    let Ok(world) = World::new(trace.scenario.clone()) else { return trace.clone() };
    let Some(first) = world.begin(trace.observed_proxy).map(|walk| walk.state) else { return trace.clone() };
    let model = world.model();
    let mut left = steps;
    let stem: Vec<Action> = trace.stem.iter().map(|step| step.action).collect();
    let shorter = match trace.kind {
        Kind::Path => return trace.clone(),
        Kind::Safety => {
            let keep = |actions: &[Action]| broken_by(model, &first, actions, property);
            let stem = minimal(stem, &mut left, keep);
            Trace::record(model, property, &first, &stem, None, None)
        }
        Kind::Lasso => {
            let cycle: Vec<Action> = trace.cycle.iter().map(|step| step.action).collect();
            let lasso = |stem: &[Action], cycle: &[Action]| {
                let (stem, end) = possible(model, &first, stem);
                is_possible(model, &end, cycle).then(|| {
                    let recorded =
                        Trace::record(model, property, &first, &stem, Some(cycle), trace.obligation);
                    matches!(replay(&recorded), Ok(Replayed::StillBroken { .. })).then_some(stem)
                })?
            };
            let stem = minimal(stem, &mut left, |stem| lasso(stem, &cycle));
            let keep = |cycle: &[Action]| lasso(&stem, cycle).map(|_| cycle.to_vec());
            let cycle = minimal(cycle, &mut left, keep);
            Trace::record(model, property, &first, &stem, Some(&cycle), trace.obligation)
        }
    };
    let kept = if shorter.steps().count() < trace.steps().count() { shorter } else { trace.clone() };
    let kept = kept.noted_as(trace);
    match &trace.called {
        Some(called) => kept.naming(called.clone()),
        None => kept,
    }
}

/// Those of `actions` that are possible in their turn from `first` on, up to the one that breaks `property`; none if none does.
pub fn broken_by(
    model: &Model,
    first: &ClusterState,
    actions: &[Action],
    property: Property,
) -> Option<Vec<Action>> {
    let mut state = first.clone();
    let mut taken = Vec::new();
    let mut enabled = Vec::new();
    for action in actions {
        enabled.clear();
        model.enabled(&state, &mut enabled);
        if !enabled.contains(action) {
            continue;
        }
        let next = model.apply(&state, action);
        taken.push(*action);
        if model.judge(&state, action, &next).broken.contains(property) {
            return Some(taken);
        }
        state = next;
    }
    None
}

/// Those of `actions` that are possible in their turn, and where they end.
fn possible(model: &Model, first: &ClusterState, actions: &[Action]) -> (Vec<Action>, ClusterState) {
    let mut state = first.clone();
    let mut taken = Vec::new();
    for action in actions {
        if is_possible(model, &state, std::slice::from_ref(action)) {
            state = model.apply(&state, action);
            taken.push(*action);
        }
    }
    (taken, state)
}

/// Can all of `actions` be taken from `first` on?
fn is_possible(model: &Model, first: &ClusterState, actions: &[Action]) -> bool {
    let mut state = first.clone();
    actions.iter().all(|action| {
        let mut enabled = Vec::new();
        model.enabled(&state, &mut enabled);
        let is_one = enabled.contains(action);
        if is_one {
            state = model.apply(&state, action);
        }
        is_one
    })
}

/// As few of `actions` as `keep`, which says what is kept of a choice of them, is found to accept, with so many steps
/// to be taken.
fn minimal(
    mut actions: Vec<Action>,
    steps: &mut u64,
    keep: impl FnMut(&[Action]) -> Option<Vec<Action>>,
) -> Vec<Action> {
    let mut keep = keep;
    let mut keep = |fewer: &[Action]| {
        *steps = steps.checked_sub(fewer.len() as u64)?;
        keep(fewer)
    };
    for index in 0..=u8::MAX {
        let without = |is_of: &dyn Fn(Action) -> bool, actions: &[Action]| -> Vec<Action> {
            actions.iter().copied().filter(|&action| !is_of(action)).collect()
        };
        let of: [&dyn Fn(Action) -> bool; 2] =
            [&|action| is_of_pod(action, PodId(index)), &|action| is_of_node(action, NodeId(index))];
        for is_of in of {
            let fewer = without(is_of, &actions);
            if fewer.len() < actions.len()
                && let Some(kept) = keep(&fewer)
            {
                actions = kept;
            }
        }
    }
    let mut width = actions.len().div_ceil(2);
    while width > 0 {
        let mut found = false;
        let mut end = actions.len();
        while end > 0 {
            let start = end.saturating_sub(width);
            let fewer = [&actions[..start], &actions[end..]].concat();
            end = start;
            if let Some(kept) = keep(&fewer) {
                actions = kept;
                end = end.min(actions.len());
                found = true;
            }
        }
        // Where one step less made others superfluous, all are tried again.
        if !(found && width == 1) {
            width /= 2;
        }
    }
    actions
}

/// Everything keeps its number, but one pod or node.
struct But {
    pod: Option<PodId>,
    node: Option<NodeId>,
}

impl Rename for But {
    fn pod(&self, pod: PodId) -> PodId {
        if self.pod == Some(pod) { PodId(pod.0.wrapping_add(1)) } else { pod }
    }

    fn node(&self, node: NodeId) -> NodeId {
        if self.node == Some(node) { NodeId(node.0.wrapping_add(1)) } else { node }
    }
}

fn is_of_pod(action: Action, pod: PodId) -> bool {
    action.renamed(&But { pod: Some(pod), node: None }) != action
}

fn is_of_node(action: Action, node: NodeId) -> bool {
    action.renamed(&But { pod: None, node: Some(node) }) != action
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::action::{Kubelet, Scheduler, Watch};

    use super::*;

    #[test]
    fn a_step_is_of_the_pods_and_nodes_that_it_names() {
        let assume = Action::Scheduler(Scheduler::AssumePod { pod: PodId(1), node: NodeId(0) });
        assert!(is_of_pod(assume, PodId(1)) && !is_of_pod(assume, PodId(0)));
        assert!(is_of_node(assume, NodeId(0)) && !is_of_node(assume, NodeId(1)));
        assert!(!is_of_pod(Action::Tick, PodId(0)));
    }

    #[test]
    fn what_is_kept_cannot_do_without_any_step() {
        let relist = |node| Action::Kubelet(Kubelet::Relist { node: NodeId(node) });
        let mut all: Vec<Action> = (0..40).map(relist).collect();
        all.push(Action::Watch(Watch::DeliverDeployment));
        let needed = [relist(3), relist(17), relist(38)];
        let keep = |some: &[Action]| needed.iter().all(|one| some.contains(one)).then(|| some.to_vec());
        assert_eq!(minimal(all.clone(), &mut 100_000, keep), needed);
        assert_eq!(minimal(all.clone(), &mut 0, keep), all, "without a step everything is kept");
    }

    #[test]
    fn what_needs_nothing_is_left_empty() {
        assert_eq!(minimal(vec![Action::Tick; 7], &mut 1_000, |some| Some(some.to_vec())), []);
    }
}
