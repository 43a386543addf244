//! The commands that run in containers beside their processes: hooks, probes, and whatever somebody runs there.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::record::{RuntimeEvent, RuntimeWhat};

/// Which commands were seen in a container.
#[derive(Debug, PartialEq, Eq)]
enum Commands {
    /// This one alone.
    One(Rc<str>),
    /// More than one.
    Several,
}

/// The namespace and name of a pod, and the name of a container of it.
type Of = (Rc<str>, Rc<str>, Rc<str>);

/// The commands of all containers.
#[derive(Debug, Default)]
pub(super) struct CommandLog {
    by_container: BTreeMap<Of, Commands>,
}

impl CommandLog {
    /// Takes note of what a container runtime did.
    pub fn see(&mut self, event: &RuntimeEvent) {
        let (RuntimeWhat::ExecStarted, Some(container)) = (event.what, &event.container) else { return };
        let key = (Rc::clone(&event.namespace), Rc::clone(&event.pod), Rc::clone(container));
        let known = self.by_container.entry(key).or_insert_with(|| Commands::One(Rc::clone(&event.command)));
        if matches!(known, Commands::One(first) if *first != event.command) {
            *known = Commands::Several;
        }
    }

    /// The containers of a pod in which several commands ran.
    pub fn several_in(&self, namespace: &Rc<str>, pod: &Rc<str>) -> impl Iterator<Item = Rc<str>> {
        let from = (Rc::clone(namespace), Rc::clone(pod), Rc::<str>::from(""));
        let of_pod = (Rc::clone(namespace), Rc::clone(pod));
        let own = self.by_container.range(from..);
        let own = own.take_while(move |((namespace, pod, _), _)| (namespace, pod) == (&of_pod.0, &of_pod.1));
        own.filter(|(_, commands)| **commands == Commands::Several)
            .map(|((.., container), _)| Rc::clone(container))
    }
}
