//! Writes of EndpointSlices.

use std::collections::BTreeSet;
use std::rc::Rc;

use podproof_model::Cluster;
use podproof_model::state::Endpoint;
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, EndpointSlice, Watcher};

use super::Known;
use crate::matching::actor::Actor;
use crate::matching::plan::{Deed, Plan};
use crate::record::{EndpointFacts, Facts, SliceFacts, Verb, Write};

/// What a write of an EndpointSlice asks of the model.
pub fn plan(known: &Known<'_, '_>, actor: &Actor, write: &Write) -> Plan {
    let subject = known.subject;
    let Some(object) = &write.object else { return Plan::NotHere };
    let Facts::EndpointSlice(slice) = &object.facts else { return Plan::NotHere };
    if !subject.is_near(&write.namespace) || subject.service.as_deref() != Some(&*slice.service) {
        return Plan::NotHere;
    }
    if write.verb == Verb::Delete {
        if matches!(actor, Actor::Kubelet(_) | Actor::Scheduler) || is_of_pods(actor) {
            return super::not_theirs(write, "remove EndpointSlices");
        }
        return Plan::NotModelled("the removal of EndpointSlices".into());
    }
    let by_controller =
        matches!(actor, Actor::Controller(controller) if &**controller == "endpointslice-controller");
    let mut wanted: Vec<(PodId, Endpoint)> = Vec::new();
    for endpoint in &slice.endpoints {
        let Some(name) = &endpoint.pod else { continue };
        let uid = endpoint.uid.as_deref().unwrap_or_default();
        let Some(pod) = known.names.pod(name, uid) else {
            // Pods of other workloads are none of this one's; but the controller has addresses from pods that have them.
            if by_controller && known.names.at(&endpoint.address).is_none() && !known.names.has_strangers() {
                return Plan::Wrong(format!(
                    "{name} at {}, an address that no pod has had",
                    endpoint.address
                ));
            }
            continue;
        };
        if by_controller && wanted.iter().any(|(other, _)| *other == pod) {
            return Plan::Wrong(format!("{name} stands in it twice"));
        }
        let Some(address) = known.names.address(pod, &endpoint.address) else {
            // In the model a pod gets its address with its sandbox, and one in the host network has that of its node before.
            if subject.traits.in_host_network && !endpoint.ready {
                continue;
            }
            return Plan::Wrong(format!("{name} was not seen to have {}", endpoint.address));
        };
        if let Some(why) = misplaced(known, pod, endpoint).filter(|_| by_controller) {
            return Plan::Wrong(format!("{name} {why}"));
        }
        let entry = Endpoint::new()
            .with_address(Some(address))
            .with_ready(endpoint.ready)
            .with_serving(endpoint.serving)
            .with_terminating(endpoint.terminating);
        wanted.push((pod, entry));
    }
    if by_controller && let Some(why) = other_ports(known, slice).filter(|_| !wanted.is_empty()) {
        return Plan::Wrong(why);
    }
    let is = move |cluster: &Cluster<'_>| {
        cluster.pod_ids().all(|pod| {
            let entry =
                wanted.iter().find(|(other, _)| *other == pod).map_or(Endpoint::new(), |&(_, entry)| entry);
            cluster.pod(pod).slice == entry
        })
    };
    if is(known.cluster) {
        return Plan::Nothing;
    }
    match actor {
        _ if by_controller => {
            let write = Action::EndpointSlice(EndpointSlice::WriteSlice);
            let says = slice
                .endpoints
                .iter()
                .map(|endpoint| {
                    let mark = |is: bool, letter: char| if is { letter } else { '-' };
                    format!(
                        "{}:{}{}{}",
                        endpoint.pod.as_deref().unwrap_or(&endpoint.address),
                        mark(endpoint.ready, 'r'),
                        mark(endpoint.serving, 's'),
                        mark(endpoint.terminating, 't')
                    )
                })
                .collect::<Vec<_>>()
                .join(" ");
            Plan::By(Deed::steps(Watcher::ControllerManager, vec![write]).then(says, Box::new(is)))
        }
        Actor::Client(_) => Plan::NotModelled("EndpointSlices that others write".into()),
        _ => super::not_theirs(write, "write EndpointSlices"),
    }
}

/// Is this a controller that has nothing to do with Services?
fn is_of_pods(actor: &Actor) -> bool {
    let Actor::Controller(controller) = actor else { return false };
    matches!(
        &**controller,
        "replicaset-controller"
            | "deployment-controller"
            | "node-controller"
            | "pod-garbage-collector"
            | "disruption-controller"
    )
}

/// Why the endpoint of a pod is not the one that the controller makes of it: it has the pod's node and its one address of the slice's
/// family (`pkg/controller/endpointslice/utils.go`, `podToEndpoint`).
fn misplaced(known: &Known<'_, '_>, pod: PodId, endpoint: &EndpointFacts) -> Option<String> {
    if endpoint.more_addresses > 0 {
        return Some(format!("has {} addresses", endpoint.more_addresses + 1));
    }
    let (node, home) = (endpoint.node.as_ref()?, known.names.home(pod)?);
    (known.names.node(node) != Some(home))
        .then(|| format!("is on {}, and not on {node}", known.names.node_name(home)))
}

/// Why the ports of a slice are not those of its Service (`getEndpointPorts`, in the same file); nothing if those are not known.
fn other_ports(known: &Known<'_, '_>, slice: &SliceFacts) -> Option<String> {
    let wanted = known.subject.ports.as_ref()?;
    let words = |ports: &BTreeSet<(u16, Rc<str>)>| {
        ports.iter().map(|(port, protocol)| format!("{port}/{protocol}")).collect::<Vec<_>>().join(", ")
    };
    (slice.ports != *wanted)
        .then(|| format!("its Service sends to {}, and the slice to {}", words(wanted), words(&slice.ports)))
}
