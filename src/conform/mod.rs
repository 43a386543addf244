//! `podproof conform`: the log of a real cluster against the model.
//!
//! - [`arguments`]: its command line
//! - `account`: what came of a log; `course`: the path of a workload; `way`: that, as traces; `naming`: the names of a log for them
//! - `timeline` with `rows`: what was seen and what lies in between; `seen`: entries in words; `lookup`: the entries that are told
//! - `human` with `story` and `columns`, and `json`: the formats of the report; `causes`: why connections failed, in words

mod account;
pub mod arguments;
mod causes;
mod columns;
mod course;
mod human;
mod json;
mod lookup;
mod naming;
mod rows;
mod seen;
mod story;
mod timeline;
mod way;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;

pub use account::{Account, Again, Broken, Found, Workload};
pub use arguments::ConformArguments;
use podproof_conform::judged::Evidence;
use podproof_conform::reading::Log;
use podproof_conform::record::Micros;
use podproof_conform::report::{Followed, Options, Progress, Report, Wrong};
use podproof_conform::run;
use podproof_conform::world::{self, NotModelled};

use crate::arguments::Format;
use crate::progress::Line;
use crate::report::grouped;
use crate::{manifests, mistaken, output};
use timeline::{Extent, Timeline};

/// Runs the command; its exit status.
pub fn run(arguments: &ConformArguments) -> u8 {
    match judge(arguments) {
        Ok((account, text)) => {
            let warnings = account.all_warnings();
            output::report(&[], &warnings, arguments.format, &text, account.exit())
        }
        Err(errors) => {
            let errors = mistaken_files(arguments).unwrap_or(errors);
            let text = match arguments.format {
                Format::Json => json::refused(&errors),
                _ => String::new(),
            };
            output::report(&errors, &[], arguments.format, &text, crate::exit::WRONG_INPUT)
        }
    }
}

/// Which of the files are another input of podproof, as their first lines show.
fn mistaken_files(arguments: &ConformArguments) -> Option<Vec<String>> {
    let says = |path: &PathBuf| {
        let mut head = Vec::new();
        // A pipe would be waited for.
        let file = path.is_file().then(|| File::open(path).ok()).flatten()?;
        file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
        mistaken::for_log(&head).map(|what| format!("{}: {what}", path.display()))
    };
    let found: Vec<String> = arguments.paths.iter().filter_map(says).collect();
    (!found.is_empty()).then_some(found)
}

/// How much of a file is looked at to know what it is.
const HEAD_BYTES: u64 = 1 << 20;

/// What came of the log, and the report of it.
fn judge(arguments: &ConformArguments) -> Result<(Account, String), Vec<String>> {
    arguments.promises.judged()?;
    let manifests = manifests::sources(&arguments.manifests)?;
    let mut log = Log::find(&arguments.paths).map_err(|problem| vec![problem.to_string()])?;
    let skew = Micros::try_from(arguments.clock_skew.as_micros()).unwrap_or(Micros::MAX);
    log.set_clocks(skew).map_err(|problem| vec![problem.to_string()])?;
    let options = Options {
        world: world::Options { release: arguments.release, manifests },
        max_states: Some(arguments.max_states),
    };
    let is_human = arguments.format == Format::Human;
    let (mut account, mut timelines) = Account::of(follow(&log, &options, arguments)?);
    account.warnings.extend(clocks_that_were_set(&log));
    let cut_off = |name| format!("{name}: the last line is only begun, and left out");
    account.warnings.extend(log.cut_off().map(cut_off));
    let is_partial = |name: &str| {
        format!(
            "{name}: it does not tell of each change since the log first speaks of pods, so what it does not tell may have happened"
        )
    };
    account.warnings.extend(log.partial().into_iter().map(is_partial));
    let passed_over = |name| format!("{name}: it is no file of a log, and is passed over");
    account.warnings.extend(log.passed_over().iter().map(passed_over));
    lookup::seen(&log, &mut account, &mut timelines).map_err(|problem| vec![problem.to_string()])?;
    let text = match is_human {
        true => human::render(&account, &timelines, human::width()),
        false => json::render(&account),
    };
    Ok((account, text))
}

/// Workloads of which nothing is broken or unexplained and a timeline is told all the same, unless all are asked for.
const CALM_TOLD: usize = 4;

/// What is kept of a workload that has been followed: what came of it, and its timeline, if one is to be told.
type Kept = (Workload, Option<Timeline>);

/// Follows the workloads of the log, and says how far it is.
fn follow(log: &Log, options: &Options, arguments: &ConformArguments) -> Result<Report<Kept>, Vec<String>> {
    let name = arguments.paths.first().map_or_else(String::new, |path| path.display().to_string());
    let line = Line::new(&name, arguments.max_states);
    let told = |progress: Progress| {
        line.say(&format!("{} entries, {} states", grouped(progress.entries), grouped(progress.states)));
    };
    let mut calm = 0;
    let keep = |followed: Followed, span: (Micros, Micros)| {
        let (workload, course) = Workload::of(followed, &Evidence::of(log, span.1), span.0, arguments);
        if workload.broken.is_empty() && workload.unexplained.is_none() {
            calm += 1;
        }
        let extent = match arguments.timeline {
            true => Extent::Whole,
            false if calm > CALM_TOLD => Extent::Guilt,
            false => Extent::Parts,
        };
        let is_human = arguments.format == Format::Human;
        let timeline = is_human.then(|| Timeline::of(&workload, &course, extent));
        (workload, timeline)
    };
    let report = run::run_keeping(log, options, told, keep).map_err(|wrong| match wrong {
        Wrong::Log(problem) => vec![problem.to_string()],
        Wrong::Disk(says) => vec![says],
        Wrong::NoWrites => vec![
            "neither an audit log nor a watch among the files; accepted: at least one, an audit log (audit.k8s.io/v1, JSON \
             lines) if there is a choice: a watch does not say who wrote what"
                .into(),
        ],
        Wrong::SeveralClusters(says) => {
            vec![format!("these are logs of several clusters: {says}; accepted are the logs of one")]
        }
        Wrong::Manifests(problems) => problems.iter().map(ToString::to_string).collect(),
    })?;
    if report.world.workloads == 0 && !report.world.only_mirrors {
        return Err(no_workload(&name, &report.world.not_modelled));
    }
    Ok(report)
}

/// The clocks that do not agree with that of the first audit log, in words.
fn clocks_that_were_set(log: &Log) -> Vec<String> {
    let words = |(whose, &by): (&Rc<str>, &Micros)| {
        let (seconds, way) = (by.abs() as f64 / 1e6, if by < 0 { "ahead" } else { "behind" });
        format!("the clock of {whose} is taken to be {seconds:.3} s {way}")
    };
    let clocks = log.clocks();
    clocks.audits.iter().chain(&clocks.nodes).map(words).collect()
}

/// Nothing in the log can be followed, and why.
fn no_workload(name: &str, found: &[NotModelled]) -> Vec<String> {
    if found.is_empty() {
        return vec![format!(
            "{name}: there is no workload in this log; accepted is an audit log of level Request or RequestResponse for pods, \
             nodes, endpointslices and workloads, or watches of these"
        )];
    }
    found
        .iter()
        .map(|NotModelled { what, why }| format!("{name}: {what} cannot be followed: {why}"))
        .collect()
}

#[cfg(test)]
mod tests;

/// A moment as RFC 3339 has it.
fn moment(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}
