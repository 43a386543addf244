//! Logs in small, and what is read of them.

mod audit;
mod facts;
mod files;
mod gaps;
mod hostile;
mod laws;
mod order;
mod recorder;
mod requests;
mod stale;
mod watch;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Log, Problem};
use crate::record::{Entry, Micros, Seen, Write};

/// When the logs here begin: 2026-11-22T07:37:00Z.
const START: Micros = 1_795_333_020_000_000;

/// Milliseconds after the beginning, as an API server writes them.
fn time(ms: u64) -> String {
    let (minutes, seconds) = (37 + ms / 60_000, ms / 1_000 % 60);
    format!("2026-11-22T07:{minutes:02}:{seconds:02}.{:03}000Z", ms % 1_000)
}

/// Milliseconds after the beginning, in microseconds since the epoch.
fn at(ms: i64) -> Micros {
    START + 1_000 * ms
}

/// Puts the members of `more` over those of `value`, at every depth.
fn over(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(members), Value::Object(more)) => {
            for (key, more) in more {
                over(members.entry(key).or_insert(Value::Null), more);
            }
        }
        (value, more) => *value = more,
    }
}

/// An event of an audit log: a granted write, received and answered at these milliseconds.
fn event(verb: &str, resource: &str, name: &str, (from, to): (u64, u64), more: Value) -> Value {
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
        "requestURI": format!("/api/v1/namespaces/s/{resource}/{name}"), "verb": verb,
        "user": {"username": "system:node:node-a"}, "userAgent": "kubelet/v1.20.2",
        "objectRef": {"resource": resource, "namespace": "s", "name": name, "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": time(from), "stageTimestamp": time(to),
    });
    over(&mut event, more);
    event
}

/// A write of a pod that was answered with this version of it.
fn pod(verb: &str, name: &str, version: u64, times: (u64, u64), more: Value) -> Value {
    let object = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "s", "uid": name, "resourceVersion": version.to_string()},
    });
    let mut event = event(verb, "pods", name, times, json!({ "responseObject": object }));
    over(&mut event, more);
    event
}

/// The lines of a file.
fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, text) in files {
        put(folder.path(), name, text.as_bytes());
    }
    folder
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder can be made");
    fs::write(path, bytes).expect("a file can be written");
}

/// What is read of a folder with these files.
fn read(files: &[(&str, &str)]) -> Vec<Result<Entry, Problem>> {
    let folder = folder(files);
    let log = Log::find(&[folder.path().to_owned()]).expect("the folder has a log");
    log.entries().collect()
}

/// The entries of a folder in which everything can be read.
fn entries(files: &[(&str, &str)]) -> Vec<Entry> {
    read(files).into_iter().map(|entry| entry.expect("the line can be read")).collect()
}

/// What an audit log of these events says.
fn audit(events: &[Value]) -> Vec<Entry> {
    entries(&[("audit.jsonl", &lines(events))])
}

/// The one entry of an audit log of one event.
fn only(event: Value) -> Entry {
    let mut entries = audit(&[event]);
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

/// The write of an audit log of one event.
fn only_write(event: Value) -> Write {
    match only(event).seen {
        Seen::Write(write) => *write,
        seen => panic!("{seen:?} is no write"),
    }
}

/// The word of an entry that the model does not speak of.
fn word(entry: &Entry) -> &str {
    match &entry.seen {
        Seen::Other(word) => word,
        seen => panic!("{seen:?} is modelled"),
    }
}

/// Each entry in a word: a write by what it is of and its version.
fn told(entries: &[Entry]) -> Vec<String> {
    let tell = |entry: &Entry| match &entry.seen {
        Seen::Write(write) => match write.resource_version {
            Some(version) => format!("{}@{version}", write.name),
            None if write.code >= 400 => format!("{}!{}", write.name, write.code),
            None => format!("{}/{}", write.name, write.subresource),
        },
        Seen::List(objects) => format!("list of {}", objects.len()),
        Seen::Change(change) => format!("{:?} {}", change.kind, change.object.name),
        Seen::Told(writes) => format!("one of {} writes", writes.len()),
        Seen::Renewal { node, .. } => format!("renewal of {node}"),
        Seen::Missed { since } => format!("missed since {}", since - START),
        Seen::Other(word) => word.to_string(),
        Seen::Runtime(event) => format!("{} {:?}", event.pod, event.what),
        Seen::App(event) => format!("{} {:?}", event.pod, event.what),
        Seen::Rules(event) => format!("rules of {}", event.node),
        Seen::Request(event) => format!("request {}", event.id),
        Seen::Fault(event) => event.fault.to_string(),
    };
    entries.iter().map(tell).collect()
}
