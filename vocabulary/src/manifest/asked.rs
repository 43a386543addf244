//! What the probes ask that a pod is Ready by: in the model each succeeds exactly if its container accepts connections, which is not so of one that asks
//! something else.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::service::ParsedService;
use super::workload::Parsed;

/// The row of what is left out.
pub const ASKED: &str = "readiness that asks another port than the Service sends to";

/// What a probe asks (S28 `pkg/kubelet/prober/prober.go` `runProbe`: exactly the handler that is named).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// A port of the container.
    Port(u16),
    /// A command.
    Command,
}

/// The probe that decides when a container is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    asks: Asks,
    /// What kind of probe it is.
    kind: &'static str,
}

/// What the probe of each container asks that decides when it is ready, by its name.
pub fn asked(spec: &core::PodSpec) -> BTreeMap<String, Asked> {
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    all.filter_map(|container| Some((container.name.clone(), of(container)?))).collect()
}

/// CND-9: without a readiness probe a container is ready once it has started, which its startup probe says, if it has one.
fn of(container: &core::Container) -> Option<Asked> {
    let readiness = container.readiness_probe.as_ref().map(|probe| ("readiness", probe));
    let startup = || container.startup_probe.as_ref().map(|probe| ("startup", probe));
    let (kind, probe) = readiness.or_else(startup)?;
    let by_name = |name: &str| {
        let ports = container.ports.as_deref().unwrap_or_default();
        ports.iter().find(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port)
    };
    let resolved = |port: &IntOrString| match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => by_name(name),
    };
    let http = probe.http_get.as_ref().map(|asked| resolved(&asked.port));
    let tcp = probe.tcp_socket.as_ref().map(|asked| resolved(&asked.port));
    let grpc = probe.grpc.as_ref().map(|asked| Some(asked.port));
    let asks = match http.or(tcp).or(grpc) {
        Some(port) => Asks::Port(u16::try_from(port?).ok()?),
        None => probe.exec.as_ref().map(|_| Asks::Command)?,
    };
    Some(Asked { asks, kind })
}

/// What is to be said of the readiness of a container that Services send to, and that accepts connections only some time after its start.
pub enum Late {
    /// Its probe asks another port, and may succeed before.
    Elsewhere(String),
    /// Its probe runs a command, of which it is assumed that it tells.
    Assumed(String),
}

/// Of a container that listens as soon as it starts it makes no difference what its probe asks. Else the probe has to ask every port that
/// some of the Services sends to.
pub fn late(own: &Parsed<'_>, serving: u8, services: &[&ParsedService<'_>]) -> Option<Late> {
    let containers = &own.workload.template.containers;
    let container = containers.get(usize::from(serving)).filter(|own| own.listens_after_seconds > 0)?;
    let (name, seconds) = (&container.name, container.listens_after_seconds);
    let Asked { asks, kind } = *own.asked.get(name)?;
    let port = match asks {
        Asks::Port(port) => port,
        Asks::Command => {
            return Some(Late::Assumed(format!(
                "the command that the {kind} probe of container {name} runs succeeds exactly if the container accepts connections"
            )));
        }
    };
    let not_asked = services.iter().find_map(|service| {
        let targets = service.targets_of(containers, serving);
        let other = *targets.iter().find(|&&target| target != port)?;
        let title = service.object.title();
        Some(match targets.contains(&port) {
            true => format!("{title} sends to port {other} too"),
            false => format!("to which {title} sends nothing"),
        })
    })?;
    Some(Late::Elsewhere(format!(
        "the {kind} probe of container {name} asks port {port}, {not_asked}: the pod may be Ready before the container accepts \
         connections, {seconds} s after its start, and what is sent to it is not decided"
    )))
}
