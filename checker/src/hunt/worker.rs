//! One worker of a hunt: it dives or walks, a slice at a time.
//!
//! A *dive* goes depth first, the transitions out of each state in a random order, and knows the states that it was in
//! lately. A *walk* takes one random transition after the other. Both begin where everything begins or in a *spot*: a
//! state in which something happened for the first time. Both judge every transition out of every state they go on from,
//! whichever they take.

use std::time::Instant;

use fastrand::Rng;

use super::recent::Recent;
use super::temper::{Step, Temper};
use crate::expand::owed;
use crate::fingerprint::{Fingerprint, Hasher};
use crate::system::{Classes, Obligations, Properties, System, Transition, Unit};

/// What a hunt looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// A step that breaks the property of this bit.
    Breaks(u32),
    /// A state in which a fair run may rest with the obligation of this bit.
    Rests(u32),
}

/// What is still looked for.
#[derive(Clone, Debug)]
pub struct Sought {
    pub properties: Properties,
    /// Sets of obligations, for each of which one is enough.
    pub obligations: Vec<Obligations>,
}

impl Sought {
    pub fn is_empty(&self) -> bool {
        self.properties == 0 && self.obligations.is_empty()
    }

    /// Looks for it no longer; false if it did not before.
    pub fn strike(&mut self, goal: Goal) -> bool {
        match goal {
            Goal::Breaks(bit) => {
                let was_sought = self.properties >> bit & 1 == 1;
                self.properties &= !(1 << bit);
                was_sought
            }
            Goal::Rests(bit) => {
                let before = self.obligations.len();
                self.obligations.retain(|set| set >> bit & 1 == 0);
                self.obligations.len() < before
            }
        }
    }
}

/// A way by numbers: one of the states in which everything begins, and transitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    pub first: u16,
    pub choices: Vec<u16>,
}

/// A state to begin from, with the way there.
#[derive(Clone, Debug)]
pub struct Spot<S> {
    pub way: Way,
    pub state: S,
}

/// What makes a state a spot, the first few times: a premise is reached, an obligation is owed, a class of actions is taken.
pub const EVENTS: usize = (Properties::BITS + Obligations::BITS + Classes::BITS) as usize;

/// So many spots for each of them.
pub const SPOTS: u8 = 4;

/// What all workers share during a slice.
pub struct Ground<'r, S> {
    pub initial: &'r [S],
    pub spots: &'r [Spot<S>],
    /// How many spots there are for each event.
    pub events: &'r [u8],
    pub sought: &'r Sought,
    /// Transitions from the beginning.
    pub depth: u64,
    pub deadline: Option<Instant>,
}

/// What a worker has found and counted in a slice.
pub struct Tally<S> {
    pub states: u64,
    pub transitions: u64,
    pub depth: u64,
    pub dead_ends: u64,
    pub max_out_degree: u64,
    pub reached: Properties,
    pub owed: Obligations,
    pub coverage: Vec<u64>,
    pub limits: Vec<(&'static str, u64)>,
    pub found: Vec<(Goal, Way)>,
    pub spots: Vec<(usize, Spot<S>)>,
    /// A dive from the beginning came to its end, and was cut nowhere.
    pub saw_all: bool,
}

impl<S> Default for Tally<S> {
    fn default() -> Self {
        Self {
            states: 0,
            transitions: 0,
            depth: 0,
            dead_ends: 0,
            max_out_degree: 0,
            reached: 0,
            owed: 0,
            coverage: Vec::new(),
            limits: Vec::new(),
            found: Vec::new(),
            spots: Vec::new(),
            saw_all: false,
        }
    }
}

/// States out of which a dive still has to go.
struct Frame<S> {
    /// The transition that led here; of the first frame none.
    choice: Option<u16>,
    untried: Vec<Step<S>>,
    bytes: u64,
}

/// A dive or a walk under way.
struct Run<S> {
    /// Where it begins; none for a dive from the beginning, whose first choice is one of the initial states.
    from: Option<Way>,
    temper: Temper,
    /// Transitions from the beginning that it goes at most.
    depth: u64,
    /// States that it may still go on from.
    left: u64,
    /// Of a dive: the states that wait.
    frames: Vec<Frame<S>>,
    bytes: u64,
    /// Some states were left out.
    is_cut: bool,
    /// Of a walk: where it is, and what it took.
    at: Option<S>,
    choices: Vec<u16>,
}

impl<S> Run<S> {
    /// The way to the state that `last` leads to, if it is given, from where the run is.
    fn way(&self, last: Option<u16>) -> Way {
        let taken = self.frames.iter().filter_map(|frame| frame.choice);
        let mut taken = taken.chain(self.choices.iter().copied()).chain(last);
        let mut way = self.from.clone().unwrap_or_else(|| Way {
            first: taken.next().expect("a dive from the beginning first chooses where"),
            choices: Vec::new(),
        });
        way.choices.extend(taken);
        way
    }

    /// Transitions from the beginning to where it is.
    fn deep(&self) -> u64 {
        let before = self.from.as_ref().map_or(0, |way| way.choices.len());
        let own = self.frames.len().saturating_sub(1) + self.choices.len();
        (before + own).saturating_sub(usize::from(self.from.is_none())) as u64
    }
}

/// A worker.
pub struct Worker<'y, Y: System> {
    system: &'y Y,
    rng: Rng,
    dives: bool,
    /// Bytes that it may take for states that wait.
    room: u64,
    runs: u64,
    run: Option<Run<Y::State>>,
    recent: Recent,
    hasher: Hasher,
    reported: Vec<bool>,
    held_back: Vec<Unit>,
    sought: Sought,
    pub tally: Tally<Y::State>,
}

/// States that the shortest runs go on from.
const SHORTEST: u64 = 256;

/// A table of recent states takes no more than this, in bytes.
const TABLE: u64 = 32 << 20;

/// States between two looks at the clock.
const LOOK_EVERY: u64 = 64;

impl<'y, Y: System> Worker<'y, Y> {
    /// Number `number` of the hunt with this seed, which remembers at most `states` states and takes at most `bytes`, about.
    pub fn new(system: &'y Y, seed: u64, number: usize, states: u64, bytes: u64) -> Self {
        // An odd number far from 0, so that neighbouring seeds and workers share nothing.
        const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut own = Rng::with_seed(seed.wrapping_add(STRIDE.wrapping_mul(number as u64 + 1)));
        let table = (bytes / 2).min(TABLE).min(states.saturating_mul(size_of::<u64>() as u64));
        Self {
            system,
            rng: Rng::with_seed(own.u64(..)),
            dives: number.is_multiple_of(2),
            room: bytes / 2,
            runs: 0,
            run: None,
            recent: Recent::new(table),
            hasher: Hasher::default(),
            reported: Vec::new(),
            held_back: Vec::new(),
            sought: Sought { properties: 0, obligations: Vec::new() },
            tally: Tally::default(),
        }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        self.recent.bytes() + self.run.as_ref().map_or(0, |run| run.bytes)
    }

    /// Goes on from so many states.
    pub fn slice(&mut self, ground: &Ground<'_, Y::State>, states: u64) {
        self.tally = Tally::default();
        self.reported = ground.events.iter().map(|&count| count >= SPOTS).collect();
        self.sought = ground.sought.clone();
        while self.tally.states < states && !self.sought.is_empty() && !self.tally.saw_all {
            let is_time_to_look = self.tally.states.is_multiple_of(LOOK_EVERY);
            if is_time_to_look && ground.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return;
            }
            let Some(mut run) = self.run.take() else {
                self.run = Some(self.begin(ground));
                continue;
            };
            let goes_on = if self.dives { self.dive(&mut run) } else { self.walk(&mut run) };
            if goes_on {
                self.run = Some(run);
            }
        }
    }

    fn begin(&mut self, ground: &Ground<'_, Y::State>) -> Run<Y::State> {
        self.runs += 1;
        let spot = match ground.spots.is_empty() || self.rng.bool() {
            true => None,
            false => Some(&ground.spots[self.rng.usize(..ground.spots.len())]),
        };
        let before = spot.map_or(0, |spot| spot.way.choices.len() as u64);
        // Short runs come back from where nothing is, long ones get where nobody was.
        let further = match self.rng.u8(..3) {
            0 => u64::MAX,
            _ => 1 << self.rng.u32(4..13),
        };
        let depth = ground.depth.min(before.saturating_add(further));
        let mut run = Run {
            from: spot.map(|spot| spot.way.clone()),
            temper: Temper::draw(&mut self.rng),
            depth,
            left: SHORTEST * luby(self.runs),
            frames: Vec::new(),
            bytes: 0,
            is_cut: false,
            at: None,
            choices: Vec::new(),
        };
        if !self.dives {
            let first = self.rng.u16(..ground.initial.len() as u16);
            run.from.get_or_insert(Way { first, choices: Vec::new() });
            let state = spot.map_or(&ground.initial[usize::from(first)], |spot| &spot.state);
            run.at = Some(state.clone());
            return run;
        }
        self.recent.clear();
        let Some(spot) = spot else {
            let step = |(choice, state): (usize, &Y::State)| Step {
                choice: choice as u16,
                kind: 0,
                print: u64::of(&self.hasher, state),
                state: state.clone(),
            };
            let mut untried: Vec<_> = ground.initial.iter().enumerate().map(step).collect();
            self.rng.shuffle(&mut untried);
            run.frames.push(Frame { choice: None, untried, bytes: 0 });
            return run;
        };
        let state = spot.state.clone();
        self.recent.insert(u64::of(&self.hasher, &state));
        self.go_on(&mut run, None, &state);
        run
    }

    /// Takes the next step of a dive; false if there is none.
    fn dive(&mut self, run: &mut Run<Y::State>) -> bool {
        let Some(frame) = run.frames.last_mut() else {
            self.tally.saw_all = run.from.is_none() && !run.is_cut && !self.recent.has_forgotten();
            return false;
        };
        let Some(step) = frame.untried.pop() else {
            run.bytes -= frame.bytes;
            run.frames.pop();
            return true;
        };
        if !self.recent.insert(step.print) {
            return true;
        }
        if run.left == 0 {
            return false;
        }
        self.go_on(run, Some(step.choice), &step.state);
        run.bytes <= self.room
    }

    /// Goes on from the state that `choice` leads to.
    fn go_on(&mut self, run: &mut Run<Y::State>, choice: Option<u16>, state: &Y::State) {
        run.left = run.left.saturating_sub(1);
        let mut untried = self.expand(state, &|last| {
            let mut way = run.way(choice.or(last));
            way.choices.extend(last.filter(|_| choice.is_some()));
            way
        });
        let own = run.frames.len() + 1;
        let before = run.from.as_ref().map_or(0, |way| way.choices.len());
        let first = if run.from.is_none() { 2 } else { 1 };
        let deep = (before + own).saturating_sub(first) as u64;
        self.tally.depth = self.tally.depth.max(deep);
        if deep >= run.depth {
            run.is_cut |= !untried.is_empty();
            untried.clear();
        }
        untried.retain(|step| !self.recent.contains(step.print));
        run.temper.order(&mut self.rng, &mut untried);
        let owned = untried.iter().map(|step| self.system.heap_bytes(&step.state) as u64).sum::<u64>();
        let bytes =
            owned + (size_of::<Frame<Y::State>>() + untried.capacity() * size_of::<Step<Y::State>>()) as u64;
        run.bytes += bytes;
        run.frames.push(Frame { choice, untried, bytes });
    }

    /// Takes the next step of a walk; false if there is none.
    fn walk(&mut self, run: &mut Run<Y::State>) -> bool {
        let Some(state) = run.at.take().filter(|_| run.left > 0) else { return false };
        run.left -= 1;
        let mut steps = self.expand(&state, &|last| run.way(last));
        self.tally.depth = self.tally.depth.max(run.deep());
        if run.deep() >= run.depth {
            return false;
        }
        run.temper.order(&mut self.rng, &mut steps);
        let Some(step) = steps.pop() else { return false };
        run.choices.push(step.choice);
        run.at = Some(step.state);
        true
    }

    /// Judges a state and every transition out of it. `way` is the way to it, or to where a transition out of it leads.
    fn expand(&mut self, state: &Y::State, way: &dyn Fn(Option<u16>) -> Way) -> Vec<Step<Y::State>> {
        let system = self.system;
        self.tally.states += 1;
        if let Some(why) = system.limit(state) {
            match self.tally.limits.iter_mut().find(|(known, _)| *known == why) {
                Some((_, count)) => *count += 1,
                None => self.tally.limits.push((why, 1)),
            }
            return Vec::new();
        }
        let (mut steps, mut count, mut is_fair) = (Vec::new(), 0, false);
        let mut held_back = std::mem::take(&mut self.held_back);
        held_back.clear();
        let visit = &mut |transition: Transition<Y::State, Y::Action>| {
            let choice = u16::try_from(count).expect("a state has at most 65535 transitions");
            count += 1;
            let Transition { next, broken, reached, unit, classes, .. } = transition;
            is_fair |= unit.is_some();
            let (also_broken, also_reached) = system.judge(&next);
            let reached = reached | also_reached;
            self.tally.reached |= reached;
            self.cover(classes);
            for bit in bits((broken | also_broken) & self.sought.properties) {
                self.found(Goal::Breaks(bit), || way(Some(choice)));
            }
            for event in bits(reached).chain(bits(classes).map(|bit| 64 + bit)) {
                self.meet(event, &next, || way(Some(choice)));
            }
            let print = u64::of(&self.hasher, &next);
            steps.push(Step { choice, kind: classes, print, state: next });
        };
        system.expand(state, visit, &mut held_back);
        is_fair |= !held_back.is_empty();
        self.held_back = held_back;
        self.tally.transitions += count;
        self.tally.max_out_degree = self.tally.max_out_degree.max(count);
        self.tally.dead_ends += u64::from(count == 0);
        if system.has_obligations() {
            let (pending, premises) = owed(system, state);
            self.tally.owed |= premises;
            for bit in bits(premises) {
                self.meet(192 + bit, state, || way(None));
            }
            if !is_fair {
                bits(pending).for_each(|bit| self.found(Goal::Rests(bit), || way(None)));
            }
        }
        steps
    }

    fn cover(&mut self, classes: Classes) {
        for class in bits(classes) {
            let class = class as usize;
            if self.tally.coverage.len() <= class {
                self.tally.coverage.resize(class + 1, 0);
            }
            self.tally.coverage[class] += 1;
        }
    }

    fn found(&mut self, goal: Goal, way: impl FnOnce() -> Way) {
        if self.sought.strike(goal) {
            self.tally.found.push((goal, way()));
        }
    }

    fn meet(&mut self, event: u32, state: &Y::State, way: impl FnOnce() -> Way) {
        let is_known = std::mem::replace(&mut self.reported[event as usize], true);
        if !is_known {
            self.tally.spots.push((event as usize, Spot { way: way(), state: state.clone() }));
        }
    }
}

/// The bits of a set.
pub fn bits(set: impl Into<u128>) -> impl Iterator<Item = u32> {
    let mut set: u128 = set.into();
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (bit < u128::BITS).then_some(bit)
    })
}

/// The number at this place, from 1, of 1, 1, 2, 1, 1, 2, 4, … (Luby, Sinclair, Zuckerman: Optimal speedup of Las Vegas
/// algorithms, 1993): restarts after so many tries are at most a logarithm slower than the best ones.
fn luby(place: u64) -> u64 {
    let above = (place + 1).next_power_of_two();
    match above == place + 1 {
        true => above / 2,
        false => luby(place + 1 - above / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::luby;

    #[test]
    fn long_runs_come_after_short_ones() {
        let first: Vec<u64> = (1..=15).map(luby).collect();
        assert_eq!(first, [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]);
    }
}
