//! The pod template, and pods of other workloads.

use arbitrary::{Result, Unstructured};
use podproof_vocabulary::catalogue;
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{
    Container, ContainerKind, ContainerPort, HostPort, Labels, Neighbour, OnSigterm, PodAffinityTerm,
    PodTemplate, PreStop, Probe, Protocol, Resources, RestartPolicy, SpreadConstraint, WorkloadKind,
};

use super::limits::{
    APP_CONTAINERS_MAX, INIT_CONTAINERS_MAX, NAMESPACES, SECONDS_MAX, TAINTS_MAX, TERMS_MAX, TOPOLOGY_KEYS,
};
use super::{nodes, one_in, one_of};

/// Changes the template of a workload on the nodes of the scenario, which are so many.
pub fn template(
    u: &mut Unstructured<'_>,
    template: &mut PodTemplate,
    kind: WorkloadKind,
    release: Release,
) -> Result<()> {
    template.labels = labels(u, "web")?;
    template.finalizer = one_in(u, 12)?;
    containers(u, template, release)?;
    template.grace_seconds = u.int_in_range(0..=SECONDS_MAX)?;
    if kind == WorkloadKind::Pod {
        // Nobody else may make pods with another policy.
        template.restart_policy =
            one_of(u, &[RestartPolicy::Always, RestartPolicy::OnFailure, RestartPolicy::Never])?;
    }
    // Only a Deployment's pods have the label that tells revisions apart.
    where_to(u, template, release, kind == WorkloadKind::Deployment)
}

fn labels(u: &mut Unstructured<'_>, app: &str) -> Result<Labels> {
    let mut labels = Labels::from([("app".to_owned(), app.to_owned())]);
    if u.arbitrary()? {
        labels.insert("tier".into(), one_of(u, &["front", "back"])?.into());
    }
    Ok(labels)
}

fn containers(u: &mut Unstructured<'_>, template: &mut PodTemplate, release: Release) -> Result<()> {
    let mut containers = Vec::new();
    if one_in(u, 3)? {
        for number in 0..u.int_in_range(1..=INIT_CONTAINERS_MAX)? {
            // Before native sidecars a sidecar is an init container that never ends.
            let sidecar = release.has_native_sidecars() && u.arbitrary()?;
            let kind = if sidecar { ContainerKind::Sidecar } else { ContainerKind::Init };
            containers.push(container(u, format!("init-{number}"), kind, release)?);
        }
    }
    template.serving = u8::try_from(containers.len()).unwrap_or(0);
    let apps = if one_in(u, 4)? { APP_CONTAINERS_MAX } else { 1 };
    for number in 0..apps {
        containers.push(container(u, format!("app-{number}"), ContainerKind::App, release)?);
    }
    template.containers = containers;
    Ok(())
}

fn container(
    u: &mut Unstructured<'_>,
    name: String,
    kind: ContainerKind,
    release: Release,
) -> Result<Container> {
    let mut container = Container { name, kind, ports: Vec::new(), ..catalogue::app() };
    if one_in(u, 3)? {
        let cpu_milli = one_of(u, &[0, 100, 400, 500, 600, 1000])?;
        container.requests = Resources { cpu_milli, memory: one_of(u, &[0, 1 << 30])?, pods: 0 };
    }
    if kind == ContainerKind::App || one_in(u, 4)? {
        let host = if one_in(u, 6)? { Some(host_port(u)?.1) } else { None };
        let port = host.as_ref().map_or(8080, |host| host.port);
        container.ports.push(ContainerPort { name: "http".into(), port, protocol: Protocol::Tcp, host });
    }
    // An init container has neither hooks nor probes.
    if kind != ContainerKind::Init {
        lively(u, &mut container, release)?;
    }
    Ok(container)
}

fn lively(u: &mut Unstructured<'_>, container: &mut Container, release: Release) -> Result<()> {
    if one_in(u, 4)? {
        let least = u32::from(!release.allows_zero_sleep());
        container.pre_stop = Some(match u.arbitrary()? {
            true => PreStop::AnyTime,
            false => PreStop::Seconds(u.int_in_range(least..=SECONDS_MAX)?),
        });
    }
    if one_in(u, 5)? {
        container.startup_probe = Some(probe(u, false)?);
    }
    if one_in(u, 3)? {
        container.readiness_probe = Some(probe(u, true)?);
    }
    if one_in(u, 5)? {
        container.liveness_probe = Some(probe(u, false)?);
    }
    let seconds = u.int_in_range(0..=SECONDS_MAX)?;
    container.on_sigterm = one_of(
        u,
        &[OnSigterm::Exit, OnSigterm::Drain(seconds), OnSigterm::Close(seconds), OnSigterm::Ignore],
    )?;
    container.listens_after_seconds = if one_in(u, 3)? { u.int_in_range(0..=SECONDS_MAX)? } else { 0 };
    Ok(())
}

/// Startup and liveness probes succeed with the first success.
fn probe(u: &mut Unstructured<'_>, of_readiness: bool) -> Result<Probe> {
    Ok(Probe {
        initial_delay_seconds: u.int_in_range(0..=2)?,
        period_seconds: u.int_in_range(1..=2)?,
        timeout_seconds: 1,
        success_threshold: if of_readiness { u.int_in_range(1..=2)? } else { 1 },
        failure_threshold: u.int_in_range(1..=3)?,
    })
}

fn where_to(
    u: &mut Unstructured<'_>,
    template: &mut PodTemplate,
    release: Release,
    has_hash: bool,
) -> Result<()> {
    if one_in(u, 6)? {
        template.node_selector = nodes::node_selector(u)?;
    }
    if one_in(u, 6)? {
        template.node_affinity = Some(nodes::node_affinity(u)?);
    }
    if one_in(u, 6)? {
        template.pod_affinity = terms(u, has_hash && release.has_match_label_keys_in_affinity())?;
    }
    if one_in(u, 4)? {
        template.pod_anti_affinity = terms(u, has_hash && release.has_match_label_keys_in_affinity())?;
    }
    if one_in(u, 4)? {
        template.spread = spread(u, has_hash && release.has_match_label_keys_in_spread())?;
    }
    for _ in 0..u.int_in_range(0..=TAINTS_MAX)? {
        let toleration = nodes::toleration(u)?;
        template.tolerations.push(toleration);
    }
    for _ in 0..2 {
        if one_in(u, 4)? {
            let own = nodes::health_toleration(u)?;
            // Admission adds none for a key that has one (TEC-6).
            template.tolerations.retain(|added| added.key != own.key);
            template.tolerations.push(own);
        }
    }
    Ok(())
}

fn terms(u: &mut Unstructured<'_>, keys: bool) -> Result<Vec<PodAffinityTerm>> {
    let mut terms = Vec::new();
    for _ in 0..u.int_in_range(1..=TERMS_MAX)? {
        let selector = nodes::pod_selector(u)?;
        terms.push(PodAffinityTerm {
            topology_key: one_of(u, &TOPOLOGY_KEYS)?.into(),
            namespaces: if one_in(u, 3)? { vec![one_of(u, &NAMESPACES)?.into()] } else { Vec::new() },
            all_namespaces: one_in(u, 4)?,
            // Keys without a selector are refused.
            same_revision: keys && selector.is_some() && one_in(u, 4)?,
            selector,
        });
    }
    Ok(terms)
}

fn spread(u: &mut Unstructured<'_>, keys: bool) -> Result<Vec<SpreadConstraint>> {
    let mut constraints: Vec<SpreadConstraint> = Vec::new();
    for _ in 0..u.int_in_range(1..=TERMS_MAX)? {
        let topology_key = one_of(u, &TOPOLOGY_KEYS)?;
        if constraints.iter().any(|other| other.topology_key == topology_key) {
            // One key with one whenUnsatisfiable appears once.
            continue;
        }
        let selector = nodes::pod_selector(u)?;
        constraints.push(SpreadConstraint {
            max_skew: u.int_in_range(1..=2)?,
            topology_key: topology_key.into(),
            min_domains: u.int_in_range(1..=3)?,
            honour_node_affinity: !one_in(u, 3)?,
            honour_node_taints: one_in(u, 3)?,
            same_revision: keys && selector.is_some() && one_in(u, 4)?,
            selector,
        });
    }
    Ok(constraints)
}

fn host_port(u: &mut Unstructured<'_>) -> Result<(Protocol, HostPort)> {
    let ip = one_of(u, &["0.0.0.0", "10.0.0.1", "10.0.0.2"])?.into();
    let protocol = one_of(u, &[Protocol::Tcp, Protocol::Tcp, Protocol::Udp])?;
    Ok((protocol, HostPort { port: one_of(u, &[80, 443])?, ip }))
}

/// A pod of another workload on one of so many nodes. Of each node, the host ports of its neighbours do not conflict.
pub fn neighbour(u: &mut Unstructured<'_>, number: usize, nodes: usize) -> Result<Neighbour> {
    let requests = if u.arbitrary()? {
        vec![(ContainerKind::App, Resources { cpu_milli: one_of(u, &[100, 500])?, memory: 0, pods: 0 })]
    } else {
        Vec::new()
    };
    let anti = if one_in(u, 3)? { terms(u, false)? } else { Vec::new() };
    Ok(Neighbour {
        name: format!("Deployment/db {number}"),
        namespace: one_of(u, &NAMESPACES)?.into(),
        labels: labels(u, "db")?,
        node: u8::try_from(u.choose_index(nodes)?).unwrap_or(0),
        requests,
        host_ports: if number == 0 && one_in(u, 4)? { vec![host_port(u)?] } else { Vec::new() },
        pod_anti_affinity: anti,
        tolerations: Vec::new(),
        is_bare: false,
        in_service: false,
        in_budget: false,
    })
}
