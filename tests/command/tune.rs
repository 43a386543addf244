//! `podproof tune`: values that a check has proved.

use std::process::Output;

use serde_json::Value;

use crate::run::{folder, podproof, stderr, stdout, text};

/// Tunes one replica of a manifest, with its traces in a folder of the test.
pub fn tune(test: &str, arguments: &[&str]) -> Output {
    let traces = folder(test).join("traces");
    podproof(&[&["tune", "--replicas", "1", "--trace-dir", text(&traces)], arguments].concat())
}

/// What the document says of the only workload, with its exit status.
pub fn document(output: &Output) -> Value {
    let [ref workload] = workloads(output)[..] else { panic!("{}", stdout(output)) };
    workload.clone()
}

/// What the document says of each workload.
fn workloads(output: &Output) -> Vec<Value> {
    let document: Value = serde_json::from_str(&stdout(output))
        .unwrap_or_else(|_| panic!("{}\n{}", stdout(output), stderr(output)));
    assert_eq!(
        (&document["version"], document["exit"].as_i64()),
        (&1.into(), output.status.code().map(i64::from))
    );
    document["workloads"].as_array().expect("a list").clone()
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
    // Between 5 and 10 not every value was tried.
    assert_eq!((&pre_stop["smallest"], &pre_stop["monotone"]), (&5.into(), &Value::Null), "{document:#}");
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

/// Two workloads: a section for each, in one document.
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
    let documents = workloads(&output);
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
    assert!(said.contains("the manifest holds as it is: there is nothing to change"), "{said}");
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
    assert!(said.contains(": none from 0 to 3 holds\n"), "{said}");
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

/// The path of the hook of examples/web-prestop.yaml.
const HOOK: &str = "spec.template.spec.containers[web].lifecycle.preStop.sleep.seconds";

/// Two names of one field would be settled one by one, each with the other's value in the text that is checked.
#[test]
fn a_field_that_is_named_twice_is_refused() {
    let of_hook = |name: &str, range: &str| {
        let path = HOOK.replace("[web]", name);
        format!("{path}={range}")
    };
    for (one, two) in [("[web]", "[web]"), ("[0]", "[web]"), ("[web]", "[0]")] {
        let sets = [of_hook(one, "0..3"), of_hook(two, "0..10")];
        let about = [
            "examples/web-prestop.yaml",
            "--property",
            "no-failed-request",
            "--set",
            &sets[0],
            "--set",
            &sets[1],
        ];
        let output = tune("tune-twice", &about);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(
            stderr(&output).contains("are one field; accepted is each field once"),
            "{}",
            stderr(&output)
        );
    }
}

/// A rolling update that takes its only pod first is broken, and one that does not holds.
#[test]
fn a_smaller_value_is_found_where_the_greatest_does_not_hold() {
    let set = "spec.strategy.rollingUpdate.maxUnavailable=0..1";
    let about =
        ["examples/web-prestop.yaml", "--set", set, "--property", "no-failed-request", "--format", "json"];
    let document = document(&tune("tune-jagged", &about));
    let setting = &document["settings"][0];
    assert_eq!((&setting["smallest"], &setting["monotone"]), (&0.into(), &false.into()), "{document:#}");
    assert_eq!(tried(setting), [(0, "holds"), (1, "broken")], "{document:#}");
    assert_eq!((&document["exit"], &document["together"]), (&0.into(), &"holds".into()), "{document:#}");
    let patch = document["patch"].as_str().expect("a patch");
    assert!(patch.contains("+      maxUnavailable: 0\n"), "{patch}");
}

/// Of a long range not every value is tried: what is said of the others is that they were not.
#[test]
fn what_was_not_tried_is_said() {
    let set = format!("{HOOK}=0..3");
    let long = "spec.template.spec.terminationGracePeriodSeconds=100..1000000";
    let about = ["examples/web-prestop.yaml", "--set", &set, "--property", "no-failed-request"];
    let said = stdout(&tune("tune-none-short", &about));
    for value in ["0  broken", "1  broken", "2  broken", "3  broken"] {
        assert!(said.contains(value), "{said}");
    }
    let about = ["examples/web.yaml", "--set", long, "--property", "no-failed-request"];
    let output = tune("tune-none-long", &about);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}{}", stderr(&output));
    let none = "none from 100 to 65533 was found to hold, and greater ones that were tried are refused; 65431 were not decided";
    assert!(said.contains(none), "{said}");
    let refused = "1000000  refused: Deployment/web: the longest time of the scenario is 1000000 ticks of 1 s, more than a clock counts (65533)";
    assert!(said.contains(refused), "{said}");
}

#[test]
fn a_value_that_no_field_can_have_is_told_the_range_of_them() {
    let output = tune("tune-too-much", &["examples/web.yaml", "--set", "spec.replicas=0..4294967295"]);
    assert_eq!(output.status.code(), Some(2));
    let says = "4294967295 is more than a field can be; accepted are whole numbers from 0 to 2147483647";
    assert!(stderr(&output).contains(says), "{}", stderr(&output));
}

#[test]
fn what_is_allowed_need_not_hold() {
    let allowed =
        ["--allow", "no-traffic-after-sigterm", "--allow", "no-misrouted-request", "--format", "json"];
    let found = document(&tune("tune-allow", &[&["examples/web.yaml"], &allowed[..]].concat()));
    assert_eq!(found["properties"], serde_json::json!(["no-failed-request", "grace-honoured"]), "{found:#}");
    let none = ["examples/web.yaml", "--property", "grace-honoured", "--allow", "grace-honoured"];
    let output = tune("tune-allow-all", &none);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains("no promise is left that has to hold"), "{}", stderr(&output));
}

/// What is searched is the same whatever the field says.
#[test]
fn a_field_that_nothing_depends_on_is_refused() {
    for (set, why) in [
        ("status.replicas=0..3", "writes its status itself"),
        ("spec.revisionHistoryLimit=0..3", "old ReplicaSets stay at size 0"),
        ("spec.revisionHistoryLimit=10..10", "old ReplicaSets stay at size 0"),
    ] {
        let about = ["examples/web-prestop.yaml", "--set", set, "--property", "no-failed-request"];
        let output = tune("tune-unread", &about);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        let says = stderr(&output);
        assert!(says.contains("nothing that is searched depends on it") && says.contains(why), "{says}");
    }
}

/// Without pods nothing is broken, and nothing is proved.
#[test]
fn no_replicas_hold_nothing() {
    for set in ["spec.replicas=0..5", "spec.replicas=0..0"] {
        let about = ["examples/web-prestop.yaml", "--set", set, "--format", "json"];
        let document = document(&tune("tune-no-pods", &about));
        let setting = &document["settings"][0];
        assert_eq!(tried(setting)[0], (0, "not-applicable"), "{document:#}");
        let is_found = set == "spec.replicas=0..5";
        // With --replicas 1 no more than one is checked.
        assert_eq!(setting["smallest"], if is_found { 1.into() } else { Value::Null }, "{document:#}");
        assert_eq!(setting["greatest-accepted"], u8::from(is_found), "{document:#}");
        assert_eq!(document["exit"], u8::from(!is_found), "{document:#}");
        assert_eq!(document["patch"].is_null(), !is_found, "{document:#}");
    }
    let said = stdout(&tune("tune-more-pods", &["examples/web-prestop.yaml", "--set", "spec.replicas=1..5"]));
    assert!(said.contains("5  refused: checked at 1, not at 5; accepted is --replicas 5 with it"), "{said}");
}

/// A story in which no pod goes says nothing of how pods go.
#[test]
fn a_premise_that_is_not_reached_proves_nothing() {
    for (about, premise) in [
        (&["--story", "create"][..], "no-traffic-after-sigterm, grace-honoured"),
        (&["--property", "disruption-budget-kept"], "disruption-budget-kept"),
    ] {
        let output = tune("tune-vacuous", &[&["examples/web.yaml"], about].concat());
        let said = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("proves nothing of {premise}: the premise is never reached")),
            "{said}"
        );
        assert!(!said.contains("+++"), "{said}");
    }
}

/// A Service that sends nobody anything, or none: only the grace is tuned.
#[test]
fn without_a_service_no_hook_is_tuned() {
    let folder = folder("tune-alone");
    let manifest = folder.join("web.yaml");
    let text_of_both = std::fs::read_to_string("examples/web.yaml").expect("an example");
    let (deployment, _) = text_of_both.split_once("---\n").expect("a Service");
    std::fs::write(&manifest, deployment).expect("written");
    let output = tune("tune-alone-traces", &[text(&manifest), "--on-sigterm", "drain=5"]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));
    assert!(said.contains("warning: no Service sends connections to its pods"), "{said}");
    assert!(
        said.contains("terminationGracePeriodSeconds: 6 s is the smallest from 0 to 30 s that holds"),
        "{said}"
    );
    assert!(!said.contains("preStop sleep of container"), "{said}");
}

/// What the model does not heed keeps a value from being called one that holds, as it does in a check.
#[test]
fn what_a_check_does_not_call_kept_is_no_value_that_holds() {
    let folder = folder("tune-paused");
    let manifest = folder.join("web.yaml");
    let before = std::fs::read_to_string("examples/web-prestop.yaml").expect("an example");
    std::fs::write(&manifest, before.replace("  replicas: 2\n", "  replicas: 2\n  paused: true\n"))
        .expect("written");
    let set = format!("{HOOK}=5..6");
    let output =
        tune("tune-paused-traces", &[text(&manifest), "--set", &set, "--property", "rollout-completes"]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("undecided: "), "{said}");
}

#[test]
fn how_much_of_the_manifest_is_checked_is_said_first() {
    let said = stdout(&tune("tune-size", &["examples/web.yaml"]));
    let first =
        "Deployment/web: 1 of the manifest's 2 replicas on node-1, node-2 (all: --replicas 2), story rollout";
    assert_eq!(said.lines().next(), Some(first));
    let mutant = stdout(&tune("tune-mutant", &["examples/web.yaml", "--mutant", "sigkill-at-once"]));
    assert!(mutant.contains("warning: the wrong rule sigkill-at-once is switched on"), "{mutant}");
}

/// What cannot be changed in the text is told as that, and not as what a value says.
#[test]
fn a_field_that_cannot_be_changed_in_the_text_is_refused() {
    let folder = folder("tune-text");
    let manifest = folder.join("web.yaml");
    let before = std::fs::read_to_string("examples/web.yaml").expect("an example");
    for (lines, says) in [
        ("          lifecycle: {preStop: }\n", "is set to nothing, and cannot be changed as it is written"),
        (
            "          lifecycle:\n            preStop:\n              exec:\n                command:\n                - sh\n                \
             - -c\n                - |\n                  sleep 1\n",
            "is a text in lines of its own, which is not changed",
        ),
    ] {
        let probe = "          readinessProbe:\n";
        std::fs::write(&manifest, before.replace(probe, &format!("{lines}{probe}"))).expect("written");
        let output = tune("tune-text-traces", &[text(&manifest)]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

/// What is so by default is not written down, and a field on which nothing depends is told to be one.
#[test]
fn a_patch_changes_something() {
    let set = "spec.minReadySeconds=0..3";
    let about = ["examples/web.yaml", "--property", "rollout-completes"];
    let output = tune("tune-default", &[&about[..], &["--set", set]].concat());
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("0 is the smallest from 0 to 3 that holds"), "{said}");
    assert!(said.contains("every value that was tried holds: nothing that has to hold"), "{said}");
    let nothing = "the manifest holds as it is: there is nothing to change";
    assert!(said.contains(nothing) && !said.contains("+++"), "{said}");
    // Where nothing depends on a field, the least value of a range is no better than what the manifest has, or does not have.
    let said =
        stdout(&tune("tune-no-default", &[&about[..], &["--set", "spec.minReadySeconds=1..3"]].concat()));
    assert!(said.contains("the manifest does not set it, which holds too, and is left as it is"), "{said}");
    assert!(said.contains(nothing) && !said.contains("+++"), "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("web.yaml");
    let before = std::fs::read_to_string("examples/web.yaml").expect("it is there");
    let with = before.replacen("spec:\n", "spec:\n  minReadySeconds: 3\n", 1);
    std::fs::write(&manifest, with).expect("written");
    let about = [text(&manifest), "--property", "rollout-completes", "--set", "spec.minReadySeconds=0..3"];
    let said = stdout(&tune("tune-kept", &about));
    assert!(said.contains("the manifest has 3, which holds too and is left as it is"), "{said}");
    assert!(said.contains(nothing) && !said.contains("+++"), "{said}");
}

/// The container that serves may be called `1` and stand first.
#[test]
fn a_name_that_is_a_number_is_a_name() {
    let folder = folder("tune-numbers");
    let manifest = folder.join("web.yaml");
    let before = std::fs::read_to_string("examples/web.yaml").expect("an example");
    let hook = |seconds: u32| {
        format!("          lifecycle: {{preStop: {{exec: {{command: [sh, -c, \"sleep {seconds}\"]}}}}}}\n")
    };
    let other = format!("        - name: \"0\"\n          image: other\n{}", hook(9));
    let probe = "          readinessProbe:\n";
    let with = before
        .replace("        - name: web\n", "        - name: \"1\"\n")
        .replace(probe, &format!("{}{probe}", hook(2)))
        .replace("              port: http\n---", &format!("              port: http\n{other}---"));
    std::fs::write(&manifest, with).expect("written");
    let output = tune("tune-numbers-traces", &[text(&manifest), "--property", "no-failed-request"]);
    let said = stdout(&output);
    assert!(
        said.contains("preStop sleep of container 1: 5 s is the smallest from 0 to 10 s that holds"),
        "{said}"
    );
    assert!(said.contains("sleep 5") && !said.contains("sleep 9"), "{said}");
}

/// A value that avoids what breaks a promise is not one on which nothing depends.
#[test]
fn what_the_manifest_breaks_depends_on_the_field() {
    let set = format!("{HOOK}=5..6");
    let about = ["examples/web.yaml", "--property", "no-failed-request", "--set", &set];
    let said = stdout(&tune("tune-all-hold", &about));
    assert!(said.contains("5 is the smallest from 5 to 6 that holds") && said.contains("+++"), "{said}");
    assert!(!said.contains("nothing that has to hold was seen to depend on it"), "{said}");
}

/// That 5 s of grace cannot be decided takes nothing from the 7 s that hold, nor from the sleep.
#[test]
fn what_was_found_to_hold_is_kept_where_a_smaller_value_cannot_be_decided() {
    let human = stdout(&tune("tune-kept", &["examples/web.yaml", "--max-states", "3370"]));
    let says = "terminationGracePeriodSeconds: 7 s is the smallest from 0 to 30 s that was found to hold; 6 below it were not decided";
    assert!(human.contains(says), "{human}");
    assert!(human.contains("+                seconds: 5\n"), "{human}");
}
