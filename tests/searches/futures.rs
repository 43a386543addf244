//! What a search by partial order leaves out makes no difference: in every future in which the moves of a part are not taken
//! yet, they stay possible, there are no others of that pod, and each of them commutes with every other move: both orders end
//! in one state, and what the one order shows of the promises the other shows too.
//!
//! This is the condition that `podproof_checker::partial_order` puts on parts, looked at directly, so that it fails for a
//! part that is wrong even where no verdict of the scenario shows it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::common::random::{random_worlds, safety, untimed_safety};
use podproof_model::properties::Judged;
use podproof_model::reduced::Reduced;
use podproof_model::reduced::partial_order::PartialOrder;
use podproof_model::reduced::partial_order::footprint::is_choosing;
use podproof_model::reduced::symmetry::Symmetry;
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::Scenario;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::catalogue::{ENTRIES, web};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::property::PropertySet;

/// A move with where it leads, and what it shows: broken and reached.
struct Taken {
    head: Action,
    next: ClusterState,
    shown: Shown,
}

type Shown = (PropertySet, PropertySet);

fn shown(judged: Judged) -> Shown {
    (judged.broken, judged.reached)
}

fn both(one: Shown, other: Shown) -> Shown {
    (one.0.union(other.0), one.1.union(other.1))
}

fn is_within(one: Shown, other: Shown) -> bool {
    both(one, other) == other
}

struct World {
    name: String,
    reduced: Reduced,
    partial_order: PartialOrder,
}

impl World {
    fn new(scenario: Scenario, judged: PropertySet) -> Self {
        let name = format!("{} {:?}", scenario.name, scenario.story);
        let model = Model::new(scenario).expect("a scenario of a test fits").judging(judged);
        let (partial_order, reduced) = PartialOrder::of(Reduced::new(model)).expect("it is untimed");
        Self { name, reduced, partial_order }
    }

    fn moves(&self, state: &ClusterState) -> Vec<Taken> {
        let mut moves = Vec::new();
        self.reduced.moves(state, |outcome| {
            moves.push(Taken { head: outcome.taken.head, next: outcome.next, shown: shown(outcome.judged) });
        });
        moves
    }

    fn sorted(&self, mut state: ClusterState) -> ClusterState {
        Symmetry::of(&self.reduced.model.rules).sort(&self.reduced.model.rules, &mut state);
        state
    }

    fn is_choosing(&self, state: &ClusterState) -> bool {
        self.reduced.model.open(state, is_choosing)
    }

    /// What every step into a state shows of it: the promises that look at nothing but the state.
    fn standing(&self, state: &ClusterState) -> Shown {
        shown(self.reduced.model.judge(state, &Action::Tick, state))
    }

    /// Where a move leads when a sync that it begins has chosen: all ways, with what they show.
    fn chosen(&self, next: ClusterState, so_far: Shown) -> Vec<(ClusterState, Shown)> {
        if !self.is_choosing(&next) || self.reduced.model.limit(&next).is_some() {
            return vec![(next, so_far)];
        }
        let ways = self.moves(&next).into_iter();
        ways.flat_map(|taken| self.chosen(taken.next, both(so_far, taken.shown))).collect()
    }

    /// The reachable states, at most so many.
    fn reachable(&self, most: usize) -> Vec<ClusterState> {
        let first = self.reduced.initial().into_iter().map(|(state, _)| self.sorted(state));
        let mut all: Vec<ClusterState> = first.collect();
        let mut seen: BTreeSet<ClusterState> = all.iter().cloned().collect();
        let mut at = 0;
        while at < all.len() && all.len() < most {
            for taken in self.moves(&all[at].clone()) {
                let next = self.sorted(taken.next);
                if seen.insert(next.clone()) {
                    all.push(next);
                }
            }
            at += 1;
        }
        all
    }

    /// The part from a state: its heads, none if everything has to be taken.
    fn part(&self, state: &ClusterState) -> BTreeSet<Action> {
        let mut heads = BTreeSet::new();
        self.partial_order.part(&self.reduced, state, |_, outcome| {
            heads.insert(outcome.taken.head);
        });
        heads
    }

    /// Looks at the futures of `state`, at most so many states of them, in which no move of its part is taken. How many pairs
    /// of moves were tried.
    fn look_ahead(&self, state: &ClusterState, most: usize) -> u64 {
        let part = self.part(state);
        if part.is_empty() {
            return 0;
        }
        let pod = self.partial_order.part(&self.reduced, state, |_, _| {}).expect("there is a part");
        let mut pairs = 0;
        let mut queue = VecDeque::from([state.clone()]);
        let mut seen: BTreeSet<ClusterState> = queue.iter().cloned().collect();
        while let Some(here) = queue.pop_front() {
            if self.reduced.model.limit(&here).is_some() {
                continue;
            }
            let moves = self.moves(&here);
            let (own, others): (Vec<&Taken>, Vec<&Taken>) =
                moves.iter().partition(|taken| part.contains(&taken.head));
            if !self.is_choosing(&here) {
                let name = &self.name;
                assert_eq!(own.len(), part.len(), "{name}: a move of the part of {pod:?} is gone: {part:?}");
                let more = others.iter().find(|other| PartialOrder::is_of_process(&other.head, pod));
                let more = more.map(|taken| taken.head);
                assert!(more.is_none(), "{name}: another move of {pod:?} than {part:?}: {more:?}");
                for other in &others {
                    for own in &own {
                        self.assert_commutes(&here, own, other);
                        pairs += 1;
                    }
                }
            }
            for other in others {
                if seen.len() < most && seen.insert(other.next.clone()) {
                    queue.push_back(other.next.clone());
                }
            }
        }
        pairs
    }

    fn assert_commutes(&self, here: &ClusterState, own: &Taken, other: &Taken) {
        let what = || format!("{}: {:?} of the part and {:?}", self.name, own.head, other.head);
        let take = |state: &ClusterState, head: Action| {
            let found = self.moves(state).into_iter().find(|taken| taken.head == head);
            found.unwrap_or_else(|| panic!("{}: the one makes {head:?} impossible", what()))
        };
        let mut own_last: BTreeMap<ClusterState, Vec<Shown>> = BTreeMap::new();
        for (state, so_far) in self.chosen(other.next.clone(), other.shown) {
            if self.reduced.model.limit(&state).is_some() {
                return;
            }
            let taken = take(&state, own.head);
            own_last.entry(self.sorted(taken.next)).or_default().push(both(so_far, taken.shown));
        }
        let mut own_first: BTreeMap<ClusterState, Vec<Shown>> = BTreeMap::new();
        let taken = take(&own.next, other.head);
        for (state, so_far) in self.chosen(taken.next, both(own.shown, taken.shown)) {
            own_first.entry(self.sorted(state)).or_default().push(so_far);
        }
        assert!(own_last.keys().eq(own_first.keys()), "{}: the orders end in different states", what());
        let standing = self.standing(here);
        for (state, ways) in own_last {
            for way in ways {
                let shows = |first: &Shown| is_within(way, both(*first, standing));
                assert!(
                    own_first[&state].iter().any(shows),
                    "{}: the part first shows {:?}, and last {way:?}",
                    what(),
                    own_first[&state]
                );
            }
        }
    }

    /// Looks ahead from every state, or from one of every so many.
    fn check(&self, states: usize, every: usize, futures: usize) -> u64 {
        self.reachable(states).iter().step_by(every).map(|state| self.look_ahead(state, futures)).sum()
    }
}

#[test]
fn parts_of_the_built_in_scenarios_commute_with_all_that_can_come_before_them() {
    let without_part = |judged: PropertySet| -> Vec<&str> {
        let pairs = |scenario| World::new(scenario, judged).check(500, 7, 40);
        let none = ENTRIES.iter().filter(|entry| pairs(entry.scenario()) == 0);
        none.map(|entry| entry.name).collect()
    };
    assert_eq!(without_part(safety()), [""; 0]);
    // Where little goes on beside one pod, each order of two steps shows in some promise.
    let alone = [
        "pod-life",
        "node-crash-no-room",
        "node-crash-tolerated",
        "pleg-stuck",
        "crash-loop",
        "sandbox-death",
    ];
    assert_eq!(without_part(untimed_safety()), alone);
}

#[test]
fn parts_of_larger_rollouts_and_drains_commute_with_all_that_can_come_before_them() {
    for (story, replicas, nodes) in [
        (Story::Rollout, 2, 2),
        (Story::Rollout, 3, 1),
        (Story::Drain, 2, 2),
        (Story::NodeFailure, 2, 2),
        (Story::ScaleDown, 3, 2),
        (Story::PodDeletion, 2, 1),
    ] {
        let mut scenario = web("large", story, replicas, nodes);
        scenario.scale =
            (story == Story::ScaleDown).then_some(podproof_vocabulary::event::ScaleTarget::By(-2));
        for judged in [untimed_safety(), safety()] {
            assert!(World::new(scenario.clone(), judged).check(2_500, 60, 40) > 0, "{story}");
        }
    }
}

/// Pods that are on their way up when their ReplicaSet gives way: what deletes them comes before what they are about to do.
#[test]
fn parts_where_pods_go_that_are_not_up_yet_commute_with_all_that_can_come_before_them() {
    for (event, replicas) in [(EventName::Rollout, 1), (EventName::Rollout, 2), (EventName::Scale, 2)] {
        let mut scenario = web("early", Story::Create, replicas, 1);
        scenario.events.set(event, 1);
        scenario.scale = Some(podproof_vocabulary::event::ScaleTarget::By(-1));
        scenario.slots += 2;
        for judged in [untimed_safety(), safety()] {
            assert!(World::new(scenario.clone(), judged).check(3_000, 11, 60) > 0, "{event}");
        }
    }
}

/// What has happened once and is over: a client that evicts a pod, an app that ends or fails its probes, a node that is called
/// something else.
#[test]
fn parts_after_an_event_commute_with_all_that_can_come_before_them() {
    for event in [
        EventName::EvictPod,
        EventName::ContainerExit,
        EventName::ReadinessChange,
        EventName::LivenessChange,
        EventName::TaintNode,
        EventName::LabelNode,
    ] {
        let mut scenario = web("after", Story::Rollout, 1, 2);
        let probe = podproof_vocabulary::scenario::Probe {
            initial_delay_seconds: 0,
            period_seconds: 10,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold: 1,
        };
        let container = &mut scenario.workload.template.containers[0];
        (container.readiness_probe, container.liveness_probe) = (Some(probe), Some(probe));
        scenario.workload.template.node_selector = scenario.nodes[0].labels.clone();
        scenario.workload.template.node_selector.remove("kubernetes.io/hostname");
        scenario.nodes[1].later_labels = Some(podproof_vocabulary::scenario::Labels::new());
        scenario.event_taint = Some(podproof_vocabulary::scenario::Taint {
            key: "gpu".into(),
            value: String::new(),
            effect: podproof_vocabulary::scenario::TaintEffect::NoSchedule,
        });
        scenario.events.set(event, 1);
        scenario.slots += 2;
        for judged in [untimed_safety(), safety()] {
            assert!(World::new(scenario.clone(), judged).check(4_000, 7, 40) > 0, "{event}");
        }
    }
}

#[test]
fn parts_of_random_worlds_commute_with_all_that_can_come_before_them() {
    let (mut pairs, mut worlds) = (0, 0);
    for (number, scenario) in random_worlds(40).into_iter().enumerate() {
        let judged = if number % 2 == 0 { untimed_safety() } else { safety() };
        let tried = World::new(scenario, judged).check(300, 9, 40);
        pairs += tried;
        worlds += usize::from(tried > 0);
    }
    assert!(worlds >= 20 && pairs > 1_000, "{pairs} pairs of moves in {worlds} of 40 worlds");
}
