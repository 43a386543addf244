//! `--checkpoint` and `--resume`: a check that is killed at any moment and resumed says what an unbroken one says.

use std::path::{Path, PathBuf};
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{command, folder, interrupt, podproof, stderr, stdout, text};

/// The document without what differs from run to run: seconds, and the folder of traces.
fn document(output: &Output, traces: &Path) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove("seconds");
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let report = String::from_utf8(output.stdout.clone()).expect("reports are text");
    let mut document: Value = serde_json::from_str(&report.replace(text(traces), "TRACES"))
        .unwrap_or_else(|error| panic!("{error}: {report}{}", stderr(output)));
    strip(&mut document);
    document
}

/// The traces in a folder, by name.
fn traces(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut traces: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(entry.path()).expect("a trace is text"))
        })
        .collect();
    traces.sort();
    traces
}

/// An untimed and a timed search with what each kind of them keeps, and broken promises of both kinds.
const CHECK: [&str; 10] = [
    "check",
    "examples/web.yaml",
    "--replicas",
    "1",
    "--story",
    "rollout",
    "--mutant",
    "worker-starts-after-termination",
    "--format",
    "json",
];

/// That check, which is kept all the time if it is kept.
fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let is_kept = more.iter().any(|option| ["--checkpoint", "--resume"].contains(option));
    let always: &[&str] = if is_kept { &["--checkpoint-interval=0s"] } else { &[] };
    [&CHECK[..], more, always].concat()
}

/// What an unbroken check says, its traces, and how long it took.
fn unbroken(folder: &Path) -> (Value, Vec<(String, String)>, Duration) {
    let (kept, start) = (folder.join("unbroken"), Instant::now());
    let output = podproof(&arguments(&["--threads", "1", "--trace-dir", text(&kept)]));
    let (said, traces) = (document(&output, &kept), traces(&kept));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(traces.len() > 2, "{said:#}");
    (said, traces, start.elapsed())
}

/// Sends SIGKILL after a while, unless it has ended; its output then.
fn killed_after(mut child: Child, time: Duration) -> Option<Output> {
    let end = Instant::now() + time;
    loop {
        if child.try_wait().expect("it can be waited for").is_some() {
            return Some(child.wait_with_output().expect("it has ended"));
        }
        if Instant::now() >= end {
            child.kill().expect("it can be killed");
            child.wait().expect("it has ended");
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_check_that_is_killed_and_resumed_says_what_an_unbroken_one_says() {
    let folder = folder("killed");
    let (said, found, took) = unbroken(&folder);
    for seed in [1, 2, 3] {
        let mut random = fastrand::Rng::with_seed(seed);
        let (kept, shown) = (folder.join(format!("kept-{seed}")), folder.join(format!("traces-{seed}")));
        let (mut kills, mut resumed, mut moments) = (0_u32, 0, Vec::new());
        let output = loop {
            let option = if kept.join("check").exists() { "--resume" } else { "--checkpoint" };
            resumed += u32::from(option == "--resume");
            let threads = ["1", "2", "4"][kills as usize % 3];
            let where_to = [option, text(&kept), "--threads", threads, "--trace-dir", text(&shown)];
            let child = command(&arguments(&where_to)).spawn().expect("the command runs");
            // Longer and longer, so that it ends.
            let most = 1 + took.as_millis() as u64 * (2 + u64::from(kills)) / 8;
            let time = Duration::from_millis(random.u64(1..=most));
            moments.push(time);
            match killed_after(child, time) {
                Some(output) => break output,
                None => kills += 1,
            }
        };
        let about =
            format!("seed {seed}, resumed {resumed} times, killed after {moments:?} but for the last");
        assert!(kills >= 2 && resumed >= 1, "{about}");
        assert_eq!(output.status.code(), Some(1), "{about}: {}", stderr(&output));
        let document = document(&output, &shown);
        assert_eq!(document, said, "{about}");
        assert!(traces(&shown) == found, "{about}: the traces differ");
    }
}

#[test]
fn bounds_leave_a_checkpoint_that_is_gone_on_from() {
    let folder = folder("raised");
    let (said, found, _) = unbroken(&folder);
    let (kept, shown) = (folder.join("kept"), folder.join("traces"));
    let bounds: [&[&str]; 5] = [
        &["--checkpoint", text(&kept), "--max-states", "500"],
        &["--resume", text(&kept), "--max-depth", "25", "--threads", "2"],
        &["--resume", text(&kept), "--max-memory", "64KiB", "--threads", "4"],
        &["--resume", text(&kept), "--time-limit", "1ms"],
        &["--resume", text(&kept), "--max-states", "3000", "--threads", "4"],
    ];
    for bound in bounds {
        let output = podproof(&[&arguments(bound)[..], &["--trace-dir", text(&shown)]].concat());
        assert!(stderr(&output).contains("goes on from there"), "{bound:?}: {}", stderr(&output));
        let workload = &document(&output, &shown)["workloads"][0];
        assert_eq!(workload["complete"], false, "{bound:?}");
    }
    let (resume, trace_dir) = (["--resume", text(&kept)], ["--trace-dir", text(&shown)]);
    for again in ["the rest is searched", "nothing is searched any more"] {
        let output = podproof(&arguments(&[resume, trace_dir].concat()));
        let mut document = document(&output, &shown);
        // Where --max-memory was met, states that wait went to disk: that is told, and nothing else.
        let mut said = said.clone();
        for document in [&mut document, &mut said] {
            for search in document["workloads"][0]["searches"].as_array_mut().expect("searches") {
                for key in ["spilled", "peak-memory"] {
                    search["measured"][key] = Value::Null;
                }
            }
        }
        assert_eq!(document, said, "{again}");
        assert!(traces(&shown) == found, "{again}: the traces differ");
        assert!(!stderr(&output).contains("goes on from there"), "{}", stderr(&output));
    }
}

/// A check of which one search was ended by a bound, kept in a folder.
fn kept(name: &str) -> PathBuf {
    let folder = folder(name).join("kept");
    let output = podproof(&small(&["--checkpoint", text(&folder), "--max-states", "2000"]));
    assert_eq!(output.status.code(), Some(SMALL), "{}", stderr(&output));
    assert!(stderr(&output).contains("goes on from there"), "{}", stderr(&output));
    folder
}

/// A check of four searches, one of which has more than 2000 states.
fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let about =
        ["check", "--scenario", "rollout", "--scenario", "pod-life", "--property", "deletion-completes"];
    let traces = concat!("--trace-dir=", env!("CARGO_TARGET_TMPDIR"), "/traces-of-small");
    [&about[..], &["--property", "no-failed-request", "--format", "json", traces], more].concat()
}

/// Its exit status: a request fails.
const SMALL: i32 = 1;

fn refused(arguments: &[&str]) -> String {
    let output = podproof(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    let says = stderr(&output);
    assert!(says.contains("error: ") && says.contains("accepted"), "{arguments:?}: {says}");
    assert!(!says.contains("panicked"), "{says}");
    says
}

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() { all_files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let folder = kept("damaged");
    let mut files = Vec::new();
    all_files(&folder, &mut files);
    let names: Vec<_> =
        files.iter().map(|path| text(path.strip_prefix(&folder).expect("inside")).to_owned()).collect();
    for kind in ["check", "outcome-", "checkpoint", "states", "waiting-"] {
        assert!(
            names.iter().any(|name| name.rsplit('/').next().is_some_and(|n| n.starts_with(kind))),
            "{names:?}"
        );
    }
    for path in files {
        let whole = std::fs::read(&path).expect("it is there");
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        for (what, bytes) in [("truncated", &whole[..whole.len() - 1]), ("flipped", &flipped)] {
            std::fs::write(&path, bytes).expect("it is written");
            let says = refused(&small(&["--resume", text(&folder)]));
            assert!(
                says.contains(text(&path)) && says.contains("damaged"),
                "{what} {}: {says}",
                path.display()
            );
        }
        std::fs::write(&path, &whole).expect("it is written");
    }
    let output = podproof(&small(&["--resume", text(&folder)]));
    assert_eq!(output.status.code(), Some(SMALL), "whole again: {}", stderr(&output));
}

#[test]
fn another_version_of_the_files_is_refused() {
    let folder = kept("version");
    let path = folder.join("check");
    let mut bytes = std::fs::read(&path).expect("it is there");
    // Behind the eight bytes that say what it is.
    bytes[8] += 1;
    std::fs::write(&path, bytes).expect("it is written");
    let says = refused(&small(&["--resume", text(&folder)]));
    assert!(says.contains("of version 2; accepted is version 1"), "{says}");
}

#[test]
fn the_checkpoint_of_another_check_is_refused_with_what_differs() {
    let folder = kept("foreign");
    let resume = ["--resume", text(&folder)];
    let cases: [(&[&str], &str); 5] = [
        (&["--event", "container-crash=1"], "container-crash"),
        (&["--exact"], "approximations"),
        (&["--property", "placement-lawful"], "judged"),
        (&["--fingerprint-bits", "128"], "its number of fingerprint bits is 64, not 128"),
        (&["--timing", "untimed"], "its searches are"),
    ];
    for (more, sign) in cases {
        let says = refused(&small(&[&resume, more].concat()));
        assert!(says.contains("of another check") && says.contains(sign), "{more:?}: {says}");
    }
}

#[test]
fn folders_and_options_that_cannot_be_used_are_refused() {
    let kept = kept("used");
    let empty = folder("empty-checkpoint");
    let other = folder("other-files");
    std::fs::write(other.join("a-file"), "").expect("it is written");
    let cases: [(&[&str], &str); 8] = [
        (&["--checkpoint", text(&kept)], "there is a checkpoint here; accepted are --resume"),
        (&["--checkpoint", text(&other)], "the folder is not empty"),
        (&["--resume", text(&empty)], "there is no checkpoint here"),
        (&["--resume", "no-such-folder"], "there is no checkpoint here"),
        (&["--resume", text(&kept), "--checkpoint", text(&empty)], "name two folders"),
        (&["--resume", text(&kept), "--engine", "stateright-bfs"], "--resume has no effect with an engine"),
        (&["--checkpoint", text(&empty), "--engine", "stateright-dfs"], "--checkpoint has no effect"),
        (
            &["--checkpoint", text(&empty), "--partial-order", "--property", "placement-lawful"],
            "--checkpoint keeps no search by partial order",
        ),
    ];
    for (more, sign) in cases {
        let says = refused(&small(more));
        assert!(says.contains(sign), "{more:?}: {says}");
    }
    let output = podproof(&["simulate", "examples/web.yaml", "--resume", text(&kept)]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
#[cfg(unix)]
fn ctrl_c_leaves_a_checkpoint_that_is_gone_on_from() {
    let kept = folder("interrupted").join("kept");
    let about = [
        "check",
        "examples/web-prestop.yaml",
        "--story",
        "rollout",
        "--timing",
        "untimed",
        "--format",
        "json",
    ];
    let about = [&about[..], &["--property", "placement-lawful", "--property", "rollout-completes"]].concat();
    let mut child =
        command(&[&about[..], &["--checkpoint", text(&kept)]].concat()).spawn().expect("the command runs");
    let has_begun = || {
        let searches = std::fs::read_dir(kept.join("search-1")).into_iter().flatten().flatten();
        searches.into_iter().any(|search| search.path().join("states").exists())
    };
    while !has_begun() {
        assert!(
            child.try_wait().expect("it can be waited for").is_none(),
            "it ended before it was interrupted"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let search = &document["workloads"][0]["searches"][0];
    assert_eq!(search["stopped"], serde_json::json!(["it was interrupted"]));
    assert!(stderr(&output).contains("goes on from there"), "{}", stderr(&output));
    let output = podproof(&[&about[..], &["--resume", text(&kept)]].concat());
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((&document["exit"], &document["workloads"][0]["states"]), (&0.into(), &93_547.into()));
}

/// What is in memory when the temporary disk turns out to be of no use is whole, and is kept.
#[cfg(unix)]
#[test]
fn what_a_temporary_disk_cannot_take_is_kept_in_the_checkpoint() {
    let folder = folder("checkpoint-without-temporary-disk");
    let (kept, whole) = (folder.join("kept"), folder.join("whole"));
    let about =
        ["check", "examples/web.yaml", "--replicas", "1", "--story", "rollout", "--timing", "untimed"];
    let what = ["--property", "placement-lawful", "--checkpoint-interval", "1h", "--trace-dir", text(&whole)];
    let run = |more: &[&str], temporary: Option<&Path>| {
        let mut command = command(&[&about[..], &what[..], more].concat());
        temporary.map(|path| command.env("TMPDIR", path));
        let output = command.output().expect("it runs");
        (output.status.code(), stdout(&output))
    };
    let tight = ["--max-memory", "64KiB", "--checkpoint", text(&kept)];
    let (status, said) = run(&tight, Some(&folder.join("nowhere")));
    assert!(status == Some(3) && said.contains("states that wait could not be put on disk"), "{said}");
    // What was found until then is there to go on from.
    let (status, said) = run(&["--resume", text(&kept)], None);
    assert!(status == Some(0) && said.contains("holds placement-lawful"), "{said}");
}
