//! The story of a trace for a terminal: a line for each step, with what it changed beneath it, and in the end who is
//! guilty.

mod page;

use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Component, Kubelet};
use podproof_vocabulary::observation::Hook;
use podproof_vocabulary::scenario::{Beginning, Timing};

use crate::change::Change;
use crate::names::Names;
use crate::trace::{Followed, Kind, Trace, TraceStep};
use crate::walk::{Walk, World};
use crate::{why, words};
use page::{Page, Paint};

/// What is said of a trace that cannot be taken any more.
pub(crate) const NOT_TAKEN: &str = "the model of today does not take these steps: replay says which";

/// How a story is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
    /// The columns of the terminal; text is wrapped to them, but never narrower than 40.
    pub width: usize,
}

/// The story of `trace`. It is told from what is recorded; only the culprits at its end are computed on the model.
pub fn show(trace: &Trace, style: Style) -> String {
    let world = World::new(trace.scenario.clone()).ok();
    let mut story = Story {
        trace,
        unit: world.as_ref().map_or(1, World::unit_seconds),
        columns: Columns::of(trace, world.as_ref().map_or(1, World::unit_seconds)),
        names: Names::of(trace),
        page: Page::new(style),
    };
    story.header();
    story.steps(&trace.stem, 1);
    match (trace.kind, trace.property) {
        (Kind::Safety, Some(property)) => story.broken(property, world.as_ref()),
        (Kind::Lasso, Some(property)) => story.repeats(property, world.as_ref()),
        _ => story.ends(world.as_ref()),
    }
    story.page.finish()
}

/// The widths of what stands before the words of a step.
struct Columns {
    number: usize,
    time: Option<usize>,
    lane: usize,
}

impl Columns {
    fn of(trace: &Trace, unit: u32) -> Self {
        let number = (trace.stem.len() + trace.cycle.len()).to_string().len();
        // A folded run of ticks has two numbers.
        let folds = trace.steps().any(|(_, step)| step.action == Action::Tick);
        let last = trace.steps().last().map_or(0, |(_, step)| step.tick);
        let timed = trace.scenario.timing == Timing::Timed;
        let lanes = trace.steps().map(|(_, step)| step.component.name().len());
        Self {
            number: if folds { 2 * number + 1 } else { number },
            time: timed.then(|| seconds(last, unit).len()),
            lane: lanes.max().unwrap_or(0),
        }
    }

    fn indent(&self) -> usize {
        self.number + 2 + self.time.map_or(0, |time| time + 2) + self.lane + 2
    }
}

/// A number of ticks as a time.
fn seconds(ticks: u32, unit: u32) -> String {
    format!("{} s", u64::from(ticks) * u64::from(unit))
}

/// What is to be known of the world that a trace happens in, each with what it is called.
pub(crate) fn facts(trace: &Trace, names: &Names) -> Vec<(&'static str, String)> {
    let scenario = &trace.scenario;
    let world = format!(
        "{} {} with {} on {}, story {}, {}, Kubernetes 1.{}",
        scenario.workload.kind.name(),
        scenario.workload.name,
        count(scenario.workload.replicas.into(), "replica"),
        count(scenario.nodes.len(), "node"),
        scenario.story,
        scenario.timing.name(),
        scenario.release.minor
    );
    let mut facts = vec![("world", world)];
    if scenario.begins == Beginning::Running {
        facts.push(("begins", "with the workload running and at rest".to_owned()));
    }
    if let Some(mutant) = scenario.mutant {
        facts.push(("wrong rule", format!("{mutant}: {}", mutant.facts().says)));
    }
    if let Some(node) = trace.observed_proxy {
        facts.push(("rules", format!("those of {}", names.node(node))));
    }
    if let Some(Followed { from_step, .. }) = trace.followed {
        let says = "the clocks of one pod run, from step";
        facts.push(("time", format!("{says} {from_step} on; all else takes any time (focus)")));
    }
    facts
}

struct Story<'t> {
    trace: &'t Trace,
    /// Seconds in a tick.
    unit: u32,
    columns: Columns,
    names: Names,
    page: Page,
}

impl Story<'_> {
    fn header(&mut self) {
        let title = match self.trace.property {
            Some(property) => format!("{}: {property} is broken", self.trace.scenario.name),
            None => {
                format!("{}: a path of {}", self.trace.scenario.name, count(self.trace.stem.len(), "step"))
            }
        };
        self.page.text(0, Paint::Strong, &title);
        let promise = self.trace.property.map(|property| ("promise", property.facts().says.to_owned()));
        let replay = ("replay", "podproof trace replay FILE".to_owned());
        for (name, fact) in promise.into_iter().chain(facts(self.trace, &self.names)).chain([replay]) {
            self.page.hanging(2, 4, Paint::Plain, &format!("{name}: {fact}"));
        }
        self.page.blank();
    }

    /// Tells steps, the first of which has this number; runs of ticks on one line.
    fn steps(&mut self, steps: &[TraceStep], first: usize) {
        let mut number = first;
        for run in steps.chunk_by(|one, next| is_plain_tick(one) && is_plain_tick(next)) {
            match run {
                [step] if !is_plain_tick(step) => self.step(number, step),
                ticks => self.ticks(number, ticks),
            }
            number += run.len();
        }
    }

    fn step(&mut self, number: usize, step: &TraceStep) {
        let action = words::action(&self.names, &step.action);
        let paint = match step.action {
            _ if step.changed.is_empty() && is_routine(&step.action) => Paint::Faint,
            Action::Environment(_) => Paint::Event,
            _ => Paint::Plain,
        };
        self.line(&number.to_string(), step, paint, &action);
        self.names.see(&step.changed);
        for change in step.changed.iter().filter(|change| !is_implied(change, &step.changed)) {
            let change = words::change(&self.names, change);
            self.page.hanging(
                self.columns.indent() + 2,
                self.columns.indent() + 4,
                Paint::Change,
                &format!("-> {change}"),
            );
        }
    }

    fn ticks(&mut self, number: usize, ticks: &[TraceStep]) {
        let Some(last) = ticks.last() else { return };
        let passed = u64::from(self.unit) * ticks.len() as u64;
        let passes = if passed == 1 { "1 s passes".to_owned() } else { format!("{passed} s pass") };
        let numbers = if ticks.len() == 1 {
            number.to_string()
        } else {
            format!("{number}-{}", number + ticks.len() - 1)
        };
        self.line(&numbers, last, Paint::Time, &passes);
    }

    fn line(&mut self, numbers: &str, step: &TraceStep, paint: Paint, text: &str) {
        let Columns { number, time, lane } = self.columns;
        let mut margin = format!("{numbers:>number$}  ");
        if let Some(time) = time {
            margin += &format!("{:>time$}  ", seconds(step.tick, self.unit));
        }
        margin += &format!("{:<lane$}  ", step.component.name());
        self.page.beside(&margin, paint, text);
    }

    /// The end of a safety trace: what the last step broke, and who is guilty.
    fn broken(&mut self, property: Property, world: Option<&World>) {
        self.page.blank();
        let step = self.trace.stem.len();
        self.page.text(0, Paint::Guilt, &format!("step {step} breaks {property}"));
        let Some((world, walk)) = world.and_then(|world| Some((world, self.end(world)?))) else {
            self.page.hanging(2, 4, Paint::Plain, NOT_TAKEN);
            return;
        };
        let last = self.trace.stem.last().map_or(Action::Tick, |step| step.action);
        let reasons = match walk.judged.broken.contains(property) {
            true => why::safety(world, &walk, &last, &self.names, property),
            false => vec!["on the model of today it does not: replay says more".to_owned()],
        };
        for reason in reasons {
            self.page.hanging(2, 4, Paint::Guilt, &reason);
        }
    }

    /// The end of a path: can it still be taken?
    fn ends(&mut self, world: Option<&World>) {
        self.page.blank();
        match world.and_then(|world| self.end(world)) {
            Some(_) => self.page.text(0, Paint::Strong, "the model of today takes every step"),
            None => self.page.text(0, Paint::Guilt, NOT_TAKEN),
        }
    }

    /// The end of a lasso: what repeats, and what never comes.
    fn repeats(&mut self, property: Property, world: Option<&World>) {
        self.page.blank();
        if self.trace.cycle.is_empty() {
            self.page.text(0, Paint::Strong, "then nothing more happens");
        } else {
            self.page.text(0, Paint::Strong, "then, for ever:");
            self.steps(&self.trace.cycle, self.trace.stem.len() + 1);
        }
        self.page.blank();
        self.page.text(0, Paint::Guilt, &format!("so {property} is broken"));
        let Some(world) = world else { return };
        let own = world.model().obligations.range(property);
        if let Some(bit) = self.trace.obligation.filter(|bit| own.contains(bit)) {
            let what = why::obligation(world, &self.names, bit);
            self.page.hanging(2, 4, Paint::Guilt, &what);
        }
    }

    /// The end of the stem on the model of today, if it takes the steps.
    fn end<'w>(&self, world: &'w World) -> Option<Walk<'w>> {
        let mut walk = world.begin(self.trace.observed_proxy)?;
        for step in &self.trace.stem {
            if !walk.enables(&step.action) {
                return None;
            }
            walk.step(&step.action, self.trace.followed);
        }
        Some(walk)
    }
}

pub(crate) fn is_plain_tick(step: &TraceStep) -> bool {
    step.action == Action::Tick && step.component == Component::Time && step.changed.is_empty()
}

/// A step that only tells somebody what is so already: of interest when looking for who knew what.
pub(crate) const fn is_routine(action: &Action) -> bool {
    matches!(action, Action::Watch(_) | Action::Kubelet(Kubelet::Relist { .. }))
}

/// A process that ends takes its signals, hook and grace with it, and a new one begins without.
pub(crate) fn is_implied(change: &Change, changed: &[Change]) -> bool {
    let (Change::Sigterm { pod, container, received: false }
    | Change::Hook { pod, container, hook: Hook::None }
    | Change::GraceExpired { pod, container, expired: false }) = change
    else {
        return false;
    };
    changed.iter().any(|other| {
        matches!(other, Change::Process { pod: of, container: which, .. } if of == pod && which == container)
    })
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
