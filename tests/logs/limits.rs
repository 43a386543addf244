//! How many old ReplicaSets a Deployment keeps is asked for beside what the model has: a change of that changes nothing else, and
//! ReplicaSets without pods go.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, line, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// The recordings of Deployments that are rolled out.
const ROLLOUTS: [&str; 4] = ["05", "06", "17", "36"];

fn is_of_deployment(event: &Value) -> bool {
    event["responseObject"]["kind"] == "Deployment"
}

/// One more request at the end of the audit log, made of the last of which this holds.
fn ask(files: &mut Files, like: impl Fn(&Value) -> bool, change: impl FnOnce(&mut Value)) {
    let like = line(files, AUDIT, like);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let parse = |line: &String| serde_json::from_str::<Value>(line).expect("JSON");
    let time = |line: &String| parse(line)["stageTimestamp"].as_str().expect("a time").to_owned();
    let last: jiff::Timestamp = lines.iter().map(time).max().expect("a line").parse().expect("a time");
    let mut event = parse(&lines[like]);
    for (field, after) in [("requestReceivedTimestamp", 1_000), ("stageTimestamp", 2_000)] {
        let at = jiff::Timestamp::from_microsecond(last.as_microsecond() + after).expect("a time");
        event[field] = json!(format!("{at:.6}"));
    }
    event["auditID"] = json!(format!("one more, number {}", lines.len()));
    change(&mut event);
    lines.push(event.to_string());
}

/// Its controller removes a ReplicaSet: the last that was written of which this holds.
fn remove_set(files: &mut Files, is: impl Fn(&Value) -> bool) {
    let is_set =
        |event: &Value| event["responseObject"]["kind"] == "ReplicaSet" && is(&event["responseObject"]);
    let mut uid = json!("");
    ask(files, is_set, |event| {
        uid = event["responseObject"]["metadata"]["uid"].clone();
        event["user"]["username"] = json!("system:serviceaccount:kube-system:deployment-controller");
        event["verb"] = json!("delete");
        event["objectRef"].as_object_mut().expect("an object").remove("subresource");
        event["requestObject"] = json!({"kind": "DeleteOptions", "propagationPolicy": "Background"});
        event["responseStatus"]["code"] = json!(200);
        event["responseObject"] = json!({"kind": "Status", "status": "Success", "details": {"uid": uid}});
    });
}

/// A user asks for no old ReplicaSets, once all is done.
fn limit(files: &mut Files) {
    ask(files, is_of_deployment, |event| {
        event["user"]["username"] = json!("admin");
        event["verb"] = json!("patch");
        event["objectRef"].as_object_mut().expect("an object").remove("subresource");
        event["requestObject"] = json!({"spec": {"revisionHistoryLimit": 0}});
        let object = &mut event["responseObject"];
        object["spec"]["revisionHistoryLimit"] = json!(0);
        object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        object["metadata"].as_object_mut().expect("an object").remove("resourceVersion");
    });
}

fn said(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default())
}

#[test]
fn a_limit_that_is_changed_with_the_template_changes_nothing() {
    for number in ROLLOUTS {
        let mut files = recording(number);
        let rollout = line(&files, AUDIT, |event| is_of_deployment(event) && event["verb"] == "patch");
        let mut seen = 0;
        edit(&mut files, AUDIT, |event| {
            if seen >= rollout && is_of_deployment(event) {
                event["responseObject"]["spec"]["revisionHistoryLimit"] = json!(1);
            }
            seen += 1;
        });
        let broken = judge(&recording(number), MOST).broken().clone();
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{number}: {:?}", report.first_unexplained());
        assert_eq!(*report.broken(), broken, "{number}");
    }
}

#[test]
fn an_old_replica_set_goes_when_the_limit_says_so() {
    for number in ROLLOUTS {
        let mut files = recording(number);
        limit(&mut files);
        remove_set(&mut files, |set| set["spec"]["replicas"] == 0);
        assert_eq!(said(&files), (Verdict::Lawful, String::new()), "{number}");
    }
}

/// Whatever the limit is, one that still has pods stays (`pkg/controller/deployment/deployment_controller.go`, `cleanupDeployment`).
#[test]
fn a_replica_set_with_pods_does_not_go() {
    for number in ROLLOUTS {
        let mut files = recording(number);
        limit(&mut files);
        remove_set(&mut files, |set| set["spec"]["replicas"] != 0);
        let (verdict, why) = said(&files);
        assert_eq!(verdict, Verdict::Unexplained, "{number}: {why}");
        assert!(why.contains("a Deployment removes no ReplicaSet that has pods"), "{number}: {why}");
    }
}
