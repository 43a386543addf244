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
/// terminating ones do (EPS-4); terminating ones also if the Service publishes what is not ready.
pub fn takes_part(pod: &Pod, service: &Service, release: Release) -> bool {
    let keeps = release.keeps_terminating_endpoints() || publishes_not_ready(service);
    !is_terminal(pod) && address_of(pod).is_some() && (keeps || !pod.is_deleting())
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
pub fn endpoint_of(
    pod: &Pod,
    node: Option<&Node>,
    service: &Service,
    release: Release,
    slips: Slips,
) -> Endpoint {
    // EPS-1, EPS-2
    let (serving, terminating) = (is_ready(pod), pod.is_deleting());
    // EPS-3
    let leaves = terminating && !slips.has(Slip::TerminatingStaysReady);
    let ready = publishes_not_ready(service) || serving && !leaves;
    let tells_more = release.keeps_terminating_endpoints();
    Endpoint {
        addresses: address_of(pod).map(str::to_owned).into_iter().collect(),
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            // EPS-6: releases that do not keep terminating endpoints do not tell these.
            serving: tells_more.then_some(serving),
            terminating: tells_more.then_some(terminating),
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
