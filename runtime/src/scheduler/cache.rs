//! The scheduler's cache: nodes with the pods on them. A pod is assumed on its node from the moment of the decision, so that the
//! next cycle sees its room taken while the binding is in flight (SCH-4).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use podproof_vocabulary::Release;

use super::requests::{HostPort, host_ports_of, requests_of};
use crate::api::constants::node_of;
use crate::api::quantity::Amounts;
use crate::api::{Key, Kind, Uid};
use crate::slip::{Slip, Slips};

/// A pod on a node, with what it asks for.
#[derive(Debug)]
pub struct PodInfo {
    /// The pod.
    pub pod: Arc<Pod>,
    /// What it asks for.
    pub requests: Amounts,
    /// The ports of the host that it holds.
    pub host_ports: Vec<HostPort>,
}

/// A node and the pods on it. Its object may be missing: gone already, or not yet seen.
#[derive(Debug, Default)]
pub struct NodeInfo {
    /// The object.
    pub node: Option<Arc<Node>>,
    /// What it can give.
    pub allocatable: Amounts,
    /// What its pods ask for.
    pub requested: Amounts,
    pods: BTreeMap<Uid, PodInfo>,
}

impl NodeInfo {
    /// A node without pods.
    pub fn new(node: Arc<Node>) -> Self {
        let mut info = Self::default();
        info.set_node(node);
        info
    }

    /// The pods on it, by identity.
    pub fn pods(&self) -> impl Iterator<Item = &PodInfo> {
        self.pods.values()
    }

    /// How many pods are on it.
    pub fn pods_count(&self) -> usize {
        self.pods.len()
    }

    /// Puts a pod on it.
    pub fn insert(&mut self, pod: Arc<Pod>, release: Release, slips: Slips) {
        let uid = pod.uid();
        self.remove(&uid);
        let requests = requests_of(&pod, release, slips);
        let info = PodInfo { requests, host_ports: host_ports_of(&pod, release), pod };
        self.requested.add(&info.requests);
        self.pods.insert(uid, info);
    }

    /// Takes a pod off it.
    pub fn remove(&mut self, uid: &Uid) {
        if let Some(info) = self.pods.remove(uid) {
            self.requested.subtract(&info.requests);
        }
    }

    fn set_node(&mut self, node: Arc<Node>) {
        self.allocatable = Amounts::of(node.status.as_ref().and_then(|status| status.allocatable.as_ref()));
        self.node = Some(node);
    }
}

/// Nodes and the pods on them.
#[derive(Debug, Default)]
pub struct Cache {
    release: Release,
    nodes: BTreeMap<Arc<str>, NodeInfo>,
    /// Where each pod is.
    places: BTreeMap<Uid, Arc<str>>,
    /// Pods whose binding is not confirmed by a watch event, with what was decided.
    assumed: BTreeMap<Uid, Key>,
}

impl Cache {
    /// The Kubernetes release by which it reads pods.
    pub const fn release(&self) -> Release {
        self.release
    }

    /// It reads pods as this release does.
    pub const fn set_release(&mut self, release: Release) {
        self.release = release;
    }

    /// The nodes that exist, by name; the others only hold pods (SCH-17).
    pub fn nodes(&self) -> impl Iterator<Item = (&Arc<Node>, &NodeInfo)> {
        self.nodes.values().filter_map(|info| info.node.as_ref().map(|node| (node, info)))
    }

    /// A node by name.
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.nodes.get(name)
    }

    /// Is the binding of this pod in flight?
    pub fn is_assumed(&self, uid: &Uid) -> bool {
        self.assumed.contains_key(uid)
    }

    /// A pod is taken to be on a node (SCH-4).
    pub fn assume(&mut self, pod: &Arc<Pod>, node: &str, slips: Slips) {
        if slips.has(Slip::AssumeForgotten) {
            return;
        }
        let mut placed = Arc::clone(pod);
        Arc::make_mut(&mut placed).spec.get_or_insert_default().node_name = Some(node.to_owned());
        self.assumed.insert(pod.uid(), pod.key());
        self.place(placed, node, slips);
    }

    /// An assumed pod was not bound after all (SCH-6). Was it still assumed?
    pub fn forget(&mut self, uid: &Uid) -> bool {
        let was_assumed = self.assumed.remove(uid).is_some();
        if was_assumed {
            self.unplace(uid);
        }
        was_assumed
    }

    /// A bound pod was seen. It confirms what was assumed, or moves the pod to where it really is (SCH-5).
    pub fn set_pod(&mut self, pod: &Arc<Pod>, slips: Slips) {
        let uid = pod.uid();
        self.assumed.remove(&uid);
        self.unplace(&uid);
        if let Some(node) = node_of(pod) {
            if slips.has(Slip::DeletingPodsNotCounted) && pod.is_deleting() {
                return;
            }
            self.place(Arc::clone(pod), node, slips);
        }
    }

    /// A pod is gone, or terminal (SCH-1).
    pub fn remove_pod(&mut self, uid: &Uid) {
        self.assumed.remove(uid);
        self.unplace(uid);
    }

    /// A node was seen.
    pub fn set_node(&mut self, node: &Arc<Node>) {
        let name = node.metadata.name.as_deref().unwrap_or("");
        self.nodes.entry(name.into()).or_default().set_node(Arc::clone(node));
    }

    /// A node is gone. The pods on it stay until they are gone themselves (SCH-17).
    pub fn remove_node(&mut self, name: &str, slips: Slips) {
        if slips.has(Slip::NodeRemovalForgetsPods) {
            self.nodes.remove(name);
        } else if let Some(info) = self.nodes.get_mut(name) {
            info.node = None;
            self.drop_if_empty(name);
        }
    }

    fn place(&mut self, pod: Arc<Pod>, node: &str, slips: Slips) {
        let name: Arc<str> = node.into();
        self.places.insert(pod.uid(), Arc::clone(&name));
        self.nodes.entry(name).or_default().insert(pod, self.release, slips);
    }

    fn unplace(&mut self, uid: &Uid) {
        let Some(name) = self.places.remove(uid) else { return };
        if let Some(info) = self.nodes.get_mut(&name) {
            info.remove(uid);
        }
        self.drop_if_empty(&name);
    }

    fn drop_if_empty(&mut self, name: &str) {
        if self.nodes.get(name).is_some_and(|info| info.node.is_none() && info.pods.is_empty()) {
            self.nodes.remove(name);
        }
    }
}
