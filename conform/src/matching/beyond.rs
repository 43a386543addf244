//! What was done to a workload or to its nodes that the model does not have: of what comes after that nothing can be said for sure.

use std::collections::BTreeMap;

use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::Watcher;

use super::actor::Actor;
use super::writes::grace;
use crate::record::{Verb, Write};

/// What the model does not have.
#[derive(Clone, Debug, Default)]
pub struct Beyond {
    /// The entry that shows the first such thing, and what; for each process that alone is concerned, and for all.
    first: BTreeMap<Option<Watcher>, (u64, String)>,
}

/// Resources of which the model has what its processes read.
const READ: [&str; 4] = ["pods", "nodes", "deployments", "replicasets"];

/// Resources of which it has what one controller writes, and what is read of that: others may write them by hand.
const KEPT: [&str; 2] = ["endpointslices", "poddisruptionbudgets"];

/// What a kubelet says of a network plugin that is not ready (`pkg/kubelet/runtime.go`, `runtimeErrors`).
const NO_NETWORK: &str = "NetworkReady=false";

/// Why kubelets end pods, beside what the model has (`pkg/kubelet/active_deadline.go`, `pkg/kubelet/preemption/preemption.go`,
/// `pkg/kubelet/nodeshutdown`).
const ENDED: [&str; 5] = ["DeadlineExceeded", "Preempting", "Terminated", "NodeShutdown", "Shutdown"];

impl Beyond {
    fn note(&mut self, concerns: Option<Watcher>, number: u64, what: String) {
        self.first.entry(concerns).or_insert((number, what));
    }

    /// The fault of this number is none of the model's. One of a process concerns nobody else, where it is known which: that of `node`,
    /// if it is a node's.
    pub fn note_fault(&mut self, number: u64, fault: &str, node: Option<NodeId>) {
        let of = |words: &[&str]| words.iter().any(|word| fault.contains(word));
        let concerns = match node {
            _ if of(&["scheduler"]) => Some(Watcher::Scheduler),
            _ if of(&["kcm", "controller-manager"]) => Some(Watcher::ControllerManager),
            Some(node) if of(&["proxy"]) => Some(Watcher::Proxy(node)),
            Some(node) if of(&["kubelet", "containerd"]) => Some(Watcher::Kubelet(node)),
            _ => None,
        };
        self.note(concerns, number, format!("fault {fault}"));
    }

    /// Since the entry of this number events of the runtime of a node may be missing.
    pub fn note_unheard(&mut self, number: u64, node: NodeId, name: &str) {
        let what = format!("whoever listened to the runtime of {name} lost it");
        self.note(Some(Watcher::Kubelet(node)), number, what);
    }

    /// The write of this number is outside the model, for this reason.
    pub fn note_write(&mut self, number: u64, write: &Write, why: &str) {
        let is_by_hand = || KEPT.contains(&&*write.resource) && matches!(Actor::of(write), Actor::Client(_));
        if READ.contains(&&*write.resource) || is_by_hand() {
            self.note(None, number, why.to_owned());
        }
    }

    /// Takes note of what a status says was done to a node of the workload, or to a pod of its, and no file shows; and of a deletion
    /// that may have removed the pod at once.
    pub fn see(&mut self, number: u64, write: &Write) {
        if grace::is_unknown(write) {
            let what = format!("how long the deletion of {} gives it is not in the log", write.name);
            self.note(None, number, what);
        }
        let Some(status) = write.object.as_ref().map(|object| &object.whole["status"]) else { return };
        let mut conditions = status["conditions"].as_array().into_iter().flatten();
        let mut says = |text: &str| {
            conditions.any(|one| one["message"].as_str().is_some_and(|message| message.contains(text)))
        };
        match (&*write.resource, status["reason"].as_str().filter(|reason| ENDED.contains(reason))) {
            ("nodes", _) if says(NO_NETWORK) => {
                self.note(None, number, format!("the network plugin of {} fails", write.name));
            }
            ("pods", Some(reason)) => {
                self.note(None, number, format!("its kubelet ends {}: {reason}", write.name));
            }
            _ => {}
        }
    }

    /// A controller may have adopted or released an object in the namespace of the workload.
    pub fn note_claim(&mut self, number: u64, write: &Write) {
        if claims(write) {
            self.note(None, number, format!("{} is adopted or released", write.name));
        }
    }

    /// A container of this pod is to run another image: its kubelet stops it, and starts it anew (API-10).
    pub fn note_image(&mut self, number: u64, pod: &str) {
        self.note(None, number, format!("the image of a container of {pod} was changed"));
    }

    /// What came before an entry that nothing explains, of this process if of one.
    pub fn before(&self, number: u64, whose: Option<Watcher>) -> Option<&str> {
        let mut of = [None, whose].into_iter().filter_map(|concerns| self.first.get(&concerns));
        of.find(|(first, _)| *first <= number).map(|(_, what)| &**what)
    }
}

/// Does a controller give an object itself as owner, or take that back? It patches nothing else of what it owns
/// (`pkg/controller/controller_ref_manager.go`, `AdoptPod`, `ReleaseReplicaSet`).
fn claims(write: &Write) -> bool {
    let controller = match &*write.resource {
        "pods" => "replicaset-controller",
        "replicasets" => "deployment-controller",
        _ => return false,
    };
    let is_patch =
        write.verb == Verb::Patch && write.subresource.is_empty() && (200..300).contains(&write.code);
    is_patch && matches!(Actor::of(write), Actor::Controller(name) if &*name == controller)
}
