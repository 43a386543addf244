//! Budgets that select pods of several workloads, or of a controller that the model does not have: their statuses are taken from the log,
//! and evictions are judged by them.

use podproof_conform::judged::{Evidence, Judgement, judge as judge_promises};
use podproof_conform::reading::Log;
use podproof_conform::report::Verdict;
use podproof_vocabulary::Property;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, later, line, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

const SECOND: i64 = 1_000_000;

/// The verdict, and why the first entry is unexplained that is.
fn said(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default())
}

fn events(files: &Files) -> Vec<Value> {
    files[AUDIT].iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Adds an event so many microseconds after the last of which this holds.
fn add(files: &mut Files, is: impl Fn(&Value) -> bool, after: i64, change: impl FnOnce(&mut Value)) {
    let place = line(files, AUDIT, is);
    let mut event = events(files).swap_remove(place);
    event["requestReceivedTimestamp"] = event["stageTimestamp"].clone();
    later(&mut event, after);
    event["requestObject"] = Value::Null;
    event["responseStatus"]["code"] = json!(200);
    change(&mut event);
    let lines = files.get_mut(AUDIT).expect("there is one");
    event["auditID"] = json!(format!("added, number {}", lines.len()));
    lines.insert(place + 1, event.to_string());
}

fn is(event: &Value, verb: &str, resource: &str, subresource: &str) -> bool {
    let reference = &event["objectRef"];
    event["verb"] == verb
        && reference["resource"] == resource
        && reference["subresource"].as_str().unwrap_or_default() == subresource
}

/// A status of the budget, written by the disruption controller: how many disruptions it allows, and how many pods are healthy.
fn status(
    files: &mut Files,
    is: impl Fn(&Value) -> bool,
    after: i64,
    [allowed, healthy, expected]: [u32; 3],
) {
    add(files, is, after, |event| {
        let namespace = event["objectRef"]["namespace"].clone();
        let desired = expected.saturating_sub(1);
        event["verb"] = json!("update");
        event["user"]["username"] = json!("system:serviceaccount:kube-system:disruption-controller");
        event["objectRef"] = json!({"resource": "poddisruptionbudgets", "namespace": namespace, "name": "web",
            "apiGroup": "policy", "apiVersion": "v1", "subresource": "status"});
        event["responseObject"] = json!({"kind": "PodDisruptionBudget", "apiVersion": "policy/v1",
            "metadata": {"name": "web", "namespace": namespace, "uid": "budget"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
            "status": {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": healthy,
                "desiredHealthy": desired, "expectedPods": expected}});
    });
}

fn is_report(event: &Value, pod: &str, ready: &str) -> bool {
    let conditions = event["responseObject"]["status"]["conditions"].as_array();
    event["objectRef"]["name"] == pod
        && event["objectRef"]["subresource"] == "status"
        && conditions
            .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == ready))
}

fn by_node_controller(event: &Value) -> bool {
    is(event, "update", "pods", "status") && event["objectRef"]["name"] == "web-1"
}

/// A StatefulSet of two, of whose nodes one fails, with a budget.
fn stateful_set() -> Files {
    let mut files = recording("15");
    files.remove("client.jsonl");
    let is_set = |event: &Value| is(event, "create", "statefulsets", "");
    status(&mut files, is_set, 1_000, [0, 0, 0]);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let added = lines.iter().position(|line| line.contains("poddisruptionbudgets")).expect("one was added");
    let mut creation: Value = serde_json::from_str(&lines[added]).expect("JSON");
    creation["verb"] = json!("create");
    creation["user"]["username"] = json!("rig-admin");
    creation["objectRef"].as_object_mut().expect("an object").remove("subresource");
    creation["responseStatus"]["code"] = json!(201);
    lines[added] = creation.to_string();
    let is_first = |event: &Value| is(event, "create", "pods", "") && event["objectRef"]["name"] == "web-0";
    status(&mut files, is_first, 1_000, [0, 0, 2]);
    status(&mut files, |event| is_report(event, "web-0", "True"), 1_000, [0, 1, 2]);
    let is_second =
        |event: &Value| is_report(event, "web-1", "True") && event["objectRef"]["name"] == "web-1";
    let first_ready = events(&files).iter().position(is_second).expect("it becomes Ready");
    let id = events(&files)[first_ready]["auditID"].clone();
    status(&mut files, |event| event["auditID"] == id, 1_000, [1, 2, 2]);
    status(&mut files, by_node_controller, 1_000, [0, 1, 2]);
    status(&mut files, is_second, 1_000, [1, 2, 2]);
    files
}

/// Its controller is none of the model's, and its pods are workloads of their own.
#[test]
fn the_budget_of_a_stateful_set_is_lawful() {
    let mut files = stateful_set();
    assert_eq!(said(&files), (Verdict::Lawful, String::new()));
    files.retain(|name, _| name == AUDIT);
    assert_eq!(said(&files), (Verdict::Lawful, String::new()), "with the audit log alone");
}

/// The promise is not judged, as nobody follows how healthy the others are.
#[test]
fn a_budget_over_several_workloads_is_not_judged() {
    let report = judge(&stateful_set(), MOST);
    let evidence = Evidence { writes: true, ..Evidence::of(&Log::find(&[]).expect("an empty log"), 0) };
    for followed in &report.followed {
        let judged = judge_promises(&followed.replay, &followed.whole, &evidence);
        let of_budget = judged.iter().find(|(property, _)| *property == Property::DisruptionBudgetKept);
        assert!(matches!(of_budget, Some((_, Judgement::NotJudged(_)))), "{}", followed.name);
        assert!(followed.warnings.iter().any(|says| says.contains("is taken from the log")));
    }
}

fn evict(files: &mut Files, is: impl Fn(&Value) -> bool, after: i64) {
    add(files, is, after, |event| {
        event["verb"] = json!("create");
        event["user"]["username"] = json!("rig-admin");
        event["responseStatus"]["code"] = json!(201);
        event["objectRef"] = json!({"resource": "pods", "namespace": event["objectRef"]["namespace"],
            "name": "web-0", "apiVersion": "v1", "subresource": "eviction"});
        event["responseObject"] = json!({"kind": "Status", "status": "Success"});
    });
}

#[test]
fn evictions_are_judged_by_the_status_in_the_log() {
    let mut files = stateful_set();
    evict(&mut files, by_node_controller, SECOND);
    assert_eq!(said(&files), (Verdict::Unexplained, "the budget refuses this eviction".to_owned()));
}

#[test]
fn a_status_that_does_not_fit_together_is_found_out() {
    let written = |change: &dyn Fn(&mut Value)| {
        let mut files = stateful_set();
        edit(&mut files, AUDIT, |event| {
            let status = &mut event["responseObject"]["status"];
            if status["currentHealthy"] == 2 {
                change(status);
            }
        });
        said(&files)
    };
    for (field, to, says) in [
        ("disruptionsAllowed", 2, "it allows 1 disruptions, and not 2"),
        ("desiredHealthy", 2, "it asks for 1, and not 2"),
        ("currentHealthy", 0, "it allows 0 disruptions, and not 1"),
    ] {
        let (verdict, why) = written(&|status| status[field] = json!(to));
        assert_eq!(verdict, Verdict::Unexplained, "{field}");
        assert!(why.contains(says), "{why}");
    }
    let nobody = |status: &mut Value| {
        status["disruptionsAllowed"] = json!(0);
        status["currentHealthy"] = json!(0);
    };
    // Each of the two was Ready for long when the second came back.
    let mut files = stateful_set();
    let last = line(&files, AUDIT, |event| event["responseObject"]["status"]["currentHealthy"] == 2);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut event: Value = serde_json::from_str(&lines[last]).expect("JSON");
    nobody(&mut event["responseObject"]["status"]);
    lines[last] = event.to_string();
    let (verdict, why) = said(&files);
    assert_eq!(verdict, Verdict::Unexplained, "{why}");
    assert!(why.contains("of this workload alone 1 were Ready"), "{why}");
}

/// All labels of the pods of the recording have one more, by which a budget selects them and a pod of another workload.
fn with_a_tier(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "labels" if field["app"] == "web" => field["tier"] = json!("front"),
                    _ => with_a_tier(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(with_a_tier),
        _ => {}
    }
}

/// A Deployment under a budget that selects a pod beside it too, which never becomes Ready.
fn beside_a_pod() -> Files {
    let mut files = recording("12");
    files.remove("client.jsonl");
    edit(&mut files, AUDIT, |event| {
        with_a_tier(event);
        for field in ["requestObject", "responseObject"] {
            if event[field]["kind"] == "PodDisruptionBudget" {
                event[field]["spec"]["selector"] = json!({"matchLabels": {"tier": "front"}});
                let expected = &mut event[field]["status"]["expectedPods"];
                *expected = json!(expected.as_u64().unwrap_or(0) + 1);
            }
        }
    });
    let is_pod = |event: &Value| is(event, "create", "pods", "");
    let mut object = events(&files)[line(&files, AUDIT, is_pod)]["responseObject"].clone();
    object["metadata"] = json!({"name": "other", "namespace": object["metadata"]["namespace"], "uid": "other",
        "creationTimestamp": object["metadata"]["creationTimestamp"], "labels": {"tier": "front"}});
    let is_budget = |event: &Value| is(event, "create", "poddisruptionbudgets", "");
    let mut bind = |subresource: &str, after, answer: Value, asked: Value| {
        add(&mut files, is_budget, after, |event| {
            event["user"]["username"] =
                json!(if subresource.is_empty() { "rig-admin" } else { "system:kube-scheduler" });
            event["responseStatus"]["code"] = json!(201);
            event["objectRef"] = json!({"resource": "pods", "namespace": event["objectRef"]["namespace"], "name": "other",
                "apiVersion": "v1", "subresource": subresource});
            event["requestObject"] = asked;
            event["responseObject"] = answer;
        });
    };
    let target = json!({"kind": "Binding", "metadata": {"name": "other"}, "target": {"kind": "Node", "name": "node-a"}});
    bind("binding", 2_000, json!({"kind": "Status", "status": "Success"}), target);
    bind("", 1_000, object, Value::Null);
    files
}

/// The other counts as healthy in no world.
#[test]
fn a_budget_over_a_deployment_and_another_pod_is_lawful() {
    assert_eq!(said(&beside_a_pod()), (Verdict::Lawful, String::new()));
}

#[test]
fn what_an_eviction_spends_of_a_shared_budget_is_judged() {
    let mut files = beside_a_pod();
    edit(&mut files, AUDIT, |event| {
        let by_the_api_server = event["user"]["username"] == "system:apiserver";
        if by_the_api_server && event["objectRef"]["resource"] == "poddisruptionbudgets" {
            event["responseObject"]["status"]["disruptionsAllowed"] = json!(1);
        }
    });
    let (verdict, why) = said(&files);
    assert_eq!(verdict, Verdict::Unexplained);
    assert!(why.contains("leaves 0 disruptions allowed, and not 1"), "{why}");
    // What was refused was granted.
    let mut files = beside_a_pod();
    let refused = line(&files, AUDIT, |event| {
        is(event, "create", "pods", "eviction") && event["responseStatus"]["code"] == 429
    });
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut event: Value = serde_json::from_str(&lines[refused]).expect("JSON");
    event["responseStatus"] = json!({"metadata": {}, "code": 201});
    lines[refused] = event.to_string();
    assert_eq!(said(&files), (Verdict::Unexplained, "the budget refuses this eviction".to_owned()));
}

/// PDB-4: the number is cut off at none.
#[test]
fn no_budget_allows_fewer_disruptions_than_none() {
    let mut files = recording("12");
    let mut changed = false;
    edit(&mut files, AUDIT, |event| {
        let allowed = event.pointer_mut("/responseObject/status/disruptionsAllowed");
        if let Some(allowed) = allowed.filter(|allowed| **allowed == json!(0)) {
            *allowed = json!(-1);
            changed = true;
        }
    });
    assert!(changed, "there is a time at which it allows none");
    let (verdict, why) = said(&files);
    assert_eq!(verdict, Verdict::Unexplained);
    assert!(why.contains("PDB-4"), "{why}");
}
