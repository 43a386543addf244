//! Which files are read: folders of manifests, and what is said of a file that another command takes.

use std::fs;

use crate::run::{folder, podproof, stderr, stdout, text};

const TRACE: &str = "traces/corpus/witness/rollout-that-completes.json";
const LOG: &str = "tests/recordings/01-create-pod";
const MANIFEST: &str = "examples/web.yaml";

#[test]
fn a_folder_stands_for_the_manifests_in_it() {
    let own = folder("manifests");
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n"
        )
    };
    fs::write(own.join("b.yaml"), pod("second")).expect("it can be written");
    fs::write(own.join("a.yml"), pod("first")).expect("it can be written");
    fs::write(own.join("README.md"), "no manifest").expect("it can be written");
    let output = podproof(&["check", text(&own), "--story", "create", "--only", "untimed"]);
    let report = stdout(&output);
    let places = ["Pod/first: 1 replica", "Pod/second: 1 replica"].map(|says| report.find(says));
    assert!(places[0] < places[1] && places[0].is_some(), "{report}{}", stderr(&output));
    let same = own.join("a.yml");
    let output = podproof(&["check", text(&own), "--report", &format!("json={}", text(&same))]);
    assert!(stderr(&output).contains("which is read"), "{}", stderr(&output));
}

/// A pipe gives its text once: the search, what is advised and the patch are of the same text.
#[test]
#[cfg(unix)]
fn a_manifest_is_read_once() {
    let folder = folder("read-once");
    let pipe = folder.join("web.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let traces = folder.join("traces");
    let about = ["--story", "rollout", "--property", "no-failed-request", "--replicas", "1"];
    let about = [&["check", text(&pipe), "--trace-dir", text(&traces)], &about[..]].concat();
    for more in [&[][..], &["--remedy"]] {
        let mut child = crate::run::command(&[&about[..], more].concat()).spawn().expect("it runs");
        fs::write(&pipe, fs::read(MANIFEST).expect("an example")).expect("somebody reads");
        let begin = std::time::Instant::now();
        while child.try_wait().expect("it can be waited for").is_none() {
            if begin.elapsed() > std::time::Duration::from_secs(120) {
                let _ = child.kill();
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let output = child.wait_with_output().expect("it has ended");
        let said = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{more:?}: {said}{}", stderr(&output));
        assert_eq!(said.contains("+++ "), !more.is_empty(), "the patch of what was read: {said}");
        assert!(!said.contains("looks for the smallest change"), "it cannot be typed again: {said}");
    }
}

/// Nodes of the input are taken, and another number is not ignored silently.
#[test]
fn a_number_of_nodes_that_the_input_contradicts_is_refused() {
    let own = folder("given-nodes");
    let node = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nstatus: {{allocatable: {{cpu: 3, memory: 8Gi, pods: 20}}}}\n"
        )
    };
    fs::write(own.join("nodes.yaml"), [node("a"), node("b")].join("---\n")).expect("it can be written");
    fs::copy(MANIFEST, own.join("web.yaml")).expect("copied");
    let about = ["--story", "create", "--property", "placement-lawful", "--replicas", "1", "--nodes"];
    for command in ["check", "simulate"] {
        let output = podproof(&[&[command, text(&own)], &about[..], &["5"]].concat());
        assert_eq!(output.status.code(), Some(2), "{command}: {}", stdout(&output));
        let says = "--nodes 5 has no effect on input with Node objects, which are the 2 nodes";
        assert!(stderr(&output).contains(says), "{command}: {}", stderr(&output));
    }
    // A command that a trace names says what is so.
    let output = podproof(&[&["check", text(&own)], &about[..], &["2"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_file_of_another_command_is_told_with_the_command_that_takes_it() {
    let own = folder("mistaken");
    let log = own.join("audit.jsonl");
    fs::write(&log, "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\"}\n").expect("it can be written");
    let log = text(&log);
    for (arguments, what, command) in [
        (["check", TRACE].as_slice(), "this is a trace", "podproof trace show"),
        (&["tune", TRACE], "this is a trace", "podproof trace show"),
        (&["check", log], "this is a log", "podproof conform"),
        (&["trace", "show", log], "this is a log", "podproof conform"),
        (&["trace", "show", MANIFEST], "this is a manifest", "podproof check"),
        (&["conform", MANIFEST], "this is a manifest", "podproof check"),
        (&["conform", TRACE], "this is a trace", "podproof trace show"),
        (&["conform", "--manifests", TRACE, LOG], "this is a trace", "podproof trace show"),
    ] {
        let output = podproof(arguments);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(what) && message.contains(command), "{arguments:?}: {message}");
    }
}
