//! What `podproof conform` says of each recording, as a table: `conformance_table [FOLDER...]`, by default of all folders in
//! `tests/recordings`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is all that it is for")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use podproof_conform::judged::{self, Evidence, Judgement};
use podproof_conform::reading::Log;
use podproof_conform::report::{Options, Report, Wrong};
use podproof_conform::run;
use podproof_vocabulary::Property;

/// Where the recordings of the tests are.
pub const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings");

fn main() -> ExitCode {
    let named: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let folders = if named.is_empty() { folders_in(Path::new(RECORDINGS)) } else { named };
    println!("| recording | verdict | entries explained | not modelled | broken | states | time |");
    println!("| --- | --- | ---: | ---: | --- | ---: | ---: |");
    let mut status = ExitCode::SUCCESS;
    for folder in folders {
        match row(&folder) {
            Ok(row) => println!("{row}"),
            Err(error) => {
                eprintln!("error: {error}");
                status = ExitCode::from(2);
            }
        }
    }
    status
}

/// The recordings in a folder, in their order.
pub fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// What is said of a recording, as a row of the table.
///
/// # Errors
/// What is wrong with its files.
pub fn row(folder: &Path) -> Result<String, String> {
    let log = Log::find(&[folder.to_owned()]).map_err(|problem| problem.to_string())?;
    let report = run::run(&log, &Options::default(), |_| {}).map_err(|wrong| match wrong {
        Wrong::Log(problem) => problem.to_string(),
        Wrong::Disk(says) => says,
        Wrong::NoWrites => "there is no audit log".into(),
        Wrong::SeveralClusters(says) => says,
        Wrong::Manifests(_) => "no manifests were given".to_owned(),
    })?;
    let tally = &report.tally;
    let outside: u64 = tally.outside().values().sum();
    let broken: Vec<&str> = broken(&log, &report).into_iter().map(Property::name).collect();
    let at = |unexplained: &podproof_conform::matching::Unexplained| {
        let file = unexplained.place.file.rsplit('/').next().unwrap_or_default().to_owned();
        format!(" at `{file}:{}`", unexplained.place.line)
    };
    Ok(format!(
        "| `{}` | {}{} | {} of {} | {outside} | {} | {} | {:.2} s |",
        folder.file_name().unwrap_or_default().display(),
        report.verdict().name(),
        report.first_unexplained().map(at).unwrap_or_default(),
        tally.explained(),
        tally.entries,
        broken.join(", "),
        report.states(),
        report.took.as_secs_f64()
    ))
}

/// The promises that were broken; expectations are none.
fn broken(log: &Log, report: &Report) -> BTreeSet<Property> {
    let evidence = Evidence::of(log, report.span.1);
    let judged = report
        .followed
        .iter()
        .flat_map(|followed| judged::judge(&followed.replay, &followed.whole, &evidence));
    let is_broken = |(property, judgement): (Property, Judgement)| {
        let counts = !property.facts().expectation && matches!(judgement, Judgement::Broken(_));
        counts.then_some(property)
    };
    judged.filter_map(is_broken).collect()
}
