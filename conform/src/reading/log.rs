//! The files of a log: found, recognised, and read together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::audit::{self, Heard};
use super::clocks::Clocks;
use super::clocks::causes::Causes;
use super::clocks::versions::{self, Dated};
use super::kind::{ACCEPTED, Source};
use super::lanes::{AuditLane, Placed, RecorderLane, WatchLane};
use super::lines::Lines;
use super::listening::LATE;
use super::names::Names;
use super::problem::Problem;
use super::recognise::{
    Found, Input, WATCHES, is_called_as_logs, named, recognise, speaks_of_requests, stem_of,
};
use super::watch::{Told, Watch};
use crate::record::{Entry, Micros, Seen};

/// Files of a recording that are read by people, or say what is in the others.
const ASIDE: &[&str] = &["meta.json", "summary.json", "timeline.txt"];

/// The manifests of a recording.
const MANIFESTS: &str = "manifests.yaml";

/// The inputs, found and recognised; nothing is read yet but the first lines.
#[derive(Clone, Debug)]
pub struct Log {
    files: Vec<Input>,
    /// Files that were found in folders, and are none of a log.
    passed_over: Vec<String>,
    manifests: Vec<PathBuf>,
    clocks: Rc<Clocks>,
}

/// What would be accepted in place of what can be read only once: a log is read twice or more often.
const READ_AGAIN: &str = "a file, gzip or not, that can be read more than once";

/// A larger difference of the clocks of two API servers is not believed: versions begin anew where an etcd does.
const CLOCKS_APART: Micros = 600_000_000;

impl Log {
    /// Finds the files: those that are named, and in each folder those of a recording. In a folder, a file that is no log is
    /// passed over unless it is called as logs are, or has something of an audit log; and one that is empty whatever it is called.
    pub fn find(paths: &[PathBuf]) -> Result<Self, Problem> {
        let mut log =
            Self { files: Vec::new(), passed_over: Vec::new(), manifests: Vec::new(), clocks: Rc::default() };
        let mut known = BTreeSet::new();
        for path in paths {
            let name = path.display().to_string();
            if name == "-" {
                return Err(Problem::new(&name, 0, "standard input can be read only once", READ_AGAIN));
            }
            let unreadable = |error: std::io::Error| {
                Problem::new(&name, 0, error.to_string(), "a file or a folder that can be read")
            };
            let metadata = fs::metadata(path).map_err(unreadable)?;
            if !metadata.is_dir() && !metadata.is_file() {
                return Err(Problem::new(&name, 0, "it is a pipe or a device", READ_AGAIN));
            }
            if metadata.is_file() {
                log.add(path, Found::Named, &mut known)?;
                continue;
            }
            let mut has_any = log.folder(path, &mut known)?;
            let watches = path.join(WATCHES);
            if watches.is_dir() {
                has_any |= log.folder(&watches, &mut known)?;
            }
            if !has_any {
                return Err(Problem::new(&name, 0, nothing_in(path), ACCEPTED));
            }
        }
        Ok(log)
    }

    /// Adds the files of a folder; is any of a log among them?
    fn folder(&mut self, folder: &Path, known: &mut BTreeSet<PathBuf>) -> Result<bool, Problem> {
        let name = folder.display().to_string();
        let unreadable =
            |error: std::io::Error| Problem::new(&name, 0, error.to_string(), "a folder that can be read");
        let entries =
            fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?;
        let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        let mut has_any = false;
        for path in paths.into_iter().filter(|path| path.is_file()) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name == MANIFESTS {
                self.manifests.push(path);
            } else if !ASIDE.contains(&name.as_str()) {
                let found = if is_called_as_logs(&name) { Found::Called } else { Found::There };
                has_any |= self.add(&path, found, known)?;
            }
        }
        Ok(has_any)
    }

    /// Adds a file, once however often it is named; is it one of a log? If it is none, that is a problem unless it was only there.
    fn add(&mut self, path: &Path, found: Found, known: &mut BTreeSet<PathBuf>) -> Result<bool, Problem> {
        let own = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if known.contains(&own) {
            return Ok(true);
        }
        let input = match recognise(path, found) {
            Ok(input) => input,
            Err(_) if found == Found::There && !speaks_of_requests(path) => {
                self.passed_over.push(path.display().to_string());
                None
            }
            Err(problem) => return Err(problem),
        };
        let is_one = input.is_some();
        if is_one {
            known.insert(own);
        }
        self.files.extend(input);
        Ok(is_one)
    }

    /// A file of this source is there.
    pub fn has(&self, source: Source) -> bool {
        self.files.iter().any(|file| file.source == source)
    }

    /// The nodes of which the events of the container runtime are there since the log speaks of pods, in order.
    pub fn nodes_with_runtime(&self) -> Vec<Rc<str>> {
        self.nodes(Source::Runtime)
    }

    /// The nodes of which each change of the rules is there since the log speaks of pods, in order.
    pub fn nodes_with_rules(&self) -> Vec<Rc<str>> {
        self.nodes(Source::Rules)
    }

    fn nodes(&self, source: Source) -> Vec<Rc<str>> {
        let of_source = self.files.iter().filter(|file| file.source == source && self.tells_all(file));
        of_source.filter_map(|file| file.node.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Does it tell of each change since the log speaks of pods?
    fn tells_all(&self, file: &Input) -> bool {
        let writes = self.files.iter().filter(|file| matches!(file.source, Source::Audit | Source::Watch));
        let began = writes.filter_map(|file| file.since).min();
        let is_late = began.zip(file.since).is_some_and(|(began, since)| since > began.saturating_add(LATE));
        file.tells_changes && !is_late
    }

    /// The files of container runtimes and of rules that do not tell of each change since the log speaks of pods, of a node of which no other does.
    pub fn partial(&self) -> Vec<&str> {
        let whole = [(Source::Runtime, self.nodes_with_runtime()), (Source::Rules, self.nodes_with_rules())];
        let of = |(source, whole): &(Source, Vec<Rc<str>>), file: &Input| {
            file.source == *source && file.node.as_ref().is_some_and(|node| !whole.contains(node))
        };
        let is_partial = |file: &&Input| whole.iter().any(|whole| of(whole, file));
        self.files.iter().filter(is_partial).map(|file| &*file.name).collect()
    }

    /// The files whose last line is only begun, and left out.
    pub fn cut_off(&self) -> impl Iterator<Item = &str> {
        self.files.iter().filter(|file| file.is_cut_off).map(|file| &*file.name)
    }

    /// The files of folders that are none of a log, and were passed over.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// The manifests beside the recordings.
    pub fn manifests(&self) -> &[PathBuf] {
        &self.manifests
    }

    /// Sets the clocks of its sources to that of the first audit log, as far as the log itself tells how far they are from it: those of
    /// other API servers, and those of nodes if they are no farther than `most`.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn set_clocks(&mut self, most: Micros) -> Result<(), Problem> {
        let audits = self.audit_clocks()?;
        self.clocks = Rc::new(Clocks { audits, ..Clocks::default() });
        if most <= 0 {
            return Ok(());
        }
        let mut causes = Causes::default();
        for entry in self.entries() {
            causes.see(&entry?);
        }
        let nodes = causes.bounds().into_iter().map(|(node, bounds)| (node, bounds.likeliest()));
        let nodes = nodes.filter(|(_, by)| *by != 0 && by.abs() <= most).collect();
        self.clocks = Rc::new(Clocks { audits: self.clocks.audits.clone(), nodes, homes: causes.homes });
        Ok(())
    }

    /// How its clocks have been set.
    pub fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// What is added to the times of the audit logs of other API servers.
    fn audit_clocks(&self) -> Result<BTreeMap<Rc<str>, Micros>, Problem> {
        let audits: Vec<&Input> = self.files.iter().filter(|file| file.source == Source::Audit).collect();
        if audits.len() < 2 {
            return Ok(BTreeMap::new());
        }
        let files = audits.iter().map(|file| dated(file)).collect::<Result<Vec<_>, _>>()?;
        let others = audits.iter().skip(1).map(|file| Rc::clone(&file.name));
        let differences = others.zip(versions::differences(files));
        Ok(differences.filter(|(_, by)| *by != 0 && by.abs() <= CLOCKS_APART).collect())
    }

    /// How many changes watches tell of that stand beside an audit log: it has the same as writes, so they are not among the entries.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn beside(&self) -> Result<u64, Problem> {
        let (mut names, mut changes) = (Names::default(), 0);
        for file in self.files.iter().filter(|file| file.source == Source::Watch && self.has(Source::Audit)) {
            let mut watch = Watch::new(Lines::open(&file.path, Rc::clone(&file.name))?, file.kind.clone());
            let mut has_begun = false;
            while let Some(told) = watch.next(&mut names) {
                // What it begins with may be there twice.
                has_begun |= !matches!(told?.entry.seen, Seen::List(_));
                changes += u64::from(has_begun);
            }
        }
        Ok(changes)
    }

    /// The entries, in order. May be called again: the files are then read again.
    pub fn entries(&self) -> Entries {
        let mut entries = Entries { lanes: Vec::new(), problems: VecDeque::new() };
        let (mut audits, mut watches) = (Vec::new(), Vec::new());
        for file in &self.files {
            let lines = match Lines::open(&file.path, Rc::clone(&file.name)) {
                Ok(lines) => lines,
                Err(problem) => {
                    entries.problems.push_back(problem);
                    continue;
                }
            };
            match file.source {
                Source::Audit => {
                    audits.push((lines, self.clocks.audits.get(&file.name).copied().unwrap_or_default()));
                }
                Source::Watch => watches.push(Watch::new(lines, file.kind.clone())),
                source => {
                    let clocks = Rc::clone(&self.clocks);
                    entries.add(RecorderLane::new(source, file.node.clone(), lines, clocks));
                }
            }
        }
        if self.has(Source::Audit) {
            let states = entries.states(watches);
            entries.add(AuditLane::new(audits, states));
        } else {
            entries.add(WatchLane::new(watches));
        }
        entries
    }
}

/// So many writes of an API server tell enough of its clock.
const WRITES: usize = 200_000;

/// The writes of an audit log that tell of its clock, in the order of their answers.
fn dated(file: &Input) -> Result<Vec<Dated>, Problem> {
    let mut lines = Lines::open(&file.path, Rc::clone(&file.name))?;
    let (mut names, mut writes) = (Names::default(), Vec::new());
    while let Some(line) = lines.next() {
        let line = line?.to_vec();
        let heard = audit::read(&line, &lines.place(), &mut names)?;
        writes.extend(heard.iter().filter_map(Heard::dated));
        if writes.len() > WRITES {
            break;
        }
    }
    Ok(writes)
}

/// Folders that are named to whoever names the folder around them.
const HINTS: usize = 3;

/// What is said of a folder without a log, which may be one of recordings.
fn nothing_in(folder: &Path) -> String {
    let is_recording = |folder: &PathBuf| {
        let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        files.into_iter().any(|path| path.is_file() && named(&path, &stem_of(&path)).is_some())
    };
    let around = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut recordings: Vec<PathBuf> = around.filter(is_recording).collect();
    recordings.sort();
    let names: Vec<String> = recordings.iter().take(HINTS).map(|path| path.display().to_string()).collect();
    match recordings.len() {
        0 => "no file of a log is in this folder".into(),
        count => format!(
            "no file of a log is in this folder, but in {count} of its folders ({}{}): name one of them",
            names.join(", "),
            if count > HINTS { ", ..." } else { "" }
        ),
    }
}

/// No log is from after this moment, nor from so long before 1970: the year 10000.
const LATEST: Micros = 253_402_300_800_000_000;

/// The entries of a log, in order.
pub struct Entries {
    lanes: Vec<Lane>,
    problems: VecDeque<Problem>,
}

struct Lane {
    source: Box<dyn Iterator<Item = Placed>>,
    head: Option<(Micros, Entry)>,
}

impl Entries {
    fn add(&mut self, source: impl Iterator<Item = Placed> + 'static) {
        self.lanes.push(Lane { source: Box::new(source), head: None });
    }

    /// The lists with which watches begin.
    fn states(&mut self, watches: Vec<Watch>) -> Vec<Told> {
        let mut names = Names::default();
        let mut states = Vec::new();
        for mut watch in watches {
            match watch.next(&mut names) {
                Some(Ok(told)) if matches!(told.entry.seen, Seen::List(_)) => states.push(told),
                Some(Err(problem)) => self.problems.push_back(problem),
                _ => {}
            }
        }
        states
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Problem>;

    /// After a problem the next line is read.
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(problem) = self.problems.pop_front() {
            return Some(Err(problem));
        }
        for lane in self.lanes.iter_mut().filter(|lane| lane.head.is_none()) {
            match lane.source.next() {
                None => {}
                Some(Err(problem)) => return Some(Err(problem)),
                Some(Ok(placed)) => lane.head = Some(placed),
            }
        }
        let heads =
            self.lanes.iter().enumerate().filter_map(|(index, lane)| Some((lane.head.as_ref()?.0, index)));
        let (_, first) = heads.min()?;
        self.lanes[first].head.take().map(|(_, entry)| {
            let (from, to) = (entry.from.clamp(-LATEST, LATEST), entry.to.clamp(-LATEST, LATEST));
            Ok(Entry { from, to, ..entry })
        })
    }
}
