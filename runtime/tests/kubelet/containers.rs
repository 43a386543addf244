//! Containers that crash, are restarted, fail their probes; sandboxes that die.

use podproof_runtime::Slips;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::container_runtime::{Request as Call, SandboxState};
use podproof_vocabulary::Release;

use crate::deletion::since;
use crate::life::{SEEDS, address, probe};
use crate::rig::{Rig, container, pod, with};

/// CLB-1, CLB-2, PHS-14: at once, then after 10 s, 20 s, 40 s; the phase stays Running. From 1.35 on the sync that may start it comes when
/// that time is over, before up to 10 s later (K-12; kubernetes/kubernetes#133066).
#[test]
fn a_container_that_crashes_waits_longer_each_time() {
    for (minor, is_late) in [(36, false), (34, true)] {
        let mut latest: f64 = 0.0;
        for seed in 0..SEEDS {
            let mut rig = Rig::with(seed, &[], Release { minor }, Slips::NONE);
            rig.create(pod("p"));
            rig.eventually("it is ready", |rig| rig.is_ready("p"));
            for (crash, wait) in (1..).zip([0.0, 10.0, 20.0, 40.0]) {
                rig.crash("app", 1);
                let end = rig.now();
                rig.eventually("it runs again", |rig| rig.running("app").is_some());
                rig.eventually("and that is known", |rig| rig.restarts("p", "app") == crash);
                assert_eq!(rig.phase("p").as_deref(), Some("Running"));
                let runs = rig.running("app").and_then(|id| rig.started(id)).expect("it runs");
                let waited = since(runs, end);
                assert!(waited >= wait && waited <= wait + 12.0, "1.{minor} seed {seed}: {waited}");
                if wait > 0.0 {
                    latest = latest.max(waited - wait);
                }
            }
            let newest = rig.containers("app");
            assert!(newest.len() <= 3, "dead ones are removed: {}", newest.len());
        }
        assert_eq!(latest > 0.5, is_late, "1.{minor}: {latest}");
    }
}

/// CND-4, CPA-9: another container of the pod is untouched.
#[test]
fn a_crash_restarts_one_container_alone() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(with(pod("p"), |spec| spec.containers.push(container("helper"))));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        let app = rig.running("app");
        rig.crash("helper", 3);
        rig.eventually("that is seen", |rig| !rig.is_ready("p") || rig.restarts("p", "helper") == 1);
        rig.eventually("it runs again", |rig| rig.restarts("p", "helper") == 1 && rig.is_ready("p"));
        assert_eq!(rig.running("app"), app, "seed {seed}");
    }
}

/// PRB-7, CPA-10, CLB-7.
#[test]
fn a_failed_liveness_probe_restarts_the_container() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(with(pod("p"), |spec| spec.containers[0].liveness_probe = Some(probe(2, 2))));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        let id = rig.running("app").expect("it runs");
        rig.runtime.borrow_mut().change_liveness(id);
        rig.eventually("it is restarted", |rig| rig.restarts("p", "app") == 1);
        let old = &rig.containers("app")[0];
        assert!(old.sigterm_at.is_some(), "seed {seed}: it got SIGTERM first");
        rig.until(100, |_| false);
        assert_eq!(rig.restarts("p", "app"), 1, "seed {seed}: the new one is well");
    }
}

/// PRB-3: until the startup probe has passed, no other probe runs.
#[test]
fn a_slow_start_is_not_killed_by_its_liveness_probe() {
    let slow = Behaviour { listens_after: std::time::Duration::from_secs(40), ..Behaviour::default() };
    for (startup, restarts) in [(Some(probe(2, 60)), false), (None, true)] {
        for seed in 0..5 {
            let mut rig = Rig::new(seed, &[("app", slow)]);
            rig.create(with(pod("p"), |spec| {
                spec.containers[0].liveness_probe = Some(probe(2, 3));
                spec.containers[0].startup_probe.clone_from(&startup);
            }));
            let killed = rig.until(80, |rig| rig.containers("app").iter().any(|it| it.sigterm_at.is_some()));
            assert_eq!(killed, restarts, "seed {seed}");
            assert!(restarts || rig.is_ready("p"), "seed {seed}");
        }
    }
}

/// CPA-4, SBX-2: everything is stopped and begins anew, with another address and the same identity.
#[test]
fn a_dead_sandbox_is_replaced() {
    let init = Behaviour { runs_to_its_end: true, ..Behaviour::default() };
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[("init", init)]);
        rig.create(with(pod("p"), |spec| spec.init_containers = Some(vec![container("init")])));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        let (before, old) = (rig.pod("p").expect("it is there"), address(&rig));
        let sandbox = rig.runtime.borrow().sandboxes().next().expect("it has one").0;
        rig.runtime.borrow_mut().kill_sandbox(sandbox);
        let mut wrong = false;
        rig.eventually("it is ready in a new sandbox", |rig| {
            let runtime = rig.runtime.borrow();
            let ready = |(_, it): &(_, &podproof_runtime::container_runtime::simulated::Sandbox)| {
                it.state == SandboxState::Ready
            };
            let new = runtime.sandboxes().find(ready).and_then(|(_, it)| it.address);
            wrong |= runtime.sandboxes().filter(ready).count() > 1;
            let told = rig.pod("p").and_then(|pod| pod.status?.pod_ip);
            let told_new = new.is_some_and(|new| told == Some(new.to_string()));
            told_new && new != Some(old) && rig.is_ready("p") && rig.restarts("p", "app") == 1
        });
        assert!(!wrong, "seed {seed}: two sandboxes were ready at once");
        assert_eq!(rig.containers("init").len(), 1, "the old one is removed, a new one has run");
        let after = rig.pod("p").expect("it is there");
        assert_eq!(before.metadata.uid, after.metadata.uid);
    }
}

/// CPA-4: an old init container that cannot be removed holds nothing up.
#[test]
fn an_init_container_that_cannot_be_removed_stays() {
    let init = Behaviour { runs_to_its_end: true, ..Behaviour::default() };
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[("init", init)]);
        rig.create(with(pod("p"), |spec| spec.init_containers = Some(vec![container("init")])));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        let old = rig.containers("init")[0].status.id;
        let sandbox = rig.runtime.borrow().sandboxes().next().expect("it has one").0;
        rig.runtime.borrow_mut().kill_sandbox(sandbox);
        rig.fail_next(|call| *call == Call::RemoveContainer(old));
        let failed = rig.now();
        rig.eventually("it is ready again", |rig| rig.is_ready("p") && rig.restarts("p", "app") == 1);
        let took = rig.now().since(failed).as_secs();
        assert!(took < 8, "seed {seed}: {took} s, as if the sync had failed");
    }
}

/// CPA-2: a pod that is never restarted does not survive its sandbox.
#[test]
fn a_pod_that_is_never_restarted_ends_with_its_sandbox() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(with(pod("p"), |spec| spec.restart_policy = Some("Never".to_owned())));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        let sandbox = rig.runtime.borrow().sandboxes().next().expect("it has one").0;
        rig.runtime.borrow_mut().kill_sandbox(sandbox);
        rig.eventually("it ended", |rig| {
            matches!(rig.phase("p").as_deref(), Some("Failed" | "Succeeded")) && !rig.anything_runs()
        });
        assert_eq!(rig.containers("app").len(), 1, "seed {seed}");
    }
}
