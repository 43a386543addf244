//! Pods that their kubelet has removed: it does so when nothing of them runs, and starts nothing of them again (STM-6, PW-9).

use super::SLACK;
use super::moments::Moments;
use crate::matching::Unexplained;
use crate::matching::actor::Actor;
use crate::record::{Entry, RuntimeWhat, Seen, Verb};

/// The pods that their kubelets have removed.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended(Moments);

impl Ended {
    /// The entry, if it shows that something of such a pod was started.
    pub fn see(&mut self, number: u64, entry: &Entry) -> Option<Unexplained> {
        match &entry.seen {
            Seen::Write(write) => {
                let is_granted = (200..300).contains(&write.code);
                let is_removal =
                    write.verb == Verb::Delete && &*write.resource == "pods" && write.subresource.is_empty();
                if is_granted && is_removal && matches!(Actor::of(write), Actor::Kubelet(_)) {
                    self.0.note(&write.uid, entry.to);
                }
                None
            }
            Seen::Runtime(event) if event.what == RuntimeWhat::Started => {
                let since = self.0.of(&event.uid)?;
                let seconds = (entry.from - since) as f64 / 1e6;
                let what = event
                    .container
                    .as_deref()
                    .map_or("the sandbox".to_owned(), |name| format!("container {name}"));
                let seen = format!("{what} of {} starts on {}", event.pod, event.node);
                let why = format!(
                    "the pod's kubelet removed it {seconds:.1} s before, having finished with it (STM-6)"
                );
                (since + SLACK < entry.from).then(|| Unexplained::wrong(number, entry, seen, why))
            }
            _ => None,
        }
    }
}
