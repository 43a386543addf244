//! The JSON document. Its core never changes; more may be added.

use podproof_traces::reasons;
use podproof_vocabulary::action::CLASSES;
use serde::Serialize;
use serde_json::json;

use crate::remedy::{Found, Remedy, Undecided};
use crate::verdict::{
    CheckReport, Counterexample, Measured, Outcome, ResultRow, SearchRow, Verdict, WorkloadReport,
};

/// One document, ended by a line break.
pub fn render(report: &CheckReport) -> String {
    let document = Document {
        version: 1,
        exit: report.exit(),
        workloads: report.workloads.iter().map(Workload::of).collect(),
        warnings: &report.warnings,
        errors: &report.errors,
    };
    pretty(&document)
}

/// A document as text, ended by a line break.
pub(crate) fn pretty(document: &impl Serialize) -> String {
    let text =
        serde_json::to_string_pretty(document).expect("a report has no maps with keys that are not text");
    text + "\n"
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    exit: u8,
    workloads: Vec<Workload<'a>>,
    warnings: &'a [String],
    errors: &'a [String],
}

#[derive(Serialize)]
struct Workload<'a> {
    name: &'a str,
    replicas: Replicas,
    release: String,
    nodes: &'a [String],
    states: u64,
    complete: bool,
    seconds: f64,
    assumptions: &'a [String],
    warnings: Vec<&'a str>,
    #[serde(rename = "blocked-drains", skip_serializing_if = "Vec::is_empty")]
    blocked_drains: Vec<String>,
    left_out: Vec<serde_json::Value>,
    searches: Vec<Search<'a>>,
    results: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Replicas {
    manifest: u32,
    checked: u8,
}

#[derive(Serialize)]
struct Search<'a> {
    story: &'a str,
    timing: &'a str,
    services: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
    states: u64,
    transitions: u64,
    depth: u64,
    complete: bool,
    stopped: &'a [String],
    seconds: f64,
    approximations: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hunt: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Row<'a> {
    story: &'a str,
    property: &'a str,
    timing: &'a str,
    kind: &'a str,
    counts: bool,
    verdict: &'a str,
    trace: Option<String>,
    steps: Option<usize>,
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    services: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    premise: Option<&'a str>,
    /// Why it is broken, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    why: Vec<String>,
    #[serde(rename = "turning-point", skip_serializing_if = "<[String]>::is_empty")]
    turning_point: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<serde_json::Value>,
}

impl<'a> Workload<'a> {
    fn of(report: &'a WorkloadReport) -> Self {
        let left_out = report.left_out.iter().map(|row| json!({ "what": row.what, "reason": row.reason }));
        Self {
            name: &report.name,
            replicas: Replicas { manifest: report.manifest_replicas, checked: report.checked_replicas },
            release: report.release.to_string(),
            nodes: &report.nodes,
            states: report.states(),
            complete: report.is_complete(),
            seconds: rounded(report.seconds()),
            assumptions: &report.assumptions,
            warnings: report.of_input(),
            blocked_drains: report.blocked_drains.iter().map(ToString::to_string).collect(),
            left_out: left_out.collect(),
            searches: report.searches.iter().map(Search::of).collect(),
            results: report.results.iter().map(Row::of).collect(),
        }
    }
}

impl<'a> Search<'a> {
    fn of(row: &'a SearchRow) -> Self {
        Self {
            story: row.story.name(),
            timing: row.timing.name(),
            services: &row.behind.services,
            container: row.behind.container.as_deref(),
            states: row.outcome.states,
            transitions: row.outcome.transitions,
            depth: row.outcome.depth,
            complete: row.outcome.stopped.is_empty(),
            stopped: &row.outcome.stopped,
            seconds: rounded(row.outcome.seconds),
            approximations: row
                .outcome
                .approximations
                .iter()
                .map(|approximation| approximation.name())
                .collect(),
            hunt: row.outcome.seed().map(|seed| json!({ "seed": seed })),
            measured: row.outcome.measured.as_ref().map(|found| measured(&row.outcome, found)),
        }
    }
}

fn measured(outcome: &Outcome, measured: &Measured) -> serde_json::Value {
    let coverage = CLASSES.iter().zip(&measured.coverage);
    let coverage: serde_json::Map<_, _> =
        coverage.map(|(&class, &count)| (class.to_owned(), count.into())).collect();
    json!({
        "symmetry": measured.symmetry,
        "max-out-degree": measured.max_out_degree,
        "memory": measured.memory,
        "peak-memory": measured.peak,
        "spilled": measured.spilled,
        "fingerprint-bits": measured.fingerprint_bits,
        "collision-probability": outcome.collision_probability(),
        "steps-taken": coverage,
        "steps-never-taken": measured.never_taken,
        "story-ends": measured.story_ends,
        "partial-order": measured.partial,
    })
}

fn remedy(remedy: &Remedy) -> serde_json::Value {
    let told = |changes: &[Undecided]| -> Vec<serde_json::Value> {
        changes.iter().map(|Undecided { says, why }| json!({ "says": says, "why": why })).collect()
    };
    let undecided = told(&remedy.undecided);
    match (&remedy.found, &remedy.unsought) {
        (Some(Found { says, patch, states, smaller, .. }), _) => json!({
            "says": says, "patch": patch, "states": states, "undecided": undecided, "untried": remedy.untried,
            "not-asked-for": remedy.unasked.iter().map(|property| property.name()).collect::<Vec<_>>(),
            "smaller": smaller,
        }),
        (None, Some(why)) => json!({ "unsought": why }),
        (None, None) => json!({
            "tried": remedy.in_vain, "undecided": undecided, "refused": told(&remedy.refused),
        }),
    }
}

impl<'a> Row<'a> {
    fn of(row: &'a ResultRow) -> Self {
        let trace = row.counterexample.as_ref();
        Self {
            story: row.story.name(),
            property: row.property.name(),
            timing: row.timing.name(),
            kind: row.property.facts().kind.name(),
            counts: row.counts,
            verdict: row.verdict.name(),
            trace: trace.and_then(|trace| trace.path.as_ref()).map(|path| path.display().to_string()),
            steps: trace.map(Counterexample::steps),
            note: row.note.as_deref(),
            services: &row.behind.services,
            premise: (row.verdict == Verdict::NotApplicable).then(|| row.property.facts().premise),
            why: trace.and_then(|broken| reasons(&broken.trace)).unwrap_or_default(),
            turning_point: trace.map_or(&[], |trace| &trace.turning.sentences),
            remedy: row.remedy.as_ref().map(remedy),
        }
    }
}

/// Seconds with three digits.
pub(crate) fn rounded(seconds: f64) -> f64 {
    // A sum of nothing is -0.
    (seconds * 1000.0).round() / 1000.0 + 0.0
}
