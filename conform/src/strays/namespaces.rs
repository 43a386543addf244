//! Namespaces that are being deleted: nothing is created in one (NS-1).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::SLACK;
use crate::follow::write_of;
use crate::matching::Unexplained;
use crate::matching::unexplained::words;
use crate::record::{Entry, Micros, Seen, Verb, Write};

/// So long it is remembered that a namespace was deleted.
const REMEMBERED: Micros = 3_600_000_000;

/// Since when each is being deleted, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Namespaces(BTreeMap<Rc<str>, Micros>);

impl Namespaces {
    /// Why the entry cannot be, if something of what matters is created in a namespace that is being deleted, or is gone.
    pub fn see(&mut self, number: u64, entry: &Entry) -> Option<Unexplained> {
        if let Seen::Missed { .. } = entry.seen {
            self.0.clear();
        }
        let is_granted = |write: &&Write| (200..300).contains(&write.code) && write.subresource.is_empty();
        let write = write_of(entry).filter(is_granted)?;
        let is_namespace = &*write.resource == "namespaces";
        match write.verb {
            Verb::Delete if is_namespace => {
                self.0.retain(|_, since| *since + REMEMBERED >= entry.from);
                self.0.entry(Rc::clone(&write.name)).or_insert(entry.to);
            }
            Verb::Create if is_namespace && write.name.is_empty() => self.0.clear(),
            Verb::Create if is_namespace => _ = self.0.remove(&write.name),
            Verb::Create => {
                let since = *self.0.get(&write.namespace)?;
                let seconds = (entry.from - since) as f64 / 1e6;
                let why = format!(
                    "namespace {} was deleted {seconds:.1} s before, and nothing is created in one that ends (NS-1)",
                    write.namespace
                );
                return (since + SLACK < entry.from)
                    .then(|| Unexplained::wrong(number, entry, words(write), why));
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Place;

    fn see(namespaces: &mut Namespaces, at: Micros, verb: Verb, resource: &str) -> Option<String> {
        let (namespace, name) = if resource == "namespaces" { ("", "shop") } else { ("shop", "web") };
        let write = Write {
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
            ..Write::granted(verb)
        };
        let place = Place { file: "audit.jsonl".into(), line: 1 };
        let entry = Entry { place, from: at, to: at, seen: Seen::Write(Box::new(write)) };
        namespaces.see(0, &entry).map(|found| found.why)
    }

    #[test]
    fn nothing_is_created_in_a_namespace_that_is_being_deleted() {
        let mut namespaces = Namespaces::default();
        assert_eq!(see(&mut namespaces, 0, Verb::Create, "pods"), None);
        assert_eq!(see(&mut namespaces, 1, Verb::Delete, "namespaces"), None);
        assert_eq!(see(&mut namespaces, SLACK, Verb::Create, "pods"), None, "it may have come before");
        let later = 2 + SLACK;
        assert_eq!(see(&mut namespaces, later, Verb::Delete, "pods"), None);
        let says = see(&mut namespaces, later, Verb::Create, "replicasets");
        assert!(says.is_some_and(|says| says.contains("namespace shop was deleted 5.0 s")));
        assert_eq!(see(&mut namespaces, later, Verb::Create, "namespaces"), None);
        assert_eq!(see(&mut namespaces, later, Verb::Create, "pods"), None, "it is another");
        assert_eq!(see(&mut namespaces, later, Verb::Delete, "namespaces"), None);
        namespaces.0.insert("old".into(), 0);
        assert_eq!(see(&mut namespaces, later + REMEMBERED, Verb::Delete, "namespaces"), None);
        assert_eq!(namespaces.0.len(), 1, "of what was long ago nothing is kept");
    }
}
