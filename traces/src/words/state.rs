//! A state as lines: what is so of every object that is there.

use podproof_vocabulary::observation::Observation;

use crate::names::Names;
use crate::object::{Fact, Object};

/// Values that go without saying.
const PLAIN: [&str; 6] = ["none", "no", "not run", "works", "left", "within the deadline"];

/// A line for each object that is there, as `pod web-7c9f/2: phase Running, Ready yes`, in the order in which a pod's life
/// flows.
pub fn state(names: &Names, seen: &Observation) -> Vec<String> {
    let line = |object: Object| {
        let facts = object.facts(seen, names);
        let says = |(name, value): &Fact| format!("{name} {value}");
        let said: Vec<_> =
            facts.iter().filter(|(_, value)| !PLAIN.contains(&value.as_str())).map(says).collect();
        let of = match object.pod() {
            Some(pod) if object != Object::Pod(pod) => format!("{}, ", names.pod(pod)),
            _ => String::new(),
        };
        (!facts.is_empty()).then(|| format!("{of}{}: {}", object.name(names), said.join(", ")))
    };
    Object::all(seen).into_iter().filter_map(line).collect()
}
