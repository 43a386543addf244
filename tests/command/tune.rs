//! `podproof tune`: values that a check has proved.

use std::process::Output;

use serde_json::Value;

use crate::run::{folder, podproof, stderr, stdout, text};

/// Tunes one replica of a manifest, with its traces in a folder of the test.
fn tune(test: &str, arguments: &[&str]) -> Output {
    let traces = folder(test).join("traces");
    podproof(&[&["tune", "--replicas", "1", "--trace-dir", text(&traces)], arguments].concat())
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|_| panic!("{}\n{}", stdout(output), stderr(output)))
}

/// The values of a setting with their verdicts.
fn tried(setting: &Value) -> Vec<(u64, &str)> {
    let trials = setting["tried"].as_array().expect("a list");
    trials.iter().filter_map(|trial| Some((trial["value"].as_u64()?, trial["verdict"].as_str()?))).collect()
}

/// Watch, slice, watch and proxy take 4 s: a hook of 4 s is broken and one of 5 s holds. The grace must not be shorter than the hook;
/// with one as long the process still has the 2 s that SIGTERM leaves at least.
#[test]
fn the_smallest_pre_stop_is_one_more_than_the_propagation_bound() {
    let output = tune("tune-web", &["examples/web.yaml", "--format", "json"]);
    let document = document(&output);
    assert_eq!(output.status.code(), Some(0), "{document:#}");
    let [pre_stop, grace] = &document["settings"].as_array().expect("a list")[..] else {
        panic!("{document:#}")
    };
    assert_eq!(pre_stop["path"], "spec.template.spec.containers[web].lifecycle.preStop.sleep.seconds");
    assert_eq!((&pre_stop["smallest"], &pre_stop["monotone"]), (&5.into(), &true.into()), "{document:#}");
    let verdicts = tried(pre_stop);
    assert!(verdicts.contains(&(4, "broken")) && verdicts.contains(&(5, "holds")), "{verdicts:?}");
    assert!(verdicts.contains(&(10, "holds")), "{verdicts:?}");
    assert_eq!(grace["smallest"], 5, "{document:#}");
    assert!(tried(grace).contains(&(4, "refused")), "{document:#}");
    let patch = document["patch"].as_str().expect("a patch");
    let added: Vec<&str> =
        patch.lines().filter(|line| line.starts_with("+ ")).map(|line| line[1..].trim()).collect();
    // Nobody has asked for a shorter grace than the manifest has.
    assert_eq!(added, ["lifecycle:", "preStop:", "sleep:", "seconds: 5"]);
    assert_eq!(grace["kept"], 30, "{document:#}");
    assert!(tried(grace).contains(&(30, "holds")), "{document:#}");
    // The counterexample one below replays.
    let trace = pre_stop["trace"].as_str().expect("it is written");
    assert!(trace.ends_with("-4.json"), "{trace}");
    let replayed = podproof(&["trace", "replay", trace]);
    assert_eq!(replayed.status.code(), Some(0), "{}", stdout(&replayed));
}

/// A process that drains for 5 s after a hook of 5 s has ended with the grace only if that is longer than both: ties interleave.
#[test]
fn the_grace_spares_a_process_that_drains() {
    let about = ["examples/web.yaml", "--on-sigterm", "drain=5", "--format", "json"];
    let document = document(&tune("tune-drain", &about));
    let grace = &document["settings"][1];
    assert_eq!(grace["smallest"], 11, "{document:#}");
    let at_ten = grace["tried"].as_array().and_then(|all| all.iter().find(|trial| trial["value"] == 10));
    assert_eq!(at_ten.map(|trial| &trial["sigkill"]), Some(&true.into()), "{document:#}");
}

/// Two workloads: a report for each, one after the other.
#[test]
fn each_workload_of_a_manifest_is_tuned() {
    let folder = folder("tune-two");
    let manifest = folder.join("two.yaml");
    let one = include_str!("../../examples/web.yaml");
    let other = one.replace("web", "api");
    std::fs::write(&manifest, format!("{one}---\n{other}")).expect("written");
    let output = tune("tune-two-traces", &[text(&manifest), "--format", "json"]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));
    let documents: Vec<Value> =
        serde_json::Deserializer::from_str(&said).into_iter().collect::<Result<_, _>>().expect("documents");
    let names: Vec<_> = documents.iter().map(|document| document["workload"].as_str()).collect();
    assert_eq!(names, [Some("Deployment/web"), Some("Deployment/api")]);
    for document in &documents {
        assert_eq!(document["settings"][0]["smallest"], 5, "{document:#}");
    }
    let patch = documents[1]["patch"].as_str().expect("a patch");
    assert!(patch.contains("+                seconds: 5\n"), "{patch}");
    let alone = tune("tune-two-alone", &[text(&manifest), "--workload", "api", "--max-states", "100"]);
    assert_eq!(alone.status.code(), Some(3), "{}", stdout(&alone));
    assert!(!stdout(&alone).contains("Deployment/web"), "{}", stdout(&alone));
}

/// The manifest with the patch's values holds, and is told to need no change.
#[test]
fn what_was_proposed_is_what_holds() {
    let folder = folder("tune-patched");
    let manifest = folder.join("web.yaml");
    let before = std::fs::read_to_string("examples/web-prestop.yaml").expect("an example");
    let tuned = before.replace("terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 5");
    std::fs::write(&manifest, &tuned).expect("written");
    let traces = folder.join("traces");
    let output = podproof(&["tune", "--replicas", "1", "--trace-dir", text(&traces), text(&manifest)]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("preStop sleep of container web: 5 s is the smallest from 0 to 10 s that holds"),
        "{said}"
    );
    assert!(
        said.contains("terminationGracePeriodSeconds: 5 s is the smallest from 0 to 11 s that holds"),
        "{said}"
    );
    assert!(said.contains("the manifest has these values already"), "{said}");
    assert_eq!(
        std::fs::read_to_string(&manifest).expect("it is there"),
        tuned,
        "a manifest is never written"
    );
}

#[test]
fn any_whole_number_of_a_manifest_can_be_tuned() {
    let set = "spec.template.spec.containers[0].lifecycle.preStop.sleep.seconds=3..6";
    let about =
        ["examples/web-prestop.yaml", "--set", set, "--property", "no-failed-request", "--format", "json"];
    let document = document(&tune("tune-set", &about));
    assert_eq!(document["settings"][0]["smallest"], 5, "{document:#}");
    assert_eq!(document["properties"], serde_json::json!(["no-failed-request"]));
    assert_eq!(document["patch"], Value::Null, "it has this value: {document:#}");
}

#[test]
fn where_no_value_of_a_range_holds_that_is_said() {
    let set = "spec.template.spec.containers[0].lifecycle.preStop.sleep.seconds=0..3";
    let about = ["examples/web-prestop.yaml", "--set", set, "--property", "no-failed-request"];
    let output = tune("tune-none", &about);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("none from 0 to 3 was found to hold"), "{said}");
    assert!(said.contains("3  broken no-failed-request: node-1 still routes"), "{said}");
}

#[test]
fn a_bound_that_is_met_is_said_and_no_value_is_made_up() {
    let output = tune("tune-bound", &["examples/web.yaml", "--max-states", "100"]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("undecided: preStop sleep of container web: 10 s: "), "{said}");
}

#[test]
fn what_cannot_be_tuned_is_refused() {
    for (arguments, says) in [
        (&["--scenario", "rollout"][..], "nothing to tune"),
        (&["examples/web.yaml", "--set", "spec.replicas=5..1"], "is no range"),
        (&["examples/web.yaml", "--workload", "other"], "no workload is called 'other'"),
    ] {
        let output = tune("tune-refused", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stdout(&output));
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
}

/// Of a field that nobody knows no value is tried; where the greatest values are refused, the others are.
#[test]
fn a_value_that_the_api_refuses_is_none_that_is_broken() {
    for (set, says) in [
        ("spec.template.spec.containers[other].x=1..2", "no item is called 'other'"),
        ("spec.repliccas=1..2", "did you mean 'replicas'?"),
    ] {
        let output = tune("tune-no-field", &["examples/web.yaml", "--set", set]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        let expected = format!("{set}: no value that was tried is accepted: ");
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
    let set = "spec.template.spec.containers[web].lifecycle.preStop.sleep.seconds=0..60";
    let about = ["examples/web-prestop.yaml", "--property", "no-failed-request"];
    let output = tune("tune-refused-above", &[&about[..], &["--set", set]].concat());
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(": 5 is the smallest from 0 to 30 that holds"), "{said}");
    assert!(said.contains("60  refused: "), "{said}");
    let set = "spec.template.spec.containers[web].lifecycle.preStop.sleep.seconds=31..60";
    let output = tune("tune-all-refused", &[&about[..], &["--set", set]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
}
