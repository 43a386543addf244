//! How fast nodes may be tainted, zone by zone: the more of a zone is dark, the slower; if everything is, not at all, since then
//! it is rather the control plane that is cut off (NLC-11, NLC-14 to NLC-18).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;

use crate::api::{Key, Kind};
use crate::clock::{Clock, Moment};

/// `--node-eviction-rate` 0.1 a second, with a burst of 1 (C-4, C-9).
const PERIOD: Duration = Duration::from_secs(10);

/// `--secondary-node-eviction-rate` 0.01 a second (C-5).
const SECONDARY_PERIOD: Duration = Duration::from_secs(100);

/// A zone with more nodes is large (C-7).
const LARGE: usize = 50;

/// `--unhealthy-zone-threshold`, in percent (C-6).
const UNHEALTHY_PERCENT: usize = 55;

/// The state of a zone (NLC-14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZoneState {
    /// It was not judged yet.
    #[default]
    Initial,
    /// Most of its nodes are Ready.
    Normal,
    /// Many are not.
    PartialDisruption,
    /// None is.
    FullDisruption,
}

impl ZoneState {
    /// What so many ready nodes of so many make a zone (NLC-14).
    pub const fn of(ready: usize, total: usize) -> Self {
        let not_ready = total - ready;
        if ready == 0 && not_ready > 0 {
            Self::FullDisruption
        } else if not_ready > 2 && not_ready * 100 >= total * UNHEALTHY_PERCENT {
            Self::PartialDisruption
        } else {
            Self::Normal
        }
    }

    /// How long from one node to the next; never if it is absent (NLC-15).
    const fn period(self, nodes: usize) -> Option<Duration> {
        match self {
            Self::Initial | Self::Normal | Self::FullDisruption => Some(PERIOD),
            Self::PartialDisruption if nodes > LARGE => Some(SECONDARY_PERIOD),
            Self::PartialDisruption => None,
        }
    }
}

/// A zone: its state, its queue of nodes that wait to be tainted, and its rate.
#[derive(Debug)]
struct Zone {
    state: ZoneState,
    queue: VecDeque<Key>,
    /// The node whose taint is being written.
    busy: Option<Key>,
    period: Option<Duration>,
    /// When the next node may be tainted.
    token_at: Moment,
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            state: ZoneState::Initial,
            queue: VecDeque::new(),
            busy: None,
            period: Some(PERIOD),
            token_at: Moment::default(),
        }
    }
}

impl Zone {
    /// The rate changes. The same rate changes nothing; another begins without a token if the one before had none, and a rate of nothing
    /// never has one (S28 `rate_limited_queue.go` `SwapLimiter`).
    fn set_period(&mut self, period: Option<Duration>, now: Moment) {
        if self.period == period {
            return;
        }
        let has_token = self.period.is_some() && self.token_at <= now;
        self.token_at = period.filter(|_| !has_token).map_or(now, |period| now + period);
        self.period = period;
    }
}

/// What a pass has changed about the cluster as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disruption {
    /// Nothing.
    None,
    /// Everything has become dark: taints are taken off, and no more are set (NLC-16).
    Entered,
    /// Something is Ready again: every node gets a new grace period (NLC-17).
    Left,
}

/// All zones.
#[derive(Debug, Default)]
pub struct Zones {
    zones: BTreeMap<String, Zone>,
}

/// The zone of a node: its region and zone.
pub fn zone_of(node: &Node) -> String {
    let label = |name| node.label(name).unwrap_or("");
    let (region, zone) = (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"));
    if region.is_empty() && zone.is_empty() { String::new() } else { format!("{region}:{zone}") }
}

impl Zones {
    /// The state of a zone.
    pub fn state(&self, zone: &str) -> ZoneState {
        self.zones.get(zone).map(|zone| zone.state).unwrap_or_default()
    }

    /// Is every zone dark?
    pub fn are_dark(&self) -> bool {
        self.zones.values().all(|zone| zone.state == ZoneState::FullDisruption)
    }

    /// Does this node wait in a zone in which no node is tainted?
    pub fn is_held_back(&self, node: &Key) -> bool {
        self.zones.values().any(|zone| zone.period.is_none() && zone.queue.contains(node))
    }

    /// A node waits to be tainted; it goes to the end.
    pub fn enqueue(&mut self, zone: &str, node: &Key) {
        let zone = self.zones.entry(zone.to_owned()).or_default();
        zone.queue.retain(|other| other != node);
        if zone.busy.as_ref() != Some(node) {
            zone.queue.push_back(node.clone());
        }
    }

    /// A node does not wait any more.
    pub fn remove(&mut self, node: &Key) {
        self.zones.values_mut().for_each(|zone| zone.queue.retain(|other| other != node));
    }

    /// When the next node may be tainted.
    pub fn next_taint(&self) -> Option<Moment> {
        let waits = |zone: &&Zone| !zone.queue.is_empty() && zone.busy.is_none() && zone.period.is_some();
        self.zones.values().filter(waits).map(|zone| zone.token_at).min()
    }

    /// Takes the first node of a zone whose rate allows it.
    pub fn take(&mut self, clock: Clock) -> Option<Key> {
        let zone = self.zones.values_mut().find(|zone| {
            !zone.queue.is_empty()
                && zone.busy.is_none()
                && zone.period.is_some()
                && clock.is_due(zone.token_at)
        })?;
        zone.token_at = clock.now() + zone.period?;
        zone.queue.pop_front()
    }

    /// The taint of a node that was taken is being written.
    pub fn tainting(&mut self, zone: &str, node: &Key) {
        self.zones.entry(zone.to_owned()).or_default().busy = Some(node.clone());
    }

    /// The taint of a node was written, or it waits again.
    pub fn tainted(&mut self, node: &Key, written: bool) {
        for zone in self.zones.values_mut().filter(|zone| zone.busy.as_ref() == Some(node)) {
            zone.busy = None;
            if !written {
                zone.queue.push_front(node.clone());
            }
        }
    }

    /// Judges all zones by how many of their nodes are Ready (NLC-14 to NLC-17).
    pub fn judge(&mut self, seen: &BTreeMap<String, (usize, usize)>, now: Moment) -> Disruption {
        let states: BTreeMap<&String, ZoneState> =
            seen.iter().map(|(zone, (ready, total))| (zone, ZoneState::of(*ready, *total))).collect();
        self.zones.retain(|zone, _| seen.contains_key(zone));
        for zone in seen.keys() {
            self.zones.entry(zone.clone()).or_default();
        }
        let full = ZoneState::FullDisruption;
        let all_are = states.values().all(|state| *state == full);
        let all_were = self.are_dark();
        if all_are && all_were {
            return Disruption::None;
        }
        if all_are {
            for zone in self.zones.values_mut() {
                zone.state = full;
                zone.set_period(None, now);
                zone.queue.clear();
            }
            return Disruption::Entered;
        }
        for (name, zone) in &mut self.zones {
            let state = states.get(name).copied().unwrap_or_default();
            if zone.state != state || all_were {
                zone.set_period(state.period(seen.get(name).map_or(0, |(_, total)| *total)), now);
            }
            zone.state = state;
        }
        if all_were { Disruption::Left } else { Disruption::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000)
    }

    /// NLC-15, NLC-17: a rate that stays changes nothing, and another begins without a token if the one before had none.
    #[test]
    fn a_new_rate_gives_no_node_away() {
        let slow = Some(SECONDARY_PERIOD);
        for (before, token_at, after, expected) in [
            (Some(PERIOD), 15, Some(PERIOD), 15),
            (Some(PERIOD), 15, slow, 110),
            (Some(PERIOD), 10, slow, 10),
            (slow, 95, Some(PERIOD), 20),
            (None, 0, Some(PERIOD), 20),
        ] {
            let mut zone = Zone { period: before, token_at: at(token_at), ..Zone::default() };
            zone.set_period(after, at(10));
            assert_eq!(
                (zone.period, zone.token_at),
                (after, at(expected)),
                "{before:?} {token_at} {after:?}"
            );
        }
    }

    /// NLC-14: a zone that changes its state and keeps its rate keeps its token.
    #[test]
    fn a_zone_that_keeps_its_rate_keeps_its_token() {
        let mut zones = Zones::default();
        let seen = |ready| BTreeMap::from([("a".to_owned(), (ready, 2)), ("b".to_owned(), (1, 1))]);
        zones.judge(&seen(1), at(0));
        zones.enqueue("a", &Key::global("node-0"));
        let mut clock = Clock::default();
        assert!(zones.take(clock).is_some());
        clock.pass_until(at(5));
        zones.judge(&seen(0), at(5));
        assert_eq!(zones.state("a"), ZoneState::FullDisruption);
        zones.enqueue("a", &Key::global("node-1"));
        assert!(zones.take(clock).is_none());
        assert_eq!(zones.next_taint(), Some(at(10)));
    }

    /// NLC-15, C-5, C-7: of a zone that is partly dark a large one is tainted slowly, and a small one no more.
    #[test]
    fn a_zone_that_is_partly_dark_is_tainted_slowly_if_it_is_large_and_else_not_at_all() {
        for (nodes, period) in [(50, None), (51, Some(SECONDARY_PERIOD))] {
            let mut zones = Zones::default();
            let seen = |ready: usize| BTreeMap::from([("a".to_owned(), (ready, nodes))]);
            zones.judge(&seen(nodes), at(0));
            zones.judge(&seen(1), at(10));
            assert_eq!(zones.state("a"), ZoneState::PartialDisruption);
            assert_eq!(zones.zones["a"].period, period, "{nodes} nodes");
            let node = Key::global("node-0");
            zones.enqueue("a", &node);
            assert_eq!(zones.is_held_back(&node), period.is_none(), "{nodes} nodes");
            assert_eq!(zones.next_taint().is_none(), period.is_none(), "{nodes} nodes");
        }
    }
}
