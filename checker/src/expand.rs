//! One batch of states: all that is computed side by side by several threads.
//!
//! Threads take a segment each and compute its transitions; those that lead to a state which the table knows are done with.
//! Of the others each keeps what it will take to enter them ([`Fresh`]). Then threads take a shard of the table each and
//! enter the fresh ones in the order of (parent, transition): the first of several equal ones is new. So what is new, and by
//! which parent, does not depend on who computed what.

use std::hash::Hash;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fingerprint::{Fingerprint, Hasher};
use crate::graph::Id;
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
pub struct Expanded<F, S> {
    /// In the order of (parent, transition).
    pub fresh: Vec<Fresh<F, S>>,
    /// For each of them: it is new.
    pub is_new: Vec<AtomicBool>,
    /// The places of those of each shard, with their fingerprints.
    pub by_shard: Vec<Vec<(F, u32)>>,
    pub transitions: u64,
    pub max_out_degree: u64,
    pub dead_ends: u64,
    /// States that were gone on from with a part of their transitions.
    pub partial: u64,
    pub reached: Properties,
    /// The first step that breaks each property.
    pub broken: Vec<Broken>,
    seen_broken: Properties,
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

impl<F, S> Default for Expanded<F, S> {
    fn default() -> Self {
        Self {
            fresh: Vec::new(),
            is_new: Vec::new(),
            by_shard: (0..SHARDS).map(|_| Vec::new()).collect(),
            transitions: 0,
            max_out_degree: 0,
            dead_ends: 0,
            partial: 0,
            reached: 0,
            broken: Vec::new(),
            seen_broken: 0,
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

/// Transitions that are looked up in a row, so that the memory is asked for all of them at once. States that own memory are
/// dropped at once, while the allocator still has them at hand.
const fn block<S>() -> usize {
    if std::mem::needs_drop::<S>() { 1 } else { 64 }
}

/// The tool of a thread that expands.
pub struct Expander<'r, F, S> {
    table: Read<'r, F>,
    /// The next level; only in a search by partial order.
    deeper: Option<Read<'r, F>>,
    hasher: Hasher,
    block: Vec<Fresh<F, S>>,
    held_back: Vec<Unit>,
}

impl<'r, F: Fingerprint, S: Hash> Expander<'r, F, S> {
    pub fn new(shards: &'r Shards<F>, deeper: Option<&'r Shards<F>>) -> Self {
        let deeper = deeper.map(Shards::read);
        Self {
            table: shards.read(),
            deeper,
            hasher: Hasher::default(),
            block: Vec::new(),
            held_back: Vec::new(),
        }
    }

    /// Expands states with consecutive numbers, each of which is dropped when it is done with. `keeps_edges` says of a state whether its edges are wanted.
    pub fn expand<Y: System<State = S>>(
        &mut self,
        system: &Y,
        first: Id,
        states: Vec<S>,
        keeps_edges: impl Fn(Id) -> bool,
        out: &mut Expanded<F, S>,
    ) {
        for (offset, state) in states.into_iter().enumerate() {
            let id = first + offset as Id;
            let drafts = out.drafts.len();
            self.expand_one(system, id, &state, keeps_edges(id), out);
            out.draft_counts.push((out.drafts.len() - drafts) as u32);
        }
        look_up(&self.table, &mut self.block, out);
    }

    fn expand_one<Y: System<State = S>>(
        &mut self,
        system: &Y,
        id: Id,
        state: &S,
        keeps_edges: bool,
        out: &mut Expanded<F, S>,
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
        system.transitions(state, &mut |transition: Transition<S, Y::Action>| {
            let choice = u16::try_from(count).expect("a state has at most 65535 transitions");
            count += 1;
            out.reached |= transition.reached;
            out.breaks(transition.broken, id, choice);
            out.cover(transition.classes);
            let print = F::of(&self.hasher, &transition.next);
            if keeps_edges {
                let Transition { unit, discharged, .. } = transition;
                out.drafts.push(Draft { to: Some(print), unit, discharged });
            }
            self.block.push(Fresh { print, parent: id, choice, state: transition.next });
            if self.block.len() >= block::<S>() {
                look_up(&self.table, &mut self.block, out);
            }
        });
        out.transitions += count;
        out.max_out_degree = out.max_out_degree.max(count);
        out.dead_ends += u64::from(count == 0);
        if keeps_edges {
            self.held_back.clear();
            system.held_back(state, &mut self.held_back);
            let held = self.held_back.iter().map(|&unit| Draft { to: None, unit: Some(unit), discharged: 0 });
            out.drafts.extend(held);
        }
    }
}

impl<'r, F: Fingerprint, S: Hash> Expander<'r, F, S> {
    /// Goes on from a state with a part of its transitions, if this is a search by partial order, the system has a part that
    /// is enough, and the cycle condition holds.
    fn expand_part<Y: System<State = S>>(
        &mut self,
        system: &Y,
        id: Id,
        state: &S,
        out: &mut Expanded<F, S>,
    ) -> bool {
        let Some(deeper) = &self.deeper else { return false };
        let mut part: SmallPart<F, S> = Vec::new();
        let mut goes_deeper = false;
        let is_enough = system.ample(state, &mut |choice, transition: Transition<S, Y::Action>| {
            let print = F::of(&self.hasher, &transition.next);
            let shard = shard(print);
            goes_deeper |= !self.table[shard].contains(print) || deeper[shard].contains(print);
            let Transition { next, broken, reached, classes, .. } = transition;
            part.push((Fresh { print, parent: id, choice, state: next }, broken, reached, classes));
        });
        if !is_enough || !goes_deeper {
            return false;
        }
        out.partial += 1;
        out.transitions += part.len() as u64;
        out.max_out_degree = out.max_out_degree.max(part.len() as u64);
        for (fresh, broken, reached, classes) in part {
            out.reached |= reached;
            out.breaks(broken, id, fresh.choice);
            out.cover(classes);
            self.block.push(fresh);
        }
        if self.block.len() >= block::<S>() {
            look_up(&self.table, &mut self.block, out);
        }
        true
    }
}

/// Transitions that are not taken yet, with what they break and reach, and their classes.
type SmallPart<F, S> = Vec<(Fresh<F, S>, Properties, Properties, Classes)>;

/// Keeps those that the table does not know.
fn look_up<F: Fingerprint, S>(table: &Read<'_, F>, block: &mut Vec<Fresh<F, S>>, out: &mut Expanded<F, S>) {
    for fresh in block.drain(..) {
        let shard = shard(fresh.print);
        if !table[shard].contains(fresh.print) {
            out.by_shard[shard].push((fresh.print, out.fresh.len() as u32));
            out.fresh.push(fresh);
            out.is_new.push(AtomicBool::new(false));
        }
    }
}

impl<F: Fingerprint, S> Expanded<F, S> {
    /// As before any segment.
    pub fn clear(&mut self) {
        self.fresh.clear();
        self.is_new.clear();
        self.by_shard.iter_mut().for_each(Vec::clear);
        (self.transitions, self.max_out_degree, self.dead_ends, self.partial) = (0, 0, 0, 0);
        (self.reached, self.seen_broken) = (0, 0);
        self.broken.clear();
        self.limits.clear();
        self.coverage.clear();
        self.drafts.clear();
        self.draft_counts.clear();
        self.owed.clear();
        self.entered.clear();
        self.states.clear();
    }

    fn breaks(&mut self, broken: Properties, state: Id, choice: u16) {
        let mut new = broken & !self.seen_broken;
        self.seen_broken |= broken;
        while new != 0 {
            self.broken.push(Broken { property: new.trailing_zeros(), state, choice });
            new &= new - 1;
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

    /// Enters the fresh ones of one shard.
    pub fn enter(&self, shard: usize, table: &mut Table<F>, mut deeper: Option<&mut Table<F>>) {
        for &(print, place) in &self.by_shard[shard] {
            if table.insert(print) {
                if let Some(deeper) = &mut deeper {
                    deeper.insert(print);
                }
                self.is_new[place as usize].store(true, Ordering::Relaxed);
            }
        }
    }

    /// Keeps the new ones, judges them, and asks what they owe.
    pub fn keep_new<Y: System<State = S>>(&mut self, system: &Y) {
        let kept = self.is_new.iter().filter(|is_new| is_new.load(Ordering::Relaxed)).count();
        self.states = Vec::with_capacity(kept);
        let (mut all, is_new) = (std::mem::take(&mut self.fresh), std::mem::take(&mut self.is_new));
        for (fresh, is_new) in all.drain(..).zip(&is_new) {
            if is_new.load(Ordering::Relaxed) {
                let (broken, reached) = system.judge(&fresh.state);
                self.reached |= reached;
                self.breaks(broken, fresh.parent, fresh.choice);
                self.entered.push((fresh.print, fresh.parent, fresh.choice));
                if system.has_obligations() {
                    self.owed.push(owed(system, &fresh.state));
                }
                self.states.push(fresh.state);
            }
        }
        (self.fresh, self.is_new) = (all, is_new);
        // Those that a step breaks come first, those that a state breaks after it: bring them in order.
        self.broken.sort_by_key(|broken| (broken.state, broken.choice, broken.property));
    }
}

/// What a state owes, and of what the premise holds.
pub fn owed<Y: System>(system: &Y, state: &Y::State) -> (Obligations, Obligations) {
    let owed = system.owed(state);
    // What comes after a state at the system's limit is not known, so nothing is said of resting there.
    (if system.limit(state).is_none() { owed.pending } else { 0 }, owed.reached)
}
