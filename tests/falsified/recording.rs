//! A recording in memory: read, changed, and written out again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::line::{Line, Micros};

/// The audit log.
pub const AUDIT: &str = "audit.jsonl";

/// What the processes said of themselves.
pub const APP: &str = "app.jsonl";

/// Resource versions are multiplied by this on reading, so that there is room between them.
const ROOM: u64 = 10;

/// A recording.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its folder's name.
    pub name: String,
    files: BTreeMap<String, Vec<Line>>,
    next: usize,
}

impl Recording {
    /// Reads a folder. What is most of it and nothing is judged by is left out: connections of clients, requests that only read,
    /// Endpoints and Events.
    pub fn read(folder: &Path) -> Self {
        let name = folder.file_name().expect("a folder's name").to_string_lossy().into_owned();
        let mut recording = Self { name, files: BTreeMap::new(), next: 0 };
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let Some(name) = name.strip_suffix(".gz").filter(|name| *name != "client.jsonl") else {
                continue;
            };
            let text = BufReader::new(GzDecoder::new(File::open(&path).expect("a file")));
            for line in text.lines() {
                let mut value: Value =
                    serde_json::from_str(&line.expect("a line of text")).expect("a line of JSON");
                if is_noise(&value) {
                    continue;
                }
                spread_versions(&mut value);
                let lines = recording.files.entry(name.to_owned()).or_default();
                lines.push(Line { id: recording.next, value: value.into() });
                recording.next += 1;
            }
        }
        recording
    }

    /// The lines of a file, in order.
    pub fn lines(&self, file: &str) -> &[Line] {
        self.files.get(file).map_or(&[], |lines| lines)
    }

    /// The lines of the audit log.
    pub fn audit(&self) -> impl Iterator<Item = &Line> {
        self.lines(AUDIT).iter()
    }

    /// The names of its files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// A line.
    pub fn line(&self, id: usize) -> &Line {
        self.files.values().flatten().find(|line| line.id == id).expect("a line of the recording")
    }

    /// Changes a line. If it happens at another time then, it goes to its place.
    pub fn change(&mut self, id: usize, change: impl FnOnce(&mut Line)) {
        let line = self.files.values_mut().flatten().find(|line| line.id == id);
        let line = line.expect("a line of the recording");
        let before = line.at();
        change(line);
        if line.at() != before {
            let (file, line) = self.take(id);
            self.put(&file, line);
        }
    }

    /// Changes every object of this kind and name in it, wherever it stands; without a name, all of this kind.
    pub fn change_objects(&mut self, kind: &str, name: Option<&str>, change: impl Fn(&mut Value)) {
        // Lines without one stay shared.
        let is_one = |object: &Value| {
            let is_named = name.is_none_or(|name| object["metadata"]["name"] == name);
            object["kind"] == kind && is_named
        };
        let has_one = |line: &Line| {
            let is_listed = kind == "Node" && line.value.pointer("/event/items").is_some();
            is_listed || is_one(&line.value["requestObject"]) || is_one(&line.value["responseObject"])
        };
        for line in self.files.values_mut().flatten().filter(|line| has_one(line)) {
            let Some(fields) = line.value.as_object_mut() else { continue };
            for field in ["requestObject", "responseObject"] {
                if let Some(object) = fields.get_mut(field)
                    && is_one(object)
                {
                    change(object);
                }
            }
            let listed = line.value.pointer_mut("/event/items").and_then(Value::as_array_mut);
            // Items of a list do not say their kind: the lists of a recording here are of nodes.
            for object in listed.into_iter().flatten().filter(|_| kind == "Node") {
                if name.is_none_or(|name| object["metadata"]["name"] == name) {
                    change(object);
                }
            }
        }
    }

    /// Changes every line of a file, and none of their times.
    pub fn change_all(&mut self, file: &str, change: impl FnMut(&mut Line)) {
        self.files.get_mut(file).into_iter().flatten().for_each(change);
    }

    /// Is every line the same, in the same order?
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.files.keys().eq(other.files.keys())
            && self.files.values().zip(other.files.values()).all(|(lines, others)| {
                lines.iter().map(|line| &line.value).eq(others.iter().map(|line| &line.value))
            })
    }

    /// Leaves a line out.
    pub fn drop(&mut self, id: usize) {
        self.take(id);
    }

    /// Adds a line like this one, with the changes made; its number.
    pub fn add_like(&mut self, id: usize, change: impl FnOnce(&mut Line)) -> usize {
        let file = self.file_of(id);
        let mut line = Line { id: self.next, value: self.line(id).value.clone() };
        self.next += 1;
        change(&mut line);
        let id = line.id;
        self.put(&file, line);
        id
    }

    /// Moves a line to another file.
    pub fn move_to(&mut self, file: &str, id: usize) {
        let (_, line) = self.take(id);
        self.put(file, line);
    }

    /// A resource version after this one that no write has.
    pub fn version_after(&self, version: u64) -> u64 {
        let taken = |version: &u64| self.audit().any(|line| line.version() == *version);
        (version + 1..).find(|version| !taken(version)).expect("versions have no end")
    }

    /// The resource version of the last write that was received before this moment.
    pub fn version_at(&self, at: Micros) -> u64 {
        let before = self.audit().filter(|line| line.received() < at);
        before.map(Line::version).max().unwrap_or_default()
    }

    /// Leaves out all files but the audit log and the nodes as they were at the beginning.
    pub fn forget_all_but_the_api(&mut self) {
        self.files.retain(|name, _| name == AUDIT || name == "nodes.jsonl");
    }

    /// The file, and the number in it from 1, of a line.
    pub fn place(&self, id: usize) -> (String, u64) {
        let file = self.file_of(id);
        let at = self.files[&file].iter().position(|line| line.id == id).expect("a line of the file");
        (file, at as u64 + 1)
    }

    /// Writes it to a folder.
    pub fn write(&self, folder: &Path) {
        for (name, lines) in &self.files {
            let mut file = BufWriter::new(File::create(folder.join(name)).expect("a file"));
            for line in lines {
                writeln!(file, "{}", line.value.written()).expect("a line");
            }
            file.flush().expect("a file");
        }
    }

    fn file_of(&self, id: usize) -> String {
        let has = |lines: &Vec<Line>| lines.iter().any(|line| line.id == id);
        let found = self.files.iter().find(|(_, lines)| has(lines));
        found.expect("a line of the recording").0.clone()
    }

    fn take(&mut self, id: usize) -> (String, Line) {
        let file = self.file_of(id);
        let lines = self.files.get_mut(&file).expect("a file");
        let at = lines.iter().position(|line| line.id == id).expect("a line of the file");
        (file, lines.remove(at))
    }

    fn put(&mut self, file: &str, line: Line) {
        let lines = self.files.entry(file.to_owned()).or_default();
        let at = lines.iter().position(|other| other.at() > line.at()).unwrap_or(lines.len());
        lines.insert(at, line);
    }
}

/// Does a line say nothing that anything is judged by?
fn is_noise(line: &Value) -> bool {
    let reads = ["get", "list", "watch"].iter().any(|verb| line["verb"] == *verb);
    let aside = ["events", "endpoints"].iter().any(|resource| line["objectRef"]["resource"] == *resource);
    reads || aside || line["kind"] == "req"
}

/// Makes room between the resource versions of all objects in a line.
fn spread_versions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(version) if name == "resourceVersion" => {
                        if let Ok(number) = version.parse::<u64>() {
                            *version = (number * ROOM).to_string();
                        }
                    }
                    field => spread_versions(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(spread_versions),
        _ => {}
    }
}
