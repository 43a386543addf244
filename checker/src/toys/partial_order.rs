//! Processes with variables of their own and shared ones, with and without partial order: known answers, and random ones
//! against a search that leaves nothing out.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{Toy, fair};
use crate::partial_order::Refused;
use crate::search::{Report, Search};
use crate::system::{Owed, Properties, System, Transition};

/// What a process may do at one of its places.
#[derive(Clone, Copy, Debug, Default)]
struct Arc {
    from: u8,
    to: u8,
    /// Only while this variable has this value.
    guard: Option<(u8, u8)>,
    /// Sets this variable to this value.
    effect: Option<(u8, u8)>,
}

/// What is never to be: these processes are at these places.
#[derive(Clone, Debug, Default)]
struct Bad {
    at: Vec<(u8, u8)>,
    variable: Option<(u8, u8)>,
}

/// Processes that begin at place 0, with variables that begin with 0.
#[derive(Clone, Debug, Default)]
struct Processes {
    arcs: Vec<Vec<Arc>>,
    variables: usize,
    bad: Vec<Bad>,
    /// Offers parts that depend on others, to see that this is found.
    careless: bool,
}

/// The places of the processes, then the values of the variables.
type State = Vec<u8>;

impl Processes {
    fn value(&self, state: &State, variable: u8) -> u8 {
        state[self.arcs.len() + usize::from(variable)]
    }

    /// The arcs that are possible: process, arc, and where it leads.
    fn possible(&self, state: &State) -> Vec<(usize, Arc, State)> {
        let mut possible = Vec::new();
        for (process, arcs) in self.arcs.iter().enumerate() {
            for arc in arcs.iter().filter(|arc| arc.from == state[process]) {
                if arc.guard.is_none_or(|(variable, value)| self.value(state, variable) == value) {
                    let mut next = state.clone();
                    next[process] = arc.to;
                    if let Some((variable, value)) = arc.effect {
                        next[self.arcs.len() + usize::from(variable)] = value;
                    }
                    possible.push((process, *arc, next));
                }
            }
        }
        possible
    }

    fn broken(&self, state: &State) -> Properties {
        let holds = |bad: &Bad| {
            bad.at.iter().all(|&(process, place)| state.get(usize::from(process)) == Some(&place))
                && bad.variable.is_none_or(|(variable, value)| self.value(state, variable) == value)
        };
        self.bad.iter().enumerate().fold(0, |set, (bit, bad)| set | Properties::from(holds(bad)) << bit)
    }

    /// An arc of `process` is its own affair: others write nothing that it reads and read nothing that it writes, and no
    /// property sees it.
    fn is_own_affair(&self, process: usize, arc: &Arc) -> bool {
        let others =
            || self.arcs.iter().enumerate().filter(|&(other, _)| other != process).flat_map(|(_, arcs)| arcs);
        let variable = |part: Option<(u8, u8)>| part.map(|(variable, _)| variable);
        let is_written = |it: u8| others().any(|other| variable(other.effect) == Some(it));
        let is_read = |it: u8| others().any(|other| variable(other.guard) == Some(it));
        let is_seen = self.bad.iter().any(|bad| {
            let moves = bad
                .at
                .iter()
                .any(|&(one, place)| usize::from(one) == process && (place == arc.from || place == arc.to));
            moves || (bad.variable.is_some() && variable(bad.variable) == variable(arc.effect))
        });
        let reads_alone = variable(arc.guard).is_none_or(|it| !is_written(it));
        let writes_alone = variable(arc.effect).is_none_or(|it| !is_written(it) && !is_read(it));
        self.careless || (reads_alone && writes_alone && !is_seen)
    }

    fn full(&self) -> Report<State, (usize, u8)> {
        Search::new(self).run()
    }

    fn reduced(&self, threads: usize) -> Report<State, (usize, u8)> {
        Search::new(self).threads(threads).partial_order().expect("nothing is owed").run()
    }
}

impl System for Processes {
    type State = State;
    type Action = (usize, u8);

    fn initial(&self) -> Vec<(State, Properties, Properties)> {
        let state = vec![0; self.arcs.len() + self.variables];
        let broken = self.broken(&state);
        vec![(state, broken, broken)]
    }

    fn transitions(&self, state: &State, visit: &mut impl FnMut(Transition<State, Self::Action>)) {
        for (process, arc, next) in self.possible(state) {
            let broken = self.broken(&next);
            let action = (process, arc.to);
            visit(Transition {
                action,
                next,
                broken,
                reached: broken,
                unit: None,
                discharged: 0,
                classes: 0,
            });
        }
    }

    fn ample(&self, state: &State, visit: &mut impl FnMut(u16, Transition<State, Self::Action>)) -> bool {
        let possible = self.possible(state);
        let is_part = |process: &usize| {
            let here = self.arcs[*process].iter().filter(|arc| arc.from == state[*process]);
            possible.iter().any(|(other, ..)| other == process)
                && here.into_iter().all(|arc| self.is_own_affair(*process, arc))
        };
        let Some(process) = (0..self.arcs.len()).find(is_part) else { return false };
        let mut number = 0;
        self.transitions(state, &mut |transition| {
            if transition.action.0 == process {
                visit(number, transition);
            }
            number += 1;
        });
        true
    }

    fn owed(&self, _state: &State) -> Owed {
        Owed::default()
    }

    fn has_obligations(&self) -> bool {
        false
    }
}

fn arc(from: u8, to: u8) -> Arc {
    Arc { from, to, ..Arc::default() }
}

fn broken(report: &Report<State, (usize, u8)>) -> (BTreeSet<u32>, Properties) {
    (report.violations.iter().map(|violation| violation.property).collect(), report.reached)
}

#[test]
fn of_counters_that_have_nothing_to_do_with_one_another_one_runs_after_the_other() {
    for (counters, most) in [(2, 5), (4, 3), (5, 2)] {
        let arcs = vec![(0..most).map(|at| arc(at, at + 1)).collect(); counters];
        let system = Processes { arcs, ..Processes::default() };
        assert_eq!(system.full().states, u64::from(most + 1).pow(counters as u32));
        let reduced = system.reduced(1);
        assert_eq!(reduced.states, u64::from(most) * counters as u64 + 1);
        assert_eq!((reduced.transitions, reduced.dead_ends), (reduced.states - 1, 1));
        assert_eq!(reduced.partial, reduced.states - 1);
    }
}

/// The cycle condition: a process that goes round for ever does not keep another from its step.
#[test]
fn a_cycle_of_steps_that_nobody_sees_hides_no_step_of_others() {
    let round = vec![arc(0, 1), arc(1, 2), arc(2, 0)];
    let system = Processes {
        arcs: vec![round.clone(), round, vec![arc(0, 1)]],
        bad: vec![Bad { at: vec![(2, 1)], variable: None }],
        ..Processes::default()
    };
    let reduced = system.reduced(1);
    assert!(reduced.partial > 0);
    assert_eq!(broken(&reduced), broken(&system.full()));
    assert_eq!(broken(&reduced).0, BTreeSet::from([0]));
}

/// Both are at their second place, or only the first, or only the second.
#[test]
fn a_step_that_a_property_sees_is_no_part() {
    let bad = |at: &[(u8, u8)]| Bad { at: at.to_vec(), variable: None };
    let system = Processes {
        arcs: vec![vec![arc(0, 1), arc(1, 2)]; 2],
        bad: vec![bad(&[(0, 1), (1, 0)]), bad(&[(0, 0), (1, 1)]), bad(&[(0, 1), (1, 1)])],
        ..Processes::default()
    };
    let (full, reduced) = (system.full(), system.reduced(1));
    assert_eq!(broken(&reduced), broken(&full));
    assert_eq!(broken(&full).0, BTreeSet::from([0, 1, 2]));
    let careless = Processes { careless: true, ..system };
    assert_ne!(broken(&careless.reduced(1)), broken(&full), "the second order was left out");
}

#[test]
fn progress_is_refused() {
    let toy = Toy::new([fair(0, 1, 0), fair(1, 0, 0)], [0]);
    assert_eq!(Search::new(&toy).partial_order().err(), Some(Refused));
    assert!(Refused.to_string().contains("progress"));
}

fn any_arc(variables: u8) -> impl Strategy<Value = Arc> {
    let part = || prop_oneof![3 => Just(None), 1 => (0..variables, 0_u8..2).prop_map(Some)];
    (0_u8..3, 0_u8..4, part(), part()).prop_map(|(from, to, guard, effect)| Arc { from, to, guard, effect })
}

fn any_processes() -> impl Strategy<Value = Processes> {
    (2_u8..5, 1_u8..5).prop_flat_map(|(processes, variables)| {
        let arcs = prop::collection::vec(any_arc(variables), 2..7);
        let bad = (
            prop::collection::vec((0..processes, 0_u8..4), 0..4),
            prop_oneof![3 => Just(None), 1 => (0..variables, 0_u8..2).prop_map(Some)],
        );
        let bad = bad.prop_map(|(at, variable)| Bad { at, variable });
        let arcs = prop::collection::vec(arcs, processes as usize);
        (arcs, prop::collection::vec(bad, 1..3)).prop_map(move |(arcs, bad)| Processes {
            arcs,
            variables: variables.into(),
            bad,
            careless: false,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_left_out_changes_no_verdict(system in any_processes()) {
        let (full, reduced) = (system.full(), system.reduced(1));
        prop_assert_eq!(broken(&reduced), broken(&full));
        prop_assert!(reduced.states <= full.states && reduced.transitions <= full.transitions);
        for violation in &reduced.violations {
            let mut at = violation.path.first.clone();
            for (action, next) in &violation.path.steps {
                let taken = |(process, arc, to): &(usize, Arc, State)| (*process, arc.to) == *action && to == next;
                prop_assert!(system.possible(&at).iter().any(taken), "each step is one of the system");
                at.clone_from(next);
            }
            prop_assert!(system.broken(&at) >> violation.property & 1 == 1);
        }
        prop_assert_eq!(super::text(&reduced), super::text(&system.reduced(3)));
    }
}

/// The random systems are such that much is left out, and that leaving out too much is found.
#[test]
fn random_systems_put_partial_order_to_the_test() {
    let mut runner = TestRunner::deterministic();
    let (mut fewer, mut found) = (0, 0);
    for _ in 0..1_000 {
        let system = any_processes().new_tree(&mut runner).expect("a system").current();
        let full = system.full();
        fewer += usize::from(system.reduced(1).states < full.states);
        let careless = Processes { careless: true, ..system };
        found += usize::from(broken(&careless.reduced(1)) != broken(&full));
    }
    assert!(fewer > 200 && found > 5, "{fewer} are reduced, careless parts are found in {found}");
}
