//! Clocks: when they start, and what they hold up.

use podproof_vocabulary::action::{Action, Container as ContainerStep, Environment, Kubelet};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::property::Property;
use podproof_vocabulary::scenario::{OnSigterm, Probe, Scenario, Timing};

use crate::test_cluster::{C0, P0, TestCluster, allow};

const SIGTERM: Kubelet = Kubelet::SendSigterm { pod: P0, container: C0 };
const SIGKILL: Kubelet = Kubelet::SendSigkill { pod: P0, container: C0 };
const EXIT: Action = Action::Container(ContainerStep::Exit { pod: P0, container: C0 });

/// A cluster with all clocks, in ticks of one second.
fn timed(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    TestCluster::web(1, 1, |s| {
        s.timing = Timing::Timed;
        s.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
        tweak(s);
    })
}

/// Takes what is possible but for `held_back`, and lets so many seconds pass.
fn pass(cluster: &mut TestCluster, seconds: u32, held_back: impl Fn(&Action) -> bool) {
    for _ in 0..seconds {
        cluster.settle_but(&held_back);
        cluster.take(Action::Tick);
    }
    cluster.settle_but(held_back);
}

/// A process that gets SIGTERM before it listens takes as long to exit as any other: what was left until it would have listened says
/// nothing about that.
#[test]
fn a_process_that_does_not_listen_yet_takes_its_time_to_exit() {
    for (drain, seconds) in [(3, 3), (30, 30)] {
        let mut cluster = timed(|s| {
            s.workload.template.containers[0].listens_after_seconds = 10;
            s.workload.template.containers[0].on_sigterm = OnSigterm::Drain(drain);
            s.workload.template.grace_seconds = 60;
            allow(s, EventName::DeletePod, 1);
        });
        let runs = |c: &TestCluster| {
            c.exists(P0)
                && c.seen().slots[0].containers[0].process
                    == podproof_vocabulary::observation::Process::Running
        };
        cluster.run_until(runs);
        pass(&mut cluster, 2, |_| false);
        cluster.take(Environment::DeletePod { pod: P0 });
        cluster.run_until(|c| c.can(SIGTERM));
        cluster.take(SIGTERM);
        let mut passed = 0;
        while !cluster.can(EXIT) {
            pass(&mut cluster, 1, |action| *action == EXIT);
            passed += 1;
        }
        assert_eq!(passed, seconds, "drain:{drain}");
    }
}

/// KIL-5: what waits for the least time between SIGTERM and SIGKILL alone comes as soon as that has passed.
#[test]
fn time_does_not_go_on_past_a_sigkill_that_is_due() {
    let mut cluster = timed(|s| {
        s.workload.template.containers[0].on_sigterm = OnSigterm::Ignore;
        s.workload.template.grace_seconds = 1;
        allow(s, EventName::DeletePod, 1);
    });
    cluster.run_until(|c| c.any(|action| matches!(action, Action::Environment(_))) && c.pod(P0).ready);
    cluster.take(Environment::DeletePod { pod: P0 });
    cluster.run_until(|c| c.can(SIGTERM));
    cluster.take(SIGTERM);
    while !cluster.can(SIGKILL) {
        pass(&mut cluster, 1, |action| *action == Action::Kubelet(SIGKILL));
    }
    assert!(!cluster.can(Action::Tick), "it is due");
}

/// I-72, I-74: what a probe has begun goes on when a deletion comes (S28 `kuberuntime_container.go` `killContainer`), and ends when its
/// own grace has run out.
#[test]
fn a_kill_that_a_probe_has_begun_is_no_broken_grace_of_a_deletion() {
    let killed_after = |at_once: bool| {
        let mut cluster = timed(|s| {
            s.mutant = at_once.then_some(podproof_vocabulary::mutant::Mutant::SigkillAtOnce);
            let container = &mut s.workload.template.containers[0];
            container.on_sigterm = OnSigterm::Ignore;
            container.liveness_probe = Some(Probe {
                initial_delay_seconds: 0,
                period_seconds: 1,
                timeout_seconds: 1,
                success_threshold: 1,
                failure_threshold: 1,
            });
            s.workload.template.grace_seconds = 30;
            allow(s, EventName::DeletePod, 1);
            allow(s, EventName::LivenessChange, 1);
        });
        cluster.run_until(|c| c.exists(P0) && c.pod(P0).ready);
        if !at_once {
            cluster.take(Environment::ChangeLiveness { pod: P0, container: C0 });
            cluster.run_until(|c| c.can(SIGTERM));
            cluster.take(SIGTERM);
            pass(&mut cluster, 20, |_| false);
        }
        cluster.take(Environment::DeletePod { pod: P0 });
        if at_once {
            cluster.run_until(|c| c.can(SIGTERM));
            cluster.take(SIGTERM);
        }
        cluster.run_until(|c| c.can(SIGKILL));
        cluster.judge(SIGKILL).broken.contains(Property::GraceHonoured)
    };
    assert!(!killed_after(false), "30 s have passed since the kill began");
    assert!(killed_after(true), "a SIGKILL at once is none");
}
