//! `podproof check --hunt`: searches that look for what is broken, and prove nothing.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use clap::Args;
use podproof_checker::fingerprint::Bits;
use podproof_checker::{Bounds, Hunt, Stopped};
use podproof_model::Model;
use podproof_model::reduced::Reduced;
use podproof_vocabulary::property::Kind;

use crate::arguments::{CheckArguments, Engine};
use crate::interrupt;
use crate::plan::Plan;
use crate::progress::Line;
use crate::search::{self, Limits};
use crate::searched::Searched;
use crate::verdict::{Outcome, Verdict};

/// Whether searches are hunts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct HuntArguments {
    /// Looks for something broken, deep first and at random, and ends when everything asked for is. What it does not find
    /// broken is incomplete, whatever it has seen. Without --time-limit each search takes up to 10 s; --max-states are
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

/// Why there can be no hunt, a sentence for each reason: before anything is searched.
pub fn refused(arguments: &CheckArguments) -> Vec<String> {
    if !arguments.hunt.hunt {
        return Vec::new();
    }
    let mut refused = Vec::new();
    if arguments.engine != Engine::Podproof {
        refused.push(
            "--hunt has no effect with an engine of stateright; accepted is --engine podproof".to_owned(),
        );
    }
    let kept = [("--checkpoint", &arguments.keep.checkpoint), ("--resume", &arguments.keep.resume)];
    for (option, _) in kept.into_iter().filter(|(_, folder)| folder.is_some()) {
        refused.push(format!(
            "{option} has no effect with --hunt: a hunt is begun anew, not gone on with; accepted is another --seed"
        ));
    }
    if arguments.bounds.fingerprint_bits != Bits::B64 {
        refused.push(
            "--fingerprint-bits 128 has no effect with --hunt: what it finds is taken again step by step, and what it takes \
             for known proves nothing; accepted is 64"
                .to_owned(),
        );
    }
    refused
}

/// Hunts in the world of `plan`.
///
/// # Errors
/// A sentence that names the limit, if the scenario is larger than a state can hold, or the symmetry that it has not.
pub fn run(plan: &Plan, limits: &Limits, seed: u64, line: &Line) -> Result<Outcome, String> {
    let start = Instant::now();
    let model = Reduced::new(Model::new(plan.scenario.clone())?.judging(plan.judged));
    let symmetry = limits.symmetry.of(&model.model.rules)?;
    let system = Searched::new(model, plan.judged).with_symmetry(symmetry);
    let time = limits.time.unwrap_or(TIME);
    let bounds =
        Bounds { states: limits.states, depth: limits.depth, memory: limits.memory, time: Some(time) };
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
    let mut outcome = search::outcome(plan, &system, &report, line);
    outcome.seconds = start.elapsed().as_secs_f64();
    outcome.stopped = report.stopped.iter().map(|stopped| says(stopped, seed, limits)).collect();
    if let Some(measured) = &mut outcome.measured {
        measured.hunt = Some(seed);
    }
    for finding in &mut outcome.findings {
        if finding.verdict == Verdict::Incomplete && finding.property.facts().kind == Kind::Liveness {
            finding.note.get_or_insert_with(|| ONLY_RESTS.to_owned());
        }
    }
    Ok(outcome)
}

/// Why nothing is proved, and what ended the hunt.
fn says(stopped: &Stopped, seed: u64, limits: &Limits) -> String {
    match stopped {
        Stopped::Hunt => format!("a hunt with seed {seed}, which proves nothing"),
        Stopped::States(states) => {
            format!("{states} states were gone on from, as many as --max-states allows")
        }
        Stopped::Time(time) if limits.time.is_none() => {
            format!("{:.0} s, as long as a hunt takes without --time-limit", time.as_secs_f64())
        }
        other => search::says(other),
    }
}
