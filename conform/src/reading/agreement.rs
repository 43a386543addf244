//! Does what a write was answered with agree with what it asked for? The API server stores what was asked for, but for what it sets itself
//! (`staging/src/k8s.io/apiserver/pkg/registry/rest/update.go`, `BeforeUpdate`); of that which the model represents it sets nothing
//! else, but where a mutating webhook has had its way. A list that is a JSON patch, and what the request leaves out, say nothing here.

use serde_json::Value;

use crate::record::Verb;

/// What is compared of an object that is written in this way.
fn pointers(resource: &str, subresource: &str) -> &'static [&'static str] {
    match (resource, subresource) {
        ("deployments" | "replicasets", "" | "scale") => &["/spec/replicas"],
        ("deployments" | "replicasets", "status") => {
            &["/status/replicas", "/status/readyReplicas", "/status/availableReplicas"]
        }
        ("pods", "status") => &["/status/phase", "/status/podIP"],
        ("nodes", "") => &["/spec/unschedulable"],
        ("poddisruptionbudgets", "status") => {
            &["/status/disruptionsAllowed", "/status/currentHealthy", "/status/desiredHealthy"]
        }
        _ => &[],
    }
}

/// What differs between what was asked for and what was answered, in words.
pub(super) fn misfit(
    (resource, subresource): (&str, &str),
    verb: Verb,
    asked: &Value,
    got: &Value,
) -> Option<String> {
    if !asked.is_object() || !got.is_object() || !matches!(verb, Verb::Create | Verb::Update | Verb::Patch) {
        return None;
    }
    let differs = |pointer: &&&str| {
        let asked = asked.pointer(pointer).filter(|asked| !asked.is_null());
        asked.is_some_and(|asked| got.pointer(pointer).unwrap_or(&nothing_like(asked)) != asked)
    };
    if let Some(pointer) = pointers(resource, subresource).iter().find(differs) {
        let what = pointer.trim_start_matches('/').replace('/', ".");
        return Some(format!("it was answered with another {what} than it asked for"));
    }
    let other = match (resource, subresource) {
        ("pods" | "nodes", "status") => other_ready(asked, got).then_some("condition Ready"),
        // Of a node that is created admission sets one taint more (S28 `TaintNodesByCondition`).
        ("nodes", "") if verb != Verb::Create => other_taints(asked, got).then_some("spec.taints"),
        ("endpointslices", "") if verb != Verb::Patch => other_endpoints(asked, got).then_some("endpoints"),
        _ => None,
    };
    other.map(|what| format!("it was answered with another {what} than it asked for"))
}

/// Does an annotation of an event say that a mutating webhook has changed what was asked for? The API server notes it of each that was
/// called (`staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go`, `mutationAnnotationValue`).
pub(super) fn is_change(key: &str, value: &str) -> bool {
    let is_mutated = || serde_json::from_str::<Value>(value).is_ok_and(|noted| noted["mutated"] == true);
    key.starts_with("mutation.webhook.admission.k8s.io/") && is_mutated()
}

/// What is left out where it is as nothing.
fn nothing_like(value: &Value) -> Value {
    match value {
        Value::Bool(_) => Value::Bool(false),
        Value::Number(_) => Value::from(0),
        Value::String(_) => Value::from(""),
        _ => Value::Null,
    }
}

fn items<'a>(value: &'a Value, pointer: &str) -> Option<&'a Vec<Value>> {
    value.pointer(pointer).and_then(Value::as_array)
}

/// Conditions are merged by their type.
fn other_ready(asked: &Value, got: &Value) -> bool {
    let ready = |value| {
        let mut conditions = items(value, "/status/conditions")?.iter();
        conditions.find(|one| one["type"] == "Ready")?["status"].as_str()
    };
    ready(asked).is_some_and(|asked| ready(got) != Some(asked))
}

/// Taints are one list, that is replaced.
fn other_taints(asked: &Value, got: &Value) -> bool {
    let taints = |value| {
        let all = items(value, "/spec/taints")?.iter();
        let mut all: Vec<_> =
            all.map(|one| ["key", "value", "effect"].map(|field| one[field].as_str())).collect();
        all.sort();
        Some(all)
    };
    taints(asked).is_some_and(|asked| taints(got).unwrap_or_default() != asked)
}

fn other_endpoints(asked: &Value, got: &Value) -> bool {
    let endpoints = |value| {
        let all = items(value, "/endpoints")?.iter();
        let one = |one: &Value| {
            let conditions =
                ["ready", "serving", "terminating"].map(|field| one["conditions"][field].as_bool());
            (one["addresses"].to_string(), conditions, one["targetRef"]["uid"].as_str().map(str::to_owned))
        };
        let mut all: Vec<_> = all.map(one).collect();
        all.sort();
        Some(all)
    };
    endpoints(asked).is_some_and(|asked| endpoints(got).unwrap_or_default() != asked)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A kubelet registers its node with taints of its own, and admission adds that it is not ready.
    #[test]
    fn a_node_that_is_created_may_be_answered_with_one_taint_more() {
        let asked = json!({"spec": {"taints": [{"key": "own", "effect": "NoSchedule"}]}});
        let not_ready = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
        let got = json!({"spec": {"taints": [{"key": "own", "effect": "NoSchedule"}, not_ready]}});
        assert_eq!(misfit(("nodes", ""), Verb::Create, &asked, &got), None);
        assert!(misfit(("nodes", ""), Verb::Patch, &asked, &got).is_some());
        assert_eq!(misfit(("nodes", ""), Verb::Patch, &asked, &asked), None);
    }
}
