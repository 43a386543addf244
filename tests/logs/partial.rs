//! Logs in which something is missing that others have: what depends on it is not unexplained, and the reason is said.

use std::path::Path;

use podproof_conform::report::{Report, Verdict};
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, folders, judge, line, read, recording, without_answers};

/// States that an entry may cost.
const MOST: u64 = 20_000;

fn why(report: &Report) -> String {
    report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default()
}

/// Without the connections of clients, which are most of it.
fn without_clients(folder: &Path) -> Files {
    let mut files = read(folder);
    files.remove("client.jsonl");
    files
}

/// What a recording breaks is the same, whether the log has answers or not.
#[test]
fn a_log_without_answers_is_as_lawful_as_with_them() {
    for folder in folders("recordings") {
        let files = without_clients(&folder);
        let report = judge(&without_answers(files.clone()), MOST);
        let name = folder.display();
        assert_eq!(report.verdict(), Verdict::Lawful, "{name}: {:?}", report.first_unexplained());
        assert!(report.world.warnings.iter().any(|says| says.contains("level Request")), "{name}");
        assert_eq!(report.broken(), judge(&files, MOST).broken(), "{name}");
    }
}

/// The same with the audit log alone, in which nothing shows a node whole.
#[test]
fn an_audit_log_alone_without_answers_is_lawful() {
    for folder in folders("recordings") {
        let mut files = read(&folder);
        files.retain(|name, _| name == AUDIT);
        let report = judge(&without_answers(files), MOST);
        assert_eq!(
            report.verdict(),
            Verdict::Lawful,
            "{}: {:?}",
            folder.display(),
            report.first_unexplained()
        );
    }
}

/// A Deployment was there before the log, and a user changes it while its controller is down: nobody knows what came of that.
#[test]
fn what_cannot_be_made_of_the_requests_is_said() {
    let mut files = recording("06");
    files.retain(|name, _| name == AUDIT);
    let mut files = without_answers(files);
    let lines = files.get_mut(AUDIT).expect("there is one");
    let mut controllers = 0;
    lines.retain(|line| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let resource = &event["objectRef"]["resource"];
        let is_written_back = resource == "deployments" && event["objectRef"]["subresource"] == "status";
        controllers += u64::from(is_written_back);
        !is_written_back
    });
    assert!(controllers > 0);
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete, "{:?}", report.first_unexplained());
}

/// Of what was there before a log without answers the log shows parts alone, and nothing is said of what comes of that.
#[test]
fn a_log_without_answers_that_begins_late_is_never_unexplained() {
    for folder in folders("recordings") {
        let mut files = read(&folder);
        files.retain(|name, _| name == AUDIT);
        let files = without_answers(files);
        for sixth in 1..6 {
            let mut late = files.clone();
            let lines = late.get_mut(AUDIT).expect("there is one");
            lines.drain(..lines.len() * sixth / 6);
            let report = judge(&late, MOST);
            let first = report.first_unexplained();
            assert_ne!(report.verdict(), Verdict::Unexplained, "{} {sixth}: {first:?}", folder.display());
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

/// In the middle of the log its Service is changed; also the place of that.
fn with_changed_service(change: impl Fn(&mut Value)) -> (Files, usize) {
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
    change(&mut event["responseObject"]["spec"]);
    event["responseObject"]["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    for field in ["requestReceivedTimestamp", "stageTimestamp"] {
        event[field] = middle["stageTimestamp"].clone();
    }
    let place = lines.len() / 2 + 2;
    lines.insert(place - 1, event.to_string());
    (files, place)
}

/// A Service leads somewhere else from the middle of the log on: what comes of that is not followed, and the place is said.
#[test]
fn a_service_that_changes_is_said_with_its_place() {
    let (files, place) = with_changed_service(|spec| spec["ports"][0]["targetPort"] = json!(9_999));
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete, "{:?}", report.first_unexplained());
    let left_out = &report.tally.left_out;
    let says = |why: &str| {
        why.starts_with("the spec of Service/web changes at ")
            && why.contains(&format!("audit.jsonl:{place},"))
    };
    assert!(left_out.iter().any(|(_, why)| says(why)), "{left_out:?}");
}

/// What comes to a Service from outside the cluster is not represented, so nothing comes of its change.
#[test]
fn a_service_may_change_in_what_is_not_represented() {
    let (files, _) = with_changed_service(|spec| {
        spec["type"] = json!("NodePort");
        spec["externalTrafficPolicy"] = json!("Local");
        spec["ports"][0]["nodePort"] = json!(30_080);
    });
    let report = judge(&files, MOST);
    assert_eq!(
        report.verdict(),
        Verdict::Lawful,
        "{:?} {:?}",
        report.first_unexplained(),
        report.tally.left_out
    );
}

/// A client may ask to be answered with metadata, or with a table, in place of the object that it writes.
#[test]
fn what_is_not_answered_whole_is_made_of_the_request() {
    for kind in ["PartialObjectMetadata", "Table"] {
        let mut files = recording("06");
        files.remove("client.jsonl");
        let mut changed = 0;
        edit(&mut files, AUDIT, |event| {
            if event["objectRef"]["resource"] == "deployments" && event["verb"] == "patch" {
                let metadata = event["responseObject"]["metadata"].clone();
                event["responseObject"] =
                    json!({"kind": kind, "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
                changed += 1;
            }
        });
        assert!(changed > 0);
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{kind}: {:?}", report.first_unexplained());
    }
}

/// A recorder that ends before the others looks as if what it would have told had not happened: what to do then is said.
#[test]
fn a_runtime_that_is_not_heard_of_any_more_is_named() {
    let mut files = recording("02");
    let is_start = |line: &String| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        event["container"] == "app" && event["topic"] == "/tasks/start"
    };
    let runtime = files.get_mut("runtime-node-a.jsonl").expect("there is one");
    let start = runtime.iter().position(is_start).expect("its container starts");
    runtime.truncate(start + 1);
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Unexplained, "as if somebody had cut out how it ended");
    let says = "nothing is heard of the container runtime of node-a in the ";
    assert!(why(&report).contains(says) && why(&report).ends_with("without that file"), "{}", why(&report));
    files.remove("runtime-node-a.jsonl");
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}
