//! The ways of all processes, put together and taken on the whole model.

use std::collections::BTreeMap;

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::{Action, Rename};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{NodeId, PodId, Property};

use super::path::Taken;

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

/// Puts `ways` in one order: what was written after what, and where that says nothing, when.
pub fn merge(ways: Vec<Vec<Taken>>) -> Vec<Taken> {
    let mut all = Vec::new();
    for (way, mut steps) in ways.into_iter().enumerate() {
        // What nobody saw happened at the latest when what it led to was seen.
        let mut latest = i64::MAX;
        for step in steps.iter_mut().rev() {
            step.moment.at = step.moment.at.min(latest);
            latest = step.moment.at;
        }
        all.extend(
            steps
                .into_iter()
                .enumerate()
                .map(|(order, step)| (step.moment.writes, step.is_write, step.moment.at, way, order, step)),
        );
    }
    all.sort_by_key(|&(writes, is_write, at, way, order, _)| (writes, is_write, at, way, order));
    all.into_iter().map(|(.., step)| step).collect()
}

/// Takes `steps` on the whole model: the one that is in force after so many writes. `created` are the slots of the parts that
/// pods got, each with the number of writes before.
pub fn take(models: Vec<(u64, &Model)>, created: &BTreeMap<u64, PodId>, steps: Vec<Taken>) -> Whole {
    let mut models = models.into_iter().peekable();
    let (_, mut model) = models.next().expect("there is a model from the beginning");
    let mut state = model.initial().swap_remove(0);
    let mut slots = Slots::default();
    let mut whole = Whole {
        steps: Vec::new(),
        broken: BTreeMap::new(),
        reached: PropertySet::default(),
        refused: None,
        last: state.clone(),
    };
    let mut enabled = Vec::new();
    for (index, taken) in steps.iter().enumerate() {
        while let Some((_, next)) = models.next_if(|&(since, _)| since <= taken.moment.writes) {
            model = next;
        }
        let action = taken.action.renamed(&slots);
        model.enabled(&state, &mut enabled);
        if !enabled.contains(&action) {
            whole.refused = Some(index);
            whole.steps.push(Taken { action, ..*taken });
            break;
        }
        let next = model.apply(&state, &action);
        if matches!(action, Action::ReplicaSet(podproof_vocabulary::action::ReplicaSet::CreatePod { .. })) {
            let before = model.open(&state, |cluster| cluster.used());
            let new = model.open(&next, |cluster| cluster.used_pods().find(|&pod| !before.contains(pod)));
            if let (Some(new), Some(&slot)) = (new, created.get(&taken.moment.writes)) {
                slots.whole.insert(slot, new);
            }
        }
        let judged = model.judge(&state, &action, &next);
        for property in judged.broken.iter() {
            whole.broken.entry(property).or_insert(index);
        }
        whole.reached = whole.reached.union(judged.reached);
        whole.steps.push(Taken { action, ..*taken });
        state = next;
    }
    whole.last = state;
    whole
}
