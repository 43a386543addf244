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

/// A budget that so many pods may be missing from.
pub(super) fn budget(unavailable: i32) -> PodDisruptionBudget {
    let spec = PodDisruptionBudgetSpec {
        max_unavailable: Some(IntOrString::Int(unavailable)),
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
