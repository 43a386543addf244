//! The same searches by stateright's own checkers: the reference, for safety.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use podproof_checker::{Path, Stopped};
use podproof_model::front_door::{self, Judges, LIMIT, premise_name};
use podproof_model::properties::Judged;
use podproof_model::reduced::{Move, Reduced};
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::Property;
use podproof_vocabulary::property::{Kind, PropertySet};
use stateright::{Checker, Model as _};

use crate::arguments::Engine;
use crate::interrupt;
use crate::plan::Plan;
use crate::search::{self, Limits};
use crate::searched::Searched;
use crate::verdict::{Finding, Outcome, Verdict};

/// Runs the search of `plan` with stateright. Its progress promises are incomplete: stateright knows no fairness.
///
/// # Errors
/// A sentence that names the limit, if the scenario is larger than a state can hold.
pub fn run(plan: &Plan, limits: &Limits, engine: Engine) -> Result<Outcome, String> {
    let start = Instant::now();
    let safety = plan.judged.iter().filter(|property| property.facts().kind == Kind::Safety);
    let judged = PropertySet::of(safety);
    let safety = Plan { judged, ..plan.clone() };
    let reduced = || search::model(&safety);
    let mut builder = Interruptible::new(reduced()?).checker().threads(limits.threads);
    builder = builder.target_state_count(usize::try_from(limits.states).unwrap_or(usize::MAX));
    if let Some(depth) = usize::try_from(limits.depth).ok().filter(|&depth| depth < usize::MAX) {
        builder = builder.target_max_depth(depth);
    }
    if let Some(time) = limits.time {
        builder = builder.timeout(time);
    }
    let reference = Searched::new(reduced()?, PropertySet::NONE).without_symmetry();
    let found = match engine {
        Engine::StaterightDfs => Found::of(&builder.spawn_dfs().join()),
        Engine::StaterightBfs | Engine::Podproof => Found::of(&builder.spawn_bfs().join()),
    };
    let seconds = start.elapsed().as_secs_f64();
    let mut stopped = Vec::new();
    // What stateright bounds is the number of states that it meets, those that it knows already counted again.
    if found.transitions >= limits.states {
        let met = "stateright, which counts those again that it knows";
        stopped.push(format!("{} states were met by {met}, as many as --max-states allows", limits.states));
    }
    if found.depth >= limits.depth {
        stopped.push(format!("{} moves from the beginning, as deep as --max-depth allows", limits.depth));
    }
    if limits.time.is_some_and(|time| start.elapsed() >= time) {
        stopped.push("this search's share of --time-limit".to_owned());
    }
    if found.met_limit {
        stopped.push(LIMIT.to_owned());
    }
    if interrupt::is_asked_for() {
        stopped.push(search::says(&Stopped::Cancelled));
    }
    let until = limits.time.and_then(|time| start.checked_add(time));
    let at_first = reference
        .reduced()
        .initial()
        .into_iter()
        .map(|(_, judged)| judged)
        .fold(Judged::default(), Judged::union);
    let findings = plan.judged.iter().map(|property| {
        if property.facts().kind == Kind::Liveness {
            let note = Some("stateright knows no fairness; --engine podproof judges it".to_owned());
            return Finding { property, verdict: Verdict::Incomplete, trace: None, note };
        }
        let path = found.paths.iter().find(|(name, _)| *name == property.name());
        let reached = at_first.reached.contains(property) || found.names.contains(&premise_name(property));
        match (path, stopped.is_empty(), reached) {
            (Some((_, path)), ..) => counterexample(plan, &reference, path, (property, until)),
            (None, false, _) => Finding { property, verdict: Verdict::Incomplete, trace: None, note: None },
            (None, true, true) => Finding { property, verdict: Verdict::Holds, trace: None, note: None },
            (None, true, false) => {
                Finding { property, verdict: Verdict::NotApplicable, trace: None, note: None }
            }
        }
    });
    let findings = findings.collect();
    Ok(Outcome {
        states: found.states,
        transitions: found.transitions,
        depth: found.depth,
        seconds,
        stopped,
        approximations: search::approximations(reference.reduced()),
        findings,
        measured: None,
    })
}

/// The model. From Ctrl-C on no state has a move, and stateright, which cannot be told to end, ends.
struct Interruptible {
    reduced: Reduced,
    /// Paths are rebuilt after the search by taking their moves again.
    is_searched: AtomicBool,
}

impl Interruptible {
    fn new(reduced: Reduced) -> Self {
        Self { reduced, is_searched: AtomicBool::new(true) }
    }

    fn is_interrupted(&self) -> bool {
        interrupt::is_asked_for() && self.is_searched.load(Ordering::Relaxed)
    }
}

impl stateright::Model for Interruptible {
    type State = ClusterState;
    type Action = Move;

    fn init_states(&self) -> Vec<ClusterState> {
        stateright::Model::init_states(&self.reduced)
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Move>) {
        if !self.is_interrupted() {
            stateright::Model::actions(&self.reduced, state, actions);
        }
    }

    fn next_state(&self, state: &ClusterState, taken: Move) -> Option<ClusterState> {
        self.reduced.next_state(state, taken)
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        front_door::properties(self)
    }
}

impl Judges for Interruptible {
    fn judge_all(&self, state: &ClusterState) -> Judged {
        match self.is_interrupted() {
            true => Judged::default(),
            false => self.reduced.judge_all(state),
        }
    }

    fn small_steps(&self) -> &Model {
        &self.reduced.model
    }
}

/// Each state with the move out of it.
type StaterightPath = Vec<(ClusterState, Option<Move>)>;

/// What a checker of stateright has found.
struct Found {
    states: u64,
    transitions: u64,
    depth: u64,
    met_limit: bool,
    names: Vec<&'static str>,
    paths: Vec<(&'static str, StaterightPath)>,
}

impl Found {
    fn of(checker: &impl Checker<Interruptible>) -> Self {
        checker.model().is_searched.store(false, Ordering::Relaxed);
        let discoveries = checker.discoveries();
        let mut names: Vec<_> = discoveries.keys().copied().collect();
        names.sort_unstable();
        let paths = discoveries.into_iter().map(|(name, path)| (name, path.into_vec())).collect();
        Self {
            states: checker.unique_state_count() as u64,
            transitions: checker.state_count() as u64,
            depth: checker.max_depth() as u64,
            met_limit: names.contains(&LIMIT),
            names,
            paths,
        }
    }
}

/// stateright's way leads to a state with a move that breaks the promise; the trace takes that move too.
fn counterexample(
    plan: &Plan,
    system: &Searched,
    path: &[(ClusterState, Option<Move>)],
    (property, until): (Property, Option<Instant>),
) -> Finding {
    let mut steps: Vec<(Move, ClusterState)> = Vec::new();
    for (index, (_, taken)) in path.iter().enumerate() {
        if let (Some(taken), Some((next, _))) = (taken, path.get(index + 1)) {
            steps.push((*taken, next.clone()));
        }
    }
    let last = path.last().map_or_else(|| path[0].0.clone(), |(state, _)| state.clone());
    let mut breaking = None;
    system.reduced().moves(&last, |outcome| {
        if breaking.is_none() && outcome.judged.broken.contains(property) {
            breaking = Some((outcome.taken, outcome.next));
        }
    });
    steps.extend(breaking);
    let path = Path { first: path[0].0.clone(), steps };
    search::broken_by(plan, system, &path, (property, until))
}
