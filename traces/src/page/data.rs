//! What the page is made of: everything that it shows, in words, so that its program only draws.

use std::collections::BTreeMap;

use podproof_vocabulary::action::Action;
use podproof_vocabulary::observation::{ContainerSeen, NodeSeen, Observation, SandboxSeen, SlotSeen};
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{PodId, Property};
use serde::Serialize;

use super::arrow::Arrows;
use super::bar::{Bar, Bars, Phase};
use super::lane::{Lane, Named};
use crate::advance::advance;
use crate::change::Change;
use crate::names::Names;
use crate::object::{Fact, Object};
use crate::show;
use crate::told::{self, Told};
use crate::trace::{Kind, Trace, TraceStep};
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
    kind: Kind,
    /// What is to be known of the world, each with what it is called.
    facts: Vec<(&'static str, String)>,
    /// Seconds in a tick; none if no time passes.
    seconds: Option<u32>,
    lanes: Vec<Named>,
    steps: Vec<Step>,
    /// The step that the end is about: what breaks the promise, or of a lasso the last one before what repeats.
    end: usize,
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
}

/// A step.
#[derive(Debug, Serialize)]
struct Step {
    lane: usize,
    tick: u32,
    text: String,
    /// What it changed, a clause each.
    changes: Vec<String>,
    sets: Vec<Set>,
    /// How much it matters by itself.
    weight: Weight,
}

/// How much a step matters by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Weight {
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
struct Set(usize, usize, Option<String>);

/// An object of the page. A pod that takes the slot of another is another object.
#[derive(Debug, Serialize)]
struct Thing {
    kind: &'static str,
    name: String,
    /// Its pod, by its place among the objects.
    pod: Option<usize>,
}

impl Data {
    /// The data of a trace: told from what is recorded; only the beginning and the reasons are computed on the model.
    pub(super) fn of(trace: &Trace) -> Self {
        let world = World::new(trace.scenario.clone()).ok();
        let mut names = Names::of(trace);
        let beginning = world.as_ref().and_then(|world| world.begin(trace.observed_proxy));
        let mut teller = Teller::of(beginning.map_or_else(|| blank(trace), |walk| walk.seen));
        let first = teller.everything(&names);
        let mut told = Vec::new();
        for (number, step) in trace.steps() {
            told.push(teller.step(number, trace, step, &mut names));
        }
        let (lanes, lane_of) = lanes(&told, &names);
        let steps: Vec<Step> =
            told.into_iter().map(|(lane, step)| Step { lane: lane_of[&lane], ..step }).collect();
        let (verdict, reasons) = end(trace);
        Self {
            title: trace.scenario.name.clone(),
            about: trace.title.clone(),
            lesson: trace.lesson.clone(),
            promise: trace.property.map(|property| property.facts().says.to_owned()),
            kind: trace.kind,
            facts: show::facts(trace, &Names::of(trace)),
            seconds: (trace.scenario.timing == Timing::Timed)
                .then(|| world.as_ref().map_or(1, World::unit_seconds)),
            lanes,
            end: trace.stem.len(),
            verdict,
            reasons,
            arrows: teller.arrows_drawn,
            objects: teller.things,
            fields: teller.fields,
            first,
            bars: teller.bars.finish(steps.len()),
            steps,
            slice: None,
        }
    }
}

/// What the end of a trace is, and what has to do with it.
fn end(trace: &Trace) -> (String, Vec<String>) {
    let verdict = match (trace.kind, trace.property.map(Property::name)) {
        (Kind::Safety, Some(name)) => format!("step {} breaks {name}", trace.stem.len()),
        (Kind::Lasso, Some(name)) if trace.cycle.is_empty() => {
            format!("after step {} nothing more happens, so {name} is broken", trace.stem.len())
        }
        (Kind::Lasso, Some(name)) => {
            format!(
                "steps {} to {} repeat for ever, so {name} is broken",
                trace.stem.len() + 1,
                trace.steps().count()
            )
        }
        _ => format!("a path of {} steps", trace.stem.len()),
    };
    let reasons = why::reasons(trace).unwrap_or_else(|| match trace.kind {
        Kind::Path => Vec::new(),
        Kind::Safety | Kind::Lasso => vec![show::NOT_TAKEN.to_owned()],
    });
    (verdict, reasons)
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

/// An observation of nothing, with room for all that the scenario names.
fn blank(trace: &Trace) -> Observation {
    let nodes = trace.scenario.nodes.len();
    let containers = trace.scenario.workload.template.containers.len();
    let slot = SlotSeen {
        pod: None,
        sandbox: SandboxSeen::default(),
        containers: vec![ContainerSeen::default(); containers],
        reused_address: None,
        endpoint: None,
        rules: vec![None; nodes],
    };
    Observation {
        containers,
        slots: vec![slot; trace.scenario.slots.into()],
        nodes: vec![NodeSeen::default(); nodes],
        replica_sets: vec![None; usize::from(u8::MAX)],
        deployment: None,
        budget: None,
    }
}

/// Goes along a trace and notes what the page needs.
#[derive(Debug)]
struct Teller {
    seen: Observation,
    things: Vec<Thing>,
    place_of: BTreeMap<Object, usize>,
    /// What is so of each thing.
    known: Vec<Vec<Fact>>,
    fields: Vec<&'static str>,
    arrows: Arrows,
    arrows_drawn: Vec<(usize, usize)>,
    bars: Bars,
}

impl Teller {
    fn of(seen: Observation) -> Self {
        Self {
            seen,
            things: Vec::new(),
            place_of: BTreeMap::new(),
            known: Vec::new(),
            fields: Vec::new(),
            arrows: Arrows::default(),
            arrows_drawn: Vec::new(),
            bars: Bars::default(),
        }
    }

    /// What is so at the beginning.
    fn everything(&mut self, names: &Names) -> Vec<Set> {
        let mut sets = Vec::new();
        for object in Object::all(&self.seen) {
            self.tell(object, 0, names, &mut sets);
        }
        sets
    }

    fn step(&mut self, number: usize, trace: &Trace, step: &TraceStep, names: &mut Names) -> (Lane, Step) {
        let lane = Lane::of(trace, step, names);
        let from = self.arrows.see(number, step, names);
        self.arrows_drawn.extend(from.into_iter().map(|from| (from, number)));
        let Told { says, changes, .. } = told::one(names, number, step);
        let mut sets = Vec::new();
        for change in &step.changed {
            if let Change::PodAppears { pod, .. } = *change {
                self.retire(pod, number, &mut sets);
            }
            advance(&mut self.seen, change);
        }
        let mut objects: Vec<Object> = step.changed.iter().map(Object::of).collect();
        // What a pod is decides whether its containers are told of.
        let pods = objects.iter().filter(|object| matches!(object, Object::Pod(_)));
        let slots: Vec<Object> =
            pods.filter_map(|object| object.pod()).flat_map(|pod| Object::of_slot(&self.seen, pod)).collect();
        objects.extend(slots);
        objects.sort_unstable();
        objects.dedup();
        for object in objects {
            self.tell(object, number, names, &mut sets);
        }
        let weight = match step.action {
            Action::Tick if step.changed.is_empty() => Weight::Tick,
            action if step.changed.is_empty() && told::is_routine(&action) => Weight::Routine,
            Action::Environment(_) => Weight::Event,
            _ => Weight::Step,
        };
        (lane, Step { lane: 0, tick: step.tick, text: says, changes, sets, weight })
    }

    /// Another pod takes this slot: what was known of the last one is so no more, and its name is not used again.
    fn retire(&mut self, pod: PodId, number: usize, sets: &mut Vec<Set>) {
        for object in Object::of_slot(&self.seen, pod) {
            if let Some(place) = self.place_of.remove(&object) {
                self.replace(place, Vec::new(), sets);
                self.bars.see(place, number, None);
            }
        }
    }

    /// Notes what is so of an object now.
    fn tell(&mut self, object: Object, number: usize, names: &Names, sets: &mut Vec<Set>) {
        let facts = object.facts(&self.seen, names);
        let place = match self.place_of.get(&object) {
            Some(&place) => place,
            None if facts.is_empty() => return,
            None => self.introduce(object, names),
        };
        self.replace(place, facts, sets);
        self.bars.see(place, number, Phase::of(object, &self.seen));
    }

    fn introduce(&mut self, object: Object, names: &Names) -> usize {
        let pod = match object {
            Object::Pod(_) => None,
            _ => object.pod().and_then(|pod| self.place_of.get(&Object::Pod(pod)).copied()),
        };
        let place = self.things.len();
        self.things.push(Thing { kind: object.kind(), name: object.name(names), pod });
        self.known.push(Vec::new());
        self.place_of.insert(object, place);
        place
    }

    fn replace(&mut self, place: usize, facts: Vec<Fact>, sets: &mut Vec<Set>) {
        let old = std::mem::replace(&mut self.known[place], facts);
        let now = &self.known[place];
        for (field, _) in old.iter().filter(|(field, _)| now.iter().all(|(other, _)| other != field)) {
            sets.push(Set(place, field_of(&mut self.fields, field), None));
        }
        for (field, value) in now.iter().filter(|fact| !old.contains(fact)) {
            sets.push(Set(place, field_of(&mut self.fields, field), Some(value.clone())));
        }
    }
}

/// The place of a field among those that were named.
fn field_of(fields: &mut Vec<&'static str>, field: &'static str) -> usize {
    fields.iter().position(|known| *known == field).unwrap_or_else(|| {
        fields.push(field);
        fields.len() - 1
    })
}
