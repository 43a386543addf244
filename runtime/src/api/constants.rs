//! Reasons, conditions, taints and labels by their names, and the two predicates on pods that must not be mixed up.

use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod, PodCondition};

use super::Kind;

/// Phases of a pod.
pub mod phase {
    #![expect(missing_docs, reason = "the names are Kubernetes' own")]
    pub const PENDING: &str = "Pending";
    pub const RUNNING: &str = "Running";
    pub const SUCCEEDED: &str = "Succeeded";
    pub const FAILED: &str = "Failed";
}

/// Types of conditions.
pub mod condition {
    #![expect(missing_docs, reason = "the names are Kubernetes' own")]
    pub const POD_SCHEDULED: &str = "PodScheduled";
    pub const READY: &str = "Ready";
    pub const DISRUPTION_TARGET: &str = "DisruptionTarget";
    pub const TRUE: &str = "True";
    pub const FALSE: &str = "False";
    pub const UNKNOWN: &str = "Unknown";
}

/// Why a condition DisruptionTarget is true that a kubelet has set (CND-7).
pub const TERMINATION_BY_KUBELET: &str = "TerminationByKubelet";

/// Keys and effects of taints.
pub mod taint {
    #![expect(missing_docs, reason = "the names are Kubernetes' own")]
    pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
    pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
    pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
    pub const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
    pub const NO_SCHEDULE: &str = "NoSchedule";
    pub const NO_EXECUTE: &str = "NoExecute";
}

/// `status.phase`; Pending if it is not set.
pub fn phase_of(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or(phase::PENDING)
}

/// `terminal` (0.4): the phase is Succeeded or Failed.
pub fn is_terminal(pod: &Pod) -> bool {
    matches!(phase_of(pod), phase::SUCCEEDED | phase::FAILED)
}

/// `active` (0.4): neither terminal nor deleting.
pub fn is_active(pod: &Pod) -> bool {
    !is_terminal(pod) && !pod.is_deleting()
}

/// `spec.nodeName`, if the pod is bound.
pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|name| !name.is_empty())
}

/// A condition of a pod.
pub fn pod_condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == type_)
}

/// Is the pod's condition Ready true?
pub fn is_ready(pod: &Pod) -> bool {
    pod_condition(pod, condition::READY).is_some_and(|ready| ready.status == condition::TRUE)
}

/// A condition of a node.
pub fn node_condition<'a>(node: &'a Node, type_: &str) -> Option<&'a NodeCondition> {
    node.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == type_)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodStatus;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::clock::Moment;

    fn pod(phase: &str, deletion: Option<Time>) -> Pod {
        let mut pod = Pod {
            status: Some(PodStatus { phase: Some(phase.to_owned()), ..PodStatus::default() }),
            ..Pod::default()
        };
        pod.metadata.deletion_timestamp = deletion;
        pod
    }

    #[test]
    fn a_pod_may_be_deleting_without_being_terminal_and_the_reverse() {
        let deleting = pod(phase::RUNNING, Some(Moment(0).to_time()));
        assert!(deleting.is_deleting() && !is_terminal(&deleting) && !is_active(&deleting));
        let failed = pod(phase::FAILED, None);
        assert!(!failed.is_deleting() && is_terminal(&failed) && !is_active(&failed));
        assert!(is_active(&pod(phase::RUNNING, None)));
    }
}
