//! Tests of the reader as a whole.

mod aside;
mod assumed;
mod cases;
mod clusters;
mod doubts;
mod effects;
mod full_size;
mod limits;
mod naming;
mod other_kinds;
mod refusals;
mod room;
mod server;
mod services;
mod values;
mod warnings;

use super::{Options, Problem, Reading, Source, read};
use crate::scenario::Scenario;

/// Lines, each moved to the right.
fn indented(lines: &str, by: usize) -> String {
    lines.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

/// `Deployment/web` with more lines in its spec, its pod's spec and its container, the image last.
fn deployment(spec: &str, pod: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n{}  selector:\n    matchLabels: {{app: web}}\n  \
         template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n{}      containers:\n      - name: app\n{}        image: x\n",
        indented(spec, 2),
        indented(pod, 6),
        indented(container, 8)
    )
}

/// `Pod/NAME` with labels and more lines in its spec.
fn pod(name: &str, labels: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  labels: {labels}\nspec:\n{}  containers:\n  - name: app\n    image: x\n",
        indented(spec, 2)
    )
}

/// `Service/web` with more lines in its spec.
fn service(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n{}", indented(spec, 2))
}

/// `PodDisruptionBudget/web` with more lines in its spec.
fn budget(spec: &str) -> String {
    format!(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\nspec:\n{}",
        indented(spec, 2)
    )
}

/// `Node/NAME` with more lines.
fn node(name: &str, lines: &str) -> String {
    format!("apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n{lines}")
}

fn joined(documents: &[&str]) -> String {
    documents.join("---\n")
}

fn read_with(text: &str, options: &Options) -> Result<Reading, Vec<Problem>> {
    read(&[Source { path: "a.yaml".into(), text: text.into() }], options)
}

/// Reads a text that must be fine.
fn reading(text: &str) -> Reading {
    match read_with(text, &Options::default()) {
        Ok(reading) => reading,
        Err(problems) => panic!("{}\n{text}", shown(&problems)),
    }
}

/// The world of the only workload of a text.
fn scenario(text: &str) -> Scenario {
    let mut reading = reading(text);
    assert_eq!(reading.workloads.len(), 1, "{text}");
    reading.workloads.remove(0).scenarios.remove(0)
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
