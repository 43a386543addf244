//! Watches that were interrupted: nobody knows what came and went meanwhile, and that is no reason to call a lawful log unexplained.

use std::collections::BTreeMap;

use podproof_conform::report::{Report, Verdict};
use serde_json::{Value, json};

use crate::files::{Files, folders, judge, read};

/// States that an entry may cost.
const MOST: u64 = 20_000;

const PODS: &str = "pods.jsonl";

fn watches(number: &str) -> Files {
    let is = |folder: &std::path::PathBuf| {
        folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number))
    };
    read(&folders("watches").into_iter().find(is).expect("such watches"))
}

fn value(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}

/// The same watches, but that this one was interrupted before this line of its, and began anew with a list so many lines later.
fn with_a_gap(files: &Files, of: &str, from: usize, lines: usize, is_said: bool) -> Files {
    let all = &files[of];
    let to = (from + lines).min(all.len());
    let mut there: BTreeMap<String, Value> = BTreeMap::new();
    let mut version = 0;
    let mut at = 0;
    for line in &all[..to] {
        let line = value(line);
        let event = &line["event"];
        at = line["t_us"].as_i64().expect("a time");
        let listed = event["items"].as_array().cloned().unwrap_or_default();
        let own = [event["object"].clone()];
        for object in listed.iter().chain(own.iter().filter(|own| own.is_object())) {
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            let newest = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
            version = version.max(newest.unwrap_or(0));
            match event["type"] == "DELETED" {
                true => _ = there.remove(&uid),
                false => _ = there.insert(uid, object.clone()),
            }
        }
    }
    let items: Vec<&Value> = there.values().collect();
    let list = json!({"t_us": at + 1, "event": {"type": "LIST", "resourceVersion": version.to_string(), "items": items}});
    let error = json!({"t_us": at, "event": {"type": "ERROR", "object": {"kind": "Status", "code": 410}}});
    let gap = [error.to_string(), list.to_string()].into_iter().skip(usize::from(!is_said));
    let told = all[..from].iter().cloned().chain(gap).chain(all[to..].iter().cloned());
    let mut changed = files.clone();
    changed.insert(of.into(), told.collect());
    changed
}

/// The same watches, but that this one begins after so many lines of its, with a list or with what is there as if it were new.
fn that_begins_late(files: &Files, of: &str, lines: usize, has_list: bool) -> Files {
    let mut all = with_a_gap(files, of, 0, lines, false);
    let told = all.get_mut(of).expect("there is one");
    let list = value(&told[0]);
    let kinds: Vec<Value> = told.iter().map(|line| value(line)["event"]["object"].clone()).collect();
    let of_kind = kinds.iter().find(|object| object["kind"].is_string());
    if let Some(known) = of_kind.filter(|_| !has_list) {
        let items = list["event"]["items"].as_array().cloned().unwrap_or_default();
        let added = items.into_iter().map(|mut object| {
            // What stands in a list has no kind.
            for field in ["kind", "apiVersion"] {
                object[field] = known[field].clone();
            }
            json!({"t_us": list["t_us"], "event": {"type": "ADDED", "object": object}}).to_string()
        });
        told.splice(..1, added);
    }
    all
}

fn says_so(report: &Report) -> bool {
    report.world.warnings.iter().any(|says| says.contains("a watch was interrupted"))
}

#[test]
fn a_gap_is_no_reason_to_call_a_log_unexplained() {
    for number in ["02", "05", "26"] {
        let files = watches(number);
        let count = files[PODS].len();
        let (mut lawful, mut all) = (0, 0);
        for from in 2..count {
            for lines in [0, 1, 3] {
                let report = judge(&with_a_gap(&files, PODS, from, lines, from % 2 == 0), MOST);
                let first = report.first_unexplained();
                assert_ne!(report.verdict(), Verdict::Unexplained, "{number} {from} {lines}: {first:?}");
                assert!(says_so(&report) || lines == 0, "{number} {from} {lines}");
                lawful += usize::from(report.verdict() == Verdict::Lawful);
                all += 1;
                assert!(
                    lines > 0 || report.verdict() == Verdict::Lawful,
                    "{number} {from}: nothing is missing"
                );
            }
        }
        assert!(lawful * 2 > all, "{number}: {lawful} of {all} are lawful");
    }
}

/// Watches are begun one after the other: what happens before one begins is not in the log, but others tell what came of it.
#[test]
fn a_watch_that_begins_late_is_no_reason_either() {
    for (of, kind) in [(PODS, "pods"), ("replicasets.jsonl", "ReplicaSets"), ("nodes.jsonl", "nodes")] {
        let (mut found, mut lawful) = (0, 0);
        for number in ["05", "07", "09", "12", "13"] {
            let files = watches(number);
            let Some(told) = files.get(of) else { continue };
            for lines in (2..told.len()).step_by(4) {
                for has_list in [false, true] {
                    let report = judge(&that_begins_late(&files, of, lines, has_list), MOST);
                    let first = report.first_unexplained();
                    let name = format!("{number} {of} {lines} {has_list}");
                    assert_ne!(report.verdict(), Verdict::Unexplained, "{name}: {first:?}");
                    let says = first
                        .is_some_and(|first| first.why.contains(&format!("its watch of {kind} begins late")));
                    found += usize::from(says);
                    lawful += usize::from(report.verdict() == Verdict::Lawful);
                }
            }
        }
        assert!(found > 0, "{of}: {found} are told, {lawful} are lawful");
    }
}

/// What comes after a gap is found by what there was then; what came before it must be a behaviour of the model all the same.
#[test]
fn a_lie_before_a_gap_is_found_out() {
    let mut files = watches("05");
    let lines = files.get_mut(PODS).expect("there are pods");
    let is_binding = |line: &String| {
        let line = value(line);
        let object = &line["event"]["object"];
        line["event"]["type"] == "MODIFIED"
            && object["status"]["conditions"].as_array().is_some_and(|all| all.len() == 1)
    };
    let binding = lines.iter().position(is_binding).expect("a binding");
    lines.remove(binding);
    assert_eq!(judge(&files, MOST).verdict(), Verdict::Unexplained);
    let count = files[PODS].len();
    let late = judge(&with_a_gap(&files, PODS, count - 2, 1, true), MOST);
    assert_eq!(late.verdict(), Verdict::Unexplained, "{:?}", late.first_unexplained());
    let early = judge(&with_a_gap(&files, PODS, 1, 1, true), MOST);
    assert_ne!(early.verdict(), Verdict::Lawful);
}
