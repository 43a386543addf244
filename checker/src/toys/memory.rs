//! A bound on memory: states that wait go to disk and come back, and nothing else changes.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fingerprint::Bits;
use crate::hunt::Hunt;
use crate::search::{Bounds, Report, Search, Stopped};
use crate::system::{Owed, Properties, System, Transition};

const SIDES: u32 = 16;

/// The corners of a hypercube, each with much that goes without saying: from a corner one step sets one bit.
pub struct Cube {
    /// It writes its states.
    pub writes: bool,
}

type Corner = [u32; 64];

impl System for Cube {
    type State = Corner;
    type Action = u32;

    fn initial(&self) -> Vec<(Corner, Properties, Properties)> {
        vec![([0; 64], 0, 0)]
    }

    fn transitions(&self, state: &Corner, visit: &mut impl FnMut(Transition<Corner, u32>)) {
        for side in (0..SIDES).filter(|side| state[0] >> side & 1 == 0) {
            let next = [state[0] | 1 << side; 64];
            let broken = Properties::from(next[0] == 0b1010_1010_1010_1010);
            visit(Transition {
                action: side,
                next,
                broken,
                reached: 0,
                unit: None,
                discharged: 0,
                classes: 1 << (side % 2),
            });
        }
    }

    fn class_names(&self) -> Vec<&'static str> {
        vec!["even", "odd", "never"]
    }

    fn encode(&self, state: &Corner, bytes: &mut Vec<u8>) -> bool {
        bytes.extend(state[0].to_le_bytes());
        self.writes
    }

    fn decode(&self, bytes: &[u8]) -> Option<Corner> {
        Some([u32::from_le_bytes(bytes.try_into().ok()?); 64])
    }

    fn owed(&self, _state: &Corner) -> Owed {
        Owed::default()
    }

    fn has_obligations(&self) -> bool {
        false
    }
}

fn searched(writes: bool, memory: u64, threads: usize, bits: Bits) -> Report<Corner, u32> {
    let bounds = Bounds { memory, ..Bounds::default() };
    Search::new(&Cube { writes }).bounds(bounds).threads(threads).fingerprints(bits).run()
}

/// What two reports must agree on.
fn found(report: &Report<Corner, u32>) -> (u64, u64, u64, Vec<u64>, Vec<Vec<u32>>, bool) {
    let ways = report.violations.iter().map(|violation| violation.path.actions().copied().collect());
    let complete = report.is_complete();
    (report.states, report.transitions, report.depth, report.coverage.clone(), ways.collect(), complete)
}

const ENOUGH: u64 = 1 << 40;
/// More than the table takes at the end, and less than the widest level.
const TIGHT: u64 = 2 << 20;

#[test]
fn with_little_memory_states_wait_on_disk() {
    let roomy = searched(true, ENOUGH, 2, Bits::B64);
    assert_eq!((roomy.states, roomy.spilled), (1 << SIDES, 0));
    assert!(roomy.peak > TIGHT && roomy.memory < TIGHT, "{} and {}", roomy.peak, roomy.memory);
    for threads in [1, 2, 3] {
        let tight = searched(true, TIGHT, threads, Bits::B64);
        assert!(tight.spilled > 0, "something went to disk");
        assert_eq!(found(&tight), found(&roomy), "{threads} threads");
    }
}

/// Numbered states that own much memory: how much all of them own at once is counted.
struct Heavy<const AGAIN: bool> {
    held: Arc<Held>,
    /// Where a state leads.
    next: fn(u32) -> Vec<u32>,
    /// The state that breaks a property.
    breaks: u32,
}

/// From a corner of the cube one step sets one bit.
fn up(corner: u32) -> Vec<u32> {
    (0..SIDES).filter(|side| corner >> side & 1 == 0).map(|side| corner | 1 << side).collect()
}

#[derive(Default)]
struct Held {
    now: AtomicU64,
    most: AtomicU64,
}

struct Load {
    corner: u32,
    held: Arc<Held>,
}

const LOAD: u64 = 16 << 10;

impl Load {
    fn new(corner: u32, held: &Arc<Held>) -> Self {
        let now = held.now.fetch_add(LOAD, Ordering::Relaxed) + LOAD;
        held.most.fetch_max(now, Ordering::Relaxed);
        Self { corner, held: Arc::clone(held) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.held.now.fetch_sub(LOAD, Ordering::Relaxed);
    }
}

impl Clone for Load {
    fn clone(&self) -> Self {
        Self::new(self.corner, &self.held)
    }
}

impl PartialEq for Load {
    fn eq(&self, other: &Self) -> bool {
        self.corner == other.corner
    }
}

impl Eq for Load {}

impl Hash for Load {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        self.corner.hash(hasher);
    }
}

impl<const AGAIN: bool> System for Heavy<AGAIN> {
    type State = Load;
    type Action = usize;

    const TAKES_AGAIN: bool = AGAIN;

    fn initial(&self) -> Vec<(Load, Properties, Properties)> {
        vec![(Load::new(0, &self.held), 0, 0)]
    }

    fn transitions(&self, state: &Load, visit: &mut impl FnMut(Transition<Load, usize>)) {
        for (action, corner) in (self.next)(state.corner).into_iter().enumerate() {
            let next = Load::new(corner, &self.held);
            let (broken, reached, unit) = (Properties::from(corner == self.breaks), 0, None);
            visit(Transition { action, next, broken, reached, unit, discharged: 0, classes: 0 });
        }
    }

    fn encode(&self, state: &Load, bytes: &mut Vec<u8>) -> bool {
        bytes.extend(state.corner.to_le_bytes());
        true
    }

    fn decode(&self, bytes: &[u8]) -> Option<Load> {
        Some(Load::new(u32::from_le_bytes(bytes.try_into().ok()?), &self.held))
    }

    fn heap_bytes(&self, _state: &Load) -> usize {
        LOAD as usize
    }

    fn owed(&self, _state: &Load) -> Owed {
        Owed::default()
    }

    fn has_obligations(&self) -> bool {
        false
    }
}

/// The widest level alone owns 200 MiB.
#[test]
fn what_states_own_is_in_the_bound_also_while_a_batch_is_computed() {
    const BOUND: u64 = 32 << 20;
    for threads in [1, 2] {
        let held = Arc::new(Held::default());
        let bounds = Bounds { memory: BOUND, ..Bounds::default() };
        let report = Search::new(&Heavy::<true> { held: Arc::clone(&held), next: up, breaks: u32::MAX })
            .bounds(bounds)
            .threads(threads)
            .run();
        assert_eq!((report.states, report.is_complete()), (1 << SIDES, true));
        assert!(report.spilled > BOUND);
        let most = held.most.load(Ordering::Relaxed);
        assert!(most < BOUND + BOUND / 4, "{threads} threads: {most}");
    }
}

/// A tree in which each state has many new ones after it.
fn branches(state: u32) -> Vec<u32> {
    const BRANCHES: u32 = 512;
    let first = state * BRANCHES + 1;
    (first..first + BRANCHES).filter(|_| first < BRANCHES * BRANCHES / 8).collect()
}

/// One batch of a fixed share of the memory would lead to sixteen times as much as there may be.
#[test]
fn of_states_with_many_successors_a_batch_is_small() {
    const BOUND: u64 = 32 << 20;
    let held = Arc::new(Held::default());
    let bush = Heavy::<false> { held: Arc::clone(&held), next: branches, breaks: u32::MAX };
    let bounds = Bounds { memory: BOUND, ..Bounds::default() };
    let report = Search::new(&bush).bounds(bounds).run();
    assert!(
        report.is_complete() && report.states > 30_000 && report.spilled > BOUND,
        "{} states",
        report.states
    );
    let most = held.most.load(Ordering::Relaxed);
    assert!(most < BOUND + BOUND / 2, "{most}");
}

/// A way that is found at the end of a long hunt is made short within the memory that the hunt may take.
#[test]
fn a_way_is_made_short_in_the_memory_that_there_is() {
    const BOUND: u64 = 8 << 20;
    let held = Arc::new(Held::default());
    let to_and_fro = |corner: u32| (0..SIDES).map(|side| corner ^ 1 << side).collect();
    let held_by = Arc::clone(&held);
    let hunted = Heavy::<false> { held: held_by, next: to_and_fro, breaks: 0b1010_1010_1010_1010 };
    let bounds = Bounds { memory: BOUND, ..Bounds::default() };
    let report = Hunt::new(&hunted).bounds(bounds).seeking(1, Vec::new()).run();
    assert_eq!(report.violations.len(), 1);
    let most = held.most.load(Ordering::Relaxed);
    assert!(most < BOUND + BOUND / 4, "{most}");
}

#[test]
fn a_system_that_writes_no_states_stops_at_the_bound() {
    let report = searched(false, TIGHT, 1, Bits::B64);
    assert_eq!(report.stopped, [Stopped::Memory(TIGHT)]);
}

#[test]
fn a_visited_state_takes_at_most_sixteen_bytes() {
    let report = searched(true, ENOUGH, 1, Bits::B64);
    assert!(
        report.memory <= 16 * report.states,
        "{} bytes each",
        report.memory as f64 / report.states as f64
    );
}

#[test]
fn long_fingerprints_find_the_same() {
    let (short, long) = (searched(true, ENOUGH, 1, Bits::B64), searched(true, ENOUGH, 2, Bits::B128));
    assert_eq!(found(&short), found(&long));
    assert!(long.collision_probability() < short.collision_probability() / 1e15);
}

#[test]
fn classes_are_counted_and_one_that_is_never_taken_shows() {
    let report = searched(true, ENOUGH, 2, Bits::B64);
    let half = u64::from(SIDES) << (SIDES - 2);
    assert_eq!(report.coverage, [half, half, 0]);
    assert_eq!((report.transitions, report.max_out_degree), (2 * half, SIDES.into()));
}
