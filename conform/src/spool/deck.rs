//! Steps as numbers. There are no more of them than the models of a log have, however often each is taken.

use std::collections::BTreeMap;

use podproof_vocabulary::action::Action;

/// The steps that have been taken.
#[derive(Debug, Default)]
pub(super) struct Deck {
    actions: Vec<Action>,
    numbers: BTreeMap<Action, u32>,
}

impl Deck {
    /// The number of a step.
    pub fn number_of(&mut self, action: Action) -> u32 {
        *self.numbers.entry(action).or_insert_with(|| {
            self.actions.push(action);
            u32::try_from(self.actions.len() - 1).expect("models have fewer steps than 2^32")
        })
    }

    /// The step of a number.
    pub fn action_of(&self, number: u32) -> Action {
        self.actions[number as usize]
    }
}
