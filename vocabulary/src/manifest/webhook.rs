//! What webhooks add to pods, by the labels and annotations that ask for it: the manifest has none of it.

use super::Warning;
use super::cursor::Object;
use super::tree::{Tree, quoted};

/// The row of what is left out.
pub const ADDED: &str = "containers and gates that a webhook adds";

/// Where a key stands.
#[derive(Clone, Copy)]
enum On {
    PodLabel,
    PodAnnotation,
    NamespaceLabel,
    NamespaceAnnotation,
}

/// A webhook, with the keys that it goes by, and the values with which it adds something, any if none is named. The first key that is set
/// decides.
struct Webhook {
    keys: &'static [(On, &'static str, &'static [&'static str])],
    adds: &'static str,
    so: &'static str,
}

const YES: &[&str] = &["true"];
const ENABLED: &[&str] = &["enabled"];
const PROXY: &str = "one without a preStop hook gets SIGTERM at once, and connections through it fail";

/// By the documentation of each: istio.io "Installing the Sidecar", linkerd.io "Automatic Proxy Injection", developer.hashicorp.com
/// "Annotations and labels" of Consul and "Annotations" of the Vault injector, docs.dapr.io "Dapr arguments and annotations",
/// kubernetes-sigs.github.io/aws-load-balancer-controller "Pod readiness gate".
const WEBHOOKS: &[Webhook] = &[
    Webhook {
        keys: &[
            (On::PodLabel, "sidecar.istio.io/inject", YES),
            (On::PodAnnotation, "sidecar.istio.io/inject", YES),
            (On::PodLabel, "istio.io/rev", &[]),
            (On::NamespaceLabel, "istio-injection", ENABLED),
            (On::NamespaceLabel, "istio.io/rev", &[]),
        ],
        adds: "Istio's proxy",
        so: PROXY,
    },
    Webhook {
        keys: &[
            (On::PodAnnotation, "linkerd.io/inject", &["enabled", "ingress"]),
            (On::NamespaceAnnotation, "linkerd.io/inject", &["enabled", "ingress"]),
        ],
        adds: "Linkerd's proxy",
        so: PROXY,
    },
    Webhook {
        keys: &[(On::PodAnnotation, "consul.hashicorp.com/connect-inject", YES)],
        adds: "Consul's proxy",
        so: PROXY,
    },
    Webhook { keys: &[(On::PodAnnotation, "dapr.io/enabled", YES)], adds: "Dapr's sidecar", so: PROXY },
    Webhook {
        keys: &[(On::PodAnnotation, "vault.hashicorp.com/agent-inject", YES)],
        adds: "Vault's agent",
        so: "a pod starts only once it has its secrets",
    },
    Webhook {
        keys: &[(On::NamespaceLabel, "elbv2.k8s.aws/pod-readiness-gate-inject", ENABLED)],
        adds: "a readiness gate of the load balancer",
        so: "a pod is Ready only once the load balancer says so",
    },
];

/// What webhooks add to the pods of a workload.
pub fn added(workload: &Object, others: &[&Object]) -> Vec<Warning> {
    let namespace = others.iter().find(|other| other.kind == "Namespace" && other.name == workload.namespace);
    let value = |on: On, key: &str| {
        let (of, mapping) = match on {
            On::PodLabel => (pod(workload), "labels"),
            On::PodAnnotation => (pod(workload), "annotations"),
            On::NamespaceLabel => (namespace.map(|object| &object.tree), "labels"),
            On::NamespaceAnnotation => (namespace.map(|object| &object.tree), "annotations"),
        };
        of?.get("metadata")?.get(mapping)?.get(key)?.text()
    };
    let of = |webhook: &Webhook| {
        let mut keys = webhook.keys.iter();
        let (on, key, values, value) =
            keys.find_map(|&(on, key, values)| Some((on, key, values, value(on, key)?)))?;
        if !values.is_empty() && !values.iter().any(|known| value.eq_ignore_ascii_case(known)) {
            return None;
        }
        let (what, whose) = match on {
            On::PodLabel => ("label", "its pods".to_owned()),
            On::PodAnnotation => ("annotation", "its pods".to_owned()),
            On::NamespaceLabel => ("label", format!("Namespace/{}", workload.namespace)),
            On::NamespaceAnnotation => ("annotation", format!("Namespace/{}", workload.namespace)),
        };
        let says = format!(
            "{}: the {what} {key} of {whose} is {}: a webhook adds {} to each pod, which is not seen here; {}",
            workload.title(),
            quoted(value),
            webhook.adds,
            webhook.so
        );
        Some(Warning { place: Some(workload.place(workload.tree.mark)), says })
    };
    WEBHOOKS.iter().filter_map(of).collect()
}

/// The pod, or the template of pods, of a workload.
pub fn pod(workload: &Object) -> Option<&Tree> {
    match workload.kind.as_str() {
        "Pod" => Some(&workload.tree),
        _ => workload.tree.get("spec")?.get("template"),
    }
}
