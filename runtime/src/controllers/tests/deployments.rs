//! The Deployment controller: DEP-4 to DEP-10.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy, ReplicaSet};

use super::{bench, deployment, update};
use crate::api::constants::is_active;
use crate::api::{Kind, Preconditions, Request, Resource};
use crate::operation::Component;
use crate::slip::Slips;
use crate::testing::{Bench, key};
use crate::{Operation, Step};

const OWN: Component = Component::Deployment;

fn up(change: impl FnOnce(&mut Deployment)) -> Bench {
    let mut bench = bench(1, Slips::NONE);
    let mut deployment = deployment(3);
    change(&mut deployment);
    bench.create(deployment);
    bench.settle();
    run_all(&mut bench);
    bench
}

/// Every pod becomes ready, and those that are being deleted go, until nothing changes.
fn run_all(bench: &mut Bench) {
    loop {
        let names = bench.names();
        for name in &names {
            let Some(pod) = bench.pod(name) else { continue };
            if pod.is_deleting() {
                bench.delete_pod(name, Some(0));
            }
        }
        run_new(bench);
        bench.settle();
        if bench.names() == names {
            return;
        }
    }
}

/// Every pod that has no node becomes ready on one.
fn run_new(bench: &mut Bench) {
    for name in bench.names() {
        if bench.pod(&name).is_some_and(|pod| crate::api::constants::node_of(pod).is_none()) {
            let node = "node-0".into();
            let bind = Request::Bind { pod: key(&name), preconditions: Preconditions::NONE, node };
            bench.call(bind).expect("it is not bound");
            bench.run(&name, true);
        }
    }
}

fn roll(bench: &mut Bench, image: &str) {
    update::<Deployment>(bench, &key("web"), |deployment| {
        let template = &mut deployment.spec.get_or_insert_default().template;
        template.spec.get_or_insert_default().containers[0].image = Some(image.to_owned());
    });
}

fn sets(bench: &Bench) -> Vec<(Option<i32>, usize)> {
    let sets = bench.cluster.server().store().all::<ReplicaSet>();
    let mut sets: Vec<_> = sets
        .map(|(_, set)| {
            let uid = set.metadata.uid.clone();
            let own = bench.pods().into_iter().filter(|pod| {
                let owner = super::super::informers::controller_of(&pod.metadata);
                is_active(pod) && owner.map(|owner| owner.uid.clone()) == uid
            });
            (
                set.metadata.creation_timestamp.clone(),
                set.version(),
                set.spec.as_ref().and_then(|spec| spec.replicas),
                own.count(),
            )
        })
        .collect();
    sets.sort();
    sets.into_iter().map(|(_, _, replicas, pods)| (replicas, pods)).collect()
}

fn status(bench: &Bench) -> k8s_openapi::api::apps::v1::DeploymentStatus {
    bench.get::<Deployment>("web").and_then(|deployment| deployment.status.clone()).unwrap_or_default()
}

fn progressing(bench: &Bench) -> Option<String> {
    let conditions = status(bench).conditions.unwrap_or_default();
    conditions
        .into_iter()
        .find(|condition| condition.type_ == "Progressing")
        .and_then(|condition| condition.reason)
}

fn is_own_arrival(bench: &Bench, operation: &Operation) -> bool {
    let scales = |request: &Request| request.is_write() && matches!(request.resource(), Resource::ReplicaSet);
    operation.component == OWN
        && matches!(operation.step, Step::Arrive(_))
        && bench.request(operation).is_some_and(scales)
}

/// Time passes; the node sends no heartbeats, so what its controller does is held back.
fn pass(bench: &mut Bench, seconds: u64) {
    bench.pass_but(seconds, |_, operation| operation.component == Component::NodeLifecycle);
    bench.heartbeat("node-0", "True");
}

#[test]
fn a_deployment_has_a_set_for_its_template() {
    let bench = up(|_| {});
    assert_eq!(sets(&bench), [(Some(3), 3)]);
    let own = status(&bench);
    assert_eq!((own.replicas, own.updated_replicas, own.available_replicas), (Some(3), Some(3), Some(3)));
    assert_eq!(progressing(&bench).as_deref(), Some("NewReplicaSetAvailable"), "DEP-8");
}

#[test]
fn one_sync_scales_in_one_direction() {
    let mut bench = up(|_| {});
    roll(&mut bench, "web:2");
    bench.settle_but(is_own_arrival);
    let writes = bench.writes(OWN);
    assert!(matches!(writes.as_slice(), [call] if matches!(call.request, Request::Create(_))), "DEP-6");
    bench.arrive(&writes[0]);
    bench.settle_but(is_own_arrival);
    // One more than wanted is there; nothing of the old has gone in the same sync.
    assert_eq!(bench.writes(OWN).len(), 0);
    assert_eq!(sets(&bench).iter().map(|(replicas, _)| replicas.unwrap_or(0)).sum::<i32>(), 4, "DEP-2");
    run_all(&mut bench);
    let mut all = sets(&bench);
    all.sort();
    assert_eq!(all, [(Some(0), 0), (Some(3), 3)]);
}

#[test]
fn a_rollout_back_takes_the_old_set_up_again() {
    let mut bench = up(|_| {});
    roll(&mut bench, "web:2");
    run_all(&mut bench);
    update::<Deployment>(&mut bench, &key("web"), |deployment| {
        deployment.spec.get_or_insert_default().template.spec.get_or_insert_default().containers[0].image =
            None;
    });
    run_all(&mut bench);
    assert_eq!(sets(&bench).len(), 2, "no third set for the template of the first");
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let mut bench = up(|deployment| {
        let strategy = DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None };
        deployment.spec.get_or_insert_default().strategy = Some(strategy);
    });
    let old = bench.names();
    roll(&mut bench, "web:2");
    bench.settle();
    // All are being deleted, and none of the new is there.
    assert_eq!(bench.names(), old);
    assert!(bench.pods().iter().all(|pod| pod.is_deleting()), "DEP-7");
    for name in &old[1..] {
        bench.delete_pod(name, Some(0));
        bench.settle();
    }
    assert_eq!(bench.names(), old[..1], "DEP-7: one still terminates");
    bench.delete_pod(&old[0], Some(0));
    bench.settle();
    assert_eq!(bench.pods().len(), 3);
    assert!(bench.names().iter().all(|name| !old.contains(name)));
}

/// DEP-7 (S28 `oldPodsRunning`): what the status of an old ReplicaSet counts runs, too.
#[test]
fn recreate_waits_for_the_count_of_the_old_one() {
    let mut bench = up(|deployment| {
        let strategy = DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None };
        deployment.spec.get_or_insert_default().strategy = Some(strategy);
    });
    roll(&mut bench, "web:2");
    let is_slow = |_: &Bench, operation: &Operation| operation.component == Component::ReplicaSet;
    bench.settle_but(is_slow);
    // Its pods go before its controller gets to it.
    for name in bench.names() {
        bench.delete_pod(&name, Some(0));
    }
    bench.settle_but(is_slow);
    assert_eq!(sets(&bench), [(Some(0), 0)]);
    bench.settle();
    assert_eq!(bench.pods().len(), 3);
}

#[test]
fn a_paused_deployment_scales_and_does_not_roll() {
    let mut bench = up(|deployment| deployment.spec.get_or_insert_default().paused = Some(true));
    // It was created paused: there is no set at all.
    assert_eq!(sets(&bench), []);
    update::<Deployment>(&mut bench, &key("web"), |deployment| {
        deployment.spec.get_or_insert_default().paused = None;
    });
    bench.settle();
    run_all(&mut bench);
    update::<Deployment>(&mut bench, &key("web"), |deployment| {
        deployment.spec.get_or_insert_default().paused = Some(true);
    });
    roll(&mut bench, "web:2");
    let scale = Request::Scale(Resource::Deployment, key("web"), Preconditions::NONE, 5);
    bench.call(scale).expect("it exists");
    run_all(&mut bench);
    assert_eq!(sets(&bench), [(Some(5), 5)], "DEP-10");
}

#[test]
fn a_rollout_that_makes_no_progress_says_so_and_goes_on() {
    let mut bench = up(|_| {});
    pass(&mut bench, 5);
    roll(&mut bench, "web:bad");
    pass(&mut bench, 590);
    assert_eq!(progressing(&bench).as_deref(), Some("ReplicaSetUpdated"), "DEP-8");
    pass(&mut bench, 20);
    assert_eq!(progressing(&bench).as_deref(), Some("ProgressDeadlineExceeded"), "DEP-8");
    roll(&mut bench, "web:good");
    run_all(&mut bench);
    assert_eq!(progressing(&bench).as_deref(), Some("NewReplicaSetAvailable"), "DEP-8: it keeps trying");
}

#[test]
fn terminating_pods_are_not_seen() {
    let mut bench = up(|_| {});
    roll(&mut bench, "web:2");
    // The new ones run; the old ones take their time to stop.
    for _ in 0..6 {
        run_new(&mut bench);
        bench.settle();
    }
    assert_eq!(bench.pods().len(), 6, "DEP-4: three new beside three that terminate");
}

#[test]
fn a_write_that_conflicts_is_tried_again() {
    let mut bench = up(|_| {});
    let scale = Request::Scale(Resource::Deployment, key("web"), Preconditions::NONE, 1);
    bench.call(scale).expect("it exists");
    bench.settle_but(is_own_arrival);
    let set = bench.cluster.server().store().all::<ReplicaSet>().next().expect("it has one").0.clone();
    update::<ReplicaSet>(&mut bench, &set, |set| {
        set.metadata.labels.get_or_insert_default().insert("x".to_owned(), "y".to_owned());
    });
    bench.pass(1);
    run_all(&mut bench);
    assert_eq!(sets(&bench), [(Some(1), 1)], "CTL-1");
}

/// S28 `rolling.go` `reconcileOldReplicaSets`: an old ReplicaSet that could not be scaled down waits for the next event, such as that of the
/// status that the sync writes nevertheless, or for the deadline (DEP-8).
#[test]
fn an_old_replica_set_that_could_not_be_scaled_down_waits_for_an_event() {
    let mut bench = up(|_| {});
    pass(&mut bench, 5);
    roll(&mut bench, "web:2");
    bench.settle();
    run_new(&mut bench);
    let held = |bench: &Bench, operation: &Operation| {
        is_own_arrival(bench, operation) || operation.component == Component::NodeLifecycle
    };
    let mut lost = 0;
    for _ in 0..5 {
        bench.pass_but(1, held);
        for call in bench.writes(OWN) {
            bench.lose(OWN, call.id);
            lost += 1;
        }
    }
    assert!(lost > 0);
    pass(&mut bench, 500);
    assert_eq!(sets(&bench), [(Some(3), 3), (Some(1), 1)]);
    pass(&mut bench, 120);
    assert_eq!(sets(&bench)[0], (Some(2), 2));
}

/// DEP-9: what is wanted and not there is unavailable.
#[test]
fn pods_that_nobody_has_created_yet_are_unavailable() {
    let mut bench = bench(1, Slips::NONE);
    bench.create(deployment(3));
    bench.settle_but(|_, operation| operation.component == Component::ReplicaSet);
    let status = bench.get::<Deployment>("web").and_then(|deployment| deployment.status.clone());
    let status = status.expect("it has one");
    assert_eq!((status.replicas, status.unavailable_replicas), (Some(0), Some(3)));
}

/// S28 `sync.go` `getNewReplicaSet`: a ReplicaSet that exists gets what its Deployment says of `minReadySeconds` now.
#[test]
fn a_change_of_min_ready_seconds_reaches_the_replica_set() {
    let mut bench = up(|_| {});
    update::<Deployment>(&mut bench, &key("web"), |deployment| {
        deployment.spec.get_or_insert_default().min_ready_seconds = Some(30);
    });
    bench.settle();
    let store = bench.cluster.server().store();
    let (_, set) = store.all::<ReplicaSet>().next().expect("it has one");
    let seconds = set.spec.as_ref().and_then(|spec| spec.min_ready_seconds);
    assert_eq!((seconds, store.all::<ReplicaSet>().count()), (Some(30), 1), "DEP-3, RS-7");
}

/// It is a step before all others: the same sync scales with what it wrote.
#[test]
fn a_sync_that_changes_min_ready_seconds_scales_as_well() {
    let mut bench = up(|_| {});
    update::<Deployment>(&mut bench, &key("web"), |deployment| {
        let spec = deployment.spec.get_or_insert_default();
        (spec.min_ready_seconds, spec.replicas) = (Some(30), Some(4));
    });
    let held = |bench: &Bench, operation: &Operation| {
        is_own_arrival(bench, operation) || crate::testing::delivers(operation, Resource::ReplicaSet)
    };
    for _ in 0..2 {
        bench.settle_but(held);
        let write = bench.writes(OWN).remove(0);
        bench.arrive(&write);
    }
    let (_, set) = bench.cluster.server().store().all::<ReplicaSet>().next().expect("it has one");
    let written = set.spec.as_ref().map(|spec| (spec.min_ready_seconds, spec.replicas));
    assert_eq!(written, Some((Some(30), Some(4))), "DEP-10");
}

fn pause(bench: &mut Bench, paused: bool) {
    update::<Deployment>(bench, &key("web"), |deployment| {
        deployment.spec.get_or_insert_default().paused = Some(paused);
    });
    bench.settle();
}

/// S28 `sync.go` `checkPausedConditions`: the deadline does not go on over a pause.
#[test]
fn a_pause_begins_the_deadline_anew() {
    let mut bench = up(|_| {});
    pass(&mut bench, 5);
    roll(&mut bench, "web:bad");
    pass(&mut bench, 300);
    pause(&mut bench, true);
    assert_eq!(progressing(&bench).as_deref(), Some("DeploymentPaused"), "DEP-8");
    pass(&mut bench, 400);
    pause(&mut bench, false);
    assert_eq!(progressing(&bench).as_deref(), Some("DeploymentResumed"), "DEP-8");
    pass(&mut bench, 590);
    assert_eq!(progressing(&bench).as_deref(), Some("DeploymentResumed"), "DEP-8");
    pass(&mut bench, 20);
    assert_eq!(progressing(&bench).as_deref(), Some("ProgressDeadlineExceeded"), "DEP-8");
}

/// S28 `sync.go` `getNewReplicaSet`: and a new ReplicaSet is progress, also if no pod ever comes of it.
#[test]
fn a_new_replica_set_begins_the_deadline_anew() {
    let mut bench = up(|_| {});
    pass(&mut bench, 5);
    roll(&mut bench, "web:2");
    let slow = |_: &Bench, operation: &Operation| {
        matches!(operation.component, Component::ReplicaSet | Component::NodeLifecycle)
    };
    bench.settle_but(slow);
    assert_eq!(progressing(&bench).as_deref(), Some("NewReplicaSetCreated"), "DEP-8");
    bench.pass_but(610, slow);
    assert_eq!(progressing(&bench).as_deref(), Some("ProgressDeadlineExceeded"), "DEP-8");
}
