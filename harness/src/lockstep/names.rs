//! Which object of the runtime is which of the model's numbers.

use std::net::Ipv4Addr;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use podproof_runtime::api::{Key, Object, Uid};
use podproof_vocabulary::observation::Address;
use podproof_vocabulary::scenario::WorkloadKind;
use podproof_vocabulary::{NodeId, PodId, Revision};

use super::Running;
use crate::Refused;

/// What another's address counts as.
const FOREIGN: Address = Address(u8::MAX);

impl Running {
    /// The pod of a slot.
    pub(super) fn key(&self, slot: PodId) -> Result<Key, Refused> {
        let named = self.names.get(&slot).map(|name| name.key.clone());
        named.ok_or_else(|| Refused::because(format!("slot {} has no pod", slot.0)))
    }

    /// The slot of a pod.
    pub(super) fn slot(&self, pod: &Key) -> Option<PodId> {
        self.names.iter().find(|(_, name)| name.key == *pod).map(|(&slot, _)| slot)
    }

    /// Is the pod of a slot not in the store any more?
    pub(super) fn is_gone(&self, slot: PodId) -> bool {
        let stored = |name: &Name| self.cluster.server().store().get::<Pod>(&name.key).is_some();
        !self.names.get(&slot).is_some_and(stored)
    }

    /// A pod was created in this slot.
    pub(super) fn name(&mut self, slot: PodId, pod: &Object) {
        self.created += 1;
        self.machines.begin_slot(slot);
        self.names.insert(slot, Name { key: pod.key(), uid: pod.uid(), number: self.created });
    }

    /// The slot of the pod with this identity.
    pub(super) fn slot_of_uid(&self, uid: &Uid) -> Option<PodId> {
        self.names.iter().find(|(_, name)| name.uid == *uid).map(|(&slot, _)| slot)
    }

    /// An address that the pod of a slot has had, as it stands in objects.
    pub(super) fn ip(&self, slot: PodId, address: Address) -> String {
        let number = self.names.get(&slot).map_or(0, |name| name.number);
        let [.., high, low] = number.to_be_bytes();
        Ipv4Addr::new(10, high, low, address.0.saturating_add(1)).to_string()
    }

    /// Which of the addresses of a slot's pod this is. One that is no address of that pod is none that any model gives.
    pub(super) fn address_of(&self, slot: PodId, ip: &str) -> Address {
        let last = ip.parse::<Ipv4Addr>().ok().map(|ip| ip.octets()[3]);
        let own = last.and_then(|last| last.checked_sub(1)).map(Address);
        own.filter(|own| self.ip(slot, *own) == ip).unwrap_or(FOREIGN)
    }

    pub(super) fn node_named(&self, name: &str) -> Option<NodeId> {
        self.scenario.nodes.iter().position(|node| node.name == name).map(NodeId::from)
    }

    pub(super) fn node_key(&self, node: NodeId) -> Key {
        Key::global(&self.scenario.nodes[node.index()].name)
    }

    /// The object of the workload: its Deployment, or its ReplicaSet if that is its kind.
    pub(super) fn workload_key(&self) -> Key {
        Key::new(&self.scenario.workload.namespace, &self.scenario.workload.name)
    }

    /// The ReplicaSet of a revision, as it is stored.
    pub(super) fn replica_set(&self, revision: Revision) -> Option<(&Key, &ReplicaSet)> {
        let sets = self.cluster.server().store().all::<ReplicaSet>();
        let mut own = sets.filter(|(_, set)| revision_of_set(set) == Some(revision));
        own.next()
    }

    /// The revision of a ReplicaSet that is stored.
    pub(super) fn revision_of_key(&self, key: &Key) -> Option<Revision> {
        self.cluster.server().store().get::<ReplicaSet>(key).and_then(revision_of_set)
    }

    /// Has the workload a Deployment?
    pub(super) fn has_deployment(&self) -> bool {
        self.scenario.workload.kind == WorkloadKind::Deployment
    }
}

/// The pod of a slot.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub key: Key,
    pub uid: Uid,
    /// How many pods were created before it, and this one.
    pub number: u32,
}

/// Revisions differ in their images.
pub(super) fn revision_of(spec: &PodSpec) -> Option<Revision> {
    let image = spec.containers.first()?.image.as_deref()?;
    image.rsplit(':').next()?.parse().ok().map(Revision)
}

/// The revision of a ReplicaSet.
pub(super) fn revision_of_set(set: &ReplicaSet) -> Option<Revision> {
    set.spec.as_ref()?.template.as_ref()?.spec.as_ref().and_then(revision_of)
}
