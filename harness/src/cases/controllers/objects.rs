//! What users create: a Deployment with its Service and its budget, and a ReplicaSet beside it.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, ReplicaSet, ReplicaSetSpec, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Service, ServiceSpec};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::stage::build::{container, labels, meta};

/// The Deployment, its Service and its budget.
pub(super) const WEB: &str = "web";
/// The ReplicaSet that nobody owns.
pub(super) const SOLO: &str = "solo";
/// Replicas of the Deployment at first.
pub(super) const REPLICAS: i32 = 3;
/// How many pods of the Deployment may be there beyond, and how many may be missing.
pub(super) const SURGE: i32 = 1;
pub(super) const UNAVAILABLE: i32 = 1;

fn selector(app: &str) -> LabelSelector {
    LabelSelector { match_labels: Some(labels([("app", app)])), match_expressions: None }
}

fn template(app: &str) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels([("app", app)])), ..ObjectMeta::default() }),
        spec: Some(PodSpec { containers: vec![container("app")], ..PodSpec::default() }),
    }
}

/// The container of a template.
pub(super) fn image_of(template: &mut PodTemplateSpec) -> Option<&mut Container> {
    template.spec.as_mut()?.containers.first_mut()
}

pub(super) fn deployment() -> Deployment {
    let rolling = RollingUpdateDeployment {
        max_surge: Some(IntOrString::Int(SURGE)),
        max_unavailable: Some(IntOrString::Int(UNAVAILABLE)),
    };
    let strategy =
        DeploymentStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update: Some(rolling) };
    Deployment {
        metadata: meta(WEB),
        spec: Some(DeploymentSpec {
            replicas: Some(REPLICAS),
            selector: selector(WEB),
            strategy: Some(strategy),
            template: template(WEB),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

pub(super) fn service() -> Service {
    let spec = ServiceSpec { selector: Some(labels([("app", WEB)])), ..ServiceSpec::default() };
    Service { metadata: meta(WEB), spec: Some(spec), ..Service::default() }
}

/// What a budget asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// `minAvailable`.
    Available(Amount),
    /// `maxUnavailable`.
    Unavailable(Amount),
}

/// A number, or a percentage of the pods that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    Pods(i32),
    Percent(i32),
}

impl Amount {
    /// PDB-2: percentages round up.
    const fn of(self, replicas: i32) -> i32 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => (percent * replicas + 99) / 100,
        }
    }

    fn value(self) -> IntOrString {
        match self {
            Self::Pods(pods) => IntOrString::Int(pods),
            Self::Percent(percent) => IntOrString::String(format!("{percent}%")),
        }
    }
}

/// One or two of three pods may be missing, or none.
const ASKS: [Ask; 8] = [
    Ask::Unavailable(Amount::Pods(1)),
    Ask::Unavailable(Amount::Pods(2)),
    Ask::Available(Amount::Pods(2)),
    Ask::Available(Amount::Pods(1)),
    Ask::Unavailable(Amount::Percent(33)),
    Ask::Unavailable(Amount::Percent(34)),
    Ask::Available(Amount::Percent(34)),
    Ask::Available(Amount::Percent(67)),
];

impl Default for Ask {
    fn default() -> Self {
        ASKS[0]
    }
}

impl Ask {
    /// One of them.
    pub(super) const fn numbered(number: u8) -> Self {
        ASKS[number as usize % ASKS.len()]
    }

    /// How many pods have to be healthy if so many are wanted.
    pub(super) fn least(self, replicas: i32) -> i32 {
        match self {
            Self::Available(amount) => amount.of(replicas),
            Self::Unavailable(amount) => (replicas - amount.of(replicas)).max(0),
        }
    }
}

/// A budget of the pods of the Deployment.
pub(super) fn budget(ask: Ask) -> PodDisruptionBudget {
    let (min_available, max_unavailable) = match ask {
        Ask::Available(amount) => (Some(amount.value()), None),
        Ask::Unavailable(amount) => (None, Some(amount.value())),
    };
    let spec = PodDisruptionBudgetSpec {
        min_available,
        max_unavailable,
        selector: Some(selector(WEB)),
        ..PodDisruptionBudgetSpec::default()
    };
    PodDisruptionBudget { metadata: meta(WEB), spec: Some(spec), status: None }
}

pub(super) fn replica_set() -> ReplicaSet {
    let spec = ReplicaSetSpec {
        replicas: Some(2),
        selector: selector(SOLO),
        template: Some(template(SOLO)),
        ..ReplicaSetSpec::default()
    };
    ReplicaSet { metadata: meta(SOLO), spec: Some(spec), status: None }
}
