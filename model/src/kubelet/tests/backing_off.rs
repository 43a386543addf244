//! The crash-loop back-off: how long restarts wait, what counts as one, and what is said of a container that waits.

use podproof_vocabulary::ContainerId;
use podproof_vocabulary::action::{Action, Container as ContainerStep, Environment, Kubelet, Watch, Watcher};
use podproof_vocabulary::catalogue::app;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::{Phase, Process};
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{ContainerKind, Probe, RestartPolicy};

use super::container;
use crate::kubelet::back_off::{backoff_seconds, restart_seconds};
use crate::kubelet::status::status;
use crate::test_cluster::{C0, C1, N0, P0, TestCluster};

const RELIST: Kubelet = Kubelet::Relist { node: N0 };
const CREATE: Kubelet = Kubelet::CreateSandbox { pod: P0 };

const PROBE: Probe = Probe {
    initial_delay_seconds: 0,
    period_seconds: 10,
    timeout_seconds: 1,
    success_threshold: 1,
    failure_threshold: 1,
};

const fn start(container: ContainerId) -> Kubelet {
    Kubelet::StartContainer { pod: P0, container }
}

/// CLB-1, CLB-4, PHS-14, as the recording of a crash loop shows: at once, then 10 s, 20 s, with phase Running.
#[test]
fn a_crash_loop_backs_off_and_stays_running() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    for wait in [0, 10, 20, 40, 80, 160, 300, 300] {
        cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
        cluster.settle_but(|action| *action == Action::Kubelet(start(C0)));
        assert_eq!(cluster.look(|cluster| backoff_seconds(cluster, cluster.container(P0, C0))), wait);
        assert_eq!((cluster.pod(P0).phase, cluster.pod(P0).ready), (Phase::Running, false));
        cluster.take(start(C0));
        cluster.settle();
        assert!(cluster.pod(P0).ready, "for as long as it lives");
    }
}

/// CLB-5.
#[test]
fn a_restarted_kubelet_begins_the_back_off_anew() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(4));
    cluster.befall(Environment::StopKubelet { node: N0 });
    assert_eq!(cluster.look(|cluster| backoff_seconds(cluster, cluster.container(P0, C0))), 0);
}

/// CLB-2: the back-off goes by the newest container that has exited, as the sync knows it, in whatever sandbox. The sync that stops an app
/// for a new sandbox does not know that it has.
#[test]
fn the_first_start_in_a_new_sandbox_is_a_restart_of_what_was_seen_to_end_before() {
    for (seen_before, seen_after, step) in [(false, false, 2), (true, false, 3), (false, true, 3)] {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(2));
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.settle_until(|action| *action == Action::Kubelet(CREATE));
        if seen_before {
            cluster.take(RELIST);
        }
        cluster.take(CREATE);
        if seen_after {
            cluster.take(RELIST);
        }
        let wait = cluster.look(|cluster| restart_seconds(cluster, cluster.container(P0, C0)));
        assert_eq!(wait, (0, 20 + 10), "since the exit, of which nothing is kept");
        cluster.take(start(C0));
        let after = cluster.look(|cluster| cluster.container(P0, C0));
        assert_eq!(after.backoff(), step, "{seen_before} {seen_after}");
        assert!(!after.is_end_known() && !after.ended_earlier(), "the newest of its name runs");
    }
}

/// CPA-4: of an init container nothing is left that a back-off could go by.
#[test]
fn in_a_new_sandbox_init_containers_do_not_wait() {
    let mut cluster = TestCluster::running(1, 1, |s| {
        s.workload.template.containers = vec![container(ContainerKind::Init, "init"), app()];
        s.workload.template.serving = 1;
    });
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.settle_until(|action| *action == Action::Kubelet(CREATE));
    cluster.take(RELIST);
    cluster.take(CREATE);
    cluster.take(start(C0));
    assert_eq!(cluster.look(|cluster| cluster.container(P0, C0).backoff()), 0);
    assert!(cluster.look(|cluster| cluster.container(P0, C1).is_end_known()));
}

/// RST-2, CLB-5: what a kubelet that starts again finds of a sandbox before is an end like any other.
#[test]
fn a_kubelet_that_starts_again_finds_the_end_in_a_sandbox_before() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.settle_until(|action| *action == Action::Kubelet(CREATE));
    cluster.take(CREATE);
    cluster.befall(Environment::StopKubelet { node: N0 });
    cluster.settle_until(|action| *action == Action::Kubelet(start(C0)));
    cluster.take(start(C0));
    assert_eq!(cluster.look(|cluster| cluster.container(P0, C0).backoff()), 1);
}

/// CLB-2, K-12: from when the relist shows the exit, which is up to a second old, until the sync comes that may start it.
#[test]
fn a_restart_comes_between_the_end_of_its_back_off_and_the_next_try() {
    for (minor, waits) in [
        (36, [(0, 0), (9, 15), (19, 30), (39, 60), (79, 110), (159, 190), (299, 330)]),
        (34, [(0, 0), (9, 25), (19, 35), (39, 55), (79, 95), (159, 175), (299, 315)]),
    ] {
        let mut cluster = TestCluster::running(1, 1, |s| s.release = Release { minor });
        cluster.befall(Environment::CrashContainer { pod: P0, container: C0 });
        cluster.settle_until(|action| *action == Action::Kubelet(start(C0)));
        for (step, expected) in (0..).zip(waits) {
            cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(step));
            let wait = cluster.look(|cluster| restart_seconds(cluster, cluster.container(P0, C0)));
            assert_eq!(wait, expected, "1.{minor} step {step}");
        }
    }
}

/// EVM-7, PHS-4: what waits for its restart has not succeeded, whatever it exited with, unless the pod is deleted and nothing restarts.
#[test]
fn a_pod_that_is_evicted_while_its_app_waits_for_a_restart_has_failed() {
    use RestartPolicy::{Always, OnFailure};
    for (policy, backoff, seen, deleted, phase) in [
        (Always, 1, true, false, Phase::Failed),
        (Always, 0, true, false, Phase::Succeeded),
        (Always, 1, false, false, Phase::Succeeded),
        (Always, 1, true, true, Phase::Succeeded),
        (OnFailure, 1, true, false, Phase::Succeeded),
    ] {
        let mut cluster = TestCluster::running(1, 1, |s| s.workload.template.restart_policy = policy);
        cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(backoff));
        cluster.befall(Environment::FinishContainer { pod: P0, container: C0 });
        if seen {
            cluster.take(RELIST);
        }
        cluster.befall(Environment::EvictUnderPressure { pod: P0 });
        cluster.take(Kubelet::BeginTermination { pod: P0 });
        if deleted {
            cluster.change(|cluster| {
                let kubelet = &mut cluster.pod_mut(P0).kubelet;
                let view = kubelet.view();
                kubelet.set_view(view.with_deletion(podproof_vocabulary::observation::Deletion::Graceful));
            });
        }
        cluster.take(Kubelet::StopSandbox { pod: P0 });
        let process = cluster.look(|cluster| cluster.container(P0, C0).process());
        assert_eq!(process, Process::ExitedOk);
        let told = cluster.look(|cluster| status(cluster, P0).0);
        assert_eq!(told, phase, "{policy:?} {backoff} {seen} {deleted}");
    }
}

/// STP-6: how it ended is looked at until its worker has finished with it; a deletion that it hears of after that changes nothing.
#[test]
fn a_pod_whose_app_waited_has_failed_although_it_is_deleted_after_its_worker_has_finished() {
    for hears_before in [true, false] {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(1));
        cluster.befall(Environment::FinishContainer { pod: P0, container: C0 });
        cluster.take(RELIST);
        cluster.befall(Environment::EvictUnderPressure { pod: P0 });
        cluster.take(Kubelet::BeginTermination { pod: P0 });
        cluster.take(Kubelet::StopSandbox { pod: P0 });
        cluster.take(RELIST);
        let deletion = |cluster: &mut TestCluster| {
            cluster.delete(P0);
            cluster.take(Watch::DeliverPod { to: Watcher::Kubelet(N0), pod: P0 });
        };
        if hears_before {
            deletion(&mut cluster);
        }
        cluster.take(Kubelet::FinishPod { pod: P0 });
        if !hears_before {
            deletion(&mut cluster);
        }
        let told = cluster.look(|cluster| status(cluster, P0).0);
        let expected = if hears_before { Phase::Succeeded } else { Phase::Failed };
        assert_eq!(told, expected, "hears before: {hears_before}");
    }
}

/// EVM-7, CPA-10: the sync that stops the app for its probe finds that it waits, before any relist, and whether the eviction comes before
/// or after the app's end. Until that sync comes nothing waits.
#[test]
fn a_pod_that_is_evicted_while_its_app_is_stopped_for_its_probe_has_failed() {
    const STEPS: [Action; 3] = [
        Action::Kubelet(Kubelet::StopContainer { pod: P0, container: C0 }),
        Action::Kubelet(Kubelet::SendSigterm { pod: P0, container: C0 }),
        Action::Container(ContainerStep::Exit { pod: P0, container: C0 }),
    ];
    for (backoff, before, phase) in [
        (1, 0, Phase::Succeeded),
        (1, 1, Phase::Failed),
        (1, 2, Phase::Failed),
        (1, 3, Phase::Failed),
        (0, 1, Phase::Succeeded),
        (0, 3, Phase::Succeeded),
    ] {
        let mut cluster = TestCluster::running(1, 1, |s| {
            s.workload.template.containers[0].liveness_probe = Some(PROBE);
        });
        cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(backoff));
        cluster.befall(Environment::ChangeLiveness { pod: P0, container: C0 });
        cluster.take(Kubelet::FailProbe { pod: P0, container: C0 });
        STEPS[..before].iter().for_each(|&step| cluster.take(step));
        cluster.befall(Environment::EvictUnderPressure { pod: P0 });
        if before == 0 {
            cluster.take(Kubelet::BeginTermination { pod: P0 });
        }
        let left = STEPS.iter().filter(|step| before > 0 || **step != STEPS[0]);
        left.skip(before).for_each(|&step| cluster.take(step));
        if before > 0 {
            cluster.take(Kubelet::BeginTermination { pod: P0 });
        }
        cluster.take(Kubelet::StopSandbox { pod: P0 });
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), phase, "{backoff} {before}");
    }
}

/// EVM-7, CPA-4: the sync that stops the app for a new sandbox makes that one and finds that the app waits, whenever the eviction comes
/// after it has begun; but not if an init container comes first.
#[test]
fn a_pod_that_is_evicted_while_its_app_waits_in_a_new_sandbox_has_failed() {
    for (backoff, before, init, phase) in [
        (1, 0, false, Phase::Succeeded),
        (1, 1, false, Phase::Failed),
        (1, 3, false, Phase::Failed),
        (1, 4, false, Phase::Failed),
        (1, 5, false, Phase::Failed),
        (0, 1, false, Phase::Succeeded),
        (0, 5, false, Phase::Succeeded),
        (1, 1, true, Phase::Succeeded),
        (1, 5, true, Phase::Succeeded),
    ] {
        let mut cluster = TestCluster::running(1, 1, |s| {
            if init {
                s.workload.template.containers.insert(0, container(ContainerKind::Init, "init"));
                s.workload.template.serving = 1;
            }
        });
        let app = if init { C1 } else { C0 };
        let steps: [Action; 5] = [
            Action::Kubelet(Kubelet::StopContainer { pod: P0, container: app }),
            Action::Kubelet(Kubelet::SendSigterm { pod: P0, container: app }),
            Action::Container(ContainerStep::Exit { pod: P0, container: app }),
            Action::Kubelet(CREATE),
            Action::Kubelet(RELIST),
        ];
        cluster.change(|cluster| cluster.container_mut(P0, app).set_backoff(backoff));
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.take(RELIST);
        steps[..before].iter().for_each(|&step| cluster.take(step));
        cluster.befall(Environment::EvictUnderPressure { pod: P0 });
        if before == 0 {
            cluster.take(Kubelet::BeginTermination { pod: P0 });
            steps[1..3].iter().for_each(|&step| cluster.take(step));
        } else {
            steps[before..].iter().for_each(|&step| cluster.take(step));
            cluster.take(Kubelet::BeginTermination { pod: P0 });
        }
        cluster.take(Kubelet::StopSandbox { pod: P0 });
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), phase, "{backoff} {before} {init}");
    }
}

/// EVM-7, PHS-4: the start of an app in a new sandbox that has died already fails, and for that it waits.
#[test]
fn a_pod_that_is_evicted_around_the_death_of_its_new_sandbox_has_failed() {
    for (dies, is_first, phase) in
        [(true, true, Phase::Failed), (true, false, Phase::Failed), (false, true, Phase::Succeeded)]
    {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.settle_until(|action| *action == Action::Kubelet(CREATE));
        cluster.take(CREATE);
        if dies && is_first {
            cluster.befall(Environment::KillSandbox { pod: P0 });
        }
        cluster.befall(Environment::EvictUnderPressure { pod: P0 });
        if dies && !is_first {
            cluster.befall(Environment::KillSandbox { pod: P0 });
        }
        cluster.take(RELIST);
        cluster.take(Kubelet::BeginTermination { pod: P0 });
        cluster.take(Kubelet::StopSandbox { pod: P0 });
        assert_eq!(cluster.look(|cluster| status(cluster, P0).0), phase, "{dies} {is_first}");
    }
}

/// EVM-7, PHS-4: what failed to start waits until a start succeeds, in whatever sandbox. Nobody asks where no kubelet evicts.
#[test]
fn a_pod_that_is_evicted_after_its_app_failed_to_start_in_a_sandbox_that_died_has_failed() {
    for evictions in [0, 1] {
        let mut cluster =
            TestCluster::running(1, 1, |s| s.events.set(EventName::ResourcePressure, evictions));
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.settle_until(|action| *action == Action::Kubelet(CREATE));
        cluster.take(CREATE);
        cluster.befall(Environment::KillSandbox { pod: P0 });
        cluster.take(RELIST);
        cluster.take(CREATE);
        assert_eq!(cluster.look(|cluster| cluster.container(P0, C0).held_back()), evictions == 1);
        if evictions == 1 {
            cluster.befall(Environment::EvictUnderPressure { pod: P0 });
            cluster.take(RELIST);
            cluster.take(Kubelet::BeginTermination { pod: P0 });
            cluster.take(Kubelet::StopSandbox { pod: P0 });
            assert_eq!(cluster.look(|cluster| status(cluster, P0).0), Phase::Failed);
        }
    }
}

/// EVM-7, PHS-4: that it waits in a sandbox is known when that one dies, too.
#[test]
fn a_pod_that_is_evicted_after_its_app_has_waited_in_a_sandbox_that_died_has_failed() {
    let mut cluster = TestCluster::running(1, 1, |_| {});
    cluster.change(|cluster| cluster.container_mut(P0, C0).set_backoff(1));
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.settle_until(|action| *action == Action::Kubelet(CREATE));
    cluster.take(CREATE);
    cluster.take(RELIST);
    cluster.befall(Environment::KillSandbox { pod: P0 });
    cluster.take(RELIST);
    cluster.befall(Environment::EvictUnderPressure { pod: P0 });
    cluster.take(Kubelet::BeginTermination { pod: P0 });
    cluster.take(Kubelet::StopSandbox { pod: P0 });
    assert_eq!(cluster.look(|cluster| status(cluster, P0).0), Phase::Failed);
}
