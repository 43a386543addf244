//! The clocks of nodes, by what causes what: a sandbox follows the binding of its pod, SIGTERM the deletion, rules the slice that they
//! are made of; a report of a container follows its start, and the removal of a pod the end of its processes.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Bounds;
use crate::record::{
    AppEvent, AppWhat, ContainerStateSeen, Entry, Facts, Micros, RulesEvent, RuntimeEvent, RuntimeWhat, Seen,
    Verb, Write,
};

/// The name of a node or a container, an address, the UID of a pod; where that is said, the name of a pod.
type Name = Rc<str>;

/// What a log tells of causes and what they cause, whatever the order in which it tells them.
#[derive(Debug, Default)]
pub(in crate::reading) struct Causes {
    /// When a pod was bound.
    bound: BTreeMap<Name, Micros>,
    /// When a pod was deleted for the first time, by name.
    deleted: BTreeMap<Name, Micros>,
    /// When a kubelet removed a pod.
    removed: BTreeMap<Name, Micros>,
    /// When a container was first reported to run.
    reported: BTreeMap<(Name, Name), Micros>,
    /// When an address was first in a slice.
    sliced: BTreeMap<Name, Micros>,
    /// When a sandbox was first started, and where.
    sandboxes: BTreeMap<Name, (Name, Micros)>,
    /// When a container was first started, and where.
    started: BTreeMap<(Name, Name), (Name, Micros)>,
    /// When the last process of a pod ended, and where.
    ended: BTreeMap<Name, (Name, Micros)>,
    /// When a process got SIGTERM, by the name of its pod; none if it did more than once.
    signalled: BTreeMap<(Name, Name), Option<Micros>>,
    /// When an address was first in the rules of a node.
    ruled: BTreeMap<(Name, Name), Micros>,
    /// The nodes of pods, by name.
    pub(in crate::reading) homes: BTreeMap<Name, Name>,
}

fn first(of: &mut BTreeMap<Name, Micros>, name: &Name, at: Micros) {
    of.entry(Rc::clone(name)).and_modify(|known| *known = at.min(*known)).or_insert(at);
}

impl Causes {
    /// Takes note of an entry.
    pub(in crate::reading) fn see(&mut self, entry: &Entry) {
        match &entry.seen {
            Seen::Write(write) if write.code < 300 => self.write(entry, write),
            Seen::Runtime(event) => self.runtime(entry.from, event),
            Seen::App(event) => self.app(entry.from, event),
            Seen::Rules(event) if event.written => self.rules(entry.to, event),
            _ => {}
        }
    }

    fn write(&mut self, entry: &Entry, write: &Write) {
        let (name, uid) = (&write.name, &write.uid);
        match (&*write.resource, &*write.subresource, write.verb) {
            ("pods", "binding", _) => {
                first(&mut self.bound, uid, entry.from);
                if let Some(node) = &write.target {
                    self.homes.insert(Rc::clone(name), Rc::clone(node));
                }
            }
            ("pods", "eviction", _) => first(&mut self.deleted, name, entry.from),
            ("pods", "", Verb::Delete) if write.user.starts_with("system:node:") => {
                first(&mut self.removed, uid, entry.to);
            }
            ("pods", "", Verb::Delete) => first(&mut self.deleted, name, entry.from),
            _ => {}
        }
        match write.object.as_ref().map(|object| &object.facts) {
            Some(Facts::Pod(facts)) => {
                let run = facts.containers.iter().filter(|one| one.state == ContainerStateSeen::Running);
                for container in run {
                    let key = (Rc::clone(uid), Rc::clone(&container.name));
                    let known = self.reported.entry(key).or_insert(entry.to);
                    *known = entry.to.min(*known);
                }
            }
            Some(Facts::EndpointSlice(slice)) => {
                for endpoint in &slice.endpoints {
                    first(&mut self.sliced, &endpoint.address, entry.from);
                }
            }
            _ => {}
        }
    }

    fn runtime(&mut self, at: Micros, event: &RuntimeEvent) {
        let (pod, node) = (Rc::clone(&event.uid), Rc::clone(&event.node));
        match (&event.container, event.what) {
            (None, RuntimeWhat::Started) => {
                self.sandboxes.entry(pod).or_insert((node, at));
            }
            (Some(container), RuntimeWhat::Started) => {
                self.started.entry((pod, Rc::clone(container))).or_insert((node, at));
            }
            (Some(_), RuntimeWhat::Exited(_)) => {
                let known = self.ended.entry(pod).or_insert((node, at));
                known.1 = known.1.max(at);
            }
            _ => {}
        }
    }

    fn app(&mut self, at: Micros, event: &AppEvent) {
        const TERM: i32 = 15;
        if event.what == AppWhat::Signal(TERM) {
            let key = (Rc::clone(&event.pod), Rc::clone(&event.container));
            self.signalled.entry(key).and_modify(|known| *known = None).or_insert(Some(at));
        }
    }

    fn rules(&mut self, at: Micros, event: &RulesEvent) {
        for address in event.endpoints.values().flatten() {
            let ip = address.rsplit_once(':').map_or(&**address, |(ip, _)| ip).trim_matches(['[', ']']);
            let key = (Rc::clone(&event.node), ip.into());
            let known = self.ruled.entry(key).or_insert(at);
            *known = at.min(*known);
        }
    }

    /// What must be added to the times of each node.
    pub(in crate::reading) fn bounds(&self) -> BTreeMap<Name, Bounds> {
        let mut all: BTreeMap<Name, Bounds> = BTreeMap::new();
        let mut of = |node: &Name, note: &dyn Fn(&mut Bounds)| {
            note(all.entry(Rc::clone(node)).or_insert(Bounds::NONE));
        };
        for (pod, (node, at)) in &self.sandboxes {
            if let Some(&bound) = self.bound.get(pod) {
                of(node, &|bounds| bounds.after(bound, *at));
            }
        }
        for ((pod, container), (node, at)) in &self.started {
            if let Some(&reported) = self.reported.get(&(Rc::clone(pod), Rc::clone(container))) {
                of(node, &|bounds| bounds.before(*at, reported));
            }
        }
        for (pod, (node, at)) in &self.ended {
            if let Some(&removed) = self.removed.get(pod) {
                of(node, &|bounds| bounds.before(*at, removed));
            }
        }
        for ((pod, _), at) in &self.signalled {
            if let (Some(&deleted), Some(at), Some(node)) = (self.deleted.get(pod), at, self.homes.get(pod)) {
                of(node, &|bounds| bounds.after(deleted, *at));
            }
        }
        for ((node, ip), at) in &self.ruled {
            if let Some(&sliced) = self.sliced.get(ip) {
                of(node, &|bounds| bounds.after(sliced, *at));
            }
        }
        all
    }
}
