//! Logs in which something is missing that others have: what depends on it is not unexplained, and the reason is said.

use std::path::Path;

use podproof_conform::run::{Report, Verdict};
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, folders, judge, line, read, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// The same log by an audit policy of level Request: nothing that was answered is in it.
fn without_answers(mut files: Files) -> Files {
    edit(&mut files, AUDIT, |event| {
        if event["level"] == "RequestResponse" {
            event["level"] = json!("Request");
        }
        event.as_object_mut().expect("an event").remove("responseObject");
    });
    files
}

fn why(report: &Report) -> String {
    report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default()
}

/// Without the connections of clients, which are most of it.
fn without_clients(folder: &Path) -> Files {
    let mut files = read(folder);
    files.remove("client.jsonl");
    files
}

#[test]
fn a_log_without_answers_is_lawful_or_says_that_they_are_missing() {
    for folder in folders("recordings") {
        let report = judge(&without_answers(without_clients(&folder)), MOST);
        match report.verdict() {
            Verdict::Lawful => {}
            Verdict::Incomplete => {
                assert!(why(&report).contains("level Request"), "{}: {}", folder.display(), why(&report));
            }
            Verdict::Unexplained => panic!("{}: {:?}", folder.display(), report.first_unexplained()),
        }
    }
}

/// Nobody wrote down what was done to the machines: that they were cut off is guessed from their silence.
#[test]
fn an_outage_that_nobody_wrote_down_is_guessed() {
    for number in ["07", "08", "15", "16"] {
        let mut files = recording(number);
        files.remove("client.jsonl");
        files.remove("faults.jsonl").expect("it was there");
        let report = judge(&files, MOST);
        match report.verdict() {
            Verdict::Lawful => {}
            Verdict::Incomplete => assert!(why(&report).contains("guessed"), "{number}: {}", why(&report)),
            Verdict::Unexplained => panic!("{number}: {:?}", report.first_unexplained()),
        }
    }
}

/// No Node object is in the log, so nobody knows the labels that pods ask for.
#[test]
fn labels_that_the_log_does_not_show_are_guessed() {
    let asks: [fn(&mut Value); 2] = [
        |spec| spec["nodeSelector"] = json!({"disk": "ssd"}),
        |spec| {
            let zone = json!({"key": "zone", "operator": "In", "values": ["one", "two"]});
            let terms = json!({"nodeSelectorTerms": [{"matchExpressions": [zone]}]});
            spec["affinity"] =
                json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}});
        },
    ];
    for ask in asks {
        let mut files = recording("06");
        files.retain(|name, _| name == AUDIT);
        let lines = files.get_mut(AUDIT).expect("there is one");
        lines.retain(|line| {
            let event: Value = serde_json::from_str(line).expect("JSON");
            event["objectRef"]["resource"] != "nodes"
        });
        edit(&mut files, AUDIT, |event| {
            for field in ["requestObject", "responseObject"] {
                let object = &mut event[field];
                if object["kind"] == "Pod" && object["spec"].is_object() {
                    ask(&mut object["spec"]);
                }
                if object["spec"]["template"].is_object() {
                    ask(&mut object["spec"]["template"]["spec"]);
                }
            }
        });
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
        let guessed = |says: &String| says.contains("shows no label of node-a, node-b");
        assert!(report.followed.iter().any(|one| one.assumptions.iter().any(guessed)));
    }
}

/// A Service leads somewhere else from the middle of the log on: what comes of that is not followed, and the place is said.
#[test]
fn a_service_that_changes_is_said_with_its_place() {
    let mut files = recording("06");
    files.remove("client.jsonl");
    let is_creation =
        |event: &Value| event["objectRef"]["resource"] == "services" && event["verb"] == "create";
    let creation = line(&files, AUDIT, is_creation);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let middle: Value = serde_json::from_str(&lines[lines.len() / 2]).expect("JSON");
    let mut event: Value = serde_json::from_str(&lines[creation]).expect("JSON");
    event["verb"] = json!("update");
    event["auditID"] = json!("changed");
    event["objectRef"]["name"] = json!("web");
    event["responseObject"]["spec"]["ports"][0]["targetPort"] = json!(9_999);
    event["responseObject"]["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    for field in ["requestReceivedTimestamp", "stageTimestamp"] {
        event[field] = middle["stageTimestamp"].clone();
    }
    let place = lines.len() / 2 + 2;
    lines.insert(place - 1, event.to_string());
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete, "{:?}", report.first_unexplained());
    let left_out = &report.tally.left_out;
    let says = |why: &str| {
        why.starts_with("the spec of Service/web changes at ")
            && why.contains(&format!("audit.jsonl:{place},"))
    };
    assert!(left_out.iter().any(|(_, why)| says(why)), "{left_out:?}");
}
