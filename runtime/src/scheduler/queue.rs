//! The scheduling queue: pods that are to be tried now, pods that back off, and pods that wait for an event that may help them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::filter::Plugins;
use crate::api::{Key, Kind};
use crate::client::Backoff;
use crate::clock::{Clock, Moment, earlier};
use crate::operation::{Component, Operation, Refused, Step, Timer};
use crate::slip::{Slip, Slips};

/// 1 s doubling to 10 s (SCH-9).
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), max: Duration::from_secs(10) };

/// How often pods whose backoff is over are looked for (SCH-9).
const BACKOFF_FLUSH: Duration = Duration::from_secs(1);

/// How often pods that no event woke are looked for (SCH-10).
const UNSCHEDULABLE_FLUSH: Duration = Duration::from_secs(30);

/// How long a pod waits for an event at most (SCH-10).
const UNSCHEDULABLE_MAX: Duration = Duration::from_secs(300);

/// What happened in the cluster that may make a pod schedulable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterEvent {
    /// A node joined.
    NodeAdded,
    /// A node is gone.
    NodeRemoved,
    /// A node can give other amounts.
    NodeAllocatableChanged,
    /// A node's labels changed.
    NodeLabelsChanged,
    /// A node's taints changed, or it was cordoned or uncordoned.
    NodeTaintsChanged,
    /// A bound pod appeared.
    AssignedPodAdded,
    /// A bound pod changed.
    AssignedPodChanged,
    /// A bound pod is gone or terminal, or a binding failed.
    AssignedPodGone,
    /// The pod itself changed.
    PodChanged,
}

/// A pod in the queue.
#[derive(Clone, Debug)]
pub struct Queued {
    /// The pod.
    pub pod: Arc<Pod>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it appeared, or was last set aside: the older goes first, wherever it was since (S28 `priority_sort.go` `Less`).
    since: Moment,
    /// The plugins that rejected it; none after an error.
    rejectors: Plugins,
    /// Until when it backs off.
    backoff_until: Moment,
}

/// Where a waiting pod is.
#[derive(Debug)]
enum Place {
    Active,
    Backoff,
    Unschedulable,
    /// Held back by its scheduling gates (FLT-25).
    Gated,
    /// Taken by a cycle or a binding; what may help it and happens meanwhile is remembered (SCH-8).
    InFlight(Vec<ClusterEvent>),
}

/// The scheduling queue.
#[derive(Debug, Default)]
pub struct SchedulingQueue {
    pods: BTreeMap<Key, (Queued, Place)>,
    backoff_flush: Option<Moment>,
    unschedulable_flush: Option<Moment>,
    slips: Slips,
    /// An idle scheduler takes pods that back off after a rejection early (SCH-12).
    pops_from_backoff: bool,
}

impl SchedulingQueue {
    /// What depends on the release and on slips.
    pub(super) const fn configure(&mut self, slips: Slips, pops_from_backoff: bool) {
        self.slips = slips;
        self.pops_from_backoff = pops_from_backoff;
    }

    /// An unscheduled pod appeared.
    pub(super) fn add(&mut self, pod: Arc<Pod>, now: Moment) {
        let place = if is_gated(&pod) { Place::Gated } else { Place::Active };
        let rejectors = Plugins::default();
        let queued = Queued { attempts: 0, since: now, rejectors, backoff_until: now, pod };
        self.pods.insert(queued.pod.key(), (queued, place));
    }

    /// An unscheduled pod changed. One that waits is tried again if its gates are gone or its own change may help.
    pub(super) fn update(&mut self, old: &Pod, pod: Arc<Pod>, clock: Clock) {
        let key = pod.key();
        let Some((queued, place)) = self.pods.get_mut(&key) else {
            self.add(pod, clock.now());
            return;
        };
        if queued.pod.uid() != pod.uid() {
            self.add(pod, clock.now());
            return;
        }
        let helps = pod.spec != old.spec || pod.metadata.labels != old.metadata.labels;
        queued.pod = pod;
        match place {
            Place::Gated if !is_gated(&queued.pod) => *place = Place::Active,
            // It counts when the cycle ends (SCH-8; S28 `scheduling_queue.go` `Update`).
            Place::InFlight(events) if helps => events.push(ClusterEvent::PodChanged),
            Place::Unschedulable if helps => self.wake(&key, clock),
            _ => {}
        }
    }

    /// A pod is gone, or bound.
    pub(super) fn remove(&mut self, key: &Key) {
        self.pods.remove(key);
    }

    /// This very pod is done with.
    pub(super) fn remove_if(&mut self, pod: &Pod) {
        let key = pod.key();
        if self.pods.get(&key).is_some_and(|(queued, _)| queued.pod.uid() == pod.uid()) {
            self.pods.remove(&key);
        }
    }

    /// The pods that may be taken next: of those with the highest priority, those that came first (at one moment, any). If none
    /// is active, one that backs off after a rejection (SCH-12).
    pub fn next(&self) -> impl Iterator<Item = &Key> {
        let rank = |queued: &Queued| (-i64::from(priority(&queued.pod)), queued.since);
        let active = |place: &Place| matches!(place, Place::Active);
        let first =
            self.pods.values().filter(|(_, place)| active(place)).map(|(queued, _)| rank(queued)).min();
        let from_backoff = move |queued: &Queued, place: &Place| {
            let early = first.is_none() && self.pops_from_backoff;
            early && matches!(place, Place::Backoff) && !queued.rejectors.is_empty()
        };
        let ready = move |(_, (queued, place)): &(&Key, &(Queued, Place))| {
            active(place) && first == Some(rank(queued)) || from_backoff(queued, place)
        };
        self.pods.iter().filter(ready).map(|(key, _)| key)
    }

    /// A cycle takes a pod.
    pub(super) fn take(&mut self, key: &Key) -> Result<Queued, Refused> {
        if !self.next().any(|next| next == key) {
            return Err(Refused);
        }
        let (queued, place) = self.pods.get_mut(key).ok_or(Refused)?;
        queued.attempts += 1;
        *place = Place::InFlight(Vec::new());
        Ok(queued.clone())
    }

    /// A cycle or a binding failed for a pod that still waits. If something happened meanwhile that its rejectors care for, or
    /// if it failed by an error, it backs off; else it waits for an event (SCH-8).
    pub(super) fn requeue(&mut self, pod: Arc<Pod>, rejectors: Plugins, clock: Clock) {
        let Some((queued, place)) = self.pods.get_mut(&pod.key()) else { return };
        let Place::InFlight(events) = place else { return };
        let lost = self.slips.has(Slip::EventsDuringCycleLost);
        let helped = rejectors.is_empty() || !lost && events.iter().any(|event| rejectors.care_for(*event));
        let now = clock.now();
        queued.pod = pod;
        queued.since = now;
        queued.rejectors = rejectors;
        queued.backoff_until = now + BACKOFF.after(queued.attempts.saturating_sub(1));
        *place = if helped { Place::Backoff } else { Place::Unschedulable };
        self.arm(now);
    }

    /// Something happened: pods that it may help back off, or are tried at once if their backoff is over (SCH-8).
    pub(super) fn on_event(&mut self, event: ClusterEvent, clock: Clock) {
        if event == ClusterEvent::AssignedPodGone && self.slips.has(Slip::DeletedPodsWakeNobody) {
            return;
        }
        let mut woken = Vec::new();
        for (key, (queued, place)) in &mut self.pods {
            match place {
                Place::InFlight(events) => events.push(event),
                Place::Unschedulable if queued.rejectors.care_for(event) => woken.push(key.clone()),
                _ => {}
            }
        }
        woken.iter().for_each(|key| self.wake(key, clock));
    }

    /// Pods whose backoff is over become active (SCH-9).
    pub(super) fn flush_backoff(&mut self, clock: Clock) -> Result<(), Refused> {
        if !self.backoff_flush.is_some_and(|at| clock.is_due(at)) {
            return Err(Refused);
        }
        for (queued, place) in self.pods.values_mut() {
            if matches!(place, Place::Backoff) && clock.is_due(queued.backoff_until) {
                *place = Place::Active;
            }
        }
        self.backoff_flush = None;
        self.arm(clock.now());
        Ok(())
    }

    /// Pods that have waited for longer than any event should take become active (SCH-10).
    pub(super) fn flush_unschedulable(&mut self, clock: Clock) -> Result<(), Refused> {
        if !self.unschedulable_flush.is_some_and(|at| clock.is_due(at)) {
            return Err(Refused);
        }
        let late = |(queued, place): &(Queued, Place)| {
            matches!(place, Place::Unschedulable) && clock.now().since(queued.since) > UNSCHEDULABLE_MAX
        };
        let late: Vec<Key> =
            self.pods.iter().filter(|(_, entry)| late(entry)).map(|(key, _)| key.clone()).collect();
        late.iter().for_each(|key| self.wake(key, clock));
        self.unschedulable_flush = None;
        self.arm(clock.now());
        Ok(())
    }

    /// Flushes that are due.
    pub(super) fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        let due = |at: Option<Moment>| at.is_some_and(|at| clock.is_due(at));
        let mut wake = |timer| operations.push(Operation::new(Component::Scheduler, Step::Wake(timer)));
        if due(self.backoff_flush) {
            wake(Timer::BackoffFlush);
        }
        if due(self.unschedulable_flush) {
            wake(Timer::UnschedulableFlush);
        }
    }

    /// When the next flush is due.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        earlier(self.backoff_flush, self.unschedulable_flush)
    }

    /// How often a waiting pod was tried.
    pub fn attempts(&self, key: &Key) -> Option<u32> {
        self.pods.get(key).map(|(queued, _)| queued.attempts)
    }

    /// Does this pod wait for an event?
    pub fn is_unschedulable(&self, key: &Key) -> bool {
        self.pods.get(key).is_some_and(|(_, place)| matches!(place, Place::Unschedulable))
    }

    fn wake(&mut self, key: &Key, clock: Clock) {
        let Some((queued, place)) = self.pods.get_mut(key) else { return };
        let backs_off = !clock.is_due(queued.backoff_until);
        *place = if backs_off { Place::Backoff } else { Place::Active };
        if backs_off {
            self.backoff_flush.get_or_insert(next_tick(BACKOFF_FLUSH, clock.now()));
        }
    }

    /// The flushes tick while there is something to find: the next full second, the next full half minute.
    fn arm(&mut self, now: Moment) {
        let any = |wanted: fn(&Place) -> bool| self.pods.values().any(|(_, place)| wanted(place));
        let backoff = any(|place| matches!(place, Place::Backoff));
        let unschedulable = any(|place| matches!(place, Place::Unschedulable));
        if backoff {
            self.backoff_flush.get_or_insert(next_tick(BACKOFF_FLUSH, now));
        }
        if unschedulable {
            self.unschedulable_flush.get_or_insert(next_tick(UNSCHEDULABLE_FLUSH, now));
        }
    }
}

/// The next full period.
fn next_tick(period: Duration, now: Moment) -> Moment {
    let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    Moment((now.0 / period + 1) * period)
}

fn priority(pod: &Pod) -> i32 {
    pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0)
}

fn is_gated(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref()).is_some_and(|gates| !gates.is_empty())
}
