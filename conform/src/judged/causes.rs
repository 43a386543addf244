//! Why a connection can fail at a moment of a path.

use std::collections::BTreeSet;
use std::rc::Rc;

use podproof_model::{Cluster, traffic};
use podproof_vocabulary::observation::{EndpointSeen, Observe, Process};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

/// Why a connection can fail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The rules led to a pod that did not accept yet.
    NotYet,
    /// They led to a pod that accepted no more.
    NoMore,
    /// They led to a pod on this node, which was powered off.
    PoweredOff(Rc<str>),
    /// They led to a pod that did not accept on this node, whose link was cut.
    CutOff(Rc<str>),
    /// They led nowhere.
    Nowhere,
    /// Pods of other workloads are behind the Service too, and whether they accept is not followed.
    Others,
}

/// The causes that were there when a connection failed: one of them was it.
pub type Causes = BTreeSet<Cause>;

impl Cause {
    /// Is it what `no-failed-request` is about: a reachable node where nobody accepts?
    pub const fn counts(&self) -> bool {
        matches!(self, Self::NotYet | Self::NoMore)
    }

    /// Why a connection that is sent to this endpoint of `pod` fails; none if it is accepted.
    pub(super) fn of(
        cluster: &Cluster<'_>,
        nodes: &[Rc<str>],
        pod: PodId,
        endpoint: EndpointSeen,
    ) -> Option<Self> {
        let scenario = &cluster.rules.scenario;
        let home = cluster.pod(pod).kubelet.node().filter(|node| node.index() < nodes.len());
        let called = |node: NodeId| Rc::clone(&nodes[node.index()]);
        let machine = |node| cluster.node(node).machine;
        match home {
            Some(node) if !machine(node).powered() => return Some(Self::PoweredOff(called(node))),
            // A pod that is with no kubelet is on no node that has power.
            None => {
                let node = endpoint.node.filter(|node| node.index() < nodes.len());
                let dark = node.filter(|&node| !machine(node).powered()).map(called);
                return Some(dark.map_or(Self::NoMore, Self::PoweredOff));
            }
            _ if traffic::accepts(scenario, cluster, pod, endpoint) => return None,
            Some(node) if !machine(node).connected() => return Some(Self::CutOff(called(node))),
            Some(_) => {}
        }
        let serving = ContainerId(scenario.workload.template.serving);
        let container = Observe::container(cluster, pod, serving);
        let holds = cluster.sandbox(pod).address == Some(endpoint.address);
        let comes = holds && container.process == Process::Running && !container.sigterm;
        Some(if comes { Self::NotYet } else { Self::NoMore })
    }
}
