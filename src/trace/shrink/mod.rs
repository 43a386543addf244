//! `podproof trace shrink`: a shorter trace in a smaller world that breaks the same promise.
//!
//! - [`smaller`]: the worlds that are tried

pub mod smaller;

use podproof_checker::fingerprint::Bits;
use podproof_model::Model;
use podproof_traces::{Replayed, SMALLER_WORLD, Trace, broken_by, falls_back, reasons, replay, shorten};
use podproof_vocabulary::Property;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{Scenario, Timing};

use super::arguments::ShrinkArguments;
use super::target;
use crate::arguments::SymmetryChoice;
use crate::confirm::{self, Patience};
use crate::output;
use crate::plan::{Behind, Plan};
use crate::progress::Line;
use crate::search::{self, Limits};

/// How the title of a trace begins that was made smaller, in a world that its manifest still makes.
const SMALLER: &str = "made smaller: ";

/// How far the shrinking of a trace may go.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// States that each search may find.
    pub states: u64,
    /// Worlds that are tried.
    pub worlds: u32,
    /// Steps that are taken to leave steps out.
    pub steps: u64,
}

/// A smaller trace, and how it became so.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The trace.
    pub trace: Trace,
    /// What is smaller in its world: the numbers, then what is gone, in the order in which it was found.
    pub smaller: Vec<String>,
}

/// Runs the command; its exit status.
///
/// # Errors
/// What is wrong with the trace, or with where the smaller one is to go.
pub fn run(arguments: &ShrinkArguments) -> Result<u8, String> {
    target::refuse("--output", arguments.output.as_deref(), [arguments.file.as_path()])?;
    let trace = super::read(&arguments.file)?;
    let effort = Effort { states: arguments.max_states, worlds: arguments.worlds, steps: arguments.steps };
    let shrunk = shrink(&trace, effort).map_err(|why| format!("{}: {why}", arguments.file.display()))?;
    let steps = |trace: &Trace| trace.stem.len() + trace.cycle.len();
    output::tell(format_args!("{} steps, {} before", steps(&shrunk.trace), steps(&trace)));
    for smaller in &shrunk.smaller {
        output::tell(format_args!("  {smaller}"));
    }
    for (when, trace) in [("before", &trace), ("now", &shrunk.trace)] {
        let says = reasons(trace).unwrap_or_default();
        says.iter().skip(1).take(1).for_each(|says| output::tell(format_args!("  why, {when}: {says}")));
    }
    target::write(&shrunk.trace, arguments.output.as_deref())
}

/// A shorter trace in a smaller world that breaks the same promise; `trace` itself, if none was found.
///
/// # Errors
/// If there is nothing that is broken, or the model of today does not take the trace.
pub fn shrink(trace: &Trace, effort: Effort) -> Result<Shrunk, String> {
    let Some(property) = trace.property else {
        return Err(
            "a path breaks nothing, so nothing would be kept of it; accepted is a counterexample".into()
        );
    };
    let recorded = match replay(trace) {
        Ok(Replayed::StillBroken { .. } | Replayed::BrokenEarlier { .. }) => {
            trace.recorded_again().map_err(|divergence| divergence.to_string())?
        }
        Ok(replayed) => return Err(replayed.to_string()),
        Err(divergence) => return Err(divergence.to_string()),
    };
    let mut kept = Shrunk { trace: unfollowed(recorded)?, smaller: Vec::new() };
    let falls = falls_back(&kept.trace);
    let (mut place, mut found, mut left) = (0, false, effort.worlds);
    while left > 0 {
        let Some(next) = smaller::worlds(&kept.trace.scenario, property).into_iter().nth(place) else {
            // Where one world was kept, those that kept nothing before may keep something now.
            if !std::mem::take(&mut found) {
                break;
            }
            place = 0;
            continue;
        };
        left -= 1;
        let smaller = broken_in(&next.scenario, &kept.trace, property, effort.states);
        // The same promise, and for the same reason.
        match smaller.filter(|smaller| falls_back(smaller) == falls) {
            Some(trace) => {
                kept.trace = trace;
                kept.smaller.extend((!next.is_count).then_some(next.says));
                found = true;
            }
            None => place += 1,
        }
    }
    kept.trace = shorten(&kept.trace, effort.steps);
    // The shortest of that world, if it is found in time.
    let steps = |trace: &Trace| trace.stem.len() + trace.cycle.len();
    let shortest = searched(&kept.trace.scenario, property, effort.states);
    let is_better = |shortest: &Trace| steps(shortest) < steps(&kept.trace) && falls_back(shortest) == falls;
    if let Some(shortest) = shortest.filter(is_better) {
        kept.trace = shortest;
    }
    let left_out = kept.smaller.join(", ");
    kept.smaller.splice(0..0, smaller::counts(&trace.scenario, &kept.trace.scenario));
    let is_smaller = kept.trace.scenario != trace.scenario || steps(&kept.trace) != steps(trace);
    kept.trace = kept.trace.noted_as(trace);
    if is_smaller {
        kept.trace.title = title(kept.trace.title.take(), &left_out);
    }
    Ok(kept)
}

/// What was said of the whole, as said of what is left; and that the world is no longer that of the manifest, where that is so.
fn title(of_the_whole: Option<String>, left_out: &str) -> Option<String> {
    let says = of_the_whole.as_deref();
    if left_out.is_empty() || says.is_some_and(|says| says.starts_with(SMALLER_WORLD)) {
        let was_said = |says: &str| says.starts_with(SMALLER) || says.starts_with(SMALLER_WORLD);
        return says.map(|says| if was_said(says) { says.to_owned() } else { format!("{SMALLER}{says}") });
    }
    let says = says.map(|says| format!(": {}", says.strip_prefix(SMALLER).unwrap_or(says)));
    Some(format!("{SMALLER_WORLD}{left_out}){}", says.unwrap_or_default()))
}

/// A trace that follows one pod, taken with all clocks: only then other steps, or fewer, are a way of the same world.
fn unfollowed(trace: Trace) -> Result<Trace, String> {
    let (Some(_), Some(property)) = (trace.followed, trace.property) else { return Ok(trace) };
    let model = Model::new(search::with_all_clocks(&trace.scenario))?.judging(PropertySet::of([property]));
    let actions: Vec<_> = trace.stem.iter().map(|step| step.action).collect();
    let (first, actions) = confirm::with_all_clocks(
        &model,
        trace.observed_proxy,
        &actions,
        property,
        Patience::of(confirm::TRIES),
    )?;
    Ok(Trace::record(&model, property, &first, &actions, None, None))
}

/// A trace that breaks `property` in a world: by the steps of `trace` that are possible there, or by those that a search finds.
fn broken_in(scenario: &Scenario, trace: &Trace, property: Property, states: u64) -> Option<Trace> {
    followed_in(scenario, trace, property).or_else(|| searched(scenario, property, states))
}

fn followed_in(scenario: &Scenario, trace: &Trace, property: Property) -> Option<Trace> {
    if trace.obligation.is_some() {
        return None;
    }
    let model = Model::new(scenario.clone()).ok()?;
    let actions: Vec<_> = trace.stem.iter().map(|step| step.action).collect();
    model.initial().into_iter().find_map(|first| {
        let taken = broken_by(&model, &first, &actions, property)?;
        Some(Trace::record(&model, property, &first, &taken, None, None))
    })
}

fn searched(scenario: &Scenario, property: Property, states: u64) -> Option<Trace> {
    let mut scenario = scenario.clone();
    if scenario.timing == Timing::Timed && property.facts().kind == Kind::Safety {
        // What the clocks of one pod break is taken again with all clocks; a run that goes round is not.
        scenario.approximations = scenario.approximations.with(Approximation::Focus);
    }
    let plan = Plan {
        story: scenario.story,
        timing: scenario.timing,
        behind: Behind::default(),
        scenario,
        judged: PropertySet::of([property]),
    };
    let limits = Limits {
        states,
        depth: u64::MAX,
        memory: 1 << 30,
        time: None,
        // Where a bound ends a search, more threads would find something else each time.
        threads: 1,
        bits: Bits::B64,
        symmetry: SymmetryChoice::Any,
    };
    let line = Line::new(&format!("{property} in a smaller world"), states);
    let outcome = search::run(&plan, &limits, &line).ok()?;
    let trace = outcome.findings.into_iter().find_map(|finding| finding.trace)?;
    matches!(replay(&trace), Ok(Replayed::StillBroken { .. })).then_some(trace)
}

#[cfg(test)]
mod tests {
    use podproof_checker::Search;
    use podproof_model::reduced::Reduced;
    use podproof_traces::turning_point;
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::scenario::PreStop;

    use super::*;
    use crate::searched::Searched;

    /// A pod with a preStop sleep that is too short is deleted: as a search that follows one pod's clocks finds it.
    fn of_one_pod(property: Property) -> Trace {
        let mut scenario = catalogue::web("a pod is deleted", Story::PodDeletion, 1, 1);
        scenario.timing = Timing::Timed;
        scenario.approximations = scenario.approximations.with(Approximation::Focus);
        scenario.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(2));
        let judged = PropertySet::of([property]);
        let model = Model::new(scenario).expect("it fits").judging(judged);
        let system = Searched::new(Reduced::new(model), judged);
        let report = Search::new(&system).run();
        let violation = report.violations.first().expect("it is too short");
        let steps = system.unfold(&violation.path);
        let model = &system.reduced().model;
        // The last move may go on after the step that breaks the promise.
        let ends = 1..=steps.actions.len();
        let traces =
            ends.map(|end| Trace::record(model, property, &steps.first, &steps.actions[..end], None, None));
        traces.into_iter().find(|trace| replay(trace).is_ok_and(|it| it.stands())).expect("it is taken again")
    }

    #[test]
    fn what_follows_one_pod_is_taken_with_all_clocks_first() {
        let trace = of_one_pod(Property::NoFailedRequest);
        assert!(trace.followed.is_some());
        assert_eq!(turning_point(&trace), None, "only what has all clocks has one");
        let effort = Effort { states: 1_000, worlds: 4, steps: 10_000 };
        let Shrunk { trace: small, .. } = shrink(&trace, effort).expect("it shrinks");
        assert_eq!(small.followed, None);
        assert_eq!(replay(&small), Ok(Replayed::StillBroken { at_step: small.stem.len() }));
        assert!(turning_point(&small).is_some());
    }

    #[test]
    fn the_title_says_what_is_left_of_the_world() {
        let of = |says: Option<&str>, left_out| title(says.map(str::to_owned), left_out);
        assert_eq!(of(None, ""), None, "nobody has read it");
        assert_eq!(of(Some("a race"), "").as_deref(), Some("made smaller: a race"));
        assert_eq!(of(Some("made smaller: a race"), "").as_deref(), Some("made smaller: a race"));
        let smaller = of(Some("made smaller: a race"), "without a Service, minReadySeconds: 0");
        let says = "in a smaller world (without a Service, minReadySeconds: 0): a race";
        assert_eq!(smaller.as_deref(), Some(says));
        assert_eq!(of(Some(says), "without a finalizer").as_deref(), Some(says));
        assert_eq!(of(Some(says), "").as_deref(), Some(says));
        assert_eq!(of(None, "without a Service").as_deref(), Some("in a smaller world (without a Service)"));
    }
}
