//! Hunts: what lies deep is found, nothing is ever said to hold, and a seed says everything.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use proptest::prelude::*;

use super::random::any_toy;
use super::{Step, Toy, fair, text, unfair};
use crate::hunt::Hunt;
use crate::search::{Bounds, Report, Search, Stopped};
use crate::system::{Owed, Properties, System, Transition};

/// Counters that only go up, each by a class of steps of its own: 31^20 states.
struct Counters;

const COUNTERS: usize = 20;
const TOP: u8 = 30;

/// The counters have come to half of all that they can.
const HALF: u32 = 0;
/// The first counter is at its top, and the last has not begun.
const LOPSIDED: u32 = 1;

impl System for Counters {
    type State = [u8; COUNTERS];
    type Action = usize;

    fn initial(&self) -> Vec<([u8; COUNTERS], Properties, Properties)> {
        vec![([0; COUNTERS], 0, 0)]
    }

    fn transitions(&self, state: &[u8; COUNTERS], visit: &mut impl FnMut(Transition<[u8; COUNTERS], usize>)) {
        for counter in (0..COUNTERS).filter(|&counter| state[counter] < TOP) {
            let mut next = *state;
            next[counter] += 1;
            let sum: usize = next.iter().map(|&count| usize::from(count)).sum();
            let half = sum >= COUNTERS * usize::from(TOP) / 2;
            let lopsided = next[0] == TOP && next[COUNTERS - 1] == 0;
            visit(Transition {
                action: counter,
                next,
                broken: u64::from(half) << HALF | u64::from(lopsided) << LOPSIDED,
                reached: 0,
                unit: Some(0),
                discharged: 0,
                classes: 1 << counter,
            });
        }
    }

    fn owed(&self, _state: &[u8; COUNTERS]) -> Owed {
        Owed { pending: 1, reached: 1 }
    }

    fn class_names(&self) -> Vec<&'static str> {
        vec!["count"; COUNTERS]
    }
}

const STATES: u64 = 100_000;

fn hunt(threads: usize, seed: u64) -> Report<[u8; COUNTERS], usize> {
    let bounds = Bounds { states: STATES, ..Bounds::default() };
    Hunt::new(&Counters).seed(seed).bounds(bounds).threads(threads).run()
}

fn properties<S, A>(report: &Report<S, A>) -> Vec<u32> {
    report.violations.iter().map(|violation| violation.property).collect()
}

#[test]
fn what_lies_deep_is_found_by_a_hunt_and_not_by_as_much_breadth() {
    let bounds = Bounds { states: STATES, ..Bounds::default() };
    let broad = Search::new(&Counters).bounds(bounds).run();
    assert_eq!((properties(&broad).len(), broad.lassos.len()), (0, 0));
    for seed in 1..=3 {
        let deep = hunt(1, seed);
        assert_eq!(properties(&deep), [HALF, LOPSIDED], "seed {seed}");
        let steps: Vec<usize> = deep.violations.iter().map(|violation| violation.path.steps.len()).collect();
        assert_eq!(steps[0], 300, "seed {seed}: there is no shorter way");
        assert!((30..300).contains(&steps[1]), "seed {seed}: {}", steps[1]);
        let lopsided = deep.violations[1].path.last();
        assert_eq!((lopsided[0], lopsided[COUNTERS - 1]), (TOP, 0), "seed {seed}: the last step breaks it");
        let rest = deep.lassos.first().expect("all counters come to their top");
        assert_eq!((rest.stem.last(), rest.cycle.steps.len()), (&[TOP; COUNTERS], 0), "seed {seed}");
        assert_eq!(rest.stem.steps.len(), COUNTERS * usize::from(TOP));
    }
}

#[test]
fn a_seed_says_everything_whatever_the_number_of_threads() {
    let one = text(&hunt(1, 7));
    assert!(one.contains("Violation") && one.contains("Lasso"));
    for threads in [1, 2, 4, 16] {
        assert!(text(&hunt(threads, 7)) == one, "{threads} threads");
    }
    assert!(text(&hunt(1, 8)) != one, "another seed takes other ways");
}

#[test]
fn a_hunt_ends_when_it_has_found_what_it_was_sent_for() {
    let bounds = Bounds { states: u64::MAX, ..Bounds::default() };
    let hunt = |properties, obligations| {
        Hunt::new(&Counters).bounds(bounds.clone()).seeking(properties, obligations).run()
    };
    let report = hunt(1 << HALF, Vec::new());
    assert_eq!((properties(&report), report.stopped), (vec![HALF], vec![Stopped::Hunt]));
    assert!(report.lassos.is_empty(), "it was not sent for rests");
    let report = hunt(0, vec![0b11]);
    assert_eq!(
        (report.violations.len(), report.lassos.len()),
        (0, 1),
        "one of a set of obligations is enough"
    );
}

#[test]
fn bounds_end_a_hunt_and_are_told() {
    let states = |states| Bounds { states, ..Bounds::default() };
    let hunt = |bounds| Hunt::new(&Counters).seeking(0, vec![1 << 5]).bounds(bounds);
    for allowed in [1, 5, 2049, 10_000] {
        let report = hunt(states(allowed)).run();
        assert_eq!(
            (report.states, &*report.stopped),
            (allowed, &[Stopped::Hunt, Stopped::States(allowed)][..])
        );
    }
    let time = Duration::from_millis(20);
    let report = hunt(Bounds { time: Some(time), ..states(u64::MAX) }).run();
    assert_eq!(report.stopped, [Stopped::Hunt, Stopped::Time(time)]);
    let watched = hunt(states(u64::MAX)).watched_by(|progress| match progress.states > 5_000 {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    assert_eq!(watched.run().stopped, [Stopped::Hunt, Stopped::Cancelled]);
    let report = hunt(Bounds { depth: 40, ..states(50_000) }).run();
    assert_eq!(report.depth, 40);
    assert_eq!(report.stopped, [Stopped::Hunt, Stopped::States(50_000)]);
}

#[test]
fn a_hunt_takes_no_more_memory_than_it_may() {
    let bounds = |memory| Bounds { memory, states: 200_000, ..Bounds::default() };
    let peak = |memory| Hunt::new(&Counters).seeking(0, vec![1 << 5]).bounds(bounds(memory)).run().peak;
    let (small, large) = (peak(512 << 10), peak(u64::MAX));
    assert!(small <= 512 << 10, "{small}");
    assert!(large > 2 << 20, "without the bound it takes more: {large}");
}

#[test]
fn a_hunt_that_has_seen_everything_ends_and_still_claims_nothing() {
    // A grid of a hundred by a hundred.
    let at = |row: u32, column: u32| row * 100 + column;
    let cells = (0..99).flat_map(|row| (0..99).map(move |column| (row, column)));
    let steps = cells.flat_map(|(row, column)| {
        [fair(at(row, column), at(row + 1, column), 0), fair(at(row, column), at(row, column + 1), 0)]
    });
    let grid = Indexed::new(Toy::new(steps, []));
    let bounds = Bounds { states: 50_000_000, time: None, ..Bounds::default() };
    let report = Hunt::new(&grid).bounds(bounds).run();
    assert_eq!(report.stopped, [Stopped::Hunt], "no bound ended it after {} states", report.states);
    assert!(!report.is_complete() && !report.saw_every_state());
}

/// A toy whose steps are found without looking through all of them.
struct Indexed {
    out: Vec<Vec<u32>>,
}

impl Indexed {
    fn new(toy: Toy) -> Self {
        let mut out = vec![Vec::new(); toy.vertices.len()];
        toy.steps.iter().for_each(|step| out[step.from as usize].push(step.to));
        Self { out }
    }
}

impl System for Indexed {
    type State = u32;
    type Action = ();

    fn initial(&self) -> Vec<(u32, Properties, Properties)> {
        vec![(0, 0, 0)]
    }

    fn transitions(&self, state: &u32, visit: &mut impl FnMut(Transition<u32, ()>)) {
        for &next in &self.out[*state as usize] {
            let unit = Some(0);
            visit(Transition { action: (), next, broken: 0, reached: 0, unit, discharged: 0, classes: 0 });
        }
    }

    fn owed(&self, _state: &u32) -> Owed {
        Owed::default()
    }
}

#[test]
fn ways_are_cut_short() {
    // A ladder of rings: each has a way round of thirty states, and a step to the next ring in all of them.
    let rings = 40;
    let state = |ring: u32, place: u32| ring * 30 + place % 30;
    let steps = (0..rings).flat_map(|ring| {
        (0..30).flat_map(move |place| {
            let here = state(ring, place);
            [unfair(here, state(ring, place + 1)), unfair(here, state(ring + 1, place))]
        })
    });
    let mut toy = Toy::new(steps, []);
    let last = toy.steps.iter_mut().find(|step| (step.from, step.to) == (state(39, 0), state(40, 0)));
    last.expect("it is there").broken = 1;
    for seed in 0..5 {
        let report = Hunt::new(&toy).seed(seed).seeking(1, Vec::new()).run();
        let path = &report.violations[0].path;
        assert_eq!(path.steps.len(), 40, "seed {seed}: rung by rung");
    }
}

#[test]
fn what_the_beginning_breaks_is_found() {
    let mut toy = Toy::new([unfair(0, 1)], []);
    toy.initial = vec![(1, 0, 2), (0, 4, 0)];
    let report = Hunt::new(&toy).run();
    assert_eq!((properties(&report), report.violations[0].path.first), (vec![2], 0));
    assert_eq!((report.reached, report.violations[0].path.steps.len()), (2, 0));
    toy.initial.clear();
    assert_eq!(Hunt::new(&toy).run().stopped, [Stopped::Hunt], "nothing begins");
}

#[test]
fn a_state_at_the_limit_of_the_system_is_no_rest_for_a_hunt() {
    let mut toy = Toy::new([fair(0, 1, 0), Step { broken: 1, ..fair(1, 2, 0) }], [1]);
    toy.vertices[1].limit = Some("no slot");
    let report = Hunt::new(&toy).run();
    assert_eq!((report.lassos.len(), report.violations.len()), (0, 0));
    assert!(matches!(report.stopped[..], [Stopped::Hunt, Stopped::Limit("no slot", 1..)]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hunt_through_a_small_graph_finds_what_a_search_finds_and_claims_nothing(toy in any_toy(true), seed: u64) {
        let (search, hunt) = (toy.search(), Hunt::new(&toy).seed(seed).run());
        prop_assert!(!hunt.is_complete() && !hunt.saw_every_state());
        hunt.lassos.iter().for_each(|lasso| toy.check(lasso));
        let broken = |report| properties(report).into_iter().collect::<BTreeSet<_>>();
        prop_assert_eq!(broken(&hunt), broken(&search));
        let rests = |report: &Report<u32, usize>| {
            let rests = report.lassos.iter().filter(|lasso| lasso.cycle.steps.is_empty());
            rests.map(|lasso| lasso.obligation).collect::<BTreeSet<_>>()
        };
        prop_assert!(rests(&hunt).is_superset(&rests(&search)));
        for violation in &hunt.violations {
            let mut at = violation.path.first;
            for (edge, to) in &violation.path.steps {
                prop_assert_eq!((toy.steps[*edge].from, toy.steps[*edge].to), (at, *to));
                at = *to;
            }
            let last = violation.path.actions().last().map_or(0, |&edge| toy.steps[edge].broken);
            prop_assert!(violation.path.steps.is_empty() || last >> violation.property & 1 == 1);
            let shortest = search.violations.iter().find(|other| other.property == violation.property);
            let shortest = shortest.map(|other| other.path.steps.len());
            prop_assert!(Some(violation.path.steps.len()) >= shortest);
        }
    }
}
