//! Pods of Jobs: a finalizer keeps the object until the Job has counted it, whatever their kubelets have done by then.

use podproof_conform::report::{Report, Verdict};
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, later, line, make_room, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

fn is_removal(event: &Value) -> bool {
    let user = event["user"]["username"].as_str().unwrap_or_default();
    event["objectRef"]["resource"] == "pods" && event["verb"] == "delete" && user.starts_with("system:node:")
}

/// The last event of this kind, and where it stands.
fn event_of(files: &Files, is: impl Fn(&Value) -> bool) -> (usize, Value) {
    let at = line(files, AUDIT, is);
    (at, serde_json::from_str(&files[AUDIT][at]).expect("JSON"))
}

fn newer(event: &mut Value, by: u64) {
    let version = &mut event["responseObject"]["metadata"]["resourceVersion"];
    let number: u64 = version.as_str().expect("a version").parse().expect("a number");
    *version = json!((number + by).to_string());
}

/// The life of a pod with the finalizer, which is taken so many microseconds after its kubelet has removed it; and a report so long after
/// that, if there is one.
fn released(after: i64, reported: Option<i64>) -> Report {
    let mut files = recording("02");
    files.remove("client.jsonl");
    make_room(&mut files);
    edit(&mut files, AUDIT, |event| {
        for field in ["requestObject", "responseObject"] {
            if event[field]["kind"] == "Pod" && event[field]["metadata"].is_object() {
                event[field]["metadata"]["finalizers"] = json!([FINALIZER]);
            }
        }
    });
    let (at, removal) = event_of(&files, is_removal);
    let (_, report) = event_of(&files, |event| {
        event["objectRef"]["resource"] == "pods" && event["objectRef"]["subresource"] == "status"
    });
    let mut release = removal;
    release["verb"] = json!("patch");
    release["auditID"] = json!("release");
    release["user"]["username"] = json!("system:serviceaccount:kube-system:job-controller");
    release["requestObject"] = json!({"metadata": {"finalizers": null}});
    release["responseObject"]["metadata"].as_object_mut().expect("metadata").remove("finalizers");
    newer(&mut release, 2);
    later(&mut release, after);
    let lines = files.get_mut(AUDIT).expect("there is one");
    if let Some(reported) = reported {
        let mut again = report;
        for field in ["requestReceivedTimestamp", "stageTimestamp"] {
            again[field] = release[field].clone();
        }
        again["auditID"] = json!("again");
        again["responseObject"]["metadata"] = release["responseObject"]["metadata"].clone();
        newer(&mut again, 1);
        later(&mut again, reported);
        lines.insert(at + 1, again.to_string());
    }
    lines.insert(at + 1, release.to_string());
    lines.sort_by_key(|line| crate::files::time(line));
    judge(&files, MOST)
}

#[test]
fn a_pod_of_a_job_is_gone_when_its_finalizer_is() {
    let report = released(700_000, None);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}

#[test]
fn nobody_writes_it_after_that() {
    let report = released(700_000, Some(800_000));
    assert_eq!(report.verdict(), Verdict::Unexplained);
    let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
    assert!(why.contains("of a pod that is gone"), "{why}");
}
