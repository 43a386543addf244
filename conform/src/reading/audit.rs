//! Events of an audit log into entries, in two steps: what its order needs is read when an event arrives, its object when
//! it leaves the order, so that what waits there is text and no tree.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value;

use super::agreement;
use super::clocks::versions::{Dated, Sight};
use super::collection;
use super::event::{Asked, Event, Got, Metadata, Objects};
use super::facts::object;
use super::lines::parse;
use super::moment::moment;
use super::names::Names;
use super::order::Ticket;
use super::problem::Problem;
use super::requests::{Hint, Newness, Request, Requests};
use super::subject::{Effect, Subject, Tells};
use super::template::{made_of, pods_of};
use super::written;
use crate::record::{Entry, Micros, Place, Seen, Verb, Write};

/// What a line of an audit log must be.
const ACCEPTED: &str = "an event of audit.k8s.io, or an EventList";

/// Subresources that write no object: they open a connection.
const CONNECTIONS: &[&str] = &["exec", "attach", "portforward", "proxy", "log"];

/// Requests that change nothing.
const DRY_RUNS: &str = "dry runs";

/// The code of an answer to a write that has made a new object.
const CREATED: i64 = 201;

/// An event that has arrived.
#[derive(Debug)]
pub(super) struct Heard {
    /// What tells the request from others; nothing, if the log does not say.
    pub(super) id: Box<str>,
    place: Place,
    from: Micros,
    to: Micros,
    version: Option<u64>,
    subject: Option<Subject>,
    /// What it tells of its object, if it is a write that was granted.
    hint: Option<Box<Hint>>,
    says: Says,
}

/// What an event says.
#[derive(Debug)]
enum Says {
    /// Nothing of an object.
    Seen(Seen),
    /// A write, with the event as it stands in the log if an object is in it.
    Write { write: Box<Write>, event: Option<(Field, Rc<[u8]>)> },
}

/// Where in an event the object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Response,
    Request,
    /// Nowhere: it is what the request makes of it.
    Nowhere,
}

/// What a client may have asked for in place of the object that it writes (`Accept`).
const PARTIAL: [&str; 2] = ["PartialObjectMetadata", "Table"];

/// Reads a line: one event, or as many as a list has. Those that say nothing are left out: a request that has only just been
/// received, and the beginning of a long answer.
pub(super) fn read(line: &[u8], place: &Place, names: &mut Names) -> Result<Vec<Heard>, Problem> {
    let event = event_of(line, place)?;
    if event.kind == "Event" {
        return one_by_one(&event, line, place, names);
    }
    let Some(items) = event.items.filter(|_| event.kind == "EventList") else {
        return Err(Problem::new(&place.file, place.line, format!("`kind` is {:?}", event.kind), ACCEPTED));
    };
    let mut heard = Vec::new();
    for item in items {
        let line = item.to_string();
        let event = event_of(line.as_bytes(), place)?;
        heard.extend(one_by_one(&event, line.as_bytes(), place, names)?);
    }
    Ok(heard)
}

/// An event as it stands in a line, in the name of whoever it was asked for.
fn event_of(line: &[u8], place: &Place) -> Result<Event, Problem> {
    let mut event: Event = parse(line, place, ACCEPTED)?;
    if let Some(user) = event.impersonated_user.take() {
        event.user = user;
    }
    Ok(event)
}

/// An event; of the deletion of a collection, the deletion of each of its objects.
fn one_by_one(event: &Event, line: &[u8], place: &Place, names: &mut Names) -> Result<Vec<Heard>, Problem> {
    let is_written = written::groups(&event.object_ref.resource).is_some();
    if event.verb != "deletecollection" || !granted(event) || !is_written {
        return Ok(hear(event, line, place, names)?.into_iter().collect());
    }
    let deletions = collection::deletions(parse(line, place, ACCEPTED)?);
    if deletions.is_empty() {
        return Ok(hear(event, line, place, names)?.into_iter().collect());
    }
    let mut heard = Vec::new();
    for deletion in deletions {
        let line = deletion.to_string();
        let event = event_of(line.as_bytes(), place)?;
        heard.extend(hear(&event, line.as_bytes(), place, names)?);
    }
    Ok(heard)
}

/// What tells a request from others: clients may choose its ID, and an aggregated API server tells of it under the same. Nothing, if the
/// log does not say the ID.
fn identity(event: &Event) -> String {
    let Event { id, verb, request_uri, request_received_timestamp: from, stage_timestamp: to, .. } = event;
    if id.is_empty() {
        return String::new();
    }
    let times = [from, to].map(|time| time.as_deref().unwrap_or_default());
    [id, verb, request_uri, &event.user.username, times[0], times[1], &event.object_ref.name].join(" ")
}

fn hear(event: &Event, line: &[u8], place: &Place, names: &mut Names) -> Result<Option<Heard>, Problem> {
    if !["ResponseComplete", "Panic"].contains(&event.stage.as_str()) {
        return Ok(None);
    }
    let wrong = |says: String| Problem::new(&place.file, place.line, says, "times as in RFC 3339");
    let time = |name: &str, field: &Option<String>| match field.as_deref() {
        None => Ok(None),
        Some(text) => {
            moment(text).map(Some).ok_or_else(|| wrong(format!("`{name}` is {text:?}, which is no time")))
        }
    };
    let received = time("requestReceivedTimestamp", &event.request_received_timestamp)?;
    let answered = time("stageTimestamp", &event.stage_timestamp)?;
    let (Some(from), Some(to)) = (received.or(answered), answered.or(received)) else {
        return Err(wrong("there is neither `requestReceivedTimestamp` nor `stageTimestamp`".into()));
    };
    // Kubernetes writes microseconds always: whoever has left them out has cut them off.
    let last = event.stage_timestamp.as_deref().or(event.request_received_timestamp.as_deref());
    let to = to + if last.is_some_and(|text| text.contains('.')) { 0 } else { 999_999 };
    let mut heard = Heard {
        id: identity(event).into(),
        place: place.clone(),
        from: from.min(to),
        to: from.max(to),
        version: None,
        subject: None,
        hint: None,
        says: Says::Seen(Seen::Other(names.get(&event.object_ref.resource))),
    };
    match verb_of(event, names) {
        Ok(verb) => heard.write(verb, event, line, names)?,
        Err(seen) => {
            // A watch or a connection began long before, and nothing is known of anything by then.
            if !matches!(seen, Seen::Renewal { .. }) {
                heard.from = heard.to;
            }
            heard.says = Says::Seen(seen);
        }
    }
    Ok(Some(heard))
}

/// The verb, if the event is a write of a resource that matters; else what it is.
fn verb_of(event: &Event, names: &mut Names) -> Result<Verb, Seen> {
    let reference = &event.object_ref;
    let (resource, group) = (reference.resource.as_str(), reference.api_group.as_str());
    let verb = match event.verb.as_str() {
        "create" => Some(Verb::Create),
        // What an update or a patch finds nowhere it creates, if it may: so does server-side apply
        // (`staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go`, `update.go`).
        "update" | "patch" if event.response_status.code == CREATED && reference.subresource.is_empty() => {
            Some(Verb::Create)
        }
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
    let groups = written::groups(resource);
    let word = match (verb, groups) {
        (None, _) => "reads",
        _ if resource.is_empty() => "requests of no resource",
        // It changes nothing.
        _ if query(&event.request_uri, "dryRun").is_some() => DRY_RUNS,
        (Some(_), Some(groups)) if !groups.contains(&group) => &format!("{resource}.{group}"),
        (Some(_), Some(_)) if CONNECTIONS.contains(&reference.subresource.as_str()) => {
            &format!("{resource}/{}", reference.subresource)
        }
        (Some(verb), Some(_)) => return Ok(verb),
        (Some(_), None) => resource,
    };
    Err(Seen::Other(names.get(word)))
}

/// The code of the answer. Where the API server panicked there was none, whatever had been made by then.
fn code(event: &Event) -> u16 {
    let code = u16::try_from(event.response_status.code).unwrap_or_default();
    if event.stage == "Panic" { code.max(500) } else { code }
}

fn granted(event: &Event) -> bool {
    (200..400).contains(&code(event))
}

/// What the event has, as its audit policy or the limit on its size would have it (S28
/// `staging/src/k8s.io/apiserver/plugin/pkg/audit/truncate/truncate.go`: of what is too large both objects are left out).
fn level(event: &Event) -> &str {
    if event.annotations.truncated.is_some() { "Metadata" } else { &event.level }
}

/// Does the audit policy leave out what was answered?
fn is_unanswered(event: &Event) -> bool {
    level(event) == "Request" && granted(event)
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
        ("pods", "", None) if verb == Verb::Delete && is_unanswered(event) => Tells::Did(Effect::Deleting),
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
        let (version, subject, hint) = (None, None, None);
        Self { id: "".into(), place, from, to, version, subject, hint, says: Says::Seen(seen) }
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

    /// Where it stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Is it a write of a resource that matters?
    pub(super) fn is_write(&self) -> bool {
        matches!(self.says, Says::Write { .. })
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
        if asked.is_dry_run() {
            self.says = Says::Seen(Seen::Other(names.get(DRY_RUNS)));
            return Ok(());
        }
        let got = got.filter(|got| got.kind != "Status" && granted(event));
        let got = got.as_ref().and_then(|got| Some((got, got.metadata.as_ref()?)));
        let reference = &event.object_ref;
        self.version = got.and_then(|(_, metadata)| metadata.resource_version.as_deref()?.parse().ok());
        let is_partial = verb != Verb::Delete && got.is_some_and(|(got, _)| PARTIAL.contains(&&*got.kind));
        let got = got.filter(|_| !is_partial);
        self.subject = subject(event, verb, got, names);
        let is_creation = verb == Verb::Create && reference.subresource.is_empty();
        let object = match (got, &asked.metadata) {
            (Some(_), _) => Some(Field::Response),
            (None, _) if is_unanswered(event) || is_partial => Some(Field::Nowhere),
            (None, Some(_)) if is_creation && granted(event) => Some(Field::Request),
            _ => None,
        };
        let name_in = |metadata: Option<&Metadata>| metadata.and_then(|metadata| metadata.name.clone());
        let name = Some(reference.name.clone()).filter(|name| !name.is_empty());
        let name = name.or_else(|| name_in(got.map(|(_, metadata)| metadata)));
        let name = name.or_else(|| name_in(asked.metadata.as_ref())).unwrap_or_default();
        // What a client says of the UID of what it creates is written over (S28 `rest/create.go` `BeforeCreate`).
        let uid = Some(reference.uid.clone()).filter(|uid| !uid.is_empty() && !is_creation);
        let uid = uid.or_else(|| got.and_then(|(_, metadata)| metadata.uid.clone())).unwrap_or_default();
        let of_eviction = asked.delete_options.as_ref().and_then(|options| options.grace_period_seconds);
        let of_query = || query(&event.request_uri, "gracePeriodSeconds")?.parse().ok();
        let makes = |resource| is_creation && reference.resource == resource && asked.metadata.is_some();
        let wish = || Ok(parse::<Wish>(line, &self.place, ACCEPTED)?.object);
        let (made_of, asked_spec) = match (makes("pods"), makes("replicasets")) {
            (true, _) => {
                let mut wish = wish()?;
                (Some(made_of(&wish)), Some(Rc::new(wish["spec"].take())))
            }
            (_, true) => (Some(pods_of(&wish()?)), None),
            _ => (None, None),
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
                .precondition()
                .and_then(|wish| wish.resource_version.as_deref()?.parse().ok()),
            took: Some((self.from, self.to)),
            asked_uid: asked
                .precondition()
                .and_then(|wish| wish.uid.as_deref().filter(|uid| !uid.is_empty()))
                .map(|uid| names.get(uid)),
            disagrees: None,
            code: code(event),
            grace_seconds: asked.grace_period_seconds.or(of_eviction).or_else(of_query),
            shows_request: ["Request", "RequestResponse"].contains(&level(event)),
            only_asked: level(event) == "Request" || is_partial,
            made_of,
            asked_spec,
            target: asked
                .target
                .as_ref()
                .and_then(|target| target.name.as_deref())
                .map(|name| names.get(name)),
            object: None,
            resource_version: self.version,
        };
        let kept = object.map(|field| (field, line.into()));
        if granted(event) {
            self.hint = Some(Box::new(hint(&write, &asked, self.from, kept.as_ref())));
        }
        self.says = Says::Write { write: Box::new(write), event: kept };
        Ok(())
    }

    /// What it tells of its object, if it is a write that was granted.
    pub(super) fn hint(&mut self) -> Option<Hint> {
        self.hint.take().map(|hint| *hint)
    }

    /// The whole entry. Where no answer is in the log, its object is what its request makes of those that there were; of a creation
    /// that should have an answer and has none, the one that was asked for, without what the API server sets.
    pub(super) fn entry(self, requests: &mut Requests, names: &mut Names) -> Result<Entry, Problem> {
        let Self { place, from, to, says, .. } = self;
        let seen = match says {
            Says::Seen(seen) => seen,
            Says::Write { mut write, event } => {
                let whole = match event {
                    None => None,
                    Some((Field::Response, event)) => {
                        let (asked, got) = (
                            parse::<Wish>(&event, &place, ACCEPTED)?.object,
                            parse::<Answer>(&event, &place, ACCEPTED)?.object,
                        );
                        let of = (&*write.resource, &*write.subresource);
                        let misfit = agreement::misfit(of, write.verb, &asked, &got);
                        let is_changed = misfit.is_some() && {
                            let Noted { annotations } = parse(&event, &place, ACCEPTED)?;
                            annotations.iter().any(|(key, value)| agreement::is_change(key, value))
                        };
                        write.disagrees = misfit.filter(|_| !is_changed).map(Rc::from);
                        Some(got)
                    }
                    Some((Field::Request, event)) => Some(parse::<Wish>(&event, &place, ACCEPTED)?.object),
                    Some((Field::Nowhere, event)) => {
                        let asked = parse::<Wish>(&event, &place, ACCEPTED)?.object;
                        requests.answer(Request { write: &mut write, object: asked, at: from })
                    }
                };
                write.object = whole.map(|whole| object(whole, None, names));
                Seen::Write(write)
            }
        };
        requests.see(&seen, from);
        Ok(Entry { place, from, to, seen })
    }
}

/// What a write, received at `from`, tells of its object: where that stands in the event, if it does, and the event.
fn hint(write: &Write, asked: &Asked, from: Micros, kept: Option<&(Field, Rc<[u8]>)>) -> Hint {
    let is_creation = write.verb == Verb::Create && write.subresource.is_empty();
    let by_scheduler = &*write.user == "system:kube-scheduler";
    let is_first = asked.status.as_ref().is_some_and(|status| status.start_time.is_some());
    let newness = match (&*write.resource, &*write.subresource, write.verb) {
        _ if is_creation => Newness::Unsaid,
        ("pods", "binding", _) => Newness::Sure,
        ("pods", "status", _) if by_scheduler || is_first => Newness::Sure,
        ("pods", "", Verb::Delete) if !write.user.starts_with("system:node:") => Newness::Likely,
        ("pods", "eviction", _) => Newness::Likely,
        ("pods", ..) => Newness::Unsaid,
        _ => Newness::Likely,
    };
    let is_set = is_creation && &*write.resource == "replicasets";
    let is_whole = is_set || &*write.subresource == "status" && write.verb == Verb::Update;
    let uid = asked.metadata.as_ref().and_then(|metadata| metadata.uid.as_deref());
    let uid = uid.or(Some(&*write.uid).filter(|uid| !uid.is_empty()));
    Hint {
        key: (Rc::clone(&write.resource), Rc::clone(&write.namespace), Rc::clone(&write.name)),
        from,
        uid: uid.filter(|_| !is_creation).map(Rc::from),
        node: write.target.clone(),
        newness,
        whole: kept.filter(|_| is_whole).map(|(_, event)| Rc::clone(event)),
        is_needed: matches!(kept, Some((Field::Nowhere, _))),
    }
}

/// An event of which only what admission noted is wanted.
#[derive(Deserialize)]
struct Noted {
    #[serde(default)]
    annotations: BTreeMap<String, String>,
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
    #[serde(rename = "requestObject", default)]
    object: Value,
}
