//! The matcher must be able to say no: recordings of a real cluster, falsified, are unexplained, each at the entry that lies.
//!
//! `KNOWN_ACCEPTED` lists what is not found out, `NEEDS_ANSWERS` what is not where the log has no answers. `INSTA_UPDATE=always` writes the table anew; `LIES=WORD` judges only the kinds
//! and the recordings with this word in their names, and says what is found instead.

mod edit;
mod judge;
mod kinds;
mod known;
mod life;
mod line;
mod recording;
mod requests;
mod said;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use judge::{Found, is_lawful, judge};
use kinds::{Kind, TRUTHS, kinds};
use known::{KNOWN_ACCEPTED, NEEDS_ANSWERS, NOT_LAWFUL};
use recording::Recording;
use requests::{forget_answers, without_answers};
use table::{Cell, Table};

/// How many lies each recording must bear at least.
const LIES: usize = 8;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let entries = fs::read_dir(root).expect("the recordings").map(|entry| entry.expect("a folder").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Does this to all recordings, two at a time; in their order.
fn each<T: Send>(task: impl Fn(&Recording) -> T + Sync) -> Vec<T> {
    let queue = Mutex::new(folders().into_iter().enumerate());
    let results = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = queue.lock().expect("no thread has panicked").next();
            let Some((index, folder)) = next else { break };
            let result = task(&Recording::read(&folder));
            results.lock().expect("no thread has panicked").push((index, result));
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let mut results = results.into_inner().expect("no thread has panicked");
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The number of a recording.
fn number(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

/// What is said of a recording in which this is wrong; `asked` is the recording without answers.
fn falsified(
    recording: &Recording,
    asked: &Recording,
    kind: &'static Kind,
    by_the_api: bool,
) -> Option<Cell> {
    let mut lie = recording.clone();
    let wrong = (kind.falsify)(&mut lie)?;
    let found = judge(&lie, Some(wrong));
    let asked = without_answers(recording, asked, &lie).map(|told| judge(&told, Some(wrong)));
    let place = lie.place(wrong);
    let alone = (kind.by_the_api && by_the_api).then(|| {
        lie.forget_all_but_the_api();
        judge(&lie, Some(wrong))
    });
    Some(Cell { kind: kind.name, recording: recording.name.clone(), place, found, alone, asked })
}

#[test]
fn recordings_are_lawful_as_they_are() {
    let mut wrong = Vec::new();
    for (name, lawful) in each(|recording| (recording.name.clone(), is_lawful(recording))) {
        let known = NOT_LAWFUL.iter().any(|(number, _)| *number == self::number(&name));
        match lawful {
            Err(why) if !known => wrong.push(format!("{name}: {why}")),
            Ok(()) if known => wrong.push(format!("{name} is lawful: take it out of NOT_LAWFUL")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn changes_that_are_no_lies_change_nothing() {
    let made = each(|recording| {
        if is_lawful(recording).is_err() {
            return Vec::new();
        }
        let truths = TRUTHS.iter().filter_map(|truth| {
            let mut told = recording.clone();
            (truth.falsify)(&mut told)?;
            let lawful = is_lawful(&told).err();
            Some((truth.name, lawful.map(|why| format!("{} {}: {why}", recording.name, truth.name))))
        });
        truths.collect()
    });
    let made: Vec<_> = made.into_iter().flatten().collect();
    let wrong: Vec<String> = made.iter().filter_map(|(_, why)| why.clone()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for truth in TRUTHS {
        assert!(made.iter().any(|(name, _)| *name == truth.name), "{} was made nowhere", truth.name);
    }
}

#[test]
fn lies_are_found_out_where_they_are_told() {
    let only = std::env::var("LIES").ok();
    let is_asked = |kind: &Kind, recording: &Recording| {
        only.as_ref().is_none_or(|word| kind.name.contains(word) || recording.name.contains(word))
    };
    let cells = each(|recording| {
        if is_lawful(recording).is_err() {
            return Vec::new();
        }
        let mut alone = recording.clone();
        alone.forget_all_but_the_api();
        let by_the_api = is_lawful(&alone).is_ok();
        let mut asked = recording.clone();
        forget_answers(&mut asked);
        let kinds = kinds().filter(|kind| is_asked(kind, recording));
        kinds.filter_map(|kind| falsified(recording, &asked, kind, by_the_api)).collect()
    });
    let table = Table { cells: cells.into_iter().flatten().collect() };
    let wrong = table.unknown(KNOWN_ACCEPTED);
    if only.is_none() {
        insta::assert_snapshot!("lies", table.to_string());
        let few = table.recordings().into_iter().filter(|name| table.of(name).count() < LIES);
        assert_eq!(few.collect::<Vec<_>>(), Vec::<&str>::new(), "bear fewer than {LIES} lies");
        let stale = table.stale(KNOWN_ACCEPTED);
        assert!(stale.is_empty(), "take out of KNOWN_ACCEPTED: {}", stale.join(", "));
        let known: Vec<&str> = NEEDS_ANSWERS.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(table.needs_answers().into_keys().collect::<Vec<_>>(), known);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.cells.iter().any(|cell| cell.found == Found::Out), "nothing was found out");
}
