//! One pass over all nodes, every 5 s (NLC-1): who is silent, whose pods are to be marked, who is to be tainted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;

use super::super::informers::{BY_NODE, Informers};
use super::health::judge;
use super::taints::{has, new_taint};
use super::zones::{Disruption, zone_of};
use super::{NodeLifecycle, mark_not_ready};
use crate::api::constants::{condition, is_ready, taint};
use crate::api::{ApiError, Key, Kind, Object, Patch, Request, Resource, Response};
use crate::clock::Moment;
use crate::context::Context;
use crate::operation::{Component, Refused};
use crate::slip::Slip;

/// `--node-monitor-period` (C-1).
const PERIOD: Duration = Duration::from_secs(5);

/// So often the conditions of one node are written in one pass (C-10).
const ATTEMPTS: u32 = 5;

/// Where leases of nodes are.
const LEASES: &str = "kube-node-lease";

/// A node with this label does not count for its zone (NLC-14).
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";

/// A pass under way.
#[derive(Debug, Default)]
pub struct Pass {
    /// Answers that are still to come.
    outstanding: usize,
    /// Taints come off of nodes that were not seen before: until the pass is over none is tainted (S28
    /// `node_lifecycle_controller.go` `evictorLock`).
    welcomes: bool,
    /// Ready nodes and all nodes, by zone.
    seen: BTreeMap<String, (usize, usize)>,
}

/// What an answer is for.
#[derive(Debug)]
pub enum Purpose {
    /// NoSchedule taints of a node.
    Mirror(Key),
    /// Ready=False of one pod that was bound to a silent node.
    MarkOne(Key),
    /// The NoExecute taint of a node that waited for it.
    Taint(Key),
    /// The conditions of a silent node.
    Flip { node: Arc<Node>, observed: String, attempts: u32 },
    /// A newer copy of a silent node, as its conditions could not be written.
    Reread { attempts: u32 },
    /// Ready=False of a pod of a silent node.
    Mark(Key),
    /// Taints that are swapped or taken off at once; the pass waits for it, unless it was over.
    Untaint { awaited: bool },
}

impl NodeLifecycle {
    pub(super) fn begin_pass(
        &mut self,
        informers: &Informers,
        context: &mut Context<'_>,
    ) -> Result<(), Refused> {
        if !self.monitor_at.is_some_and(|at| context.clock.is_due(at)) {
            return Err(Refused);
        }
        self.monitor_at = None;
        self.pass = Some(Pass::default());
        let nodes: Vec<Arc<Node>> =
            informers.nodes.cache().iter().map(|(_, node)| Arc::clone(node)).collect();
        self.health.retain(|key, _| informers.nodes.cache().get(key).is_some());
        self.retry_marks.retain(|key| informers.nodes.cache().get(key).is_some());
        // A node that is seen for the first time is taken to be reachable. Kubernetes: `monitorNodeHealth`, `classifyNodes`.
        for node in &nodes {
            if !self.health.contains_key(&node.key()) {
                self.mark_reachable(node, context);
            }
        }
        if let Some(pass) = &mut self.pass {
            pass.welcomes = pass.outstanding > 0;
        }
        for node in nodes {
            self.look_at(&node, 1, informers, context);
        }
        self.end_pass(informers, context);
        Ok(())
    }

    pub(super) fn proceed_pass(
        &mut self,
        purpose: Purpose,
        answer: Result<Response, ApiError>,
        informers: &Informers,
        context: &mut Context<'_>,
    ) {
        if let Some(pass) = &mut self.pass
            && !matches!(purpose, Purpose::Untaint { awaited: false })
        {
            pass.outstanding -= 1;
        }
        match (purpose, answer) {
            (Purpose::Flip { observed, .. }, Ok(Response::Object(Object::Node(node)))) => {
                if let Some(health) = self.health.get_mut(&node.key()) {
                    health.set_ready(&node);
                }
                self.conclude(&node, &observed, informers, context);
            }
            // Skipped until the next pass.
            (Purpose::Flip { attempts, .. }, _) if attempts >= ATTEMPTS => {}
            (Purpose::Flip { node, attempts, .. }, _) => {
                let get = Request::Get(Resource::Node, node.key());
                self.send(Purpose::Reread { attempts }, get, context);
            }
            (Purpose::Reread { attempts }, Ok(Response::Object(Object::Node(node)))) => {
                self.look_at(&node, attempts + 1, informers, context);
            }
            // NLC-8
            (Purpose::Mark(node), Err(error))
                if error != ApiError::NotFound && !context.has(Slip::NotReadyMarkNotRetried) =>
            {
                self.retry_marks.insert(node);
            }
            _ => {}
        }
        self.end_pass(informers, context);
    }

    /// Is this node silent?
    fn look_at(&mut self, node: &Arc<Node>, attempts: u32, informers: &Informers, context: &mut Context<'_>) {
        let key = node.key();
        let lease = informers.leases.cache().get(&Key::new(LEASES, key.name()));
        let mut health = self.health.remove(&key);
        let lease = lease.map(|lease| &**lease);
        let judgement = judge(&mut health, node, lease, context.release, context.slips, context.now());
        self.health.extend(health.map(|health| (key, health)));
        match judgement.flipped {
            Some(flipped) => {
                let purpose =
                    Purpose::Flip { node: Arc::clone(node), observed: judgement.observed, attempts };
                self.send(purpose, Request::UpdateStatus(flipped.into()), context);
            }
            None => self.conclude(node, &judgement.observed, informers, context),
        }
    }

    /// What follows for a node whose condition is settled for this pass. Taints go by what was observed *before* the flip
    /// (NLC-9); pods are marked only if the flip was this controller's own (NLC-6, NLC-7).
    fn conclude(
        &mut self,
        node: &Arc<Node>,
        observed: &str,
        informers: &Informers,
        context: &mut Context<'_>,
    ) {
        let key = node.key();
        let ready = crate::api::constants::node_condition(node, condition::READY);
        let ready = ready.map(|ready| ready.status.clone());
        if node.label(EXCLUDED).is_none()
            && let Some(pass) = &mut self.pass
        {
            let (ready_count, total) = pass.seen.entry(zone_of(node)).or_default();
            *ready_count += usize::from(ready.as_deref() == Some(condition::TRUE));
            *total += 1;
        }
        let Some(ready) = ready else { return };
        self.taint_by(node, observed, context);
        let retries = self.retry_marks.remove(&key);
        let flipped = ready != condition::TRUE && observed == condition::TRUE;
        if flipped || retries && observed != condition::TRUE {
            let pods = informers.pods.cache().by_index(BY_NODE, key.name());
            for (_, pod) in pods.filter(|(_, pod)| is_ready(pod)) {
                let call = mark_not_ready(pod, context);
                self.calls.insert(call, Purpose::Mark(key.clone()));
                self.count_call();
            }
        }
    }

    /// NLC-10
    fn taint_by(&mut self, node: &Arc<Node>, observed: &str, context: &mut Context<'_>) {
        let key = node.key();
        let (wanted, other) = match observed {
            condition::TRUE => {
                self.mark_reachable(node, context);
                return;
            }
            condition::FALSE => (taint::NOT_READY, taint::UNREACHABLE),
            _ => (taint::UNREACHABLE, taint::NOT_READY),
        };
        if has(node, other, taint::NO_EXECUTE) {
            self.swap_no_execute(node, wanted, other, self.untaint(), context);
            self.count_call();
        } else if has(node, wanted, taint::NO_EXECUTE) {
            self.zones.enqueue_once(&zone_of(node), &key, context.now());
        } else {
            self.zones.enqueue(&zone_of(node), &key, context.now());
        }
    }

    /// When the next node may be tainted.
    pub(super) fn next_taint(&self) -> Option<Moment> {
        self.zones.next_taint().filter(|_| self.pass.as_ref().is_none_or(|pass| !pass.welcomes))
    }

    /// Both NoExecute taints come off, one after the other, and the node does not wait for one any more. Kubernetes:
    /// `markNodeAsReachable`.
    fn mark_reachable(&mut self, node: &Node, context: &mut Context<'_>) {
        self.zones.remove(&node.key());
        let keys = [taint::UNREACHABLE, taint::NOT_READY].into_iter();
        let there: Vec<Patch> = keys
            .filter(|key| has(node, key, taint::NO_EXECUTE))
            .map(|key| new_taint(key, taint::NO_EXECUTE, context.now()))
            .map(|over| Patch::NodeTaints { add: Vec::new(), remove: vec![over] })
            .collect();
        if !there.is_empty() {
            self.patch_in_turn(&node.key(), there, self.untaint(), context);
            self.count_call();
        }
    }

    const fn untaint(&self) -> Purpose {
        Purpose::Untaint { awaited: self.pass.is_some() }
    }

    /// When nothing is outstanding, zones are judged, and the next pass is 5 s away.
    fn end_pass(&mut self, informers: &Informers, context: &mut Context<'_>) {
        let Some(pass) = self.pass.take_if(|pass| pass.outstanding == 0) else { return };
        self.monitor_at = Some(context.now() + PERIOD);
        if pass.seen.is_empty() {
            return;
        }
        match self.zones.judge(&pass.seen, context.now()) {
            Disruption::None => {}
            Disruption::Entered if context.has(Slip::FullDisruptionTaints) => {}
            Disruption::Entered => {
                // NLC-16
                for (_, node) in informers.nodes.cache().iter() {
                    self.mark_reachable(node, context);
                }
            }
            Disruption::Left => {
                // NLC-17
                self.health.values_mut().for_each(|health| health.renew(context.now()));
            }
        }
    }

    fn send(&mut self, purpose: Purpose, request: Request, context: &mut Context<'_>) {
        let call = context.calls.send(Component::NodeLifecycle, request);
        self.calls.insert(call, purpose);
        self.count_call();
    }

    /// One more answer to wait for, while a pass is under way.
    fn count_call(&mut self) {
        if let Some(pass) = &mut self.pass {
            pass.outstanding += 1;
        }
    }
}
