//! What an endpoint says of its pod (EPS-1 to EPS-7).

use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions};
use podproof_vocabulary::Release;

use crate::api::Kind;
use crate::api::constants::{is_ready, is_terminal, node_of};
use crate::slip::{Slip, Slips};

/// The label of a node that names its zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// Does the pod take part at all? Terminal pods and pods without address do not; unready and, since releases know the condition,
/// terminating ones do (EPS-4).
pub fn takes_part(pod: &Pod, release: Release) -> bool {
    let deleting = pod.is_deleting() && !release.keeps_terminating_endpoints();
    !is_terminal(pod) && address_of(pod).is_some() && !deleting
}

/// `status.podIP`.
pub fn address_of(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref().filter(|ip| !ip.is_empty())
}

/// Does the Service publish addresses that are not ready?
pub fn publishes_not_ready(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses).unwrap_or(false)
}

/// The endpoint of a pod (6.3 has the truth table).
pub fn endpoint_of(pod: &Pod, node: Option<&Node>, service: &Service, slips: Slips) -> Endpoint {
    // EPS-1, EPS-2
    let (serving, terminating) = (is_ready(pod), pod.is_deleting());
    // EPS-3
    let leaves = terminating && !slips.has(Slip::TerminatingStaysReady);
    let ready = publishes_not_ready(service) || serving && !leaves;
    Endpoint {
        addresses: address_of(pod).map(str::to_owned).into_iter().collect(),
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        node_name: node_of(pod).map(str::to_owned),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: pod.metadata.namespace.clone(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        zone: node.and_then(|node| node.label(ZONE)).map(str::to_owned),
        ..Endpoint::default()
    }
}

/// Did something change that endpoints tell? A change of the phase alone is none (EPS-7). Any change of a pod that is being
/// deleted is one: Kubernetes compares two pointers to `deletionTimestamp`, which differ unless both are absent (G33
/// `util/controller_utils.go` `podEndpointsChanged`).
pub fn changed(old: &Pod, new: &Pod, slips: Slips) -> bool {
    let flipped = is_ready(old) != is_ready(new) && !slips.has(Slip::ReadyFlipNotNoticed);
    old.metadata.labels != new.metadata.labels
        || address_of(old) != address_of(new)
        || old.is_deleting()
        || new.is_deleting()
        || node_of(old) != node_of(new)
        || flipped
}
