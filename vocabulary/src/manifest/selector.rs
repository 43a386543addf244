//! Label selectors and node selector requirements: their reading, and what they select.

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::cursor::Cursor;
use super::names;
use super::tree::quoted;
use crate::scenario::{LabelSelector, Labels, Operator, Requirement};

/// Reads a label selector (`ValidateLabelSelector`).
pub fn label_selector(cursor: &Cursor<'_>, selector: &meta::LabelSelector) -> LabelSelector {
    let expressions = cursor.field("matchExpressions");
    let given = selector.match_expressions.as_deref().unwrap_or_default();
    names::labels(&cursor.field("matchLabels"), selector.match_labels.as_ref());
    for (cursor, requirement) in expressions.items(given) {
        let values = requirement.values.as_deref().unwrap_or_default();
        for (cursor, value) in cursor.field("values").items(values) {
            names::value(&cursor, value);
        }
    }
    LabelSelector {
        labels: selector.match_labels.clone().unwrap_or_default(),
        expressions: expressions
            .items(given)
            .map(|(cursor, given)| {
                requirement(&cursor, &given.key, &given.operator, given.values.as_deref(), LABEL_OPERATORS)
            })
            .collect(),
    }
}

const LABEL_OPERATORS: &[(&str, Operator)] = &[
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
];

/// The operators of node affinity.
pub const NODE_OPERATORS: &[(&str, Operator)] = &[
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
    ("Gt", Operator::Gt),
    ("Lt", Operator::Lt),
];

/// Reads one requirement: a key, one of `operators`, and as many values as it wants.
pub fn requirement(
    cursor: &Cursor<'_>,
    key: &str,
    operator: &str,
    values: Option<&[String]>,
    operators: &[(&str, Operator)],
) -> Requirement {
    let values = values.unwrap_or_default();
    if key.is_empty() {
        cursor.field("key").refuse("is missing", "the key of a label");
    } else {
        names::key(&cursor.field("key"), key);
    }
    let at = cursor.field("operator");
    if operator.is_empty() {
        let names: Vec<_> = operators.iter().map(|&(name, _)| name).collect();
        at.refuse("is missing", names.join(", "));
    }
    let known: Vec<_> = operators.iter().map(|&(name, operator)| (name, Some(operator))).collect();
    let operator = at.one_of(Some(operator), &known, None);
    let at = cursor.field("values");
    match operator {
        Some(Operator::In | Operator::NotIn) if values.is_empty() => {
            at.refuse("has no value", "at least one value, as the operator is In or NotIn");
        }
        Some(Operator::Exists | Operator::DoesNotExist) if !values.is_empty() => {
            at.refuse("has values", "no values, as the operator is Exists or DoesNotExist");
        }
        Some(Operator::Gt | Operator::Lt) if values.len() != 1 || values[0].parse::<i64>().is_err() => {
            at.refuse("is not one whole number", "one whole number in quotes, as the operator is Gt or Lt");
        }
        _ => {}
    }
    Requirement { key: key.into(), operator: operator.unwrap_or(Operator::Exists), values: values.to_vec() }
}

/// The label by which a Deployment tells the pods of its ReplicaSets apart (S28 `deployment/sync.go` `getNewReplicaSet`).
pub const TEMPLATE_HASH: &str = "pod-template-hash";

fn is_of_hash(requirement: &Requirement) -> bool {
    requirement.key == TEMPLATE_HASH
}

/// Does a selector ask for a template hash by its value?
pub fn asks_for_one_hash(selector: &LabelSelector) -> bool {
    let is_by_value =
        |requirement: &Requirement| is_of_hash(requirement) && requirement.operator == Operator::In;
    selector.labels.contains_key(TEMPLATE_HASH) || selector.expressions.iter().any(is_by_value)
}

/// A selector of pods that all have a template hash, which nobody knows beforehand: what it says of the label is resolved; none, if it then
/// selects nothing.
pub fn with_any_template_hash(mut selector: LabelSelector) -> Option<LabelSelector> {
    let asks_for_none =
        |requirement: &Requirement| is_of_hash(requirement) && requirement.operator == Operator::DoesNotExist;
    if asks_for_one_hash(&selector) || selector.expressions.iter().any(asks_for_none) {
        return None;
    }
    selector.expressions.retain(|requirement| !is_of_hash(requirement));
    Some(selector)
}

/// Does a requirement hold of these labels (FLT-5)?
pub fn meets(labels: &Labels, requirement: &Requirement) -> bool {
    let value = labels.get(&requirement.key);
    let numbers = || {
        let value = value?.parse::<i64>().ok()?;
        Some((value, requirement.values.first()?.parse::<i64>().ok()?))
    };
    match requirement.operator {
        Operator::In => value.is_some_and(|value| requirement.values.contains(value)),
        Operator::NotIn => value.is_none_or(|value| !requirement.values.contains(value)),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt => numbers().is_some_and(|(value, bound)| value > bound),
        Operator::Lt => numbers().is_some_and(|(value, bound)| value < bound),
    }
}

/// Does a selector select an object with these labels?
pub fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    selector.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && selector.expressions.iter().all(|requirement| meets(labels, requirement))
}

/// The same; of pods without a template hash those are meant that get one.
pub fn selects_hashed(selector: &LabelSelector, labels: &Labels) -> bool {
    let mentions = selector.labels.contains_key(TEMPLATE_HASH) || selector.expressions.iter().any(is_of_hash);
    if !mentions || labels.contains_key(TEMPLATE_HASH) {
        return selects(selector, labels);
    }
    with_any_template_hash(selector.clone()).is_some_and(|selector| selects(&selector, labels))
}

/// Labels for a message: `app=web, tier=front`.
pub fn show(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "no labels".into() } else { quoted(&pairs.join(", ")) }
}
