//! The pod worker: when a pod's termination begins, how it ends, with which grace, and when its object goes.

use podproof_vocabulary::action::{Action, Container as ContainerStep, Environment, Kubelet, Watch, Watcher};
use podproof_vocabulary::observation::{Deletion, Phase, Process, Sandbox};
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{OnSigterm, PreStop, RestartPolicy, Scenario};

use super::quick_probe;
use crate::api_server::pods::{self, Grace};
use crate::kubelet::container_runtime::{grace_seconds, hook_of};
use crate::kubelet::status::status;
use crate::state::Worker;
use crate::test_cluster::{C0, N0, P0, TestCluster};

const BEGIN: Action = Action::Kubelet(Kubelet::BeginTermination { pod: P0 });
const NEWS: Watch = Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 };
const START: Kubelet = Kubelet::StartContainer { pod: P0, container: C0 };
const REMOVE: Kubelet = Kubelet::RemovePod { pod: P0 };
const EXIT: Action = Action::Container(ContainerStep::Exit { pod: P0, container: C0 });

fn running(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    TestCluster::running(1, 1, tweak)
}

fn of_release(minor: u8) -> TestCluster {
    running(|s| s.release = Release { minor })
}

fn begin(cluster: &mut TestCluster) {
    cluster.settle_until(|action| *action == BEGIN);
    cluster.take(BEGIN);
}

fn worker(cluster: &TestCluster) -> Worker {
    cluster.look(|cluster| cluster.pod(P0).kubelet.worker())
}

fn grace(cluster: &TestCluster) -> u32 {
    cluster.look(|cluster| grace_seconds(cluster, P0))
}

/// PW-5.
#[test]
fn a_pod_is_terminated_when_its_kubelet_sees_the_deletion_and_not_before() {
    let mut cluster = running(|_| {});
    cluster.delete(P0);
    assert!(!cluster.can(BEGIN));
    cluster.take(NEWS);
    cluster.take(BEGIN);
    assert_eq!(worker(&cluster), Worker::Terminating);
}

/// PW-5, PW-19.
#[test]
fn no_container_starts_once_termination_has_begun() {
    let mut cluster = running(|_| {});
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.settle_until(|action| *action == Action::Kubelet(START));
    cluster.delete(P0);
    cluster.take(NEWS);
    assert!(cluster.can(START), "until the worker takes it up");
    cluster.take(BEGIN);
    assert!(!cluster.can(START));
    cluster.settle_until(|action| *action == Action::Kubelet(REMOVE));
    assert!(!cluster.can(START), "a pod never starts again (PW-10)");
}

/// PW-5: a phase that somebody else made terminal.
#[test]
fn a_terminal_phase_in_the_api_terminates_the_pod() {
    let mut cluster = running(|_| {});
    cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Failed));
    cluster.take(NEWS);
    assert!(cluster.can(BEGIN));
}

/// PW-5, SP-1.
#[test]
fn a_pod_that_has_completed_is_terminated() {
    let mut cluster = running(|s| s.workload.template.restart_policy = RestartPolicy::Never);
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    assert!(!cluster.can(BEGIN), "not before the PLEG has seen it");
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(cluster.can(BEGIN));
}

/// PW-2.
#[test]
fn a_pod_that_is_first_seen_deleting_starts_nothing() {
    let mut cluster = TestCluster::web(1, 1, |_| {});
    cluster.settle_until(|action| *action == Action::Watch(NEWS));
    cluster.delete(P0);
    cluster.take(NEWS);
    assert_eq!(worker(&cluster), Worker::None);
    assert!(!cluster.any(|action| matches!(action, Action::Kubelet(Kubelet::CreateSandbox { .. }))));
    cluster.take(BEGIN);
    cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
    assert!(!cluster.exists(P0));
}

/// SBX-4, KIL-1.
#[test]
fn the_sandbox_is_stopped_after_the_last_container_and_frees_its_address() {
    let mut cluster = running(|_| {});
    let stop = Kubelet::StopSandbox { pod: P0 };
    cluster.delete(P0);
    begin(&mut cluster);
    assert!(!cluster.can(stop));
    cluster.take(Kubelet::SendSigterm { pod: P0, container: C0 });
    assert!(!cluster.can(stop));
    cluster.take(EXIT);
    assert!(cluster.seen().slots[0].sandbox.address.is_some());
    cluster.take(stop);
    assert_eq!(cluster.seen().slots[0].sandbox.sandbox, Sandbox::None);
    assert_eq!(cluster.seen().slots[0].sandbox.address, None);
    assert_eq!(worker(&cluster), Worker::Terminated);
}

/// PW-16, STD-1.
#[test]
fn a_worker_finishes_after_the_relist_that_shows_everything_stopped() {
    let mut cluster = running(|_| {});
    cluster.delete(P0);
    begin(&mut cluster);
    cluster.settle_but(|action| matches!(action, Action::Kubelet(Kubelet::Relist { .. })));
    assert_eq!(worker(&cluster), Worker::Terminated);
    assert!(!cluster.can(Kubelet::FinishPod { pod: P0 }));
    cluster.take(Kubelet::Relist { node: N0 });
    cluster.take(Kubelet::FinishPod { pod: P0 });
}

/// A deleted pod on its way, until its worker has finished and its kubelet would write next.
fn finished(release: u8, exits_well: bool) -> TestCluster {
    let mut cluster = running(|s| {
        s.release = Release { minor: release };
        s.workload.template.containers[0].on_sigterm =
            if exits_well { OnSigterm::Exit } else { OnSigterm::Ignore };
    });
    cluster.delete(P0);
    begin(&mut cluster);
    let writes = |action: &Action| {
        matches!(action, Action::Kubelet(Kubelet::ReportStatus { .. } | Kubelet::RemovePod { .. }))
    };
    cluster.settle_but(writes);
    assert_eq!(worker(&cluster), Worker::Finished);
    cluster
}

/// PHS-11, STM-6.
#[test]
fn a_deleted_pod_gets_a_terminal_phase_before_its_object_goes() {
    for (exits_well, phase) in [(true, Phase::Succeeded), (false, Phase::Failed)] {
        let mut cluster = finished(27, exits_well);
        assert_eq!(cluster.pod(P0).phase, Phase::Running, "withheld while containers could run (STM-4)");
        assert!(!cluster.can(REMOVE));
        cluster.take(Kubelet::ReportStatus { pod: P0 });
        assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (phase, false));
        cluster.take(REMOVE);
        assert!(!cluster.exists(P0));
    }
}

/// PHS-11, as every recording of 1.20 shows.
#[test]
fn before_1_27_a_deleted_pod_goes_with_phase_running() {
    let mut cluster = finished(26, true);
    if cluster.can(Kubelet::ReportStatus { pod: P0 }) {
        cluster.take(Kubelet::ReportStatus { pod: P0 });
    }
    assert_eq!(cluster.pod(P0).phase, Phase::Running);
    cluster.take(REMOVE);
    assert!(!cluster.exists(P0));
}

/// STM-6.
#[test]
fn the_object_of_a_pod_that_nobody_deleted_stays() {
    let mut cluster = running(|s| {
        s.workload.template.restart_policy = RestartPolicy::Never;
        s.workload.kind = podproof_vocabulary::scenario::WorkloadKind::Pod;
    });
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.settle();
    assert_eq!(worker(&cluster), Worker::Finished);
    assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).deletion), (Phase::Failed, Deletion::None));
}

/// DEL-14.
#[test]
fn the_kubelet_sends_one_final_deletion_to_an_object_with_a_finalizer() {
    let mut cluster = running(|s| s.workload.template.finalizer = true);
    cluster.delete(P0);
    cluster.settle();
    assert_eq!(cluster.pod(P0).deletion, Deletion::Immediate);
    assert_eq!(worker(&cluster), Worker::Finished);
}

/// PW-12.
#[test]
fn the_kubelet_forgets_a_pod_whose_object_is_gone() {
    let mut cluster = running(|_| {});
    cluster.delete(P0);
    cluster.settle_until(|action| *action == Action::Kubelet(REMOVE));
    cluster.take(REMOVE);
    assert!(!cluster.can(Kubelet::ForgetPod { pod: P0 }));
    cluster.take(NEWS);
    cluster.take(Kubelet::ForgetPod { pod: P0 });
    assert_eq!(cluster.seen().slots[0].containers[0].process, Process::Absent);
}

fn force_delete(cluster: &mut TestCluster) {
    cluster.change(|cluster| pods::delete(cluster, P0, Grace::Zero));
}

/// PW-18: 1.20 and 1.21 used the floor, 1.22 to 1.30 the whole grace, later ones a second.
#[test]
fn a_force_deleted_pod_is_killed_with_the_grace_that_its_release_gives() {
    for (release, seconds) in [(20, 1), (22, 30), (30, 30), (31, 1), (36, 1)] {
        let mut cluster = of_release(release);
        force_delete(&mut cluster);
        begin(&mut cluster);
        assert_eq!(grace(&cluster), seconds, "1.{release}");
    }
}

/// PW-18, DEL-14.
#[test]
fn a_force_deletion_is_one_also_when_a_finalizer_keeps_the_object() {
    let mut cluster = running(|s| s.workload.template.finalizer = true);
    force_delete(&mut cluster);
    assert_eq!(cluster.pod(P0).deletion, Deletion::Immediate);
    begin(&mut cluster);
    assert_eq!(grace(&cluster), 1);
}

/// EVM-6, PW-18.
#[test]
fn an_eviction_under_pressure_overrides_the_grace_from_1_31_on() {
    for (release, seconds) in [(20, 1), (30, 30), (31, 1)] {
        let mut cluster = of_release(release);
        cluster.befall(Environment::EvictUnderPressure { pod: P0 });
        begin(&mut cluster);
        assert_eq!(grace(&cluster), seconds, "1.{release}");
    }
}

/// EVM-7, STM-4.
#[test]
fn a_pod_evicted_under_pressure_fails_when_it_has_stopped_and_keeps_its_object() {
    let mut cluster = running(|s| s.workload.template.containers[0].on_sigterm = OnSigterm::Ignore);
    cluster.befall(Environment::EvictUnderPressure { pod: P0 });
    begin(&mut cluster);
    assert_eq!(cluster.pod(P0).phase, Phase::Running);
    cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::SendSigkill { .. })));
    assert!(cluster.pod(P0).ready, "hazard kubelet-led-termination-still-ready");
    cluster.settle();
    assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (Phase::Failed, false));
    assert_eq!(cluster.pod(P0).deletion, Deletion::None);
}

/// EVM-7, kubernetes/kubernetes#124648: for its status manager the pod has Failed, and its probes end.
#[test]
fn a_pod_that_its_kubelet_evicts_is_not_probed_while_it_stops() {
    let probed = |s: &mut Scenario| {
        let app = &mut s.workload.template.containers[0];
        app.on_sigterm = OnSigterm::Close(5);
        app.readiness_probe = Some(quick_probe());
    };
    let flip = Kubelet::FlipReadiness { pod: P0, container: C0 };
    let sigterm = Kubelet::SendSigterm { pod: P0, container: C0 };
    for evicted in [true, false] {
        let mut cluster = running(probed);
        match evicted {
            true => cluster.befall(Environment::EvictUnderPressure { pod: P0 }),
            false => cluster.delete(P0),
        }
        begin(&mut cluster);
        cluster.take(sigterm);
        assert!(!cluster.seen().slots[0].containers[0].accepting);
        assert_eq!(cluster.can(flip), !evicted);
    }
}

/// EVM-7, STP-6, PHS-6, PHS-11: how the containers ended decides; before 1.27 that says nothing of those that are restarted.
#[test]
fn a_pod_evicted_under_pressure_whose_containers_end_well_has_succeeded() {
    for (release, policy, phase) in [
        (26, RestartPolicy::Always, Phase::Failed),
        (26, RestartPolicy::Never, Phase::Succeeded),
        (27, RestartPolicy::Always, Phase::Succeeded),
        (36, RestartPolicy::Always, Phase::Succeeded),
    ] {
        let mut cluster = running(|s| {
            s.release = Release { minor: release };
            s.workload.template.restart_policy = policy;
        });
        cluster.befall(Environment::EvictUnderPressure { pod: P0 });
        begin(&mut cluster);
        cluster.settle_until(|action| *action == EXIT);
        cluster.settle();
        assert_eq!(cluster.pod(P0).phase, phase, "1.{release}, {policy:?}");
    }
}

/// EVM-7, before terminal phases were withheld.
#[test]
fn before_1_24_a_pod_evicted_under_pressure_fails_before_it_has_stopped() {
    for (release, phase) in [(23, Phase::Failed), (24, Phase::Running)] {
        let mut cluster = of_release(release);
        cluster.befall(Environment::EvictUnderPressure { pod: P0 });
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), Phase::Running, "1.{release}");
        begin(&mut cluster);
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), phase, "1.{release}");
    }
}

/// KIL-12.
#[test]
fn a_force_deleted_pod_whose_spec_is_known_runs_its_hook() {
    let mut cluster = running(|s| s.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(1)));
    force_delete(&mut cluster);
    begin(&mut cluster);
    assert!(cluster.can(Kubelet::RunPreStop { pod: P0, container: C0 }));
}

/// KIL-12, PW-13.
#[test]
fn an_orphan_is_killed_with_the_least_grace_and_without_its_hook() {
    for minor in [28, 36] {
        let mut cluster = running(|s| {
            s.release = Release { minor };
            s.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(1));
        });
        cluster.befall(Environment::StopKubelet { node: N0 });
        force_delete(&mut cluster);
        begin(&mut cluster);
        assert_eq!(grace(&cluster), 1, "1.{minor}");
        assert_eq!(cluster.look(|cluster| hook_of(cluster, P0, C0)), None);
    }
}

/// PW-6.
#[test]
fn a_smaller_grace_does_not_shorten_a_kill_that_is_under_way() {
    let mut cluster = running(|_| {});
    cluster.delete(P0);
    begin(&mut cluster);
    force_delete(&mut cluster);
    cluster.take(NEWS);
    assert_eq!(grace(&cluster), 30);
}

/// SRC-5, PW-16.
#[test]
fn with_a_stuck_relist_no_termination_begins() {
    let mut cluster = running(|_| {});
    cluster.delete(P0);
    cluster.take(NEWS);
    cluster.befall(Environment::HangRuntime { node: N0 });
    assert!(!cluster.can(BEGIN));
}

/// PW-18: a worker's grace is at least 1 s, that of a sync's kill is the pod's own.
#[test]
fn a_termination_has_grace_for_a_hook_although_its_pod_has_none() {
    let mut cluster = running(|s| {
        s.workload.template.grace_seconds = 0;
        s.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(1));
    });
    let has_hook = |cluster: &TestCluster| cluster.look(|cluster| hook_of(cluster, P0, C0).is_some());
    assert_eq!((grace(&cluster), has_hook(&cluster)), (0, false));
    cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Failed));
    cluster.take(NEWS);
    cluster.take(BEGIN);
    assert_eq!((grace(&cluster), has_hook(&cluster)), (1, true));

    let mut ended = running(|s| {
        s.workload.template.grace_seconds = 0;
        s.workload.template.restart_policy = RestartPolicy::Never;
    });
    ended.befall(Environment::FinishContainer { pod: P0, container: C0 });
    ended.take(Kubelet::Relist { node: N0 });
    ended.take(BEGIN);
    assert_eq!(grace(&ended), 0, "what is left is stopped by a sync (CPA-11)");
}
