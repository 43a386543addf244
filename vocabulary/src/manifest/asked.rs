//! What readiness probes ask: in the model each succeeds exactly if its container accepts connections, which is not so of one that asks
//! something else.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::service::ParsedService;
use super::workload::Parsed;
use crate::scenario::Container;

/// The row of what is left out.
pub const ASKED: &str = "readiness that asks another port than the Service sends to";

/// What a readiness probe asks (S28 `pkg/kubelet/prober/prober.go` `runProbe`: exactly the handler that is named).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A port of the container.
    Port(u16),
    /// A command.
    Command,
}

/// What the readiness probe of each container asks, by its name.
pub fn asked(spec: &core::PodSpec) -> BTreeMap<String, Asked> {
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    all.filter_map(|container| Some((container.name.clone(), of(container)?))).collect()
}

fn of(container: &core::Container) -> Option<Asked> {
    let probe = container.readiness_probe.as_ref()?;
    let by_name = |name: &str| {
        let ports = container.ports.as_deref().unwrap_or_default();
        let port = ports.iter().find(|port| port.name.as_deref() == Some(name));
        // A number in quotes is one too (S28 `pkg/probe/util.go` `ResolveContainerPort`).
        port.map(|port| port.container_port).or_else(|| name.parse().ok())
    };
    let resolved = |port: &IntOrString| match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => by_name(name),
    };
    let http = probe.http_get.as_ref().map(|asked| resolved(&asked.port));
    let tcp = probe.tcp_socket.as_ref().map(|asked| resolved(&asked.port));
    let grpc = probe.grpc.as_ref().map(|asked| Some(asked.port));
    match http.or(tcp).or(grpc) {
        Some(port) => Some(Asked::Port(u16::try_from(port?).ok()?)),
        None => probe.exec.as_ref().map(|_| Asked::Command),
    }
}

/// What is to be said of the readiness of a container that a Service sends to, and that accepts connections only some time after its
/// start.
pub enum Late {
    /// Its probe asks another port, and may succeed before.
    Elsewhere(String),
    /// Its probe runs a command, of which it is assumed that it tells.
    Assumed(String),
}

/// Of a container that listens as soon as it starts it makes no difference what its probe asks.
pub fn late(own: &Parsed<'_>, serving: &Container, service: &ParsedService<'_>) -> Option<Late> {
    if serving.listens_after_seconds == 0 {
        return None;
    }
    let name = &serving.name;
    match own.asked.get(name)? {
        Asked::Port(port) if service.sends_to(serving, *port) => None,
        Asked::Port(port) => Some(Late::Elsewhere(format!(
            "the readiness probe of container {name} asks port {port}, to which {} sends nothing: the pod may be Ready before the \
             container accepts connections, {} s after its start, and what is sent to it is not decided",
            service.object.title(),
            serving.listens_after_seconds
        ))),
        Asked::Command => Some(Late::Assumed(format!(
            "the command that the readiness probe of container {name} runs succeeds exactly if the container accepts connections"
        ))),
    }
}
