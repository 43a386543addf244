//! Events of an audit log into entries, in two steps: what its order needs is read when an event arrives, its objects when
//! it leaves the reordering, so that what waits there is text and no tree.

use serde::Deserialize;
use serde_json::Value;

use super::facts::object;
use super::lines::parse;
use super::moment::moment;
use super::names::Names;
use super::problem::Problem;
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
    /// Where it stands.
    pub(super) place: Place,
    /// When the request was received.
    pub(super) from: Micros,
    /// When it was answered.
    pub(super) to: Micros,
    /// What its order needs of the object that was answered.
    pub(super) answered: Option<Answered>,
    /// The rest.
    says: Says,
}

/// The object that a granted write was answered with.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    /// `metadata.resourceVersion`.
    pub(super) version: u64,
}

/// What an event says.
#[derive(Debug)]
enum Says {
    /// Nothing of an object.
    Seen(Seen),
    /// A write, with the event as it stands in the log if an object is in it.
    Write { write: Box<Write>, event: Option<Box<[u8]>>, from_request: bool },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    items: Vec<Value>,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    stage: String,
    #[serde(default)]
    verb: String,
    #[serde(default, rename = "requestURI")]
    request_uri: String,
    #[serde(default)]
    user: User,
    #[serde(default)]
    user_agent: String,
    object_ref: Option<Reference>,
    response_status: Option<Status>,
    request_received_timestamp: Option<String>,
    stage_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: i64,
}

/// The objects of a write, as far as its order needs them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Objects {
    request_object: Option<Asked>,
    response_object: Option<Got>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
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

#[derive(Deserialize)]
struct Got {
    #[serde(default)]
    kind: String,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    resource_version: Option<String>,
}

/// Reads a line: one event, or as many as a list has. Those that say nothing are left out: a request that has only just been
/// received, and the beginning of a long answer.
pub(super) fn read(line: &[u8], place: &Place, names: &mut Names) -> Result<Vec<Heard>, Problem> {
    let kind: Kind = parse(line, place, ACCEPTED)?;
    match kind.kind.as_str() {
        "EventList" => {
            let list: List = parse(line, place, ACCEPTED)?;
            let mut heard = Vec::new();
            for item in list.items {
                heard.extend(event(item.to_string().as_bytes(), place, names)?);
            }
            Ok(heard)
        }
        "Event" => Ok(event(line, place, names)?.into_iter().collect()),
        kind => Err(Problem::new(&place.file, place.line, format!("`kind` is {kind:?}"), ACCEPTED)),
    }
}

fn event(line: &[u8], place: &Place, names: &mut Names) -> Result<Option<Heard>, Problem> {
    let event: Event = parse(line, place, ACCEPTED)?;
    if !["ResponseComplete", "Panic"].contains(&event.stage.as_str()) {
        return Ok(None);
    }
    let time = |field: &Option<String>| field.as_deref().map(moment);
    let (received, answered) = (time(&event.request_received_timestamp), time(&event.stage_timestamp));
    let (Some(from), Some(to)) = (received.or(answered).flatten(), answered.or(received).flatten()) else {
        let says = "`requestReceivedTimestamp` or `stageTimestamp` is no time";
        return Err(Problem::new(&place.file, place.line, says, "times as in RFC 3339"));
    };
    let (from, to) = (from.min(to), from.max(to));
    let mut answered = None;
    let says = match says(&event, names) {
        Ok(verb) => write(verb, &event, line, place, &mut answered, names)?,
        Err(seen) => Says::Seen(seen),
    };
    Ok(Some(Heard { place: place.clone(), from, to, answered, says }))
}

/// The verb, if the event is a write of a resource that matters; else what it is.
fn says(event: &Event, names: &mut Names) -> Result<Verb, Seen> {
    let other = |word: &str, names: &mut Names| Err(Seen::Other(names.get(word)));
    if event.stage == "Panic" {
        return other("panics", names);
    }
    let verb = match event.verb.as_str() {
        "create" => Verb::Create,
        "update" => Verb::Update,
        "patch" => Verb::Patch,
        "delete" => Verb::Delete,
        "deletecollection" => Verb::DeleteCollection,
        _ => return other("reads", names),
    };
    let Some(reference) = &event.object_ref else { return other("requests to no resource", names) };
    let (resource, group) = (reference.resource.as_str(), reference.api_group.as_str());
    if query(&event.request_uri, "dryRun").is_some() {
        return other("dry runs", names);
    }
    if resource == "leases" && reference.namespace == "kube-node-lease" && granted(event) {
        if let Some(node) = event.user.username.strip_prefix("system:node:") {
            return Err(Seen::Renewal { node: names.get(node) });
        }
    }
    let written = WRITTEN.iter().find(|(name, _)| *name == resource);
    match written {
        Some((_, groups)) if groups.contains(&group) => {}
        // Another group's resource of the same name is another resource.
        Some(_) => return other(&format!("{resource}.{group}"), names),
        None => return other(resource, names),
    }
    if CONNECTIONS.contains(&reference.subresource.as_str()) {
        return other(&format!("{resource}/{}", reference.subresource), names);
    }
    Ok(verb)
}

fn granted(event: &Event) -> bool {
    event.response_status.as_ref().is_some_and(|status| (200..400).contains(&status.code))
}

/// The value of a parameter of a request.
fn query<'a>(uri: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = uri.split_once('?')?;
    query
        .split('&')
        .find_map(|part| part.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

/// A write; what it was answered with goes into `answered`.
fn write(
    verb: Verb,
    event: &Event,
    line: &[u8],
    place: &Place,
    answered: &mut Option<Answered>,
    names: &mut Names,
) -> Result<Says, Problem> {
    let Objects { request_object: asked, response_object: got } = parse(line, place, ACCEPTED)?;
    let code = event.response_status.as_ref().map_or(0, |status| status.code);
    let reference = event.object_ref.as_ref();
    let part = |part: fn(&Reference) -> &str| reference.map_or("", part);
    let got = got.filter(|got| got.kind != "Status" && granted(event)).and_then(|got| got.metadata);
    let resource_version =
        got.as_ref().and_then(|got| got.resource_version.as_deref()).and_then(|version| version.parse().ok());
    *answered = resource_version.map(|version| Answered { version });
    let from_request = got.is_none() && verb == Verb::Create && part(|it| &it.subresource).is_empty();
    let has_object = got.is_some() || (from_request && asked.is_some() && granted(event));
    let asked_name = asked.as_ref().and_then(|asked| asked.metadata.as_ref()?.name.as_deref());
    let got_name = got.as_ref().and_then(|got| got.name.as_deref());
    let name = Some(part(|it| &it.name)).filter(|name| !name.is_empty()).or(got_name).or(asked_name);
    let of_options = |asked: &Asked| asked.delete_options.as_ref()?.grace_period_seconds;
    let of_query = || query(&event.request_uri, "gracePeriodSeconds")?.parse().ok();
    let grace_seconds =
        asked.as_ref().and_then(|asked| asked.grace_period_seconds.or(of_options(asked))).or_else(of_query);
    let target = asked.as_ref().and_then(|asked| asked.target.as_ref()?.name.as_deref());
    let write = Write {
        user: names.get(&event.user.username),
        agent: names.get(&event.user_agent),
        verb,
        resource: names.get(part(|it| &it.resource)),
        subresource: names.get(part(|it| &it.subresource)),
        namespace: names.get(part(|it| &it.namespace)),
        name: names.get(name.unwrap_or_default()),
        code: u16::try_from(code).unwrap_or_default(),
        grace_seconds,
        target: target.map(|target| names.get(target)),
        object: None,
        resource_version,
    };
    Ok(Says::Write { write: Box::new(write), event: has_object.then(|| line.into()), from_request })
}

/// The object of a write as the log has it.
#[derive(Deserialize)]
struct Whole {
    #[serde(rename = "responseObject")]
    object: Value,
}

/// The object that a write asked for.
#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "requestObject")]
    object: Value,
}

impl Heard {
    /// An entry that has no object to be read.
    pub(super) fn ready(entry: Entry) -> Self {
        let Entry { place, from, to, seen } = entry;
        Self { place, from, to, answered: None, says: Says::Seen(seen) }
    }

    /// The whole entry. A log of level Request has no answers: there the object of a creation is the one that was asked for,
    /// without what the API server sets, and with no name if it was to be generated. That of an update or a patch is not
    /// taken: it is a part, or has fields that the API server passes over.
    pub(super) fn entry(self, names: &mut Names) -> Result<Entry, Problem> {
        let Self { place, from, to, says, .. } = self;
        let seen = match says {
            Says::Seen(seen) => seen,
            Says::Write { mut write, event, from_request } => {
                if let Some(event) = event {
                    let whole = if from_request {
                        parse::<Wanted>(&event, &place, ACCEPTED)?.object
                    } else {
                        parse::<Whole>(&event, &place, ACCEPTED)?.object
                    };
                    write.object = Some(object(whole, None, names));
                }
                Seen::Write(write)
            }
        };
        Ok(Entry { place, from, to, seen })
    }
}
