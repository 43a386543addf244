//! A scenario: a bounded world with names. Everything that a search, a lockstep run or a trace needs to know of the
//! cluster before its first step, in seconds and bytes as manifests have them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::approximation::Approximations;
use crate::event::{Budget, ScaleTarget, Story};
use crate::latency::Latencies;
use crate::mutant::Mutant;
use crate::release::Release;

mod beginning;
mod budget;
mod hang;
pub mod limits;
mod node;
mod on_sigterm;
pub(crate) mod probing;
mod stopping;
mod strategy;
mod timing;

pub use beginning::Beginning;
pub use budget::{BudgetAsk, DisruptionBudget};
pub use hang::Hang;
pub use limits::Beyond;
pub use node::{CUSTOM_TAINT, Label, Node, Resources, Taint, TaintEffect};
pub use on_sigterm::OnSigterm;
pub use strategy::{IntOrPercent, Rounding, Strategy};
pub use timing::Timing;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A bounded world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What reports call it, for example `Deployment/web` or `scenario/rollout`.
    pub name: String,
    /// The Kubernetes release, wherever behaviour differs.
    pub release: Release,
    /// The nodes, at least one.
    pub nodes: Vec<Node>,
    /// Nodes of these, counted from the end, that only join by an `add-node` event.
    pub spare_nodes: u8,
    /// What is run.
    pub workload: Workload,
    /// Pods of other workloads that share the Service, the budget or an affinity; they run and never change.
    pub neighbours: Vec<Neighbour>,
    /// Only one kube-proxy is modelled, that of any node: nobody else reads what it does, and what is promised of rules is
    /// promised of each node's.
    pub one_proxy: bool,
    /// A new pod of a neighbour may take an address that a pod of the workload no longer holds.
    pub addresses_are_reused: bool,
    /// The Service, if one selects the workload.
    pub service: Option<Service>,
    /// The PodDisruptionBudgets that select the workload; with more than one, no eviction is granted (EVI-2).
    pub budgets: Vec<DisruptionBudget>,
    /// Where the story begins. A trace without this field begins with nothing.
    #[serde(default)]
    pub begins: Beginning,
    /// The story.
    pub story: Story,
    /// Events that may happen at any moment, beside the story's.
    pub events: Budget,
    /// What a `scale` event sets the replicas to.
    pub scale: Option<ScaleTarget>,
    /// Replicas that a `scale` event may set instead, any of these each time.
    #[serde(default)]
    pub scale_targets: Vec<u8>,
    /// The templates that `rollout` events change to, one after the other, by their numbers; beyond them it is the next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollouts: Vec<u8>,
    /// Grace periods, in seconds, that deletions may ask for beside the pod's own: a kill may take as little as the least of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletion_graces: Vec<u32>,
    /// The taint that a `taint-node` event sets; none is NoExecute with [a key of its own](CUSTOM_TAINT).
    #[serde(default)]
    pub event_taint: Option<Taint>,
    /// How many pods may be remembered at once.
    pub slots: u8,
    /// How long things take.
    pub latencies: Latencies,
    /// Whether time passes in ticks.
    pub timing: Timing,
    /// The approximations that are on.
    pub approximations: Approximations,
    /// Failure detectors may fire without a cause, and timers that one process started together in any order.
    pub inaccurate_detectors: bool,
    /// What makes a PLEG's relist stuck, under a `runtime-hang` event.
    pub hang: Hang,
    /// How many events may be on their way to one consumer of one resource in an exact search.
    #[serde(default = "default_ring_capacity")]
    pub ring_capacity: u8,
    /// A wrong rule that is switched on, to see a property broken.
    pub mutant: Option<Mutant>,
}

/// How many events one consumer may lag behind in an exact search, unless the scenario says something else.
pub const RING_CAPACITY: u8 = 8;

const fn default_ring_capacity() -> u8 {
    RING_CAPACITY
}

/// The kind of object that a workload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum WorkloadKind {
    Deployment,
    ReplicaSet,
    Pod,
}

impl WorkloadKind {
    /// `kind` of its manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::Pod => "Pod",
        }
    }
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Workload {
    /// Deployment, ReplicaSet or bare Pod.
    pub kind: WorkloadKind,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec.replicas` of the manifest; 1 for a bare Pod.
    pub manifest_replicas: u32,
    /// The replicas that are checked.
    pub replicas: u8,
    /// How a template change is rolled out; of a Deployment only.
    pub strategy: Strategy,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: u32,
    /// `spec.progressDeadlineSeconds`; of a Deployment only.
    pub progress_deadline_seconds: Option<u32>,
    /// The pods.
    pub template: PodTemplate,
}

/// The template of a workload's pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PodTemplate {
    /// `metadata.labels`, of a Deployment without the `pod-template-hash`.
    pub labels: Labels,
    /// A finalizer that nobody removes is on each pod.
    pub finalizer: bool,
    /// Init containers and sidecars in their order, then the app containers in theirs.
    pub containers: Vec<Container>,
    /// Index of the container that owns the Service's target port, else of the first app container.
    pub serving: u8,
    /// `restartPolicy`.
    pub restart_policy: RestartPolicy,
    /// `terminationGracePeriodSeconds`.
    pub grace_seconds: u32,
    /// `nodeName`: the pod bypasses the scheduler.
    pub node_name: Option<String>,
    /// `nodeSelector`.
    pub node_selector: Labels,
    /// Required node affinity: one of these terms.
    pub node_affinity: Option<Vec<NodeSelectorTerm>>,
    /// Required pod affinity: all of these terms.
    pub pod_affinity: Vec<PodAffinityTerm>,
    /// Required pod anti-affinity: all of these terms.
    pub pod_anti_affinity: Vec<PodAffinityTerm>,
    /// `topologySpreadConstraints` with DoNotSchedule.
    pub spread: Vec<SpreadConstraint>,
    /// `tolerations`, with those that admission adds.
    pub tolerations: Vec<Toleration>,
}

/// `restartPolicy` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ContainerKind {
    /// An init container: runs to its end before the next starts.
    Init,
    /// An init container with `restartPolicy: Always`: starts in its turn and goes on.
    Sidecar,
    /// An app container.
    App,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: ContainerKind,
    /// `resources.requests`.
    pub requests: Resources,
    /// `ports[].containerPort`.
    pub ports: Vec<ContainerPort>,
    /// `lifecycle.preStop`.
    pub pre_stop: Option<PreStop>,
    /// `startupProbe`.
    pub startup_probe: Option<Probe>,
    /// `readinessProbe`.
    pub readiness_probe: Option<Probe>,
    /// `livenessProbe`.
    pub liveness_probe: Option<Probe>,
    /// What its process does on SIGTERM (annotation `podproof.io/on-sigterm`).
    pub on_sigterm: OnSigterm,
    /// Seconds from its start until it accepts connections (annotation `podproof.io/listens-after`).
    pub listens_after_seconds: u32,
}

/// A port that a container listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ContainerPort {
    /// Its name, or nothing.
    pub name: String,
    /// `containerPort`.
    pub port: u16,
    /// `protocol`.
    pub protocol: Protocol,
    /// `hostPort`, if set.
    pub host: Option<HostPort>,
}

/// A port of the node that a pod claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HostPort {
    /// `hostPort`.
    pub port: u16,
    /// `hostIP`; `0.0.0.0` stands for all.
    pub ip: String,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Protocol {
    #[serde(rename = "TCP")]
    Tcp,
    #[serde(rename = "UDP")]
    Udp,
    #[serde(rename = "SCTP")]
    Sctp,
}

/// A preStop hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PreStop {
    /// It takes exactly so many seconds: the `sleep` action, or an `exec` whose command is a plain sleep.
    Seconds(u32),
    /// An `exec` that sleeps for so many seconds first: it takes any time from that on, up to the grace period.
    AtLeast(u32),
    /// Another `exec`, or `httpGet`: it takes any time up to the grace period.
    AnyTime,
}

/// A probe. It succeeds exactly if the container accepts connections, and no `readiness-change` or `liveness-change` event has made
/// the app fail it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Probe {
    /// `initialDelaySeconds`.
    pub initial_delay_seconds: u32,
    /// `periodSeconds`, at least 1.
    pub period_seconds: u32,
    /// `timeoutSeconds`, at least 1.
    pub timeout_seconds: u32,
    /// `successThreshold`, at least 1.
    pub success_threshold: u32,
    /// `failureThreshold`, at least 1.
    pub failure_threshold: u32,
}

/// A term of required node affinity: all of its requirements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NodeSelectorTerm {
    /// `matchExpressions`.
    pub expressions: Vec<Requirement>,
    /// `matchFields`; only `metadata.name` exists.
    pub fields: Vec<Requirement>,
}

/// One requirement on a label or field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Requirement {
    /// The label or field.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// What with.
    pub values: Vec<String>,
}

/// How a requirement compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
}

/// A label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LabelSelector {
    /// All of these labels have these values.
    pub labels: Labels,
    /// All of these hold.
    pub expressions: Vec<Requirement>,
}

/// A term of required pod affinity or anti-affinity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PodAffinityTerm {
    /// `topologyKey`.
    pub topology_key: String,
    /// `labelSelector`; none selects no pod.
    pub selector: Option<LabelSelector>,
    /// `namespaces`; none, and no selector of namespaces, is the pod's own.
    pub namespaces: Vec<String>,
    /// `namespaceSelector` is `{}`: all namespaces.
    pub all_namespaces: bool,
    /// `matchLabelKeys` holds `pod-template-hash`: only pods of the same revision.
    pub same_revision: bool,
}

/// A topology spread constraint with DoNotSchedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SpreadConstraint {
    /// `maxSkew`, at least 1.
    pub max_skew: u32,
    /// `topologyKey`.
    pub topology_key: String,
    /// `labelSelector`; none selects no pod.
    pub selector: Option<LabelSelector>,
    /// `minDomains`, at least 1.
    pub min_domains: u32,
    /// `nodeAffinityPolicy` is Honor: nodes that the pod's affinity excludes do not count.
    pub honour_node_affinity: bool,
    /// `nodeTaintsPolicy` is Honor: nodes whose taints the pod does not tolerate do not count.
    pub honour_node_taints: bool,
    /// `matchLabelKeys` holds `pod-template-hash`: only pods of the same revision.
    pub same_revision: bool,
}

impl SpreadConstraint {
    /// Does it count no pod although its selector, `{}`, selects every one (S28 `podtopologyspread/common.go`
    /// `countPodsMatchSelector`)? What `matchLabelKeys` names is part of the selector.
    pub fn counts_nothing(&self, release: Release) -> bool {
        let is_empty =
            |selector: &LabelSelector| selector.labels.is_empty() && selector.expressions.is_empty();
        release.counts_nothing_for_empty_spread_selectors()
            && !self.same_revision
            && self.selector.as_ref().is_some_and(is_empty)
    }
}

/// A toleration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Toleration {
    /// The taint's key; empty, with `exists`, tolerates all.
    pub key: String,
    /// `operator: Exists`: the value does not matter.
    pub exists: bool,
    /// The taint's value.
    pub value: String,
    /// The taint's effect; none is all.
    pub effect: Option<TaintEffect>,
    /// For how long a NoExecute taint is tolerated, in seconds; none is for ever.
    pub seconds: Option<u32>,
}

/// A running pod of another workload that never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Neighbour {
    /// Its workload and number, for example `Deployment/db 0`.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: Labels,
    /// The node that it runs on, by its place in [`Scenario::nodes`].
    pub node: u8,
    /// What its containers ask for, in the order of [`PodTemplate::containers`].
    pub requests: Vec<(ContainerKind, Resources)>,
    /// Host ports that it holds.
    pub host_ports: Vec<(Protocol, HostPort)>,
    /// Its required pod anti-affinity.
    pub pod_anti_affinity: Vec<PodAffinityTerm>,
    /// Its tolerations. A NoExecute taint that they do not tolerate for ever takes it away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// A bare Pod: no budget expects it (PDB-1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_bare: bool,
    /// The Service selects it.
    pub in_service: bool,
    /// The budget selects it.
    pub in_budget: bool,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Service {
    /// `metadata.name`.
    pub name: String,
    /// `publishNotReadyAddresses`.
    pub publish_not_ready_addresses: bool,
    /// `internalTrafficPolicy: Local`.
    pub internal_local: bool,
    /// `externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// Type NodePort or LoadBalancer: connections come from outside too.
    pub external: bool,
    /// `clusterIP: None`: no kube-proxy rules.
    pub headless: bool,
}
