//! The status manager: phase, Ready, reconciliation with what others wrote.

use podproof_vocabulary::ContainerId;
use podproof_vocabulary::action::{Action, Environment, Kubelet, PodGarbageCollector, Watch, Watcher};
use podproof_vocabulary::observation::{Phase, Process, Sandbox};
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{ContainerKind, RestartPolicy};

use super::container;
use crate::api_server::pods;
use crate::controllers::pod_garbage_collector;
use crate::kubelet::observe_pod;
use crate::kubelet::status::{completed, should_run_again, status};
use crate::state::{KubeletView, Worker};
use crate::test_cluster::{C0, N0, P0, TestCluster};

const REPORT: Kubelet = Kubelet::ReportStatus { pod: P0 };
const NEWS: Watch = Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 };
const TERMINATE: Kubelet = Kubelet::BeginTermination { pod: P0 };
const FAIL: PodGarbageCollector = PodGarbageCollector::FailPod { pod: P0 };

/// STM-1: the node lifecycle controller's write is undone, but only once the kubelet has seen it.
#[test]
fn the_kubelet_undoes_a_foreign_ready_when_it_has_seen_it() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.change(|cluster| pods::update(cluster, P0, |object| object.with_ready(false)));
    assert!(!cluster.can(REPORT));
    cluster.take(NEWS);
    cluster.take(REPORT);
    assert!(cluster.pod(P0).ready);
}

/// STM-10, SRC-7.
#[test]
fn a_kubelet_that_is_cut_off_reports_nothing_and_goes_on() {
    let mut cluster = TestCluster::running(1, 2, |_| {});
    cluster.befall(Environment::PartitionNode { node: N0 });
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.take(Kubelet::Relist { node: N0 });
    assert!(!cluster.can(REPORT) && !cluster.can(Kubelet::ReportNodeStatus { node: N0 }));
    cluster.take(Kubelet::StartContainer { pod: P0, container: C0 });
}

/// STM-9.
#[test]
fn only_the_newest_status_is_sent() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.settle_but(|action| *action == Action::Kubelet(REPORT));
    assert!(!cluster.can(REPORT), "the crash and the restart cancel out");
    assert!(cluster.pod(P0).ready);
}

/// STM-4: a pod that is done keeps the phase that it has until its worker has stopped it.
#[test]
fn a_terminal_phase_is_withheld_while_containers_could_run() {
    let mut cluster = TestCluster::web(1, 1, |s| s.workload.template.restart_policy = RestartPolicy::Never);
    cluster.settle_but(|action| *action == Action::Kubelet(REPORT));
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.take(Kubelet::Relist { node: N0 });
    assert_eq!(cluster.look(|cluster| status(cluster, P0).0), Phase::Pending);
    cluster.take(Kubelet::BeginTermination { pod: P0 });
    cluster.take(Kubelet::StopSandbox { pod: P0 });
    assert_eq!(cluster.look(|cluster| status(cluster, P0).0), Phase::Failed);
}

/// As the recordings of 1.20 show: the phase is reported first, and the sandbox stopped then.
#[test]
fn before_1_24_a_terminal_phase_is_reported_at_once() {
    for (minor, expected) in [(23, Phase::Failed), (24, Phase::Running)] {
        let mut cluster = TestCluster::web(1, 1, |s| {
            s.release = Release { minor };
            s.workload.template.restart_policy = RestartPolicy::Never;
        });
        cluster.settle();
        cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
        cluster.take(Kubelet::Relist { node: N0 });
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), expected, "1.{minor}");
        cluster.take(REPORT);
        cluster.take(Kubelet::BeginTermination { pod: P0 });
        cluster.take(Kubelet::StopSandbox { pod: P0 });
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), Phase::Failed, "1.{minor}");
    }
}

/// PHS-10, API-13.
#[test]
fn the_kubelet_keeps_a_terminal_phase_that_somebody_wrote() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Succeeded));
    cluster.take(NEWS);
    let (phase, ready, _) = cluster.look(|cluster| status(cluster, P0));
    assert_eq!((phase, ready), (Phase::Succeeded, false), "and Ready goes with it (STM-5)");
    cluster.settle_but(|action| matches!(action, Action::ReplicaSet(_)));
    assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (Phase::Succeeded, false));
}

/// A pod runs, and the collector has failed it.
fn failed_by_the_collector() -> TestCluster {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.change(|cluster| pod_garbage_collector::apply(cluster, FAIL));
    assert!(!cluster.can(REPORT) && cluster.pod(P0).phase == Phase::Failed);
    cluster
}

/// STM-2: the patch takes no heed of the phase that it replaces. What has not changed is not sent because of it.
#[test]
fn the_kubelet_writes_over_a_terminal_phase_that_it_has_not_heard_of() {
    let mut cluster = failed_by_the_collector();
    cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
    cluster.take(Kubelet::Relist { node: N0 });
    cluster.take(REPORT);
    assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (Phase::Running, false));
    assert!(!cluster.can(TERMINATE));
}

/// STM-1, SRC-2: news of a status tell no worker, and what was said is said again. Who told the worker meanwhile told it for good (PW-5).
#[test]
fn the_kubelet_says_again_what_it_said_before_its_worker_is_told() {
    let mut cluster = failed_by_the_collector();
    cluster.take(NEWS);
    assert!(cluster.can(TERMINATE));
    cluster.take(REPORT);
    assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (Phase::Running, true));
    assert!(!cluster.can(REPORT));
    cluster.take(TERMINATE);
}

/// STM-1, STM-2: the same of a phase that came before it had heard of the pod, and of which it hears after that.
#[test]
fn the_kubelet_runs_a_pod_that_it_hears_of_before_it_hears_that_it_has_failed() {
    for hears in [false, true] {
        let mut cluster = TestCluster::web(1, 1, |_| {});
        cluster.settle_but(|action| *action == Action::Watch(NEWS));
        cluster.change(|cluster| {
            pod_garbage_collector::apply(cluster, FAIL);
            observe_pod(cluster, N0, P0, KubeletView::new().with_present(true));
        });
        cluster.take(Kubelet::CreateSandbox { pod: P0 });
        assert!(!cluster.can(REPORT));
        if hears {
            cluster.take(NEWS);
        } else {
            cluster.take(Kubelet::Relist { node: N0 });
        }
        cluster.take(REPORT);
        assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).address.is_none()), (Phase::Pending, hears));
    }
}

/// ADM-12, STM-1: of a pod that it has rejected it has said Failed before anybody else did, and has nothing to say again.
#[test]
fn the_kubelet_says_nothing_again_of_a_rejected_pod() {
    for (knows_spec, expected) in [(true, Phase::Pending), (false, Phase::Failed)] {
        let mut cluster = TestCluster::web(1, 1, |_| {});
        cluster.settle_but(|action| matches!(action, Action::Kubelet(_)));
        cluster.change(|cluster| {
            pod_garbage_collector::apply(cluster, FAIL);
            let kubelet = &mut cluster.pod_mut(P0).kubelet;
            kubelet.set_worker(Worker::Terminated);
            kubelet.set_knows_spec(knows_spec);
            kubelet.set_view(KubeletView::new().with_present(true).with_terminal(true));
            kubelet.set_overwritten(Some(Phase::Pending));
        });
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), expected, "knows its spec: {knows_spec}");
    }
}

/// PHS-10: its worker makes the phase its own.
#[test]
fn the_kubelet_keeps_the_phase_for_which_it_stops_a_pod() {
    let mut cluster = failed_by_the_collector();
    cluster.take(NEWS);
    cluster.take(TERMINATE);
    assert!(cluster.can(REPORT), "the pod is not ready any more (STM-5)");
    cluster.take(REPORT);
    assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (Phase::Failed, false));
}

/// STM-1: the same while its worker stops it for another reason.
#[test]
fn the_kubelet_says_again_what_it_said_while_it_stops_a_deleted_pod() {
    let mut cluster = TestCluster::running(1, 1, |s| s.workload.template.finalizer = true);
    cluster.delete(P0);
    cluster.take(NEWS);
    cluster.take(TERMINATE);
    cluster.change(|cluster| pod_garbage_collector::apply(cluster, FAIL));
    cluster.take(NEWS);
    cluster.take(REPORT);
    assert_eq!(cluster.pod(P0).phase, Phase::Running);
}

/// STP-6, STM-1: how its containers ended was looked at before it heard of another phase, and is told.
#[test]
fn a_pod_whose_containers_ended_well_has_succeeded_whatever_its_kubelet_hears_after_that() {
    for (hears, expected) in [(false, Phase::Succeeded), (true, Phase::Failed)] {
        let mut cluster = TestCluster::running(1, 1, |s| s.workload.template.finalizer = true);
        cluster.delete(P0);
        cluster.take(NEWS);
        cluster.change(|cluster| pod_garbage_collector::apply(cluster, FAIL));
        if hears {
            cluster.take(NEWS);
        }
        let waits = |action: &Action| {
            let news = |own| matches!(own, Action::Watch(_) | Action::PodGarbageCollector(_));
            news(*action) || *action == Action::Kubelet(REPORT)
        };
        cluster.settle_but(waits);
        assert_eq!(cluster.look(|cluster| cluster.pod(P0).kubelet.worker()), Worker::Finished);
        if !hears {
            assert!(cluster.can(REPORT), "it says so at once");
            cluster.take(NEWS);
        }
        cluster.settle_but(|action| matches!(action, Action::PodGarbageCollector(_)));
        assert_eq!(cluster.pod(P0).phase, expected, "hears: {hears}");
    }
}

/// STP-6, STM-10, SRC-5b: the sync loop computes nothing more, but what a worker said when it had stopped the pod is sent.
#[test]
fn a_frozen_kubelet_tells_how_a_pod_has_ended_that_it_has_stopped() {
    for (reached, told) in
        [(Worker::Terminating, false), (Worker::Terminated, true), (Worker::Finished, true)]
    {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        cluster.delete(P0);
        let held = |action: &Action| match action {
            Action::Kubelet(Kubelet::StopSandbox { .. }) => reached == Worker::Terminating,
            Action::Kubelet(Kubelet::FinishPod { .. }) => reached == Worker::Terminated,
            action => *action == Action::Kubelet(REPORT) || matches!(action, Action::ReplicaSet(_)),
        };
        cluster.settle_but(held);
        assert_eq!(cluster.look(|cluster| cluster.pod(P0).kubelet.worker()), reached);
        cluster.change(|cluster| cluster.nodes[0].machine.set_unhealthy(true));
        let before = cluster.pod(P0).phase;
        if cluster.can(REPORT) {
            cluster.take(REPORT);
        }
        let phase = cluster.pod(P0).phase;
        assert_eq!(phase, if told { Phase::Succeeded } else { before }, "{reached:?}");
    }
}

/// SP-3, STM-10, SRC-5b: a sync tells the status manager of what it found before it acts on that, and that is sent; what a relist found
/// without a sync is not.
#[test]
fn a_frozen_kubelet_tells_what_its_last_sync_found() {
    let starts = || {
        let mut cluster = TestCluster::web(1, 1, |s| {
            s.workload.template.containers.insert(0, container(ContainerKind::Init, "init"));
        });
        let app = Action::Kubelet(Kubelet::StartContainer { pod: P0, container: ContainerId(1) });
        let waits = move |action: &Action| *action == app || *action == Action::Kubelet(REPORT);
        cluster.settle_but(waits);
        (cluster, app)
    };
    let freeze =
        |cluster: &mut TestCluster| cluster.change(|cluster| cluster.nodes[0].machine.set_unhealthy(true));
    let (mut found, app) = starts();
    freeze(&mut found);
    assert!(!found.can(REPORT), "no sync has found that it has an address");
    let (mut synced, _) = starts();
    synced.take(app);
    freeze(&mut synced);
    synced.take(REPORT);
    assert!(synced.pod(P0).address.is_some());
}

/// PW-5: what a worker may have been told goes before news that come late.
#[test]
fn a_worker_may_stop_a_pod_for_an_end_that_is_gone_again() {
    let mut cluster = failed_by_the_collector();
    cluster.take(NEWS);
    cluster.change(|cluster| pods::set_phase(cluster, P0, Phase::Running));
    cluster.take(NEWS);
    cluster.take(TERMINATE);
}

/// STM-2: also over one that came before the pod ran, and as soon as it runs.
#[test]
fn a_pod_that_starts_to_run_is_running_whatever_phase_somebody_wrote_meanwhile() {
    let mut cluster = TestCluster::web(1, 1, |_| {});
    cluster.settle_but(|action| matches!(action, Action::Kubelet(_)));
    cluster.take(Kubelet::CreateSandbox { pod: P0 });
    cluster.take(Kubelet::Relist { node: N0 });
    cluster.take(REPORT);
    cluster.take(Kubelet::StartContainer { pod: P0, container: C0 });
    cluster.change(|cluster| pod_garbage_collector::apply(cluster, FAIL));
    assert!(!cluster.can(REPORT));
    cluster.take(Kubelet::Relist { node: N0 });
    cluster.take(REPORT);
    assert_eq!(cluster.pod(P0).phase, Phase::Running);
}

/// STM-4: what is withheld is the step from a phase that is not terminal.
#[test]
fn an_end_is_not_withheld_over_a_terminal_phase_that_somebody_wrote() {
    for (fails, expected) in [(false, Phase::Running), (true, Phase::Succeeded)] {
        let mut cluster =
            TestCluster::running(1, 1, |s| s.workload.template.restart_policy = RestartPolicy::Never);
        if fails {
            cluster.change(|cluster| pod_garbage_collector::apply(cluster, FAIL));
        }
        cluster.befall(Environment::FinishContainer { pod: P0, container: C0 });
        cluster.take(Kubelet::Relist { node: N0 });
        cluster.take(REPORT);
        assert_eq!(cluster.pod(P0).phase, expected, "fails: {fails}");
    }
}

/// STM-1, PHS-10: the collector, which has not seen the end, writes Failed over it; the kubelet that has said it says it again. One that
/// has started since knows only what the API says.
#[test]
fn the_kubelet_says_an_end_again_that_somebody_has_written_over() {
    let controllers = |action: &Action| {
        matches!(
            action,
            Action::ReplicaSet(_) | Action::Watch(Watch::DeliverPod { to: Watcher::ControllerManager, .. })
        )
    };
    for (restarts, expected) in [(false, Phase::Succeeded), (true, Phase::Failed)] {
        let mut cluster =
            TestCluster::running(1, 1, |s| s.workload.template.restart_policy = RestartPolicy::Never);
        cluster.befall(Environment::FinishContainer { pod: P0, container: C0 });
        cluster.settle_but(controllers);
        assert_eq!(cluster.pod(P0).phase, Phase::Succeeded);
        cluster.change(|cluster| pod_garbage_collector::apply(cluster, FAIL));
        assert_eq!(cluster.pod(P0).phase, Phase::Failed);
        if restarts {
            cluster.befall(Environment::StopKubelet { node: N0 });
        }
        let is_collection = |action: &Action| matches!(action, Action::PodGarbageCollector(_));
        cluster.settle_but(|action| controllers(action) || is_collection(action));
        assert_eq!(cluster.pod(P0).phase, expected, "restarts: {restarts}");
        assert!(!cluster.can(REPORT));
    }
}

/// PHS-1, PHS-6, PHS-7, PHS-8, PHS-12: what the containers, as the cache shows them, ask for.
#[test]
fn a_pod_completes_when_its_app_containers_have_ended_and_none_will_restart() {
    use Process::{Absent, ExitedError, ExitedOk, Running};
    use RestartPolicy::{Always, Never, OnFailure};
    for (policy, init, apps, phase) in [
        (Always, ExitedOk, [ExitedOk, ExitedOk], None),
        (OnFailure, ExitedOk, [ExitedOk, ExitedOk], Some(Phase::Succeeded)),
        (OnFailure, ExitedOk, [ExitedOk, ExitedError], None),
        (OnFailure, ExitedError, [Absent, Absent], None),
        (Never, ExitedOk, [ExitedOk, ExitedOk], Some(Phase::Succeeded)),
        (Never, ExitedOk, [ExitedOk, ExitedError], Some(Phase::Failed)),
        (Never, ExitedOk, [ExitedOk, Running], None),
        (Never, ExitedError, [Absent, Absent], Some(Phase::Failed)),
    ] {
        let mut cluster = TestCluster::web(1, 1, |s| {
            let template = &mut s.workload.template;
            template.restart_policy = policy;
            template.containers.insert(0, container(ContainerKind::Init, "init"));
            template.containers.push(container(ContainerKind::App, "helper"));
            template.serving = 1;
        });
        let asked = cluster.change(|cluster| {
            for (container, process) in cluster.container_ids().zip([init, apps[0], apps[1]]) {
                cluster.container_mut(P0, container).set_cached(process);
            }
            completed(cluster, P0)
        });
        assert_eq!(asked, phase, "{policy:?} {init:?} {apps:?}");
    }
}

/// CPA-8, CPA-9.
#[test]
fn a_crashed_container_should_run_again_exactly_if_its_policy_or_its_kind_restarts_it() {
    use ContainerKind::{App, Sidecar};
    for (kind, policy, again) in [
        (App, RestartPolicy::Always, true),
        (App, RestartPolicy::Never, false),
        (Sidecar, RestartPolicy::Never, true),
    ] {
        let mut cluster = TestCluster::running(1, 1, |s| {
            s.workload.template.restart_policy = policy;
            s.workload.template.containers.insert(0, container(kind, "first"));
            s.workload.template.serving = 1;
        });
        assert!(!cluster.look(|cluster| should_run_again(cluster, P0, C0)));
        cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
        assert_eq!(cluster.look(|cluster| should_run_again(cluster, P0, C0)), again, "{kind:?} {policy:?}");
    }
}

/// STP-5, STP-6: the worker looks at the runtime, not at the cache, once all is stopped.
#[test]
fn the_last_phase_is_of_how_the_containers_ended_whatever_the_cache_shows() {
    let start = Kubelet::StartContainer { pod: P0, container: C0 };
    for (end, phase) in [
        (Environment::CrashContainer { pod: P0, container: C0 }, Phase::Failed),
        (Environment::FinishContainer { pod: P0, container: C0 }, Phase::Succeeded),
    ] {
        for ended_before in [Environment::FinishContainer { pod: P0, container: C0 }, end] {
            let mut cluster = TestCluster::running(1, 1, |_| {});
            cluster.befall(ended_before);
            cluster.take(Kubelet::Relist { node: N0 });
            cluster.take(start);
            cluster.delete(P0);
            cluster.take(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 });
            cluster.take(Kubelet::BeginTermination { pod: P0 });
            cluster.befall(end);
            cluster.take(Kubelet::StopSandbox { pod: P0 });
            assert_eq!(cluster.look(|cluster| status(cluster, P0).0), phase, "{ended_before:?}, {end:?}");
        }
    }
}

/// PHS-2, RST-2: of an app that ended in a sandbox before, and of which nothing has started in the newest, the kubelet that starts again
/// finds how it ended, also where nothing else is left of the pod.
#[test]
fn a_kubelet_that_stops_leaves_what_ended_in_a_sandbox_before() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    let (last, node) = cluster.change(|cluster| {
        *cluster.container_mut(P0, C0) = crate::state::Container::new().with_ended_before(Process::ExitedOk);
        let kubelet = &mut cluster.pod_mut(P0).kubelet;
        kubelet.set_sandbox(Sandbox::None);
        kubelet.set_address(None);
        crate::kubelet::stop(cluster, N0);
        (cluster.container(P0, C0).last_process(), cluster.pod(P0).kubelet.node())
    });
    assert_eq!((last, node), (Process::ExitedOk, Some(N0)));
}
