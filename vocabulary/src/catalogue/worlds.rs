//! The worlds of the built-in scenarios, in the order of their table.

use super::parts::{self, app, web};
use crate::event::{EventName, ScaleTarget, Story};
use crate::scenario::{
    BudgetAsk, Container, ContainerKind, DisruptionBudget, Hang, HostPort, IntOrPercent, LabelSelector,
    PodAffinityTerm, PreStop, Resources, Scenario, Strategy, Taint, TaintEffect, WorkloadKind,
};

const HOSTNAME: &str = "kubernetes.io/hostname";
const GIB: u64 = 1 << 30;

fn with_event(mut scenario: Scenario, event: EventName, count: u8) -> Scenario {
    scenario.events.set(event, count);
    scenario
}

fn app_of(scenario: &mut Scenario) -> &mut Container {
    scenario.workload.template.containers.last_mut().expect("web has an app container")
}

/// A bare pod has no ReplicaSet that would make another.
fn bare_pod(name: &str, story: Story, nodes: usize) -> Scenario {
    let mut scenario = web(name, story, 1, nodes);
    scenario.workload.kind = WorkloadKind::Pod;
    scenario.slots = 1;
    scenario
}

pub(super) fn pod_life(name: &str) -> Scenario {
    bare_pod(name, Story::PodDeletion, 1)
}

pub(super) fn rollout(name: &str) -> Scenario {
    web(name, Story::Rollout, 1, 2)
}

pub(super) fn rollout_prestop(name: &str) -> Scenario {
    let mut scenario = web(name, Story::Rollout, 1, 2);
    let sleep = scenario.latencies.propagation() + 1;
    app_of(&mut scenario).pre_stop = Some(PreStop::Seconds(sleep));
    scenario
}

pub(super) fn rollout_recreate(name: &str) -> Scenario {
    let mut scenario = web(name, Story::Rollout, 1, 2);
    scenario.workload.strategy = Strategy::Recreate;
    scenario
}

pub(super) fn node_crash(name: &str) -> Scenario {
    web(name, Story::NodeFailure, 2, 2)
}

pub(super) fn node_crash_no_room(name: &str) -> Scenario {
    let mut scenario = web(name, Story::NodeFailure, 1, 2);
    scenario.nodes[1].taints.push(control_plane());
    scenario
}

pub(super) fn node_crash_tolerated(name: &str) -> Scenario {
    let mut scenario = web(name, Story::NodeFailure, 1, 2);
    for toleration in &mut scenario.workload.template.tolerations {
        toleration.seconds = None;
    }
    scenario
}

pub(super) fn partition(name: &str) -> Scenario {
    web(name, Story::Partition, 1, 2)
}

pub(super) fn pleg_stuck(name: &str) -> Scenario {
    let mut scenario = web(name, Story::RuntimeHang, 1, 2);
    scenario.hang = Hang::StuckInspect;
    scenario
}

pub(super) fn drain_pdb(name: &str) -> Scenario {
    let mut scenario = web(name, Story::Drain, 2, 1);
    scenario.budgets.push(DisruptionBudget {
        name: "web".into(),
        ask: BudgetAsk::MinAvailable(IntOrPercent::Int(1)),
        always_allow_unhealthy: false,
    });
    scenario
}

pub(super) fn kubelet_restart(name: &str) -> Scenario {
    with_event(web(name, Story::Create, 1, 1), EventName::KubeletRestart, 1)
}

pub(super) fn taint_eviction(name: &str) -> Scenario {
    with_event(web(name, Story::Create, 1, 2), EventName::TaintNode, 1)
}

pub(super) fn anti_affinity(name: &str) -> Scenario {
    let mut scenario = web(name, Story::Rollout, 2, 2);
    let labels = scenario.workload.template.labels.clone();
    scenario.workload.template.pod_anti_affinity.push(PodAffinityTerm {
        topology_key: HOSTNAME.into(),
        selector: Some(LabelSelector { labels, expressions: Vec::new() }),
        namespaces: Vec::new(),
        all_namespaces: false,
        same_revision: false,
    });
    scenario
}

pub(super) fn init_and_sidecar(name: &str) -> Scenario {
    let mut scenario = bare_pod(name, Story::PodDeletion, 1);
    let helper = |name: &str, kind| Container { name: name.into(), kind, ports: Vec::new(), ..app() };
    let containers = &mut scenario.workload.template.containers;
    containers.insert(0, helper("prepare", ContainerKind::Init));
    containers.insert(1, helper("log", ContainerKind::Sidecar));
    scenario.workload.template.serving = 2;
    scenario
}

pub(super) fn crash_loop(name: &str) -> Scenario {
    with_event(web(name, Story::Create, 1, 1), EventName::ContainerCrash, 2)
}

pub(super) fn control_plane_taint(name: &str) -> Scenario {
    let mut scenario = web(name, Story::Create, 2, 2);
    scenario.nodes[0].taints.push(control_plane());
    scenario
}

pub(super) fn sandbox_death(name: &str) -> Scenario {
    with_event(web(name, Story::Create, 1, 1), EventName::SandboxDeath, 1)
}

pub(super) fn tight_resources(name: &str) -> Scenario {
    let mut scenario = web(name, Story::Create, 2, 2);
    for node in &mut scenario.nodes {
        node.allocatable = Resources { cpu_milli: 1_000, memory: GIB, pods: 110 };
    }
    app_of(&mut scenario).requests = Resources { cpu_milli: 600, memory: GIB / 4, pods: 0 };
    scenario
}

pub(super) fn host_ports(name: &str) -> Scenario {
    let mut scenario = web(name, Story::Create, 2, 2);
    app_of(&mut scenario).ports[0].host = Some(HostPort { port: 8080, ip: "0.0.0.0".into() });
    scenario
}

pub(super) fn scale_down(name: &str) -> Scenario {
    let mut scenario = web(name, Story::ScaleDown, 2, 2);
    scenario.scale = Some(ScaleTarget::By(-1));
    scenario
}

pub(super) fn termination(name: &str) -> Scenario {
    parts::termination(name, 2)
}

fn control_plane() -> Taint {
    Taint {
        key: "node-role.kubernetes.io/control-plane".into(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
    }
}
