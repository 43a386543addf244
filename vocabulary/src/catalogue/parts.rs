//! What the built-in scenarios are made of: nodes, containers and the workload that most of them run.

use crate::approximation::Approximations;
use crate::event::{Budget, ScaleTarget, Story};
use crate::latency::Latencies;
use crate::release::Release;
use crate::scenario::{
    Beginning, Container, ContainerKind, ContainerPort, Hang, IntOrPercent, Labels, Node, OnSigterm,
    PodTemplate, Protocol, Resources, RestartPolicy, Scenario, Service, Strategy, TaintEffect, Timing,
    Toleration, Workload, WorkloadKind,
};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A node with room for everything, a hostname label, and the zone that all share.
pub fn node(number: usize) -> Node {
    let name = format!("node-{number}");
    Node {
        labels: labels(&[("kubernetes.io/hostname", &name), ("topology.kubernetes.io/zone", "zone-1")]),
        later_labels: None,
        name,
        taints: Vec::new(),
        unschedulable: false,
        allocatable: Resources { cpu_milli: 64_000, memory: 64 << 30, pods: 110 },
    }
}

/// An app container that listens on port 8080 as soon as it starts and exits on SIGTERM.
pub fn app() -> Container {
    Container {
        name: "app".into(),
        kind: ContainerKind::App,
        requests: Resources::default(),
        ports: vec![ContainerPort { name: "http".into(), port: 8080, protocol: Protocol::Tcp, host: None }],
        pre_stop: None,
        startup_probe: None,
        readiness_probe: None,
        liveness_probe: None,
        on_sigterm: OnSigterm::Exit,
        listens_after_seconds: 0,
    }
}

/// The tolerations that admission adds (TEC-6).
pub fn default_tolerations(latencies: &Latencies) -> Vec<Toleration> {
    ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
        .map(|key| Toleration {
            key: key.into(),
            exists: true,
            value: String::new(),
            effect: Some(TaintEffect::NoExecute),
            seconds: Some(latencies.default_toleration),
        })
        .into()
}

/// `Deployment/web` behind `Service/web`, of `replicas` on `nodes` equal nodes.
pub fn web(name: &str, story: Story, replicas: u8, nodes: usize) -> Scenario {
    let release = Release::NEWEST;
    let latencies = Latencies::of(release);
    let surge = 1;
    Scenario {
        name: format!("scenario/{name}"),
        release,
        nodes: (1..=nodes).map(node).collect(),
        spare_nodes: 0,
        workload: Workload {
            kind: WorkloadKind::Deployment,
            namespace: "default".into(),
            name: "web".into(),
            manifest_replicas: replicas.into(),
            replicas,
            strategy: Strategy::RollingUpdate {
                max_surge: IntOrPercent::Percent(25),
                max_unavailable: IntOrPercent::Percent(25),
            },
            min_ready_seconds: 0,
            progress_deadline_seconds: None,
            template: PodTemplate {
                labels: labels(&[("app", "web")]),
                finalizer: false,
                containers: vec![app()],
                serving: 0,
                restart_policy: RestartPolicy::Always,
                grace_seconds: 30,
                node_name: None,
                node_selector: Labels::new(),
                node_affinity: None,
                pod_affinity: Vec::new(),
                pod_anti_affinity: Vec::new(),
                spread: Vec::new(),
                tolerations: default_tolerations(&latencies),
            },
        },
        neighbours: Vec::new(),
        one_proxy: true,
        addresses_are_reused: false,
        service: Some(Service {
            name: "web".into(),
            publish_not_ready_addresses: false,
            internal_local: false,
            external_local: false,
            external: false,
            headless: false,
        }),
        budgets: Vec::new(),
        begins: Beginning::Nothing,
        story,
        events: Budget::default(),
        scale: None,
        scale_targets: Vec::new(),
        rollouts: Vec::new(),
        deletion_graces: Vec::new(),
        event_taint: None,
        slots: 2 * (replicas + surge),
        latencies,
        timing: Timing::Untimed,
        approximations: Approximations::ALL,
        inaccurate_detectors: false,
        hang: Hang::RpcTimeout,
        ring_capacity: crate::scenario::RING_CAPACITY,
        mutant: None,
    }
}

/// `Deployment/web` of `replicas` that run on one node behind `Service/web`, and are all taken away: from the deletion of a
/// pod over its endpoint to the rules of the one kube-proxy.
pub fn termination(name: &str, replicas: u8) -> Scenario {
    let mut scenario = web(name, Story::ScaleDown, replicas, 1);
    scenario.begins = Beginning::Running;
    scenario.scale = Some(ScaleTarget::To(0));
    scenario
}
