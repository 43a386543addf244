//! What `tune` and `check --remedy` say beside their result: what it does not prove, what nothing depends on, and patches as they are
//! applied.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::run::{command, folder, podproof, stderr, stdout, text};

/// Tunes one replica of a manifest, with its traces in a folder of the test.
fn tune(test: &str, arguments: &[&str]) -> Output {
    let traces = folder(test).join("traces");
    podproof(&[&["tune", "--replicas", "1", "--trace-dir", text(&traces)], arguments].concat())
}

/// An example with some lines changed, in a folder of the test.
fn changed(test: &str, example: &str, changes: &[(&str, &str)]) -> std::path::PathBuf {
    let manifest = folder(test).join("web.yaml");
    let text = std::fs::read_to_string(example).expect("an example");
    let change = |text: String, (old, new): &(&str, &str)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    };
    std::fs::write(&manifest, changes.iter().fold(text, change)).expect("written");
    manifest
}

/// With a host port the new pod waits on the only node for the old one, which waits for the new one: nothing fails, as nothing happens.
#[test]
fn a_value_that_keeps_the_story_from_its_end_does_not_hold() {
    let set = "spec.template.spec.containers[web].ports[http].hostPort=1..2";
    let about =
        ["examples/web-prestop.yaml", "--nodes", "1", "--property", "no-failed-request", "--set", set];
    let output = tune("says-stuck", &about);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(": none from 1 to 2 holds\n"), "{said}");
    let why = "1  proves nothing: the story, rollout, never comes to its end, ";
    assert!(said.contains(why) && !said.contains("+++"), "{said}");
    let output = tune("says-stuck-json", &[&about[..], &["--format", "json"]].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).expect("one document");
    let trial = &document["workloads"][0]["settings"][0]["tried"][0];
    assert_eq!(trial["verdict"], "not-applicable", "{document:#}");
    assert_eq!(trial["stories-without-end"], serde_json::json!(["rollout"]), "{document:#}");
}

/// A budget of one on the only node lets one pod go, whose replacement has no node: the drain waits for ever, and no request fails.
#[test]
fn a_check_of_a_story_that_never_ends_says_so() {
    let traces = folder("says-endless");
    let about = ["check", "examples/web-pdb.yaml", "--story", "drain", "--property", "no-failed-request"];
    let said = stdout(&podproof(&[&about[..], &["--nodes", "1", "--trace-dir", text(&traces)]].concat()));
    assert!(said.contains("holds no-failed-request"), "{said}");
    let warning =
        "warning: the story, drain, never comes to its end here, so nothing was tried that comes after it";
    assert!(said.contains(warning), "{said}");
    // Who does not find it out says so.
    let safety = ["check", "examples/web-pdb.yaml", "--story", "drain", "--nodes", "1"];
    let safety = [&safety[..], &["--property", "placement-lawful", "--trace-dir", text(&traces)]].concat();
    for (engine, says) in [
        ("--partial-order", "warning: whether the story, drain, comes to its end is not known"),
        (
            "--engine=stateright-bfs",
            "warning: stateright tells neither which steps it took nor whether the story, drain,",
        ),
    ] {
        let said = stdout(&podproof(&[&safety[..], &[engine]].concat()));
        assert!(said.contains(says), "{engine}: {said}");
    }
    let about =
        ["check", "examples/web-prestop.yaml", "--story", "pod-deletion", "--property", "grace-honoured"];
    let said = stdout(&podproof(&[&about[..], &["--nodes", "1", "--replicas", "1"]].concat()));
    assert!(said.contains("holds grace-honoured") && !said.contains("never comes to its end"), "{said}");
}

#[test]
fn a_change_may_break_what_was_not_asked_for() {
    let traces = folder("says-unasked");
    let about = ["check", "examples/web.yaml", "--replicas", "1", "--story", "rollout", "--remedy"];
    let remedy = |more: &[&str]| {
        let output = podproof(&[&about[..], &["--trace-dir", text(&traces)], more].concat());
        stdout(&output)
    };
    let of_one = remedy(&["--property", "no-failed-request"]);
    let line = "not asked for, so that it is not known whether it breaks one: no-traffic-after-sigterm, ";
    let line = of_one.lines().find(|said| said.trim_start().starts_with(line)).expect("a line");
    assert!(line.contains("rollout-completes") && !line.contains("no-failed-request"), "{line}");
    assert!(!line.contains("pods-within-surge"), "an expectation is no promise: {line}");
    let of_all = remedy(&[]);
    assert!(of_all.contains("remedy: preStop sleep") && !of_all.contains("not asked for"), "{of_all}");
}

/// The promises without clocks know nothing of how long a sleep takes.
#[test]
fn a_sleep_that_nothing_depends_on_is_left_as_it_is() {
    let about = ["examples/web-prestop.yaml", "--only", "safety", "--only", "untimed"];
    let said = stdout(&tune("says-untimed", &about));
    let hook = "  preStop sleep of container web: 0 s is the smallest from 0 to 10 s that holds\n    the manifest has 5 s, which holds too \
                and is left as it is\n    every value that was tried holds: nothing that has to hold was seen to depend on it\n";
    assert!(said.contains(hook), "{said}");
    assert!(!said.contains("seconds: 0"), "{said}");
}

/// The least values are refused, as a deadline has to be later than a pod can be available.
#[test]
fn nothing_depends_on_a_field_although_its_least_values_are_refused() {
    let about = ["examples/web.yaml", "--property", "rollout-completes"];
    let set = ["--set", "spec.progressDeadlineSeconds=0..40"];
    let output = tune("says-deadline", &[&about[..], &set].concat());
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));
    assert!(said.contains("     0  refused: ") || said.contains("   0  refused: "), "{said}");
    assert!(said.contains("nothing that has to hold was seen to depend on it"), "{said}");
    assert!(said.contains("there is nothing to change") && !said.contains("+++"), "{said}");
}

/// One value is accepted, and what the manifest does not set holds as well.
#[test]
fn nothing_depends_on_a_field_of_which_one_value_is_accepted() {
    let deadline = ("  replicas: 2\n", "  replicas: 2\n  progressDeadlineSeconds: 9\n");
    let manifest = changed("says-one", "examples/web.yaml", &[deadline]);
    let about = [text(&manifest), "--property", "rollout-completes", "--set", "spec.minReadySeconds=8..12"];
    let said = stdout(&tune("says-one-traces", &about));
    assert!(said.contains("8 is the smallest from 8 to 8 that holds"), "{said}");
    assert!(said.contains("the manifest does not set it, which holds too, and is left as it is"), "{said}");
    assert!(said.contains("there is nothing to change") && !said.contains("+++"), "{said}");
}

/// Two replicas are the manifest's, and one is checked: that two hold as well is not known.
#[test]
fn what_is_not_checked_as_the_manifest_has_it_is_not_said_to_hold() {
    let about =
        ["examples/web-prestop.yaml", "--property", "no-failed-request", "--set", "spec.replicas=1..1"];
    let said = stdout(&tune("says-replicas", &about));
    assert!(said.contains("1 is the smallest from 1 to 1 that holds") && said.contains("+++"), "{said}");
    assert!(!said.contains("which holds too"), "{said}");
}

/// With this wrong rule nothing is evicted from a node that fails.
#[test]
fn steps_that_were_never_taken_are_told() {
    let wrong = ["--story", "node-failure", "--mutant", "taint-eviction-never-fires"];
    let set = ["--property", "placement-lawful", "--set", "spec.minReadySeconds=0..1"];
    let said = stdout(&tune("says-never", &[&["examples/web.yaml"], &wrong[..], &set].concat()));
    let warning = "warning: story node-failure, untimed: never taken, so what depends on it was not tried: taint-eviction/delete-pod";
    assert!(said.contains(warning), "{said}");
}

#[test]
fn that_no_container_is_killed_is_not_asked_of_one_that_ignores_sigterm() {
    let about = ["examples/web-prestop.yaml", "--on-sigterm", "ignore", "--max-states", "10"];
    let said = stdout(&tune("says-ignore", &about));
    let warning = "warning: a process ignores SIGTERM, and gets SIGKILL whatever the grace is";
    assert!(said.contains(warning) && !said.contains(", and no container gets SIGKILL"), "{said}");
    let said = stdout(&tune("says-exit", &["examples/web-prestop.yaml", "--max-states", "10"]));
    assert!(!said.contains(warning) && said.contains(", and no container gets SIGKILL"), "{said}");
}

/// What a value is refused for stands in the file as it is, wherever it is in the text with that value.
#[test]
fn a_refused_value_is_told_with_its_place_in_the_file() {
    let deadline = ("  replicas: 2\n", "  replicas: 2\n  progressDeadlineSeconds: 9\n");
    let manifest = changed("says-place", "examples/web.yaml", &[deadline]);
    let lines = std::fs::read_to_string(&manifest).expect("it is there");
    let line = lines.lines().position(|line| line.contains("progressDeadlineSeconds")).expect("a line") + 1;
    let about = [text(&manifest), "--property", "rollout-completes"];
    let output = tune("says-place-traces", &[&about[..], &["--set", "spec.minReadySeconds=8..12"]].concat());
    let said = stdout(&output);
    assert!(said.contains("12  refused: "), "{said}{}", stderr(&output));
    assert!(said.contains(&format!("web.yaml:{line}:")), "{said}");
    assert!(!said.contains(&format!("web.yaml:{}:", line + 1)), "{said}");
}

/// A file of Windows whose last line has no end.
#[test]
fn a_patch_can_be_applied_as_it_is_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = std::fs::read_to_string("examples/web.yaml").expect("an example");
    let (deployment, service) = before.split_once("---\n").expect("two objects");
    // The end of the Deployment is the end of the file, so that both marks stand in the patch.
    let written = format!("{service}---\n{deployment}").replace('\n', "\r\n");
    let written = written.trim_end();
    let apply = |format: &str, patch: &[u8]| {
        let manifest = folder.path().join("web.yaml");
        std::fs::write(&manifest, written).expect("written");
        std::fs::write(folder.path().join("web.patch"), patch).expect("written");
        let applied = git(folder.path(), &["apply", "--whitespace=nowarn", "web.patch"]);
        assert!(
            applied.status.success(),
            "{format}: {}\n{}",
            stderr(&applied),
            String::from_utf8_lossy(patch)
        );
        let after = std::fs::read_to_string(&manifest).expect("it is there");
        let hook = "          lifecycle:\r\n            preStop:\r\n              sleep:\r\n                seconds: 5";
        assert!(after.ends_with(hook), "{format}: {after}");
    };
    let about = ["--replicas", "1", "--story", "rollout", "--property", "no-failed-request", "--remedy"];
    let check = |more: &[&str]| {
        std::fs::write(folder.path().join("web.yaml"), written).expect("written");
        let arguments = [&["check", "web.yaml"], &about[..], more].concat();
        command(&arguments).current_dir(folder.path()).output().expect("it runs").stdout
    };
    // What stands around a patch is none of it.
    apply("human", &check(&[]));
    apply("markdown", &check(&["--format", "markdown"]));
    let trace = "podproof-traces/deployment-web-rollout-no-failed-request-timed.json";
    let shown = command(&["trace", "show", trace]).current_dir(folder.path()).output().expect("it runs");
    apply("trace show", &shown.stdout);
}

fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git").current_dir(folder).args(arguments).output().expect("git is installed")
}

/// Two files that were joined without a line break between them are read as two, and changed as two.
#[test]
fn a_file_that_was_joined_is_tuned() {
    let joined = ("port: http\n---\n", "port: http---\n");
    let manifest = changed("says-joined", "examples/web.yaml", &[joined]);
    let about = [text(&manifest), "--property", "no-failed-request"];
    let output = tune("says-joined-traces", &about);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));
    let patch = "               port: http---\n+          lifecycle:\n";
    assert!(said.contains("5 s is the smallest") && said.contains("+                seconds: 5\n"), "{said}");
    assert!(!said.contains(patch), "it stands before the end of the first file: {said}");
}

/// The help of each command tells what is so where nothing is said.
#[test]
fn the_help_tells_the_defaults_that_are_so() {
    let help = |command: &[&str]| {
        let said = stdout(&podproof(&[command, &["--help"]].concat()));
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let option = |help: &str, name: &str| {
        let (_, rest) = help.split_once(name).unwrap_or_else(|| panic!("{name}: {help}"));
        let (_, default) = rest.split_once("[default: ").unwrap_or_else(|| panic!("{name}: {help}"));
        default.split_once(']').expect("an end").0.to_owned()
    };
    let walk = help(&["trace", "from-walk"]);
    let output = podproof(&["trace", "from-walk", "1", "examples/web-fleet.yaml"]);
    let trace: Value = serde_json::from_str(&stdout(&output)).expect("a trace");
    let scenario = &trace["scenario"];
    assert_eq!(scenario["story"], option(&walk, "--story <NAME>").as_str(), "{walk}");
    assert_eq!(option(&walk, "--replicas <N>"), "those of the manifest");
    let manifest = std::fs::read_to_string("examples/web-fleet.yaml").expect("an example");
    let replicas = scenario["workload"]["replicas"].as_u64().expect("a number");
    assert!(manifest.contains(&format!("replicas: {replicas}\n")), "{replicas}");
    let nodes = scenario["nodes"].as_array().expect("a list").len();
    assert_eq!((replicas, nodes), (50, 20));
    assert!(option(&walk, "--nodes <N>").contains("50 run on 20"), "{walk}");
    let check = help(&["check"]);
    assert_eq!(option(&check, "--story <NAME>"), "rollout, drain and node-failure");
    let explore = help(&["explore"]);
    let story = option(&explore, "--story <NAME>");
    assert!(story.starts_with("rollout of a Deployment, else pod-deletion"), "{story}");
}
