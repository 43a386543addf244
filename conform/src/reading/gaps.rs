//! What a watch did not tell while it was interrupted. A stream that broke, or that was too old to go on (410, the `ERROR` of
//! `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/watch.go`), begins anew with what is there by then, as a list or as if all
//! of it were new. What has changed meanwhile is made of that: each object that is there comes to be as it is in as many steps as it
//! takes at least, and what is there no more has gone. The entry before says since when something may be missing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Value, json};

use super::facts::object;
use super::names::Names;
use super::watch::{LAG, Told};
use crate::record::{Change, ChangeKind, Entry, Facts, Micros, Object, Seen};

/// What a file of a watch has told so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The objects that are there, as they were told of last, by UID.
    known: BTreeMap<Rc<str>, Object>,
    /// When it told of the last.
    last: Option<Micros>,
    /// The newest version that it told of.
    version: Option<u64>,
    /// It began with a list.
    has_list: bool,
    /// It has told of something beside what there was.
    has_begun: bool,
    /// It was interrupted, and has not told of what there is since then.
    is_interrupted: bool,
    /// What it has told of since it began anew as if it were new.
    again: Option<BTreeSet<Rc<str>>>,
}

fn version(object: &Object) -> Option<u64> {
    object.whole["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

fn uid(object: &Object) -> Rc<str> {
    match &*object.uid {
        "" => format!("{}/{}", object.namespace, object.name).into(),
        _ => Rc::clone(&object.uid),
    }
}

/// Has somebody done something with the pod since it was created? The API server takes no status with it (`pkg/registry/core/pod/strategy.go`,
/// `PrepareForCreate`).
fn has_lived(object: &Object) -> bool {
    matches!(&object.facts, Facts::Pod(facts) if !facts.containers.is_empty())
}

impl Memory {
    /// What a line says, with what it shows that was not told.
    pub(super) fn take(&mut self, told: Told, names: &mut Names) -> Vec<Told> {
        let at = told.received.map(|at| at.saturating_sub(LAG)).or(told.latest);
        let all = match &told.entry.seen {
            Seen::Missed { .. } => {
                self.is_interrupted = true;
                return vec![self.missed(&told)];
            }
            Seen::List(objects) => {
                let objects = objects.clone();
                self.list(&objects, told, names)
            }
            Seen::Change(change) => {
                let change = change.clone();
                self.change(&change, told, names)
            }
            _ => return vec![told],
        };
        self.last = self.last.max(at);
        self.version = self.version.max(all.iter().filter_map(|told| told.version).max());
        all
    }

    /// The entry that says since when something may be missing.
    fn missed(&self, by: &Told) -> Told {
        let since = self.last.unwrap_or(Micros::MIN);
        let entry = Entry { seen: Seen::Missed { since }, ..by.entry.clone() };
        Told { version: self.version, is_late: true, entry, ..*by }
    }

    /// It happened at some moment since it told of the last thing.
    fn meanwhile(&self, by: &Told) -> Told {
        let from = self.last.map_or(by.entry.from, |last| last.min(by.entry.from));
        Told { is_late: true, entry: Entry { from, ..by.entry.clone() }, ..*by }
    }

    /// What there is. The first list is where the watch begins, and several may stand there: of several namespaces.
    fn list(&mut self, objects: &[Object], told: Told, names: &mut Names) -> Vec<Told> {
        let mut all = Vec::new();
        if self.has_begun || self.is_interrupted {
            let by = self.meanwhile(&told);
            for object in objects {
                all.extend(self.catch_up(object, &by, names));
            }
            let there: BTreeSet<Rc<str>> = objects.iter().map(uid).collect();
            all.extend(self.let_go(&there, &by, names));
            all.sort_by_key(|told| told.version);
            if !all.is_empty() {
                all.insert(0, self.missed(&told));
            }
        }
        (self.is_interrupted, self.has_list) = (false, true);
        self.known.extend(objects.iter().map(|object| (uid(object), object.clone())));
        all.push(told);
        all
    }

    fn change(&mut self, change: &Change, told: Told, names: &mut Names) -> Vec<Told> {
        let known = self.known.get(&uid(&change.object)).cloned();
        let is_old = known.as_ref().is_some_and(|known| version(&change.object) <= version(known));
        let is_new = change.kind == ChangeKind::Added;
        let mut all = Vec::new();
        if is_old && change.kind != ChangeKind::Deleted {
            if is_new && self.is_interrupted {
                self.again.get_or_insert_default().insert(uid(&change.object));
            }
            return vec![told];
        }
        let is_again = is_new && (known.is_some() || self.has_begun && has_lived(&change.object));
        if is_again || is_new && self.again.is_some() {
            if self.again.is_none() {
                all.push(self.missed(&told));
            }
            self.is_interrupted = true;
            self.again.get_or_insert_default().insert(uid(&change.object));
            all.extend(self.catch_up(&change.object, &self.meanwhile(&told), names));
            self.known.insert(uid(&change.object), change.object.clone());
            return all;
        }
        // It goes on: all that is there has been told of again.
        if !is_new && let Some(again) = self.again.take() {
            self.is_interrupted = false;
            let by = self.meanwhile(&told);
            all.extend(self.let_go(&again, &by, names));
        }
        self.has_begun |= !is_new || self.has_list;
        match change.kind {
            ChangeKind::Deleted => _ = self.known.remove(&uid(&change.object)),
            _ => _ = self.known.insert(uid(&change.object), change.object.clone()),
        }
        all.push(told);
        all
    }

    /// The steps in which an object has come to be as it is, if it was not so.
    fn catch_up(&self, now: &Object, by: &Told, names: &mut Names) -> Vec<Told> {
        let before = self.known.get(&uid(now));
        if before.is_some_and(|before| version(now).is_none() || version(now) <= version(before)) {
            return Vec::new();
        }
        let mut all = Vec::new();
        let kind = if before.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        let steps = if matches!(now.facts, Facts::Pod(_)) { unfold(before, now, names) } else { Vec::new() };
        for step in steps.into_iter().chain([now.clone()]) {
            let kind = if all.is_empty() { kind } else { ChangeKind::Modified };
            all.push(changed(by, kind, version(now), step));
        }
        all
    }

    /// Those that are there no more have gone.
    fn let_go(&mut self, there: &BTreeSet<Rc<str>>, by: &Told, names: &mut Names) -> Vec<Told> {
        let is_gone = |uid: &&Rc<str>| !there.contains(*uid);
        let gone: Vec<Rc<str>> = self.known.keys().filter(is_gone).cloned().collect();
        let mut all = Vec::new();
        for object in gone.iter().filter_map(|uid| self.known.remove(uid)) {
            let mut last = object.clone();
            if let Facts::Pod(facts) = &object.facts {
                let seconds = object.whole["spec"]["terminationGracePeriodSeconds"].clone();
                if !facts.deleting && facts.node.is_some() {
                    all.push(changed(
                        by,
                        ChangeKind::Modified,
                        by.version,
                        deleted(&object, &seconds, names),
                    ));
                }
                last = deleted(&object, &json!(0), names);
            }
            all.push(changed(by, ChangeKind::Deleted, by.version, last));
        }
        all
    }
}

fn changed(by: &Told, kind: ChangeKind, resource_version: Option<u64>, object: Object) -> Told {
    let seen = Seen::Change(Box::new(Change { kind, resource_version, object }));
    Told { version: resource_version, entry: Entry { seen, ..by.entry.clone() }, ..*by }
}

/// The pod with another manifest, as it was for a while: of which version nobody knows.
fn with(before: &Object, names: &mut Names, change: impl FnOnce(&mut Value)) -> Object {
    let mut whole = Value::clone(&before.whole);
    if let Some(metadata) = whole["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    change(&mut whole);
    object(whole, Some("Pod"), names)
}

/// The pod, after a deletion with a grace period of so many seconds. When that was asked for nobody has said.
fn deleted(pod: &Object, seconds: &Value, names: &mut Names) -> Object {
    with(pod, names, |whole| {
        let metadata = &mut whole["metadata"];
        if metadata["deletionTimestamp"].is_null() {
            metadata["deletionTimestamp"] = metadata["creationTimestamp"].clone();
        }
        metadata["deletionGracePeriodSeconds"] = seconds.clone();
    })
}

/// What a pod must have been between two moments: created, bound, reported, and then deleted.
fn unfold(before: Option<&Object>, now: &Object, names: &mut Names) -> Vec<Object> {
    let Facts::Pod(is) = &now.facts else { return Vec::new() };
    let was = before.and_then(|before| match &before.facts {
        Facts::Pod(facts) => Some(facts),
        _ => None,
    });
    let keep = |whole: &mut Value| {
        if let Some(metadata) = whole["metadata"].as_object_mut() {
            metadata.remove("deletionTimestamp");
            metadata.remove("deletionGracePeriodSeconds");
        }
    };
    let mut steps = Vec::new();
    let unbound = match before {
        Some(before) => before.clone(),
        None => with(now, names, |whole| {
            keep(whole);
            whole["status"] = json!({"phase": "Pending"});
            if let Some(spec) = whole["spec"].as_object_mut() {
                spec.remove("nodeName");
            }
        }),
    };
    if before.is_none() {
        steps.push(unbound.clone());
    }
    if let Some(node) = &is.node
        && was.is_none_or(|was| was.node.is_none())
    {
        let bound = with(&unbound, names, |whole| whole["spec"]["nodeName"] = json!(&**node));
        steps.push(bound);
    }
    if is.deleting && was.is_none_or(|was| !was.deleting) {
        steps.push(with(now, names, keep));
    }
    // The last of them may be how it is.
    if let (Some(Facts::Pod(last)), true) = (steps.last().map(|last| &last.facts), steps.len() > 1)
        && last == is
    {
        steps.pop();
    }
    steps
}
