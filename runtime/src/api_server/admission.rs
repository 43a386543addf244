//! Defaults and admission at creation, where the lifecycle needs them.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{Container, Node, Pod, PodAffinityTerm, PodSpec, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podproof_vocabulary::Release;

use crate::api::constants::taint;
use crate::api::{ApiError, Object};

/// Default of the tolerations for not-ready and unreachable, in seconds (TEC-6).
const TOLERATION_SECONDS: i64 = 300;

/// Default of `terminationGracePeriodSeconds`.
const GRACE_SECONDS: i64 = 30;

/// Fills in defaults and lets admission plugins have their say.
pub(super) fn admit(object: &mut Object, release: Release) -> Result<(), ApiError> {
    match object {
        Object::Pod(pod) => admit_pod(Arc::make_mut(pod), release),
        Object::Node(node) => {
            admit_node(Arc::make_mut(node));
            Ok(())
        }
        Object::Deployment(deployment) => admit_deployment(Arc::make_mut(deployment)),
        _ => Ok(()),
    }
}

fn admit_pod(pod: &mut Pod, release: Release) -> Result<(), ApiError> {
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let spec = pod.spec.as_mut().ok_or(ApiError::Invalid)?;
    if spec.containers.is_empty() {
        return Err(ApiError::Invalid);
    }
    spec.restart_policy.get_or_insert_with(|| "Always".to_owned());
    spec.scheduler_name.get_or_insert_with(|| "default-scheduler".to_owned());
    spec.termination_grace_period_seconds.get_or_insert(GRACE_SECONDS);
    default_ports(spec);
    default_tolerations(spec.tolerations.get_or_insert_default());
    if release.has_match_label_keys_in_affinity() {
        merge_match_label_keys(spec, &labels);
    }
    if !release.has_match_label_keys_in_spread() {
        let constraints = spec.topology_spread_constraints.iter_mut().flatten();
        constraints.for_each(|constraint| constraint.match_label_keys = None);
    }
    Ok(())
}

/// A port is TCP unless it says otherwise, and of the host too if the pod uses the host's network (FLT-4).
fn default_ports(spec: &mut PodSpec) {
    let on_host = spec.host_network.unwrap_or(false);
    let ports = |container: &mut Container| {
        for port in container.ports.iter_mut().flatten() {
            port.protocol.get_or_insert_with(|| "TCP".to_owned());
            if on_host {
                port.host_port.get_or_insert(port.container_port);
            }
        }
    };
    spec.containers.iter_mut().for_each(ports);
    spec.init_containers.iter_mut().flatten().for_each(ports);
}

/// DefaultTolerationSeconds: 300 s each, unless the pod has a toleration for that key (TEC-6).
fn default_tolerations(tolerations: &mut Vec<Toleration>) {
    for key in [taint::NOT_READY, taint::UNREACHABLE] {
        let says_so = |toleration: &Toleration| {
            toleration.key.as_deref().is_none_or(|own| own.is_empty() || own == key)
                && toleration.effect.as_deref().is_none_or(|own| own.is_empty() || own == taint::NO_EXECUTE)
        };
        if !tolerations.iter().any(says_so) {
            tolerations.push(Toleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some(taint::NO_EXECUTE.to_owned()),
                toleration_seconds: Some(TOLERATION_SECONDS),
                ..Toleration::default()
            });
        }
    }
}

/// `matchLabelKeys` and `mismatchLabelKeys` become part of the selector at creation (FLT-14).
fn merge_match_label_keys(spec: &mut PodSpec, labels: &std::collections::BTreeMap<String, String>) {
    let Some(affinity) = &mut spec.affinity else { return };
    let merge = |term: &mut PodAffinityTerm| {
        let Some(selector) = &mut term.label_selector else { return };
        let requirements = [(&term.match_label_keys, "In"), (&term.mismatch_label_keys, "NotIn")];
        for (keys, operator) in requirements {
            for key in keys.iter().flatten() {
                let Some(value) = labels.get(key) else { continue };
                selector.match_expressions.get_or_insert_default().push(LabelSelectorRequirement {
                    key: key.clone(),
                    operator: operator.to_owned(),
                    values: Some(vec![value.clone()]),
                });
            }
        }
    };
    let required = affinity
        .pod_affinity
        .as_mut()
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_mut());
    required.into_iter().flatten().for_each(merge);
    let required = affinity
        .pod_anti_affinity
        .as_mut()
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_mut());
    required.into_iter().flatten().for_each(merge);
}

/// TaintNodesByCondition: a new node takes no pods before it was seen Ready. Kubernetes:
/// `plugin/pkg/admission/nodetaint/admission.go`.
fn admit_node(node: &mut Node) {
    let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
    if !taints.iter().any(|taint| taint.key == taint::NOT_READY && taint.effect == taint::NO_SCHEDULE) {
        taints.push(Taint {
            key: taint::NOT_READY.to_owned(),
            effect: taint::NO_SCHEDULE.to_owned(),
            ..Taint::default()
        });
    }
}

/// Defaults of a Deployment: 1 replica, rolling update with 25 % and 25 %, 600 s (DEP-1, DEP-8).
fn admit_deployment(deployment: &mut Deployment) -> Result<(), ApiError> {
    let spec = deployment.spec.as_mut().ok_or(ApiError::Invalid)?;
    spec.replicas.get_or_insert(1);
    spec.progress_deadline_seconds.get_or_insert(600);
    spec.revision_history_limit.get_or_insert(10);
    let strategy = spec.strategy.get_or_insert_default();
    default_strategy(strategy);
    Ok(())
}

fn default_strategy(strategy: &mut DeploymentStrategy) {
    let quarter = || IntOrString::String("25%".to_owned());
    if strategy.type_.get_or_insert_with(|| "RollingUpdate".to_owned()) == "RollingUpdate" {
        let rolling = strategy.rolling_update.get_or_insert_with(RollingUpdateDeployment::default);
        rolling.max_surge.get_or_insert_with(quarter);
        rolling.max_unavailable.get_or_insert_with(quarter);
    }
}
