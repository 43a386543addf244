//! Time: which clock each step runs against, and the tick.
//!
//! A clock runs exactly while one of its steps is possible and its component is up; it starts when that becomes so, and
//! stops when it ceases or when the step is taken. A step with a bound may be taken at once and must be before the
//! clock runs out; a timer's step only when it has. A tick is possible only when no clock has run out. Bounds are
//! closed and ties interleave: everything that is due now may happen in any order before time goes on.
//!
//! A period with nothing to find has no clock: a probe's clock starts when its next result would change something,
//! and a threshold of n results takes between n − 1 and n periods and the time-out of a call.
//!
//! - `clocks`: the clocks that there are, and their place in a state
//! - `windows`: which step runs against which clock, and when it may be taken
//! - `monitors`: clocks that only watch, for the promises

mod clocks;
mod monitors;
#[cfg(test)]
mod tests;
mod windows;

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::Action;
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::watch;
use crate::watch::ring::{self, Stream};
use clocks::index;
use monitors::monitors;
use windows::{is_of_ring, timing};

pub use clocks::Clocks;
pub(crate) use clocks::TICKS_MAX;
pub use monitors::{floor_has_passed, grace_has_passed, is_steady};
pub use windows::is_slow;

/// Seconds of a grace period that a kubelet overrides with 0 (PW-18).
pub const OVERRIDDEN_GRACE: u32 = 1;

/// Does a clock run for this step?
pub fn is_clocked(cluster: &Cluster<'_>, action: &Action) -> bool {
    if !cluster.rules.clocks.run() {
        return false;
    }
    if cluster.rules.clocks.run_for_events() && matches!(action, Action::Watch(watch) if is_of_ring(*watch)) {
        return true;
    }
    timing(cluster, action).is_some_and(|(clock, _)| index(cluster, clock).is_some())
}

/// May this step be taken now, as far as time is concerned?
pub fn allows(cluster: &Cluster<'_>, action: &Action) -> bool {
    let Some((clock, window)) = timing(cluster, action) else { return true };
    let Some(index) = index(cluster, clock) else { return true };
    match cluster.clocks[index] {
        0 => true,
        value => {
            let left = value - 1;
            let clocks = &cluster.rules.clocks;
            left <= clocks.ticks(window.to) - clocks.ticks(window.from)
        }
    }
}

/// Do any clocks run? Where a search follows one pod, only once it does.
pub fn is_running(cluster: &Cluster<'_>) -> bool {
    let clocks = &cluster.rules.clocks;
    clocks.run() && (!clocks.follow() || cluster.shared.control_plane.followed().is_some())
}

/// After a step: clocks whose steps are no longer possible stop, those whose steps have become possible start.
/// `candidates` are the steps that are possible but for time; `taken` is the step.
pub fn restart(cluster: &mut Cluster<'_>, taken: Option<&Action>, candidates: &[Action]) {
    if !cluster.rules.clocks.run() {
        return;
    }
    let mut runs: SmallVec<[bool; 128]> = SmallVec::from_elem(false, cluster.clocks.len());
    let taken_clock =
        taken.and_then(|action| timing(cluster, action)).and_then(|(clock, _)| index(cluster, clock));
    if let Some(index) = taken_clock {
        cluster.clocks[index] = 0;
    }
    let mut start = |cluster: &mut Cluster<'_>, index: usize, seconds: u32| {
        runs[index] = true;
        if cluster.clocks[index] == 0 {
            cluster.clocks[index] = cluster.rules.clocks.ticks(seconds) + 1;
        }
    };
    for action in candidates {
        let Some((clock, window)) = timing(cluster, action) else { continue };
        if let Some(index) = index(cluster, clock) {
            if window.cancels_timer(action) {
                let bound = cluster.rules.clocks.ticks(window.to) + 1;
                cluster.clocks[index] = cluster.clocks[index].min(bound);
            }
            start(cluster, index, window.to);
        }
    }
    for index in events_on_their_way(cluster) {
        start(cluster, index, cluster.rules.scenario.latencies.watch);
    }
    for (index, watches, seconds) in monitors(cluster) {
        if watches {
            start(cluster, index, seconds);
        }
    }
    for (clock, runs) in cluster.clocks.iter_mut().zip(runs) {
        if !runs {
            *clock = 0;
        }
    }
}

/// The clocks of the events in rings whose consumers take events.
fn events_on_their_way(cluster: &Cluster<'_>) -> Vec<usize> {
    let clocks = &cluster.rules.clocks;
    if !clocks.run_for_events() {
        return Vec::new();
    }
    let streams =
        Stream::all(cluster.rules.nodes).filter(|stream| watch::takes_events(cluster, stream.watcher()));
    streams.flat_map(|stream| clocks.of_events(stream).take(ring::length(cluster, stream))).collect()
}

/// The oldest event of a stream was delivered: the clocks of the others move up with them.
pub(crate) fn forget_event(cluster: &mut Cluster<'_>, stream: Stream) {
    if cluster.rules.clocks.run_for_events() {
        let events = cluster.rules.clocks.of_events(stream);
        cluster.clocks.copy_within(events.start + 1..events.end, events.start);
        cluster.clocks[events.end - 1] = 0;
    }
}

/// The events of a stream are lost.
pub(crate) fn forget_events(cluster: &mut Cluster<'_>, stream: Stream) {
    if cluster.rules.clocks.run_for_events() {
        let events = cluster.rules.clocks.of_events(stream);
        cluster.clocks[events].fill(0);
    }
}

/// A tick is possible: a clock runs, and none that holds it up has run out.
pub fn may_tick(cluster: &Cluster<'_>) -> bool {
    if !cluster.rules.clocks.run() {
        return false;
    }
    let mut watching: SmallVec<[bool; 128]> = SmallVec::from_elem(false, cluster.clocks.len());
    for (index, ..) in monitors(cluster) {
        watching[index] = true;
    }
    let due = cluster.clocks.iter().zip(&watching).any(|(&clock, &watches)| clock == 1 && !watches);
    !due && cluster.clocks.iter().any(|&clock| clock > 1)
}

/// A kill has waited for the least time between SIGTERM and SIGKILL alone, and that has passed.
pub fn passes_a_floor(cluster: &Cluster<'_>) -> bool {
    let waits = |pod: PodId, container| {
        cluster.container(pod, container).grace_expired()
            && floor_has_passed(cluster, pod, container) == Some(true)
    };
    cluster.used_pods().any(|pod| cluster.container_ids().any(|container| waits(pod, container)))
}

/// One unit of time passes.
pub fn tick(cluster: &mut Cluster<'_>) {
    for clock in cluster.clocks.iter_mut().filter(|clock| **clock > 1) {
        *clock -= 1;
    }
}
