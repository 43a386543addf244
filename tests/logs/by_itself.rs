//! What comes about without anybody doing anything to the cluster: whoever wrote down what was done has nothing of it.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, judge, recording, time};

/// States that an entry may cost.
const MOST: u64 = 20_000;

const FAULTS: &str = "faults.jsonl";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn verdict(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default())
}

/// A probe times out on a machine that is busy, and an app may say of itself that it is not ready.
#[test]
fn a_probe_fails_by_itself() {
    for (name, kind) in [("26", "readiness"), ("32", "liveness")] {
        let mut files = recording(name);
        let faults = files.get_mut(FAULTS).expect("there are some");
        let before = faults.len();
        faults.retain(|line| !parsed(line)["fault"].as_str().is_some_and(|fault| fault.starts_with(kind)));
        assert!(faults.len() < before, "{name}");
        assert_eq!(verdict(&files), (Verdict::Lawful, String::new()), "{name}");
    }
}

/// No lease is renewed while the API server is away, and the controller manager goes by its own clock: where it is away for longer than
/// the grace period nodes seem silent that are not. The model does not have that.
#[test]
fn nodes_that_seem_silent_while_the_api_server_is_away_leave_doubt() {
    // The kubelet of a node is stopped, and the node is found Unknown before it is started again.
    let (stopped, heard_again, end) = (1_795_334_120_713_412, 1_795_334_126_013_763, 1_795_334_137_000_000);
    let mut files = recording("16");
    for lines in files.values_mut() {
        lines.retain(|line| time(line) <= end);
    }
    let faults = files.get_mut(FAULTS).expect("there are some");
    faults.retain(|line| !parsed(line)["fault"].as_str().is_some_and(|fault| fault.contains("kubelet")));
    for (at, fault) in [
        (stopped, "sigterm-apiserver"),
        (stopped + 300_000, "apiserver-exited"),
        (stopped + 1_000_000, "start-apiserver"),
        (heard_again, "apiserver-ready"),
    ] {
        let line = json!({"t_us": at, "end_us": at + 1_000, "fault": fault, "target": "apiserver"});
        faults.push(line.to_string());
    }
    faults.sort_by_key(|line| time(line));
    let received = |line: &String| {
        let text = parsed(line)["requestReceivedTimestamp"].as_str().expect("a time").to_owned();
        text.parse::<jiff::Timestamp>().expect("a time").as_microsecond()
    };
    let audit = files.get_mut(AUDIT).expect("there is one");
    audit.retain(|line| !(stopped + 1..heard_again).contains(&received(line)));
    let (verdict, why) = verdict(&files);
    assert_eq!(verdict, Verdict::Incomplete, "{why}");
    assert!(why.contains("seem silent while the API server is away"), "{why}");
}
