//! A write as an event of an audit log, at level RequestResponse.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::actor::Actor;
use super::clock::Moments;
use super::store::Kind;
use super::writer::Writer;
use podproof_conform::record::Micros;

/// What is asked of the API server.
#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    /// By whom.
    pub actor: Actor<'a>,
    /// `create`, `update`, `patch` or `delete`.
    pub verb: &'static str,
    /// Of which kind of object.
    pub kind: Kind,
    /// Of which part of it, or nothing.
    pub subresource: &'static str,
    /// Its name; nothing, if it is to be generated.
    pub name: String,
    /// What was sent.
    pub body: Value,
}

/// Whether it is granted.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Yes, and so the object is now.
    Object(Value),
    /// Yes.
    Done,
    /// No: code, reason.
    Refused(u16, &'static str),
}

/// A time in an object: whole seconds.
pub(super) fn seconds(at: Micros) -> String {
    let whole = Timestamp::from_second(at.div_euclid(1_000_000)).unwrap_or(Timestamp::UNIX_EPOCH);
    whole.to_string()
}

/// A time of an audit event: microseconds.
pub(super) fn micros(at: Micros) -> String {
    let time = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.6}")
}

impl Writer<'_> {
    /// A request is made now, and answered.
    pub(super) fn ask(&mut self, request: Request<'_>, answer: &Answer) {
        let moments = self.clock.moments();
        self.ask_at(request, answer, moments);
    }

    /// A request is made and answered at these moments.
    pub(super) fn ask_at(&mut self, request: Request<'_>, answer: &Answer, moments: Moments) {
        let (code, response) = match answer {
            Answer::Object(object) => (if request.verb == "create" { 201 } else { 200 }, object.clone()),
            Answer::Done => {
                let code = if request.verb == "create" { 201 } else { 200 };
                (code, status("Success", "", code))
            }
            Answer::Refused(code, reason) => (*code, status("Failure", reason, *code)),
        };
        let event = self.event(&request, code, response, moments);
        self.out.audit(moments.answered, event);
    }

    fn event(&mut self, request: &Request<'_>, code: u16, response: Value, moments: Moments) -> Value {
        let release = self.scenario.release;
        let (group, version) = (request.kind.group(), request.kind.version(release));
        let namespace = if request.kind == Kind::Node { "" } else { &self.scenario.workload.namespace };
        let mut path = match group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        if !namespace.is_empty() {
            path = format!("{path}/namespaces/{namespace}");
        }
        for part in [request.kind.resource(), &request.name, request.subresource] {
            if !part.is_empty() {
                path = format!("{path}/{part}");
            }
        }
        let mut reference = json!({"resource": request.kind.resource(), "apiVersion": version});
        let fields = [
            ("namespace", namespace),
            ("name", &request.name),
            ("apiGroup", group),
            ("subresource", request.subresource),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            reference[name] = json!(value);
        }
        if request.verb == "update" {
            for (field, of) in [("uid", "uid"), ("resourceVersion", "resourceVersion")] {
                reference[field] = request.body["metadata"][of].clone();
            }
        }
        let mut answer = json!({"metadata": {}, "code": code});
        if code >= 400 {
            answer["status"] = json!("Failure");
            answer["reason"] = response["reason"].clone();
        }
        let mut event = json!({
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "RequestResponse",
            "auditID": format!("00000000-0000-4000-8000-{:012x}", self.cast.event()),
            "stage": "ResponseComplete",
            "requestURI": path,
            "verb": request.verb,
            "user": {"username": request.actor.user(), "groups": request.actor.groups()},
            "sourceIPs": ["10.0.0.1"],
            "userAgent": request.actor.agent(release),
            "objectRef": reference,
            "responseStatus": answer,
            "responseObject": response,
            "requestReceivedTimestamp": micros(moments.received),
            "stageTimestamp": micros(moments.answered),
        });
        if !request.body.is_null() {
            event["requestObject"] = request.body.clone();
        }
        event
    }
}

/// What a creation asks for that makes `object`: what the API server gives it is not there yet.
pub(super) fn as_asked_for(object: &Value) -> Value {
    let mut body = object.clone();
    if let Some(metadata) = body["metadata"].as_object_mut() {
        for given in ["uid", "resourceVersion", "generation"] {
            metadata.remove(given);
        }
        metadata.insert("creationTimestamp".to_owned(), Value::Null);
    }
    body
}

/// What an update asks for that makes `object` of the version that is `known`.
pub(super) fn of_version(object: &Value, known: &Value) -> Value {
    let mut body = object.clone();
    body["metadata"]["resourceVersion"] = known["metadata"]["resourceVersion"].clone();
    body
}

/// What a merge asks for that makes `after` of `before`: what is gone is null.
pub(super) fn merge(before: &Value, after: &Value) -> Value {
    let mut body = after.clone();
    if let (Some(before), Some(body)) = (before.as_object(), body.as_object_mut()) {
        for name in before.keys() {
            body.entry(name.as_str()).or_insert(Value::Null);
        }
    }
    body
}

fn status(word: &str, reason: &str, code: u16) -> Value {
    let mut status =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": word, "code": code});
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    status
}
