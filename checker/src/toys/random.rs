//! Random small graphs: the lasso search agrees with an oracle that knows no components.
//!
//! The oracle walks the product of a graph with the set of units that a walk has served so far: from each reachable
//! state, is there a non-empty walk back to it that keeps the obligation and serves every unit, by taking it or by
//! passing a state where it is disabled?

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

    /// The units that have no edge out of this vertex.
    fn disabled(&self, vertex: u32) -> u8 {
        self.out_of(vertex)
            .filter_map(|(_, step)| step.unit)
            .fold((1 << UNITS) - 1, |units, unit| units & !(1 << unit))
    }

    fn is_kept_by_a_cycle_at(&self, start: u32, bit: Obligations) -> bool {
        let all: u8 = (1 << UNITS) - 1;
        let mut seen: BTreeSet<(u32, u8)> = BTreeSet::new();
        let mut queue = vec![(start, self.disabled(start))];
        while let Some((at, served)) = queue.pop() {
            let keeps = |step: &Step| {
                step.discharged & bit == 0 && self.vertices[step.to as usize].pending & bit != 0
            };
            for (_, step) in self.out_of(at).filter(|(_, step)| keeps(step)) {
                let taken = step.unit.map_or(0, |unit| 1 << unit);
                let next = (step.to, served | taken | self.disabled(step.to));
                if next == (start, all) {
                    return true;
                }
                if seen.insert(next) {
                    queue.push(next);
                }
            }
        }
        false
    }

    /// Does some fair run keep the obligation for ever?
    fn is_kept(&self, obligation: u32) -> bool {
        let bit: Obligations = 1 << obligation;
        let vertex = |state: u32| self.vertices[state as usize];
        let owing = self.reachable().into_iter().filter(|&state| vertex(state).pending & bit != 0);
        let mut known = owing.filter(|&state| vertex(state).limit.is_none());
        known.any(|state| self.disabled(state) == (1 << UNITS) - 1 || self.is_kept_by_a_cycle_at(state, bit))
    }
}

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
fn any_toy(limits: bool) -> impl Strategy<Value = Toy> {
    let pending = prop_oneof![1 => Just(0), 2 => 1..1_u128 << OBLIGATIONS, 3 => Just((1 << OBLIGATIONS) - 1)];
    let limit = prop_oneof![5 => Just(None), 1 => Just(limits.then_some("a limit"))];
    let vertex = (pending, limit).prop_map(|(pending, limit)| Vertex { pending, limit });
    prop::collection::vec(vertex, 1..=VERTICES as usize).prop_flat_map(|vertices| {
        let count = vertices.len() as u32;
        let initial = prop::collection::vec((0..count).prop_map(|state| (state, 0, 0)), 1..3);
        let steps = prop::collection::vec(any_step(count), 0..20);
        (initial, steps).prop_map(move |(initial, steps)| Toy { initial, vertices: vertices.clone(), steps })
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
        prop_assert_eq!(found, obligations_kept(&toy));
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
