//! When the events that are on their way to a process were written. A watch that is connected does not lag for ever: what
//! was written long ago has been delivered.

use std::collections::BTreeMap;

use podproof_model::watch::ring::Stream;

use crate::record::Micros;

/// A process that is connected has seen what was written longer ago than this. A watch takes milliseconds; the controllers'
/// queues and a busy machine more.
pub const LAG_TIME: Micros = 5_000_000;

/// How long each queue of a process is.
pub type Queues = Vec<(Stream, usize)>;

/// When what is on its way to a process was written.
#[derive(Clone, Debug, Default)]
pub struct News {
    written: BTreeMap<usize, Vec<Micros>>,
    /// Events that the present change has sent, by queue.
    sent: BTreeMap<usize, usize>,
    /// Until then it may lag: its watches come back after a cut, each with its back-off.
    lenient_until: Micros,
}

impl News {
    /// A change has made queues of `before` into those of `after`.
    pub fn sent(&mut self, before: &Queues, after: &Queues) {
        for (index, ((_, before), (_, after))) in before.iter().zip(after).enumerate() {
            let sent = self.sent.entry(index).or_default();
            *sent = (*sent).max(after.saturating_sub(*before));
        }
    }

    /// What the change has sent was written at `at`.
    pub fn settle(&mut self, at: Micros) {
        for (queue, count) in std::mem::take(&mut self.sent) {
            let written = self.written.entry(queue).or_default();
            written.extend(std::iter::repeat_n(at, count));
            let over = written.len().saturating_sub(256);
            written.drain(..over);
        }
    }

    /// When the newest of the events was written that have been delivered between these two.
    pub fn heard(&self, before: &Queues, after: &Queues) -> Option<Micros> {
        let lengths = before.iter().zip(after).map(|((_, before), (_, after))| (*before, *after));
        let heard = lengths.enumerate().filter(|(_, (before, after))| after < before);
        let at = |(index, (_, after)): (usize, (usize, usize))| {
            let written = self.written.get(&index)?;
            written.len().checked_sub(after + 1).and_then(|at| written.get(at)).copied()
        };
        heard.filter_map(at).max()
    }

    /// It may lag until then.
    pub fn be_lenient(&mut self, until: Micros) {
        self.lenient_until = self.lenient_until.max(until);
    }

    /// The queues of which the oldest event must be delivered by now: they are longer than `most`, or it is old.
    pub fn late(&self, queues: &Queues, now: Micros, most: usize) -> Vec<Stream> {
        let is_late = |&(index, &(_, length)): &(usize, &(Stream, usize))| {
            let written = self.written.get(&index).map_or(&[][..], |written| written);
            let oldest = written.len().checked_sub(length).and_then(|at| written.get(at));
            let old = oldest.is_some_and(|&at| at + LAG_TIME < now && now > self.lenient_until);
            length > most || (length > 0 && old)
        };
        queues.iter().enumerate().filter(is_late).map(|(_, &(stream, _))| stream).collect()
    }
}
