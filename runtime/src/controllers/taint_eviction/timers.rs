//! Timed deletions by pod name. Kubernetes: `pkg/controller/tainteviction/timed_workers.go`.

use std::collections::BTreeMap;

use crate::api::Key;
use crate::clock::{Clock, Moment};
use crate::operation::Refused;

/// One for each pod that is to be deleted, at most.
#[derive(Debug, Default)]
pub struct Timers {
    timers: BTreeMap<Key, Timer>,
}

#[derive(Debug)]
enum Timer {
    /// It runs until then; since when decides whether a later one replaces it.
    Running { since: Moment, until: Moment },
    /// It fired: the pod is not deleted again before its timer was cancelled.
    Fired,
}

impl Timers {
    /// Starts a timer, unless one runs that started earlier, or has fired (TEC-4).
    pub fn start(&mut self, key: &Key, now: Moment, until: Moment) {
        match self.timers.get(key) {
            Some(Timer::Fired) => {}
            Some(Timer::Running { since, .. }) if *since < now => {}
            _ => {
                self.timers.insert(key.clone(), Timer::Running { since: now, until });
            }
        }
    }

    /// Forgets a pod's timer.
    pub fn cancel(&mut self, key: &Key) {
        self.timers.remove(key);
    }

    /// A timer that is due fires, once.
    pub fn fire(&mut self, key: &Key, clock: Clock) -> Result<(), Refused> {
        match self.timers.get_mut(key) {
            Some(timer @ Timer::Running { .. }) if timer.is_due(clock) => {
                *timer = Timer::Fired;
                Ok(())
            }
            _ => Err(Refused),
        }
    }

    /// The pods whose timers are due.
    pub fn due(&self, clock: Clock) -> impl Iterator<Item = &Key> {
        self.timers.iter().filter(move |(_, timer)| timer.is_due(clock)).map(|(key, _)| key)
    }

    /// When the next timer is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        let until = |timer: &Timer| match timer {
            Timer::Running { until, .. } => Some(*until),
            Timer::Fired => None,
        };
        self.timers.values().filter_map(until).min()
    }
}

impl Timer {
    fn is_due(&self, clock: Clock) -> bool {
        matches!(self, Self::Running { until, .. } if clock.is_due(*until))
    }
}
