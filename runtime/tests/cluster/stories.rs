//! Stories of a whole cluster: it comes up, rolls, loses a machine, is cut, restarts.

use podproof_runtime::api::Kind;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::operation::{NodeIndex, Process};
use podproof_vocabulary::scenario::OnSigterm;

use crate::world::World;

const SEEDS: u64 = 12;

fn up(seed: u64, nodes: u16, replicas: usize) -> World {
    let mut world = World::new(seed, nodes, Behaviour::default());
    world.create(i32::try_from(replicas).expect("a few"), |_| ());
    world.eventually("it comes up", |world| world.ready("web:1") == replicas && world.converged(0..nodes));
    world
}

#[test]
fn a_deployment_comes_up_rolls_and_is_reached_from_every_machine() {
    for seed in 0..SEEDS {
        let mut world = up(seed, 3, 3);
        world.roll_out("web:2");
        world.eventually("it rolls", |world| {
            world.pods().len() == 3 && world.ready("web:2") == 3 && world.converged(0..3)
        });
    }
}

#[test]
fn the_same_seed_gives_the_same_steps() {
    let log = |seed| {
        let mut world = up(seed, 2, 2);
        world.roll_out("web:2");
        world.pass(30);
        world.log
    };
    assert_eq!(log(7), log(7));
    assert_ne!(log(7), log(8));
}

/// 9.1: the machine is lost, its pods leave the rules, and others take their place; NF-1, NF-20: it comes back.
#[test]
fn pods_of_a_lost_machine_are_replaced() {
    for seed in 0..SEEDS / 2 {
        let mut world = up(seed, 3, 3);
        world.crash(0);
        world.eventually("its pods leave the rules", |world| {
            let lost = |address: &std::net::Ipv4Addr| address.octets()[2] == 0;
            (1..3).all(|node| !world.rules(node).iter().any(lost))
        });
        world.eventually("others take their place", |world| {
            world.ready("web:1") == 3 && world.converged(1..3)
        });
        world.boot(0);
        world
            .eventually("what was left there goes", |world| world.pods().len() == 3 && world.converged(0..3));
    }
}

/// NF-11, NF-13, NF-14: a machine that is cut off serves on, and does what it missed when it hears again.
#[test]
fn a_machine_that_was_cut_off_does_what_it_missed() {
    for seed in 0..SEEDS / 2 {
        let mut world = up(seed, 3, 3);
        let own = world.rules(0);
        world.connect(0, false);
        world.eventually("others take the place of its pods", |world| {
            world.ready("web:1") == 3 && world.converged(1..3)
        });
        assert_eq!(world.rules(0), own, "PRX-8");
        assert!(own.iter().all(|&address| world.accepts(address)), "it serves on");
        world.connect(0, true);
        world.eventually("it does what it missed", |world| world.pods().len() == 3 && world.converged(0..3));
    }
}

#[test]
fn restarts_and_broken_watches_in_the_middle_of_a_roll_out_do_no_harm() {
    for seed in 0..SEEDS {
        let mut world = up(seed, 2, 3);
        world.roll_out("web:2");
        for round in 0..6_u16 {
            world.pass(2);
            let index = NodeIndex(round % 2);
            let process = match round % 3 {
                0 => Process::Kubelet(index),
                1 => Process::Proxy(index),
                _ => Process::ControllerManager,
            };
            world.cluster.stop(process);
            world.pass(1);
            world.cluster.start(process);
            let mut faults = Vec::new();
            world.cluster.faults(&mut faults);
            if let Some(fault) = faults.into_iter().nth(usize::from(round)) {
                world.cluster.complete(&fault).expect("it may go wrong");
            }
        }
        world.eventually("it rolls", |world| {
            world.pods().len() == 3 && world.ready("web:2") == 3 && world.converged(0..2)
        });
    }
}

/// W1, 8.3: with a preStop hook that is longer than the news takes, no machine sends connections to who no longer accepts them.
#[test]
fn a_hook_that_is_long_enough_keeps_every_connection() {
    let closes = Behaviour { on_sigterm: OnSigterm::Close(2), ..Behaviour::default() };
    let lost = |seed, hook: Option<i64>| {
        let mut world = World::new(seed, 2, closes);
        world.create(2, |spec| {
            spec.containers[0].lifecycle = hook.map(|seconds| k8s_openapi::api::core::v1::Lifecycle {
                pre_stop: Some(k8s_openapi::api::core::v1::LifecycleHandler {
                    sleep: Some(k8s_openapi::api::core::v1::SleepAction { seconds }),
                    ..Default::default()
                }),
                ..Default::default()
            });
        });
        world.eventually("it comes up", |world| world.ready("web:1") == 2 && world.converged(0..2));
        let victim = world.pods()[0].key();
        world.delete(&victim, None);
        let mut lost = false;
        world.eventually("it is replaced", |world| {
            let used = (0..2).flat_map(|node| world.rules(node));
            lost |= used.into_iter().any(|address| !world.accepts(address));
            world.pods().len() == 2 && world.ready("web:1") == 2 && world.converged(0..2)
        });
        lost
    };
    assert!((0..SEEDS).all(|seed| !lost(seed, Some(20))));
    assert!((0..SEEDS).any(|seed| lost(seed, None)));
}

/// DEL-18.
#[test]
fn a_pod_that_is_deleted_by_force_is_replaced() {
    for seed in 0..SEEDS {
        let mut world = up(seed, 2, 2);
        let (victim, uid) = {
            let pods = world.pods();
            (pods[0].key(), pods[0].uid().as_str().to_owned())
        };
        world.forced.insert(uid);
        world.delete(&victim, Some(0));
        world.eventually("it is replaced", |world| world.ready("web:1") == 2 && world.converged(0..2));
    }
}

/// Lost calls, broken watches, calls to the runtime that fail, rules that the kernel refuses: once that ends, all is as it should be.
#[test]
fn after_faults_of_every_kind_it_converges() {
    for seed in 0..2 * SEEDS {
        let mut world = World::new(seed, 2, Behaviour::default());
        world.faults_one_in = 30;
        world.create(3, |_| ());
        world.pass(20);
        world.roll_out("web:2");
        world.pass(40);
        world.faults_one_in = 0;
        world.eventually("it rolls", |world| {
            world.pods().len() == 3 && world.ready("web:2") == 3 && world.converged(0..2)
        });
    }
}
