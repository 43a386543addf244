//! Leaving out what the end of a path does not need.

use podproof_model::ClusterState;

use super::{Course, Numbered};

/// Those of `actions`, which end as they should, that are left when as many as possible are left out one by one, the last first.
/// It ends when there is none left that can be left out, or when so many steps have been taken.
pub(super) fn reduce(course: &Course, mut actions: Vec<Numbered>, left: &mut usize) -> Vec<Numbered> {
    loop {
        let known = actions.len();
        actions = pass(course, actions, left);
        if actions.len() == known || *left == 0 {
            return actions;
        }
    }
}

/// Tries each step but the last once. What comes before it stays as it is, so its state is known.
fn pass(course: &Course, actions: Vec<Numbered>, left: &mut usize) -> Vec<Numbered> {
    let states = states(course, &actions);
    let mut kept: Vec<Numbered> = Vec::new();
    for (place, (action, state)) in actions.iter().zip(&states).enumerate().rev() {
        let is_last = place + 1 == actions.len();
        let rest: Vec<Numbered> = kept.iter().rev().copied().collect();
        if is_last || course.keeps(action.1) || !course.ends(state, &rest, left) {
            kept.push(*action);
        }
    }
    kept.reverse();
    kept
}

/// The states before each of the steps.
fn states(course: &Course, actions: &[Numbered]) -> Vec<ClusterState> {
    let model = course.world.model();
    let mut state = course.first.clone();
    let advance = |(_, action): &Numbered| {
        let next = model.apply(&state, action);
        std::mem::replace(&mut state, next)
    };
    actions.iter().map(advance).collect()
}
