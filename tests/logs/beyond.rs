//! What the model does not have: of what comes after it nothing is said for sure; and what it has all the same.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, line, make_room, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

const FAULTS: &str = "faults.jsonl";

fn is_binding(event: &Value) -> bool {
    event["objectRef"]["subresource"] == "binding"
}

/// Takes the last binding out.
fn without_binding(files: &mut Files) {
    let last = line(files, AUDIT, is_binding);
    files.get_mut(AUDIT).expect("there is one").remove(last);
}

/// The verdict, and why the first entry is unexplained that is.
fn said(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default())
}

/// A recording without its last binding, which nothing explains.
fn unexplained(name: &str) -> Files {
    let mut files = recording(name);
    without_binding(&mut files);
    assert_eq!(said(&files).0, Verdict::Unexplained, "{name}");
    files
}

/// What is not explained is not sure either, for this reason.
fn leaves_doubt(files: &Files, reason: &str) {
    let (verdict, why) = said(files);
    assert_eq!(verdict, Verdict::Incomplete, "{why}");
    assert!(why.contains(reason), "{why}");
}

#[test]
fn after_a_fault_that_the_model_does_not_have_nothing_is_sure() {
    let mut files = unexplained("06");
    let mut fault: Value = serde_json::from_str(&files[FAULTS][0]).expect("JSON");
    fault["fault"] = json!("fill-disk");
    // What the API server was asked for is in the audit log, whatever it is called here.
    let mut asked_for = files.clone();
    asked_for.get_mut(FAULTS).expect("there are some").insert(0, fault.to_string());
    assert_eq!(said(&asked_for).0, Verdict::Unexplained);
    fault.as_object_mut().expect("an object").remove("code");
    files.get_mut(FAULTS).expect("there are some").insert(0, fault.to_string());
    leaves_doubt(&files, "fault fill-disk");
}

/// A change of the pod that is Ready first by this user, written right after that.
fn with_change_of_a_pod(files: &Files, user: &str, change: impl Fn(&mut Value)) -> Files {
    let mut files = files.clone();
    make_room(&mut files);
    let is_ready = |event: &Value| {
        let conditions = event["responseObject"]["status"]["conditions"].as_array();
        let is = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
        event["objectRef"]["resource"] == "pods" && conditions.is_some_and(|all| all.iter().any(is))
    };
    let audit = files.get_mut(AUDIT).expect("there is one");
    let parsed = |line: &String| serde_json::from_str::<Value>(line).expect("JSON");
    let ready = audit.iter().position(|line| is_ready(&parsed(line))).expect("one is Ready");
    let mut event = parsed(&audit[ready]);
    event["auditID"] = json!("change");
    event["user"] = json!({"username": user});
    event["userAgent"] = json!("x");
    event["objectRef"].as_object_mut().expect("an object").remove("subresource");
    event["requestObject"] = Value::Null;
    let metadata = &mut event["responseObject"]["metadata"];
    let version: u64 = metadata["resourceVersion"].as_str().expect("a version").parse().expect("a number");
    metadata["resourceVersion"] = json!((version + 1).to_string());
    change(&mut event["responseObject"]);
    audit.insert(ready + 1, event.to_string());
    files
}

/// Its kubelet stops a container whose image is changed, and starts it anew.
#[test]
fn after_another_image_nothing_is_sure() {
    let files = unexplained("06");
    let image = |pod: &mut Value| pod["spec"]["containers"][0]["image"] = json!("another");
    leaves_doubt(&with_change_of_a_pod(&files, "rig-admin", image), "the image of a container of");
    assert_eq!(said(&with_change_of_a_pod(&files, "rig-admin", |_| {})).0, Verdict::Unexplained);
}

/// A controller patches what it owns to say so, or that it does no more.
#[test]
fn after_an_adoption_nothing_is_sure() {
    let files = unexplained("06");
    let controller = "system:serviceaccount:kube-system:replicaset-controller";
    leaves_doubt(&with_change_of_a_pod(&files, controller, |_| {}), "is adopted or released");
}

/// Pods with conditions that somebody has to set are Ready at times that the model does not know; and some fail for their age.
#[test]
fn of_pods_with_gates_or_a_deadline_nothing_is_sure() {
    let grace = "\"terminationGracePeriodSeconds\":";
    for (name, field, reason) in [
        ("06", "\"readinessGates\":[{\"conditionType\":\"example.com/x\"}],", "readinessGates"),
        ("01", "\"activeDeadlineSeconds\":600,", "activeDeadlineSeconds"),
    ] {
        let mut files = unexplained(name);
        let lines = files.get_mut(AUDIT).expect("there is one");
        let replaced = lines.iter().map(|line| line.replace(grace, &format!("{field}{grace}")));
        let replaced: Vec<String> = replaced.collect();
        assert_ne!(*lines, replaced);
        *lines = replaced;
        leaves_doubt(&files, reason);
    }
}

/// In 1.20 a pod fails, and is stopped then.
#[test]
fn an_eviction_by_a_kubelet_of_an_old_release_is_lawful() {
    let mut files = recording("01");
    let is_status = |event: &Value| {
        let by_kubelet =
            event["user"]["username"].as_str().is_some_and(|name| name.starts_with("system:node:"));
        by_kubelet
            && event["objectRef"]["resource"] == "pods"
            && event["objectRef"]["subresource"] == "status"
    };
    let last = line(&files, AUDIT, is_status);
    let fail = |reason: Option<&str>, files: &mut Files| {
        let text = &mut files.get_mut(AUDIT).expect("there is one")[last];
        let mut event: Value = serde_json::from_str(text).expect("JSON");
        event["requestObject"] = Value::Null;
        let status = &mut event["responseObject"]["status"];
        status["phase"] = json!("Failed");
        status["reason"] = json!(reason);
        status["containerStatuses"] = json!([]);
        let conditions = status["conditions"].as_array_mut().expect("conditions");
        conditions
            .retain(|one| !["Ready", "ContainersReady"].contains(&one["type"].as_str().unwrap_or_default()));
        *text = event.to_string();
    };
    fail(None, &mut files);
    assert_eq!(said(&files).0, Verdict::Unexplained);
    fail(Some("Evicted"), &mut files);
    assert_eq!(said(&files), (Verdict::Lawful, String::new()));
}

/// In 1.20 a pod that ends by itself is Succeeded before its sandbox has stopped.
#[test]
fn the_end_of_a_pod_of_an_old_release_is_reported_before_its_sandbox_stops() {
    for number in ["21", "28"] {
        let mut files = recording(number);
        for file in ["runtime-node-a.jsonl", "runtime-node-b.jsonl"] {
            edit(&mut files, file, |event| {
                if event["kind"] == "sandbox" && event["topic"] == "/tasks/exit" {
                    for field in ["t_us", "ev_us"] {
                        event[field] = json!(event[field].as_i64().expect("a time") + 700_000);
                    }
                    event.as_object_mut().expect("an event").remove("exited_at");
                }
            });
        }
        assert_eq!(said(&files).0, Verdict::Lawful, "{number}: {}", said(&files).1);
    }
}

/// Between two connections to a runtime its events are lost, unless its machine was off.
#[test]
fn a_runtime_that_nobody_listens_to_leaves_doubt() {
    let mut files = recording("02");
    let lines = files.get_mut("runtime-node-a.jsonl").expect("there is one");
    let is_start = |line: &String| line.contains("/tasks/start") && line.contains("\"container\"");
    let start = lines.iter().position(is_start).expect("a container starts");
    let mut lost: Value = serde_json::from_str(&lines[start]).expect("JSON");
    lines.remove(start);
    assert_eq!(said(&files).0, Verdict::Unexplained);
    lost = json!({"node": "node-a", "t_us": lost["t_us"], "topic": "RIG_DISCONNECTED"});
    files.get_mut("runtime-node-a.jsonl").expect("there is one").insert(start, lost.to_string());
    leaves_doubt(&files, "lost it");
}

/// The last EndpointSlice says of one more pod that it is not Ready.
fn with_a_wrong_slice(files: &mut Files) {
    let is_slice = |event: &Value| {
        event["objectRef"]["resource"] == "endpointslices" && event["responseObject"]["endpoints"].is_array()
    };
    let last = line(files, AUDIT, is_slice);
    let text = &mut files.get_mut(AUDIT).expect("there is one")[last];
    let mut event: Value = serde_json::from_str(text).expect("JSON");
    event["responseObject"]["endpoints"][0]["conditions"]["ready"] = json!(false);
    *text = event.to_string();
}

/// Whatever keeps a component running starts it again: it goes on with what it lists, and is not excused by that.
#[test]
fn components_that_are_killed_come_back() {
    for fault in ["sigkill-kcm", "sigterm-kcm", "sigkill-scheduler", "sigterm-scheduler"] {
        let mut files = recording("06");
        let lines = files.get_mut(FAULTS).expect("there are some");
        let mut event: Value = serde_json::from_str(lines.last().expect("a fault")).expect("JSON");
        event["fault"] = json!(fault);
        event["target"] = json!("host");
        for field in ["t_us", "end_us"] {
            event[field] = json!(event[field].as_i64().expect("a time") + 2_500_000);
        }
        lines.push(event.to_string());
        assert_eq!(said(&files), (Verdict::Lawful, String::new()), "{fault}");
        with_a_wrong_slice(&mut files);
        assert_eq!(said(&files).0, Verdict::Unexplained, "{fault}");
    }
}

#[test]
fn a_template_counts_when_its_deployment_goes_on() {
    let mut files = recording("05");
    let is_rollout =
        |event: &Value| event["objectRef"]["resource"] == "deployments" && event["verb"] == "patch";
    let at = line(&files, AUDIT, is_rollout);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut paused: Value = serde_json::from_str(&lines[at]).expect("JSON");
    paused["auditID"] = json!("paused");
    let received = paused["requestReceivedTimestamp"].as_str().expect("a time").to_owned();
    let received: jiff::Timestamp = received.parse().expect("a time");
    let before = |micros: i64| json!((received - jiff::SignedDuration::from_micros(micros)).to_string());
    paused["requestReceivedTimestamp"] = before(20_000);
    paused["stageTimestamp"] = before(10_000);
    let object = &mut paused["responseObject"];
    object["spec"]["paused"] = json!(true);
    object["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    lines.insert(at, paused.to_string());
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    assert!(report.tally.outside().keys().all(|what| !what.contains("paused")));
}

/// Who is no longer selected by its ReplicaSet is replaced.
#[test]
fn labels_that_change_leave_doubt() {
    let mut files = recording("06");
    edit(&mut files, AUDIT, |event| {
        let object = &mut event["responseObject"];
        if object["kind"] == "Pod" && object["status"]["phase"] == "Running" {
            object["metadata"]["labels"]["app"] = json!("other");
        }
    });
    without_binding(&mut files);
    leaves_doubt(&files, "has as labels");
}

/// What somebody writes of a slice by hand the rules follow, and the controller takes it back by and by.
#[test]
fn after_a_slice_that_somebody_writes_by_hand_nothing_is_sure() {
    let files = recording("06");
    let controller = "system:serviceaccount:kube-system:endpointslice-controller";
    let of_slices = files[AUDIT].iter().enumerate().filter(|(_, line)| line.contains(controller));
    let mut doubts = 0;
    for (place, line) in of_slices {
        let mut files = files.clone();
        files.get_mut(AUDIT).expect("there is one")[place] = line.replace(controller, "somebody");
        let (verdict, why) = said(&files);
        assert_ne!(verdict, Verdict::Unexplained, "{why}");
        doubts += usize::from(why.contains("EndpointSlices that others write"));
    }
    assert!(doubts > 0);
}

/// Whoever removes one is answered with a Status, and the controller makes another.
#[test]
fn after_a_slice_that_somebody_removes_nothing_is_sure() {
    let mut files = unexplained("06");
    let lines = files.get_mut(AUDIT).expect("there is one");
    let is_slice =
        |line: &String| line.contains("\"ready\":true") && line.contains("endpointslice-controller");
    let place = lines.iter().position(is_slice).expect("a slice with an endpoint");
    let mut event: Value = serde_json::from_str(&lines[place]).expect("JSON");
    let removed = event["responseObject"]["metadata"]["uid"].as_str().expect("a UID").to_owned();
    let another = format!("another-{}", &removed[8..]);
    for line in &mut lines[place + 1..] {
        *line = line.replace(&removed, &another);
    }
    event["objectRef"]["name"] = event["responseObject"]["metadata"]["name"].clone();
    event["verb"] = json!("delete");
    event["user"]["username"] = json!("somebody");
    event["auditID"] = json!("removal");
    event["requestObject"] = Value::Null;
    event["responseObject"] = json!({"kind": "Status", "metadata": {}});
    lines.insert(place + 1, event.to_string());
    leaves_doubt(&files, "the removal of EndpointSlices");
}
