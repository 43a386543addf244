//! What a search asks of a system, and the adapter that makes a system of any `stateright::Model`.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Expectation, Model, Property};

use crate::report::Report;

/// A set of safety properties, a bit each.
pub type Properties = u64;

/// A set of progress obligations, a bit each.
pub type Obligations = u128;

/// A set of classes of actions, a bit each.
pub type Classes = u128;

/// A unit of fairness, at most [`ANY_UNIT`].
pub type Unit = u16;

/// The unit of transitions that are fair, nobody says with which others: no run rests while one is possible, but no cycle is
/// unfair for want of one. It judges more cycles fair than are, so what holds with it holds.
pub const ANY_UNIT: Unit = Unit::MAX - 1;

/// One transition out of a state.
#[derive(Clone, Debug)]
pub struct Transition<S, A> {
    /// Its label.
    pub action: A,
    /// The state that it leads to.
    pub next: S,
    /// The safety properties that it breaks.
    pub broken: Properties,
    /// The safety properties whose premise it reaches.
    pub reached: Properties,
    /// The unit of fairness that it belongs to, or [`ANY_UNIT`]; none if it is not fair.
    pub unit: Option<Unit>,
    /// The obligations that it discharges, or takes the premise of away, although they are pending on both sides.
    pub discharged: Obligations,
    /// The classes of actions that it consists of.
    pub classes: Classes,
}

/// The progress obligations in a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// Pending: a fair run that keeps one of these for ever is a counterexample.
    pub pending: Obligations,
    /// Their premise holds.
    pub reached: Obligations,
}

/// A system that can be searched.
///
/// Everything must be deterministic: the same state has the same transitions in the same order.
pub trait System: Sync {
    /// A state. Equal states hash alike, and different ones write different things to the hasher, wherever they may both be reached: of
    /// states that write the same only one is seen, however long a fingerprint is. Derived `Hash` does so; two collections one after the
    /// other that write no length do not (stateright's `HashableHashSet` and `HashableHashMap`, of which the state of its `ActorModel` has a
    /// row, for timers and for random choices).
    type State: Clone + Eq + Hash + Send + Sync;
    /// A label of transitions.
    type Action: Clone + Debug + Send + Sync;

    /// The states in which everything begins, each with the safety properties that it breaks and reaches; at most 65535.
    fn initial(&self) -> Vec<(Self::State, Properties, Properties)>;

    /// Calls `visit` with every transition out of `state`, in a fixed order; at most 65535.
    fn transitions(&self, state: &Self::State, visit: &mut impl FnMut(Transition<Self::State, Self::Action>));

    /// Are steps cheap beside the memory that states own? Then a state that is met is dropped at once, while its memory is still
    /// at hand, and taken [again](Self::successor) if it turns out to be new. Else states are kept until that is known.
    const TAKES_AGAIN: bool = false;

    /// The state that transition number `choice` out of `state` leads to, whose label is `action`.
    fn successor(&self, state: &Self::State, choice: u16, _action: &Self::Action) -> Option<Self::State> {
        let (mut number, mut found) = (0, None);
        self.transitions(state, &mut |transition| {
            if number == choice {
                found = Some(transition.next);
            }
            number += 1;
        });
        found
    }

    /// Calls `visit` with a part of the transitions out of `state` that is enough to go on with, each with its number in the
    /// order of [`transitions`](Self::transitions), and says true; false, without a call, if nothing may be left out. Asked
    /// only by a search [by partial order](crate::Search::partial_order), which states the condition.
    fn ample(
        &self,
        _state: &Self::State,
        _visit: &mut impl FnMut(u16, Transition<Self::State, Self::Action>),
    ) -> bool {
        false
    }

    /// The names of the classes of actions, by their bits, at most 128. A search says how often each was taken: a class that
    /// never was makes properties hold for the wrong reason.
    fn class_names(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Appends `state` as bytes, so that a search may put it on disk; false if the system cannot.
    fn encode(&self, _state: &Self::State, _bytes: &mut Vec<u8>) -> bool {
        false
    }

    /// The state that [`encode`](Self::encode) has written; none if these bytes are no state.
    fn decode(&self, _bytes: &[u8]) -> Option<Self::State> {
        None
    }

    /// Bytes that `state` holds outside of itself, about, so that a bound on memory counts them.
    fn heap_bytes(&self, _state: &Self::State) -> usize {
        0
    }

    /// The safety properties that `state` itself breaks and reaches, whatever led to it; asked once for each state that is not
    /// initial.
    fn judge(&self, _state: &Self::State) -> (Properties, Properties) {
        (0, 0)
    }

    /// What is owed in `state`.
    fn owed(&self, state: &Self::State) -> Owed;

    /// Is this unit of strong fairness: taken infinitely often if it is possible infinitely often? The others are of weak
    /// fairness: taken infinitely often if they are possible from some point on.
    fn is_strong(&self, _unit: Unit) -> bool {
        false
    }

    /// The same as [`transitions`](Self::transitions), and the units that are possible in `state` and have no transition only
    /// because of an approximation; those of weak fairness count as possible where it is judged. `held_back` is empty. A state with one also
    /// has a fair transition. By default there are none.
    fn expand(
        &self,
        state: &Self::State,
        visit: &mut impl FnMut(Transition<Self::State, Self::Action>),
        _held_back: &mut Vec<Unit>,
    ) {
        self.transitions(state, visit);
    }

    /// Why the search must not go on from `state`, if it must not. The verdict is then incomplete.
    fn limit(&self, _state: &Self::State) -> Option<&'static str> {
        None
    }

    /// The safety properties that there are, as far as that is known: a hunt that has found all of them broken is at its end.
    fn properties(&self) -> Properties {
        Properties::MAX
    }

    /// Are there progress obligations at all? Without, the search keeps no edges.
    fn has_obligations(&self) -> bool {
        true
    }
}

/// A [`System`] made of a `stateright::Model`: its `always` properties are safety properties, its `sometimes` properties
/// are premises, and nothing is fair.
pub struct Plain<M: Model> {
    model: M,
    properties: Vec<Property<M>>,
}

impl<M: Model> Plain<M> {
    /// Wraps `model`.
    ///
    /// # Errors
    /// The name of an `eventually` property: stateright's meaning of it misses cycles and joins, and as a state predicate
    /// it has no fairness. State it by [`fair`](Self::fair) instead, with `leads_to` or `always_eventually`.
    pub fn new(model: M) -> Result<Self, String> {
        let properties = model.properties();
        if let Some(property) = properties.iter().find(|p| p.expectation == Expectation::Eventually) {
            return Err(format!(
                "'{}' is an eventually property, which says nothing of fairness and misses cycles; take it away and promise it \
                 with Plain::fair(…).leads_to(…) or .always_eventually(…)",
                property.name
            ));
        }
        if properties.len() > Properties::BITS as usize {
            return Err(format!(
                "{} properties are more than a search judges ({})",
                properties.len(),
                Properties::BITS
            ));
        }
        Ok(Self { model, properties })
    }

    /// The names of the properties, in the order of their bits.
    pub fn names(&self) -> Vec<&'static str> {
        self.properties.iter().map(|property| property.name).collect()
    }

    /// The `sometimes` properties that no state has met, by what a search or a hunt of this system reports. Only of a search that saw
    /// every state they are certain.
    pub fn unmet(&self, report: &Report<M::State, M::Action>) -> Vec<&'static str> {
        let is_unmet = |(bit, property): &(usize, &Property<M>)| {
            matches!(property.expectation, Expectation::Sometimes) && report.reached >> bit & 1 == 0
        };
        self.properties.iter().enumerate().filter(is_unmet).map(|(_, property)| property.name).collect()
    }

    pub(crate) fn model(&self) -> &M {
        &self.model
    }

    fn conditions(&self, state: &M::State) -> (Properties, Properties) {
        let (mut broken, mut reached) = (0, 0);
        for (bit, property) in self.properties.iter().enumerate() {
            let holds = (property.condition)(&self.model, state);
            match property.expectation {
                Expectation::Always => {
                    broken |= Properties::from(!holds) << bit;
                    reached |= 1 << bit;
                }
                Expectation::Sometimes | Expectation::Eventually => reached |= Properties::from(holds) << bit,
            }
        }
        (broken, reached)
    }
}

impl<M> System for Plain<M>
where
    M: Model + Sync,
    M::State: Clone + Eq + Hash + Send + Sync,
    M::Action: Clone + Debug + Send + Sync,
{
    type State = M::State;
    type Action = M::Action;

    const TAKES_AGAIN: bool = std::mem::needs_drop::<M::State>();

    fn successor(&self, state: &M::State, _choice: u16, action: &M::Action) -> Option<M::State> {
        self.model.next_state(state, action.clone())
    }

    fn initial(&self) -> Vec<(Self::State, Properties, Properties)> {
        let states = self.model.init_states().into_iter().filter(|state| self.model.within_boundary(state));
        states
            .map(|state| {
                let (broken, reached) = self.conditions(&state);
                (state, broken, reached)
            })
            .collect()
    }

    fn transitions(
        &self,
        state: &Self::State,
        visit: &mut impl FnMut(Transition<Self::State, Self::Action>),
    ) {
        let mut actions = Vec::new();
        self.model.actions(state, &mut actions);
        for action in actions {
            let Some(next) = self.model.next_state(state, action.clone()) else { continue };
            if !self.model.within_boundary(&next) {
                continue;
            }
            visit(Transition { action, next, broken: 0, reached: 0, unit: None, discharged: 0, classes: 0 });
        }
    }

    fn judge(&self, state: &M::State) -> (Properties, Properties) {
        self.conditions(state)
    }

    fn owed(&self, _state: &Self::State) -> Owed {
        Owed::default()
    }

    fn properties(&self) -> Properties {
        let all = self.properties.iter().enumerate();
        let always = all.filter(|(_, property)| matches!(property.expectation, Expectation::Always));
        always.fold(0, |sum, (bit, _)| sum | 1 << bit)
    }

    fn has_obligations(&self) -> bool {
        false
    }
}
