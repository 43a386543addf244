//! Probes: what they gate, when they run, and what their failure does.

use podproof_vocabulary::action::{Action, Container as ContainerStep, Environment, Kubelet};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::Process;
use podproof_vocabulary::scenario::{Container, OnSigterm, Probe, RestartPolicy, Timing};

use crate::state::Worker;
use crate::test_cluster::{C0, N0, P0, TestCluster, allow};

const FLIP: Kubelet = Kubelet::FlipReadiness { pod: P0, container: C0 };
const PASS: Kubelet = Kubelet::PassStartup { pod: P0, container: C0 };
const FAIL: Kubelet = Kubelet::FailProbe { pod: P0, container: C0 };
const STOP: Kubelet = Kubelet::StopContainer { pod: P0, container: C0 };
const START: Kubelet = Kubelet::StartContainer { pod: P0, container: C0 };
const LISTEN: ContainerStep = ContainerStep::Listen { pod: P0, container: C0 };
const REPORT: Kubelet = Kubelet::ReportStatus { pod: P0 };

fn probe(period_seconds: u32, failure_threshold: u32) -> Option<Probe> {
    Some(Probe {
        initial_delay_seconds: 0,
        period_seconds,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold,
    })
}

/// A pod that is starting, held just before its container listens, probes run or a status is reported.
fn starting(tweak: impl FnOnce(&mut Container)) -> TestCluster {
    let mut cluster = TestCluster::web(1, 1, |s| {
        s.workload.template.containers[0].listens_after_seconds = 5;
        tweak(&mut s.workload.template.containers[0]);
    });
    cluster.settle_but(|action| {
        matches!(
            action,
            Action::Container(ContainerStep::Listen { .. })
                | Action::Kubelet(
                    Kubelet::FlipReadiness { .. }
                        | Kubelet::PassStartup { .. }
                        | Kubelet::FailProbe { .. }
                        | Kubelet::ReportStatus { .. }
                )
        )
    });
    cluster
}

fn running(tweak: impl FnOnce(&mut Container)) -> TestCluster {
    TestCluster::running(1, 1, |s| tweak(&mut s.workload.template.containers[0]))
}

/// The process hangs: it runs and accepts nothing.
fn stops_accepting(cluster: &mut TestCluster) {
    cluster.change(|cluster| cluster.container_mut(P0, C0).set_accepting(false));
}

/// PRB-7: the probe waits for a new container.
#[test]
fn a_startup_probe_that_failed_for_good_passes_no_more() {
    let mut cluster = starting(|container| container.startup_probe = probe(1, 1));
    cluster.take(FAIL);
    cluster.take(LISTEN);
    assert!(!cluster.can(PASS) && cluster.can(STOP));
}

/// PRB-2, PRB-9.
#[test]
fn a_container_is_not_ready_before_its_readiness_probe_and_a_report_say_so() {
    let mut cluster = starting(|c| c.readiness_probe = probe(1, 1));
    assert!(!cluster.can(FLIP));
    cluster.take(LISTEN);
    cluster.take(REPORT);
    assert!(!cluster.pod(P0).ready);
    cluster.take(FLIP);
    assert!(!cluster.pod(P0).ready, "the result reaches the API only with a report");
    cluster.take(REPORT);
    assert!(cluster.pod(P0).ready);
}

/// CND-9: the pod may get traffic before it listens, as the recording of a rolling update without probes shows.
#[test]
fn without_a_readiness_probe_a_running_container_is_ready() {
    let mut cluster = starting(|_| {});
    cluster.take(REPORT);
    assert!(cluster.pod(P0).ready);
    assert!(!cluster.seen().slots[0].containers[0].accepting);
}

/// PRB-3.
#[test]
fn readiness_and_liveness_wait_for_the_startup_probe() {
    let mut cluster = starting(|c| {
        c.startup_probe = probe(1, 30);
        c.readiness_probe = probe(1, 1);
        c.liveness_probe = probe(1, 1);
    });
    cluster.take(LISTEN);
    assert!(!cluster.can(FLIP));
    cluster.change(|cluster| cluster.container_mut(P0, C0).set_accepting(false));
    assert!(cluster.can(FAIL), "the startup probe");
    cluster.change(|cluster| cluster.container_mut(P0, C0).set_accepting(true));
    cluster.take(PASS);
    assert!(cluster.can(FLIP));
}

/// PRB-8: readiness goes both ways, as the recording of a readiness flap shows.
#[test]
fn a_container_that_stops_accepting_becomes_unready_and_is_not_restarted() {
    let mut cluster = running(|c| c.readiness_probe = probe(1, 1));
    assert!(cluster.pod(P0).ready);
    stops_accepting(&mut cluster);
    cluster.settle();
    assert!(!cluster.pod(P0).ready);
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Running);
}

/// PRB-4: what the app says counts as what its connections do; three failures, 10 s apart, take 20 s at least.
#[test]
fn an_app_that_fails_its_readiness_probe_is_unready_after_as_many_failures_as_its_threshold() {
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.containers[0].readiness_probe = probe(10, 3);
        s.timing = Timing::Timed;
        s.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
    });
    assert!(cluster.pod(P0).ready);
    cluster.befall(Environment::ChangeReadiness { pod: P0, container: C0 });
    assert!(!cluster.can(FLIP), "not yet");
    cluster.run_until(|cluster| cluster.can(FLIP));
    cluster.take(FLIP);
    cluster.take(REPORT);
    assert!(!cluster.pod(P0).ready);
}

/// PRB-7, CPA-10, CLB-7, as the recording of a liveness restart shows: Ready stays while the process drains.
#[test]
fn a_failed_liveness_probe_stops_the_container_and_starts_it_again() {
    let mut cluster = running(|c| {
        c.liveness_probe = probe(1, 1);
        c.on_sigterm = OnSigterm::Drain(2);
    });
    assert!(!cluster.can(FAIL), "not while it accepts");
    stops_accepting(&mut cluster);
    cluster.take(FAIL);
    assert!(!cluster.can(FAIL), "on hold until a new container (PRB-7)");
    cluster.take(STOP);
    cluster.settle_until(|action| matches!(action, Action::Container(ContainerStep::Exit { .. })));
    assert!(cluster.pod(P0).ready, "until the PLEG has seen the exit");
    cluster.settle_until(|action| *action == Action::Kubelet(START));
    cluster.take(START);
    cluster.settle();
    assert!(cluster.pod(P0).ready && !cluster.can(STOP));
}

/// CPA-10, PHS-7.
#[test]
fn a_failed_liveness_probe_ends_a_pod_that_never_restarts() {
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.containers[0].liveness_probe = probe(1, 1);
        s.workload.template.restart_policy = RestartPolicy::Never;
    });
    stops_accepting(&mut cluster);
    cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
    assert!(cluster.pod(P0).phase.is_terminal());
}

/// PRB-10.
#[test]
fn while_a_pod_terminates_readiness_goes_on_and_the_other_probes_end() {
    let mut cluster = running(|c| {
        c.readiness_probe = probe(1, 1);
        c.liveness_probe = probe(1, 1);
        c.on_sigterm = OnSigterm::Close(5);
    });
    cluster.delete(P0);
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::SendSigterm { .. })));
    cluster.take(Kubelet::SendSigterm { pod: P0, container: C0 });
    assert!(cluster.can(FLIP) && !cluster.can(FAIL));
    cluster.take(FLIP);
    cluster.take(REPORT);
    assert!(!cluster.pod(P0).ready);
}

/// PRB-6.
#[test]
fn the_results_for_a_container_that_does_not_run_are_lost() {
    let mut cluster = running(|c| {
        c.readiness_probe = probe(1, 1);
        c.startup_probe = probe(1, 30);
    });
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    assert!(
        cluster.look(|cluster| cluster.container(P0, C0).probe_ready()),
        "not before the next tick of the probe"
    );
    cluster.take(Kubelet::Relist { node: N0 });
    let state = cluster.look(|cluster| cluster.container(P0, C0));
    assert!(!state.probe_ready() && !state.probe_started());
}

/// PRB-4: failures are counted up to the threshold; the process listens 5 s after its start.
#[test]
fn a_probe_that_gives_up_before_the_process_listens_restarts_it_for_ever() {
    for (threshold, fails) in [(2, true), (5, true), (6, true), (7, false)] {
        let cluster = starting(|c| c.liveness_probe = probe(1, threshold));
        assert_eq!(cluster.can(FAIL), fails, "{threshold} failures, one a second");
    }
}

/// PRB-4, PRB-7: one that has always failed for good by then never listens, unless it is being stopped (PRB-10) or nobody probes.
#[test]
fn a_process_that_is_killed_each_time_before_it_listens_never_does() {
    for (threshold, listens) in [(1, false), (2, true)] {
        let mut cluster = starting(|c| c.startup_probe = probe(1, threshold));
        assert_eq!(cluster.can(LISTEN), listens, "{threshold} failures, one a second");
        assert!(cluster.can(FAIL));
        cluster.change(|cluster| cluster.pod_mut(P0).kubelet.set_worker(Worker::Terminating));
        assert!(cluster.can(LISTEN), "nobody probes it any more");
    }
    let restarts = TestCluster::web(1, 1, |s| {
        s.workload.template.containers[0].listens_after_seconds = 5;
        s.workload.template.containers[0].startup_probe = probe(1, 1);
        allow(s, EventName::KubeletRestart, 1);
    });
    assert!(!restarts.look(|cluster| cluster.rules.container(C0).fails_before_listening));
}

/// SRC-5, SRC-5b.
#[test]
fn a_frozen_kubelet_does_not_react_to_probes() {
    let mut cluster = running(|c| {
        c.readiness_probe = probe(1, 1);
        c.liveness_probe = probe(1, 1);
    });
    stops_accepting(&mut cluster);
    cluster.change(|cluster| cluster.nodes[0].machine.set_unhealthy(true));
    assert!(!cluster.can(FLIP) && !cluster.can(FAIL) && !cluster.can(REPORT));
}

/// SRC-5b.
#[test]
fn a_frozen_kubelet_reports_no_status() {
    let mut cluster = running(|_| {});
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(REPORT));
    cluster.change(|cluster| cluster.nodes[0].machine.set_unhealthy(true));
    assert!(!cluster.can(REPORT));
}

/// PRB-10.
#[test]
fn a_startup_probe_ends_with_the_life_of_its_pod() {
    let mut cluster = starting(|c| c.startup_probe = probe(1, 30));
    cluster.take(LISTEN);
    assert!(cluster.can(PASS));
    cluster.delete(P0);
    cluster.settle_but(|action| {
        !matches!(action, Action::Watch(_) | Action::Kubelet(Kubelet::BeginTermination { .. }))
    });
    assert!(!cluster.can(PASS));
}

fn on_failure() -> TestCluster {
    TestCluster::running(1, 1, |s| {
        s.workload.template.restart_policy = RestartPolicy::OnFailure;
        s.workload.template.containers[0].liveness_probe = probe(1, 1);
    })
}

/// An app of a pod that restarts on failure, which its liveness probe has failed and which has ended well for that.
fn ended_for_its_probe(before: impl FnOnce(&mut TestCluster)) -> TestCluster {
    let mut cluster = on_failure();
    before(&mut cluster);
    stops_accepting(&mut cluster);
    cluster.take(FAIL);
    cluster.take(STOP);
    cluster.take(Kubelet::SendSigterm { pod: P0, container: C0 });
    cluster.take(ContainerStep::Exit { pod: P0, container: C0 });
    cluster
}

const TERMINATE: Kubelet = Kubelet::BeginTermination { pod: P0 };

/// CPA-10: the sync that stops it starts it, and asks no exit code.
#[test]
fn an_app_that_its_probe_failed_is_started_anew_although_it_ended_well() {
    let mut cluster = ended_for_its_probe(|_| {});
    assert!(cluster.can(START), "at once");
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(START) && !cluster.can(TERMINATE));
    cluster.take(START);
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(!cluster.can(TERMINATE));
    cluster.befall(Environment::FinishContainer { pod: P0, container: C0 });
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(TERMINATE), "by itself it is done");
}

/// CLB-2: `doBackOff` goes by the end before; a start that it holds back fails, and the next sync sees an app that is done. So does one
/// after the kubelet started anew, or in a sandbox that has died.
#[test]
fn an_app_that_its_probe_failed_and_that_is_not_started_at_once_may_be_done() {
    let mut cluster = ended_for_its_probe(|cluster| {
        cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(1));
    });
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(START) && cluster.can(TERMINATE));
    cluster.take(START);
    assert!(!cluster.can(TERMINATE), "a sync that follows waits for a newer cache (PW-16)");

    let mut cluster = ended_for_its_probe(|_| {});
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(TERMINATE));

    let mut cluster = ended_for_its_probe(|_| {});
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.settle_until(|action| *action == Action::Kubelet(TERMINATE));
    assert!(!cluster.can(START));
}

/// CPA-3, CPA-10: the sandbox dies while a sync stops the app in it; that sync cannot start it, and the next one sees that it is done.
#[test]
fn an_app_that_its_probe_failed_is_done_when_its_sandbox_dies_before_it_ends() {
    let mut cluster = on_failure();
    stops_accepting(&mut cluster);
    cluster.take(FAIL);
    cluster.take(STOP);
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.take(Kubelet::Relist { node: N0 });
    cluster.take(Kubelet::SendSigterm { pod: P0, container: C0 });
    cluster.take(ContainerStep::Exit { pod: P0, container: C0 });
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(TERMINATE));
    cluster.take(Kubelet::CreateSandbox { pod: P0 });
    assert!(!cluster.can(START) && cluster.can(TERMINATE), "nor does a sync that began before start it");
}
