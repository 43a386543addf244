//! Stories: a Deployment comes up, rolls, loses a node, is drained; with and without faults, over many seeds.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use podproof_runtime::api::constants::node_of;
use podproof_runtime::api::{DeleteOptions, Key, Patch, Preconditions, Request, Resource};
use podproof_runtime::operation::Process;
use podproof_runtime::{Slip, Slips};
use podproof_vocabulary::Release;

use super::double::KubeletDouble;
use super::world::World;

const SOON: Duration = Duration::from_secs(120);
/// A Service whose syncs failed many times in a row while a watch was broken waits for up to 1000 s, with nothing wrong any more
/// (EPS-8).
const LONG: Duration = Duration::from_secs(1_200);

fn up(seed: u64, nodes: u16, replicas: usize) -> World {
    let mut world = World::new(seed, nodes, Slips::NONE, Release::NEWEST);
    world.create_workload(i32::try_from(replicas).expect("a few"));
    world.until("it comes up", SOON, |world| {
        world.ready_pods().len() == replicas && world.ready_endpoints() == replicas
    });
    world
}

fn image_of(pod: &k8s_openapi::api::core::v1::Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.containers[0].image.as_deref()).unwrap_or("")
}

fn rolled(world: &World, image: &str, replicas: usize) -> bool {
    world.pods().len() == replicas
        && world.ready_pods().iter().filter(|pod| image_of(pod) == image).count() == replicas
        && world.ready_endpoints() == replicas
}

#[test]
fn a_deployment_comes_up_and_rolls() {
    for seed in 0..40 {
        let mut world = up(seed, 3, 3);
        world.roll_out("web:2");
        world.until("it rolls", SOON, |world| rolled(world, "web:2", 3));
    }
}

#[test]
fn it_comes_up_and_rolls_in_every_release() {
    for minor in 20..=36 {
        let mut world = World::new(u64::from(minor), 3, Slips::NONE, Release { minor });
        world.create_workload(3);
        world.until("it comes up", SOON, |world| world.ready_endpoints() == 3);
        world.roll_out("web:2");
        world.until("it rolls", SOON, |world| rolled(world, "web:2", 3));
    }
}

#[test]
fn with_lost_calls_and_broken_watches_it_rolls_all_the_same() {
    for seed in 0..40 {
        let mut world = World::new(seed, 3, Slips::NONE, Release::NEWEST);
        world.faults_one_in(40);
        world.create_workload(3);
        world.pass(Duration::from_secs(10));
        world.roll_out("web:2");
        world.pass(Duration::from_secs(10));
        world.faults_one_in(0);
        world.until("it rolls", LONG, |world| rolled(world, "web:2", 3));
    }
}

#[test]
fn with_restarts_in_between_it_rolls_all_the_same() {
    for seed in 0..40 {
        let mut world = World::new(seed, 3, Slips::NONE, Release::NEWEST);
        world.create_workload(3);
        for restart in 0..6 {
            world.pass(Duration::from_secs(2));
            if restart == 2 {
                world.roll_out("web:2");
            }
            let process = [Process::ControllerManager, Process::Scheduler, Process::ApiServer][restart % 3];
            world.cluster.stop(process);
            for _ in 0..5 {
                world.step();
            }
            world.cluster.start(process);
        }
        world.until("it rolls", LONG, |world| rolled(world, "web:2", 3));
    }
}

#[test]
fn compacted_history_makes_clients_list_again() {
    for seed in 0..20 {
        let mut world = World::new(seed, 2, Slips::NONE, Release::NEWEST);
        world.faults_one_in(30);
        world.create_workload(3);
        for _ in 0..20 {
            for _ in 0..50 {
                world.step();
            }
            world.cluster.server_mut().compact();
        }
        world.faults_one_in(0);
        world.until("it comes up", LONG, |world| world.ready_endpoints() == 3);
    }
}

#[test]
fn a_dead_nodes_pods_are_replaced_after_grace_and_toleration() {
    for seed in 0..20 {
        let mut world = up(seed, 3, 3);
        world.pass(Duration::from_secs(15));
        let victim =
            world.pods()[0].spec.as_ref().and_then(|spec| spec.node_name.clone()).expect("it is bound");
        let index: u16 = victim.trim_start_matches("node-").parse().expect("a number");
        world.crash_node(index);
        let dead_at = world.now();
        let lost = |world: &World| world.ready_pods().iter().any(|pod| node_of(pod) == Some(&victim));
        world.until("its pods are not ready", Duration::from_secs(70), |world| !lost(world));
        assert!(world.now().since(dead_at) >= Duration::from_secs(40), "NLC-3: not before the grace ran out");
        world.until("they are replaced", Duration::from_secs(400), |world| {
            world.ready_pods().len() == 3 && world.ready_endpoints() == 3
        });
        let after = world.now().since(dead_at);
        assert!(after >= Duration::from_secs(340), "TEC-3: not before 300 s of toleration: {after:?}");
        // The old ones stay until somebody says that the machine is gone.
        assert!(world.pods().iter().any(|pod| node_of(pod) == Some(&victim)));
        let delete = Request::Delete(Resource::Node, Key::global(&victim), DeleteOptions::default());
        world.call(delete);
        world.until("podgc removes them", Duration::from_secs(120), |world| {
            world.pods().iter().all(|pod| node_of(pod) != Some(&victim))
        });
    }
}

#[test]
fn a_node_that_was_cut_off_catches_up_when_the_link_heals() {
    for seed in 0..20 {
        let mut world = up(seed, 3, 3);
        world.pass(Duration::from_secs(15));
        let victim =
            world.pods()[0].spec.as_ref().and_then(|spec| spec.node_name.clone()).expect("it is bound");
        let index: u16 = victim.trim_start_matches("node-").parse().expect("a number");
        let process = Process::Kubelet(podproof_runtime::operation::NodeIndex(index));
        world.cluster.connect(process, false);
        let started =
            |world: &World| world.cluster.actor::<KubeletDouble>(process).map(|node| node.started.clone());
        world.until("its pods are replaced", Duration::from_secs(600), |world| {
            world.ready_pods().len() == 3
                && world.ready_pods().iter().all(|pod| node_of(pod) != Some(&victim))
        });
        assert!(started(&world).is_some_and(|started| !started.is_empty()), "MOD-5: they run on, NF-11");
        world.cluster.connect(process, true);
        world.until("the old ones stop and go", SOON, |world| {
            world.pods().len() == 3 && started(world).is_some_and(|started| started.is_empty())
        });
        world.until("the node is schedulable again", SOON, |world| {
            let node = world.cluster.server().store().get::<Node>(&Key::global(&victim)).expect("it exists");
            node.spec.as_ref().and_then(|spec| spec.taints.as_ref()).is_none_or(Vec::is_empty)
        });
    }
}

#[test]
fn when_every_node_is_dark_nobody_is_evicted() {
    let mut world = up(7, 2, 2);
    world.pass(Duration::from_secs(15));
    world.crash_node(0);
    world.crash_node(1);
    world.pass(Duration::from_secs(600));
    assert_eq!(world.pods().len(), 2);
    assert!(world.pods().iter().all(|pod| pod.metadata.deletion_timestamp.is_none()), "NLC-16, NLC-18");
    assert!(world.ready_pods().is_empty(), "NLC-6");
}

#[test]
fn a_drain_keeps_the_budget() {
    for seed in 0..20 {
        let mut world = up(seed, 3, 3);
        let cordon = Patch::NodeUnschedulable(true);
        world.call(Request::Patch(Resource::Node, Key::global("node-0"), Preconditions::NONE, cordon));
        // The scheduler is told before the replacements come.
        world.pass(Duration::from_secs(5));
        let names: Vec<_> = world.pods().iter().filter_map(|pod| pod.metadata.name.clone()).collect();
        // Every pod is to go, whatever its node.
        let mut left = names.clone();
        for _ in 0..400 {
            left.retain(|name| {
                let evict =
                    Request::Evict { pod: Key::new("default", name), options: DeleteOptions::default() };
                world.cluster.call(evict).is_err()
                    && world.pods().iter().any(|pod| pod.metadata.name.as_ref() == Some(name))
            });
            assert!(world.ready_pods().len() >= 2, "seed {seed}: {}", world.summary());
            if left.is_empty() {
                break;
            }
            world.pass(Duration::from_secs(1));
        }
        assert!(left.is_empty(), "EVI-4: each goes in the end");
        world.until("they are replaced", SOON, |world| world.ready_endpoints() == 3);
        assert!(
            world.ready_pods().iter().all(|pod| !names.contains(pod.metadata.name.as_ref().expect("named")))
        );
        let on_cordoned = world.ready_pods().iter().any(|pod| node_of(pod) == Some("node-0"));
        assert!(!on_cordoned, "DRN-1");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| {
        let mut world = World::new(seed, 3, Slips::NONE, Release::NEWEST);
        world.faults_one_in(50);
        world.create_workload(3);
        world.pass(Duration::from_secs(20));
        world.roll_out("web:2");
        world.pass(Duration::from_secs(20));
        (world.log(), world.steps)
    };
    let (first, second) = (story(11), story(11));
    assert_eq!(first, second);
    assert_ne!(first.0, story(12).0, "another seed tells another");
}

#[test]
fn a_quiet_cluster_writes_nothing_but_heartbeats() {
    let mut world = up(3, 2, 2);
    world.pass(Duration::from_secs(60));
    let writes = |world: &World| {
        let versions =
            world.pods().iter().map(|pod| pod.metadata.resource_version.clone()).collect::<Vec<_>>();
        (versions, world.deployment().metadata.resource_version.clone())
    };
    let before = writes(&world);
    world.pass(Duration::from_secs(300));
    assert_eq!(before, writes(&world));
}

#[test]
fn slip_expectations_forgotten_creates_too_many() {
    let most = |slips| {
        let mut most = 0;
        for seed in 0..10 {
            let mut world = World::new(seed, 3, slips, Release::NEWEST);
            world.create_workload(3);
            for _ in 0..3_000 {
                world.step();
                most = most.max(world.pods().len());
            }
        }
        most
    };
    assert_eq!(most(Slips::NONE), 3, "CTL-3");
    assert!(most(Slips::only(Slip::ExpectationsForgotten)) > 3);
}
