//! EndpointSlices, of whichever Service: a write that leaves one as it was is no write, its controller asks for none, and it names no pod
//! that was removed long before.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::moments::Moments;
use crate::fingerprint::{Fnv, fingerprint};
use crate::follow::write_of;
use crate::matching::Unexplained;
use crate::matching::actor::Actor;
use crate::matching::news::LAG_TIME;
use crate::matching::unexplained::words;
use crate::matching::writes::endpoints::is_controller;
use crate::record::{Entry, Facts, Micros, Object, Seen, Verb, Write};
use crate::world::removes;

/// What the log showed last of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    generation: i64,
    /// What it says, as a number.
    content: u64,
}

/// The namespace and the name of a slice.
type Place = (Rc<str>, Rc<str>);

/// A pod that a slice names.
#[derive(Clone, Debug)]
struct Named {
    pod: String,
    uid: String,
}

/// What the log has shown of slices, and of the pods that were removed.
#[derive(Clone, Debug, Default)]
pub(super) struct Slices {
    shown: BTreeMap<Rc<str>, Shown>,
    /// What stands in each, by namespace and name, as a number: as it was answered, or as it was asked for.
    stands: BTreeMap<Place, u64>,
    /// The pods that each names.
    names: BTreeMap<Place, Vec<Named>>,
    removed: Moments,
    /// The end of the log so far.
    last: Micros,
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
        self.last = self.last.max(entry.to);
        let write = write_of(entry)?;
        if is_removal(write) {
            self.removed.note(&write.uid, entry.to);
        }
        if &*write.resource != "endpointslices" {
            return None;
        }
        let is_known = (200..300).contains(&write.code) && write.verb != Verb::Delete;
        let object = write.object.as_ref().filter(|_| is_known);
        let Some(object) = object.filter(|object| matches!(object.facts, Facts::EndpointSlice(_))) else {
            // What is refused changes nothing; what is removed, or answered by nobody, leaves open what stands there.
            if write.code < 400 {
                self.forget(write);
            }
            return None;
        };
        let repeated = self.repeated(write, object);
        let unchanged = if write.only_asked { None } else { self.unchanged(object) };
        let why = unchanged.or(repeated).or_else(|| self.names_removed(object, entry.from))?;
        Some(Unexplained::wrong(number, entry, words(write), why))
    }

    /// Nobody knows what stands in the slices that a write is of.
    fn forget(&mut self, write: &Write) {
        let is_of_all = write.verb == Verb::DeleteCollection;
        let is_other =
            |(namespace, name): &Place| *namespace != write.namespace || !is_of_all && *name != write.name;
        self.stands.retain(|place, _| is_other(place));
        self.names.retain(|place, _| is_other(place));
        self.shown.remove(&write.uid);
    }

    /// The controller writes a slice where one of its endpoints, its ports or its labels is to be another than in its copy, and whose copy is
    /// not what stands there is refused (`pkg/controller/endpointslice/reconciler.go`, `reconcileByPortMapping`). One without
    /// endpoints is written anew whenever it looks at the Service in the older releases (`reconcile`, "placeholder").
    fn repeated(&mut self, write: &Write, slice: &Object) -> Option<String> {
        let owners = fingerprint(&slice.whole["metadata"]["ownerReferences"]);
        let now = content(&slice.whole) ^ owners;
        let place = (Rc::clone(&write.namespace), Rc::clone(&write.name));
        let own = |pod: &Value| Named { pod: text(&pod["name"]).into(), uid: text(&pod["uid"]).into() };
        self.names.insert(place.clone(), endpoints(slice).map(own).collect());
        let before = self.stands.insert(place, now)?;
        let has_endpoints = slice.whole["endpoints"].as_array().is_some_and(|all| !all.is_empty());
        let is_own = write.verb == Verb::Update && is_controller(&Actor::of(write));
        (is_own && has_endpoints && now == before).then(|| {
            "it asks for what stands there already, and its controller writes what is another".into()
        })
    }

    /// The generation is counted up where something else than metadata changes, or a label (`pkg/registry/discovery/endpointslice/strategy.go`,
    /// `PrepareForUpdate`).
    fn unchanged(&mut self, slice: &Object) -> Option<String> {
        if slice.uid.is_empty() {
            return None;
        }
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
        let gone = endpoints(slice).filter_map(|pod| {
            let since = self.removed.of(text(&pod["uid"]))?;
            (since + LAG_TIME < at).then(|| (text(&pod["name"]), since))
        });
        let (pod, since) = gone.min_by_key(|(_, since)| *since)?;
        let seconds = (at - since) as f64 / 1e6;
        Some(format!("it names pod {pod}, which was removed {seconds:.1} s before"))
    }

    /// What no slice should say at the end of the log, although nobody promises by when it has to be another.
    pub fn left(&self) -> Vec<String> {
        let of = |((namespace, slice), pods): (&Place, &Vec<Named>)| {
            let gone = pods.iter().filter_map(|named| Some((self.removed.of(&named.uid)?, &named.pod)));
            let (since, pod) = gone.min().filter(|(since, _)| since + OVERDUE < self.last)?;
            let seconds = (self.last - since) as f64 / 1e6;
            Some(format!(
                "EndpointSlice {namespace}/{slice} names pod {pod} to the end of the log, {seconds:.0} s after that was removed; \
                 nobody promises by when it has to leave"
            ))
        };
        self.names.iter().filter_map(of).collect()
    }
}

/// After so long a slice has been left as it is: a sync that failed is tried again after a second, and then after two and so on (EPS-8).
const OVERDUE: Micros = 30_000_000;

/// The pods that a slice names, if its controller has made it.
fn endpoints(slice: &Object) -> impl Iterator<Item = &Value> {
    let managed_by = &slice.whole["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"];
    let own = slice.whole["endpoints"].as_array().filter(|_| managed_by == CONTROLLER);
    own.into_iter().flatten().map(|endpoint| &endpoint["targetRef"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::record::{self, SliceFacts};

    /// A write of a slice by its controller, with these endpoints.
    fn update(endpoints: &Value) -> Write {
        let whole = json!({
            "addressType": "IPv4",
            "endpoints": endpoints,
            "metadata": {"labels": {"endpointslice.kubernetes.io/managed-by": CONTROLLER}},
        });
        let facts = SliceFacts {
            service: "web".into(),
            family: "IPv4".into(),
            endpoints: Vec::new(),
            ports: BTreeSet::new(),
        };
        let object = Object {
            namespace: "".into(),
            name: "web-1".into(),
            uid: "slice".into(),
            owner: None,
            labels: Rc::default(),
            facts: Facts::EndpointSlice(facts),
            whole: Rc::new(whole),
        };
        Write {
            user: "system:serviceaccount:kube-system:endpointslice-controller".into(),
            resource: "endpointslices".into(),
            name: "web-1".into(),
            only_asked: true,
            object: Some(object),
            ..Write::granted(Verb::Update)
        }
    }

    fn see(slices: &mut Slices, write: Write) -> Option<String> {
        let place = record::Place { file: "audit.jsonl".into(), line: 1 };
        slices
            .see(0, &Entry { place, from: 0, to: 0, seen: Seen::Write(Box::new(write)) })
            .map(|found| found.why)
    }

    #[test]
    fn a_slice_is_written_where_something_is_to_be_another() {
        let web = json!([{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}]);
        let gone = json!([{"addresses": ["10.0.0.1"], "conditions": {"ready": false}}]);
        let mut slices = Slices::default();
        assert_eq!(see(&mut slices, update(&web)), None);
        assert_eq!(see(&mut slices, update(&gone)), None);
        let refused = Write { code: 409, ..update(&web) };
        assert_eq!(see(&mut slices, refused), None, "it changes nothing");
        let again = see(&mut slices, update(&gone)).expect("it asks for what stands there");
        assert!(again.contains("stands there already"), "{again}");
        let by_a_user = Write { user: "admin".into(), ..update(&gone) };
        assert_eq!(see(&mut slices, by_a_user), None, "who asks for it may ask twice");
        let unanswered = Write { code: 0, ..update(&web) };
        assert_eq!(see(&mut slices, unanswered), None);
        assert_eq!(see(&mut slices, update(&gone)), None, "nobody knows what stands there");
    }

    #[test]
    fn who_is_left_in_a_slice_for_long_is_told_of() {
        let web = json!([{"addresses": ["10.0.0.1"], "targetRef": {"name": "web-a", "uid": "a"}}]);
        let removed = |slices: &mut Slices| slices.removed.note(&"a".into(), 1);
        let at = |at: Micros| {
            let place = record::Place { file: "audit.jsonl".into(), line: 2 };
            Entry { place, from: at, to: at, seen: Seen::Other("reads".into()) }
        };
        let mut slices = Slices::default();
        assert_eq!(see(&mut slices, update(&web)), None);
        removed(&mut slices);
        slices.see(0, &at(OVERDUE));
        assert_eq!(slices.left(), Vec::<String>::new());
        slices.see(0, &at(3 + OVERDUE));
        assert!(slices.left()[0].contains("names pod web-a to the end of the log, 30 s after"));
        let mut gone = slices.clone();
        let all = Write { verb: Verb::DeleteCollection, name: "".into(), object: None, ..update(&web) };
        assert_eq!(see(&mut gone, all), None);
        assert_eq!(gone.left(), Vec::<String>::new());
        assert_eq!(see(&mut slices, update(&json!([]))), None);
        assert_eq!(slices.left(), Vec::<String>::new());
    }

    #[test]
    fn a_slice_without_endpoints_may_be_written_again() {
        let mut slices = Slices::default();
        for _ in 0..2 {
            assert_eq!(see(&mut slices, update(&json!([]))), None);
        }
    }
}
