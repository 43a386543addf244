//! Reports are read by what others wrote for these formats: the crate junit-parser, and OASIS' JSON Schema of SARIF, which the crate
//! serde-sarif brings along.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use junit_parser::{TestCase, TestStatus};
use serde_json::Value;

use crate::run::{folder, podproof, stderr, text};

/// Checks that report something of each kind: what is broken with its remedy, a bound, a built-in scenario, a wrong input.
const CHECKS: [&[&str]; 4] = [
    &[
        "examples/web.yaml",
        "--replicas",
        "1",
        "--story",
        "rollout",
        "--remedy",
        "--allow",
        "no-failed-request",
    ],
    &["examples/web.yaml", "--replicas", "1", "--story", "rollout", "--max-states", "100"],
    &["--scenario", "drain-pdb", "--property", "disruption-budget-kept", "--property", "no-failed-request"],
    &["examples/none.yaml"],
];

/// A check, and its report in these formats.
fn reports<const N: usize>(name: &str, check: &[&str], formats: [&str; N]) -> [String; N] {
    let folder = folder(name);
    let file = |format: &str| folder.join(format);
    let written: Vec<String> =
        formats.iter().map(|format| format!("--report={format}={}", text(&file(format)))).collect();
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    let traces = folder.join("traces");
    let output = podproof(&[&["check", "--trace-dir", text(&traces)], check, &written].concat());
    formats.map(|format| {
        std::fs::read_to_string(file(format))
            .unwrap_or_else(|error| panic!("{format}: {error}: {}", stderr(&output)))
    })
}

/// What a case of JUnit says of a verdict that counts or does not.
fn status(case: &TestCase) -> &'static str {
    match case.status {
        TestStatus::Success => "holds",
        TestStatus::Failure(_) => "broken",
        TestStatus::Error(_) => "incomplete",
        TestStatus::Skipped(_) => "skipped",
    }
}

#[test]
fn the_crate_junit_parser_reads_the_verdicts() {
    let mut seen = Vec::new();
    for (place, check) in CHECKS.iter().enumerate() {
        let [junit, json] = reports(&format!("read-junit-{place}"), check, ["junit", "json"]);
        let read =
            junit_parser::from_reader(junit.as_bytes()).unwrap_or_else(|error| panic!("{error}: {junit}"));
        let report: Value = serde_json::from_str(&json).expect("JSON");
        let workloads = report["workloads"].as_array().expect("a list");
        for workload in workloads {
            let suite =
                read.suites.iter().find(|suite| suite.name == workload["name"]).expect("a suite for each");
            let rows = workload["results"].as_array().expect("a list");
            assert_eq!(suite.cases.len(), rows.len());
            assert_eq!(suite.tests, rows.len() as u64);
            for (case, row) in suite.cases.iter().zip(rows) {
                let part = |name: &str| row[name].as_str().expect("a word");
                let name = format!("{}/{}/{}", part("story"), part("property"), part("timing"));
                assert_eq!(case.original_name, name);
                let verdict = match (part("verdict"), row["counts"] == true) {
                    ("not-applicable", _) | ("broken" | "incomplete", false) => "skipped",
                    (verdict, _) => verdict,
                };
                assert_eq!(status(case), verdict, "{name}");
                seen.push(verdict.to_owned());
            }
        }
        let errors = report["errors"].as_array().map_or(0, Vec::len);
        let input = read.suites.iter().find(|suite| suite.name == "input");
        assert_eq!(input.map_or(0, |suite| suite.errors), errors as u64, "{junit}");
        seen.extend((errors > 0).then(|| "wrong input".to_owned()));
    }
    for verdict in ["holds", "broken", "incomplete", "skipped", "wrong input"] {
        assert!(seen.iter().any(|other| other == verdict), "{verdict} is in no report");
    }
}

/// A package that nobody builds: only where the source of its dependency lies matters.
const PACKAGE: &str = r#"
[package]
name = "schema"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"

[dependencies]
serde-sarif = { version = "=0.8.0", default-features = false }

[workspace]
"#;

/// Where the schema is; none, with a line that says so, where the crate that has it cannot be had.
fn sarif_schema() -> Option<PathBuf> {
    let folder = folder("sarif-schema");
    let manifest = folder.join("Cargo.toml");
    std::fs::write(&manifest, PACKAGE)
        .and_then(|()| std::fs::write(folder.join("lib.rs"), ""))
        .expect("written");
    let found = [&["--offline"][..], &[]].into_iter().find_map(|network| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--format-version", "1", "--manifest-path", text(&manifest)]).args(network);
        let asked = cargo.output().ok().filter(|output| output.status.success())?;
        let metadata: Value = serde_json::from_slice(&asked.stdout).ok()?;
        let packages = metadata["packages"].as_array()?;
        let package = packages.iter().find(|package| package["name"] == "serde-sarif")?;
        Some(Path::new(package["manifest_path"].as_str()?).with_file_name("src").join("schema.json"))
    });
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "passed over: cargo does not bring the crate serde-sarif");
    }
    found
}

#[test]
fn reports_keep_to_the_schema_of_sarif() {
    let Some(file) = sarif_schema() else { return };
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the crate has it")).expect("JSON");
    assert_eq!(schema["title"], "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("it is one");
    for (place, check) in CHECKS.iter().enumerate() {
        let [sarif] = reports(&format!("read-sarif-{place}"), check, ["sarif"]);
        let document: Value = serde_json::from_str(&sarif).expect("JSON");
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{check:?}: {errors:#?}");
        let mut wrong = document.clone();
        wrong["runs"][0]["results"] = serde_json::json!([{ "ruleId": "x" }]);
        assert!(!validator.is_valid(&wrong), "a result without a message keeps to it");
    }
}
