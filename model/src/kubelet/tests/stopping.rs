//! How containers are stopped: hook, SIGTERM, SIGKILL, and the order among them.

use podproof_vocabulary::action::{Action, Container as ContainerStep, Kubelet};
use podproof_vocabulary::catalogue::app;
use podproof_vocabulary::observation::Process;
use podproof_vocabulary::scenario::{ContainerKind, OnSigterm, PreStop, Scenario, Timing};

use super::{container, quick_probe};
use crate::test_cluster::{C0, C1, C2, N0, P0, TestCluster};

const RUN_HOOK: Kubelet = Kubelet::RunPreStop { pod: P0, container: C0 };
const END_HOOK: Kubelet = Kubelet::FinishPreStop { pod: P0, container: C0 };
const EXPIRE: Kubelet = Kubelet::ExpireGrace { pod: P0, container: C0 };
const SIGTERM: Kubelet = Kubelet::SendSigterm { pod: P0, container: C0 };
const SIGKILL: Kubelet = Kubelet::SendSigkill { pod: P0, container: C0 };
const EXIT: ContainerStep = ContainerStep::Exit { pod: P0, container: C0 };

/// A pod whose termination has just begun.
fn terminating(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::running(1, 1, tweak);
    cluster.delete(P0);
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::BeginTermination { pod: P0 }));
    cluster.take(Kubelet::BeginTermination { pod: P0 });
    cluster
}

fn one(hook: Option<PreStop>, on_sigterm: OnSigterm, grace: u32) -> impl FnOnce(&mut Scenario) {
    move |s| {
        s.workload.template.grace_seconds = grace;
        s.workload.template.containers[0].pre_stop = hook;
        s.workload.template.containers[0].on_sigterm = on_sigterm;
    }
}

/// Such a pod with every clock running, in ticks of one second.
fn timed(hook: Option<PreStop>, on_sigterm: OnSigterm, grace: u32) -> TestCluster {
    let mut cluster = TestCluster::running(1, 1, |s| {
        one(hook, on_sigterm, grace)(s);
        s.timing = Timing::Timed;
        s.approximations = podproof_vocabulary::approximation::Approximations::NONE
            .with(podproof_vocabulary::approximation::Approximation::CoalescedWatchEvents);
    });
    cluster.delete(P0);
    cluster.change(|cluster| {
        let mut possible = Vec::new();
        crate::step::candidates(cluster, &mut possible);
        crate::time::restart(cluster, None, &possible);
    });
    cluster.settle_until(|action| *action == Action::Kubelet(Kubelet::BeginTermination { pod: P0 }));
    cluster.take(Kubelet::BeginTermination { pod: P0 });
    cluster
}

/// Seconds until this step is possible, everything else happening as early as it may.
fn seconds_until(cluster: &mut TestCluster, step: Kubelet) -> u32 {
    for seconds in 0..200 {
        cluster.settle_but(|action| *action == Action::Kubelet(step));
        if cluster.can(step) {
            return seconds;
        }
        cluster.take(Action::Tick);
    }
    panic!("{step:?} never becomes possible");
}

/// KIL-3.
#[test]
fn sigterm_waits_for_the_pre_stop_hook() {
    let mut cluster = terminating(one(Some(PreStop::Seconds(3)), OnSigterm::Exit, 30));
    assert!(!cluster.can(SIGTERM));
    cluster.take(RUN_HOOK);
    assert!(!cluster.can(SIGTERM));
    cluster.take(END_HOOK);
    assert!(!cluster.can(RUN_HOOK), "it runs once (I-73)");
    cluster.take(SIGTERM);
    cluster.take(EXIT);
}

/// KIL-3.
#[test]
fn without_a_hook_sigterm_comes_at_once() {
    let cluster = terminating(one(None, OnSigterm::Exit, 30));
    assert!(!cluster.can(RUN_HOOK));
    assert!(cluster.can(SIGTERM));
}

/// KIL-14.
#[test]
fn a_process_that_exits_by_itself_runs_no_hook() {
    let mut cluster = TestCluster::running(1, 1, one(Some(PreStop::Seconds(3)), OnSigterm::Exit, 30));
    cluster.befall(podproof_vocabulary::action::Environment::CrashContainer { pod: P0, container: C0 });
    cluster.settle_but(|action| matches!(action, Action::Kubelet(Kubelet::StartContainer { .. })));
    assert!(!cluster.can(RUN_HOOK));
}

/// KIL-4, as the recording of a hook that is longer than the grace shows.
#[test]
fn a_hook_that_overruns_the_grace_is_left_alone() {
    let mut cluster = terminating(one(Some(PreStop::Seconds(8)), OnSigterm::Ignore, 4));
    cluster.take(RUN_HOOK);
    cluster.take(EXPIRE);
    assert!(!cluster.can(END_HOOK), "nobody waits for it any more");
    cluster.take(SIGTERM);
    cluster.take(SIGKILL);
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::ExitedError);
}

/// KIL-4, untimed: what one process started together keeps its order.
#[test]
fn a_hook_that_is_shorter_than_the_grace_ends_before_it() {
    let mut cluster = terminating(one(Some(PreStop::Seconds(3)), OnSigterm::Exit, 4));
    cluster.take(RUN_HOOK);
    assert!(!cluster.can(EXPIRE));
    let mut cluster = terminating(one(Some(PreStop::AnyTime), OnSigterm::Exit, 4));
    cluster.take(RUN_HOOK);
    assert!(cluster.can(EXPIRE) && cluster.can(END_HOOK));
}

/// KIL-4, KIL-6, untimed: what nobody knows the length of may leave a process less time than it needs.
#[test]
fn a_hook_of_unknown_length_may_leave_no_time_to_drain() {
    for (hook, killed) in [
        (PreStop::AnyTime, true),
        (PreStop::AtLeast(1), true),
        (PreStop::Seconds(1), false),
        (PreStop::Seconds(5), true),
    ] {
        let mut cluster = terminating(one(Some(hook), OnSigterm::Drain(5), 10));
        cluster.take(RUN_HOOK);
        cluster.take(END_HOOK);
        cluster.take(SIGTERM);
        assert_eq!(cluster.can(EXPIRE), killed, "{hook:?}");
    }
}

/// KIL-4, KIL-5: hook 8 s, grace 4 s; SIGTERM at 4 s, SIGKILL at 6 s.
#[test]
fn the_hook_spends_the_grace_and_the_floor_comes_on_top() {
    let mut cluster = timed(Some(PreStop::Seconds(8)), OnSigterm::Ignore, 4);
    assert_eq!(seconds_until(&mut cluster, SIGTERM), 4);
    assert_eq!(seconds_until(&mut cluster, SIGKILL), 2);
}

/// KIL-3, KIL-4: a script that sleeps for 3 s first may be over then, or as late as the grace runs out.
#[test]
fn a_hook_that_sleeps_first_takes_at_least_that_long() {
    let mut cluster = timed(Some(PreStop::AtLeast(3)), OnSigterm::Exit, 10);
    assert_eq!(seconds_until(&mut cluster, END_HOOK), 3);
    // It may take longer.
    let mut cluster = timed(Some(PreStop::AtLeast(3)), OnSigterm::Exit, 10);
    let mut seconds = 0;
    let is_held = |action: &Action| [END_HOOK, EXPIRE].map(Action::Kubelet).contains(action);
    cluster.settle_but(is_held);
    while !cluster.can(EXPIRE) {
        cluster.take(Action::Tick);
        cluster.settle_but(is_held);
        seconds += 1;
    }
    assert_eq!(seconds, 10);
    let mut cluster = timed(Some(PreStop::AtLeast(8)), OnSigterm::Exit, 4);
    assert_eq!(seconds_until(&mut cluster, SIGTERM), 4, "the grace is over first");
}

/// KIL-4, KIL-6.
#[test]
fn sigkill_comes_when_the_grace_has_run_out_and_not_before() {
    let mut cluster = timed(Some(PreStop::Seconds(3)), OnSigterm::Ignore, 10);
    assert_eq!(seconds_until(&mut cluster, SIGTERM), 3);
    assert_eq!(seconds_until(&mut cluster, SIGKILL), 7);
}

/// KIL-5.
#[test]
fn sigkill_never_comes_sooner_than_two_seconds_after_sigterm() {
    let mut cluster = timed(None, OnSigterm::Ignore, 1);
    assert_eq!(seconds_until(&mut cluster, SIGKILL), 2);
}

/// KIL-5, untimed.
#[test]
fn a_process_that_exits_within_the_floor_is_never_killed() {
    let mut cluster = terminating(one(Some(PreStop::Seconds(8)), OnSigterm::Exit, 4));
    cluster.take(RUN_HOOK);
    cluster.take(EXPIRE);
    cluster.take(SIGTERM);
    assert!(!cluster.can(SIGKILL));
    cluster.take(EXIT);
}

/// KIL-6, untimed.
#[test]
fn only_a_process_that_takes_longer_than_the_grace_is_killed() {
    for (on_sigterm, killed) in
        [(OnSigterm::Drain(5), false), (OnSigterm::Drain(30), true), (OnSigterm::Ignore, true)]
    {
        let mut cluster = terminating(one(None, on_sigterm, 10));
        cluster.take(SIGTERM);
        assert_eq!(cluster.can(EXPIRE), killed, "{on_sigterm:?}");
        assert!(!cluster.can(SIGKILL), "not before the grace has run out");
    }
}

/// What a process does on SIGTERM is up to it.
#[test]
fn a_signalled_process_accepts_connections_exactly_if_it_drains_or_ignores() {
    for (on_sigterm, accepts, exits) in [
        (OnSigterm::Exit, true, true),
        (OnSigterm::Drain(5), true, true),
        (OnSigterm::Close(5), false, true),
        (OnSigterm::Ignore, true, false),
    ] {
        let mut cluster = terminating(one(None, on_sigterm, 10));
        cluster.take(SIGTERM);
        assert_eq!(cluster.seen().slots[0].containers[0].accepting, accepts, "{on_sigterm:?}");
        assert_eq!(cluster.can(EXIT), exits, "{on_sigterm:?}");
    }
}

/// KIL-1, KIL-11, as the recording of a pod with a helper shows.
#[test]
fn app_containers_are_stopped_in_parallel() {
    let cluster =
        terminating(|s| s.workload.template.containers.push(container(ContainerKind::App, "helper")));
    assert!(cluster.can(SIGTERM));
    assert!(cluster.can(Kubelet::SendSigterm { pod: P0, container: C1 }));
}

/// STP-1 to STP-6, PW-14: one sync stops all, and makes no status before it is done; the recording of a pod with a helper shows it.
#[test]
fn a_pod_stays_as_ready_as_it_was_until_its_last_container_has_stopped() {
    let mut cluster =
        terminating(|s| s.workload.template.containers.push(container(ContainerKind::App, "helper")));
    assert!(cluster.pod(P0).ready);
    cluster.take(Kubelet::SendSigterm { pod: P0, container: C1 });
    cluster.take(ContainerStep::Exit { pod: P0, container: C1 });
    cluster.take(Kubelet::Relist { node: N0 });
    let report = Kubelet::ReportStatus { pod: P0 };
    assert!(!cluster.can(report), "the helper has exited, and the app runs");
    cluster.take(SIGTERM);
    cluster.take(EXIT);
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(report));
    cluster.settle();
    assert!(!cluster.exists(P0));
}

/// CND-10, PRB-10: a probe goes on against a container that has exited while others of its pod are stopped.
#[test]
fn a_readiness_probe_finds_a_container_that_has_exited_in_a_pod_that_is_stopped() {
    let mut cluster = terminating(|s| {
        s.workload.template.containers[0].readiness_probe = Some(quick_probe());
        s.workload.template.containers.push(container(ContainerKind::App, "helper"));
    });
    cluster.take(SIGTERM);
    cluster.take(EXIT);
    cluster.take(Kubelet::Relist { node: N0 });
    let report = Kubelet::ReportStatus { pod: P0 };
    assert!(!cluster.can(report));
    cluster.take(Kubelet::FlipReadiness { pod: P0, container: C0 });
    cluster.take(report);
    assert!(!cluster.pod(P0).ready);
}

/// Two sidecars, then the app.
fn sidecars(hook: Option<PreStop>, on_sigterm: OnSigterm) -> TestCluster {
    terminating(|s| {
        let sidecar = |name| podproof_vocabulary::scenario::Container {
            pre_stop: hook,
            ..container(ContainerKind::Sidecar, name)
        };
        let template = &mut s.workload.template;
        template.containers = vec![sidecar("first"), sidecar("second"), app()];
        template.containers[2].on_sigterm = on_sigterm;
        template.serving = 2;
        template.grace_seconds = 10;
    })
}

fn sigterm(container: podproof_vocabulary::ContainerId) -> Kubelet {
    Kubelet::SendSigterm { pod: P0, container }
}

/// KIL-8.
#[test]
fn sidecars_get_sigterm_after_the_apps_in_reverse_order() {
    let mut cluster = sidecars(None, OnSigterm::Exit);
    assert!(cluster.can(sigterm(C2)) && !cluster.can(sigterm(C1)) && !cluster.can(sigterm(C0)));
    cluster.take(sigterm(C2));
    assert!(!cluster.can(sigterm(C1)), "the app has not exited");
    cluster.take(ContainerStep::Exit { pod: P0, container: C2 });
    assert!(cluster.can(sigterm(C1)) && !cluster.can(sigterm(C0)));
    cluster.take(sigterm(C1));
    cluster.take(ContainerStep::Exit { pod: P0, container: C1 });
    assert!(cluster.can(sigterm(C0)));
}

/// KIL-12: the kubelet does not know which containers of an orphan are sidecars.
#[test]
fn the_sidecars_of_an_orphan_get_sigterm_with_its_apps() {
    let mut cluster = sidecars(None, OnSigterm::Exit);
    cluster.change(|cluster| cluster.pods[0].kubelet.set_knows_spec(false));
    assert!(cluster.can(sigterm(C2)) && cluster.can(sigterm(C1)) && cluster.can(sigterm(C0)));
}

/// KIL-9.
#[test]
fn the_hook_of_a_sidecar_starts_with_everything_else() {
    let cluster = sidecars(Some(PreStop::Seconds(1)), OnSigterm::Exit);
    assert!(cluster.can(RUN_HOOK));
    assert!(cluster.can(Kubelet::RunPreStop { pod: P0, container: C1 }));
}

/// KIL-10.
#[test]
fn a_sidecar_does_not_wait_beyond_the_grace() {
    let mut cluster = sidecars(None, OnSigterm::Ignore);
    cluster.take(sigterm(C2));
    cluster.take(EXPIRE);
    assert!(cluster.can(sigterm(C0)), "although the app runs");
    assert!(!cluster.can(sigterm(C1)), "its own grace has not run out");
}

/// KIL-16, SRC-5: a kill goes on while the sync loop is frozen, but not without a runtime.
#[test]
fn a_kill_goes_on_in_a_frozen_kubelet_but_not_without_the_runtime() {
    let mut cluster = terminating(one(None, OnSigterm::Exit, 10));
    cluster.change(|cluster| cluster.nodes[0].machine.set_unhealthy(true));
    assert!(cluster.can(SIGTERM));
    cluster.change(|cluster| cluster.nodes[0].machine.set_hung(true));
    assert!(!cluster.can(SIGTERM));
}
