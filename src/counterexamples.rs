//! The files in which counterexamples are kept: what they are called, and what is said if they cannot be written.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use podproof_traces::json::head::Head;
use podproof_traces::{Digest, Origin, Trace};
use podproof_vocabulary::Property;
use podproof_vocabulary::manifest::Source;

use crate::plan::Plan;
use crate::verdict::Counterexample;

/// The longest name that a file may have, in bytes (POSIX `NAME_MAX` of Linux' file systems), with room for a number.
const LONGEST: usize = 255 - NUMBER;

/// Room for a number behind it, and for `.part`.
const NUMBER: usize = 16;

/// A file in `folder` whose name tells what the trace is of: no two workloads have the same.
pub fn path_of(folder: &Path, workload: &str, plan: &Plan, property: Property) -> PathBuf {
    file_in(folder, workload, &format!("-{}-{}-{}.json", plan.story, property, plan.timing.name()))
}

/// The same, where there is a trace of that name already, of another Service or of another container behind it.
pub fn path_beside(folder: &Path, workload: &str, plan: &Plan, property: Property) -> PathBuf {
    let behind = plan.behind.services.first().into_iter().chain(&plan.behind.container);
    let behind: String = behind.map(|name| format!("-{}", plain(name))).collect();
    let end = format!("-{}-{}-{}{behind}.json", plan.story, property, plan.timing.name());
    file_in(folder, workload, &end)
}

/// A file in `folder` whose name begins with the workload's and ends so.
pub(crate) fn file_in(folder: &Path, workload: &str, end: &str) -> PathBuf {
    folder.join(fitting(&plain(workload), LONGEST.saturating_sub(end.len())) + end)
}

/// `Deployment/web` as `deployment-web`. A namespace is set off by what no name of Kubernetes holds.
fn plain(workload: &str) -> String {
    let (kind, rest) = workload.split_once('/').unwrap_or(("", workload));
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let rest: String = rest.chars().map(keep).collect();
    if kind.is_empty() { rest } else { format!("{}-{rest}", kind.to_lowercase()) }
}

/// A name cut to `most` bytes, with a hash of the whole in place of what is cut off.
fn fitting(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let hash = format!("-{:016x}", foldhash::quality::FixedState::default().hash_one(name));
    let kept: String = name.chars().take(most.saturating_sub(hash.len())).collect();
    kept + &hash
}

/// The manifest that a workload was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// As it was named to podproof.
    file: String,
    /// Which that is.
    origin: Origin,
}

impl Manifest {
    /// A manifest that was read just now.
    pub(crate) fn of(source: &Source) -> Self {
        let path =
            (source.path != STANDARD_INPUT).then(|| std::fs::canonicalize(&source.path).ok()).flatten();
        let path = path.map(|path| Digest::of_bytes(path.as_os_str().as_encoded_bytes()));
        let origin = Origin { path, content: Digest::of_bytes(&source.text) };
        Self { file: source.path.clone(), origin }
    }
}

/// The name of standard input on the command line.
const STANDARD_INPUT: &str = "-";

/// Notes in a trace which manifest it is of.
pub(crate) fn note(trace: &mut Trace, manifest: Option<&Manifest>) {
    trace.manifest = manifest.map(|manifest| manifest.file.clone());
    trace.origin = manifest.map(|manifest| manifest.origin);
}

/// Writes `counterexamples` of a workload that was read from `manifest`. Those that could not be written have no path afterwards; a warning
/// for each reason why, and for files that hold something else.
pub fn write<'a>(
    counterexamples: impl Iterator<Item = &'a mut Counterexample>,
    manifest: Option<&Manifest>,
) -> Vec<String> {
    let mut failed: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut taken: Vec<(PathBuf, PathBuf)> = Vec::new();
    for counterexample in counterexamples {
        let Some(wanted) = counterexample.path.take() else { continue };
        note(&mut counterexample.trace, manifest);
        let path = own(&wanted, &counterexample.trace);
        match write_one(&counterexample.trace, &path) {
            Ok(()) => {
                counterexample.path = Some(path.clone());
                taken.extend((path != wanted).then_some((wanted, path)));
            }
            Err(error) => failed.entry(error.to_string()).or_default().push(path),
        }
    }
    let says = |(error, paths): (String, Vec<PathBuf>)| {
        let more = match paths.len() {
            1 => "the trace".to_owned(),
            count => format!("this and {} more traces", count - 1),
        };
        format!("{}: {more} could not be written: {error}", paths[0].display())
    };
    failed.into_iter().map(says).chain(taken.first().map(|first| left_alone(first, taken.len()))).collect()
}

/// What is said of files that hold something else: what, and where the trace is instead.
pub(crate) fn left_alone((wanted, path): &(PathBuf, PathBuf), files: usize) -> String {
    let more = match files {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let is_of_another_world = |other: &Head| read(path).is_ok_and(|trace| is_of_same_manifest(other, &trace));
    // What is no file is not opened: a pipe is waited for.
    let held = match wanted.is_file().then(|| read(wanted)) {
        None => "no file".to_owned(),
        Some(Ok(other)) if is_of_another_world(&other) => {
            "a trace of this workload in another world".to_owned()
        }
        Some(Ok(_)) => "a trace of another manifest".to_owned(),
        Some(Err(error)) => format!("no trace of podproof ({error})"),
    };
    format!("{}: {held}, which stays; this one is {}{more}", wanted.display(), path.display())
}

/// The file of this name, or of this name with a number, in which this trace is to stand: the one that has a trace of the same world;
/// else the first that is [out of date](is_out_of_date), or that is not there.
pub(crate) fn own(wanted: &Path, trace: &Trace) -> PathBuf {
    let stem = wanted.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let numbered = (2..=u32::MAX).map(|number| wanted.with_file_name(format!("{stem}-{number}.json")));
    let mut free = None;
    for file in std::iter::once(wanted.to_owned()).chain(numbered) {
        // What is no file is not looked into: whoever opens a pipe waits, and what is written through a link that leads nowhere is
        // written somewhere else.
        if !file.is_file() {
            // Where it is not known what is there, whoever writes says why that fails.
            if std::fs::symlink_metadata(&file).is_err() {
                return free.unwrap_or(file);
            }
            continue;
        }
        match read(&file) {
            Ok(other) if is_of_same_manifest(&other, trace) && other.scenario == trace.scenario => {
                return file;
            }
            Ok(other) if free.is_none() && is_out_of_date(&other, trace) => free = Some(file),
            _ => {}
        }
    }
    free.unwrap_or_else(|| wanted.to_owned())
}

/// What the trace in a file says of itself.
fn read(file: &Path) -> Result<Head, String> {
    let open = File::open(file).map_err(|error| error.to_string())?;
    Head::read(BufReader::new(open)).or_else(|error| {
        let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
        Err(Trace::from_bytes(&bytes).map_or_else(|exact| exact.to_string(), |_| error.to_string()))
    })
}

/// Is `other` of the manifest of `trace`, which has been edited since? Of one that has not, what was found with fewer replicas, or with a
/// wrong rule switched on, says nothing of what was found without; and a built-in scenario nobody edits.
fn is_out_of_date(other: &Head, trace: &Trace) -> bool {
    let is_edited = trace.manifest.is_some()
        && trace.origin.zip(other.origin).is_none_or(|(one, other)| one.content != other.content);
    is_edited && is_of_same_manifest(other, trace)
}

/// Are two traces of one manifest, or both of none? Where it cannot be known they are not: nothing is written over that may be
/// another's.
fn is_of_same_manifest<S>(one: &Head, other: &Trace<S>) -> bool {
    let is_named_alike = one.manifest == other.manifest;
    match (one.origin, other.origin) {
        (Some(one), Some(other)) => {
            one.path.is_some() && one.path == other.path || is_named_alike && one.content == other.content
        }
        (None, None) if one.manifest.is_none() => is_named_alike,
        // An older trace has nothing but the name, which leads to a file from wherever it is read only if it begins at the root.
        _ => is_named_alike && one.manifest.as_deref().is_some_and(|name| Path::new(name).is_absolute()),
    }
}

/// Writes a trace into a file; its folder is made when there is none. Whoever is killed meanwhile leaves the file as it was, and half a trace
/// beside it, which the next writes over.
pub(crate) fn write_one(trace: &Trace, path: &Path) -> io::Result<()> {
    write_whole(path, |out| trace.write_json(out))
}

/// The same, with who writes it.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    // A link is written through, and so is what is no file but a device or a pipe.
    if path.is_symlink() || path.exists() && !path.is_file() {
        return write_with(path, write);
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    // A link of that name is not written through: it is not of podproof.
    if Path::new(&part).is_symlink() {
        std::fs::remove_file(&part)?;
    }
    write_with(Path::new(&part), write)?;
    std::fs::rename(&part, path)
}

/// Writes into a file as it goes: whoever is killed meanwhile leaves half of it.
pub(crate) fn write_with(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    write(&mut file)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_workloads_become_names_of_files() {
        assert_eq!(plain("Deployment/web"), "deployment-web");
        assert_eq!(plain("scenario/pod-life"), "scenario-pod-life");
        assert_ne!(plain("Deployment/shop/web"), plain("Deployment/shop-web"), "two workloads, two files");
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let (one, other) = ("x".repeat(300) + "1", "x".repeat(300) + "2");
        assert_eq!(fitting("web", 3), "web");
        assert_eq!(fitting(&one, 200).len(), 200);
        assert_ne!(fitting(&one, 200), fitting(&other, 200));
        assert_eq!(fitting(&one, 200), fitting(&one, 200));
    }
}
