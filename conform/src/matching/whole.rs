//! The ways of all processes, put together and taken on the whole model.

use std::collections::BTreeMap;

use podproof_model::properties::Judged;
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::{Action, Environment, PodGarbageCollector, Rename, ReplicaSet, Watcher};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{NodeId, PodId, Property};

use super::path::Taken;
use super::replay::Replay;
use super::weave::weave;
use crate::spool::Spool;

/// A path of the whole model.
#[derive(Debug)]
pub struct Whole {
    /// The steps, with when they happened and which entries show them.
    pub steps: Spool<Taken>,
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

impl Whole {
    /// Takes the path again, step by step, each on that of `models` that is in force then: what is before, what is after, and the model.
    pub fn walk(
        &self,
        models: &[(u64, &Model)],
        mut see: impl FnMut(usize, &Taken, &ClusterState, &ClusterState, &Model),
    ) {
        let mut models = models.iter().copied().peekable();
        let Some((_, mut model)) = models.next() else { return };
        let mut state = model.initial().swap_remove(0);
        for (step, taken) in self.taken().enumerate() {
            // What led to the beginning of the log comes before everything in it.
            while let Some((_, next)) =
                models.next_if(|&(since, _)| step >= self.led && since <= taken.moment.writes)
            {
                model = next;
            }
            let next = model.apply(&state, &taken.action);
            see(step, &taken, &state, &next, model);
            state = next;
        }
    }

    /// The steps that the whole model could take.
    pub fn taken(&self) -> impl Iterator<Item = Taken> + '_ {
        self.steps.iter().take(self.refused.unwrap_or(self.steps.len()))
    }

    /// The steps, from 0, that somebody or something did to the cluster and that no entry shows.
    pub fn unseen(&self) -> Vec<usize> {
        let is = |taken: &Taken| matches!(taken.action, Action::Environment(_)) && taken.shown_by.is_none();
        let during = self.steps.iter().enumerate().skip(self.led);
        during.filter(|(_, taken)| is(taken)).map(|(step, _)| step).collect()
    }

    /// Was something done, that no entry shows, to this process' machine or to it? There are several guesses then for what is seen of
    /// it later.
    pub fn guesses_of(&self, whose: Watcher) -> bool {
        let of_machines = |step: usize| {
            let Some(Action::Environment(
                Environment::StopKubelet { node }
                | Environment::CrashNode { node }
                | Environment::HangRuntime { node },
            )) = self.steps.get(step).map(|taken| taken.action)
            else {
                return false;
            };
            whose == Watcher::Kubelet(node)
        };
        self.unseen().into_iter().any(of_machines)
    }
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

/// A run of the whole model.
pub(super) struct Course<'r> {
    models: Vec<(u64, &'r Model)>,
    /// Which of them is in force.
    now: usize,
    /// The slots of the pods that are still to be created.
    created: &'r [PodId],
    state: ClusterState,
    slots: Slots,
}

impl<'r> Course<'r> {
    /// From where the workload of `replay` stood when the log began.
    pub(super) fn new(replay: &'r Replay) -> Self {
        let models = replay.models();
        let (_, model) = models.first().expect("there is a model from the beginning");
        let mut state = model.initial().swap_remove(0);
        for led in replay.led() {
            state = model.apply(&state, &led.action);
        }
        Self { models, now: 0, created: replay.created(), state, slots: Slots::default() }
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
    pub(super) fn take(&mut self, action: &Action) -> ClusterState {
        let model = self.models[self.now].1;
        let action = self.called(action);
        let next = model.apply(&self.state, &action);
        let before = std::mem::replace(&mut self.state, next);
        if let Action::ReplicaSet(ReplicaSet::CreatePod { .. }) = action {
            let used = model.open(&before, |cluster| cluster.used());
            let new = model.open(&self.state, |cluster| cluster.used_pods().find(|&pod| !used.contains(pod)));
            if let Some((&slot, rest)) = self.created.split_first() {
                self.created = rest;
                self.slots.whole.extend(new.map(|new| (slot, new)));
            }
        }
        before
    }
}

/// What a step breaks and keeps. A node that was found silent is taken to be cut off where no file says what was done to it; it may as
/// well have had no power, and of what the collector removes there nothing ran.
pub fn judge(
    model: &Model,
    before: &ClusterState,
    action: &Action,
    after: &ClusterState,
    is_guessed: impl Fn(NodeId) -> bool,
) -> Judged {
    let judged = model.judge(before, action, after);
    let Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod }) = *action else { return judged };
    match model.open(before, |cluster| cluster.pod(pod).api.node()).is_some_and(is_guessed) {
        true => {
            let of_power = PropertySet::of([Property::StoppedBeforeGone]);
            Judged { broken: judged.broken.without(of_power), reached: judged.reached.without(of_power) }
        }
        false => judged,
    }
}

/// Takes the ways of `replay` on the whole model, all together, from where the workload stood when the log began. What led there
/// is not judged.
pub fn take(replay: &mut Replay) -> Whole {
    let ways = replay.take_ways();
    let replay = &*replay;
    let woven = weave(replay, &ways);
    drop(ways);
    let led = replay.led().len();
    let mut course = Course::new(replay);
    let mut whole = Whole {
        steps: Spool::new(woven.depot()),
        led,
        broken: BTreeMap::new(),
        reached: PropertySet::default(),
        refused: None,
        last: course.state.clone(),
    };
    for (index, taken) in woven.iter().enumerate() {
        if index < led {
            whole.steps.push(&taken);
            continue;
        }
        let enabled = course.enabled(taken.moment.writes);
        let action = course.called(&taken.action);
        whole.steps.push(&Taken { action, ..taken });
        if !enabled.contains(&action) {
            whole.refused = Some(index);
            break;
        }
        let before = course.take(&taken.action);
        let is_guessed = |node| replay.guesses_of(Watcher::Kubelet(node));
        let judged = judge(course.models[course.now].1, &before, &action, &course.state, is_guessed);
        for property in judged.broken.iter() {
            whole.broken.entry(property).or_insert(index);
        }
        whole.reached = whole.reached.union(judged.reached);
    }
    whole.last = course.state;
    whole
}
