//! Memory: a log in which a pod comes and goes many times needs no more of it than one in which it comes a few times.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use podproof_conform::reading::Log;
use podproof_conform::run::{self, Options, Verdict};
use serde_json::{Value, json};

use crate::files::{folders, read};

/// The recording of one life: a pod is created, and deleted again.
const LIFE: &str = "02-delete-exit-on-term";
/// From the beginning of one life to that of the next, in seconds.
const PERIOD: i64 = 20;
/// Resource versions that a life takes.
const VERSIONS: u64 = 1000;
/// Where the log is of which a process is to tell how much memory it takes.
const FOLDER: &str = "PODPROOF_TEST_LIVES";
/// Lives of the two logs that are compared.
const FEW: usize = 20;
const MANY: usize = 170;
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

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("there is a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Alone it judges three lives; the test below runs it on longer logs, each in a process of its own.
#[test]
#[cfg(target_os = "linux")]
fn one_life_after_the_other_is_lawful() {
    let own = tempfile::tempdir().expect("a temporary folder");
    let given = env::var_os(FOLDER).map(PathBuf::from);
    if given.is_none() {
        write(own.path(), 3, false);
    }
    let log = Log::find(&[given.unwrap_or_else(|| own.path().to_owned())]).expect("a log");
    let report =
        run::run_keeping(&log, &Options::default(), |_| {}, |followed, _| followed.unexplained.is_none());
    let report = report.unwrap_or_else(|_| panic!("the log is not read"));
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    assert!(report.followed.len() >= 3 && report.followed.iter().all(|is_explained| *is_explained));
    writeln!(std::io::stdout(), "lives {} peak {}", report.followed.len(), peak()).expect("it is written");
}

/// How much memory a log of so many lives takes, in KiB.
fn peak_of(lives: usize, is_cordoned: bool) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), lives, is_cordoned);
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "memory::one_life_after_the_other_is_lawful", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = said.split_whitespace().collect();
    let after = |word: &str| {
        let place = words.iter().position(|other| *other == word).unwrap_or_else(|| panic!("{said}"));
        words[place + 1].parse::<u64>().expect("a number")
    };
    assert_eq!(after("lives"), lives as u64);
    after("peak")
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
