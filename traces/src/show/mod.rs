//! The story of a trace for a terminal: a line for each step, with what it changed beneath it, and in the end who is
//! guilty.

mod page;
mod sliced;

use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Component, Kubelet};
use podproof_vocabulary::observation::Hook;
use podproof_vocabulary::scenario::{Beginning, Timing};

use crate::change::Change;
use crate::names::Names;
use crate::slice::{Slice, slice};
use crate::trace::{Kind, Trace, TraceStep};
use crate::turning::turning;
use crate::walk::{Walk, World};
use crate::{why, words};
use page::{Page, Paint};

/// What is said of a trace that cannot be taken any more.
const NOT_TAKEN: &str = "the model of today does not take these steps: replay says which";

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
    told(trace, style, None)
}

/// The story of the steps that the end of `trace` depends on, with what goes before each; the rest is folded. The whole story, if
/// the model of today does not take the steps.
pub fn show_slice(trace: &Trace, style: Style) -> String {
    told(trace, style, slice(trace).as_ref())
}

/// Where the end of `trace` could no longer be avoided, and what would have had to come first: a paragraph, or nothing if there is
/// none to tell. It is searched for, which takes some seconds at most.
pub fn show_turning(trace: &Trace, style: Style) -> String {
    let mut page = Page::new(style);
    for (place, sentence) in turning(trace).iter().enumerate() {
        match place {
            0 => {
                page.blank();
                page.text(0, Paint::Strong, sentence);
            }
            _ => page.hanging(2, 4, Paint::Plain, sentence),
        }
    }
    page.finish()
}

fn told(trace: &Trace, style: Style, slice: Option<&Slice>) -> String {
    let world = World::new(trace.scenario.clone()).ok();
    let mut story = Story {
        trace,
        unit: world.as_ref().map_or(1, World::unit_seconds),
        columns: Columns::of(trace, slice, world.as_ref().map_or(1, World::unit_seconds)),
        slice,
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
    fn of(trace: &Trace, slice: Option<&Slice>, unit: u32) -> Self {
        let number = (trace.stem.len() + trace.cycle.len()).to_string().len();
        // A folded run of ticks, or of steps that are not in the slice, has two numbers.
        let folds = slice.is_some() || trace.steps().any(|(_, step)| step.action == Action::Tick);
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

struct Story<'t> {
    trace: &'t Trace,
    /// Seconds in a tick.
    unit: u32,
    columns: Columns,
    /// What is told of it, if that is not all.
    slice: Option<&'t Slice>,
    names: Names,
    page: Page,
}

impl Story<'_> {
    fn header(&mut self) {
        let scenario = &self.trace.scenario;
        let (title, promise) = match self.trace.property {
            Some(property) => (
                format!("{}: {property} is broken", scenario.name),
                Some(format!("promise: {}", property.facts().says)),
            ),
            None => (format!("{}: a path of {}", scenario.name, count(self.trace.stem.len(), "step")), None),
        };
        self.page.text(0, Paint::Strong, &title);
        let mut lines: Vec<String> = promise.into_iter().collect();
        lines.push(format!(
            "world: {} {} with {} on {}, story {}, {}, Kubernetes 1.{}",
            scenario.workload.kind.name(),
            scenario.workload.name,
            count(scenario.workload.replicas.into(), "replica"),
            count(scenario.nodes.len(), "node"),
            scenario.story,
            scenario.timing.name(),
            scenario.release.minor
        ));
        if scenario.begins == Beginning::Running {
            lines.push("begins: with the workload running and at rest".to_owned());
        }
        if let Some(mutant) = scenario.mutant {
            lines.push(format!("wrong rule: {mutant}: {}", mutant.facts().says));
        }
        if let Some(node) = self.trace.observed_proxy {
            lines.push(format!("rules: those of {}", self.names.node(node)));
        }
        if let Some(followed) = self.trace.followed {
            let from = followed.from_step;
            lines.push(format!(
                "time: the clocks of one pod run, from step {from} on; all else takes any time (focus)"
            ));
        }
        lines.extend(self.slice.map(|slice| self.about(slice)));
        lines.push("replay: podproof trace replay FILE".to_owned());
        for line in lines {
            self.page.hanging(2, 4, Paint::Plain, &line);
        }
        self.page.blank();
    }

    /// Tells steps, the first of which has this number; runs of ticks on one line.
    fn steps(&mut self, steps: &[TraceStep], first: usize) {
        if let Some(slice) = self.slice {
            return self.sliced(slice, steps, first);
        }
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
        let passes = self.passes(ticks.len() as u64);
        let numbers = if ticks.len() == 1 {
            number.to_string()
        } else {
            format!("{number}-{}", number + ticks.len() - 1)
        };
        self.line(&numbers, last, Paint::Time, &passes);
    }

    fn line(&mut self, numbers: &str, step: &TraceStep, paint: Paint, text: &str) {
        let margin = self.margin(numbers, step.tick, step.component.name());
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

fn is_plain_tick(step: &TraceStep) -> bool {
    step.action == Action::Tick && step.component == Component::Time && step.changed.is_empty()
}

/// A step that only tells somebody what is so already: of interest when looking for who knew what.
const fn is_routine(action: &Action) -> bool {
    matches!(action, Action::Watch(_) | Action::Kubelet(Kubelet::Relist { .. }))
}

/// A process that ends takes its signals, hook and grace with it, and a new one begins without.
fn is_implied(change: &Change, changed: &[Change]) -> bool {
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
