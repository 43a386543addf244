//! Toy systems with known answers: graphs of a few states, written down edge by edge, that test the search.

mod bounds;
mod breadth;
mod hunt;
mod kept;
mod memory;
mod partial_order;
mod plain;
mod promises;
mod random;
mod runs;
mod spill;
mod traps;

use std::collections::BTreeSet;

use crate::progress::Lasso;
use crate::search::{Report, Search};
use crate::system::{Obligations, Owed, Properties, System, Transition};

/// An edge of a toy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    pub from: u32,
    pub to: u32,
    pub unit: Option<u16>,
    pub broken: Properties,
    pub reached: Properties,
    pub discharged: Obligations,
}

/// An unfair edge.
pub fn unfair(from: u32, to: u32) -> Step {
    Step { from, to, ..Step::default() }
}

/// An edge of a unit of fairness.
pub fn fair(from: u32, to: u32, unit: u16) -> Step {
    Step { unit: Some(unit), ..unfair(from, to) }
}

/// A vertex of a toy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vertex {
    pub pending: Obligations,
    pub limit: Option<&'static str>,
    /// The units that are held back here, a bit each.
    pub held: u16,
}

/// A graph, searched as a system. It begins in vertex 0 unless `initial` says otherwise; its actions are edges.
#[derive(Clone, Debug, Default)]
pub struct Toy {
    pub initial: Vec<(u32, Properties, Properties)>,
    pub vertices: Vec<Vertex>,
    pub steps: Vec<Step>,
    /// The units of strong fairness, a bit each.
    pub strong: u16,
}

impl Toy {
    /// The graph with these edges, in which these vertices owe obligation 0.
    pub fn new(steps: impl IntoIterator<Item = Step>, owing: impl IntoIterator<Item = u32>) -> Self {
        let steps: Vec<Step> = steps.into_iter().collect();
        let owing: BTreeSet<u32> = owing.into_iter().collect();
        let ends = steps.iter().flat_map(|step| [step.from, step.to]);
        let last = ends.chain(owing.iter().copied()).max().unwrap_or(0);
        let mut vertices = vec![Vertex::default(); last as usize + 1];
        for vertex in owing {
            vertices[vertex as usize].pending = 1;
        }
        Self { initial: vec![(0, 0, 0)], vertices, steps, strong: 0 }
    }

    /// The same graph, with this unit of strong fairness.
    pub fn strong(mut self, unit: u16) -> Self {
        self.strong |= 1 << unit;
        self
    }

    /// The same graph, with a unit held back in these vertices.
    pub fn holding_back(mut self, unit: u16, vertices: impl IntoIterator<Item = usize>) -> Self {
        for vertex in vertices {
            self.vertices[vertex].held |= 1 << unit;
        }
        self
    }

    /// Has the vertex an edge of this unit?
    pub fn is_possible(&self, vertex: u32, unit: u16) -> bool {
        self.out_of(vertex).any(|(_, step)| step.unit == Some(unit))
    }

    /// The same, or is it held back there?
    pub fn is_enabled(&self, vertex: u32, unit: u16) -> bool {
        self.is_possible(vertex, unit) || self.vertices[vertex as usize].held >> unit & 1 == 1
    }

    pub fn out_of(&self, vertex: u32) -> impl Iterator<Item = (usize, &Step)> {
        let all = self.steps.iter().enumerate();
        all.filter(move |(_, step)| step.from == vertex && self.vertices[vertex as usize].limit.is_none())
    }

    pub fn search(&self) -> Report<u32, usize> {
        Search::new(self).run()
    }

    /// Fails unless `lasso` is a behaviour of the graph that keeps its obligation for ever and is fair to every unit.
    pub fn check(&self, lasso: &Lasso<u32, usize>) {
        let bit: Obligations = 1 << lasso.obligation;
        assert!(
            self.initial.iter().any(|&(state, ..)| state == lasso.stem.first),
            "the stem begins at the beginning"
        );
        for path in [&lasso.stem, &lasso.cycle] {
            let mut at = path.first;
            for &(edge, to) in &path.steps {
                let step = self.steps[edge];
                assert_eq!((step.from, step.to), (at, to), "each step is an edge of the graph");
                at = to;
            }
        }
        let entry = *lasso.stem.last();
        assert_eq!(lasso.cycle.first, entry, "the cycle begins where the stem ends");
        assert_eq!(*lasso.cycle.last(), entry, "the cycle ends where it begins");
        let edges: Vec<Step> = lasso.cycle.actions().map(|&edge| self.steps[edge]).collect();
        let visited: BTreeSet<u32> = edges.iter().map(|step| step.to).chain([entry]).collect();
        for &vertex in &visited {
            assert_ne!(
                self.vertices[vertex as usize].pending & bit,
                0,
                "the obligation is pending in {vertex}"
            );
            assert_eq!(self.vertices[vertex as usize].limit, None, "what comes after {vertex} is known");
        }
        assert!(
            edges.iter().all(|step| step.discharged & bit == 0),
            "no step of the cycle discharges the obligation"
        );
        for unit in 0..u16::BITS as u16 {
            let taken = edges.iter().any(|step| step.unit == Some(unit));
            let excused = match self.strong >> unit & 1 {
                0 => !visited.iter().all(|&vertex| self.is_enabled(vertex, unit)),
                _ => !visited.iter().any(|&vertex| self.is_possible(vertex, unit)),
            };
            assert!(taken || excused, "the cycle is unfair to unit {unit}");
        }
    }
}

impl System for Toy {
    type State = u32;
    type Action = usize;

    fn initial(&self) -> Vec<(u32, Properties, Properties)> {
        self.initial.clone()
    }

    fn transitions(&self, state: &u32, visit: &mut impl FnMut(Transition<u32, usize>)) {
        for (index, step) in self.out_of(*state) {
            visit(Transition {
                action: index,
                next: step.to,
                broken: step.broken,
                reached: step.reached,
                unit: step.unit,
                discharged: step.discharged,
                classes: 0,
            });
        }
    }

    fn encode(&self, state: &u32, bytes: &mut Vec<u8>) -> bool {
        bytes.extend(state.to_le_bytes());
        true
    }

    fn decode(&self, bytes: &[u8]) -> Option<u32> {
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
            .filter(|&state| (state as usize) < self.vertices.len())
    }

    fn owed(&self, state: &u32) -> Owed {
        let pending = self.vertices[*state as usize].pending;
        Owed { pending, reached: pending }
    }

    fn is_strong(&self, unit: u16) -> bool {
        self.strong >> unit & 1 == 1
    }

    fn expand(&self, state: &u32, visit: &mut impl FnMut(Transition<u32, usize>), held_back: &mut Vec<u16>) {
        self.transitions(state, visit);
        let vertex = self.vertices[*state as usize];
        held_back.extend(
            (0..u16::BITS as u16).filter(|unit| vertex.limit.is_none() && vertex.held >> unit & 1 == 1),
        );
    }

    fn limit(&self, state: &u32) -> Option<&'static str> {
        self.vertices[*state as usize].limit
    }
}

/// The report as text: everything but how long it took.
pub fn text<S: std::fmt::Debug, A: std::fmt::Debug>(report: &Report<S, A>) -> String {
    format!("{report:?}")
}
