//! Bounds end a search honestly: it says which, and claims nothing of what it did not see.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::Duration;

use super::{Step, Toy, fair, unfair};
use crate::search::{Bounds, Report, Search, Stopped};

/// A line of a hundred states; the last one owes, and so does a cycle on the way.
fn line() -> Toy {
    let steps = (0..99).map(|from| fair(from, from + 1, 0)).chain([fair(50, 49, 0)]);
    Toy::new(steps, [49, 50, 99])
}

fn bounded(bounds: Bounds) -> Report<u32, usize> {
    let toy = line();
    let report = Search::new(&toy).bounds(bounds).run();
    for lasso in &report.lassos {
        toy.check(lasso);
    }
    report
}

#[test]
fn a_bound_on_states_is_reported() {
    let report = bounded(Bounds { states: 10, ..Bounds::default() });
    assert_eq!((report.states, report.stopped, report.lassos.len()), (10, vec![Stopped::States(10)], 0));
    assert_eq!(report.depth, 9, "of the tenth state too");
}

#[test]
fn a_bound_on_depth_is_reported() {
    let report = bounded(Bounds { depth: 10, ..Bounds::default() });
    assert_eq!((report.states, report.depth, &*report.stopped), (11, 10, &[Stopped::Depth(10)][..]));
    assert!(!report.is_complete());
}

#[test]
fn a_bound_on_memory_is_reported() {
    let report = bounded(Bounds { memory: 1, ..Bounds::default() });
    assert_eq!((report.states, report.stopped), (2, vec![Stopped::Memory(1)]));
}

#[test]
fn a_bound_on_time_is_reported() {
    let report = bounded(Bounds { time: Some(Duration::ZERO), ..Bounds::default() });
    assert_eq!((report.states, report.stopped), (2, vec![Stopped::Time(Duration::ZERO)]));
}

#[test]
fn a_search_can_be_cancelled() {
    let (toy, looks) = (line(), Cell::new(0));
    let report = Search::new(&toy)
        .watched_by(|progress| {
            looks.set(looks.get() + 1);
            assert_eq!(
                (progress.states, progress.queue, progress.transitions),
                (looks.get() + 1, 1, looks.get())
            );
            if progress.depth == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .run();
    assert_eq!((looks.get(), report.stopped), (6, vec![Stopped::Cancelled]));
}

#[test]
fn a_search_that_has_seen_everything_is_complete_whatever_the_bounds() {
    let toy = Toy::new([fair(0, 1, 0)], [1]);
    let bounds = Bounds { states: 3, depth: 2, memory: 1 << 20, time: None };
    let report = Search::new(&toy).bounds(bounds).watched_by(|progress| match progress.queue {
        0 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let report = report.run();
    assert!(report.is_complete(), "{:?}", report.stopped);
    assert_eq!(report.lassos.len(), 1);
}

#[test]
fn states_that_were_not_expanded_are_no_rest() {
    // The bound ends the search with 99 found and not expanded.
    let report = bounded(Bounds { states: 100, ..Bounds::default() });
    assert_eq!(report.stopped, [Stopped::States(100)]);
    let ends: Vec<u32> = report.lassos.iter().map(|lasso| *lasso.stem.last()).collect();
    assert_eq!(ends, [49], "the cycle is real, the rest at 99 is not known");
}

#[test]
fn a_cycle_that_a_bound_cuts_is_not_claimed() {
    // After depth 50 the state 50 is known, but not where it leads.
    let report = bounded(Bounds { depth: 50, ..Bounds::default() });
    assert_eq!((report.states, report.lassos.len()), (51, 0));
    assert_eq!(bounded(Bounds { depth: 51, ..Bounds::default() }).lassos.len(), 1);
}

#[test]
fn a_violation_found_before_a_bound_is_reported_with_it() {
    let mut toy = line();
    toy.steps[3].broken = 1;
    let report = Search::new(&toy).bounds(Bounds { depth: 10, ..Bounds::default() }).run();
    assert_eq!(report.violations.iter().map(|v| v.path.steps.len()).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_limit_of_the_system_is_reported_with_how_many_states_it_cut_off() {
    let mut toy = Toy::new([unfair(0, 1), unfair(0, 2), unfair(0, 3), unfair(1, 4), unfair(3, 3)], []);
    toy.vertices[1].limit = Some("no slot");
    toy.vertices[2].limit = Some("no slot");
    toy.vertices[3].limit = Some("no ring");
    let report = toy.search();
    assert_eq!((report.states, report.dead_ends), (4, 0), "a state that was cut off is no dead end");
    assert_eq!(report.stopped, [Stopped::Limit("no slot", 2), Stopped::Limit("no ring", 1)]);
}

#[test]
fn a_state_at_the_limit_of_the_system_is_no_rest() {
    let mut toy = Toy::new([fair(0, 1, 0), Step { broken: 1, ..fair(1, 2, 0) }], [1]);
    assert!(toy.search().lassos.is_empty());
    toy.vertices[1].limit = Some("no slot");
    let report = toy.search();
    assert_eq!((report.lassos.len(), report.violations.len(), report.owed), (0, 0, 1));
    assert_eq!(report.stopped, [Stopped::Limit("no slot", 1)]);
}
