//! Audit policies that leave out a resource as a whole, and watches of some resources only.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, folders, judge, read, recording, time};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// Takes out the writes of a resource, or of a subresource of it.
fn without(files: &Files, resource: &str, subresource: Option<&str>) -> Files {
    let mut files = files.clone();
    files.remove("client.jsonl");
    let is = |line: &String| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let reference = &event["objectRef"];
        let own = reference["subresource"].as_str().unwrap_or_default();
        reference["resource"] == resource && subresource.is_none_or(|subresource| subresource == own)
    };
    files.get_mut(AUDIT).expect("there is one").retain(|line| !is(line));
    files
}

/// What may be left out, with a recording in which that is missed, and what is said of it.
const LEFT_OUT: [(&str, Option<&str>, &str, &str); 13] = [
    ("replicasets", None, "06", "no ReplicaSet is written"),
    ("replicasets", Some(""), "06", "no ReplicaSet is created or scaled"),
    ("replicasets", Some("status"), "06", "no status of a ReplicaSet is written"),
    ("deployments", None, "06", "no Deployment is written"),
    ("pods", Some(""), "06", "no pod is created"),
    ("pods", Some("binding"), "06", "no pod is bound"),
    ("pods", Some("status"), "06", "no kubelet writes the status of a pod"),
    ("pods", Some("eviction"), "12", "no pod is evicted"),
    ("poddisruptionbudgets", Some("status"), "12", "no status of a budget is written"),
    ("nodes", Some("status"), "07", "no status of a node is written"),
    ("nodes", None, "07", "no taint of a node is written"),
    ("nodes", Some(""), "16", "no taint of a node is written"),
    ("endpointslices", None, "06", "no EndpointSlice with endpoints is written"),
];

/// Kubelets write most of the statuses, and a policy may leave out those of theirs.
#[test]
fn what_a_policy_leaves_out_of_kubelets_is_said() {
    for (resource, says) in [
        ("pods", "no kubelet writes the status of a pod"),
        ("nodes", "no kubelet writes the status of its node"),
    ] {
        let mut files = recording("07");
        files.remove("client.jsonl");
        let is = |line: &String| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            let by_kubelet =
                event["user"]["username"].as_str().is_some_and(|user| user.starts_with("system:node:"));
            let reference = &event["objectRef"];
            by_kubelet && reference["resource"] == resource && reference["subresource"] == "status"
        };
        files.get_mut(AUDIT).expect("there is one").retain(|line| !is(line));
        let report = judge(&files, MOST);
        let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
        assert_eq!(report.verdict(), Verdict::Incomplete, "{resource}: {why}");
        assert!(why.contains(says), "{resource}: {why}");
    }
}

#[test]
fn what_a_policy_leaves_out_as_a_whole_is_said() {
    for (resource, subresource, number, says) in LEFT_OUT {
        let report = judge(&without(&recording(number), resource, subresource), MOST);
        let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
        let name = format!("{number} without {resource} {subresource:?}");
        assert_eq!(report.verdict(), Verdict::Incomplete, "{name}: {why}");
        assert!(why.contains(&format!("the log leaves something out: {says}")), "{name}: {why}");
        assert!(report.world.warnings.iter().any(|warning| warning.contains(says)), "{name}");
    }
}

/// A log that is whole leaves nothing out.
#[test]
fn nothing_is_missed_in_a_whole_log() {
    for folder in folders("recordings") {
        let report = judge(&read(&folder), MOST);
        let warnings = &report.world.warnings;
        assert!(warnings.iter().all(|says| !says.contains("leaves something out")), "{warnings:?}");
    }
}

/// A policy leaves out a resource: what two namespaces have one sign of each is missed in both.
#[test]
fn what_is_written_nowhere_is_missed_everywhere() {
    let lines =
        |number| without(&recording(number), "pods", Some("binding")).remove(AUDIT).expect("there is one");
    let mut both: Vec<String> = ["05", "10"].into_iter().flat_map(lines).collect();
    both.sort_by_key(|line| time(line));
    let report = judge(&Files::from([(AUDIT.to_owned(), both)]), MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete, "{:?}", report.first_unexplained());
}

/// One binding that is missing was not made.
#[test]
fn one_write_that_is_missing_is_no_policy() {
    let report = judge(&without(&recording("01"), "pods", Some("binding")), MOST);
    assert_eq!(report.verdict(), Verdict::Unexplained);
}

/// A kubelet runs its only pod from a file: nothing can be followed, and everything is counted.
#[test]
fn a_log_of_mirrors_alone_is_incomplete() {
    let mut files = recording("01");
    files.retain(|name, _| name == AUDIT);
    edit(&mut files, AUDIT, |event| {
        let object = &mut event["responseObject"];
        if object["kind"] == "Pod" {
            object["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
        }
    });
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete);
    assert!(report.followed.is_empty());
    let counted: u64 = report.tally.outside().values().sum();
    assert_eq!(report.tally.entries, counted + report.tally.explained());
    assert!(report.world.not_modelled.iter().any(|found| found.why.contains("from a file")));
}
