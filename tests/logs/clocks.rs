//! Logs whose sources have clocks of their own.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, folders, judge, judge_with, read, recording};

/// States that an entry may cost.
const MOST: u64 = 20_000;

const MILLISECOND: i64 = 1_000;

fn text(at: i64) -> Value {
    let moment = jiff::Timestamp::from_microsecond(at).expect("a moment");
    json!(format!("{moment:.6}"))
}

/// All times of a line are later by so much.
fn shift(line: &mut Value, by: i64) {
    for field in ["t_us", "ev_us", "start_us", "end_us"] {
        if let Some(at) = line[field].as_i64() {
            line[field] = json!(at + by);
        }
    }
    for field in ["exited_at", "requestReceivedTimestamp", "stageTimestamp"] {
        if let Some(at) = line[field].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()) {
            line[field] = text(at.as_microsecond() + by);
        }
    }
}

/// The audit log as two API servers write it, in turns, of which the second has a clock that is ahead.
fn by_two_servers(mut files: Files, ahead: i64) -> Files {
    let all = files.remove(AUDIT).expect("there is one").into_iter().enumerate();
    let (first, second): (Vec<_>, Vec<_>) = all.partition(|(number, _)| number % 2 == 0);
    let lines = |all: Vec<(usize, String)>| all.into_iter().map(|(_, line)| line).collect();
    files.insert("audit-1.jsonl".into(), lines(first));
    files.insert("audit-2.jsonl".into(), lines(second));
    edit(&mut files, "audit-2.jsonl", |event| shift(event, ahead));
    files
}

#[test]
fn the_clocks_of_two_api_servers_are_told_by_what_they_write() {
    for ahead in [20, -150, 2_000] {
        for folder in folders("recordings") {
            // The first has a pod and seven writes: too few for a difference that is to be told exactly.
            if ahead != 20 && folder.to_string_lossy().contains("01-create-pod") {
                continue;
            }
            let mut files = read(&folder);
            files.remove("client.jsonl");
            let report = judge(&by_two_servers(files, ahead * MILLISECOND), MOST);
            let why = report.first_unexplained();
            assert_eq!(report.verdict(), Verdict::Lawful, "{} {ahead} ms: {why:?}", folder.display());
        }
    }
}

/// What several API servers with one clock write stays in its order: nothing sets a clock that agrees.
#[test]
fn clocks_of_api_servers_that_agree_are_not_set() {
    for number in ["06", "17", "21", "28"] {
        for seed in 0..3 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut files = recording(number);
            for line in files.remove(AUDIT).expect("there is one") {
                files.entry(format!("audit-{}.jsonl", rng.u8(..3))).or_default().push(line);
            }
            let report = judge(&files, MOST);
            let why = report.first_unexplained();
            assert_eq!(report.verdict(), Verdict::Lawful, "{number}, seed {seed}: {why:?}");
        }
    }
}

/// The clock of node-a is ahead by so much, and that of node-b behind.
fn with_clocks(number: &str, ahead: i64) -> Files {
    let mut files = recording(number);
    for (node, by) in [("node-a", ahead), ("node-b", -ahead)] {
        for file in [format!("runtime-{node}.jsonl"), format!("proxy-{node}.jsonl")] {
            edit(&mut files, &file, |line| shift(line, by));
        }
        edit(&mut files, "client.jsonl", |line| {
            if line["node"] == node {
                shift(line, by);
            }
        });
    }
    let mut homes = std::collections::BTreeMap::new();
    edit(&mut files, AUDIT, |event| {
        if event["objectRef"]["subresource"] == "binding" {
            let name = event["objectRef"]["name"].to_string();
            homes.insert(name, event["requestObject"]["target"]["name"].to_string());
        }
    });
    edit(&mut files, "app.jsonl", |line| match homes.get(&line["pod"].to_string()).map(String::as_str) {
        Some("\"node-a\"") => shift(line, ahead),
        Some(_) => shift(line, -ahead),
        None => {}
    });
    files
}

#[test]
fn the_clocks_of_nodes_are_told_by_what_causes_what() {
    for number in ["06", "12", "36"] {
        for ahead in [600, 2_000, -2_000] {
            let files = with_clocks(number, ahead * MILLISECOND);
            assert_ne!(judge(&files, MOST).verdict(), Verdict::Lawful, "{number} {ahead}: as if they agreed");
            let report = judge_with(&files, MOST, 3_000 * MILLISECOND);
            let why = report.first_unexplained();
            assert_eq!(report.verdict(), Verdict::Lawful, "{number} {ahead}: {why:?}");
        }
    }
}

#[test]
fn clocks_that_agree_are_not_touched_and_those_too_far_off_are_not_believed() {
    for number in ["05", "06", "36"] {
        let report = judge_with(&recording(number), MOST, 3_000 * MILLISECOND);
        assert_eq!(report.verdict(), Verdict::Lawful, "{number}");
    }
    let files = with_clocks("06", 2_000 * MILLISECOND);
    assert_eq!(judge_with(&files, MOST, 1_000 * MILLISECOND).verdict(), Verdict::Unexplained);
}
