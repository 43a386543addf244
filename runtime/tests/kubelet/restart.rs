//! The kubelet restarts: what its runtime has stays, what it knew is lost.

use podproof_runtime::Slips;
use podproof_runtime::container_runtime::Request as Call;
use podproof_runtime::container_runtime::simulated::RuntimeStep;
use podproof_runtime::operation::Process;
use podproof_vocabulary::Release;

use crate::deletion::{STUBBORN, stop, with_hook};
use crate::life::{SEEDS, probe};
use crate::rig::{NODE, Rig, pod, with};

/// RST-1, RST-2, at any moment of the pod's start.
#[test]
fn a_restart_in_the_middle_does_no_harm() {
    for seed in 0..3 * SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        for _ in 0..seed * 3 {
            rig.step();
        }
        rig.restart_kubelet();
        let mut twice = false;
        rig.eventually("the pod is ready", |rig| {
            let running = rig.containers("app").iter().filter(|it| it.process.is_some()).count();
            twice |= running > 1;
            rig.is_ready("p") && rig.node_is_ready()
        });
        rig.until(30, |_| false);
        assert!(!twice, "seed {seed}: two instances of a container ran at once (I-75)");
        let runs = rig.running("app");
        rig.restart_kubelet();
        rig.eventually("the kubelet is back", |rig| rig.is_ready("p") && rig.node_is_ready());
        rig.until(30, |_| false);
        assert_eq!(rig.running("app"), runs, "seed {seed}: the container lives on\n{}", rig.log.join("\n"));
        rig.delete("p", None);
        for _ in 0..seed {
            rig.step();
        }
        rig.restart_kubelet();
        let mut early = false;
        rig.eventually("it is gone", |rig| {
            early |= rig.pod("p").is_none() && rig.anything_runs();
            rig.pod("p").is_none()
        });
        assert!(!early, "seed {seed}");
    }
}

/// CPA-14: images are on the disk, and a kubelet that restarts needs no registry for them.
#[test]
fn a_restart_forgets_no_image() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.restart_kubelet();
        rig.crash("app", 1);
        let mut pulls = false;
        rig.eventually("it runs again", |rig| {
            let mut steps = Vec::new();
            let runtime = rig.runtime.borrow();
            runtime.pending(rig.now(), &mut steps);
            pulls |= steps.iter().any(|step| match *step {
                RuntimeStep::Perform(call) => {
                    matches!(runtime.request(call), Some(Call::PullImage { .. }))
                }
                _ => false,
            });
            drop(runtime);
            rig.running("app").is_some()
        });
        assert!(!pulls, "seed {seed}: it pulls anew");
    }
}

/// PRB-12: from 1.35 on a pod that was ready stays so over a restart of its kubelet.
#[test]
fn readiness_over_a_restart_depends_on_the_release() {
    for (minor, kept) in [(36, true), (35, true), (34, false)] {
        let mut flapped = 0;
        for seed in 0..SEEDS {
            let mut rig = Rig::with(seed, &[], Release { minor }, Slips::NONE);
            rig.create(with(pod("p"), |spec| spec.containers[0].readiness_probe = Some(probe(5, 3))));
            rig.eventually("it is ready", |rig| rig.is_ready("p"));
            rig.until(20, |_| false);
            rig.restart_kubelet();
            flapped += usize::from(rig.until(20, |rig| !rig.is_ready("p")));
            rig.eventually("it is ready", |rig| rig.is_ready("p"));
        }
        assert_eq!(flapped == 0, kept, "1.{minor}: {flapped} of {SEEDS} were not ready for a while");
    }
}

/// RST-3, PW-13, KIL-12: what runs and is not configured any more is stopped, without its hook.
#[test]
fn what_was_deleted_meanwhile_is_stopped() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(with_hook(20, 30));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.cluster.stop(Process::Kubelet(NODE));
        rig.delete("p", Some(0));
        rig.until(5, |_| false);
        assert!(rig.anything_runs(), "RST-1");
        rig.cluster.start(Process::Kubelet(NODE));
        let back = rig.now();
        rig.eventually("it is stopped", |rig| !rig.anything_runs());
        assert!(rig.now().since(back).as_secs() < 15, "seed {seed}: its hook ran");
        rig.eventually("its sandbox is removed", |rig| rig.runtime.borrow().sandboxes().next().is_none());
    }
}

/// PW-13, SBX-2: the kill of an orphan stops what runs. A sandbox that died before keeps its address until it is collected.
#[test]
fn the_dead_sandbox_of_an_orphan_keeps_its_address() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.cluster.stop(Process::Kubelet(NODE));
        let sandbox = rig.runtime.borrow().sandboxes().next().expect("it has one").0;
        rig.runtime.borrow_mut().kill_sandbox(sandbox);
        rig.delete("p", Some(0));
        rig.cluster.start(Process::Kubelet(NODE));
        rig.eventually("it is stopped", |rig| !rig.anything_runs());
        let is_held = |rig: &Rig| rig.runtime.borrow().sandboxes().any(|(_, it)| it.address.is_some());
        assert!(!rig.until(20, |rig| !is_held(rig)), "seed {seed}: its address is free too early");
        rig.eventually("it is collected", |rig| !is_held(rig));
    }
}

/// KIL-13: a restart in the middle of a stop runs the hook again, with the whole grace period.
#[test]
fn a_stop_begins_again_after_a_restart() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[("app", STUBBORN)]);
        rig.create(with_hook(10, 20));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.delete("p", None);
        let begun = rig.now();
        rig.until(15, |_| false);
        rig.restart_kubelet();
        rig.eventually("it is stopped", |rig| !rig.anything_runs());
        let took = rig.now().since(begun).as_secs();
        assert!(took >= 15 + 19, "seed {seed}: {took} s");
    }
    let mut rig = Rig::new(0, &[("app", STUBBORN)]);
    let (_, end) = stop(&mut rig, with_hook(10, 20));
    assert!(end < 24.0, "{end} s without a restart");
}

/// PW-3, RST-5: a pod that ended is not run again.
#[test]
fn a_pod_that_ended_is_not_run_again() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(with(pod("p"), |spec| spec.restart_policy = Some("Never".to_owned())));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.crash("app", 0);
        rig.eventually("it ended", |rig| rig.phase("p").as_deref() == Some("Succeeded"));
        rig.cluster.stop(Process::Kubelet(NODE));
        let now = rig.now();
        rig.runtime.borrow_mut().reboot(now);
        rig.cluster.start(Process::Kubelet(NODE));
        rig.until(120, |_| false);
        assert!(rig.containers("app").len() <= 1 && !rig.anything_runs(), "seed {seed}");
        assert_eq!(rig.phase("p").as_deref(), Some("Succeeded"));
    }
}

/// SBX-3, NF-20: after a reboot the same pod runs again, in a new sandbox.
#[test]
fn a_reboot_restarts_the_same_pod() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        let before = rig.pod("p").expect("it is there");
        rig.cluster.stop(Process::Kubelet(NODE));
        let now = rig.now();
        rig.runtime.borrow_mut().reboot(now);
        rig.cluster.start(Process::Kubelet(NODE));
        rig.eventually("it is ready again", |rig| rig.restarts("p", "app") == 1 && rig.is_ready("p"));
        assert_eq!(before.metadata.uid, rig.pod("p").expect("it is there").metadata.uid);
    }
}
