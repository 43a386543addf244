//! The story of a trace for a terminal: a lane for each component and a line for each step, with what it changed beneath it,
//! and in the end who is guilty. A lasso is drawn as a loop.

mod asked;
mod facts;
mod fold;
mod lanes;
pub(crate) mod page;
mod remedy;
mod sliced;

use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Component};

use crate::change::{Change, difference};
use crate::names::Names;
use crate::slice::{Slice, slice};
use crate::standing::{NOT_TAKEN, Standing};
use crate::told;
use crate::trace::{Kind, Trace, TraceStep};
use crate::turning::turning;
use crate::walk::{Walk, World};
use crate::when::when;
use crate::{why, words};
use fold::Run;
use lanes::{Gutter, Lanes};
use page::{Page, Paint};

pub(crate) use facts::facts;
use facts::{count, listed};
pub use fold::View;
pub(crate) use remedy::{RECORDED, ask};
pub use remedy::{SMALLER_WORLD, show_remedy};

/// Lines that say what is so before the first step that is told.
const SUMMARY_MAX: usize = 16;

/// How a story is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
    /// The columns of the terminal; text is wrapped to them, but never narrower than 40.
    pub width: usize,
}

/// The story of `trace`, as much of it as is told unless more is asked for.
pub fn show(trace: &Trace, style: Style) -> String {
    show_as(trace, style, View::default())
}

/// The story of `trace`. It is told from what is recorded; only what is so before the first step that is told, and the culprits
/// at the end, are computed on the model.
pub fn show_as(trace: &Trace, style: Style, view: View<'_>) -> String {
    tell(trace, style, view, None)
}

/// The story of the steps that the end of `trace` depends on, with what goes before each; the rest is folded. The whole story, if
/// there is no slice.
pub fn show_slice(trace: &Trace, style: Style, view: View<'_>) -> String {
    let sliced = slice(trace);
    let story = tell(trace, style, view, sliced.as_ref());
    if sliced.is_some() { story } else { story + NO_SLICE }
}

/// What is said where a slice is asked for and there is none.
const NO_SLICE: &str = "\nthere is no slice of it, so all of it is told\n";

/// Where the end of `trace` could no longer be avoided, and what would have had to come first: a paragraph, or nothing if there is
/// none to tell. It is searched for, which takes some seconds at most.
pub fn show_turning(trace: &Trace, style: Style) -> String {
    let mut page = Page::new(style);
    for (place, sentence) in turning(trace).sentences.iter().enumerate() {
        match place {
            0 => {
                page.blank();
                page.hanging(0, 2, Paint::Strong, sentence);
            }
            _ => page.hanging(2, 4, Paint::Plain, sentence),
        }
    }
    page.finish()
}

fn tell(trace: &Trace, style: Style, view: View<'_>, slice: Option<&Slice>) -> String {
    let world = World::new(trace.scenario.clone()).ok();
    let unit = world.as_ref().map_or(1, World::unit_seconds);
    let prelude = view.prelude(trace);
    let told = &trace.stem[prelude..];
    let mut story = Story {
        trace,
        standing: Standing::of(trace),
        view,
        slice,
        unit,
        lanes: lanes(trace, told, unit),
        names: Names::of(trace),
        page: Page::new(style),
    };
    story.header();
    story.prelude(prelude, world.as_ref());
    let gutter = if trace.cycle.is_empty() { Gutter::None } else { Gutter::Before };
    story.lanes.clone().header(&mut story.page, gutter);
    story.steps(told, prelude + 1, |_| gutter);
    match (trace.kind, trace.property) {
        (Kind::Safety, Some(property)) => story.broken(property, world.as_ref()),
        (Kind::Lasso, Some(property)) => story.repeats(property, world.as_ref()),
        _ => story.ends(),
    }
    story.page.finish()
}

/// The columns of the steps that are told of a trace.
fn lanes(trace: &Trace, told: &[TraceStep], unit: u32) -> Lanes {
    let number = (trace.stem.len() + trace.cycle.len()).to_string().len();
    let time = trace.steps().filter_map(|(_, step)| Some(when(trace, step, unit)?.len())).max();
    let moving = |component| {
        told.iter().chain(&trace.cycle).any(|step| step.component == component)
            || is_awaited(trace, component)
    };
    // A run that stands on one line has two numbers.
    Lanes::new(moving, 2 * number + 1, time)
}

/// Is this a component whose step the promise of `trace` waits for? That it does not move is what there is to be seen of it: of a
/// promise about connections, whoever brings a deletion into the rules.
fn is_awaited(trace: &Trace, component: Component) -> bool {
    let is_of_connections = matches!(
        trace.property,
        Some(
            Property::NoTrafficAfterSigterm
                | Property::NoFailedRequest
                | Property::NoMisroutedRequest
                | Property::NoAvoidableBlackout
        )
    );
    is_of_connections
        && matches!(component, Component::EndpointSliceController | Component::KubeProxy)
        && trace.scenario.service.as_ref().is_some_and(|service| !service.headless)
}

struct Story<'t> {
    trace: &'t Trace,
    /// What becomes of its claim.
    standing: Standing,
    view: View<'t>,
    /// What is told of it, if that is not all.
    slice: Option<&'t Slice>,
    /// Seconds in a tick.
    unit: u32,
    lanes: Lanes,
    names: Names,
    page: Page,
}

impl Story<'_> {
    fn header(&mut self) {
        let title = match self.trace.property {
            Some(property) => format!("{}: {}", self.trace.scenario.name, self.standing.says(property)),
            None => {
                format!("{}: a path of {}", self.trace.scenario.name, count(self.trace.stem.len(), "step"))
            }
        };
        self.page.text(0, Paint::Strong, &title);
        let promise = self.trace.property.map(|property| ("promise", property.facts().says.to_owned()));
        let file = self.view.file.unwrap_or("FILE");
        let replay = ("replay", format!("podproof trace replay {file}"));
        let noted = [("about", &self.trace.title), ("lesson", &self.trace.lesson)];
        let noted = noted.into_iter().filter_map(|(what, says)| Some((what, says.clone()?)));
        let sliced = self.slice.map(|slice| ("slice", self.about(slice)));
        let known = promise.into_iter().chain(facts(self.trace, &self.names)).chain(sliced).chain([replay]);
        for (name, fact) in noted.chain(known) {
            self.page.hanging(2, 4, Paint::Plain, &format!("{name}: {fact}"));
        }
        self.page.blank();
    }

    /// What is so after the first `steps` of the stem, which are not told.
    fn prelude(&mut self, steps: usize, world: Option<&World>) {
        if steps == 0 {
            return;
        }
        let before = &self.trace.stem[..steps];
        for step in before {
            self.names.see(&step.changed);
        }
        let numbers = if steps == 1 { "step 1 is".to_owned() } else { format!("steps 1-{steps} are") };
        self.page.text(0, Paint::Strong, &format!("{numbers} not told (--full tells them); then"));
        let so = world.and_then(|world| {
            let mut walk = world.begin(self.trace.observed_proxy)?;
            let first = walk.seen.clone();
            take(&mut walk, before, self.trace)?;
            Some(difference(&first, &walk.seen))
        });
        match so {
            None => self.page.hanging(2, 4, Paint::Plain, NOT_TAKEN),
            Some(changes) => {
                let told: Vec<_> = changes.iter().filter(|change| is_summary(change)).collect();
                for change in told.iter().take(SUMMARY_MAX) {
                    let says = words::change(&self.names, change);
                    self.page.hanging(2, 4, Paint::Change, &says);
                }
                if let Some(more) = told.len().checked_sub(SUMMARY_MAX).filter(|&more| more > 0) {
                    self.page.text(2, Paint::Faint, &format!("and {more} more"));
                }
            }
        }
        self.page.blank();
    }

    /// Tells steps, the first of which has this number.
    fn steps(&mut self, steps: &[TraceStep], first: usize, gutter: impl Fn(Place) -> Gutter) {
        let mut number = first;
        let runs = match self.slice {
            Some(slice) => sliced::runs(slice, steps, first),
            None => self.view.runs(steps),
        };
        for (index, run) in runs.iter().enumerate() {
            let gutter = gutter(Place { is_first: index == 0, is_last: index + 1 == runs.len() });
            self.run(number, run, gutter);
            number += run.steps().len();
        }
    }

    fn run(&mut self, number: usize, run: &Run<'_>, gutter: Gutter) {
        let (paint, says, changes) = self.words(number, run);
        let steps = run.steps();
        let numbers = match steps.len() {
            1 => number.to_string(),
            more => format!("{number}-{}", number + more - 1),
        };
        let time = steps.last().and_then(|step| when(self.trace, step, self.unit)).unwrap_or_default();
        // A loop closes on the last line of its last step.
        let lines = 1 + changes.len();
        let gutter_of = |line: usize| match gutter {
            Gutter::Back if line + 1 < lines => Gutter::Within,
            Gutter::Entry if line > 0 => Gutter::Within,
            other => other,
        };
        let moves = |component| run.moves(component);
        let (first, rest) = self.lanes.margins(gutter_of(0), &numbers, &time, moves, paint);
        self.page.under(&first, &rest, paint, &says);
        for (line, change) in (1..).zip(&changes) {
            let (mut first, mut rest) = self.lanes.margins(gutter_of(line), "", "", |_| false, Paint::Faint);
            first.push(Paint::Plain, "  ".to_owned());
            rest.push(Paint::Plain, "     ".to_owned());
            self.page.under(&first, &rest, change.0, &change.1);
        }
    }

    /// What is said of a run, how it is set, and what it changed and what goes before it.
    fn words(&mut self, number: usize, run: &Run<'_>) -> (Paint, String, Vec<(Paint, String)>) {
        match run {
            Run::One(step) => {
                let told = told::one(&mut self.names, number, step);
                let changes = told.changes.iter().map(|change| (Paint::Change, format!("-> {change}")));
                (paint_of(step), told.says, changes.chain(self.arrows(number)).collect())
            }
            Run::Ticks(ticks) => (Paint::Time, self.passes(ticks.len()), Vec::new()),
            Run::Unrelated(steps) => (Paint::Faint, self.unrelated(steps), Vec::new()),
            Run::Routine(steps) => {
                let hears = |component: &Component| steps.iter().any(|step| step.component == *component);
                let who: Vec<_> = Component::ALL.into_iter().filter(hears).map(Component::name).collect();
                (Paint::Faint, format!("news to {}, which changes nothing yet", listed(&who)), Vec::new())
            }
        }
    }

    /// So many ticks as time that passes.
    fn passes(&self, ticks: usize) -> String {
        match u64::from(self.unit) * ticks as u64 {
            1 => "1 s passes".to_owned(),
            passed => format!("{passed} s pass"),
        }
    }

    /// The end of a safety trace: what its last step broke, and who is guilty.
    fn broken(&mut self, property: Property, world: Option<&World>) {
        self.page.blank();
        let Standing::Broken { at_step } = self.standing else {
            let says = match self.standing {
                Standing::NotTaken => {
                    format!("it says that step {} breaks {property}", self.trace.stem.len())
                }
                _ => self.standing.says(property),
            };
            self.claims(&says);
            return;
        };
        let already = if at_step < self.trace.stem.len() { " already" } else { "" };
        self.page.text(0, Paint::Guilt, &format!("step {at_step} breaks {property}{already}"));
        let reasons = world.and_then(|world| {
            let walk = self.end(world, at_step)?;
            let last = self.trace.stem[..at_step].last()?.action;
            Some(why::safety(world, &walk, &last, &self.names, property))
        });
        for reason in reasons.unwrap_or_default() {
            self.page.hanging(2, 4, Paint::Guilt, &reason);
        }
    }

    /// What the trace claims and the model does not do.
    fn claims(&mut self, says: &str) {
        self.page.text(0, Paint::Guilt, says);
        if let Some(because) = self.standing.because() {
            self.page.hanging(2, 4, Paint::Plain, &because);
        }
    }

    /// The end of a path: can it still be taken?
    fn ends(&mut self) {
        self.page.blank();
        match self.standing {
            Standing::Path { is_taken: true } => {
                self.page.text(0, Paint::Strong, "the model of today takes every step");
            }
            _ => self.page.text(0, Paint::Guilt, NOT_TAKEN),
        }
    }

    /// The end of a lasso: what repeats, and what never comes.
    fn repeats(&mut self, property: Property, world: Option<&World>) {
        self.page.blank();
        if self.trace.cycle.is_empty() {
            self.page.text(0, Paint::Strong, "then nothing more happens");
        } else {
            self.page.text(0, Paint::Strong, "then, for ever:");
            let gutter = |place: Place| match (place.is_first, place.is_last) {
                (_, true) => Gutter::Back,
                (true, false) => Gutter::Entry,
                (false, false) => Gutter::Within,
            };
            self.steps(&self.trace.cycle, self.trace.stem.len() + 1, gutter);
        }
        self.page.blank();
        if !self.standing.is_broken() {
            self.claims(&self.standing.says(property));
            return;
        }
        self.page.text(0, Paint::Guilt, &format!("so {property} is broken"));
        let Some(world) = world else { return };
        let own = world.model().obligations.range(property);
        if let Some(bit) = self.trace.obligation.filter(|bit| own.contains(bit)) {
            for what in why::pending(self.trace, world, bit) {
                self.page.hanging(2, 4, Paint::Guilt, &what);
            }
        }
    }

    /// So many steps of the stem on the model of today, if it takes them.
    fn end<'w>(&self, world: &'w World, steps: usize) -> Option<Walk<'w>> {
        let mut walk = world.begin(self.trace.observed_proxy)?;
        take(&mut walk, &self.trace.stem[..steps], self.trace)?;
        Some(walk)
    }
}

/// Where a run stands among others.
struct Place {
    is_first: bool,
    is_last: bool,
}

/// Takes steps of a trace, if they are possible.
fn take(walk: &mut Walk<'_>, steps: &[TraceStep], trace: &Trace) -> Option<()> {
    for step in steps {
        if !walk.enables(&step.action) {
            return None;
        }
        walk.step(&step.action, trace.followed);
    }
    Some(())
}

/// How a step is set.
fn paint_of(step: &TraceStep) -> Paint {
    match step.action {
        _ if step.changed.is_empty() && told::is_routine(&step.action) => Paint::Faint,
        Action::Environment(_) => Paint::Event,
        _ => Paint::Plain,
    }
}

/// Of what is so at a moment, what is told: the objects, and who is sent connections.
const fn is_summary(change: &Change) -> bool {
    !matches!(
        change,
        Change::Sandbox { .. }
            | Change::SandboxAddress { .. }
            | Change::Process { .. }
            | Change::Accepting { .. }
            | Change::Hook { .. }
    )
}
