//! Ctrl-C ends what is under way with what is known so far, whoever searches.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use crate::run::{command, folder, podproof, send, text};

/// A world that takes stateright minutes.
const WORLD: [&str; 9] = [
    "examples/web-prestop.yaml",
    "--story",
    "rollout",
    "--timing",
    "untimed",
    "--property",
    "placement-lawful",
    "--format",
    "json",
];

/// Does the process listen for Ctrl-C?
fn listens(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    // The second bit is that of SIGINT.
    caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 2 != 0)
}

/// The document of a command that is interrupted once it is under way, and its exit status.
fn interrupted(arguments: &[&str]) -> (Option<i32>, Value) {
    ended_by("INT", arguments)
}

/// The same of any signal.
fn ended_by(signal: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut child = command(arguments).spawn().expect("the command runs");
    while !listens(&child) {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().expect("it can be waited for").is_none(), "it ended before it was interrupted");
    send(signal, &child);
    let mut messages = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut first = String::new();
    messages.read_line(&mut first).expect("messages are text");
    assert!(first.contains("interrupted: ending with what is known so far"), "{first}");
    let mut report = String::new();
    child.stdout.take().expect("it is piped").read_to_string(&mut report).expect("reports are text");
    let status = child.wait().expect("it ends");
    (status.code(), serde_json::from_str(&report).unwrap_or_else(|error| panic!("{error}: {report}")))
}

#[test]
fn engines_of_stateright_end_too() {
    let (status, document) = interrupted(&[&["check", "--engine", "stateright-bfs"], &WORLD[..]].concat());
    assert_eq!(status, Some(3), "{document}");
    let search = &document["workloads"][0]["searches"][0];
    assert_eq!(search["stopped"], serde_json::json!(["it was interrupted"]));
}

/// A terminal that is closed takes standard error away: whoever asks twice is heard all the same.
#[test]
fn two_signals_end_what_has_no_standard_error() {
    let mut child =
        command(&[&["check", "--engine", "stateright-bfs"], &WORLD[..]].concat()).spawn().expect("it runs");
    drop(child.stderr.take());
    while !listens(&child) {
        std::thread::sleep(Duration::from_millis(1));
    }
    // The engine ends at the first, too, so both come at once.
    for signal in ["STOP", "TERM", "INT", "CONT"] {
        send(signal, &child);
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

/// What runs a job ends it by SIGTERM: what was found by then is told.
#[test]
fn whoever_is_asked_to_end_reports_first() {
    let arguments = [&["check", "--engine", "stateright-bfs"], &WORLD[..]].concat();
    for signal in ["TERM", "HUP"] {
        let (status, document) = ended_by(signal, &arguments);
        assert_eq!(status, Some(3), "{signal}: {document}");
        assert!(document["workloads"][0]["searches"][0]["states"].as_u64() > Some(0), "{document}");
    }
}

#[test]
fn walks_that_were_not_all_taken_are_incomplete() {
    let traces = folder("interrupted-walks");
    let about = ["simulate", "--walks", "100000", "--seed", "1", "--trace-dir", text(&traces)];
    let (status, document) = interrupted(&[&about[..], &WORLD[..]].concat());
    assert_eq!((status, &document["exit"]), (Some(3), &3.into()), "{document}");
}

/// The trace of a walk is beside that of a check of the same promise, not in its place.
#[test]
fn a_walk_leaves_the_trace_of_a_check() {
    let traces = folder("walk-beside-check");
    let about =
        ["examples/web.yaml", "--story", "rollout", "--property", "no-failed-request", "--replicas", "1"];
    let about = [&about[..], &["--timing", "untimed", "--trace-dir", text(&traces)]].concat();
    for command in [&["check"][..], &["simulate", "--seed", "1", "--walks", "20"]] {
        let output = podproof(&[command, &about[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}");
    }
    let names = std::fs::read_dir(&traces).expect("there are traces");
    let mut names: Vec<_> = names.map(|entry| entry.expect("a file").file_name()).collect();
    names.sort();
    let name = "deployment-web-rollout-no-failed-request-untimed";
    assert_eq!(names, [format!("{name}.json"), format!("{name}.walk.json")].map(std::ffi::OsString::from));
}
