//! How a pod is stopped: hooks, grace, signals, order; and what the API says meanwhile.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ExecAction, Lifecycle, LifecycleHandler, Pod, SleepAction};
use podproof_runtime::api::{Request, Resource};
use podproof_runtime::client::CallState;
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::kubelet::kill::KillPod;
use podproof_runtime::kubelet::kill::container::{HookState, KillContainer};
use podproof_runtime::operation::Step;
use podproof_runtime::{Operation, Slips};
use podproof_vocabulary::Release;
use podproof_vocabulary::scenario::OnSigterm;

use crate::life::SEEDS;
use crate::rig::{Rig, container, pod, with};

pub const STUBBORN: Behaviour =
    Behaviour { runs_to_its_end: false, listens_after: Duration::ZERO, on_sigterm: OnSigterm::Ignore };

pub fn sleeps(seconds: i64) -> Option<Lifecycle> {
    let sleep = Some(SleepAction { seconds });
    let pre_stop = Some(LifecycleHandler { sleep, ..LifecycleHandler::default() });
    Some(Lifecycle { pre_stop, ..Lifecycle::default() })
}

pub fn with_hook(seconds: i64, grace: i64) -> Pod {
    with(pod("p"), |spec| {
        spec.containers[0].lifecycle = sleeps(seconds);
        spec.termination_grace_period_seconds = Some(grace);
    })
}

pub fn since(later: Moment, earlier: Moment) -> f64 {
    later.since(earlier).as_secs_f64()
}

/// Starts the pod, deletes it, and says when its app got SIGTERM and when it ended, counted from the first moment at which its
/// worker began to terminate.
pub fn stop(rig: &mut Rig, made: Pod) -> (f64, f64) {
    rig.create(made);
    rig.eventually("it is ready", |rig| rig.is_ready("p"));
    rig.delete("p", None);
    let mut begun = None;
    rig.eventually("it is stopped", |rig| {
        let terminates = rig.kubelet().is_some_and(|kubelet| {
            kubelet.workers().iter().any(|(_, worker)| {
                use podproof_runtime::kubelet::pod_worker::activity::Activity;
                matches!(worker.activity(), Activity::Terminating(_))
            })
        });
        if terminates && begun.is_none() {
            begun = Some(rig.now());
        }
        !rig.anything_runs()
    });
    let app = &rig.containers("app")[0];
    let begun = begun.expect("it terminated");
    let at = |moment: Option<Moment>| since(moment.expect("it did"), begun);
    (at(app.sigterm_at), at(app.status.finished_at))
}

/// KIL-3, KIL-9: while its hook runs, a container has no SIGTERM; an observer sees the hook.
#[test]
fn sigterm_waits_for_the_hook() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(with_hook(5, 20));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.delete("p", None);
        let (mut seen, mut early) = (false, false);
        rig.eventually("it is stopped", |rig| {
            let told = rig.containers("app").first().is_some_and(|it| it.sigterm_at.is_some());
            let workers = rig.kubelet().expect("it runs").workers();
            let kills = workers.iter().filter_map(|(_, worker)| worker.kill()).flat_map(KillPod::containers);
            for hook in kills.map(KillContainer::hook) {
                seen |= hook == HookState::Running;
                early |= hook == HookState::Running && told;
            }
            !rig.anything_runs()
        });
        assert!(seen && !early, "seed {seed}");
    }
}

/// KIL-3, KIL-4: the hook first, then SIGTERM; what is left of the grace period, then SIGKILL.
#[test]
fn the_hook_uses_up_grace() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[("app", STUBBORN)]);
        let (sigterm, end) = stop(&mut rig, with_hook(5, 20));
        assert!((5.0..6.5).contains(&sigterm), "seed {seed}: SIGTERM after {sigterm} s");
        assert!(end >= sigterm + 13.0, "seed {seed}: SIGKILL {end} s after the begin");
        assert_eq!(rig.containers("app")[0].status.exit_code, 137);
    }
}

/// KIL-4, KIL-5: a hook that is longer than the grace period is cut, and 2 s are left.
#[test]
fn a_long_hook_is_cut_and_leaves_two_seconds() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[("app", STUBBORN)]);
        let (sigterm, end) = stop(&mut rig, with_hook(60, 4));
        assert!((4.0..5.5).contains(&sigterm), "seed {seed}: SIGTERM after {sigterm} s");
        assert!(end - sigterm >= 2.0, "seed {seed}: SIGKILL {} s after SIGTERM", end - sigterm);
        assert!(end <= 60.0, "seed {seed}: it waited for its hook");
    }
}

/// K-19: a hook that is a command may take longer than other calls to the runtime.
#[test]
fn a_command_as_hook_is_waited_for_within_the_grace_period() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[]);
        let command = Some(vec!["sleep".to_owned(), "150".to_owned()]);
        let hook = LifecycleHandler { exec: Some(ExecAction { command }), ..LifecycleHandler::default() };
        let (sigterm, _) = stop(
            &mut rig,
            with(pod("p"), |spec| {
                spec.containers[0].lifecycle =
                    Some(Lifecycle { pre_stop: Some(hook), ..Lifecycle::default() });
                spec.termination_grace_period_seconds = Some(300);
            }),
        );
        assert!((150.0..152.0).contains(&sigterm), "seed {seed}: SIGTERM after {sigterm} s");
    }
}

/// KIL-8, MC-11: a sidecar gets SIGTERM after the app has ended, and the later one first.
#[test]
fn sidecars_stop_after_the_app_in_reverse() {
    let drains = Behaviour { on_sigterm: OnSigterm::Drain(3), ..Behaviour::default() };
    let with_sidecars = || {
        with(pod("p"), |spec| {
            let sidecar = |name| {
                let mut made = container(name);
                made.restart_policy = Some("Always".to_owned());
                made
            };
            spec.init_containers = Some(vec![sidecar("first"), sidecar("second")]);
        })
    };
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[("app", drains)]);
        stop(&mut rig, with_sidecars());
        let one = |name| rig.containers(name)[0].clone();
        let (app, first, second) = (one("app"), one("first"), one("second"));
        assert!(second.sigterm_at >= app.status.finished_at, "seed {seed}");
        assert!(first.sigterm_at >= second.status.finished_at, "seed {seed}");
    }
    // Before 1.29 there were no sidecars, and such a container held up the app for ever.
    let mut rig = Rig::with(0, &[], Release { minor: 28 }, Slips::NONE);
    rig.create(with_sidecars());
    assert!(!rig.until(100, |rig| rig.running("app").is_some()));
}

/// PHS-11, STM-4, STM-6: from 1.27 on the phase is terminal before the object goes, and not while anything runs.
#[test]
fn the_phase_is_terminal_before_the_object_goes() {
    let drains = Behaviour { on_sigterm: OnSigterm::Drain(3), ..Behaviour::default() };
    for (minor, expected) in [(36, "Succeeded"), (27, "Succeeded"), (26, "Running"), (20, "Running")] {
        for seed in 0..5 {
            let mut rig = Rig::with(seed, &[("app", drains)], Release { minor }, Slips::NONE);
            rig.create(pod("p"));
            rig.eventually("it is ready", |rig| rig.is_ready("p"));
            rig.delete("p", None);
            let (mut last, mut early) = (None, false);
            rig.eventually("it is gone", |rig| {
                let phase = rig.phase("p");
                early |= rig.anything_runs() && phase.as_deref() == Some("Succeeded");
                last = phase.clone().or_else(|| last.take());
                phase.is_none()
            });
            assert_eq!(last.as_deref(), Some(expected), "1.{minor} seed {seed}");
            assert!(!early, "1.{minor} seed {seed}: terminal while its container runs");
        }
    }
}

/// PW-18, KIL-12, DEL-18: a force deletion takes the object at once; the container gets 2 s, or before 1.31 all of its grace.
#[test]
fn a_force_deletion_leaves_little_grace() {
    for (minor, least, most) in [(36, 2.0, 4.0), (31, 2.0, 4.0), (30, 30.0, 32.0), (20, 2.0, 4.0)] {
        for seed in 0..5 {
            let mut rig = Rig::with(seed, &[("app", STUBBORN)], Release { minor }, Slips::NONE);
            rig.create(pod("p"));
            rig.eventually("it is ready", |rig| rig.is_ready("p"));
            rig.delete("p", Some(0));
            assert!(rig.pod("p").is_none(), "the object is gone at once");
            rig.eventually("it is stopped", |rig| !rig.anything_runs());
            let app = &rig.containers("app")[0];
            let took = since(app.status.finished_at.expect("it ended"), app.sigterm_at.expect("SIGTERM"));
            assert!((least..most).contains(&took), "1.{minor} seed {seed}: {took} s from SIGTERM to SIGKILL");
        }
    }
}

/// PW-6: a shorter grace period does not reach a kill that is going on.
#[test]
fn a_kill_that_is_going_on_is_not_shortened() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[("app", STUBBORN)]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.delete("p", None);
        rig.eventually("SIGTERM", |rig| rig.containers("app")[0].sigterm_at.is_some());
        rig.delete("p", Some(3));
        rig.eventually("it is stopped", |rig| !rig.anything_runs());
        let app = &rig.containers("app")[0];
        let took = since(app.status.finished_at.expect("it ended"), app.sigterm_at.expect("SIGTERM"));
        assert!(took >= 29.0, "seed {seed}: {took} s from SIGTERM to SIGKILL");
    }
}

/// STM-6, STM-10: it is so with the next full comparison, and not because another pod is told of.
#[test]
fn a_removal_that_is_lost_waits_for_the_comparison() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.create(pod("q"));
        rig.eventually("they are ready", |rig| rig.is_ready("p") && rig.is_ready("q"));
        rig.delete("p", None);
        rig.eventually("it is to be removed", |rig| removal(rig).is_some());
        let lost = removal(&rig).expect("it is on its way");
        rig.cluster.complete(&lost).expect("it may be lost");
        let next = |rig: &Rig| rig.kubelet().and_then(|kubelet| kubelet.parts().status.next_reconcile());
        rig.eventually("the batch is over", |rig| next(rig).is_some());
        let comparison = next(&rig).expect("it is over");
        rig.crash("app", 1);
        rig.eventually("it is gone", |rig| rig.pod("p").is_none());
        assert!(rig.now() >= comparison, "seed {seed}: it went at {}, before {comparison}", rig.now());
    }
}

/// The removal of a pod that is on its way, lost.
fn removal(rig: &Rig) -> Option<Operation> {
    let mut calls = rig.cluster.calls().iter();
    let found = calls.find(|call| {
        call.state == CallState::Sent && matches!(call.request, Request::Delete(Resource::Pod, ..))
    });
    found.map(|call| Operation::new(call.caller, Step::LoseRequest(call.id)))
}

/// STM-6, STM-10: a removal that is lost is tried again; before 1.27 the phase need not be a terminal one for that.
#[test]
fn a_removal_that_is_lost_is_tried_again() {
    for minor in [20, 26, 27, 36] {
        let mut rig = Rig::with(u64::from(minor), &[], Release { minor }, Slips::NONE);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.delete("p", None);
        rig.eventually("it is to be removed", |rig| removal(rig).is_some());
        let lost = removal(&rig).expect("it is on its way");
        rig.cluster.complete(&lost).expect("it may be lost");
        rig.eventually("it is gone", |rig| rig.pod("p").is_none());
    }
}
