//! Breadth-first search: every reachable state once, shortest counterexamples, the same result for any number of
//! threads.
//!
//! A level is expanded in batches: threads compute the transitions of the states of a batch, then one of them enters the
//! new states in the order of (parent, transition). So numbers, parents and counterexamples do not depend on who
//! computed what: least parent, then least transition.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::graph::{Edge, Graph, HELD_BACK, Id};
use crate::path::Path;
use crate::progress::{self, Lasso};
use crate::system::{Obligations, Properties, System, Transition};

/// Where a search ends although there is more to find.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// States that may be found, at most 3 · 2^30.
    pub states: u64,
    /// Transitions from an initial state.
    pub depth: u64,
    /// Bytes that the search may take, about.
    pub memory: u64,
    /// How long it may take.
    pub time: Option<Duration>,
}

/// States, and edges between them, that a search can number: 32 bits, less what one batch can add before the next look
/// at the bounds.
const NUMBERED: u64 = (1 << 32) - ((BATCH as u64) << 16);

impl Default for Bounds {
    fn default() -> Self {
        Self { states: NUMBERED, depth: u64::MAX, memory: u64::MAX, time: None }
    }
}

/// Why a search did not see everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// As many states as were allowed.
    States(u64),
    /// As deep as was allowed.
    Depth(u64),
    /// As much memory as was allowed, in bytes.
    Memory(u64),
    /// As long as was allowed.
    Time(Duration),
    /// Somebody asked it to stop.
    Cancelled,
    /// The system itself has a limit; how many states it cut off.
    Limit(&'static str, u64),
}

/// How far a search has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// States found.
    pub states: u64,
    /// States found and not yet expanded.
    pub queue: u64,
    /// Transitions taken.
    pub transitions: u64,
    /// Transitions from an initial state to those that are being expanded.
    pub depth: u64,
}

/// A safety property that is broken, and the shortest way there.
#[derive(Clone, Debug)]
pub struct Violation<S, A> {
    /// The property's bit.
    pub property: u32,
    /// Its last step breaks it; without a step, its first state does.
    pub path: Path<S, A>,
}

/// What a search has found.
#[derive(Clone, Debug)]
pub struct Report<S, A> {
    /// Distinct states.
    pub states: u64,
    /// Transitions taken.
    pub transitions: u64,
    /// The longest shortest way to a state.
    pub depth: u64,
    /// States without a transition; those at the limit of the system are not counted.
    pub dead_ends: u64,
    /// Why it is not complete; nothing if it is.
    pub stopped: Vec<Stopped>,
    /// Bytes of what it remembered, about.
    pub memory: u64,
    /// The properties whose premise was reached.
    pub reached: Properties,
    /// The obligations whose premise was reached.
    pub owed: Obligations,
    /// A shortest counterexample for each safety property that is broken.
    pub violations: Vec<Violation<S, A>>,
    /// A lasso for each obligation that a fair run keeps for ever. Each is real even if the search is not complete, as
    /// every transition out of its states was seen; that there is no other needs a complete search.
    pub lassos: Vec<Lasso<S, A>>,
    /// The obligations that a run may keep for ever that is unfair to nothing but what is
    /// [held back](System::held_back): of these nothing is known, unless there is a lasso.
    pub starved: Obligations,
}

impl<S, A> Report<S, A> {
    /// Was every reachable state seen?
    pub fn is_complete(&self) -> bool {
        self.stopped.is_empty()
    }
}

/// A search of one system.
pub struct Search<'y, Y: System> {
    system: &'y Y,
    bounds: Bounds,
    threads: usize,
    merge: fn(u32) -> u32,
    watch: Box<dyn FnMut(Progress) -> ControlFlow<()> + 'y>,
}

/// States that are expanded between two looks at the bounds.
const BATCH: usize = 1 << 14;

type Expanded<Y> = Vec<(Vec<Transition<<Y as System>::State, <Y as System>::Action>>, Vec<u64>)>;

impl<'y, Y: System> Search<'y, Y> {
    /// A search without bounds, on one thread.
    pub fn new(system: &'y Y) -> Self {
        Self {
            system,
            bounds: Bounds::default(),
            threads: 1,
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
    pub fn run(mut self) -> Report<Y::State, Y::Action> {
        let start = Instant::now();
        let system = self.system;
        let keeps_edges = system.has_obligations();
        let mut graph = Graph::new(keeps_edges);
        let mut run = Run {
            system,
            transitions: 0,
            depth: 0,
            dead_ends: 0,
            reached: 0,
            owed: 0,
            broken: Vec::new(),
            seen_broken: 0,
            limits: Vec::new(),
        };
        let mut frontier = run.enter_initial(&mut graph);
        let initial: Vec<Y::State> = system.initial().into_iter().map(|(state, ..)| state).collect();
        let mut stopped = None;
        while !frontier.is_empty() && stopped.is_none() {
            if run.depth >= self.bounds.depth {
                stopped = Some(Stopped::Depth(self.bounds.depth));
                break;
            }
            let mut next = Vec::new();
            let mut done = 0;
            while done < frontier.len() && stopped.is_none() {
                let batch = &frontier[done..(done + BATCH).min(frontier.len())];
                let expanded = self.expand(batch, &graph);
                run.enter(batch, expanded, &mut graph, &mut next);
                done += batch.len();
                let progress = Progress {
                    states: graph.len() as u64,
                    queue: (frontier.len() - done + next.len()) as u64,
                    transitions: run.transitions,
                    depth: run.depth,
                };
                let state_bytes =
                    (size_of::<(Id, Y::State)>() * (next.capacity() + frontier.capacity())) as u64;
                stopped = self.stop(progress, start, &graph, graph.bytes() + state_bytes);
            }
            if stopped.is_none() {
                frontier = next;
                run.depth += u64::from(!frontier.is_empty());
            } else {
                frontier.clear();
            }
        }
        let mut stopped: Vec<_> = stopped.into_iter().collect();
        stopped.extend(run.limits.iter().map(|&(why, count)| Stopped::Limit(why, count)));
        let way = |id: Id, last: Option<u16>| {
            let (first, mut choices) = graph.way_to(id);
            choices.extend(last);
            Path::replay(system, initial[usize::from(first)].clone(), &choices)
        };
        let violations =
            run.broken.iter().map(|&(property, id, last)| Violation { property, path: way(id, last) });
        let violations = violations.collect();
        let (lassos, starved) = match keeps_edges {
            true => progress::lassos(system, &graph, &initial, self.merge),
            false => (Vec::new(), 0),
        };
        Report {
            states: graph.len() as u64,
            transitions: run.transitions,
            depth: run.depth,
            dead_ends: run.dead_ends,
            stopped,
            memory: graph.bytes(),
            reached: run.reached,
            owed: run.owed,
            violations,
            lassos,
            starved,
        }
    }

    /// Computes the transitions of a batch, on all threads, in the order of the batch.
    fn expand(&self, batch: &[(Id, Y::State)], graph: &Graph) -> Expanded<Y> {
        let system = self.system;
        let hasher = graph.hasher();
        let expand = |states: &[(Id, Y::State)]| -> Expanded<Y> {
            use std::hash::BuildHasher;
            let mut all = Vec::with_capacity(states.len());
            for (_, state) in states {
                let mut transitions = Vec::new();
                if system.limit(state).is_none() {
                    system.transitions(state, &mut transitions);
                }
                let fingerprints =
                    transitions.iter().map(|transition| hasher.hash_one(&transition.next)).collect();
                all.push((transitions, fingerprints));
            }
            all
        };
        if self.threads == 1 || batch.len() < 64 {
            return expand(batch);
        }
        let share = batch.len().div_ceil(self.threads);
        std::thread::scope(|scope| {
            let workers: Vec<_> = batch.chunks(share).map(|states| scope.spawn(|| expand(states))).collect();
            let shares =
                workers.into_iter().map(|worker| worker.join().expect("a worker of the search panicked"));
            shares.flatten().collect()
        })
    }

    fn stop(&mut self, progress: Progress, start: Instant, graph: &Graph, memory: u64) -> Option<Stopped> {
        let goes_on = (self.watch)(progress).is_continue();
        if progress.queue == 0 {
            return None;
        }
        if !goes_on {
            return Some(Stopped::Cancelled);
        }
        let states = self.bounds.states.min(NUMBERED);
        if progress.states >= states {
            return Some(Stopped::States(states));
        }
        if graph.edges_count() >= NUMBERED {
            return Some(Stopped::Limit("more transitions than a search keeps", progress.queue));
        }
        if memory >= self.bounds.memory {
            return Some(Stopped::Memory(self.bounds.memory));
        }
        self.bounds.time.filter(|&limit| start.elapsed() >= limit).map(Stopped::Time)
    }
}

/// A search under way.
struct Run<'y, Y: System> {
    system: &'y Y,
    transitions: u64,
    depth: u64,
    dead_ends: u64,
    reached: Properties,
    owed: Obligations,
    /// For each broken property: the state before, and the transition that breaks it.
    broken: Vec<(u32, Id, Option<u16>)>,
    seen_broken: Properties,
    limits: Vec<(&'static str, u64)>,
}

impl<Y: System> Run<'_, Y> {
    fn enter_initial(&mut self, graph: &mut Graph) -> Vec<(Id, Y::State)> {
        let mut frontier = Vec::new();
        for (choice, (state, broken, reached)) in self.system.initial().into_iter().enumerate() {
            let fingerprint = graph.fingerprint(&state);
            let choice = u16::try_from(choice).expect("a system has fewer than 65536 initial states");
            let (id, is_new) = graph.insert(fingerprint, None, choice);
            self.judge(broken, reached, id, None);
            if is_new {
                self.owe(graph, &state);
                frontier.push((id, state));
            }
        }
        frontier
    }

    fn owe(&mut self, graph: &mut Graph, state: &Y::State) {
        if self.system.has_obligations() {
            let owed = self.system.owed(state);
            self.owed |= owed.reached;
            // What comes after a state at the system's limit is not known, so nothing is said of resting there.
            let known = self.system.limit(state).is_none();
            graph.owe(if known { owed.pending } else { 0 });
        }
    }

    fn judge(&mut self, broken: Properties, reached: Properties, id: Id, choice: Option<u16>) {
        self.reached |= reached;
        let mut new = broken & !self.seen_broken;
        self.seen_broken |= broken;
        while new != 0 {
            self.broken.push((new.trailing_zeros(), id, choice));
            new &= new - 1;
        }
    }

    /// Enters what a batch leads to, in order.
    fn enter(
        &mut self,
        batch: &[(Id, Y::State)],
        expanded: Expanded<Y>,
        graph: &mut Graph,
        next: &mut Vec<(Id, Y::State)>,
    ) {
        let mut held_back = Vec::new();
        for ((id, state), (transitions, fingerprints)) in batch.iter().zip(expanded) {
            match self.system.limit(state) {
                Some(why) => match self.limits.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, count)) => *count += 1,
                    None => self.limits.push((why, 1)),
                },
                None => self.dead_ends += u64::from(transitions.is_empty()),
            }
            let mut edges = Vec::with_capacity(transitions.len());
            for (choice, (transition, fingerprint)) in transitions.into_iter().zip(fingerprints).enumerate() {
                let choice = u16::try_from(choice).expect("a state has fewer than 65536 transitions");
                self.transitions += 1;
                self.judge(transition.broken, transition.reached, *id, Some(choice));
                let (to, is_new) = graph.insert(fingerprint, Some(*id), choice);
                let unit = transition.unit.map_or(0, |unit| u32::from(unit) + 1);
                edges.push((Edge { to, unit }, transition.discharged));
                if is_new {
                    self.owe(graph, &transition.next);
                    next.push((to, transition.next));
                }
            }
            if graph.keeps_edges_of(*id) {
                held_back.clear();
                self.system.held_back(state, &mut held_back);
                let held = held_back.iter().map(|&unit| Edge { to: HELD_BACK, unit: u32::from(unit) + 1 });
                edges.extend(held.map(|edge| (edge, 0)));
            }
            graph.add_edges(*id, edges.into_iter());
        }
    }
}
