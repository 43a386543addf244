//! Where a pod may run, as the API server has it.

use podproof_vocabulary::scenario::{
    LabelSelector, NodeSelectorTerm, PodAffinityTerm, PodTemplate, Requirement, SpreadConstraint,
};
use serde_json::{Value, json};

/// The label by which the pods of one template know each other.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// A selector of labels.
pub(super) fn selector(selector: &LabelSelector) -> Value {
    let mut value = json!({"matchLabels": selector.labels});
    if !selector.expressions.is_empty() {
        value["matchExpressions"] = requirements(&selector.expressions);
    }
    value
}

fn requirements(given: &[Requirement]) -> Value {
    let one = |requirement: &Requirement| {
        let mut value = json!({"key": requirement.key, "operator": format!("{:?}", requirement.operator)});
        if !requirement.values.is_empty() {
            value["values"] = json!(requirement.values);
        }
        value
    };
    given.iter().map(one).collect()
}

/// `affinity`; none if the template has none.
pub(super) fn affinity(template: &PodTemplate) -> Option<Value> {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let mut value = json!({});
    if let Some(terms) = &template.node_affinity {
        let one = |term: &NodeSelectorTerm| json!({"matchExpressions": requirements(&term.expressions), "matchFields": requirements(&term.fields)});
        let terms: Value = terms.iter().map(one).collect();
        value["nodeAffinity"] = json!({REQUIRED: {"nodeSelectorTerms": terms}});
    }
    let sides = [("podAffinity", &template.pod_affinity), ("podAntiAffinity", &template.pod_anti_affinity)];
    for (name, terms) in sides.into_iter().filter(|(_, terms)| !terms.is_empty()) {
        value[name] = json!({REQUIRED: terms.iter().map(term).collect::<Value>()});
    }
    value.as_object().is_some_and(|fields| !fields.is_empty()).then_some(value)
}

fn term(term: &PodAffinityTerm) -> Value {
    let mut value = json!({"topologyKey": term.topology_key});
    if let Some(given) = &term.selector {
        value["labelSelector"] = selector(given);
    }
    if !term.namespaces.is_empty() {
        value["namespaces"] = json!(term.namespaces);
    }
    if term.all_namespaces {
        value["namespaceSelector"] = json!({});
    }
    if term.same_revision {
        value["matchLabelKeys"] = json!([TEMPLATE_HASH]);
    }
    value
}

/// `topologySpreadConstraints`.
pub(super) fn spread(constraints: &[SpreadConstraint]) -> Value {
    let policy = |honour: bool| if honour { "Honor" } else { "Ignore" };
    let one = |constraint: &SpreadConstraint| {
        let mut value = json!({
            "maxSkew": constraint.max_skew,
            "topologyKey": constraint.topology_key,
            "whenUnsatisfiable": "DoNotSchedule",
            "nodeAffinityPolicy": policy(constraint.honour_node_affinity),
            "nodeTaintsPolicy": policy(constraint.honour_node_taints),
        });
        if constraint.min_domains > 1 {
            value["minDomains"] = json!(constraint.min_domains);
        }
        if let Some(given) = &constraint.selector {
            value["labelSelector"] = selector(given);
        }
        if constraint.same_revision {
            value["matchLabelKeys"] = json!([TEMPLATE_HASH]);
        }
        value
    };
    constraints.iter().map(one).collect()
}
