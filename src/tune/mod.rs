//! `podproof tune`: the smallest values of a manifest's fields at which the promises hold, each tried by a check.
//!
//! - [`arguments`]: its command line
//! - [`parameter`]: what is tuned
//! - [`smallest`](mod@smallest): looking for the smallest value by halves
//! - `human`, `json`: the formats of the report

pub mod arguments;
mod human;
mod json;
pub mod parameter;
pub mod smallest;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::time::Duration;

use podproof_vocabulary::Property;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::manifest::Source;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::WorkloadKind;

pub use arguments::TuneArguments;
use parameter::Parameter;
use smallest::{Smallest, greatest_accepted, smallest};

use crate::arguments::{Format, SymmetryChoice};
use crate::check::{self, Turn};
use crate::counterexamples::{file_in, left_alone, note, own, write_one};
use crate::edits::{Edit, Texts};
use crate::plan::{self, Workload};
use crate::search::Limits;
use crate::trial::{Trials, Tried};
use crate::verdict::WorkloadReport;
use crate::{exit, input, interrupt, output};

/// What has to hold unless the command line says otherwise: what a pod's end must not do to requests.
const OF_TERMINATION: [Property; 4] = [
    Property::NoTrafficAfterSigterm,
    Property::NoFailedRequest,
    Property::NoMisroutedRequest,
    Property::GraceHonoured,
];

/// What was found of a field.
pub struct Settled {
    /// The field.
    pub parameter: Parameter,
    /// The smallest value that holds; none if none does.
    pub value: Option<u32>,
    /// What the manifest has instead, where that is more, holds too, and nobody has asked to lower it.
    pub kept: Option<u32>,
    /// The greatest value that is not refused.
    pub accepted: u32,
    /// Greater values do not always hold where a smaller one does.
    pub is_jagged: bool,
    /// The values that were tried.
    pub tried: BTreeMap<u32, Tried>,
    /// Where the counterexample of the greatest value below that does not hold was written.
    pub trace: Option<PathBuf>,
}

impl Settled {
    /// The greatest value that does not hold below the one that does, or the greatest of all.
    pub fn below(&self) -> Option<(u32, &Tried)> {
        let end = self.value.unwrap_or(self.accepted.saturating_add(1));
        self.tried.iter().rev().find(|(value, _)| **value < end).map(|(value, tried)| (*value, tried))
    }
}

/// What `tune` has found.
pub struct Tuned {
    /// The workload, with what the verdicts rest on.
    pub heading: WorkloadReport,
    /// The stories that are told.
    pub stories: Vec<Story>,
    /// What has to hold.
    pub judged: PropertySet,
    /// No container may get SIGKILL.
    pub spares_containers: bool,
    /// What was found, in order.
    pub settled: Vec<Settled>,
    /// The fields with their smallest values, as a patch; none if a field has none, or if it changes nothing.
    pub patch: Option<String>,
    /// The approximations that the searches used, a sentence each.
    pub approximations: Vec<String>,
    /// Why it ended before all fields were settled.
    pub undecided: Option<String>,
}

impl Tuned {
    /// The exit status.
    pub fn exit(&self) -> u8 {
        match &self.undecided {
            Some(_) => exit::INCOMPLETE,
            None if self.settled.iter().any(|settled| settled.value.is_none()) => exit::BROKEN,
            None => exit::HOLDS,
        }
    }
}

/// Runs the command; its exit status.
pub fn run(arguments: &TuneArguments) -> u8 {
    interrupt::listen();
    let (tuned, errors) = match all(arguments) {
        Ok(all) => all,
        Err(errors) => (Vec::new(), errors),
    };
    let (mut warnings, mut text) = (Vec::new(), String::new());
    for tuned in &tuned {
        warnings.extend(tuned.heading.warnings.iter().cloned());
        text += &match arguments.format {
            Format::Json => json::render(tuned),
            _ if text.is_empty() => human::render(tuned),
            _ => format!("\n{}", human::render(tuned)),
        };
    }
    let status = if errors.is_empty() { exit_of(&tuned) } else { exit::WRONG_INPUT };
    output::report(&errors, &warnings, arguments.format, &text, status)
}

/// The exit status of all workloads together.
fn exit_of(tuned: &[Tuned]) -> u8 {
    let is = |status: u8| tuned.iter().any(|tuned| tuned.exit() == status);
    [exit::BROKEN, exit::INCOMPLETE].into_iter().find(|status| is(*status)).unwrap_or(exit::HOLDS)
}

/// Every workload of the input, and what is wrong with those that cannot be tuned.
fn all(arguments: &TuneArguments) -> Result<(Vec<Tuned>, Vec<String>), Vec<String>> {
    if arguments.input.files.is_empty() {
        return Err(vec!["nothing to tune: accepted is a manifest (podproof tune deploy.yaml)".into()]);
    }
    let sources = input::sources(&arguments.input.files)?;
    let read = input::read_with(&arguments.input, &sources, input::Size::Searched)?;
    let deadline = arguments.bounds.machine.deadline();
    let count = read.workloads.len();
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for (number, workload) in read.workloads.into_iter().enumerate() {
        let time = deadline.map(|deadline| Turn { number, count }.share(deadline));
        match tuned(arguments, &sources, with_story(workload), time) {
            Ok(tuned) => all.push(tuned),
            Err(why) => errors.push(why),
        }
    }
    if let Some(first) = all.first_mut() {
        first.heading.warnings.splice(0..0, read.warnings);
    }
    Ok((all, errors))
}

/// Tunes a workload, within a time.
///
/// # Errors
/// Why it cannot be tuned, with where it stands.
fn tuned(
    arguments: &TuneArguments,
    sources: &[Source],
    workload: Workload,
    time: Option<Duration>,
) -> Result<Tuned, String> {
    let judged = judged(arguments);
    let limits = limits(arguments, time);
    let trials = Trials::new((&arguments.input, &arguments.world), sources, &workload, judged, limits);
    let texts = Texts::new(sources, &workload);
    let located = |why: String| check::located(&workload, &why);
    let parameters = parameters(arguments, &texts, &workload).map_err(located)?;
    let (plans, untold) = plan::searches(&workload, &arguments.world, judged);
    let mut stories: Vec<Story> = plans.iter().map(|plan| plan.story).collect();
    stories.dedup();
    let heading = check::heading(&workload, &plans, untold, &arguments.world);
    let scenario = &workload.scenarios[0];
    let spares_containers = arguments.set.is_empty() && parameter::exits_by_itself(scenario);
    let mut tuned = Tuned {
        heading,
        stories,
        judged,
        spares_containers,
        settled: Vec::new(),
        patch: None,
        approximations: Vec::new(),
        undecided: None,
    };
    settle(arguments, texts, trials, parameters, &mut tuned).map_err(located)?;
    Ok(tuned)
}

/// The same workload, of which is told how its pods go unless the command line asks for another story.
fn with_story(workload: Workload) -> Workload {
    let story = match workload.scenarios[0].workload.kind {
        WorkloadKind::Deployment => Story::Rollout,
        WorkloadKind::ReplicaSet | WorkloadKind::Pod => Story::PodDeletion,
    };
    Workload { stories: Some(vec![story]), ..workload }
}

fn judged(arguments: &TuneArguments) -> PropertySet {
    let promises = &arguments.promises;
    match (promises.properties.is_empty() && promises.only.is_empty(), arguments.set.is_empty()) {
        (true, true) => PropertySet::of(OF_TERMINATION),
        _ => {
            let counting = promises.asked().iter().filter(|&property| promises.count(property));
            PropertySet::of(counting)
        }
    }
}

fn limits(arguments: &TuneArguments, time: Option<Duration>) -> Limits {
    let bounds = &arguments.bounds;
    Limits {
        states: bounds.max_states,
        depth: bounds.max_depth.unwrap_or(u64::MAX),
        memory: bounds.max_memory(),
        time,
        threads: bounds.machine.threads(),
        bits: bounds.fingerprint_bits,
        symmetry: SymmetryChoice::Any,
    }
}

fn parameters(
    arguments: &TuneArguments,
    texts: &Texts<'_>,
    workload: &Workload,
) -> Result<Vec<Parameter>, String> {
    if !arguments.set.is_empty() {
        return Ok(arguments.set.iter().map(Parameter::plain).collect());
    }
    let scenario = &workload.scenarios[0];
    let pre_stop = parameter::pre_stop(texts, scenario)?;
    let grace = parameter::grace(scenario, pre_stop.to);
    Ok(vec![pre_stop, grace])
}

/// Settles one field after the other, those that come later at their greatest values.
fn settle(
    arguments: &TuneArguments,
    texts: Texts<'_>,
    mut trials: Trials<'_>,
    parameters: Vec<Parameter>,
    tuned: &mut Tuned,
) -> Result<(), String> {
    let mut values: Vec<u32> = parameters.iter().map(|parameter| parameter.to).collect();
    // What holds at the greatest values of all was tried with the field before.
    let mut greatest: Option<Tried> = None;
    for (place, parameter) in parameters.iter().enumerate() {
        let mut tried: BTreeMap<u32, Tried> = BTreeMap::new();
        tried.extend(greatest.take().map(|known| (parameter.to, known)));
        let spares = tuned.spares_containers;
        let accepted = greatest_accepted(parameter.from, parameter.to, |value| {
            values[place] = value;
            let refusal = trials.refusal(&edits(&parameters, &values));
            let is_refused = refusal.is_some();
            tried.extend(refusal.map(|why| (value, Tried::Refused(why))));
            is_refused
        });
        let Some(accepted) = accepted else { return Err(refused(parameter, &tried)) };
        let mut holds = |value| {
            let came = match tried.entry(value) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(untried) => {
                    values[place] = value;
                    let edits: Vec<Edit> = edits(&parameters, &values);
                    untried.insert(trials.run(&edits).map_err(Stop::Wrong)?)
                }
            };
            match came {
                Tried::Holds { kills, .. } => Ok(!(spares && *kills)),
                Tried::Broken(_) | Tried::Refused(_) => Ok(false),
                Tried::Undecided(why) => Err(Stop::Undecided(format!("{}: {why}", parameter.value(value)))),
            }
        };
        let found = smallest(parameter.from, accepted, &mut holds);
        let Smallest { value, is_jagged } = match found {
            Ok(found) => found,
            Err(Stop::Wrong(why)) => return Err(why),
            Err(Stop::Undecided(why)) => {
                tuned.undecided = Some(format!("{}: {why}", parameter.says));
                Smallest { value: None, is_jagged: false }
            }
        };
        let more = parameter.kept.filter(|now| value.is_some_and(|value| value < *now));
        let kept = more.filter(|now| matches!(holds(*now), Ok(true)));
        let chosen = kept.or(value);
        tuned.approximations = trials.approximations();
        greatest = chosen.and_then(|value| tried.get(&value).cloned());
        values[place] = chosen.unwrap_or(parameter.to);
        let mut settled =
            Settled { parameter: parameter.clone(), value, kept, accepted, is_jagged, tried, trace: None };
        settled.trace = keep_counterexample(arguments, tuned, &settled);
        tuned.settled.push(settled);
        if value.is_none() {
            return Ok(());
        }
    }
    let changed: Vec<Edit> = tuned
        .settled
        .iter()
        .zip(&values)
        .filter(|(settled, value)| settled.kept.is_none() && !settled.parameter.is_at(&texts, **value))
        .map(|(settled, value)| settled.parameter.edit(*value))
        .collect();
    tuned.patch = Some(texts.patch(&changed)?).filter(|patch| !patch.is_empty());
    Ok(())
}

/// Why no value is found.
enum Stop {
    Undecided(String),
    Wrong(String),
}

/// Why no value of a field can be tried.
fn refused(parameter: &Parameter, tried: &BTreeMap<u32, Tried>) -> String {
    let why = tried.values().rev().find_map(|tried| match tried {
        Tried::Refused(why) => Some(why.as_str()),
        _ => None,
    });
    let Parameter { path, from, to, .. } = parameter;
    format!("{path}={from}..{to}: no value that was tried is accepted: {}", why.unwrap_or("nobody says why"))
}

fn edits(parameters: &[Parameter], values: &[u32]) -> Vec<Edit> {
    parameters.iter().zip(values).map(|(parameter, value)| parameter.edit(*value)).collect()
}

/// Writes the counterexample of the greatest value that does not hold below the smallest that does.
fn keep_counterexample(arguments: &TuneArguments, tuned: &mut Tuned, settled: &Settled) -> Option<PathBuf> {
    let (value, Tried::Broken(broken)) = settled.below()? else { return None };
    let field = settled.parameter.says.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let end = format!("-tune-{field}-{value}.json");
    let path = file_in(&arguments.traces.trace_dir, &tuned.heading.name, &end);
    let mut trace = broken.trace.clone();
    note(&mut trace, tuned.heading.manifest.as_ref());
    let wanted = path;
    let path = own(&wanted, &trace);
    match write_one(&trace, &path) {
        Ok(()) => {
            if path != wanted {
                tuned.heading.warnings.push(left_alone(&(wanted, path.clone()), 1));
            }
            Some(path)
        }
        Err(error) => {
            let warning = format!("{}: the trace could not be written: {error}", path.display());
            tuned.heading.warnings.push(warning);
            None
        }
    }
}
