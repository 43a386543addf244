//! Each wrong mechanism of stopping a pod shows.

use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::kubelet::pod_worker::Work;
use podproof_runtime::{Slip, Slips};
use podproof_vocabulary::Release;
use podproof_vocabulary::scenario::OnSigterm;

use crate::deletion::{STUBBORN, since, stop, with_hook};
use crate::rig::{Rig, container, pod, with};
use crate::slips::{shows, start};

/// Dead containers are removed as soon as the pod is stopped: what was not read by then is lost.
#[test]
fn a_stop_that_is_not_verified_loses_the_exit_code() {
    shows(Slip::StopIsNotVerified, &[], |rig| {
        start(rig, pod("p"));
        rig.delete("p", None);
        rig.eventually("it is stopped", |rig| {
            let mut workers = rig.kubelet().expect("it runs").workers().iter();
            workers.any(|(_, worker)| worker.work() == Work::Terminated)
        });
        rig.runtime.borrow_mut().prune();
        let mut last = None;
        rig.eventually("it is gone", |rig| {
            last = rig.phase("p").or_else(|| last.take());
            rig.pod("p").is_none()
        });
        last.as_deref() != Some("Succeeded")
    });
}

#[test]
fn an_orphan_that_is_forgotten_loses_its_grace() {
    // A release in which a force deletion gets the whole grace period.
    let takes = |seed, slips| {
        let mut rig = Rig::with(seed, &[("app", STUBBORN)], Release { minor: 30 }, slips);
        start(&mut rig, pod("p"));
        rig.delete("p", Some(0));
        rig.eventually("it is stopped", |rig| !rig.anything_runs());
        let app = &rig.containers("app")[0];
        since(app.status.finished_at.expect("it ended"), app.sigterm_at.expect("it got SIGTERM"))
    };
    assert!((0..10).all(|seed| takes(seed, Slips::NONE) >= 30.0));
    assert!((0..10).any(|seed| takes(seed, Slips::only(Slip::OrphansAreForgotten)) < 10.0));
}

fn sidecar(name: &str) -> k8s_openapi::api::core::v1::Container {
    let mut made = container(name);
    made.restart_policy = Some("Always".to_owned());
    made
}

#[test]
fn a_sidecar_that_stops_with_the_app_stops_too_early() {
    let drains = Behaviour { on_sigterm: OnSigterm::Drain(3), ..Behaviour::default() };
    shows(Slip::SidecarsStopWithApp, &[("app", drains)], |rig| {
        stop(rig, with(pod("p"), |spec| spec.init_containers = Some(vec![sidecar("helper")])));
        rig.containers("helper")[0].sigterm_at < rig.containers("app")[0].status.finished_at
    });
}

#[test]
fn a_sidecar_that_waits_for_an_app_that_never_started_uses_up_the_grace() {
    shows(Slip::SidecarsWaitForUnstarted, &[], |rig| {
        rig.create(with(pod("p"), |spec| {
            spec.init_containers = Some(vec![sidecar("helper"), container("init")]);
        }));
        rig.eventually("the init container runs", |rig| rig.running("init").is_some());
        rig.until(10, |_| false);
        let deleted = rig.now();
        rig.delete("p", None);
        rig.eventually("it is stopped", |rig| !rig.anything_runs());
        let told = rig.containers("helper")[0].sigterm_at.expect("it got SIGTERM");
        since(told, deleted) > 20.0
    });
}

#[test]
fn a_full_grace_period_after_the_hook_is_too_long() {
    shows(Slip::FullGraceAfterPreStop, &[("app", STUBBORN)], |rig| {
        let (sigterm, _) = stop(rig, with_hook(10, 20));
        let app = &rig.containers("app")[0];
        let (told, end) = (app.sigterm_at.expect("SIGTERM"), app.status.finished_at.expect("it ended"));
        // The runtime may be slow to be told; it is the time-out that counts.
        sigterm < 12.0 && since(end, told) > 15.0
    });
}

#[test]
fn a_hook_that_is_waited_for_outlives_the_grace_period() {
    shows(Slip::PreStopIsWaitedFor, &[], |rig| {
        let (sigterm, _) = stop(rig, with_hook(60, 4));
        sigterm > 30.0
    });
}

#[test]
fn an_object_that_is_removed_too_early_leaves_containers_behind() {
    let drains = Behaviour { on_sigterm: OnSigterm::Drain(5), ..Behaviour::default() };
    shows(Slip::RemovedBeforeFinished, &[("app", drains)], |rig| {
        start(rig, pod("p"));
        rig.delete("p", None);
        let mut early = false;
        rig.eventually("it is gone", |rig| {
            early |= rig.pod("p").is_none() && rig.anything_runs();
            rig.pod("p").is_none()
        });
        early
    });
}
