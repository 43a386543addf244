//! A counterexample of a search that followed one pod's clocks is taken again with all clocks: only then it stands.
//!
//! What the others did took any time, so their steps may have to come earlier or later, with ticks between them. The
//! search is best first: it takes the steps of the counterexample in their order where it can, and pays for each step
//! taken out of its turn or that the counterexample does not have. Where the other pods' clocks make many such steps due, paying for
//! each would try them in every order: then it is searched once more, and a step that time waits for is free.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::hash::BuildHasher;

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::{NodeId, Property};

use crate::interrupt;

/// States that are tried before it is given up.
pub const TRIES: usize = 300_000;

/// States that are tried where the time is over, too: what was found is mostly taken again within a few.
const LEAST: usize = 8_192;

/// States after which it is looked at whether the time is over.
const LOOK: usize = 1_024;

/// How long it is tried.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// States that are tried.
    pub tries: usize,
    /// Is the time over?
    pub is_over: &'a dyn Fn() -> bool,
}

impl Patience<'_> {
    /// So many states, and Ctrl-C.
    pub const fn of(tries: usize) -> Self {
        Self { tries, is_over: &interrupt::is_asked_for }
    }
}

/// A state on the way, with the steps of the counterexample that are still to be taken.
struct Place {
    state: ClusterState,
    left: Vec<u32>,
    came: Option<(usize, Action)>,
    depth: u32,
    strayed: u32,
}

/// What a way costs.
#[derive(Clone, Copy)]
enum Price {
    /// Each step that the counterexample does not have.
    EveryStep,
    /// Those that time does not wait for; of two ways that cost the same the longer one goes on.
    NoneThatIsDue,
}

impl Price {
    /// Of a step that the counterexample does not have, where time may go on or waits.
    const fn of_stranger(self, time_goes_on: bool) -> u32 {
        match self {
            Self::NoneThatIsDue if !time_goes_on => 0,
            Self::EveryStep | Self::NoneThatIsDue => 4,
        }
    }

    /// What comes first among ways that cost the same, the least.
    const fn rank(self, depth: u32) -> u32 {
        match self {
            Self::EveryStep => depth,
            Self::NoneThatIsDue => u32::MAX - depth,
        }
    }
}

/// An initial state and small steps of `model`, which has all clocks, that break `property` as `actions` did.
///
/// # Errors
/// A sentence, if none were found: the counterexample may be one of clocks that were left out.
pub fn with_all_clocks(
    model: &Model,
    observed_proxy: Option<NodeId>,
    actions: &[Action],
    property: Property,
    patience: Patience<'_>,
) -> Result<(ClusterState, Vec<Action>), String> {
    let proxy =
        |state: &ClusterState| model.open(state, |cluster| cluster.shared.control_plane.observed_proxy());
    let first = model.initial().into_iter().find(|state| proxy(state) == observed_proxy);
    let first = first.ok_or("the counterexample begins in no state of the model with all clocks")?;
    let mut prices = [Price::EveryStep, Price::NoneThatIsDue].into_iter();
    let tries = patience.tries;
    let half = Patience { tries: tries / 2, ..patience };
    let found = prices.find_map(|price| taken(model, &first, actions, property, (price, half)));
    found.map(|actions| (first, actions)).ok_or_else(|| {
        const FOUND: &str = "a counterexample with the clocks of one pod was found, but";
        match (patience.is_over)() {
            true => format!("{FOUND} the time was over before it was taken again with all clocks"),
            false => format!("{FOUND} not taken again with all clocks within {tries} states"),
        }
    })
}

/// Small steps of `model` from `first` that break `property` as `actions` did, at this price.
fn taken(
    model: &Model,
    first: &ClusterState,
    actions: &[Action],
    property: Property,
    (price, patience): (Price, Patience<'_>),
) -> Option<Vec<Action>> {
    let wanted: Vec<Action> = actions.iter().copied().filter(|action| *action != Action::Tick).collect();
    let left = (0..wanted.len() as u32).collect();
    let mut places = vec![Place { state: first.clone(), left, came: None, depth: 0, strayed: 0 }];
    let mut queue = BinaryHeap::from([Reverse((0u32, 0u32, 0usize))]);
    let hasher = foldhash::quality::FixedState::default();
    let mut seen = BTreeSet::new();
    let mut enabled = Vec::new();
    let mut look = LEAST;
    while let Some(Reverse((_, _, at))) = queue.pop() {
        enabled.clear();
        model.enabled(&places[at].state, &mut enabled);
        let stranger = price.of_stranger(enabled.contains(&Action::Tick));
        for action in enabled.drain(..) {
            let next = model.apply(&places[at].state, &action);
            if model.judge(&places[at].state, &action, &next).broken.contains(property) {
                return Some(way(&places, at, action));
            }
            let place = &places[at];
            let mut left = place.left.clone();
            let mut strayed = place.strayed;
            if action != Action::Tick {
                match left.iter().position(|&index| wanted[index as usize] == action) {
                    Some(turn) => {
                        strayed += turn as u32;
                        left.remove(turn);
                    }
                    None => strayed += stranger,
                }
            }
            if !seen.insert(hasher.hash_one((&next, &left))) {
                continue;
            }
            let depth = place.depth + 1;
            let cost = 4 * left.len() as u32 + strayed;
            queue.push(Reverse((cost, price.rank(depth), places.len())));
            places.push(Place { state: next, left, came: Some((at, action)), depth, strayed });
        }
        if places.len() > patience.tries {
            break;
        }
        if places.len() > look {
            look = places.len() + LOOK;
            if (patience.is_over)() {
                break;
            }
        }
    }
    None
}

fn way(places: &[Place], mut at: usize, last: Action) -> Vec<Action> {
    let mut actions = vec![last];
    while let Some((parent, action)) = places[at].came {
        actions.push(action);
        at = parent;
    }
    actions.reverse();
    actions
}

#[cfg(test)]
mod tests {
    use podproof_traces::{Replayed, Trace, replay};
    use podproof_vocabulary::property::PropertySet;

    use super::*;

    const PROPERTY: Property = Property::NoFailedRequest;
    const TRIES: Patience<'static> = Patience::of(10_000);

    /// A drain of both pods at once, whose preStop sleeps are over one after the other, and its world with all clocks.
    fn drain() -> (Model, Trace) {
        let text = include_str!("../traces/corpus/no-failed-request/drain-takes-all-pods-at-once.json");
        let trace = Trace::from_json(text).expect("it is in the corpus");
        let model = Model::new(trace.scenario.clone()).expect("it fits").judging(PropertySet::of([PROPERTY]));
        (model, trace)
    }

    fn actions(trace: &Trace) -> Vec<Action> {
        trace.stem.iter().map(|step| step.action).collect()
    }

    #[test]
    fn what_all_clocks_allow_is_taken_as_it_is() {
        let (model, trace) = drain();
        let actions = actions(&trace);
        let found = with_all_clocks(&model, trace.observed_proxy, &actions, PROPERTY, TRIES);
        // Time may pass a little earlier or later.
        assert_eq!(found.map(|(_, found)| found.len()), Ok(actions.len()));
    }

    /// As a search tells it that follows the first pod: nothing of what the clocks of the other and the controllers make due
    /// while the first sleeps.
    #[test]
    fn where_too_much_is_due_to_be_paid_for_it_is_taken_for_free() {
        let (model, trace) = drain();
        let of_one_pod: Vec<Action> = (1..)
            .zip(actions(&trace))
            .filter(|(step, _)| !(17..=45).contains(step))
            .map(|(_, action)| action)
            .collect();
        let first = model.initial().remove(0);
        let paid_for = taken(&model, &first, &of_one_pod, PROPERTY, (Price::EveryStep, Patience::of(5_000)));
        assert_eq!(paid_for, None, "paying for each tries them in every order");
        let (first, actions) = with_all_clocks(&model, trace.observed_proxy, &of_one_pod, PROPERTY, TRIES)
            .expect("what is due costs nothing");
        assert!(actions.len() > of_one_pod.len());
        let again = Trace::record(&model, PROPERTY, &first, &actions, None, None);
        assert_eq!(replay(&again), Ok(Replayed::StillBroken { at_step: actions.len() }));
    }

    #[test]
    fn what_is_not_found_within_the_bound_is_said() {
        let (model, trace) = drain();
        let last = &actions(&trace)[..3];
        let why = with_all_clocks(&model, trace.observed_proxy, last, PROPERTY, Patience::of(100))
            .expect_err("nothing is broken so soon");
        assert!(why.contains("not taken again with all clocks within 100 states"), "{why}");
    }

    /// Neither a limit on time nor Ctrl-C waits for it, but for a moment.
    #[test]
    fn where_the_time_is_over_it_is_tried_for_a_moment() {
        let (model, trace) = drain();
        let never = &actions(&trace)[..3];
        let looks = std::cell::Cell::new(0);
        let is_over = || {
            looks.set(looks.get() + 1);
            true
        };
        let patience = Patience { tries: usize::MAX, is_over: &is_over };
        let why = with_all_clocks(&model, trace.observed_proxy, never, Property::PlacementLawful, patience)
            .expect_err("it is never broken");
        assert!(why.contains("the time was over before it was taken again"), "{why}");
        assert_eq!(looks.get(), 3, "once at each price, and once to say so");
        let found = with_all_clocks(&model, trace.observed_proxy, &actions(&trace), PROPERTY, patience);
        assert!(found.is_ok(), "what is found in a moment is told");
    }
}
