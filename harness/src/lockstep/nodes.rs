//! The node lifecycle controller: the runtime's own.
//!
//! Its passes are hidden steps. Before one every node renews its lease, but for a node that the model makes Unknown. What passes and
//! workers decide stays on its way until the model takes that step, or would not decide it any more.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Node;
use podproof_model::Cluster;
use podproof_runtime::api::constants::taint::NO_EXECUTE;
use podproof_runtime::api::{Key, Patch, Request, Resource};
use podproof_runtime::client::{Call, CallId};
use podproof_runtime::clock::Moment;
use podproof_runtime::operation::{Component, Queue, Timer};
use podproof_runtime::{Operation, Step};
use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Component as Lane, NodeLifecycle};
use podproof_vocabulary::observation::{NodeReady, TaintsSeen};
use podproof_vocabulary::scenario::Scenario;

use super::controllers::OWN as MANAGER;
use super::observed::taints_seen;
use super::views::node_ready;
use super::{HIDDEN_MAX, Running};
use crate::{ModelSystem, Refused};

const OWN: Component = Component::NodeLifecycle;

/// Where leases of nodes are.
const LEASES: &str = "kube-node-lease";

/// Longer than any node may be silent, by so many milliseconds.
const BEYOND_GRACE: u64 = 1_000;

impl Running {
    fn watches_nodes(&self) -> bool {
        self.covered.has(Lane::NodeLifecycleController)
    }

    /// A step of the controller.
    pub(super) fn watch_nodes(&mut self, step: NodeLifecycle, rest: &ModelSystem) -> Result<(), Refused> {
        let action = Action::NodeLifecycle(step);
        for _ in 0..HIDDEN_MAX {
            match step {
                NodeLifecycle::MarkNodeUnknown { node } => self.fall_silent(node, &action)?,
                NodeLifecycle::TaintNoExecute { node } => self.wait_for_taint(node, &action)?,
                NodeLifecycle::TaintNoSchedule { .. } | NodeLifecycle::MarkPodNotReady { .. } => {}
            }
            let call = self.call_for(OWN, &action);
            let call = call.ok_or_else(|| self.waits_for_news("the controller has not decided it".into()))?;
            if self.is_allowed(call, &[action], rest) {
                return match self.carry_out(OWN, call)? {
                    Err(error) if !matches!(step, NodeLifecycle::MarkPodNotReady { pod } if self.is_gone(pod)) => {
                        Err(Refused::because(format!("the API server says {error}")))
                    }
                    _ => Ok(()),
                };
            }
            if self.is_made_from_old_copy(&action, rest) {
                let why = "the patch is made from what is stored, and the copy is older (API-3)";
                return Err(Refused::later(why));
            }
            if self.is_dark() && !self.sees_ready_node() {
                return Err(Refused::later("the controller knows already that no node is Ready (NLC-16)"));
            }
            // It was decided while no node was Ready. That is over, and the next pass waits for what this one has sent.
            self.complete(OWN, Step::LoseRequest(call))?;
        }
        Err(Refused::because("the controller never decides it"))
    }

    /// A pass finds that a node was silent for longer than it may be (NLC-3). If its copy is older than it looks, the controller reads
    /// the node and tries again.
    fn fall_silent(&mut self, node: NodeId, action: &Action) -> Result<(), Refused> {
        self.pass_over_nodes(Some(node))?;
        for _ in 0..HIDDEN_MAX {
            if self.call_for(OWN, action).is_some() {
                return Ok(());
            }
            let Some(call) = self.unseen_call(OWN) else { break };
            let _conflict = self.carry_out(OWN, call)?;
        }
        Err(self.waits_for_news("a pass does not find the node silent".into()))
    }

    /// The zone of a node comes to taint it; before it, others that wait there (NLC-11).
    fn wait_for_taint(&mut self, node: NodeId, action: &Action) -> Result<(), Refused> {
        let next = Step::Wake(Timer::TaintPass);
        for _ in 0..HIDDEN_MAX {
            if self.call_for(OWN, action).is_some() {
                return Ok(());
            }
            if let Some(call) = self.unseen_call(OWN) {
                let _unchanged = self.carry_out(OWN, call)?;
                continue;
            }
            match self.due(OWN, &next) {
                Some(due) => {
                    self.pass_until(due)?;
                    self.complete(OWN, next.clone())?;
                }
                None if self.calls_of(OWN).next().is_some() => {
                    return Err(Refused::later("a zone taints one node after the other (NLC-11)"));
                }
                None => break,
            }
        }
        if self.is_dark() {
            return Err(Refused::for_good(
                "taints come off in the pass that finds no node Ready, no others (NLC-16)",
            ));
        }
        if self.manager().is_some_and(|manager| manager.node_lifecycle().is_held_back(&self.node_key(node))) {
            return Err(Refused::for_good("no node of this zone is tainted since all were dark (NLC-15)"));
        }
        Err(self.waits_for_news("the node does not wait for a taint".into()))
    }

    /// A pass over all nodes; all have renewed their leases but this one.
    fn pass_over_nodes(&mut self, silent: Option<NodeId>) -> Result<(), Refused> {
        let monitor = Step::Wake(Timer::NodeMonitor);
        let due = self.due(OWN, &monitor);
        let due = due.ok_or_else(|| Refused::later("the pass before waits for answers (NLC-1)"))?;
        let grace = u64::from(self.scenario.release.node_monitor_grace_seconds()) * 1_000 + BEYOND_GRACE;
        self.pass_until(match silent {
            Some(_) => due.max(Moment(self.cluster.now().0 + grace)),
            None => due,
        })?;
        self.renew_leases(silent)?;
        self.complete(OWN, monitor)
    }

    /// Every node but this one renews its lease, and the controller sees that.
    fn renew_leases(&mut self, silent: Option<NodeId>) -> Result<(), Refused> {
        let silent = silent.map(|node| self.node_key(node));
        let now = self.cluster.now().to_micro_time();
        let nodes = self.cluster.server().store().all::<Node>().map(|(key, _)| key.clone());
        for node in nodes.filter(|node| Some(node) != silent.as_ref()).collect::<Vec<_>>() {
            let stored = self.cluster.server().store().get::<Lease>(&Key::new(LEASES, node.name())).cloned();
            let is_new = stored.is_none();
            let mut lease = stored.unwrap_or_default();
            lease.metadata.name = Some(node.name().to_owned());
            lease.metadata.namespace = Some(LEASES.to_owned());
            lease.spec.get_or_insert_with(LeaseSpec::default).renew_time = Some(now.clone());
            let lease = lease.into();
            self.call(if is_new { Request::Create(lease) } else { Request::Update(lease) })?;
        }
        while self.next_event(MANAGER, Resource::Lease).is_some() {
            self.deliver_next(MANAGER, Resource::Lease)?;
        }
        Ok(())
    }

    /// After a step: workers take what changed, a pass follows news of nodes, and what is not decided any more is given up.
    pub(super) fn settle_nodes(
        &mut self,
        enabled: &[Action],
        rest: &ModelSystem,
        pending: &[Operation],
    ) -> Result<bool, Refused> {
        if !self.watches_nodes() {
            return Ok(false);
        }
        let mut found = false;
        for call in self.calls_of(OWN).map(|(call, _)| call).collect::<Vec<_>>() {
            found |= self.settle_decision(call, enabled, rest)?;
        }
        let fresh = if found { self.operations_of(MANAGER) } else { Vec::new() };
        let pending = if found { &fresh } else { pending };
        let mut steps = pending.iter().filter(|own| own.component == OWN).map(|own| &own.step);
        let is_due = steps.clone().any(|step| *step == Step::Wake(Timer::NodeMonitor));
        if let Some(work) = steps.find(|step| matches!(step, Step::Work(..))) {
            self.take_work(work.clone(), enabled, rest)?;
            return Ok(true);
        }
        // One pass after the other: the next begins when all that the last one sent was answered (NLC-1).
        let may_pass =
            is_due || self.news_of_nodes && self.due(OWN, &Step::Wake(Timer::NodeMonitor)).is_some();
        if may_pass {
            self.news_of_nodes = false;
            self.pass_in_vain(enabled, rest)?;
        }
        Ok(found || may_pass)
    }

    /// A worker takes a node or a pod. That a pod is marked because it has just been bound to a node that is not Ready is not in the
    /// model (NLC-7).
    fn take_work(&mut self, work: Step, enabled: &[Action], rest: &ModelSystem) -> Result<(), Refused> {
        let is_pod = matches!(work, Step::Work(Queue::Pods, _));
        for call in self.fresh_calls(|own| own.complete(OWN, work))? {
            match is_pod {
                true => self.complete(OWN, Step::LoseRequest(call))?,
                false => self.check_decision(call, enabled, rest)?,
            }
        }
        Ok(())
    }

    /// A pass for which the model need not have a step: what it decides, the model must allow.
    fn pass_in_vain(&mut self, enabled: &[Action], rest: &ModelSystem) -> Result<(), Refused> {
        let known: Vec<NodeId> =
            NodeId::first(self.scenario.nodes.len()).filter(|&node| self.has_seen(node)).collect();
        for call in self.fresh_calls(|own| own.pass_over_nodes(None))? {
            let node = self.cluster.calls().get(call).and_then(|call| match &call.request {
                Request::Patch(Resource::Node, node, ..) => self.node_named(node.name()),
                _ => None,
            });
            let is_allowed = self.is_allowed(call, enabled, rest);
            match node {
                // A node that is seen for the first time is taken to be reachable (`classifyNodes`), in the model it is what it says.
                Some(node) if !is_allowed && !known.contains(&node) => {
                    self.complete(OWN, Step::LoseRequest(call))?;
                }
                _ => self.check_decision(call, enabled, rest)?,
            }
        }
        Ok(())
    }

    fn has_seen(&self, node: NodeId) -> bool {
        self.manager().is_some_and(|manager| manager.node_lifecycle().knows(&self.node_key(node)))
    }

    /// The pass that finds no node Ready takes the NoExecute taints off of every node that its copy has with one (NLC-16).
    pub(super) fn check_darkness(&self) -> Result<(), Refused> {
        let Some(manager) = self.manager().filter(|_| self.watches_nodes() && self.is_dark()) else {
            return Ok(());
        };
        let is_lightened = |key: &Key| {
            let mut own = self.cluster.calls().iter().filter(|call| call.caller == OWN && takes_off(call));
            own.any(|call| matches!(&call.request, Request::Patch(_, node, ..) if node == key))
        };
        let mut nodes = manager.informers().nodes.cache().iter();
        match nodes.find(|(key, node)| is_tainted(&self.scenario, node) && !is_lightened(key)) {
            Some((key, _)) => Err(Refused::because(format!(
                "no node is Ready, and {key} keeps its NoExecute taint (NLC-16)"
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn is_dark(&self) -> bool {
        self.manager().is_some_and(|manager| manager.node_lifecycle().is_dark())
    }

    /// The calls that something brings about.
    fn fresh_calls(
        &mut self,
        happens: impl FnOnce(&mut Self) -> Result<(), Refused>,
    ) -> Result<Vec<CallId>, Refused> {
        let before: Vec<CallId> = self.calls_of(OWN).map(|(call, _)| call).collect();
        happens(self)?;
        Ok(self.calls_of(OWN).map(|(call, _)| call).filter(|call| !before.contains(call)).collect())
    }

    /// What was decided just now must be what the model would decide. In the pass that finds no node Ready NoExecute taints are still
    /// swapped before that is judged, and then they come off (NLC-16); nothing else is decided there that the model would not.
    fn check_decision(
        &mut self,
        call: CallId,
        enabled: &[Action],
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        if self.is_allowed(call, enabled, rest) {
            return Ok(());
        }
        let is_night = self.is_dark() || !self.sees_ready_node();
        if is_night && self.cluster.calls().get(call).is_some_and(|call| self.adds_no_taint(call)) {
            return Ok(());
        }
        let meaning = self.cluster.calls().get(call).and_then(|call| self.meaning(call));
        if meaning.is_some_and(|action| self.is_made_from_old_copy(&action, rest)) {
            return Ok(());
        }
        let request = self.cluster.calls().get(call).map(|call| call.request.clone());
        Err(Refused::because(format!("the controller decides what the model would not: {request:?}")))
    }

    /// Before 1.26 a patch of taints is made from what a read of the node says, and carries no version. That read may be as old as the
    /// controller's copy, as in the model, or newer, as here (kubernetes/kubernetes#113136, kubernetes/kubernetes#126755).
    fn is_made_from_old_copy(&self, action: &Action, rest: &ModelSystem) -> bool {
        let Action::NodeLifecycle(
            NodeLifecycle::TaintNoSchedule { node } | NodeLifecycle::TaintNoExecute { node },
        ) = *action
        else {
            return false;
        };
        let (model, state) = rest.model();
        let is_old = |cluster: &Cluster<'_>| {
            let column = cluster.node(node);
            column.api.taints() != column.controller.taints()
        };
        !self.scenario.release.taint_patches_carry_versions() && model.open(state, is_old)
    }

    /// Does this call take NoExecute taints off, or give a node another in the place of one that the copy has?
    fn adds_no_taint(&self, call: &Call) -> bool {
        let Request::Patch(Resource::Node, key, _, Patch::NodeTaints { add, .. }) = &call.request else {
            return false;
        };
        let seen = self.manager().and_then(|manager| manager.informers().nodes.cache().get(key));
        let swaps = add.iter().all(|taint| taint.effect == NO_EXECUTE)
            && seen.is_some_and(|node| is_tainted(&self.scenario, node));
        takes_off(call) || swaps
    }

    fn sees_ready_node(&self) -> bool {
        let ready = |node: &Node| node_ready(node) == NodeReady::True;
        self.manager()
            .is_some_and(|manager| manager.informers().nodes.cache().iter().any(|(_, node)| ready(node)))
    }

    /// Does this call change nothing, or what a step of the model would change now?
    fn is_allowed(&self, call: CallId, enabled: &[Action], rest: &ModelSystem) -> bool {
        let Some(call) = self.cluster.calls().get(call) else { return true };
        let Some(action) = self.meaning(call) else { return true };
        enabled.contains(&action)
            && match (self.taints_after(call), &action) {
                (
                    Some(taints),
                    Action::NodeLifecycle(
                        NodeLifecycle::TaintNoSchedule { node } | NodeLifecycle::TaintNoExecute { node },
                    ),
                ) => {
                    let (model, state) = rest.model();
                    let after = model.apply(state, &action);
                    taints == model.open(&after, |cluster| cluster.node(*node).api.taints())
                }
                _ => true,
            }
    }

    /// A call that was sent before: it is carried out if it changes nothing, and given up if the model would not decide it any more.
    fn settle_decision(
        &mut self,
        call: CallId,
        enabled: &[Action],
        rest: &ModelSystem,
    ) -> Result<bool, Refused> {
        let sent = self.cluster.calls().get(call);
        let meaning = sent.and_then(|call| self.meaning(call));
        // What total darkness takes off is decided once, as the controller learns of its own write before the news of it come.
        let waits = self.is_dark() && sent.is_some_and(takes_off);
        match meaning {
            None => {
                let _unchanged = self.carry_out(OWN, call)?;
            }
            Some(_) if waits || self.is_allowed(call, enabled, rest) => return Ok(false),
            // The model forgets what it planned when it sees that the pod is gone.
            Some(Action::NodeLifecycle(NodeLifecycle::MarkPodNotReady { pod })) if self.is_gone(pod) => {
                let _not_found = self.carry_out(OWN, call)?;
            }
            Some(_) => self.complete(OWN, Step::LoseRequest(call))?,
        }
        Ok(true)
    }

    /// The taints that a node has when this patch of them is written.
    pub(super) fn taints_after(&self, call: &Call) -> Option<TaintsSeen> {
        let Request::Patch(Resource::Node, key, _, Patch::NodeTaints { add, remove }) = &call.request else {
            return None;
        };
        let mut node = self.cluster.server().store().get::<Node>(key)?.clone();
        let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
        taints.retain(|own| !remove.iter().any(|over| (&over.key, &over.effect) == (&own.key, &own.effect)));
        taints.extend(add.iter().cloned());
        Some(taints_seen(&self.scenario, &node))
    }
}

/// Has a node a NoExecute taint of this controller?
fn is_tainted(scenario: &Scenario, node: &Node) -> bool {
    let taints = taints_seen(scenario, node);
    taints.not_ready_no_execute || taints.unreachable_no_execute
}

/// Does this call take off NoExecute taints, and nothing else?
fn takes_off(call: &Call) -> bool {
    let Request::Patch(_, _, _, Patch::NodeTaints { add, remove }) = &call.request else { return false };
    add.is_empty() && remove.iter().all(|taint| taint.effect == NO_EXECUTE)
}
