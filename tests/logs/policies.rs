//! Audit policies that say less of some requests than of others.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, folders, judge, read, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

fn is_by_kubelet(event: &Value) -> bool {
    event["user"]["username"].as_str().is_some_and(|user| user.starts_with("system:node:"))
}

/// The audit log of a recording, with nothing of what clients saw.
fn without_clients(mut files: Files) -> Files {
    files.remove("client.jsonl");
    files
}

/// As `configure-helper.sh` of `cluster/gce/gci` sets it: what kubelets report often is there without its answer, all else with it. What a
/// binding or an eviction did to the pod by then nothing shows but the request.
#[test]
fn reports_alone_may_be_without_their_answers() {
    for folder in folders("recordings") {
        let mut files = without_clients(read(&folder));
        let broken = judge(&files, MOST).broken().clone();
        edit(&mut files, AUDIT, |event| {
            let is_report = event["objectRef"]["subresource"] == "status" && is_by_kubelet(event);
            if is_report && event["objectRef"]["resource"] == "pods" {
                event["level"] = json!("Request");
                _ = event.as_object_mut().map(|fields| fields.remove("responseObject"));
            }
        });
        let report = judge(&files, MOST);
        let name = folder.display();
        assert_eq!(report.verdict(), Verdict::Lawful, "{name}: {:?}", report.first_unexplained());
        assert_eq!(*report.broken(), broken, "{name}");
    }
}

/// At level Metadata nobody knows with what grace period a kubelet deletes a pod; it deletes none but those that it has finished with.
#[test]
fn removals_alone_may_be_without_what_they_ask_for() {
    for number in ["02", "06", "12"] {
        let mut files = without_clients(recording(number));
        let mut removals = 0;
        edit(&mut files, AUDIT, |event| {
            if event["verb"] == "delete" && event["objectRef"]["resource"] == "pods" && is_by_kubelet(event) {
                removals += 1;
                event["level"] = json!("Metadata");
                for field in ["requestObject", "responseObject"] {
                    _ = event.as_object_mut().map(|fields| fields.remove(field));
                }
            }
        });
        assert!(removals > 0, "{number}");
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{number}: {:?}", report.first_unexplained());
    }
}

/// What the API server had made when it panicked nobody knows.
#[test]
fn a_request_at_which_the_api_server_panicked_may_have_been_granted() {
    let mut files = without_clients(recording("06"));
    let mut is_first = true;
    edit(&mut files, AUDIT, |event| {
        if event["objectRef"]["subresource"] == "binding" && std::mem::take(&mut is_first) {
            event["stage"] = json!("Panic");
            event["responseStatus"] = json!({"code": 500});
            _ = event.as_object_mut().map(|fields| fields.remove("responseObject"));
        }
    });
    assert!(!is_first);
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete, "{:?}", report.first_unexplained());
}

/// Kubelets write most of an audit log, and some policies leave them out.
#[test]
fn a_log_without_kubelets_is_never_unexplained() {
    for folder in folders("recordings") {
        let mut files = read(&folder);
        files.retain(|name, _| name == AUDIT);
        let lines = files.get_mut(AUDIT).expect("there is one");
        lines.retain(|line| !is_by_kubelet(&serde_json::from_str(line).expect("JSON")));
        let report = judge(&files, MOST);
        let (name, first) = (folder.display(), report.first_unexplained());
        assert_ne!(report.verdict(), Verdict::Unexplained, "{name}: {first:?}");
        let says = |says: &String| says.contains("nothing that the kubelet there wrote");
        assert!(report.world.warnings.iter().any(says), "{name}: {:?}", report.world.warnings);
    }
}

/// In the middle of an upgrade kubelets are older than the rest.
#[test]
fn kubelets_of_another_release_leave_doubt() {
    let mut files = without_clients(recording("02"));
    edit(&mut files, AUDIT, |event| {
        let agent = event["userAgent"].as_str().unwrap_or_default();
        if ["kube-controller-manager/", "kube-scheduler/"].iter().any(|name| agent.starts_with(name)) {
            event["userAgent"] = json!(agent.replace("v1.20.2", "v1.28.5"));
        }
    });
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Incomplete, "{:?}", report.first_unexplained());
    let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
    assert!(why.contains("its kubelet is of release 1.20"), "{why}");
    let says = |says: &String| says.contains("is of release 1.20") && says.contains("1.28");
    assert!(report.world.warnings.iter().any(says), "{:?}", report.world.warnings);
}

/// A log may not say who its clients are, as one that a shipper has cut does not: the release is the newest that explains it.
#[test]
fn a_release_that_no_component_tells_is_one_that_explains_the_log() {
    let untold = |number: &str| {
        let mut files = recording(number);
        // The watches of the others show nodes.
        files.retain(|name, _| name == AUDIT);
        edit(&mut files, AUDIT, |event| {
            event.as_object_mut().expect("an event").remove("userAgent");
        });
        files
    };
    let takes = |files: &Files| {
        let report = judge(files, MOST);
        let says = |says: &&String| says.starts_with("the log does not show the release of its cluster: ");
        let taken = report.world.warnings.iter().find(says).cloned().unwrap_or_default();
        (report.verdict(), taken)
    };
    for number in ["02", "11"] {
        let (verdict, taken) = takes(&untold(number));
        assert_eq!(verdict, Verdict::Lawful, "{number}");
        assert!(taken.ends_with(": 1.26 is taken, the newest that explains it"), "{number}: {taken}");
    }
    let (verdict, taken) = takes(&untold("01"));
    assert_eq!(verdict, Verdict::Lawful);
    assert!(taken.ends_with(": 1.36 is taken"), "{taken}");
    let mut falsified = untold("02");
    let audit = falsified.get_mut(AUDIT).expect("there is one");
    audit.retain(|line| !line.contains("\"subresource\":\"binding\""));
    let (verdict, taken) = takes(&falsified);
    assert_eq!(verdict, Verdict::Unexplained, "no release explains a pod that runs without a binding");
    assert!(taken.ends_with(": 1.36 is taken"), "{taken}");
}
