//! From the command line to workloads.

use std::collections::BTreeMap;

use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::manifest::{self, Options, Place, Problem, Source};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::limits::NODES_MAX;
use podproof_vocabulary::{Release, catalogue, left_out};

use crate::arguments::InputArguments;
use crate::counterexamples::Manifest;
use crate::plan::{Doubt, Workload};
use crate::{manifests, output};

/// The label of a node that is its own.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// What is to be checked, with what concerns no workload.
pub struct Workloads {
    /// The workloads.
    pub workloads: Vec<Workload>,
    /// Warnings about the input as a whole.
    pub warnings: Vec<String>,
    /// The manifests that they were read from. They are read once: a pipe gives its text once, and a file may change.
    pub sources: Vec<Source>,
}

impl Workloads {
    /// Says the warnings about the input as a whole on standard error.
    pub fn tell(&self) {
        for warning in &self.warnings {
            output::tell(format_args!("warning: {warning}"));
        }
    }
}

/// How large workloads are, where the command line does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Small enough for a search.
    Searched,
    /// As large as the manifest has them.
    Full,
}

/// The most replicas that a state can hold, with as many again that are remembered, and half of them as surge.
pub(crate) const REPLICAS_MAX: u8 = 100;

/// Reads what the command line names, in a size that can be searched.
///
/// # Errors
/// What is wrong with it, a message each.
pub fn read(arguments: &InputArguments) -> Result<Workloads, Vec<String>> {
    read_in_size(arguments, Size::Searched)
}

/// Reads what the command line names.
///
/// # Errors
/// What is wrong with it, a message each.
pub fn read_in_size(arguments: &InputArguments, size: Size) -> Result<Workloads, Vec<String>> {
    if arguments.files.is_empty() && arguments.scenarios.is_empty() {
        return Err(vec![
            "no input: accepted are manifests, such as deploy.yaml, and built-in scenarios (--scenario NAME; podproof scenarios \
             lists them)"
                .into(),
        ]);
    }
    refuse_without_effect(arguments)?;
    let sources = manifests::sources(&arguments.files)?;
    Ok(Workloads { sources: sources.clone(), ..read_with(arguments, &sources, size)? })
}

/// Reads what the command line names, with these in the place of its files.
///
/// # Errors
/// What is wrong with it, a message each.
pub(crate) fn read_with(
    arguments: &InputArguments,
    sources: &[Source],
    size: Size,
) -> Result<Workloads, Vec<String>> {
    read_as(arguments, sources, size, |place| Some(place.clone()))
}

/// The same; `told` says which place is told in messages for one in the sources.
///
/// # Errors
/// What is wrong with it, a message each.
pub(crate) fn read_as(
    arguments: &InputArguments,
    sources: &[Source],
    size: Size,
    told: impl Fn(&Place) -> Option<Place>,
) -> Result<Workloads, Vec<String>> {
    let latencies = latencies(arguments)?;
    let mut result = Workloads { workloads: Vec::new(), warnings: Vec::new(), sources: Vec::new() };
    for name in &arguments.scenarios {
        result.workloads.push(built_in(name, arguments)?);
    }
    if !sources.is_empty() {
        let default = Options::default();
        let replicas = if size == Size::Full { REPLICAS_MAX } else { default.replicas };
        let mut options = Options {
            nodes: arguments.nodes.unwrap_or(default.nodes),
            replicas: arguments.replicas.unwrap_or(replicas),
            release: arguments.release.unwrap_or(default.release),
            latencies,
            on_sigterm: arguments.on_sigterm,
            listens_after_seconds: arguments.listens_after,
            skip_others: arguments.skip_others,
        };
        let says = |problem: Problem| {
            Problem { place: problem.place.as_ref().and_then(&told), ..problem }.to_string()
        };
        let read = |options: &Options| {
            manifest::read(sources, options)
                .map_err(|problems| problems.into_iter().map(says).collect::<Vec<_>>())
        };
        let mut reading = read(&options)?;
        refuse_other_nodes(&reading.workloads, arguments)?;
        if size == Size::Full {
            refuse_cut(&reading.workloads, arguments)?;
            if arguments.nodes.is_none() {
                options.nodes = nodes_for(&reading.workloads);
                reading = read(&options)?;
            }
        }
        result.warnings = reading.warnings.iter().map(ToString::to_string).collect();
        result.workloads.extend(reading.workloads.into_iter().map(|input| workload(input, sources)));
    }
    if !arguments.workloads.is_empty() {
        select(&mut result.workloads, &arguments.workloads)?;
    }
    Ok(result)
}

/// Refuses a workload that would be cut to fewer replicas than its manifest has although nobody asked for that.
fn refuse_cut(workloads: &[manifest::Input], arguments: &InputArguments) -> Result<(), Vec<String>> {
    let is_cut = |input: &&manifest::Input| u32::from(input.checked_replicas) < input.manifest_replicas;
    let problem = |input: &manifest::Input| {
        format!(
            "{}: {} has {} replicas, more than a state can hold ({REPLICAS_MAX}); accepted: --replicas from 1 to \
             {REPLICAS_MAX}",
            input.place, input.name, input.manifest_replicas
        )
    };
    let problems: Vec<String> = match arguments.replicas {
        None => workloads.iter().filter(is_cut).map(problem).collect(),
        Some(_) => Vec::new(),
    };
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Refuses a number of nodes that the input itself contradicts: its Node objects are taken, and nothing is ignored silently.
fn refuse_other_nodes(workloads: &[manifest::Input], arguments: &InputArguments) -> Result<(), Vec<String>> {
    let Some(asked) = arguments.nodes else { return Ok(()) };
    let given =
        workloads.iter().find(|input| input.nodes_are_given).map(|input| input.scenarios[0].nodes.len());
    match given.filter(|&given| given != usize::from(asked)) {
        Some(given) => Err(vec![format!(
            "--nodes {asked} has no effect on input with Node objects, which are the {given} nodes; accepted is to leave it out"
        )]),
        None => Ok(()),
    }
}

/// Two nodes for five replicas, at least two; where no two pods may share a node, one for each pod that there may be at
/// once, as far as a state has room.
fn nodes_for(workloads: &[manifest::Input]) -> u8 {
    let wanted = |input: &manifest::Input| {
        let workload = &input.scenarios[0].workload;
        let replicas = u16::from(input.checked_replicas);
        let spread = workload.template.pod_anti_affinity.iter().any(|term| term.topology_key == HOSTNAME);
        let surge = u16::from(workload.strategy.fenceposts(input.checked_replicas).0);
        if spread { replicas + surge } else { (2 * replicas).div_ceil(5) }
    };
    let wanted = workloads.iter().map(wanted).max().unwrap_or(0);
    u8::try_from(wanted.clamp(2, NODES_MAX as u16)).unwrap_or(u8::MAX)
}

/// Refuses what says how manifests are read, where built-in scenarios are checked: nothing is ignored silently.
fn refuse_without_effect(arguments: &InputArguments) -> Result<(), Vec<String>> {
    let Some(name) = arguments.scenarios.first() else { return Ok(()) };
    let given = [
        ("--nodes", arguments.nodes.is_some()),
        ("--replicas", arguments.replicas.is_some()),
        ("--release", arguments.release.is_some()),
        ("--on-sigterm", arguments.on_sigterm.is_some()),
        ("--listens-after", arguments.listens_after.is_some()),
    ];
    let problem = |(flag, _): &(&str, bool)| {
        format!(
            "{flag} has no effect on --scenario {name}, which has its own; accepted: {flag} with manifests only"
        )
    };
    let problems: Vec<String> = given.iter().filter(|(_, is_given)| *is_given).map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn latencies(arguments: &InputArguments) -> Result<Latencies, Vec<String>> {
    let mut latencies = Latencies::of(arguments.release.unwrap_or(Release::NEWEST));
    for text in &arguments.latencies {
        let set = match text.split_once('=') {
            Some((name, seconds)) => match seconds.parse() {
                Ok(seconds) => latencies.set(name, seconds),
                Err(_) => {
                    Err(format!("--latency {text}: accepted is NAME=SECONDS with SECONDS from 0 to 86400"))
                }
            },
            None => {
                Err(format!("--latency {text}: accepted is NAME=SECONDS; the names are {}", latency_names()))
            }
        };
        set.map_err(|message| vec![message])?;
    }
    Ok(latencies)
}

fn latency_names() -> String {
    let defaults = Latencies::default();
    let row = |row: &podproof_vocabulary::latency::Row| format!("{}={}", row.name, row.value(&defaults));
    Latencies::ROWS.iter().map(row).collect::<Vec<_>>().join(", ")
}

fn built_in(name: &str, arguments: &InputArguments) -> Result<Workload, Vec<String>> {
    let bare = name.strip_prefix("scenario/").unwrap_or(name);
    let Some(entry) = catalogue::find(bare) else {
        let names: Vec<_> = catalogue::ENTRIES.iter().map(|entry| entry.name).collect();
        return Err(vec![format!("no scenario is called '{name}'; accepted are {}", names.join(", "))]);
    };
    let mut scenario = entry.scenario();
    for text in &arguments.latencies {
        if let Some((name, seconds)) =
            text.split_once('=').and_then(|(name, s)| Some((name, s.parse().ok()?)))
        {
            scenario.latencies.set(name, seconds).map_err(|message| vec![message])?;
        }
    }
    Ok(Workload {
        name: scenario.name.clone(),
        stories: Some(vec![scenario.story]),
        services: vec![Vec::new()],
        target_ports: vec![None],
        nodes_are_given: false,
        manifest_replicas: scenario.workload.manifest_replicas,
        checked_replicas: scenario.workload.replicas,
        scaled_by: None,
        attached: None,
        assumptions: Vec::new(),
        warnings: Vec::new(),
        blocked_drains: Vec::new(),
        left_out: left_out::behaviours(&scenario).collect(),
        undecided: Vec::new(),
        place: None,
        manifest: None,
        settings: BTreeMap::new(),
        scenarios: vec![scenario],
    })
}

fn workload(input: manifest::Input, sources: &[Source]) -> Workload {
    // Which other workloads stand beside it may differ from class to class.
    let unschedulable = input.scenarios.iter().find_map(podproof_traces::unschedulable);
    let place = Some(input.place.clone());
    let stuck = unschedulable.map(|says| manifest::Warning { place, says });
    let source = sources.iter().find(|source| source.path == input.place.file);
    Workload {
        manifest: source.map(Manifest::of),
        name: input.name,
        scenarios: input.scenarios,
        services: input.services,
        target_ports: input.target_ports,
        nodes_are_given: input.nodes_are_given,
        stories: None,
        manifest_replicas: input.manifest_replicas,
        checked_replicas: input.checked_replicas,
        scaled_by: input.scaled_by,
        attached: input.attached,
        assumptions: input.assumptions,
        warnings: input.warnings.iter().chain(&stuck).map(ToString::to_string).collect(),
        blocked_drains: input.blocked_drains,
        undecided: input.left_out.iter().filter(|row| row.contradicts).map(undecided).collect(),
        left_out: input.left_out,
        place: Some(input.place),
        settings: input.settings,
    }
}

fn select(workloads: &mut Vec<Workload>, names: &[String]) -> Result<(), Vec<String>> {
    let is = |workload: &Workload, name: &String| {
        workload.name == *name || workload.name.rsplit('/').next() == Some(name.as_str())
    };
    let all: Vec<String> = workloads.iter().map(|workload| workload.name.clone()).collect();
    for name in names {
        if !workloads.iter().any(|workload| is(workload, name)) {
            return Err(vec![format!("no workload is called '{name}'; accepted are {}", all.join(", "))]);
        }
    }
    workloads.retain(|workload| names.iter().any(|name| is(workload, name)));
    Ok(())
}

/// What cannot be said to hold because the manifest forbids what the model does, or does what the model leaves out.
fn undecided(row: &&left_out::Row) -> Doubt {
    let why = match row.kind {
        left_out::Kind::Behaviour => format!("{} is not modelled: {}", row.what, row.reason),
        _ => format!("{} is set and not modelled: {}", row.what, row.reason),
    };
    Doubt { properties: PropertySet::of(row.could_change.iter().copied()), adds: row.adds, why }
}
