//! Random small graphs: the lasso search agrees with an oracle that knows no components.
//!
//! The oracle walks the product of a graph with what a walk has met so far: which units it has taken, which were disabled
//! somewhere, which were possible somewhere. From each reachable state, is there a non-empty walk back to it that keeps
//! the obligation and is fair to every unit?

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Step, Toy, Vertex};
use crate::search::{Bounds, Search};
use crate::system::Obligations;

const VERTICES: u32 = 7;
const UNITS: u16 = 3;
const OBLIGATIONS: u32 = 2;

impl Toy {
    fn reachable(&self) -> BTreeSet<u32> {
        let mut seen: BTreeSet<u32> = self.initial.iter().map(|&(state, ..)| state).collect();
        let mut queue: Vec<u32> = seen.iter().copied().collect();
        while let Some(at) = queue.pop() {
            queue.extend(self.out_of(at).map(|(_, step)| step.to).filter(|&to| seen.insert(to)));
        }
        seen
    }

    fn units(&self, vertex: u32, has: impl Fn(&Self, u32, u16) -> bool) -> u8 {
        (0..UNITS).filter(|&unit| has(self, vertex, unit)).fold(0, |units, unit| units | 1 << unit)
    }

    fn begin(&self, vertex: u32) -> Met {
        Met {
            taken: 0,
            disabled: ALL & !self.units(vertex, Self::is_enabled),
            possible: self.units(vertex, Self::is_possible),
        }
    }

    /// What the cycles from `start` back to it that keep the obligation meet.
    fn cycles_at(&self, start: u32, bit: Obligations) -> BTreeSet<Met> {
        let mut seen: BTreeSet<(u32, Met)> = BTreeSet::new();
        let mut queue = vec![(start, self.begin(start))];
        while let Some((at, met)) = queue.pop() {
            let keeps = |step: &Step| {
                step.discharged & bit == 0 && self.vertices[step.to as usize].pending & bit != 0
            };
            for (_, step) in self.out_of(at).filter(|(_, step)| keeps(step)) {
                let here = self.begin(step.to);
                let next = Met {
                    taken: met.taken | step.unit.map_or(0, |unit| 1 << unit),
                    disabled: met.disabled | here.disabled,
                    possible: met.possible | here.possible,
                };
                if seen.insert((step.to, next)) {
                    queue.push((step.to, next));
                }
            }
        }
        seen.into_iter().filter(|&(at, _)| at == start).map(|(_, met)| met).collect()
    }

    /// The units that a cycle is unfair to.
    fn unfair(&self, met: Met) -> u8 {
        let strong = self.strong as u8;
        ALL & !met.taken & ((strong & met.possible) | (!strong & !met.disabled))
    }

    fn owing(&self, bit: Obligations) -> impl Iterator<Item = u32> {
        let vertex = |state: u32| self.vertices[state as usize];
        let known = |&state: &u32| vertex(state).pending & bit != 0 && vertex(state).limit.is_none();
        self.reachable().into_iter().filter(known).collect::<Vec<_>>().into_iter()
    }

    /// Does some fair run keep the obligation for ever?
    fn is_kept(&self, obligation: u32) -> bool {
        let bit: Obligations = 1 << obligation;
        let rests = |state| self.units(state, Self::is_enabled) == 0;
        let fair = |state| self.cycles_at(state, bit).into_iter().any(|met| self.unfair(met) == 0);
        self.owing(bit).any(|state| rests(state) || fair(state))
    }

    /// Does some run keep it that is unfair to nothing but weak units that are held back wherever it comes?
    fn is_starved(&self, obligation: u32) -> bool {
        let bit: Obligations = 1 << obligation;
        let starves = |met: Met| {
            let unfair = self.unfair(met);
            unfair != 0 && unfair & (met.possible | self.strong as u8) == 0
        };
        // Who rests is unfair to all that is fair there.
        let rests =
            |state| self.units(state, Self::is_enabled) != 0 && self.units(state, Self::is_possible) == 0;
        self.owing(bit).any(|state| rests(state) || self.cycles_at(state, bit).into_iter().any(starves))
    }
}

/// What a walk has met so far, a bit for each unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Met {
    taken: u8,
    disabled: u8,
    possible: u8,
}

const ALL: u8 = (1 << UNITS) - 1;

fn any_step(count: u32) -> impl Strategy<Value = Step> {
    let unit = prop_oneof![1 => Just(None), 3 => (0..UNITS).prop_map(Some)];
    let discharged = prop_oneof![4 => Just(0), 1 => 1..1_u128 << OBLIGATIONS];
    let broken = prop_oneof![5 => Just(0), 1 => 1..4_u64];
    (0..count, 0..count, unit, discharged, broken).prop_map(|(from, to, unit, discharged, broken)| Step {
        from,
        to,
        unit,
        broken,
        reached: broken,
        discharged,
    })
}

/// Dense in what is owed, so that most graphs are decided by fairness and by what is discharged.
pub fn any_toy(limits: bool) -> impl Strategy<Value = Toy> {
    let pending = prop_oneof![1 => Just(0), 2 => 1..1_u128 << OBLIGATIONS, 3 => Just((1 << OBLIGATIONS) - 1)];
    let limit = prop_oneof![5 => Just(None), 1 => Just(limits.then_some("a limit"))];
    let held = prop_oneof![3 => Just(0), 1 => 0..1_u16 << UNITS];
    let vertex = (pending, limit, held).prop_map(|(pending, limit, held)| Vertex { pending, limit, held });
    prop::collection::vec(vertex, 1..=VERTICES as usize).prop_flat_map(|vertices| {
        let count = vertices.len() as u32;
        let initial = prop::collection::vec((0..count).prop_map(|state| (state, 0, 0)), 1..3);
        let steps = prop::collection::vec(any_step(count), 0..20);
        let strong = prop_oneof![Just(0), 0..1_u16 << UNITS];
        (initial, steps, strong).prop_map(move |(initial, steps, strong)| Toy {
            initial,
            vertices: vertices.clone(),
            steps,
            strong,
        })
    })
}

fn obligations_kept(toy: &Toy) -> Vec<u32> {
    (0..OBLIGATIONS).filter(|&obligation| toy.is_kept(obligation)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_lassos_are_those_of_the_oracle(toy in any_toy(false)) {
        let report = toy.search();
        report.lassos.iter().for_each(|lasso| toy.check(lasso));
        let found: Vec<u32> = report.lassos.iter().map(|lasso| lasso.obligation).collect();
        prop_assert_eq!(&found, &obligations_kept(&toy));
        // Of an obligation that a fair run keeps nobody asks whether a starved one does too.
        for obligation in (0..OBLIGATIONS).filter(|obligation| !found.contains(obligation)) {
            prop_assert_eq!(report.starved >> obligation & 1 == 1, toy.is_starved(obligation));
        }
        prop_assert_eq!(report.states, toy.reachable().len() as u64);
    }

    #[test]
    fn one_family_is_kept_if_one_of_its_members_is(toy in any_toy(false)) {
        let report = Search::new(&toy).one_lasso_per(|_| 0).run();
        report.lassos.iter().for_each(|lasso| toy.check(lasso));
        prop_assert_eq!(report.lassos.len(), usize::from(!obligations_kept(&toy).is_empty()));
    }

    #[test]
    fn a_search_that_is_cut_short_claims_no_lasso_that_is_not_there(toy in any_toy(true), depth in 0_u64..5) {
        let report = Search::new(&toy).bounds(Bounds { depth, ..Bounds::default() }).run();
        report.lassos.iter().for_each(|lasso| toy.check(lasso));
        let full = toy.search();
        let found: Vec<u32> = full.lassos.iter().map(|lasso| lasso.obligation).collect();
        prop_assert_eq!(found, obligations_kept(&toy));
        if report.is_complete() {
            prop_assert_eq!(super::text(&report), super::text(&full));
        }
    }

    #[test]
    fn counterexamples_are_as_short_as_the_distance_to_them(toy in any_toy(false)) {
        let report = toy.search();
        for property in 0..2 {
            let mut level: BTreeSet<u32> = toy.initial.iter().map(|&(state, ..)| state).collect();
            let mut shortest = None;
            for depth in 1..=VERTICES as usize + 1 {
                let out: Vec<&Step> = level.iter().flat_map(|&at| toy.out_of(at).map(|(_, step)| step)).collect();
                if out.iter().any(|step| step.broken >> property & 1 == 1) {
                    shortest = Some(depth);
                    break;
                }
                level = out.into_iter().map(|step| step.to).collect();
            }
            let found = report.violations.iter().find(|violation| violation.property == property);
            prop_assert_eq!(found.map(|violation| violation.path.steps.len()), shortest);
        }
    }
}
