//! A work queue against what it promises: a key that was added is given out after that, to one worker at a time, and once
//! (CTL-1, CTL-2).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_runtime::Slips;
use podproof_runtime::api::Key;
use podproof_runtime::client::{Backoff, WorkQueue};
use podproof_runtime::clock::{Clock, Moment};
use podproof_runtime::operation::{Component, Operation, Queue, Step, Timer};

use crate::cases::Log;
use crate::runner::Checked;
use crate::stage::build::key;
use crate::stage::script::{pick, until_empty};
use crate::telling::tell;

const DEEDS_MAX: usize = 200;
const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const WORKERS: usize = 2;

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Deed {
    Add(u8),
    AddLater {
        key: u8,
        seconds: u8,
    },
    Fail(u8),
    Forget(u8),
    /// A worker takes a key, or a key whose time has come enters.
    GoOn(u8),
    Done(u8),
    Wait {
        millis: u8,
    },
}

/// What happens to a queue.
#[derive(Clone, Debug)]
pub(super) struct Deeds(Vec<Deed>);

impl<'a> Arbitrary<'a> for Deeds {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(until_empty(u, DEEDS_MAX)?))
    }
}

/// What the queue owes.
#[derive(Default)]
struct Naive {
    /// Added since they were last taken.
    owed: BTreeSet<Key>,
    busy: BTreeSet<Key>,
    later: BTreeMap<Key, Moment>,
    failures: BTreeMap<Key, u32>,
}

pub(super) fn check(deeds: &Deeds, slips: Slips) -> Checked {
    let mut queue = WorkQueue::new(Component::ReplicaSet, Queue::Main, WORKERS, Backoff::DEFAULT);
    queue.set_slips(slips);
    let (mut naive, mut clock, mut log, mut taken) = (Naive::default(), Clock::default(), Log::default(), 0);
    let named = |answer: u8| key(KEYS[usize::from(answer) % KEYS.len()]);
    for &deed in &deeds.0 {
        tell(|| format!("{}: {deed:?}", clock.now()));
        match deed {
            Deed::Add(answer) => {
                queue.add(named(answer));
                naive.owed.insert(named(answer));
            }
            Deed::AddLater { key, seconds } => {
                let at = clock.now() + Duration::from_secs(u64::from(seconds % 4));
                queue.add_at(named(key), at);
                naive.add_later(named(key), at);
            }
            Deed::Fail(answer) => {
                queue.add_rate_limited(named(answer), clock.now());
                let failures = naive.failures.entry(named(answer)).or_insert(0);
                let delay = Duration::from_millis(5_u64.saturating_mul(1 << (*failures).min(40)));
                *failures += 1;
                naive.add_later(named(answer), clock.now() + delay.min(Duration::from_secs(1_000)));
            }
            Deed::Forget(answer) => {
                queue.forget(&named(answer));
                naive.failures.remove(&named(answer));
            }
            Deed::GoOn(answer) => {
                let pending = pending(&queue, clock);
                if let Some(operation) = pick(&pending, answer) {
                    let served = queue.serve(&operation.step, clock);
                    assert!(served.is_ok(), "{operation} was pending");
                    naive.go_on(&operation.step);
                    taken += 1;
                }
            }
            Deed::Done(answer) => {
                if let Some(key) = pick(&naive.busy.iter().cloned().collect::<Vec<_>>(), answer) {
                    queue.done(key);
                    naive.busy.remove(key);
                }
            }
            Deed::Wait { millis } => {
                clock.pass_until(clock.now() + Duration::from_millis(u64::from(millis) * 8));
            }
        }
        naive.compare(&queue, clock);
        log.note(&deed);
    }
    log.checked(taken > 1)
}

fn pending(queue: &WorkQueue, clock: Clock) -> Vec<Operation> {
    let mut operations = Vec::new();
    queue.pending(clock, &mut operations);
    operations
}

impl Naive {
    fn add_later(&mut self, key: Key, at: Moment) {
        let known = self.later.entry(key).or_insert(at);
        *known = at.min(*known);
    }

    fn go_on(&mut self, step: &Step) {
        match step {
            Step::Work(_, key) => {
                assert!(self.owed.remove(key), "{key} was not added since it was taken");
                assert!(self.busy.insert(key.clone()), "two workers are at {key}");
                assert!(self.busy.len() <= WORKERS, "more workers than there are");
            }
            Step::Wake(Timer::Delayed(_, key)) => {
                self.later.remove(key);
                self.owed.insert(key.clone());
            }
            other => panic!("a queue does not do {other:?}"),
        }
    }

    fn compare(&self, queue: &WorkQueue, clock: Clock) {
        let free = WORKERS - self.busy.len();
        let waiting: BTreeSet<&Key> = self.owed.difference(&self.busy).collect();
        let (mut offered, mut due) = (BTreeSet::new(), BTreeSet::new());
        for operation in pending(queue, clock) {
            match operation.step {
                Step::Work(_, key) => assert!(offered.insert(key), "a key is offered twice"),
                Step::Wake(Timer::Delayed(_, key)) => assert!(due.insert(key), "a key enters twice"),
                other => panic!("a queue does not do {other:?}"),
            }
        }
        assert!(offered.iter().all(|key| waiting.contains(key)), "{offered:?} of {waiting:?}");
        assert_eq!(
            offered.len(),
            waiting.len().min(free),
            "{offered:?} of {waiting:?}, {free} workers are free"
        );
        let expected: BTreeSet<Key> =
            self.later.iter().filter(|(_, at)| clock.is_due(**at)).map(|(key, _)| key.clone()).collect();
        assert_eq!(due, expected, "keys whose time has come at {}", clock.now());
        assert_eq!(queue.next_deadline(), self.later.values().min().copied(), "when the next key enters");
    }
}
