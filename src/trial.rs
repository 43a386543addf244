//! A manifest with some changes, checked again: the same workload, stories and promises.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use podproof_model::Model;
use podproof_traces::Trace;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::manifest::{Place, Source};
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{Scenario, Timing};
use podproof_vocabulary::{Action, Property};

use crate::arguments::{InputArguments, WorldArguments};
use crate::confirm::Patience;
use crate::edits::{Edit, Texts};
use crate::input::{self, Size};
use crate::plan::{self, Doubt, Plan, Workload};
use crate::progress::Line;
use crate::report::warnings_of;
use crate::search::{self, Limits};
use crate::verdict::{Finding, Outcome, Verdict};
use crate::{confirm, interrupt};

/// States that are tried to break a promise as it was broken with other values, before everything is searched.
const TRIES: usize = 20_000;

/// What came of a trial.
#[derive(Clone, Debug)]
pub enum Tried {
    /// The input is refused so: why.
    Refused(String),
    /// A promise is broken.
    Broken(Box<Broken>),
    /// Nothing is broken as far as was seen: why not everything was.
    Undecided(String),
    /// Every promise is kept, or speaks of nothing that happens.
    Holds {
        /// States of its searches.
        states: u64,
        /// A container got SIGKILL on some way.
        kills: bool,
        /// The promises whose premise was reached; of the others nothing happens that they speak of.
        reached: PropertySet,
        /// The stories that come to their end on no way: what keeps a story from going on breaks little, and is no help.
        unended: Vec<Story>,
        /// What makes this weaker than it looks, a sentence each.
        warnings: Vec<String>,
    },
}

/// A promise that is broken in a trial.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The promise.
    pub property: Property,
    /// In this story.
    pub story: Story,
    /// In this timing.
    pub timing: Timing,
    /// How.
    pub trace: Trace,
}

/// Trials of one workload.
pub struct Trials<'a> {
    input: &'a InputArguments,
    world: &'a WorldArguments,
    texts: Texts<'a>,
    workload: &'a Workload,
    judged: PropertySet,
    /// One search is tried again; with none, all that the command line asks for.
    only: Option<(Story, Timing)>,
    limits: Limits,
    /// When the time of all trials together is over.
    until: Option<Instant>,
    /// When that of the next ones is.
    turn: Option<Instant>,
    /// How promises were broken before: mostly they are broken alike.
    known: Vec<Broken>,
    /// What came of the texts that were decided: the same text is not checked twice.
    decided: Vec<(Vec<Source>, Tried)>,
    /// The approximations that the searches used.
    used: BTreeSet<Approximation>,
}

impl<'a> Trials<'a> {
    /// Trials of a workload that was read from `sources`, in which these promises are judged within these limits; the time is for
    /// all of them together.
    pub fn new(
        (input, world): (&'a InputArguments, &'a WorldArguments),
        sources: &'a [Source],
        workload: &'a Workload,
        judged: PropertySet,
        limits: Limits,
    ) -> Self {
        Self {
            input,
            world,
            texts: Texts::new(sources, workload),
            workload,
            judged,
            only: None,
            limits,
            until: limits.time.and_then(|time| Instant::now().checked_add(time)),
            turn: None,
            known: Vec::new(),
            decided: Vec::new(),
            used: BTreeSet::new(),
        }
    }

    /// The same, of one search alone, which has broken a promise so.
    #[must_use]
    pub fn of_search(mut self, broken: Broken) -> Self {
        self.only = Some((broken.story, broken.timing));
        self.known.push(broken);
        self
    }

    /// The same, of one search alone.
    #[must_use]
    pub fn only(mut self, (story, timing): (Story, Timing)) -> Self {
        self.only = Some((story, timing));
        self
    }

    /// What comes next has a share of the time that is left, as has each of so many that follow it.
    pub fn share_with(&mut self, later: usize) {
        let shares = u32::try_from(later).unwrap_or(u32::MAX).saturating_add(1);
        self.turn = self.until.map(|until| {
            let now = Instant::now();
            now + until.saturating_duration_since(now) / shares
        });
    }

    /// The time that is left.
    pub fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// The approximations that the searches until now used, a sentence each.
    pub fn approximations(&self) -> Vec<String> {
        self.used.iter().map(|approximation| format!("{approximation}: {}", approximation.says())).collect()
    }

    /// Checks the workload with these changes.
    pub fn run(&mut self, edits: &[Edit]) -> Tried {
        let sources = match self.texts.edited(edits) {
            Ok(sources) => sources,
            Err(why) => return Tried::Refused(why),
        };
        if let Some((_, known)) = self.decided.iter().find(|(text, _)| *text == sources) {
            return known.clone();
        }
        if self.until.is_some_and(|until| until <= Instant::now()) {
            return Tried::Undecided("no time of --time-limit was left".into());
        }
        let tried = match self.read(&sources) {
            Ok(workload) => self.check(&workload),
            Err(why) => Tried::Refused(why),
        };
        if matches!(tried, Tried::Broken(_) | Tried::Holds { .. }) {
            self.decided.push((sources, tried.clone()));
        }
        tried
    }

    fn check(&mut self, workload: &Workload) -> Tried {
        let (plans, untold) = self.plans(workload);
        if plans.is_empty() {
            return Tried::Refused(untold.join("; "));
        }
        if let Some(broken) = plans.iter().find_map(|plan| self.broken_as_before(plan)) {
            return Tried::Broken(Box::new(broken));
        }
        let (mut states, mut kills, mut reached) = (0, false, PropertySet::NONE);
        let (mut unended, mut warnings) = (Vec::new(), Vec::new());
        for plan in plans {
            let name = format!("{}, {}, {}", self.workload.name, plan.story, plan.timing.name());
            let until = self.turn.or(self.until);
            let time = until.map(|until| until.saturating_duration_since(Instant::now()));
            let limits = Limits { time, ..self.limits };
            let line = Line::new(&name, limits.states).within(&limits);
            let outcome = match search::run(&plan, &limits, &line) {
                Ok(outcome) => outcome,
                Err(why) => return Tried::Undecided(why),
            };
            states += outcome.states;
            kills |= has_kills(&outcome) && may_kill(&plan.scenario);
            self.used.extend(&outcome.approximations);
            let holds = outcome.findings.iter().filter(|finding| finding.verdict == Verdict::Holds);
            reached = reached.union(PropertySet::of(holds.map(|finding| finding.property)));
            let said = warnings_of(plan.story, &outcome).into_iter();
            warnings.extend(said.map(|says| format!("story {}, {}: {says}", plan.story, plan.timing.name())));
            let story_ends =
                outcome.measured.as_ref().is_none_or(|measured| measured.story_ends != Some(false));
            if !story_ends && !unended.contains(&plan.story) {
                unended.push(plan.story);
            }
            if let Some(ended) = self.ended(workload, &plan, outcome) {
                return ended;
            }
        }
        Tried::Holds { states, kills, reached, unended, warnings }
    }

    /// The searches that are tried of a workload, and why stories cannot be told of it.
    fn plans(&self, workload: &Workload) -> (Vec<Plan>, Vec<String>) {
        let (plans, untold) = plan::searches(workload, self.world, self.judged);
        let is_asked = |plan: &Plan| self.only.is_none_or(|only| only == (plan.story, plan.timing));
        (plans.into_iter().filter(is_asked).collect(), untold)
    }

    /// What cannot be decided of the manifest with these changes that could be without: why.
    pub fn doubt(&self, edits: &[Edit]) -> Option<String> {
        let edited = self.edited(edits).ok()?;
        let is_new = |doubt: &Doubt| self.workload.undecided.iter().all(|known| known.why != doubt.why);
        edited.undecided.into_iter().find(is_new).map(|doubt| doubt.why)
    }

    /// The workload with these changes.
    ///
    /// # Errors
    /// Why the input is refused with them, or cannot be searched.
    pub fn edited(&self, edits: &[Edit]) -> Result<Workload, String> {
        let workload = self.read(&self.texts.edited(edits)?)?;
        match self.plans(&workload).0.iter().find_map(search::too_large) {
            Some(why) => Err(why),
            None => Ok(workload),
        }
    }

    /// What is searched with these changes, but for what only the manifest says.
    ///
    /// # Errors
    /// Why the input is refused with them.
    pub fn worlds(&self, edits: &[Edit]) -> Result<Vec<Scenario>, String> {
        let workload = self.read(&self.texts.edited(edits)?)?;
        let of_checked_size = |plan: Plan| {
            let mut scenario = plan.scenario;
            scenario.workload.manifest_replicas = scenario.workload.replicas.into();
            scenario
        };
        Ok(self.plans(&workload).0.into_iter().map(of_checked_size).collect())
    }

    /// The workload in these sources.
    fn read(&self, sources: &[Source]) -> Result<Workload, String> {
        // What is said of a value is said of the file as it is.
        let told = |place: &Place| self.texts.original(sources, place);
        let read = input::read_as(self.input, sources, Size::Searched, told);
        let read = read.map_err(|errors| errors.join("; "))?;
        let is_its_own = |workload: &Workload| workload.name == self.workload.name;
        let workload = read.workloads.into_iter().find(is_its_own);
        let workload = workload.ok_or_else(|| format!("there is no {} any more", self.workload.name))?;
        Ok(Workload { stories: self.workload.stories.clone(), ..workload })
    }

    /// What a search says, unless it is that all promises hold.
    fn ended(&mut self, workload: &Workload, plan: &Plan, outcome: Outcome) -> Option<Tried> {
        let stopped = outcome.stopped.join("; ");
        let mut undecided = None;
        for Finding { property, verdict, trace, note } in outcome.findings {
            match (verdict, trace) {
                (Verdict::Broken, Some(trace)) => {
                    let broken = Broken { property, story: plan.story, timing: plan.timing, trace };
                    self.known.push(broken.clone());
                    return Some(Tried::Broken(Box::new(broken)));
                }
                (Verdict::Broken | Verdict::Incomplete, _) => {
                    let why = note.unwrap_or_else(|| stopped.clone());
                    undecided = Some(Tried::Undecided(format!("{property}: {why}")));
                }
                (Verdict::Holds | Verdict::NotApplicable, _) => {
                    let why = Doubt::of(&workload.undecided, property, verdict);
                    let why = why.map(|why| Tried::Undecided(format!("{property}: {why}")));
                    undecided = undecided.or(why);
                }
            }
        }
        if undecided.is_none() && interrupt::is_asked_for() {
            undecided = Some(Tried::Undecided("it was interrupted".into()));
        }
        undecided
    }

    /// A promise that is broken here much as it was before.
    fn broken_as_before(&self, plan: &Plan) -> Option<Broken> {
        let is_alike = |known: &&Broken| {
            (known.story, known.timing) == (plan.story, plan.timing)
                && plan.judged.contains(known.property)
                && known.property.facts().kind == Kind::Safety
        };
        let known = self.known.iter().rev().find(is_alike)?;
        let approximations = plan.scenario.approximations.without(Approximation::Focus);
        let scenario = Scenario { approximations, ..plan.scenario.clone() };
        let model = Model::new(scenario).ok()?.judging(PropertySet::of([known.property]));
        let actions: Vec<Action> = known.trace.stem.iter().map(|step| step.action).collect();
        let proxy = known.trace.observed_proxy;
        let found = confirm::with_all_clocks(&model, proxy, &actions, known.property, Patience::of(TRIES));
        let (first, actions) = found.ok()?;
        let trace = Trace::record(&model, known.property, &first, &actions, None, None);
        Some(Broken { trace, ..known.clone() })
    }
}

/// May a container get SIGKILL here? Where one pod is followed a search takes the timers of the others for any that could be; no container
/// whose pod has the time to stop by itself is killed, unless something cuts its grace period short.
fn may_kill(scenario: &Scenario) -> bool {
    const CUT_SHORT: [EventName; 5] = [
        EventName::ForceDeletePod,
        EventName::ResourcePressure,
        EventName::KubeletRestart,
        EventName::NodeReturn,
        EventName::RemoveNode,
    ];
    let may = |event| scenario.story.event() == Some(event) || scenario.events.count(event) > 0;
    !scenario.workload.template.stops_in_time()
        || !scenario.deletion_graces.is_empty()
        || scenario.mutant.is_some()
        || CUT_SHORT.into_iter().any(may)
}

/// Did a container get SIGKILL on some way?
fn has_kills(outcome: &Outcome) -> bool {
    const KILL: &str = "kubelet/send-sigkill";
    let classes = podproof_vocabulary::action::CLASSES.iter();
    let counts = outcome.measured.iter().flat_map(|measured| &measured.coverage);
    classes.zip(counts).any(|(class, count)| *class == KILL && *count > 0)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use podproof_checker::fingerprint::Bits;
    use podproof_vocabulary::manifest::edit::{FieldPath, Value};

    use super::*;
    use crate::arguments::{Arguments, Command, SymmetryChoice};

    /// With a rolling update there is no room for the surge pod of the manifest's three.
    #[test]
    fn a_change_that_makes_something_undecided_is_in_doubt() {
        let node = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nstatus: {allocatable: {cpu: 3, memory: 8Gi, pods: 20}}\n---\n";
        let asks = "          resources: {requests: {cpu: 1}}\n          readinessProbe:\n";
        let text = include_str!("../examples/web-prestop.yaml")
            .replace("  replicas: 2\n", "  replicas: 3\n  strategy:\n    type: Recreate\n")
            .replace("          readinessProbe:\n", asks);
        let sources = [Source { path: "web.yaml".into(), text: format!("{node}{text}").into_bytes() }];
        let arguments = Arguments::try_parse_from(["podproof", "check", "web.yaml", "--replicas", "1"]);
        let Ok(Arguments { command: Command::Check(check) }) = arguments else { panic!("it is a check") };
        let read =
            input::read_with(&check.input, &sources, Size::Searched).unwrap_or_else(|why| panic!("{why:?}"));
        let limits = Limits {
            states: 1,
            depth: 1,
            memory: 1 << 20,
            time: None,
            threads: 1,
            bits: Bits::B64,
            symmetry: SymmetryChoice::None,
        };
        let world = (&check.input, &check.world);
        let trials = Trials::new(world, &sources, &read.workloads[0], PropertySet::NONE, limits);
        let strategy = |name: &str| {
            Edit::of_workload(FieldPath::default().field("spec.strategy.type"), Value::Plain(name.into()))
        };
        assert_eq!(trials.doubt(&[]), None);
        let doubt = trials.doubt(&[strategy("RollingUpdate")]).expect("there is no room for a fourth");
        assert!(doubt.starts_with("room for all replicas of the manifest is not modelled"), "{doubt}");
    }
}
