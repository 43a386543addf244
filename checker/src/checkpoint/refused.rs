//! Why a checkpoint is not resumed, or a folder not used for one: what is wrong, and what would be accepted.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a folder is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no checkpoint in it.
    Nothing(PathBuf),
    /// There is one already, and nobody asked to resume it.
    Taken(PathBuf),
    /// Another process is writing there.
    InUse(PathBuf),
    /// A file is not what was written.
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file of another version.
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is read.
        accepted: u32,
    },
    /// The checkpoint is of another search.
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        what: String,
    },
    /// The disk refused it.
    Disk {
        /// The file.
        file: PathBuf,
        /// Why.
        error: String,
    },
    /// The system does not write its states.
    Mute,
    /// The search is one by partial order, which needs to know more of the next level than a checkpoint holds.
    PartialOrder,
}

impl Refused {
    /// A file that is not what was written.
    pub fn damaged(file: &Path, what: &str) -> Self {
        Self::Damaged { file: file.to_owned(), what: what.to_owned() }
    }

    /// The checkpoint of another search.
    pub fn foreign(folder: &Path, what: &str) -> Self {
        Self::Foreign { folder: folder.to_owned(), what: what.to_owned() }
    }

    /// A file that could not be written or read.
    pub fn disk(file: &Path, error: &io::Error) -> Self {
        Self::Disk { file: file.to_owned(), error: error.to_string() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(folder) => write!(
                f,
                "{}: there is no checkpoint here; accepted is a folder in which a search was kept",
                folder.display()
            ),
            Self::Taken(folder) => write!(
                f,
                "{}: there is a checkpoint here; accepted is to resume it, or another folder",
                folder.display()
            ),
            Self::InUse(folder) => write!(
                f,
                "{}: another process keeps its search here; accepted is another folder, or to wait until it has ended",
                folder.display()
            ),
            Self::Damaged { file, what } => write!(
                f,
                "{}: the checkpoint is damaged: {what}; accepted is what was written, whole and unchanged",
                file.display()
            ),
            Self::Version { file, found, accepted } => {
                write!(
                    f,
                    "{}: the checkpoint is of version {found}; accepted is version {accepted}",
                    file.display()
                )
            }
            Self::Foreign { folder, what } => write!(
                f,
                "{}: the checkpoint is of another search: {what}; accepted is one of the same search, with any bounds and \
                 any number of threads",
                folder.display()
            ),
            Self::Disk { file, error } => write!(f, "{}: {error}", file.display()),
            Self::PartialOrder => {
                write!(
                    f,
                    "a search by partial order is not kept; accepted is one that takes every transition"
                )
            }
            Self::Mute => {
                write!(f, "the system does not write its states; accepted is one with `encode` and `decode`")
            }
        }
    }
}

impl std::error::Error for Refused {}
