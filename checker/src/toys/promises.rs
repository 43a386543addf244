//! Promises of models: toys with known answers, and random graphs beside a reference that knows neither pending bits nor
//! components. It enumerates simple cycles: a run that goes on for ever goes round a connected union of them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stateright::{Model, Property};

use crate::promises::{Fair, Fairness, Pending};
use crate::report::Report;
use crate::search::Search;
use crate::system::{Plain, System};

const W: fn(u16) -> Fairness = Fairness::Weak;
const S: fn(u16) -> Fairness = Fairness::Strong;
const N: Fairness = Fairness::None;

/// From, to, and how fair.
type Arrow = (u8, u8, Fairness);

/// A graph that begins in its first vertex; its actions are arrows.
#[derive(Clone, Debug)]
struct Arrows(Vec<Arrow>);

impl Model for Arrows {
    type State = u8;
    type Action = usize;

    fn init_states(&self) -> Vec<u8> {
        vec![0]
    }

    fn actions(&self, state: &u8, actions: &mut Vec<usize>) {
        actions.extend((0..self.0.len()).filter(|&arrow| self.0[arrow].0 == *state));
    }

    fn next_state(&self, _state: &u8, action: usize) -> Option<u8> {
        Some(self.0[action].1)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("below 4", |_, state| *state < 4), Property::sometimes("three", |_, s| *s == 3)]
    }
}

fn fair(arrows: &[Arrow]) -> Fair<Arrows> {
    let model = Arrows(arrows.to_vec());
    let arrows = arrows.to_vec();
    Plain::new(model).unwrap().fair(move |_, &arrow| arrows[arrow].2)
}

/// How long the cycle is that breaks the promise that vertices of `p` lead to some of `q`; none if it is kept.
fn broken(arrows: &[Arrow], p: &'static [u8], q: &'static [u8]) -> Option<usize> {
    let system = fair(arrows).leads_to("p leads to q", |_, s| p.contains(s), |_, s| q.contains(s));
    let report = Search::new(&system).run();
    assert!(report.is_complete() && report.lassos.len() < 2);
    report.lassos.first().map(|lasso| lasso.cycle.steps.len())
}

#[test]
fn what_was_asked_for_stays_asked_for_when_nobody_asks_any_more() {
    assert_eq!(broken(&[(0, 1, W(0))], &[0], &[2]), Some(0));
    assert_eq!(broken(&[(0, 1, W(0)), (1, 2, N)], &[0], &[2]), Some(0));
    assert_eq!(broken(&[(0, 1, W(0)), (1, 2, W(1))], &[0], &[2]), None);
    // Going round without P and without Q.
    assert_eq!(broken(&[(0, 1, N), (1, 2, N), (2, 1, N), (2, 3, N)], &[0], &[3]), Some(0));
    assert_eq!(broken(&[(0, 1, W(0)), (1, 2, W(0)), (2, 1, W(1)), (2, 3, W(2))], &[0], &[3]), Some(2));
    assert_eq!(broken(&[(0, 1, W(0)), (1, 2, W(0)), (2, 1, W(1)), (2, 3, S(2))], &[0], &[3]), None);
}

#[test]
fn a_state_that_is_reached_with_and_without_asking_is_two() {
    // 2 is reached by way of 1, which asks, and straight.
    let arrows = [(0, 1, N), (0, 2, N), (1, 2, W(0)), (2, 2, N)];
    let system = fair(&arrows).leads_to("one leads to three", |_, s| *s == 1, |_, s| *s == 3);
    let report = Search::new(&system).run();
    assert_eq!((report.states, report.owed, report.lassos.len()), (4, 1, 1));
    let stem: Vec<u8> = report.lassos[0].stem.steps.iter().map(|(_, next)| next.state).collect();
    assert_eq!(stem, [1, 2]);
    assert_eq!(report.lassos[0].stem.last(), &Pending { state: 2, pending: 1 });
    assert_eq!(broken(&arrows, &[3], &[4]), None, "nobody asks");
    // What was kept once is asked for anew.
    assert_eq!(broken(&[(0, 1, W(0)), (1, 2, W(0))], &[0], &[1]), None);
    assert_eq!(broken(&[(0, 1, W(0)), (1, 2, W(0))], &[0, 2], &[1]), Some(0));
}

#[test]
fn a_run_rests_where_no_fair_action_is_possible() {
    assert_eq!(broken(&[(0, 1, N)], &[0], &[1]), Some(0));
    assert_eq!(broken(&[(0, 1, W(0))], &[0], &[1]), None);
    assert_eq!(broken(&[(0, 1, S(0))], &[0], &[1]), None);
    assert_eq!(broken(&[], &[0], &[0]), None, "what is asked for holds at once");
}

#[test]
fn weak_and_strong_fairness_differ_where_an_action_comes_and_goes() {
    let round = |way_out| [(0, 1, W(0)), (1, 0, W(0)), (1, 2, way_out)];
    assert_eq!(broken(&round(W(1)), &[0], &[2]), Some(2));
    assert_eq!(broken(&round(S(1)), &[0], &[2]), None);
    // Possible all along, it is taken in the end; a weak and a strong unit of one number are two.
    let always = |way_out| [(0, 1, W(0)), (1, 0, W(0)), (1, 2, way_out), (0, 2, way_out)];
    assert_eq!(broken(&always(W(1)), &[0], &[2]), None);
    assert_eq!(broken(&always(W(0)), &[0], &[2]), Some(2), "one unit may be served on the way round");
    assert_eq!(broken(&always(S(0)), &[0], &[2]), None);
}

#[test]
fn always_eventually_asks_everywhere_and_safety_is_judged_beside_it() {
    let arrows = [(0, 1, W(0)), (1, 2, W(0)), (2, 3, W(0)), (3, 4, W(0)), (4, 0, W(0)), (1, 1, N)];
    let system = |arrows: &[Arrow]| {
        fair(arrows).always_eventually("three", |_, s| *s == 3).leads_to("two", |_, s| *s == 9, |_, _| false)
    };
    let (round, less) = (system(&arrows), system(&arrows[..4]));
    let report = Search::new(&round).threads(2).run();
    assert_eq!((report.lassos.len(), report.violations.len(), report.reached, report.owed), (0, 1, 3, 1));
    let report = Search::new(&less).run();
    assert_eq!((report.lassos.len(), report.lassos[0].obligation), (1, 0));
    assert_eq!(report.lassos[0].stem.last().state, 4);
    assert_eq!((round.promises(), round.names()), (vec!["three", "two"], vec!["below 4", "three"]));
}

#[test]
fn without_promises_the_search_is_that_of_the_model() {
    let system = fair(&[(0, 1, W(0)), (1, 0, N)]);
    assert!(!system.has_obligations());
    assert_eq!(Search::new(&system).run().states, 2);
}

#[test]
#[should_panic(expected = "the greatest number of a unit is 32766")]
fn a_unit_that_is_too_great_is_refused() {
    Search::new(&fair(&[(0, 1, W(32_767))])).run();
}

#[test]
#[should_panic(expected = "'late' is one promise more than a search judges (128)")]
fn a_promise_too_many_is_refused() {
    let full = (0..128).fold(fair(&[]), |system, _| system.always_eventually("early", |_, _| true));
    let _ = full.always_eventually("late", |_, _| true);
}

const VERTICES: u8 = 5;
const DEMANDS: [Fairness; 5] =
    [Fairness::Weak(0), Fairness::Weak(7), Fairness::Strong(0), Fairness::Strong(1), N];

/// Vertices, and demands that were taken, a bit each.
type Round = (u8, u8);

fn demand(fairness: Fairness) -> u8 {
    DEMANDS.iter().take(4).position(|&other| other == fairness).map_or(0, |place| 1 << place)
}

struct Reference<'a> {
    arrows: &'a [Arrow],
    /// Demands that are possible in each vertex.
    possible: [u8; VERTICES as usize],
}

impl<'a> Reference<'a> {
    fn new(arrows: &'a [Arrow]) -> Self {
        let mut possible = [0; VERTICES as usize];
        arrows.iter().for_each(|&(from, _, fairness)| possible[from as usize] |= demand(fairness));
        Self { arrows, possible }
    }

    /// What can be reached from `from` within `inside`.
    fn reach(&self, from: u8, inside: u8) -> u8 {
        let mut all = from & inside;
        for _ in 0..VERTICES {
            let out = self.arrows.iter().filter(|arrow| all >> arrow.0 & 1 == 1);
            all |= out.fold(0, |ends, arrow| ends | 1 << arrow.1) & inside;
        }
        all
    }

    /// Simple cycles within `inside` through `start` and vertices above it.
    fn cycles(&self, (start, at): (u8, u8), (met, taken): Round, inside: u8, found: &mut BTreeSet<Round>) {
        for &(_, to, fairness) in self.arrows.iter().filter(|arrow| arrow.0 == at) {
            let taken = taken | demand(fairness);
            if to == start {
                found.insert((met, taken));
            } else if to > start && inside >> to & 1 == 1 && met >> to & 1 == 0 {
                self.cycles((start, to), (met | 1 << to, taken), inside, found);
            }
        }
    }

    /// Is there a fair run that stays in `inside` for ever?
    fn stays(&self, inside: u8) -> bool {
        let vertices = |set: u8| (0..VERTICES).filter(move |vertex| set >> vertex & 1 == 1);
        let mut rounds = BTreeSet::new();
        vertices(inside).for_each(|v| self.cycles((v, v), (1 << v, 0), inside, &mut rounds));
        loop {
            let more: Vec<Round> = rounds
                .iter()
                .flat_map(|a| rounds.iter().filter(|b| a.0 & b.0 != 0).map(|b| (a.0 | b.0, a.1 | b.1)))
                .filter(|union| !rounds.contains(union))
                .collect();
            if more.is_empty() {
                break;
            }
            rounds.extend(more);
        }
        let fair = |&(met, taken): &Round| {
            let (mut all, mut any) = (u8::MAX, 0);
            vertices(met).for_each(|v| {
                (all, any) = (all & self.possible[v as usize], any | self.possible[v as usize]);
            });
            (all & 0b0011 | any & 0b1100) & !taken == 0
        };
        vertices(inside).any(|v| self.possible[v as usize] == 0) || rounds.iter().any(fair)
    }

    fn is_broken(&self, p: u8, q: u8) -> bool {
        let asking = self.reach(1, u8::MAX) & p & !q;
        self.stays(self.reach(asking, !q))
    }
}

/// Fails unless the lasso is a run of the graph that asks, never gets, and is fair.
fn check(arrows: &[Arrow], p: u8, q: u8, report: &Report<Pending<u8>, usize>, obligation: u32) {
    for lasso in report.lassos.iter().filter(|lasso| lasso.obligation == obligation) {
        let walk = |path: &crate::Path<Pending<u8>, usize>| {
            let mut at = path.first.state;
            for (arrow, next) in &path.steps {
                assert_eq!((arrows[*arrow].0, arrows[*arrow].1), (at, next.state));
                at = next.state;
            }
            at
        };
        assert_eq!((lasso.stem.first.state, walk(&lasso.stem)), (0, lasso.cycle.first.state));
        assert_eq!(walk(&lasso.cycle), lasso.cycle.first.state);
        let stem: Vec<u8> =
            std::iter::once(0).chain(lasso.stem.steps.iter().map(|(_, next)| next.state)).collect();
        let has = |set: u8, state: u8| set >> state & 1 == 1;
        let since = stem.iter().rposition(|&state| has(q, state)).map_or(0, |place| place + 1);
        assert!(stem[since..].iter().any(|&state| has(p, state)), "it was asked for and not given since");
        assert!(lasso.cycle.steps.iter().all(|(_, next)| !has(q, next.state)), "nor on the cycle");
        let reference = Reference::new(arrows);
        let cycle = lasso.cycle.steps.iter().map(|(_, next)| next.state).chain([lasso.cycle.first.state]);
        let (mut all, mut any) = (u8::MAX, 0);
        cycle.for_each(|v| {
            (all, any) = (all & reference.possible[v as usize], any | reference.possible[v as usize]);
        });
        let taken = lasso.cycle.steps.iter().fold(0, |taken, (arrow, _)| taken | demand(arrows[*arrow].2));
        assert_eq!((all & 0b0011 | any & 0b1100) & !taken, 0, "it is fair");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_are_broken_where_the_reference_says_so(
        arrows in prop::collection::vec((0..VERTICES, 0..VERTICES, prop::sample::select(&DEMANDS[..])), 0..12),
        p in 0..32_u8,
        q in prop_oneof![0..32_u8, (0..5_u8).prop_map(|bit| 1 << bit)],
        threads in 1..3_usize,
    ) {
        let system = fair(&arrows)
            .leads_to("p leads to q", move |_, s| p >> s & 1 == 1, move |_, s| q >> s & 1 == 1)
            .always_eventually("q", move |_, s| q >> s & 1 == 1);
        let report = Search::new(&system).threads(threads).run();
        prop_assert!(report.is_complete());
        let broken: Vec<u32> = report.lassos.iter().map(|lasso| lasso.obligation).collect();
        let reference = Reference::new(&arrows);
        let expected = [reference.is_broken(p, q), reference.is_broken(u8::MAX, q)];
        let expected: Vec<u32> = (0..2).filter(|&bit| expected[bit as usize]).collect();
        prop_assert_eq!(broken, expected);
        check(&arrows, p, q, &report, 0);
        check(&arrows, u8::MAX, q, &report, 1);
    }
}
