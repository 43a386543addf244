//! Which object of the log is which of the model's.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::record::Micros;
use podproof_vocabulary::observation::Address;
use podproof_vocabulary::{NodeId, PodId, Revision};

/// The names of one workload's objects.
#[derive(Clone, Debug, Default)]
pub struct Names {
    nodes: Vec<Rc<str>>,
    pods: BTreeMap<Rc<str>, PodId>,
    uids: BTreeMap<Rc<str>, PodId>,
    replica_sets: BTreeMap<Revision, (Rc<str>, Rc<str>)>,
    addresses: BTreeMap<PodId, Vec<(Rc<str>, Address)>>,
    called: BTreeMap<PodId, Rc<str>>,
    homes: BTreeMap<PodId, NodeId>,
    /// The nodes of pods that are not the workload's, and have names that pods of its had.
    namesakes: BTreeMap<Rc<str>, NodeId>,
    /// Addresses of pods that are not the workload's.
    others: BTreeSet<Rc<str>>,
    /// There may be pods with addresses that the log shows nowhere.
    strangers: bool,
    /// When each pod was removed, by UID: when that was answered.
    removed: BTreeMap<Rc<str>, Micros>,
    /// The UIDs of pods that their kubelets have finished with, and that finalizers hold.
    held: BTreeSet<Rc<str>>,
    /// Every pod that there was, one after the other.
    history: Vec<Past>,
}

/// A pod that there was: slots are used again, and this is not.
#[derive(Clone, Debug, Default)]
pub struct Past {
    slot: Option<PodId>,
    /// Its name; nothing, if the log never shows it.
    pub name: Rc<str>,
    /// Its addresses, one after the other.
    pub addresses: Vec<Rc<str>>,
}

fn is_ipv6(ip: &str) -> bool {
    ip.contains(':')
}

/// Who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A pod of the workload: which of its addresses it is.
    Own(PodId, Address),
    /// Another pod.
    Other,
}

impl Names {
    /// Names of nodes, in the order of the scenario.
    pub fn new(nodes: Vec<Rc<str>>) -> Self {
        Self { nodes, ..Self::default() }
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| &**node == name).map(NodeId::from)
    }

    /// The name of a node.
    pub fn node_name(&self, node: NodeId) -> &str {
        self.nodes.get(node.index()).map_or("?", |name| name)
    }

    /// A pod is there now.
    pub fn bind_pod(&mut self, name: &Rc<str>, uid: &Rc<str>, pod: PodId) {
        self.pods.insert(name.clone(), pod);
        self.uids.insert(uid.clone(), pod);
        self.called.insert(pod, name.clone());
        self.addresses.remove(&pod);
        self.history.push(Past { slot: Some(pod), name: name.clone(), addresses: Vec::new() });
    }

    /// A pod was created before the log began, and was gone by then.
    pub fn pass_over(&mut self) {
        self.history.push(Past::default());
    }

    /// Every pod that there was, one after the other.
    pub fn history(&self) -> &[Past] {
        &self.history
    }

    /// The pod with this UID; without one, the newest of this name.
    pub fn pod(&self, name: &str, uid: &str) -> Option<PodId> {
        match uid.is_empty() {
            true => self.pods.get(name).copied(),
            false => self.uids.get(uid).copied(),
        }
    }

    /// A pod has been removed, by a write that was answered at `at`.
    pub fn note_removed(&mut self, pod: PodId, at: Micros) {
        if let Some(uid) = self.uid(pod).cloned() {
            self.removed.entry(uid).or_insert(at);
        }
    }

    /// A pod's kubelet has finished with it, and finalizers hold its object (DEL-14).
    pub fn hold(&mut self, pod: PodId) {
        let uid = self.uid(pod).cloned();
        self.held.extend(uid);
    }

    /// Is the pod with this UID held so?
    pub fn is_held(&self, uid: &str) -> bool {
        self.held.contains(uid)
    }

    /// A pod that was held so has been removed, by a write that was answered at `at`.
    pub fn let_go(&mut self, uid: &Rc<str>, at: Micros) {
        if self.held.remove(uid) {
            self.removed.entry(Rc::clone(uid)).or_insert(at);
        }
    }

    /// The pods that were removed: when, by UID.
    pub fn all_removed(&self) -> &BTreeMap<Rc<str>, Micros> {
        &self.removed
    }

    /// When the pod with this UID was removed; without one, the newest of this name.
    pub fn removed(&self, name: &str, uid: &str) -> Option<Micros> {
        let uid = match uid.is_empty() {
            true => self.uid(self.pod(name, "")?)?,
            false => uid,
        };
        self.removed.get(uid).copied()
    }

    /// The UID of a pod.
    pub fn uid(&self, pod: PodId) -> Option<&Rc<str>> {
        self.uids.iter().find(|(_, bound)| **bound == pod).map(|(uid, _)| uid)
    }

    /// The pod whose process speaks on this node: one that is gone from the store may run on when another has its name, on another node.
    pub fn speaker(&self, name: &str, uid: &str, node: Option<&str>) -> Option<PodId> {
        let node = node.filter(|_| uid.is_empty()).and_then(|node| self.node(node));
        let Some(node) = node else { return self.pod(name, uid) };
        let now = self.pod(name, "");
        let home = now.map_or_else(|| self.namesakes.get(name).copied(), |pod| self.home(pod));
        if home? == node {
            return now;
        }
        let is_it = |&(pod, called): &(&PodId, &Rc<str>)| **called == *name && self.home(*pod) == Some(node);
        self.called.iter().rev().find(is_it).map(|(pod, _)| *pod)
    }

    /// A pod that is not the workload's, and may have the name of one that was, is on this node.
    pub fn note_namesake(&mut self, name: &str, node: &str) {
        let node = self.node(node);
        if let Some((retired, node)) = self.called.values().find(|called| ***called == *name).zip(node) {
            self.namesakes.insert(Rc::clone(retired), node);
        }
    }

    /// The node that a pod was bound to.
    pub fn home(&self, pod: PodId) -> Option<NodeId> {
        self.homes.get(&pod).copied()
    }

    /// A pod was bound to this node.
    pub fn set_home(&mut self, pod: PodId, node: NodeId) {
        self.homes.insert(pod, node);
    }

    /// What a pod is called.
    pub fn pod_name(&self, pod: PodId) -> &str {
        self.called.get(&pod).map_or("?", |name| name)
    }

    /// Another pod has this name now.
    pub fn retire(&mut self, name: &str, uid: &str) {
        if let Some(pod) = self.pods.get(name)
            && self.uids.get(uid) != Some(pod)
        {
            self.pods.remove(name);
            self.namesakes.remove(name);
        }
    }

    /// The slot of a pod that nobody remembers any more is free for another.
    pub fn forget_pod(&mut self, pod: PodId) {
        self.pods.retain(|_, bound| *bound != pod);
        self.uids.retain(|_, bound| *bound != pod);
        self.addresses.remove(&pod);
        if let Some(name) = self.called.remove(&pod) {
            self.namesakes.remove(&name);
        }
        self.homes.remove(&pod);
    }

    /// The pods that are remembered.
    pub fn pods(&self) -> impl Iterator<Item = PodId> + '_ {
        self.called.keys().copied()
    }

    /// The ReplicaSet of a revision was created.
    pub fn bind_replica_set(&mut self, name: &Rc<str>, uid: &Rc<str>, revision: Revision) {
        self.replica_sets.insert(revision, (name.clone(), uid.clone()));
    }

    /// The ReplicaSet of this name, and of this UID where both are known: a log without answers may not tell it.
    pub fn replica_set(&self, name: &str, uid: &str) -> Option<Revision> {
        let is = |(own_name, own_uid): &(Rc<str>, Rc<str>)| match uid.is_empty() || own_uid.is_empty() {
            true => **own_name == *name,
            false => **own_uid == *uid,
        };
        self.replica_sets.iter().find(|(_, named)| is(named)).map(|(revision, _)| *revision)
    }

    /// Has there been a ReplicaSet of this revision?
    pub fn has_replica_set(&self, revision: Revision) -> bool {
        self.replica_sets.contains_key(&revision)
    }

    /// The revision behind those that have had a ReplicaSet.
    pub fn next_revision(&self) -> Revision {
        Revision::from(self.replica_sets.last_key_value().map_or(0, |(revision, _)| revision.index() + 1))
    }

    /// Which of its addresses this is, if it has been seen before.
    pub fn address(&self, pod: PodId, ip: &str) -> Option<Address> {
        self.addresses.get(&pod)?.iter().find(|(known, _)| &**known == ip).map(|&(_, address)| address)
    }

    /// A pod has this address, which is this one of the model's: one that nobody remembers any more is used again.
    pub fn bind_address(&mut self, pod: PodId, ip: &Rc<str>, address: Address) {
        if let Some(past) = self.history.iter_mut().rev().find(|past| past.slot == Some(pod))
            && !past.addresses.contains(ip)
        {
            past.addresses.push(ip.clone());
        }
        if self.address(pod, ip).is_none() {
            self.addresses.entry(pod).or_default().push((ip.clone(), address));
        }
    }

    /// A pod has these addresses of other families beside `first`, which is called by that.
    pub fn bind_more_addresses(&mut self, pod: PodId, first: &str, more: &[Rc<str>]) {
        let Some(address) = self.address(pod, first) else { return };
        for ip in more
            .iter()
            .filter(|ip| {
                self.addresses.get(&pod).is_some_and(|known| known.iter().all(|(other, _)| other != *ip))
            })
            .cloned()
            .collect::<Vec<_>>()
        {
            if let Some(past) = self.history.iter_mut().rev().find(|past| past.slot == Some(pod)) {
                past.addresses.push(ip.clone());
            }
            self.addresses.entry(pod).or_default().insert(0, (ip, address));
        }
    }

    /// The address that a pod has in the family of `ip` beside that, as the same of the model's, if it is another.
    pub fn other_of_family(&self, pod: PodId, address: Address, ip: &str) -> Option<&Rc<str>> {
        let of_pod = self.addresses.get(&pod)?;
        let mut same = of_pod.iter().filter(|(known, one)| *one == address && is_ipv6(known) == is_ipv6(ip));
        same.next().map(|(known, _)| known).filter(|known| ***known != *ip)
    }

    /// Has a pod an address of this family, `addressType` of a slice? Of others than the two all have one.
    pub fn has_address_of(&self, pod: PodId, family: &str) -> bool {
        let known = self.addresses.get(&pod).map_or(&[][..], |known| known);
        match family {
            "IPv4" => known.iter().any(|(ip, _)| !is_ipv6(ip)),
            "IPv6" => known.iter().any(|(ip, _)| is_ipv6(ip)),
            _ => true,
        }
    }

    /// A pod that is not the workload's has this address.
    pub fn note_other(&mut self, ip: &Rc<str>) {
        self.others.insert(ip.clone());
    }

    /// The log began late: pods that it never shows have addresses too.
    pub fn expect_strangers(&mut self) {
        self.strangers = true;
    }

    /// May an address be that of a pod that the log never shows?
    pub fn has_strangers(&self) -> bool {
        self.strangers
    }

    /// Who has or had this address; the newest pod, if there are several.
    pub fn at(&self, ip: &str) -> Option<At> {
        let pods = self.addresses.keys().rev();
        let own = pods.copied().find_map(|pod| Some(At::Own(pod, self.address(pod, ip)?)));
        own.or_else(|| self.others.contains(ip).then_some(At::Other))
    }

    /// All pods of the workload that have or had this address, each with which of its own it is.
    pub fn holders(&self, ip: &str) -> BTreeSet<(PodId, Address)> {
        let pods = self.addresses.keys().copied();
        pods.filter_map(|pod| Some((pod, self.address(pod, ip)?))).collect()
    }

    /// What the addresses of a pod are called, in the model's order: the last that each was.
    pub fn addresses(&self, pod: PodId) -> Vec<Rc<str>> {
        let known = self.addresses.get(&pod).map_or(&[][..], |known| known);
        let called = |index: usize| known.iter().rev().find(|(_, address)| usize::from(address.0) == index);
        (0..).map_while(|index| called(index).map(|(ip, _)| ip.clone())).collect()
    }

    /// The names of the ReplicaSets, in the order of their revisions; nothing, where there was none.
    pub fn replica_set_names(&self) -> impl Iterator<Item = &str> {
        let name = |revision| self.replica_sets.get(&revision).map_or("", |(name, _)| name);
        Revision::first(self.next_revision().index()).map(name)
    }
}
