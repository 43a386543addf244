//! The ReplicaSet controller: RS-1 to RS-8, CTL-1 to CTL-6, GC-1, GC-2.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use podproof_vocabulary::Release;

use super::super::informers::controller_of;
use super::super::replica_set::victims;
use super::{bench, bench_at, replica_set, update};
use crate::api::{DeleteOptions, Kind, Patch, Preconditions, Request, Resource};
use crate::client::{Call, Calls};
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::{Component, Process};
use crate::slip::{Slip, Slips};
use crate::testing::{Bench, bound, delivers, key, pod};
use crate::{Operation, Step};

const OWN: Component = Component::ReplicaSet;

fn with_set(replicas: i32, slips: Slips) -> Bench {
    let mut bench = bench(1, slips);
    bench.create(replica_set(replicas));
    bench.settle();
    bench
}

fn scale(bench: &mut Bench, replicas: i32) {
    let scale = Request::Scale(Resource::ReplicaSet, key("web"), Preconditions::NONE, replicas);
    bench.call(scale).expect("it exists");
}

fn status(bench: &Bench) -> k8s_openapi::api::apps::v1::ReplicaSetStatus {
    bench.get::<ReplicaSet>("web").and_then(|set| set.status.clone()).unwrap_or_default()
}

/// Runs every pod on node-0.
fn run_all(bench: &mut Bench) {
    for name in bench.names() {
        let unbound = bench.pod(&name).is_some_and(|pod| crate::api::constants::node_of(pod).is_none());
        if unbound {
            let bind =
                Request::Bind { pod: key(&name), preconditions: Preconditions::NONE, node: "node-0".into() };
            bench.call(bind).expect("it is not bound");
        }
        bench.run(&name, true);
    }
    bench.settle();
}

fn creates(bench: &Bench) -> Vec<Call> {
    bench.writes(OWN).into_iter().filter(|call| matches!(call.request, Request::Create(_))).collect()
}

fn is_own_arrival(bench: &Bench, operation: &Operation) -> bool {
    let arrives = matches!(operation.step, Step::Arrive(_));
    operation.component == OWN && arrives && bench.request(operation).is_some_and(Request::is_write)
}

#[test]
fn there_come_to_be_as_many_pods_as_are_wanted() {
    let mut bench = with_set(3, Slips::NONE);
    assert_eq!(bench.pods().len(), 3, "RS-3");
    assert!(
        bench.pods().iter().all(|pod| controller_of(&pod.metadata).is_some_and(|owner| owner.name == "web"))
    );
    scale(&mut bench, 1);
    bench.settle();
    assert_eq!(bench.pods().len(), 1, "RS-3");
    assert_eq!(status(&bench).replicas, 1);
}

#[test]
fn creation_starts_slowly() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(replica_set(9));
    let mut batches = Vec::new();
    for _ in 0..4 {
        bench.settle_but(is_own_arrival);
        let batch = creates(&bench);
        batches.push(batch.len());
        batch.iter().for_each(|call| bench.arrive(call));
    }
    assert_eq!(batches, [1, 2, 4, 2], "CTL-4");
}

#[test]
fn a_failed_batch_ends_the_sync_and_a_later_one_goes_on() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(replica_set(9));
    bench.settle_but(is_own_arrival);
    let first = creates(&bench).remove(0);
    bench.lose(OWN, first.id);
    bench.settle_but(is_own_arrival);
    assert!(creates(&bench).is_empty(), "CTL-4");
    bench.pass(1);
    assert_eq!(bench.pods().len(), 9, "CTL-1, CTL-3: what was skipped is not expected");
}

#[test]
fn slip_timed_out_creation_expected_waits_in_vain() {
    let mut bench = bench(1, Slips::only(Slip::TimedOutCreationExpected));
    bench.create(replica_set(1));
    bench.settle_but(is_own_arrival);
    let first = creates(&bench).remove(0);
    bench.lose(OWN, first.id);
    bench.pass(60);
    assert!(bench.pods().is_empty());
}

#[test]
fn a_creation_that_the_cache_does_not_show_yet_is_not_repeated() {
    let count = |slips| {
        let mut bench = bench(1, slips);
        bench.create(replica_set(1));
        bench.settle_but(|_, operation| delivers(operation, Resource::Pod));
        // Something brings the ReplicaSet back.
        scale(&mut bench, 2);
        bench.settle_but(|_, operation| delivers(operation, Resource::Pod));
        bench.pods().len()
    };
    assert_eq!(count(Slips::NONE), 1, "CTL-3: nothing is done while something is expected");
    assert!(count(Slips::only(Slip::ExpectationsForgotten)) > 2);
}

#[test]
fn expectations_that_are_not_met_are_given_up_before_1_36() {
    let count = |minor| {
        let mut bench = bench_at(Release { minor }, 1, Slips::NONE);
        bench.create(replica_set(1));
        let held = |_: &Bench, operation: &Operation| delivers(operation, Resource::Pod);
        bench.settle_but(held);
        bench.pass_but(301, held);
        scale(&mut bench, 2);
        bench.pass_but(1, held);
        let count = bench.pods().len();
        bench.settle();
        bench.pass(60);
        assert_eq!(bench.pods().len(), 2, "in the end");
        count
    };
    assert_eq!(count(35), 3, "CTL-3: after five minutes it trusts its cache again, and creates too many");
    assert_eq!(count(36), 1, "API-42: it waits until its cache shows what it wrote");
}

#[test]
fn the_next_of_the_name_expects_nothing() {
    let grown = |slips| {
        let mut bench = bench(1, slips);
        bench.create(replica_set(1));
        bench.settle_but(is_own_arrival);
        let call = creates(&bench).remove(0);
        bench.arrive(&call);
        bench.settle_but(|_, operation| delivers(operation, Resource::Pod));
        let delete = Request::Delete(Resource::ReplicaSet, key("web"), DeleteOptions::default());
        bench.call(delete).expect("it exists");
        bench.settle_but(|_, operation| delivers(operation, Resource::Pod));
        // Its pod belongs to nobody any more; the new one makes its own.
        let mut next = replica_set(1);
        next.spec.get_or_insert_default().selector.match_labels =
            Some(crate::testing::labels(&[("app", "other")]));
        bench.create(next);
        bench.settle_but(|_, operation| delivers(operation, Resource::Pod));
        bench.pods().len()
    };
    assert_eq!(grown(Slips::NONE), 2, "CTL-3");
    assert_eq!(grown(Slips::only(Slip::ExpectationsInherited)), 1);
}

#[test]
fn a_deleting_pod_is_replaced_at_once_and_a_failed_one_too() {
    let count = |slips, end: fn(&mut Bench, &str)| {
        let mut bench = with_set(2, slips);
        run_all(&mut bench);
        let first = bench.names().remove(0);
        end(&mut bench, &first);
        bench.settle();
        bench.pods().len()
    };
    let delete = |bench: &mut Bench, name: &str| bench.delete_pod(name, None);
    let fail = |bench: &mut Bench, name: &str| bench.set_phase(name, "Failed");
    assert_eq!(count(Slips::NONE, delete), 3, "RS-2");
    assert_eq!(count(Slips::only(Slip::DeletingPodsCounted), delete), 2);
    assert_eq!(count(Slips::NONE, fail), 3, "RS-4: the failed one stays");
    assert_eq!(count(Slips::only(Slip::FailedPodsCounted), fail), 2);
}

#[test]
fn a_set_that_is_being_deleted_creates_nothing() {
    let mut bench = bench(1, Slips::NONE);
    let mut set = replica_set(2);
    set.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
    bench.create(set);
    let delete = Request::Delete(Resource::ReplicaSet, key("web"), DeleteOptions::default());
    bench.call(delete).expect("it exists");
    bench.settle();
    assert!(bench.pods().is_empty(), "RS-6");
}

#[test]
fn orphans_are_adopted_after_a_live_look() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(pod("orphan"));
    bench.settle();
    bench.create(replica_set(1));
    bench.settle();
    assert_eq!(bench.names(), ["orphan"], "GC-1: it counts as the replica");
    assert!(bench.pod("orphan").is_some_and(|pod| controller_of(&pod.metadata).is_some()));
}

#[test]
fn a_set_that_is_gone_by_a_live_look_adopts_nobody() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(pod("orphan"));
    bench.create(replica_set(1));
    bench.settle_but(|bench, operation| {
        matches!(operation.step, Step::Arrive(_))
            && matches!(bench.request(operation), Some(Request::Get(Resource::ReplicaSet, _)))
    });
    let delete = Request::Delete(Resource::ReplicaSet, key("web"), DeleteOptions::default());
    bench.call(delete).expect("it exists");
    bench.settle();
    assert!(bench.pod("orphan").is_some_and(|pod| controller_of(&pod.metadata).is_none()), "RS-8");
}

#[test]
fn a_pod_whose_labels_no_longer_match_is_released_and_replaced() {
    let mut bench = with_set(1, Slips::NONE);
    let name = bench.names().remove(0);
    bench.patch_pod(&name, Patch::Label { name: "app".to_owned(), value: Some("debug".to_owned()) });
    bench.settle();
    assert!(bench.pod(&name).is_some_and(|pod| controller_of(&pod.metadata).is_none()), "GC-2");
    assert_eq!(bench.pods().len(), 2);
}

/// Kubernetes: `replica_set.go` `updatePod` tells of the pod as it was, too, if the labels differ.
#[test]
fn a_list_in_which_a_pod_is_released_and_deleted_shows_the_deletion() {
    let mut bench = with_set(2, Slips::NONE);
    run_all(&mut bench);
    scale(&mut bench, 1);
    bench.settle_but(is_own_arrival);
    let deletion = bench.writes(OWN).remove(0);
    let Request::Delete(_, victim, _) = &deletion.request else { panic!("{deletion:?}") };
    let name = victim.name().to_owned();
    bench.complete(Component::ControllerManager, Step::BreakWatch(Resource::Pod));
    let owner = bench.get::<ReplicaSet>("web").map(Kind::uid).expect("it exists");
    bench.patch_pod(&name, Patch::Label { name: "app".to_owned(), value: Some("debug".to_owned()) });
    bench.patch_pod(&name, Patch::RemoveOwner(owner));
    bench.arrive(&deletion);
    bench.cluster.server_mut().compact();
    bench.settle();
    bench.pass(5);
    scale(&mut bench, 2);
    bench.settle();
    let owned = |pod: &&&Pod| controller_of(&pod.metadata).is_some();
    assert_eq!(bench.pods().iter().filter(owned).count(), 2, "CTL-3");
}

#[test]
fn available_is_ready_for_min_ready_seconds() {
    let mut bench = bench(1, Slips::NONE);
    let mut set = replica_set(1);
    set.spec.get_or_insert_default().min_ready_seconds = Some(10);
    bench.create(set);
    bench.settle();
    run_all(&mut bench);
    assert_eq!(
        (status(&bench).ready_replicas, status(&bench).available_replicas),
        (Some(1), Some(0)),
        "RS-7"
    );
    bench.pass(9);
    assert_eq!(status(&bench).available_replicas, Some(0), "RS-7");
    bench.pass(2);
    assert_eq!(status(&bench).available_replicas, Some(1), "RS-7: by time alone");
}

#[test]
fn a_status_that_conflicts_is_written_from_a_fresh_copy() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(replica_set(0));
    bench.settle_but(is_own_arrival);
    update::<ReplicaSet>(&mut bench, &key("web"), |set| {
        set.metadata.annotations = Some(crate::testing::labels(&[("a", "b")]));
    });
    bench.settle_but(|_, operation| delivers(operation, Resource::ReplicaSet));
    assert_eq!(status(&bench).observed_generation, Some(1));
}

/// What the second write says is what the sync acted on (S28 `replica_set_utils.go` `updateReplicaSetStatus`).
#[test]
fn a_status_that_is_written_again_tells_the_generation_that_was_acted_on() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(replica_set(0));
    bench.settle_but(is_own_arrival);
    scale(&mut bench, 1);
    let seen = |bench: &Bench| bench.get::<ReplicaSet>("web").and_then(|set| set.metadata.generation);
    assert_eq!(seen(&bench), Some(2));
    bench.settle_but(|_, operation| delivers(operation, Resource::ReplicaSet));
    assert_eq!(status(&bench).observed_generation, Some(1), "nobody has created the pod yet");
}

/// S28 `controller_ref_manager.go` `ReleasePod`: that a pod is another by now is no error.
#[test]
fn a_pod_that_was_replaced_before_its_release_does_not_end_the_sync() {
    let mut bench = with_set(1, Slips::NONE);
    let name = bench.names().remove(0);
    bench.patch_pod(&name, Patch::Label { name: "app".to_owned(), value: Some("debug".to_owned()) });
    bench.settle_but(is_own_arrival);
    bench.delete_pod(&name, Some(0));
    let mut namesake = pod(&name);
    namesake.metadata.labels = None;
    bench.create(namesake);
    bench.settle_but(|_, operation| delivers(operation, Resource::Pod));
    assert_eq!(bench.pods().len(), 2, "GC-2, RS-3");
}

/// S28 `replica_set.go` `getReplicaSetsWithSameController`: without an owner nothing is beside a pod.
#[test]
fn the_pods_of_a_set_without_an_owner_are_not_counted_by_node() {
    let mut bench = bench(2, Slips::NONE);
    bench.create(replica_set(3));
    bench.settle();
    let names = bench.names();
    for (index, name) in names.iter().enumerate() {
        if index == 2 {
            bench.pass_but(1_000, |_, operation| operation.component == Component::NodeLifecycle);
        }
        let node = if index == 2 { "node-1" } else { "node-0" };
        let bind = Request::Bind { pod: key(name), preconditions: Preconditions::NONE, node: node.into() };
        bench.call(bind).expect("it is not bound");
        bench.run(name, true);
    }
    let held = |_: &Bench, operation: &Operation| operation.component == Component::NodeLifecycle;
    bench.pass_but(10, held);
    scale(&mut bench, 2);
    bench.settle_but(held);
    let youngest = bench.pod(&names[2]);
    assert!(youngest.is_none_or(Kind::is_deleting), "RS-5: it was ready for the shortest time");
}

#[test]
fn deletions_name_no_uid() {
    let mut bench = with_set(1, Slips::NONE);
    scale(&mut bench, 0);
    bench.settle_but(is_own_arrival);
    let calls = bench.writes(OWN);
    let plain = |call: &Call| matches!(&call.request, Request::Delete(_, _, options) if options.preconditions == Preconditions::NONE);
    assert!(calls.len() == 1 && plain(&calls[0]), "CTL-6");
}

#[test]
fn a_restarted_controller_counts_what_is_there() {
    let mut bench = with_set(3, Slips::NONE);
    bench.cluster.stop(Process::ControllerManager);
    bench.cluster.start(Process::ControllerManager);
    bench.settle();
    assert_eq!(bench.pods().len(), 3);
}

/// The pods that go first when so many must.
fn chosen(pods: &[Pod], related: &[Pod], count: usize, slips: Slips) -> Vec<String> {
    chosen_in(Release::NEWEST, pods, related, count, slips)
}

fn chosen_in(release: Release, pods: &[Pod], related: &[Pod], count: usize, slips: Slips) -> Vec<String> {
    let mut calls = Calls::default();
    let mut clock = Clock::default();
    clock.pass_until(Moment(1_000_000));
    let mut last = |question: &crate::chooser::Question<'_>| question.options() - 1;
    let mut context = Context { clock, release, slips, calls: &mut calls, chooser: &mut last };
    let shared = |pods: &[Pod]| pods.iter().cloned().map(std::sync::Arc::new).collect::<Vec<_>>();
    let victims = victims::choose(&key("web"), &shared(pods), &shared(related), count, &mut context);
    victims.iter().map(|key| key.name().to_owned()).collect()
}

/// A running, ready pod of second 0.
fn running(name: &str, change: impl FnOnce(&mut Pod)) -> Pod {
    let mut pod = bound(pod(name), "node-0");
    pod.metadata.creation_timestamp = Some(Moment(0).to_time());
    let status = pod.status.get_or_insert_default();
    status.phase = Some("Running".to_owned());
    status.conditions = Some(vec![crate::api::patch::new_pod_condition("Ready", "True", "", Moment(0))]);
    change(&mut pod);
    pod
}

fn ready_since(pod: &mut Pod, seconds: u64, value: &str) {
    let ready = crate::api::patch::new_pod_condition("Ready", value, "", Moment(seconds * 1_000));
    pod.status.get_or_insert_default().conditions = Some(vec![ready]);
}

#[test]
fn the_order_of_deletion_is_as_documented() {
    let cost = |cost: &str| crate::testing::labels(&[("controller.kubernetes.io/pod-deletion-cost", cost)]);
    let changes: [(&str, Pod); 7] = [
        ("unassigned", running("b", |pod| pod.spec.get_or_insert_default().node_name = None)),
        (
            "pending",
            running("b", |pod| pod.status.get_or_insert_default().phase = Some("Pending".to_owned())),
        ),
        ("not ready", running("b", |pod| ready_since(pod, 0, "False"))),
        ("cheaper", running("b", |pod| pod.metadata.annotations = Some(cost("-5")))),
        ("ready for shorter", running("b", |pod| ready_since(pod, 900, "True"))),
        (
            "restarted more often",
            running("b", |pod| {
                let restarted = ContainerStatus { restart_count: 3, ..ContainerStatus::default() };
                pod.status.get_or_insert_default().container_statuses = Some(vec![restarted]);
            }),
        ),
        ("younger", running("b", |pod| pod.metadata.creation_timestamp = Some(Moment(900_000).to_time()))),
    ];
    for (why, first) in changes {
        let pods = [running("a", |_| {}), first, running("c", |_| {})];
        assert_eq!(chosen(&pods, &pods, 1, Slips::NONE), ["b"], "RS-5: {why}");
    }
}

#[test]
fn the_node_with_more_pods_of_the_owner_gives_first() {
    let on = |name: &str, node: &str| bound(running(name, |_| {}), node);
    let pods = [on("a", "node-0"), on("b", "node-1")];
    let related = [on("a", "node-0"), on("b", "node-1"), on("other", "node-0")];
    assert_eq!(chosen(&pods, &related, 1, Slips::NONE), ["a"], "RS-5");
}

#[test]
fn an_earlier_difference_decides_over_a_later_one_and_ties_are_open() {
    let cheap_but_ready = running("ready", |pod| {
        let cost = crate::testing::labels(&[("controller.kubernetes.io/pod-deletion-cost", "-5")]);
        pod.metadata.annotations = Some(cost);
    });
    let pods = [cheap_but_ready, running("unready", |pod| ready_since(pod, 0, "False"))];
    assert_eq!(chosen(&pods, &pods, 1, Slips::NONE), ["unready"], "RS-5");
    assert_eq!(chosen(&pods, &pods, 1, Slips::only(Slip::ReadyPodsDeletedFirst)), ["ready"]);
    let ties = [running("a", |_| {}), running("b", |_| {})];
    assert_eq!(chosen(&ties, &ties, 1, Slips::NONE), ["b"], "the chooser took the last");
    // Within one power of two of its age, a pod is as old as another.
    let close = [
        running("a", |pod| ready_since(pod, 100, "True")),
        running("b", |pod| ready_since(pod, 200, "True")),
    ];
    assert_eq!(chosen(&close, &close, 1, Slips::NONE), ["b"], "RS-5: log2 buckets");
    assert_eq!(chosen(&close, &close, 2, Slips::NONE), ["b", "a"]);
}

/// RS-5: the gates PodDeletionCost and LogarithmicScaleDown are on from 1.22 on.
#[test]
fn before_1_22_there_is_no_cost_and_age_is_compared_as_it_is() {
    let cheap = running("a", |pod| {
        let cost = crate::testing::labels(&[("controller.kubernetes.io/pod-deletion-cost", "-5")]);
        pod.metadata.annotations = Some(cost);
    });
    let pods = [cheap, running("b", |_| {})];
    let close = [
        running("a", |pod| ready_since(pod, 200, "True")),
        running("b", |pod| ready_since(pod, 100, "True")),
    ];
    for (minor, of_cost, of_age) in [(21, "b", "a"), (22, "a", "b")] {
        let first = |pods| chosen_in(Release { minor }, pods, pods, 1, Slips::NONE);
        assert_eq!(first(&pods), [of_cost], "1.{minor}: the chooser takes the last");
        assert_eq!(first(&close), [of_age], "1.{minor}: the chooser takes the last");
    }
}

/// One that is being deleted releases nothing, and counts nothing that it does not select (S28 `controller_ref_manager.go` `ClaimObject`).
#[test]
fn a_replica_set_that_is_being_deleted_does_not_count_what_it_does_not_select() {
    let mut bench = bench(1, Slips::NONE);
    let mut set = replica_set(2);
    set.metadata.finalizers = Some(vec!["example.com/keep".to_owned()]);
    bench.create(set);
    bench.settle();
    let delete = Request::Delete(Resource::ReplicaSet, key("web"), DeleteOptions::default());
    bench.call(delete).expect("it exists");
    bench.settle();
    let name = bench.names().remove(0);
    bench.patch_pod(&name, Patch::Label { name: "app".to_owned(), value: Some("other".to_owned()) });
    bench.settle();
    let replicas = bench.get::<ReplicaSet>("web").and_then(|set| Some(set.status.as_ref()?.replicas));
    assert_eq!(replicas, Some(1));
    assert!(bench.pod(&name).is_some_and(|pod| controller_of(&pod.metadata).is_some()), "it is not released");
}
