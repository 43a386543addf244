//! Tests of what happens to the cluster: when each event is possible, what it does, what it costs.

mod faults;
mod operators;
mod removal;

use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Environment};
use podproof_vocabulary::event::{Budget, EventName, Story};
use podproof_vocabulary::scenario::{Probe, Scenario, WorkloadKind};

use crate::api_server::pods;
use crate::test_cluster::{C0, N0, N1, P0, TestCluster, allow};

const PROBE: Probe = Probe {
    initial_delay_seconds: 0,
    period_seconds: 1,
    timeout_seconds: 1,
    success_threshold: 1,
    failure_threshold: 1,
};

/// A quiet cluster of two nodes with one pod, on the first, in which `event` may happen `count` times.
fn with(event: EventName, count: u8, tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
    let mut cluster = TestCluster::web(1, 2, |s| {
        allow(s, event, count);
        tweak(s);
    });
    cluster.settle();
    cluster
}

fn once(event: EventName) -> TestCluster {
    with(event, 1, |_| {})
}

fn events(cluster: &TestCluster) -> Vec<Environment> {
    let step = |action| match action {
        Action::Environment(step) => Some(step),
        _ => None,
    };
    cluster.enabled().into_iter().filter_map(step).collect()
}

#[test]
fn an_event_happens_as_often_as_its_budget_allows() {
    let mut cluster = with(EventName::ContainerCrash, 2, |_| {});
    let crash = Environment::CrashContainer { pod: P0, container: C0 };
    cluster.take(crash);
    cluster.settle();
    cluster.take(crash);
    cluster.settle();
    assert!(events(&cluster).is_empty());
    assert!(events(&TestCluster::running(1, 2, |_| {})).is_empty(), "without a budget nothing happens");
}

#[test]
fn an_event_without_a_bound_happens_as_often_as_it_likes() {
    let mut cluster = with(EventName::CordonNode, Budget::NO_BOUND, |s| {
        allow(s, EventName::UncordonNode, Budget::NO_BOUND);
    });
    for _ in 0..=Budget::NO_BOUND {
        cluster.take(Environment::CordonNode { node: N1 });
        cluster.settle();
        cluster.take(Environment::UncordonNode { node: N1 });
        cluster.settle();
    }
    assert!(events(&cluster).contains(&Environment::CordonNode { node: N1 }));
}

#[test]
fn events_of_a_budget_may_happen_at_any_moment() {
    let cluster = TestCluster::web(1, 1, |s| allow(s, EventName::NodeCrash, 1));
    assert!(cluster.can(Environment::CrashNode { node: N0 }));
}

#[test]
fn the_event_of_a_story_happens_once_and_when_the_creation_is_quiet() {
    let mut cluster = TestCluster::web(1, 2, |s| s.story = Story::NodeFailure);
    assert!(events(&cluster).is_empty());
    cluster.settle();
    assert_eq!(events(&cluster), [Environment::CrashNode { node: N0 }, Environment::CrashNode { node: N1 }]);
    cluster.take(Environment::CrashNode { node: N0 });
    cluster.settle();
    assert!(events(&cluster).is_empty());
}

#[test]
fn a_partition_story_heals_when_it_is_quiet() {
    let mut cluster = TestCluster::running(1, 2, |s| s.story = Story::Partition);
    cluster.take(Environment::PartitionNode { node: N0 });
    let heal = Environment::HealPartition { node: N0 };
    cluster.settle();
    assert_eq!(events(&cluster), [heal]);
    assert!(cluster.look(|cluster| super::is_promised(cluster, &heal)));
    cluster.take(heal);
    cluster.settle();
    assert!(events(&cluster).is_empty());
    let other = TestCluster::web(1, 2, |s| allow(s, EventName::PartitionHeal, 1));
    assert!(!other.look(|cluster| super::is_promised(cluster, &heal)), "only that story promises it");
}

/// Without an API server no user reaches the cluster, but machines still fail.
#[test]
fn users_need_the_api_server_and_faults_do_not() {
    let mut cluster = TestCluster::web(1, 2, |s| {
        for event in EventName::all() {
            allow(s, event, 1);
        }
        s.workload.template.containers[0].readiness_probe = Some(PROBE);
        s.workload.template.containers[0].liveness_probe = Some(PROBE);
        s.spare_nodes = 1;
    });
    cluster.settle_but(|action| matches!(action, Action::Environment(_)));
    cluster.befall(Environment::StopApiServer);
    for step in events(&cluster) {
        let event = super::event_of(&step);
        let needs_no_api = [
            EventName::NodeCrash,
            EventName::NodePartition,
            EventName::KubeletRestart,
            EventName::ContainerCrash,
            EventName::ContainerExit,
            EventName::ReadinessChange,
            EventName::LivenessChange,
            EventName::SandboxDeath,
            EventName::RuntimeHang,
            EventName::RuntimeRecovery,
            EventName::CniFailure,
            EventName::ControllerManagerRestart,
            EventName::SchedulerRestart,
            EventName::ProxyStop,
            EventName::ResourcePressure,
        ];
        assert!(needs_no_api.contains(&event), "{step:?}");
    }
    assert!(cluster.can(Environment::CrashNode { node: NodeId(0) }));
}

#[test]
fn no_event_touches_a_pod_that_is_gone() {
    let mut cluster = with(EventName::DeletePod, 1, |s| s.workload.kind = WorkloadKind::Pod);
    cluster.change(|cluster| pods::delete(cluster, P0, pods::Grace::Zero));
    cluster.settle();
    assert!(events(&cluster).is_empty());
}
