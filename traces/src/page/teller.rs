//! Going along a trace and noting what the page needs: what is so of each object, from when to when, and who learned of it from
//! whom.

use std::collections::BTreeMap;

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::observation::{ContainerSeen, NodeSeen, Observation, SandboxSeen, SlotSeen};

use super::arrow::Arrows;
use super::bar::{Bars, Phase};
use super::data::{Set, Step, Thing, Weight};
use super::lane::Lane;
use crate::advance::advance;
use crate::change::Change;
use crate::names::Names;
use crate::object::{Fact, Object};
use crate::told::{self, Told};
use crate::trace::{Trace, TraceStep};
use crate::when::when;

/// How far it has come.
#[derive(Debug)]
pub(super) struct Teller {
    seen: Observation,
    /// The objects that were told of.
    pub(super) things: Vec<Thing>,
    place_of: BTreeMap<Object, usize>,
    /// What is so of each thing.
    known: Vec<Vec<Fact>>,
    /// The fields that were named.
    pub(super) fields: Vec<&'static str>,
    arrows: Arrows,
    /// The arrows, from step to step.
    pub(super) arrows_drawn: Vec<(usize, usize)>,
    /// The bars.
    pub(super) bars: Bars,
}

impl Teller {
    /// At the beginning, of which this is seen; nothing, if the scenario has no model.
    pub(super) fn of(trace: &Trace, seen: Option<Observation>) -> Self {
        Self {
            seen: seen.unwrap_or_else(|| blank(trace)),
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
    pub(super) fn everything(&mut self, names: &Names) -> Vec<Set> {
        let mut sets = Vec::new();
        for object in Object::all(&self.seen) {
            self.tell(object, 0, names, &mut sets);
        }
        sets
    }

    /// A step, with its lane; `unit` are the seconds of a tick, if time passes.
    pub(super) fn step(
        &mut self,
        number: usize,
        trace: &Trace,
        step: &TraceStep,
        unit: Option<u32>,
        names: &mut Names,
    ) -> (Lane, Step) {
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
        let time = unit.and_then(|unit| when(trace, step, unit));
        (lane, Step { lane: 0, time, text: says, changes, sets, weight })
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

/// The place of a field among those that were named.
fn field_of(fields: &mut Vec<&'static str>, field: &'static str) -> usize {
    fields.iter().position(|known| *known == field).unwrap_or_else(|| {
        fields.push(field);
        fields.len() - 1
    })
}
