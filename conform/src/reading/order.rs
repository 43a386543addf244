//! The order of an audit log, which is written in the order of the answers.
//!
//! Granted writes that were answered with an object have a resource version, and all objects of a cluster share one counter:
//! these are put in its order. Everything else has a time only. A write is committed between the moment at which it was
//! received and the one at which it was answered; since a version is higher than those committed before it, no write is
//! committed before the latest receipt among the writes with versions up to its own: that running maximum is the position
//! of a write with a version. What has no version stands at its own receipt. So all stand at a lower bound of when they
//! happened, and what has seen the effect of a write stands behind it, since it was received after that write's commit.
//!
//! A version can be *stale*: a patch that changes nothing, a deletion of what is being deleted, and up to 1.25 also the
//! removal of an object are answered with the version of an earlier write. Such an answer is known by one of two things:
//! somebody was answered with a higher version before this request was received, or another write has the same version and
//! was received earlier. It stands at its own receipt, and not before the write whose version it has.

use std::collections::BTreeMap;

use crate::record::Micros;

/// An event is held until one arrives that was answered this much later. The API server ends a request that writes after
/// 60 seconds at the latest, so nothing that was committed before can still be missing then.
pub(super) const HELD: Micros = 60_000_000;

/// How far the clocks of two API servers may differ. Of one API server, which is one file here, no difference is allowed for.
pub(super) const SKEW: Micros = 1_000_000;

/// What the order knows of an event.
#[derive(Clone, Copy, Debug)]
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
}

/// Events on their way into their order.
#[derive(Debug)]
pub(super) struct Order<T> {
    /// Those that stand by their version, behind it `is_state`, the receipt, and a number that no two share.
    by_version: BTreeMap<(u64, bool, Micros, u64), (Micros, T)>,
    /// Those that stand by time.
    by_time: BTreeMap<(Micros, u64), T>,
    /// For each file, in order: when it was answered with a version that is higher than all before.
    answered: Vec<Vec<(Micros, u64)>>,
    /// The latest answer.
    clock: Micros,
    /// The position, and the version, of what has left.
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
        let Ticket { file, from, to, version, is_state } = ticket;
        self.arrived += 1;
        let stale = version.is_some_and(|version| {
            !is_state && (self.is_stale(file, from, version) || self.left.is_some_and(|left| version < left))
        });
        match version {
            Some(version) if !stale => {
                let from = if is_state { Micros::MIN } else { from };
                self.by_version.insert((version, is_state, from, self.arrived), (to, event));
            }
            _ => {
                self.by_time.insert((from, self.arrived), event);
            }
        }
        if let Some(version) = version.filter(|_| !is_state) {
            self.note(file, to, version);
        }
        if !is_state {
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
            self.answered.resize_with(file + 1, Vec::new);
        }
        let answered = &mut self.answered[file];
        let last = answered.last().copied().unwrap_or((Micros::MIN, 0));
        if version > last.1 || answered.is_empty() {
            answered.push((at.max(last.0), version));
        }
        // One that is older than all requests that may arrive is enough.
        let old = answered.partition_point(|(at, _)| *at < self.clock.saturating_sub(2 * HELD));
        if old > 1024 {
            answered.drain(..old - 1);
        }
    }

    /// The next event and its position, as soon as nothing can come before it.
    pub(super) fn pop(&mut self) -> Option<(Micros, T)> {
        loop {
            let versioned =
                self.by_version.first_key_value().map(|((version, is_state, from, _), (to, _))| {
                    (*version, *is_state, (*from).max(self.position), *to)
                });
            let timed = self.by_time.first_key_value().map(|((from, _), _)| (*from).max(self.position));
            let first_by_version = match (versioned, timed) {
                (None, None) => return None,
                (Some((_, _, at, _)), Some(timed)) => at <= timed,
                (versioned, _) => versioned.is_some(),
            };
            let due = match versioned {
                Some((_, _, _, to)) if first_by_version => to,
                _ => timed.unwrap_or(self.position),
            };
            if !self.ended && due.saturating_add(HELD) >= self.clock {
                return None;
            }
            if !first_by_version {
                let (_, event) = self.by_time.pop_first()?;
                self.position = timed.unwrap_or(self.position);
                return Some((self.position, event));
            }
            let ((version, is_state, from, number), (_, event)) = self.by_version.pop_first()?;
            if !is_state && self.left == Some(version) {
                // The same version again: it stands behind the write that has it, at its own time.
                self.by_time.insert((from.max(self.position), number), event);
                continue;
            }
            if !is_state {
                self.left = Some(version);
            }
            self.position = self.position.max(from);
            return Some((self.position, event));
        }
    }
}
