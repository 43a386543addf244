//! What a patch changes. A patch is read, changed and written inside the server, which tries again by itself if another
//! write came in between: it can overwrite a newer decision unless it carries a precondition (API-3).

use std::sync::Arc;

use k8s_openapi::api::core::v1::{NodeCondition, NodeStatus, PodCondition, PodStatus, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::Uid;
use crate::clock::Moment;

/// What a patch changes. Lists of conditions merge by `type`, as a strategic merge patch does.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// `/status` of a pod: the given fields are set, conditions are merged, all else stays. Of controllers and the scheduler.
    PodStatus(PodStatusPatch),
    /// `/status` of a pod, every field; conditions are merged. Of kubelets that are played.
    PodStatusWhole(Arc<PodStatus>),
    /// `/status` of a pod as its kubelet sends it: what differs between the status that it read and the one that it computed
    /// (STM-2).
    PodStatusChanges {
        /// What it read.
        from: Arc<PodStatus>,
        /// What is to be.
        to: Arc<PodStatus>,
    },
    /// `/status` of a node: conditions are merged.
    NodeConditions(Vec<NodeCondition>),
    /// `/status` of a node as its kubelet computed it; conditions are merged.
    NodeStatusWhole(Arc<NodeStatus>),
    /// `spec.taints` of a node: taints of the same key and effect are replaced, others are added; then some are removed.
    NodeTaints {
        /// Set.
        add: Vec<Taint>,
        /// Removed; only key and effect count.
        remove: Vec<Taint>,
    },
    /// `spec.unschedulable` of a node.
    NodeUnschedulable(bool),
    /// An owner reference is added (GC-1).
    AddOwner(OwnerReference),
    /// The owner reference with this UID is removed (GC-2).
    RemoveOwner(Uid),
    /// A finalizer is removed; the object may go with it (DEL-12).
    RemoveFinalizer(String),
    /// A label is set, or removed.
    Label {
        /// Its name.
        name: String,
        /// Its value; none removes it.
        value: Option<String>,
    },
}

/// Some fields of a pod's status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodStatusPatch {
    /// `phase`, if it is to change.
    pub phase: Option<String>,
    /// `reason`, if it is to change.
    pub reason: Option<String>,
    /// `message`, if it is to change.
    pub message: Option<String>,
    /// `nominatedNodeName`, if it is to change; empty clears it.
    pub nominated_node_name: Option<String>,
    /// Conditions to set, by `type`.
    pub conditions: Vec<PodCondition>,
}

/// Sets a condition in a list, by `type`.
pub fn merge_pod_condition(conditions: &mut Vec<PodCondition>, condition: PodCondition) {
    match conditions.iter_mut().find(|old| old.type_ == condition.type_) {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
}

/// Sets a condition in a list, by `type`.
pub fn merge_node_condition(conditions: &mut Vec<NodeCondition>, condition: NodeCondition) {
    match conditions.iter_mut().find(|old| old.type_ == condition.type_) {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
}

/// A condition of a pod that changed just now.
pub fn new_pod_condition(type_: &str, status: &str, reason: &str, now: Moment) -> PodCondition {
    PodCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        last_transition_time: Some(now.to_time()),
        ..PodCondition::default()
    }
}

/// A condition of a node that changed just now.
pub fn new_node_condition(type_: &str, status: &str, reason: &str, now: Moment) -> NodeCondition {
    NodeCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        last_transition_time: Some(now.to_time()),
        last_heartbeat_time: Some(now.to_time()),
        ..NodeCondition::default()
    }
}
