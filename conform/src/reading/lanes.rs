//! The sources of a log side by side, each in its own order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::BuildHasher;
use std::rc::Rc;

use foldhash::fast::FixedState;

use super::audit::{self, Heard};
use super::clocks::Clocks;
use super::gaps::Memory;
use super::kind::Source;
use super::lines::Lines;
use super::names::Names;
use super::order::{HELD, Order, Ticket};
use super::problem::Problem;
use super::recorder;
use super::requests::Requests;
use super::watch::{Told, Watch};
use crate::record::{ChangeKind, Entry, Micros, Seen};
use crate::world::has_begun;

/// An entry and its position, by which the sources are merged.
pub(super) type Placed = Result<(Micros, Entry), Problem>;

/// The files of an audit log: of several API servers, or one after the other.
pub(super) struct AuditLane {
    files: Vec<AuditFile>,
    order: Order<Heard>,
    requests: Requests,
    names: Names,
    heard: Recent<Rc<str>>,
}

/// What was heard of lately: whoever ships a log may deliver a line more than once.
struct Recent<K> {
    known: BTreeSet<K>,
    order: VecDeque<(Micros, K)>,
}

impl<K> Default for Recent<K> {
    fn default() -> Self {
        Self { known: BTreeSet::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Ord> Recent<K> {
    /// Is this heard of for the first time?
    fn is_new(&mut self, id: K, at: Micros) -> bool {
        while self.order.front().is_some_and(|(then, _)| then.saturating_add(HELD) < at) {
            if let Some((_, old)) = self.order.pop_front() {
                self.known.remove(&old);
            }
        }
        let is_new = self.known.insert(id.clone());
        if is_new {
            self.order.push_back((at, id));
        }
        is_new
    }
}

struct AuditFile {
    lines: Lines,
    /// What is added to its times.
    clock: Micros,
    /// What the last line said; a line may be a list of events.
    heard: VecDeque<Heard>,
    /// The latest answer so far, and its line.
    latest: (Micros, u64),
}

impl AuditFile {
    /// Takes note of an answer.
    ///
    /// # Errors
    /// It is a write that was answered so long before another that its file is in no order, or in another.
    fn pass(&mut self, heard: &Heard) -> Result<(), Problem> {
        let (at, place) = (heard.answered(), heard.place());
        let (latest, line) = self.latest;
        if heard.is_write() && at.saturating_add(HELD) < latest {
            let seconds = (latest - at) / 1_000_000;
            let says = format!("it was answered {seconds} s before line {line}");
            return Err(Problem::new(&place.file, place.line, says, "events in the order of their answers"));
        }
        self.latest = self.latest.max((at, place.line));
        Ok(())
    }
}

impl AuditLane {
    /// The files, with what is added to their times; `states` are the lists with which watches began.
    pub(super) fn new(files: Vec<(Lines, Micros)>, states: Vec<Told>) -> Self {
        let mut order = Order::default();
        for Told { version, received, entry, .. } in states {
            let to = received.unwrap_or(Micros::MIN);
            let ticket = Ticket { file: 0, from: Micros::MIN, to, version, is_state: true, subject: None };
            order.push(ticket, Heard::state(entry));
        }
        let file =
            |(lines, clock)| AuditFile { lines, clock, heard: VecDeque::new(), latest: (Micros::MIN, 0) };
        let files = files.into_iter().map(file).collect();
        let (requests, names, heard) = (Requests::default(), Names::default(), Recent::default());
        Self { files, order, requests, names, heard }
    }

    /// The next event, in the order of the answers, goes into the order; false if there is none.
    fn hear(&mut self) -> Result<bool, Problem> {
        for file in &mut self.files {
            while file.heard.is_empty() {
                let Some(line) = file.lines.next() else { break };
                let line = line?.to_vec();
                file.heard = audit::read(&line, &file.lines.place(), &mut self.names)?.into();
                file.heard.iter_mut().for_each(|heard| heard.set_clock(file.clock));
            }
        }
        let first = self
            .files
            .iter()
            .enumerate()
            .filter_map(|(index, file)| Some((file.heard.front()?.answered(), index)));
        let Some((_, file)) = first.min() else { return Ok(false) };
        let Some(mut heard) = self.files[file].heard.pop_front() else { return Ok(true) };
        self.files[file].pass(&heard)?;
        if heard.id.is_empty() || self.heard.is_new((&*heard.id).into(), heard.answered()) {
            self.requests.hear(heard.hint());
            self.order.push(heard.ticket(file), heard);
        }
        Ok(true)
    }
}

impl Iterator for AuditLane {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        loop {
            if let Some((at, heard)) = self.order.pop() {
                self.requests.pass(at.saturating_sub(HELD));
                return Some(heard.entry(&mut self.requests, &mut self.names).map(|entry| (at, entry)));
            }
            if self.order.has_ended() {
                return None;
            }
            match self.hear() {
                Ok(true) => {}
                Ok(false) => self.order.end(),
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
}

/// The files of watches, where no audit log is. Each is in the order of its versions but for its beginning, so the least
/// version comes first, and no entry stands before one that came earlier.
pub(super) struct WatchLane {
    files: Vec<WatchFile>,
    position: Micros,
    names: Names,
}

struct WatchFile {
    watch: Watch,
    /// What was read of it and is still to be told.
    ahead: VecDeque<Result<Told, Problem>>,
    memory: Memory,
    /// What the last line said, and what it shows that was not told.
    heads: VecDeque<Told>,
}

impl WatchFile {
    fn new(watch: Watch) -> Self {
        Self { watch, ahead: VecDeque::new(), memory: Memory::default(), heads: VecDeque::new() }
    }

    /// Reads what it begins with: what is there by then is told as if it were new. The latest time in that, where lines have none: the
    /// watch began no earlier.
    fn begin(&mut self, names: &mut Names) -> Micros {
        let mut latest = Micros::MIN;
        while let Some(told) = self.watch.next(names) {
            let was_there = told.as_ref().is_ok_and(was_there);
            if let Ok(told) = &told
                && was_there
            {
                latest = latest.max(told.latest.unwrap_or(latest));
            }
            self.ahead.push_back(told);
            if !was_there {
                break;
            }
        }
        latest
    }

    /// The next line that says something.
    fn next(&mut self, names: &mut Names) -> Option<Result<Told, Problem>> {
        self.ahead.pop_front().or_else(|| self.watch.next(names))
    }
}

/// Was the object of a line without a time there before, though it is told as if it were new? Somebody has done something with it.
fn was_there(told: &Told) -> bool {
    matches!(&told.entry.seen, Seen::Change(change) if change.kind == ChangeKind::Added && has_begun(&change.object))
        && told.received.is_none()
}

impl WatchLane {
    pub(super) fn new(files: Vec<Watch>) -> Self {
        let mut names = Names::default();
        let mut files: Vec<WatchFile> = files.into_iter().map(WatchFile::new).collect();
        // What is there in the beginning may be years old, and the log is not.
        let began = files.iter_mut().map(|file| file.begin(&mut names)).max();
        Self { files, position: began.unwrap_or(Micros::MIN), names }
    }
}

impl Iterator for WatchLane {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        for file in &mut self.files {
            if file.heads.is_empty() {
                match file.next(&mut self.names) {
                    None => {}
                    Some(Err(problem)) => return Some(Err(problem)),
                    Some(Ok(told)) => file.heads = file.memory.take(told, &mut self.names).into(),
                }
            }
        }
        let heads = self.files.iter().enumerate();
        let (_, first) =
            heads.filter_map(|(index, file)| Some((file.heads.front()?.version, index))).min()?;
        let Told { received, latest, is_late, mut entry, .. } = self.files[first].heads.pop_front()?;
        if !is_late {
            self.position = self.position.max(received.or(latest).unwrap_or(Micros::MIN));
        }
        if received.is_none() {
            (entry.from, entry.to) = (self.position, self.position);
        }
        Some(Ok((self.position, entry)))
    }
}

/// A number that tells a line from others.
fn number_of(line: &[u8]) -> [u64; 2] {
    [1, 2].map(|seed| FixedState::with_seed(seed).hash_one(line))
}

/// A file of a recorder. A line is written when the recorder hears of something, which may be a while after it happened. Its time
/// is a matter of microseconds, so a line that is there twice within a minute was delivered twice.
pub(super) struct RecorderLane {
    source: Source,
    node: Option<Rc<str>>,
    lines: Lines,
    clocks: Rc<Clocks>,
    names: Names,
    held: BTreeMap<(Micros, u64), Entry>,
    /// Numbers that tell lines from others.
    heard: Recent<[u64; 2]>,
    read: u64,
    clock: Micros,
}

impl RecorderLane {
    pub(super) fn new(source: Source, node: Option<Rc<str>>, lines: Lines, clocks: Rc<Clocks>) -> Self {
        let (held, read, clock) = (BTreeMap::new(), 0, Micros::MIN);
        Self {
            source,
            node,
            lines,
            clocks,
            names: Names::default(),
            held,
            heard: Recent::default(),
            read,
            clock,
        }
    }

    fn release(&mut self) -> Option<Placed> {
        let ((at, _), entry) = self.held.pop_first()?;
        Some(Ok((at, entry)))
    }
}

impl Iterator for RecorderLane {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        loop {
            if self.held.first_key_value().is_some_and(|((at, _), _)| at.saturating_add(HELD) < self.clock) {
                return self.release();
            }
            let line = match self.lines.next() {
                None => return self.release(),
                Some(Err(problem)) => return Some(Err(problem)),
                Some(Ok(line)) => line.to_vec(),
            };
            let place = self.lines.place();
            match recorder::read(self.source, &line, place, self.node.as_ref(), &mut self.names) {
                Err(problem) => return Some(Err(problem)),
                Ok(noted) => {
                    self.read += 1;
                    self.clock = self.clock.max(noted.at);
                    if let Some(mut entry) = noted.entry
                        && self.heard.is_new(number_of(&line), self.clock)
                    {
                        self.clocks.set(&mut entry);
                        self.held.insert((entry.from, self.read), entry);
                    }
                }
            }
        }
    }
}
