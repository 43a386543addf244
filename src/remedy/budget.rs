//! A PodDisruptionBudget that keeps pods serving while others are evicted.

use podproof_vocabulary::manifest::edit::{FieldPath, Value};
use podproof_vocabulary::scenario::{BudgetAsk, WorkloadKind};

use super::candidate::Candidate;
use super::candidates::Broke;
use crate::edits::{Edit, Of};

/// Budgets for so many pods, those that allow most first: a new one where none selects the pods, else the one that does with another
/// number. Each allows an eviction, since with one that allows none a drain never ends (EVI-4); none is proposed where several select
/// the pods and nothing is evicted anyway (EVI-2), or where one is shared with other workloads.
pub fn budgets(broke: &Broke<'_>, pods: u32) -> Vec<Candidate> {
    let scenario = broke.scenario;
    let checked = pods.min(broke.replicas_max.into());
    if scenario.workload.kind == WorkloadKind::Pod
        || scenario.neighbours.iter().any(|neighbour| neighbour.in_budget)
    {
        return Vec::new();
    }
    let allowed = match &scenario.budgets[..] {
        [] => checked,
        [budget] => budget.ask.disruptions_allowed(checked),
        _ => 0,
    };
    let budget = |allowed: u32| match scenario.budgets.first() {
        None => Candidate::of(
            format!("a PodDisruptionBudget with maxUnavailable of {allowed}"),
            Edit::Object(new(broke, allowed)),
        ),
        Some(budget) => {
            let (name, value) = match budget.ask {
                BudgetAsk::MinAvailable(_) => ("minAvailable", pods - allowed),
                BudgetAsk::MaxUnavailable(_) => ("maxUnavailable", allowed),
            };
            let path = FieldPath::default().field("spec").field(name);
            let edit = Edit::Field { of: Of::Budget, path, value: Value::number(value) };
            Candidate::of(format!("{name} of {value} in PodDisruptionBudget {}", budget.name), edit)
        }
    };
    (1..allowed).rev().map(budget).collect()
}

/// The fields of a budget that allows so many pods to be disrupted.
fn new(broke: &Broke<'_>, allowed: u32) -> Vec<(String, Value)> {
    let plain = |name: &str, value: &str| (name.to_owned(), Value::Plain(value.to_owned()));
    let text = |name: &str, value: &str| (name.to_owned(), text(value));
    let namespace = broke.texts.value(&FieldPath::default().field("metadata.namespace"));
    let metadata = [text("name", &free_name(broke))]
        .into_iter()
        .chain(namespace.map(|namespace| text("namespace", &namespace)));
    vec![
        plain("apiVersion", "policy/v1"),
        plain("kind", "PodDisruptionBudget"),
        ("metadata".into(), Value::Fields(metadata.collect())),
        (
            "spec".into(),
            Value::Fields(vec![
                ("maxUnavailable".into(), Value::number(allowed)),
                ("selector".into(), broke.selector()),
            ]),
        ),
    ]
}

/// A name that no other budget has: the workload's, or where there are budgets of others one that stands nowhere.
fn free_name(broke: &Broke<'_>) -> String {
    let name = &broke.scenario.workload.name;
    if !broke.texts.mention("PodDisruptionBudget") {
        return name.clone();
    }
    let others = (2..).map(|number: u32| format!("{name}-budget-{number}"));
    let mut names = std::iter::once(format!("{name}-budget")).chain(others);
    names.find(|name| !broke.texts.mention(name)).unwrap_or_else(|| name.clone())
}

/// A name as YAML reads it, in quotes if it could be a number, a date or a truth value (YAML 1.1 has many).
fn text(name: &str) -> Value {
    const OTHERS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        && !OTHERS.contains(&name.to_ascii_lowercase().as_str());
    Value::Plain(if is_plain { name.to_owned() } else { format!("\"{name}\"") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_word_is_quoted() {
        for (name, written) in
            [("web", "web"), ("a-1.b", "a-1.b"), ("123", "\"123\""), ("1e3", "\"1e3\""), ("on", "\"on\"")]
        {
            assert_eq!(text(name), Value::Plain(written.into()));
        }
    }
}
