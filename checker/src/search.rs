//! Breadth-first search: every reachable state once, shortest counterexamples, the same result for any number of
//! threads.
//!
//! A level is gone through in batches ([`expand`](crate::expand)): threads compute, then the new states are numbered in the
//! order of (parent, transition). So numbers, parents and counterexamples do not depend on who computed what: least parent,
//! then least transition.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::expand::{Expanded, Expander, SHARDS, Shards, owed, shard};
use crate::fingerprint::{Bits, Fingerprint, Hasher};
use crate::frontier::Frontier;
use crate::graph::{Edge, Graph, HELD_BACK, Id};
use crate::partial_order::Refused;
use crate::path::Path;
use crate::progress;
use crate::report::NUMBERED;
pub use crate::report::{Bounds, Progress, Report, Stopped, Violation};
use crate::system::{Obligations, Properties, System};
use crate::workers;

/// A search of one system.
pub struct Search<'y, Y: System> {
    system: &'y Y,
    bounds: Bounds,
    threads: usize,
    bits: Bits,
    partial_order: bool,
    merge: fn(u32) -> u32,
    watch: Box<dyn FnMut(Progress) -> ControlFlow<()> + 'y>,
}

/// States that are expanded between two looks at the bounds, at least if there are so many.
pub(crate) const BATCH: usize = 1 << 14;

/// States that a thread takes at once.
const SEGMENT: usize = 512;

/// With fewer states in a batch one thread is faster than several.
const WORTH_THREADS: usize = 64;

impl<'y, Y: System> Search<'y, Y> {
    /// A search without bounds, on one thread, with fingerprints of 64 bits.
    pub fn new(system: &'y Y) -> Self {
        Self {
            system,
            bounds: Bounds::default(),
            threads: 1,
            bits: Bits::B64,
            partial_order: false,
            merge: |bit| bit,
            watch: Box::new(|_| ControlFlow::Continue(())),
        }
    }

    /// Ends where these say.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Uses so many threads, at least 1.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Keeps fingerprints of this length.
    #[must_use]
    pub fn fingerprints(mut self, bits: Bits) -> Self {
        self.bits = bits;
        self
    }

    /// Goes on from a state with the part of its transitions that the system says is enough ([`System::ample`]), where the
    /// cycle condition allows it. See [`partial_order`](crate::partial_order) for what is required of the part, and why the
    /// search finds the same properties broken and reached.
    ///
    /// # Errors
    /// The reason, if the system has progress obligations: a run that keeps one pending may be left out, so of these nothing
    /// would be known.
    pub fn partial_order(mut self) -> Result<Self, Refused> {
        if self.system.has_obligations() {
            return Err(Refused);
        }
        self.partial_order = true;
        Ok(self)
    }

    /// Looks for one lasso for each value of `family`, not for each obligation.
    #[must_use]
    pub fn one_lasso_per(mut self, family: fn(u32) -> u32) -> Self {
        self.merge = family;
        self
    }

    /// Calls `watch` now and then; `Break` ends the search.
    #[must_use]
    pub fn watched_by(mut self, watch: impl FnMut(Progress) -> ControlFlow<()> + 'y) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// Searches.
    pub fn run(self) -> Report<Y::State, Y::Action> {
        match self.bits {
            Bits::B64 => Run::<Y, u64>::new(&self).search(self),
            Bits::B128 => Run::<Y, u128>::new(&self).search(self),
        }
    }
}

/// A search under way.
struct Run<'y, Y: System, F> {
    system: &'y Y,
    threads: usize,
    start: Instant,
    shards: Shards<F>,
    /// The next level, by itself; only in a search by partial order.
    deeper: Option<Shards<F>>,
    partial: u64,
    graph: Graph,
    /// The level that is being expanded, and the one after it.
    level: Frontier<Y::State>,
    next: Frontier<Y::State>,
    /// Segments of the level that are done with.
    done: usize,
    batch: Vec<Mutex<Expanded<F, Y::State>>>,
    transitions: u64,
    max_out_degree: u64,
    depth: u64,
    dead_ends: u64,
    reached: Properties,
    owed: Obligations,
    /// For each broken property: the state before, and the transition that breaks it.
    broken: Vec<(u32, Id, Option<u16>)>,
    seen_broken: Properties,
    limits: Vec<(&'static str, u64)>,
    coverage: Vec<u64>,
    peak: u64,
    spilled: u64,
}

impl<'y, Y: System, F: Fingerprint> Run<'y, Y, F> {
    fn new(search: &Search<'y, Y>) -> Self {
        let (system, threads) = (search.system, search.threads);
        let keeps_edges = system.has_obligations();
        Self {
            system,
            threads,
            start: Instant::now(),
            shards: Shards::new(keeps_edges),
            deeper: search.partial_order.then(|| Shards::new(false)),
            partial: 0,
            graph: Graph::new(keeps_edges),
            level: Frontier::default(),
            next: Frontier::default(),
            done: 0,
            batch: Vec::new(),
            transitions: 0,
            max_out_degree: 0,
            depth: 0,
            dead_ends: 0,
            reached: 0,
            owed: 0,
            broken: Vec::new(),
            seen_broken: 0,
            limits: Vec::new(),
            coverage: vec![0; system.class_names().len()],
            peak: 0,
            spilled: 0,
        }
    }

    fn search(mut self, mut search: Search<'y, Y>) -> Report<Y::State, Y::Action> {
        let initial = self.enter_initial();
        let stopped = self.expand_all(&mut search);
        let mut stopped: Vec<Stopped> = stopped.into_iter().collect();
        stopped.extend(self.limits.iter().map(|&(why, count)| Stopped::Limit(why, count)));
        let way = |id: Id, last: Option<u16>| {
            let (first, mut choices) = self.graph.way_to(id);
            choices.extend(last);
            Path::replay(self.system, initial[usize::from(first)].clone(), &choices)
        };
        let violation =
            |&(property, id, last): &(u32, Id, Option<u16>)| Violation { property, path: way(id, last) };
        let violations = self.broken.iter().map(violation).collect();
        let memory = self.graph.bytes() + self.shards.bytes();
        let (lassos, starved) = match self.graph.keeps_edges() {
            true => progress::lassos(self.system, &self.graph, &initial, search.merge),
            false => (Vec::new(), 0),
        };
        Report {
            states: self.graph.len() as u64,
            transitions: self.transitions,
            depth: self.depth,
            dead_ends: self.dead_ends,
            partial: self.partial,
            stopped,
            max_out_degree: self.max_out_degree,
            memory,
            peak: self.peak.max(memory),
            spilled: self.spilled,
            bits: F::BITS,
            coverage: self.coverage,
            reached: self.reached,
            owed: self.owed,
            violations,
            lassos,
            starved,
        }
    }

    /// Enters the states in which everything begins.
    fn enter_initial(&mut self) -> Vec<Y::State> {
        let hasher = Hasher::default();
        let (mut all, mut new) = (Vec::new(), Vec::new());
        for (choice, (state, broken, reached)) in self.system.initial().into_iter().enumerate() {
            let choice = u16::try_from(choice).expect("a system has fewer than 65536 initial states");
            let print = F::of(&hasher, &state);
            let table = self.shards.0[shard(print)].get_mut().unwrap_or_else(PoisonError::into_inner);
            let known =
                (!table.insert(print)).then(|| new.iter().position(|other| *other == state)).flatten();
            let id = known.map_or_else(|| self.graph.enter(None, choice), |place| place as Id);
            self.reached |= reached;
            self.judge(broken, id, None);
            if known.is_none() {
                table_number(&mut self.shards, &self.graph, print, id);
                if self.graph.keeps_edges() {
                    let (pending, premises) = owed(self.system, &state);
                    self.graph.owe(pending);
                    self.owed |= premises;
                }
                new.push(state.clone());
            }
            all.push(state);
        }
        self.level.push(0, new);
        all
    }

    fn judge(&mut self, broken: Properties, id: Id, choice: Option<u16>) {
        let mut new = broken & !self.seen_broken;
        self.seen_broken |= broken;
        while new != 0 {
            self.broken.push((new.trailing_zeros(), id, choice));
            new &= new - 1;
        }
    }

    /// Goes through all levels; why it ended before the last.
    fn expand_all(&mut self, search: &mut Search<'y, Y>) -> Option<Stopped> {
        while !self.level.is_empty() {
            if self.depth >= search.bounds.depth {
                return Some(Stopped::Depth(search.bounds.depth));
            }
            self.done = 0;
            if let Some(deeper) = &mut self.deeper {
                *deeper = Shards::new(false);
            }
            while self.done < self.level.segments.len() {
                if let Err(error) = self.expand_batch() {
                    return Some(Stopped::Disk(error.to_string()));
                }
                if let Some(stopped) = self.look(search) {
                    return Some(stopped);
                }
            }
            self.level = std::mem::take(&mut self.next);
            self.depth += u64::from(!self.level.is_empty());
        }
        None
    }

    /// Expands the next segments of the level.
    fn expand_batch(&mut self) -> std::io::Result<()> {
        let (mut count, mut states) = (0, 0);
        while states < BATCH && self.done + count < self.level.segments.len() {
            states += self.level.segments[self.done + count].len();
            count += 1;
        }
        let threads = if states < WORTH_THREADS { 1 } else { self.threads };
        while self.batch.len() < count {
            self.batch.push(Mutex::default());
        }
        self.compute(threads, count)?;
        for place in 0..count {
            self.number(place);
            self.level.release(self.done + place);
        }
        if self.graph.keeps_edges() {
            for place in 0..count {
                self.add_edges(place);
            }
        }
        self.done += count;
        Ok(())
    }

    /// What threads do side by side.
    fn compute(&mut self, threads: usize, count: usize) -> std::io::Result<()> {
        let Self { system, shards, deeper, graph, level, batch, done, .. } = self;
        let (system, done, graph, level, shards, deeper, batch) =
            (*system, *done, &*graph, &*level, &*shards, deeper.as_ref(), &*batch);
        let keeps_edges = |id: Id| graph.keeps_edges() && graph.pending(id) != 0;
        let failed: Mutex<Option<std::io::Error>> = Mutex::new(None);
        workers::each(
            threads,
            count,
            || Expander::new(shards, deeper),
            |expander, place| {
                let mut out = lock(&batch[place]);
                out.clear();
                match level.take(system, done + place) {
                    Ok(states) => {
                        let first = level.segments[done + place].first;
                        expander.expand(system, first, states, keeps_edges, &mut out);
                    }
                    Err(error) => *lock(&failed) = Some(error),
                }
            },
        );
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        {
            let batch: Vec<_> = batch[..count].iter().map(lock).collect();
            let batch: Vec<&Expanded<F, Y::State>> = batch.iter().map(|out| &**out).collect();
            workers::each(
                threads,
                SHARDS,
                || (),
                |(), shard| {
                    let mut table = shards.0[shard].write().expect("no thread panicked");
                    let mut deeper =
                        deeper.map(|deeper| deeper.0[shard].write().expect("no thread panicked"));
                    batch.iter().for_each(|out| out.enter(shard, &mut table, deeper.as_deref_mut()));
                },
            );
        }
        workers::each(threads, count, || (), |(), place| lock(&batch[place]).keep_new(system));
        Ok(())
    }

    /// Numbers what one segment of the batch led to, and takes over what was said of it.
    fn number(&mut self, place: usize) {
        let mut out = std::mem::take(lock_mut(&mut self.batch[place]));
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
        let first = self.graph.len() as Id;
        for &(print, parent, choice) in &out.entered {
            let id = self.graph.enter(Some(parent), choice);
            table_number(&mut self.shards, &self.graph, print, id);
        }
        for &(pending, premises) in &out.owed {
            self.graph.owe(pending);
            self.owed |= premises;
        }
        let mut states = std::mem::take(&mut out.states);
        while states.len() > 2 * SEGMENT {
            let rest = states.split_off(SEGMENT);
            let before = first + (out.entered.len() - rest.len() - states.len()) as Id;
            self.next.push(before, states);
            states = rest;
        }
        self.next.push(first + (out.entered.len() - states.len()) as Id, states);
        *lock_mut(&mut self.batch[place]) = out;
    }

    /// Keeps the edges out of what owes something in one segment of the batch.
    fn add_edges(&mut self, place: usize) {
        let out = lock_mut(&mut self.batch[place]);
        let mut drafts = out.drafts.iter();
        for &count in &out.draft_counts {
            self.graph.begin_edges();
            for draft in drafts.by_ref().take(count as usize) {
                let to = draft.to.map_or(HELD_BACK, |print| {
                    let table = self.shards.0[shard(print)].get_mut().unwrap_or_else(PoisonError::into_inner);
                    table.number(print).expect("where a transition leads was entered")
                });
                self.graph.add_edge(Edge { to, unit: draft.unit }, draft.discharged);
            }
        }
    }

    /// Looks at the bounds.
    fn look(&mut self, search: &mut Search<'y, Y>) -> Option<Stopped> {
        let bounds = search.bounds.clone();
        let kept = self.graph.bytes() + self.shards.bytes() + self.deeper.as_ref().map_or(0, Shards::bytes);
        let mut memory = kept + self.level.bytes() + self.next.bytes();
        self.peak = self.peak.max(memory);
        let queue = self.next.len() + self.level.len();
        let states = self.graph.len() as u64;
        let progress = Progress { states, queue, transitions: self.transitions, depth: self.depth, memory };
        let goes_on = (search.watch)(progress).is_continue();
        if queue == 0 {
            return None;
        }
        if !goes_on {
            return Some(Stopped::Cancelled);
        }
        if states >= bounds.states.min(NUMBERED) {
            return Some(Stopped::States(bounds.states.min(NUMBERED)));
        }
        if self.graph.edges_count() >= NUMBERED {
            return Some(Stopped::Limit("more transitions than a search keeps", queue));
        }
        if memory >= bounds.memory {
            let before = self.level.bytes() + self.next.bytes();
            let spill = |frontier: &mut Frontier<Y::State>| frontier.spill(self.system);
            match (spill(&mut self.level), spill(&mut self.next)) {
                (Err(error), _) | (_, Err(error)) => return Some(Stopped::Disk(error.to_string())),
                (Ok(_), Ok(_)) => {}
            }
            let after = self.level.bytes() + self.next.bytes();
            self.spilled += before - after;
            memory = kept + after;
        }
        if memory >= bounds.memory {
            return Some(Stopped::Memory(bounds.memory));
        }
        bounds.time.filter(|&limit| self.start.elapsed() >= limit).map(Stopped::Time)
    }
}

/// Gives a state of the table its number, if numbers are kept.
fn table_number<F: Fingerprint>(shards: &mut Shards<F>, graph: &Graph, print: F, id: Id) {
    if graph.keeps_edges() {
        shards.0[shard(print)].get_mut().unwrap_or_else(PoisonError::into_inner).set_number(print, id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock_mut<T>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut().unwrap_or_else(PoisonError::into_inner)
}
