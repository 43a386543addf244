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
    use clap::Parser;
    use podproof_vocabulary::manifest::Source;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use crate::edits::Texts;
    use crate::input::{Size, read_with};

    /// The budgets that are tried of an example with some lines changed: in words, and the lines that a patch adds and takes away.
    fn tried(example: &str, changes: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
        let change = |text: String, (old, new): &(&str, &str)| {
            assert!(text.contains(old), "{old}");
            text.replace(old, new)
        };
        let text = changes.iter().fold(example.to_owned(), change).into_bytes();
        let sources = [Source { path: "web.yaml".into(), text }];
        let arguments = Arguments::try_parse_from(["podproof", "check", "web.yaml", "--workload", "web"]);
        let Ok(Arguments { command: Command::Check(check) }) = arguments else { panic!("it is a check") };
        let read = read_with(&check.input, &sources, Size::Searched).unwrap_or_else(|why| panic!("{why:?}"));
        let workload = &read.workloads[0];
        let texts = Texts::new(&sources, workload);
        let broke = crate::remedy::broke(&check, (workload, texts), &workload.scenarios[0], false);
        let told = |candidate: Candidate| {
            let patch = texts.patch(&candidate.edits(&[])).expect("it can be made");
            let lines = patch.lines().skip(2).filter(|line| line.starts_with(['+', '-']));
            (candidate.says(&[]), lines.map(str::to_owned).collect())
        };
        budgets(&broke, 2).into_iter().map(told).collect()
    }

    #[test]
    fn a_new_budget_lets_pods_go_one_by_one() {
        let [(says, lines)] = &tried(include_str!("../../examples/web-prestop.yaml"), &[])[..] else {
            panic!("one is tried")
        };
        assert_eq!(says, "a PodDisruptionBudget with maxUnavailable of 1");
        let expected = [
            "+---",
            "+apiVersion: policy/v1",
            "+kind: PodDisruptionBudget",
            "+metadata:",
            "+  name: web",
            "+spec:",
            "+  maxUnavailable: 1",
            "+  selector:",
            "+    matchLabels:",
            "+      app: \"web\"",
        ];
        assert_eq!(lines, &expected);
    }

    /// A budget of others may have the workload's name, and a namespace may look like a number.
    #[test]
    fn a_new_budget_has_a_name_of_its_own() {
        let others = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web, namespace: \"123\"}\nspec: \
                      {maxUnavailable: 1, selector: {matchLabels: {app: other}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: \
                      other, namespace: \"123\", labels: {app: other}}\nspec: {containers: [{name: other, image: other}]}\n---\n";
        let changes = [("---\n", others), ("  name: web\n", "  name: web\n  namespace: \"123\"\n")];
        let all = tried(include_str!("../../examples/web-prestop.yaml"), &changes);
        for line in ["+  name: web-budget", "+  namespace: \"123\""] {
            assert!(all[0].1.contains(&line.to_owned()), "{all:?}");
        }
    }

    #[test]
    fn a_budget_that_allows_too_much_gets_another_number() {
        for (ask, says, line) in [
            ("maxUnavailable: 2", "maxUnavailable of 1 in PodDisruptionBudget web", "maxUnavailable: 1"),
            ("minAvailable: 0%", "minAvailable of 1 in PodDisruptionBudget web", "minAvailable: 1"),
        ] {
            let all = tried(include_str!("../../examples/web-pdb.yaml"), &[("maxUnavailable: 1", ask)]);
            assert_eq!(all, [(says.to_owned(), vec![format!("-  {ask}"), format!("+  {line}")])]);
        }
    }

    #[test]
    fn a_name_that_is_no_word_is_quoted() {
        for (name, written) in
            [("web", "web"), ("a-1.b", "a-1.b"), ("123", "\"123\""), ("1e3", "\"1e3\""), ("on", "\"on\"")]
        {
            assert_eq!(text(name), Value::Plain(written.into()));
        }
    }
}
