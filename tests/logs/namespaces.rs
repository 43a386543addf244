//! Objects of other namespaces that are called as those of a workload are.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge, later, make_room, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// Adds events to the audit log of a recording: behind each, what is made of it.
fn with(number: &str, more: impl Fn(&Value) -> Option<Value>) -> Files {
    let mut files = recording(number);
    files.remove("client.jsonl");
    make_room(&mut files);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let before = lines.len();
    *lines = lines
        .iter()
        .flat_map(|line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            [Some(line.clone()), more(&event).map(|other| other.to_string())].into_iter().flatten()
        })
        .collect();
    assert!(lines.len() > before);
    files
}

/// Right after an event the same befell an object of this name in another namespace.
fn elsewhere(event: &Value) -> Value {
    let mut other = event.clone();
    later(&mut other, 1);
    other["auditID"] = json!(format!("{}-elsewhere", event["auditID"].as_str().expect("an ID")));
    other["objectRef"]["namespace"] = json!("elsewhere");
    for field in ["requestObject", "responseObject"] {
        let metadata = &mut other[field]["metadata"];
        if !metadata.is_object() {
            continue;
        }
        metadata["namespace"] = json!("elsewhere");
        if let Some(uid) = metadata["uid"].as_str().map(|uid| format!("{uid}-elsewhere")) {
            metadata["uid"] = json!(uid);
        }
        _ = metadata.as_object_mut().map(|all| all.remove("ownerReferences"));
        if let Some(version) = metadata["resourceVersion"].as_str().and_then(|text| text.parse::<u64>().ok())
        {
            metadata["resourceVersion"] = json!((version + 1).to_string());
        }
    }
    other
}

/// An eviction names no UID: it is of the pod of its namespace.
#[test]
fn a_pod_of_that_name_elsewhere_is_another() {
    let is_created = |event: &Value| {
        event["verb"] == "create"
            && event["objectRef"]["resource"] == "pods"
            && event["objectRef"]["subresource"].is_null()
    };
    let report = judge(&with("12", |event| is_created(event).then(|| elsewhere(event))), MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}

/// Whoever writes two Services of one name writes each as it was.
#[test]
fn the_version_of_a_service_is_that_of_its_namespace() {
    let update = |event: &Value, asked: u64, got: u64| {
        let mut update = event.clone();
        update["verb"] = json!("update");
        update["objectRef"]["name"] = json!("web");
        update["responseStatus"]["code"] = json!(200);
        update["auditID"] = json!(format!("update-{asked}-{got}"));
        update["requestObject"] = update["responseObject"].clone();
        for (field, version) in [("requestObject", asked), ("responseObject", got)] {
            update[field]["metadata"]["resourceVersion"] = json!(version.to_string());
        }
        later(&mut update, i64::try_from(got % 10).expect("a digit"));
        update
    };
    let mut files = with("12", |event| {
        let is_created = event["verb"] == "create" && event["objectRef"]["resource"] == "services";
        is_created.then(|| elsewhere(event))
    });
    let lines = files.get_mut(AUDIT).expect("there is one");
    let is_service = |line: &String| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        event["objectRef"]["resource"] == "services" && event["verb"] == "create"
    };
    let at: Vec<usize> = (0..lines.len()).filter(|at| is_service(&lines[*at])).collect();
    let [own, other] = at[..] else { panic!("{at:?}") };
    let event = |at: usize| serde_json::from_str::<Value>(&lines[at]).expect("JSON");
    let version = |event: &Value| {
        event["responseObject"]["metadata"]["resourceVersion"]
            .as_str()
            .expect("one")
            .parse()
            .expect("a number")
    };
    let (own, elsewhere) = (event(own), event(other));
    // First the one that is followed, as another object gets the version between.
    let created: u64 = version(&own);
    let updates = [update(&own, created, created + 3), update(&elsewhere, created + 1, created + 4)];
    lines.splice(other + 1..other + 1, updates.map(|update| update.to_string()));
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}
