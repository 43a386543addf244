//! What a kubelet says of its node: whether it is ready. Its object is there, and its lease is renewed with those of all nodes before a
//! pass over them.

use k8s_openapi::api::core::v1::Node;
use podproof_runtime::Step;
use podproof_runtime::api::{Object, Patch, Request, Resource};
use podproof_runtime::client::{CallId, CallState};
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::node_status::{NodeStep, Readiness};
use podproof_runtime::operation::Component;
use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::NodeReady;

use super::index;
use crate::lockstep::views::node_ready;
use crate::lockstep::{HIDDEN_MAX, Running};
use crate::{ModelSystem, Refused};

impl Running {
    /// Its kubelet registers its node, if it has not since it started (NOD-5), and posts whether it is ready, when its next report is
    /// due (NOD-2, NOD-3).
    pub(super) fn report_node_status(&mut self, node: NodeId, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let after = model.apply(state, &Action::Kubelet(Kubelet::ReportNodeStatus { node }));
        let wanted = model.open(&after, |cluster| cluster.node(node).api.ready());
        let own = Component::Kubelet(index(node));
        let [register, report] =
            [NodeStep::Register, NodeStep::Report].map(|step| Step::Kubelet(KubeletStep::Node(step)));
        let (is_hung, is_down) = {
            let runtime = self.runtime(node)?;
            (runtime.faults().hung, runtime.faults().network_down)
        };
        let believes = self.kubelet(node).is_some_and(|own| own.parts().network_ready);
        if is_hung && is_down && believes {
            return Err(Refused::later("a runtime that hangs does not say that its network is not ready"));
        }
        // It says what it knows of its runtime, and that is of the last time that it asked.
        if let Some(due) = self.due(own, &Step::Kubelet(KubeletStep::CheckRuntime)) {
            self.pass_until(due)?;
        }
        for _ in 0..HIDDEN_MAX {
            self.settle_machine(node)?;
            if let Some((call, is_post)) = self.node_call(node) {
                let answer = self.carry_out(own, call)?;
                match (is_post, self.said_of_node(node)) {
                    (false, _) => continue,
                    (true, said) if said == Some(wanted) => return Ok(()),
                    (true, said) => {
                        let why = format!("it says {said:?} and not {wanted:?}: {answer:?}");
                        return Err(Refused::because(why));
                    }
                }
            }
            let steps = self.steps_of(own);
            if let Some(step) = [&register, &report].into_iter().find(|step| steps.contains(*step)) {
                self.complete(own, step.clone())?;
                continue;
            }
            let due = self.due(own, &report);
            self.pass_until(due.ok_or_else(|| Refused::because("no report of its node is due"))?)?;
        }
        Err(Refused::because("the node's status is never posted"))
    }

    /// What the kubelet of a node would post by itself (NOD-2): what it knows of its runtime now, if the API says another thing. It posts
    /// nothing while the node is cut off.
    pub(super) fn owed_of_node(&self, node: NodeId, rest: &ModelSystem) -> Option<Action> {
        let kubelet = self.kubelet(node).filter(|_| self.is_heard(node, rest))?;
        let knows = match kubelet.readiness(self.now()) {
            Readiness::Ready => NodeReady::True,
            Readiness::NotReady => NodeReady::False,
        };
        // It asks its runtime every 5 s, and does not know before that the network is gone; the model asks it for that then.
        let is_behind = knows == NodeReady::True && self.runtime(node).ok()?.faults().network_down;
        (!is_behind && self.said_of_node(node)? != knows)
            .then_some(Action::Kubelet(Kubelet::ReportNodeStatus { node }))
    }

    /// What the API says of a node.
    fn said_of_node(&self, node: NodeId) -> Option<NodeReady> {
        self.cluster.server().store().get::<Node>(&self.node_key(node)).map(node_ready)
    }

    /// The next request of a kubelet about its node that is on its way, and whether it is the one that posts its conditions.
    fn node_call(&self, node: NodeId) -> Option<(CallId, bool)> {
        let own = Component::Kubelet(index(node));
        self.cluster.calls().iter().find_map(|call| {
            let is_post = match &call.request {
                Request::Patch(Resource::Node, _, _, Patch::NodeConditions(_)) => true,
                Request::Get(Resource::Node, _)
                | Request::Patch(Resource::Node, ..)
                | Request::Create(Object::Node(_)) => false,
                _ => return None,
            };
            (call.caller == own && call.state == CallState::Sent).then_some((call.id, is_post))
        })
    }
}
