//! Promises inside a pod, and about addresses and ports.

use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::catalogue::app;
use podproof_vocabulary::observation::{Address, Observation, Process, Sandbox};
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{Container, ContainerKind, HostPort, Scenario};

use super::super::Judgement::{Broken, Kept, Silent};
use super::super::addresses::one_address_one_pod;
use super::super::containers::{init_before_app, sandbox_holds_namespaces};
use super::{judge, judge_state, scenario, world};
use crate::test_cluster::{C0, C1, C2, P0};

/// An init container, a sidecar, an app.
fn ordered() -> Scenario {
    let mut scenario = scenario();
    let container = |kind| Container { kind, ports: Vec::new(), ..app() };
    let template = &mut scenario.workload.template;
    template.containers = vec![container(ContainerKind::Init), container(ContainerKind::Sidecar), app()];
    template.serving = 2;
    scenario
}

fn with(scenario: &Scenario, processes: [Process; 3]) -> Observation {
    let mut seen = world(scenario);
    for (container, process) in seen.slots[0].containers.iter_mut().zip(processes) {
        container.process = process;
    }
    seen
}

#[test]
fn an_app_that_starts_before_its_init_containers_and_sidecars_breaks_init_before_app() {
    use Process::{Absent, ExitedError, ExitedOk, Running};
    let scenario = ordered();
    let start = Kubelet::StartContainer { pod: P0, container: C2 };
    for (processes, judgement) in [
        ([ExitedOk, Running, Absent], Kept),
        ([ExitedOk, ExitedError, Absent], Kept),
        ([Running, Running, Absent], Broken),
        ([ExitedError, Running, Absent], Broken),
        ([Absent, Running, Absent], Broken),
        ([ExitedOk, Absent, Absent], Broken),
    ] {
        let before = with(&scenario, processes);
        assert_eq!(judge(init_before_app, &scenario, &before, start, &before), judgement, "{processes:?}");
    }
    let plain = super::scenario();
    let start = Kubelet::StartContainer { pod: P0, container: C0 };
    assert_eq!(
        judge(init_before_app, &plain, &world(&plain), start, &world(&plain)),
        Silent,
        "nothing to wait for"
    );
}

#[test]
fn init_containers_out_of_order_break_init_before_app() {
    use Process::{Absent, ExitedOk, Running};
    let mut scenario = ordered();
    scenario.workload.template.containers[1].kind = ContainerKind::Init;
    let start = Kubelet::StartContainer { pod: P0, container: C1 };
    for (first, judgement) in [(ExitedOk, Silent), (Running, Broken), (Absent, Broken)] {
        let before = with(&scenario, [first, Absent, Absent]);
        assert_eq!(judge(init_before_app, &scenario, &before, start, &before), judgement, "{first:?}");
    }
}

#[test]
fn a_sidecar_that_is_stopped_before_the_apps_breaks_init_before_app() {
    let scenario = ordered();
    let sigterm = Kubelet::SendSigterm { pod: P0, container: C1 };
    for (terminating, app, expired, judgement) in [
        (true, Process::Running, false, Broken),
        (true, Process::Running, true, Silent),
        (true, Process::ExitedOk, false, Silent),
        (false, Process::Running, false, Silent),
    ] {
        let mut before = with(&scenario, [Process::ExitedOk, Process::Running, app]);
        before.slots[0].sandbox.terminating = terminating;
        before.slots[0].containers[1].grace_expired = expired;
        let judged = judge(init_before_app, &scenario, &before, sigterm, &before);
        assert_eq!(judged, judgement, "{terminating} {app:?} {expired}");
    }
    let old = Scenario { release: Release { minor: 28 }, ..scenario };
    let mut before = with(&old, [Process::ExitedOk, Process::Running, Process::Running]);
    before.slots[0].sandbox.terminating = true;
    assert_eq!(
        judge(init_before_app, &old, &before, sigterm, &before),
        Silent,
        "before 1.29 there were none"
    );
}

#[test]
fn a_container_without_a_living_sandbox_breaks_sandbox_holds_namespaces() {
    let scenario = scenario();
    let judged = |change: fn(&mut Observation)| judge_state(sandbox_holds_namespaces, &scenario, change);
    assert_eq!(judged(|_| {}), Kept);
    assert_eq!(judged(|seen| seen.slots[0].sandbox.sandbox = Sandbox::Dead), Broken);
    assert_eq!(judged(|seen| seen.slots[0].sandbox.address = None), Broken);
    let stop = |seen: &mut Observation| {
        seen.slots.iter_mut().for_each(|slot| slot.containers[0].process = Process::ExitedOk);
    };
    assert_eq!(judged(stop), Silent);
    let powerless = judged(|seen| {
        seen.slots[0].sandbox.sandbox = Sandbox::Dead;
        seen.nodes[0].powered = false;
    });
    assert_eq!(powerless, Kept);
}

#[test]
fn an_address_that_two_pods_hold_breaks_one_address_one_pod() {
    let scenario = scenario();
    let judged = |change: fn(&mut Observation)| judge_state(one_address_one_pod, &scenario, change);
    assert_eq!(judged(|_| {}), Kept);
    assert_eq!(judged(|seen| seen.slots[0].reused_address = Some(Address(0))), Broken);
    assert_eq!(judged(|seen| seen.slots[0].reused_address = Some(Address(1))), Kept, "another one");
    let gone = |seen: &mut Observation| {
        for slot in &mut seen.slots {
            slot.sandbox = Default::default();
        }
        seen.slots[0].reused_address = Some(Address(0));
    };
    assert_eq!(judged(gone), Silent, "no sandbox lives");
}

#[test]
fn a_host_port_that_two_pods_hold_breaks_one_address_one_pod() {
    let mut scenario = scenario();
    scenario.workload.template.containers[0].ports[0].host = Some(HostPort { port: 80, ip: String::new() });
    let together = |seen: &mut Observation| {
        for slot in &mut seen.slots[..2] {
            slot.sandbox.runs_on = Some(podproof_vocabulary::NodeId(0));
        }
    };
    assert_eq!(judge_state(one_address_one_pod, &scenario, |_| {}), Kept);
    assert_eq!(judge_state(one_address_one_pod, &scenario, together), Broken);
    let stopped = judge_state(one_address_one_pod, &scenario, |seen| {
        together(seen);
        seen.slots[1].sandbox.runs_on = None;
    });
    assert_eq!(stopped, Kept);
    let forced = judge_state(one_address_one_pod, &scenario, |seen| {
        together(seen);
        seen.slots[0].pod = None;
    });
    assert_eq!(forced, Broken, "its object is gone, and it still runs");
    scenario.workload.template.containers[0].kind = ContainerKind::Init;
    assert_eq!(
        judge_state(one_address_one_pod, &scenario, together),
        Kept,
        "an init container's does not count"
    );
}

#[test]
fn a_port_that_two_containers_listen_on_breaks_one_address_one_pod() {
    let mut scenario = scenario();
    scenario.workload.template.containers.push(app());
    assert_eq!(judge_state(one_address_one_pod, &scenario, |_| {}), Broken);
    let one = judge_state(one_address_one_pod, &scenario, |seen| {
        seen.slots.iter_mut().for_each(|slot| slot.containers[1].accepting = false);
    });
    assert_eq!(one, Kept);
    scenario.workload.template.containers[1].ports[0].port = 9090;
    let state = world(&scenario);
    assert_eq!(judge(one_address_one_pod, &scenario, &state, Action::Tick, &state), Kept, "another port");
}
