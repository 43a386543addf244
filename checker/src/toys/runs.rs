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
