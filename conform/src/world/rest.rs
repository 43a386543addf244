//! When the nodes of a log are at rest: Ready, cordoned or not, without taints that drive pods away, and with nothing done to them for a
//! while. Whoever begins to follow a workload at such a moment finds the nodes as a scenario has them at its beginning, so a
//! workload that comes late need not be followed from the beginning of the log, nor one that is gone until its end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::life::Moment;
use crate::record::{FaultEvent, Micros, NodeFacts, Outage};

/// After something was done to a node, or to the API server, it takes so long until nobody is busy with it any more: watches come
/// back with a back-off, nodes report every ten seconds, and pods of a machine that comes back are started again.
const SETTLING: Micros = 120_000_000;

/// A workload is followed from so long before it comes: the signs of life of the nodes are known then.
const BEFORE: Micros = 60_000_000;

/// And until so long after it is gone: its last endpoints and containers go, and evictions end.
const BEHIND: Micros = 120_000_000;

/// On a machine that is away its pods may run on without their objects until it is back; it is not waited for longer than this.
const AWAY: Micros = 3_600_000_000;

/// Moments at which a replay may begin are so far apart.
const APART: Micros = 10_000_000;

/// The taint of a node that is cordoned, and its effect.
const OF_CORDON: (&str, &str) = ("node.kubernetes.io/unschedulable", "NoSchedule");

/// The moments between which workloads are followed. Two numbers for each object that comes or goes are kept of it.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// The latest time of the entries so far.
    now: Micros,
    /// When something was last done to a node or to the API server.
    trouble: Option<Micros>,
    /// Nodes that are not as nodes are at first.
    troubled: BTreeSet<Rc<str>>,
    /// Others that are cordoned, and have the taint of that alone.
    cordoned: BTreeSet<Rc<str>>,
    /// Those that are not Ready.
    away: BTreeSet<Rc<str>>,
    /// When a machine was last away.
    missed: Option<Micros>,
    /// What was done to whom and is not over.
    under_way: BTreeSet<Outage>,
    /// Moments of rest that are not yet long enough ago, and when they were.
    young: VecDeque<(Micros, Moment)>,
    /// The newest that is.
    start: Moment,
    /// For each entry that shows something for the first time, from when on it is followed.
    starts: BTreeMap<Moment, Moment>,
    /// Entries that show that something is gone, until nothing more is to be seen of it.
    leaving: VecDeque<(Micros, Moment)>,
    /// For each of these the entry at which that is so.
    ends: BTreeMap<Moment, Moment>,
}

impl Rest {
    /// The entry `at` was read, of this time.
    pub fn pass(&mut self, at: Moment, time: Micros) {
        self.now = self.now.max(time);
        if !(self.away.is_empty() && self.under_way.is_empty()) {
            self.missed = Some(self.now);
        }
        let all_there = self.missed.is_none_or(|missed| missed + BEHIND < self.now);
        let most = if all_there { BEHIND } else { AWAY };
        while let Some((_, gone)) = self.leaving.pop_front_if(|(gone, _)| *gone + most < self.now) {
            self.ends.insert(gone, at);
        }
        while let Some((_, start)) = self.young.pop_front_if(|(then, _)| *then + BEFORE < self.now) {
            self.start = start;
        }
        let is_quiet = self.troubled.is_empty()
            && self.under_way.is_empty()
            && self.trouble.is_none_or(|trouble| trouble + SETTLING < self.now);
        if is_quiet && self.young.back().is_none_or(|(then, _)| *then + APART < self.now) {
            self.young.push_back((self.now, at));
        }
    }

    /// A node is so now.
    pub fn node(&mut self, name: &Rc<str>, facts: &NodeFacts) {
        let drives = |(_, _, effect): &(Rc<str>, Rc<str>, Rc<str>)| &**effect == "NoExecute";
        let of_conditions =
            |(key, _, _): &&(Rc<str>, Rc<str>, Rc<str>)| key.starts_with("node.kubernetes.io/");
        let is_ready = facts.ready.as_deref().is_none_or(|ready| ready == "True");
        let of_conditions = facts.taints.iter().filter(of_conditions);
        let of_conditions: Vec<(&str, &str)> =
            of_conditions.map(|(key, _, effect)| (&**key, &**effect)).collect();
        let expected = if facts.unschedulable { &[OF_CORDON][..] } else { &[] };
        let is_plain = is_ready && of_conditions == expected && !facts.taints.iter().any(drives);
        let is_cordoned = is_plain && facts.unschedulable;
        match is_ready {
            true => _ = self.away.remove(name),
            false => _ = self.away.insert(Rc::clone(name)),
        }
        let set = |nodes: &mut BTreeSet<Rc<str>>, is_in: bool| match is_in {
            true => nodes.insert(Rc::clone(name)),
            false => nodes.remove(name),
        };
        let changed = [set(&mut self.troubled, !is_plain), set(&mut self.cordoned, is_cordoned)];
        if changed.contains(&true) {
            self.trouble = Some(self.now);
        }
    }

    /// A node is gone.
    pub fn node_gone(&mut self, name: &str) {
        self.troubled.remove(name);
        self.cordoned.remove(name);
        self.away.remove(name);
        self.trouble = Some(self.now);
    }

    /// Something was done to the cluster.
    pub fn fault(&mut self, event: &FaultEvent) {
        let Some((outage, is_over)) = event.outage() else { return };
        match is_over {
            true => _ = self.under_way.remove(&outage),
            false => _ = self.under_way.insert(outage),
        }
        self.trouble = Some(self.now);
    }

    /// An object is new with the entry `at`.
    pub fn comes(&mut self, at: Moment) {
        self.starts.insert(at, self.start);
    }

    /// An object is gone with the entry `at`.
    pub fn goes(&mut self, at: Moment) {
        self.leaving.push_back((self.now, at));
    }

    /// From when on an object is followed that came at `at`.
    pub fn start_of(&self, at: Moment) -> Moment {
        self.starts.range(..=at).next_back().map_or_else(Moment::default, |(_, &start)| start)
    }

    /// Until when one is followed that went at `at`; none is until the end.
    pub fn end_of(&self, at: Moment) -> Option<Moment> {
        self.ends.get(&at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    /// An entry each second, from the moment of this number to before that one.
    fn pass(rest: &mut Rest, seconds: std::ops::Range<u64>) {
        seconds.for_each(|second| rest.pass(Moment(second), second as i64 * SECOND));
    }

    fn facts(ready: &str, unschedulable: bool, taints: &[(&str, &str)]) -> NodeFacts {
        let taint = |&(key, effect): &(&str, &str)| (key.into(), "".into(), effect.into());
        NodeFacts { ready: Some(ready.into()), unschedulable, taints: taints.iter().map(taint).collect() }
    }

    fn fault(fault: &str) -> FaultEvent {
        FaultEvent { fault: fault.into(), target: "a".into(), by_request: false }
    }

    /// From when on something is followed that comes after so many seconds.
    fn start(rest: &mut Rest, second: u64) -> u64 {
        rest.comes(Moment(second));
        rest.start_of(Moment(second)).0
    }

    #[test]
    fn what_comes_late_is_followed_from_a_minute_before() {
        let mut rest = Rest::default();
        pass(&mut rest, 0..30);
        assert_eq!(start(&mut rest, 29), 0, "the log has just begun");
        pass(&mut rest, 30..1000);
        let first = start(&mut rest, 999);
        assert!((920..940).contains(&first), "{first}");
        assert_eq!(rest.start_of(Moment(5000)).0, first, "what was not seen to come begins no later");
    }

    #[test]
    fn nobody_begins_while_a_node_is_not_as_nodes_are_at_first() {
        let taint = "node.kubernetes.io/unreachable";
        let troubles = [
            facts("Unknown", false, &[]),
            facts("True", true, &[]),
            facts("True", false, &[(taint, "NoSchedule")]),
            facts("True", false, &[("maintenance", "NoExecute")]),
        ];
        for trouble in troubles {
            let mut rest = Rest::default();
            let name = "a".into();
            pass(&mut rest, 0..500);
            rest.node(&name, &trouble);
            pass(&mut rest, 500..1000);
            let first = start(&mut rest, 999);
            assert!((480..=500).contains(&first), "{trouble:?}: {first}");
            rest.node(&name, &facts("True", false, &[("dedicated", "NoSchedule")]));
            pass(&mut rest, 1000..1100);
            assert_eq!(start(&mut rest, 1099), first, "it has not settled");
            pass(&mut rest, 1100..1400);
            assert!(start(&mut rest, 1399) > 1100, "{trouble:?}");
        }
    }

    #[test]
    fn a_node_that_stays_cordoned_is_at_rest() {
        let mut rest = Rest::default();
        let name = "a".into();
        pass(&mut rest, 0..500);
        rest.node(&name, &facts("True", true, &[]));
        rest.node(&name, &facts("True", true, &[OF_CORDON]));
        pass(&mut rest, 500..600);
        assert!(start(&mut rest, 599) <= 500, "it has not settled");
        pass(&mut rest, 600..1000);
        assert!(start(&mut rest, 999) > 900);
        rest.node(&name, &facts("True", false, &[OF_CORDON]));
        rest.node(&name, &facts("True", false, &[]));
        pass(&mut rest, 1000..1100);
        assert!(start(&mut rest, 1099) <= 1000, "it has not settled");
        pass(&mut rest, 1100..1400);
        assert!(start(&mut rest, 1399) > 1300);
    }

    #[test]
    fn nobody_begins_between_a_fault_and_its_end() {
        for (begins, ends) in [
            ("poweroff-node", "poweron-node"),
            ("partition-start", "partition-heal"),
            ("sigterm-kubelet", "start-kubelet"),
            ("sigstop-containerd", "sigcont-containerd"),
            ("apiserver-exited", "apiserver-ready"),
        ] {
            let mut rest = Rest::default();
            pass(&mut rest, 0..500);
            rest.fault(&fault(begins));
            pass(&mut rest, 500..1000);
            assert!(start(&mut rest, 999) <= 500, "{begins}");
            rest.fault(&fault(ends));
            pass(&mut rest, 1000..1400);
            assert!(start(&mut rest, 1399) > 1100, "{ends}");
        }
    }

    #[test]
    fn what_is_gone_is_followed_for_two_minutes_more() {
        let mut rest = Rest::default();
        pass(&mut rest, 0..100);
        rest.goes(Moment(99));
        pass(&mut rest, 100..200);
        assert_eq!(rest.end_of(Moment(99)), None);
        pass(&mut rest, 200..300);
        assert_eq!(rest.end_of(Moment(99)), Some(Moment(220)));
    }

    #[test]
    fn what_is_gone_is_followed_until_all_machines_are_back() {
        let gone = |back: u64| {
            let mut rest = Rest::default();
            let name = "a".into();
            rest.node(&name, &facts("Unknown", false, &[]));
            pass(&mut rest, 0..100);
            rest.goes(Moment(99));
            pass(&mut rest, 100..back);
            rest.node(&name, &facts("True", false, &[]));
            pass(&mut rest, back..5000);
            rest.end_of(Moment(99)).map(|end| end.0)
        };
        assert_eq!(gone(1000), Some(1120));
        assert_eq!(gone(4000), Some(3700), "an hour is enough");
    }
}
