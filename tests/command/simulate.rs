//! Random walks as a user meets them: the same seed is the same run, what they find replays, and limits are told.

use std::path::{Path, PathBuf};
use std::process::Output;

use clap::Parser as _;
use podproof::arguments::{Arguments, Command, Format};
use podproof::simulate::found::{Said, SimulateReport, Walks, Word};
use podproof::simulate::{render, simulate};
use podproof_traces::{Replayed, replay};
use podproof_vocabulary::Property;
use serde_json::Value;

use crate::run::{self, podproof, stderr, stdout};

const WEB: &str = "examples/web.yaml";
const PRESTOP: &str = "examples/web-prestop.yaml";

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    run::folder(&format!("simulate-{name}"))
}

/// `web.yaml` with this many replicas, in a folder of this test's own.
fn web_of(test: &str, replicas: u32) -> PathBuf {
    let two = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(WEB)).expect("an example");
    let path = folder(test).join("web.yaml");
    let many = two.replace("replicas: 2", &format!("replicas: {replicas}"));
    std::fs::write(&path, many).expect("a file for the test");
    path
}

/// The walks with these arguments; their traces are written into a folder of the test's own.
fn walks(test: &str, seed: u64, arguments: &[&str]) -> SimulateReport {
    let traces = folder(test).join("traces");
    let own = ["podproof", "simulate", "--trace-dir", traces.to_str().expect("a path of text")];
    let parsed = Arguments::parse_from(own.iter().chain(arguments));
    let Command::Simulate(arguments) = parsed.command else { panic!("another command") };
    let report = simulate(&arguments, seed);
    assert_eq!(report.errors, [""; 0]);
    report
}

fn said(report: &SimulateReport, property: Property) -> &Said {
    let mut all = report.workloads.iter().flat_map(|workload| &workload.said);
    all.find(|said| said.property == property).expect("it is judged")
}

/// How often walks took the steps of a class.
fn taken(walks: &Walks, class: &str) -> u64 {
    walks.taken().find(|(name, _)| *name == class).expect("a class of steps").1
}

/// The report as JSON, without what differs from run to run.
fn without_seconds(report: &SimulateReport) -> String {
    let text = render(report, Format::Json);
    text.lines().filter(|line| !line.contains("\"seconds\"")).map(|line| line.to_owned() + "\n").collect()
}

/// The traces in a test's folder, by name.
fn traces(test: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("simulate-{test}")).join("traces");
    let entries = std::fs::read_dir(folder).expect("there are traces");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("a trace"))
    };
    let mut traces: Vec<_> = entries.map(read).collect();
    traces.sort();
    traces
}

#[test]
fn the_same_seed_is_the_same_run_and_another_is_another() {
    let about = ["--walks", "4", WEB];
    let first = walks("same", 7, &about);
    let files = traces("same");
    assert!(files.len() > 3, "{files:?}");
    let again = walks("same", 7, &about);
    assert_eq!(without_seconds(&first), without_seconds(&again));
    assert!(files == traces("same"), "the traces differ");
    assert_ne!(without_seconds(&first), without_seconds(&walks("other", 8, &about)));
}

#[test]
fn the_command_prints_the_seed_that_it_drew_and_takes_it_again() {
    let traces = folder("drawn");
    let traces = traces.to_str().expect("a path of text");
    let about = ["simulate", "--walks", "1", "--format", "json", "--trace-dir", traces, WEB];
    let document = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).expect("a document") };
    let drawn = document(&podproof(&about));
    let seed = drawn["seed"].as_u64().expect("a seed").to_string();
    let again = document(&podproof(&[&about[..], &["--seed", &seed]].concat()));
    assert_eq!(drawn["workloads"][0]["results"], again["workloads"][0]["results"]);
    assert_eq!(
        drawn["workloads"][0]["walks"][0]["steps-taken"],
        again["workloads"][0]["walks"][0]["steps-taken"]
    );
}

/// What is true of walk 3 among five is true of it alone.
#[test]
fn a_walk_can_be_taken_alone() {
    let about = ["--story", "rollout", "--property", "no-failed-request", WEB];
    let all = walks("among", 5, &[&["--walks", "5"], &about[..]].concat());
    let (number, shown) = said(&all, Property::NoFailedRequest).shown.clone().expect("it is broken");
    let number = number.to_string();
    let alone = walks("alone", 5, &[&["--only-walk", &number], &about[..]].concat());
    let (same, again) = said(&alone, Property::NoFailedRequest).shown.clone().expect("it is broken");
    assert_eq!(same.to_string(), number);
    assert_eq!(again.trace, shown.trace);
}

#[test]
fn a_request_fails_without_pre_stop_and_its_trace_replays() {
    let traces = folder("broken");
    let traces = traces.to_str().expect("a path of text");
    let about = ["--story", "rollout", "--property", "no-failed-request", "--seed", "1", WEB];
    let output = podproof(&[&["simulate", "--trace-dir", traces], &about[..]].concat());
    let says = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{says}");
    assert!(says.contains("broken no-failed-request in "), "{says}");
    assert!(says.contains("seed 1: 10 walks, "), "{says}");
    assert!(!says.contains("holds"), "walks prove nothing: {says}");
    let trace = format!("{traces}/deployment-web-rollout-no-failed-request-timed.walk.json");
    let replayed = podproof(&["trace", "replay", &trace]);
    assert_eq!(replayed.status.code(), Some(0), "{}", stdout(&replayed));
    assert!(stdout(&replayed).contains("still broken"), "{}", stdout(&replayed));
    assert_eq!(podproof(&["trace", "show", &trace]).status.code(), Some(0));
    let allowed = podproof(
        &[&["simulate", "--trace-dir", traces, "--allow", "no-failed-request"], &about[..]].concat(),
    );
    assert_eq!(allowed.status.code(), Some(0), "{}", stdout(&allowed));
}

/// What a check proves of the rollout no walk breaks.
#[test]
fn with_a_long_pre_stop_no_walk_breaks_a_timed_promise() {
    let about = ["--story", "rollout", "--walks", "40", PRESTOP];
    let report = walks("prestop", 3, &about);
    let timed = report.workloads[0].said.iter().filter(|said| said.property.facts().timed);
    let broken = timed.clone().filter(|said| said.word() == Word::Broken);
    assert_eq!(broken.map(|said| said.property).collect::<Vec<_>>(), []);
    assert!(timed.filter(|said| said.reached == said.walks).count() >= 4, "premises are reached");
}

#[test]
fn a_wrong_rule_is_found() {
    let about = ["--scenario", "rollout-prestop", "--property", "ready-means-ready"];
    let right = walks("right", 1, &about);
    assert_eq!(said(&right, Property::ReadyMeansReady).word(), Word::NotSeenBroken);
    let wrong = walks("wrong", 1, &[&about[..], &["--mutant", "slice-keeps-terminating-ready"]].concat());
    let trace = said(&wrong, Property::ReadyMeansReady).trace().expect("it is broken");
    assert_eq!(replay(trace), Ok(Replayed::StillBroken { at_step: trace.stem.len() }));
}

/// A rest with something pending is a lasso without a cycle; all else that is promised of the end is not judged.
#[test]
fn progress_is_judged_where_walks_rest_and_nowhere_else() {
    let report = walks("rest", 1, &["--scenario", "node-crash-tolerated"]);
    let broken = said(&report, Property::ReplacedAfterNodeFailure);
    let trace = broken.trace().expect("it is broken");
    assert!(trace.cycle.is_empty() && trace.obligation.is_some());
    assert_eq!(replay(trace), Ok(Replayed::StillBroken { at_step: trace.stem.len() }));
    assert_eq!(said(&report, Property::EndpointsConverge).word(), Word::NotJudged);
    let says = render(&report, Format::Human);
    assert!(says.contains("not judged by walks: scheduled-if-feasible, "), "{says}");
}

#[test]
fn what_a_state_cannot_hold_is_refused_with_the_limit() {
    let many = web_of("many", 500);
    let many = many.to_str().expect("a path of text");
    let output = podproof(&["simulate", many]);
    assert_eq!(output.status.code(), Some(2));
    let says = stderr(&output);
    assert!(says.contains("Deployment/web has 500 replicas, more than a state can hold (100)"), "{says}");
    assert!(says.contains("accepted: --replicas from 1 to 100"), "{says}");
    for (flag, value) in [("--replicas", "101"), ("--nodes", "61"), ("--walks", "0"), ("--steps", "0")] {
        let output = podproof(&["simulate", flag, value, WEB]);
        assert_eq!(output.status.code(), Some(2), "{flag}");
        assert!(stderr(&output).contains(".."), "the range is told: {}", stderr(&output));
    }
    let output = podproof(&["simulate", "--format", "junit", WEB]);
    assert!(stderr(&output).contains("[possible values: human, json]"), "{}", stderr(&output));
    let output = podproof(&["check", "--replicas", "50", many]);
    assert!(stderr(&output).contains("progress obligations are more than a search keeps (128)"));
}

/// The largest that a state holds: nothing overflows.
#[test]
fn the_largest_size_walks() {
    let path = web_of("largest", 500);
    let about =
        ["--replicas", "100", "--nodes", "60", "--story", "rollout", "--walks", "1", "--steps", "600"];
    let report = walks("largest-traces", 1, &[&about[..], &[path.to_str().expect("text")]].concat());
    assert_eq!(report.workloads[0].about.checked_replicas, 100);
    assert!(report.workloads[0].walks.iter().all(|walks| walks.steps == 600));
}

#[test]
fn fifty_replicas_walk_through_a_rollout_on_twenty_nodes() {
    let path = web_of("fifty", 50);
    let about = ["--story", "rollout", "--walks", "1", path.to_str().expect("a path of text")];
    let report = walks("fifty-traces", 1, &about);
    let workload = &report.workloads[0];
    assert_eq!((workload.about.checked_replicas, workload.about.nodes.len()), (50, 20));
    for walks in &workload.walks {
        assert!(walks.longest > 2_000 && walks.rested == 1, "{walks:?}");
        assert!(walks.stopped.is_empty(), "{walks:?}");
        assert!(taken(walks, "environment/change-template") == 1, "{walks:?}");
    }
    let trace = said(&report, Property::NoFailedRequest).trace().expect("it is broken");
    assert_eq!(replay(trace), Ok(Replayed::StillBroken { at_step: trace.stem.len() }));
}

/// Other events come beside the story, and a walk that runs out of what the scenario holds says so.
#[test]
fn events_happen_on_walks() {
    let about = ["--story", "create", "--event", "container-crash=3", "--event", "kubelet-restart=2"];
    let report = walks("events", 2, &[&about[..], &["--timing", "untimed", "--walks", "20", WEB]].concat());
    let walks = &report.workloads[0].walks[0];
    assert_eq!(taken(walks, "environment/crash-container"), 60, "{walks:?}");
    assert_eq!(taken(walks, "environment/stop-kubelet"), 40, "{walks:?}");
}

/// Walks until the time is over take no room before they are taken.
#[test]
#[cfg(target_os = "linux")]
fn the_number_of_walks_costs_no_memory() {
    let about =
        ["simulate", "--scenario", "rollout", "--seed", "1", "--walks", "4000000000", "--time-limit", "1s"];
    let mut child = run::command(&about).spawn().expect("it runs");
    let file = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("it can be waited for").is_none() {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(kilobytes.unwrap_or(0_u64));
        if most > 1 << 20 {
            let _ = child.kill();
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let status = child.wait().expect("it ends").code();
    assert!(most < 300 << 10, "{most} kB");
    assert!(matches!(status, Some(0 | 1 | 3)), "{status:?}");
}

#[test]
fn no_time_for_a_step_is_no_walk_and_no_success() {
    let file = web_of("no-time", 2);
    let file = file.to_str().expect("a path of text");
    let output = podproof(&["simulate", file, "--seed", "1", "--time-limit", "1ns", "--story", "rollout"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(stdout(&output).contains("untimed: 0 walks, 0 steps"), "{}", stdout(&output));
}
