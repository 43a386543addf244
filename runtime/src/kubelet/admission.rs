//! Whether a pod may run on this machine at all (ADM-5 to ADM-9, ADM-14; S28 `lifecycle/predicate.go`). It is asked once for each
//! pod that is new to the kubelet, after a restart for those that run already too (ADM-13).

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Taint};

use super::Kubelet;
use super::host::Host;
use super::pod::KnownPod;
use crate::api::constants::{node_of, taint};
use crate::api::{Key, Kind};
use crate::scheduler::cache::NodeInfo;
use crate::scheduler::filter::{node_affinity, node_ports, taint_toleration};
use crate::scheduler::requests::{host_ports_of, requests_of};
use crate::slip::Slip;

/// Why a pod may not run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// `status.reason`.
    pub reason: String,
    /// `status.message`.
    pub message: &'static str,
}

impl Rejection {
    fn new(reason: &str) -> Self {
        Self { reason: reason.to_owned(), message: "Pod was rejected: it does not fit the node" }
    }
}

impl Kubelet {
    /// Admits a pod, or says why not.
    pub(super) fn admit(&self, pod: &KnownPod, host: &Host<'_, '_>) -> Result<(), Rejection> {
        let node = self.known_node();
        let mut info = NodeInfo::new(Arc::clone(&node));
        for other in self.parts.pods.values() {
            if other.uid != pod.uid && self.is_active(other, host) {
                info.insert(Arc::clone(&other.object), host.context.release, host.context.slips);
            }
        }
        // ADM-5: resources that the node does not know are no reason.
        let count = i128::try_from(info.pods_count() + 1).unwrap_or(i128::MAX) * 1_000;
        if count > info.allocatable.get("pods") {
            return Err(Rejection::new("OutOfpods"));
        }
        let requests = requests_of(&pod.object, host.context.release, host.context.slips);
        let lacks = requests.iter().find(|&(name, wanted)| {
            let known = info.allocatable.iter().any(|(known, _)| known == name);
            known && wanted > 0 && wanted > info.allocatable.get(name) - info.requested.get(name)
        });
        if let Some((name, _)) = lacks {
            return Err(Rejection::new(&format!("OutOf{name}")));
        }
        if !node_affinity::passes(&pod.object, &node, host.context.slips) {
            return Err(Rejection::new("NodeAffinity"));
        }
        if node_of(&pod.object) != Some(Key::of(&node.metadata).name()) {
            return Err(Rejection::new("NodeName"));
        }
        if !node_ports::passes(&host_ports_of(&pod.object, host.context.release), &info, host.context.slips) {
            return Err(Rejection::new("NodePorts"));
        }
        // ADM-9: NoSchedule says nothing to a kubelet, and before 1.24 no taint does (kubernetes/kubernetes#101218).
        if !host.context.release.kubelet_asks_for_tolerations() {
            return Ok(());
        }
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
        let drives_out = |it: &&Taint| it.effect == taint::NO_EXECUTE;
        if !taints.iter().filter(drives_out).all(|it| taint_toleration::tolerates(&pod.object, it)) {
            return Err(Rejection::new("TaintToleration"));
        }
        Ok(())
    }

    /// The node as its object says, or as it was registered while that is not known.
    fn known_node(&self) -> Arc<Node> {
        let known = self.nodes.cache().get(&self.node.key());
        known.cloned().unwrap_or_else(|| Arc::new(self.node.clone()))
    }

    /// Does this pod count? One whose containers are stopped does not, nor does one that ended; one that is being stopped still
    /// holds what it had (ADM-14).
    fn is_active(&self, pod: &KnownPod, host: &Host<'_, '_>) -> bool {
        if host.context.has(Slip::EndedPodsCount) {
            return true;
        }
        let stopping = self.workers.is_termination_requested(&pod.uid);
        if stopping && host.context.has(Slip::StoppingPodsDoNotCount) {
            return false;
        }
        !self.workers.is_terminated(&pod.uid) && (stopping || !self.is_terminal(pod))
    }
}
