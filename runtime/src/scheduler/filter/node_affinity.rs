//! NodeAffinity: nodeSelector and required node affinity (FLT-5).

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, Pod};

use super::label_of;
use crate::api::selector::contains;
use crate::slip::{Slip, Slips};

/// Does the node have every pair of nodeSelector, and meet the required affinity?
pub fn passes(pod: &Pod, node: &Node, slips: Slips) -> bool {
    let Some(spec) = &pod.spec else { return true };
    let selected =
        spec.node_selector.as_ref().is_none_or(|selector| contains(node.metadata.labels.as_ref(), selector));
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required =
        affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    let meets = |term: &NodeSelectorTerm| meets_term(term, node);
    selected
        && required.is_none_or(|required| {
            let mut terms = required.node_selector_terms.iter();
            if slips.has(Slip::AffinityTermsAllMatch) { terms.all(meets) } else { terms.any(meets) }
        })
}

/// Terms are alternatives; within one all must match, and an empty one matches nothing.
fn meets_term(term: &NodeSelectorTerm, node: &Node) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or(&[]);
    let fields = term.match_fields.as_deref().unwrap_or(&[]);
    let name = node.metadata.name.as_deref();
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|expression| meets(expression, label_of(node, &expression.key)))
        && fields.iter().all(|field| field.key == "metadata.name" && meets(field, name))
}

fn meets(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or(&[]);
    let listed = || value.is_some_and(|value| values.iter().any(|other| other == value));
    let compare = |test: fn(i64, i64) -> bool| {
        let own = value.and_then(|value| value.parse().ok());
        let other = values.first().and_then(|value| value.parse().ok());
        values.len() == 1 && own.zip(other).is_some_and(|(own, other)| test(own, other))
    };
    match requirement.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|own, other| own > other),
        "Lt" => compare(|own, other| own < other),
        _ => false,
    }
}
