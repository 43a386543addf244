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
