//! What a worker of the EndpointSlice controller writes for a Service.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::informers::{BY_SERVICE, Informers, SERVICE_NAME_LABEL};
use super::endpoints::{endpoint_of, publishes_not_ready, takes_part};
use super::tracker::Tracker;
use super::{Plan, selects};
use crate::api::constants::node_of;
use crate::api::{DeleteOptions, Key, Kind, Request, Resource, Uid};
use crate::context::Context;

/// The label and the value by which the controller knows its slices.
pub(super) const MANAGED_BY: (&str, &str) =
    ("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io");

/// At most so many endpoints in a slice (C-30).
const ENDPOINTS_MAX: usize = 100;

/// The writes that make the slices of a Service what its pods are.
pub(super) fn plan(
    key: &Key,
    service: &Service,
    tracker: &Tracker,
    informers: &Informers,
    context: &Context<'_>,
) -> Plan {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    // A name of elsewhere has no endpoints (S28 `endpointslice_controller.go` `syncService`).
    let is_name = service.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("ExternalName"));
    if is_name || selector.is_none_or(BTreeMap::is_empty) {
        return Plan::default();
    }
    let named = informers.endpoint_slices.cache().by_index(BY_SERVICE, key.name()).map(|(_, slice)| slice);
    let own = |slice: &&Arc<EndpointSlice>| {
        slice.metadata.namespace == service.metadata.namespace
            && slice.label(MANAGED_BY.0) == Some(MANAGED_BY.1)
    };
    let slices: Vec<_> = named.filter(own).filter(|slice| !slice.is_deleting()).cloned().collect();
    // EPS-9
    if tracker.is_stale(key, &slices) {
        return Plan { failed: true, ..Plan::default() };
    }
    let (wanted, failed) = wanted(service, informers, context);
    // Those of an earlier Service of this name go, and one that is being deleted gets no new ones (S28 `reconciler.go`
    // `reconcileByAddressType`, `finalize`).
    let (own, others): (Vec<_>, Vec<_>) = slices.into_iter().partition(|slice| is_owned(slice, service));
    let mut writes: VecDeque<Request> = arrange(service, &own, wanted).into();
    writes.extend(others.iter().map(|slice| deletion_of(slice)));
    if service.is_deleting() {
        writes.retain(|write| !matches!(write, Request::Create(_)));
    }
    Plan { writes, failed, deletes: false }
}

/// Does the Service own the slice, and not one of its name that was before it?
fn is_owned(slice: &EndpointSlice, service: &Service) -> bool {
    let mut owners = slice.metadata.owner_references.iter().flatten();
    owners.any(|owner| owner.kind == "Service" && owner.uid == service.uid().as_str())
}

fn deletion_of(slice: &EndpointSlice) -> Request {
    Request::Delete(Resource::EndpointSlice, slice.key(), DeleteOptions::default())
}

/// The endpoints that there should be, by pod. A pod whose node is missing is left out, and the sync fails (EPS-5).
fn wanted(
    service: &Service,
    informers: &Informers,
    context: &Context<'_>,
) -> (BTreeMap<Uid, Endpoint>, bool) {
    let (mut endpoints, mut failed) = (BTreeMap::new(), false);
    let takes_part = |pod: &&Arc<Pod>| selects(service, pod) && takes_part(pod, service, context.release);
    for pod in informers.pods.cache().iter().map(|(_, pod)| pod).filter(takes_part) {
        let node = node_of(pod).and_then(|name| informers.nodes.cache().get(&Key::global(name)));
        if node.is_none() && !publishes_not_ready(service) {
            failed = true;
            continue;
        }
        let endpoint = endpoint_of(pod, node.map(|node| &**node), service, context.release, context.slips);
        endpoints.insert(pod.uid(), endpoint);
    }
    (endpoints, failed)
}

/// Endpoints stay in the slice that they are in; new ones go where there is room, then into a new slice. A slice without
/// endpoints is removed, unless it is the only one.
fn arrange(
    service: &Service,
    slices: &[Arc<EndpointSlice>],
    mut wanted: BTreeMap<Uid, Endpoint>,
) -> Vec<Request> {
    let ports = ports_of(service);
    let mut arranged: Vec<(&Arc<EndpointSlice>, Vec<Endpoint>)> = slices
        .iter()
        .map(|slice| {
            let uid = |endpoint: &Endpoint| endpoint.target_ref.as_ref()?.uid.as_deref().map(Uid::from);
            let kept = slice
                .endpoints
                .iter()
                .flatten()
                .filter_map(|endpoint| wanted.remove(&uid(endpoint)?))
                .collect();
            (slice, kept)
        })
        .collect();
    let mut left: Vec<Endpoint> = wanted.into_values().collect();
    for (_, endpoints) in &mut arranged {
        let room = ENDPOINTS_MAX.saturating_sub(endpoints.len()).min(left.len());
        endpoints.extend(left.drain(..room));
    }
    let mut creates = Vec::new();
    let none = arranged.is_empty();
    while !left.is_empty() || none && creates.is_empty() {
        let rest = left.split_off(left.len().min(ENDPOINTS_MAX));
        creates.push(Request::Create(
            new_slice(service, std::mem::replace(&mut left, rest), ports.clone()).into(),
        ));
    }
    let empty = arranged.iter().filter(|(_, endpoints)| endpoints.is_empty()).count();
    // The last one stays, empty.
    let mut removable =
        if empty == arranged.len() && creates.is_empty() { empty.saturating_sub(1) } else { empty };
    let (mut updates, mut deletes) = (Vec::new(), Vec::new());
    for (slice, endpoints) in arranged {
        if endpoints.is_empty() && removable > 0 {
            removable -= 1;
            deletes.push(deletion_of(slice));
        } else if slice.endpoints.as_ref() != Some(&endpoints) || slice.ports != ports {
            let mut slice = (**slice).clone();
            slice.endpoints = Some(endpoints);
            slice.ports.clone_from(&ports);
            updates.push(Request::Update(slice.into()));
        }
    }
    creates.into_iter().chain(updates).chain(deletes).collect()
}

fn new_slice(service: &Service, endpoints: Vec<Endpoint>, ports: Option<Vec<EndpointPort>>) -> EndpointSlice {
    let name = service.metadata.name.clone().unwrap_or_default();
    let labels = [(SERVICE_NAME_LABEL, name.as_str()), MANAGED_BY];
    EndpointSlice {
        address_type: "IPv4".to_owned(),
        endpoints: Some(endpoints),
        metadata: ObjectMeta {
            generate_name: Some(format!("{name}-")),
            namespace: service.metadata.namespace.clone(),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".to_owned(),
                kind: "Service".to_owned(),
                name,
                uid: service.uid().as_str().to_owned(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            }]),
            ..ObjectMeta::default()
        },
        ports,
    }
}

/// The ports of the pods behind the Service. A target port by name is not looked up: its own number is left open.
fn ports_of(service: &Service) -> Option<Vec<EndpointPort>> {
    let ports = service.spec.as_ref()?.ports.as_ref()?;
    let target = |port: &ServicePort| match &port.target_port {
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(_)) => None,
        None => Some(port.port),
    };
    let endpoint_port = |port: &ServicePort| EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        port: target(port),
        protocol: port.protocol.clone().or_else(|| Some("TCP".to_owned())),
        app_protocol: port.app_protocol.clone(),
    };
    Some(ports.iter().map(endpoint_port).collect())
}
