//! What a pod asks for (FIT-1 to FIT-5), and its host ports (FLT-4). The kubelet's admission counts the same way.

use k8s_openapi::api::core::v1::{Container, Pod};
use podproof_vocabulary::Release;

use crate::api::quantity::Amounts;
use crate::slip::{Slip, Slips};

/// The resources that a pod requests: what its app containers and sidecars need together, or what any init container needs
/// beside the sidecars before it, whichever is more; and the overhead.
pub fn requests_of(pod: &Pod, release: Release, slips: Slips) -> Amounts {
    let Some(spec) = &pod.spec else { return Amounts::default() };
    let mut app = Amounts::default();
    spec.containers.iter().for_each(|container| app.add(&container_requests(container)));
    let (mut sidecars, mut highest) = (Amounts::default(), Amounts::default());
    for container in spec.init_containers.iter().flatten() {
        let own = container_requests(container);
        if is_sidecar(container) && !slips.has(Slip::SidecarsNotCounted) {
            // FIT-2: for a sidecar, the running sum itself.
            sidecars.add(&own);
            highest.raise_to(&sidecars);
        } else {
            let mut together = own;
            together.add(&sidecars);
            highest.raise_to(&together);
        }
    }
    // FIT-1
    app.add(&sidecars);
    // FIT-3
    app.raise_to(&highest);
    // FIT-4: what the pod asks for as a whole takes the place of the sum, from 1.34 on; the overhead comes on top of either.
    if release.minor >= 34
        && let Some(whole) = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref())
    {
        let mut supported = whole.clone();
        supported.retain(|name, _| may_be_asked_for_as_a_whole(name));
        app.replace_with(&Amounts::of(Some(&supported)));
    }
    app.add(&Amounts::of(spec.overhead.as_ref()));
    app
}

/// FIT-4: only these may stand in `spec.resources` of a pod (component-helpers `resource/helpers.go` `IsSupportedPodLevelResource`).
fn may_be_asked_for_as_a_whole(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// Is this init container a sidecar?
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn container_requests(container: &Container) -> Amounts {
    let resources = container.resources.as_ref();
    // A limit without a request is the request too, by defaulting.
    let mut amounts = Amounts::of(resources.and_then(|resources| resources.limits.as_ref()));
    amounts.replace_with(&Amounts::of(resources.and_then(|resources| resources.requests.as_ref())));
    amounts
}

/// A port of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    ip: String,
    protocol: String,
    port: i32,
}

impl HostPort {
    /// Do the two exclude each other: the same port and protocol, on the same address or with either on all (FLT-4).
    pub fn conflicts_with(&self, other: &Self, slips: Slips) -> bool {
        let counts = !slips.has(Slip::PortOnAllAddressesIsFree);
        let all = |ip: &str| counts && (ip.is_empty() || ip == "0.0.0.0");
        let same_address = self.ip == other.ip || all(&self.ip) || all(&other.ip);
        same_address && self.protocol == other.protocol && self.port == other.port
    }
}

/// The ports of the host that a pod asks for. From 1.34 on those of sidecars count too (FLT-4, kubernetes/kubernetes#132040; in patches
/// of 1.33, but a release is named without its patch).
pub fn host_ports_of(pod: &Pod, release: Release) -> Vec<HostPort> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let counts = |container: &&Container| release.counts_host_ports_of_sidecars() && is_sidecar(container);
    let sidecars = spec.init_containers.iter().flatten().filter(counts);
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    let wanted = ports.filter(|port| port.host_port.is_some_and(|port| port > 0));
    wanted
        .map(|port| HostPort {
            ip: port.host_ip.clone().unwrap_or_default(),
            protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
            port: port.host_port.unwrap_or(0),
        })
        .collect()
}
