//! What a kubelet loses when it restarts, and how it takes up what it finds.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{
    Action, Container as ContainerStep, Environment, Kubelet, Process, Watch, Watcher,
};
use podproof_vocabulary::observation::{NodeReady, Phase, Process as ContainerProcess};
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{OnSigterm, PreStop, Scenario};

use super::quick_probe;
use crate::kubelet::status::status;
use crate::state::Worker;
use crate::test_cluster::{C0, N0, P0, TestCluster};

const LIST: Watch = Watch::List { watcher: Watcher::Kubelet(N0) };
const RELIST: Kubelet = Kubelet::Relist { node: N0 };
const START: Process = Process::StartKubelet { node: NodeId(0) };
const BEGIN: Kubelet = Kubelet::BeginTermination { pod: P0 };

fn probed(s: &mut Scenario) {
    s.workload.template.containers[0].readiness_probe = Some(quick_probe());
}

fn stopped(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::running(1, 1, tweak);
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster
}

/// RST-1, RST-2.
#[test]
fn containers_live_on_without_their_kubelet_and_its_memory_is_lost() {
    let cluster = stopped(probed);
    assert_eq!(cluster.seen().slots[0].containers[0].process, ContainerProcess::Running);
    assert!(cluster.seen().slots[0].containers[0].accepting);
    let kubelet = cluster.look(|cluster| cluster.pod(P0).kubelet);
    assert_eq!(kubelet.worker(), Worker::None);
    assert!(!kubelet.view().present());
    assert!(!cluster.look(|cluster| cluster.container(P0, C0).probe_ready()));
    assert!(!cluster.any(|action| matches!(action, Action::Kubelet(_))), "nobody acts");
}

/// SRC-6, RST-3.
#[test]
fn a_restarted_kubelet_relists_and_lists_before_it_does_anything() {
    let mut cluster = stopped(probed);
    cluster.take(START);
    assert!(!cluster.can(LIST), "the sync loop waits for the first relist (SRC-5)");
    cluster.take(RELIST);
    assert!(!cluster.can(BEGIN), "nothing is killed before the first list");
    cluster.take(LIST);
    assert_eq!(cluster.look(|cluster| cluster.pod(P0).kubelet.worker()), Worker::Sync);
    cluster.settle();
    assert!(cluster.pod(P0).ready);
    assert_eq!(cluster.look(|cluster| cluster.container(P0, C0).backoff()), 0, "no container was restarted");
}

/// PRB-12: the hazard `kubelet-restart-unready-blip`, as the recording of a short restart shows it for 1.20.
#[test]
fn a_restarted_kubelet_takes_readiness_from_the_api_from_1_35_on() {
    for (release, kept) in [(20, false), (34, false), (35, true), (36, true)] {
        let mut cluster = stopped(|s| {
            probed(s);
            s.release = Release { minor: release };
        });
        cluster.take(START);
        cluster.take(RELIST);
        cluster.take(LIST);
        assert_eq!(cluster.can(Kubelet::ReportStatus { pod: P0 }), !kept, "1.{release}");
        if !kept {
            cluster.take(Kubelet::ReportStatus { pod: P0 });
            assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (Phase::Running, false));
        }
        cluster.settle();
        assert!(cluster.pod(P0).ready);
    }
}

/// NOD-3, PLEG-4, as the same recording shows.
#[test]
fn a_node_is_not_ready_before_the_first_relist_of_its_kubelet() {
    let mut cluster = stopped(|_| {});
    cluster.take(START);
    cluster.take(Kubelet::ReportNodeStatus { node: N0 });
    assert_eq!(cluster.seen().nodes[0].ready, NodeReady::False);
    assert!(cluster.pod(P0).ready, "its pods stay ready in the API (NLC-7)");
    cluster.settle();
    assert_eq!(cluster.seen().nodes[0].ready, NodeReady::True);
}

/// KIL-13.
#[test]
fn a_kill_that_a_restart_interrupts_begins_again_with_its_hook_and_its_whole_grace() {
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(40));
        s.workload.template.containers[0].on_sigterm = OnSigterm::Ignore;
    });
    cluster.delete(P0);
    cluster.settle_until(|action| *action == Action::Kubelet(BEGIN));
    cluster.take(BEGIN);
    cluster.take(Kubelet::RunPreStop { pod: P0, container: C0 });
    cluster.take(Kubelet::ExpireGrace { pod: P0, container: C0 });
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.settle_until(|action| *action == Action::Kubelet(BEGIN));
    cluster.take(BEGIN);
    assert!(cluster.can(Kubelet::RunPreStop { pod: P0, container: C0 }));
    assert!(!cluster.can(Kubelet::SendSigterm { pod: P0, container: C0 }));
}

/// RST-1: a restart takes no signal back.
#[test]
fn a_process_that_was_signalled_before_the_restart_exits_after_it() {
    let mut cluster =
        TestCluster::running(1, 1, |s| s.workload.template.containers[0].on_sigterm = OnSigterm::Drain(5));
    let sigterm = Action::Kubelet(Kubelet::SendSigterm { pod: P0, container: C0 });
    cluster.delete(P0);
    cluster.settle_until(|action| *action == sigterm);
    cluster.take(sigterm);
    cluster.befall(Environment::StopKubelet { node: N0 });
    assert!(cluster.seen().slots[0].containers[0].sigterm);
    assert!(cluster.can(podproof_vocabulary::action::Container::Exit { pod: P0, container: C0 }));
}

/// PW-3, RST-5.
#[test]
fn a_terminal_pod_is_not_run_again_by_a_restarted_kubelet() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.befall(Environment::EvictUnderPressure { pod: P0 });
    cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
    assert_eq!(cluster.pod(P0).phase, Phase::Succeeded);
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.settle_but(|action| {
        assert!(!matches!(
            action,
            Action::Kubelet(Kubelet::StartContainer { .. } | Kubelet::CreateSandbox { .. })
        ));
        matches!(action, Action::ReplicaSet(_))
    });
    assert_eq!(cluster.pod(P0).phase, Phase::Succeeded);
    assert_eq!(cluster.seen().slots[0].sandbox.sandbox, podproof_vocabulary::observation::Sandbox::None);
}

/// ADM-13, PW-13: a running pod may be rejected after a restart, and is killed as an orphan is.
#[test]
fn a_running_pod_that_admission_rejects_after_a_restart_fails_and_is_killed() {
    let mut cluster = stopped(|s| s.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(1)));
    cluster.change(|cluster| cluster.nodes[0].api.set_custom(true));
    let waits = |action: &Action| matches!(action, Action::ReplicaSet(_) | Action::TaintEviction(_));
    cluster.settle_but(|action| {
        assert!(!matches!(action, Action::Kubelet(Kubelet::RunPreStop { .. })), "without its hook");
        waits(action)
    });
    assert_eq!(cluster.pod(P0).phase, Phase::Failed);
    assert!(cluster.seen().slots[0].containers[0].process.has_exited());
    assert_eq!(cluster.seen().slots[0].sandbox.sandbox, podproof_vocabulary::observation::Sandbox::None);
}

/// ADM-13, PW-13: housekeeping does not wait until the API has heard of it. What is said of the pod stays until the relist that shows its
/// end makes a worker for it, which looks how its containers ended (SRC-4, STP-6): nobody has been told that it failed.
#[test]
fn a_rejected_pod_may_be_killed_before_anybody_hears_of_it_and_is_not_forgotten_while_it_runs() {
    let report = Kubelet::ReportStatus { pod: P0 };
    let waits = |action: &Action| matches!(action, Action::ReplicaSet(_) | Action::TaintEviction(_));
    let stops = |action: &Action| [BEGIN, report].map(Action::Kubelet).contains(action) || waits(action);
    let rejected = || {
        let mut cluster = stopped(|_| {});
        cluster.change(|cluster| cluster.nodes[0].api.set_custom(true));
        cluster.settle_but(stops);
        assert_eq!(cluster.look(|cluster| cluster.pod(P0).kubelet.worker()), Worker::Rejected);
        cluster
    };
    let finish = Action::Kubelet(Kubelet::FinishPod { pod: P0 });
    for is_told in [true, false] {
        let mut cluster = rejected();
        cluster.take(BEGIN);
        assert!(
            cluster.can(report),
            "its kubelet says that it has failed, whatever becomes of its containers"
        );
        cluster.settle_but(|action| [finish, Action::Kubelet(report)].contains(action) || waits(action));
        assert!(cluster.seen().slots[0].containers[0].process.has_exited());
        assert_eq!(cluster.look(|cluster| status(cluster, P0)), (Phase::Failed, false, None));
        if is_told {
            cluster.take(report);
        }
        cluster.take(finish);
        cluster.settle_but(waits);
        let phase = if is_told { Phase::Failed } else { Phase::Succeeded };
        let address = cluster.look(|cluster| cluster.pod(P0).kubelet.address_cached());
        assert!(address.is_some());
        assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).address), (phase, address));
    }
    let mut gone = rejected();
    gone.befall(Environment::ForceDeletePod { pod: P0 });
    gone.settle_but(stops);
    assert!(gone.can(BEGIN) && !gone.can(Kubelet::ForgetPod { pod: P0 }), "it runs");
    gone.settle_but(waits);
    assert!(!gone.seen().slots[0].containers[0].process.has_exited(), "it is gone, and forgotten");
}

/// ADM-13, SRC-4: whoever stops what ran of a rejected pod is forgotten when it is done. What has died of it is told of as of any pod if the
/// PLEG tells of some end after that; if it has told of all, the pod stays as it was rejected.
#[test]
fn a_rejected_pod_of_which_all_ends_are_told_before_its_sandbox_is_stopped_stays_rejected() {
    let waits = |action: &Action| matches!(action, Action::ReplicaSet(_) | Action::TaintEviction(_));
    let finish = Action::Kubelet(Kubelet::FinishPod { pod: P0 });
    let holds =
        |action: &Action| waits(action) || *action == Action::Kubelet(Kubelet::ReportStatus { pod: P0 });
    let killed = |dies_before: bool| {
        let mut cluster = stopped(|_| {});
        cluster.change(|cluster| cluster.nodes[0].api.set_custom(true));
        if dies_before {
            cluster.befall(Environment::KillSandbox { pod: P0 });
        }
        cluster.settle_but(|action| holds(action) || *action == Action::Kubelet(BEGIN));
        cluster.take(BEGIN);
        if !dies_before {
            cluster.befall(Environment::KillSandbox { pod: P0 });
        }
        cluster.take(Kubelet::SendSigterm { pod: P0, container: C0 });
        cluster.take(ContainerStep::Exit { pod: P0, container: C0 });
        assert_eq!(cluster.can(Kubelet::StopSandbox { pod: P0 }), !dies_before, "nobody is there to stop it");
        let stop = Action::Kubelet(Kubelet::StopSandbox { pod: P0 });
        cluster.settle_but(|action| holds(action) || *action == stop);
        cluster.take(Kubelet::StopSandbox { pod: P0 });
        cluster.take(Kubelet::Relist { node: N0 });
        cluster
    };
    let mut rejected = killed(false);
    assert_eq!(rejected.look(|cluster| cluster.pod(P0).kubelet.worker()), Worker::Rejected);
    assert_eq!(rejected.look(|cluster| status(cluster, P0)), (Phase::Failed, false, None));
    rejected.settle_but(waits);
    assert_eq!(rejected.pod(P0).phase, Phase::Failed);
    // Its sandbox was dead already and is not stopped: with the last container it is done, and the end of that makes a worker.
    let mut told = killed(true);
    assert!(told.enabled().contains(&finish));
    told.settle_but(waits);
    assert_eq!(told.pod(P0).phase, Phase::Succeeded);
}

/// STM-4, SRC-5b: what is said of a rejected pod was computed then, and is written while the runtime hangs.
#[test]
fn a_rejection_is_told_while_the_runtime_hangs() {
    let report = Kubelet::ReportStatus { pod: P0 };
    let mut cluster = stopped(|_| {});
    cluster.change(|cluster| cluster.nodes[0].api.set_custom(true));
    cluster.settle_until(|action| *action == Action::Kubelet(report));
    cluster.befall(Environment::HangRuntime { node: N0 });
    cluster.take(Kubelet::NoticeHang { node: N0 });
    cluster.take(report);
    assert_eq!(cluster.pod(P0).phase, Phase::Failed);
}

/// PRB-12, kubernetes/kubernetes#142305.
#[test]
fn a_restarted_kubelet_takes_what_runs_for_started_from_1_35_on() {
    for (minor, started) in [(34, false), (35, true), (36, true)] {
        let mut cluster = TestCluster::web(1, 1, |s| {
            probed(s);
            let app = &mut s.workload.template.containers[0];
            app.startup_probe = app.readiness_probe.take();
            app.listens_after_seconds = 5;
            s.release = Release { minor };
        });
        let listen =
            Action::Container(podproof_vocabulary::action::Container::Listen { pod: P0, container: C0 });
        cluster.settle_until(|action| *action == listen);
        cluster.befall(Environment::StopKubelet { node: N0 });
        cluster.take(START);
        cluster.take(RELIST);
        cluster.take(LIST);
        let is_ready = cluster.look(|cluster| status(cluster, P0).1);
        assert_eq!(is_ready, started, "1.{minor}");
    }
}

/// SP-8, PRB-12: a pod that is to end gets no workers for its probes. Without them it is ready, from 1.35 on as ready as it was.
#[test]
fn a_restarted_kubelet_does_not_probe_what_is_to_end() {
    for (minor, listens, ready) in [(34, false, true), (36, false, false), (36, true, true)] {
        let mut cluster = TestCluster::web(1, 1, |s| {
            probed(s);
            s.workload.template.containers[0].listens_after_seconds = 5;
            s.release = Release { minor };
        });
        let listen =
            Action::Container(podproof_vocabulary::action::Container::Listen { pod: P0, container: C0 });
        match listens {
            true => cluster.settle(),
            false => cluster.settle_until(|action| *action == listen),
        }
        assert_eq!(cluster.pod(P0).ready, listens);
        cluster.delete(P0);
        cluster.befall(Environment::StopKubelet { node: N0 });
        cluster.take(START);
        cluster.take(RELIST);
        cluster.take(LIST);
        cluster.take(BEGIN);
        let said = |cluster: &TestCluster| cluster.look(|cluster| status(cluster, P0).1);
        assert_eq!(said(&cluster), ready, "1.{minor}, listens: {listens}");
        assert!(!cluster.any(|action| matches!(action, Action::Kubelet(Kubelet::FlipReadiness { .. }))));
    }
}
