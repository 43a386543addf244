//! What a pod is made of, as the API server has it: with its defaults filled in.

use podproof_vocabulary::manifest::{LISTENS_AFTER, ON_SIGTERM};
use podproof_vocabulary::scenario::{
    Container, ContainerKind, ContainerPort, OnSigterm, PodTemplate, PreStop, Probe, Protocol, Scenario,
    TaintEffect, Toleration, WorkloadKind,
};
use serde_json::{Map, Value, json};

use super::affinity;

/// The image of every container.
pub(super) const IMAGE: &str = "registry.example/app:v1";

/// How long commands beside a process take that end when they like.
const CLEAN_UP: [&str; 2] = ["/bin/app", "deregister"];

/// `metadata` of the pods of a template, but for what tells them apart: labels and annotations.
pub(super) fn metadata(scenario: &Scenario, restarted: u32) -> Value {
    let template = &scenario.workload.template;
    let mut annotations = behaviour(template);
    if restarted > 0 {
        // As `kubectl rollout restart` does.
        let at = format!("2026-01-01T00:{:02}:{:02}Z", restarted / 60, restarted % 60);
        annotations.insert("kubectl.kubernetes.io/restartedAt".into(), json!(at));
    }
    let mut metadata = json!({"labels": template.labels, "annotations": annotations});
    if template.finalizer {
        metadata["finalizers"] = json!(["example.com/hold"]);
    }
    metadata
}

/// What annotations say of the processes.
fn behaviour(template: &PodTemplate) -> Map<String, Value> {
    let serving = &template.containers[usize::from(template.serving)];
    let on_sigterm = match serving.on_sigterm {
        OnSigterm::Exit => "exit".into(),
        OnSigterm::Drain(seconds) => format!("drain={seconds}"),
        OnSigterm::Close(seconds) => format!("close={seconds}"),
        OnSigterm::Ignore => "ignore".into(),
    };
    let listens_after = serving.listens_after_seconds.to_string();
    [(ON_SIGTERM.to_owned(), json!(on_sigterm)), (LISTENS_AFTER.to_owned(), json!(listens_after))]
        .into_iter()
        .collect()
}

/// `spec` of a pod template, or with `of_pod` that of a pod, which admission has added tolerations to.
pub(super) fn spec(scenario: &Scenario, of_pod: bool) -> Value {
    let template = &scenario.workload.template;
    let is_added = |toleration: &Toleration| {
        let keys = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
        keys.contains(&toleration.key.as_str())
            && toleration.exists
            && toleration.effect == Some(TaintEffect::NoExecute)
            && toleration.seconds == Some(scenario.latencies.default_toleration)
    };
    let tolerations = template.tolerations.iter().filter(|toleration| of_pod || !is_added(toleration));
    let of_kind = |init: bool| {
        let containers = template.containers.iter();
        let containers = containers.filter(move |container| (container.kind != ContainerKind::App) == init);
        containers.map(|container| self::container(scenario, container)).collect::<Vec<_>>()
    };
    let mut spec = json!({
        "containers": of_kind(false),
        "restartPolicy": format!("{:?}", template.restart_policy),
        "terminationGracePeriodSeconds": template.grace_seconds,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    });
    let mut set = |name: &str, value: Value| spec[name] = value;
    let init = of_kind(true);
    if !init.is_empty() {
        set("initContainers", json!(init));
    }
    if let Some(name) = &template.node_name {
        set("nodeName", json!(name));
    }
    if !template.node_selector.is_empty() {
        set("nodeSelector", json!(template.node_selector));
    }
    if let Some(affinity) = affinity::affinity(template) {
        set("affinity", affinity);
    }
    if !template.spread.is_empty() {
        set("topologySpreadConstraints", affinity::spread(&template.spread));
    }
    let tolerations: Vec<_> = tolerations.map(toleration).collect();
    if !tolerations.is_empty() {
        set("tolerations", json!(tolerations));
    }
    if of_pod {
        set("serviceAccountName", json!("default"));
        set("serviceAccount", json!("default"));
        set("priority", json!(0));
        set("enableServiceLinks", json!(true));
        set("preemptionPolicy", json!("PreemptLowerPriority"));
    }
    spec
}

fn toleration(toleration: &Toleration) -> Value {
    let mut value = json!({"operator": if toleration.exists { "Exists" } else { "Equal" }});
    if !toleration.key.is_empty() {
        value["key"] = json!(toleration.key);
    }
    if !toleration.value.is_empty() {
        value["value"] = json!(toleration.value);
    }
    if let Some(effect) = toleration.effect {
        value["effect"] = json!(format!("{effect:?}"));
    }
    if let Some(seconds) = toleration.seconds {
        value["tolerationSeconds"] = json!(seconds);
    }
    value
}

fn container(scenario: &Scenario, container: &Container) -> Value {
    let mut value = json!({
        "name": container.name,
        "image": IMAGE,
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    });
    if container.kind == ContainerKind::Sidecar {
        value["restartPolicy"] = json!("Always");
    }
    if container.requests != Default::default() {
        let (cpu, memory) = (container.requests.cpu_milli, container.requests.memory);
        value["resources"] = json!({"requests": {"cpu": format!("{cpu}m"), "memory": memory.to_string()}});
    }
    if !container.ports.is_empty() {
        value["ports"] = container.ports.iter().map(port).collect();
    }
    if let Some(hook) = container.pre_stop {
        value["lifecycle"] = json!({"preStop": pre_stop(scenario, hook)});
    }
    let probes = [
        ("startupProbe", container.startup_probe),
        ("readinessProbe", container.readiness_probe),
        ("livenessProbe", container.liveness_probe),
    ];
    let asked = container.ports.first().map_or(8080, |port| port.port);
    for (name, probe) in probes {
        if let Some(probe) = probe {
            value[name] = self::probe(probe, asked);
        }
    }
    value
}

/// `TCP`
pub(super) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    }
}

fn port(port: &ContainerPort) -> Value {
    let mut value = json!({"containerPort": port.port, "protocol": protocol(port.protocol)});
    if !port.name.is_empty() {
        value["name"] = json!(port.name);
    }
    if let Some(host) = &port.host {
        value["hostPort"] = json!(host.port);
        if host.ip != "0.0.0.0" {
            value["hostIP"] = json!(host.ip);
        }
    }
    value
}

/// A hook of so many seconds is the `sleep` action where that exists.
pub(super) fn is_exec(scenario: &Scenario, hook: PreStop) -> bool {
    match hook {
        PreStop::Seconds(seconds) => {
            let fits = (1..=scenario.workload.template.grace_seconds).contains(&seconds);
            !(scenario.release.has_sleep_hook() && fits)
        }
        PreStop::AtLeast(_) | PreStop::AnyTime => true,
    }
}

fn pre_stop(scenario: &Scenario, hook: PreStop) -> Value {
    match hook {
        PreStop::Seconds(seconds) if is_exec(scenario, hook) => {
            json!({"exec": {"command": ["sleep", seconds.to_string()]}})
        }
        PreStop::Seconds(seconds) => json!({"sleep": {"seconds": seconds}}),
        PreStop::AtLeast(seconds) => {
            json!({"exec": {"command": ["sh", "-c", format!("sleep {seconds}; clean-up")]}})
        }
        PreStop::AnyTime => json!({"exec": {"command": CLEAN_UP}}),
    }
}

fn probe(probe: Probe, port: u16) -> Value {
    let mut value = json!({
        "httpGet": {"path": "/ready", "port": port, "scheme": "HTTP"},
        "timeoutSeconds": probe.timeout_seconds,
        "periodSeconds": probe.period_seconds,
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    });
    if probe.initial_delay_seconds > 0 {
        value["initialDelaySeconds"] = json!(probe.initial_delay_seconds);
    }
    value
}

/// The manifest of a bare pod has no template around it.
pub(super) fn is_bare(scenario: &Scenario) -> bool {
    scenario.workload.kind == WorkloadKind::Pod
}
