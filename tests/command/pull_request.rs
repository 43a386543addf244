//! What a pull request is told: the line of the manifest, and a comment that is short enough.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::run::{folder, podproof, stderr, stdout, text};

/// A check of one replica of `examples/web.yaml` that finds a failed request, with these arguments more.
fn check(traces: &Path, arguments: &[&str]) -> Output {
    let about = ["check", "--replicas", "1", "--story", "rollout", "--property", "no-failed-request"];
    podproof(&[&about[..], &["--trace-dir", text(traces), "examples/web.yaml"], arguments].concat())
}

/// The number of the line of an example that holds this.
fn line_of(what: &str) -> usize {
    let example = include_str!("../../examples/web.yaml");
    example.lines().position(|line| line.contains(what)).expect("the example has it") + 1
}

#[test]
fn sarif_points_at_the_line_of_the_setting() {
    let folder = folder("sarif-line");
    let output = check(&folder, &["--format", "sarif"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let document: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let result = &document["runs"][0]["results"][0];
    let location = &result["locations"][0];
    assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "examples/web.yaml");
    let line = line_of("- name: web");
    assert_eq!(
        location["physicalLocation"]["region"]["startLine"], line,
        "the container that has no preStop"
    );
    assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "Deployment/web: lifecycle.preStop");
    let trace = result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str();
    assert!(trace.is_some_and(|uri| uri.starts_with("file:///") && uri.ends_with(".json")), "{result}");
}

#[test]
fn sarif_of_a_built_in_scenario_points_at_its_trace() {
    let folder = folder("sarif-scenario");
    let about = ["check", "--scenario", "rollout", "--property", "no-failed-request", "--format", "sarif"];
    let output = podproof(&[&about[..], &["--trace-dir", text(&folder)]].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let result = &document["runs"][0]["results"][0];
    let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str();
    assert!(uri.is_some_and(|uri| uri.ends_with(".json")), "{result}");
    assert_eq!(result["relatedLocations"], Value::Null);
}

#[test]
fn a_comment_says_what_is_broken_first_with_a_picture() {
    let folder = folder("comment");
    let report = stdout(&check(&folder, &["--format", "markdown"]));
    assert!(report.chars().count() < 20_000, "{} letters", report.chars().count());
    let place = |what: &str| report.find(what).unwrap_or_else(|| panic!("{what} is not in\n{report}"));
    assert!(place("### no-failed-request is broken") < place("- node-1 still routes new connections"));
    assert!(place("- node-1 still routes new connections") < place("```mermaid\nsequenceDiagram\n"));
    assert!(place("```mermaid") < place("| property | story |"));
    let times = |what: &str| report.matches(what).count();
    assert_eq!(times("- turning point: step "), 1, "{report}");
    assert_eq!(times("\n- had all of this come before step "), 1, "the order is one sentence: {report}");
    assert!(
        place(" **kubelet** kubelet on node-1 sends SIGTERM") < place("```mermaid"),
        "the slice in words"
    );
    let (_, diagram) = report.split_once("```mermaid\n").expect("a diagram");
    let (diagram, _) = diagram.split_once("\n```\n").expect("its end");
    assert!(diagram.contains("Note over runtime: no-failed-request is broken"), "{diagram}");
    assert!(diagram.contains("steps are left out"), "{diagram}");
    let messages = diagram.lines().filter(|line| line.contains(">>")).count();
    assert!((5..=24).contains(&messages), "{messages} messages: {diagram}");
    // Who came too late is in the picture, although no step of theirs is.
    for late in [
        "participant kubeproxy as ",
        "participant endpointslice as ",
        "Note over kubeproxy: too late: kube-proxy on ",
    ] {
        assert!(diagram.contains(late), "{late}: {diagram}");
    }
}

/// The comment on what is broken in a manifest where a pod is deleted; its traces are in the folder.
fn comment_of(folder: &Path, manifest: &Path) -> String {
    let about = [
        "check",
        "--replicas",
        "1",
        "--story",
        "pod-deletion",
        "--timing",
        "untimed",
        "--format",
        "markdown",
    ];
    let output = podproof(&[&about[..], &["--trace-dir", text(folder), text(manifest)]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    stdout(&output)
}

/// Each workload has a picture before one has a second, and what has none says how to get it.
#[test]
fn every_workload_has_a_picture_before_one_has_two() {
    let folder = folder("comment-pictures");
    let web = include_str!("../../examples/web.yaml");
    let manifest = folder.join("both.yaml");
    let other = web.replace("name: web", "name: shop").replace("app: web", "app: shop");
    assert_ne!(web, other);
    std::fs::write(&manifest, format!("{web}\n---\n{other}")).expect("written");
    let report = comment_of(&folder, &manifest);
    let parts: Vec<&str> = report.split("\n## Deployment/").skip(1).collect();
    assert_eq!(parts.len(), 2, "{report}");
    let count = |part: &str, what: &str| part.matches(what).count();
    for part in parts {
        let (broken, pictures) = (count(part, "\n### "), count(part, "```mermaid\n"));
        assert!((1..broken).contains(&pictures), "{pictures} of {broken}: {report}");
        assert_eq!(count(part, "<summary>How it comes to that: "), broken, "{report}");
        assert_eq!(count(part, "A picture of it: podproof trace export "), broken - pictures, "{report}");
    }
    assert_eq!(count(&report, "```mermaid\n"), 3, "{report}");
}

#[test]
fn a_report_is_written_in_each_format_that_is_asked_for() {
    let folder = folder("reports");
    let [sarif, junit, nowhere] = ["r.sarif", "r.xml", "no/where.md"].map(|name| folder.join(name));
    let [sarif_to, junit_to] = [format!("sarif={}", text(&sarif)), format!("junit={}", text(&junit))];
    let output = check(&folder, &["--report", &sarif_to, "--report", &junit_to, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(serde_json::from_str::<Value>(&stdout(&output)).is_ok(), "{}", stdout(&output));
    assert!(std::fs::read_to_string(sarif).expect("a file").contains("\"2.1.0\""));
    assert!(std::fs::read_to_string(junit).expect("a file").contains("<failure"));
    let output = check(&folder, &["--report", &format!("markdown={}", text(&nowhere))]);
    assert_eq!(output.status.code(), Some(2), "what is not written is an error");
    assert!(stderr(&output).contains("where.md: "), "{}", stderr(&output));
    let output = check(&folder, &["--report", "pdf=x"]);
    assert!(
        stderr(&output).contains("accepted is FORMAT=FILE with one of human, json"),
        "{}",
        stderr(&output)
    );
}

/// The name of a file steers neither a terminal nor whoever shows a report.
#[test]
#[cfg(unix)]
fn the_name_of_a_file_steers_nothing() {
    let folder = folder("steering-names");
    let manifest = folder.join("we\u{202e}b\u{1b}[2J\u{200b}.yaml");
    std::fs::copy("examples/web.yaml", &manifest).expect("copied");
    let traces = folder.join("\u{2066}traces\u{7}");
    let about = ["check", "--replicas", "1", "--story", "pod-deletion", "--property", "no-failed-request"];
    let written = "we\\u{202e}b\\u{1b}[2J\\u{200b}.yaml";
    for format in ["human", "json", "junit", "sarif", "markdown"] {
        let file = folder.join(format);
        let report = format!("{format}={}", text(&file));
        let to = ["--format", format, "--report", &report, "--trace-dir", text(&traces), text(&manifest)];
        let output = podproof(&[&about[..], &to].concat());
        assert_eq!(output.status.code(), Some(1), "{format}: {}", stderr(&output));
        let (said, errors) = (stdout(&output), stderr(&output));
        let report = std::fs::read_to_string(&file).expect("it was written");
        for text in [&said, &errors, &report] {
            let steers =
                |letter: char| podproof_traces::is_steering(letter) && !matches!(letter, '\n' | '\t');
            assert!(!text.contains(steers), "{format}: {text:?}");
        }
        match format {
            "json" | "sarif" => {
                serde_json::from_str::<Value>(&report).unwrap_or_else(|error| panic!("{error}: {report}"));
            }
            _ => assert!(report.contains("\\u{2066}traces"), "{format}: {report}"),
        }
    }
    // In an error too.
    std::fs::write(&manifest, "kind: [\n").expect("written");
    let output = podproof(&[&about[..], &[text(&manifest)]].concat());
    assert!(stderr(&output).contains(written), "{}", stderr(&output));
}

/// What is broken in the last of many workloads stands before all that holds, and what is too long is left out in whole parts.
#[test]
fn what_is_broken_in_any_workload_comes_before_what_holds() {
    let folder = folder("comment-many");
    let web = std::fs::read_to_string("examples/web.yaml").expect("an example");
    let quiet = |number: usize| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: quiet-{number}}}\nspec: {{containers: [{{name: c, image: x}}]}}\n---\n"
        )
    };
    let manifest = folder.join("many.yaml");
    std::fs::write(&manifest, (0..40).map(quiet).collect::<String>() + &web).expect("written");
    let report = comment_of(&folder, &manifest);
    let place = |what: &str| report.find(what).unwrap_or_else(|| panic!("{what} is not in\n{report}"));
    assert!(place("41 workloads: ") < place(" is broken\n"), "{report}");
    assert!(place(" is broken\n") < place("<summary>All verdicts on "), "{report}");
    assert!(report.chars().count() <= 65_000, "{} letters", report.chars().count());
    let times = |what: &str| report.matches(what).count();
    assert!(times("<details>") == times("</details>") && times("```").is_multiple_of(2), "{report}");
    assert!(report.contains(" parts are too long for a comment"), "{report}");
}

/// What stops every drain is told beside the verdicts, in each format, although no search is needed to know it.
#[test]
fn a_budget_that_blocks_drains_stands_out() {
    let folder = folder("drain-blocked");
    let manifest = folder.join("web.yaml");
    let example = include_str!("../../examples/web-pdb.yaml");
    let none = example.replace("maxUnavailable: 1\n  selector", "maxUnavailable: 0\n  selector");
    let budget = none.lines().position(|line| line == "kind: PodDisruptionBudget").expect("a budget");
    let reports =
        ["sarif", "json", "markdown"].map(|format| format!("{format}={}", text(&folder.join(format))));
    let report = |of: &str| std::fs::read_to_string(folder.join(of)).expect("a report");
    let about = [
        "--replicas",
        "1",
        "--nodes",
        "1",
        "--story",
        "pod-deletion",
        "--property",
        "disruption-budget-kept",
    ];
    for (yaml, is_blocked) in [(none.as_str(), true), (example, false)] {
        std::fs::write(&manifest, yaml).expect("written");
        let written = reports.iter().flat_map(|report| ["--report", report]).collect::<Vec<_>>();
        let output = podproof(&[&["check", text(&manifest)], &about[..], &written].concat());
        assert_eq!(output.status.code(), Some(0), "no verdict: {}", stderr(&output));
        let says = "PodDisruptionBudget/web allows no disruption while all pods that it selects are healthy";
        let (_, summary) = stdout(&output)
            .split_once("\n1 workload: ")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("totals");
        assert_eq!(summary.contains("drain blocked") && summary.contains(says), is_blocked, "{summary}");
        let comment = report("markdown");
        let (head, _) = comment.split_once("<details>").expect("verdicts are folded up");
        assert_eq!(head.contains("**Drain blocked:**") && head.contains(says), is_blocked, "{comment}");
        let document: Value = serde_json::from_str(&report("json")).expect("JSON");
        assert_eq!(
            document["workloads"][0]["blocked-drains"].as_array().is_some_and(|all| all.len() == 1),
            is_blocked
        );
        let document: Value = serde_json::from_str(&report("sarif")).expect("JSON");
        let run = &document["runs"][0];
        let results: Vec<&Value> = run["results"].as_array().into_iter().flatten().collect();
        assert_eq!(results.len(), usize::from(is_blocked), "{document:#}");
        if let [result] = results.as_slice() {
            assert_eq!((&result["ruleId"], &result["level"]), (&"drain-blocked".into(), &"warning".into()));
            let line = result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64();
            assert_eq!(line, Some(budget as u64), "the budget begins a line before its kind: {result:#}");
        }
        let notices = run["invocations"][0]["toolExecutionNotifications"].to_string();
        assert!(!notices.contains(says), "said once: {notices}");
    }
}

/// A promise that is not applicable is told with what never came about.
#[test]
fn what_is_not_applicable_is_told_with_its_premise() {
    let folder = folder("not-applicable");
    let json = folder.join("json");
    let written = format!("json={}", text(&json));
    let about = ["--replicas", "1", "--nodes", "1", "--story", "pod-deletion", "--only", "untimed"];
    let output =
        podproof(&[&["check", "examples/web-pdb.yaml"], &about[..], &["--report", &written]].concat());
    let said = stdout(&output);
    let (_, list) = said.split_once("  not applicable where it never comes about that\n").expect("a list");
    let (list, _) = list.split_once("\n\n").expect("its end");
    let document: Value =
        serde_json::from_str(&std::fs::read_to_string(json).expect("a report")).expect("JSON");
    let rows = document["workloads"][0]["results"].as_array().expect("rows");
    let (idle, judged): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row["verdict"] == "not-applicable");
    assert!(!idle.is_empty() && !judged.is_empty());
    for row in idle {
        let (property, premise) =
            (row["property"].as_str().expect("a name"), row["premise"].as_str().expect("a premise"));
        assert!(list.contains(&format!("    {property}: {premise}")), "{property}: {list}");
    }
    assert!(judged.iter().all(|row| row.get("premise").is_none()), "{rows:#?}");
}
