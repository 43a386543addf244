//! Pods that their kubelet has removed: it does so when nothing of them runs, and starts nothing of them again (STM-6, PW-9).

use std::rc::Rc;

use super::SLACK;
use super::moments::Moments;
use crate::matching::Unexplained;
use crate::matching::actor::Actor;
use crate::record::{Entry, RuntimeEvent, RuntimeWhat, Seen, Verb, Write};

/// The pods that their kubelets have removed, each with its node.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended(Moments);

impl Ended {
    /// The entry, if it shows that something of such a pod was started there.
    pub fn see(&mut self, number: u64, entry: &Entry) -> Option<Unexplained> {
        match &entry.seen {
            Seen::Write(write) => {
                if let Some(node) = removed_by(write) {
                    self.0.note(&on(&node, &write.uid), entry.to);
                }
                None
            }
            Seen::Runtime(event) if event.what == RuntimeWhat::Started => {
                let since = self.0.of(&on(&event.node, &event.uid))?;
                let seconds = (entry.from - since) as f64 / 1e6;
                let why = format!(
                    "the pod's kubelet removed it {seconds:.1} s before, having finished with it (STM-6){}",
                    super::CLOCKS
                );
                (since + SLACK < entry.from).then(|| Unexplained::wrong(number, entry, words(event), why))
            }
            _ => None,
        }
    }
}

/// The node whose kubelet removes a pod with this write: with a grace period of 0, as it does when it has finished with it. Whoever else
/// has a node's identity drains it, and gives its pods time.
fn removed_by(write: &Write) -> Option<Rc<str>> {
    let is_granted = (200..300).contains(&write.code) && !write.uid.is_empty();
    let is_removal =
        write.verb == Verb::Delete && write.grace_seconds == Some(0) && write.subresource.is_empty();
    match Actor::of(write) {
        Actor::Kubelet(node) if is_granted && is_removal && &*write.resource == "pods" => Some(node),
        _ => None,
    }
}

/// A pod on a node.
fn on(node: &str, uid: &str) -> Rc<str> {
    format!("{uid} on {node}").into()
}

fn words(event: &RuntimeEvent) -> String {
    let what =
        event.container.as_deref().map_or("the sandbox".to_owned(), |name| format!("container {name}"));
    format!("{what} of {} starts on {}", event.pod, event.node)
}
