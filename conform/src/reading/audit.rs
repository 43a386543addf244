//! Events of an audit log into entries, in two steps: what its order needs is read when an event arrives, its object when
//! it leaves the order, so that what waits there is text and no tree.

use std::rc::Rc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::clocks::versions::{Dated, Sight};
use super::facts::object;
use super::lines::parse;
use super::moment::moment;
use super::names::Names;
use super::order::Ticket;
use super::problem::Problem;
use super::subject::{Effect, Subject, Tells};
use super::template::made_of;
use crate::record::{Entry, Micros, Place, Seen, Verb, Write};

/// What a line of an audit log must be.
const ACCEPTED: &str = "an event of audit.k8s.io, or an EventList";

/// The resources that are written down as [`Write`]s, with the groups that they are of.
const WRITTEN: &[(&str, &[&str])] = &[
    ("pods", &[""]),
    ("nodes", &[""]),
    ("services", &[""]),
    ("deployments", &["apps", "extensions"]),
    ("replicasets", &["apps", "extensions"]),
    ("statefulsets", &["apps"]),
    ("daemonsets", &["apps", "extensions"]),
    ("jobs", &["batch"]),
    ("endpointslices", &["discovery.k8s.io"]),
    ("poddisruptionbudgets", &["policy"]),
];

/// Subresources that write no object: they open a connection.
const CONNECTIONS: &[&str] = &["exec", "attach", "portforward", "proxy", "log"];

/// An event that has arrived.
#[derive(Debug)]
pub(super) struct Heard {
    /// What the API server calls the request; nothing, if the log does not say.
    pub(super) id: Box<str>,
    place: Place,
    from: Micros,
    to: Micros,
    version: Option<u64>,
    subject: Option<Subject>,
    says: Says,
}

/// What an event says.
#[derive(Debug)]
enum Says {
    /// Nothing of an object.
    Seen(Seen),
    /// A write, with the event as it stands in the log if an object is in it.
    Write { write: Box<Write>, event: Option<(Field, Box<[u8]>)> },
}

/// Where in an event the object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Response,
    Request,
}

/// An event, or a list of them, without the objects.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    kind: String,
    items: Option<Vec<Value>>,
    #[serde(rename = "auditID", deserialize_with = "null_is_default")]
    id: String,
    level: String,
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    #[serde(deserialize_with = "null_is_default")]
    user: User,
    #[serde(deserialize_with = "null_is_default")]
    user_agent: String,
    #[serde(deserialize_with = "null_is_default")]
    object_ref: Reference,
    #[serde(deserialize_with = "null_is_default")]
    response_status: Status,
    request_received_timestamp: Option<String>,
    stage_timestamp: Option<String>,
}

/// The API server leaves out what is not there; what a log has passed through may write `null`.
fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    input: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    uid: String,
    api_group: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: i64,
}

/// The objects of a write, as far as its order and the request need them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Objects {
    request_object: Option<Asked>,
    response_object: Option<Got>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Asked {
    metadata: Option<Metadata>,
    target: Option<Target>,
    grace_period_seconds: Option<i64>,
    delete_options: Option<DeleteOptions>,
}

#[derive(Deserialize)]
struct Target {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteOptions {
    grace_period_seconds: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Got {
    kind: String,
    metadata: Option<Metadata>,
    spec: Option<Spec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
}

/// Reads a line: one event, or as many as a list has. Those that say nothing are left out: a request that has only just been
/// received, and the beginning of a long answer.
pub(super) fn read(line: &[u8], place: &Place, names: &mut Names) -> Result<Vec<Heard>, Problem> {
    let event: Event = parse(line, place, ACCEPTED)?;
    if event.kind == "Event" {
        return Ok(hear(&event, line, place, names)?.into_iter().collect());
    }
    let Some(items) = event.items.filter(|_| event.kind == "EventList") else {
        return Err(Problem::new(&place.file, place.line, format!("`kind` is {:?}", event.kind), ACCEPTED));
    };
    let mut heard = Vec::new();
    for item in items {
        let line = item.to_string();
        let event: Event = parse(line.as_bytes(), place, ACCEPTED)?;
        heard.extend(hear(&event, line.as_bytes(), place, names)?);
    }
    Ok(heard)
}

fn hear(event: &Event, line: &[u8], place: &Place, names: &mut Names) -> Result<Option<Heard>, Problem> {
    if !["ResponseComplete", "Panic"].contains(&event.stage.as_str()) {
        return Ok(None);
    }
    let time = |field: &Option<String>| field.as_deref().and_then(moment);
    let (received, answered) = (time(&event.request_received_timestamp), time(&event.stage_timestamp));
    let (Some(from), Some(to)) = (received.or(answered), answered.or(received)) else {
        let says = "neither `requestReceivedTimestamp` nor `stageTimestamp` is a time";
        return Err(Problem::new(&place.file, place.line, says, "times as in RFC 3339"));
    };
    let mut heard = Heard {
        id: event.id.as_str().into(),
        place: place.clone(),
        from: from.min(to),
        to: from.max(to),
        version: None,
        subject: None,
        says: Says::Seen(Seen::Other(names.get(&event.object_ref.resource))),
    };
    match verb_of(event, names) {
        Ok(verb) => heard.write(verb, event, line, names)?,
        Err(seen) => heard.says = Says::Seen(seen),
    }
    Ok(Some(heard))
}

/// The verb, if the event is a write of a resource that matters; else what it is.
fn verb_of(event: &Event, names: &mut Names) -> Result<Verb, Seen> {
    let reference = &event.object_ref;
    let (resource, group) = (reference.resource.as_str(), reference.api_group.as_str());
    let verb = match event.verb.as_str() {
        "create" => Some(Verb::Create),
        "update" => Some(Verb::Update),
        "patch" => Some(Verb::Patch),
        "delete" => Some(Verb::Delete),
        "deletecollection" => Some(Verb::DeleteCollection),
        _ => None,
    };
    let node = event.user.username.strip_prefix("system:node:");
    let is_renewal = resource == "leases" && reference.namespace == "kube-node-lease" && granted(event);
    if let Some(node) = node.filter(|_| is_renewal && verb.is_some_and(|verb| verb < Verb::Delete)) {
        // A lease that is created has its name in its object only.
        let lease = if reference.name.is_empty() { node } else { &reference.name };
        return Err(Seen::Renewal { node: names.get(node), lease: names.get(lease) });
    }
    let groups = WRITTEN.iter().find(|(name, _)| *name == resource).map(|(_, groups)| groups);
    let word = match (verb, groups) {
        _ if event.stage == "Panic" => "panics",
        (None, _) => "reads",
        _ if resource.is_empty() => "requests of no resource",
        // It changes nothing.
        _ if query(&event.request_uri, "dryRun").is_some() => "dry runs",
        (Some(_), Some(groups)) if !groups.contains(&group) => &format!("{resource}.{group}"),
        (Some(_), Some(_)) if CONNECTIONS.contains(&reference.subresource.as_str()) => {
            &format!("{resource}/{}", reference.subresource)
        }
        (Some(verb), Some(_)) => return Ok(verb),
        (Some(_), None) => resource,
    };
    Err(Seen::Other(names.get(word)))
}

fn granted(event: &Event) -> bool {
    (200..400).contains(&event.response_status.code)
}

/// The value of a parameter of a request.
fn query<'a>(uri: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = uri.split_once('?')?;
    query
        .split('&')
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// What a write tells of a pod.
fn subject(event: &Event, verb: Verb, got: Option<(&Got, &Metadata)>, names: &mut Names) -> Option<Subject> {
    let reference = &event.object_ref;
    let tells = match (reference.resource.as_str(), reference.subresource.as_str(), got) {
        ("pods", "binding", None) if granted(event) => Tells::Did(Effect::Bound),
        ("pods", "eviction", None) if granted(event) => Tells::Did(Effect::Deleting),
        ("pods", _, Some((got, metadata))) if got.kind == "Pod" => {
            let node = got.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            let deleting = metadata.deletion_timestamp.is_some();
            Tells::Was {
                bound: Some(node.is_some_and(|node| !node.is_empty())),
                deleting: (verb != Verb::Delete).then_some(deleting),
            }
        }
        _ => return None,
    };
    let metadata = got.map(|(_, metadata)| metadata);
    let uid = metadata.and_then(|metadata| metadata.uid.as_deref()).unwrap_or(&reference.uid);
    let name = metadata.and_then(|metadata| metadata.name.as_deref()).unwrap_or(&reference.name);
    Some(Subject { pod: (names.get(&reference.namespace), names.get(name)), uid: names.get(uid), tells })
}

impl Heard {
    /// An entry that has no object to be read: the state at a version.
    pub(super) fn state(entry: Entry) -> Self {
        let Entry { place, from, to, seen } = entry;
        Self { id: "".into(), place, from, to, version: None, subject: None, says: Says::Seen(seen) }
    }

    /// What it tells of the clock by which it was written down, if it was granted and stands somewhere among the writes of the store.
    pub(super) fn dated(&self) -> Option<Dated> {
        let sight = |subject: &Subject| match subject.tells {
            Tells::Did(Effect::Bound) => Some(Sight::Binding),
            Tells::Was { bound, .. } => bound.map(|bound| if bound { Sight::Bound } else { Sight::Unbound }),
            Tells::Did(Effect::Deleting) => None,
        };
        let pod = self.subject.as_ref().and_then(|subject| Some((Rc::clone(&subject.uid), sight(subject)?)));
        let is_placed = self.version.is_some() || matches!(pod, Some((_, Sight::Binding)));
        is_placed.then_some(Dated { version: self.version, from: self.from, to: self.to, pod })
    }

    /// Its clock is set.
    pub(super) fn set_clock(&mut self, by: Micros) {
        self.from = self.from.saturating_add(by);
        self.to = self.to.saturating_add(by);
    }

    /// When it was answered.
    pub(super) fn answered(&self) -> Micros {
        self.to
    }

    /// What the order needs, of an event in this file.
    pub(super) fn ticket(&mut self, file: usize) -> Ticket {
        let (from, to, version) = (self.from, self.to, self.version);
        Ticket { file, from, to, version, is_state: false, subject: self.subject.take() }
    }

    /// Takes a write of a resource that matters.
    fn write(&mut self, verb: Verb, event: &Event, line: &[u8], names: &mut Names) -> Result<(), Problem> {
        let Objects { request_object: asked, response_object: got } = parse(line, &self.place, ACCEPTED)?;
        let asked = asked.unwrap_or_default();
        let got = got.filter(|got| got.kind != "Status" && granted(event));
        let got = got.as_ref().and_then(|got| Some((got, got.metadata.as_ref()?)));
        let reference = &event.object_ref;
        self.version = got.and_then(|(_, metadata)| metadata.resource_version.as_deref()?.parse().ok());
        self.subject = subject(event, verb, got, names);
        let is_creation = verb == Verb::Create && reference.subresource.is_empty();
        let object = match (got, &asked.metadata) {
            (Some(_), _) => Some(Field::Response),
            (None, Some(_)) if is_creation && granted(event) => Some(Field::Request),
            _ => None,
        };
        let name_in = |metadata: Option<&Metadata>| metadata.and_then(|metadata| metadata.name.clone());
        let name = Some(reference.name.clone()).filter(|name| !name.is_empty());
        let name = name.or_else(|| name_in(got.map(|(_, metadata)| metadata)));
        let name = name.or_else(|| name_in(asked.metadata.as_ref())).unwrap_or_default();
        let uid = Some(reference.uid.clone()).filter(|uid| !uid.is_empty());
        let uid = uid.or_else(|| got.and_then(|(_, metadata)| metadata.uid.clone())).unwrap_or_default();
        let of_eviction = asked.delete_options.and_then(|options| options.grace_period_seconds);
        let of_query = || query(&event.request_uri, "gracePeriodSeconds")?.parse().ok();
        let makes_pod = is_creation && reference.resource == "pods" && asked.metadata.is_some();
        let made_of = match makes_pod {
            true => Some(made_of(&parse::<Wish>(line, &self.place, ACCEPTED)?.object)),
            false => None,
        };
        let write = Write {
            user: names.get(&event.user.username),
            agent: names.get(&event.user_agent),
            verb,
            resource: names.get(&reference.resource),
            subresource: names.get(&reference.subresource),
            namespace: names.get(&reference.namespace),
            name: names.get(&name),
            uid: names.get(&uid),
            asked_version: asked
                .metadata
                .as_ref()
                .and_then(|metadata| metadata.resource_version.as_deref()?.parse().ok()),
            code: u16::try_from(event.response_status.code).unwrap_or_default(),
            grace_seconds: asked.grace_period_seconds.or(of_eviction).or_else(of_query),
            shows_request: ["Request", "RequestResponse"].contains(&event.level.as_str()),
            made_of,
            target: asked.target.and_then(|target| target.name).map(|name| names.get(&name)),
            object: None,
            resource_version: self.version,
        };
        let event = object.map(|field| (field, line.into()));
        self.says = Says::Write { write: Box::new(write), event };
        Ok(())
    }

    /// The whole entry. A log of level Request has no answers: there the object of a creation is the one that was asked for,
    /// without what the API server sets, and with no name if it was to be generated. That of an update or a patch is not
    /// taken: it is a part, or has fields that the API server passes over.
    pub(super) fn entry(self, names: &mut Names) -> Result<Entry, Problem> {
        let Self { place, from, to, says, .. } = self;
        let seen = match says {
            Says::Seen(seen) => seen,
            Says::Write { mut write, event } => {
                if let Some((field, event)) = event {
                    let whole = match field {
                        Field::Response => parse::<Answer>(&event, &place, ACCEPTED)?.object,
                        Field::Request => parse::<Wish>(&event, &place, ACCEPTED)?.object,
                    };
                    write.object = Some(object(whole, None, names));
                }
                Seen::Write(write)
            }
        };
        Ok(Entry { place, from, to, seen })
    }
}

/// An event of which only the object is wanted that it was answered with.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "responseObject")]
    object: Value,
}

/// An event of which only the object is wanted that it asked for.
#[derive(Deserialize)]
struct Wish {
    #[serde(rename = "requestObject")]
    object: Value,
}
