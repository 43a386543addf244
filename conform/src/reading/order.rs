//! The order of an audit log, which is written in the order of the answers.
//!
//! Granted writes that were answered with an object have a resource version, and all objects of a cluster share one counter:
//! these are put in its order. Everything else has a time only. A write is committed between the moment at which it was
//! received and the one at which it was answered; since a version is higher than those committed before it, no write is
//! committed before the latest receipt among the writes with versions up to its own: that running maximum is the position
//! of a write with a version. What has no version stands at its own receipt. So all stand at a lower bound of when they
//! happened, and what has seen the effect of a write stands behind it, since it was received after that write's commit.
//! Where a write without a version and one with a version were under way at once, what the second shows of the pod decides
//! (`subject`).
//!
//! A version can be *stale*: a patch that changes nothing, a deletion of what is being deleted, and up to 1.25 also the
//! removal of an object are answered with the version of an earlier write. Such an answer is known by one of two things:
//! somebody was answered with a higher version before this request was received, or another write has the same version and
//! was received earlier. It stands at its own receipt, and not before the write whose version it has.

use std::collections::{BTreeMap, VecDeque};

use super::subject::{Subject, Subjects};
use crate::record::Micros;

/// An event is held until one arrives that was answered this much later. The API server ends a request that writes after
/// 60 seconds at the latest, so nothing that was committed before can still be missing then.
pub(super) const HELD: Micros = 60_000_000;

/// How far the clocks of two API servers may differ. Of one API server, which is one file here, no difference is allowed for.
pub(super) const SKEW: Micros = 1_000_000;

/// What the order knows of an event.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    /// The file it stands in.
    pub(super) file: usize,
    /// When the request was received.
    pub(super) from: Micros,
    /// When it was answered.
    pub(super) to: Micros,
    /// The version that it was answered with.
    pub(super) version: Option<u64>,
    /// It is the state at its version, so it stands behind all writes up to it and has no time of its own.
    pub(super) is_state: bool,
    /// What it tells of a pod.
    pub(super) subject: Option<Subject>,
}

/// An event that waits for its turn.
#[derive(Debug)]
struct Waiting<T> {
    /// It stands no earlier.
    stands: Micros,
    to: Micros,
    subject: Option<Subject>,
    event: T,
}

/// Where an event stands by a version: the version, what it is to it, its receipt, its number.
type ByVersion = (u64, Role, Micros, u64);

/// What an event is to the version by which it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// A write that was answered with it.
    Write,
    /// A write without a version that came later than this one.
    Behind,
    /// The state at it.
    State,
}

/// Events on their way into their order.
#[derive(Debug)]
pub(super) struct Order<T> {
    by_version: BTreeMap<ByVersion, Waiting<T>>,
    /// By receipt and number.
    by_time: BTreeMap<(Micros, u64), Waiting<T>>,
    subjects: Subjects,
    /// Where those stand by their version of which a subject is known, by number.
    versioned: BTreeMap<u64, ByVersion>,
    /// For each file, in order: when it was answered with a version that is higher than all before.
    answered: Vec<VecDeque<(Micros, u64)>>,
    /// The latest answer.
    clock: Micros,
    /// The position of what has left, and its highest version.
    position: Micros,
    left: Option<u64>,
    arrived: u64,
    ended: bool,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self {
            by_version: BTreeMap::new(),
            by_time: BTreeMap::new(),
            subjects: Subjects::default(),
            versioned: BTreeMap::new(),
            answered: Vec::new(),
            clock: Micros::MIN,
            position: Micros::MIN,
            left: None,
            arrived: 0,
            ended: false,
        }
    }
}

impl<T> Order<T> {
    /// Takes an event, in the order of the answers.
    pub(super) fn push(&mut self, ticket: Ticket, event: T) {
        let Ticket { file, from, to, version, is_state, subject } = ticket;
        self.arrived += 1;
        let number = self.arrived;
        let is_stale = version.is_some_and(|version| !is_state && self.is_stale(file, from, version));
        let version = version.map(|version| (version, is_stale));
        match version {
            Some((version, false)) => {
                let cause = subject.as_ref().and_then(|subject| self.subjects.cause(subject));
                let role = if is_state { Role::State } else { Role::Write };
                let stands = cause.map_or(from, |cause| from.max(cause.saturating_add(1)));
                let key = (version, role, from, number);
                if let Some(subject) = &subject {
                    self.subjects.add(subject, number, from, to);
                    self.versioned.insert(number, key);
                }
                self.by_version.insert(key, Waiting { stands, to, subject, event });
            }
            // A stale answer shows the pod as an earlier write left it.
            Some((_, true)) => {
                let waiting = Waiting { stands: from, to, subject: None, event };
                self.by_time.insert((from, number), waiting);
            }
            None => {
                if let Some(subject) = &subject {
                    self.delay(subject, from);
                    self.subjects.add(subject, number, from, to);
                }
                self.by_time.insert((from, number), Waiting { stands: from, to, subject, event });
            }
        }
        if !is_state {
            if let Some((version, _)) = version {
                self.note(file, to, version);
            }
            self.clock = self.clock.max(to);
        }
    }

    /// Nothing more arrives.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Nothing more arrives.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// How much is kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let answered = self.answered.iter().map(VecDeque::len).sum::<usize>();
        let waiting = self.by_version.len() + self.by_time.len();
        waiting.max(self.versioned.len()).max(self.subjects.kept()).max(answered)
    }

    /// What shows the effect of a write, which was received at `from`, stands behind it.
    fn delay(&mut self, subject: &Subject, from: Micros) {
        for number in self.subjects.consequences(subject, from) {
            let waiting = self.versioned.get(&number).and_then(|key| self.by_version.get_mut(key));
            if let Some(waiting) = waiting {
                waiting.stands = waiting.stands.max(from.saturating_add(1));
            }
        }
    }

    /// Somebody had been answered with a higher version before this request was received.
    fn is_stale(&self, file: usize, from: Micros, version: u64) -> bool {
        self.answered.iter().enumerate().any(|(other, answered)| {
            let before = if other == file { from } else { from.saturating_sub(SKEW) };
            let known = answered.partition_point(|(at, _)| *at < before);
            known.checked_sub(1).is_some_and(|last| answered[last].1 > version)
        })
    }

    /// From this moment on the version is known to be taken.
    fn note(&mut self, file: usize, at: Micros, version: u64) {
        if self.answered.len() <= file {
            self.answered.resize_with(file + 1, VecDeque::new);
        }
        let answered = &mut self.answered[file];
        let (last, highest) = answered.back().copied().unwrap_or((Micros::MIN, 0));
        if version > highest {
            answered.push_back((at.max(last), version));
        }
        // Of those that are older than any request that may arrive, the last is enough.
        let old = self.clock.saturating_sub(2 * HELD);
        while answered.get(1).is_some_and(|(at, _)| *at < old) {
            answered.pop_front();
        }
    }

    /// The next event and its position, as soon as nothing can come before it.
    pub(super) fn pop(&mut self) -> Option<(Micros, T)> {
        loop {
            self.set_twins_aside();
            let versioned = self.by_version.first_key_value();
            let versioned = versioned.map(|(_, waiting)| (waiting.stands.max(self.position), waiting.to));
            let timed = self.by_time.first_key_value().map(|((from, _), _)| (*from).max(self.position));
            let by_version = match (versioned, timed) {
                (None, None) => return None,
                (Some((at, _)), Some(timed)) => at <= timed,
                (versioned, _) => versioned.is_some(),
            };
            let due = match versioned {
                Some((_, to)) if by_version => to,
                _ => timed.unwrap_or(self.position),
            };
            if !self.ended && due.saturating_add(HELD) >= self.clock {
                return None;
            }
            let next = if by_version { self.pop_versioned() } else { self.pop_timed() };
            if next.is_some() {
                return next;
            }
        }
    }

    /// Those with the version that has left last stand behind the write that has it, at their own time.
    fn set_twins_aside(&mut self) {
        while let Some(first) = self.by_version.first_entry() {
            let (version, role, from, number) = *first.key();
            if role != Role::Write || self.left != Some(version) {
                return;
            }
            let waiting = first.remove();
            self.forget(&waiting, number);
            self.by_time.insert((from, number), Waiting { subject: None, ..waiting });
        }
    }

    /// At this moment the version was taken: a lower one that was asked for later is stale.
    fn set_stale_aside(&mut self, version: u64, at: Micros) {
        let below = self.by_version.range(..(version, Role::Write, Micros::MIN, 0));
        let is_stale = |key: &ByVersion| key.1 == Role::Write && key.2 > at;
        let stale: Vec<ByVersion> = below.map(|(key, _)| *key).filter(is_stale).collect();
        for key in stale {
            let Some(waiting) = self.by_version.remove(&key) else { continue };
            self.forget(&waiting, key.3);
            self.by_time.insert((key.2, key.3), Waiting { subject: None, ..waiting });
        }
    }

    /// An event tells nothing of its pod any more.
    fn forget(&mut self, waiting: &Waiting<T>, number: u64) {
        if let Some(subject) = &waiting.subject {
            self.subjects.remove(subject, number);
            self.versioned.remove(&number);
        }
    }

    /// The first by version.
    fn pop_versioned(&mut self) -> Option<(Micros, T)> {
        let ((version, role, _, number), waiting) = self.by_version.pop_first()?;
        self.forget(&waiting, number);
        if role == Role::Write {
            self.left = Some(version);
        }
        self.position = self.position.max(waiting.stands);
        Some((self.position, waiting.event))
    }

    /// The first by time; none if what shows its pod says that it stands behind a version.
    fn pop_timed(&mut self) -> Option<(Micros, T)> {
        let ((from, number), waiting) = self.by_time.pop_first()?;
        let before = waiting.subject.as_ref().map(|subject| self.subjects.before(subject, waiting.to));
        let versions = before.into_iter().flatten().filter_map(|early| self.versioned.get(&early));
        if let Some(version) = versions.map(|(version, ..)| *version).max() {
            self.set_stale_aside(version, waiting.to);
            self.by_version.insert((version, Role::Behind, from, number), waiting);
            return None;
        }
        let bound =
            waiting.subject.as_ref().and_then(|pod| self.subjects.bound_before(pod, from, waiting.to));
        if let Some(bound) = bound {
            self.by_time.insert((bound.saturating_add(1), number), waiting);
            return None;
        }
        self.forget(&waiting, number);
        self.position = self.position.max(from);
        Some((self.position, waiting.event))
    }
}
