//! Watches into entries: those of a recording, which know when an event was received, and plain ones, which do not.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value;

use super::facts::object;
use super::lines::{Lines, parse};
use super::moment::moment;
use super::names::Names;
use super::problem::Problem;
use crate::record::{Change, ChangeKind, Entry, Facts, Micros, Place, Seen};

/// How long before it was received an event of a watch may have happened. Watches have no bound; on a loaded machine 0.1 s
/// was measured.
pub(super) const LAG: Micros = 1_000_000;

/// What a line of a watch must be.
const ACCEPTED: &str = "`{\"type\",\"object\"}`, alone or as the `event` of a line with `t_us`";

/// A recorder says that its stream broke.
const BROKEN: &str = "RIG_DISCONNECT";

/// A line of a watch that says something.
#[derive(Debug)]
pub(super) struct Told {
    /// The resource version, or that of the list.
    pub(super) version: Option<u64>,
    /// When it was received, if the line says it.
    pub(super) received: Option<Micros>,
    /// Else the latest time that stands in the object: it was received no earlier.
    pub(super) latest: Option<Micros>,
    /// It happened before it was told: what comes next in the log may be from before that.
    pub(super) is_late: bool,
    /// The entry.
    pub(super) entry: Entry,
}

#[derive(Deserialize)]
struct Line {
    t_us: Option<Micros>,
    event: Option<Event>,
    #[serde(rename = "type")]
    kind: Option<String>,
    object: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Option<Value>,
    items: Option<Vec<Value>>,
    resource_version: Option<String>,
}

/// A file of a watch.
pub(super) struct Watch {
    lines: Lines,
    /// The kind of what is in its lists.
    kind: Option<Rc<str>>,
}

impl Watch {
    /// Lists in `lines` are of `kind`.
    pub(super) fn new(lines: Lines, kind: Option<Rc<str>>) -> Self {
        Self { lines, kind }
    }

    /// The next line that says something.
    pub(super) fn next(&mut self, names: &mut Names) -> Option<Result<Told, Problem>> {
        loop {
            let line = match self.lines.next()? {
                Ok(line) => line.to_owned(),
                Err(problem) => return Some(Err(problem)),
            };
            match read(&line, self.lines.place(), self.kind.as_deref(), names) {
                Ok(None) => {}
                Ok(Some(told)) => return Some(Ok(told)),
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
}

/// Reads a line; bookmarks and what a recorder says of its streams are passed over, but for that one broke.
fn read(line: &[u8], place: Place, kind: Option<&str>, names: &mut Names) -> Result<Option<Told>, Problem> {
    let line: Line = parse(line, &place, ACCEPTED)?;
    let received = line.t_us;
    let event = match (line.event, line.kind) {
        (Some(event), _) => event,
        (None, Some(kind)) => Event { kind, object: line.object, items: None, resource_version: None },
        (None, None) => return Err(Problem::new(&place.file, place.line, "the line has no event", ACCEPTED)),
    };
    let change = match event.kind.as_str() {
        "ADDED" => Some(ChangeKind::Added),
        "MODIFIED" => Some(ChangeKind::Modified),
        "DELETED" => Some(ChangeKind::Deleted),
        "LIST" => None,
        "ERROR" | BROKEN => {
            if kind.map(resource_of).is_some_and(|resource| !matters(&resource)) {
                return Ok(None);
            }
            let (from, to) = received.map_or((0, 0), |at| (at, at));
            let entry = Entry { place, from, to, seen: Seen::Missed { since: Micros::MIN } };
            return Ok(Some(Told { version: None, received, latest: None, is_late: true, entry }));
        }
        "BOOKMARK" => return Ok(None),
        recorder if recorder.starts_with("RIG_") => return Ok(None),
        other => {
            let accepted = "ADDED, MODIFIED, DELETED, BOOKMARK, ERROR or LIST";
            return Err(Problem::new(&place.file, place.line, format!("`type` is {other:?}"), accepted));
        }
    };
    let mut latest = None;
    let (version, seen) = match change {
        None => {
            let items = event.items.unwrap_or_default();
            let objects = items.into_iter().map(|item| object(item, kind, names)).collect::<Vec<_>>();
            let other = kind.map(resource_of).filter(|resource| !matters(resource));
            let seen = other.map_or(Seen::List(objects), |resource| Seen::Other(names.get(&resource)));
            (number(event.resource_version.as_deref()), seen)
        }
        Some(kind) => {
            let whole = event.object.unwrap_or_default();
            if !whole.is_object() {
                return Err(Problem::new(&place.file, place.line, "the event has no object", ACCEPTED));
            }
            if received.is_none() {
                latest = latest_of(&whole);
            }
            let version = number(whole["metadata"]["resourceVersion"].as_str());
            (version, changed(kind, version, whole, names))
        }
    };
    let (from, to) = received.map_or((0, 0), |at| (at.saturating_sub(LAG), at));
    Ok(Some(Told { version, received, latest, is_late: false, entry: Entry { place, from, to, seen } }))
}

/// What a change says.
fn changed(kind: ChangeKind, version: Option<u64>, whole: Value, names: &mut Names) -> Seen {
    let object = object(whole, None, names);
    let is_lease = matches!(&object.facts, Facts::Other(kind) if &**kind == "Lease");
    if is_lease && &*object.namespace == "kube-node-lease" && kind == ChangeKind::Modified {
        return Seen::Renewal { node: Rc::clone(&object.name), lease: object.name };
    }
    if let Facts::Other(kind) = &object.facts {
        let resource = resource_of(kind);
        if !matters(&resource) {
            return Seen::Other(names.get(&resource));
        }
    }
    Seen::Change(Box::new(Change { kind, resource_version: version, object }))
}

/// The resource of a kind, as Kubernetes guesses it: `NetworkPolicy` is in `networkpolicies`.
pub(crate) fn resource_of(kind: &str) -> String {
    let kind = kind.to_lowercase();
    if kind == "endpoints" {
        kind
    } else if let Some(stem) = kind.strip_suffix('y') {
        format!("{stem}ies")
    } else if kind.ends_with('s') {
        format!("{kind}es")
    } else {
        format!("{kind}s")
    }
}

/// The kind that a file of a watch is named after: `pods.jsonl` is of Pods.
pub(super) fn kind_of(resource: &str) -> Option<&'static str> {
    KINDS.iter().find(|kind| resource_of(kind) == resource).copied()
}

/// The kinds whose objects are told of, and those that files of a recording are of beside them.
const KINDS: &[&str] = &[
    "Pod",
    "Node",
    "Service",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "EndpointSlice",
    "PodDisruptionBudget",
    "Endpoints",
    "Event",
    "Lease",
];

/// Objects of the resource are told of as they are.
fn matters(resource: &str) -> bool {
    kind_of(resource).is_some_and(|kind| !["Endpoints", "Event", "Lease"].contains(&kind))
}

fn number(version: Option<&str>) -> Option<u64> {
    version.and_then(|version| version.parse().ok())
}

/// The latest time that stands in an object: whatever it tells of has happened no earlier.
fn latest_of(whole: &Value) -> Option<Micros> {
    let items = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let status = &whole["status"];
    let conditions = items(&status["conditions"]).into_iter().map(|it| it["lastTransitionTime"].clone());
    let containers = items(&status["containerStatuses"]).into_iter().flat_map(|it| {
        let state = &it["state"];
        [state["running"]["startedAt"].clone(), state["terminated"]["finishedAt"].clone()]
    });
    let own = [whole["metadata"]["creationTimestamp"].clone(), whole["spec"]["renewTime"].clone()];
    own.into_iter().chain(conditions).chain(containers).filter_map(|time| moment(time.as_str()?)).max()
}
