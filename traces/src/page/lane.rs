//! Lanes: one for each process that takes a step, in the order in which a pod's life flows.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Component, Container, Kubelet, Process, Proxy, Watch, Watcher};
use serde::Serialize;

use crate::names::Names;
use crate::trace::{Trace, TraceStep};

/// With more nodes than this, those of one kind share a lane.
const NODES_APART: usize = 3;

/// Who takes a step: a component, and which of those that every node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    component: Component,
    node: Option<NodeId>,
}

/// A lane as the page has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Named {
    component: &'static str,
    node: Option<String>,
}

impl Lane {
    /// The lane of a step, of which `names` know what was before it.
    pub(super) fn of(trace: &Trace, step: &TraceStep, names: &Names) -> Self {
        let apart = trace.scenario.nodes.len() <= NODES_APART;
        let node = node_of(&step.action, names).filter(|_| apart);
        Self { component: step.component, node }
    }

    /// Its name.
    pub(super) fn named(self, names: &Names) -> Named {
        Named { component: self.component.name(), node: self.node.map(|node| names.node(node)) }
    }
}

/// The node that a step is taken on, where every node has a component of that kind.
fn node_of(action: &Action, names: &Names) -> Option<NodeId> {
    match *action {
        Action::Kubelet(
            Kubelet::Relist { node } | Kubelet::NoticeHang { node } | Kubelet::ReportNodeStatus { node },
        ) => Some(node),
        Action::Kubelet(step) => names.node_of(step.pod()?),
        Action::Container(
            Container::Listen { pod, .. } | Container::Exit { pod, .. } | Container::ReuseAddress { pod },
        ) => names.node_of(pod),
        Action::Proxy(Proxy::ProgramRules { node }) | Action::Process(Process::StartKubelet { node }) => {
            Some(node)
        }
        Action::Watch(step) => match step {
            Watch::DeliverSlice { node } => Some(node),
            Watch::DeliverPod { to, .. } | Watch::DeliverNode { to, .. } | Watch::List { watcher: to } => {
                match to {
                    Watcher::Kubelet(node) | Watcher::Proxy(node) => Some(node),
                    Watcher::Scheduler | Watcher::ControllerManager => None,
                }
            }
            Watch::DeliverDeployment | Watch::DeliverReplicaSet { .. } | Watch::DeliverBudget => None,
        },
        _ => None,
    }
}
