//! Audit policies that say less of some requests than of others.

use podproof_conform::run::Verdict;
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
