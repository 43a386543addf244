//! From state numbers back to states and actions.

use crate::system::{System, Transition};

/// A finite path: states with the action that led to each.
#[derive(Clone, Debug)]
pub struct Path<S, A> {
    /// Where it begins.
    pub first: S,
    /// Each action with the state after it.
    pub steps: Vec<(A, S)>,
}

impl<S: Clone, A: Clone> Path<S, A> {
    /// Takes the transitions numbered by `choices`, one after the other, from `first`.
    pub(crate) fn replay<Y>(system: &Y, first: S, choices: &[u16]) -> Self
    where
        Y: System<State = S, Action = A>,
    {
        let mut path = Self { first, steps: Vec::new() };
        for &choice in choices {
            let (mut taken, mut number) = (None, 0);
            system.transitions(path.last(), &mut |transition: Transition<S, A>| {
                if number == usize::from(choice) {
                    taken = Some((transition.action, transition.next));
                }
                number += 1;
            });
            path.steps.push(taken.expect("a state has the transitions that it had"));
        }
        path
    }

    /// Where it ends.
    pub fn last(&self) -> &S {
        self.steps.last().map_or(&self.first, |(_, state)| state)
    }

    /// Its actions.
    pub fn actions(&self) -> impl Iterator<Item = &A> {
        self.steps.iter().map(|(action, _)| action)
    }
}
