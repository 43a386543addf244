//! Pod templates, and what annotations say of a pod's processes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::Options;
use super::affinity::{Surroundings, node_affinity, pod_affinity, spread};
use super::autoscaler::Autoscalers;
use super::container::{PodFacts, containers};
use super::cursor::Cursor;
use super::names;
use super::selector::TEMPLATE_HASH;
use super::suggest::nearest;
use super::toleration::tolerations;
use super::tree::quoted;
use super::volumes;
use crate::scenario::limits::DAY_SECONDS;
use crate::scenario::{ContainerKind, Labels, OnSigterm, PodTemplate, RestartPolicy, WorkloadKind};

/// The annotation that says what the processes of a pod do on SIGTERM.
pub const ON_SIGTERM: &str = "podproof.io/on-sigterm";
/// The annotation that says how many seconds after their start they accept connections.
pub const LISTENS_AFTER: &str = "podproof.io/listens-after";
/// `terminationGracePeriodSeconds` of a pod that does not say it.
const DEFAULT_GRACE: u32 = 30;
const PREFIX: &str = "podproof.io/";

/// What no manifest says of a pod's processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// What they do on SIGTERM.
    pub on_sigterm: OnSigterm,
    /// Seconds from their start until they accept connections.
    pub listens_after_seconds: u32,
}

/// What a pod template is read with.
pub struct Context<'c> {
    /// How the caller wants it.
    pub options: &'c Options,
    /// All namespaces of the input, with their labels.
    pub namespaces: &'c BTreeMap<String, Labels>,
    /// Who sets the replicas of workloads.
    pub autoscalers: &'c Autoscalers<'c>,
}

/// Refuses annotations of ours on an object whose pods they cannot reach.
pub fn refuse_annotations(cursor: &Cursor<'_>, metadata: &meta::ObjectMeta) {
    for key in metadata.annotations.iter().flat_map(|annotations| annotations.keys()) {
        if key.starts_with(PREFIX) {
            cursor.at("metadata.annotations").field(key).refuse(
                "has no effect here",
                "this annotation on the pod template: spec.template.metadata.annotations",
            );
        }
    }
}

/// What the annotations in `metadata` say of the processes; `cursor` is whatever has this metadata.
pub fn behaviour_annotations(
    cursor: &Cursor<'_>,
    metadata: &meta::ObjectMeta,
) -> (Option<OnSigterm>, Option<u32>) {
    let at = cursor.at("metadata.annotations");
    let annotations = metadata.annotations.clone().unwrap_or_default();
    for key in annotations.keys().filter(|key| key.starts_with(PREFIX)) {
        let names = [ON_SIGTERM, LISTENS_AFTER];
        if !names.contains(&key.as_str()) {
            let near = nearest(key, names.into_iter())
                .map(|near| format!("; did you mean '{near}'?"))
                .unwrap_or_default();
            at.field(key)
                .refuse(format!("{} is no annotation of podproof{near}", quoted(key)), names.join(" or "));
        }
    }
    let on_sigterm = annotations.get(ON_SIGTERM).and_then(|text| {
        let refuse = |_| {
            at.field(ON_SIGTERM).refuse(
                format!("is {}", quoted(text)),
                "exit, drain=SECONDS, close=SECONDS (0 to 86400) or ignore",
            );
        };
        text.parse::<OnSigterm>().map_err(refuse).ok()
    });
    let listens_after = annotations.get(LISTENS_AFTER).and_then(|text| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = text.parse::<u32>().ok().filter(|&seconds| is_number && seconds <= DAY_SECONDS);
        if seconds.is_none() {
            at.field(LISTENS_AFTER).refuse(
                format!("is {}", quoted(text)),
                "seconds as a whole number from 0 to 86400, in quotes",
            );
        }
        seconds
    });
    (on_sigterm, listens_after)
}

/// What the annotations or the options say of the processes, with an assumption for each.
fn behaviour(
    cursor: &Cursor<'_>,
    metadata: &meta::ObjectMeta,
    options: &Options,
    spec: &core::PodSpec,
) -> (Behaviour, Vec<String>) {
    let (on_sigterm, listens_after) = behaviour_annotations(cursor, metadata);
    let source = |name: &str, by_flag: bool, by_annotation: bool| match (by_flag, by_annotation) {
        (true, _) => "set on the command line".to_owned(),
        (false, true) => format!("annotation {name}"),
        (false, false) => format!("annotation {name} not set"),
    };
    let read = Behaviour {
        on_sigterm: options.on_sigterm.or(on_sigterm).unwrap_or_default(),
        listens_after_seconds: options.listens_after_seconds.or(listens_after).unwrap_or(0),
    };
    let inits = spec.init_containers.iter().flatten();
    let (sidecars, once): (Vec<_>, Vec<_>) =
        inits.partition(|container| container.restart_policy.as_deref() == Some("Always"));
    let lasting = sidecars.into_iter().chain(&spec.containers);
    let names: Vec<_> = lasting.map(|container| format!("'{}'", container.name)).collect();
    let (who, several) = match names.as_slice() {
        [one] => (format!("container {one}"), false),
        _ => (format!("containers {}", names.join(", ")), true),
    };
    let verb = |one: &str, many: &str| if several { many.to_owned() } else { one.to_owned() };
    let stops = match read.on_sigterm {
        OnSigterm::Exit => format!("{} at once", verb("exits", "exit")),
        OnSigterm::Drain(seconds) => format!(
            "{} on accepting connections for {seconds} s, then {}",
            verb("goes", "go"),
            verb("exits", "exit")
        ),
        OnSigterm::Close(seconds) => format!(
            "{} accepting connections, and {} after {seconds} s",
            verb("stops", "stop"),
            verb("exits", "exit")
        ),
        OnSigterm::Ignore => {
            format!("{} on and never {} by itself", verb("goes", "go"), verb("stops", "stop"))
        }
    };
    let listens = match read.listens_after_seconds {
        0 => format!("as soon as {}", verb("it starts", "they start")),
        seconds => format!("{seconds} s after {}", verb("its start", "their start")),
    };
    let mut assumptions = vec![
        format!(
            "{who} on SIGTERM: {stops} ({})",
            source(ON_SIGTERM, options.on_sigterm.is_some(), on_sigterm.is_some())
        ),
        format!(
            "{who} {} connections {listens} ({})",
            verb("accepts", "accept"),
            source(LISTENS_AFTER, options.listens_after_seconds.is_some(), listens_after.is_some())
        ),
    ];
    if !once.is_empty() {
        let names: Vec<_> = once.iter().map(|container| format!("'{}'", container.name)).collect();
        assumptions.push(format!("init containers {} end well, whatever they wait for", names.join(", ")));
    }
    (read, assumptions)
}

/// Reads `terminationGracePeriodSeconds`. The API server takes one below zero as 1 whenever a pod is deleted (DEL-5).
fn grace(cursor: &Cursor<'_>, spec: &core::PodSpec) -> u32 {
    match spec.termination_grace_period_seconds {
        Some(below @ ..0) => {
            cursor.warn(format!("terminationGracePeriodSeconds is {below}: read as 1, as Kubernetes does"));
            1
        }
        given => cursor.count(given, DEFAULT_GRACE),
    }
}

/// What a pod may have, and a template of pods may not (S28 `ValidatePodTemplateSpec`, `ValidatePodTemplateSpecForReplicaSet`;
/// kubernetes/kubernetes#38684).
fn refuse_what_no_template_has(at: &Cursor<'_>, spec: &core::PodSpec, kind: WorkloadKind) {
    let deadline = at.field("activeDeadlineSeconds");
    if kind == WorkloadKind::Pod {
        deadline.positive(spec.active_deadline_seconds, 1);
        return;
    }
    let absent = || format!("nothing, as the pods belong to a {}", kind.name());
    if let Some(seconds) = spec.active_deadline_seconds {
        deadline.refuse(format!("is {seconds}"), absent());
    }
    if spec.ephemeral_containers.as_ref().is_some_and(|given| !given.is_empty()) {
        at.field("ephemeralContainers")
            .refuse("is set", "nothing, as only a pod that exists can be debugged");
    }
}

/// Reads a pod template, or a pod: whatever has metadata and a pod spec at `cursor`. Also gives what it assumes.
pub fn pod_template(
    cursor: &Cursor<'_>,
    metadata: &meta::ObjectMeta,
    spec: &core::PodSpec,
    kind: WorkloadKind,
    context: &Context<'_>,
) -> (PodTemplate, Vec<String>) {
    let options = context.options;
    let at = cursor.field("spec");
    let (behaviour, mut assumptions) = behaviour(cursor, metadata, options, spec);
    let grace_seconds = grace(&at.field("terminationGracePeriodSeconds"), spec);
    names::labels(&at.field("nodeSelector"), spec.node_selector.as_ref());
    let node_name = spec.node_name.clone().filter(|name| !name.is_empty());
    if let Some(name) = node_name.as_deref().filter(|name| !names::is_subdomain(name)) {
        at.field("nodeName").refuse(format!("is {}", quoted(name)), names::SUBDOMAIN);
    }
    let policies = [
        ("Always", RestartPolicy::Always),
        ("OnFailure", RestartPolicy::OnFailure),
        ("Never", RestartPolicy::Never),
    ];
    let policy_at = at.field("restartPolicy");
    let restart_policy = policy_at.one_of(spec.restart_policy.as_deref(), &policies, RestartPolicy::Always);
    if kind != WorkloadKind::Pod && restart_policy != RestartPolicy::Always {
        policy_at.refuse(
            format!("is {restart_policy:?}"),
            format!("Always, as the pods belong to a {}", kind.name()),
        );
    }
    // Left out of the model, and refused all the same where the API server refuses them (S28 `ValidatePodSpec`).
    let resolvers = [("ClusterFirst", ()), ("ClusterFirstWithHostNet", ()), ("Default", ()), ("None", ())];
    at.field("dnsPolicy").one_of(spec.dns_policy.as_deref(), &resolvers, ());
    let preemption = [("PreemptLowerPriority", ()), ("Never", ())];
    at.field("preemptionPolicy").one_of(spec.preemption_policy.as_deref(), &preemption, ());
    let systems = [("linux", ()), ("windows", ())];
    at.field("os").field("name").one_of(spec.os.as_ref().map(|os| os.name.as_str()), &systems, ());
    refuse_what_no_template_has(&at, spec, kind);
    volumes::refuse_unknown(&at, spec);
    let mut labels = metadata.labels.clone().unwrap_or_default();
    // What a manifest says of it the Deployment controller writes over; a ReplicaSet or Pod that was read back from a cluster keeps it.
    let is_hashed = kind == WorkloadKind::Deployment;
    if is_hashed {
        labels.remove(TEMPLATE_HASH);
    }
    let has_template_hash = is_hashed || labels.contains_key(TEMPLATE_HASH);
    let facts = PodFacts {
        release: options.release,
        written_grace_seconds: spec.termination_grace_period_seconds.unwrap_or(DEFAULT_GRACE.into()),
        host_network: spec.host_network == Some(true),
        behaviour,
    };
    let containers = containers(&at, spec, &facts);
    assumptions.extend(
        containers.iter().filter_map(|container| super::lifecycle::assumed(container, grace_seconds)),
    );
    let given = spec.init_containers.iter().flatten().chain(&spec.containers);
    assumptions.extend(given.filter_map(super::lifecycle::beside_its_sleep));
    // A key that the pod has no label of is passed over (FLT-14, FLT-19): only a Deployment gives its pods the hash.
    let around = Surroundings {
        release: options.release,
        labels: &labels,
        has_template_hash,
        is_hashed,
        namespaces: context.namespaces,
    };
    let affinity = spec.affinity.as_ref();
    let affinity_at = at.field("affinity");
    let required =
        |name: &str| affinity_at.field(name).field("requiredDuringSchedulingIgnoredDuringExecution");
    let node_affinity = affinity
        .and_then(|affinity| {
            affinity.node_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_ref()
        })
        .map(|given| node_affinity(&required("nodeAffinity"), given));
    let with = affinity.and_then(|affinity| {
        affinity.pod_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_deref()
    });
    let apart = affinity.and_then(|affinity| {
        affinity.pod_anti_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_deref()
    });
    let pod_affinity_terms = pod_affinity(&required("podAffinity"), with.unwrap_or_default(), &around);
    let pod_anti_affinity = pod_affinity(&required("podAntiAffinity"), apart.unwrap_or_default(), &around);
    let spread = spread(
        &at.field("topologySpreadConstraints"),
        spec.topology_spread_constraints.as_deref().unwrap_or_default(),
        &around,
    );
    let template = PodTemplate {
        finalizer: metadata.finalizers.as_ref().is_some_and(|finalizers| !finalizers.is_empty()),
        serving: first_app(&containers),
        containers,
        restart_policy,
        grace_seconds,
        node_name,
        node_selector: spec.node_selector.clone().unwrap_or_default(),
        node_affinity,
        pod_affinity: pod_affinity_terms,
        pod_anti_affinity,
        spread,
        tolerations: tolerations(
            &at.field("tolerations"),
            spec.tolerations.as_deref().unwrap_or_default(),
            &options.latencies,
        ),
        labels,
    };
    (template, assumptions)
}

/// The number of the first app container.
pub fn first_app(containers: &[crate::scenario::Container]) -> u8 {
    let first = containers.iter().position(|container| container.kind == ContainerKind::App);
    first.and_then(|index| u8::try_from(index).ok()).unwrap_or(0)
}

/// The labels of a template of any kind, for selectors that look for somebody to select.
pub fn template_labels(template: &super::tree::Tree) -> Labels {
    let labels = template.get("metadata").and_then(|metadata| metadata.get("labels"));
    let pairs = labels.map(super::tree::Tree::entries).unwrap_or_default();
    pairs.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned()))).collect()
}
