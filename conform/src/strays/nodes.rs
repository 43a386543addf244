//! Nodes whose object was removed: nobody writes to one again before it is created anew (API-6). A kubelet that still runs is told that
//! its node is not there (`pkg/kubelet/kubelet_node_status.go`, `tryUpdateNodeStatus`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::SLACK;
use crate::follow::write_of;
use crate::matching::Unexplained;
use crate::matching::unexplained::words;
use crate::record::{Entry, Micros, Seen, Verb, Write};

/// When each was removed, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes(BTreeMap<Rc<str>, Micros>);

impl Nodes {
    /// Why the entry cannot be, if a write is granted of a node that is not there.
    pub fn see(&mut self, number: u64, entry: &Entry) -> Option<Unexplained> {
        if let Seen::Missed { .. } = entry.seen {
            self.0.clear();
        }
        let is_granted = |write: &&Write| &*write.resource == "nodes" && (200..300).contains(&write.code);
        let write = write_of(entry).filter(is_granted)?;
        match (write.verb, &*write.subresource) {
            (Verb::Delete, "") if !is_held(write) => _ = self.0.insert(Rc::clone(&write.name), entry.to),
            (Verb::Create, "") if write.name.is_empty() => self.0.clear(),
            (Verb::Create, "") => _ = self.0.remove(&write.name),
            (Verb::Update | Verb::Patch, "" | "status") => {
                let since = *self.0.get(&write.name)?;
                let seconds = (entry.from - since) as f64 / 1e6;
                let why = format!(
                    "node {} was removed {seconds:.1} s before, and this was granted (API-6)",
                    write.name
                );
                return (since + SLACK < entry.from)
                    .then(|| Unexplained::wrong(number, entry, words(write), why));
            }
            _ => {}
        }
        None
    }
}

/// Finalizers keep it (DEL-14).
fn is_held(write: &Write) -> bool {
    write.object.as_ref().is_some_and(|object| object.whole["metadata"]["finalizers"].is_array())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Place;

    fn see(nodes: &mut Nodes, at: Micros, (verb, subresource, code): (Verb, &str, u16)) -> Option<String> {
        let write = Write {
            resource: "nodes".into(),
            name: "node-a".into(),
            subresource: subresource.into(),
            code,
            ..Write::granted(verb)
        };
        let place = Place { file: "audit.jsonl".into(), line: 1 };
        let entry = Entry { place, from: at, to: at, seen: Seen::Write(Box::new(write)) };
        nodes.see(0, &entry).map(|found| found.why)
    }

    #[test]
    fn nobody_writes_to_a_node_that_was_removed() {
        let mut nodes = Nodes::default();
        let report = (Verb::Patch, "status", 200);
        assert_eq!(see(&mut nodes, 0, report), None);
        assert_eq!(see(&mut nodes, 1, (Verb::Delete, "", 200)), None);
        assert_eq!(see(&mut nodes, SLACK, report), None, "it may have come before");
        let later = 2 + SLACK;
        assert_eq!(see(&mut nodes, later, (Verb::Patch, "status", 404)), None);
        assert!(see(&mut nodes, later, report).is_some_and(|says| says.contains("node-a was removed 5.0 s")));
        assert_eq!(see(&mut nodes, later, (Verb::Create, "", 201)), None);
        assert_eq!(see(&mut nodes, later, report), None, "it is another");
    }
}
