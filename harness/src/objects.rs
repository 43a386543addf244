//! A scenario as the API objects of Kubernetes: what a user would have to apply for this world to come about.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, ReplicaSet, ReplicaSetSpec, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{
    Node, NodeSpec, NodeStatus, Pod, PodSpec, PodTemplateSpec, Service, ServicePort, ServiceSpec, Taint,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podproof_vocabulary::observation::TaintsSeen;
use podproof_vocabulary::scenario::{self, BudgetAsk, IntOrPercent, Neighbour, Scenario, Strategy};
use podproof_vocabulary::{NodeId, Revision};

mod spec;

pub use spec::pod_spec;

/// The label that tells the pods of one template from those of another.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";

/// The value of that label for a revision, where nobody computes a hash.
pub fn hash_of(revision: Revision) -> String {
    format!("revision-{}", revision.0)
}

/// What changes of a node while it exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeState {
    /// It was removed from the cluster.
    pub gone: bool,
    /// Its labels are those that are in store for it.
    pub relabelled: bool,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// The taints that come and go.
    pub taints: TaintsSeen,
}

/// A node.
pub fn node(scenario: &Scenario, id: NodeId, state: NodeState) -> Node {
    let own = &scenario.nodes[id.index()];
    let mut taints: Vec<Taint> = own.taints.iter().map(taint).collect();
    taints.extend(passing_taints(scenario, state.taints));
    let quantities = [
        ("cpu", format!("{}m", own.allocatable.cpu_milli)),
        ("memory", own.allocatable.memory.to_string()),
        ("pods", own.allocatable.pods.to_string()),
    ];
    let allocatable = quantities.map(|(name, amount)| (name.to_owned(), Quantity(amount)));
    Node {
        metadata: ObjectMeta {
            name: Some(own.name.clone()),
            labels: Some(own.labels_when(state.relabelled).clone()),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            taints: Some(taints),
            unschedulable: state.unschedulable.then_some(true),
            ..NodeSpec::default()
        }),
        status: Some(NodeStatus { allocatable: Some(allocatable.into()), ..NodeStatus::default() }),
    }
}

/// A taint.
pub fn taint(taint: &scenario::Taint) -> Taint {
    Taint {
        key: taint.key.clone(),
        value: Some(taint.value.clone()).filter(|value| !value.is_empty()),
        effect: format!("{:?}", taint.effect),
        time_added: None,
    }
}

/// A taint without a value.
pub fn taint_named(key: &str, effect: &str) -> Taint {
    Taint { key: key.to_owned(), effect: effect.to_owned(), ..Taint::default() }
}

/// The taints that come and go, of those that are there.
pub fn passing_taints(scenario: &Scenario, seen: TaintsSeen) -> Vec<Taint> {
    let plain = |key: &str, effect: &str| Taint {
        key: format!("node.kubernetes.io/{key}"),
        effect: effect.to_owned(),
        ..Taint::default()
    };
    let all = [
        (seen.not_ready_no_schedule, plain("not-ready", "NoSchedule")),
        (seen.unreachable_no_schedule, plain("unreachable", "NoSchedule")),
        (seen.unschedulable_no_schedule, plain("unschedulable", "NoSchedule")),
        (seen.not_ready_no_execute, plain("not-ready", "NoExecute")),
        (seen.unreachable_no_execute, plain("unreachable", "NoExecute")),
        (seen.custom, taint(&scenario.taint_of_events())),
    ];
    all.into_iter().filter(|(is_set, _)| *is_set).map(|(_, taint)| taint).collect()
}

fn meta(scenario: &Scenario, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(scenario.workload.namespace.clone()),
        ..ObjectMeta::default()
    }
}

/// A pod of the workload.
pub fn pod(scenario: &Scenario, name: &str, revision: Revision) -> Pod {
    let template = &scenario.workload.template;
    let mut labels = template.labels.clone();
    if scenario.workload.kind == scenario::WorkloadKind::Deployment {
        labels.insert(POD_TEMPLATE_HASH.into(), hash_of(revision));
    }
    let finalizers = template.finalizer.then(|| vec!["podproof.io/kept".to_owned()]);
    Pod {
        metadata: ObjectMeta { labels: Some(labels), finalizers, ..meta(scenario, name) },
        spec: Some(pod_spec(scenario, revision)),
        status: None,
    }
}

/// A pod of another workload, on its node.
pub fn neighbour(scenario: &Scenario, neighbour: &Neighbour) -> Pod {
    Pod {
        metadata: ObjectMeta {
            name: Some(neighbour.name.to_lowercase().replace(['/', ' '], "-")),
            namespace: Some(neighbour.namespace.clone()),
            labels: Some(neighbour.labels.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            node_name: Some(scenario.nodes[usize::from(neighbour.node)].name.clone()),
            ..spec::of_neighbour(neighbour)
        }),
        status: None,
    }
}

/// The selector of the workload's pods: all of the template's labels.
fn selector(scenario: &Scenario) -> LabelSelector {
    LabelSelector { match_labels: Some(scenario.workload.template.labels.clone()), match_expressions: None }
}

fn template(scenario: &Scenario, revision: Revision) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(scenario.workload.template.labels.clone()),
            finalizers: scenario.workload.template.finalizer.then(|| vec!["podproof.io/kept".to_owned()]),
            ..ObjectMeta::default()
        }),
        spec: Some(pod_spec(scenario, revision)),
    }
}

/// The workload as a Deployment whose template is of this revision.
pub fn deployment(scenario: &Scenario, revision: Revision) -> Deployment {
    let strategy = match scenario.workload.strategy {
        Strategy::Recreate => DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None },
        Strategy::RollingUpdate { max_surge, max_unavailable } => DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment {
                max_surge: Some(int_or_string(max_surge)),
                max_unavailable: Some(int_or_string(max_unavailable)),
            }),
        },
    };
    let seconds = |seconds: u32| i32::try_from(seconds).unwrap_or(i32::MAX);
    Deployment {
        metadata: meta(scenario, &scenario.workload.name),
        spec: Some(DeploymentSpec {
            replicas: Some(scenario.workload.replicas.into()),
            selector: selector(scenario),
            strategy: Some(strategy),
            template: template(scenario, revision),
            min_ready_seconds: Some(seconds(scenario.workload.min_ready_seconds)),
            // The greatest number is no deadline (S28 `HasProgressDeadline`); one that is left out becomes ten minutes (DEP-8).
            progress_deadline_seconds: Some(
                scenario.workload.progress_deadline_seconds.map_or(i32::MAX, seconds),
            ),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// The workload as a ReplicaSet of its own.
pub fn replica_set(scenario: &Scenario) -> ReplicaSet {
    ReplicaSet {
        metadata: meta(scenario, &scenario.workload.name),
        spec: Some(ReplicaSetSpec {
            replicas: Some(scenario.workload.replicas.into()),
            min_ready_seconds: Some(i32::try_from(scenario.workload.min_ready_seconds).unwrap_or(i32::MAX)),
            selector: selector(scenario),
            template: Some(template(scenario, Revision(0))),
        }),
        status: None,
    }
}

/// The ReplicaSet of a revision of the workload as its Deployment makes it, where nobody computes a hash.
pub fn replica_set_of(scenario: &Scenario, revision: Revision, owners: Vec<OwnerReference>) -> ReplicaSet {
    let hash = hash_of(revision);
    let mut set = replica_set(scenario);
    set.metadata.name = Some(format!("{}-{hash}", scenario.workload.name));
    set.metadata.owner_references = Some(owners);
    let mut template = template(scenario, revision);
    template
        .metadata
        .get_or_insert_default()
        .labels
        .get_or_insert_default()
        .insert(POD_TEMPLATE_HASH.into(), hash.clone());
    let spec = set.spec.get_or_insert_default();
    spec.template = Some(template);
    spec.selector.match_labels.get_or_insert_default().insert(POD_TEMPLATE_HASH.into(), hash);
    set
}

/// The Service, if there is one.
pub fn service(scenario: &Scenario) -> Option<Service> {
    let own = scenario.service.as_ref()?;
    let local = |is_local: bool| Some(if is_local { "Local" } else { "Cluster" }.to_owned());
    Some(Service {
        metadata: meta(scenario, &own.name),
        spec: Some(ServiceSpec {
            selector: Some(scenario.workload.template.labels.clone()),
            publish_not_ready_addresses: Some(own.publish_not_ready_addresses),
            internal_traffic_policy: local(own.internal_local),
            external_traffic_policy: if own.external { local(own.external_local) } else { None },
            type_: Some(if own.external { "NodePort" } else { "ClusterIP" }.to_owned()),
            cluster_ip: own.headless.then(|| "None".to_owned()),
            ports: Some(vec![ServicePort { port: 80, ..ServicePort::default() }]),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}

/// The PodDisruptionBudgets.
pub fn budgets(scenario: &Scenario) -> Vec<PodDisruptionBudget> {
    let budget = |own: &scenario::DisruptionBudget| {
        let (min_available, max_unavailable) = match own.ask {
            BudgetAsk::MinAvailable(ask) => (Some(int_or_string(ask)), None),
            BudgetAsk::MaxUnavailable(ask) => (None, Some(int_or_string(ask))),
        };
        PodDisruptionBudget {
            metadata: meta(scenario, &own.name),
            spec: Some(PodDisruptionBudgetSpec {
                min_available,
                max_unavailable,
                selector: Some(selector(scenario)),
                unhealthy_pod_eviction_policy: own.always_allow_unhealthy.then(|| "AlwaysAllow".to_owned()),
            }),
            status: None,
        }
    };
    scenario.budgets.iter().map(budget).collect()
}

fn int_or_string(value: IntOrPercent) -> IntOrString {
    match value {
        IntOrPercent::Int(count) => IntOrString::Int(i32::try_from(count).unwrap_or(i32::MAX)),
        IntOrPercent::Percent(percent) => IntOrString::String(format!("{percent}%")),
    }
}

/// Amounts of cpu and memory.
pub(crate) fn quantities(resources: scenario::Resources) -> BTreeMap<String, Quantity> {
    let mut amounts = BTreeMap::new();
    if resources.cpu_milli > 0 {
        amounts.insert("cpu".to_owned(), Quantity(format!("{}m", resources.cpu_milli)));
    }
    if resources.memory > 0 {
        amounts.insert("memory".to_owned(), Quantity(resources.memory.to_string()));
    }
    amounts
}
