//! Logs that were read wrongly once: each is lawful, or not, for a reason that is easily overlooked.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

fn verdict(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), format!("{:?}", report.first_unexplained()))
}

/// Whoever ships a log may deliver a line more than once.
#[test]
fn a_line_that_was_delivered_twice_is_one() {
    let mut files = recording("05");
    files.remove("client.jsonl");
    let lines = files.get_mut(AUDIT).expect("there is one");
    *lines = lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
    let (verdict, why) = verdict(&files);
    assert_eq!(verdict, Verdict::Lawful, "{why}");
}

/// The first that this log shows of node-b is that somebody taints it. Pods that came there before did nothing wrong.
#[test]
fn a_node_that_is_first_seen_as_it_is_tainted_had_no_taint() {
    let audit = recording("13").remove(AUDIT).expect("there is one");
    let (verdict, why) = verdict(&Files::from([(AUDIT.to_owned(), audit)]));
    assert_eq!(verdict, Verdict::Lawful, "{why}");
}

/// Of what clients saw nothing can be said without the rules of their nodes, or without what containers did.
#[test]
fn connections_are_not_judged_without_what_they_depend_on() {
    for missing in ["proxy-node-a.jsonl", "app.jsonl", "runtime-node-a.jsonl"] {
        let mut files = recording("06");
        files.remove(missing).expect("it was there");
        let (verdict, why) = verdict(&files);
        assert_eq!(verdict, Verdict::Lawful, "without {missing}: {why}");
    }
}

#[test]
fn an_answer_by_a_pod_that_never_was_has_no_moment() {
    let mut files = recording("06");
    assert_eq!(judge(&files, MOST).verdict(), Verdict::Lawful);
    edit(&mut files, "client.jsonl", |line| line["pod"] = json!("web-66596999bf-ghost"));
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete);
    assert!(report.connections[0].unexplained > 1_000);
}

/// Before the workload somebody else may have been behind the Service, but none of its pods.
#[test]
fn an_answer_by_a_pod_that_was_not_created_yet_has_no_moment() {
    for (pod, expected) in [(None, Verdict::Incomplete), (Some("web-66596999bf-ghost"), Verdict::Lawful)] {
        let mut files = recording("06");
        let lines = files.get_mut("client.jsonl").expect("there is one");
        let is_answer = |event: &Value| event["pod"].as_str().is_some_and(|pod| pod.starts_with("web-"));
        let all = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let mut early = all.into_iter().find(is_answer).expect("one is answered");
        early["t_us"] = json!(early["t_us"].as_i64().expect("a time") - 60_000_000);
        if let Some(pod) = pod {
            early["pod"] = json!(pod);
        }
        lines.insert(0, early.to_string());
        let (verdict, why) = verdict(&files);
        assert_eq!(verdict, expected, "{pod:?}: {why}");
    }
}

/// A label of a node changes, and with it where pods may go, while pods are behind a Service there.
#[test]
fn a_path_is_judged_in_the_world_as_it_was_then() {
    let mut files = recording("04");
    files.retain(|name, _| name != "nodes.jsonl");
    edit(&mut files, AUDIT, |event| {
        for field in ["requestObject", "responseObject"] {
            let object = &mut event[field];
            if object["kind"] == "Pod" && object["spec"].is_object() {
                object["spec"]["nodeSelector"] = json!({"zone": "one"});
            }
        }
    });
    let lines = files.get_mut(AUDIT).expect("there is one");
    let label = |zone: &str, version: u64, event: &Value| {
        let labels = json!({"kubernetes.io/hostname": "node-b", "zone": zone});
        let version = version.to_string();
        let status = json!({"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "40"}});
        let mut event = event.clone();
        event["objectRef"] = json!({"resource": "nodes", "name": "node-b", "apiVersion": "v1"});
        event["verb"] = json!("patch");
        event["auditID"] = json!(format!("label-{version}"));
        event["user"]["username"] = json!("rig-admin");
        event["requestObject"] = Value::Null;
        event["responseObject"] = json!({"kind": "Node", "apiVersion": "v1", "spec": {}, "status": status,
            "metadata": {"name": "node-b", "uid": "n", "labels": labels, "resourceVersion": version}});
        event.to_string()
    };
    let (first, last): (Value, Value) = (
        serde_json::from_str(&lines[0]).expect("JSON"),
        serde_json::from_str(&lines[lines.len() / 2]).expect("JSON"),
    );
    lines.insert(0, label("one", 1, &first));
    lines.insert(lines.len() / 2 + 1, label("two", 2, &last));
    // It comes to a verdict.
    let report = judge(&files, MOST);
    assert!(!report.followed.is_empty());
}

#[test]
fn only_its_own_controller_writes_a_workload() {
    for (what, resource, is_status, from, to) in [
        ("a Deployment", "deployments", true, "deployment-controller", "system:node:node-a"),
        ("a ReplicaSet", "replicasets", true, "replicaset-controller", "system:node:node-a"),
        (
            "a ReplicaSet's pods",
            "pods",
            false,
            "replicaset-controller",
            "system:serviceaccount:kube-system:job-controller",
        ),
    ] {
        let mut files = recording("06");
        files.remove("client.jsonl");
        edit(&mut files, AUDIT, |event| {
            let concerns = event["objectRef"]["resource"] == resource
                && (event["objectRef"]["subresource"] == "status") == is_status
                && (is_status || event["verb"] == "delete");
            let user = event["user"]["username"].as_str().unwrap_or_default();
            if concerns && user.ends_with(from) {
                event["user"]["username"] = json!(to);
            }
        });
        assert_eq!(verdict(&files).0, Verdict::Unexplained, "{what}");
    }
}

#[test]
fn a_slice_names_only_pods_that_have_the_address_and_each_once() {
    for ghost in [true, false] {
        let mut files = recording("06");
        files.remove("client.jsonl");
        edit(&mut files, AUDIT, |event| {
            let slice = &mut event["responseObject"];
            let Some(endpoints) = slice["endpoints"].as_array_mut().filter(|all| !all.is_empty()) else {
                return;
            };
            let mut one = endpoints[0].clone();
            if ghost {
                one["addresses"] = json!(["10.244.9.9"]);
                one["targetRef"]["name"] = json!("web-ghost");
                one["targetRef"]["uid"] = json!("ghost");
            }
            endpoints.push(one);
        });
        assert_eq!(verdict(&files).0, Verdict::Unexplained, "{ghost}");
    }
}

/// Times that no clock shows are no reason to fall over.
#[test]
fn times_at_the_ends_of_their_range_are_read() {
    for at in [i64::MAX, i64::MIN] {
        for file in ["client.jsonl", "faults.jsonl", "app.jsonl"] {
            let mut files = recording("06");
            let line = files.get_mut(file).and_then(|lines| lines.last_mut()).expect("there is a line");
            let mut value: Value = serde_json::from_str(line).expect("JSON");
            value["t_us"] = json!(at);
            *line = value.to_string();
            judge(&files, MOST);
        }
    }
}

/// The controller makes the endpoints of a Service with a selector of pods, each of which it names.
#[test]
fn an_address_of_no_pod_is_none_that_the_controller_writes() {
    let mut files = recording("06");
    files.retain(|name, _| name == AUDIT);
    let mut seen = 0;
    edit(&mut files, AUDIT, |event| {
        if event["verb"] == "update" && event["objectRef"]["resource"] == "endpointslices" {
            seen += 1;
            for field in ["requestObject", "responseObject"] {
                if let Some(endpoints) = event[field]["endpoints"].as_array_mut().filter(|_| seen == 4) {
                    endpoints.push(json!({"addresses": ["10.9.9.9"], "conditions": {"ready": true}}));
                }
            }
        }
    });
    assert!(seen > 4);
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Unexplained);
    let found = report.first_unexplained().expect("an entry");
    assert!(found.why.contains("10.9.9.9 is of no pod"), "{}", found.why);
}

/// A request is made in the name of who is impersonated, if somebody is.
#[test]
fn whoever_is_impersonated_has_made_the_write() {
    let judged = |of: &str, by: &str, in_the_name_of: &str| {
        let mut files = recording("06");
        files.remove("client.jsonl");
        edit(&mut files, AUDIT, |event| {
            let user = event["user"]["username"].as_str().unwrap_or_default();
            if user.ends_with(of) {
                event["user"]["username"] = json!(by);
                event["impersonatedUser"] = json!({"username": in_the_name_of});
            }
        });
        verdict(&files).0
    };
    let (controller, kubelet) =
        ("system:serviceaccount:kube-system:replicaset-controller", "system:node:node-a");
    assert_eq!(judged("replicaset-controller", "admin", controller), Verdict::Lawful);
    assert_eq!(judged("replicaset-controller", controller, kubelet), Verdict::Unexplained);
}
