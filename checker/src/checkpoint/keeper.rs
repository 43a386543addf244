//! When checkpoints are written, and how a search begins from one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::frames::{Extent, Writer};
use super::head::{self, Head};
use super::log::{self, Written};
use super::waiting::{self, Waiting};
use super::{Place, Refused};
use crate::counts::Counts;
use crate::expand::{Shards, shard};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::frontier::Frontier;
use crate::graph::{Graph, Id};
use crate::run::Run;
use crate::search::Search;
use crate::system::System;

/// States that are found between two pieces of the log, about.
const PIECE: usize = 1 << 16;

/// Keeps a search in a folder.
pub struct Keeper<F> {
    place: Place,
    log: Writer,
    /// Fingerprints of the states that are not in the log yet.
    prints: Vec<F>,
    written: Written,
    generation: u64,
    /// When this process began.
    start: Instant,
    /// How long the search took before.
    pub before: Duration,
    /// When the last checkpoint was whole.
    last: Option<Instant>,
    /// Why no more checkpoints are written.
    pub failed: Option<String>,
}

/// What of a search goes into a checkpoint.
pub struct Parts<'r, Y: System> {
    pub system: &'r Y,
    pub graph: &'r Graph,
    pub level: &'r Frontier<Y::State>,
    pub next: &'r Frontier<Y::State>,
    pub counts: &'r Counts,
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("states")
}

/// Opens the log of `folder` for this process alone.
fn locked(folder: &Path, options: &OpenOptions) -> Result<File, Refused> {
    let path = log_path(folder);
    let file = options.open(&path).map_err(|error| Refused::disk(&path, &error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Refused::InUse(folder.to_owned())),
        // Where the file system knows no locks, nobody can be kept out.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

impl<F: Fingerprint> Keeper<F> {
    /// Of a search that begins.
    pub fn begin(place: Place) -> Result<Self, Refused> {
        std::fs::create_dir_all(&place.folder).map_err(|error| Refused::disk(&place.folder, &error))?;
        let file = locked(&place.folder, OpenOptions::new().write(true).create(true).truncate(false))?;
        if Place::holds_one(&place.folder) {
            return Err(Refused::Taken(place.folder));
        }
        let log = Writer::behind(file, Extent::default());
        let log = log.map_err(|error| Refused::disk(&log_path(&place.folder), &error))?;
        Ok(Self {
            place,
            log,
            prints: Vec::new(),
            written: Written::default(),
            generation: 0,
            start: Instant::now(),
            before: Duration::ZERO,
            last: None,
            failed: None,
        })
    }

    /// A state was found.
    pub fn found(&mut self, print: F) {
        if self.failed.is_none() {
            self.prints.push(print);
        }
    }

    /// How long the search has taken.
    pub fn elapsed(&self) -> Duration {
        self.before + self.start.elapsed()
    }

    /// How long ago the last checkpoint was written.
    pub fn age(&self) -> Option<Duration> {
        self.last.map(|last| last.elapsed())
    }

    /// Is it time for a checkpoint?
    pub fn is_due(&self) -> bool {
        self.last.unwrap_or(self.start).elapsed() >= self.place.interval
    }

    /// Writes what has to be written between two checkpoints, so that little is held in memory.
    pub fn drain(&mut self, graph: &Graph) {
        if self.failed.is_none() && self.prints.len() >= PIECE {
            let appended = self.append(graph);
            self.note(appended);
        }
    }

    /// Writes a checkpoint. If that fails, no more are written: the last one stays.
    pub fn save<Y: System>(&mut self, parts: &Parts<'_, Y>) {
        if self.failed.is_none() {
            let saved = self.try_save(parts);
            self.note(saved);
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failed = Some(format!("{}: {error}", self.place.folder.display()));
            self.prints = Vec::new();
        }
    }

    fn append(&mut self, graph: &Graph) -> io::Result<()> {
        let now = Written::all_of(graph);
        if now != self.written {
            self.log.append(&log::piece(graph, self.written, &self.prints)?)?;
            self.prints.clear();
            self.written = now;
        }
        Ok(())
    }

    fn try_save<Y: System>(&mut self, parts: &Parts<'_, Y>) -> io::Result<()> {
        self.append(parts.graph)?;
        let log = self.log.sync()?;
        let folder = &self.place.folder;
        let generation = self.generation + 1;
        let waiting =
            waiting::write(parts.system, &waiting::path(folder, generation), parts.level, parts.next)?;
        let head = Head {
            identity: self.place.identity.clone(),
            bits: F::BITS.count(),
            keeps_edges: parts.graph.keeps_edges(),
            blocks_on_disk: parts.graph.blocks_on_disk() as u64,
            generation,
            log,
            waiting,
            elapsed: self.elapsed(),
            counts: parts.counts.clone(),
        };
        head.write(folder)?;
        // The checkpoint before is no more. A file that nobody names does no harm.
        let _ = std::fs::remove_file(waiting::path(folder, self.generation));
        self.generation = generation;
        self.last = Some(Instant::now());
        Ok(())
    }
}

/// The search that is in `place`, as far as it was.
pub fn resume<'y, Y: System, F: Fingerprint>(
    search: &Search<'y, Y>,
    place: Place,
) -> Result<Run<'y, Y, F>, Refused> {
    let (system, folder) = (search.system, place.folder.clone());
    if !Place::holds_one(&folder) {
        return Err(Refused::Nothing(folder));
    }
    let file = locked(&folder, OpenOptions::new().write(true))?;
    let head = Head::read(&folder)?;
    let foreign = |what: &str| Err(Refused::foreign(&folder, what));
    if head.identity != place.identity {
        return foreign("it has another identity");
    }
    if head.bits != F::BITS.count() {
        return foreign(&format!("its fingerprints have {} bits, not {}", head.bits, F::BITS.count()));
    }
    if head.keeps_edges != system.has_obligations() {
        return foreign("one of the two looks for runs that keep something pending, the other does not");
    }
    let mut run = Run::<Y, F>::new(search);
    let log = log_path(&folder);
    let bound = run.graph.edges.bind_for_disk(head.blocks_on_disk as usize, search.bounds.memory);
    bound.map_err(|error| Refused::disk(&log, &error))?;
    log::read(&log, head.log, &mut run.graph, |print, id| enter(&mut run.shards, print, id))?;
    if !begins_alike(&run) {
        return foreign("it does not begin where this one begins");
    }
    let hasher = Hasher::default();
    let (graph, shards) = (&run.graph, &run.shards);
    let states = graph.len() as Id;
    let known = |id: Id, state: &Y::State| id < states && knows(shards, F::of(&hasher, state), id, graph);
    let waiting = waiting::path(&folder, head.generation);
    let Waiting { level, next, done } = waiting::read(system, &waiting, head.waiting, known)?;
    if head.counts.broken.iter().any(|&(_, state, _)| state >= states) {
        return Err(Refused::damaged(&head::path(&folder), "a step that breaks a property begins nowhere"));
    }
    let written = Written::all_of(&run.graph);
    let writer = Writer::behind(file, head.log).map_err(|error| Refused::disk(&log, &error))?;
    sweep(&folder, head.generation);
    (run.level, run.next, run.done, run.counts) = (level, next, done, head.counts);
    Ok(run.kept_by(Keeper {
        place,
        log: writer,
        prints: Vec::new(),
        written,
        generation: head.generation,
        start: Instant::now(),
        before: head.elapsed,
        last: None,
        failed: None,
    }))
}

/// Enters a state into the table; is it new?
fn enter<F: Fingerprint>(shards: &mut Shards<F>, print: F, id: Id) -> bool {
    let table = shards.0[shard(print)].get_mut().unwrap_or_else(PoisonError::into_inner);
    let is_new = table.insert(print);
    table.set_number(print, id);
    is_new
}

/// Is there a state in the table with this fingerprint and, if numbers are kept, this number?
fn knows<F: Fingerprint>(shards: &Shards<F>, print: F, id: Id, graph: &Graph) -> bool {
    let table = shards.0[shard(print)].read().unwrap_or_else(PoisonError::into_inner);
    match graph.keeps_edges() {
        true => table.number(print) == Some(id),
        false => table.contains(print),
    }
}

/// Are the first states of the checkpoint those in which the system begins?
fn begins_alike<Y: System, F: Fingerprint>(run: &Run<'_, Y, F>) -> bool {
    let hasher = Hasher::default();
    let initial: Vec<Y::State> = run.system.initial().into_iter().map(|(state, ..)| state).collect();
    let graph = &run.graph;
    let known = (0..graph.len() as Id).take_while(|&id| graph.parent(id).is_none());
    let mut distinct: Vec<&Y::State> = Vec::new();
    for state in &initial {
        if !distinct.contains(&state) {
            distinct.push(state);
        }
    }
    let choices: Vec<u16> = known.map(|id| graph.choice(id)).collect();
    let is_known = |(state, id): (&&Y::State, Id)| {
        let choice = choices.get(id as usize).and_then(|&choice| initial.get(usize::from(choice)));
        choice == Some(*state) && knows(&run.shards, F::of(&hasher, *state), id, graph)
    };
    distinct.len() == choices.len() && distinct.iter().zip(0..).all(is_known)
}

/// Removes what an unfinished checkpoint has left.
fn sweep(folder: &Path, generation: u64) {
    let kept = waiting::path(folder, generation);
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_left = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_prefix("waiting-").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
            && *path != kept
    };
    for path in files.filter(is_left) {
        // What cannot be removed is only in the way of the disk's owner.
        let _ = std::fs::remove_file(path);
    }
}
