//! One random walk: small steps of the whole model, each judged, until nothing can move or a bound comes.

use std::time::Instant;

use fastrand::Rng;
use podproof_model::{ClusterState, Model, fairness};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, CLASSES, Component};
use podproof_vocabulary::property::{Kind, PropertySet};

use crate::interrupt;

/// One in so many steps something happens to the cluster, where it could at every step: one of these for each walk, so
/// that some walks see their faults early and close together, others late or far apart.
const PACES: [u32; 5] = [16, 64, 256, 1024, 4096];

/// How many of four components are slow on a walk, on average: they move only where no other can, and no time can pass. With
/// none slow all are alike, and time is one of them.
const SLOW_OF_FOUR: [u32; 3] = [0, 1, 2];

/// Steps between two looks at the clock.
const LOOK_EVERY: usize = 64;

/// How far a walk may go.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Steps.
    pub steps: u32,
    /// When it must end, if the time is limited.
    pub deadline: Option<Instant>,
}

/// Why a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It took as many steps as it may.
    Steps,
    /// Nothing can move any more.
    Rest,
    /// Everything that is judged was broken.
    Broken,
    /// The time was up.
    Time,
    /// Somebody asked to end.
    Interrupted,
    /// The model goes no further from there, and why.
    Limit(&'static str),
}

/// How a promise was broken for the first time on a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The promise.
    pub property: Property,
    /// Steps from the beginning until it was.
    pub steps: usize,
    /// Of a progress promise: the obligation that stays pending in the rest after these steps.
    pub obligation: Option<u32>,
}

/// What a walk has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Where it began.
    pub first: ClusterState,
    /// The steps.
    pub actions: Vec<Action>,
    /// How often each class of steps was taken.
    pub classes: [u64; CLASSES.len()],
    /// What was broken, in the order of the steps.
    pub violations: Vec<Violation>,
    /// The safety promises whose premise was reached.
    pub reached: PropertySet,
    /// Why it ended.
    pub end: End,
}

/// The generator of walk `number` of `seed`: each walk can be taken without the others.
pub fn generator(seed: u64, number: u32) -> Rng {
    // An odd number far from 0, so that neighbouring seeds and walks share nothing.
    const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut own = Rng::with_seed(seed.wrapping_add(STRIDE.wrapping_mul(u64::from(number))));
    Rng::with_seed(own.u64(..))
}

/// Walks through `model`, which judges the safety promises of `judged`.
pub fn walk(model: &Model, judged: PropertySet, rng: &mut Rng, bounds: Bounds) -> Walk {
    let mut beginnings = model.initial();
    let first = beginnings.swap_remove(rng.usize(..beginnings.len()));
    let temper = Temper::draw(rng);
    let mut state = first.clone();
    let mut walk = Walk {
        first,
        actions: Vec::new(),
        classes: [0; CLASSES.len()],
        violations: Vec::new(),
        reached: PropertySet::NONE,
        end: End::Steps,
    };
    let mut unbroken = judged;
    let mut enabled = Vec::new();
    for taken in 0..bounds.steps as usize {
        if let Some(why) = model.limit(&state) {
            walk.end = End::Limit(why);
            return walk;
        }
        if taken.is_multiple_of(LOOK_EVERY) {
            let is_late = bounds.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            let interrupted = interrupt::is_asked_for().then_some(End::Interrupted);
            if let Some(end) = interrupted.or(is_late.then_some(End::Time)) {
                walk.end = end;
                return walk;
            }
        }
        enabled.clear();
        model.enabled(&state, &mut enabled);
        walk.judge_rest(model, &state, &enabled, &mut unbroken);
        if unbroken.is_empty() {
            walk.end = End::Broken;
            return walk;
        }
        let Some(action) = temper.choose(rng, &enabled) else {
            walk.end = End::Rest;
            return walk;
        };
        let next = model.apply(&state, &action);
        walk.take(model, &state, action, &next, &mut unbroken);
        state = next;
    }
    walk
}

impl Walk {
    fn take(
        &mut self,
        model: &Model,
        state: &ClusterState,
        action: Action,
        next: &ClusterState,
        unbroken: &mut PropertySet,
    ) {
        self.actions.push(action);
        self.classes[usize::from(action.class())] += 1;
        let seen = model.judge(state, &action, next);
        self.reached = self.reached.union(seen.reached);
        for property in seen.broken.intersection(*unbroken).iter() {
            self.violations.push(Violation { property, steps: self.actions.len(), obligation: None });
            *unbroken = unbroken.without(PropertySet::of([property]));
        }
    }

    /// Where no fair step is possible a fair run may stay for ever, and with it what is pending there.
    fn judge_rest(
        &mut self,
        model: &Model,
        state: &ClusterState,
        enabled: &[Action],
        unbroken: &mut PropertySet,
    ) {
        let fair =
            |action: &Action| model.open(state, |cluster| fairness::unit_of(cluster, action).is_some());
        if enabled.iter().any(fair) {
            return;
        }
        for bit in model.pending(state) {
            let property = model.obligations.property_of(bit);
            if unbroken.contains(property) {
                self.violations.push(Violation {
                    property,
                    steps: self.actions.len(),
                    obligation: Some(bit),
                });
                *unbroken = unbroken.without(PropertySet::of([property]));
            }
        }
    }
}

/// How a walk draws its steps: what is rare on one walk is common on another. Where some are slow, a race that only the
/// slowest way and the fastest together can lose is lost in a few walks.
struct Temper {
    pace: u32,
    slow: Vec<Component>,
}

impl Temper {
    fn draw(rng: &mut Rng) -> Self {
        let pace = PACES[rng.usize(..PACES.len())];
        let share = SLOW_OF_FOUR[rng.usize(..SLOW_OF_FOUR.len())];
        let slow = Component::ALL.into_iter().filter(|_| rng.u32(..4) < share).collect();
        Self { pace, slow }
    }

    /// The next step: mostly one of the cluster's own, and one in `pace` times one of those that befall it. A component
    /// is drawn first, then one of its classes of steps, then a step: the deliveries of fifty pods do not drown what is
    /// rare.
    fn choose(&self, rng: &mut Rng, enabled: &[Action]) -> Option<Action> {
        let befalls = |action: &&Action| matches!(action, Action::Environment(_));
        let (events, own): (Vec<&Action>, Vec<&Action>) = enabled.iter().partition(befalls);
        let from = match (events.is_empty(), own.is_empty()) {
            (true, true) => return None,
            (false, false) if rng.u32(..self.pace) == 0 => events,
            (true, false) | (false, false) => self.quick(own),
            (false, true) => events,
        };
        let of_component = one_group(rng, from, Action::component);
        let of_class = one_group(rng, of_component, Action::class);
        Some(*of_class[rng.usize(..of_class.len())])
    }

    /// The steps of those who move first.
    fn quick<'a>(&self, own: Vec<&'a Action>) -> Vec<&'a Action> {
        let rank = |action: &Action| match action.component() {
            component if self.slow.contains(&component) => 2,
            Component::Time => u8::from(!self.slow.is_empty()),
            _ => 0,
        };
        let first = own.iter().map(|action| rank(action)).min();
        own.into_iter().filter(|action| Some(rank(action)) == first).collect()
    }
}

/// Those of `actions`, which are some, that share one key: one of the keys at random.
fn one_group<'a, K: PartialEq>(
    rng: &mut Rng,
    mut actions: Vec<&'a Action>,
    key: impl Fn(&Action) -> K,
) -> Vec<&'a Action> {
    let mut keys: Vec<K> = Vec::new();
    for action in &actions {
        let own = key(action);
        if !keys.contains(&own) {
            keys.push(own);
        }
    }
    let drawn = &keys[rng.usize(..keys.len())];
    actions.retain(|action| key(action) == *drawn);
    actions
}

/// Is this promise judged where walks rest, and nowhere else?
pub fn is_of_rests(property: Property) -> bool {
    property.facts().kind == Kind::Liveness
}
