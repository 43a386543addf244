//! What a kubelet lets run on its machine, and what it evicts.

use k8s_openapi::api::core::v1::{ContainerPort, Taint};
use podproof_runtime::Slips;
use podproof_runtime::api::{Key, Patch, Preconditions, Request, Resource};
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::sync_loop::Source;
use podproof_runtime::operation::{Process, Step};
use podproof_vocabulary::Release;

use crate::rig::{NODE, Rig, asking, container, pod, with};

fn rejected(rig: &mut Rig, name: &str, reason: &str) {
    rig.eventually("it is rejected", |rig| rig.phase(name).as_deref() == Some("Failed"));
    let status = rig.pod(name).and_then(|pod| pod.status).expect("it has a status");
    assert_eq!(status.reason.as_deref(), Some(reason));
    rig.until(60, |_| false);
    assert!(rig.pod(name).is_some_and(|pod| pod.metadata.deletion_timestamp.is_none()), "ADM-12: it stays");
}

/// ADM-5, ADM-12.
#[test]
fn a_pod_without_room_has_failed() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[]);
        rig.create(asking("p", "3"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.create(asking("q", "2"));
        rejected(&mut rig, "q", "OutOfcpu");
        rig.create(asking("r", "1"));
        rig.eventually("there is room for one", |rig| rig.is_ready("r"));
    }
}

/// A pod that was deleted before its kubelet heard of it, and that is rejected then, goes from 1.28 on
/// (kubernetes/kubernetes#118497).
#[test]
fn a_pod_that_was_deleted_before_it_was_rejected() {
    for (minor, goes) in [(27, false), (28, true), (36, true)] {
        let mut rig = Rig::with(0, &[], Release { minor }, Slips::NONE);
        rig.create(asking("p", "3"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.cluster.stop(Process::Kubelet(NODE));
        rig.create(asking("q", "2"));
        rig.delete("q", None);
        rig.cluster.start(Process::Kubelet(NODE));
        let mut failed = false;
        let gone = rig.until(60, |rig| {
            failed |= rig.phase("q").as_deref() == Some("Failed");
            rig.pod("q").is_none()
        });
        assert!(failed, "1.{minor}: it is rejected");
        assert_eq!(gone, goes, "1.{minor}");
    }
}

/// ADM-6, ADM-8, ADM-9.
#[test]
fn labels_ports_and_taints_are_asked_for() {
    let mut rig = Rig::new(0, &[]);
    rig.eventually("the node is ready", Rig::node_is_ready);
    rig.create(with(pod("elsewhere"), |spec| {
        spec.node_selector = Some([("disk".to_owned(), "ssd".to_owned())].into());
    }));
    rejected(&mut rig, "elsewhere", "NodeAffinity");
    let with_port = |name| {
        with(pod(name), |spec| {
            let port = ContainerPort { container_port: 80, host_port: Some(80), ..ContainerPort::default() };
            spec.containers[0].ports = Some(vec![port]);
        })
    };
    rig.create(with_port("p"));
    rig.eventually("it is ready", |rig| rig.is_ready("p"));
    rig.create(with_port("q"));
    rejected(&mut rig, "q", "NodePorts");
    let taint = |effect: &str| Taint { key: "k".to_owned(), effect: effect.to_owned(), ..Taint::default() };
    let set = |rig: &mut Rig, taint| {
        let patch = Patch::NodeTaints { add: vec![taint], remove: Vec::new() };
        let request = Request::Patch(Resource::Node, Key::global("n"), Preconditions::NONE, patch);
        rig.cluster.call(request).expect("the taint is set");
        rig.until(5, |_| false);
    };
    set(&mut rig, taint("NoSchedule"));
    rig.create(pod("scheduled-before"));
    rig.eventually("NoSchedule says nothing to a kubelet", |rig| rig.is_ready("scheduled-before"));
    set(&mut rig, taint("NoExecute"));
    rig.create(pod("late"));
    rejected(&mut rig, "late", "TaintToleration");
}

/// Sets a taint NoExecute that no pod here tolerates.
fn taint_node(rig: &mut Rig) {
    let add = vec![Taint { key: "k".to_owned(), effect: "NoExecute".to_owned(), ..Taint::default() }];
    let patch = Patch::NodeTaints { add, remove: Vec::new() };
    let request = Request::Patch(Resource::Node, Key::global("n"), Preconditions::NONE, patch);
    rig.cluster.call(request).expect("the taint is set");
}

/// Everything else happens before the sync loop hears of its pods.
fn without_configuration(rig: &mut Rig) {
    let add = Step::Kubelet(KubeletStep::Take(Source::Configuration));
    loop {
        let mut pending = Vec::new();
        rig.cluster.pending(&mut pending);
        let Some(next) = pending.into_iter().find(|operation| operation.step != add) else { break };
        rig.cluster.complete(&next).expect("it is pending");
    }
}

/// ADM-13: after a restart, pods that run are asked again. One that is rejected has failed; if its containers stop with code 0 before
/// that is written, it has succeeded.
#[test]
fn a_restart_may_reject_what_runs() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        taint_node(&mut rig);
        rig.until(100, |_| false);
        assert!(rig.is_ready("p"), "a running kubelet does not look at taints");
        rig.restart_kubelet();
        rig.eventually("it has ended, and is stopped", |rig| {
            matches!(rig.phase("p").as_deref(), Some("Failed" | "Succeeded")) && !rig.anything_runs()
        });
    }
}

/// ADM-13, PW-13: from 1.27 on housekeeping stops what runs of a pod that was rejected, with the least grace. If the PLEG's news of its
/// containers come after the pod, they bring a worker to it first, which stops it as any other.
#[test]
fn what_runs_of_a_rejected_pod_is_stopped_by_housekeeping() {
    for (minor, is_stopped) in [(26, false), (27, true), (36, true)] {
        let behaviours = [("app", crate::deletion::STUBBORN)];
        let mut rig = Rig::with(1, &behaviours, Release { minor }, Slips::NONE);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        taint_node(&mut rig);
        rig.until(100, |_| false);
        rig.restart_kubelet();
        without_configuration(&mut rig);
        // STM-4: that it has failed is not told before housekeeping has looked, and then with the next comparison.
        let (mut runs_failed, mut told_alone) = (false, false);
        let has_failed = |rig: &Rig| rig.phase("p").as_deref() == Some("Failed");
        rig.until(30, |rig| {
            runs_failed |= has_failed(rig) && rig.anything_runs();
            told_alone |= rig.pod("p").and_then(|pod| pod.status).is_some_and(|status| {
                let addresses = (status.pod_ip, status.pod_ips);
                addresses == (None, None)
                    && status.container_statuses.is_none()
                    && status.conditions.is_none_or(|all| all.is_empty())
                    && status.start_time.is_some()
            });
            has_failed(rig) && !rig.anything_runs()
        });
        assert!(has_failed(&rig), "1.{minor}");
        assert_eq!(runs_failed, !is_stopped, "1.{minor}");
        assert!(
            told_alone,
            "1.{minor}: neither its addresses nor its containers nor its conditions are told"
        );
        assert_eq!(!rig.anything_runs(), is_stopped, "1.{minor}");
        let app = rig.containers("app").remove(0);
        if let Some(ended) = app.status.finished_at {
            let took = crate::deletion::since(ended, app.sigterm_at.expect("it got SIGTERM"));
            assert!(took < 4.0, "1.{minor}: {took} s");
        }
    }
}

/// EVM-7, STP-6: a pod that is evicted and whose containers end well has succeeded, as nobody heard that it failed (STM-4).
#[test]
fn an_evicted_pod_whose_containers_end_well_has_succeeded() {
    for seed in 0..20 {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        assert!(rig.evict("p"));
        rig.eventually("it is told", |rig| rig.phase("p").as_deref() == Some("Succeeded"));
        let status = rig.pod("p").and_then(|pod| pod.status).expect("the object stays");
        assert_eq!(status.reason, None, "seed {seed}: the reason went with the phase");
    }
}

/// EVM-6, EVM-7.
#[test]
fn an_evicted_pod_has_failed_once_it_is_stopped() {
    for seed in 0..20 {
        let mut rig = Rig::new(seed, &[("app", crate::deletion::STUBBORN)]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        assert!(rig.evict("p"));
        let mut early = false;
        rig.eventually("it is stopped", |rig| {
            early |= rig.anything_runs() && rig.phase("p").as_deref() == Some("Failed");
            !rig.anything_runs()
        });
        assert!(!early, "seed {seed}: it failed before it was stopped");
        let app = rig.containers("app").remove(0);
        rig.eventually("it has failed", |rig| rig.phase("p").as_deref() == Some("Failed"));
        let took = crate::deletion::since(
            app.status.finished_at.expect("it ended"),
            app.sigterm_at.expect("it got SIGTERM"),
        );
        assert!(took < 4.0, "{took} s");
        let made = rig.pod("p").expect("the object stays");
        assert_eq!(made.status.and_then(|status| status.reason).as_deref(), Some("Evicted"));
        assert!(made.metadata.deletion_timestamp.is_none());
        rig.until(100, |_| false);
        assert!(!rig.evict("p") && rig.containers("app").len() <= 1, "it never runs again");
    }
}

/// EVM-7, CPA-16: of an evicted pod what is dead is removed as soon as it is known, while the rest is still being stopped; so nobody
/// knows how it ended.
#[test]
fn the_dead_of_an_evicted_pod_are_removed_while_it_is_stopped() {
    for seed in 0..20 {
        let mut rig = Rig::new(seed, &[("helper", crate::deletion::STUBBORN)]);
        rig.create(with(pod("p"), |spec| spec.containers.push(container("helper"))));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        assert!(rig.evict("p"));
        let mut early = false;
        rig.eventually("it is stopped", |rig| {
            early |= rig.containers("app").is_empty() && rig.anything_runs();
            !rig.anything_runs()
        });
        assert!(early, "seed {seed}: it is kept until all is stopped");
        rig.eventually("it has failed", |rig| rig.phase("p").as_deref() == Some("Failed"));
        let status = rig.pod("p").and_then(|pod| pod.status).expect("the object stays");
        let app = status.container_statuses.into_iter().flatten().find(|status| status.name == "app");
        let end = app.and_then(|app| app.state?.terminated);
        assert_ne!(end.map(|end| end.exit_code), Some(0), "seed {seed}: its end is known");
    }
}

/// ADM-13, CPA-16: what is dead of a rejected pod that has no worker is removed within a minute.
#[test]
fn what_is_dead_of_a_rejected_pod_is_removed() {
    let mut rig = Rig::with(0, &[], Release { minor: 26 }, Slips::NONE);
    rig.create(pod("p"));
    rig.eventually("it is ready", |rig| rig.is_ready("p"));
    taint_node(&mut rig);
    rig.until(100, |_| false);
    rig.cluster.stop(Process::Kubelet(NODE));
    rig.crash("app", 1);
    rig.cluster.start(Process::Kubelet(NODE));
    without_configuration(&mut rig);
    assert!(rig.until(130, |rig| rig.containers("app").is_empty()), "it is kept for ever");
    assert_eq!(rig.phase("p").as_deref(), Some("Failed"));
}

/// EVM-7, CND-7: from 1.26 on a condition says that the kubelet did it, whichever phase the pod ends in; and STM-4: before 1.24 the
/// phase comes first (kubernetes/kubernetes#108366).
#[test]
fn what_is_told_of_an_eviction_depends_on_the_release() {
    for minor in [23, 24, 25, 26, 36] {
        for (stubborn, behaviour) in [(false, Behaviour::default()), (true, crate::deletion::STUBBORN)] {
            let release = Release { minor };
            let mut rig = Rig::with(u64::from(minor), &[("app", behaviour)], release, Slips::NONE);
            rig.create(pod("p"));
            rig.eventually("it is ready", |rig| rig.is_ready("p"));
            assert!(rig.evict("p"));
            let ended = |rig: &Rig| matches!(rig.phase("p").as_deref(), Some("Failed" | "Succeeded"));
            rig.eventually("it has ended", ended);
            assert!(rig.anything_runs() == (minor < 24) || !stubborn, "1.{minor}");
            assert_eq!(rig.condition("p", "DisruptionTarget"), minor >= 26, "1.{minor}");
        }
    }
}

/// ADM-1: after a restart, a pod that has ended was asked again before 1.28, and failed if it did not fit any more
/// (kubernetes/kubernetes#126341).
#[test]
fn a_restart_asks_no_pod_that_has_ended() {
    for (minor, phase) in [(27, "Failed"), (28, "Succeeded"), (36, "Succeeded")] {
        let mut rig = Rig::with(0, &[], Release { minor }, Slips::NONE);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        assert!(rig.evict("p"));
        rig.eventually("it is told", |rig| rig.phase("p").as_deref() == Some("Succeeded"));
        taint_node(&mut rig);
        rig.until(100, |_| false);
        rig.restart_kubelet();
        rig.until(100, |_| false);
        assert_eq!(rig.phase("p").as_deref(), Some(phase), "1.{minor}");
    }
}
