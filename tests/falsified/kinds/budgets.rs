//! Lies about PodDisruptionBudgets and evictions.

use serde_json::json;

use super::Kind;
use crate::edit::by_kubelet;
use crate::line::Line;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "evicted-without-budget",
        tells: "an eviction is granted though no disruption is allowed",
        shows: "the eviction",
        by_the_api: true,
        falsify: evicted_without_budget,
    },
    Kind {
        name: "budget-allows-too-much",
        tells: "the budget allows a disruption more than healthy pods leave room for",
        shows: "that status",
        by_the_api: true,
        falsify: budget_allows_too_much,
    },
    Kind {
        name: "budget-counts-too-many",
        tells: "the budget counts pods as healthy that are not Ready",
        shows: "that status",
        by_the_api: true,
        falsify: budget_counts_too_many,
    },
    Kind {
        name: "budget-written-by-a-kubelet",
        tells: "a kubelet writes the status of a budget",
        shows: "that status",
        by_the_api: true,
        falsify: budget_written_by_a_kubelet,
    },
];

/// An eviction that the budget refused is told to have been granted.
fn evicted_without_budget(recording: &mut Recording) -> Option<usize> {
    let refused = |line: &&Line| {
        line.text("/objectRef/subresource") == "eviction" && line.number("/responseStatus/code") == 429
    };
    let refused = recording.audit().find(refused)?.id;
    recording.change(refused, |line| {
        let granted =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        line.set("/responseStatus", json!({"metadata": {}, "status": "Success", "code": 201}));
        line.set("/responseObject", granted);
    });
    Some(refused)
}

/// The disruption controller allows a disruption more than the healthy pods leave room for.
fn budget_allows_too_much(recording: &mut Recording) -> Option<usize> {
    let spent = |line: &&Line| {
        line.is("update", "poddisruptionbudgets/status")
            && line.is_by("disruption-controller")
            && line.number("/responseObject/status/disruptionsAllowed") == 0
            && line.number("/responseObject/status/currentHealthy") == 1
    };
    let status = recording.audit().find(spent)?.id;
    recording.change(status, |line| line.set("/responseObject/status/disruptionsAllowed", 1));
    Some(status)
}

/// The budget counts a pod as healthy that is not.
fn budget_counts_too_many(recording: &mut Recording) -> Option<usize> {
    let counted = |line: &&Line| {
        line.is("update", "poddisruptionbudgets/status")
            && line.number("/responseObject/status/currentHealthy") == 0
            && line.number("/responseObject/status/expectedPods") == 2
    };
    let status = recording.audit().find(counted)?.id;
    recording.change(status, |line| line.set("/responseObject/status/currentHealthy", 2));
    Some(status)
}

fn budget_written_by_a_kubelet(recording: &mut Recording) -> Option<usize> {
    let written = |line: &&Line| {
        line.is("update", "poddisruptionbudgets/status")
            && line.value["responseObject"]["status"]["currentHealthy"] != 0
    };
    let status = recording.audit().find(written)?.id;
    recording.change(status, |line| by_kubelet(line, "node-a"));
    Some(status)
}
