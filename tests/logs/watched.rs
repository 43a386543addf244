//! Watches in place of an audit log: what a cluster did is lawful, whoever tells of it.

use std::path::Path;

use podproof_conform::report::Verdict;
use podproof_vocabulary::Property;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, folders, judge, line, read, time};

/// States that an entry may cost.
const MOST: u64 = 100_000;

/// The watches of a recording, and the recording.
fn pairs() -> impl Iterator<Item = (String, Files, Files)> {
    folders("watches").into_iter().map(|folder| {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(&name);
        (name, read(&folder), read(&recording))
    })
}

/// The watches as `kubectl get --raw '…?watch=1'` prints them: no times, and what is there in the beginning comes as if it were
/// new.
fn raw(watches: &Files) -> Files {
    let events = |line: &String| -> Vec<String> {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let event = line["event"].take();
        match event["type"].as_str() {
            Some("LIST") => {
                let items = event["items"].as_array().cloned().unwrap_or_default();
                items.into_iter().map(|item| json!({"type": "ADDED", "object": item}).to_string()).collect()
            }
            Some("ADDED" | "MODIFIED" | "DELETED") => vec![event.to_string()],
            _ => Vec::new(),
        }
    };
    // Items of a list do not say their kind.
    let kind = |file: &str| match file {
        "pods.jsonl" => "Pod",
        "nodes.jsonl" => "Node",
        "leases.jsonl" => "Lease",
        "services.jsonl" => "Service",
        _ => "",
    };
    let with_kind = |file: &str, line: String| {
        let mut event: Value = serde_json::from_str(&line).expect("JSON");
        if event["object"]["kind"].is_null() {
            event["object"]["kind"] = json!(kind(file));
        }
        event.to_string()
    };
    let file = |(name, lines): (&String, &Vec<String>)| {
        (name.clone(), lines.iter().flat_map(events).map(|line| with_kind(name, line)).collect())
    };
    watches.iter().map(file).collect()
}

#[test]
fn watches_alone_are_lawful() {
    for (name, watches, _) in pairs() {
        for (form, files) in [("raw", raw(&watches)), ("recorded", watches)] {
            let report = judge(&files, MOST);
            let first = report.first_unexplained();
            assert_eq!(report.verdict(), Verdict::Lawful, "{name} {form}: {first:?}");
        }
    }
}

#[test]
fn with_the_other_files_they_say_of_the_promises_what_an_audit_log_says() {
    for (name, watches, mut files) in pairs() {
        files.remove("client.jsonl");
        let audited = judge(&files, MOST);
        files.remove(AUDIT);
        files.extend(watches);
        let watched = judge(&files, MOST);
        assert_eq!(watched.verdict(), Verdict::Lawful, "{name}: {:?}", watched.first_unexplained());
        let broken = |report: &podproof_conform::report::Report| -> Vec<&str> {
            report.broken().iter().copied().map(Property::name).collect()
        };
        assert_eq!(broken(&watched), broken(&audited), "{name}");
    }
}

/// A write that a watch tells of stands at its earliest moment: where connections went does not depend on that.
#[test]
fn connections_fit_what_watches_tell() {
    for (name, watches, mut files) in pairs().filter(|(_, _, files)| files.contains_key("client.jsonl")) {
        files.remove(AUDIT);
        files.extend(watches);
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{name}: {:?}", report.connections);
    }
}

/// Each entry is explained, or counted as what the model does not have; what stands beside an audit log is counted too.
#[test]
fn every_entry_is_counted_once() {
    for (name, watches, mut files) in pairs() {
        let is_whole = |report: &podproof_conform::report::Report| {
            let outside = report.tally.outside();
            let counted = report.tally.explained() + outside.values().sum::<u64>();
            assert_eq!(counted, report.tally.entries, "{name}: {outside:?}");
            outside
        };
        let report = judge(&watches, MOST);
        is_whole(&report);
        files.remove("client.jsonl");
        files.extend(watches);
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{name}: {:?}", report.first_unexplained());
        let beside = is_whole(&report).get("changes that watches tell of beside the audit log").copied();
        assert!(beside.is_some_and(|beside| beside > 0), "{name}");
    }
}

/// Nobody signs what a watch tells of, but not everybody writes everything.
#[test]
fn lies_in_a_watch_are_found_out() {
    let rollout = read(&folders("watches")[3]);
    let pods = "pods.jsonl";
    let is_new = |line: &Value| line["event"]["type"] == "ADDED";
    let is_binding = |line: &Value| {
        let conditions = line["event"]["object"]["status"]["conditions"].as_array();
        line["event"]["type"] == "MODIFIED" && conditions.is_some_and(|conditions| conditions.len() == 1)
    };
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut files = rollout.clone();
        change(files.get_mut(pods).expect("there are pods"));
        judge(&files, MOST)
    };
    let (new, binding) = (line(&rollout, pods, is_new), line(&rollout, pods, is_binding));
    for (what, report) in [
        ("a pod was never bound", changed(&|lines| _ = lines.remove(binding))),
        ("a pod was created by nobody", changed(&|lines| _ = lines.remove(new))),
        (
            "a pod was bound to one node and ran on another",
            changed(&|lines| lines[binding] = lines[binding].replace("\"node-b\"", "\"node-a\"")),
        ),
        (
            "there was a pod too many",
            changed(&|lines| {
                let mut one: Value = serde_json::from_str(&lines[new]).expect("JSON");
                let metadata = &mut one["event"]["object"]["metadata"];
                metadata["name"] = json!("web-585c7dbdf-abcde");
                metadata["uid"] = json!("00000000-0000-0000-0000-000000000000");
                lines.insert(new, one.to_string());
            }),
        ),
    ] {
        assert_eq!(report.verdict(), Verdict::Unexplained, "{what}");
    }
}

/// Every time in a value that is before this moment is so many days earlier.
fn set_back(value: &mut Value, before: i64, days: i64) {
    match value {
        Value::String(text) if text.len() == "2026-11-22T08:02:54Z".len() => {
            if let Ok(at) = text.parse::<jiff::Timestamp>()
                && at.as_second() < before
            {
                let earlier = jiff::Timestamp::from_second(at.as_second() - days * 86_400).expect("a time");
                *text = earlier.to_string();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| set_back(value, before, days)),
        Value::Object(fields) => fields.values_mut().for_each(|value| set_back(value, before, days)),
        _ => {}
    }
}

/// Raw watches of a cluster that had been there for long when a Deployment was rolled out: what was there by then comes first.
fn raw_before_rollout(watches: &Files) -> Files {
    let is_rollout = |line: &Value| {
        line["event"]["type"] == "MODIFIED" && line["event"]["object"]["metadata"]["generation"] == 2
    };
    let all = watches["deployments.jsonl"].iter();
    let first = all.clone().position(|line| is_rollout(&serde_json::from_str(line).expect("JSON")));
    let from = time(&watches["deployments.jsonl"][first.expect("it is rolled out")]);
    let (mut before, mut after) = (Files::new(), Files::new());
    for (name, lines) in watches {
        let (early, late) = lines.iter().cloned().partition(|line| time(line) < from);
        before.insert(name.clone(), early);
        after.insert(name.clone(), late);
    }
    let (before, mut files) = (raw(&before), raw(&after));
    for (name, lines) in before {
        let mut there = std::collections::BTreeMap::new();
        for line in &lines {
            let mut event: Value = serde_json::from_str(line).expect("JSON");
            let uid = event["object"]["metadata"]["uid"].to_string();
            match event["type"] == "DELETED" {
                true => _ = there.remove(&uid),
                false => {
                    event["type"] = json!("ADDED");
                    there.insert(uid, event.to_string());
                }
            }
        }
        let days = match &*name {
            "pods.jsonl" => 5,
            "nodes.jsonl" => 60,
            _ => 30,
        };
        let own = files.entry(name).or_default();
        own.splice(0..0, there.into_values());
        for line in own {
            let mut event: Value = serde_json::from_str(line).expect("JSON");
            set_back(&mut event, from.div_euclid(1_000_000), days);
            *line = event.to_string();
        }
    }
    files
}

/// The oldest object is no place where the log begins.
#[test]
fn a_raw_watch_begins_with_what_was_there() {
    for (name, watches, _) in pairs().filter(|(name, ..)| name.starts_with("05") || name.starts_with("06")) {
        let report = judge(&raw_before_rollout(&watches), MOST);
        assert_ne!(report.verdict(), Verdict::Unexplained, "{name}: {:?}", report.first_unexplained());
        let is_missed = |(_, why): &(String, String)| why.contains("created during the log");
        assert!(!report.tally.left_out.iter().any(is_missed), "{name}: {:?}", report.tally.left_out);
    }
}
