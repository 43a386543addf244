//! Breadth-first search on toys: every state once, shortest counterexamples, the same for any number of threads.

use super::{Step, Toy, fair, text, unfair};
use crate::search::{Bounds, Report, Search};
use crate::system::{Owed, Properties, System, Transition};

/// A torus of numbers: from (x, y) one step adds 1 to either, modulo the side. Wide enough that threads share a level.
struct Torus {
    side: u32,
}

impl Torus {
    fn breaks(state: u32, side: u32) -> Properties {
        Properties::from(state % side == side / 2) | Properties::from(state / side == side - 2) << 1
    }
}

impl System for Torus {
    type State = u32;
    type Action = char;

    fn initial(&self) -> Vec<(u32, Properties, Properties)> {
        vec![(0, 0, 0), (self.side + 1, 0, 0)]
    }

    fn transitions(&self, state: &u32, visit: &mut impl FnMut(Transition<u32, char>)) {
        let (x, y) = (state % self.side, state / self.side);
        for (action, next) in
            [('x', (x + 1) % self.side + y * self.side), ('y', x + (y + 1) % self.side * self.side)]
        {
            let broken = Self::breaks(next, self.side);
            let unit = (action == 'x').then_some(0);
            visit(Transition { action, next, broken, reached: 0b11, unit, discharged: 0, classes: 0 });
        }
    }

    fn owed(&self, state: &u32) -> Owed {
        let pending = 0b1 | u128::from(state / self.side > self.side / 2) << 1;
        Owed { pending, reached: pending }
    }
}

fn torus(threads: usize) -> Report<u32, char> {
    Search::new(&Torus { side: 300 }).threads(threads).run()
}

#[test]
fn the_report_is_the_same_for_any_number_of_threads() {
    let one = torus(1);
    assert_eq!((one.states, one.transitions, one.dead_ends), (90_000, 180_000, 0));
    assert_eq!(one.lassos.len(), 2);
    for threads in [2, 3, 8] {
        assert_eq!(text(&torus(threads)), text(&one), "{threads} threads");
    }
}

#[test]
fn counterexamples_are_shortest_and_take_the_least_transition() {
    let report = torus(2);
    let ways: Vec<(u32, u32, String)> =
        report.violations.iter().map(|v| (v.property, v.path.first, v.path.actions().collect())).collect();
    assert_eq!(ways, [(0, 301, "x".repeat(149)), (1, 301, "y".repeat(297))]);
}

#[test]
fn of_two_shortest_counterexamples_the_one_by_the_least_parent_is_shown() {
    let breaks = |step| Step { broken: 1, ..step };
    let toy = Toy::new(
        [unfair(0, 1), unfair(0, 2), breaks(unfair(2, 3)), breaks(unfair(1, 4)), breaks(unfair(1, 3))],
        [],
    );
    let report = toy.search();
    assert_eq!(report.violations.len(), 1);
    assert_eq!(report.violations[0].path.actions().copied().collect::<Vec<_>>(), [0, 3]);
}

#[test]
fn a_step_into_a_known_state_is_judged() {
    let toy = Toy::new([unfair(0, 1), Step { broken: 1 << 63, reached: 0b100, ..unfair(1, 0) }], []);
    let report = toy.search();
    assert_eq!(report.violations.iter().map(|v| v.property).collect::<Vec<_>>(), [63]);
    assert_eq!(report.violations[0].path.steps, [(0, 1), (1, 0)]);
    assert_eq!(report.reached, 0b100);
}

#[test]
fn a_broken_beginning_is_a_counterexample_without_a_step() {
    let mut toy = Toy::new([unfair(0, 1)], []);
    toy.initial = vec![(0, 0, 0b10), (1, 0b1, 0)];
    let report = toy.search();
    assert_eq!((report.states, report.reached), (2, 0b10));
    assert_eq!((report.violations[0].path.first, report.violations[0].path.steps.len()), (1, 0));
}

#[test]
fn a_beginning_that_is_there_twice_is_judged_twice() {
    let mut toy = Toy::new([unfair(0, 1)], []);
    toy.initial = vec![(0, 0, 0), (0, 0b1, 0b10)];
    let report = toy.search();
    assert_eq!((report.states, report.violations.len(), report.reached), (2, 1, 0b10));
}

#[test]
fn states_transitions_depth_and_dead_ends_are_counted() {
    let report =
        Toy::new([unfair(0, 1), unfair(0, 2), unfair(1, 3), unfair(2, 3), fair(3, 4, 0), unfair(2, 5)], [])
            .search();
    assert_eq!((report.states, report.transitions, report.depth, report.dead_ends), (6, 6, 3, 2));
    assert!(report.is_complete() && report.lassos.is_empty() && report.violations.is_empty());
}

#[test]
fn a_premise_that_is_owed_only_in_unreachable_states_is_not_reached() {
    assert_eq!(Toy::new([unfair(0, 1), unfair(2, 1)], [2]).search().owed, 0);
    assert_eq!(Toy::new([unfair(0, 1), unfair(2, 1)], [1]).search().owed, 1);
}

#[test]
fn a_system_without_a_beginning_has_no_states() {
    let report = Toy::default().search();
    assert_eq!((report.states, report.depth, report.is_complete()), (0, 0, true));
}

/// A property that a step breaks, and one that a state breaks that another step leads to.
struct StepsAndStates;

type Large = [u64; 128];

impl System for StepsAndStates {
    type State = Large;
    type Action = u64;

    fn initial(&self) -> Vec<(Large, Properties, Properties)> {
        vec![([0; 128], 0, 0)]
    }

    fn transitions(&self, state: &Large, visit: &mut impl FnMut(Transition<Large, u64>)) {
        let steps: &[(u64, Properties)] = match state[0] {
            0 => &[(1, 0), (2, 0), (4, 0)],
            1 => &[(3, 0)],
            2 => &[(1, 1)],
            _ => &[],
        };
        for &(to, broken) in steps {
            let (reached, unit, discharged) = (0, None, 0);
            visit(Transition { action: to, next: [to; 128], broken, reached, unit, discharged, classes: 0 });
        }
    }

    fn judge(&self, state: &Large) -> (Properties, Properties) {
        (Properties::from(state[0] == 3), 0)
    }

    fn encode(&self, state: &Large, bytes: &mut Vec<u8>) -> bool {
        bytes.extend(state[0].to_le_bytes());
        true
    }

    fn decode(&self, bytes: &[u8]) -> Option<Large> {
        Some([u64::from_le_bytes(bytes.try_into().ok()?); 128])
    }

    fn owed(&self, _state: &Large) -> Owed {
        Owed::default()
    }
}

/// With much memory states 1 and 2 are of one segment, with little each is of its own.
#[test]
fn whether_a_step_or_a_state_breaks_it_the_least_parent_is_shown_with_any_memory() {
    for memory in [u64::MAX, 1 << 18] {
        let report = Search::new(&StepsAndStates).bounds(Bounds { memory, ..Bounds::default() }).run();
        let ways: Vec<Vec<u64>> =
            report.violations.iter().map(|violation| violation.path.actions().copied().collect()).collect();
        assert_eq!(ways, [[1, 3]], "{memory} bytes");
    }
}
