//! One log of many workloads, one after the other. The recordings are of one cluster, but for three that were made before its etcd began anew.

use podproof_conform::report::{Verdict, Wrong};
use serde_json::Value;

use crate::files::{AUDIT, Files, folders, judge, read, recording, time, try_to_judge};

/// States that an entry may cost.
const MOST: u64 = 20_000;

#[test]
fn the_audit_logs_of_all_recordings_are_one_lawful_log() {
    let mut lines: Vec<String> =
        folders("recordings").iter().flat_map(|folder| read(folder).remove(AUDIT)).flatten().collect();
    lines.sort_by_key(|line| time(line));
    let entries = lines.len() as u64;
    let report = judge(&Files::from([(AUDIT.to_owned(), lines)]), MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    assert_eq!(report.tally.entries, entries);
    assert!(report.followed.len() > 50, "{} workloads", report.followed.len());
}

/// Whoever ships a log may deliver its lines again.
#[test]
fn lines_that_are_delivered_twice_are_there_once() {
    for folder in folders("recordings") {
        let once = read(&folder);
        let twice =
            |lines: &Vec<String>| lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
        let again = once.iter().map(|(name, lines)| (name.clone(), twice(lines))).collect();
        let [once, again] = [once, again].map(|files| judge(&files, MOST));
        let name = folder.display();
        assert_eq!(again.verdict(), Verdict::Lawful, "{name}: {:?}", again.first_unexplained());
        assert_eq!(again.tally.entries, once.tally.entries, "{name}");
        assert_eq!(again.broken(), once.broken(), "{name}");
    }
}

/// Why these are logs of several clusters, if they are.
fn several_clusters(files: &Files) -> Option<String> {
    match try_to_judge(files, MOST, 0) {
        Ok(_) => None,
        Err(Wrong::SeveralClusters(says)) => Some(says),
        Err(other) => panic!("{other:?}"),
    }
}

/// The status of a node is patched over and over, now that of one object, now that of another.
#[test]
fn logs_in_which_two_nodes_have_one_name_are_of_two_clusters() {
    let of_turns = |turns: usize| {
        let mut files = recording("05");
        let lines = files.get_mut(AUDIT).expect("there is one");
        let mut events = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("an entry"));
        let is_node = |event: &Value| {
            event["objectRef"]["resource"] == "nodes" && event["objectRef"]["name"] == "node-a"
        };
        let mut event = events.rfind(is_node).expect("a heartbeat");
        for turn in 0..turns {
            event["auditID"] = format!("turn-{turn}").into();
            event["responseObject"]["metadata"]["uid"] = format!("cluster-{}", turn % 2).into();
            lines.push(event.to_string());
        }
        lines.sort_by_key(|line| time(line));
        files
    };
    let says = several_clusters(&of_turns(5)).expect("there are two");
    assert!(says.starts_with("two nodes are called node-a at the same time"), "{says}");
    // A node that is replaced, of which a late answer is there, is none of another cluster.
    assert_eq!(several_clusters(&of_turns(4)), None);
}

/// Versions that begin anew are those of another etcd, and no clock that is half an hour behind.
#[test]
fn a_clock_is_not_set_by_the_versions_of_another_time() {
    let own = |number: &str, name: &str| {
        let lines = recording(number).remove(AUDIT).expect("there is one");
        (name.to_owned(), lines)
    };
    let files = Files::from([own("01", "audit-1.jsonl"), own("05", "audit-2.jsonl")]);
    let report = judge(&files, MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
}
