//! The worlds of the walks.

use podproof_vocabulary::Scenario;
use podproof_vocabulary::approximation::Approximations;
use podproof_vocabulary::catalogue::{app, web};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::scenario::{
    BudgetAsk, Container, ContainerKind, DisruptionBudget, IntOrPercent, OnSigterm, PreStop, Probe,
    WorkloadKind,
};

/// Pods of a Deployment on nodes to which these events can happen, so many times each.
pub fn world(replicas: u8, nodes: usize, events: &[(EventName, u8)]) -> Scenario {
    let mut scenario = web("round-trip", Story::Create, replicas, nodes);
    scenario.approximations = Approximations::NONE;
    scenario.one_proxy = false;
    scenario.slots = 12;
    scenario.ring_capacity = 24;
    for &(event, count) in events {
        scenario.events.set(event, count);
    }
    scenario
}

const PROBE: Probe = Probe {
    initial_delay_seconds: 0,
    period_seconds: 2,
    timeout_seconds: 1,
    success_threshold: 1,
    failure_threshold: 2,
};

/// The same, changed.
pub fn with(mut scenario: Scenario, change: impl FnOnce(&mut Scenario)) -> Scenario {
    change(&mut scenario);
    scenario
}

/// Its first container.
pub fn first(scenario: &mut Scenario) -> &mut Container {
    &mut scenario.workload.template.containers[0]
}

/// The one of this name.
pub fn by_name(name: &str) -> Scenario {
    let found = all().into_iter().chain(wide()).find(|(other, _)| *other == name);
    found.map(|(_, scenario)| scenario).expect("a world of this name")
}

fn budget(scenario: &mut Scenario) {
    let ask = BudgetAsk::MinAvailable(IntOrPercent::Int(1));
    scenario.budgets.push(DisruptionBudget { name: "web".into(), ask, always_allow_unhealthy: false });
}

/// Those in which little happens, by name.
pub fn all() -> Vec<(&'static str, Scenario)> {
    use EventName as E;
    let helper = |name: &str, kind| Container { name: name.into(), kind, ports: Vec::new(), ..app() };
    vec![
        ("rollout", world(2, 2, &[(E::Rollout, 1)])),
        ("rollover", world(2, 2, &[(E::Rollout, 2)])),
        ("rollback", with(world(2, 2, &[(E::Rollout, 2)]), |s| s.rollouts = vec![1, 0])),
        (
            "prestop",
            with(world(2, 2, &[(E::Rollout, 1)]), |s| {
                first(s).pre_stop = Some(PreStop::Seconds(5));
                first(s).readiness_probe = Some(PROBE);
                first(s).on_sigterm = OnSigterm::Drain(3);
            }),
        ),
        ("eviction", with(world(2, 2, &[(E::EvictPod, 3), (E::DeletePod, 1)]), budget)),
        ("drain", with(world(2, 2, &[(E::DrainNode, 1)]), budget)),
        (
            "pod",
            with(world(1, 2, &[(E::DeletePod, 1), (E::ContainerCrash, 1)]), |s| {
                s.workload.kind = WorkloadKind::Pod;
                s.slots = 1;
            }),
        ),
        (
            "set",
            with(world(2, 2, &[(E::Scale, 1), (E::DeletePod, 1)]), |s| {
                s.workload.kind = WorkloadKind::ReplicaSet;
            }),
        ),
        ("scale", world(2, 2, &[(E::Scale, 1)])),
        ("crash", world(2, 2, &[(E::NodeCrash, 1), (E::NodeReturn, 1)])),
        ("partition", world(2, 2, &[(E::NodePartition, 1), (E::PartitionHeal, 1)])),
        (
            "silent",
            with(world(1, 2, &[(E::NodePartition, 1), (E::PartitionHeal, 1)]), |s| {
                s.workload.kind = WorkloadKind::Pod;
                s.slots = 1;
            }),
        ),
        ("kubelet", world(2, 2, &[(E::KubeletRestart, 1)])),
        ("container", world(2, 2, &[(E::ContainerCrash, 2)])),
        ("taint", world(2, 2, &[(E::TaintNode, 1), (E::UntaintNode, 1)])),
        ("force", world(2, 2, &[(E::ForceDeletePod, 2), (E::DeletePod, 1)])),
        (
            "init",
            with(world(1, 2, &[(E::DeletePod, 2)]), |s| {
                let containers = &mut s.workload.template.containers;
                containers.insert(0, helper("prepare", ContainerKind::Init));
                s.workload.template.serving = 1;
            }),
        ),
        (
            "sidecar",
            with(world(1, 2, &[(E::DeletePod, 2)]), |s| {
                let containers = &mut s.workload.template.containers;
                containers.insert(0, helper("log", ContainerKind::Sidecar));
                s.workload.template.serving = 1;
            }),
        ),
    ]
}

/// More at once: worlds in which much may happen beside each other.
pub fn wide() -> Vec<(&'static str, Scenario)> {
    use EventName as E;
    vec![
        (
            "wide-pods",
            with(
                world(
                    3,
                    3,
                    &[
                        (E::Rollout, 1),
                        (E::Scale, 1),
                        (E::EvictPod, 1),
                        (E::DeletePod, 1),
                        (E::ForceDeletePod, 1),
                        (E::ContainerCrash, 1),
                    ],
                ),
                |s| {
                    budget(s);
                    first(s).pre_stop = Some(PreStop::Seconds(5));
                    first(s).readiness_probe = Some(PROBE);
                },
            ),
        ),
        (
            "wide-nodes",
            world(
                2,
                3,
                &[
                    (E::NodeCrash, 1),
                    (E::NodeReturn, 1),
                    (E::NodePartition, 1),
                    (E::PartitionHeal, 1),
                    (E::TaintNode, 1),
                    (E::UntaintNode, 1),
                    (E::CordonNode, 1),
                    (E::UncordonNode, 1),
                    (E::KubeletRestart, 1),
                    (E::DeletePod, 1),
                ],
            ),
        ),
        (
            "wide-components",
            with(
                world(
                    2,
                    2,
                    &[
                        (E::Rollout, 1),
                        (E::DrainNode, 1),
                        (E::ControllerManagerRestart, 1),
                        (E::SchedulerRestart, 1),
                        (E::ApiServerRestart, 1),
                        (E::RuntimeHang, 1),
                        (E::RuntimeRecovery, 1),
                        (E::AddNode, 1),
                    ],
                ),
                |s| s.spare_nodes = 1,
            ),
        ),
        (
            "wide-containers",
            with(
                world(
                    2,
                    2,
                    &[
                        (E::ReadinessChange, 2),
                        (E::LivenessChange, 1),
                        (E::ContainerCrash, 1),
                        (E::SandboxDeath, 1),
                        (E::KubeletRestart, 1),
                        (E::DeletePod, 1),
                    ],
                ),
                |s| {
                    first(s).readiness_probe = Some(PROBE);
                    first(s).liveness_probe = Some(PROBE);
                    first(s).on_sigterm = OnSigterm::Drain(3);
                },
            ),
        ),
    ]
}
