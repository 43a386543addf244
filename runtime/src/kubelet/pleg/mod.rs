//! The pod lifecycle event generator: it lists what the runtime has once a second, compares that with what it saw before,
//! inspects the pods that changed, puts them into the pod cache, and tells the sync loop.
//!
//! - [`event`]: the events between two lists
//! - [`relist`]: one relist, call by call

pub mod event;
pub mod relist;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use self::event::{PlegEvent, Record};
use self::relist::Relist;
use crate::api::Uid;
use crate::clock::Moment;
use crate::slip::{Slip, Slips};

/// How many events the channel to the sync loop holds (K-8).
pub const CHANNEL_CAPACITY: usize = 1000;

/// The PLEG of a kubelet.
#[derive(Clone, Debug)]
pub struct Pleg {
    /// From the end of one relist to the next (PLEG-1).
    period: Duration,
    /// A list that is older than this is no health (PLEG-4).
    threshold: Duration,
    records: BTreeMap<Uid, Record>,
    /// Pods whose inspection failed in the last relist (PLEG-6).
    reinspect: BTreeSet<Uid>,
    /// When the last relist began whose list succeeded (PLEG-3).
    relist_time: Option<Moment>,
    next: Moment,
    relist: Option<Relist>,
    /// Another relist was asked for while one is going on (PLEG-13).
    is_requested: bool,
    channel: VecDeque<PlegEvent>,
    discarded: u64,
    slips: Slips,
}

impl Pleg {
    /// A PLEG that has seen nothing yet.
    pub const fn new(period: Duration, threshold: Duration, now: Moment, slips: Slips) -> Self {
        Self {
            period,
            threshold,
            records: BTreeMap::new(),
            reinspect: BTreeSet::new(),
            relist_time: None,
            next: now,
            relist: None,
            is_requested: false,
            channel: VecDeque::new(),
            discarded: 0,
            slips,
        }
    }

    /// PLEG-4: it is healthy as long as its last successful list began less than the threshold ago. That says nothing of
    /// inspections: one that hangs shows because no next list begins.
    pub fn is_healthy(&self, now: Moment) -> bool {
        let is_ever = self.slips.has(Slip::PlegIsAlwaysHealthy);
        self.relist_time.is_some_and(|time| is_ever || now.since(time) <= self.threshold)
    }

    /// From now on a list may be so old.
    pub const fn set_threshold(&mut self, threshold: Duration) {
        self.threshold = threshold;
    }

    /// When it ceases to be healthy, if nothing happens.
    pub fn unhealthy_at(&self) -> Option<Moment> {
        self.relist_time.map(|time| time + self.threshold + Duration::from_millis(1))
    }

    /// When the next relist begins; none while one is going on.
    pub fn next_relist(&self) -> Option<Moment> {
        self.relist.is_none().then_some(self.next)
    }

    /// PLEG-13: the kubelet has just changed something; the next relist need not wait for its period. One that is going on may have
    /// listed before, and is followed by another.
    pub fn request_relist(&mut self, now: Moment) {
        if self.relist.is_some() {
            self.is_requested = true;
        } else {
            self.next = self.next.min(now);
        }
    }

    /// The next event for the sync loop.
    pub fn take_event(&mut self) -> Option<PlegEvent> {
        self.channel.pop_front()
    }

    /// Are there events for the sync loop?
    pub fn has_events(&self) -> bool {
        !self.channel.is_empty()
    }

    /// `pleg_discard_events`: how many events were dropped because the channel was full (PLEG-7).
    pub const fn discarded(&self) -> u64 {
        self.discarded
    }
}
