//! Containers: their kind, ports and requests.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::cursor::Cursor;
use super::pod::Behaviour;
use super::tree::quoted;
use super::{fields, lifecycle, names, probe, quantity};
use crate::release::Release;
use crate::scenario::limits::CONTAINERS_MAX;
use crate::scenario::{Container, ContainerKind, ContainerPort, HostPort, Protocol, Resources};

/// The names of protocols.
pub const PROTOCOLS: &[(&str, Protocol)] =
    &[("TCP", Protocol::Tcp), ("UDP", Protocol::Udp), ("SCTP", Protocol::Sctp)];

/// What a container needs to know of its pod.
pub struct PodFacts {
    /// The release.
    pub release: Release,
    /// `terminationGracePeriodSeconds`, as it is written: also below zero.
    pub written_grace_seconds: i64,
    /// `hostNetwork`.
    pub host_network: bool,
    /// What no manifest says of its processes.
    pub behaviour: Behaviour,
}

/// Reads the init containers and sidecars in their order, then the app containers in theirs.
pub fn containers(cursor: &Cursor<'_>, spec: &core::PodSpec, pod: &PodFacts) -> Vec<Container> {
    let (init_at, apps_at) = (cursor.field("initContainers"), cursor.field("containers"));
    let init = spec.init_containers.as_deref().unwrap_or_default();
    if spec.containers.is_empty() {
        apps_at.refuse("has no container", "at least one container");
    }
    let count = init.len() + spec.containers.len();
    if count > CONTAINERS_MAX {
        apps_at.refuse(
            format!("a pod of {count} containers"),
            format!("at most {CONTAINERS_MAX} containers in a pod, init containers counted"),
        );
    }
    // Init containers run one after the other, app containers at once.
    for (cursor, given) in init_at.items(init) {
        refuse_host_port_twice([(cursor, given)].into_iter(), pod.host_network);
    }
    refuse_host_port_twice(apps_at.items(&spec.containers), pod.host_network);
    let mut known = BTreeSet::new();
    let mut read = |cursor: &Cursor<'_>, given: &core::Container, kind| {
        if given.name.is_empty() {
            cursor.field("name").refuse("is missing", "a name");
        } else if !names::is_label(&given.name) {
            cursor.field("name").refuse(format!("is {}", quoted(&given.name)), names::LABEL);
        } else if !known.insert(given.name.clone()) {
            cursor.field("name").refuse(
                format!("'{}' is the name of two containers of the pod", given.name),
                "each name once",
            );
        }
        refuse_image(&cursor.field("image"), given.image.as_deref());
        container(cursor, given, kind, pod)
    };
    let mut result = Vec::with_capacity(count);
    for (cursor, given) in init_at.items(init) {
        let kind = init_kind(&cursor, given, pod.release);
        result.push(read(&cursor, given, kind));
    }
    for (cursor, given) in apps_at.items(&spec.containers) {
        result.push(read(&cursor, given, ContainerKind::App));
    }
    result
}

/// Refuses an image that is not named, or that white space stands around (S28 `validateContainerCommon`,
/// `validateContainersOnlyForPod`).
fn refuse_image(cursor: &Cursor<'_>, given: Option<&str>) {
    const ACCEPTED: &str = "the name of an image, such as registry.example/web:1.0";
    match given {
        None => cursor.refuse("is missing", ACCEPTED),
        Some("") => cursor.refuse("is empty", ACCEPTED),
        Some(image) if image != image.trim() => cursor.refuse(format!("is {}", quoted(image)), ACCEPTED),
        Some(_) => {}
    }
}

/// Refuses a port of the host that two ports of `containers` want (S28 `AccumulateUniqueHostPorts`, which takes addresses
/// as they are written). With `hostNetwork`, every port is one of the host (`SetDefaults_PodSpec`).
fn refuse_host_port_twice<'o, 'v>(
    containers: impl Iterator<Item = (Cursor<'o>, &'v core::Container)>,
    host_network: bool,
) {
    let mut seen = BTreeSet::new();
    for (cursor, container) in containers {
        for (cursor, port) in cursor.field("ports").items(container.ports.as_deref().unwrap_or_default()) {
            let own = port.host_port.filter(|&port| port != 0);
            let Some(host) = own.or(host_network.then_some(port.container_port)) else { continue };
            let protocol = port.protocol.as_deref().filter(|name| !name.is_empty()).unwrap_or("TCP");
            if !seen.insert((protocol, port.host_ip.as_deref().unwrap_or_default(), host)) {
                let field = if own.is_some() { "hostPort" } else { "containerPort" };
                let says = format!("{protocol} port {host} of the host stands twice in the pod");
                cursor.field(field).refuse(says, "each port of the host once for each protocol and address");
            }
        }
    }
}

/// CPA-8: `restartPolicy: Always` makes an init container a sidecar.
fn init_kind(cursor: &Cursor<'_>, given: &core::Container, release: Release) -> ContainerKind {
    let at = cursor.field("restartPolicy");
    let policies = [
        ("Always", ContainerKind::Sidecar),
        ("OnFailure", ContainerKind::Init),
        ("Never", ContainerKind::Init),
    ];
    let kind = at.one_of(given.restart_policy.as_deref(), &policies, ContainerKind::Init);
    if kind == ContainerKind::Sidecar && !release.has_native_sidecars() {
        at.warn(format!(
            "Kubernetes {release} drops the field: sidecar '{}' is an init container that never ends",
            given.name
        ));
    } else if kind == ContainerKind::Init && at.is_set() {
        at.warn(format!(
            "a restartPolicy of its own is not represented; init container '{}' has that of its pod",
            given.name
        ));
    }
    kind
}

fn container(cursor: &Cursor<'_>, given: &core::Container, kind: ContainerKind, pod: &PodFacts) -> Container {
    if kind == ContainerKind::Init {
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if cursor.field(field).is_set() {
                cursor.field(field).refuse(
                    "is set on an init container that is no sidecar",
                    "no such field, or restartPolicy: Always beside it",
                );
            }
        }
    } else if kind == ContainerKind::App {
        let policies = [("Always", ()), ("OnFailure", ()), ("Never", ())];
        cursor.field("restartPolicy").one_of(given.restart_policy.as_deref(), &policies, ());
    }
    // Left out of the model, and refused all the same where the API server refuses them (S28 `validateContainers`).
    let pulls = [("Always", ()), ("IfNotPresent", ()), ("Never", ())];
    cursor.field("imagePullPolicy").one_of(given.image_pull_policy.as_deref(), &pulls, ());
    let messages = [("File", ()), ("FallbackToLogsOnError", ())];
    cursor.field("terminationMessagePolicy").one_of(
        given.termination_message_policy.as_deref(),
        &messages,
        (),
    );
    Container {
        name: given.name.clone(),
        kind,
        requests: requests(&cursor.field("resources"), given.resources.as_ref()),
        ports: ports(&cursor.field("ports"), given.ports.as_deref().unwrap_or_default(), pod.host_network),
        pre_stop: lifecycle::pre_stop(cursor, given.lifecycle.as_ref(), pod),
        startup_probe: probe::probe(
            &cursor.field("startupProbe"),
            given.startup_probe.as_ref(),
            probe::Use::Startup,
            given,
        ),
        readiness_probe: probe::probe(
            &cursor.field("readinessProbe"),
            given.readiness_probe.as_ref(),
            probe::Use::Readiness,
            given,
        ),
        liveness_probe: probe::probe(
            &cursor.field("livenessProbe"),
            given.liveness_probe.as_ref(),
            probe::Use::Liveness,
            given,
        ),
        on_sigterm: pod.behaviour.on_sigterm,
        listens_after_seconds: if kind == ContainerKind::Init {
            0
        } else {
            pod.behaviour.listens_after_seconds
        },
    }
}

/// A port from 1 to 65535.
pub fn port_number(cursor: &Cursor<'_>, value: i32) -> u16 {
    match u16::try_from(value) {
        Ok(port) if port > 0 => port,
        _ => {
            cursor.refuse(format!("is {value}"), "a port from 1 to 65535");
            1
        }
    }
}

fn ports(cursor: &Cursor<'_>, given: &[core::ContainerPort], host_network: bool) -> Vec<ContainerPort> {
    let mut named = BTreeSet::new();
    let read = |(cursor, given): (Cursor<'_>, &core::ContainerPort)| {
        if let Some(name) = given.name.as_ref().filter(|name| !name.is_empty()) {
            names::port(&cursor.field("name"), name);
            if !named.insert(name.clone()) {
                let says = format!("'{name}' is the name of two ports of the container");
                cursor.field("name").refuse(says, "each name once");
            }
        }
        let port = port_number(&cursor.field("containerPort"), given.container_port);
        let host = given
            .host_port
            .filter(|&port| port != 0)
            .map(|port| port_number(&cursor.field("hostPort"), port));
        if host_network && host.is_some_and(|host| host != port) {
            cursor.field("hostPort").refuse(
                format!("differs from containerPort {port}"),
                "the same port, as the pod has hostNetwork: true",
            );
        }
        // FLT-4: a pod of the host's network holds its container ports on the node.
        let host = host.or(host_network.then_some(port));
        let ip = given.host_ip.clone().filter(|ip| !ip.is_empty()).unwrap_or_else(|| "0.0.0.0".into());
        ContainerPort {
            name: given.name.clone().unwrap_or_default(),
            port,
            protocol: cursor.field("protocol").one_of(given.protocol.as_deref(), PROTOCOLS, Protocol::Tcp),
            host: host.map(|port| HostPort { port, ip }),
        }
    };
    cursor.items(given).map(read).collect()
}

/// The amount of one resource, as it is read for its name.
fn amount(cursor: &Cursor<'_>, name: &str, given: &Quantity) -> Option<u64> {
    let read = if name == "cpu" { quantity::milli } else { quantity::units };
    read(&given.0).map_err(|says| cursor.refuse(says, quantity::ACCEPTED)).ok()
}

/// Amounts of `cpu`, `memory` and `pods`; other resources are noted as left out.
pub fn amounts(
    cursor: &Cursor<'_>,
    given: Option<&BTreeMap<String, Quantity>>,
    pods: bool,
) -> BTreeMap<String, u64> {
    let mut result = BTreeMap::new();
    for (name, given) in given.into_iter().flatten() {
        let at = cursor.field(name);
        if matches!(name.as_str(), "cpu" | "memory") || (pods && name == "pods") {
            result.extend(amount(&at, name, given).map(|amount| (name.clone(), amount)));
        } else {
            fields::note(&at, fields::OTHER_RESOURCES, &format!("resource '{name}'"));
        }
    }
    result
}

/// What a container asks for: its requests, and where it has none, its limits (`SetDefaults_Pod`).
fn requests(cursor: &Cursor<'_>, given: Option<&core::ResourceRequirements>) -> Resources {
    let (requests_at, limits_at) = (cursor.field("requests"), cursor.field("limits"));
    let requests = amounts(&requests_at, given.and_then(|given| given.requests.as_ref()), false);
    let limits = amounts(&limits_at, given.and_then(|given| given.limits.as_ref()), false);
    for (name, request) in &requests {
        if limits.get(name).is_some_and(|limit| limit < request) {
            requests_at
                .field(name)
                .refuse("is more than the limit", format!("at most what limits.{name} says"));
        }
    }
    let of = |name: &str| requests.get(name).or_else(|| limits.get(name)).copied().unwrap_or(0);
    Resources { cpu_milli: of("cpu"), memory: of("memory"), pods: 0 }
}
