//! Progress of a `stateright::Model`: which of its actions are fair, and what is promised of every fair run.
//!
//! *P leads to Q*: whenever a state has P, that state or a later one has Q. What P has asked for stays asked for when P has
//! become false again, so it is part of what is searched: a state together with the promises that are [pending](Pending)
//! there. *Always eventually Q*: Q comes again and again, as if every state asked for it.
//!
//! A run may end, resting in a state for ever, if no fair action is possible there. An action that leads back to the same
//! state is a step like any other: it counts as possible and, on a cycle, as taken. What lies outside of the model's boundary is no
//! part of the system, as for stateright: an action that leads there is not possible. Nor is one for which `next_state` gives nothing, which
//! stateright reads as "changes nothing": whoever waits for such an action waits for nothing, and it binds no fair run. A model in which
//! it is a step that leads back has to say so, with the state that it had.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::Model;

use crate::system::{Obligations, Owed, Plain, Properties, System, Transition, Unit};

/// What is demanded of the runs on which an action is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fairness {
    /// Nothing: the action may never come. Faults are like that.
    None,
    /// Of the actions of this unit, at most [`Fairness::UNITS_MAX`], one is taken again and again if from some point on one is
    /// always possible.
    Weak(u16),
    /// Of the actions of this unit, at most [`Fairness::UNITS_MAX`], one is taken again and again if one is possible again and
    /// again. A weak unit of the same number is another one.
    Strong(u16),
}

impl Fairness {
    /// The greatest number of a unit.
    pub const UNITS_MAX: u16 = Unit::MAX / 2 - 1;

    fn unit(self) -> Option<Unit> {
        let (number, strong) = match self {
            Self::None => return None,
            Self::Weak(number) => (number, 0),
            Self::Strong(number) => (number, 1),
        };
        assert!(number <= Self::UNITS_MAX, "{self:?}: the greatest number of a unit is {}", Self::UNITS_MAX);
        Some(number << 1 | strong)
    }
}

/// A state of the model and the promises that are pending in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pending<S> {
    /// The state.
    pub state: S,
    /// A bit for each promise, in the order in which they were added.
    pub pending: Obligations,
}

/// How fair an action is that is possible in a state.
type Judge<M> = Box<dyn Fn(&<M as Model>::State, &<M as Model>::Action) -> Fairness + Send + Sync>;

/// What a state has or has not.
type Predicate<M> = Box<dyn Fn(&M, &<M as Model>::State) -> bool + Send + Sync>;

struct Promise<M: Model> {
    name: &'static str,
    /// None: every state asks for it.
    asked: Option<Predicate<M>>,
    kept: Predicate<M>,
}

/// A [`System`] made of a `stateright::Model` with fair actions and promises, by [`Plain::fair`]. Its `always` and `sometimes`
/// properties are judged as by [`Plain`], by their bits; the lassos of a report are of promises, by [theirs](Self::promises).
pub struct Fair<M: Model> {
    plain: Plain<M>,
    fairness: Judge<M>,
    promises: Vec<Promise<M>>,
}

impl<M: Model> Plain<M> {
    /// Says of every action that is possible in a state how fair it is; then promises can be added.
    ///
    /// ```
    /// use podproof_checker::{Fairness, Plain, Search};
    /// use stateright::Model;
    ///
    /// /// A lamp with a switch, and somebody who may or may not press it.
    /// struct Lamp;
    ///
    /// impl Model for Lamp {
    ///     type State = (bool, bool);
    ///     type Action = &'static str;
    ///
    ///     fn init_states(&self) -> Vec<(bool, bool)> {
    ///         vec![(false, false)]
    ///     }
    ///
    ///     fn actions(&self, &(pressed, _): &(bool, bool), actions: &mut Vec<&'static str>) {
    ///         actions.push(if pressed { "change" } else { "press" });
    ///     }
    ///
    ///     fn next_state(&self, &(_, on): &(bool, bool), action: &'static str) -> Option<(bool, bool)> {
    ///         Some(if action == "press" { (true, on) } else { (false, !on) })
    ///     }
    /// }
    ///
    /// let fairness = |_: &(bool, bool), action: &&str| if *action == "change" { Fairness::Weak(0) } else { Fairness::None };
    /// let system = Plain::new(Lamp)?
    ///     .fair(fairness)
    ///     .leads_to("a press in the dark makes light", |_, &(pressed, on)| pressed && !on, |_, &(_, on)| on)
    ///     .always_eventually("light", |_, &(_, on)| on);
    /// let report = Search::new(&system).run();
    /// assert!(report.is_complete());
    /// let broken: Vec<&str> = report.lassos.iter().map(|lasso| system.promises()[lasso.obligation as usize]).collect();
    /// assert_eq!(broken, ["light"], "nobody has to press");
    /// # Ok::<(), String>(())
    /// ```
    pub fn fair(
        self,
        fairness: impl Fn(&M::State, &M::Action) -> Fairness + Send + Sync + 'static,
    ) -> Fair<M> {
        Fair { plain: self, fairness: Box::new(fairness), promises: Vec::new() }
    }
}

impl<M: Model> Fair<M> {
    /// Whenever `asked` holds, `kept` holds then or later.
    ///
    /// # Panics
    /// If there are as many promises as a search judges, which is 128.
    #[must_use]
    pub fn leads_to(
        self,
        name: &'static str,
        asked: impl Fn(&M, &M::State) -> bool + Send + Sync + 'static,
        kept: impl Fn(&M, &M::State) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(Promise { name, asked: Some(Box::new(asked)), kept: Box::new(kept) })
    }

    /// `kept` holds again and again.
    ///
    /// # Panics
    /// If there are as many promises as a search judges, which is 128.
    #[must_use]
    pub fn always_eventually(
        self,
        name: &'static str,
        kept: impl Fn(&M, &M::State) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(Promise { name, asked: None, kept: Box::new(kept) })
    }

    fn with(mut self, promise: Promise<M>) -> Self {
        let most = Obligations::BITS as usize;
        assert!(
            self.promises.len() < most,
            "'{}' is one promise more than a search judges ({most})",
            promise.name
        );
        self.promises.push(promise);
        self
    }

    /// The names of the promises, in the order of their bits.
    pub fn promises(&self) -> Vec<&'static str> {
        self.promises.iter().map(|promise| promise.name).collect()
    }

    /// The names of the safety properties, in the order of their bits.
    pub fn names(&self) -> Vec<&'static str> {
        self.plain.names()
    }

    /// The promises that `state` asks for.
    fn asked(&self, state: &M::State) -> Obligations {
        let asks = |promise: &Promise<M>| {
            promise.asked.as_ref().is_none_or(|asked| asked(self.plain.model(), state))
        };
        self.set(asks)
    }

    fn set(&self, has: impl Fn(&Promise<M>) -> bool) -> Obligations {
        self.promises
            .iter()
            .enumerate()
            .fold(0, |set, (bit, promise)| set | Obligations::from(has(promise)) << bit)
    }

    /// `state`, where these promises were pending before.
    fn enter(&self, before: Obligations, state: M::State) -> Pending<M::State> {
        let kept = self.set(|promise| (promise.kept)(self.plain.model(), &state));
        Pending { pending: (before | self.asked(&state)) & !kept, state }
    }
}

impl<M> System for Fair<M>
where
    M: Model + Sync,
    M::State: Clone + Eq + Hash + Send + Sync,
    M::Action: Clone + Debug + Send + Sync,
{
    type State = Pending<M::State>;
    type Action = M::Action;

    const TAKES_AGAIN: bool = Plain::<M>::TAKES_AGAIN;

    fn properties(&self) -> Properties {
        self.plain.properties()
    }

    fn initial(&self) -> Vec<(Self::State, Properties, Properties)> {
        let states = self.plain.initial().into_iter();
        states.map(|(state, broken, reached)| (self.enter(0, state), broken, reached)).collect()
    }

    fn transitions(&self, state: &Self::State, visit: &mut impl FnMut(Transition<Self::State, M::Action>)) {
        let Pending { state, pending } = state;
        self.plain.transitions(state, &mut |Transition { action, next, .. }| {
            let unit = (self.fairness)(state, &action).unit();
            let next = self.enter(*pending, next);
            visit(Transition { action, next, broken: 0, reached: 0, unit, discharged: 0, classes: 0 });
        });
    }

    fn successor(&self, state: &Self::State, choice: u16, action: &M::Action) -> Option<Self::State> {
        let next = self.plain.successor(&state.state, choice, action)?;
        Some(self.enter(state.pending, next))
    }

    fn judge(&self, state: &Self::State) -> (Properties, Properties) {
        self.plain.judge(&state.state)
    }

    fn owed(&self, state: &Self::State) -> Owed {
        Owed { pending: state.pending, reached: self.asked(&state.state) }
    }

    fn is_strong(&self, unit: Unit) -> bool {
        unit & 1 == 1
    }

    fn has_obligations(&self) -> bool {
        !self.promises.is_empty()
    }
}
