//! What a search adds up: the part of it that is neither the table nor the ways nor the states that wait.

use crate::expand::Expanded;
use crate::graph::Id;
use crate::system::{Obligations, Properties};

/// Numbers and sets that grow as states are expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub transitions: u64,
    pub max_out_degree: u64,
    /// The level that is being expanded.
    pub depth: u64,
    pub dead_ends: u64,
    /// States that were gone on from with a part of their transitions.
    pub partial: u64,
    pub reached: Properties,
    pub owed: Obligations,
    /// For each broken property: the state before, and the transition that breaks it.
    pub broken: Vec<(u32, Id, Option<u16>)>,
    pub limits: Vec<(&'static str, u64)>,
    pub coverage: Vec<u64>,
    pub peak: u64,
    pub spilled: u64,
}

impl Counts {
    /// Of a search that knows so many classes of actions.
    pub fn new(classes: usize) -> Self {
        Self { coverage: vec![0; classes], ..Self::default() }
    }

    /// Notes the first step that breaks each property.
    pub fn judge(&mut self, broken: Properties, id: Id, choice: Option<u16>) {
        let seen = self.broken.iter().fold(0, |seen, &(property, ..)| seen | 1 << property);
        let mut new = broken & !seen;
        while new != 0 {
            self.broken.push((new.trailing_zeros(), id, choice));
            new &= new - 1;
        }
    }

    /// Takes over what was said of one segment of a batch.
    pub fn add<F, S, A>(&mut self, out: &Expanded<F, S, A>) {
        self.transitions += out.transitions;
        self.max_out_degree = self.max_out_degree.max(out.max_out_degree);
        self.dead_ends += out.dead_ends;
        self.partial += out.partial;
        self.reached |= out.reached;
        for broken in &out.broken {
            self.judge(1 << broken.property, broken.state, Some(broken.choice));
        }
        for &(why, more) in &out.limits {
            match self.limits.iter_mut().find(|(known, _)| *known == why) {
                Some((_, count)) => *count += more,
                None => self.limits.push((why, more)),
            }
        }
        if self.coverage.len() < out.coverage.len() {
            self.coverage.resize(out.coverage.len(), 0);
        }
        for (all, more) in self.coverage.iter_mut().zip(&out.coverage) {
            *all += more;
        }
    }
}
