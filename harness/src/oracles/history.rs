//! A naive API server: pods, each with the few fields that matter, and every change that ever was. Written from DEL-1 to
//! DEL-18, API-1 to API-8, API-20 and API-33 to API-36, with no thought of speed.

use std::collections::{BTreeMap, VecDeque};

use crate::generators::requests::{Claim, Grace, Name, Watched};

/// Phases of a pod, by number.
pub const PHASES: [&str; 4] = ["Pending", "Running", "Succeeded", "Failed"];

/// A pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct NaivePod {
    pub serial: u64,
    pub version: u64,
    pub bound: bool,
    pub label: Option<u8>,
    pub phase: usize,
    /// `deletionTimestamp` in seconds, and `deletionGracePeriodSeconds`.
    pub deletion: Option<(i64, i64)>,
    pub finalizer: bool,
    pub grace: i64,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum No {
    NotFound,
    AlreadyExists,
    Conflict,
}

/// What a watch is to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Told {
    Added(Name, NaivePod),
    Modified(Name, NaivePod),
    Deleted(Name, u64),
    Bookmark(u64),
}

/// A change.
#[derive(Clone, Copy, Debug)]
struct Change {
    version: u64,
    at: i64,
    name: Name,
    old: Option<NaivePod>,
    new: Option<NaivePod>,
}

/// A watch.
#[derive(Clone, Debug)]
struct Watching {
    of: Watched,
    due: VecDeque<Told>,
    told: u64,
}

/// The server.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The pods.
    pub pods: BTreeMap<Name, NaivePod>,
    /// The version of the last write.
    pub version: u64,
    /// Seconds.
    pub now: i64,
    serials: u64,
    changes: Vec<Change>,
    compacted: u64,
    watches: BTreeMap<u64, Watching>,
}

impl History {
    fn write(&mut self, name: Name, new: Option<NaivePod>) {
        self.version += 1;
        let version = self.version;
        let old = self.pods.remove(&name);
        let new = new.map(|pod| NaivePod { version, ..pod });
        self.pods.extend(new.map(|pod| (name, pod)));
        let change = Change { version, at: self.now, name, old, new };
        self.changes.push(change);
        for watching in self.watches.values_mut() {
            if let Some(told) = told(&change, watching.of) {
                watching.due.push_back(told);
                watching.told = version;
            }
        }
    }

    fn find(&self, name: Name, uid: Claim, version: Claim) -> Result<NaivePod, No> {
        let pod = self.pods.get(&name).copied().ok_or(No::NotFound)?;
        match uid == Claim::Wrong || version == Claim::Wrong {
            true => Err(No::Conflict),
            false => Ok(pod),
        }
    }

    /// API-6
    pub fn create(&mut self, name: Name, bound: bool, finalizer: bool, grace: Grace) -> Result<(), No> {
        if self.pods.contains_key(&name) {
            return Err(No::AlreadyExists);
        }
        self.serials += 1;
        let pod = NaivePod {
            serial: self.serials,
            version: 0,
            bound,
            label: None,
            phase: 0,
            deletion: None,
            finalizer,
            grace: grace.0,
        };
        self.write(name, Some(pod));
        Ok(())
    }

    /// API-20
    pub fn bind(&mut self, name: Name, uid: Claim) -> Result<(), No> {
        let pod = self.find(name, uid, Claim::None)?;
        if pod.bound || pod.deletion.is_some() {
            return Err(No::Conflict);
        }
        self.write(name, Some(NaivePod { bound: true, ..pod }));
        Ok(())
    }

    /// API-1, API-2, API-5
    pub fn label(&mut self, name: Name, label: Option<u8>, version: Claim) -> Result<(), No> {
        let pod = self.find(name, Claim::None, version)?;
        self.replace(name, pod, NaivePod { label, ..pod });
        Ok(())
    }

    /// API-3, API-8
    pub fn phase(&mut self, name: Name, phase: usize, uid: Claim) -> Result<(), No> {
        let pod = self.find(name, uid, Claim::None)?;
        self.replace(name, pod, NaivePod { phase, ..pod });
        Ok(())
    }

    /// DEL-12, DEL-13
    pub fn unfinalize(&mut self, name: Name) -> Result<(), No> {
        let pod = self.find(name, Claim::None, Claim::None)?;
        match pod.finalizer && matches!(pod.deletion, Some((_, 0))) {
            true => self.write(name, None),
            false => self.replace(name, pod, NaivePod { finalizer: false, ..pod }),
        }
        Ok(())
    }

    /// API-5: what is the same is not written.
    fn replace(&mut self, name: Name, old: NaivePod, new: NaivePod) {
        if old != new {
            self.write(name, Some(new));
        }
    }

    /// DEL-1 to DEL-14
    pub fn delete(&mut self, name: Name, grace: Option<Grace>, uid: Claim, version: Claim) -> Result<(), No> {
        let pod = self.find(name, uid, version)?;
        // DEL-5
        let positive = |grace: i64| if grace < 0 { 1 } else { grace };
        let asked = grace.map(|grace| positive(grace.0));
        let (at, grace) = match (pod.deletion, asked) {
            // DEL-8, DEL-14
            (Some((_, 0)), _) => {
                if !pod.finalizer {
                    self.write(name, None);
                }
                return Ok(());
            }
            // DEL-9
            (Some(_), None) => return Ok(()),
            // DEL-10
            (Some((_, stored)), Some(asked)) if asked >= stored => return Ok(()),
            // DEL-11
            (Some((at, stored)), Some(asked)) => match at - stored + asked {
                past if past < self.now => (self.now, i64::from(asked > 0)),
                at => (at, asked),
            },
            // DEL-2 to DEL-5
            (None, asked) => {
                let terminal = pod.phase >= 2;
                let grace = if !pod.bound || terminal { 0 } else { asked.unwrap_or(positive(pod.grace)) };
                (self.now + grace, grace)
            }
        };
        // DEL-6, DEL-7
        self.write(name, Some(NaivePod { deletion: Some((at, grace)), ..pod }));
        if grace == 0 && !pod.finalizer {
            self.write(name, None);
        }
        Ok(())
    }

    /// API-36: may a watch from this version be refused?
    pub fn may_refuse(&self, from: u64) -> bool {
        let later: Vec<&Change> = self.changes.iter().filter(|change| change.version > from).collect();
        let stale = |change: &&&Change| self.now - change.at > 75;
        from < self.compacted || later.len() > 100 && later.first().as_ref().is_some_and(stale)
    }

    /// API-33: a watch begins with everything since.
    pub fn watch(&mut self, id: u64, from: u64, of: Watched) {
        let later = self.changes.iter().filter(|change| change.version > from);
        let due = later.filter_map(|change| told(change, of)).collect();
        self.watches.insert(id, Watching { of, due, told: from });
    }

    /// The open watches.
    pub fn open(&self) -> Vec<u64> {
        self.watches.keys().copied().collect()
    }

    /// What a watch is to bring next.
    pub fn receive(&mut self, id: u64) -> Option<Told> {
        self.watches.get_mut(&id)?.due.pop_front()
    }

    /// A watch ends.
    pub fn close(&mut self, id: u64) {
        self.watches.remove(&id);
    }

    /// The history is forgotten.
    pub fn compact(&mut self) {
        self.compacted = self.version;
    }

    /// The version at which the history was forgotten last.
    pub const fn compacted(&self) -> u64 {
        self.compacted
    }

    /// API-35
    pub fn bookmark(&mut self) {
        for watching in self.watches.values_mut().filter(|watching| watching.told < self.version) {
            watching.told = self.version;
            watching.due.push_back(Told::Bookmark(self.version));
        }
    }
}

/// Is this pod one that the watch is about?
pub fn is_watched(of: Watched, pod: &NaivePod) -> bool {
    match of {
        Watched::Everything => true,
        Watched::OnNode => pod.bound,
        Watched::NotTerminal => pod.phase < 2,
    }
}

fn told(change: &Change, of: Watched) -> Option<Told> {
    let old = change.old.filter(|pod| is_watched(of, pod));
    match (old, change.new.filter(|pod| is_watched(of, pod))) {
        (None, None) => None,
        (None, Some(new)) => Some(Told::Added(change.name, new)),
        (Some(_), Some(new)) => Some(Told::Modified(change.name, new)),
        (Some(_), None) => Some(Told::Deleted(change.name, change.version)),
    }
}
