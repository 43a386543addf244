//! One search: what it says of each promise that it judges.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use podproof_checker::checkpoint::Kept;
use podproof_checker::fingerprint::Bits;
use podproof_checker::progress::Lasso;
use podproof_checker::search::{Report, Stopped};
use podproof_checker::{Bounds, Path, Search};
use podproof_model::progress::SET_MAX;
use podproof_model::reduced::{Move, Reduced};
use podproof_model::{ClusterState, Model};
use podproof_traces::Trace;
use podproof_vocabulary::Property;
use podproof_vocabulary::action::CLASSES;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::property::Kind;
use podproof_vocabulary::scenario::{Scenario, Timing};

use crate::arguments::SymmetryChoice;
use crate::kept::KeptSearch;
use crate::plan::Plan;
use crate::progress::Line;
use crate::searched::{STORY_OVER, Searched};
use crate::verdict::{Finding, Measured, Outcome, Verdict};
use crate::{confirm, coverage, interrupt};

/// How far a search may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// States.
    pub states: u64,
    /// Moves from the beginning.
    pub depth: u64,
    /// Bytes, about.
    pub memory: u64,
    /// Time for this search.
    pub time: Option<Duration>,
    /// Threads.
    pub threads: usize,
    /// Bits of a fingerprint.
    pub bits: Bits,
    /// The symmetry that is asked for.
    pub symmetry: SymmetryChoice,
}

/// The part of its time that a search leaves for taking counterexamples again, where it follows one pod.
const FOR_TAKING_AGAIN: u32 = 10;

impl Limits {
    fn bounds(&self, spent: Duration, system: &Searched) -> Bounds {
        let is_followed = system.reduced().model.rules.clocks.follow();
        let left = |time: Duration| if is_followed { time - time / FOR_TAKING_AGAIN } else { time };
        let time = self.time.map(|time| left(time).saturating_sub(spent));
        Bounds { states: self.states, depth: self.depth, memory: self.memory, time }
    }
}

/// Why nothing is known of a promise that some run keeps waiting while slow timers are held back for ever.
const STARVED: &str = "a cycle keeps it waiting in which a slow timer never gets to fire; --exact, where timers fire at any \
                       moment, decides it";

/// Why nothing is known of a promise where states that differ in names alone were one to the search, and it went no finer.
const NOT_REFINED: &str = "a cycle may keep it waiting; a search with every state for itself would decide it, and a bound came first";

/// The approximations of `scenario` that a search of it uses.
pub fn approximations(reduced: &Reduced) -> Vec<Approximation> {
    let rules = &reduced.model.rules;
    let own = [Approximation::CoalescedWatchEvents, Approximation::SlowTimersWhenQuiet, Approximation::Focus];
    let applies = |&approximation: &Approximation| match approximation {
        Approximation::Focus => rules.clocks.follow(),
        _ => rules.approximates(approximation),
    };
    let mut used: Vec<_> = own.into_iter().filter(applies).collect();
    if !rules.is_timed() || rules.clocks.follow() {
        used.extend(reduced.fusions().approximations());
    }
    used.sort();
    used
}

/// How a search went.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What it has found.
    pub outcome: Outcome,
    /// There is nothing left to do, whatever the bounds.
    pub has_ended: bool,
    /// Why it could not be kept from some moment on.
    pub unsaved: Option<String>,
}

/// Runs the search of `plan`.
///
/// # Errors
/// A sentence that names the limit, if the scenario is larger than a state can hold.
pub fn run(plan: &Plan, limits: &Limits, line: &Line) -> Result<Outcome, String> {
    Ok(run_kept(plan, limits, line, None)?.outcome)
}

/// Runs the search of `plan` by partial order: its verdicts are the same.
///
/// # Errors
/// Why it cannot be searched so, or a sentence that names the limit, if the scenario is larger than a state can hold.
pub fn run_by_partial_order(plan: &Plan, limits: &Limits, line: &Line) -> Result<Outcome, String> {
    let system = by_partial_order(plan, model(plan)?, limits.symmetry)?.noting_the_end();
    Ok(search(plan, system, &Explorer { limits, line, kept: None, start: Instant::now() })?.outcome)
}

fn by_partial_order(plan: &Plan, first: Reduced, symmetry: SymmetryChoice) -> Result<Searched, String> {
    let symmetry = symmetry.of(&first.model.rules)?;
    Searched::new(first, plan.judged).with_symmetry(symmetry).by_partial_order()
}

/// Why the search of `plan` cannot be run by partial order, if it cannot. A scenario that is too large is not refused here.
pub fn refused_by_partial_order(plan: &Plan, symmetry: SymmetryChoice) -> Option<String> {
    by_partial_order(plan, model(plan).ok()?, symmetry).err()
}

/// Runs the search of `plan`, or goes on with it, and keeps it in a folder.
///
/// # Errors
/// A sentence that names the limit, if the scenario is larger than a state can hold, or that says what is wrong with the
/// folder.
pub fn run_kept(plan: &Plan, limits: &Limits, line: &Line, kept: Option<&KeptSearch>) -> Result<Ran, String> {
    let first = model(plan)?;
    let symmetry = limits.symmetry.of(&first.model.rules)?;
    let explorer = Explorer { limits, line, kept, start: Instant::now() };
    let system = Searched::new(first, plan.judged).with_symmetry(symmetry).noting_the_end();
    search(plan, system, &explorer)
}

/// Why the scenario of `plan` cannot be searched: it is larger than a state can hold, or than a search keeps.
pub fn too_large(plan: &Plan) -> Option<String> {
    model(plan).err()
}

/// The model of `plan`, as a search takes it.
///
/// # Errors
/// A sentence that names the limit, if the scenario is larger than a state can hold, or has more progress obligations than a search
/// keeps: of so many pods a state is so large that no bound on memory that is looked at between two batches would hold.
pub fn model(plan: &Plan) -> Result<Reduced, String> {
    let model = Model::new(plan.scenario.clone())?;
    let count = model.obligations.count();
    if count > SET_MAX {
        return Err(format!(
            "{}: {count} progress obligations are more than a search keeps ({SET_MAX}); check fewer replicas, or give fewer --slots",
            plan.scenario.name
        ));
    }
    Ok(Reduced::new(model.judging(plan.judged)))
}

fn search(plan: &Plan, mut system: Searched, explorer: &Explorer) -> Result<Ran, String> {
    let line = explorer.line;
    let (mut report, mut explored) = explorer.explore(&system, Explored::default())?;
    // What a coarser search has decided.
    let mut decided: Vec<Finding> = Vec::new();
    while let Some(finer) = system.symmetry().finer().filter(|_| is_too_coarse(plan, &system, &report)) {
        let states = if finer.is_none() { "every state for itself" } else { "nodes as they are" };
        let next = Searched::new(model(plan)?, plan.judged).with_symmetry(finer).noting_the_end();
        // A search of more states would meet the bound too.
        if !has_ended(&report) {
            break;
        }
        line.say(&format!("a cycle may keep something pending: searching again, {states}"));
        let coarse = outcome(plan, &system, &report, (line, explorer.until())).findings;
        decided.extend(coarse.into_iter().filter(|finding| finding.verdict != Verdict::Incomplete));
        system = next;
        (report, explored) = explorer.explore(&system, explored)?;
    }
    let Explored { before, unsaved } = explored;
    let mut outcome = outcome(plan, &system, &report, (line, explorer.until()));
    for finding in &mut outcome.findings {
        if let Some(known) = decided.iter().find(|known| known.property == finding.property) {
            *finding = known.clone();
        }
    }
    outcome.seconds = (before + explorer.start.elapsed()).as_secs_f64();
    Ok(Ran { outcome, has_ended: has_ended(&report), unsaved })
}

/// Is there nothing left to do, whatever the bounds?
fn has_ended(report: &Report<ClusterState, Move>) -> bool {
    report.unjudged.is_none() && report.stopped.iter().all(|stopped| matches!(stopped, Stopped::Limit(..)))
}

/// What a report says of the promises of `plan`, and of itself; how long it took is not known here. Counterexamples are taken again
/// until the time is over, if there is a limit.
pub fn outcome(
    plan: &Plan,
    system: &Searched,
    report: &Report<ClusterState, Move>,
    (line, until): (&Line, Option<Instant>),
) -> Outcome {
    let findings = plan.judged.iter().map(|property| match property.facts().kind {
        Kind::Safety => judge_safety(plan, system, report, property, (line, until)),
        Kind::Liveness => judge_progress(system, report, property),
    });
    let findings: Vec<Finding> = findings.collect();
    let unjudged = report.unjudged.iter().map(|stopped| format!("{UNJUDGED}: {}", says(stopped)));
    Outcome {
        states: report.states,
        transitions: report.transitions,
        depth: report.depth,
        seconds: 0.0,
        stopped: report.stopped.iter().map(says).chain(unjudged).collect(),
        approximations: approximations(system.reduced()),
        findings,
        measured: Some(Measured {
            symmetry: system.symmetry().name().to_owned(),
            max_out_degree: report.max_out_degree,
            memory: report.memory,
            peak: report.peak,
            spilled: report.spilled,
            fingerprint_bits: report.bits.count(),
            never_taken: coverage::never_taken(&plan.scenario, &report.coverage),
            story_ends: story_ends(system, plan, report),
            coverage: report.coverage.clone(),
            partial: system.is_by_partial_order().then_some(report.partial),
            hunt: None,
        }),
    }
}

/// Does the story come to its end on some way? Not known where nobody asked, or where not everything was seen.
/// A drain that evicts nobody, though there are pods, has come to its end where none of them was.
fn story_ends(system: &Searched, plan: &Plan, report: &Report<ClusterState, Move>) -> Option<bool> {
    let takes = ["drain/evict-pod", "drain/delete-pod"];
    let classes = CLASSES.iter().zip(&report.coverage);
    let has_evicted = classes.filter(|(class, _)| takes.contains(class)).any(|(_, &count)| count > 0);
    let waits = plan.story == Story::Drain && plan.scenario.workload.replicas > 0 && !has_evicted;
    let is_over = report.reached & STORY_OVER != 0 && !waits;
    // By partial order not every way is gone.
    let was_looked_for = system.notes_the_end() && !system.is_by_partial_order() && report.saw_every_state();
    (is_over || was_looked_for).then_some(is_over)
}

/// What goes on beside the reports of a plan's searches.
#[derive(Default)]
struct Explored {
    /// How long they took in processes before this one.
    before: Duration,
    unsaved: Option<String>,
}

/// Is there a promise that representatives cannot decide? A cycle that is fair as far as they tell need not be one of the
/// cluster; a state in which a run may rest is, and a promise that it breaks is broken.
fn is_too_coarse(plan: &Plan, system: &Searched, report: &Report<ClusterState, Move>) -> bool {
    plan.judged.iter().any(|property| match lasso_of(system, report, property) {
        Some(lasso) => !lasso.cycle.steps.is_empty(),
        None => report.starved & system.obligations_of(property) != 0,
    })
}

/// The run that keeps what `property` promises, if one was found.
fn lasso_of<'r>(
    system: &Searched,
    report: &'r Report<ClusterState, Move>,
    property: Property,
) -> Option<&'r Lasso<ClusterState, Move>> {
    report.lassos.iter().find(|lasso| system.property_of(lasso.obligation) == property)
}

struct Explorer<'a> {
    limits: &'a Limits,
    line: &'a Line,
    kept: Option<&'a KeptSearch>,
    start: Instant,
}

impl Explorer<'_> {
    /// When the time is over.
    fn until(&self) -> Option<Instant> {
        self.limits.time.and_then(|time| self.start.checked_add(time))
    }

    fn explore(
        &self,
        system: &Searched,
        explored: Explored,
    ) -> Result<(Report<ClusterState, Move>, Explored), String> {
        let watch = |progress| {
            self.line.update(progress);
            match interrupt::is_asked_for() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let limits = self.limits;
        let bounds = limits.bounds(self.start.elapsed(), system);
        let search = Search::new(system).bounds(bounds).threads(limits.threads).fingerprints(limits.bits);
        let search = search.watched_by(watch);
        // A state in which a run may rest is judged exactly, and a cycle of representatives is not.
        let search = if system.is_symmetric() { search.rests_first() } else { search };
        let search = match system.is_by_partial_order() {
            true => search.partial_order().map_err(|refused| refused.to_string())?,
            false => search,
        };
        let Some(kept) = self.kept else { return Ok((search.run(), explored)) };
        let (place, was_begun) = kept.place(system.symmetry().name());
        let search = if was_begun { search.resume(place) } else { search.checkpoint(place) };
        let Kept { report, before, unsaved } = search.run().map_err(|refused| refused.to_string())?;
        Ok((report, Explored { before: explored.before + before, unsaved: explored.unsaved.or(unsaved) }))
    }
}

/// What is said of a search that saw states and did not come to judge the runs through them.
const UNJUDGED: &str = "runs that keep something pending were not all looked for";

/// Why a search ended before it had seen everything.
pub fn says(stopped: &Stopped) -> String {
    match stopped {
        Stopped::States(states) => format!("the {states} states that --max-states allows were found"),
        Stopped::Depth(depth) => format!("{depth} moves from the beginning, as deep as --max-depth allows"),
        Stopped::Memory(bytes) => {
            format!("{} of memory, as much as --max-memory allows", bytesize::ByteSize(*bytes))
        }
        Stopped::Time(time) => {
            let digits = if time.as_secs() < 10 { 1 } else { 0 };
            format!("{:.digits$} s, this search's share of --time-limit", time.as_secs_f64())
        }
        Stopped::Cancelled => "it was interrupted".into(),
        Stopped::Disk(error) => format!("states that wait could not be put on disk: {error}"),
        Stopped::Hunt => "a hunt proves nothing".into(),
        Stopped::Limit(why, states) => format!("{why}; {states} states were cut off"),
    }
}

fn without_counterexample(property: Property, complete: bool, reached: bool) -> Finding {
    let verdict = match (complete, reached) {
        (false, _) => Verdict::Incomplete,
        (true, true) => Verdict::Holds,
        (true, false) => Verdict::NotApplicable,
    };
    Finding { property, verdict, trace: None, note: None }
}

fn judge_safety(
    plan: &Plan,
    system: &Searched,
    report: &Report<ClusterState, Move>,
    property: Property,
    (line, until): (&Line, Option<Instant>),
) -> Finding {
    let Some(violation) = report.violations.iter().find(|violation| violation.property == property as u32)
    else {
        let reached = report.reached >> property as u32 & 1 != 0;
        return without_counterexample(property, report.saw_every_state(), reached);
    };
    if system.reduced().model.rules.clocks.follow() {
        line.say("a counterexample with the clocks of one pod: taking it again with all clocks");
    }
    broken_by(plan, system, &violation.path, (property, until))
}

/// What the moves of `path`, the last of which breaks `property`, say of it, if that is found out until the time is over.
pub fn broken_by(
    plan: &Plan,
    system: &Searched,
    path: &Path<ClusterState, Move>,
    (property, until): (Property, Option<Instant>),
) -> Finding {
    match trace_of(plan, system, path, (property, until)) {
        Ok(trace) => Finding { property, verdict: Verdict::Broken, trace: Some(trace), note: None },
        Err(note) => Finding { property, verdict: Verdict::Incomplete, trace: None, note: Some(note) },
    }
}

fn trace_of(
    plan: &Plan,
    system: &Searched,
    path: &Path<ClusterState, Move>,
    (property, until): (Property, Option<Instant>),
) -> Result<Trace, String> {
    let model = &system.reduced().model;
    let steps = system.unfold(path);
    if !model.rules.clocks.follow() {
        let actions = up_to_violation(model, &steps.first, &steps.actions, property);
        return Ok(Trace::record(model, property, &steps.first, &actions, None, None));
    }
    let full = Model::new(with_all_clocks(&plan.scenario))?.judging(plan.judged);
    let proxy = model.open(&steps.first, |cluster| cluster.shared.control_plane.observed_proxy());
    let is_over = || interrupt::is_asked_for() || until.is_some_and(|until| Instant::now() >= until);
    let patience = confirm::Patience { tries: confirm::TRIES, is_over: &is_over };
    let (first, actions) = confirm::with_all_clocks(&full, proxy, &steps.actions, property, patience)?;
    Ok(Trace::record(&full, property, &first, &actions, None, None))
}

/// The same world, in which nobody is followed.
pub fn with_all_clocks(scenario: &Scenario) -> Scenario {
    let approximations = scenario.approximations.without(Approximation::Focus);
    Scenario { approximations, timing: Timing::Timed, ..scenario.clone() }
}

/// A move ends when nothing follows at once; a trace ends with the step that breaks the promise.
fn up_to_violation(
    model: &Model,
    first: &ClusterState,
    actions: &[podproof_vocabulary::Action],
    property: Property,
) -> Vec<podproof_vocabulary::Action> {
    let mut state = first.clone();
    let mut taken = Vec::new();
    for action in actions {
        let next = model.apply(&state, action);
        taken.push(*action);
        if model.judge(&state, action, &next).broken.contains(property) {
            break;
        }
        state = next;
    }
    taken
}

fn judge_progress(system: &Searched, report: &Report<ClusterState, Move>, property: Property) -> Finding {
    let Some(lasso) = lasso_of(system, report, property) else {
        let obligations = system.obligations_of(property);
        if report.starved & obligations != 0 {
            return Finding {
                property,
                verdict: Verdict::Incomplete,
                trace: None,
                note: Some(STARVED.into()),
            };
        }
        let reached = report.owed & obligations != 0;
        return without_counterexample(property, report.is_complete(), reached);
    };
    if system.is_symmetric() && !lasso.cycle.steps.is_empty() {
        let note = Some(NOT_REFINED.into());
        return Finding { property, verdict: Verdict::Incomplete, trace: None, note };
    }
    let model = &system.reduced().model;
    let stem = system.unfold(&lasso.stem);
    // The states of a cycle are only looked for where each stands for itself, so its names are those of the stem's end.
    let mut cycle = Vec::new();
    let mut state = stem.last.clone();
    for (taken, after) in &lasso.cycle.steps {
        cycle.extend(system.reduced().small_steps(&state, taken).into_iter().map(|(action, _)| action));
        state = after.clone();
    }
    let obligation = system.obligation(lasso.obligation, &stem.last);
    let trace = Trace::record(model, property, &stem.first, &stem.actions, Some(&cycle), Some(obligation));
    Finding { property, verdict: Verdict::Broken, trace: Some(trace), note: None }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::property::PropertySet;

    use super::*;
    use crate::plan::Behind;

    #[test]
    fn what_was_not_judged_does_not_hold_and_what_every_state_says_does() {
        let scenario = catalogue::web("a pod is deleted", Story::PodDeletion, 1, 1);
        let (safety, progress) = (Property::PlacementLawful, Property::DeletionCompletes);
        let judged = PropertySet::of([safety, progress]);
        let model = Model::new(scenario.clone()).expect("it fits").judging(judged);
        let system = Searched::new(Reduced::new(model), judged);
        let plan = Plan {
            story: Story::PodDeletion,
            timing: Timing::Untimed,
            behind: Behind::default(),
            scenario,
            judged,
        };
        let mut report = Search::new(&system).run();
        let verdicts = |report: &Report<ClusterState, Move>| {
            let safety = judge_safety(&plan, &system, report, safety, (&Line::new("test", 1), None));
            (safety.verdict, judge_progress(&system, report, progress).verdict)
        };
        assert_eq!(verdicts(&report), (Verdict::Holds, Verdict::Holds));
        report.unjudged = Some(Stopped::Cancelled);
        assert_eq!(verdicts(&report), (Verdict::Holds, Verdict::Incomplete));
        report.stopped = vec![Stopped::Cancelled];
        assert_eq!(verdicts(&report), (Verdict::Incomplete, Verdict::Incomplete));
    }
}
