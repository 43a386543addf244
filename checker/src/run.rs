//! A search under way.
//!
//! A level is gone through in batches ([`expand`](crate::expand)): threads compute, then the new states are numbered in the
//! order of (parent, transition). So numbers, parents and counterexamples do not depend on who computed what: least parent,
//! then least transition.

use std::sync::{Mutex, PoisonError};

use crate::checkpoint::keeper::{Keeper, Parts};
use crate::counts::Counts;
use crate::expand::{Expanded, Expander, SHARDS, Shards, owed, shard};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::frontier::Frontier;
use crate::graph::{Graph, HELD_BACK, Id};
use crate::look::{Clock, Patience};
use crate::path::Path;
use crate::progress;
use crate::record::Edge;
use crate::report::{NUMBERED, Progress, Report, Stage, Stopped, Violation};
use crate::search::Search;
use crate::system::System;
use crate::workers;

/// States that are expanded between two looks at the bounds, at least if there are so many.
pub(crate) const BATCH: usize = 1 << 14;

/// The states of a batch take at most this part of the memory where each leads to [`FEW`] others at most, and a smaller one
/// where they lead to more; those of a segment, which a batch has at least one of, a part of that.
const BATCH_SHARE: u64 = 64;
const SEGMENT_SHARE: u64 = 8 * BATCH_SHARE;
const FEW: u64 = 8;

/// States that a thread takes at once, at most about twice as many.
const SEGMENT: usize = 512;

/// With fewer states in a batch one thread is faster than several.
const WORTH_THREADS: usize = 64;

/// What a segment leads to.
type Out<F, Y> = Expanded<F, <Y as System>::State, <Y as System>::Action>;

/// A search under way.
pub(crate) struct Run<'y, Y: System, F> {
    pub system: &'y Y,
    threads: usize,
    clock: Clock,
    pub shards: Shards<F>,
    /// The next level, by itself; only in a search by partial order.
    deeper: Option<Shards<F>>,
    pub graph: Graph,
    /// The level that is being expanded, and the one after it.
    pub level: Frontier<Y::State>,
    pub next: Frontier<Y::State>,
    /// Segments of the level that are done with.
    pub done: usize,
    batch: Vec<Mutex<Out<F, Y>>>,
    pub counts: Counts,
    keeper: Option<Keeper<F>>,
}

/// A report, with what has kept the search in a folder.
type Ended<Y, F> = (Report<<Y as System>::State, <Y as System>::Action>, Option<Keeper<F>>);

impl<'y, Y: System, F: Fingerprint> Run<'y, Y, F> {
    pub fn new(search: &Search<'y, Y>) -> Self {
        let (system, threads) = (search.system, search.threads);
        let keeps_edges = system.has_obligations();
        Self {
            system,
            threads,
            clock: Clock::start(),
            shards: Shards::new(keeps_edges),
            deeper: search.partial_order.then(|| Shards::new(false)),
            graph: Graph::new(keeps_edges),
            level: Frontier::default(),
            next: Frontier::default(),
            done: 0,
            batch: Vec::new(),
            counts: Counts::new(system.class_names().len()),
            keeper: None,
        }
    }

    /// The same search, kept in a folder.
    pub fn kept_by(self, keeper: Keeper<F>) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    pub fn search(mut self, mut search: Search<'y, Y>) -> Ended<Y, F> {
        let initial = match self.graph.len() {
            0 => self.enter_initial(),
            _ => self.system.initial().into_iter().map(|(state, ..)| state).collect(),
        };
        let (ended, is_whole) = match self.expand_all(&mut search) {
            Ok(ended) => (ended, true),
            // What a failed disk has cut off in a batch is nowhere: then the checkpoint before it stays.
            Err(error) => (Some(Stopped::Disk(error.to_string())), false),
        };
        let is_saved = is_whole && (ended.is_some() || self.keeper.as_ref().is_some_and(Keeper::is_due));
        if is_saved {
            self.save();
        }
        let mut stopped: Vec<Stopped> = ended.clone().into_iter().collect();
        stopped.extend(self.counts.limits.iter().map(|&(why, count)| Stopped::Limit(why, count)));
        let way = |id: Id, last: Option<u16>| {
            let (first, mut choices) = self.graph.way_to(id);
            choices.extend(last);
            Path::replay(self.system, initial[usize::from(first)].clone(), &choices)
        };
        let violation =
            |&(property, id, last): &(u32, Id, Option<u16>)| Violation { property, path: way(id, last) };
        let violations = self.counts.broken.iter().map(violation).collect();
        let memory = self.graph.bytes() + self.shards.bytes();
        // Only the graph is needed from here on.
        (self.shards, self.batch) = (Shards::new(false), Vec::new());
        let goes_deeper = !self.next.is_empty();
        let waiting = std::mem::take(&mut self.level).len() + std::mem::take(&mut self.next).len();
        let mut judged = progress::Judged::default();
        let ready = match self.graph.keeps_edges() {
            true => self.graph.end(progress::EACH, search.bounds.memory),
            false => Ok(()),
        };
        if let Err(error) = ready {
            judged.unjudged = Some(Stopped::Disk(error.to_string()));
        } else if self.graph.keeps_edges() {
            let beside = (self.progress(Stage::Runs, waiting, 0), self.graph.bytes());
            let patience =
                Patience::new(&self.clock, &search.bounds, beside, ended.as_ref(), &mut search.watch);
            let wanted = progress::Wanted { family: search.merge, rests_first: search.rests_first };
            judged = progress::judge(self.system, &self.graph, &initial, wanted, &patience);
        }
        if judged.unjudged.is_some() && is_whole && !is_saved {
            self.save();
        }
        let counts = self.counts;
        let report = Report {
            states: self.graph.len() as u64,
            transitions: counts.transitions,
            depth: counts.depth + u64::from(goes_deeper),
            dead_ends: counts.dead_ends,
            partial: counts.partial,
            stopped,
            unjudged: judged.unjudged,
            max_out_degree: counts.max_out_degree,
            memory,
            peak: counts.peak.max(memory).max(judged.most),
            spilled: counts.spilled,
            spilled_edges: self.graph.edges.spilled(),
            bits: F::BITS,
            coverage: counts.coverage,
            reached: counts.reached,
            owed: counts.owed,
            violations,
            lassos: judged.lassos,
            starved: judged.starved,
        };
        (report, self.keeper)
    }

    /// Writes a checkpoint, if somebody wants one.
    fn save(&mut self) {
        let Self { system, graph, level, next, counts, keeper, .. } = self;
        if let Some(keeper) = keeper {
            keeper.save(&Parts::<Y> { system, graph, level, next, counts });
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
            self.counts.reached |= reached;
            self.counts.judge(broken, id, None);
            if known.is_none() {
                if let Some(keeper) = &mut self.keeper {
                    keeper.found(print);
                }
                table_number(&mut self.shards, &self.graph, print, id);
                if self.graph.keeps_edges() {
                    let (pending, premises) = owed(self.system, &state);
                    self.graph.owe(pending);
                    self.counts.owed |= premises;
                }
                new.push(state.clone());
            }
            all.push(state);
        }
        self.level.push(self.system, 0, new);
        all
    }

    /// Goes through all levels; why it ended before the last.
    ///
    /// # Errors
    /// The temporary disk failed within a batch.
    fn expand_all(&mut self, search: &mut Search<'y, Y>) -> std::io::Result<Option<Stopped>> {
        while !self.level.is_empty() {
            if let Some(deeper) = &mut self.deeper {
                *deeper = Shards::new(false);
            }
            while self.done < self.level.segments.len() {
                if self.counts.depth >= search.bounds.depth {
                    return Ok(Some(Stopped::Depth(search.bounds.depth)));
                }
                self.expand_batch(search.bounds.memory)?;
                let stopped = self.look(search);
                if stopped.is_some() {
                    return Ok(stopped);
                }
                if let Some(keeper) = &mut self.keeper {
                    keeper.drain(&self.graph);
                    if keeper.is_due() {
                        self.save();
                    }
                }
            }
            self.done = 0;
            self.level = std::mem::take(&mut self.next);
            self.counts.depth += u64::from(!self.level.is_empty());
        }
        Ok(None)
    }

    /// Expands the next segments of the level.
    fn expand_batch(&mut self, memory: u64) -> std::io::Result<()> {
        // What a batch leads to is in memory before it is looked at: with little of that, batches are small.
        let share = memory / (BATCH_SHARE * self.counts.max_out_degree.div_ceil(FEW).max(1));
        let (mut count, mut states, mut weight) = (0, 0, 0);
        while let Some(segment) = self.level.segments.get(self.done + count) {
            if states >= BATCH || (count > 0 && weight + segment.weight() > share) {
                break;
            }
            states += segment.len();
            weight += segment.weight();
            count += 1;
        }
        let threads = if states < WORTH_THREADS { 1 } else { self.threads };
        while self.batch.len() < count {
            self.batch.push(Mutex::default());
        }
        self.compute(threads, count)?;
        for place in 0..count {
            self.number(place, memory);
            self.level.release(self.done + place);
        }
        if self.graph.keeps_edges() {
            for place in 0..count {
                self.add_edges(place)?;
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
            let batch: Vec<&Expanded<F, Y::State, Y::Action>> = batch.iter().map(|out| &**out).collect();
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
    fn number(&mut self, place: usize, memory: u64) {
        let mut out = std::mem::take(lock_mut(&mut self.batch[place]));
        self.counts.add(&out);
        let first = self.graph.len() as Id;
        for &(print, parent, choice) in &out.entered {
            let id = self.graph.enter(Some(parent), choice);
            if let Some(keeper) = &mut self.keeper {
                keeper.found(print);
            }
            table_number(&mut self.shards, &self.graph, print, id);
        }
        for &(pending, premises) in &out.owed {
            self.graph.owe(pending);
            self.counts.owed |= premises;
        }
        let mut states = std::mem::take(&mut out.states);
        let share = memory / (SEGMENT_SHARE * self.counts.max_out_degree.div_ceil(FEW).max(1));
        let segment = segment_of(self.system, states.first(), share);
        while states.len() > 2 * segment {
            let rest = states.split_off(segment);
            let before = first + (out.entered.len() - rest.len() - states.len()) as Id;
            self.next.push(self.system, before, states);
            states = rest;
        }
        self.next.push(self.system, first + (out.entered.len() - states.len()) as Id, states);
        *lock_mut(&mut self.batch[place]) = out;
    }

    /// Keeps the edges out of what owes something in one segment of the batch.
    fn add_edges(&mut self, place: usize) -> std::io::Result<()> {
        let out = lock_mut(&mut self.batch[place]);
        let (mut drafts, mut edges) = (out.drafts.iter(), Vec::new());
        for &count in &out.draft_counts {
            edges.clear();
            edges.extend(drafts.by_ref().take(count as usize).map(|draft| {
                let to = draft.to.map_or(HELD_BACK, |print| {
                    let table = self.shards.0[shard(print)].get_mut().unwrap_or_else(PoisonError::into_inner);
                    table.number(print).expect("where a transition leads was entered")
                });
                Edge { to, unit: draft.unit, discharged: draft.discharged }
            }));
            self.graph.add_edges(&edges)?;
        }
        Ok(())
    }

    fn progress(&self, stage: Stage, queue: u64, memory: u64) -> Progress {
        Progress {
            stage,
            states: self.graph.len() as u64,
            queue,
            transitions: self.counts.transitions,
            depth: self.counts.depth,
            memory,
            elapsed: self.keeper.as_ref().map_or_else(|| self.clock.elapsed(), Keeper::elapsed),
            checkpoint: self.keeper.as_ref().and_then(Keeper::age),
        }
    }

    /// Looks at the bounds.
    fn look(&mut self, search: &mut Search<'y, Y>) -> Option<Stopped> {
        let bounds = &search.bounds;
        let kept = self.graph.bytes() + self.shards.bytes() + self.deeper.as_ref().map_or(0, Shards::bytes);
        let mut memory = kept + self.level.bytes() + self.next.bytes();
        self.counts.peak = self.counts.peak.max(memory);
        let queue = self.next.len() + self.level.len();
        let states = self.graph.len() as u64;
        // States go to disk whoever stops the search now, so that one which is resumed has put the same ones there.
        let mut failed = None;
        if queue > 0 && memory >= bounds.memory {
            let before = self.level.bytes() + self.next.bytes();
            let spill = |frontier: &mut Frontier<Y::State>| frontier.spill(self.system);
            failed = spill(&mut self.level).and(spill(&mut self.next)).err();
            let after = self.level.bytes() + self.next.bytes();
            self.counts.spilled += before - after;
            memory = kept + after;
            if memory >= bounds.memory && self.graph.keeps_edges() {
                failed = failed.or(self.graph.edges.spill(bounds.memory).err());
                memory = self.graph.bytes() + self.shards.bytes() + after;
            }
        }
        let goes_on = (search.watch)(self.progress(Stage::States, queue, memory)).is_continue();
        if queue == 0 {
            return None;
        }
        if let Some(error) = failed {
            return Some(Stopped::Disk(error.to_string()));
        }
        if !goes_on {
            return Some(Stopped::Cancelled);
        }
        if states >= bounds.states.min(NUMBERED) {
            return Some(Stopped::States(bounds.states.min(NUMBERED)));
        }
        if memory >= bounds.memory {
            return Some(Stopped::Memory(bounds.memory));
        }
        self.clock.is_over(bounds.time).map(Stopped::Time)
    }
}

/// How many states make a segment, where they are about as large as this one.
fn segment_of<Y: System>(system: &Y, one: Option<&Y::State>, share: u64) -> usize {
    let bytes = one.map_or(0, |state| size_of::<Y::State>() + system.heap_bytes(state));
    (share / bytes.max(1) as u64).clamp(1, SEGMENT as u64) as usize
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
