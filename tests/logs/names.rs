//! Whose object is whose: names that are taken, UIDs that are of another, and who may ask for what; with answers and without.

use podproof_conform::run::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, line, recording, without_answers};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// The recording with this change is unexplained for this reason, with answers and without.
fn is_found_out(number: &str, why: &str, falsify: impl Fn(&mut Files)) {
    let mut files = recording(number);
    files.remove("client.jsonl");
    falsify(&mut files);
    for (level, files) in [("RequestResponse", files.clone()), ("Request", without_answers(files))] {
        let report = judge(&files, MOST);
        let said = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
        assert_eq!(report.verdict(), Verdict::Unexplained, "{number} at level {level}: {said}");
        assert!(said.contains(why), "{number} at level {level}: {said}");
    }
}

fn is_creation(event: &Value) -> bool {
    event["objectRef"]["resource"] == "pods"
        && event["verb"] == "create"
        && event["objectRef"]["subresource"].is_null()
}

#[test]
fn a_name_is_taken_until_its_pod_is_gone() {
    is_found_out("02", "whose name is taken", |files| {
        let (first, later) = (
            line(files, AUDIT, is_creation),
            line(files, AUDIT, |event| event["objectRef"]["subresource"] == "status"),
        );
        let lines = files.get_mut(AUDIT).expect("there is one");
        let mut again: Value = serde_json::from_str(&lines[first]).expect("JSON");
        let then: Value = serde_json::from_str(&lines[later]).expect("JSON");
        for field in ["requestReceivedTimestamp", "stageTimestamp"] {
            again[field] = then["stageTimestamp"].clone();
        }
        again["auditID"] = json!("again");
        again["responseObject"]["metadata"]["uid"] = json!("another");
        again["responseObject"]["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
        lines.insert(later + 1, again.to_string());
    });
}

#[test]
fn a_pod_of_a_replica_set_has_its_name() {
    is_found_out("06", "does not begin with that of its ReplicaSet", |files| {
        edit(files, AUDIT, |event| {
            if is_creation(event) {
                for field in ["requestObject", "responseObject"] {
                    event[field]["metadata"]["generateName"] = json!("other-");
                }
            }
        });
    });
}

/// With answers such a report shows another pod, which the log never shows whole.
#[test]
fn a_report_of_another_uid_is_refused() {
    let mut files = recording("02");
    let last = line(&files, AUDIT, |event| event["objectRef"]["subresource"] == "status");
    let line = &mut files.get_mut(AUDIT).expect("there is one")[last];
    let mut event: Value = serde_json::from_str(line).expect("JSON");
    event["requestObject"]["metadata"]["uid"] = json!("another");
    *line = event.to_string();
    let report = judge(&without_answers(files), MOST);
    assert_eq!(report.verdict(), Verdict::Unexplained);
    assert!(report.first_unexplained().is_some_and(|found| found.why.contains("has another UID")));
}

#[test]
fn no_controller_of_pods_evicts_them() {
    is_found_out("12", "does not evict pods", |files| {
        edit(files, AUDIT, |event| {
            if event["objectRef"]["subresource"] == "eviction" {
                event["user"]["username"] =
                    json!("system:serviceaccount:kube-system:endpointslice-controller");
            }
        });
    });
}

/// Server-side apply creates by a patch, and so does whatever deploys with it.
#[test]
fn an_object_that_a_patch_creates_was_not_there_before() {
    let mut files = recording("06");
    files.remove("client.jsonl");
    edit(&mut files, AUDIT, |event| {
        if event["user"]["username"] == "rig-admin" && event["verb"] == "create" {
            event["verb"] = json!("patch");
            event["responseStatus"]["code"] = json!(201);
        }
    });
    for files in [files.clone(), without_answers(files)] {
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
        assert!(report.followed.iter().all(|one| one.replay.led().is_empty()), "it begins in the log");
    }
}

/// Nobody writes what is gone, and what is removed does not come back.
#[test]
fn a_pod_that_is_gone_is_not_written() {
    let again = |resource: &'static str, after: i64| {
        let mut files = recording("02");
        let (removed, write) = (
            line(&files, AUDIT, |event| {
                event["objectRef"]["resource"] == "pods" && event["verb"] == "delete"
            }),
            line(&files, AUDIT, |event| event["objectRef"]["subresource"] == "status"),
        );
        let lines = files.get_mut(AUDIT).expect("there is one");
        let last: Value = serde_json::from_str(&lines[removed]).expect("JSON");
        let mut event: Value = serde_json::from_str(&lines[write]).expect("JSON");
        for field in ["requestReceivedTimestamp", "stageTimestamp"] {
            event[field] = last[field].clone();
        }
        crate::files::later(&mut event, after);
        event["auditID"] = json!("again");
        if resource == "eviction" {
            event["verb"] = json!("create");
            event["objectRef"]["subresource"] = json!("eviction");
            event["user"]["username"] = json!("rig-admin");
            event["responseStatus"]["code"] = json!(201);
            event["requestObject"] = json!({"kind": "Eviction"});
            event["responseObject"] = json!({"kind": "Status"});
        } else {
            let version = &mut event["responseObject"]["metadata"]["resourceVersion"];
            let newest = last["responseObject"]["metadata"]["resourceVersion"].as_str().expect("a version");
            *version = json!((newest.parse::<u64>().expect("a number") + 1).to_string());
        }
        lines.insert(removed + 1, event.to_string());
        judge(&files, MOST)
    };
    for what in ["status", "eviction"] {
        let report = again(what, 2_000_000);
        assert_eq!(report.verdict(), Verdict::Unexplained, "{what}");
        assert!(report.first_unexplained().is_some_and(|found| found.why.contains("gone")), "{what}");
    }
}
