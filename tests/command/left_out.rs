//! What the model leaves out of a manifest is told first where a verdict could depend on it, and last where none does.

use serde_json::Value;

use crate::run::{folder, podproof, stdout, text};

#[test]
fn a_field_that_no_verdict_depends_on_is_told_last() {
    let folder = folder("left-out-fields");
    let traces = folder.join("traces");
    let about =
        ["check", "examples/web.yaml", "--replicas", "1", "--story", "create", "--trace-dir", text(&traces)];
    let said = stdout(&podproof(&about));
    let place = |what: &str| said.find(what).unwrap_or_else(|| panic!("{what} is not in\n{said}"));
    assert!(!said.contains("warning: "), "{said}");
    let field = "spec.template.spec.containers[].image at line 19";
    assert!(place("left out of the model") < place(field), "{said}");
    // Whoever reads the document finds it among the warnings, as ever.
    let said = stdout(&podproof(&[&about[..], &["--format", "json"]].concat()));
    let document: Value = serde_json::from_str(&said).expect("JSON");
    let warnings = document["workloads"][0]["warnings"].as_array().expect("a list");
    assert!(
        warnings.iter().any(|says| says.as_str().is_some_and(|says| says.contains(field))),
        "{warnings:?}"
    );
    // What a verdict could depend on is told before all.
    let manifest = folder.join("gated.yaml");
    let gated = include_str!("../../examples/web.yaml").replace(
        "      containers:\n",
        "      readinessGates:\n        - conditionType: example.com/x\n      containers:\n",
    );
    std::fs::write(&manifest, gated).expect("written");
    let said = stdout(&podproof(&[&["check", text(&manifest)], &about[2..]].concat()));
    let [warning, story] = ["warning: ", "story create"].map(|what| said.find(what));
    assert!(warning.is_some() && warning < story, "{said}");
}
