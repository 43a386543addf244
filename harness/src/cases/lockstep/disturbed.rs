//! The traces of the corpus, each with something more that befalls the cluster at one of its steps. What is interesting enough to be
//! told is a good place to be disturbed at, and there is none that is passed over. `PODPROOF_DISTURBED=all` takes all such paths, a part of
//! the name of a trace those of that one, and else it is one in so many.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use podproof_model::Model;
use podproof_runtime::Slips;
use podproof_traces::Trace;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::approximation::Approximations;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::scenario::{Beginning, Scenario};

use super::{Finding, fit};

/// Of so many paths one is taken.
const STRIDE: usize = 80;

/// A trace of the corpus as the lockstep can run it.
struct Told {
    name: String,
    scenario: Scenario,
    path: Vec<Action>,
}

fn corpus() -> Vec<Told> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/corpus");
    let folders = fs::read_dir(root).expect("the corpus is there").filter_map(Result::ok);
    let files =
        folders.filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten().filter_map(Result::ok);
    let mut told: Vec<Told> = files.filter_map(|file| told(&file.path())).collect();
    told.sort_by(|one, other| one.name.cmp(&other.name));
    told
}

/// None of a file that is no trace, of a wrong rule, and of one whose pods run from the beginning.
fn told(file: &Path) -> Option<Told> {
    let name = file.file_name()?.to_string_lossy().strip_suffix(".json")?.to_owned();
    let trace = Trace::from_json(&fs::read_to_string(file).ok()?).expect("the corpus is whole");
    let path = trace.steps().map(|(_, step)| step.action).collect();
    let mut scenario = trace.scenario;
    if scenario.mutant.is_some() || scenario.begins == Beginning::Running {
        return None;
    }
    fit(&mut scenario);
    scenario.approximations = Approximations::NONE;
    Some(Told { name, scenario, path })
}

/// The path with each thing that may befall the cluster before each of its steps. A step that is not possible is left out.
fn disturbed(told: &Told, event: EventName) -> Vec<(Scenario, Vec<Action>)> {
    let mut scenario = told.scenario.clone();
    scenario.events.set(event, scenario.events.count(event).saturating_add(1).min(3));
    let Ok(model) = Model::new(scenario.clone()) else { return Vec::new() };
    let Some(mut state) = model.initial().into_iter().next() else { return Vec::new() };
    let (mut paths, mut enabled) = (Vec::new(), Vec::new());
    let mut path: Vec<Action> = Vec::new();
    for (number, &step) in told.path.iter().enumerate() {
        enabled.clear();
        model.enabled(&state, &mut enabled);
        for &action in
            enabled.iter().filter(|&&action| matches!(action, Action::Environment(_)) && action != step)
        {
            let with = path.iter().copied().chain([action]).chain(told.path[number..].iter().copied());
            paths.push((scenario.clone(), with.collect()));
        }
        if enabled.contains(&step) {
            path.push(step);
            state = model.apply(&state, &step);
        }
    }
    paths
}

fn along(scenario: &Scenario, path: &[Action]) -> Option<Finding> {
    super::along(scenario, path, Slips::NONE)
}

#[test]
fn a_trace_of_the_corpus_agrees() {
    for told in corpus() {
        let found = along(&told.scenario, &told.path);
        assert!(
            found.is_none(),
            "{}: {}",
            told.name,
            found.map(|found| found.to_string()).unwrap_or_default()
        );
    }
}

#[test]
fn a_trace_that_is_disturbed_at_any_step_agrees() {
    let which = env::var("PODPROOF_DISTURBED").ok();
    let stride = if which.is_some() { 1 } else { STRIDE };
    let is_meant = |told: &Told| match which.as_deref() {
        None | Some("all") => true,
        Some(part) => told.name.contains(part),
    };
    let (mut number, mut taken, mut differ) = (0, 0, Vec::new());
    for told in corpus().into_iter().filter(is_meant) {
        let mut seen = BTreeSet::new();
        for event in EventName::all() {
            for (scenario, path) in disturbed(&told, event) {
                if !seen.insert(format!("{path:?}")) {
                    continue;
                }
                number += 1;
                if number % stride != 0 {
                    continue;
                }
                taken += 1;
                let found = along(&scenario, &path);
                differ.extend(found.map(|found| format!("{} with {event}: {found}", told.name)));
            }
        }
    }
    assert!(differ.is_empty(), "{} of {taken} differ:\n{}", differ.len(), differ.join("\n\n"));
    assert!(taken > 10, "{taken} of {number}");
}
