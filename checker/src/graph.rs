//! What a search remembers of the states that it has found: how each was reached, what it owes, and the edges out of
//! states that owe something. Five bytes a state; obligations and edges come on top where there are any.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::HashMap;

use crate::system::{Obligations, Unit};

/// A state's number: the order in which it was found.
pub type Id = u32;

/// Where a unit leads that is possible and held back: nowhere.
pub const HELD_BACK: Id = Id::MAX;

/// An edge out of a state that owes something.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Where it leads; [`HELD_BACK`] for what is not taken. These come last.
    pub to: Id,
    /// Its unit of fairness; none if it is not fair.
    pub unit: Option<Unit>,
}

/// Passes a number through as its own hash.
#[derive(Clone, Default)]
pub struct Identity;

/// The hasher of [`Identity`].
#[derive(Default)]
pub struct IdentityHasher(u64);

impl std::hash::Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl BuildHasher for Identity {
    type Hasher = IdentityHasher;

    fn build_hasher(&self) -> IdentityHasher {
        IdentityHasher::default()
    }
}

/// The choice of a state that has a larger one.
const WIDE: u8 = u8::MAX;

/// Appends without keeping more than an eighth of empty room.
fn push<T>(list: &mut Vec<T>, value: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + 64);
    }
    list.push(value);
}

/// The states that a search has found.
pub struct Graph {
    /// The state from which each was first reached; its own number for an initial one.
    parents: Vec<Id>,
    /// Which of the parent's transitions led to it; which initial state it is.
    choices: Vec<u8>,
    wide: BTreeMap<Id, u16>,
    /// What each owes, by the number of the set; empty where nothing is owed anywhere.
    owed: Vec<u32>,
    sets: Vec<Obligations>,
    set_numbers: HashMap<Obligations, u32, foldhash::quality::FixedState>,
    targets: Vec<Id>,
    /// Plus one; 0 if an edge is not fair.
    units: Vec<u16>,
    discharges: Vec<(u32, Obligations)>,
    /// Where the edges of each state begin, by number; states without stored edges repeat the last.
    edge_starts: Vec<u32>,
    keeps_edges: bool,
}

impl Graph {
    pub fn new(keeps_edges: bool) -> Self {
        Self {
            parents: Vec::new(),
            choices: Vec::new(),
            wide: BTreeMap::new(),
            owed: Vec::new(),
            sets: Vec::new(),
            set_numbers: HashMap::with_hasher(foldhash::quality::FixedState::default()),
            targets: Vec::new(),
            units: Vec::new(),
            discharges: Vec::new(),
            edge_starts: Vec::new(),
            keeps_edges,
        }
    }

    /// How many states were found.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Are the edges of states kept that owe something?
    pub fn keeps_edges(&self) -> bool {
        self.keeps_edges
    }

    /// Enters a new state; its number. Without a parent it is initial state number `choice`.
    pub fn enter(&mut self, parent: Option<Id>, choice: u16) -> Id {
        let id = self.parents.len() as Id;
        push(&mut self.parents, parent.unwrap_or(id));
        match u8::try_from(choice) {
            Ok(choice) if choice != WIDE => push(&mut self.choices, choice),
            _ => {
                push(&mut self.choices, WIDE);
                self.wide.insert(id, choice);
            }
        }
        id
    }

    /// Records what a state owes; in the order of the states, one call each.
    pub fn owe(&mut self, pending: Obligations) {
        let next = self.sets.len() as u32;
        let number = *self.set_numbers.entry(pending).or_insert(next);
        if number == next {
            self.sets.push(pending);
        }
        push(&mut self.owed, number);
    }

    /// Begins the edges of the next state; in the order of the states, one call each.
    pub fn begin_edges(&mut self) {
        push(&mut self.edge_starts, self.targets.len() as u32);
    }

    /// Records an edge of the state that was begun.
    pub fn add_edge(&mut self, edge: Edge, discharged: Obligations) {
        if discharged != 0 {
            push(&mut self.discharges, (self.targets.len() as u32, discharged));
        }
        push(&mut self.targets, edge.to);
        push(&mut self.units, edge.unit.map_or(0, |unit| unit + 1));
    }

    /// How many edges were recorded.
    pub fn edges_count(&self) -> u64 {
        self.targets.len() as u64
    }

    /// The states whose edges were recorded: those expanded.
    pub fn expanded(&self) -> usize {
        self.edge_starts.len()
    }

    /// What a state owes.
    pub fn pending(&self, id: Id) -> Obligations {
        self.sets[self.owed[id as usize] as usize]
    }

    /// The number of the set that a state owes.
    pub fn set_of(&self, id: Id) -> u32 {
        self.owed[id as usize]
    }

    /// The sets that states owe, by number, in the order in which they were first owed.
    pub fn sets(&self) -> &[Obligations] {
        &self.sets
    }

    /// The edges of a state that owes something, with what each discharges.
    pub fn edges(&self, id: Id) -> impl Iterator<Item = (Edge, Obligations)> + '_ {
        let start = self.edge_starts[id as usize] as usize;
        let end = self.edge_starts.get(id as usize + 1).map_or(self.targets.len(), |&end| end as usize);
        (start..end).map(|index| {
            let discharged = self.discharges.binary_search_by_key(&(index as u32), |&(edge, _)| edge);
            let edge = Edge { to: self.targets[index], unit: self.units[index].checked_sub(1) };
            (edge, discharged.map_or(0, |found| self.discharges[found].1))
        })
    }

    /// The state from which one was first reached; none for an initial one.
    pub fn parent(&self, id: Id) -> Option<Id> {
        Some(self.parents[id as usize]).filter(|&parent| parent != id)
    }

    /// Which of the parent's transitions led to a state; which initial state it is.
    pub fn choice(&self, id: Id) -> u16 {
        match self.choices[id as usize] {
            WIDE => self.wide[&id],
            choice => choice.into(),
        }
    }

    /// The way from an initial state: which one, and which transition at each step.
    pub fn way_to(&self, id: Id) -> (u16, Vec<u16>) {
        let mut choices = Vec::new();
        let mut at = id;
        while let Some(parent) = self.parent(at) {
            choices.push(self.choice(at));
            at = parent;
        }
        choices.reverse();
        (self.choice(at), choices)
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> u64 {
        let bytes = self.parents.capacity() * size_of::<Id>()
            + self.choices.capacity()
            + self.wide.len() * 2 * size_of::<(Id, u16)>()
            + self.owed.capacity() * size_of::<u32>()
            + self.sets.capacity() * 3 * size_of::<Obligations>()
            + self.targets.capacity() * size_of::<Id>()
            + self.units.capacity() * size_of::<u16>()
            + self.discharges.capacity() * size_of::<(u32, Obligations)>()
            + self.edge_starts.capacity() * size_of::<u32>();
        bytes as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_state_has_choices_of_any_width() {
        let mut graph = Graph::new(false);
        let mut at = graph.enter(None, 300);
        let choices = [0, 254, 255, 256, 65_535];
        for choice in choices {
            at = graph.enter(Some(at), choice);
        }
        assert_eq!(graph.way_to(at), (300, choices.to_vec()));
    }

    #[test]
    fn a_state_takes_little_more_than_five_bytes() {
        let mut graph = Graph::new(false);
        for _ in 0..100_000 {
            graph.enter(Some(0), 7);
        }
        assert!(graph.bytes() < 570_000, "{}", graph.bytes());
    }
}
