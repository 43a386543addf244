//! `podproof tune`: the smallest values of a manifest's fields at which the promises hold, each tried by a check.
//!
//! - [`arguments`]: its command line
//! - [`parameter`]: what is tuned
//! - [`settle`]: one field after the other
//! - [`smallest`](mod@smallest): looking for the smallest value by halves
//! - `human`, `json`: the formats of the report

pub mod arguments;
mod human;
mod json;
pub mod parameter;
pub mod settle;
pub mod smallest;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use podproof_vocabulary::Property;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::manifest::Source;
use podproof_vocabulary::property::PropertySet;

use arguments::Range;
pub use arguments::TuneArguments;
use parameter::Parameter;
use settle::Settling;

use crate::arguments::{Format, SymmetryChoice};
use crate::check::{self, Turn};
use crate::counterexamples::{file_in, left_alone, note, own, write_one};
use crate::edits::Texts;
use crate::plan::{self, Workload};
use crate::search::Limits;
use crate::trial::{Trials, Tried};
use crate::verdict::WorkloadReport;
use crate::{events, exit, input, interrupt, manifests, output};

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
    /// What the manifest has instead, where that holds too, and nobody has asked to lower it or nothing depends on it.
    pub kept: Option<u32>,
    /// The manifest does not set it, which holds too, as nothing depends on it.
    pub is_unset: bool,
    /// All values hold that were tried and are not refused.
    pub all_hold: bool,
    /// The greatest value that is not refused.
    pub accepted: u32,
    /// Greater values do not always hold where a smaller one does.
    pub is_jagged: bool,
    /// The values that were tried.
    pub tried: BTreeMap<u32, Tried>,
    /// Those at which nothing that counts is broken and that prove nothing all the same, with the promises whose premise is not
    /// reached.
    pub idle: BTreeMap<u32, PropertySet>,
    /// Where the counterexample of the greatest value below that does not hold was written.
    pub trace: Option<PathBuf>,
}

impl Settled {
    /// The greatest value that does not hold below the one that does, or the greatest of all.
    pub fn below(&self) -> Option<(u32, &Tried)> {
        let end = self.value.unwrap_or(self.accepted.saturating_add(1));
        self.tried.iter().rev().find(|(value, _)| **value < end).map(|(value, tried)| (*value, tried))
    }

    /// Does a value hold, in the trial of it?
    fn holds(&self, value: u32, tried: &Tried, spares: bool) -> bool {
        let Tried::Holds { kills, unended, .. } = tried else { return false };
        !(spares && *kills) && unended.is_empty() && !self.idle.contains_key(&value)
    }

    /// How many values below the one that holds, or of all if none does, are not known not to hold.
    pub fn untried(&self) -> u32 {
        let end = self.value.unwrap_or(self.accepted.saturating_add(1));
        let is_known = |tried: &&Tried| !matches!(tried, Tried::Undecided(_));
        let from = self.parameter.from;
        let known = self.tried.range(from..end).map(|(_, tried)| tried).filter(is_known).count();
        (end - from).saturating_sub(u32::try_from(known).unwrap_or(u32::MAX))
    }
}

/// What the check of the manifest with all values together says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It was not come to.
    None,
    /// All that has to hold does; of the premises of some promises nothing is reached.
    Holds {
        /// These.
        idle: PropertySet,
    },
    /// It does not hold: how.
    Fails(String),
}

/// What `tune` has found.
pub struct Tuned {
    /// The workload, with what the verdicts rest on.
    pub heading: WorkloadReport,
    /// What of that is assumed of the manifest as it is.
    of_manifest: Vec<String>,
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
    /// Why it ended before all fields were settled and proved.
    pub undecided: Option<String>,
    /// What the check of all values together says.
    pub proof: Proof,
}

impl Tuned {
    /// The exit status.
    pub fn exit(&self) -> u8 {
        match (&self.undecided, &self.proof) {
            (Some(_), _) => exit::INCOMPLETE,
            (None, Proof::Holds { .. }) => exit::HOLDS,
            (None, Proof::None | Proof::Fails(_)) => exit::BROKEN,
        }
    }

    /// Takes what is assumed of the workload with its new values in the place of what is assumed of it as it was.
    fn assume(&mut self, workload: &Workload) {
        let is_of_world = |line: &String| !self.of_manifest.contains(line);
        let rest: Vec<String> =
            self.heading.assumptions.iter().filter(|line| is_of_world(line)).cloned().collect();
        self.heading.assumptions = workload.assumptions.iter().cloned().chain(rest).collect();
    }
}

/// What `tune` has found of all workloads.
#[derive(Default)]
pub struct TuneReport {
    /// A section for each workload that can be tuned.
    pub workloads: Vec<Tuned>,
    /// Warnings about the input as a whole.
    pub warnings: Vec<String>,
    /// What is wrong with the input, and with the workloads that cannot be tuned.
    pub errors: Vec<String>,
}

impl TuneReport {
    /// The exit status.
    pub fn exit(&self) -> u8 {
        if !self.errors.is_empty() {
            return exit::WRONG_INPUT;
        }
        let is = |status: u8| self.workloads.iter().any(|tuned| tuned.exit() == status);
        [exit::BROKEN, exit::INCOMPLETE].into_iter().find(|status| is(*status)).unwrap_or(exit::HOLDS)
    }
}

/// Runs the command; its exit status.
pub fn run(arguments: &TuneArguments) -> u8 {
    interrupt::listen();
    let report = all(arguments).unwrap_or_else(|errors| TuneReport { errors, ..TuneReport::default() });
    let of_workloads = report.workloads.iter().flat_map(|tuned| &tuned.heading.warnings);
    let warnings: Vec<String> = report.warnings.iter().chain(of_workloads).cloned().collect();
    let text = match arguments.format {
        Format::Json => json::render(&report),
        _ => human::render(&report),
    };
    output::report(&report.errors, &warnings, arguments.format, &text, report.exit())
}

/// Every workload of the input.
///
/// # Errors
/// What is wrong with the input as a whole.
fn all(arguments: &TuneArguments) -> Result<TuneReport, Vec<String>> {
    if arguments.input.files.is_empty() {
        return Err(vec!["nothing to tune: accepted is a manifest (podproof tune deploy.yaml)".into()]);
    }
    if !arguments.promises.properties.is_empty() {
        arguments.promises.judged()?;
    }
    events::refuse(&arguments.world).map_err(|says| vec![says])?;
    let sources = manifests::sources(&arguments.input.files)?;
    let read = input::read_with(&arguments.input, &sources, input::Size::Searched)?;
    let deadline = arguments.bounds.machine.deadline();
    let count = read.workloads.len();
    let mut report = TuneReport { warnings: read.warnings, ..TuneReport::default() };
    // Small ones come first: what they leave of their share is there for large ones.
    let mut workloads: Vec<_> = read.workloads.into_iter().enumerate().collect();
    workloads.sort_by_key(|(_, workload)| workload.checked_replicas);
    let one = |(number, (place, workload)): (usize, (usize, Workload))| {
        let time = deadline.map(|deadline| Turn { number, count }.share(deadline));
        (place, tuned(arguments, &sources, with_story(workload), time))
    };
    let mut all: Vec<_> = workloads.into_iter().enumerate().map(one).collect();
    all.sort_by_key(|(place, _)| *place);
    for (_, one) in all {
        match one {
            Ok(tuned) => report.workloads.push(tuned),
            Err(why) => report.errors.push(why),
        }
    }
    Ok(report)
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
    let located = |why: String| check::located(&workload, &why);
    let judged = judged(arguments);
    if judged.is_empty() {
        return Err(located(
            "no promise is left that has to hold; accepted is --property, or less of --only and --allow"
                .into(),
        ));
    }
    let (plans, untold) = plan::searches(&workload, &arguments.world, judged);
    if plans.is_empty() {
        return Err(located(format!("{}: {}", workload.name, untold.join("; "))));
    }
    let limits = limits(arguments, time);
    let trials = Trials::new((&arguments.input, &arguments.world), sources, &workload, judged, limits);
    let texts = Texts::new(sources, &workload);
    let mut stories: Vec<Story> = plans.iter().map(|plan| plan.story).collect();
    stories.dedup();
    let mut heading = check::heading(&workload, &plans, untold, &arguments.world);
    let is_served = parameter::is_served(&workload.scenarios);
    let parameters = parameters(arguments, &texts, &workload, is_served).map_err(located)?;
    if arguments.set.is_empty() && !is_served {
        heading.warnings.push(
            "no Service sends connections to its pods, so no preStop sleep is looked for; --set looks for one all the same".into(),
        );
    }
    let scenario = &workload.scenarios[0];
    let ends_pods = arguments.set.is_empty() || (is_plain(arguments) && sets_the_end(&arguments.set));
    let spares_containers = ends_pods && parameter::exits_by_itself(scenario);
    heading.warnings.extend(not_recomputed(&arguments.set, &workload));
    if ends_pods && !spares_containers {
        heading.warnings.push(
            "a process ignores SIGTERM, and gets SIGKILL whatever the grace is: that no container gets SIGKILL is not asked for".into(),
        );
    }
    let mut tuned = Tuned {
        heading,
        of_manifest: workload.assumptions.clone(),
        stories,
        judged,
        spares_containers,
        settled: Vec::new(),
        patch: None,
        approximations: Vec::new(),
        undecided: None,
        proof: Proof::None,
    };
    let settling =
        Settling::new(texts, &workload, trials, parameters, (&tuned, required(arguments, is_served)));
    let keep = |tuned: &mut Tuned, settled: &mut Settled| {
        settled.trace = keep_counterexample(arguments, tuned, settled);
    };
    settling.settle(&mut tuned, keep).map_err(located)?;
    Ok(tuned)
}

/// The same workload, of which is told how its pods go unless the command line asks for another story.
fn with_story(workload: Workload) -> Workload {
    let story = plan::story_of_end(workload.scenarios[0].workload.kind);
    Workload { stories: Some(vec![story]), ..workload }
}

/// The promises that have to hold: those that are asked for, or those of a pod's end, but for those that need not.
fn judged(arguments: &TuneArguments) -> PropertySet {
    let promises = &arguments.promises;
    let asked = match is_plain(arguments) && arguments.set.is_empty() {
        true => PropertySet::of(OF_TERMINATION),
        false => promises.asked(),
    };
    PropertySet::of(asked.iter().filter(|&property| promises.count(property)))
}

/// The promises whose premise has to be reached, whatever else is: those that are named, or those that the fields of a pod's end are
/// tuned for.
fn required(arguments: &TuneArguments, is_served: bool) -> PropertySet {
    match (is_plain(arguments), arguments.set.is_empty()) {
        (true, true) if is_served => {
            PropertySet::of([Property::NoTrafficAfterSigterm, Property::GraceHonoured])
        }
        (true, true) => PropertySet::of([Property::GraceHonoured]),
        _ => PropertySet::of(arguments.promises.properties.iter().copied()),
    }
}

/// Does the command line leave it open which promises have to hold?
fn is_plain(arguments: &TuneArguments) -> bool {
    arguments.promises.properties.is_empty() && arguments.promises.only.is_empty()
}

/// Is one of the fields about how a pod ends?
fn sets_the_end(set: &[Range]) -> bool {
    set.iter().any(|range| {
        let path = range.path.to_string();
        path.ends_with(".terminationGracePeriodSeconds") || path.contains(".lifecycle.preStop.")
    })
}

/// What is said of numbers that are no percentages, where fewer replicas are checked than there are.
fn not_recomputed(set: &[Range], workload: &Workload) -> Vec<String> {
    let (checked, all) = (u32::from(workload.checked_replicas), workload.manifest_replicas);
    let is_of_replicas = |range: &&Range| {
        let path = range.path.to_string();
        ["maxSurge", "maxUnavailable"].iter().any(|field| path.ends_with(field))
    };
    let says = |range: &Range| {
        format!(
            "{}: its values are tried at {checked} of {all} replicas; unlike a percentage a number stays as it is, and is \
             less of {all} than of {checked}",
            range.path
        )
    };
    set.iter().filter(is_of_replicas).filter(|_| checked < all).map(says).collect()
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
    is_served: bool,
) -> Result<Vec<Parameter>, String> {
    if !arguments.set.is_empty() {
        return Ok(arguments.set.iter().map(|range| Parameter::plain(range, texts)).collect());
    }
    let scenario = &workload.scenarios[0];
    if !is_served {
        return Ok(vec![parameter::grace(scenario, parameter::sleeps(scenario))]);
    }
    // One of each container that serves.
    let mut known = BTreeSet::new();
    let serving = workload.scenarios.iter().filter(|world| known.insert(world.workload.template.serving));
    let mut parameters =
        serving.map(|world| parameter::pre_stop(texts, world)).collect::<Result<Vec<_>, _>>()?;
    let longest = parameters.iter().map(|hook| hook.to).max().unwrap_or(0);
    parameters.push(parameter::grace(scenario, longest));
    Ok(parameters)
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
