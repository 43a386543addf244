//! Bounds while runs are judged: that takes time and memory after the last state was found.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::search::{Bounds, Report, Search, Stage, Stopped};
use crate::system::{Obligations, Owed, Properties, System, Transition};

const STATES: u32 = 20_000;

/// States in a ring that all owe something: going round for ever keeps it.
struct Ring;

impl System for Ring {
    type State = u32;
    type Action = ();

    fn initial(&self) -> Vec<(u32, Properties, Properties)> {
        vec![(0, 0, 1)]
    }

    fn transitions(&self, state: &u32, visit: &mut impl FnMut(Transition<u32, ()>)) {
        let next = (state + 1) % STATES;
        visit(Transition {
            action: (),
            next,
            broken: 0,
            reached: 0,
            unit: Some(0),
            discharged: 0,
            classes: 0,
        });
    }

    fn owed(&self, _state: &u32) -> Owed {
        Owed { pending: 1 << 9, reached: 1 << 9 }
    }
}

/// All states were seen, and of the runs through them nothing is said.
fn is_unjudged(report: &Report<u32, ()>, why: &Stopped) {
    assert_eq!((report.states, &*report.stopped), (STATES.into(), &[][..]));
    assert!(report.saw_every_state() && !report.is_complete());
    assert_eq!((report.unjudged.as_ref(), report.lassos.len()), (Some(why), 0));
    assert_eq!(report.owed, 1 << 9 as Obligations);
}

#[test]
fn without_bounds_the_lasso_is_found() {
    let report = Search::new(&Ring).run();
    assert_eq!((report.lassos.len(), report.lassos[0].cycle.steps.len()), (1, STATES as usize));
    assert!(report.is_complete());
    assert!(report.peak > report.memory + u64::from(STATES) * 20, "{} and {}", report.peak, report.memory);
}

#[test]
fn judging_runs_can_be_cancelled_at_every_look() {
    let mut ended = 0;
    for last in 1.. {
        let mut looks = 0;
        let report = Search::new(&Ring).watched_by(|progress| {
            looks += u32::from(progress.stage == Stage::Runs);
            if looks == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let report = report.run();
        if report.is_complete() {
            assert_eq!(report.lassos.len(), 1);
            break;
        }
        is_unjudged(&report, &Stopped::Cancelled);
        ended = last;
    }
    assert!(ended > 20, "{ended} looks");
}

#[test]
fn judging_runs_heeds_the_bound_on_memory() {
    let enough = Search::new(&Ring).run();
    let bounded = |memory| Search::new(&Ring).bounds(Bounds { memory, ..Bounds::default() }).run();
    let tight = enough.memory + 2000;
    is_unjudged(&bounded(tight), &Stopped::Memory(tight));
    let report = bounded(enough.peak + 1);
    assert!(report.is_complete() && report.lassos.len() == 1);
}

#[test]
fn judging_runs_heeds_the_bound_on_time() {
    let time = Duration::from_secs(1);
    let search = Search::new(&Ring).bounds(Bounds { time: Some(time), ..Bounds::default() });
    let report = search.watched_by(|progress| {
        if progress.stage == Stage::Runs {
            std::thread::sleep(time);
        }
        ControlFlow::Continue(())
    });
    is_unjudged(&report.run(), &Stopped::Time(time));
}

/// The time may run out while the last states are found: the runs through them get as long as those of a search that was cut.
#[test]
fn a_search_that_sees_everything_as_its_time_ends_judges_its_runs() {
    let time = Duration::from_secs(1);
    let search = Search::new(&Ring).bounds(Bounds { time: Some(time), ..Bounds::default() });
    let report = search.watched_by(|progress| {
        if progress.stage == Stage::States && progress.queue == 0 {
            std::thread::sleep(3 * time);
        }
        ControlFlow::Continue(())
    });
    let report = report.run();
    assert!(report.is_complete(), "{:?}", report.unjudged);
    assert_eq!(report.lassos.len(), 1);
}

/// Two states to go round in, and behind them one to rest in; all owe, and nothing is known of what binds the steps.
struct RoundOrRest;

impl System for RoundOrRest {
    type State = u32;
    type Action = ();

    fn initial(&self) -> Vec<(u32, Properties, Properties)> {
        vec![(0, 0, 0)]
    }

    fn transitions(&self, state: &u32, visit: &mut impl FnMut(Transition<u32, ()>)) {
        let next: &[u32] = match state {
            0 => &[1],
            1 => &[2],
            2 => &[1, 3],
            _ => &[],
        };
        for &next in next {
            let unit = Some(crate::system::ANY_UNIT);
            visit(Transition { action: (), next, broken: 0, reached: 0, unit, discharged: 0, classes: 0 });
        }
    }

    fn owed(&self, state: &u32) -> Owed {
        let pending = Obligations::from(*state > 0);
        Owed { pending, reached: pending }
    }
}

#[test]
fn a_rest_is_told_before_a_cycle_where_that_is_asked_for() {
    let found = |search: Search<'_, RoundOrRest>| {
        let report = search.run();
        let [lasso] = report.lassos.as_slice() else { panic!("{} lassos", report.lassos.len()) };
        (*lasso.stem.last(), lasso.cycle.steps.len())
    };
    assert_eq!(found(Search::new(&RoundOrRest)), (1, 2), "the nearer");
    assert_eq!(found(Search::new(&RoundOrRest).rests_first()), (3, 0));
}

/// How often the bounds are looked at while the runs of `system` are judged, and the lassos that are found.
fn judged<S: System>(system: &S) -> (u32, usize) {
    let mut looks = 0;
    let report = Search::new(system).watched_by(|progress| {
        looks += u32::from(progress.stage == Stage::Runs);
        ControlFlow::Continue(())
    });
    let report = report.run();
    assert!(report.is_complete());
    (looks, report.lassos.len())
}

/// A ring that all owe, of which one step alone is strongly fair.
struct OneStrongStep(u32);

const STRONG: u16 = 1;

impl System for OneStrongStep {
    type State = u32;
    type Action = ();

    fn initial(&self) -> Vec<(u32, Properties, Properties)> {
        vec![(0, 0, 0)]
    }

    fn transitions(&self, state: &u32, visit: &mut impl FnMut(Transition<u32, ()>)) {
        let next = (state + 1) % self.0;
        let unit = Some(if next == 0 { STRONG } else { 0 });
        visit(Transition { action: (), next, broken: 0, reached: 0, unit, discharged: 0, classes: 0 });
    }

    fn owed(&self, _state: &u32) -> Owed {
        Owed { pending: 1, reached: 1 }
    }

    fn is_strong(&self, unit: u16) -> bool {
        unit == STRONG
    }
}

#[test]
fn a_strong_unit_that_is_possible_far_away_is_looked_for_once() {
    let [(fewer, one), (more, also)] = [10_000, 20_000].map(|states| judged(&OneStrongStep(states)));
    assert_eq!((one, also), (1, 1));
    assert!(more < 3 * fewer, "{fewer} looks, and {more} at twice the states");
}

/// Pairs to go to and fro in, of which unit 7 leads to the next and meets what is owed first. What is owed besides makes one
/// component of all.
struct Pairs(u32);

impl System for Pairs {
    type State = u32;
    type Action = ();

    fn initial(&self) -> Vec<(u32, Properties, Properties)> {
        vec![(0, 0, 0)]
    }

    fn transitions(&self, state: &u32, visit: &mut impl FnMut(Transition<u32, ()>)) {
        for (next, unit, discharged) in [(state ^ 1, 0, 0), ((state | 1) + 1, 7, 1)] {
            let (next, unit) = (next % (2 * self.0), Some(unit));
            visit(Transition { action: (), next, broken: 0, reached: 0, unit, discharged, classes: 0 });
        }
    }

    fn owed(&self, _state: &u32) -> Owed {
        Owed { pending: 0b11, reached: 0b11 }
    }
}

#[test]
fn what_is_left_of_a_component_costs_what_it_is_and_not_what_the_component_was() {
    let [(fewer, one), (more, also)] = [1_000, 2_000].map(|pairs| judged(&Pairs(pairs)));
    assert_eq!((one, also), (1, 1), "what is owed besides goes round");
    assert!(more < 3 * fewer, "{fewer} looks, and {more} at twice the pairs");
}
