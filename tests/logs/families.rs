//! Services with several EndpointSlices: one for each family of addresses, or more of one.

use std::collections::BTreeMap;

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, make_room, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

/// The address of the other family that goes with one.
fn other_family(ip: &str) -> String {
    format!("fd00::{}", ip.replace('.', ":"))
}

fn is_slice(event: &Value) -> bool {
    event["objectRef"]["resource"] == "endpointslices" && event["responseObject"]["endpoints"].is_array()
}

/// A slice written beside another, right after it.
fn beside(event: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut event = event.clone();
    event["auditID"] = json!(format!("{}-beside", event["auditID"].as_str().unwrap_or_default()));
    let named = |text: &Value| json!(format!("{}-beside", text.as_str().unwrap_or_default()));
    if event["objectRef"]["name"].is_string() {
        event["objectRef"]["name"] = named(&event["objectRef"]["name"]);
    }
    event["requestObject"] = Value::Null;
    let slice = &mut event["responseObject"];
    let metadata = &mut slice["metadata"];
    for field in ["name", "uid"] {
        metadata[field] = named(&metadata[field]);
    }
    let version: u64 = metadata["resourceVersion"].as_str().expect("a version").parse().expect("a number");
    metadata["resourceVersion"] = json!((version + 1).to_string());
    change(slice);
    event
}

/// The recording of a roll-out, in a cluster whose Service has a second slice that this makes of each write of the first. What is made of
/// the first itself comes before.
fn with_second(first: impl Fn(&mut Value), second: impl Fn(&mut Value)) -> Files {
    let mut files = recording("06");
    files.retain(|name, _| name != "client.jsonl");
    make_room(&mut files);
    edit(&mut files, AUDIT, |event| {
        for field in ["requestObject", "responseObject"] {
            if let Some(ip) = event[field]["status"]["podIP"].as_str().map(str::to_owned) {
                event[field]["status"]["podIPs"] = json!([{"ip": ip}, {"ip": other_family(&ip)}]);
            }
        }
    });
    let lines = files.get_mut(AUDIT).expect("there is one");
    let (mut all, mut known) = (Vec::new(), BTreeMap::new());
    for line in lines.drain(..) {
        let mut event: Value = serde_json::from_str(&line).expect("JSON");
        if !is_slice(&event) {
            all.push(line);
            continue;
        }
        let twin = beside(&event, &second);
        first(&mut event["responseObject"]);
        event["requestObject"] = Value::Null;
        // What is as it was is not written.
        for event in [event, twin] {
            let slice = &event["responseObject"];
            let uid = slice["metadata"]["uid"].to_string();
            if known.insert(uid, slice["endpoints"].clone()).as_ref() != Some(&slice["endpoints"]) {
                all.push(event.to_string());
            }
        }
    }
    *lines = all;
    files
}

fn of_both_families() -> Files {
    with_second(
        |_| {},
        |slice| {
            slice["addressType"] = json!("IPv6");
            for endpoint in slice["endpoints"].as_array_mut().expect("endpoints") {
                let ip = endpoint["addresses"][0].as_str().expect("an address").to_owned();
                endpoint["addresses"] = json!([other_family(&ip)]);
            }
        },
    )
}

/// Which of two slices of one family a pod stands in.
fn is_in_first(endpoint: &Value) -> bool {
    let uid = endpoint["targetRef"]["uid"].as_str().unwrap_or_default();
    uid.bytes().map(u64::from).sum::<u64>() % 2 == 0
}

fn of_one_family() -> Files {
    let keep = |slice: &mut Value, first: bool| {
        slice["endpoints"].as_array_mut().expect("endpoints").retain(|one| is_in_first(one) == first);
    };
    with_second(|slice| keep(slice, true), |slice| keep(slice, false))
}

fn verdict(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), format!("{:?}", report.first_unexplained()))
}

fn second_writes(files: &Files) -> Vec<usize> {
    let is = |line: &String| line.contains("-beside\"") && line.contains("\"targetRef\"");
    let lines = files[AUDIT].iter().enumerate();
    lines.filter(|(_, line)| is(line)).map(|(index, _)| index).collect()
}

#[test]
fn slices_of_two_families_or_two_of_one_are_lawful() {
    for (what, files) in [("two families", of_both_families()), ("one family", of_one_family())] {
        let (verdict, why) = verdict(&files);
        assert_eq!(verdict, Verdict::Lawful, "{what}: {why}");
    }
}

#[test]
fn a_lie_in_the_second_slice_is_found_out() {
    for (what, files) in [("two families", of_both_families()), ("one family", of_one_family())] {
        let writes = second_writes(&files);
        assert!(writes.len() > 3, "{what}");
        let (mut found, mut changes) = (0, 0);
        for &write in &writes[1..writes.len() - 1] {
            let changed = |change: &dyn Fn(&mut Value)| {
                let mut lie = files.clone();
                let line = &mut lie.get_mut(AUDIT).expect("there is one")[write];
                let mut event: Value = serde_json::from_str(line).expect("JSON");
                change(&mut event["responseObject"]["endpoints"][0]);
                *line = event.to_string();
                verdict(&lie)
            };
            let flipped = changed(&|endpoint| {
                let ready = endpoint["conditions"]["ready"] == true;
                endpoint["conditions"]["ready"] = json!(!ready);
            });
            assert_eq!(flipped.0, Verdict::Unexplained, "{what} {write}: ready");
            let elsewhere = changed(&|endpoint| endpoint["addresses"] = json!(["fd00::9"]));
            assert_eq!(elsewhere.0, Verdict::Unexplained, "{what} {write}: address");
            let mut without = files.clone();
            without.get_mut(AUDIT).expect("there is one").remove(write);
            found += usize::from(verdict(&without).0 == Verdict::Unexplained);
            let endpoints = |line: &String| {
                let event: Value = serde_json::from_str(line).expect("JSON");
                event["responseObject"]["endpoints"].clone()
            };
            let lines = &files[AUDIT];
            let before = lines[..write].iter().rfind(|line| line.contains("-beside\""));
            changes += usize::from(before.map(endpoints) != Some(endpoints(&lines[write])));
        }
        assert!(found > 0, "{what}: a slice that was not written is found out by the next");
        if what == "two families" {
            // A write that is refused on the way excuses the next.
            assert!(found + 2 >= changes && changes > 8, "{what}: {found} of {changes}");
        }
    }
}

/// A pod has the addresses of its sandbox, and another has others.
#[test]
fn an_address_of_the_second_family_changes_with_the_sandbox_alone() {
    let mut files = of_both_families();
    let reports = |event: &Value| {
        event["objectRef"]["resource"] == "pods"
            && event["objectRef"]["subresource"] == "status"
            && event["responseObject"]["status"]["podIPs"].is_array()
    };
    let mut seen = 0;
    edit(&mut files, AUDIT, |event| {
        if reports(event) {
            seen += 1;
            if seen == 2 {
                event["responseObject"]["status"]["podIPs"][1]["ip"] = json!("fd00::9");
            }
        }
    });
    let (verdict, why) = verdict(&files);
    assert_eq!(verdict, Verdict::Unexplained);
    assert!(why.contains("fd00::9"), "{why}");
}
