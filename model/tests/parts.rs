//! Why a process can be followed on its own: on random walks through every built-in world its part of a state goes on as the whole
//! state does.

mod common;

use std::collections::BTreeSet;

use fastrand::Rng;
use podproof_model::controllers::replica_set;
use podproof_model::parts::{self, process_of};
use podproof_model::watch::ring::{self, Stream};
use podproof_model::{Cluster, ClusterState, Model, step};
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Container, Environment, Kubelet, NodeLifecycle, Watch, Watcher};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue::ENTRIES;
use podproof_vocabulary::event::{EventName, ScaleTarget};
use podproof_vocabulary::scenario::{Scenario, Timing};

/// Walks through each world.
const WALKS: u64 = 12;

/// Steps of a walk.
const STEPS: usize = 250;

/// Is the slot of a pod that was created used again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotsAre {
    /// When nobody remembers the pod, as in a search.
    Reused,
    /// Never, as in a replay.
    Held,
}

/// A world without clocks and without approximations, but for `but`; a few events may happen in it.
fn world(mut scenario: Scenario, but: Approximations, rng: &mut Rng) -> Scenario {
    scenario.timing = Timing::Untimed;
    scenario.approximations = but;
    scenario.one_proxy = rng.bool();
    scenario.slots = 20;
    scenario.ring_capacity = 16;
    scenario.scale = Some(ScaleTarget::By(1));
    if rng.bool() {
        common::probe_all(&mut scenario);
    }
    for event in EventName::all().filter(|_| rng.u32(..5) == 0) {
        scenario.events.set(event, 2);
    }
    scenario
}

/// One moment of a walk: the state before a step and after it.
struct Moment<'m> {
    model: &'m Model,
    before: &'m ClusterState,
    action: Action,
    after: &'m ClusterState,
}

impl Moment<'_> {
    /// `whose` part of the state before.
    fn part_before(&self, whose: Watcher) -> ClusterState {
        part(self.model, self.before, Some(whose))
    }

    /// `whose` part of the state after.
    fn part_after(&self, whose: Watcher) -> ClusterState {
        part(self.model, self.after, Some(whose))
    }

    /// Whose step it is.
    fn process(&self) -> Option<Watcher> {
        self.model.open(self.before, |cluster| process_of(cluster, &self.action))
    }
}

/// Walks through all worlds, exact ones and such whose news coalesce, and shows each moment.
fn walk(slots: SlotsAre, mut show: impl FnMut(&Moment<'_>)) {
    let coalesced = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
    for (entry, but) in ENTRIES.iter().flat_map(|entry| [(entry, Approximations::NONE), (entry, coalesced)]) {
        for seed in 0..WALKS {
            let mut rng = Rng::with_seed(seed);
            let scenario = world(entry.scenario(), but, &mut rng);
            let model = Model::new(scenario).expect("a built-in scenario");
            let mut before = model.initial().swap_remove(0);
            for _ in 0..STEPS {
                if slots == SlotsAre::Held {
                    before = holding(&model, &before);
                }
                let mut enabled = Vec::new();
                model.enabled(&before, &mut enabled);
                let Some(action) = choose(&mut rng, &enabled) else { break };
                let after = model.apply(&before, &action);
                show(&Moment { model: &model, before: &before, action, after: &after });
                before = after;
            }
        }
    }
}

/// Any step; what happens to the cluster is one in ten.
fn choose(rng: &mut Rng, enabled: &[Action]) -> Option<Action> {
    let (events, steps): (Vec<Action>, Vec<Action>) =
        enabled.iter().partition(|action| matches!(action, Action::Environment(_)));
    let happens = steps.is_empty() || rng.u32(..10) == 0 && !events.is_empty();
    rng.choice(if happens { events } else { steps })
}

/// `whose` part of `state`; with none, what is common.
fn part(model: &Model, state: &ClusterState, whose: Option<Watcher>) -> ClusterState {
    let mut part = state.clone();
    parts::keep_only(&mut Cluster::new(&model.rules, &mut part), whose);
    part
}

/// `state` with every slot in use held.
fn holding(model: &Model, state: &ClusterState) -> ClusterState {
    let mut held = state.clone();
    let mut cluster = Cluster::new(&model.rules, &mut held);
    for pod in cluster.used().iter() {
        parts::hold_slot(&mut cluster, pod, true);
    }
    held
}

/// What `process` becomes of a part by `step`, and only that.
fn taken(model: &Model, part: &ClusterState, whose: Watcher, action: &Action) -> ClusterState {
    let mut next = part.clone();
    let mut cluster = Cluster::new(&model.rules, &mut next);
    step::apply(&mut cluster, action);
    parts::keep_only(&mut cluster, Some(whose));
    next
}

fn processes(model: &Model, state: &ClusterState) -> Vec<Watcher> {
    model.open(state, parts::processes)
}

/// The steps that `whose` process can take.
fn own_steps(model: &Model, state: &ClusterState, whose: Watcher) -> Vec<Action> {
    let mut enabled = Vec::new();
    model.open(state, |cluster| {
        step::enabled(cluster, &mut enabled);
        enabled.retain(|action| process_of(cluster, action) == Some(whose));
    });
    enabled
}

/// A step whose guard looks beyond its process' memory (`parts`).
fn looks_beyond(action: &Action) -> bool {
    matches!(
        action,
        Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { .. })
            | Action::Container(Container::ReuseAddress { .. })
    )
}

/// While a sync of the controller manager chooses whom to delete nobody else does anything.
fn is_held_up(model: &Model, state: &ClusterState, whose: Watcher) -> bool {
    whose != Watcher::ControllerManager
        && model.open(state, |cluster| replica_set::choosing(cluster).is_some())
}

#[test]
fn a_process_can_take_in_its_part_the_steps_that_it_can_take_in_the_whole() {
    let (mut moved, mut too_early) = (BTreeSet::new(), 0);
    walk(SlotsAre::Reused, |moment| {
        let (model, state) = (moment.model, moment.before);
        for whose in processes(model, state) {
            let (mut whole, mut alone) =
                (own_steps(model, state, whose), own_steps(model, &moment.part_before(whose), whose));
            assert!(
                is_held_up(model, state, whose)
                    || whole
                        .iter()
                        .filter(|action| looks_beyond(action))
                        .all(|action| { alone.contains(action) || matches!(action, Action::Container(_)) }),
                "{}: a node can be marked in the whole and not in the part",
                model.rules.scenario.name
            );
            let all = alone.len();
            whole.retain(|action| !looks_beyond(action));
            alone.retain(|action| !looks_beyond(action));
            too_early += all - alone.len();
            if is_held_up(model, state, whose) {
                assert!(whole.is_empty());
                continue;
            }
            assert_eq!(alone, whole, "{}: {whose:?}", model.rules.scenario.name);
            moved.extend(whole.first().map(|_| whose));
        }
    });
    assert_eq!(moved.len(), 6, "each process of two nodes could do something: {moved:?}");
    assert!(too_early > 0, "every kubelet seems to be silent in the part of the controller manager");
}

#[test]
fn a_step_does_in_its_part_what_it_does_in_the_whole() {
    let mut kinds = BTreeSet::new();
    walk(SlotsAre::Held, |moment| {
        let Some(whose) = moment.process() else { return };
        let alone = taken(moment.model, &moment.part_before(whose), whose, &moment.action);
        let whole = moment.part_after(whose);
        let name = &moment.model.rules.scenario.name;
        if let Action::Kubelet(Kubelet::CreateSandbox { pod }) = moment.action {
            // Its address may be one that another process remembers (`parts`).
            let address = |state| moment.model.open(state, |cluster| cluster.pod(pod).kubelet.address());
            if address(&alone) != address(&whole) {
                return;
            }
        }
        if !looks_beyond(&moment.action) {
            assert!(alone == whole, "{name}: {:?}", moment.action);
            kinds.insert(moment.action.class());
        }
    });
    assert!(kinds.len() > 40, "{}: {kinds:?}", kinds.len());
}

#[test]
fn a_part_hears_of_the_steps_of_others_what_the_whole_tells_it() {
    let mut writers = BTreeSet::new();
    for slots in [SlotsAre::Reused, SlotsAre::Held] {
        walk(slots, |moment| {
            let (model, Some(process)) = (moment.model, moment.process()) else { return };
            let mut common = part(model, moment.after, None);
            let now = Cluster::new(&model.rules, &mut common);
            for whose in processes(model, moment.before).into_iter().filter(|&whose| whose != process) {
                let mut heard = moment.part_before(whose);
                let mut cluster = Cluster::new(&model.rules, &mut heard);
                parts::hear(&mut cluster, &now);
                parts::keep_only(&mut cluster, Some(whose));
                let name = &model.rules.scenario.name;
                assert!(
                    heard == moment.part_after(whose),
                    "{name}, {slots:?}: {whose:?}, {:?}",
                    moment.action
                );
                if heard != moment.part_before(whose) {
                    writers.insert(process);
                }
            }
        });
    }
    assert!(writers.len() >= 4, "{writers:?}");
}

#[test]
fn what_is_no_process_step_does_to_each_part_what_it_does_to_the_whole() {
    let mut kinds = BTreeSet::new();
    walk(SlotsAre::Held, |moment| {
        let is_lost = matches!(moment.action, Action::Environment(Environment::LoseResponse { .. }));
        if moment.process().is_some() || is_lost {
            return;
        }
        for whose in processes(moment.model, moment.before) {
            let alone = taken(moment.model, &moment.part_before(whose), whose, &moment.action);
            let name = &moment.model.rules.scenario.name;
            assert!(alone == moment.part_after(whose), "{name}: {whose:?}, {:?}", moment.action);
        }
        kinds.insert(moment.action.class());
    });
    assert!(kinds.len() > 25, "{}: {kinds:?}", kinds.len());
}

/// Every bit is common or in one part, and none is in two.
#[test]
fn a_state_is_what_is_common_and_its_parts() {
    walk(SlotsAre::Reused, |moment| {
        let (model, state) = (moment.model, moment.before);
        let common = part(model, state, None);
        let mut whole = common.words().to_vec();
        for whose in processes(model, state) {
            let part = moment.part_before(whose);
            for ((word, part), common) in whole.iter_mut().zip(part.words()).zip(common.words()) {
                *word ^= part ^ common;
            }
        }
        assert!(whole == state.words(), "{}: {:?}", model.rules.scenario.name, moment.action);
    });
}

#[test]
fn a_slot_is_free_once_every_part_forgets_its_pod_and_nobody_holds_it() {
    let (mut forgotten, mut kept) = (0, 0);
    for slots in [SlotsAre::Reused, SlotsAre::Held] {
        walk(slots, |moment| {
            let (model, state) = (moment.model, moment.after);
            let of_parts: Vec<ClusterState> =
                processes(model, state).into_iter().map(|whose| moment.part_after(whose)).collect();
            let all = model.open(state, |cluster| cluster.pod_ids().collect::<Vec<PodId>>());
            for pod in all {
                let forgets = |state| model.open(state, |cluster| parts::forgets(cluster, pod));
                let used = |state: &ClusterState| model.open(state, |cluster| cluster.used().contains(pod));
                let head = model.open(state, |cluster| cluster.pod(pod).head);
                let by_all = of_parts.iter().all(forgets);
                assert_eq!(by_all, forgets(state), "{}: {pod:?}", model.rules.scenario.name);
                if head.disrupted() {
                    continue;
                }
                assert_eq!(used(state), !by_all || head.held(), "{}: {pod:?}", model.rules.scenario.name);
                if head.held() {
                    let mut free = state.clone();
                    parts::hold_slot(&mut Cluster::new(&model.rules, &mut free), pod, false);
                    assert_eq!(used(&free), !by_all, "{}: {pod:?}", model.rules.scenario.name);
                    forgotten += usize::from(by_all);
                    kept += usize::from(!by_all);
                }
            }
        });
    }
    assert!(forgotten > 0 && kept > 0);
}

#[test]
fn what_is_overdue_is_the_oldest_news_that_can_be_taken_and_a_list_is_made_where_it_must_be() {
    let (mut lists, mut overdue) = (0, 0);
    walk(SlotsAre::Reused, |moment| {
        let model = moment.model;
        for whose in processes(model, moment.before) {
            if is_held_up(model, moment.before, whose) {
                continue;
            }
            let part = moment.part_before(whose);
            let steps = own_steps(model, &part, whose);
            let list = Action::Watch(Watch::List { watcher: whose });
            let must = model.open(&part, |cluster| parts::list(cluster, whose));
            assert_eq!(must, steps.contains(&list).then_some(list));
            lists += usize::from(must.is_some());
            for most in 0..3 {
                let mut part = part.clone();
                while let Some(action) = model.open(&part, |cluster| late(cluster, whose, most)) {
                    assert!(own_steps(model, &part, whose).contains(&action), "{whose:?}: {action:?}");
                    part = taken(model, &part, whose, &action);
                    overdue += 1;
                }
                let left = own_steps(model, &part, whose);
                assert!(
                    !left.iter().any(|action| is_behind(model, &part, whose, action, most)),
                    "{}: {whose:?} lags behind by more than {most}: {left:?}",
                    model.rules.scenario.name
                );
            }
        }
    });
    assert!(lists > 0 && overdue > 0);
}

/// The oldest event of a queue with more than `most`, if it can be taken.
fn late(cluster: &Cluster<'_>, whose: Watcher, most: usize) -> Option<Action> {
    let queues = parts::queues(cluster, whose);
    let long: Vec<_> =
        queues.into_iter().filter(|&(_, length)| length > most).map(|(stream, _)| stream).collect();
    parts::next_of(cluster, whose, &long)
}

/// Does this step take the oldest of more than `most` events?
fn is_behind(model: &Model, state: &ClusterState, whose: Watcher, action: &Action, most: usize) -> bool {
    let Action::Watch(watch) = *action else { return false };
    let stream = match (watch, whose) {
        (Watch::DeliverNode { .. }, Watcher::Scheduler) => Stream::SchedulerNodes,
        (Watch::DeliverNode { .. }, _) => Stream::ControllerNodes,
        (Watch::DeliverReplicaSet { .. }, _) => Stream::ReplicaSets,
        (Watch::DeliverDeployment, _) => Stream::Deployments,
        (Watch::DeliverPod { .. } | Watch::DeliverSlice { .. }, _) => Stream::pods(whose),
        (Watch::DeliverBudget | Watch::List { .. }, _) => return false,
    };
    model.open(state, |cluster| ring::is_kept(cluster) && ring::length(cluster, stream) > most)
}
