//! The spec of a pod.

use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, NodeAffinity,
    NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity, PodAffinityTerm, PodAntiAffinity,
    PodSpec, Probe, ResourceRequirements, SleepAction, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podproof_vocabulary::Revision;
use podproof_vocabulary::scenario::{
    self, ContainerKind, HostPort, Neighbour, PreStop, Protocol, Resources, Scenario,
};

use super::{POD_TEMPLATE_HASH, quantities};

/// The spec of the workload's pods of one revision: revisions differ in their images.
pub fn pod_spec(scenario: &Scenario, revision: Revision) -> PodSpec {
    let template = &scenario.workload.template;
    let of = |init: bool| {
        let own = template.containers.iter().filter(move |own| (own.kind != ContainerKind::App) == init);
        own.map(|own| container(own, revision)).collect::<Vec<_>>()
    };
    PodSpec {
        containers: of(false),
        init_containers: Some(of(true)).filter(|all| !all.is_empty()),
        restart_policy: Some(format!("{:?}", template.restart_policy)),
        termination_grace_period_seconds: Some(template.grace_seconds.into()),
        node_name: template.node_name.clone(),
        node_selector: Some(template.node_selector.clone()),
        affinity: Some(affinity(template)),
        topology_spread_constraints: Some(template.spread.iter().map(spread).collect()),
        tolerations: Some(template.tolerations.iter().map(toleration).collect()),
        ..PodSpec::default()
    }
}

/// The spec of a neighbour, but for its node.
pub(super) fn of_neighbour(neighbour: &Neighbour) -> PodSpec {
    let mut spec = PodSpec::default();
    let idle = [(ContainerKind::App, Resources::default())];
    let kinds = neighbour.requests.iter().chain(&idle);
    for (number, &(kind, requests)) in kinds.enumerate() {
        let container = Container {
            name: format!("c-{number}"),
            resources: Some(requirements(requests)),
            restart_policy: (kind == ContainerKind::Sidecar).then(|| "Always".to_owned()),
            ..Container::default()
        };
        match kind {
            ContainerKind::App => spec.containers.push(container),
            _ => spec.init_containers.get_or_insert_default().push(container),
        }
    }
    let port = |(protocol, host): &(Protocol, HostPort)| port(host.port, *protocol, Some(host));
    if let Some(first) = spec.containers.first_mut() {
        first.ports = Some(neighbour.host_ports.iter().map(port).collect());
    }
    spec.affinity = Some(Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(terms(&neighbour.pod_anti_affinity)),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    });
    spec
}

fn container(own: &scenario::Container, revision: Revision) -> Container {
    let ports = own.ports.iter().map(|own| port(own.port, own.protocol, own.host.as_ref()));
    Container {
        name: own.name.clone(),
        image: Some(format!("web:{}", revision.0)),
        resources: Some(requirements(own.requests)),
        ports: Some(ports.collect()),
        restart_policy: (own.kind == ContainerKind::Sidecar).then(|| "Always".to_owned()),
        lifecycle: own
            .pre_stop
            .map(|hook| Lifecycle { pre_stop: Some(pre_stop(hook)), ..Lifecycle::default() }),
        startup_probe: own.startup_probe.map(probe),
        readiness_probe: own.readiness_probe.map(probe),
        liveness_probe: own.liveness_probe.map(probe),
        ..Container::default()
    }
}

fn requirements(requests: Resources) -> ResourceRequirements {
    ResourceRequirements { requests: Some(quantities(requests)), ..ResourceRequirements::default() }
}

fn port(number: u16, protocol: Protocol, host: Option<&HostPort>) -> ContainerPort {
    let protocol = match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    };
    ContainerPort {
        container_port: number.into(),
        protocol: Some(protocol.to_owned()),
        host_port: host.map(|host| host.port.into()),
        host_ip: host.map(|host| host.ip.clone()),
        name: None,
    }
}

fn pre_stop(hook: PreStop) -> LifecycleHandler {
    match hook {
        PreStop::Seconds(seconds) => LifecycleHandler {
            sleep: Some(SleepAction { seconds: seconds.into() }),
            ..LifecycleHandler::default()
        },
        PreStop::AtLeast(_) | PreStop::AnyTime => LifecycleHandler {
            exec: Some(ExecAction { command: Some(vec!["drain".to_owned()]) }),
            ..LifecycleHandler::default()
        },
    }
}

fn probe(own: scenario::Probe) -> Probe {
    let count = |count: u32| Some(i32::try_from(count).unwrap_or(i32::MAX));
    Probe {
        http_get: Some(HTTPGetAction { port: IntOrString::Int(8080), ..HTTPGetAction::default() }),
        initial_delay_seconds: count(own.initial_delay_seconds),
        period_seconds: count(own.period_seconds),
        timeout_seconds: count(own.timeout_seconds),
        success_threshold: count(own.success_threshold),
        failure_threshold: count(own.failure_threshold),
        ..Probe::default()
    }
}

fn affinity(template: &scenario::PodTemplate) -> Affinity {
    let required = |term: &scenario::NodeSelectorTerm| NodeSelectorTerm {
        match_expressions: Some(term.expressions.iter().map(node_requirement).collect()),
        match_fields: Some(term.fields.iter().map(node_requirement).collect()),
    };
    let selector = |terms: &Vec<scenario::NodeSelectorTerm>| NodeSelector {
        node_selector_terms: terms.iter().map(required).collect(),
    };
    Affinity {
        node_affinity: template.node_affinity.as_ref().map(|terms| NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(selector(terms)),
            ..NodeAffinity::default()
        }),
        pod_affinity: Some(PodAffinity {
            required_during_scheduling_ignored_during_execution: Some(terms(&template.pod_affinity)),
            ..PodAffinity::default()
        }),
        pod_anti_affinity: Some(PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(terms(&template.pod_anti_affinity)),
            ..PodAntiAffinity::default()
        }),
    }
}

fn node_requirement(own: &scenario::Requirement) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: own.key.clone(),
        operator: format!("{:?}", own.operator),
        values: Some(own.values.clone()),
    }
}

fn label_selector(own: &scenario::LabelSelector) -> LabelSelector {
    let requirement = |own: &scenario::Requirement| LabelSelectorRequirement {
        key: own.key.clone(),
        operator: format!("{:?}", own.operator),
        values: Some(own.values.clone()),
    };
    LabelSelector {
        match_labels: Some(own.labels.clone()),
        match_expressions: Some(own.expressions.iter().map(requirement).collect()),
    }
}

fn terms(terms: &[scenario::PodAffinityTerm]) -> Vec<PodAffinityTerm> {
    let term = |own: &scenario::PodAffinityTerm| PodAffinityTerm {
        topology_key: own.topology_key.clone(),
        label_selector: own.selector.as_ref().map(label_selector),
        namespaces: Some(own.namespaces.clone()),
        namespace_selector: own.all_namespaces.then(LabelSelector::default),
        match_label_keys: own.same_revision.then(|| vec![POD_TEMPLATE_HASH.to_owned()]),
        mismatch_label_keys: None,
    };
    terms.iter().map(term).collect()
}

fn spread(own: &scenario::SpreadConstraint) -> TopologySpreadConstraint {
    let policy = |honoured: bool| Some(if honoured { "Honor" } else { "Ignore" }.to_owned());
    TopologySpreadConstraint {
        max_skew: i32::try_from(own.max_skew).unwrap_or(i32::MAX),
        topology_key: own.topology_key.clone(),
        when_unsatisfiable: "DoNotSchedule".to_owned(),
        label_selector: own.selector.as_ref().map(label_selector),
        min_domains: Some(i32::try_from(own.min_domains).unwrap_or(i32::MAX)),
        node_affinity_policy: policy(own.honour_node_affinity),
        node_taints_policy: policy(own.honour_node_taints),
        match_label_keys: own.same_revision.then(|| vec![POD_TEMPLATE_HASH.to_owned()]),
    }
}

fn toleration(own: &scenario::Toleration) -> Toleration {
    Toleration {
        key: Some(own.key.clone()).filter(|key| !key.is_empty()),
        operator: Some(if own.exists { "Exists" } else { "Equal" }.to_owned()),
        value: Some(own.value.clone()).filter(|value| !value.is_empty()),
        effect: own.effect.map(|effect| format!("{effect:?}")),
        toleration_seconds: own.seconds.map(i64::from),
    }
}
