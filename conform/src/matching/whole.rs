//! The ways of all processes, put together and taken on the whole model.

use std::collections::BTreeMap;

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::{Action, Rename, ReplicaSet};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{NodeId, PodId, Property};

use super::path::Taken;
use super::weave::weave;

/// A path of the whole model.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The steps, with when they happened and which entries show them.
    pub steps: Vec<Taken>,
    /// Promises that were broken on the way, with the step (from 0) that first did.
    pub broken: BTreeMap<Property, usize>,
    /// Promises whose premise was met.
    pub reached: PropertySet,
    /// The step, from 0, that the whole model could not take: the parts did not fit together.
    pub refused: Option<usize>,
    /// The state in which it ends.
    pub last: ClusterState,
}

/// Slots of the parts as slots of the whole model, where a pod that all have forgotten leaves its slot sooner.
#[derive(Default)]
struct Slots {
    whole: BTreeMap<PodId, PodId>,
}

impl Rename for Slots {
    fn pod(&self, pod: PodId) -> PodId {
        self.whole.get(&pod).copied().unwrap_or(pod)
    }

    fn node(&self, node: NodeId) -> NodeId {
        node
    }
}

/// A run of the whole model.
pub(super) struct Course<'m> {
    models: &'m [(u64, &'m Model)],
    /// Which of them is in force.
    now: usize,
    created: &'m BTreeMap<u64, PodId>,
    state: ClusterState,
    slots: Slots,
}

impl<'m> Course<'m> {
    /// From the beginning of the first of `models`, each of which is in force from so many writes on. `created` are the slots of
    /// the parts that pods got, each with the number of writes before.
    pub(super) fn new(models: &'m [(u64, &'m Model)], created: &'m BTreeMap<u64, PodId>) -> Self {
        let (_, model) = models.first().expect("there is a model from the beginning");
        let state = model.initial().swap_remove(0);
        Self { models, now: 0, created, state, slots: Slots::default() }
    }

    /// The steps that are possible after so many writes.
    pub(super) fn enabled(&mut self, writes: u64) -> Vec<Action> {
        while self.models.get(self.now + 1).is_some_and(|&(since, _)| since <= writes) {
            self.now += 1;
        }
        let mut enabled = Vec::new();
        self.models[self.now].1.enabled(&self.state, &mut enabled);
        enabled
    }

    /// What a step of a part is here.
    pub(super) fn called(&self, action: &Action) -> Action {
        action.renamed(&self.slots)
    }

    /// Takes a step; the state before it is returned.
    pub(super) fn take(&mut self, taken: &Taken) -> ClusterState {
        let model = self.models[self.now].1;
        let action = self.called(&taken.action);
        let next = model.apply(&self.state, &action);
        let before = std::mem::replace(&mut self.state, next);
        if let Action::ReplicaSet(ReplicaSet::CreatePod { .. }) = action {
            let used = model.open(&before, |cluster| cluster.used());
            let new = model.open(&self.state, |cluster| cluster.used_pods().find(|&pod| !used.contains(pod)));
            if let (Some(new), Some(&slot)) = (new, self.created.get(&taken.moment.writes)) {
                self.slots.whole.insert(slot, new);
            }
        }
        before
    }
}

/// Takes the steps of `ways` on the whole model, all together; the models and the slots are as [`Course`] has them.
pub fn take(models: &[(u64, &Model)], created: &BTreeMap<u64, PodId>, ways: &[Vec<Taken>]) -> Whole {
    let steps = weave(models, created, ways);
    let mut course = Course::new(models, created);
    let mut whole = Whole {
        steps: Vec::with_capacity(steps.len()),
        broken: BTreeMap::new(),
        reached: PropertySet::default(),
        refused: None,
        last: course.state.clone(),
    };
    for (index, taken) in steps.iter().enumerate() {
        let enabled = course.enabled(taken.moment.writes);
        let action = course.called(&taken.action);
        whole.steps.push(Taken { action, ..*taken });
        if !enabled.contains(&action) {
            whole.refused = Some(index);
            break;
        }
        let before = course.take(taken);
        let judged = course.models[course.now].1.judge(&before, &action, &course.state);
        for property in judged.broken.iter() {
            whole.broken.entry(property).or_insert(index);
        }
        whole.reached = whole.reached.union(judged.reached);
    }
    whole.last = course.state;
    whole
}
