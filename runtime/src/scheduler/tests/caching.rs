//! The scheduler's cache and its queue: SCH-4 to SCH-10, SCH-12, SCH-17.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Toleration};

use super::{cache, container, node, on, pod, with};
use crate::api::{Key, Kind};
use crate::clock::{Clock, Moment};
use crate::scheduler::filter::{Plugin, Plugins};
use crate::scheduler::queue::{ClusterEvent, SchedulingQueue};
use crate::slip::{Slip, Slips};

fn at(seconds: u64) -> Clock {
    let mut clock = Clock::default();
    clock.pass_until(Moment(seconds * 1_000));
    clock
}

fn key(name: &str) -> Key {
    Key::new("default", name)
}

fn by(plugin: Plugin) -> Plugins {
    let mut plugins = Plugins::default();
    plugins.insert(plugin);
    plugins
}

fn waiting(queue: &SchedulingQueue) -> Vec<String> {
    queue.next().map(|key| key.name().to_owned()).collect()
}

/// A queue whose pod was rejected by this plugin at second 0.
fn rejected(plugin: Plugin, slips: Slips, during: &[ClusterEvent]) -> SchedulingQueue {
    let mut queue = SchedulingQueue::default();
    queue.configure(slips, false);
    let web = Arc::new(pod("web"));
    queue.add(Arc::clone(&web), Moment(0));
    queue.take(&key("web")).expect("it is active");
    during.iter().for_each(|event| queue.on_event(*event, at(0)));
    queue.requeue(web, by(plugin), at(0));
    queue
}

fn used(cache: &crate::scheduler::cache::Cache, name: &str) -> i128 {
    cache.node(name).map_or(0, |info| info.requested.get("cpu"))
}

#[test]
fn an_assumed_pod_takes_its_room_until_it_is_forgotten() {
    let mut cache = cache(&[node("a", &[])], &[], Slips::NONE);
    let web = Arc::new(with(pod("web"), |spec| spec.containers = vec![container("3")]));
    cache.assume(&web, "a", Slips::NONE);
    assert_eq!(used(&cache, "a"), 3_000, "SCH-4");
    cache.forget(&web.uid());
    assert_eq!(used(&cache, "a"), 0, "SCH-6");
}

#[test]
fn a_pod_that_was_bound_elsewhere_moves() {
    let mut cache = cache(&[node("a", &[]), node("b", &[])], &[], Slips::NONE);
    let web = Arc::new(with(pod("web"), |spec| spec.containers = vec![container("3")]));
    cache.assume(&web, "a", Slips::NONE);
    cache.set_pod(&Arc::new(on((*web).clone(), "b")), Slips::NONE);
    assert_eq!((used(&cache, "a"), used(&cache, "b")), (0, 3_000), "SCH-5");
    assert!(!cache.is_assumed(&web.uid()));
    cache.forget(&web.uid());
    assert_eq!(used(&cache, "b"), 3_000, "what was seen is not forgotten");
}

#[test]
fn a_node_that_comes_back_still_has_its_pods() {
    let old = with(pod("old"), |spec| spec.containers = vec![container("3")]);
    let count = |slips| {
        let mut cache = cache(&[node("a", &[])], &[on(old.clone(), "a")], slips);
        cache.remove_node("a", slips);
        assert_eq!(cache.nodes().count(), 0);
        cache.set_node(&Arc::new(node("a", &[])));
        used(&cache, "a")
    };
    assert_eq!(count(Slips::NONE), 3_000, "SCH-17");
    assert_eq!(count(Slips::only(Slip::NodeRemovalForgetsPods)), 0);
}

#[test]
fn pods_of_higher_priority_come_first_then_those_that_came_first() {
    let mut queue = SchedulingQueue::default();
    queue.add(Arc::new(pod("late")), Moment(2));
    queue.add(Arc::new(pod("early")), Moment(1));
    queue.add(Arc::new(pod("too")), Moment(1));
    assert_eq!(waiting(&queue), ["early", "too"]);
    queue.add(Arc::new(with(pod("urgent"), |spec| spec.priority = Some(5))), Moment(9));
    assert_eq!(waiting(&queue), ["urgent"]);
    assert!(queue.take(&key("early")).is_err(), "it is not its turn");
}

/// The time of a pod is that of its last failure, not of its way to the active queue (S28 `priority_sort.go`).
#[test]
fn a_pod_that_is_woken_goes_before_those_that_came_since_it_failed() {
    let mut queue = rejected(Plugin::TaintToleration, Slips::NONE, &[]);
    queue.add(Arc::new(pod("new")), Moment(20_000));
    queue.on_event(ClusterEvent::NodeTaintsChanged, at(30));
    assert_eq!(waiting(&queue), ["web"]);
}

#[test]
fn a_gated_pod_waits_until_its_gates_are_gone() {
    let gate = k8s_openapi::api::core::v1::PodSchedulingGate { name: "wait".to_owned() };
    let gated = with(pod("web"), |spec| spec.scheduling_gates = Some(vec![gate]));
    let mut queue = SchedulingQueue::default();
    queue.add(Arc::new(gated.clone()), Moment(0));
    assert!(waiting(&queue).is_empty(), "FLT-25");
    queue.update(&gated, Arc::new(pod("web")), at(1));
    assert_eq!(waiting(&queue), ["web"]);
}

#[test]
fn only_events_that_may_help_wake_a_pod() {
    use ClusterEvent as Event;
    let cases = [
        (Plugin::NodeResourcesFit, Event::AssignedPodGone, true),
        (Plugin::NodeResourcesFit, Event::NodeAllocatableChanged, true),
        (Plugin::NodeResourcesFit, Event::NodeTaintsChanged, false),
        (Plugin::TaintToleration, Event::NodeTaintsChanged, true),
        (Plugin::TaintToleration, Event::AssignedPodGone, false),
        (Plugin::NodeUnschedulable, Event::NodeTaintsChanged, true),
        (Plugin::NodeAffinity, Event::NodeLabelsChanged, true),
        (Plugin::NodePorts, Event::AssignedPodGone, true),
        (Plugin::InterPodAffinity, Event::AssignedPodAdded, true),
        (Plugin::InterPodAffinity, Event::NodeTaintsChanged, false),
        (Plugin::PodTopologySpread, Event::AssignedPodChanged, true),
        (Plugin::PodTopologySpread, Event::NodeRemoved, true),
        (Plugin::NodeName, Event::NodeAdded, true),
        (Plugin::NodeName, Event::NodeLabelsChanged, false),
    ];
    for (plugin, event, helps) in cases {
        let mut queue = rejected(plugin, Slips::NONE, &[]);
        assert!(queue.is_unschedulable(&key("web")));
        queue.on_event(event, at(20));
        assert_eq!(waiting(&queue) == ["web"], helps, "SCH-8: {plugin:?} {event:?}");
    }
}

#[test]
fn what_helps_during_the_cycle_is_not_lost() {
    let events = [ClusterEvent::AssignedPodGone];
    let queue = rejected(Plugin::NodeResourcesFit, Slips::NONE, &events);
    assert!(!queue.is_unschedulable(&key("web")), "SCH-8");
    let queue = rejected(Plugin::TaintToleration, Slips::NONE, &events);
    assert!(queue.is_unschedulable(&key("web")), "SCH-8: it does not help this one");
    let slip = Slips::only(Slip::EventsDuringCycleLost);
    assert!(rejected(Plugin::NodeResourcesFit, slip, &events).is_unschedulable(&key("web")));
}

/// S28 `scheduling_queue.go` `Update`: what the pod itself changes while it is in its cycle counts, too.
#[test]
fn what_the_pod_itself_changes_during_its_cycle_is_not_lost() {
    let changed = |change: fn(&mut Pod)| {
        let mut queue = SchedulingQueue::default();
        let old = pod("web");
        queue.add(Arc::new(old.clone()), Moment(0));
        queue.take(&key("web")).expect("it is active");
        let mut new = old.clone();
        change(&mut new);
        queue.update(&old, Arc::new(new.clone()), at(0));
        queue.requeue(Arc::new(new), by(Plugin::TaintToleration), at(0));
        !queue.is_unschedulable(&key("web"))
    };
    let tolerates = |pod: &mut Pod| {
        super::spec(pod).tolerations =
            Some(vec![Toleration { operator: Some("Exists".to_owned()), ..Toleration::default() }]);
    };
    assert!(changed(tolerates), "SCH-8");
    assert!(!changed(|pod| pod.status.get_or_insert_default().phase = Some("Pending".to_owned())), "SCH-8");
}

#[test]
fn slip_deleted_pods_wake_nobody() {
    let mut queue = rejected(Plugin::NodeResourcesFit, Slips::only(Slip::DeletedPodsWakeNobody), &[]);
    queue.on_event(ClusterEvent::AssignedPodGone, at(20));
    assert!(queue.is_unschedulable(&key("web")));
}

#[test]
fn a_woken_pod_backs_off_first_and_longer_each_time() {
    let mut queue = rejected(Plugin::NodeResourcesFit, Slips::NONE, &[]);
    queue.on_event(ClusterEvent::AssignedPodGone, at(0));
    assert!(waiting(&queue).is_empty(), "SCH-9: 1 s");
    assert!(queue.flush_backoff(at(0)).is_err());
    queue.flush_backoff(at(1)).expect("it is due");
    assert_eq!(waiting(&queue), ["web"]);
    let mut now = 1;
    for delay in [2, 4, 8, 10, 10] {
        queue.take(&key("web")).expect("it is active");
        queue.requeue(Arc::new(pod("web")), Plugins::default(), at(now));
        for _ in 1..delay {
            now += 1;
            queue.flush_backoff(at(now)).expect("it ticks every second");
            assert!(waiting(&queue).is_empty(), "SCH-9: {delay} s");
        }
        now += 1;
        queue.flush_backoff(at(now)).expect("it ticks every second");
        assert_eq!(waiting(&queue), ["web"], "SCH-9: {delay} s");
    }
    assert!(queue.flush_backoff(at(now + 1)).is_err(), "nothing backs off any more");
}

#[test]
fn a_pod_that_no_event_wakes_is_tried_again_after_five_minutes() {
    let mut queue = rejected(Plugin::NodeResourcesFit, Slips::NONE, &[]);
    let mut now = 0;
    while queue.is_unschedulable(&key("web")) {
        let due = queue.next_deadline().expect("it is looked for");
        assert_eq!(due.since(Moment(now * 1_000)), Duration::from_secs(30), "SCH-10");
        now += 30;
        queue.flush_unschedulable(at(now)).expect("it is due");
    }
    assert_eq!(now, 330, "SCH-10");
    assert_eq!(waiting(&queue), ["web"]);
}

#[test]
fn an_idle_scheduler_takes_a_rejected_pod_early_but_none_after_an_error() {
    let early = |rejectors, pops| {
        let mut queue = SchedulingQueue::default();
        queue.configure(Slips::NONE, pops);
        queue.add(Arc::new(pod("web")), Moment(0));
        queue.take(&key("web")).expect("it is active");
        queue.on_event(ClusterEvent::NodeAdded, at(0));
        queue.requeue(Arc::new(pod("web")), rejectors, at(0));
        waiting(&queue) == ["web"]
    };
    assert!(early(by(Plugin::NodeResourcesFit), true), "SCH-12");
    assert!(!early(Plugins::default(), true), "SCH-12");
    assert!(!early(by(Plugin::NodeResourcesFit), false), "SCH-12: before 1.33");
}
