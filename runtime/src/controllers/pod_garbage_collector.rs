//! The pod garbage collector: pods that nobody will bring to an end (PGC-1 to PGC-8).
//!
//! Every 20 s it looks at all pods. A pod that has to go gets phase Failed, guarded by its UID, and is then deleted with grace 0
//! by name alone: a successor of the same name may be hit (PGC-7).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::Controller;
use super::informers::{BY_NODE, Informers};
use crate::api::constants::{condition, is_terminal, node_condition, node_of, phase, taint};
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::{ApiError, DeleteOptions, Key, Kind, Patch, Preconditions, Request, Resource, Response};
use crate::client::CallId;
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::{Component, Operation, Refused, Step, Timer};
use crate::slip::Slip;

/// How often it looks (C-12).
const PERIOD: Duration = Duration::from_secs(20);

/// How long a node must be missing before its pods are looked at (C-13).
const QUARANTINE: Duration = Duration::from_secs(40);

/// More terminal pods than this are collected (C-14).
const TERMINATED_MAX: usize = 12_500;

/// The controller.
#[derive(Debug, Default)]
pub struct PodGarbageCollector {
    next_at: Option<Moment>,
    /// Nodes that are missing, until when.
    quarantine: BTreeMap<String, Moment>,
    calls: BTreeMap<CallId, Purpose>,
    /// Pods that are under way.
    collecting: BTreeSet<Key>,
    /// What one pass still has to do: it goes from one to the next.
    left: VecDeque<Doomed>,
}

/// A pod that has to go, and why.
#[derive(Debug)]
struct Doomed {
    pod: Arc<Pod>,
    reason: Option<&'static str>,
}

/// What an answer is for.
#[derive(Debug)]
enum Purpose {
    /// A live look for a node that the cache does not have (PGC-3).
    Node(String),
    /// The phase, before the deletion.
    Fail(Arc<Pod>),
    /// The deletion.
    Delete(Key),
}

impl PodGarbageCollector {
    fn collect(&mut self, informers: &Informers, context: &mut Context<'_>) -> Result<(), Refused> {
        if !self.next_at.is_some_and(|at| context.clock.is_due(at)) {
            return Err(Refused);
        }
        self.next_at = Some(context.now() + PERIOD);
        self.collect_terminated(informers, TERMINATED_MAX);
        // From 1.26 on (gate NodeOutOfServiceVolumeDetach).
        if context.release.minor >= 26 {
            self.collect_out_of_service(informers);
        }
        self.collect_orphaned(informers, context);
        self.collect_unscheduled(informers);
        self.go_on(context);
        Ok(())
    }

    /// PGC-1: the excess, evicted ones first, then the oldest.
    fn collect_terminated(&mut self, informers: &Informers, max: usize) {
        let mut pods: Vec<_> = all_pods(informers).filter(|pod| is_terminal(pod)).cloned().collect();
        let excess = pods.len().saturating_sub(max);
        pods.sort_by_key(|pod| {
            let evicted = pod.status.as_ref().and_then(|status| status.reason.as_deref()) == Some("Evicted");
            let created = pod.metadata.creation_timestamp.as_ref().map(Moment::from_time);
            (!evicted, created, pod.key())
        });
        self.left.extend(pods.into_iter().take(excess).map(|pod| Doomed { pod, reason: None }));
    }

    /// PGC-2: a human said that the node is out of service.
    fn collect_out_of_service(&mut self, informers: &Informers) {
        let doomed = all_pods(informers).filter(|pod| {
            let node = node_of(pod).and_then(|name| informers.nodes.cache().get(&Key::global(name)));
            pod.is_deleting() && node.is_some_and(|node| is_out_of_service(node))
        });
        self.left.extend(doomed.cloned().map(|pod| Doomed { pod, reason: None }));
    }

    /// PGC-3: nodes whose object is missing are quarantined, then looked for live.
    fn collect_orphaned(&mut self, informers: &Informers, context: &mut Context<'_>) {
        let exists = |name: &str| informers.nodes.cache().get(&Key::global(name)).is_some();
        let missing: BTreeSet<&str> =
            all_pods(informers).filter_map(|pod| node_of(pod)).filter(|name| !exists(name)).collect();
        if context.has(Slip::OrphansNotQuarantined) {
            for name in missing {
                self.doom_node(name, informers);
            }
            return;
        }
        for name in missing {
            self.quarantine.entry(name.to_owned()).or_insert(context.now() + QUARANTINE);
        }
        let due: Vec<String> = self
            .quarantine
            .iter()
            .filter(|(_, until)| context.clock.is_due(**until))
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            match context.has(Slip::MissingNodeLookedAtOnce) {
                true => self.quarantine.insert(name.clone(), Moment(u64::MAX)),
                false => self.quarantine.remove(&name),
            };
            if !exists(&name) {
                let call = context
                    .calls
                    .send(Component::PodGarbageCollector, Request::Get(Resource::Node, Key::global(&name)));
                self.calls.insert(call, Purpose::Node(name));
            }
        }
    }

    /// PGC-4
    fn collect_unscheduled(&mut self, informers: &Informers) {
        let doomed = all_pods(informers).filter(|pod| pod.is_deleting() && node_of(pod).is_none());
        self.left.extend(doomed.cloned().map(|pod| Doomed { pod, reason: None }));
    }

    fn doom_node(&mut self, name: &str, informers: &Informers) {
        let pods = informers.pods.cache().by_index(BY_NODE, name);
        let doomed =
            |(_, pod): (&Key, &Arc<Pod>)| Doomed { pod: Arc::clone(pod), reason: Some("DeletionByPodGC") };
        self.left.extend(pods.map(doomed));
    }

    /// Sends the first write for every pod that has to go and is not under way already.
    fn go_on(&mut self, context: &mut Context<'_>) {
        while let Some(Doomed { pod, reason }) = self.left.pop_front() {
            let key = pod.key();
            if !self.collecting.insert(key.clone()) {
                continue;
            }
            // PGC-5
            if is_terminal(&pod) || !context.release.collector_fails_pods() {
                self.delete(key, context);
                continue;
            }
            let target = |reason| {
                new_pod_condition(condition::DISRUPTION_TARGET, condition::TRUE, reason, context.now())
            };
            let patch = PodStatusPatch {
                phase: Some(phase::FAILED.to_owned()),
                conditions: reason.map(target).into_iter().collect(),
                ..PodStatusPatch::default()
            };
            let preconditions = Preconditions::uid(pod.uid());
            let patch = Request::Patch(Resource::Pod, key, preconditions, Patch::PodStatus(patch));
            let call = context.calls.send(Component::PodGarbageCollector, patch);
            self.calls.insert(call, Purpose::Fail(pod));
        }
    }

    /// PGC-7
    fn delete(&mut self, key: Key, context: &mut Context<'_>) {
        let options = DeleteOptions { grace_seconds: Some(0), ..DeleteOptions::default() };
        let delete = Request::Delete(Resource::Pod, key.clone(), options);
        let call = context.calls.send(Component::PodGarbageCollector, delete);
        self.calls.insert(call, Purpose::Delete(key));
    }
}

fn all_pods(informers: &Informers) -> impl Iterator<Item = &Arc<Pod>> {
    informers.pods.cache().iter().map(|(_, pod)| pod)
}

/// Not Ready, and tainted out-of-service, with whatever effect (PGC-2).
fn is_out_of_service(node: &Node) -> bool {
    let ready = node_condition(node, condition::READY).is_some_and(|ready| ready.status == condition::TRUE);
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    !ready && taints.into_iter().flatten().any(|taint| taint.key == taint::OUT_OF_SERVICE)
}

impl Controller for PodGarbageCollector {
    fn start(&mut self, context: &Context<'_>) {
        self.next_at = Some(context.now());
    }

    fn notify(&mut self, _: Resource, _: &mut Informers, _: &mut Context<'_>) -> Result<(), Refused> {
        Err(Refused)
    }

    fn act(&mut self, step: &Step, informers: &Informers, context: &mut Context<'_>) -> Result<(), Refused> {
        match step {
            Step::Wake(Timer::CollectGarbage) => self.collect(informers, context),
            _ => Err(Refused),
        }
    }

    fn on_answer(
        &mut self,
        call: CallId,
        answer: Result<Response, ApiError>,
        informers: &Informers,
        context: &mut Context<'_>,
    ) {
        match self.calls.remove(&call) {
            Some(Purpose::Node(name)) if answer == Err(ApiError::NotFound) => {
                self.doom_node(&name, informers);
                self.go_on(context);
            }
            Some(Purpose::Fail(pod)) => match answer {
                Ok(_) => self.delete(pod.key(), context),
                // The next pass tries again.
                Err(_) => {
                    self.collecting.remove(&pod.key());
                }
            },
            Some(Purpose::Delete(key)) => {
                self.collecting.remove(&key);
            }
            // The node is there after all, or nobody knows: the next pass asks again.
            Some(Purpose::Node(_)) | None => {}
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        if self.next_at.is_some_and(|at| clock.is_due(at)) {
            let step = Step::Wake(Timer::CollectGarbage);
            operations.push(Operation::new(Component::PodGarbageCollector, step));
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.next_at
    }
}
