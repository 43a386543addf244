//! Memory: a log in which a pod comes and goes many times, or stays and changes many times, needs no more of it than one in which it does so
//! a few times.

use std::env;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use podproof_conform::reading::Log;
use podproof_conform::report::{Followed, Options, Verdict};
use podproof_conform::run;
use serde_json::{Value, json};

use crate::files::{folders, read, recording, time};

/// The recording of one life: a pod is created, and deleted again.
const LIFE: &str = "02-delete-exit-on-term";
/// From the beginning of one life to that of the next, in seconds.
const PERIOD: i64 = 20;
/// Resource versions that a life takes.
const VERSIONS: u64 = 1000;
/// The recording of a pod that becomes not Ready, and Ready again.
const FLAPPING: &str = "26-readiness-flap";
/// When, in microseconds after its first line, what is repeated begins and ends.
const FLAP: [i64; 2] = [10_600_000, 18_600_000];
/// Objects that are written in every period: their versions when one begins and when it ends, for the slice and the Endpoints.
const ENDS: [(u64, u64); 2] = [(7419, 7434), (7418, 7435)];
/// One connection of so many is kept.
const CLIENTS: i64 = 25;
/// How often the pod of the two logs that are compared becomes not Ready.
const FEW_FLAPS: u64 = 50;
const MANY_FLAPS: u64 = 1_000;
/// Each step more may take so many bytes: what is left of buffers that fill. A step that is kept in memory takes 240.
const BYTES: u64 = 60;
/// Where the log is of which a process is to tell how much memory it takes.
const FOLDER: &str = "PODPROOF_TEST_MEMORY";
/// Lives of the two logs that are compared: both have more entries than are kept from the first pass to the second (`KEPT`).
const FEW: usize = 70;
const MANY: usize = 220;
/// The longer log may take so much more, in KiB. It is what is said of each pod, less than 10 KiB; a replay takes 100 KiB.
const MORE: u64 = 4 << 10;

/// A text of a life as it is in a later one: later, with other UIDs and resource versions.
fn later_text(name: &str, text: &str, life: usize) -> Option<String> {
    if name == "resourceVersion" {
        let version: u64 = text.parse().ok()?;
        return Some((version + VERSIONS * life as u64).to_string());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        let time = time + SignedDuration::from_secs(PERIOD * life as i64);
        return Some(format!("{time:.6}"));
    }
    let is_uid = text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    is_uid.then(|| format!("{life:08x}{}", &text[8..]))
}

fn later(name: &str, value: &mut Value, life: usize) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| later(name, value, life)),
        Value::Array(items) => items.iter_mut().for_each(|value| later("", value, life)),
        Value::String(text) => {
            if let Some(other) = later_text(name, text, life) {
                *text = other;
            }
        }
        Value::Number(number) if name.ends_with("_us") && name != "mono_us" && name != "d_us" => {
            let time = number.as_i64().expect("microseconds");
            *value = (time + 1_000_000 * PERIOD * life as i64).into();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The node that is cordoned before the log begins, and stays so: the pod is on the other.
fn cordon(list: &mut Value) {
    for node in list["event"]["items"].as_array_mut().expect("a list") {
        if node["metadata"]["name"] == "node-b" {
            let taint = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
            node["spec"] = json!({"unschedulable": true, "taints": [taint]});
        }
    }
}

/// A log of so many lives in a folder.
fn write(folder: &Path, lives: usize, is_cordoned: bool) {
    let life = folders("recordings").into_iter().find(|folder| folder.ends_with(LIFE)).expect("a recording");
    for (name, lines) in read(&life) {
        let mut file = File::create(folder.join(&name)).expect("a file");
        // The list of nodes with which a watch begins is there once.
        let lives = if name == "nodes.jsonl" { 1 } else { lives };
        for life in 0..lives {
            for line in &lines {
                let mut value: Value = serde_json::from_str(line).expect("JSON");
                later("", &mut value, life);
                if is_cordoned && value["event"]["type"] == "LIST" {
                    cordon(&mut value);
                }
                writeln!(file, "{value}").expect("it is written");
            }
        }
    }
}

/// A line of what is repeated as it is in a later period: later, but for what was so before, with versions of its own.
fn repeated(name: &str, value: &mut Value, began: i64, period: u64) {
    let by = (FLAP[1] - FLAP[0]) * period as i64;
    match value {
        Value::Object(members) => {
            members.iter_mut().for_each(|(name, value)| repeated(name, value, began, period));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| repeated("", value, began, period)),
        Value::String(text) if name == "resourceVersion" => {
            let version: u64 = text.parse().expect("a version");
            let before = ENDS.iter().find(|(before, _)| *before == version && period > 0);
            let version =
                before.map_or(version + VERSIONS * period, |(_, last)| last + VERSIONS * (period - 1));
            *text = version.to_string();
        }
        Value::String(text) if name == "auditID" => *text = format!("{period:08x}{}", &text[8..]),
        Value::String(text) => {
            let time = text.parse::<Timestamp>().ok().filter(|time| time.as_microsecond() >= began);
            if let Some(time) = time {
                *text = format!("{:.6}", time + SignedDuration::from_micros(by));
            }
        }
        Value::Number(number) if name.ends_with("_us") && name != "mono_us" && name != "d_us" => {
            *value = (number.as_i64().expect("microseconds") + by).into();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Which connection a line of a client or of a server is about.
fn connection(line: &str) -> Option<i64> {
    let value: Value = serde_json::from_str(line).expect("JSON");
    value["id"].as_str()?.rsplit('-').next()?.parse().ok()
}

/// A log of a pod that becomes not Ready so often, in a folder.
fn write_flapping(folder: &Path, times: u64) {
    let files = recording(&FLAPPING[..2]);
    let first = |lines: &Vec<String>| lines.first().map(|line| time(line));
    let began =
        files.iter().filter(|(name, _)| *name != "nodes.jsonl").filter_map(|(_, lines)| first(lines)).min();
    let [from, to] = FLAP.map(|after| began.expect("there are lines") + after);
    for (name, mut lines) in files {
        lines.retain(|line| connection(line).is_none_or(|number| number % CLIENTS == 0));
        let mut file = BufWriter::new(File::create(folder.join(&name)).expect("a file"));
        let mut put = |line: &dyn std::fmt::Display| writeln!(file, "{line}").expect("it is written");
        let is_list = name == "nodes.jsonl";
        lines.iter().filter(|line| is_list || time(line) < from).for_each(|line| put(line));
        let again = lines.iter().filter(|line| !is_list && (from..to).contains(&time(line)));
        let again: Vec<Value> = again.map(|line| serde_json::from_str(line).expect("JSON")).collect();
        for period in 0..times {
            for value in &again {
                let mut value = value.clone();
                repeated("", &mut value, from, period);
                put(&value);
            }
        }
    }
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("there is a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Alone it judges three lives; the tests below run it on longer logs, each in a process of its own.
#[test]
#[cfg(target_os = "linux")]
fn a_log_is_lawful_and_takes_so_much() {
    let own = tempfile::tempdir().expect("a temporary folder");
    let given = env::var_os(FOLDER).map(PathBuf::from);
    if given.is_none() {
        write(own.path(), 3, false);
    }
    let log = Log::find(&[given.unwrap_or_else(|| own.path().to_owned())]).expect("a log");
    let keep = |followed: Followed, _| (followed.unexplained.is_none(), followed.whole.steps.len());
    let report = run::run_keeping(&log, &Options::default(), |_| {}, keep);
    let report = report.unwrap_or_else(|_| panic!("the log is not read"));
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    assert!(report.followed.len() >= 2 && report.followed.iter().all(|(is_explained, _)| *is_explained));
    let steps: usize = report.followed.iter().map(|(_, steps)| steps).sum();
    let (lives, entries) = (report.followed.len(), report.tally.entries);
    writeln!(std::io::stdout(), "lives {lives} steps {steps} entries {entries} peak {}", peak())
        .expect("it is written");
}

/// What a process says of a log in this folder.
struct Said {
    lives: u64,
    steps: u64,
    /// In KiB.
    peak: u64,
}

fn said_of(folder: &Path) -> Said {
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "memory::a_log_is_lawful_and_takes_so_much", "--nocapture"])
        .env(FOLDER, folder)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = said.split_whitespace().collect();
    let after = |word: &str| {
        let place = words.iter().position(|other| *other == word).unwrap_or_else(|| panic!("{said}"));
        words[place + 1].parse::<u64>().expect("a number")
    };
    Said { lives: after("lives"), steps: after("steps"), peak: after("peak") }
}

/// How much memory a log of so many lives takes, in KiB.
fn peak_of(lives: usize, is_cordoned: bool) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), lives, is_cordoned);
    let said = said_of(folder.path());
    assert_eq!(said.lives, lives as u64);
    said.peak
}

#[test]
#[cfg(target_os = "linux")]
fn memory_grows_with_what_is_alive_and_not_with_what_ever_was() {
    for is_cordoned in [false, true] {
        let (few, many) = (peak_of(FEW, is_cordoned), peak_of(MANY, is_cordoned));
        assert!(
            many < few + MORE,
            "{FEW} lives take {few} KiB and {MANY} take {many} KiB; a node is cordoned: {is_cordoned}"
        );
    }
}

/// A pod that stays is followed to the end of the log, however long its path is.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_path_of_a_pod_that_stays() {
    let of = |times: u64| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_flapping(folder.path(), times);
        said_of(folder.path())
    };
    let (few, many) = (of(FEW_FLAPS), of(MANY_FLAPS));
    assert_eq!((few.lives, many.lives), (2, 2));
    let steps = many.steps - few.steps;
    assert!(steps > 10 * (MANY_FLAPS - FEW_FLAPS), "{steps} steps more");
    let more = many.peak.saturating_sub(few.peak);
    assert!(more * 1024 < BYTES * steps, "{more} KiB more for {steps} steps more");
}

/// Someone who wants to know how much memory a log takes names the kind, how often, and the folder in which it is written.
#[test]
#[cfg(target_os = "linux")]
fn a_log_is_written_for_who_wants_to_measure() {
    let Some(wanted) = env::var("PODPROOF_TEST_MEMORY_WRITE").ok() else { return };
    let words: Vec<&str> = wanted.split_whitespace().collect();
    let [kind, times, folder] = words[..] else { panic!("lives or flaps, how often, and a folder") };
    fs::create_dir_all(folder).expect("a folder");
    let times: u64 = times.parse().expect("a number");
    match kind {
        "flaps" => write_flapping(Path::new(folder), times),
        _ => write(Path::new(folder), times as usize, false),
    }
}
