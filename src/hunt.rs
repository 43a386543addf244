//! `podproof check --hunt`: searches that look for what is broken, and prove nothing.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use clap::Args;
use podproof_checker::{Bounds, Hunt, Stopped};
use podproof_vocabulary::property::{Kind, PropertySet};

use crate::interrupt;
use crate::plan::Plan;
use crate::progress::Line;
use crate::search::{self, Limits};
use crate::searched::Searched;
use crate::verdict::{Finding, Outcome, Verdict};

/// Whether searches are hunts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct HuntArguments {
    /// Looks for something broken, deep first and at random, and ends when everything asked for is. What it does not find
    /// broken is incomplete, whatever it has seen. Without --time-limit each search takes up to 10 s, and what taking
    /// again takes what it has found; --max-states are
    /// those that it goes on from. Counterexamples need not be the shortest
    #[arg(long)]
    pub hunt: bool,

    /// What a hunt is drawn from; the same one finds the same, unless a bound on time ends it [default: one that is drawn
    /// and printed]
    #[arg(long, value_name = "N", requires = "hunt")]
    pub seed: Option<u64>,
}

impl HuntArguments {
    /// The seed, if it is a hunt: one that is given or drawn.
    pub fn seed(&self) -> Option<u64> {
        // Small enough to be typed again.
        self.hunt.then(|| self.seed.unwrap_or_else(|| fastrand::u32(..).into()))
    }
}

/// How long a search hunts if no limit is given.
const TIME: Duration = Duration::from_secs(10);

/// What is said of a progress promise that no rest was found to break.
const ONLY_RESTS: &str = "a hunt judges it only where a run may rest for ever; a check without --hunt judges runs that go round too";

/// What one hunt may take.
#[derive(Clone, Copy)]
struct Budget {
    states: u64,
    time: Duration,
}

/// Hunts in the world of `plan`. What breaks a promise with the clocks of one pod, and is not taken again with all clocks, is
/// hunted for once more where all clocks run, with what is left of the states and of the time.
///
/// # Errors
/// A sentence that names the limit, if the scenario is larger than a state can hold, or the symmetry that it has not.
pub fn run(plan: &Plan, limits: &Limits, seed: u64, line: &Line) -> Result<Outcome, String> {
    let start = Instant::now();
    let whole = Budget { states: limits.states, time: limits.time.unwrap_or(TIME) };
    let (mut outcome, hunted) = once(plan, limits, whole, seed, line)?;
    // Taking counterexamples again counts where the time was given, not where it is only what is usual.
    let spent = limits.time.map_or(hunted, |_| start.elapsed());
    let left = Budget {
        states: whole.states.saturating_sub(outcome.states),
        time: whole.time.saturating_sub(spent),
    };
    let is_unconfirmed = |finding: &&Finding| {
        let is_of_steps = finding.property.facts().kind == Kind::Safety;
        is_of_steps && finding.verdict == Verdict::Incomplete && finding.note.is_some()
    };
    let unconfirmed = outcome.findings.iter().filter(is_unconfirmed).map(|finding| finding.property);
    let unconfirmed = PropertySet::of(unconfirmed);
    let is_possible = left.states > 0 && !left.time.is_zero() && !interrupt::is_asked_for();
    if !unconfirmed.is_empty() && is_possible {
        line.say("not taken again with all clocks: hunting where all clocks run");
        let scenario = search::with_all_clocks(&plan.scenario);
        let everywhere = Plan { scenario, judged: unconfirmed, ..plan.clone() };
        let (again, _) = once(&everywhere, limits, left, seed, line)?;
        add(&mut outcome, again);
    }
    outcome.seconds = start.elapsed().as_secs_f64();
    for finding in &mut outcome.findings {
        if finding.verdict == Verdict::Incomplete && finding.property.facts().kind == Kind::Liveness {
            finding.note.get_or_insert_with(|| ONLY_RESTS.to_owned());
        }
    }
    Ok(outcome)
}

/// One hunt, and how long it took without what its counterexamples took afterwards.
fn once(
    plan: &Plan,
    limits: &Limits,
    budget: Budget,
    seed: u64,
    line: &Line,
) -> Result<(Outcome, Duration), String> {
    let start = Instant::now();
    let model = search::model(plan)?;
    let symmetry = limits.symmetry.of(&model.model.rules)?;
    let system = Searched::new(model, plan.judged).with_symmetry(symmetry);
    let Budget { states, time } = budget;
    let bounds = Bounds { states, depth: limits.depth, memory: limits.memory, time: Some(time) };
    let watch = |progress| {
        line.update(progress);
        match interrupt::is_asked_for() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let (safety, progress): (Vec<_>, Vec<_>) =
        plan.judged.iter().partition(|property| property.facts().kind == Kind::Safety);
    let properties = safety.into_iter().fold(0, |set, property| set | 1 << property as u32);
    let obligations = progress.into_iter().map(|property| system.obligations_of(property));
    let hunt = Hunt::new(&system).seed(seed).bounds(bounds).threads(limits.threads);
    let report = hunt.seeking(properties, obligations.collect()).watched_by(watch).run();
    let hunted = start.elapsed();
    let until = limits.time.and_then(|_| start.checked_add(time));
    let mut outcome = search::outcome(plan, &system, &report, (line, until));
    outcome.stopped = report.stopped.iter().map(|stopped| says(stopped, seed, limits)).collect();
    if let Some(measured) = &mut outcome.measured {
        measured.hunt = Some(seed);
    }
    Ok((outcome, hunted))
}

/// Adds what a second hunt has found.
fn add(outcome: &mut Outcome, again: Outcome) {
    outcome.states += again.states;
    outcome.transitions += again.transitions;
    outcome.depth = outcome.depth.max(again.depth);
    for why in again.stopped {
        if !outcome.stopped.contains(&why) {
            outcome.stopped.push(why);
        }
    }
    for found in again.findings.into_iter().filter(|finding| finding.verdict == Verdict::Broken) {
        let known = outcome.findings.iter_mut().find(|finding| finding.property == found.property);
        known.into_iter().for_each(|known| *known = found.clone());
    }
    if let (Some(all), Some(more)) = (&mut outcome.measured, again.measured) {
        all.max_out_degree = all.max_out_degree.max(more.max_out_degree);
        all.memory = all.memory.max(more.memory);
        all.peak = all.peak.max(more.peak);
        all.never_taken.retain(|class| more.never_taken.contains(class));
        for (sum, count) in all.coverage.iter_mut().zip(more.coverage) {
            *sum += count;
        }
    }
}

/// Why nothing is proved, and what ended the hunt.
fn says(stopped: &Stopped, seed: u64, limits: &Limits) -> String {
    match stopped {
        Stopped::Hunt => format!("a hunt with seed {seed}, which proves nothing"),
        // The second of two hunts has what the first has left: the bound is that of both.
        Stopped::States(_) => {
            format!("{} states were gone on from, as many as --max-states allows", limits.states)
        }
        Stopped::Time(_) => match limits.time {
            Some(time) => search::says(&Stopped::Time(time)),
            None => format!("{} s, as long as a hunt takes without --time-limit", TIME.as_secs()),
        },
        other => search::says(other),
    }
}
