//! Bounds end a check in `incomplete`, never in an abort by the system.
#![cfg(target_os = "linux")]

use std::process::Stdio;

use serde_json::Value;

use crate::run::{command, folder, podproof, stdout, text};

/// The exit status of a check, what it said, and the most memory that its process had, in bytes.
fn measured(bounds: &[&str]) -> (Option<i32>, String, u64) {
    let about = ["check", "examples/web.yaml", "--story", "rollout", "--timing", "untimed", "--threads", "2"];
    let judged = ["--property", "rollout-completes", "--property", "endpoints-converge"];
    let mut command = command(&[&about[..], &judged[..], bounds].concat());
    let mut child = command.stderr(Stdio::null()).spawn().expect("the command runs");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("it can be waited for").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = kilobytes.map_or(most, |kilobytes| most.max(kilobytes << 10));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let output = child.wait_with_output().expect("it has ended");
    (output.status.code(), String::from_utf8(output.stdout).expect("reports are text"), most)
}

/// What is not counted: a few buffers, and what the allocator keeps.
const ASIDE: u64 = 8 << 20;

#[test]
fn a_bound_on_memory_is_kept_by_the_process_and_ends_in_incomplete_where_the_disk_does_not_help() {
    // It is over in a moment: what a look from outside sees of one run is often its beginning.
    let runs = (0..20).map(|_| measured(&["--max-states", "50"]).2);
    let without_states = runs.max().expect("there are some");
    let (status, said, unbounded) = measured(&[]);
    assert_eq!(status, Some(0), "{said}");
    // With 4 MiB all that can go to disk does, and the search comes to its end.
    for (megabytes, ends) in [(1_u64, false), (2, false), (4, true)] {
        let bound = format!("{megabytes}MiB");
        let (status, said, most) = measured(&["--max-memory", &bound]);
        assert_eq!(status, Some(if ends { 0 } else { 3 }), "{bound}: {said}");
        assert_ne!(said.contains("as much as --max-memory allows"), ends, "{bound}: {said}");
        let allowed = without_states + (megabytes << 20) + ASIDE;
        assert!(most <= allowed, "{bound}: {most} bytes, {allowed} are allowed");
        assert!(unbounded > allowed, "without the bound it takes more: {unbounded} bytes");
    }
}

/// Containers that are always killed before they listen, so that a run goes in circles.
const CRASHES: &str = "apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {podproof.io/listens-after: '300'}}
    spec:
      containers:
      - {name: web, image: x, livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 1, failureThreshold: 1}}
";

/// States that differ in names are one first; where a cycle makes a search of each by itself needed and that meets a bound, what the
/// first has decided stands.
#[test]
fn what_a_coarse_search_has_decided_stands_where_a_finer_one_meets_a_bound() {
    let folder = folder("coarse");
    let manifest = folder.join("web.yaml");
    std::fs::write(&manifest, CRASHES).expect("written");
    let about = ["check", "--nodes", "1", "--story", "create", "--only", "untimed", "--format", "json"];
    let check = |more: &[&str]| {
        let output = podproof(&[&about[..], more, &[text(&manifest)]].concat());
        let document: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        let rows = document["workloads"][0]["results"].as_array().expect("rows").clone();
        let of = |verdict: &str| rows.iter().filter(|row| row["verdict"] == verdict).count();
        (
            document["workloads"][0]["searches"][0]["states"].as_u64().expect("a number"),
            of("holds"),
            of("incomplete"),
        )
    };
    let (states, holds, incomplete) = check(&[]);
    assert!(holds > 2 && incomplete == 0, "{holds}, {incomplete}");
    let most = (states - 1).to_string();
    let (_, by_each, _) = check(&["--symmetry", "none", "--max-states", &most]);
    assert_eq!(by_each, 0, "with every state for itself nothing is proved");
    let (_, by_coarse, open) = check(&["--max-states", &most]);
    assert!(by_coarse > 1 && by_coarse < holds && open > 0, "{by_coarse} of {holds}, {open} open");
}
