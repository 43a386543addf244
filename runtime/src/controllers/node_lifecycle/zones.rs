//! How fast nodes may be tainted, zone by zone: the more of a zone is dark, the slower; if everything is, not at all, since then
//! it is rather the control plane that is cut off (NLC-11, NLC-14 to NLC-18).

use std::collections::{BTreeMap, BTreeSet};
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
    /// Nodes that wait, and since when: the older goes first. Those of one pass come in any order in Kubernetes, as workers queue them
    /// side by side; here they keep that which they had.
    queue: Vec<(Moment, Key)>,
    /// Nodes that had their turn and were not removed since.
    served: BTreeSet<Key>,
    /// The node whose turn it is, while its taint is being written. It waits behind the others already, should that fail.
    busy: Option<Key>,
    period: Option<Duration>,
    /// When the next node may be tainted.
    token_at: Moment,
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            state: ZoneState::Initial,
            queue: Vec::new(),
            served: BTreeSet::new(),
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

    fn waits(&self, node: &Key) -> bool {
        self.queue.iter().any(|(_, other)| other == node)
    }

    /// May a node be tainted as soon as there is a token?
    fn has_next(&self) -> bool {
        !self.queue.is_empty() && self.busy.is_none() && self.period.is_some()
    }

    /// Nobody waits, and nobody was served.
    fn clear(&mut self) {
        self.queue.clear();
        self.served.clear();
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
        self.zones.values().any(|zone| zone.period.is_none() && zone.waits(node))
    }

    /// A node without its taint waits for it from now on, whether or not it did before or had its turn (S28
    /// `node_lifecycle_controller.go` `markNodeForTainting`).
    pub fn enqueue(&mut self, zone: &str, node: &Key, now: Moment) {
        let zone = self.zones.entry(zone.to_owned()).or_default();
        zone.served.remove(node);
        match zone.queue.iter_mut().find(|(_, other)| other == node) {
            Some((since, _)) => *since = now,
            None => zone.queue.push((now, node.clone())),
        }
        zone.queue.sort_by_key(|(since, _)| *since);
    }

    /// A node that has its taint waits, too, unless it did before or had its turn: that turn is spent in vain (S28
    /// `rate_limited_queue.go` `UniqueQueue`).
    pub fn enqueue_once(&mut self, zone: &str, node: &Key, now: Moment) {
        let own = self.zones.entry(zone.to_owned()).or_default();
        if !own.served.contains(node) && !own.waits(node) {
            self.enqueue(zone, node, now);
        }
    }

    /// A node does not wait any more, and may wait again.
    pub fn remove(&mut self, node: &Key) {
        for zone in self.zones.values_mut() {
            zone.served.remove(node);
            zone.queue.retain(|(_, other)| other != node);
        }
    }

    /// When the next node may be tainted.
    pub fn next_taint(&self) -> Option<Moment> {
        self.zones.values().filter(|zone| zone.has_next()).map(|zone| zone.token_at).min()
    }

    /// It is the turn of the first node of a zone whose rate allows it.
    pub fn take(&mut self, clock: Clock) -> Option<Key> {
        let may_begin = |zone: &&mut Zone| zone.has_next() && clock.is_due(zone.token_at);
        let zone = self.zones.values_mut().find(may_begin)?;
        zone.token_at = clock.now() + zone.period?;
        let (_, node) = zone.queue.remove(0);
        zone.queue.push((clock.now(), node.clone()));
        zone.busy = Some(node.clone());
        Some(node)
    }

    /// The turn of a node is over: it has its taint, or needs none. If it was removed meanwhile it may wait again.
    pub fn serve(&mut self, node: &Key) {
        for zone in self.zones.values_mut().filter(|zone| zone.busy.as_ref() == Some(node)) {
            zone.busy = None;
            if zone.waits(node) {
                zone.queue.retain(|(_, other)| other != node);
                zone.served.insert(node.clone());
            }
        }
    }

    /// The taint of a node could not be written: it waits behind all that came before its turn (S28 `rate_limited_queue.go` `Try`).
    pub fn fail(&mut self, node: &Key) {
        for zone in self.zones.values_mut().filter(|zone| zone.busy.as_ref() == Some(node)) {
            zone.busy = None;
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
                zone.clear();
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
        zones.enqueue("a", &Key::global("node-0"), at(0));
        let mut clock = Clock::default();
        let first = zones.take(clock).expect("it waits");
        zones.serve(&first);
        clock.pass_until(at(5));
        zones.judge(&seen(0), at(5));
        assert_eq!(zones.state("a"), ZoneState::FullDisruption);
        zones.enqueue("a", &Key::global("node-1"), at(5));
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
            zones.enqueue("a", &node, at(10));
            assert_eq!(zones.is_held_back(&node), period.is_none(), "{nodes} nodes");
            assert_eq!(zones.next_taint().is_none(), period.is_none(), "{nodes} nodes");
        }
    }

    /// Whose turn it is when all have passed so many seconds.
    fn turn(zones: &mut Zones, seconds: u64) -> Option<Key> {
        let mut clock = Clock::default();
        clock.pass_until(at(seconds));
        zones.take(clock)
    }

    /// NLC-11: a write that fails each time keeps nobody else from being tainted.
    #[test]
    fn a_node_that_cannot_be_tainted_waits_behind_the_others() {
        let mut zones = Zones::default();
        let nodes = ["node-0", "node-1"].map(Key::global);
        let pass = |zones: &mut Zones, seconds| {
            nodes.iter().for_each(|node| zones.enqueue("a", node, at(seconds)));
        };
        pass(&mut zones, 0);
        assert_eq!(turn(&mut zones, 0).as_ref(), Some(&nodes[0]));
        zones.fail(&nodes[0]);
        pass(&mut zones, 5);
        assert_eq!(turn(&mut zones, 10).as_ref(), Some(&nodes[1]));
        zones.serve(&nodes[1]);
        assert_eq!(turn(&mut zones, 20).as_ref(), Some(&nodes[0]));
    }

    /// A node that came back while its taint could not be written does not wait any more.
    #[test]
    fn a_node_that_is_removed_in_its_turn_does_not_wait() {
        let mut zones = Zones::default();
        let node = Key::global("node-0");
        zones.enqueue("a", &node, at(0));
        assert!(turn(&mut zones, 0).is_some());
        zones.remove(&node);
        zones.fail(&node);
        assert_eq!(zones.next_taint(), None);
    }

    /// S28 `rate_limited_queue.go` `UniqueQueue`.
    #[test]
    fn a_node_that_has_its_taint_has_one_turn_and_another_after_it_was_removed() {
        let mut zones = Zones::default();
        let node = Key::global("node-0");
        zones.enqueue_once("a", &node, at(0));
        assert_eq!(turn(&mut zones, 0).as_ref(), Some(&node));
        zones.serve(&node);
        zones.enqueue_once("a", &node, at(5));
        assert_eq!(turn(&mut zones, 20), None);
        zones.enqueue("a", &node, at(20));
        assert_eq!(turn(&mut zones, 20).as_ref(), Some(&node), "it has lost its taint");
        zones.serve(&node);
        zones.remove(&node);
        zones.enqueue_once("a", &node, at(25));
        assert_eq!(turn(&mut zones, 30).as_ref(), Some(&node));
    }
}
