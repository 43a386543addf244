//! A small breadth-first search that hands counterexamples to the tests, as lists of small steps.

use std::collections::{BTreeMap, VecDeque};

use podproof_model::reduced::{Move, Reduced};
use podproof_model::{ClusterState, Model};
use podproof_traces::Trace;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::{PreStop, Probe, Timing};
use podproof_vocabulary::{Property, Scenario, catalogue};

/// No world of these tests has more states.
const STATES_MAX: usize = 200_000;

/// One replica on one node, under a wrong rule.
pub fn web(story: Story, mutant: Option<Mutant>) -> Scenario {
    let mut scenario = catalogue::web("x", story, 1, 1);
    scenario.mutant = mutant;
    scenario
}

/// A container that never gets to listen before its liveness probe kills it, on a node with a taint that nobody acts on:
/// the pod goes on crashing for ever.
pub fn crash_loop() -> Scenario {
    let mut scenario = web(Story::Create, Some(Mutant::TaintEvictionNeverFires));
    scenario.events.set(EventName::TaintNode, 1);
    let container = &mut scenario.workload.template.containers[0];
    container.listens_after_seconds = 60;
    container.liveness_probe = Some(Probe {
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    });
    scenario
}

/// A rollout with a preStop hook that is one second too short.
pub fn short_pre_stop() -> Scenario {
    let mut scenario = web(Story::Rollout, None);
    scenario.timing = Timing::Timed;
    scenario.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(3));
    scenario
}

/// The states that a search has seen, each with how it came there.
struct Seen {
    reduced: Reduced,
    /// The initial states, unsettled.
    firsts: Vec<ClusterState>,
    /// Where each state comes from: the initial state, or another state and a move.
    from: BTreeMap<ClusterState, Result<(ClusterState, Move), usize>>,
}

impl Seen {
    fn new(scenario: &Scenario) -> (Self, VecDeque<ClusterState>) {
        let reduced =
            Reduced::new(Model::new(scenario.clone()).expect("the worlds of these tests are small"));
        let firsts = reduced.model.initial();
        let mut from = BTreeMap::new();
        let mut queue = VecDeque::new();
        for (index, (state, _)) in reduced.initial().into_iter().enumerate() {
            from.insert(state.clone(), Err(index));
            queue.push_back(state);
        }
        (Self { reduced, firsts, from }, queue)
    }

    /// The initial state and the small steps that lead to `state`.
    fn stem(&self, state: &ClusterState) -> (ClusterState, Vec<Action>) {
        let mut moves = Vec::new();
        let mut at = state.clone();
        let index = loop {
            match &self.from[&at] {
                Ok((parent, taken)) => {
                    moves.push((parent.clone(), *taken));
                    at = parent.clone();
                }
                Err(index) => break *index,
            }
        };
        let first = self.firsts[index].clone();
        let mut steps: Vec<_> =
            self.reduced.first_steps(&first).into_iter().map(|(action, _)| action).collect();
        for (parent, taken) in moves.into_iter().rev() {
            steps.extend(self.reduced.small_steps(&parent, &taken).into_iter().map(|(action, _)| action));
        }
        (first, steps)
    }
}

/// The shortest path to a small step that breaks `property`.
pub fn broken(scenario: &Scenario, property: Property) -> Trace {
    let (mut seen, mut queue) = Seen::new(scenario);
    while let Some(state) = queue.pop_front() {
        assert!(seen.from.len() < STATES_MAX, "the world is larger than these tests search");
        let mut outcomes = Vec::new();
        seen.reduced.moves(&state, |outcome| outcomes.push(outcome));
        for outcome in outcomes {
            if outcome.judged.broken.contains(property) {
                return up_to_the_break(&seen, &state, &outcome.taken, property);
            }
            if !seen.from.contains_key(&outcome.next) {
                seen.from.insert(outcome.next.clone(), Ok((state.clone(), outcome.taken)));
                queue.push_back(outcome.next);
            }
        }
    }
    panic!("nothing breaks {property}");
}

fn up_to_the_break(seen: &Seen, state: &ClusterState, taken: &Move, property: Property) -> Trace {
    let model = &seen.reduced.model;
    let (first, mut stem) = seen.stem(state);
    let mut before = state.clone();
    for (action, after) in seen.reduced.small_steps(state, taken) {
        stem.push(action);
        if model.judge(&before, &action, &after).broken.contains(property) {
            break;
        }
        before = after;
    }
    Trace::record(model, property, &first, &stem, None, None)
}

/// Every state that can be reached, with the moves out of it.
fn all(scenario: &Scenario) -> (Seen, BTreeMap<ClusterState, Vec<(Move, ClusterState)>>) {
    let (mut seen, mut queue) = Seen::new(scenario);
    let mut graph = BTreeMap::new();
    while let Some(state) = queue.pop_front() {
        assert!(seen.from.len() < STATES_MAX, "the world is larger than these tests search");
        let mut edges = Vec::new();
        seen.reduced.moves(&state, |outcome| edges.push((outcome.taken, outcome.next)));
        for (taken, next) in &edges {
            if !seen.from.contains_key(next) {
                seen.from.insert(next.clone(), Ok((state.clone(), *taken)));
                queue.push_back(next.clone());
            }
        }
        graph.insert(state, edges);
    }
    (seen, graph)
}

/// Every lasso with a shortest stem or cycle in which an obligation of `property` may stay pending: rests, and the shortest
/// cycle through each state. Whether a fair run repeats it is for replay to say.
pub fn lassos(scenario: &Scenario, property: Property) -> Vec<Trace> {
    let (seen, graph) = all(scenario);
    let model = &seen.reduced.model;
    let wanted = model.obligations.of_property(property);
    let mut traces = Vec::new();
    for (state, edges) in &graph {
        let pending = model.owed(state).pending & wanted;
        if pending == 0 {
            continue;
        }
        let bit = pending.trailing_zeros();
        let cycle = if edges.is_empty() { Some(Vec::new()) } else { cycle(&seen, &graph, state, bit) };
        if let Some(cycle) = cycle {
            let (first, stem) = seen.stem(state);
            traces.push(Trace::record(model, property, &first, &stem, Some(&cycle), Some(bit)));
        }
    }
    traces
}

/// The shortest way from `state` back to it along which an obligation stays pending.
fn cycle(
    seen: &Seen,
    graph: &BTreeMap<ClusterState, Vec<(Move, ClusterState)>>,
    state: &ClusterState,
    bit: u32,
) -> Option<Vec<Action>> {
    let small_steps = |from: &ClusterState, taken: &Move| {
        let steps = seen.reduced.small_steps(from, taken);
        steps.into_iter().map(|(action, _)| action).collect::<Vec<_>>()
    };
    let mut ways: BTreeMap<ClusterState, Vec<Action>> = BTreeMap::new();
    let mut queue = VecDeque::from([(state.clone(), Vec::new())]);
    while let Some((at, way)) = queue.pop_front() {
        for (taken, next) in &graph[&at] {
            if seen.reduced.model.owed(next).pending >> bit & 1 == 0 {
                continue;
            }
            let mut way = way.clone();
            way.extend(small_steps(&at, taken));
            if next == state {
                return Some(way);
            }
            if !ways.contains_key(next) {
                ways.insert(next.clone(), way.clone());
                queue.push_back((next.clone(), way));
            }
        }
    }
    None
}
