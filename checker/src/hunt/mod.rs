//! Hunts: depth-first and random search, to find a violation fast. A hunt says what is broken and never that anything
//! holds, not even if it happened to see everything.
//!
//! A fixed number of [workers](worker) go on in rounds, half of them diving and half walking, each with a generator, a
//! [table](recent) and states of its own; `temper` says what each tries first. After a round what they found is put together in the order of the workers. So a
//! report depends on the seed and not on the number of threads. What is found is made [short](shorten) at the end.
//!
//! Of progress a hunt judges states in which a fair run may rest for ever, exactly. Cycles need a
//! [search](crate::search).

mod recent;
mod shorten;
mod temper;
mod worker;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::fingerprint::Bits;
use crate::look::{Clock, Watch};
use crate::path::Path;
use crate::progress::Lasso;
use crate::report::{Bounds, Progress, Report, Stage, Stopped, Violation};
use crate::system::{Obligations, Properties, System};
use crate::workers;
use worker::{EVENTS, Goal, Ground, SPOTS, Sought, Spot, Tally, Way, Worker, bits};

/// Workers, however many threads there are.
const WORKERS: usize = 8;

/// States that each goes on from in a round.
const SLICE: u64 = 256;

/// States that are gone through to make one way short.
const SHORTENING: usize = 30_000;

/// How long a hunt takes if nobody says.
const TIME: Duration = Duration::from_secs(10);

/// A hunt through one system.
pub struct Hunt<'y, Y: System> {
    system: &'y Y,
    seed: u64,
    bounds: Bounds,
    threads: usize,
    sought: Sought,
    watch: Watch<'y>,
}

impl<'y, Y: System> Hunt<'y, Y> {
    /// A hunt with seed 0, on one thread, for everything that can be broken, for ten seconds.
    pub fn new(system: &'y Y) -> Self {
        let obligations = (0..Obligations::BITS).map(|bit| 1 << bit).collect();
        Self {
            system,
            seed: 0,
            bounds: Bounds { time: Some(TIME), ..Bounds::default() },
            threads: 1,
            sought: Sought { properties: system.properties(), obligations },
            watch: Box::new(|_| ControlFlow::Continue(())),
        }
    }

    /// What its choices are drawn from. The same seed gives the same report, unless a bound on time ended the hunt.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Ends where these say. `states` are those that it goes on from, each time that it does; no more of them are remembered.
    /// `depth` ends no hunt, it goes back from there; `memory` neither: it forgets what it knows, and begins anew.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Uses so many threads, at least 1 and no more than it has workers.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Looks for steps that break these properties, and for a rest that keeps one of each of these sets of obligations; it ends
    /// when all are found.
    #[must_use]
    pub fn seeking(mut self, properties: Properties, obligations: Vec<Obligations>) -> Self {
        self.sought = Sought { properties, obligations };
        self
    }

    /// Calls `watch` now and then; `Break` ends the hunt.
    #[must_use]
    pub fn watched_by(mut self, watch: impl FnMut(Progress) -> ControlFlow<()> + 'y) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// Hunts.
    pub fn run(mut self) -> Report<Y::State, Y::Action> {
        let clock = Clock::start();
        let initial = self.system.initial();
        let mut pack = Pack::new(self.system.class_names().len(), self.sought.clone());
        if !self.system.has_obligations() {
            pack.sought.obligations.clear();
        }
        for (first, (_, broken, reached)) in initial.iter().enumerate() {
            let first = u16::try_from(first).ok().filter(|first| *first < u16::MAX);
            let first = first.expect("a system has fewer than 65536 initial states");
            pack.all.reached |= reached;
            for bit in bits(*broken) {
                pack.find(Goal::Breaks(bit), Way { first, choices: Vec::new() });
            }
        }
        let initial: Vec<Y::State> = initial.into_iter().map(|(state, ..)| state).collect();
        let ended = if initial.is_empty() { None } else { self.search(&clock, &initial, &mut pack) };
        let mut stopped = vec![Stopped::Hunt];
        stopped.extend(ended);
        stopped.extend(pack.all.limits.iter().map(|&(why, count)| Stopped::Limit(why, count)));
        let (mut violations, mut lassos) = (Vec::new(), Vec::new());
        for (goal, way) in self.shorten(&clock, &initial, std::mem::take(&mut pack.found), &pack) {
            let path = Path::replay(self.system, initial[usize::from(way.first)].clone(), &way.choices);
            match goal {
                Goal::Breaks(property) => violations.push(Violation { property, path }),
                Goal::Rests(obligation) => {
                    let cycle = Path { first: path.last().clone(), steps: Vec::new() };
                    lassos.push(Lasso { obligation, stem: path, cycle });
                }
            }
        }
        let Pack { all, memory, peak, .. } = pack;
        Report {
            partial: 0,
            spilled_edges: 0,
            states: all.states,
            transitions: all.transitions,
            depth: all.depth,
            dead_ends: all.dead_ends,
            stopped,
            unjudged: Some(Stopped::Hunt),
            max_out_degree: all.max_out_degree,
            memory,
            peak,
            spilled: 0,
            bits: Bits::B64,
            coverage: all.coverage,
            reached: all.reached,
            owed: all.owed,
            violations,
            lassos,
            starved: 0,
        }
    }

    /// Goes on in rounds; the bound that ended it.
    fn search(&mut self, clock: &Clock, initial: &[Y::State], pack: &mut Pack<Y::State>) -> Option<Stopped> {
        let share = |all: u64| all / WORKERS as u64;
        let (states, memory) = (share(self.bounds.states), share(self.bounds.memory));
        let worker = |number| Mutex::new(Worker::new(self.system, self.seed, number, states, memory));
        let mut all: Vec<Mutex<Worker<'_, Y>>> = (0..WORKERS).map(worker).collect();
        let deadline = self
            .bounds
            .time
            .and_then(|time| Instant::now().checked_add(time.saturating_sub(clock.elapsed())));
        loop {
            if pack.sought.is_empty() || pack.all.saw_all {
                return None;
            }
            if (self.watch)(pack.progress(clock)).is_break() {
                return Some(Stopped::Cancelled);
            }
            if let Some(time) = clock.is_over(self.bounds.time) {
                return Some(Stopped::Time(time));
            }
            let left = self.bounds.states.saturating_sub(pack.all.states);
            if left == 0 {
                return Some(Stopped::States(self.bounds.states));
            }
            // The last states are divided to a hair.
            let (each, more) = (left / WORKERS as u64, left % WORKERS as u64);
            let slice = |number: usize| SLICE.min(each + u64::from((number as u64) < more));
            let Pack { spots, events, sought, .. } = &*pack;
            let ground = Ground { initial, spots, events, sought, depth: self.bounds.depth, deadline };
            let work = |(): &mut (), number: usize| {
                let mut worker = all[number].lock().expect("no thread panicked");
                worker.slice(&ground, slice(number));
            };
            workers::each(self.threads, WORKERS, || (), work);
            let mut found = Vec::new();
            for worker in &mut all {
                let worker = worker.get_mut().expect("no thread panicked");
                found.append(&mut worker.tally.found);
                let heap = |state: &Y::State| self.system.heap_bytes(state);
                pack.add(std::mem::take(&mut worker.tally), memory, heap);
            }
            // Of several ways of one round the shortest, and of those the first worker's.
            found.sort_by_key(|(goal, way)| (*goal, way.choices.len()));
            found.into_iter().for_each(|(goal, way)| pack.find(goal, way));
            let kept = all.iter_mut().map(|worker| worker.get_mut().expect("no thread panicked").bytes());
            pack.memory = kept.sum::<u64>() + pack.spot_bytes;
            pack.peak = pack.peak.max(pack.memory);
        }
    }

    /// The ways, as short as they can soon be made. It takes no more than a tenth of the time that the hunt may take.
    fn shorten(
        &mut self,
        clock: &Clock,
        initial: &[Y::State],
        found: BTreeMap<Goal, Way>,
        pack: &Pack<Y::State>,
    ) -> Vec<(Goal, Way)> {
        let limit = self.bounds.time.map(|time| clock.elapsed().max(time).saturating_add(time / 10));
        let is_over = || clock.is_over(limit).is_some();
        let memory = self.bounds.memory / self.threads as u64;
        let bounds = shorten::Bounds { states: SHORTENING, memory, is_over: &is_over };
        let found: Vec<Mutex<(Goal, Way)>> = found.into_iter().map(Mutex::new).collect();
        for some in found.chunks(self.threads) {
            if (self.watch)(pack.progress(clock)).is_break() {
                break;
            }
            workers::each(
                self.threads,
                some.len(),
                || (),
                |(), number| {
                    let mut found = some[number].lock().expect("no thread panicked");
                    found.1 = shorten::shorten(self.system, initial, found.clone(), bounds);
                },
            );
        }
        found.into_iter().map(|found| found.into_inner().expect("no thread panicked")).collect()
    }
}

/// What all workers together know.
struct Pack<S> {
    all: Tally<S>,
    found: BTreeMap<Goal, Way>,
    sought: Sought,
    spots: Vec<Spot<S>>,
    spot_bytes: u64,
    events: Vec<u8>,
    memory: u64,
    peak: u64,
}

impl<S> Pack<S> {
    fn new(classes: usize, sought: Sought) -> Self {
        let all = Tally { coverage: vec![0; classes], ..Tally::default() };
        let events = vec![0; EVENTS];
        Self {
            all,
            found: BTreeMap::new(),
            sought,
            spots: Vec::new(),
            spot_bytes: 0,
            events,
            memory: 0,
            peak: 0,
        }
    }

    fn find(&mut self, goal: Goal, way: Way) {
        if self.sought.strike(goal) {
            self.found.insert(goal, way);
        }
    }

    /// Takes over what a worker saw in a round, and its spots as far as they find room.
    fn add(&mut self, one: Tally<S>, room: u64, heap: impl Fn(&S) -> usize) {
        let all = &mut self.all;
        all.states += one.states;
        all.transitions += one.transitions;
        all.dead_ends += one.dead_ends;
        all.depth = all.depth.max(one.depth);
        all.max_out_degree = all.max_out_degree.max(one.max_out_degree);
        all.reached |= one.reached;
        all.owed |= one.owed;
        all.saw_all |= one.saw_all;
        if all.coverage.len() < one.coverage.len() {
            all.coverage.resize(one.coverage.len(), 0);
        }
        for (sum, more) in all.coverage.iter_mut().zip(one.coverage) {
            *sum += more;
        }
        for (why, more) in one.limits {
            match all.limits.iter_mut().find(|(known, _)| *known == why) {
                Some((_, count)) => *count += more,
                None => all.limits.push((why, more)),
            }
        }
        for (event, spot) in one.spots {
            let own = size_of::<Spot<S>>() + spot.way.choices.len() * size_of::<u16>();
            let bytes = (own + heap(&spot.state)) as u64;
            if self.events[event] < SPOTS && self.spot_bytes + bytes < room {
                self.events[event] += 1;
                self.spot_bytes += bytes;
                self.spots.push(spot);
            }
        }
    }

    fn progress(&self, clock: &Clock) -> Progress {
        Progress {
            stage: Stage::States,
            states: self.all.states,
            queue: 0,
            transitions: self.all.transitions,
            depth: self.all.depth,
            memory: self.memory,
            elapsed: clock.elapsed(),
            checkpoint: None,
        }
    }
}
