//! What is seen of pods that are not there yet, or no more.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge, later, line, recording, time};

/// States that an entry may cost.
const MOST: u64 = 20_000;
/// What the runtime of the node told on which the pod of recording 02 runs.
const RUNTIME: &str = "runtime-node-a.jsonl";
const SECOND: i64 = 1_000_000;

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}

/// How the pod of recording 02 was started, told once more so many seconds later.
fn started_again(seconds: i64) -> Files {
    let mut files = recording("02");
    let runtime = files.get_mut(RUNTIME).expect("there is one");
    let is_start = |event: &Value| {
        ["/containers/create", "/tasks/create", "/tasks/start"].iter().any(|topic| event["topic"] == *topic)
    };
    let again = runtime.iter().map(|line| parsed(line)).filter(is_start).map(|mut event| {
        for field in ["t_us", "ev_us"] {
            event[field] = json!(event[field].as_i64().expect("a time") + seconds * SECOND);
        }
        event.to_string()
    });
    let again: Vec<String> = again.collect();
    assert!(again.len() > 3, "{} lines", again.len());
    runtime.extend(again);
    runtime.sort_by_key(|line| time(line));
    files
}

#[track_caller]
fn is_unexplained(files: &Files, says: &str) {
    let report = judge(files, MOST);
    assert_eq!(report.verdict(), Verdict::Unexplained);
    let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
    assert!(why.contains(says), "{why}");
}

/// STM-6: a kubelet removes a pod when it has finished with it.
#[test]
fn nothing_of_a_pod_starts_that_its_kubelet_has_removed() {
    assert_eq!(judge(&recording("02"), MOST).verdict(), Verdict::Lawful);
    is_unexplained(&started_again(200), "having finished with it (STM-6)");
}

/// Who runs a pod that somebody else removed may not know it.
#[test]
fn a_pod_that_was_removed_by_somebody_else_may_start_again() {
    let mut files = started_again(200);
    let audit = files.get_mut(AUDIT).expect("there is one");
    let removal = line_of_removal(audit);
    let mut event = parsed(&audit[removal]);
    event["user"]["username"] = json!("somebody");
    event["userAgent"] = json!("kubectl/v1.20.2");
    audit[removal] = event.to_string();
    let report = judge(&files, MOST);
    let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
    assert!(!why.contains("STM-6"), "{why}");
}

fn line_of_removal(audit: &[String]) -> usize {
    let files = Files::from([(AUDIT.to_owned(), audit.to_vec())]);
    line(&files, AUDIT, |event| event["verb"] == "delete" && event["objectRef"]["resource"] == "pods")
}

#[test]
fn nothing_of_a_pod_starts_before_its_creation() {
    is_unexplained(&started_again(-20), "it got its UID now");
}

#[test]
fn no_pod_is_bound_before_its_creation() {
    let mut files = recording("02");
    files.retain(|name, _| name == AUDIT);
    let audit = files.get_mut(AUDIT).expect("there is one");
    let again = |event: &Value, seconds: i64| {
        let mut event = event.clone();
        event["auditID"] = json!(format!("{seconds} s later"));
        later(&mut event, seconds * SECOND);
        event.to_string()
    };
    let events: Vec<Value> = audit.iter().map(|line| parsed(line)).collect();
    let of = |field: &str, value: &str| {
        let is = |event: &&Value| event["objectRef"][field] == value;
        events.iter().find(is).expect("there is one")
    };
    audit.push(again(of("subresource", "binding"), -200));
    // By then nobody follows it.
    audit.extend((1..60).map(|number| again(of("resource", "leases"), -3 * number)));
    audit.sort_by_key(|line| time(line));
    is_unexplained(&files, "it got its UID now");
}
