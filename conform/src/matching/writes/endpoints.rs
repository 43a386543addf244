//! Writes of EndpointSlices.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_model::Cluster;
use podproof_model::state::Endpoint;
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, EndpointSlice, Watcher};

use super::Known;
use crate::matching::actor::Actor;
use crate::matching::plan::{Deed, Plan};
use crate::matching::slices::Shown;
use crate::record::{EndpointFacts, Facts, SliceFacts, Verb, Write};

/// What a write of an EndpointSlice asks of the model.
pub fn plan(known: &Known<'_, '_>, actor: &Actor, write: &Write) -> Plan {
    let by_controller = is_controller(actor);
    let Some(slice) = slice_of(known, write) else {
        return match strange(known, write).filter(|_| by_controller) {
            Some(why) => Plan::Wrong(why),
            None => Plan::NotHere,
        };
    };
    let slice = &*slice;
    if known.slices.family(&write.name).is_some_and(|family| family != &*slice.family) {
        return Plan::Wrong("its addressType was another, and nobody changes that".into());
    }
    if by_controller
        && !write.only_asked
        && known.subject.service_from.is_some_and(|from| known.number < from)
    {
        return Plan::Wrong(format!("a slice of Service/{} before that is created", slice.service));
    }
    if write.verb == Verb::Delete {
        if matches!(actor, Actor::Kubelet(_) | Actor::Scheduler) || is_of_pods(actor) {
            return super::not_theirs(write, "remove EndpointSlices");
        }
        let is_last = !known.slices.elsewhere(known.names, &write.name, &slice.family).any;
        // Where the log shows how the Service was created, no slice of it is unknown.
        let is_known = known.subject.service_is_steady && known.subject.service_from.is_some();
        if is_last && by_controller && is_known && known.slices.has(&write.name) {
            let why = "the controller keeps the last slice of a Service, though it be empty";
            return Plan::Wrong(why.into());
        }
        if is_last || !by_controller {
            return Plan::NotModelled("the removal of EndpointSlices".into());
        }
    }
    let mut wanted: Vec<(PodId, Endpoint)> = Vec::new();
    let shown = if write.verb == Verb::Delete { &[][..] } else { &slice.endpoints };
    for endpoint in shown {
        match entry(known, by_controller, endpoint) {
            Ok(Some((pod, _))) if by_controller && wanted.iter().any(|(other, _)| *other == pod) => {
                return Plan::Wrong(format!("{} stands in it twice", known.names.pod_name(pod)));
            }
            Ok(found) => wanted.extend(found),
            Err(why) => return Plan::Wrong(why),
        }
    }
    if by_controller && let Some(why) = other_ports(known, slice).filter(|_| !wanted.is_empty()) {
        return Plan::Wrong(why);
    }
    let elsewhere = known.slices.elsewhere(known.names, &write.name, &slice.family);
    let now: BTreeMap<PodId, Endpoint> =
        known.cluster.pod_ids().map(|pod| (pod, known.cluster.pod(pod).slice)).collect();
    // What it says of pods that it does not show: nothing of those without an address of its family.
    let unaddressed = |pod: &PodId| !known.names.has_address_of(*pod, &slice.family);
    let outside: BTreeSet<PodId> = now.keys().copied().filter(unaddressed).collect();
    let is_alone = known.slices.is_alone(&write.name);
    let is = move |cluster: &Cluster<'_>, is_last: bool| {
        cluster.pod_ids().all(|pod| {
            let shown = cluster.pod(pod).slice;
            let before = now.get(&pod).copied().unwrap_or(Endpoint::new());
            match wanted.iter().find(|(other, _)| *other == pod) {
                Some(&(_, entry)) => shown == entry,
                None if !is_alone && outside.contains(&pod) => !is_last || shown == before,
                None if elsewhere.any && !is_last => true,
                None => match elsewhere.shown.get(&pod) {
                    Some(entry) => shown == *entry,
                    None => shown == Endpoint::new() || elsewhere.unknown && shown == before,
                },
            }
        })
    };
    // The others are as they are, or they are still to be written.
    let is = Rc::new(is);
    let (last, first) = (Rc::clone(&is), is);
    if first(known.cluster, is_alone) {
        return Plan::Nothing;
    }
    match actor {
        _ if by_controller && known.slices.is_open() => match known.slices.misfit(known.names, known.cluster)
        {
            Some(why) => {
                Plan::Wrong(format!("{why}, and the controller writes all slices of a Service in one go"))
            }
            None => Plan::Nothing,
        },
        _ if by_controller => {
            let steps = || {
                Deed::steps(
                    Watcher::ControllerManager,
                    vec![Action::EndpointSlice(EndpointSlice::WriteSlice)],
                )
            };
            let says = words(slice);
            let deed = steps().then(says.clone(), Box::new(move |cluster| last(cluster, true)));
            match is_alone {
                true => Plan::By(deed),
                false => {
                    Plan::By(deed.or(steps().then(says, Box::new(move |cluster| first(cluster, false)))))
                }
            }
        }
        Actor::Client(_) => Plan::NotModelled("EndpointSlices that others write".into()),
        _ => super::not_theirs(write, "write EndpointSlices"),
    }
}

/// Why nothing makes the controller write a slice that is of no Service of the workload: it was of its own, and a slice never goes over to
/// another, or it shows a pod that its Service has never selected (`pkg/controller/endpointslice/endpointslice_controller.go`, `syncService`).
fn strange(known: &Known<'_, '_>, write: &Write) -> Option<String> {
    let Facts::EndpointSlice(slice) = &write.object.as_ref()?.facts else { return None };
    if !known.subject.is_near(&write.namespace) || write.verb == Verb::Delete {
        return None;
    }
    if known.slices.has(&write.name) {
        return Some(format!("it was of another Service than {}", slice.service));
    }
    known.subject.strange_services.get(&slice.service)?;
    let own = slice.endpoints.iter().find_map(|endpoint| {
        known.names.pod(endpoint.pod.as_deref()?, endpoint.uid.as_deref().unwrap_or_default())
    })?;
    Some(format!("it shows {}, and Service/{} does not select it", known.names.pod_name(own), slice.service))
}

/// Is it the controller that writes the slices of Services which select pods?
pub fn is_controller(actor: &Actor) -> bool {
    matches!(actor, Actor::Controller(controller) if &**controller == "endpointslice-controller")
}

/// The slice that a write leaves, or removes, if it is of the workload's Service: of a removal that is answered with a Status no more than
/// its family is known.
fn slice_of<'w>(known: &Known<'_, '_>, write: &'w Write) -> Option<Cow<'w, SliceFacts>> {
    if !known.subject.is_near(&write.namespace) {
        return None;
    }
    match write.object.as_ref().map(|object| &object.facts) {
        Some(Facts::EndpointSlice(slice)) => {
            (known.subject.service.as_deref() == Some(&*slice.service)).then_some(Cow::Borrowed(slice))
        }
        _ if write.verb == Verb::Delete => {
            let (service, family) = (known.subject.service.clone()?, known.slices.family(&write.name)?);
            Some(Cow::Owned(SliceFacts { service, family: family.into(), ..SliceFacts::default() }))
        }
        _ => None,
    }
}

/// What the slice that a write leaves shows of the workload's pods: with its name and its facts, if it is of the workload's Service;
/// nothing, if it was removed, or goes over to another Service.
pub fn view(known: &Known<'_, '_>, write: &Write) -> Option<(SliceFacts, Option<Vec<Shown>>)> {
    if &*write.resource != "endpointslices" {
        return None;
    }
    let Some(slice) = slice_of(known, write) else {
        let Facts::EndpointSlice(slice) = &write.object.as_ref()?.facts else { return None };
        let goes = known.subject.is_near(&write.namespace) && known.slices.has(&write.name);
        return goes.then(|| (slice.clone(), None));
    };
    let slice = slice.into_owned();
    let shown = |endpoint: &EndpointFacts| {
        let (name, uid) = (endpoint.pod.clone()?, endpoint.uid.clone().unwrap_or_default());
        let (_, entry) = entry(known, false, endpoint).ok()??;
        Some((name, uid, entry))
    };
    let is_there = write.verb != Verb::Delete;
    let shows = is_there.then(|| slice.endpoints.iter().filter_map(shown).collect());
    Some((slice, shows))
}

/// What an endpoint is in the model; nothing, if it is none of the workload's pods.
///
/// # Errors
/// Why it cannot be one.
fn entry(
    known: &Known<'_, '_>,
    by_controller: bool,
    endpoint: &EndpointFacts,
) -> Result<Option<(PodId, Endpoint)>, String> {
    let Some(name) = &endpoint.pod else {
        return match by_controller {
            true => {
                Err(format!("{} is of no pod, and the controller has addresses from pods", endpoint.address))
            }
            false => Ok(None),
        };
    };
    let uid = endpoint.uid.as_deref().unwrap_or_default();
    let Some(pod) = known.names.pod(name, uid) else {
        // Pods of other workloads are none of this one's; but the controller has addresses from pods that have them.
        if by_controller && known.names.at(&endpoint.address).is_none() && !known.names.has_strangers() {
            return Err(format!("{name} at {}, an address that no pod has had", endpoint.address));
        }
        return Ok(None);
    };
    let Some(address) = known.names.address(pod, &endpoint.address) else {
        // In the model a pod gets its address with its sandbox, and one in the host network has that of its node before.
        if known.subject.traits.in_host_network && !endpoint.ready {
            return Ok(None);
        }
        return Err(format!("{name} was not seen to have {}", endpoint.address));
    };
    if let Some(why) = misplaced(known, pod, endpoint).filter(|_| by_controller) {
        return Err(format!("{name} {why}"));
    }
    let entry = Endpoint::new()
        .with_address(Some(address))
        .with_ready(endpoint.ready)
        .with_serving(endpoint.serving)
        .with_terminating(endpoint.terminating);
    Ok(Some((pod, entry)))
}

/// What a slice shows, in words.
fn words(slice: &SliceFacts) -> String {
    let word = |endpoint: &EndpointFacts| {
        let mark = |is: bool, letter: char| if is { letter } else { '-' };
        format!(
            "{}:{}{}{}",
            endpoint.pod.as_deref().unwrap_or(&endpoint.address),
            mark(endpoint.ready, 'r'),
            mark(endpoint.serving, 's'),
            mark(endpoint.terminating, 't')
        )
    };
    slice.endpoints.iter().map(word).collect::<Vec<_>>().join(" ")
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
