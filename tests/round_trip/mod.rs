//! What the tests of the round trip share.

pub mod mail;
pub mod mutants;
pub mod paths;
pub mod shorten;
pub mod walk;
pub mod worlds;
pub mod writing;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use podproof_conform::judged::{self, Evidence, Judgement};
use podproof_conform::reading::Log;
use podproof_conform::report::{Options, Report, Verdict};
use podproof_conform::run;
use podproof_vocabulary::Property;

use walk::Walk;
use writing::{Recording, Which};

/// A walk as logs. The same seed writes the same.
fn written(walk: &Walk) -> Recording {
    writing::write(&walk.model, &walk.path, walk.seed)
}

/// What is said of a walk.
pub struct Said {
    pub report: Report,
    /// The promises that are said to be broken.
    pub broken: BTreeSet<Property>,
}

/// What is said of a walk that is written out.
pub fn judge(walk: &Walk, which: Which) -> Said {
    let folder = tempfile::tempdir().expect("a folder can be made");
    written(walk).save(folder.path(), which).expect("files can be written");
    let log = Log::find(&[folder.path().to_owned()]).expect("what was written can be read");
    let report = run::run(&log, &Options::default(), |_| {}).expect("what was written can be read");
    let evidence = Evidence::of(&log, report.span.1);
    let judged = report.followed.iter().flat_map(|one| judged::judge(&one.replay, &one.whole, &evidence));
    let broken = judged.filter(|(_, judgement)| matches!(judgement, Judgement::Broken(_)));
    let broken = broken.map(|(property, _)| property).collect();
    Said { report, broken }
}

/// What every log has that no part of the model speaks of.
const OUTSIDE: [&str; 3] =
    ["samples of rules", "what processes say of their start and their end", "writes that were refused"];

/// Why a log is not lawful through and through, in a line; none if it is.
pub fn complaint(walk: &Walk, said: &Said) -> Option<String> {
    let report = &said.report;
    if let Some(unexplained) = report.first_unexplained() {
        return Some(format!(
            "entry {} ({}:{}): {}: {}; could {:?}",
            unexplained.entry,
            unexplained.place.file.rsplit('/').next().unwrap_or_default(),
            unexplained.place.line,
            unexplained.seen,
            unexplained.why,
            unexplained.could
        ));
    }
    if report.followed.len() != 1 || !report.world.not_modelled.is_empty() {
        return Some(format!("{} workloads, {:?}", report.followed.len(), report.world.not_modelled));
    }
    let mut outside = report.tally.outside();
    outside.retain(|what, _| !OUTSIDE.contains(&&**what));
    if !report.tally.left_out.is_empty() || !outside.is_empty() {
        return Some(format!("left out {:?}, outside {outside:?}", report.tally.left_out));
    }
    let whole = &report.followed[0].whole;
    if let Some(step) = whole.refused {
        return Some(format!("the parts do not fit together: step {step}, {:?}", whole.steps.get(step)));
    }
    let more: Vec<_> = said.broken.difference(&walk.broken).copied().collect();
    if !more.is_empty() {
        return Some(format!("broken, but not on the walk: {more:?}"));
    }
    (report.verdict() != Verdict::Lawful).then(|| report.verdict().name().to_owned())
}

/// Keeps a walk that is written out, for who wants to see why it is not lawful.
pub fn keep(walk: &Walk, which: Which, folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder can be made");
    written(walk).save(folder, which).expect("files can be written");
    let lines: Vec<String> =
        walk.path.iter().enumerate().map(|(index, action)| format!("{index} {action:?}")).collect();
    std::fs::write(folder.join("timeline.txt"), lines.join("\n")).expect("files can be written");
    let said = judge(walk, which);
    let found = said.report.followed.iter().flat_map(|one| one.whole.steps.iter());
    let found: Vec<String> = found.map(|taken| format!("{taken:?}")).collect();
    std::fs::write(folder.join("found.txt"), found.join("\n")).expect("files can be written");
}

/// Does this to all, two at a time; in their order.
pub fn each<I: Send, T: Send>(items: Vec<I>, task: impl Fn(I) -> T + Sync) -> Vec<T> {
    let queue = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = queue.lock().expect("no thread has panicked").next();
            let Some((index, item)) = next else { break };
            let result = task(item);
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
