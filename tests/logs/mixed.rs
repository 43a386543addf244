//! Audit policies of several levels: some requests are in the log with their answers, others without, and of others only that they were.

use podproof_conform::report::{Report, Verdict};
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, folders, judge, line, read, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

fn user(event: &Value) -> &str {
    event["user"]["username"].as_str().unwrap_or_default()
}

fn is_by_user(event: &Value) -> bool {
    user(event) == "rig-admin"
}

fn why(report: &Report) -> String {
    report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default()
}

/// The audit log alone, where the requests of which this holds are of level Request, or, without their body, of level Metadata.
fn lowered(files: &Files, level: &str, is: impl Fn(&Value) -> bool) -> Files {
    let mut files = files.clone();
    files.retain(|name, _| name == AUDIT);
    edit(&mut files, AUDIT, |event| {
        if event["level"] == "RequestResponse" && is(event) {
            event["level"] = json!(level);
            let fields = event.as_object_mut().expect("an event");
            fields.remove("responseObject");
            if level == "Metadata" {
                fields.remove("requestObject");
            }
        }
    });
    files
}

/// Who is at level Request: a user, or a component.
const WHO: [fn(&Value) -> bool; 5] = [
    is_by_user,
    |event| !is_by_user(event),
    |event| user(event).starts_with("system:node:"),
    |event| user(event).starts_with("system:serviceaccount:kube-system:"),
    |event| user(event) == "system:kube-scheduler",
];

/// What a request without an answer left is known by what others are answered with.
#[test]
fn some_may_be_without_their_answers() {
    for folder in folders("recordings") {
        let files = read(&folder);
        for (number, is) in WHO.iter().enumerate() {
            let report = judge(&lowered(&files, "Request", is), MOST);
            let (name, first) = (folder.display(), report.first_unexplained());
            assert_ne!(report.verdict(), Verdict::Unexplained, "{name} {number}: {first:?}");
            // What users label and taint there is more than the log shows of the nodes.
            let is_known = report.verdict() == Verdict::Lawful || folder.ends_with("20-unschedulable");
            assert!(is_known, "{name} {number}: {first:?} {:?}", report.tally.left_out);
        }
    }
}

/// A pod that a user creates without an answer is the one that its kubelet reports.
#[test]
fn lies_about_what_users_create_without_an_answer_are_found_out() {
    for number in ["02", "06", "12"] {
        let mut files = lowered(&recording(number), "Request", is_by_user);
        let is_binding = |event: &Value| event["objectRef"]["subresource"] == "binding";
        let binding = line(&files, AUDIT, is_binding);
        files.get_mut(AUDIT).expect("there is one").remove(binding);
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Unexplained, "{number}: {}", why(&report));
    }
}

/// At level Metadata nobody knows that a deletion was forced, and so not when the pod was gone.
#[test]
fn how_long_a_deletion_gives_may_not_be_in_the_log() {
    for number in ["15", "22"] {
        let is_deletion = |event: &Value| is_by_user(event) && event["verb"] == "delete";
        let report = judge(&lowered(&recording(number), "Metadata", is_deletion), MOST);
        assert_eq!(report.verdict(), Verdict::Incomplete, "{number}: {}", why(&report));
        assert!(why(&report).contains("how long the deletion of"), "{number}: {}", why(&report));
    }
}

/// Of what is too large the API server leaves out both objects, and says so in an annotation.
#[test]
fn what_was_too_large_is_as_at_level_metadata() {
    let mut files = recording("06");
    files.retain(|name, _| name == AUDIT);
    let is_deployment = |event: &Value| event["objectRef"]["resource"] == "deployments" && is_by_user(event);
    let last = line(&files, AUDIT, is_deployment);
    let text = &mut files.get_mut(AUDIT).expect("there is one")[last];
    let mut event: Value = serde_json::from_str(text).expect("JSON");
    event["level"] = json!("Request");
    event["annotations"]["audit.k8s.io/truncated"] = json!("true");
    let fields = event.as_object_mut().expect("an event");
    fields.retain(|field, _| !["requestObject", "responseObject"].contains(&field.as_str()));
    *text = event.to_string();
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete, "{}", why(&report));
}
