//! Services and PodDisruptionBudgets.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::container::{PROTOCOLS, port_number};
use super::cursor::{Cursor, Object};
use super::fields;
use super::names;
use super::pod::first_app;
use super::selector::label_selector;
use super::tree::quoted;
use super::workload::int_or_part;
use crate::release::Release;
use crate::scenario::{
    BudgetAsk, Container, ContainerKind, DisruptionBudget, IntOrPercent, LabelSelector, Labels, Protocol,
    Rounding, Service,
};

/// A Service of the input that selects pods.
pub struct ParsedService<'o> {
    /// Where it was read.
    pub object: &'o Object,
    /// It.
    pub service: Service,
    /// Its selector.
    pub selector: Labels,
    ports: Vec<(IntOrString, Protocol)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    ClusterIp,
    NodePort,
    LoadBalancer,
    ExternalName,
}

/// The label of a Service that another proxy than kube-proxy is for (S28 `pkg/proxy/apis/well_known_labels.go`).
const OTHER_PROXY: &str = "service.kubernetes.io/service-proxy-name";
/// The annotations by which the EndpointSlice controller writes hints, as trafficDistribution has it do (S28
/// `staging/src/k8s.io/api/core/v1/annotation_key_constants.go`).
const NEAREST: [&str; 2] =
    ["service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"];

/// What becomes of an endpoint that is published whatever its pod does.
pub const ENDED: &str = "published addresses of pods that have ended";

/// Reads a Service; none if it selects no pods by itself.
pub fn service<'o>(object: &'o Object, given: &core::Service, release: Release) -> Option<ParsedService<'o>> {
    let at = object.cursor().field("spec");
    let Some(spec) = &given.spec else {
        at.refuse("is missing", "the spec of a Service: selector and ports");
        return None;
    };
    let types = [
        ("ClusterIP", Type::ClusterIp),
        ("NodePort", Type::NodePort),
        ("LoadBalancer", Type::LoadBalancer),
        ("ExternalName", Type::ExternalName),
    ];
    let kind = at.field("type").one_of(spec.type_.as_deref(), &types, Type::ClusterIp);
    let policies = [("Cluster", false), ("Local", true)];
    let external_at = at.field("externalTrafficPolicy");
    let external_local = external_at.one_of(spec.external_traffic_policy.as_deref(), &policies, false);
    let internal_at = at.field("internalTrafficPolicy");
    let internal_local = internal_at.one_of(spec.internal_traffic_policy.as_deref(), &policies, false);
    let is_read = release.has_internal_traffic_policy();
    if internal_local && !is_read {
        internal_at.warn(format!("internalTrafficPolicy has no effect in Kubernetes {release}"));
    }
    let internal_local = internal_local && is_read;
    let affinities = [("ClientIP", ()), ("None", ())];
    at.field("sessionAffinity").one_of(spec.session_affinity.as_deref(), &affinities, ());
    let external = matches!(kind, Type::NodePort | Type::LoadBalancer);
    let has_external_ips = spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty());
    if external_at.is_set() && !external && !has_external_ips {
        external_at.refuse("is set", "this field only on a Service of type NodePort or LoadBalancer");
    }
    if kind == Type::LoadBalancer && external_local {
        external_at.warn(
            "the load balancer is taken to send connections to a node until the rules there name no endpoint of it any more; one whose \
             health check has passed over the node before, because no pod there is ready, spares the pods that end there what is \
             broken by them",
        );
    }
    let headless = spec.cluster_ip.as_deref() == Some("None");
    if headless && external {
        at.field("clusterIP")
            .refuse("is None", "no clusterIP: None on a Service of type NodePort or LoadBalancer");
    }
    if kind == Type::ExternalName {
        at.field("type").warn("a Service of type ExternalName has no endpoints and is not represented");
        return None;
    }
    let metadata = object.cursor().field("metadata");
    // S28 `cmd/kube-proxy/app/server.go`: kube-proxy watches only Services without the label.
    if given.metadata.labels.iter().any(|labels| labels.contains_key(OTHER_PROXY)) {
        let says = "kube-proxy programs no rules for a Service with this label, another proxy does: it is not represented";
        metadata.field("labels").field(OTHER_PROXY).warn(says);
        return None;
    }
    let annotations = given.metadata.annotations.iter().flatten();
    for (key, value) in annotations.filter(|(key, _)| NEAREST.contains(&key.as_str())) {
        if !value.eq_ignore_ascii_case("disabled") {
            let at = metadata.field("annotations").field(key);
            fields::note(&at, "Service.spec.trafficDistribution", &format!("annotation {key}"));
        }
    }
    let given_ports = spec.ports.as_deref().unwrap_or_default();
    if given_ports.is_empty() && !headless {
        at.field("ports").refuse("has no port", "at least one port, or clusterIP: None");
    }
    refuse_port_names(&at.field("ports"), given_ports);
    let ports = at.field("ports").items(given_ports).map(|(cursor, given)| port(&cursor, given)).collect();
    names::labels(&at.field("selector"), spec.selector.as_ref());
    let selector = spec.selector.clone().unwrap_or_default();
    if selector.is_empty() {
        at.warn("a Service without selector has endpoints that somebody else writes, and is not represented");
        return None;
    }
    let service = Service {
        name: object.name.clone(),
        publish_not_ready_addresses: spec.publish_not_ready_addresses == Some(true),
        internal_local,
        external_local: external && external_local,
        external,
        headless,
    };
    Some(ParsedService { object, service, selector, ports })
}

/// Refuses ports that cannot be told apart (S28 `validateServicePort`, `ValidateService`).
fn refuse_port_names(cursor: &Cursor<'_>, given: &[core::ServicePort]) {
    let (mut known, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (cursor, port) in cursor.items(given) {
        let at = cursor.field("name");
        match port.name.as_deref().unwrap_or_default() {
            "" if given.len() > 1 => at.refuse("is missing", "a name, as the Service has several ports"),
            "" => {}
            name if !names::is_label(name) => at.refuse(format!("is {}", quoted(name)), names::LABEL),
            name if !known.insert(name) => {
                at.refuse(format!("{} is the name of two ports", quoted(name)), "each name once");
            }
            _ => {}
        }
        let protocol = port.protocol.as_deref().filter(|name| !name.is_empty()).unwrap_or("TCP");
        if !numbers.insert((protocol, port.port)) {
            let says = format!("{protocol} port {} stands twice", port.port);
            cursor.field("port").refuse(says, "each port once for each protocol");
        }
    }
}

fn port(cursor: &Cursor<'_>, given: &core::ServicePort) -> (IntOrString, Protocol) {
    let port = port_number(&cursor.field("port"), given.port);
    let protocol = cursor.field("protocol").one_of(given.protocol.as_deref(), PROTOCOLS, Protocol::Tcp);
    let target = match &given.target_port {
        Some(IntOrString::Int(0)) | None => IntOrString::Int(port.into()),
        Some(IntOrString::String(name)) if name.is_empty() => IntOrString::Int(port.into()),
        Some(IntOrString::Int(number)) => {
            IntOrString::Int(port_number(&cursor.field("targetPort"), *number).into())
        }
        Some(IntOrString::String(name)) => {
            names::port(&cursor.field("targetPort"), name);
            IntOrString::String(name.clone())
        }
    };
    (target, protocol)
}

/// The TCP port of a container that a target port is.
fn number_of(container: &Container, target: &IntOrString) -> Option<u16> {
    match target {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(name) => {
            let mut tcp = container.ports.iter().filter(|port| port.protocol == Protocol::Tcp);
            tcp.find(|port| port.name == *name).map(|port| port.port)
        }
    }
}

impl ParsedService<'_> {
    /// Does it select pods with these labels, in this namespace?
    pub fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        self.object.namespace == namespace
            && self.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    /// The TCP port of a container that the Service sends to, if it says which.
    pub fn target_of(&self, container: &Container) -> Option<u16> {
        let tcp = self.ports.iter().filter(|(_, protocol)| *protocol == Protocol::Tcp);
        let numbers: Vec<u16> = tcp.filter_map(|(target, _)| number_of(container, target)).collect();
        let is_own = |number: &&u16| container.ports.iter().any(|port| port.port == **number);
        numbers.iter().find(is_own).or(numbers.first()).copied()
    }

    /// The TCP ports of a container that it sends to: its own, and of those that no container declares the ones that it is taken to
    /// listen on. A Service of other protocols alone has none.
    pub fn targets_of(&self, containers: &[Container], serving: u8) -> BTreeSet<u16> {
        let takes_undeclared = self.serving(containers).0.first() == Some(&serving);
        let tcp = self.ports.iter().filter(|(_, protocol)| *protocol == Protocol::Tcp);
        let is_own = |target: &IntOrString| match owner(containers, target, Protocol::Tcp) {
            Some(owner) => owner == serving,
            None => takes_undeclared,
        };
        let own = tcp.filter(|(target, _)| is_own(target));
        own.filter_map(|(target, _)| number_of(containers.get(usize::from(serving))?, target)).collect()
    }

    /// The containers that own a target port, each once, else the first app container, with what was assumed (S28
    /// `pkg/api/v1/pod` `FindPort`: a name is looked up, a number is taken as it is). None if all ports ask for names that
    /// no container has: then the Service sends nothing to these pods.
    pub fn serving(&self, containers: &[Container]) -> (Vec<u8>, Vec<String>) {
        let name = &self.service.name;
        let mut says = Vec::new();
        let (mut owners, mut undeclared) = (Vec::new(), Vec::new());
        for (target, protocol) in &self.ports {
            match (owner(containers, target, *protocol), target) {
                (Some(owner), _) if owners.contains(&owner) => {}
                (Some(owner), _) => owners.push(owner),
                (None, IntOrString::String(port)) => {
                    says.push(format!("Service/{name}: no container has a port named {}, so that this port has no endpoints", quoted(port)));
                }
                (None, IntOrString::Int(port)) => undeclared.push(*port),
            }
        }
        if owners.is_empty() && undeclared.is_empty() && !self.ports.is_empty() {
            says.push(format!(
                "Service/{name}: it sends no connection to these pods, and no promise is judged for it"
            ));
            return (Vec::new(), says);
        }
        let declares_none = owners.is_empty();
        if declares_none {
            owners.push(first_app(containers));
        }
        let serving = containers.get(usize::from(owners[0]));
        says.extend(
            serving.and_then(|serving| self.undeclared(containers, serving, declares_none, &undeclared)),
        );
        (owners, says)
    }

    /// What is assumed of target ports that no container declares.
    fn undeclared(
        &self,
        containers: &[Container],
        serving: &Container,
        declares_none: bool,
        ports: &[i32],
    ) -> Option<String> {
        let (name, serving_name) = (&self.service.name, &serving.name);
        match (declares_none, containers.len()) {
            (true, 1) => (!serving.ports.is_empty()).then(|| {
                format!("Service/{name}: '{serving_name}' declares no port that is its target port, and is taken to listen on it")
            }),
            (true, _) => Some(format!(
                "Service/{name}: no container declares its target port; the first, '{serving_name}', is taken to serve it"
            )),
            (false, _) => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                (containers.len() > 1 && !ports.is_empty()).then(|| {
                    format!(
                        "Service/{name}: no container declares its target port {}; '{serving_name}' is taken to serve it",
                        ports.join(", ")
                    )
                })
            }
        }
    }
}

/// The container that owns a target port; init containers that end serve nobody.
fn owner(containers: &[Container], target: &IntOrString, protocol: Protocol) -> Option<u8> {
    let owns = |container: &Container| {
        container.ports.iter().any(|port| {
            port.protocol == protocol
                && match target {
                    IntOrString::Int(number) => i32::from(port.port) == *number,
                    IntOrString::String(name) => port.name == *name,
                }
        })
    };
    let of_kind = |kind: ContainerKind| {
        containers.iter().position(|container| container.kind == kind && owns(container))
    };
    let index = of_kind(ContainerKind::App).or_else(|| of_kind(ContainerKind::Sidecar))?;
    u8::try_from(index).ok()
}

/// A PodDisruptionBudget of the input.
pub struct ParsedBudget<'o> {
    /// Where it was read.
    pub object: &'o Object,
    /// It, as the manifest has it.
    pub budget: DisruptionBudget,
    /// Its selector; none selects nothing.
    pub selector: Option<LabelSelector>,
}

/// Reads a PodDisruptionBudget (S28 `ValidatePodDisruptionBudgetSpec`).
pub fn budget<'o>(
    object: &'o Object,
    given: &policy::PodDisruptionBudget,
    release: Release,
) -> Option<ParsedBudget<'o>> {
    let at = object.cursor().field("spec");
    let Some(spec) = &given.spec else {
        at.refuse(
            "is missing",
            "the spec of a PodDisruptionBudget: selector, and minAvailable or maxUnavailable",
        );
        return None;
    };
    let least = spec.min_available.as_ref().map(|given| int_or_part(&at.field("minAvailable"), given));
    let most = spec.max_unavailable.as_ref().map(|given| int_or_part(&at.field("maxUnavailable"), given));
    let ask = match (least, most) {
        (Some(_), Some(_)) => {
            at.field("maxUnavailable").refuse("is set beside minAvailable", "one of the two");
            return None;
        }
        (None, Some(most)) => BudgetAsk::MaxUnavailable(most),
        (Some(least), None) => BudgetAsk::MinAvailable(least),
        // Neither expects no pod, and then none may be disrupted (PDB-4).
        (None, None) => {
            at.warn(
                "a PodDisruptionBudget with neither minAvailable nor maxUnavailable allows no eviction: it is read as one with maxUnavailable: 0",
            );
            BudgetAsk::MaxUnavailable(IntOrPercent::Int(0))
        }
    };
    let policy_at = at.field("unhealthyPodEvictionPolicy");
    let policies = [("IfHealthyBudget", false), ("AlwaysAllow", true)];
    let always_allow_unhealthy =
        policy_at.one_of(spec.unhealthy_pod_eviction_policy.as_deref(), &policies, false);
    if always_allow_unhealthy && !release.has_unhealthy_pod_eviction_policy() {
        policy_at.warn(format!("unhealthyPodEvictionPolicy has no effect in Kubernetes {release}"));
    }
    // S28 `staging/src/k8s.io/api/policy/v1beta1/types.go`: there an empty selector selects no pods, and in v1 all of them.
    let is_empty = |given: &meta::LabelSelector| {
        given.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && given.match_expressions.as_ref().is_none_or(Vec::is_empty)
    };
    let of_old = object.api_version == "policy/v1beta1";
    let given = spec.selector.as_ref().filter(|given| !(of_old && is_empty(given)));
    let selector = given.map(|given| label_selector(&at.field("selector"), given));
    if selector.is_none() {
        let which = if of_old {
            "with an empty selector in policy/v1beta1, or without one,"
        } else {
            "without selector"
        };
        at.warn(format!("a PodDisruptionBudget {which} selects no pods"));
    }
    Some(ParsedBudget {
        object,
        budget: DisruptionBudget { name: object.name.clone(), ask, always_allow_unhealthy },
        selector,
    })
}

impl ParsedBudget<'_> {
    /// It at the size that is checked, with what was assumed: as many disruptions stay allowed as the manifest allows. Where it leaves some
    /// pods of the workload, of which there are these in the manifest and in the check, one of those that are checked stays.
    pub fn scaled(
        &self,
        manifest_pods: u32,
        checked_pods: u32,
        (own_manifest, own_checked): (u32, u32),
    ) -> (DisruptionBudget, Option<String>) {
        let name = &self.budget.name;
        if checked_pods >= manifest_pods {
            return (self.budget.clone(), None);
        }
        let (ask, says) = match self.budget.ask {
            BudgetAsk::MinAvailable(IntOrPercent::Int(least)) => {
                let exactly = (i64::from(least) - i64::from(manifest_pods) + i64::from(checked_pods)).max(0);
                let exactly = u32::try_from(exactly).unwrap_or(u32::MAX);
                let says = format!(
                    "minAvailable {least} of {manifest_pods} pods is checked as {exactly} of {checked_pods}: as many may be disrupted"
                );
                (BudgetAsk::MinAvailable(IntOrPercent::Int(exactly)), says)
            }
            BudgetAsk::MaxUnavailable(IntOrPercent::Int(most)) => {
                (self.budget.ask, format!("maxUnavailable is the number {most}, and kept as it is"))
            }
            BudgetAsk::MinAvailable(part) => {
                let least = part.of(checked_pods, Rounding::Up);
                let allowed = manifest_pods.saturating_sub(part.of(manifest_pods, Rounding::Up));
                if least >= checked_pods && allowed > 0 {
                    // Kept as it is it would forbid what the manifest allows, and nothing would be drained.
                    let scaled = checked_pods.saturating_sub(1);
                    let says = format!(
                        "minAvailable is checked as {scaled} of {checked_pods}: the same percentage would allow no \
                         disruption, and {manifest_pods} pods allow {allowed}"
                    );
                    (BudgetAsk::MinAvailable(IntOrPercent::Int(scaled)), says)
                } else {
                    let says = format!(
                        "minAvailable recomputed from the same percentage: {least} of {checked_pods}"
                    );
                    (self.budget.ask, says)
                }
            }
            BudgetAsk::MaxUnavailable(part) => {
                let most = part.of(checked_pods, Rounding::Up);
                (
                    self.budget.ask,
                    format!("maxUnavailable recomputed from the same percentage: {most} of {checked_pods}"),
                )
            }
        };
        let spares_one = own_checked > 1
            && self.budget.ask.disruptions_allowed(manifest_pods) < own_manifest
            && ask.disruptions_allowed(checked_pods) >= own_checked;
        let (ask, says) = match (ask, own_checked.saturating_sub(1)) {
            (BudgetAsk::MinAvailable(_), most) if spares_one => {
                let least = checked_pods.saturating_sub(most);
                let says = format!("minAvailable is checked as {least} of {checked_pods}");
                (BudgetAsk::MinAvailable(IntOrPercent::Int(least)), says)
            }
            (BudgetAsk::MaxUnavailable(_), most) if spares_one => {
                let says = format!("maxUnavailable is checked as {most} of {checked_pods}");
                (BudgetAsk::MaxUnavailable(IntOrPercent::Int(most)), says)
            }
            _ => (ask, says),
        };
        let why = match spares_one {
            true => format!(": of {own_manifest} pods some always stay, and so does one of {own_checked}"),
            false => String::new(),
        };
        (
            DisruptionBudget { ask, ..self.budget.clone() },
            Some(format!("PodDisruptionBudget/{name}: {says}{why}")),
        )
    }
}
