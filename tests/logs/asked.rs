//! Requests that ask in another way for what is known, or for nothing: dry runs, the deletion of a collection; and those whose answer
//! says nothing.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge, line, recording, time};

/// States that an entry may cost.
const MOST: u64 = 20_000;

fn verdict(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The deletion of a pod by a user.
fn is_deletion(event: &Value) -> bool {
    let reference = &event["objectRef"];
    event["verb"] == "delete" && reference["resource"] == "pods" && event["user"]["username"] == "rig-admin"
}

/// Changes the last line of which this holds.
fn change(files: &mut Files, is: impl Fn(&Value) -> bool, change: impl FnOnce(&mut Value)) {
    let last = line(files, AUDIT, is);
    let text = &mut files.get_mut(AUDIT).expect("there is one")[last];
    let mut event = parsed(text);
    change(&mut event);
    *text = event.to_string();
}

/// The same request with this body two seconds before, when the pod is not Ready yet.
fn tried_before(files: &Files, body: &Value) -> Files {
    let mut files = files.clone();
    let deletion = line(&files, AUDIT, is_deletion);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut event = parsed(&lines[deletion]);
    event["auditID"] = json!("tried");
    event["requestObject"] = body.clone();
    event["responseObject"]["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    for field in ["requestReceivedTimestamp", "stageTimestamp"] {
        let at: jiff::Timestamp = event[field].as_str().expect("a time").parse().expect("a time");
        let before = jiff::Timestamp::from_microsecond(at.as_microsecond() - 2_000_000).expect("a time");
        event[field] = json!(format!("{before:.6}"));
    }
    lines.push(event.to_string());
    files
}

/// `kubectl delete --dry-run=server` says it in the body of its request.
#[test]
fn a_dry_run_deletes_nothing() {
    let files = recording("02");
    let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]});
    assert_eq!(verdict(&tried_before(&files, &body)), (Verdict::Lawful, String::new()));
    let in_earnest = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
    assert_eq!(verdict(&tried_before(&files, &in_earnest)).0, Verdict::Unexplained);
}

/// The API server deletes what it has listed, and answers with that.
fn at_once(event: &mut Value) {
    let mut pod = event["responseObject"].take();
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        pod["metadata"].as_object_mut().expect("metadata").remove(field);
    }
    event["verb"] = json!("deletecollection");
    event["user"]["username"] = json!("system:serviceaccount:kube-system:namespace-controller");
    event["objectRef"].as_object_mut().expect("a reference").remove("name");
    event["responseObject"] = json!({"kind": "PodList", "apiVersion": "v1", "items": [pod]});
}

#[test]
fn pods_are_deleted_with_their_collection() {
    for number in ["02", "04", "11", "28"] {
        let mut files = recording(number);
        change(&mut files, is_deletion, at_once);
        assert_eq!(verdict(&files), (Verdict::Lawful, String::new()), "{number}");
    }
    let mut files = recording("02");
    change(&mut files, is_deletion, |event| {
        at_once(event);
        event["responseObject"] = json!({"kind": "Status", "apiVersion": "v1", "status": "Success"});
    });
    let (verdict, why) = verdict(&files);
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(why.contains("deletions of collections"), "{why}");
}

/// What etcd answers too late it may have done.
#[test]
fn a_write_that_fails_within_the_api_server_leaves_doubt() {
    for (code, expected) in [(504, Verdict::Incomplete), (403, Verdict::Unexplained)] {
        let mut files = recording("02");
        change(&mut files, is_deletion, |event| {
            event["responseStatus"] = json!({"metadata": {}, "status": "Failure", "code": code});
            event["responseObject"] = json!({"kind": "Status", "apiVersion": "v1", "code": code});
        });
        assert_eq!(verdict(&files).0, expected, "{code}");
    }
}

/// The log ends while a write is under way that another depends on.
#[test]
fn what_depends_on_a_write_that_is_not_answered_yet_leaves_doubt() {
    let mut files = recording("05");
    let mut times: Vec<i64> = files[AUDIT].iter().map(|line| time(line)).collect();
    times.sort_unstable();
    let end = times[times.len() / 2];
    for lines in files.values_mut() {
        lines.retain(|line| {
            let value = parsed(line);
            time(line) + value["d_us"].as_i64().unwrap_or_default() <= end
        });
    }
    let (verdict, why) = verdict(&files);
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(why.contains("answered later"), "{why}");
}

/// Neither do counts of pods: that one of them is Ready may be answered after the log has ended.
#[test]
fn counts_of_what_is_not_answered_yet_leave_doubt() {
    let mut files = recording("08");
    files.retain(|name, _| *name == AUDIT);
    let answered = |text: &str| parsed(text)["stageTimestamp"].as_str().unwrap_or_default().to_owned();
    let counts =
        |text: &str| parsed(text)["objectRef"]["subresource"] == "status" && text.contains("replicasets");
    let ends: Vec<String> =
        files[AUDIT].iter().filter(|text| counts(text)).map(|text| answered(text)).collect();
    let mut doubts = 0;
    for end in ends {
        let mut files = files.clone();
        files.get_mut(AUDIT).expect("there is one").retain(|text| answered(text) <= end);
        let (verdict, why) = verdict(&files);
        assert_ne!(verdict, Verdict::Unexplained, "the log up to {end}: {why}");
        doubts += usize::from(why.contains("it counts") && why.contains("answered later"));
    }
    assert!(doubts > 0, "one counts a pod whose kubelet is not answered yet");
}
