//! Searches that outlive their process: at an interval, between two batches, what a search knows is put into a folder, and
//! another process goes on from there. It finds the same states in the same order, so it ends with the same report as a
//! search that was never interrupted. Bounds and the number of threads may differ.
//!
//! A folder holds three files:
//!
//! - `states`: every state as it was found (fingerprint, parent, choice, what it owes) and the edges that are kept. Numbers
//!   are never changed, so this file only grows; nothing is written twice.
//! - `waiting-N`: the states that wait to be expanded, whole, written anew at each checkpoint.
//! - `checkpoint`: how much of the two counts, their checksums, the counters, and whose it is. It is put in place in one
//!   step and last of all, so a process that is killed at any moment leaves the checkpoint before.
//!
//! Read in this order: [`sealed`] and `frames` are the files, `head`, `log` and `waiting` what is in them, `keeper` when they
//! are written.

mod frames;
mod head;
pub(crate) mod keeper;
mod log;
mod numbers;
mod refused;
pub mod sealed;
mod waiting;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use refused::Refused;

use crate::fingerprint::Bits;
use crate::report::Report;
use crate::run::Run;
use crate::search::Search;
use crate::system::System;
use keeper::Keeper;

/// Where a search is kept, whose it is, and how often it is written.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder. It is made if it is not there; a search has one of its own, in which files named `states`, `checkpoint` and
    /// `waiting-` with a number are written over.
    pub folder: PathBuf,
    /// Bytes that name the system and whatever else has a say in what is found, but for bounds and threads: a checkpoint
    /// is resumed only by a search of the same identity.
    pub identity: Vec<u8>,
    /// Time from the end of one checkpoint to the beginning of the next, at least.
    pub interval: Duration,
}

impl Place {
    /// Is there a checkpoint in `folder`? It may be damaged, or another's.
    pub fn holds_one(folder: &Path) -> bool {
        head::path(folder).exists()
    }
}

/// A search that is kept in a folder.
pub struct Checkpointed<'y, Y: System> {
    pub(crate) search: Search<'y, Y>,
    pub(crate) place: Place,
    pub(crate) resumes: bool,
}

/// What a search that is kept in a folder has found.
#[derive(Clone, Debug)]
pub struct Kept<S, A> {
    /// The report.
    pub report: Report<S, A>,
    /// How long the search took before it was resumed.
    pub before: Duration,
    /// Why no checkpoint could be written from some moment on; the one before is still there.
    pub unsaved: Option<String>,
}

impl<Y: System> Checkpointed<'_, Y> {
    /// Searches. If a bound or the watch ends the search, what it knows is in the folder.
    ///
    /// # Errors
    /// Why the folder cannot be used, or the checkpoint in it cannot be resumed; nothing in the folder was changed.
    pub fn run(self) -> Result<Kept<Y::State, Y::Action>, Refused> {
        match self.search.bits {
            Bits::B64 => self.run_with::<u64>(),
            Bits::B128 => self.run_with::<u128>(),
        }
    }

    fn run_with<F: crate::fingerprint::Fingerprint>(self) -> Result<Kept<Y::State, Y::Action>, Refused> {
        let Self { search, place, resumes } = self;
        if search.partial_order {
            return Err(Refused::PartialOrder);
        }
        let system = search.system;
        let mut bytes = Vec::new();
        if system.initial().iter().any(|(state, ..)| !system.encode(state, &mut bytes)) {
            return Err(Refused::Mute);
        }
        let run = match resumes {
            true => keeper::resume::<Y, F>(&search, place)?,
            false => Run::<Y, F>::new(&search).kept_by(Keeper::begin(place)?),
        };
        let (report, keeper) = run.search(search);
        let (before, unsaved) =
            keeper.map_or((Duration::ZERO, None), |keeper| (keeper.before, keeper.failed));
        Ok(Kept { report, before, unsaved })
    }
}
