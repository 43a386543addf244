//! One batch of states: all that is computed side by side by several threads.
//!
//! Threads take a segment each and compute its transitions; those that lead to a state which the table knows are done with.
//! Of the others each keeps what it will take to enter them ([`Fresh`], or [`Again`] where states own memory). Then threads take a shard of the table each and
//! enter the fresh ones in the order of (parent, transition): the first of several equal ones is new. So what is new, and by
//! which parent, does not depend on who computed what.

use std::hash::Hash;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fingerprint::{Fingerprint, Hasher};
use crate::graph::Id;
use crate::met::Met;
use crate::system::{Classes, Obligations, Properties, System, Transition, Unit};
use crate::table::Table;

/// Parts of the table, by the lowest bits of a fingerprint.
pub const SHARDS: usize = 64;

/// The table, in parts that are read by all threads and written by one each.
pub struct Shards<F>(pub Vec<RwLock<Table<F>>>);

/// All parts of the table, to read.
pub type Read<'s, F> = Vec<std::sync::RwLockReadGuard<'s, Table<F>>>;

pub fn shard<F: Fingerprint>(print: F) -> usize {
    print.low() % SHARDS
}

impl<F: Fingerprint> Shards<F> {
    pub fn new(keeps_numbers: bool) -> Self {
        Self((0..SHARDS).map(|_| RwLock::new(Table::new(keeps_numbers))).collect())
    }

    pub fn read(&self) -> Read<'_, F> {
        self.0.iter().map(|shard| shard.read().expect("no thread panicked")).collect()
    }

    pub fn bytes(&self) -> u64 {
        self.read().iter().map(|shard| shard.bytes() as u64).sum()
    }
}

/// A state that the table did not know when it was met.
pub struct Fresh<F, S> {
    pub print: F,
    pub parent: Id,
    pub choice: u16,
    pub state: S,
}

/// The same where the state is taken again if it is new.
pub struct Again<F, A> {
    pub print: F,
    pub parent: Id,
    pub choice: u16,
    pub action: A,
}

/// An edge whose end has no number yet.
pub struct Draft<F> {
    /// None for a unit that is held back.
    pub to: Option<F>,
    pub unit: Option<Unit>,
    pub discharged: Obligations,
}

/// A step that breaks a property: its state, and which of its transitions.
pub struct Broken {
    pub property: u32,
    pub state: Id,
    pub choice: u16,
}

/// What a segment leads to.
pub struct Expanded<F, S, A> {
    /// In the order of (parent, transition).
    pub fresh: Vec<Fresh<F, S>>,
    /// The same, where states are taken again; then the others are none.
    pub again: Vec<Again<F, A>>,
    /// Where states are taken again: those that were expanded, whose numbers begin with `first`.
    pub parents: Vec<S>,
    pub first: Id,
    /// For each of the fresh ones: it is new.
    pub is_new: Vec<AtomicBool>,
    /// The places of those of each shard, with their fingerprints.
    pub by_shard: Vec<Vec<(F, u32)>>,
    pub transitions: u64,
    pub max_out_degree: u64,
    pub dead_ends: u64,
    /// States that were gone on from with a part of their transitions.
    pub partial: u64,
    pub reached: Properties,
    /// The first step that breaks each property, in the order of (parent, transition).
    pub broken: Vec<Broken>,
    /// Why states are not gone on from, with their number.
    pub limits: Vec<(&'static str, u64)>,
    /// How often each class was taken.
    pub coverage: Vec<u64>,
    /// Edges out of the states that owe something, each state's in a row.
    pub drafts: Vec<Draft<F>>,
    /// For each state, how many of them.
    pub draft_counts: Vec<u32>,
    /// For the new ones, in order: what they owe, and of what the premise holds.
    pub owed: Vec<(Obligations, Obligations)>,
    /// The new ones, in order: fingerprint, parent and choice.
    pub entered: Vec<(F, Id, u16)>,
    /// The same: the states.
    pub states: Vec<S>,
}

impl<F, S, A> Default for Expanded<F, S, A> {
    fn default() -> Self {
        Self {
            fresh: Vec::new(),
            again: Vec::new(),
            parents: Vec::new(),
            first: 0,
            is_new: Vec::new(),
            by_shard: (0..SHARDS).map(|_| Vec::new()).collect(),
            transitions: 0,
            max_out_degree: 0,
            dead_ends: 0,
            partial: 0,
            reached: 0,
            broken: Vec::new(),
            limits: Vec::new(),
            coverage: Vec::new(),
            drafts: Vec::new(),
            draft_counts: Vec::new(),
            owed: Vec::new(),
            entered: Vec::new(),
            states: Vec::new(),
        }
    }
}

/// Fingerprints that are looked up in a row, so that the memory is asked for all of them at once.
const BLOCK: usize = 64;

/// Bytes of memory for fresh states that a segment keeps for the next batch. Of large states more would be held, for all
/// segments, than any of them needs again soon.
const FRESH_KEPT: usize = 1 << 21;

/// The tool of a thread that expands.
pub struct Expander<'r, F, S, A> {
    table: Read<'r, F>,
    /// The next level; only in a search by partial order.
    deeper: Option<Read<'r, F>>,
    hasher: Hasher,
    met: Met<F>,
    block: Block<F, S, A>,
    held_back: Vec<Unit>,
}

impl<'r, F: Fingerprint, S: Eq + Hash, A> Expander<'r, F, S, A> {
    pub fn new(shards: &'r Shards<F>, deeper: Option<&'r Shards<F>>) -> Self {
        let deeper = deeper.map(Shards::read);
        Self {
            table: shards.read(),
            deeper,
            hasher: Hasher::default(),
            met: Met::new(),
            block: Block { fresh: Vec::new(), again: Vec::new() },
            held_back: Vec::new(),
        }
    }

    /// Expands states with consecutive numbers, each of which is dropped when it is done with. `keeps_edges` says of a state whether its edges are wanted.
    pub fn expand<Y: System<State = S, Action = A>>(
        &mut self,
        system: &Y,
        first: Id,
        states: Vec<S>,
        keeps_edges: impl Fn(Id) -> bool,
        out: &mut Expanded<F, S, A>,
    ) {
        out.first = first;
        for (offset, state) in states.into_iter().enumerate() {
            let id = first + offset as Id;
            let drafts = out.drafts.len();
            self.expand_one(system, id, &state, keeps_edges(id), out);
            out.draft_counts.push((out.drafts.len() - drafts) as u32);
            if Y::TAKES_AGAIN {
                out.parents.push(state);
            }
        }
        self.block.look_up(&self.table, out);
    }

    fn expand_one<Y: System<State = S, Action = A>>(
        &mut self,
        system: &Y,
        id: Id,
        state: &S,
        keeps_edges: bool,
        out: &mut Expanded<F, S, A>,
    ) {
        if let Some(why) = system.limit(state) {
            match out.limits.iter_mut().find(|(known, _)| *known == why) {
                Some((_, count)) => *count += 1,
                None => out.limits.push((why, 1)),
            }
            return;
        }
        if self.expand_part(system, id, state, out) {
            return;
        }
        let mut count: u64 = 0;
        let mut held_back = std::mem::take(&mut self.held_back);
        held_back.clear();
        let visit = &mut |transition: Transition<S, A>| {
            let choice = u16::try_from(count).expect("a state has at most 65535 transitions");
            count += 1;
            out.reached |= transition.reached;
            out.breaks(transition.broken, id, choice);
            out.cover(transition.classes);
            if !keeps_edges && transition.next == *state {
                return;
            }
            let print = F::of(&self.hasher, &transition.next);
            if keeps_edges {
                let Transition { unit, discharged, .. } = transition;
                out.drafts.push(Draft { to: Some(print), unit, discharged });
            }
            let Transition { next, action, .. } = transition;
            let fresh = Fresh { print, parent: id, choice, state: next };
            take::<Y, F>(&self.table, &mut self.met, &mut self.block, fresh, action, out);
        };
        match keeps_edges {
            true => system.expand(state, visit, &mut held_back),
            false => system.transitions(state, visit),
        }
        out.transitions += count;
        out.max_out_degree = out.max_out_degree.max(count);
        out.dead_ends += u64::from(count == 0);
        if keeps_edges {
            let held = held_back.iter().map(|&unit| Draft { to: None, unit: Some(unit), discharged: 0 });
            out.drafts.extend(held);
        }
        self.held_back = held_back;
    }
}

impl<'r, F: Fingerprint, S: Eq + Hash, A> Expander<'r, F, S, A> {
    /// Goes on from a state with a part of its transitions, if this is a search by partial order, the system has a part that
    /// is enough, and the cycle condition holds.
    fn expand_part<Y: System<State = S, Action = A>>(
        &mut self,
        system: &Y,
        id: Id,
        state: &S,
        out: &mut Expanded<F, S, A>,
    ) -> bool {
        let Some(deeper) = &self.deeper else { return false };
        let mut part: Vec<(F, u16, Transition<S, A>)> = Vec::new();
        let mut goes_deeper = false;
        let is_enough = system.ample(state, &mut |choice, transition: Transition<S, A>| {
            let print = F::of(&self.hasher, &transition.next);
            let shard = shard(print);
            goes_deeper |= !self.table[shard].contains(print) || deeper[shard].contains(print);
            part.push((print, choice, transition));
        });
        if !is_enough || !goes_deeper {
            return false;
        }
        out.partial += 1;
        out.transitions += part.len() as u64;
        out.max_out_degree = out.max_out_degree.max(part.len() as u64);
        for (print, choice, transition) in part {
            let Transition { next, action, broken, reached, classes, .. } = transition;
            out.reached |= reached;
            out.breaks(broken, id, choice);
            out.cover(classes);
            let fresh = Fresh { print, parent: id, choice, state: next };
            take::<Y, F>(&self.table, &mut self.met, &mut self.block, fresh, action, out);
        }
        true
    }
}

/// Keeps the end of a transition until it is known whether it is new.
fn take<Y: System, F: Fingerprint>(
    table: &Read<'_, F>,
    met: &mut Met<F>,
    block: &mut Block<F, Y::State, Y::Action>,
    fresh: Fresh<F, Y::State>,
    action: Y::Action,
    out: &mut Expanded<F, Y::State, Y::Action>,
) {
    // It is known to the table, or comes into it by a transition that goes before this one.
    if met.again(fresh.print) {
        return;
    }
    if Y::TAKES_AGAIN {
        let Fresh { print, parent, choice, .. } = fresh;
        block.again.push(Again { print, parent, choice, action });
    } else {
        block.fresh.push(fresh);
    }
    if block.is_full() {
        block.look_up(table, out);
    }
}

/// Transitions that are looked up together. States that own memory are dropped before, while the allocator still has them at
/// hand, or at once.
struct Block<F, S, A> {
    fresh: Vec<Fresh<F, S>>,
    again: Vec<Again<F, A>>,
}

impl<F: Fingerprint, S, A> Block<F, S, A> {
    fn is_full(&self) -> bool {
        let most = if std::mem::needs_drop::<S>() { 1 } else { BLOCK };
        self.fresh.len() >= most || self.again.len() >= BLOCK
    }

    /// Keeps those that the table does not know.
    fn look_up(&mut self, table: &Read<'_, F>, out: &mut Expanded<F, S, A>) {
        let prints =
            || self.fresh.iter().map(|fresh| fresh.print).chain(self.again.iter().map(|again| again.print));
        ask(prints().map(|print| table[shard(print)].ahead(print)));
        for fresh in self.fresh.drain(..) {
            if !table[shard(fresh.print)].contains(fresh.print) {
                out.meet(fresh.print);
                out.fresh.push(fresh);
            }
        }
        for again in self.again.drain(..) {
            if !table[shard(again.print)].contains(again.print) {
                out.meet(again.print);
                out.again.push(again);
            }
        }
    }
}

/// Waits for several places of the memory at once.
#[inline]
fn ask(places: impl Iterator<Item = u64>) {
    std::hint::black_box(places.fold(0, |all, place| all ^ place));
}

impl<F: Fingerprint, S, A> Expanded<F, S, A> {
    /// As before any segment.
    pub fn clear(&mut self) {
        if self.fresh.capacity() > FRESH_KEPT / size_of::<Fresh<F, S>>().max(1) {
            self.fresh = Vec::new();
        }
        self.fresh.clear();
        self.again.clear();
        self.parents.clear();
        self.is_new.clear();
        self.by_shard.iter_mut().for_each(Vec::clear);
        (self.transitions, self.max_out_degree, self.dead_ends, self.partial) = (0, 0, 0, 0);
        self.reached = 0;
        self.broken.clear();
        self.limits.clear();
        self.coverage.clear();
        self.drafts.clear();
        self.draft_counts.clear();
        self.owed.clear();
        self.entered.clear();
        self.states.clear();
    }

    /// Steps come in order, and after all of them the states that they lead to: so a later word may be of an earlier step.
    fn breaks(&mut self, mut broken: Properties, state: Id, choice: u16) {
        while broken != 0 {
            let property = broken.trailing_zeros();
            match self.broken.iter_mut().find(|known| known.property == property) {
                Some(known) if (known.state, known.choice) <= (state, choice) => {}
                Some(known) => (known.state, known.choice) = (state, choice),
                None => self.broken.push(Broken { property, state, choice }),
            }
            broken &= broken - 1;
        }
    }

    fn cover(&mut self, mut classes: Classes) {
        while classes != 0 {
            let class = classes.trailing_zeros() as usize;
            if self.coverage.len() <= class {
                self.coverage.resize(class + 1, 0);
            }
            self.coverage[class] += 1;
            classes &= classes - 1;
        }
    }

    /// One that the table does not know, and that comes into the list next.
    fn meet(&mut self, print: F) {
        self.by_shard[shard(print)].push((print, self.is_new.len() as u32));
        self.is_new.push(AtomicBool::new(false));
    }

    /// Enters the fresh ones of one shard.
    pub fn enter(&self, shard: usize, table: &mut Table<F>, mut deeper: Option<&mut Table<F>>) {
        for block in self.by_shard[shard].chunks(BLOCK) {
            ask(block.iter().map(|&(print, _)| table.ahead(print)));
            for &(print, place) in block {
                if table.insert(print) {
                    if let Some(deeper) = &mut deeper {
                        deeper.insert(print);
                    }
                    self.is_new[place as usize].store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Keeps the new ones, judges them, and asks what they owe.
    pub fn keep_new<Y: System<State = S, Action = A>>(&mut self, system: &Y) {
        let is_new = std::mem::take(&mut self.is_new);
        let new = |place: usize| is_new[place].load(Ordering::Relaxed);
        self.states = Vec::with_capacity((0..is_new.len()).filter(|&place| new(place)).count());
        let (mut fresh, mut again) = (std::mem::take(&mut self.fresh), std::mem::take(&mut self.again));
        for (place, Fresh { print, parent, choice, state }) in fresh.drain(..).enumerate() {
            if new(place) {
                self.keep(system, print, parent, choice, state);
            }
        }
        for (place, Again { print, parent, choice, action }) in again.drain(..).enumerate() {
            if new(place) {
                let state = &self.parents[(parent - self.first) as usize];
                let next = system.successor(state, choice, &action);
                self.keep(
                    system,
                    print,
                    parent,
                    choice,
                    next.expect("a state has the transitions that it had"),
                );
            }
        }
        self.parents.clear();
        (self.fresh, self.again, self.is_new) = (fresh, again, is_new);
        self.broken.sort_by_key(|broken| (broken.state, broken.choice, broken.property));
    }

    fn keep<Y: System<State = S>>(&mut self, system: &Y, print: F, parent: Id, choice: u16, state: S) {
        let (broken, reached) = system.judge(&state);
        self.reached |= reached;
        self.breaks(broken, parent, choice);
        self.entered.push((print, parent, choice));
        if system.has_obligations() {
            self.owed.push(owed(system, &state));
        }
        self.states.push(state);
    }
}

/// What a state owes, and of what the premise holds.
pub fn owed<Y: System>(system: &Y, state: &Y::State) -> (Obligations, Obligations) {
    let owed = system.owed(state);
    // What comes after a state at the system's limit is not known, so nothing is said of resting there.
    (if system.limit(state).is_none() { owed.pending } else { 0 }, owed.reached)
}
