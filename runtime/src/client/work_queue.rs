//! The work queue of client-go: it holds a key at most once, never gives it to two workers, and gives it out again if it was
//! added while a worker was at it (CTL-1, CTL-2). Keys may be added for later, or after a delay that grows with each failure.
//!
//! Left out: the token bucket over all keys; it only delays.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::api::Key;
use crate::clock::{Clock, Moment};
use crate::operation::{Component, Operation, Queue, Refused, Step, Timer};
use crate::slip::{Slip, Slips};

/// How long a key waits after each failure.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first.
    pub base: Duration,
    /// At most.
    pub max: Duration,
}

impl Backoff {
    /// 5 ms doubling to 1000 s.
    pub const DEFAULT: Self = Self { base: Duration::from_millis(5), max: Duration::from_secs(1_000) };

    /// The delay after so many earlier failures.
    pub fn after(self, failures: u32) -> Duration {
        self.base.saturating_mul(2_u32.saturating_pow(failures)).min(self.max)
    }
}

/// Keys that wait for a worker.
#[derive(Debug)]
pub struct WorkQueue {
    component: Component,
    queue: Queue,
    workers: usize,
    backoff: Backoff,
    /// In the order in which they came.
    order: VecDeque<Key>,
    /// Keys that have to be worked on.
    dirty: BTreeSet<Key>,
    /// Keys that a worker is at.
    processing: BTreeSet<Key>,
    /// Keys that enter later.
    waiting: BTreeMap<Key, Moment>,
    failures: BTreeMap<Key, u32>,
    slips: Slips,
}

impl WorkQueue {
    /// An empty queue with so many workers.
    pub const fn new(component: Component, queue: Queue, workers: usize, backoff: Backoff) -> Self {
        Self {
            component,
            queue,
            workers,
            backoff,
            order: VecDeque::new(),
            dirty: BTreeSet::new(),
            processing: BTreeSet::new(),
            waiting: BTreeMap::new(),
            failures: BTreeMap::new(),
            slips: Slips::NONE,
        }
    }

    /// Which wrong mechanisms are on.
    pub const fn set_slips(&mut self, slips: Slips) {
        self.slips = slips;
    }

    /// Adds a key. One that waits already is not added again; one that a worker is at is added when the worker is done.
    pub fn add(&mut self, key: Key) {
        let lost = self.slips.has(Slip::AddedWhileProcessingLost) && self.processing.contains(&key);
        if self.dirty.contains(&key) || lost {
            return;
        }
        if !self.processing.contains(&key) {
            self.order.push_back(key.clone());
        }
        self.dirty.insert(key);
    }

    /// Adds a key later. If it is to be added later already, the earlier of the two counts.
    pub fn add_at(&mut self, key: Key, moment: Moment) {
        self.waiting.entry(key).and_modify(|at| *at = moment.min(*at)).or_insert(moment);
    }

    /// Adds a key after a delay that grows with each failure.
    pub fn add_rate_limited(&mut self, key: Key, now: Moment) {
        let failures = self.failures.entry(key.clone()).or_insert(0);
        let counted = if self.slips.has(Slip::BackOffDoesNotGrow) { 0 } else { *failures };
        let delay = self.backoff.after(counted);
        *failures += 1;
        self.add_at(key, now + delay);
    }

    /// The key did not fail: its next delay is the shortest again.
    pub fn forget(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// How often the key failed in a row.
    pub fn failures(&self, key: &Key) -> u32 {
        self.failures.get(key).copied().unwrap_or(0)
    }

    /// A worker takes a key. It may be any of those that have a worker free for them and for all before it: workers that took
    /// those are merely slow to begin.
    ///
    /// # Errors
    /// If the key does not wait, or no worker is free for it.
    pub fn take(&mut self, key: &Key) -> Result<(), Refused> {
        let index = self.order.iter().take(self.free()).position(|waiting| waiting == key).ok_or(Refused)?;
        self.order.remove(index);
        self.dirty.remove(key);
        self.processing.insert(key.clone());
        Ok(())
    }

    /// The worker is done with a key.
    pub fn done(&mut self, key: &Key) {
        self.processing.remove(key);
        if self.dirty.contains(key) {
            self.order.push_back(key.clone());
        }
    }

    /// A step of this queue: a worker takes a key, which is then to be worked on; or a delayed key is due, and waits from then on.
    ///
    /// # Errors
    /// If it is no step of this queue, or not possible now.
    pub fn serve<'s>(&mut self, step: &'s Step, clock: Clock) -> Result<Option<&'s Key>, Refused> {
        match step {
            Step::Work(queue, key) if *queue == self.queue => self.take(key).map(|()| Some(key)),
            Step::Wake(Timer::Delayed(queue, key)) if *queue == self.queue => {
                self.wake(key, clock).map(|()| None)
            }
            _ => Err(Refused),
        }
    }

    /// A key that was added for later enters the queue.
    ///
    /// # Errors
    /// If its time has not come.
    pub fn wake(&mut self, key: &Key, clock: Clock) -> Result<(), Refused> {
        let at = self.waiting.get(key).ok_or(Refused)?;
        if !clock.is_due(*at) {
            return Err(Refused);
        }
        self.waiting.remove(key);
        self.add(key.clone());
        Ok(())
    }

    /// Keys that a worker may take, and keys whose time has come.
    pub fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        let work = |key: &Key| Operation::new(self.component, Step::Work(self.queue, key.clone()));
        operations.extend(self.order.iter().take(self.free()).map(work));
        let due = self.waiting.iter().filter(|(_, at)| clock.is_due(**at));
        let wake =
            |key: &Key| Operation::new(self.component, Step::Wake(Timer::Delayed(self.queue, key.clone())));
        operations.extend(due.map(|(key, _)| wake(key)));
    }

    /// When the next key enters.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.waiting.values().min().copied()
    }

    /// Is a worker at this key?
    pub fn is_processing(&self, key: &Key) -> bool {
        self.processing.contains(key)
    }

    fn free(&self) -> usize {
        self.workers.saturating_sub(self.processing.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(workers: usize) -> WorkQueue {
        WorkQueue::new(Component::ReplicaSet, Queue::Main, workers, Backoff::DEFAULT)
    }

    fn key(name: &str) -> Key {
        Key::new("default", name)
    }

    fn at(moment: u64) -> Clock {
        let mut clock = Clock::default();
        clock.pass_until(Moment(moment));
        clock
    }

    fn steps(queue: &WorkQueue, now: u64) -> Vec<Step> {
        let mut operations = Vec::new();
        queue.pending(at(now), &mut operations);
        operations.into_iter().map(|operation| operation.step).collect()
    }

    fn work(name: &str) -> Step {
        Step::Work(Queue::Main, key(name))
    }

    #[test]
    fn a_key_waits_once_however_often_it_is_added() {
        let mut queue = queue(5);
        queue.add(key("a"));
        queue.add(key("a"));
        assert_eq!(steps(&queue, 0), [work("a")]);
    }

    #[test]
    fn no_two_workers_are_at_one_key_and_nothing_is_missed() {
        let mut queue = queue(5);
        queue.add(key("a"));
        queue.take(&key("a")).expect("it waits");
        queue.add(key("a"));
        queue.add(key("a"));
        assert!(steps(&queue, 0).is_empty(), "a worker is at it");
        assert_eq!(queue.take(&key("a")), Err(Refused));
        queue.done(&key("a"));
        assert_eq!(steps(&queue, 0), [work("a")], "what was added meanwhile comes once");
        queue.take(&key("a")).expect("it waits");
        queue.done(&key("a"));
        assert!(steps(&queue, 0).is_empty());
    }

    #[test]
    fn only_so_many_keys_are_worked_on_as_there_are_workers() {
        let mut queue = queue(2);
        for name in ["a", "b", "c"] {
            queue.add(key(name));
        }
        assert_eq!(steps(&queue, 0), [work("a"), work("b")]);
        assert_eq!(queue.take(&key("c")), Err(Refused));
        queue.take(&key("b")).expect("the other worker is slow");
        assert_eq!(steps(&queue, 0), [work("a")]);
    }

    #[test]
    fn failures_in_a_row_double_the_delay() {
        let mut queue = queue(1);
        let mut delays = Vec::new();
        for _ in 0..4 {
            queue.add_rate_limited(key("a"), Moment(0));
            let due = queue.next_deadline().expect("it waits");
            delays.push(due.0);
            queue.wake(&key("a"), at(due.0)).expect("it is due");
            queue.take(&key("a")).expect("it entered");
            queue.done(&key("a"));
        }
        assert_eq!(delays, [5, 10, 20, 40]);
        queue.forget(&key("a"));
        queue.add_rate_limited(key("a"), Moment(0));
        assert_eq!(queue.next_deadline(), Some(Moment(5)));
        assert_eq!(Backoff::DEFAULT.after(40), Duration::from_secs(1_000));
    }

    #[test]
    fn slip_back_off_does_not_grow_keeps_the_first_delay() {
        let mut queue = queue(1);
        queue.set_slips(Slips::only(Slip::BackOffDoesNotGrow));
        for _ in 0..3 {
            queue.add_rate_limited(key("a"), Moment(0));
            assert_eq!(queue.next_deadline(), Some(Moment(5)));
            queue.wake(&key("a"), at(5)).expect("it is due");
        }
    }

    #[test]
    fn of_two_delays_the_earlier_counts_and_none_is_early() {
        let mut queue = queue(1);
        queue.add_at(key("a"), Moment(100));
        queue.add_at(key("a"), Moment(50));
        queue.add_at(key("a"), Moment(70));
        assert!(steps(&queue, 49).is_empty());
        assert_eq!(queue.wake(&key("a"), at(49)), Err(Refused));
        assert_eq!(steps(&queue, 50), [Step::Wake(Timer::Delayed(Queue::Main, key("a")))]);
    }
}
