//! What the files of a log are: by their first lines, and where these say nothing, by their names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::kind::{ACCEPTED, Source, Word, source_of};
use super::lines::{Lines, is_cut_off};
use super::listening;
use super::problem::Problem;
use super::watch::kind_of;
use super::wrapped::wrapped;
use crate::record::Micros;

/// The folder of a recording's watches.
pub(super) const WATCHES: &str = "watch";

/// How many lines of a watch are looked at for the kind of its objects.
const PEEKED: usize = 64;

/// A file of a log.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub path: PathBuf,
    pub name: Rc<str>,
    pub source: Source,
    /// The node that all of it is of, if it is of one.
    pub node: Option<Rc<str>>,
    /// The kind of a watch's objects.
    pub kind: Option<Rc<str>>,
    /// From when on it tells of what recorders tell, if it says so.
    pub since: Option<Micros>,
    /// It tells of each change.
    pub tells_changes: bool,
    /// Its last line is only begun.
    pub is_cut_off: bool,
}

/// How a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It was named.
    Named,
    /// In a folder, where it is called as logs are.
    Called,
    /// In a folder.
    There,
}

/// What each event of an audit log names, as its `apiVersion`.
const GROUP: &[u8] = b"\"audit.k8s.io/";

/// How much of a file that is none of a log is looked at for what one would have, in bytes.
const LOOKED_AT: u64 = 1 << 20;

/// Compression that is not read.
const OTHER_COMPRESSION: [&str; 5] = [".xz", ".zst", ".bz2", ".lz4", ".zip"];

/// Is this file of a folder called as those of a log are? API servers call an audit log `audit.log`, and those that were rotated
/// `audit-DATE.log` (Kubernetes' `--audit-log-path`).
pub(super) fn is_called_as_logs(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let uncompressed = OTHER_COMPRESSION.iter().find_map(|end| name.strip_suffix(end));
    let plain = uncompressed.unwrap_or(&name).trim_end_matches(".gz");
    plain.ends_with(".jsonl")
        || (plain.starts_with("audit") && (uncompressed.is_some() || plain.contains(".log")))
}

/// Has a file something of an audit log, though its first line is none of one?
pub(super) fn speaks_of_requests(path: &Path) -> bool {
    let head = |plain: bool| {
        let file = File::open(path).ok()?;
        let mut head = Vec::new();
        // What could be read of a file that is damaged is looked at.
        _ = match plain {
            true => file.take(LOOKED_AT).read_to_end(&mut head),
            false => MultiGzDecoder::new(file).take(LOOKED_AT).read_to_end(&mut head),
        };
        Some(head)
    };
    let heads = [true, false].into_iter().filter_map(head);
    heads.into_iter().any(|head| head.windows(GROUP.len()).any(|window| window == GROUP))
}

/// What a file is; nothing, if it is empty, and has the name of one of a recording or was named by nobody: a log that has just been
/// rotated is so.
pub(super) fn recognise(path: &Path, found: Found) -> Result<Option<Input>, Problem> {
    let name: Rc<str> = path.display().to_string().into();
    let mut lines = Lines::open(path, Rc::clone(&name))?;
    let stem = stem_of(path);
    let of_name = |prefix: &str| stem.strip_prefix(prefix).filter(|node| !node.is_empty()).map(Rc::from);
    let (source, first) = match lines.next() {
        Some(line) => {
            let (line, place) = (line?.to_vec(), lines.place());
            let found = source_of(&line, &place);
            if !matches!(found, Ok(Some(_)))
                && let Some(says) = wrapped(&line)
            {
                return Err(Problem::new(&name, place.line, says, ACCEPTED));
            }
            let unknown =
                || Problem::new(&name, place.line, "this is none of the lines that are known", ACCEPTED);
            (found?.ok_or_else(unknown)?, line)
        }
        // Who recorded anything would have said that it began to: of an empty file nobody knows whether somebody was there to write it.
        None if found != Found::Named || named(path, &stem).is_some() => return Ok(None),
        None => return Err(Problem::new(&name, 1, "the file is empty", ACCEPTED)),
    };
    let node = match source {
        Source::Runtime => of_name("runtime-").or_else(|| Some(word(&first, "node")?.into())),
        Source::Rules => of_name("proxy-").or_else(|| Some(word(&first, "node")?.into())),
        _ => None,
    };
    let kind = match source {
        Source::Watch => {
            watched(&first, &mut lines).or_else(|| kind_of(&stem).map(str::to_owned)).map(Rc::from)
        }
        _ => None,
    };
    let since = listening::since(source, &first, &mut lines);
    let tells_changes = listening::tells_changes(source, &first, &mut lines);
    let is_cut_off = is_cut_off(path).unwrap_or_default();
    Ok(Some(Input { path: path.to_owned(), name, source, node, kind, since, tells_changes, is_cut_off }))
}

/// The name of a file without its folder and its endings.
pub(super) fn stem_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.trim_end_matches(".gz");
    [".jsonl", ".json", ".log"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
}

/// What an empty file of a recording would have.
pub(super) fn named(path: &Path, stem: &str) -> Option<Source> {
    let folder = path.parent().and_then(Path::file_name);
    match stem {
        "audit" => Some(Source::Audit),
        "app" => Some(Source::App),
        "client" => Some(Source::Requests),
        "faults" => Some(Source::Faults),
        _ if stem.starts_with("runtime-") => Some(Source::Runtime),
        _ if stem.starts_with("proxy-") => Some(Source::Rules),
        _ if folder.is_some_and(|folder| folder == WATCHES) || kind_of(stem).is_some() => Some(Source::Watch),
        _ => None,
    }
}

/// A text of a line.
fn word(line: &[u8], name: &str) -> Option<String> {
    let mut members: BTreeMap<String, Word> = serde_json::from_slice(line).ok()?;
    match members.remove(name)? {
        Word::Text(text) => Some(text),
        Word::Other => None,
    }
}

/// A line of a watch, of which only the kind of its object is wanted.
#[derive(Deserialize)]
struct Peeked {
    event: Option<PeekedEvent>,
    object: Option<PeekedObject>,
}

#[derive(Deserialize)]
struct PeekedEvent {
    #[serde(rename = "type")]
    kind: String,
    object: Option<PeekedObject>,
}

#[derive(Deserialize)]
struct PeekedObject {
    kind: Option<String>,
}

/// The kind of the objects of a watch: the items of a list have none, so the next event says it.
fn watched(first: &[u8], lines: &mut Lines) -> Option<String> {
    let kind = |line: &[u8]| {
        let Peeked { event, object } = serde_json::from_slice(line).ok()?;
        let (of_event, object) = event.map_or((String::new(), object), |event| (event.kind, event.object));
        object.filter(|_| of_event != "ERROR")?.kind
    };
    let mut found = kind(first);
    for _ in 0..PEEKED {
        if found.is_some() {
            break;
        }
        let line = lines.next()?.ok()?.to_vec();
        found = kind(&line);
    }
    found
}
