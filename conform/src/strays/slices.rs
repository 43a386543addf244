//! EndpointSlices, of whichever Service: a write that leaves one as it was is no write, and its controller names no pod that was removed long
//! before.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::moments::Moments;
use crate::fingerprint::{Fnv, fingerprint};
use crate::follow::write_of;
use crate::matching::Unexplained;
use crate::matching::news::LAG_TIME;
use crate::matching::unexplained::words;
use crate::record::{Entry, Facts, Micros, Object, Seen, Verb, Write};
use crate::world::removes;

/// What the log showed last of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    generation: i64,
    /// What it says, as a number.
    content: u64,
}

/// What the log has shown of slices, and of the pods that were removed.
#[derive(Clone, Debug, Default)]
pub(super) struct Slices {
    shown: BTreeMap<Rc<str>, Shown>,
    removed: Moments,
}

impl Slices {
    /// Why the entry cannot be, if it shows a slice that nobody writes.
    pub fn see(&mut self, number: u64, entry: &Entry) -> Option<Unexplained> {
        match &entry.seen {
            // Watches may have been cut, and lag for long.
            Seen::Fault(event) if event.outage().is_some() => self.removed = Moments::default(),
            Seen::Missed { .. } => *self = Self::default(),
            _ => {}
        }
        let write = write_of(entry)?;
        if is_removal(write) {
            self.removed.note(&write.uid, entry.to);
        }
        let object =
            write.object.as_ref().filter(|_| !write.only_asked && (200..300).contains(&write.code))?;
        if !matches!(object.facts, Facts::EndpointSlice(_)) || object.uid.is_empty() {
            return None;
        }
        if write.verb == Verb::Delete {
            self.shown.remove(&object.uid);
            return None;
        }
        let why = self.unchanged(object).or_else(|| self.names_removed(object, entry.from))?;
        Some(Unexplained::wrong(number, entry, words(write), why))
    }

    /// The generation is counted up where something else than metadata changes, or a label (`pkg/registry/discovery/endpointslice/strategy.go`,
    /// `PrepareForUpdate`).
    fn unchanged(&mut self, slice: &Object) -> Option<String> {
        let generation = slice.whole["metadata"]["generation"].as_i64()?;
        let now = Shown { generation, content: content(&slice.whole) };
        let before = self.shown.insert(Rc::clone(&slice.uid), now)?;
        let is_next = now.generation == before.generation + 1;
        (is_next && now.content == before.content)
            .then(|| format!("it is as it was, and its generation became {generation}: it counts changes"))
    }

    /// A pod that is gone is in no slice that its controller writes when it has seen that (EPS-5), and a watch that is not cut does not lag
    /// for so long.
    fn names_removed(&self, slice: &Object, at: Micros) -> Option<String> {
        let managed_by = &slice.whole["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"];
        let endpoints = slice.whole["endpoints"].as_array().filter(|_| managed_by == CONTROLLER)?;
        let pods = endpoints.iter().map(|endpoint| &endpoint["targetRef"]);
        let gone = pods.filter_map(|pod| {
            let since = self.removed.of(pod["uid"].as_str()?)?;
            (since + LAG_TIME < at).then(|| (pod["name"].as_str().unwrap_or_default(), since))
        });
        let (pod, since) = gone.min_by_key(|(_, since)| *since)?;
        let seconds = (at - since) as f64 / 1e6;
        Some(format!("it names pod {pod}, which was removed {seconds:.1} s before"))
    }
}

/// Who makes the slices of Services that select pods.
const CONTROLLER: &str = "endpointslice-controller.k8s.io";

/// Does the write remove a pod?
fn is_removal(write: &Write) -> bool {
    let is_granted = (200..300).contains(&write.code) && !write.uid.is_empty();
    let is_deletion = write.verb == Verb::Delete && write.subresource.is_empty();
    &*write.resource == "pods" && is_granted && is_deletion && removes(write)
}

/// What a slice says, but for its metadata beside the labels, as a number. Its controller keeps the order of the endpoints that were there
/// (`pkg/controller/endpointslice/reconciler.go`, `reconcileByPortMapping`), so another order alone is no change.
fn content(whole: &Value) -> u64 {
    let mut endpoints: Vec<u64> =
        whole["endpoints"].as_array().into_iter().flatten().map(fingerprint).collect();
    endpoints.sort_unstable();
    let mut number = Fnv::NEW;
    endpoints.iter().for_each(|endpoint| number.value(&Value::from(*endpoint)));
    for field in ["addressType", "ports"] {
        number.value(&whole[field]);
    }
    number.value(&whole["metadata"]["labels"]);
    number.number()
}
