//! The report as SARIF 2.1.0: a rule for each promise, a result for each that is broken or incomplete.

use podproof_traces::why;
use podproof_vocabulary::property::PROPERTIES;
use serde_json::{Value, json};

use crate::verdict::{CheckReport, ResultRow, Verdict, WorkloadReport};

/// The whole report, ended by a line break.
pub fn render(report: &CheckReport) -> String {
    let rules: Vec<Value> = PROPERTIES
        .iter()
        .map(|facts| json!({ "id": facts.name, "shortDescription": { "text": facts.says } }))
        .collect();
    let results: Vec<Value> = report
        .workloads
        .iter()
        .flat_map(|workload| workload.results.iter().filter_map(|row| result(workload, row)))
        .collect();
    let notices: Vec<Value> =
        report.errors.iter().map(|error| json!({ "level": "error", "message": { "text": error } })).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "podproof", "version": env!("CARGO_PKG_VERSION"), "rules": rules
            } },
            "invocations": [{
                "executionSuccessful": report.errors.is_empty(),
                "exitCode": report.exit(),
                "toolConfigurationNotifications": notices
            }],
            "results": results
        }]
    });
    format!("{document:#}\n")
}

fn result(workload: &WorkloadReport, row: &ResultRow) -> Option<Value> {
    let level = match (row.verdict, row.counts) {
        (Verdict::Broken, true) => "error",
        (Verdict::Incomplete, true) => "warning",
        (Verdict::Broken | Verdict::Incomplete, false) => "note",
        (Verdict::Holds | Verdict::NotApplicable, _) => return None,
    };
    let mut text =
        format!("{}, story {}, {}: {}", workload.name, row.story, row.timing.name(), row.verdict.name());
    let said = row.counterexample.as_ref().map(|(trace, _)| why(trace)).or_else(|| row.note.clone());
    if let Some(said) = said {
        text = format!("{text}: {said}");
    }
    let locations: Vec<Value> = row
        .counterexample
        .iter()
        .map(|(_, path)| {
            let uri = path.display().to_string().replace('\\', "/");
            json!({ "physicalLocation": { "artifactLocation": { "uri": uri } } })
        })
        .collect();
    Some(json!({
        "ruleId": row.property.name(), "level": level, "message": { "text": text }, "locations": locations,
        "fingerprints": { "podproof/v1": format!("{}/{}/{}/{}", workload.name, row.story, row.property, row.timing.name()) }
    }))
}
