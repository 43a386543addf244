//! Whom the taint eviction controller deletes, and when (TEC-1 to TEC-4).

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod, Taint};
use podproof_runtime::Cluster;
use podproof_runtime::api::constants::node_of;
use podproof_runtime::api::{Key, Kind as _, Request, Resource};
use podproof_runtime::clock::Moment;
use podproof_runtime::operation::Component;

use super::exposure::{Exposure, exposure, exposure_to};

/// What the controller is late by at most: its watch, its queue, three calls.
const LATE: Duration = Duration::from_secs(10);

/// The clock of one pod. What does not last for so long as the controller may be late, it may never see: it looks at the node that
/// there is when it comes to it (S28 `taint_eviction.go` `handleNodeUpdate`).
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// What the taints of its node mean to it; none while the node is missing: timers go on then (TEC-4).
    exposure: Option<Exposure>,
    /// Since when.
    since: Moment,
    /// Of what came before: since when it had to go, and until when it could stay at most.
    due: Option<(Moment, Moment)>,
    /// Of what came before: when the last timer that may run ends.
    timer: Option<Moment>,
}

impl Clock {
    const fn new(exposure: Option<Exposure>, now: Moment) -> Self {
        Self { exposure, since: now, due: None, timer: None }
    }

    /// A pod is new on a node that meant this to it a moment ago: the controller may still see that.
    fn after(self, before: impl Iterator<Item = Exposure>) -> Self {
        let timers = before.filter_map(|exposure| match exposure {
            Exposure::For(time) => Some(self.since + time),
            Exposure::None => None,
        });
        Self { timer: timers.chain(self.timer).max(), ..self }
    }

    /// The taints mean another thing to it from now on.
    fn turn(self, exposure: Option<Exposure>, now: Moment) -> Self {
        if exposure == self.exposure {
            return self;
        }
        Self { exposure, since: now, due: self.due(now), timer: self.timer(now) }
    }

    fn is_seen(self, now: Moment) -> bool {
        now.since(self.since) >= LATE
    }

    /// Since when it has to go, and until when it can stay at most, as far as the controller must have seen that.
    fn due(self, now: Moment) -> Option<(Moment, Moment)> {
        match self.exposure {
            Some(Exposure::None) => None,
            Some(Exposure::For(Duration::ZERO)) if self.is_seen(now) => Some((self.since, self.since)),
            // TEC-4: a timer that runs goes on, even if the new toleration is shorter.
            Some(Exposure::For(_)) if self.is_seen(now) => {
                self.due.or_else(|| Some((self.since, self.timer(now)?)))
            }
            Some(Exposure::For(_)) | None => self.due,
        }
    }

    /// When the last timer of the controller that may run ends.
    fn timer(self, now: Moment) -> Option<Moment> {
        match self.exposure {
            Some(Exposure::None) => self.timer.filter(|_| !self.is_seen(now)),
            Some(Exposure::For(time)) => self.timer.max(Some(self.since + time)),
            None => self.timer,
        }
    }
}

/// Taints that a node had, and since when; none while it was missing.
type Had = (Moment, Option<Vec<Taint>>);

/// The clocks of all pods, by UID.
#[derive(Debug, Default)]
pub(super) struct Taints {
    clocks: BTreeMap<String, Clock>,
    /// Of each node, by name, what its taints were while the controller may still see them so, the oldest first.
    had: BTreeMap<String, Vec<Had>>,
}

impl Taints {
    fn look_at_nodes(&mut self, cluster: &Cluster, now: Moment) {
        let taints =
            |node: &Node| node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
        let nodes = cluster.server().store().all::<Node>();
        let nodes: BTreeMap<&str, Vec<Taint>> = nodes.map(|(key, node)| (key.name(), taints(node))).collect();
        for name in nodes.keys() {
            self.had.entry((*name).to_owned()).or_default();
        }
        for (name, had) in &mut self.had {
            let has = nodes.get(name.as_str()).cloned();
            if had.last().is_none_or(|(_, last)| *last != has) {
                had.push((now, has));
            }
            let is_over = |next: &Had| now.since(next.0) >= LATE;
            let seen = had.iter().skip(1).take_while(|next| is_over(next)).count();
            had.drain(..seen);
        }
    }

    /// What the node of a pod has meant to it lately.
    fn lately(&self, pod: &Pod) -> impl Iterator<Item = Exposure> {
        let had = node_of(pod).and_then(|name| self.had.get(name)).into_iter().flatten();
        had.filter_map(|(_, taints)| Some(exposure_to(pod, taints.as_ref()?)))
    }

    pub(super) fn look(&mut self, cluster: &Cluster, now: Moment) {
        self.look_at_nodes(cluster, now);
        let store = cluster.server().store();
        let mut clocks = BTreeMap::new();
        for (_, pod) in store.all::<Pod>() {
            let node = node_of(pod).and_then(|name| store.get::<Node>(&Key::global(name)));
            let exposure = node.map(|node| exposure(pod, node));
            let uid = pod.uid().as_str().to_owned();
            let old = self.clocks.get(&uid);
            let new = || Clock::new(exposure, now).after(self.lately(pod));
            clocks.insert(uid, old.map_or_else(new, |old| old.turn(exposure, now)));
        }
        self.clocks = clocks;
    }

    /// TEC-3: who may stay for ever is not deleted.
    pub(super) fn before_write(&self, by: Component, request: &Request, cluster: &Cluster, calm: bool) {
        let (Component::TaintEviction, Request::Delete(Resource::Pod, key, _), true) = (by, request, calm)
        else {
            return;
        };
        let pod = cluster.server().store().get::<Pod>(key);
        let Some(clock) = pod.and_then(|pod| self.clocks.get(pod.uid().as_str())) else { return };
        assert!(
            clock.timer(cluster.now()).is_some(),
            "{key} is deleted, and no taint has been against it since {}",
            clock.since
        );
    }

    /// TEC-3, TEC-4: who may not stay any longer is deleted. Something that went wrong in between may have started its timer anew.
    pub(super) fn at_rest(&self, cluster: &Cluster, trouble: Option<Moment>) {
        for (key, pod) in cluster.server().store().all::<Pod>().filter(|(_, pod)| !pod.is_deleting()) {
            let now = cluster.now();
            let due = self.clocks.get(pod.uid().as_str()).and_then(|clock| clock.due(now));
            let Some((since, until)) = due else { continue };
            let disturbed = trouble.is_some_and(|trouble| trouble + Duration::from_secs(60) > since);
            let late = until + LATE;
            assert!(
                disturbed || now <= late,
                "{key} could stay from {since} until {until}, and is there at {now}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAINTED: Option<Exposure> = Some(Exposure::For(Duration::from_secs(20)));
    const TOLERATED: Option<Exposure> = Some(Exposure::For(Duration::from_secs(300)));
    const UNTAINTED: Option<Exposure> = Some(Exposure::None);
    const GONE: Option<Exposure> = None;

    /// A clock that turns at each of these seconds.
    fn clock(turns: &[(u64, Option<Exposure>)]) -> Clock {
        let turn = |clock: Clock, &(at, exposure): &(u64, _)| clock.turn(exposure, second(at));
        turns.iter().fold(Clock::new(UNTAINTED, second(0)), turn)
    }

    const fn second(at: u64) -> Moment {
        Moment(at * 1_000)
    }

    /// When the pod has to be gone, and whether a timer may run.
    fn judged(turns: &[(u64, Option<Exposure>)], at: u64) -> (Option<u64>, bool) {
        let (clock, now) = (clock(turns), second(at));
        (clock.due(now).map(|(_, until)| until.0 / 1_000), clock.timer(now).is_some())
    }

    #[test]
    fn a_taint_that_lasts_drives_out_and_one_that_does_not_may() {
        assert_eq!(judged(&[(100, TAINTED)], 105), (None, true));
        assert_eq!(judged(&[(100, TAINTED)], 115), (Some(120), true));
        assert_eq!(judged(&[(100, TAINTED), (115, GONE)], 200), (Some(120), true), "timers go on (TEC-4)");
        assert_eq!(judged(&[(100, TAINTED), (101, GONE)], 200), (None, true));
    }

    #[test]
    fn a_timer_ends_when_the_controller_must_have_seen_that_nothing_is_against_the_pod() {
        let back = [(100, TAINTED), (115, UNTAINTED)];
        assert_eq!((judged(&back, 116), judged(&back, 130)), ((None, true), (None, false)));
        assert_eq!(judged(&[back[0], back[1], (116, GONE)], 200), (None, true));
        assert_eq!(judged(&[back[0], back[1], (130, GONE)], 200), (None, false));
    }

    /// The controller may see a taint that was taken back, or a node that was removed, just before the pod came.
    #[test]
    fn what_was_against_a_new_pod_just_before_it_came_may_still_be_seen() {
        let new =
            |exposure, before: &[Exposure]| Clock::new(exposure, second(100)).after(before.iter().copied());
        let (zero, none) = (Exposure::For(Duration::ZERO), Exposure::None);
        assert_eq!(new(GONE, &[zero]).timer(second(101)), Some(second(100)));
        assert_eq!(new(UNTAINTED, &[none, zero]).timer(second(101)), Some(second(100)));
        assert_eq!(new(UNTAINTED, &[none, zero]).timer(second(115)), None, "by now it has looked");
        assert_eq!(new(UNTAINTED, &[none]).timer(second(101)), None);
        assert_eq!(new(GONE, &[zero]).due(second(200)), None, "nor must it see it");
    }

    #[test]
    fn a_timer_that_may_run_may_go_on() {
        assert_eq!(judged(&[(100, TOLERATED), (109, TAINTED)], 120), (Some(400), true), "TEC-4");
        assert_eq!(judged(&[(100, TOLERATED), (120, TAINTED)], 140), (Some(400), true), "TEC-4");
        assert_eq!(judged(&[(100, TAINTED), (120, TOLERATED)], 140), (Some(120), true), "TEC-4");
        let at_once = Some(Exposure::For(Duration::ZERO));
        assert_eq!(judged(&[(100, TOLERATED), (120, at_once)], 140), (Some(120), true), "TEC-3");
    }
}
