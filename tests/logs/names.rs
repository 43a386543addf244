//! Whose object is whose: names that are taken, UIDs that are of another, and who may ask for what; with answers and without.

use podproof_conform::report::Verdict;
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

/// The removal of 02 is asked for once more by somebody else, so long after the first was received, and answered so long after that was.
fn removed_twice(received: i64, answered: i64) -> podproof_conform::report::Report {
    let mut files = recording("02");
    files.remove("client.jsonl");
    let removed =
        line(&files, AUDIT, |event| event["objectRef"]["resource"] == "pods" && event["verb"] == "delete");
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut event: Value = serde_json::from_str(&lines[removed]).expect("JSON");
    let time = |field: &str| {
        event[field].as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time").as_microsecond()
    };
    let text = |at: i64| json!(format!("{:.6}", jiff::Timestamp::from_microsecond(at).expect("a time")));
    let (from, to) = (time("requestReceivedTimestamp"), time("stageTimestamp"));
    assert!(to - from > 1_000, "another can be received meanwhile");
    event["requestReceivedTimestamp"] = text(from + received);
    event["stageTimestamp"] = text(to + answered);
    event["auditID"] = json!("again");
    event["user"]["username"] = json!("rig-admin");
    lines.insert(removed + 1, event.to_string());
    judge(&files, MOST)
}

/// Of two that remove a pod at once both may be granted (DEL-7); nobody removes it after that.
#[test]
fn two_may_remove_a_pod_at_once() {
    let report = removed_twice(500, 2_000);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    let report = removed_twice(2_000_000, 2_000_000);
    assert_eq!(report.verdict(), Verdict::Unexplained);
}

/// A virtual kubelet reports what it runs under a name of its own, and so does whoever edits a status by hand.
#[test]
fn a_status_that_somebody_else_writes_is_not_modelled() {
    let by = |user: &str| {
        let mut files = recording("01");
        files.retain(|name, _| name == AUDIT);
        edit(&mut files, AUDIT, |event| {
            let by_kubelet =
                event["user"]["username"].as_str().is_some_and(|name| name.starts_with("system:node:"));
            if by_kubelet
                && event["objectRef"]["subresource"] == "status"
                && event["objectRef"]["resource"] == "pods"
            {
                event["user"]["username"] = json!(user);
            }
        });
        judge(&files, MOST)
    };
    let report = by("system:serviceaccount:kube-system:aci-connector-linux");
    assert_ne!(report.verdict(), Verdict::Unexplained, "{:?}", report.first_unexplained());
    let outside = report.tally.outside();
    assert!(outside.keys().any(|what| what.contains("that others write")), "{outside:?}");
    let report = by("system:serviceaccount:kube-system:replicaset-controller");
    assert_eq!(report.verdict(), Verdict::Unexplained, "a controller of Kubernetes writes none");
}

#[test]
fn so_is_one_of_a_replica_set() {
    let mut files = recording("06");
    files.remove("client.jsonl");
    edit(&mut files, AUDIT, |event| {
        if event["objectRef"]["resource"] == "replicasets" && event["objectRef"]["subresource"] == "status" {
            event["user"]["username"] = json!("somebody");
        }
    });
    let report = judge(&files, MOST);
    assert_ne!(report.verdict(), Verdict::Unexplained, "{:?}", report.first_unexplained());
    let outside = report.tally.outside();
    assert!(
        outside.keys().any(|what| what.contains("statuses of ReplicaSets that others write")),
        "{outside:?}"
    );
}
