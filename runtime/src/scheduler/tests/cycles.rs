//! The scheduler among calls: it decides, binds, fails, and learns.

use k8s_openapi::api::core::v1::{Node, Pod};
use podproof_vocabulary::Release;

use super::{container, node, on, pod, with};
use crate::api::constants::{node_of, pod_condition};
use crate::api::{DeleteOptions, Key, Kind, Preconditions, Request, Resource};
use crate::chooser::First;
use crate::client::{Call, CallState};
use crate::operation::{Component, Process};
use crate::scheduler::Scheduler;
use crate::slip::{Slip, Slips};
use crate::{Cluster, Operation, Step};

/// A cluster with a scheduler and nobody else.
struct Bench {
    cluster: Cluster,
}

impl Bench {
    fn new(slips: Slips, nodes: &[Node]) -> Self {
        Self::at(Release::NEWEST, slips, nodes)
    }

    fn at(release: Release, slips: Slips, nodes: &[Node]) -> Self {
        let mut cluster = Cluster::new(release, slips, Box::new(First));
        for node in nodes {
            let mut node = node.clone();
            node.metadata.uid = None;
            cluster.call(Request::Create(node.clone().into())).expect("it is new");
            // The admission's taint goes: the node is Ready.
            let created: &Node = cluster.server().store().get(&node.key()).expect("it was created");
            let mut ready = created.clone();
            ready.spec.get_or_insert_default().taints = None;
            cluster.call(Request::Update(ready.into())).expect("it exists");
        }
        cluster.add(Process::Scheduler, Box::new(Scheduler::default()));
        Self { cluster }
    }

    fn create(&mut self, mut pod: Pod) {
        pod.metadata.uid = None;
        self.cluster.call(Request::Create(pod.into())).expect("it is new");
    }

    fn pending(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        self.cluster.pending(&mut operations);
        operations
    }

    /// Lets everything happen but what `stop` says, in order.
    fn settle_but(&mut self, stop: impl Fn(&Self, &Operation) -> bool) {
        for _ in 0..10_000 {
            let operations = self.pending();
            let Some(next) = operations.into_iter().find(|operation| !stop(self, operation)) else { return };
            self.cluster.complete(&next).expect("it is pending");
        }
        panic!("it does not settle: {:?}", self.pending());
    }

    fn settle(&mut self) {
        self.settle_but(|_, _| false);
    }

    /// Is it the arrival of a binding?
    fn is_binding(&self, operation: &Operation) -> bool {
        let Step::Arrive(call) = operation.step else { return false };
        self.cluster.calls().get(call).is_some_and(|call| matches!(call.request, Request::Bind { .. }))
    }

    fn bindings(&self) -> Vec<Call> {
        let calls = self.cluster.calls().iter();
        calls.filter(|call| matches!(call.request, Request::Bind { .. })).cloned().collect()
    }

    fn node_of(&self, name: &str) -> Option<String> {
        let pod: &Pod = self.cluster.server().store().get(&Key::new("default", name))?;
        node_of(pod).map(str::to_owned)
    }

    fn scheduler(&self) -> &Scheduler {
        self.cluster.actor(Process::Scheduler).expect("it was added")
    }

    fn complete(&mut self, component: Component, step: Step) {
        self.cluster.complete(&Operation::new(component, step)).expect("it is pending");
    }
}

fn asks(name: &str, cpu: &str) -> Pod {
    with(pod(name), |spec| spec.containers = vec![container(cpu)])
}

#[test]
fn a_pod_is_bound_and_the_cache_confirms_it() {
    let mut bench = Bench::new(Slips::NONE, &[node("a", &[])]);
    bench.create(asks("web", "1"));
    bench.settle();
    assert_eq!(bench.node_of("web").as_deref(), Some("a"));
    let used = bench.scheduler().cache().node("a").map(|info| info.requested.get("cpu"));
    assert_eq!(used, Some(1_000));
}

/// kubernetes/kubernetes#116717: pods that are on nodes already count from the first cycle on, however late the handlers are told
/// of them.
#[test]
fn the_first_cycle_waits_until_the_handlers_were_told() {
    for (minor, early) in [(27, true), (28, false)] {
        let mut bench = Bench::at(Release { minor }, Slips::NONE, &[node("a", &[])]);
        bench.create(asks("new", "3"));
        bench.create(on(asks("old", "3"), "a"));
        bench.settle_but(|_, operation| operation.step == Step::Notify(Resource::Pod));
        bench.complete(Component::Scheduler, Step::Notify(Resource::Pod));
        let schedule = Step::Schedule(Key::new("default", "new"));
        let begins = bench.pending().iter().any(|operation| operation.step == schedule);
        assert_eq!(begins, early, "1.{minor}");
        bench.settle();
        assert_eq!(bench.node_of("new"), None, "1.{minor}: told in time, it knows that there is no room");
    }
}

#[test]
fn a_binding_in_flight_takes_its_room() {
    let count = |slips| {
        let mut bench = Bench::new(slips, &[node("a", &[])]);
        bench.create(asks("one", "3"));
        bench.create(asks("two", "3"));
        bench.settle_but(Bench::is_binding);
        bench.bindings().len()
    };
    assert_eq!(count(Slips::NONE), 1, "SCH-4");
    assert_eq!(count(Slips::only(Slip::AssumeForgotten)), 2);
}

/// The next cycle comes after the answer to a binding, and before the watch tells of it.
#[test]
fn a_pod_keeps_its_room_until_the_watch_has_told_of_it() {
    let count = |slips| {
        let mut bench = Bench::new(slips, &[node("a", &[])]);
        bench.create(asks("one", "3"));
        bench.create(asks("two", "3"));
        let two = Step::Schedule(Key::new("default", "two"));
        bench.settle_but(|bench, operation| bench.is_binding(operation) || operation.step == two);
        let call = bench.bindings()[0].id;
        bench.complete(Component::Scheduler, Step::Arrive(call));
        bench.complete(Component::Scheduler, Step::Answer(call));
        bench.complete(Component::Scheduler, two);
        bench.bindings().len()
    };
    assert_eq!(count(Slips::NONE), 0, "SCH-4");
    assert_eq!(count(Slips::only(Slip::AssumedPodExpires)), 1);
}

#[test]
fn a_binding_whose_answer_is_lost_is_found_out_by_the_watch() {
    let mut bench = Bench::new(Slips::NONE, &[node("a", &[])]);
    bench.create(asks("web", "1"));
    bench.settle_but(Bench::is_binding);
    let call = bench.bindings()[0].id;
    bench.complete(Component::Scheduler, Step::Arrive(call));
    // The pod is bound; the scheduler only learns that time ran out.
    bench.complete(Component::Scheduler, Step::LoseAnswer(call));
    bench.settle_but(Bench::is_binding);
    if let Some(again) = bench.bindings().first() {
        assert_eq!(again.state, CallState::Sent);
        let id = again.id;
        bench.complete(Component::Scheduler, Step::Arrive(id));
    }
    bench.settle();
    assert_eq!(bench.node_of("web").as_deref(), Some("a"), "SCH-6");
    let used = bench.scheduler().cache().node("a").map(|info| info.requested.get("cpu"));
    assert_eq!(used, Some(1_000), "SCH-6: counted once");
}

#[test]
fn a_failed_binding_gives_the_room_back_and_is_tried_again() {
    let retried = |slips| {
        let mut bench = Bench::new(slips, &[node("a", &[])]);
        bench.create(asks("web", "3"));
        bench.settle_but(Bench::is_binding);
        let call = bench.bindings()[0].id;
        bench.complete(Component::Scheduler, Step::LoseRequest(call));
        let next = crate::clock::Moment(20_000);
        bench.cluster.pass_until(next);
        bench.settle();
        bench.node_of("web").is_some()
    };
    assert!(retried(Slips::NONE), "SCH-6");
    assert!(!retried(Slips::only(Slip::FailedBindingNotForgotten)));
}

/// What was seen of a binding whose answer is lost has given no room back (S28 `handleBindingCycleError`).
#[test]
fn a_binding_that_was_seen_and_whose_answer_is_lost_wakes_nobody() {
    let mut bench = Bench::new(Slips::NONE, &[node("a", &[])]);
    bench.create(asks("one", "3"));
    bench.settle_but(Bench::is_binding);
    bench.create(asks("two", "3"));
    bench.settle_but(Bench::is_binding);
    let call = bench.bindings()[0].id;
    bench.complete(Component::Scheduler, Step::Arrive(call));
    bench.settle_but(|_, operation| operation.step == Step::Answer(call));
    bench.complete(Component::Scheduler, Step::LoseAnswer(call));
    assert!(bench.scheduler().queue().is_unschedulable(&Key::new("default", "two")), "SCH-6");
}

/// A pod is deleted while its binding is in flight, at once or when a finalizer lets it.
#[test]
fn a_pod_that_is_deleted_while_it_is_bound_gives_its_room_back_at_once_from_1_35_on() {
    for (minor, finalizer) in [(34, false), (34, true), (35, false), (35, true)] {
        let mut bench = Bench::at(Release { minor }, Slips::NONE, &[node("a", &[])]);
        let mut one = asks("one", "3");
        one.metadata.finalizers = finalizer.then(|| vec!["example.com/keep".to_owned()]);
        bench.create(one);
        bench.settle_but(Bench::is_binding);
        bench.create(asks("two", "3"));
        bench.settle_but(Bench::is_binding);
        let call = bench.bindings()[0].id;
        let delete = Request::Delete(Resource::Pod, Key::new("default", "one"), DeleteOptions::default());
        bench.cluster.call(delete).expect("it exists");
        let later = |bench: &mut Bench, seconds: u64| {
            bench.cluster.pass_until(crate::clock::Moment(seconds * 1_000));
            bench.settle_but(|bench, operation| {
                bench.is_binding(operation) && operation.step == Step::Arrive(call)
            });
        };
        later(&mut bench, 2);
        assert_eq!(bench.node_of("two").is_some(), minor >= 35, "1.{minor}, finalizer: {finalizer}");
        bench.complete(Component::Scheduler, Step::Arrive(call));
        later(&mut bench, 4);
        assert_eq!(bench.node_of("two").as_deref(), Some("a"), "SCH-6: 1.{minor}, finalizer: {finalizer}");
        let used = bench.scheduler().cache().node("a").map(|info| info.requested.get("cpu"));
        assert_eq!(used, Some(3_000), "1.{minor}, finalizer: {finalizer}");
    }
}

/// The watch breaks before it tells that a pod is bound and gone, and the list comes before the answer to the binding.
#[test]
fn a_pod_that_was_bound_and_is_gone_unseen_gives_its_room_back() {
    for minor in [34, 35] {
        let mut bench = Bench::at(Release { minor }, Slips::NONE, &[node("a", &[])]);
        bench.create(asks("one", "3"));
        bench.settle_but(Bench::is_binding);
        let call = bench.bindings()[0].id;
        bench.complete(Component::Scheduler, Step::Arrive(call));
        let options = DeleteOptions { grace_seconds: Some(0), preconditions: Preconditions::NONE };
        let delete = Request::Delete(Resource::Pod, Key::new("default", "one"), options);
        bench.cluster.call(delete).expect("it exists");
        bench.complete(Component::Scheduler, Step::BreakWatch(Resource::Pod));
        bench.cluster.server_mut().compact();
        bench.settle_but(|_, operation| operation.step == Step::Answer(call));
        bench.settle();
        let used = bench.scheduler().cache().node("a").map(|info| info.requested.get("cpu"));
        assert_eq!(used, Some(0), "1.{minor}");
    }
}

/// SCH-13: before 1.34 a cycle without a node ends with the answer to what it writes.
#[test]
fn the_next_cycle_waits_for_the_condition_of_the_last_before_1_34() {
    for (minor, begins) in [(33, false), (34, true)] {
        let mut bench = Bench::at(Release { minor }, Slips::NONE, &[node("a", &[])]);
        bench.create(asks("big", "8"));
        bench.create(asks("web", "1"));
        let web = Step::Schedule(Key::new("default", "web"));
        let writes = |bench: &Bench, operation: &Operation| {
            let Step::Arrive(call) = operation.step else { return false };
            bench.cluster.calls().get(call).is_some_and(|call| matches!(call.request, Request::Patch(..)))
        };
        bench.settle_but(|bench, operation| writes(bench, operation) || operation.step == web);
        let offered = bench.pending().iter().any(|operation| operation.step == web);
        assert_eq!(offered, begins, "1.{minor}");
        bench.settle();
        assert_eq!(bench.node_of("web").as_deref(), Some("a"), "1.{minor}");
    }
}

#[test]
fn a_deleting_pod_is_skipped() {
    let mut bench = Bench::new(Slips::NONE, &[node("a", &[])]);
    let mut kept = asks("web", "1");
    kept.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
    bench.create(kept);
    let delete = Request::Delete(Resource::Pod, Key::new("default", "web"), DeleteOptions::default());
    bench.cluster.call(delete).expect("it exists");
    bench.settle();
    assert_eq!(bench.node_of("web"), None, "SCH-2");
    assert!(bench.scheduler().queue().attempts(&Key::new("default", "web")).is_none());
}

#[test]
fn another_schedulers_pod_is_left_alone() {
    let mut bench = Bench::new(Slips::NONE, &[node("a", &[])]);
    bench.create(with(pod("web"), |spec| spec.scheduler_name = Some("mine".to_owned())));
    bench.settle();
    assert_eq!(bench.node_of("web"), None, "SCH-2");
}

#[test]
fn a_pod_without_a_node_says_so_and_is_woken_by_a_deletion() {
    let mut bench = Bench::new(Slips::NONE, &[node("a", &[])]);
    bench.create(asks("old", "3"));
    bench.settle();
    bench.create(asks("new", "3"));
    bench.settle();
    let key = Key::new("default", "new");
    assert!(bench.scheduler().queue().is_unschedulable(&key));
    let pod: &Pod = bench.cluster.server().store().get(&key).expect("it exists");
    let scheduled = pod_condition(pod, "PodScheduled").expect("SCH-7");
    assert_eq!((&*scheduled.status, scheduled.reason.as_deref()), ("False", Some("Unschedulable")), "SCH-7");
    let options = DeleteOptions { grace_seconds: Some(0), preconditions: Preconditions::NONE };
    bench
        .cluster
        .call(Request::Delete(Resource::Pod, Key::new("default", "old"), options))
        .expect("it exists");
    bench.settle();
    bench.cluster.pass_until(crate::clock::Moment(2_000));
    bench.settle();
    assert_eq!(bench.node_of("new").as_deref(), Some("a"), "SCH-8");
}

#[test]
fn slip_deleted_pods_keep_room() {
    let mut bench = Bench::new(Slips::only(Slip::DeletedPodsKeepRoom), &[node("a", &[])]);
    bench.create(asks("old", "3"));
    bench.settle();
    let options = DeleteOptions { grace_seconds: Some(0), preconditions: Preconditions::NONE };
    bench
        .cluster
        .call(Request::Delete(Resource::Pod, Key::new("default", "old"), options))
        .expect("it exists");
    bench.create(asks("new", "3"));
    bench.settle();
    assert_eq!(bench.node_of("new"), None);
}

#[test]
fn a_terminal_pod_frees_its_node() {
    let mut bench = Bench::new(Slips::NONE, &[node("a", &[])]);
    bench.create(asks("old", "3"));
    bench.settle();
    let mut done: Pod =
        bench.cluster.server().store().get::<Pod>(&Key::new("default", "old")).expect("it exists").clone();
    done.status.get_or_insert_default().phase = Some("Succeeded".to_owned());
    bench.cluster.call(Request::UpdateStatus(done.into())).expect("it exists");
    bench.create(asks("new", "3"));
    bench.settle();
    assert_eq!(bench.node_of("new").as_deref(), Some("a"), "SCH-1");
}

#[test]
fn a_restarted_scheduler_starts_from_the_list() {
    let mut bench = Bench::new(Slips::NONE, &[node("a", &[])]);
    bench.create(asks("old", "3"));
    bench.settle_but(Bench::is_binding);
    bench.cluster.stop(Process::Scheduler);
    bench.cluster.start(Process::Scheduler);
    // The binding of before still arrives, and the new scheduler's own is refused.
    bench.settle();
    assert_eq!(bench.node_of("old").as_deref(), Some("a"), "CTL-5");
}
