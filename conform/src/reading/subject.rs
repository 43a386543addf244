//! What audit events tell of one pod, where the order of two of them depends on it.
//!
//! A binding and an eviction are answered with no object, so they have no version and stand by their receipt. What has a
//! version shows whether the pod was bound, or being deleted, by then; where both were under way at once, that says which
//! came first.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::record::Micros;

/// What a write without a version did to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It has a node.
    Bound,
    /// It is being deleted.
    Deleting,
}

/// What an event tells of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// This was done to it.
    Did(Effect),
    /// It was so, by the version of the event; nothing, if the event may itself have made it so.
    Was { bound: Option<bool>, deleting: Option<bool> },
}

impl Tells {
    fn shows(self, effect: Effect) -> Option<bool> {
        match self {
            Self::Did(_) => None,
            Self::Was { bound, deleting } => match effect {
                Effect::Bound => bound,
                Effect::Deleting => deleting,
            },
        }
    }
}

/// A pod and what an event tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// Its namespace and name.
    pub(super) pod: (Rc<str>, Rc<str>),
    /// Its UID; empty if the event does not say it.
    pub(super) uid: Rc<str>,
    /// What is told.
    pub(super) tells: Tells,
}

/// An event of a pod that waits for its turn.
#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    uid: Rc<str>,
    tells: Tells,
    from: Micros,
    to: Micros,
}

/// The events of pods that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Subjects(BTreeMap<(Rc<str>, Rc<str>), Vec<Waiting>>);

impl Subjects {
    /// An event begins to wait.
    pub(super) fn add(&mut self, subject: &Subject, number: u64, from: Micros, to: Micros) {
        let waiting = Waiting { number, uid: Rc::clone(&subject.uid), tells: subject.tells, from, to };
        self.0.entry(subject.pod.clone()).or_default().push(waiting);
    }

    /// An event waits no longer.
    pub(super) fn remove(&mut self, subject: &Subject, number: u64) {
        if let Some(waiting) = self.0.get_mut(&subject.pod) {
            waiting.retain(|waiting| waiting.number != number);
            if waiting.is_empty() {
                self.0.remove(&subject.pod);
            }
        }
    }

    /// How many pods are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.0.len()
    }

    /// Those that wait, of the same pod.
    fn of<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Waiting> {
        let is_same = |waiting: &&Waiting| {
            waiting.uid.is_empty() || subject.uid.is_empty() || waiting.uid == subject.uid
        };
        self.0.get(&subject.pod).into_iter().flatten().filter(is_same)
    }

    /// The pod was so because of a write that waits: when the latest of these was received.
    pub(super) fn cause(&self, subject: &Subject) -> Option<Micros> {
        let is_cause = |waiting: &&Waiting| match waiting.tells {
            Tells::Did(effect) => subject.tells.shows(effect) == Some(true),
            Tells::Was { .. } => false,
        };
        self.of(subject).filter(is_cause).map(|waiting| waiting.from).max()
    }

    /// Events that wait and show what this write did, which was received at `from`: their numbers.
    pub(super) fn consequences(&self, subject: &Subject, from: Micros) -> Vec<u64> {
        let Tells::Did(effect) = subject.tells else { return Vec::new() };
        let shows = |waiting: &&Waiting| waiting.tells.shows(effect) == Some(true) && from < waiting.to;
        self.of(subject).filter(shows).map(|waiting| waiting.number).collect()
    }

    /// Events that wait and show the pod as it was before this write, which was answered at `to`: their numbers.
    pub(super) fn before(&self, subject: &Subject, to: Micros) -> Vec<u64> {
        let Tells::Did(effect) = subject.tells else { return Vec::new() };
        let shows = |waiting: &&Waiting| waiting.tells.shows(effect) == Some(false) && waiting.from < to;
        self.of(subject).filter(shows).map(|waiting| waiting.number).collect()
    }

    /// A deletion that was received at `from` and answered at `to`: when the binding was received that was granted meanwhile. A
    /// pod that is being deleted is not bound (API-20), so the binding came first.
    pub(super) fn bound_before(&self, subject: &Subject, from: Micros, to: Micros) -> Option<Micros> {
        let binds = |waiting: &&Waiting| {
            waiting.tells == Tells::Did(Effect::Bound) && from <= waiting.from && waiting.from < to
        };
        let is_deletion = subject.tells == Tells::Did(Effect::Deleting);
        self.of(subject).filter(binds).map(|waiting| waiting.from).max().filter(|_| is_deletion)
    }
}
