//! Recordings in memory: their files, line by line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use podproof_conform::reading::Log;
use podproof_conform::report::{Options, Report, Wrong};
use podproof_conform::run;
use serde_json::{Value, json};

/// The audit log.
pub const AUDIT: &str = "audit.jsonl";

/// The lines of a recording, by file.
pub type Files = BTreeMap<String, Vec<String>>;

/// The folders of a collection, in order.
pub fn folders(collection: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(collection);
    let entries = fs::read_dir(root).expect("a collection").map(|entry| entry.expect("a folder").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The files of a folder.
pub fn read(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let lines = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = BufReader::new(GzDecoder::new(File::open(path).expect("a file")));
        (name, text.lines().map(|line| line.expect("text")).collect())
    };
    entries.map(lines).collect()
}

/// A recording, by its number.
pub fn recording(number: &str) -> Files {
    let folders = folders("recordings");
    let is =
        |folder: &&PathBuf| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number));
    read(folders.iter().find(is).expect("there is such a recording"))
}

/// Changes every line of a file.
pub fn edit(files: &mut Files, file: &str, mut change: impl FnMut(&mut Value)) {
    for line in files.get_mut(file).into_iter().flatten() {
        let mut value: Value = serde_json::from_str(line).expect("JSON");
        change(&mut value);
        *line = value.to_string();
    }
}

/// What is said of these files, if an entry may cost so many states.
pub fn judge(files: &Files, most: u64) -> Report {
    judge_with(files, most, 0)
}

/// The same, where the clocks of nodes may be so many microseconds from that of the API server.
pub fn judge_with(files: &Files, most: u64, skew: i64) -> Report {
    try_to_judge(files, most, skew).unwrap_or_else(|wrong| panic!("the log is not read: {wrong:?}"))
}

/// The same, where the log may be none.
pub fn try_to_judge(files: &Files, most: u64, skew: i64) -> Result<Report, Wrong> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, lines) in files {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let mut log = Log::find(&[folder.path().to_owned()]).expect("a log");
    log.set_clocks(skew).unwrap_or_else(|_| panic!("the log is not read"));
    let options = Options { max_states: Some(most), ..Options::default() };
    run::run(&log, &options, |_| {})
}

/// The last line of a file of which this holds.
pub fn line(files: &Files, file: &str, is: impl Fn(&Value) -> bool) -> usize {
    let value = |line: &String| serde_json::from_str::<Value>(line).expect("JSON");
    files[file].iter().rposition(|line| is(&value(line))).expect("there is such a line")
}

/// When a line was written, in microseconds since the epoch; of a request, when it was answered.
pub fn time(line: &str) -> i64 {
    let value: Value = serde_json::from_str(line).expect("JSON");
    match value["stageTimestamp"].as_str() {
        Some(time) => time.parse::<jiff::Timestamp>().expect("a time").as_microsecond(),
        None => value["t_us"].as_i64().expect("a time"),
    }
}

/// The same log by an audit policy of level Request: nothing that was answered is in it.
pub fn without_answers(mut files: Files) -> Files {
    edit(&mut files, AUDIT, |event| {
        if event["level"] == "RequestResponse" {
            event["level"] = json!("Request");
        }
        event.as_object_mut().expect("an event").remove("responseObject");
    });
    files
}

/// Between two versions of a recording there is room for so many.
const ROOM: u64 = 10;

fn spread(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let version = member.as_str().filter(|_| name == "resourceVersion");
                match version.and_then(|text| text.parse::<u64>().ok()) {
                    Some(version) => *member = json!((version * ROOM).to_string()),
                    None => spread(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(spread),
        _ => {}
    }
}

/// Makes room between the resource versions of all objects.
pub fn make_room(files: &mut Files) {
    for file in files.keys().cloned().collect::<Vec<_>>() {
        edit(files, &file, spread);
    }
}

/// An event of an audit log happens so many microseconds later.
pub fn later(event: &mut Value, by: i64) {
    for field in ["requestReceivedTimestamp", "stageTimestamp"] {
        let at: jiff::Timestamp = event[field].as_str().expect("a time").parse().expect("a time");
        let at = jiff::Timestamp::from_microsecond(at.as_microsecond() + by).expect("a time");
        event[field] = json!(format!("{at:.6}"));
    }
}
