//! What is seen of pods that are not there yet, or no more.

use std::path::PathBuf;

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, folders, judge, later, line, read, recording, time, without_answers};

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

/// Who runs a pod that somebody else removed, or asked to stop, may not know it.
#[test]
fn a_pod_that_was_removed_by_somebody_else_may_start_again() {
    let by = |name: &'static str| {
        move |event: &mut Value| {
            event["user"]["username"] = json!(name);
            event["userAgent"] = json!("kubectl/v1.20.2");
        }
    };
    let in_time = |event: &mut Value| event["requestObject"]["gracePeriodSeconds"] = json!(30);
    let changes: [&dyn Fn(&mut Value); 3] = [&by("somebody"), &by("system:node:node-b"), &in_time];
    for change in changes {
        let mut files = started_again(200);
        let audit = files.get_mut(AUDIT).expect("there is one");
        let removal = line_of_removal(audit);
        let mut event = parsed(&audit[removal]);
        change(&mut event);
        audit[removal] = event.to_string();
        let report = judge(&files, MOST);
        let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
        assert!(!why.contains("STM-6"), "{why}");
    }
}

/// A client may say a UID of what it creates, as whoever creates a pod from what it was before, and kubelets of their static pods; the API
/// server gives it another.
#[test]
fn what_a_client_says_of_the_uid_of_a_new_pod_does_not_count() {
    let mut files = recording("02");
    let audit = files.get_mut(AUDIT).expect("there is one");
    let creation = line_of_creation(audit);
    let mut event = parsed(&audit[creation]);
    let old = json!("0d85c1f2-7f50-4d0e-9d9e-3a8f6c1b2a10");
    event["objectRef"]["uid"] = old.clone();
    event["requestObject"]["metadata"]["uid"] = old.clone();
    audit[creation] = event.to_string();
    let runtime = files.get_mut(RUNTIME).expect("there is one");
    let of_old =
        runtime.iter().map(|line| parsed(line)).filter(|event| event["uid"].is_string()).map(|mut event| {
            for field in ["t_us", "ev_us"] {
                event[field] = json!(event[field].as_i64().expect("a time") - 25 * SECOND);
            }
            event["uid"] = old.clone();
            event.to_string()
        });
    let of_old: Vec<String> = of_old.collect();
    runtime.extend(of_old);
    runtime.sort_by_key(|line| time(line));
    for files in [without_answers(files.clone()), files] {
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    }
}

fn line_of_creation(audit: &[String]) -> usize {
    let files = Files::from([(AUDIT.to_owned(), audit.to_vec())]);
    line(&files, AUDIT, |event| {
        let of = &event["objectRef"];
        event["verb"] == "create" && of["resource"] == "pods" && of.get("subresource").is_none()
    })
}

/// A watch with a selector tells of a pod as new when the selector begins to match it.
#[test]
fn what_a_watch_calls_new_may_have_been_there() {
    let is_of = |folder: &&PathBuf| folder.ends_with("11-init-and-helper");
    let mut files = read(folders("watches").iter().find(is_of).expect("there is one"));
    files.extend(recording("11").into_iter().filter(|(name, _)| name.starts_with("runtime-")));
    assert!(files.keys().any(|name| name.starts_with("runtime-")));
    let is_ready = |line: &String| {
        let conditions = parsed(line)["event"]["object"]["status"]["conditions"].take();
        let is = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
        conditions.as_array().is_some_and(|all| all.iter().any(is))
    };
    let pods = files.get_mut("pods.jsonl").expect("there is one");
    let ready = pods.iter().position(is_ready).expect("it becomes Ready");
    let mut first = parsed(&pods[ready]);
    first["event"]["type"] = json!("ADDED");
    pods.splice(1..=ready, [first.to_string()]);
    let report = judge(&files, MOST);
    let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
    assert!(!why.contains("got its UID now"), "{why}");
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

/// The writes of slices with endpoints, by their places.
fn slices(files: &Files) -> Vec<usize> {
    let is = |line: &String| {
        let event = parsed(line);
        event["objectRef"]["resource"] == "endpointslices"
            && !event["responseObject"]["endpoints"][0].is_null()
    };
    let lines = files[AUDIT].iter().enumerate();
    lines.filter(|(_, line)| is(line)).map(|(place, _)| place).collect()
}

/// The last write of the slice leaves a pod in it that was removed, as the write before had it: in whatever order, nothing has changed.
#[test]
fn a_slice_is_not_written_as_it_was() {
    for only_audit in [false, true] {
        let mut files = recording("04");
        files.retain(|name, _| !only_audit || name == AUDIT);
        let slices = slices(&files);
        let audit = files.get_mut(AUDIT).expect("there is one");
        let [.., before, last] = slices[..] else { panic!("there are several") };
        let (known, mut event) = (parsed(&audit[before]), parsed(&audit[last]));
        let mut endpoints = known["responseObject"]["endpoints"].clone();
        endpoints.as_array_mut().expect("endpoints").reverse();
        event["responseObject"]["endpoints"] = endpoints;
        event["requestObject"] = Value::Null;
        audit[last] = event.to_string();
        is_unexplained(&files, "it is as it was");
    }
}

/// A later one still names the pod, while something else changes.
#[test]
fn no_slice_names_a_pod_that_was_removed_long_before() {
    let mut files = recording("04");
    files.retain(|name, _| name == AUDIT);
    let slices = slices(&files);
    let [.., before, last] = slices[..] else { panic!("there are several") };
    let audit = files.get_mut(AUDIT).expect("there is one");
    let (known, mut event) = (parsed(&audit[before]), parsed(&audit[last]));
    event["responseObject"]["endpoints"] = known["responseObject"]["endpoints"].clone();
    event["responseObject"]["metadata"]["generation"] = json!(100);
    event["responseObject"]["metadata"]["resourceVersion"] = json!("1000000");
    event["auditID"] = json!("later");
    event["requestObject"] = Value::Null;
    later(&mut event, 8 * SECOND);
    let at = event["stageTimestamp"].clone();
    audit.retain(|line| parsed(line)["stageTimestamp"].as_str() < at.as_str());
    audit.push(event.to_string());
    is_unexplained(&files, "which was removed");
}
