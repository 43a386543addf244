//! stateright's front door: both the model of small steps and the reduced one are `stateright::Model`s, so its checkers
//! and its Explorer work on them.
//!
//! Our safety promises judge steps and stateright's judge states, so a state is bad here if a step out of it is. Progress
//! is left out: stateright's `eventually` knows no fairness and misses cycles and joins.

use std::borrow::Borrow;
use std::cell::RefCell;

use podproof_vocabulary::Property;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::property::{Kind, PROPERTIES};

use crate::properties::Judged;
use crate::reduced::{Move, Reduced};
use crate::state::ClusterState;
use crate::system::Model;

/// A model whose steps out of a state can be judged together: what [`properties`] asks of a `stateright::Model`, whose states
/// are this model's or hold one.
pub trait Judges: stateright::Model<State: Borrow<ClusterState>> {
    /// What all the steps out of `state` do to the promises.
    fn judge_all(&self, state: &ClusterState) -> Judged;
    /// The model of small steps below.
    fn small_steps(&self) -> &Model;
}

impl Judges for Model {
    fn judge_all(&self, state: &ClusterState) -> Judged {
        let mut actions = Vec::new();
        self.enabled(state, &mut actions);
        let judge = |action| self.judge(state, action, &self.apply(state, action));
        actions.iter().map(judge).fold(Judged::default(), Judged::union)
    }

    fn small_steps(&self) -> &Model {
        self
    }
}

impl Judges for Reduced {
    fn judge_all(&self, state: &ClusterState) -> Judged {
        let mut judged = Judged::default();
        self.moves(state, |outcome| judged = judged.union(outcome.judged));
        judged
    }

    fn small_steps(&self) -> &Model {
        &self.model
    }
}

thread_local! {
    /// stateright asks property by property; the steps out of a state are judged once.
    static LAST: RefCell<Option<(u64, ClusterState, Judged)>> = const { RefCell::new(None) };
}

fn judged<M: Judges>(model: &M, state: &ClusterState) -> Judged {
    let owner = model.small_steps().number;
    LAST.with_borrow_mut(|last| match last {
        Some((known, of, judged)) if *known == owner && of == state => *judged,
        _ => {
            let judged = model.judge_all(state);
            *last = Some((owner, state.clone(), judged));
            judged
        }
    })
}

fn keeps<M: Judges, const PROPERTY: usize>(model: &M, state: &M::State) -> bool {
    !judged(model, state.borrow()).broken.contains(PROPERTIES[PROPERTY].property)
}

fn reaches<M: Judges, const PROPERTY: usize>(model: &M, state: &M::State) -> bool {
    judged(model, state.borrow()).reached.contains(PROPERTIES[PROPERTY].property)
}

/// Name of the `sometimes` property: the model itself could not go on. What is found then is not complete. As long as it is
/// not found, stateright goes on to the last state.
pub const LIMIT: &str = "a limit of the model was met";

fn meets_limit<M: Judges>(model: &M, state: &M::State) -> bool {
    model.small_steps().limit(state.borrow()).is_some()
}

/// Names of the `sometimes` properties: the premise of a promise is reached.
const PREMISES: [&str; 15] = [
    "no-traffic-after-sigterm: premise",
    "no-failed-request: premise",
    "no-misrouted-request: premise",
    "no-avoidable-blackout: premise",
    "ready-means-ready: premise",
    "placement-lawful: premise",
    "disruption-budget-kept: premise",
    "rollout-within-bounds: premise",
    "pods-within-surge: premise",
    "terminal-is-final: premise",
    "stopped-before-gone: premise",
    "grace-honoured: premise",
    "init-before-app: premise",
    "sandbox-holds-namespaces: premise",
    "one-address-one-pod: premise",
];

/// The name under which stateright knows a safety promise's premise.
pub fn premise_name(property: Property) -> &'static str {
    PREMISES[property as usize]
}

macro_rules! all {
    ($model:ty, $($index:literal)*) => {
        vec![$(
            stateright::Property::always(PROPERTIES[$index].name, keeps::<$model, $index>),
            stateright::Property::sometimes(PREMISES[$index], reaches::<$model, $index>),
        )*]
    };
}

/// Those of the safety promises that `model` judges as stateright's `always`, each with its premise as a `sometimes`, and
/// [`LIMIT`].
pub fn properties<M: Judges>(model: &M) -> Vec<stateright::Property<M>> {
    let judged = model.small_steps().judged;
    let all = all!(M, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    let is_judged = |name: &str| {
        PROPERTIES.iter().any(|facts| {
            let named = name == facts.name
                || (facts.kind == Kind::Safety && name == PREMISES[facts.property as usize]);
            named && judged.contains(facts.property)
        })
    };
    let limit = stateright::Property::sometimes(LIMIT, meets_limit::<M>);
    all.into_iter().filter(|property| is_judged(property.name)).chain([limit]).collect()
}

impl stateright::Model for Model {
    type State = ClusterState;
    type Action = Action;

    fn init_states(&self) -> Vec<ClusterState> {
        self.initial()
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Action>) {
        self.enabled(state, actions);
    }

    fn next_state(&self, state: &ClusterState, action: Action) -> Option<ClusterState> {
        Some(self.apply(state, &action))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        properties(self)
    }
}

impl stateright::Model for Reduced {
    type State = ClusterState;
    type Action = Move;

    fn init_states(&self) -> Vec<ClusterState> {
        self.initial().into_iter().map(|(state, _)| state).collect()
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Move>) {
        self.moves(state, |outcome| actions.push(outcome.taken));
    }

    fn next_state(&self, state: &ClusterState, action: Move) -> Option<ClusterState> {
        Some(self.after(state, action))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        properties(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_safety_promise_has_its_premise_in_place() {
        let safety: Vec<_> = PROPERTIES.iter().filter(|facts| facts.kind == Kind::Safety).collect();
        assert_eq!(safety.len(), PREMISES.len());
        for facts in safety {
            assert_eq!(premise_name(facts.property), format!("{}: premise", facts.name));
        }
    }
}
