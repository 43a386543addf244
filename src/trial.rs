//! A manifest with some fields changed, checked again: the same workload, stories and promises.

use std::collections::BTreeSet;
use std::time::Instant;

use podproof_model::Model;
use podproof_traces::Trace;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::manifest::edit::{self, FieldPath, Value};
use podproof_vocabulary::manifest::{Place, Source};
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{Scenario, Timing};
use podproof_vocabulary::{Action, Property};

use crate::arguments::{InputArguments, WorldArguments};
use crate::input::{self, Size};
use crate::plan::{self, Plan, Workload};
use crate::progress::Line;
use crate::search::{self, Limits};
use crate::verdict::{Finding, Outcome, Verdict};
use crate::{confirm, interrupt};

/// States that are tried to break a promise as it was broken with other values, before everything is searched.
const TRIES: usize = 20_000;

/// A field with the value that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The field of the workload's object.
    pub path: FieldPath,
    /// Its value.
    pub value: Value,
}

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
    sources: &'a [Source],
    workload: &'a Workload,
    judged: PropertySet,
    /// One search is tried again; with none, all that the command line asks for.
    only: Option<(Story, Timing)>,
    limits: Limits,
    /// When the time of all trials together is over.
    until: Option<Instant>,
    /// How promises were broken before: mostly they are broken alike.
    known: Vec<Broken>,
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
            sources,
            workload,
            judged,
            only: None,
            limits,
            until: limits.time.and_then(|time| Instant::now().checked_add(time)),
            known: Vec::new(),
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

    /// The source that the workload stands in, with its place.
    fn home(&self) -> Result<(&Source, &Place), String> {
        let place = self.workload.place.as_ref().ok_or("it comes from no file")?;
        let is_its_own = |source: &&Source| source.path == place.file;
        self.sources
            .iter()
            .find(is_its_own)
            .map(|source| (source, place))
            .ok_or_else(|| "it comes from no file".into())
    }

    /// The approximations that the searches until now used, a sentence each.
    pub fn approximations(&self) -> Vec<String> {
        self.used.iter().map(|approximation| format!("{approximation}: {}", approximation.says())).collect()
    }

    /// What a field says in the source; none if it is not there.
    pub fn value(&self, path: &FieldPath) -> Option<String> {
        let (source, place) = self.home().ok()?;
        edit::get(std::str::from_utf8(&source.text).ok()?, place, path)
    }

    /// Where a field stands in the source, or what is around it.
    pub fn nearest(&self, path: &FieldPath) -> Option<Place> {
        let (source, place) = self.home().ok()?;
        edit::nearest(std::str::from_utf8(&source.text).ok()?, place, path)
    }

    /// The text of the source with these fields changed, and what it was.
    ///
    /// # Errors
    /// Why that cannot be done.
    pub fn edited(&self, edits: &[Edit]) -> Result<(Source, Source), String> {
        let (source, place) = self.home()?;
        let text = String::from_utf8(source.text.clone()).map_err(|_| "is no text".to_owned())?;
        let set = |text: String, edit: &Edit| edit::set(&text, place, &edit.path, &edit.value);
        let edited = edits.iter().try_fold(text, set)?;
        Ok((source.clone(), Source { path: source.path.clone(), text: edited.into_bytes() }))
    }

    /// What the fields change, as a patch: unified, with three lines around each change.
    ///
    /// # Errors
    /// Why they cannot be changed.
    pub fn patch(&self, edits: &[Edit]) -> Result<String, String> {
        let (old, new) = self.edited(edits)?;
        let text = |source: &Source| String::from_utf8_lossy(&source.text).into_owned();
        let (before, after) = (text(&old), text(&new));
        let difference = similar::TextDiff::from_lines(&before, &after);
        Ok(difference.unified_diff().context_radius(3).header(&old.path, &new.path).to_string())
    }

    /// Checks the workload with these fields changed.
    ///
    /// # Errors
    /// Why it cannot be searched.
    pub fn run(&mut self, edits: &[Edit]) -> Result<Tried, String> {
        let edited = match self.edited(edits) {
            Ok((_, edited)) => edited,
            Err(why) => return Ok(Tried::Refused(why)),
        };
        let replace =
            |source: &Source| if source.path == edited.path { edited.clone() } else { source.clone() };
        let sources: Vec<Source> = self.sources.iter().map(replace).collect();
        let read = match input::read_with(self.input, &sources, Size::Searched) {
            Ok(read) => read,
            Err(errors) => return Ok(Tried::Refused(errors.join("; "))),
        };
        let is_its_own = |workload: &Workload| workload.name == self.workload.name;
        let Some(mut workload) = read.workloads.into_iter().find(is_its_own) else {
            return Ok(Tried::Refused(format!("there is no {} any more", self.workload.name)));
        };
        workload.stories.clone_from(&self.workload.stories);
        let (plans, untold) = plan::searches(&workload, self.world, self.judged);
        let is_asked = |plan: &Plan| self.only.is_none_or(|only| only == (plan.story, plan.timing));
        let plans: Vec<Plan> = plans.into_iter().filter(is_asked).collect();
        if plans.is_empty() {
            return Err(untold.first().cloned().unwrap_or_else(|| "there is nothing to search".into()));
        }
        if let Some(broken) = plans.iter().find_map(|plan| self.broken_as_before(plan)) {
            return Ok(Tried::Broken(Box::new(broken)));
        }
        let (mut states, mut kills) = (0, false);
        for plan in plans {
            let name = format!("{}, {}, {}", self.workload.name, plan.story, plan.timing.name());
            let time = self.until.map(|until| until.saturating_duration_since(Instant::now()));
            let limits = Limits { time, ..self.limits };
            let line = Line::new(&name, limits.states).within(&limits);
            let outcome = search::run(&plan, &limits, &line)?;
            states += outcome.states;
            kills |= has_kills(&outcome);
            self.used.extend(&outcome.approximations);
            if let Some(ended) = self.ended(&plan, outcome) {
                return Ok(ended);
            }
        }
        Ok(Tried::Holds { states, kills })
    }

    /// What a search says, unless it is that all promises hold.
    fn ended(&mut self, plan: &Plan, outcome: Outcome) -> Option<Tried> {
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
                (Verdict::Holds | Verdict::NotApplicable, _) => {}
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
        let found = confirm::with_all_clocks(&model, proxy, &actions, known.property, TRIES);
        let (first, actions) = found.ok()?;
        let trace = Trace::record(&model, known.property, &first, &actions, None, None);
        Some(Broken { trace, ..known.clone() })
    }
}

/// Did a container get SIGKILL on some way?
fn has_kills(outcome: &Outcome) -> bool {
    const KILL: &str = "kubelet/send-sigkill";
    let classes = podproof_vocabulary::action::CLASSES.iter();
    let counts = outcome.measured.iter().flat_map(|measured| &measured.coverage);
    classes.zip(counts).any(|(class, count)| *class == KILL && *count > 0)
}
