//! Deletions that ask for a grace period of their own: what they ask for is what the pod gets (DEL-2, KIL-2).

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// Everything in a value of this name gets this value.
fn set_all(value: &mut Value, name: &str, to: i64) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match key == name {
                    true => *field = json!(to),
                    false => set_all(field, name, to),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| set_all(item, name, to)),
        _ => {}
    }
}

/// A recording of pods that are killed after 4 s, as if their own grace period were 30 s; `ask` changes the requests of the deletions.
fn killed_after_four_seconds(ask: impl Fn(&mut Value)) -> Files {
    let mut files = recording("37");
    edit(&mut files, AUDIT, |event| {
        set_all(event, "terminationGracePeriodSeconds", 30);
        if event["verb"] == "delete" && event["user"]["username"] == "rig-admin" {
            ask(event);
        }
    });
    files
}

fn verdict(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), format!("{:?}", report.first_unexplained()))
}

#[test]
fn a_deletion_may_ask_for_less_than_the_pod_has() {
    let in_the_body =
        killed_after_four_seconds(|event| event["requestObject"]["gracePeriodSeconds"] = json!(4));
    let (found, why) = verdict(&in_the_body);
    assert_eq!(found, Verdict::Lawful, "{why}");
    let in_the_query = killed_after_four_seconds(|event| {
        let uri = format!("{}?gracePeriodSeconds=4", event["requestURI"].as_str().expect("a URI"));
        event["requestURI"] = json!(uri);
    });
    let (found, why) = verdict(&in_the_query);
    assert_eq!(found, Verdict::Lawful, "{why}");
    let alone: Files = in_the_body.into_iter().filter(|(name, _)| name == AUDIT).collect();
    let (found, why) = verdict(&alone);
    assert_eq!(found, Verdict::Lawful, "{why}");
}

#[test]
fn a_pod_that_nobody_gives_less_keeps_its_own() {
    let (found, why) = verdict(&killed_after_four_seconds(|_| {}));
    assert_eq!(found, Verdict::Unexplained);
    assert!(why.contains("became 4 s"), "{why}");
    // The answer says what was asked for; only the kill comes too early.
    let answered = killed_after_four_seconds(|event| {
        event["responseObject"]["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    });
    assert_eq!(verdict(&answered).0, Verdict::Unexplained);
    // More was asked for than it took.
    let more = killed_after_four_seconds(|event| {
        event["requestObject"]["gracePeriodSeconds"] = json!(20);
        event["responseObject"]["metadata"]["deletionGracePeriodSeconds"] = json!(20);
    });
    assert_eq!(verdict(&more).0, Verdict::Unexplained);
}

/// Where the log does not say what was asked for, the answer does.
#[test]
fn an_answer_without_its_request_is_believed() {
    let mut files = killed_after_four_seconds(|event| event["requestObject"] = Value::Null);
    edit(&mut files, AUDIT, |event| {
        if event["verb"] == "delete" {
            event["level"] = json!("Metadata");
        }
    });
    let (found, why) = verdict(&files);
    assert_eq!(found, Verdict::Lawful, "{why}");
}

/// An eviction may ask for a grace period as well, and is not answered with its pod: that the next write shows.
#[test]
fn an_eviction_gives_what_it_asks_for() {
    let asks = |seconds: i64| {
        let mut files = recording("12");
        edit(&mut files, AUDIT, |event| {
            if event["objectRef"]["subresource"] == "eviction" {
                event["requestObject"] =
                    json!({"kind": "Eviction", "deleteOptions": {"gracePeriodSeconds": seconds}});
            }
        });
        files.retain(|name, _| name == AUDIT);
        verdict(&files)
    };
    let own = 10;
    let (found, why) = asks(own);
    assert_eq!(found, Verdict::Lawful, "{why}");
    let (found, why) = asks(3);
    assert_eq!(found, Verdict::Unexplained, "{why}");
    assert!(why.contains("and the eviction asked for 3 s"), "{why}");
}
