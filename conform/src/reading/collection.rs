//! The deletion of a collection, as the deletions that it is made of: the API server lists the objects, deletes one after the other,
//! and answers with what it listed (`staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go`, `DeleteCollection`).

use serde_json::{Value, json};

/// A deletion of each object that stands in the answer, as it would stand in a log without answers: what became of the object is what
/// the request makes of it.
pub(super) fn deletions(mut event: Value) -> Vec<Value> {
    // The answer is long, and no deletion has it.
    let mut answer = event["responseObject"].take();
    let items = answer.get_mut("items").map(Value::take);
    let Some(Value::Array(items)) = items.filter(|_| event["objectRef"].is_object()) else {
        return Vec::new();
    };
    let id = event["auditID"].as_str().unwrap_or_default().to_owned();
    event["verb"] = json!("delete");
    event["level"] = json!("Request");
    let of = |item: Value| {
        let mut deletion = event.clone();
        for field in ["namespace", "name", "uid"] {
            if let Some(text) = item["metadata"][field].as_str() {
                deletion["objectRef"][field] = json!(text);
            }
        }
        if !id.is_empty() {
            deletion["auditID"] =
                json!(format!("{id}/{}", deletion["objectRef"]["uid"].as_str().unwrap_or_default()));
        }
        deletion
    };
    items.into_iter().filter(|item| item["metadata"]["name"].is_string()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deletion_has_its_object_and_not_the_answer() {
        let items = [json!({"metadata": {"name": "a", "uid": "u"}}), json!({"metadata": 5}), json!(5)];
        let event = json!({
            "auditID": "x", "verb": "deletecollection", "objectRef": {"resource": "pods", "namespace": "n"},
            "responseObject": {"items": items},
        });
        let expected = json!({
            "auditID": "x/u", "verb": "delete", "level": "Request", "responseObject": null,
            "objectRef": {"resource": "pods", "namespace": "n", "name": "a", "uid": "u"},
        });
        assert_eq!(deletions(event), [expected]);
    }

    #[test]
    fn of_what_is_no_collection_there_are_none() {
        let items = json!({"items": [{"metadata": {"name": "a"}}]});
        for event in [
            json!({"objectRef": ["pods"], "responseObject": items}),
            json!({"objectRef": {"resource": "pods"}, "responseObject": [5]}),
            json!({"responseObject": items}),
        ] {
            assert_eq!(deletions(event), [] as [Value; 0]);
        }
    }
}
