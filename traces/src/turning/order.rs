//! Why it turns at a step: what came too late, or what could have been done instead.

use podproof_model::ClusterState;
use podproof_vocabulary::action::Action;

use super::Reason;
use super::avoid::{Avoidable, Goal, Searches};

/// Why it turns at `step` in `state`, from which `run` keeps the promise.
pub(super) fn reason(
    searches: &mut Searches<'_>,
    state: &ClusterState,
    step: Action,
    run: &[Action],
) -> Reason {
    if let Some(first) = order(searches, state, step, run) {
        return Reason::Order(first);
    }
    if matches!(step, Action::Environment(_)) {
        return Reason::Event;
    }
    instead(searches, state, step, run).unwrap_or(Reason::Never)
}

/// Steps after which `step` does no harm: neither does it break the promise, nor can that no longer be avoided after it. They are
/// those that come first in `run`, without the ones that are not needed for that.
fn order(
    searches: &mut Searches<'_>,
    state: &ClusterState,
    step: Action,
    run: &[Action],
) -> Option<Vec<Action>> {
    let end = (1..=run.len()).find(|&end| {
        let is_next = run.get(end) == Some(&step);
        is_next || does_no_harm(searches, state, &run[..end], step)
    })?;
    Some(fewest(searches, state, run[..end].to_vec(), step))
}

/// Of steps after which `step` does no harm those that it takes, at least one of them.
fn fewest(
    searches: &mut Searches<'_>,
    state: &ClusterState,
    mut first: Vec<Action>,
    step: Action,
) -> Vec<Action> {
    loop {
        let known = first.len();
        for place in (0..first.len()).rev() {
            let fewer = [&first[..place], &first[place + 1..]].concat();
            if !fewer.is_empty() && does_no_harm(searches, state, &fewer, step) {
                first = fewer;
            }
        }
        if first.len() == known {
            return first;
        }
    }
}

/// Are these steps possible in their turn, and `step` after them, and can the promise be kept all the way and then on?
fn does_no_harm(searches: &mut Searches<'_>, state: &ClusterState, first: &[Action], step: Action) -> bool {
    let goal = &searches.goal;
    let take = |state: ClusterState, action: &Action| {
        goal.is_possible(&state, action).then(|| goal.kept(&state, action)).flatten()
    };
    let after = first.iter().chain([&step]).try_fold(state.clone(), take);
    after.is_some_and(|after| matches!(searches.avoidable(&after), Avoidable::Yes(_)))
}

/// The step in whose place another is taken along `run`, of the same class and for the same thing, with what has to come before
/// that one; none if it is not known to keep the promise.
fn instead(
    searches: &mut Searches<'_>,
    state: &ClusterState,
    step: Action,
    run: &[Action],
) -> Option<Reason> {
    let place = in_its_place(&searches.goal, state, step, run)?;
    let other = run[place];
    if does_no_harm(searches, state, &[], other) {
        return Some(Reason::Instead { first: Vec::new(), other });
    }
    let first = &run[..place];
    (!first.is_empty() && does_no_harm(searches, state, first, other))
        .then(|| Reason::Instead { first: fewest(searches, state, first.to_vec(), other), other })
}

/// Where along `run` a step of the same class and for the same thing is taken, before `step` itself is.
fn in_its_place(goal: &Goal<'_>, state: &ClusterState, step: Action, run: &[Action]) -> Option<usize> {
    let model = goal.world.model();
    let unit = model.unit_of(state, &step)?;
    let mut here = state.clone();
    for (place, action) in run.iter().enumerate() {
        if *action == step {
            return None;
        }
        let is_alike = action.class() == step.class() && model.unit_of(&here, action) == Some(unit);
        if is_alike {
            return Some(place);
        }
        here = model.apply(&here, action);
    }
    None
}
