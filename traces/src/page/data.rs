//! What the page is made of: everything that it shows, in words, so that its program only draws.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bar::Bar;
use super::lane::{Lane, Named};
use super::teller::Teller;
use crate::names::Names;
use crate::show;
use crate::standing::Standing;
use crate::trace::{Kind, Trace};
use crate::walk::World;
use crate::why;

/// Everything that the page shows. A step's number is its place in the trace, from 1; 0 is the beginning.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    title: String,
    /// What it is about, in a line, and what is to be learned of it, where somebody has read it.
    about: Option<String>,
    lesson: Option<String>,
    /// The promise in words; none of a path.
    promise: Option<String>,
    /// How it is broken; a path also where the model of today does not break it.
    kind: Kind,
    /// What makes it hold, where that was looked for: that nobody has checked it again and what was found, and the lines of the
    /// patch.
    pub(super) remedy: Option<(Vec<String>, Vec<String>)>,
    /// How to look for what makes it hold, where nobody has and it can be asked for.
    ask: Option<String>,
    /// What is to be known of the world, each with what it is called.
    facts: Vec<(&'static str, String)>,
    lanes: Vec<Named>,
    steps: Vec<Step>,
    /// The seconds of a tick.
    unit: u32,
    /// The step that the end is about: what breaks the promise, or of a lasso the last one before what repeats.
    pub(super) end: usize,
    /// What the end is, in a few words.
    verdict: String,
    /// What has to do with it, a sentence each.
    reasons: Vec<String>,
    /// From step to step: who learned of what from whom.
    arrows: Vec<(usize, usize)>,
    objects: Vec<Thing>,
    /// Names of facts; an object has those of its kind, in this order.
    fields: Vec<&'static str>,
    /// What is so at the beginning.
    first: Vec<Set>,
    bars: Vec<Bar>,
    /// The steps that the end depends on; none if nobody has told.
    pub(super) slice: Option<Vec<usize>>,
    /// The step after which the end could no longer be avoided, and what is to be said of it; none if nobody has told.
    pub(super) turning: Option<(usize, Vec<String>)>,
}

/// A step.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) lane: usize,
    /// When it was taken; none if there is no time, or nobody knows.
    pub(super) time: Option<String>,
    pub(super) text: String,
    /// What it changed, a clause each.
    pub(super) changes: Vec<String>,
    pub(super) sets: Vec<Set>,
    /// How much it matters by itself.
    pub(super) weight: Weight,
}

/// How much a step matters by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Weight {
    /// Time passes.
    Tick,
    /// Somebody learns what is so already.
    Routine,
    /// Something happens to the cluster.
    Event,
    /// A component does something.
    Step,
}

/// An object, a field, and the value that it has now; none if it has none any more.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Set(pub(super) usize, pub(super) usize, pub(super) Option<String>);

/// An object of the page. A pod that takes the slot of another is another object.
#[derive(Debug, Serialize)]
pub(super) struct Thing {
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Its pod, by its place among the objects.
    pub(super) pod: Option<usize>,
}

impl Data {
    /// The data of a trace: told from what is recorded; only the beginning and the reasons are computed on the model.
    pub(super) fn of(trace: &Trace) -> Self {
        let world = World::new(trace.scenario.clone()).ok();
        let mut names = Names::of(trace);
        let beginning = world.as_ref().and_then(|world| world.begin(trace.observed_proxy));
        let mut teller = Teller::of(trace, beginning.map(|walk| walk.seen));
        let first = teller.everything(&names);
        let mut told = Vec::new();
        // Time that passes is told; if none does, there is nothing to tell.
        let passes = trace.log.is_some() || trace.steps().any(|(_, step)| step.tick > 0);
        let unit = world.as_ref().map_or(1, World::unit_seconds);
        for (number, step) in trace.steps() {
            told.push(teller.step(number, trace, step, passes.then_some(unit), &mut names));
        }
        let (lanes, lane_of) = lanes(&told, &names);
        let steps: Vec<Step> =
            told.into_iter().map(|(lane, step)| Step { lane: lane_of[&lane], ..step }).collect();
        let standing = Standing::of(trace);
        let up_to = standing.up_to_the_break(trace);
        let (verdict, reasons) = end(&up_to, &standing);
        Self {
            title: trace.scenario.name.clone(),
            about: trace.title.clone(),
            lesson: trace.lesson.clone(),
            promise: trace.property.map(|property| property.facts().says.to_owned()),
            kind: if standing.is_broken() { trace.kind } else { Kind::Path },
            remedy: trace.remedy.as_ref().map(|remedy| {
                let lines = remedy.patch.iter().flat_map(|patch| patch.lines()).map(str::to_owned);
                let says = std::iter::once(show::RECORDED.to_owned()).chain(remedy.says.iter().cloned());
                (says.collect(), lines.collect())
            }),
            ask: show::ask(trace).filter(|_| standing.is_broken()),
            facts: show::facts(trace, &Names::of(trace)),
            lanes,
            end: up_to.stem.len(),
            verdict,
            reasons,
            arrows: teller.arrows_drawn,
            objects: teller.things,
            fields: teller.fields,
            first,
            bars: teller.bars.finish(steps.len()),
            steps,
            unit,
            slice: None,
            turning: None,
        }
    }
}

/// What the end of a trace is, which breaks its promise by its last step if at all, and what has to do with it.
fn end(trace: &Trace, standing: &Standing) -> (String, Vec<String>) {
    let Some(property) = trace.property else {
        return (format!("a path of {} steps", trace.stem.len()), Vec::new());
    };
    if !standing.is_broken() {
        return (standing.says(property), standing.because().into_iter().collect());
    }
    let (steps, name) = (trace.stem.len(), property.name());
    let verdict = match trace.kind {
        Kind::Lasso if trace.cycle.is_empty() => {
            format!("after step {steps} nothing more happens, so {name} is broken")
        }
        Kind::Lasso => {
            format!("steps {} to {} repeat for ever, so {name} is broken", steps + 1, trace.steps().count())
        }
        Kind::Safety | Kind::Path => format!("step {steps} breaks {name}"),
    };
    (verdict, why::reasons(trace).unwrap_or_default())
}

/// The lanes in their order, and the place of each.
fn lanes(told: &[(Lane, Step)], names: &Names) -> (Vec<Named>, BTreeMap<Lane, usize>) {
    let mut places: BTreeMap<Lane, usize> = told.iter().map(|&(lane, _)| (lane, 0)).collect();
    let mut lanes = Vec::new();
    for (lane, place) in &mut places {
        *place = lanes.len();
        lanes.push(lane.named(names));
    }
    (lanes, places)
}
