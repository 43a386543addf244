//! The deletion of a collection, as the deletions that it is made of: the API server lists the objects, deletes one after the other,
//! and answers with what it listed (`staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go`, `DeleteCollection`).

use serde_json::{Value, json};

/// A deletion of each object that stands in the answer, as it would stand in a log without answers: what became of the object is what
/// the request makes of it.
pub(super) fn deletions(event: Value) -> Vec<Value> {
    let Some(items) = event["responseObject"]["items"].as_array() else { return Vec::new() };
    let id = event["auditID"].as_str().unwrap_or_default();
    let of = |item: &Value| {
        let mut deletion = event.clone();
        deletion["verb"] = json!("delete");
        deletion["level"] = json!("Request");
        deletion["responseObject"] = Value::Null;
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
    items.iter().filter(|item| item["metadata"]["name"].is_string()).map(of).collect()
}
