//! The command as a user meets it: exit statuses, the JSON document, messages about wrong input, traces.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::run::{command, folder, podproof, stderr, stdout};

/// Checks one replica of an example with these arguments more; the folder of its traces, and what it said.
fn check(test: &str, arguments: &[&str]) -> (PathBuf, Output) {
    let folder = folder(test);
    let traces = folder.join("traces");
    let traces = traces.to_str().expect("a path of text");
    let output = podproof(&[&["check", "--replicas", "1", "--trace-dir", traces], arguments].concat());
    (folder, output)
}

#[test]
fn no_request_fails_with_a_pre_stop_longer_than_the_propagation_bound() {
    let about =
        ["--story", "rollout", "--property", "no-failed-request", "--property", "no-traffic-after-sigterm"];
    let (_, output) = check("prestop", &[&about[..], &["examples/web-prestop.yaml"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(
        stdout(&output).contains("holds no-traffic-after-sigterm, no-failed-request"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn untimed_no_pre_stop_is_long_enough() {
    let about = ["--story", "rollout", "--timing", "untimed", "--property", "no-traffic-after-sigterm"];
    let (_, output) = check("untimed", &[&about[..], &["examples/web-prestop.yaml"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
}

#[test]
fn the_document_has_its_core_and_traces_can_be_shown_and_replayed() {
    let about = ["--story", "rollout", "--property", "no-failed-request", "--format", "json"];
    let (_, output) = check("document", &[&about[..], &["examples/web.yaml"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_str(&stdout(&output)).expect("one document and nothing else");
    assert_eq!((&document["version"], &document["exit"]), (&1.into(), &1.into()));
    let workload = &document["workloads"][0];
    assert_eq!(workload["name"], "Deployment/web");
    assert_eq!(workload["replicas"], serde_json::json!({ "manifest": 2, "checked": 1 }));
    assert_eq!(workload["complete"], true);
    assert!(workload["assumptions"].as_array().is_some_and(|list| {
        list.iter()
            .any(|line| line.as_str().is_some_and(|line| line.starts_with("watch delivery within 1 s")))
    }));
    assert!(workload["warnings"].is_array() && workload["seconds"].is_number());
    let search = &workload["searches"][0];
    assert_eq!((&search["story"], &search["timing"]), (&"rollout".into(), &"timed".into()));
    assert_eq!(search["states"], workload["states"]);
    assert!(search["approximations"].as_array().is_some_and(|list| list.contains(&"focus".into())));
    let result = &workload["results"][0];
    assert_eq!(result["property"], "no-failed-request");
    assert_eq!(result["verdict"], "broken");
    assert_eq!((&result["kind"], &result["counts"]), (&"safety".into(), &true.into()));
    let trace = result["trace"].as_str().expect("a path");
    let shown = podproof(&["trace", "show", trace]);
    assert_eq!(shown.status.code(), Some(0));
    assert!(stdout(&shown).contains("sends SIGTERM to container web of pod web-"), "{}", stdout(&shown));
    assert!(
        result["steps"]
            .as_u64()
            .is_some_and(|steps| stdout(&shown).contains(&format!("step {steps} breaks no-failed-request")))
    );
    let replayed = podproof(&["trace", "replay", trace]);
    assert_eq!(replayed.status.code(), Some(0), "{}", stdout(&replayed));
    assert!(stdout(&replayed).contains("still broken"));
}

#[test]
fn what_is_allowed_does_not_count_and_what_is_named_does() {
    let about = ["--story", "rollout", "--property", "no-failed-request", "--allow", "no-failed-request"];
    let (_, output) = check("allowed", &[&about[..], &["examples/web.yaml"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("allowed: does not count"));
}

#[test]
fn a_bound_ends_in_incomplete() {
    let about = [
        "--story",
        "rollout",
        "--timing",
        "untimed",
        "--property",
        "rollout-completes",
        "--max-states",
        "50",
    ];
    let (_, output) = check("bound", &[&about[..], &["examples/web.yaml"]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(stdout(&output).contains("that --max-states allows were found"));
    assert!(stdout(&output).contains("allow more (--max-states"), "it says what to do");
}

/// DEP-10, CND-5: the model rolls out and makes ready what the manifest tells the cluster not to, or not yet.
#[test]
fn holds_is_not_said_against_the_manifest() {
    let web = include_str!("../../examples/web-prestop.yaml");
    let verdict = |name: &str, text: &str| {
        let file = folder(&format!("{name}-input")).join("web.yaml");
        std::fs::write(&file, text).expect("a file of the test");
        let file = file.to_str().expect("text");
        let arguments = ["--story", "rollout", "--timing", "untimed"];
        let (_, output) = check(name, &[&["--property", "rollout-completes", file], &arguments[..]].concat());
        (output.status.code(), stdout(&output))
    };
    assert_eq!(verdict("contradicts-not", web).0, Some(0));
    let paused = web.replacen("spec:\n", "spec:\n  paused: true\n", 1);
    assert_ne!(paused, web);
    let (status, says) = verdict("contradicts", &paused);
    assert_eq!(status, Some(3), "{says}");
    assert!(says.contains("Deployment.spec.paused is set and not modelled"), "{says}");
}

#[test]
fn wrong_input_is_refused_with_its_place() {
    let folder = folder("wrong");
    let file = folder.join("wrong.yaml");
    let wrong = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/web.yaml"))
        .expect("the example")
        .replace("replicas: 2", "replicas: many");
    std::fs::write(&file, wrong).expect("a file of the test");
    let output = podproof(&["check", file.to_str().expect("text"), "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let message = stderr(&output);
    assert!(
        message.contains("wrong.yaml:") && message.contains("spec.replicas") && message.contains("accepted"),
        "{message}"
    );
    let document: Value = serde_json::from_str(&stdout(&output)).expect("a document even so");
    assert_eq!(document["exit"], 2);
    for arguments in [
        &["check"][..],
        &["check", "no-such-file.yaml"],
        &["check", "--scenario", "nothing"],
        &["check", "--property", "no-trafic", "examples/web.yaml"],
        &["check", "--latency", "wach=1", "examples/web.yaml"],
        &["check", "--event", "node-crash", "examples/web.yaml"],
        &["check", "--workload", "db", "examples/web.yaml"],
        &["trace", "show", "examples/web.yaml"],
        &["trace", "replay", "no-such-file.json"],
    ] {
        let output = podproof(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty() && !stderr(&output).contains("panicked"), "{arguments:?}");
    }
}

#[test]
fn both_engines_of_stateright_agree_on_safety() {
    let about = ["--scenario", "pod-life", "--timing", "untimed", "--format", "json"];
    let properties = [
        "--property",
        "stopped-before-gone",
        "--property",
        "no-failed-request",
        "--property",
        "init-before-app",
    ];
    let mut documents = Vec::new();
    for engine in ["podproof", "stateright-bfs", "stateright-dfs"] {
        let folder = folder(&format!("engine-{engine}"));
        let traces = folder.to_str().expect("text");
        let output = podproof(
            &[&["check", "--engine", engine, "--trace-dir", traces], &about[..], &properties].concat(),
        );
        let document: Value = serde_json::from_str(&stdout(&output)).expect("a document");
        let results = document["workloads"][0]["results"].as_array().expect("results").clone();
        let verdicts =
            results.iter().map(|row| (row["property"].clone(), row["verdict"].clone())).collect::<Vec<_>>();
        documents.push((document["exit"].clone(), verdicts));
    }
    assert_eq!(documents[0], documents[1]);
    assert_eq!(documents[0], documents[2]);
}

/// stateright bounds the states that it meets, not those that differ: 613 of some 1,200.
#[test]
fn a_search_of_stateright_that_meets_a_bound_is_incomplete() {
    for engine in ["stateright-bfs", "stateright-dfs"] {
        let about =
            ["check", "--scenario", "rollout", "--only", "safety", "--only", "untimed", "--engine", engine];
        let output = podproof(&[&about[..], &["--max-states", "700"]].concat());
        assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
        assert!(!stdout(&output).contains(" holds "), "{}", stdout(&output));
        assert_eq!(podproof(&about).status.code(), Some(0));
    }
}

#[test]
fn every_format_tells_the_verdict() {
    for (format, sign) in
        [("human", "broken"), ("junit", "<failure"), ("sarif", "\"2.1.0\""), ("markdown", "**broken**")]
    {
        let about = ["--story", "rollout", "--property", "no-failed-request", "--format", format];
        let (_, output) = check(&format!("format-{format}"), &[&about[..], &["examples/web.yaml"]].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stdout(&output).contains(sign) && stdout(&output).contains("no-failed-request"),
            "{}",
            stdout(&output)
        );
    }
}

#[test]
fn every_format_tells_what_a_search_measured_and_never_took() {
    for format in ["human", "json", "junit", "sarif", "markdown"] {
        let about = ["--story", "create", "--timing", "untimed", "--mutant", "proxy-never-adds"];
        let more = ["--property", "placement-lawful", "--format", format, "examples/web.yaml"];
        let (_, output) = check(&format!("measured-{format}"), &[&about[..], &more].concat());
        let said = stdout(&output);
        let signs = match format {
            "json" => ["max-out-degree", "collision-probability", "steps-taken", "steps-never-taken"],
            _ => [
                "steps out of a state",
                "two states taken for one",
                "classes of steps taken",
                "never taken, so",
            ],
        };
        for sign in signs.into_iter().chain(["proxy/program-rules"]) {
            assert!(said.contains(sign), "{format}: {sign}: {said}");
        }
    }
}

#[test]
fn scenarios_are_listed_a_line_each() {
    let output = podproof(&["scenarios"]);
    let listed = stdout(&output).lines().count();
    assert!(listed >= 12, "{listed}");
}

#[test]
fn flags_without_effect_on_a_scenario_are_refused() {
    for (flag, value) in [
        ("--nodes", "3"),
        ("--replicas", "1"),
        ("--release", "1.30"),
        ("--on-sigterm", "exit"),
        ("--listens-after", "3"),
    ] {
        let output = podproof(&["check", "--scenario", "pod-life", flag, value]);
        assert_eq!(output.status.code(), Some(2), "{flag}");
        let says = format!("error: {flag} has no effect on --scenario pod-life");
        assert!(stderr(&output).contains(&says), "{}", stderr(&output));
    }
}

#[test]
fn a_story_that_is_named_twice_is_told_once() {
    let stories = ["--story", "drain", "--story", "create", "--story", "drain", "--story", "create"];
    let about = ["--timing", "untimed", "--property", "deletion-completes", "--format", "json"];
    let (_, output) = check("stories", &[&stories[..], &about[..], &["examples/web-prestop.yaml"]].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).expect("a document");
    let told: Vec<_> = document["workloads"][0]["searches"]
        .as_array()
        .expect("searches")
        .iter()
        .map(|search| search["story"].clone())
        .collect();
    assert_eq!(told, ["create", "drain"]);
}

#[test]
fn a_scenario_that_is_too_large_is_refused_once_with_its_place() {
    let (_, output) = check("large", &["--event", "scale:255", "--format", "json", "examples/web.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let document: Value = serde_json::from_str(&stdout(&output)).expect("a document");
    let errors = document["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].as_str().is_some_and(|error| error.starts_with("examples/web.yaml:3:1: Deployment/web: "))
    );
    assert_eq!(document["workloads"][0]["complete"], false);
}

#[test]
fn an_input_that_holds_nothing_is_named() {
    let file = folder("empty").join("empty.yaml");
    std::fs::write(&file, "# nothing\n").expect("a file of the test");
    let output = podproof(&["check", file.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("empty.yaml:1:1: the input holds no object"), "{}", stderr(&output));
}

#[test]
fn a_trace_that_cannot_be_written_has_no_path() {
    let file = folder("no-traces").join("a-file");
    std::fs::write(&file, "").expect("a file of the test");
    let about =
        ["--story", "rollout", "--property", "no-failed-request", "--property", "no-traffic-after-sigterm"];
    let document = |format: &str| {
        let traces = file.to_str().expect("text");
        let where_to = ["check", "--replicas", "1", "--trace-dir", traces, "--format", format];
        let output = podproof(&[&where_to[..], &about[..], &["examples/web.yaml"]].concat());
        assert_eq!(output.status.code(), Some(1));
        stdout(&output)
    };
    let json: Value = serde_json::from_str(&document("json")).expect("a document");
    let workload = &json["workloads"][0];
    for row in workload["results"].as_array().expect("results") {
        assert_eq!((&row["verdict"], &row["trace"]), (&"broken".into(), &Value::Null));
        assert!(row["steps"].as_u64().is_some_and(|steps| steps > 0));
    }
    let warnings = workload["warnings"].as_array().expect("warnings");
    let about_traces =
        |text: &&Value| text.as_str().is_some_and(|text| text.contains("could not be written"));
    assert_eq!(warnings.iter().filter(about_traces).count(), 1, "{warnings:?}");
    for format in ["human", "junit", "sarif", "markdown"] {
        let text = document(format);
        assert!(text.contains("this and 1 more traces could not be written"), "{text}");
        assert!(!text.contains("podproof trace show"), "{text}");
    }
}

#[test]
fn the_trace_of_a_workload_with_a_long_name_is_written() {
    let folder = folder("long-name");
    let example =
        std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/web.yaml"));
    let long = format!("  name: {}\n", "x".repeat(240));
    let text = example.expect("the example").replacen("  name: web\n", &long, 1);
    let (file, traces) = (folder.join("long.yaml"), folder.join("traces"));
    std::fs::write(&file, text).expect("a file of the test");
    let about =
        ["--replicas", "1", "--story", "rollout", "--property", "no-failed-request", "--format", "json"];
    let paths = [file.to_str().expect("text"), "--trace-dir", traces.to_str().expect("text")];
    let output = podproof(&[&["check"], &about[..], &paths].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).expect("a document");
    let trace = document["workloads"][0]["results"][0]["trace"].as_str().expect("a path");
    assert!(PathBuf::from(trace).is_file(), "{trace}");
}

#[test]
fn a_time_limit_beyond_every_clock_is_no_limit() {
    for limit in ["18446744073709551615s", "500000000000y"] {
        let output = podproof(&[
            "check",
            "--scenario",
            "pod-life",
            "--property",
            "deletion-completes",
            "--time-limit",
            limit,
        ]);
        assert_eq!(output.status.code(), Some(0), "{limit}: {}", stderr(&output));
    }
}

#[test]
#[cfg(unix)]
fn a_report_that_cannot_be_written_is_an_error_and_a_closed_pipe_is_none() {
    use std::process::Stdio;
    let run = |out: Stdio| {
        let about = ["check", "--scenario", "pod-life", "--property", "deletion-completes"];
        command(&about).stdout(out).spawn().expect("the command runs")
    };
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let output = run(full.into()).wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).starts_with("error: standard output could not be written"),
            "{}",
            stderr(&output)
        );
    }
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = run(writer.into()).wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn what_the_verdicts_rest_on_is_in_every_format() {
    let folder = folder("rest-on");
    let example =
        std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/web.yaml"));
    let volumes = "    spec:\n      volumes: [{name: data, emptyDir: {}}]\n";
    let config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
    let text = example.expect("the example").replacen("    spec:\n", volumes, 1) + config;
    let file = folder.join("web.yaml");
    std::fs::write(&file, text).expect("a file of the test");
    let report = |format: &str| {
        let about = ["--story", "create", "--timing", "untimed", "--property", "rollout-completes"];
        let bounds = ["--max-states", "50", "--replicas", "1", "--format", format];
        let path = [file.to_str().expect("text")];
        let output = podproof(&[&["check"], &about[..], &bounds[..], &path[..]].concat());
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        stdout(&output)
    };
    let all = [
        "the 50 states that --max-states allows were found",
        "spec.template.spec.volumes is not represented",
        "ConfigMap is not represented",
        "hecked at 1 of the manifest",
        "current-node-views: ",
        "a failure detector fires only while its cause is true",
        "preemption: no pod is deleted",
        "Kubernetes 1.",
    ];
    for format in ["human", "junit", "sarif", "markdown"] {
        let text = report(format);
        for says in all.iter().filter(|says| format != "human" || !says.starts_with("hecked")) {
            assert!(text.contains(says), "{format}: {says}\n{text}");
        }
        match format {
            "junit" => {
                let suites = quick_junit::Report::deserialize_from_str(&text).expect("XML").test_suites;
                let case = &suites[0].test_cases[0];
                assert!(
                    format!("{:?}", case.status).contains("that --max-states allows were found"),
                    "{case:?}"
                );
                assert!(suites[0].properties.len() > 10 && suites[0].system_out.is_some());
            }
            "sarif" => {
                let run = &serde_json::from_str::<Value>(&text).expect("JSON")["runs"][0];
                // A bound that was met is nothing that a manifest could be mended for.
                assert_eq!(run["results"], serde_json::json!([]));
                let said = run["invocations"][0]["toolExecutionNotifications"].as_array().expect("a list");
                let levels = ["warning", "note"].map(Value::from);
                assert!(
                    said.iter()
                        .all(|one| levels.contains(&one["level"]) && one["message"]["text"].is_string())
                );
            }
            "markdown" => {
                let row = text.lines().find(|line| line.contains("**incomplete**")).expect("a row");
                assert!(row.contains("that --max-states allows were found"), "{row}");
                assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
            }
            _ => {}
        }
    }
}

#[test]
fn a_scenario_quotes_what_the_model_leaves_out() {
    let about = ["--property", "deletion-completes", "--format", "json"];
    let output = podproof(&[&["check", "--scenario", "pod-life"], &about[..]].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).expect("a document");
    let rows = document["workloads"][0]["left_out"].as_array().expect("rows");
    assert!(rows.iter().any(|row| row["what"] == "preemption"), "{rows:?}");
}

#[test]
fn a_story_quotes_what_its_own_event_leaves_out() {
    let about = ["--story", "node-failure", "--timing", "untimed", "--property", "deletion-completes"];
    let bounds = ["--max-states", "50", "--format", "json", "examples/web.yaml"];
    let (_, output) = check("left-out", &[&about[..], &bounds[..]].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).expect("a document");
    let rows = document["workloads"][0]["left_out"].as_array().expect("rows");
    assert!(rows.iter().any(|row| row["what"] == "new grace after a total outage"), "{rows:?}");
}
