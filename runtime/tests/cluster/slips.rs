//! Each wrong mechanism of a kube-proxy shows.

use std::time::Duration;

use podproof_runtime::api::{DeleteOptions, Key, Request, Resource};
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::operation::{Component, NodeIndex, Operation, Process, Step};
use podproof_runtime::proxy::ProxyStep;
use podproof_runtime::{Slip, Slips};
use podproof_vocabulary::scenario::OnSigterm;

use crate::world::World;

/// Holds without the slip for every seed, and is broken with it for at least one.
fn shows(slip: Slip, behaviour: Behaviour, broken: impl Fn(&mut World) -> bool) {
    let count = |slips| (0..24).filter(|&seed| broken(&mut World::with(seed, 2, behaviour, slips))).count();
    assert_eq!(count(Slips::NONE), 0, "broken without {slip}");
    assert!(count(Slips::only(slip)) > 0, "{slip} does not show");
}

fn up(world: &mut World, replicas: usize) {
    world.create(i32::try_from(replicas).expect("a few"), |_| ());
    world.eventually("it comes up", |world| world.ready("web:1") == replicas && world.converged(0..2));
}

#[test]
fn a_proxy_that_programs_too_early_cuts_everything_off() {
    shows(Slip::ProxyProgramsBeforeItIsSynced, Behaviour::default(), |world| {
        up(world, 1);
        let process = Process::Proxy(NodeIndex(0));
        world.cluster.stop(process);
        world.cluster.start(process);
        world.until(10, |world| world.rules(0).is_empty())
    });
}

#[test]
fn a_change_that_is_lost_while_rules_are_programmed_is_never_made_good() {
    shows(Slip::ProxyLosesChangesWhileProgramming, Behaviour::default(), |world| {
        world.create(3, |_| ());
        world.roll_out("web:2");
        !world.until(120, |world| world.ready("web:2") == 3 && world.converged(0..2))
    });
}

#[test]
fn endpoints_of_a_slice_that_is_gone_are_kept() {
    shows(Slip::ProxyKeepsDeletedSlices, Behaviour::default(), |world| {
        up(world, 2);
        let slices: Vec<Key> = {
            let store = world.cluster.server().store();
            store
                .all::<k8s_openapi::api::discovery::v1::EndpointSlice>()
                .map(|(key, _)| key.clone())
                .collect()
        };
        // The controller makes another one, under another name.
        for slice in slices {
            world.call(Request::Delete(Resource::EndpointSlice, slice, DeleteOptions::default()));
        }
        world.roll_out("web:2");
        !world.until(180, |world| world.ready("web:2") == 2 && world.converged(0..2))
    });
}

/// Nothing that the kube-proxy of the first node would program succeeds for so many seconds.
fn without_programming(world: &mut World, seconds: u64) {
    let proxy = Component::Proxy(NodeIndex(0));
    let end = world.cluster.now() + Duration::from_secs(seconds);
    let mut pending = Vec::new();
    while world.cluster.now() <= end {
        pending.clear();
        world.cluster.pending(&mut pending);
        if pending.iter().any(|it| it.component == proxy && it.step == Step::Proxy(ProxyStep::Program)) {
            let fails = Operation::new(proxy, Step::Proxy(ProxyStep::FailToProgram));
            world.cluster.complete(&fails).expect("it is pending");
        } else {
            world.step();
        }
    }
}

/// PRX-7: the retry is all that brings such rules in, where nothing changes any more.
#[test]
fn what_failed_to_be_programmed_and_is_forgotten_is_never_made_good() {
    shows(Slip::ProxyForgetsFailedProgramming, Behaviour::default(), |world| {
        up(world, 2);
        world.roll_out("web:2");
        without_programming(world, 120);
        !world.until(180, |world| world.ready("web:2") == 2 && world.converged(0..2))
    });
}

/// PRX-8: a pod goes while the kube-proxy is away, and its rules know the Service already.
#[test]
fn a_proxy_that_compares_by_presence_keeps_the_rules_that_it_finds() {
    shows(Slip::ProxyComparesByPresence, Behaviour::default(), |world| {
        up(world, 2);
        let process = Process::Proxy(NodeIndex(0));
        world.cluster.stop(process);
        let victim = podproof_runtime::api::Kind::key(world.pods()[0]);
        world.delete(&victim, None);
        world.pass(120);
        world.cluster.start(process);
        !world.until(60, |world| world.ready("web:1") == 2 && world.converged(0..2))
    });
}

const DRAINS: Behaviour =
    Behaviour { runs_to_its_end: false, listens_after: Duration::ZERO, on_sigterm: OnSigterm::Drain(20) };

/// PRX-20: the only pod is being stopped and still serves.
#[test]
fn a_proxy_that_never_falls_back_refuses_connections_that_would_be_served() {
    shows(Slip::ProxyNeverFallsBack, DRAINS, |world| {
        up(world, 1);
        let victim = podproof_runtime::api::Kind::key(world.pods()[0]);
        world.delete(&victim, None);
        let serving = |world: &World| {
            let address = std::net::Ipv4Addr::from([10, 1, 0, 1]);
            world.accepts(address) || world.accepts(std::net::Ipv4Addr::from([10, 1, 1, 1]))
        };
        world.until(8, |world| serving(world) && world.rules(0).is_empty())
    });
}

#[test]
fn a_proxy_that_takes_terminating_for_ready_sends_connections_to_who_leaves() {
    shows(Slip::ProxyTakesTerminatingForReady, DRAINS, |world| {
        up(world, 2);
        let victim = world.pods()[0];
        let address =
            victim.status.as_ref().and_then(|it| it.pod_ip.as_deref()?.parse().ok()).expect("it has one");
        let key = podproof_runtime::api::Kind::key(victim);
        world.delete(&key, None);
        world.pass(10);
        (0..2).any(|node| world.rules(node).contains(&address))
    });
}
