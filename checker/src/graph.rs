//! What a search remembers of the states that it has found: how each was reached, what it owes, and the edges between
//! states that owe something.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashMap;

use crate::system::Obligations;

/// A state's number: the order in which it was found.
pub type Id = u32;

/// Where a unit leads that is possible and held back: nowhere.
pub const HELD_BACK: Id = Id::MAX;

/// An edge out of a state that owes something.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Where it leads; [`HELD_BACK`] for what is not taken. These come last.
    pub to: Id,
    /// Its unit of fairness, plus one; 0 if it is not fair.
    pub unit: u32,
}

/// Passes a fingerprint through: it is a hash already.
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
        unreachable!("only fingerprints are hashed");
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl BuildHasher for Identity {
    type Hasher = IdentityHasher;

    fn build_hasher(&self) -> IdentityHasher {
        IdentityHasher::default()
    }
}

/// The states that a search has found.
pub struct Graph {
    hasher: foldhash::quality::FixedState,
    numbers: HashMap<u64, Id, Identity>,
    /// The state from which each was first reached; its own number for an initial one.
    parents: Vec<Id>,
    /// Which of the parent's transitions led to it; which initial state it is.
    choices: Vec<u16>,
    /// What each owes; empty where nothing is owed anywhere.
    pending: Vec<Obligations>,
    edges: Vec<Edge>,
    discharges: Vec<(u32, Obligations)>,
    /// Where the edges of each state begin, by number; states without stored edges repeat the last.
    edge_starts: Vec<u32>,
    keeps_edges: bool,
}

impl Graph {
    pub fn new(keeps_edges: bool) -> Self {
        Self {
            hasher: foldhash::quality::FixedState::default(),
            numbers: HashMap::with_hasher(Identity),
            parents: Vec::new(),
            choices: Vec::new(),
            pending: Vec::new(),
            edges: Vec::new(),
            discharges: Vec::new(),
            edge_starts: Vec::new(),
            keeps_edges,
        }
    }

    /// A state's fingerprint.
    pub fn fingerprint<S: Hash>(&self, state: &S) -> u64 {
        self.hasher.hash_one(state)
    }

    /// A hasher for other threads.
    pub fn hasher(&self) -> foldhash::quality::FixedState {
        self.hasher.clone()
    }

    /// How many states were found.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// The number of the state with this fingerprint, and whether it is new.
    pub fn insert(&mut self, fingerprint: u64, parent: Option<Id>, choice: u16) -> (Id, bool) {
        let next = self.parents.len() as Id;
        let id = *self.numbers.entry(fingerprint).or_insert(next);
        if id == next {
            self.parents.push(parent.unwrap_or(next));
            self.choices.push(choice);
        }
        (id, id == next)
    }

    /// Records what the states from the last one on owe; in order, one call a state.
    pub fn owe(&mut self, pending: Obligations) {
        if self.keeps_edges {
            self.pending.push(pending);
        }
    }

    /// Are the edges of this state recorded: does it owe something?
    pub fn keeps_edges_of(&self, id: Id) -> bool {
        self.keeps_edges && self.pending(id) != 0
    }

    /// Records the edges of a state, if it owes something; in the order of the states, one call each.
    pub fn add_edges(&mut self, id: Id, edges: impl Iterator<Item = (Edge, Obligations)>) {
        if self.keeps_edges {
            self.edge_starts.push(self.edges.len() as u32);
        }
        if !self.keeps_edges_of(id) {
            return;
        }
        for (edge, discharged) in edges {
            if discharged != 0 {
                self.discharges.push((self.edges.len() as u32, discharged));
            }
            self.edges.push(edge);
        }
    }

    /// How many edges were recorded.
    pub fn edges_count(&self) -> u64 {
        self.edges.len() as u64
    }

    /// The states whose edges were recorded: those expanded.
    pub fn expanded(&self) -> usize {
        self.edge_starts.len()
    }

    /// What a state owes.
    pub fn pending(&self, id: Id) -> Obligations {
        self.pending[id as usize]
    }

    /// The edges of a state that owes something, with what each discharges.
    pub fn edges(&self, id: Id) -> impl Iterator<Item = (Edge, Obligations)> + '_ {
        let start = self.edge_starts[id as usize] as usize;
        let end = self.edge_starts.get(id as usize + 1).map_or(self.edges.len(), |&end| end as usize);
        (start..end).map(|index| {
            let discharged = self.discharges.binary_search_by_key(&(index as u32), |&(edge, _)| edge);
            (self.edges[index], discharged.map_or(0, |found| self.discharges[found].1))
        })
    }

    /// The way from an initial state: which one, and which transition at each step.
    pub fn way_to(&self, id: Id) -> (u16, Vec<u16>) {
        let mut choices = Vec::new();
        let mut at = id;
        while self.parents[at as usize] != at {
            choices.push(self.choices[at as usize]);
            at = self.parents[at as usize];
        }
        choices.reverse();
        (self.choices[at as usize], choices)
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> u64 {
        let table = self.numbers.capacity() * (size_of::<(u64, Id)>() + 1) * 8 / 7;
        let bytes = table
            + self.parents.capacity() * size_of::<Id>()
            + self.choices.capacity() * size_of::<u16>()
            + self.pending.capacity() * size_of::<Obligations>()
            + self.edges.capacity() * size_of::<Edge>()
            + self.discharges.capacity() * size_of::<(u32, Obligations)>()
            + self.edge_starts.capacity() * size_of::<u32>();
        bytes as u64
    }
}
