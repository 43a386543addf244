//! Each wrong mechanism of a kubelet shows: what holds without it over many seeds is broken with it in one at least.

use std::time::Duration;

use k8s_openapi::api::core::v1::ContainerStatus;
use podproof_runtime::api::Uid;
use podproof_runtime::container_runtime::Request;
use podproof_runtime::container_runtime::SandboxState;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::operation::Process;
use podproof_runtime::{Slip, Slips};
use podproof_vocabulary::Release;

use crate::life::probe;
use crate::rig::{NODE, Rig, asking, container, pod, with};

const SEEDS: u64 = 30;

/// Holds without the slip for every seed, and is broken with it for at least one.
pub fn shows(slip: Slip, behaviours: &[(&str, Behaviour)], broken: impl Fn(&mut Rig) -> bool) {
    let count = |slips| {
        (0..SEEDS).filter(|&seed| broken(&mut Rig::with(seed, behaviours, Release::NEWEST, slips))).count()
    };
    assert_eq!(count(Slips::NONE), 0, "broken without {slip}");
    assert!(count(Slips::only(slip)) > 0, "{slip} does not show");
}

pub fn start(rig: &mut Rig, made: k8s_openapi::api::core::v1::Pod) {
    rig.create(made);
    rig.eventually("it is ready", |rig| rig.is_ready("p"));
}

pub fn policy(policy: &str) -> k8s_openapi::api::core::v1::Pod {
    with(pod("p"), |spec| spec.restart_policy = Some(policy.to_owned()))
}

#[test]
fn a_lost_death_is_noticed_a_minute_later() {
    shows(Slip::PlegLosesDeaths, &[], |rig| {
        start(rig, pod("p"));
        rig.crash("app", 1);
        !rig.until(30, |rig| rig.running("app").is_some())
    });
}

#[test]
fn a_failed_inspection_that_is_forgotten_wedges_the_pod() {
    shows(Slip::PlegForgetsFailedInspection, &[], |rig| {
        start(rig, pod("p"));
        rig.crash("app", 1);
        rig.fail_next(|call| matches!(call, Request::ContainerStatus(_)));
        !rig.until(300, |rig| rig.running("app").is_some())
    });
}

/// It restarts the container, finds it dead once more, and holds it back.
#[test]
fn a_worker_that_trusts_an_old_cache_sees_a_crash_twice() {
    shows(Slip::WorkerTrustsOldCache, &[], |rig| {
        start(rig, pod("p"));
        rig.crash("app", 1);
        let mut held = false;
        for change in 0..40 {
            rig.label("p", &change.to_string());
            for _ in 0..10 {
                rig.step();
                let statuses = rig.pod("p").and_then(|pod| pod.status?.container_statuses);
                let waits =
                    |it: &ContainerStatus| it.state.as_ref().is_some_and(|state| state.waiting.is_some());
                held |= statuses.is_some_and(|all| all.iter().any(waits));
            }
        }
        held
    });
}

#[test]
fn a_pod_that_ended_runs_again_after_its_containers_were_removed() {
    shows(Slip::TerminalPodsRunAgain, &[], |rig| {
        start(rig, policy("Never"));
        rig.crash("app", 0);
        rig.eventually("it ended", |rig| rig.phase("p").as_deref() == Some("Succeeded"));
        rig.until(10, |_| false);
        rig.runtime.borrow_mut().prune();
        rig.restart_kubelet();
        rig.until(100, Rig::anything_runs)
    });
}

/// The API server is out of reach while the kubelet starts.
#[test]
fn housekeeping_before_the_pods_are_known_kills_them() {
    shows(Slip::HousekeepingBeforeSources, &[], |rig| {
        start(rig, pod("p"));
        rig.cluster.connect(Process::Kubelet(NODE), false);
        rig.restart_kubelet();
        let killed = rig.until(60, |rig| rig.containers("app").iter().any(|it| it.sigterm_at.is_some()));
        rig.cluster.connect(Process::Kubelet(NODE), true);
        killed || rig.until(60, |rig| rig.containers("app").iter().any(|it| it.sigterm_at.is_some()))
    });
}

/// SRC-5b: while the PLEG is stuck nothing is told, not even that a readiness probe fails.
#[test]
fn a_loop_that_ignores_the_runtime_tells_of_probes() {
    shows(Slip::LoopIgnoresRuntimeHealth, &[], |rig| {
        start(rig, with(pod("p"), |spec| spec.containers[0].readiness_probe = Some(probe(2, 2))));
        rig.runtime.borrow_mut().faults_mut().list_limit = Some(0);
        rig.eventually("the node is not ready", |rig| !rig.node_is_ready());
        let id = rig.running("app").expect("it runs");
        rig.runtime.borrow_mut().change_readiness(id);
        rig.until(60, |rig| !rig.is_ready("p"))
    });
}

#[test]
fn init_containers_run_again_beside_the_app() {
    let init = Behaviour { runs_to_its_end: true, ..Behaviour::default() };
    shows(Slip::InitRunsAgainBesideApp, &[("init", init)], |rig| {
        start(rig, with(pod("p"), |spec| spec.init_containers = Some(vec![container("init")])));
        rig.runtime.borrow_mut().prune();
        rig.until(200, |rig| !rig.containers("init").is_empty())
    });
}

#[test]
fn a_dead_container_whose_last_trace_is_removed_runs_again() {
    shows(Slip::LastDeadContainerRemoved, &[], |rig| {
        start(rig, with(policy("Never"), |spec| spec.containers.push(container("once"))));
        rig.crash("once", 0);
        rig.until(200, |rig| rig.running("once").is_some())
    });
}

#[test]
fn without_a_back_off_a_container_crashes_in_a_tight_loop() {
    shows(Slip::BackOffForgotten, &[], |rig| {
        start(rig, pod("p"));
        for _ in 0..3 {
            rig.crash("app", 1);
            if !rig.until(8, |rig| rig.running("app").is_some()) {
                return false;
            }
        }
        true
    });
}

#[test]
fn a_probe_result_of_the_old_container_makes_the_new_one_ready() {
    let slow = Behaviour { listens_after: Duration::from_secs(20), ..Behaviour::default() };
    shows(Slip::ProbeResultOfOldContainer, &[("app", slow)], |rig| {
        start(rig, with(pod("p"), |spec| spec.containers[0].readiness_probe = Some(probe(2, 2))));
        rig.crash("app", 1);
        rig.eventually("that is told", |rig| !rig.is_ready("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        let address = crate::life::address(rig);
        !rig.runtime.borrow().accepts(address)
    });
}

/// PRB-7.
#[test]
fn failures_that_have_stopped_a_container_stop_the_next_one_too() {
    let slow = Behaviour { listens_after: Duration::from_secs(3), ..Behaviour::default() };
    shows(Slip::ProbeCountSurvivesHold, &[("app", slow)], |rig| {
        start(rig, with(pod("p"), |spec| spec.containers[0].liveness_probe = Some(probe(2, 3))));
        rig.until(10, |_| false);
        let id = rig.running("app").expect("it runs");
        rig.runtime.borrow_mut().change_liveness(id);
        rig.eventually("it is restarted", |rig| rig.restarts("p", "app") == 1);
        rig.until(60, |rig| rig.restarts("p", "app") > 1)
    });
}

#[test]
fn readiness_is_lost_over_a_restart() {
    shows(Slip::ReadinessLostOverRestart, &[], |rig| {
        start(rig, with(pod("p"), |spec| spec.containers[0].readiness_probe = Some(probe(5, 3))));
        rig.until(20, |_| false);
        rig.restart_kubelet();
        rig.until(20, |rig| !rig.is_ready("p"))
    });
}

#[test]
fn a_phase_is_terminal_before_the_pod_is_stopped() {
    shows(Slip::TerminalPhaseBeforeStop, &[], |rig| {
        start(rig, policy("Never"));
        rig.crash("app", 0);
        rig.eventually("it ended", |rig| rig.phase("p").as_deref() == Some("Succeeded"));
        rig.runtime.borrow().sandboxes().any(|(_, sandbox)| sandbox.state == SandboxState::Ready)
    });
}

#[test]
fn a_newer_status_that_counts_as_written_is_late() {
    shows(Slip::NewerStatusCountsAsWritten, &[], |rig| {
        rig.create(with(pod("p"), |spec| spec.containers[0].readiness_probe = Some(probe(1, 1))));
        let mut late = false;
        for _ in 0..5 {
            rig.until(15, |rig| {
                let made = rig.pod("p").expect("it is there");
                let uid = Uid::of(&made.metadata);
                let known = rig.kubelet().and_then(|kubelet| kubelet.parts().status.get(&uid).cloned());
                let differs = known.is_some_and(|known| {
                    made.status.is_none_or(|told| known.container_statuses != told.container_statuses)
                });
                late |= differs && rig.is_quiet();
                false
            });
            if rig.running("app").is_some() {
                rig.crash("app", 1);
            }
        }
        late
    });
}

#[test]
fn the_status_of_a_namesake_is_written() {
    shows(Slip::StatusOfNamesake, &[], |rig| {
        start(rig, policy("Never"));
        rig.delete("p", None);
        (0..30).for_each(|_| rig.step());
        if rig.pod("p").is_some() {
            rig.delete("p", Some(0));
        }
        rig.create(with(pod("p"), |spec| spec.node_name = None));
        rig.until(60, |rig| rig.pod("p").is_none() || rig.phase("p").as_deref() != Some("Pending"))
    });
}

#[test]
fn what_others_wrote_is_never_repaired() {
    shows(Slip::StatusIsNeverReconciled, &[], |rig| {
        start(rig, pod("p"));
        rig.until(30, |_| false);
        rig.say_not_ready("p");
        !rig.until(40, |rig| rig.is_ready("p"))
    });
}

#[test]
fn a_node_whose_runtime_hangs_says_that_it_is_ready() {
    shows(Slip::NodeIsAlwaysReady, &[], |rig| {
        start(rig, pod("p"));
        rig.eventually("the node is ready", Rig::node_is_ready);
        rig.runtime.borrow_mut().faults_mut().hung = true;
        !rig.until(120, |rig| !rig.node_is_ready())
    });
}

#[test]
fn pods_that_ended_take_room() {
    shows(Slip::EndedPodsCount, &[], |rig| {
        start(rig, with(asking("p", "3"), |spec| spec.restart_policy = Some("Never".to_owned())));
        rig.crash("app", 0);
        rig.eventually("it ended", |rig| rig.phase("p").as_deref() == Some("Succeeded"));
        rig.until(10, |_| false);
        rig.create(asking("q", "3"));
        rig.until(60, |rig| rig.phase("q").as_deref() == Some("Failed"))
    });
}

#[test]
fn pods_that_are_being_stopped_take_no_room() {
    shows(Slip::StoppingPodsDoNotCount, &[("app", crate::deletion::STUBBORN)], |rig| {
        start(rig, asking("p", "3"));
        rig.delete("p", None);
        rig.until(8, |_| false);
        rig.create(asking("q", "3"));
        rig.until(15, |rig| rig.phase("q").as_deref() == Some("Running"))
    });
}
