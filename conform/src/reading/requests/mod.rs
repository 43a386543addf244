//! A log of level Request has no answers: what each write left behind is made again from what was asked for, as the API server would
//! have made it, from the objects that there were by then.
//!
//! - [`patch`]: what a patch changes
//! - [`hints`]: what later requests tell of an object that was created
//! - [`rules`]: what the API server does beside what it was asked for
//!
//! What cannot be known is not made up: a patch of an object that the log never shows whole leaves none. Only of nodes a part is
//! enough; it has no UID.

mod hints;
mod patch;
mod rules;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

pub(super) use hints::{Hint, Newness};

use hints::Hints;

use crate::record::{Micros, Object, Seen, Verb, Write};

/// Was a name generated that no request tells?
pub(crate) fn is_nameless(name: &str) -> bool {
    name.contains(hints::UNKNOWN)
}

/// The resource, the namespace and the name of an object.
pub(super) type Key = (Rc<str>, Rc<str>, Rc<str>);

/// Resources whose controller writes each object back as it was stored, soon after anybody has changed what it asks for. What a user
/// asks for is what the API server stored but for defaults and for the type of a patch.
const WRITTEN_BACK: [&str; 2] = ["deployments", "replicasets"];

/// The objects of a log, as its requests left them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// A write has come without its answer.
    has_any: bool,
    objects: BTreeMap<Key, Rc<Value>>,
    hints: Hints,
}

/// A write, and what it asked for.
pub(super) struct Request<'a> {
    /// The write, as far as it is known without its answer.
    pub(super) write: &'a mut Write,
    /// `requestObject`.
    pub(super) object: Value,
    /// When it was received.
    pub(super) at: Micros,
}

impl Requests {
    /// A write is going to come, and tells this of its object. As long as all have answers nothing of it is kept.
    pub(super) fn hear(&mut self, hint: Option<Hint>) {
        let Some(hint) = hint else { return };
        self.has_any |= hint.is_needed;
        if self.has_any {
            self.hints.note(hint);
        }
    }

    /// What was before this moment is over.
    pub(super) fn pass(&mut self, before: Micros) {
        self.hints.sweep(before);
    }

    /// An entry that was received at `at` says what objects are like. Of those with answers nothing is kept as long as all have them.
    pub(super) fn see(&mut self, seen: &Seen, at: Micros) {
        match seen {
            Seen::List(objects) => objects.iter().for_each(|object| self.note_listed(object)),
            Seen::Write(write) if write.code < 300 => self.note_answer(write, at),
            _ => {}
        }
    }

    fn note_listed(&mut self, object: &Object) {
        if let Some((resource, kind)) = rules::resource(object).filter(|_| rules::is_sound(&object.whole)) {
            let key = (resource.into(), Rc::clone(&object.namespace), Rc::clone(&object.name));
            let mut whole = (*object.whole).clone();
            whole["kind"] = kind.into();
            self.objects.insert(key, Rc::new(whole));
        }
    }

    fn note_answer(&mut self, write: &Write, at: Micros) {
        if self.has_any && !write.only_asked && write.verb == Verb::Create {
            self.note_deed(write, at);
        }
        let key = key(write);
        let is_own = ["", "status"].contains(&&*write.subresource);
        match &write.object {
            Some(object) if write.verb == Verb::Delete && rules::is_gone(write, &object.whole) => {
                self.objects.remove(&key);
            }
            Some(object) if self.has_any && is_own && rules::is_sound(&object.whole) => {
                self.objects.insert(key, Rc::clone(&object.whole));
            }
            None if write.verb == Verb::Delete && rules::is_at_once(write) => _ = self.objects.remove(&key),
            _ => {}
        }
    }

    /// What a binding or an eviction made of its pod: the answer to it is a Status.
    fn note_deed(&mut self, write: &Write, at: Micros) {
        let Some(pod) = self.known(write).filter(|_| &*write.resource == "pods") else { return };
        let pod = match (&*write.subresource, write.target.as_deref()) {
            ("binding", Some(node)) => rules::bound(pod, node),
            ("eviction", _) => rules::deleted(write, pod, &Value::Null, at),
            _ => return,
        };
        let key = key(write);
        match rules::is_gone(write, &pod) {
            true => _ = self.objects.remove(&key),
            false => _ = self.objects.insert(key, Rc::new(pod)),
        }
    }

    /// The object as a write without an answer left it, if it can be known; what else the answer would have told is told by the write.
    pub(super) fn answer(&mut self, request: Request<'_>) -> Option<Value> {
        let Request { write, mut object, at } = request;
        if self.is_another(write, &object) {
            return None;
        }
        let subresource = Rc::clone(&write.subresource);
        let is_whole = match write.verb {
            Verb::Create => subresource.is_empty(),
            verb => verb == Verb::Update,
        };
        if is_whole && !rules::is_sound(&object) {
            return None;
        }
        match (write.verb, &*subresource) {
            (Verb::Create, "") => {
                self.name(write, &mut object, at);
                let created = rules::created(write, object, self.hints.uid(&key(write), at), at);
                let created = self.confirm(write, created, &Value::Null, at)?;
                self.keep(write, created)
            }
            (Verb::Create, "binding") => {
                let bound = rules::bound(self.known(write)?, write.target.as_deref()?);
                self.keep(write, bound);
                None
            }
            (Verb::Create, "eviction") => {
                let deleted = rules::deleted(write, self.known(write)?, &Value::Null, at);
                self.keep(write, deleted);
                None
            }
            (Verb::Update, "" | "status") => {
                let before = self.objects.get(&key(write)).map(|known| &**known);
                let updated = rules::updated(write, before, object);
                let asked = updated.clone();
                let updated = match subresource.is_empty() {
                    true => self.confirm(write, updated, &asked, at)?,
                    false => updated,
                };
                self.keep(write, updated)
            }
            (Verb::Patch, "" | "status") => {
                let patched = match self.known(write) {
                    Some(before) => rules::patched(write, before, &object)?,
                    None if &*write.resource == "nodes" => {
                        rules::patched(write, rules::part_of_a_node(&write.name), &object)?
                    }
                    None => self.whole(write, at, |whole| patch::holds(whole, &object))?,
                };
                let patched = match subresource.is_empty() {
                    true => self.confirm(write, patched, &object, at)?,
                    false => patched,
                };
                self.keep(write, patched)
            }
            (Verb::Update | Verb::Patch, "scale") => {
                let replicas = object["spec"]["replicas"].clone();
                if let Some(before) = self.known(write) {
                    let change = json!({"spec": {"replicas": replicas}});
                    let scaled = rules::patched(write, before, &change)?;
                    self.keep(write, scaled);
                }
                let metadata = json!({"name": *write.name, "namespace": *write.namespace});
                let spec = json!({"replicas": replicas});
                Some(
                    json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": spec}),
                )
            }
            (Verb::Delete, "") => {
                let deleted = rules::deleted(write, self.known(write)?, &object, at);
                self.keep(write, deleted)
            }
            _ => None,
        }
    }

    /// Does a write name the UID of another object than the one that is there? It goes on with that.
    fn is_another(&self, write: &mut Write, asked: &Value) -> bool {
        let known = self.objects.get(&key(write)).and_then(|known| known["metadata"]["uid"].as_str());
        let asked = rules::asked_uid(write, asked);
        let is_creation = write.verb == Verb::Create && write.subresource.is_empty();
        match (known, asked) {
            (Some(known), Some(asked)) if !is_creation && known != &*asked => {
                write.uid = asked;
                true
            }
            _ => false,
        }
    }

    fn known(&self, write: &Write) -> Option<Value> {
        self.objects.get(&key(write)).map(|known| (**known).clone())
    }

    /// Finds the name of a new object, if the API server has made it up.
    fn name(&mut self, write: &mut Write, object: &mut Value, at: Micros) {
        if write.name.is_empty() {
            let prefix = object["metadata"]["generateName"].as_str().unwrap_or_default();
            let objects = &self.objects;
            let is_there = |key: &Key| objects.contains_key(key);
            let node = rules::pinned_to(object);
            let around = (&write.resource, &write.namespace);
            write.name = self.hints.name(around, prefix, at, node, is_there);
        }
        object["metadata"]["name"] = json!(*write.name);
    }

    /// What a user asked for, as the controller of the object writes it back. If it does not, there is no object, unless it is known
    /// without.
    fn confirm(&mut self, write: &Write, made: Value, asked: &Value, at: Micros) -> Option<Value> {
        let by_controller = write.user.starts_with("system:serviceaccount:kube-system:");
        if by_controller || !WRITTEN_BACK.contains(&&*write.resource) || rules::asks_for_replicas_only(asked)
        {
            return Some(made);
        }
        let generation = |whole: &Value| whole["metadata"]["generation"].as_u64();
        let (expected, before) = (generation(&made), self.known(write).as_ref().and_then(generation));
        let of = |wanted: Option<u64>| {
            self.whole(write, at, |whole| wanted.is_none() || generation(whole) == wanted)
        };
        let Some(whole) = of(expected).or_else(|| before.and_then(|before| of(Some(before)))) else {
            let made = (write.verb == Verb::Create).then(|| self.before_changes(write, &made, at)).flatten();
            if made.is_none() {
                self.objects.remove(&key(write));
            }
            return made;
        };
        let mut confirmed = made;
        confirmed["spec"] = whole["spec"].clone();
        for field in ["uid", "generation"] {
            confirmed["metadata"][field] = whole["metadata"][field].clone();
        }
        Some(confirmed)
    }

    /// A new object that was changed before its controller wrote it back: the changed one, with the replicas that were asked for first,
    /// and with the template of its first ReplicaSet, if it has one. It must be as it was asked for.
    fn before_changes(&self, write: &Write, made: &Value, at: Micros) -> Option<Value> {
        let written = self.whole(write, at, |_| true)?;
        let mut object = made.clone();
        object["spec"] = written["spec"].clone();
        object["spec"]["replicas"] = made["spec"].get("replicas").cloned().unwrap_or(json!(1));
        object["metadata"]["uid"] = written["metadata"]["uid"].clone();
        if let Some(template) = self.first_template(write, &made["spec"]["template"], at) {
            object["spec"]["template"] = template;
        }
        patch::holds(&object, &json!({"spec": made["spec"]})).then_some(object)
    }

    /// The template of the first ReplicaSet of a Deployment that was created with `asked`.
    fn first_template(&self, write: &Write, asked: &Value, at: Micros) -> Option<Value> {
        let prefix = format!("{}-", write.name);
        let wholes = self.hints.wholes_of(("replicasets", &write.namespace), &prefix, at).into_iter();
        let mut sets = wholes.filter_map(|whole| serde_json::from_slice::<Value>(whole).ok());
        sets.find_map(|mut event| {
            let set = event["requestObject"].take();
            let owner = set.pointer("/metadata/ownerReferences/0/name")?;
            let template = rules::without_hash(&set["spec"]["template"]);
            (*owner == *write.name && patch::holds(&template, asked)).then_some(template)
        })
    }

    /// The object as it stands in a later request, the first of which this holds.
    fn whole(&self, write: &Write, at: Micros, is: impl Fn(&Value) -> bool) -> Option<Value> {
        let key = key(write);
        let wholes = self.hints.wholes(&key, at);
        let mut objects = wholes.filter_map(|whole| serde_json::from_slice::<Value>(whole).ok());
        objects.find_map(|mut event| Some(event["requestObject"].take()).filter(&is))
    }

    /// The object is so from now on.
    fn keep(&mut self, write: &mut Write, object: Value) -> Option<Value> {
        let key = key(write);
        let is_sound = rules::is_sound(&object);
        match !is_sound || rules::is_gone(write, &object) {
            true => _ = self.objects.remove(&key),
            false => _ = self.objects.insert(key, Rc::new(object.clone())),
        }
        write.uid = object["metadata"]["uid"].as_str().unwrap_or_default().into();
        is_sound.then_some(object)
    }
}

/// The key of the object that a write is of.
fn key(write: &Write) -> Key {
    (Rc::clone(&write.resource), Rc::clone(&write.namespace), Rc::clone(&write.name))
}
