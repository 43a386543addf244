//! A falsified recording as an audit policy of level Request would have written it down: without answers. What only an answer shows is
//! told by a request that would have left it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::line::Line;
use crate::recording::{AUDIT, Recording};

/// `lie` without answers; none, if nothing in it tells it from `truth` then, which is `asked` without them.
pub fn without_answers(truth: &Recording, asked: &Recording, lie: &Recording) -> Option<Recording> {
    let known: BTreeMap<usize, (&Line, &Line)> =
        truth.audit().zip(asked.audit()).map(|(line, asked)| (line.id, (line, asked))).collect();
    let mut told = lie.clone();
    told.change_all(AUDIT, |line| {
        let before = known.get(&line.id);
        if let Some((_, asked)) = before.filter(|(before, _)| before.value == line.value) {
            line.value = asked.value.clone();
            return;
        }
        let before = before.map(|&(before, _)| before);
        if before.is_none_or(|before| before.value["responseObject"] != line.value["responseObject"]) {
            ask_for_the_answer(line, before);
        }
        forget_answer(line);
    });
    (!asked.says_the_same_as(&told)).then_some(told)
}

/// Leaves out all answers of a recording.
pub fn forget_answers(recording: &mut Recording) {
    recording.change_all(AUDIT, forget_answer);
}

fn forget_answer(line: &mut Line) {
    if line.text("/level") == "RequestResponse" {
        line.set("/level", "Request");
    }
    line.value.as_object_mut().expect("an event").remove("responseObject");
}

/// What was asked for becomes what leads to the answer.
fn ask_for_the_answer(line: &mut Line, before: Option<&Line>) {
    let answer = line.value["responseObject"].clone();
    if !answer["metadata"].is_object() || answer["kind"] == "Status" {
        return;
    }
    let was = before.map_or(Value::Null, |before| before.value["responseObject"].clone());
    // No request leads to what the API server takes from nobody.
    let (subresource, verb) = (line.text("/objectRef/subresource"), line.text("/verb"));
    let asks = match (verb, subresource) {
        ("update" | "patch", "status") => answer["status"] != was["status"],
        ("patch", _) => answer["spec"] != was["spec"],
        _ => true,
    };
    if !asks {
        return;
    }
    let request = match (verb, subresource) {
        ("create", "") => created(line, answer),
        ("update", _) => {
            let mut request = answer;
            request["metadata"]["resourceVersion"] =
                line.value["requestObject"]["metadata"]["resourceVersion"].clone();
            request
        }
        ("patch", "status") => json!({"status": difference(&was["status"], &answer["status"])}),
        ("patch", "") => json!({"spec": difference(&was["spec"], &answer["spec"])}),
        _ => return,
    };
    line.set("/requestObject", request);
}

/// What a creation asks for that is answered like this.
fn created(line: &Line, answer: Value) -> Value {
    let mut request = answer;
    let metadata = request["metadata"].as_object_mut().expect("an object has it");
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        metadata.remove(field);
    }
    if line.text("/objectRef/name").is_empty() {
        metadata.remove("name");
    }
    request
}

/// A patch that leads to this: what is no longer there is taken away.
fn difference(was: &Value, is: &Value) -> Value {
    let gone = was.as_object().into_iter().flatten().filter(|(field, _)| is.get(field).is_none());
    let gone = gone.map(|(field, _)| (field.clone(), Value::Null));
    let there = is.as_object().into_iter().flatten().map(|(field, value)| (field.clone(), value.clone()));
    Value::Object(gone.chain(there).collect::<Map<_, _>>())
}
