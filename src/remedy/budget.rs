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
    let workload = &broke.scenario.workload;
    let plain = |name: &str, value: &str| (name.to_owned(), Value::Plain(value.to_owned()));
    let namespace = broke.texts.value(&FieldPath::default().field("metadata.namespace"));
    let metadata = [plain("name", &workload.name)]
        .into_iter()
        .chain(namespace.map(|namespace| plain("namespace", &namespace)));
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
