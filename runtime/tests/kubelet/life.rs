//! A pod's life: it starts, is ready, ends.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ExecAction, Lifecycle, LifecycleHandler};
use podproof_runtime::Slips;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_vocabulary::Release;

use crate::rig::{Rig, container, pod, with};

pub const SEEDS: u64 = 20;

/// SP-1 to SP-9, CND-5, NOD-3, STM-6.
#[test]
fn a_pod_starts_and_becomes_ready_and_goes_when_it_is_deleted() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("the node is ready", Rig::node_is_ready);
        rig.eventually("the pod is ready", |rig| rig.is_ready("p"));
        assert_eq!(rig.phase("p").as_deref(), Some("Running"));
        assert!(rig.pod("p").and_then(|pod| pod.status?.pod_ip).is_some());
        rig.delete("p", None);
        let mut gone_early = false;
        rig.eventually("the pod is gone", |rig| {
            let gone = rig.pod("p").is_none();
            gone_early |= gone && rig.anything_runs();
            gone
        });
        assert!(!gone_early, "seed {seed}: the object went before its containers");
        rig.eventually("its worker is forgotten", |rig| {
            rig.kubelet().is_some_and(|kubelet| kubelet.workers().iter().count() == 0)
        });
    }
}

#[test]
fn a_pod_lives_and_goes_in_every_release() {
    for minor in 20..=36 {
        let mut rig = Rig::with(u64::from(minor), &[], Release { minor }, Slips::NONE);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.delete("p", None);
        rig.eventually("it is gone", |rig| rig.pod("p").is_none());
        assert!(!rig.anything_runs());
    }
}

/// PW-2, PW-19: at any moment of its start. What the runtime was doing is finished, and stopped again.
#[test]
fn a_pod_may_be_deleted_at_any_moment_of_its_start() {
    let init = Behaviour { runs_to_its_end: true, ..Behaviour::default() };
    for seed in 0..4 * SEEDS {
        let mut rig = Rig::new(seed, &[("init", init)]);
        rig.create(with(pod("p"), |spec| spec.init_containers = Some(vec![container("init")])));
        (0..2 * seed).for_each(|_| rig.step());
        rig.delete("p", None);
        let mut early = false;
        rig.eventually("it is gone", |rig| {
            early |= rig.pod("p").is_none() && rig.anything_runs();
            rig.pod("p").is_none()
        });
        assert!(!early, "seed {seed}");
        rig.eventually("nothing is left of it", |rig| rig.runtime.borrow().sandboxes().next().is_none());
    }
}

#[test]
fn the_same_seed_gives_the_same_steps() {
    let log = |seed| {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.until(40, |_| false);
        rig.delete("p", None);
        rig.until(40, |_| false);
        rig.log
    };
    for seed in 0..5 {
        assert_eq!(log(seed), log(seed));
    }
    assert_ne!(log(0), log(1));
}

/// PHS-4 to PHS-8: what the ends of containers make of a pod.
#[test]
fn a_pod_that_is_not_restarted_ends_as_its_containers_do() {
    for (policy, code, phase) in
        [("Never", 0, "Succeeded"), ("Never", 3, "Failed"), ("OnFailure", 0, "Succeeded")]
    {
        for seed in 0..5 {
            let mut rig = Rig::new(seed, &[]);
            rig.create(with(pod("p"), |spec| spec.restart_policy = Some(policy.to_owned())));
            rig.eventually("it runs", |rig| rig.is_ready("p"));
            rig.crash("app", code);
            rig.eventually("it ended", |rig| rig.phase("p").as_deref() == Some(phase));
            assert!(!rig.is_ready("p"), "STM-5");
            rig.until(120, |_| false);
            assert_eq!(rig.containers("app").len(), 1, "{policy} {code}: it never runs again");
            assert_eq!(rig.phase("p").as_deref(), Some(phase), "PHS-10");
        }
    }
}

/// CPA-7, CPA-12, PHS-2, CND-3.
#[test]
fn init_containers_end_in_order_before_the_app_starts() {
    let init = Behaviour { runs_to_its_end: true, ..Behaviour::default() };
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[("first", init), ("second", init)]);
        rig.create(with(pod("p"), |spec| {
            spec.init_containers = Some(vec![container("first"), container("second")]);
        }));
        let mut wrong = false;
        rig.eventually("it is ready", |rig| {
            let ended = |name| rig.containers(name).iter().any(|it| it.status.finished_at.is_some());
            wrong |= rig.running("app").is_some() && !ended("second");
            wrong |= rig.running("second").is_some() && !ended("first");
            wrong |= rig.phase("p").as_deref() != Some("Pending") && !ended("second");
            rig.is_ready("p")
        });
        assert!(!wrong, "seed {seed}");
        assert_eq!(rig.containers("first").len(), 1);
    }
}

/// CPA-12, K-19: a postStart hook that takes minutes does not fail.
#[test]
fn a_long_post_start_hook_is_waited_for() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[]);
        let command = Some(vec!["sleep".to_owned(), "150".to_owned()]);
        let hook = LifecycleHandler { exec: Some(ExecAction { command }), ..LifecycleHandler::default() };
        rig.create(with(pod("p"), |spec| {
            spec.containers[0].lifecycle = Some(Lifecycle { post_start: Some(hook), ..Lifecycle::default() });
        }));
        rig.until(200, |_| false);
        assert!(rig.is_ready("p") && rig.restarts("p", "app") == 0, "seed {seed}");
        assert_eq!(rig.containers("app").len(), 1, "seed {seed}");
    }
}

/// PRB-2 to PRB-4, PRB-8.
#[test]
fn readiness_follows_the_probe() {
    let slow = Behaviour { listens_after: Duration::from_secs(5), ..Behaviour::default() };
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[("app", slow)]);
        rig.create(with(pod("p"), |spec| spec.containers[0].readiness_probe = Some(probe(1, 2))));
        rig.eventually("it runs", |rig| rig.phase("p").as_deref() == Some("Running"));
        let mut early = false;
        rig.eventually("it is ready", |rig| {
            early |= rig.is_ready("p") && !rig.runtime.borrow().accepts(address(rig));
            rig.is_ready("p")
        });
        assert!(!early, "seed {seed}");
        let id = rig.running("app").expect("it runs");
        rig.runtime.borrow_mut().change_readiness(id);
        rig.eventually("it is not ready any more", |rig| !rig.is_ready("p"));
        rig.runtime.borrow_mut().change_readiness(id);
        rig.eventually("it is ready again", |rig| rig.is_ready("p"));
        assert_eq!(rig.containers("app").len(), 1);
    }
}

pub fn address(rig: &Rig) -> std::net::Ipv4Addr {
    rig.runtime.borrow().sandboxes().find_map(|(_, sandbox)| sandbox.address).expect("a sandbox lives")
}

pub fn probe(period: i32, failures: i32) -> k8s_openapi::api::core::v1::Probe {
    k8s_openapi::api::core::v1::Probe {
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        ..k8s_openapi::api::core::v1::Probe::default()
    }
}
