//! The ways of all processes, put together and taken on the whole model.

use std::collections::BTreeMap;

use podproof_model::ClusterState;
use podproof_vocabulary::action::{Action, Rename, ReplicaSet};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{NodeId, PodId, Property};

use super::path::Taken;
use super::replay::Replay;

/// A path of the whole model.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The steps, with when they happened and which entries show them.
    pub steps: Vec<Taken>,
    /// How many of them, from the first, lead to where the workload stood when the log began.
    pub led: usize,
    /// Promises that were broken on the way, with the step (from 0) that first did.
    pub broken: BTreeMap<Property, usize>,
    /// Promises whose premise was met.
    pub reached: PropertySet,
    /// The step, from 0, that the whole model could not take: the parts did not fit together.
    pub refused: Option<usize>,
    /// The state in which it ends.
    pub last: ClusterState,
}

/// Slots of the parts, which are held for longer, as slots of the whole model.
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

/// Takes `steps` on the whole model of `replay`, the one that is in force after so many writes, from where the workload stood when
/// the log began. What led there is not judged.
pub fn take(replay: &Replay, steps: Vec<Taken>) -> Whole {
    let mut models = replay.models().into_iter().peekable();
    let (_, mut model) = models.next().expect("there is a model from the beginning");
    let mut state = model.initial().swap_remove(0);
    for led in replay.led() {
        state = model.apply(&state, &led.action);
    }
    let mut slots = Slots::default();
    let mut whole = Whole {
        steps: replay.led().to_vec(),
        led: replay.led().len(),
        broken: BTreeMap::new(),
        reached: PropertySet::default(),
        refused: None,
        last: state.clone(),
    };
    let mut created = replay.created().iter();
    let mut enabled = Vec::new();
    for taken in &steps {
        while let Some((_, next)) = models.next_if(|&(since, _)| since <= taken.moment.writes) {
            model = next;
        }
        let index = whole.steps.len();
        let action = taken.action.renamed(&slots);
        whole.steps.push(Taken { action, ..*taken });
        model.enabled(&state, &mut enabled);
        if !enabled.contains(&action) {
            whole.refused = Some(index);
            break;
        }
        let next = model.apply(&state, &action);
        if matches!(action, Action::ReplicaSet(ReplicaSet::CreatePod { .. })) {
            let before = model.open(&state, |cluster| cluster.used());
            let new = model.open(&next, |cluster| cluster.used_pods().find(|&pod| !before.contains(pod)));
            slots.whole.extend(created.next().copied().zip(new));
        }
        let judged = model.judge(&state, &action, &next);
        for property in judged.broken.iter() {
            whole.broken.entry(property).or_insert(index);
        }
        whole.reached = whole.reached.union(judged.reached);
        state = next;
    }
    whole.last = state;
    whole
}
