//! What a search remembers of the states that it has found: how each was reached, what it owes, and the [`edges`](crate::edges)
//! out of states that owe something. Five bytes a state; where there are obligations, eight more and the edges.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::io;

use hashbrown::HashMap;

use crate::edges::Edges;
use crate::record::{Edge, Out};
use crate::system::Obligations;

/// A state's number: the order in which it was found.
pub type Id = u32;

/// Where a unit leads that is possible and held back: nowhere.
pub const HELD_BACK: Id = Id::MAX;

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
pub fn push<T>(list: &mut Vec<T>, value: T) {
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
    pub edges: Edges,
    /// Blocks of edges on disk when the search for states ended.
    blocks_on_disk: Option<usize>,
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
            edges: Edges::default(),
            blocks_on_disk: None,
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
        let id = Id::try_from(self.parents.len()).expect("a search ends before its numbers do");
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

    /// Records the edges of the next state; in the order of the states, one call each, when all that they lead to was entered.
    /// Of a state that owes nothing none are kept.
    ///
    /// # Errors
    /// Of writing the temporary file.
    pub fn add_edges(&mut self, edges: &[Edge]) -> io::Result<()> {
        let pending = self.pending(self.expanded() as Id);
        let (owed, sets) = (&self.owed, &self.sets);
        let keeps = |edge: &Edge| sets[owed[edge.to as usize] as usize] & pending & !edge.discharged != 0;
        self.edges.record((pending != 0).then_some(edges), keeps)
    }

    /// The states whose edges were recorded: those expanded.
    pub fn expanded(&self) -> usize {
        self.edges.expanded()
    }

    /// The search for states has ended, and runs through them are judged, which takes so many bytes for each. Edges go to disk
    /// if they are in the way.
    ///
    /// # Errors
    /// Of writing the temporary file.
    pub fn end(&mut self, each: u64, memory: u64) -> io::Result<()> {
        self.blocks_on_disk = Some(self.edges.on_disk());
        self.edges.close()?;
        match self.bytes() + each * self.expanded() as u64 > memory {
            true => self.edges.spill(memory),
            false => Ok(()),
        }
    }

    /// Blocks of edges that the search for states has put on disk.
    pub fn blocks_on_disk(&self) -> usize {
        self.blocks_on_disk.unwrap_or(self.edges.on_disk())
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

    /// What leads out of a state that was expanded and owes something.
    pub fn out(&self, id: Id) -> Out<'_> {
        self.edges.out(id)
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
            + self.sets.capacity() * 3 * size_of::<Obligations>();
        bytes as u64 + self.edges.bytes()
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
