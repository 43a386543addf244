//! `--checkpoint` and `--resume`: a check that outlives its process.
//!
//! A check is many searches. The folder holds what the check is of (`check`), the outcome of each search that has ended
//! (`outcome-N`), and for the one that was under way a folder of the checker's own (`search-N`). Each file is whole or
//! refused.
//!
//! - [`as_written`]: a trace within an outcome; `identity`: what a check is of

pub mod as_written;
mod identity;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use podproof_checker::Place;
use podproof_checker::checkpoint::{Refused, sealed};
use serde_json::Value;

use crate::arguments::{CheckArguments, KeepArguments, SymmetryChoice};
use crate::coverage;
use crate::plan::{Plan, Planned};
use crate::verdict::Outcome;

/// What the two kinds of files begin with. One version counts for both.
const CHECK: sealed::Kind = sealed::Kind { magic: *b"podproof", version: 1 };
const OUTCOME: sealed::Kind = sealed::Kind { magic: *b"outcome\n", version: 1 };

/// The folder in which a check is kept.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    interval: Duration,
    searches: Vec<Value>,
    outcomes: Vec<Option<Outcome>>,
    /// Held as long as this process writes here.
    _lock: File,
}

/// Where one search of a check is kept.
#[derive(Clone, Debug)]
pub struct KeptSearch {
    folder: PathBuf,
    identity: Vec<u8>,
    interval: Duration,
}

impl KeptSearch {
    /// The place of one of the searches that a plan may take, and whether it was begun.
    pub fn place(&self, name: &str) -> (Place, bool) {
        let folder = self.folder.join(name);
        let was_begun = Place::holds_one(&folder);
        let identity = [name.as_bytes(), b"\n", &self.identity].concat();
        (Place { folder, identity, interval: self.interval }, was_begun)
    }
}

impl Kept {
    /// Opens the folder that the command line names, if it names one.
    ///
    /// # Errors
    /// Why it cannot be used, or what was kept there cannot be gone on from: a sentence.
    pub fn open(arguments: &CheckArguments, planned: &[Planned]) -> Result<Option<Self>, String> {
        let KeepArguments { checkpoint, resume, .. } = &arguments.keep;
        let Some(folder) = resume.as_ref().or(checkpoint.as_ref()) else { return Ok(None) };
        let is_there = folder.join("check").exists();
        match (resume.is_some(), is_there) {
            (true, false) => {
                return Err(format!(
                    "{}: there is no checkpoint here; accepted is a folder that `podproof check --checkpoint` wrote",
                    folder.display()
                ));
            }
            (false, true) => {
                return Err(format!(
                    "{}: there is a checkpoint here; accepted are --resume, which goes on from it, and another folder",
                    folder.display()
                ));
            }
            _ => {}
        }
        let plans: Vec<(&str, &Plan)> =
            planned.iter().flat_map(|all| all.plans.iter().map(|plan| (&*all.workload.name, plan))).collect();
        let now = identity::of(
            &plans,
            arguments.bounds.fingerprint_bits.count(),
            arguments.symmetry.unwrap_or(SymmetryChoice::Any).name(),
        )?;
        let disk = |error: std::io::Error| format!("{}: {error}", folder.display());
        if !is_there {
            begin(folder, &now)?;
        }
        let lock = OpenOptions::new().write(true).open(folder.join("check")).map_err(disk)?;
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(Refused::InUse(folder.clone()).to_string());
        }
        let mut outcomes: Vec<Option<Outcome>> = plans.iter().map(|_| None).collect();
        if is_there {
            let path = folder.join("check");
            let content = sealed::read(&path, CHECK).map_err(|refused| refused.to_string())?;
            let before: Value = serde_json::from_slice(&content)
                .map_err(|error| Refused::damaged(&path, &error.to_string()).to_string())?;
            identity::same(&before, &now).map_err(|differs| {
                format!(
                    "{}: the checkpoint is of another check: {differs}; accepted is the same check, with any bounds, any \
                     number of threads and any format of its report",
                    folder.display()
                )
            })?;
            for (number, (outcome, (_, plan))) in outcomes.iter_mut().zip(&plans).enumerate() {
                *outcome = read_outcome(&outcome_path(folder, number), plan)?;
            }
        }
        let searches = identity::searches(&now);
        Ok(Some(Self {
            folder: folder.clone(),
            interval: arguments.keep.interval(),
            searches,
            outcomes,
            _lock: lock,
        }))
    }

    /// What search number `number` has found, if it has ended.
    pub fn outcome(&mut self, number: usize) -> Option<Outcome> {
        self.outcomes[number].take()
    }

    /// Where search number `number` is kept.
    pub fn search(&self, number: usize) -> KeptSearch {
        KeptSearch {
            folder: self.search_folder(number),
            identity: self.searches[number].to_string().into_bytes(),
            interval: self.interval,
        }
    }

    /// Keeps the outcome of a search that has ended, and no longer what it knew of its states.
    ///
    /// # Errors
    /// Of writing it, a sentence.
    pub fn keep(&self, number: usize, outcome: &Outcome) -> Result<(), String> {
        let path = outcome_path(&self.folder, number);
        let says = |error: &dyn std::fmt::Display| {
            format!("{}: the outcome could not be kept: {error}", path.display())
        };
        let content = serde_json::to_vec(outcome).map_err(|error| says(&error))?;
        sealed::write(&path, OUTCOME, &content).map_err(|error| says(&error))?;
        match std::fs::remove_dir_all(self.search_folder(number)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(says(&error)),
            _ => Ok(()),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn search_folder(&self, number: usize) -> PathBuf {
        self.folder.join(format!("search-{}", number + 1))
    }
}

fn outcome_path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("outcome-{}", number + 1))
}

/// Makes the folder of a check that begins.
fn begin(folder: &Path, identity: &Value) -> Result<(), String> {
    let says = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(says)?;
    // A process that was killed when it began may have left half a file.
    let is_left = |entry: std::fs::DirEntry| entry.file_name() == "check.new";
    if std::fs::read_dir(folder).map_err(says)?.flatten().any(|entry| !is_left(entry)) {
        return Err(format!(
            "{}: the folder is not empty; accepted is one that is new or empty",
            folder.display()
        ));
    }
    sealed::write(&folder.join("check"), CHECK, identity.to_string().as_bytes()).map_err(says)
}

/// The outcome that was kept, if there is one.
fn read_outcome(path: &Path, plan: &Plan) -> Result<Option<Outcome>, String> {
    if !path.exists() {
        return Ok(None);
    }
    let content = sealed::read(path, OUTCOME).map_err(|refused| refused.to_string())?;
    let mut outcome: Outcome = serde_json::from_slice(&content)
        .map_err(|error| Refused::damaged(path, &error.to_string()).to_string())?;
    if let Some(measured) = &mut outcome.measured {
        measured.never_taken = coverage::never_taken(&plan.scenario, &measured.coverage);
    }
    Ok(Some(outcome))
}
