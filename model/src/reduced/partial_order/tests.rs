//! The declared footprints against what steps do, on reachable states of every built-in scenario: before and within moves.

use std::collections::BTreeSet;

use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Environment, PodGarbageCollector, Watch, Watcher};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::catalogue::{ENTRIES, web};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::property::Kind;
use podproof_vocabulary::scenario::{RestartPolicy, Scenario};

use super::footprint::{self, Footprint, Resource, Sight};
use super::written::{differs, written};
use crate::cluster::Cluster;
use crate::drain;
use crate::kubelet::addresses;
use crate::properties::Judged;
use crate::reduced::Reduced;
use crate::reduced::fusion::Fusions;
use crate::reduced::symmetry::Symmetry;
use crate::state::{ClusterState, NodeObject};
use crate::step;
use crate::system::Model;
use crate::test_cluster::{C0, N0, P0, TestCluster};

type Declared = fn(&Cluster<'_>, &Action) -> Footprint;

struct World {
    model: Model,
    /// Reachable, in the order in which they were found.
    states: Vec<ClusterState>,
}

fn untimed(scenario: Scenario) -> Scenario {
    let approximations = scenario.approximations.without(Approximation::Focus);
    Scenario { approximations, ..scenario }
}

/// The built-in ones, and some that have what these do not: each event once, a budget with a drain of two nodes, reused
/// addresses.
fn scenarios() -> Vec<Scenario> {
    let mut all: Vec<Scenario> = ENTRIES.iter().map(|entry| untimed(entry.scenario())).collect();
    for event in EventName::all().filter(|&event| event != EventName::AddNode) {
        let mut scenario = untimed(web(event.name(), Story::Rollout, 1, 2));
        scenario.events.set(event, 1);
        scenario.scale = Some(podproof_vocabulary::event::ScaleTarget::By(1));
        scenario.scale_targets = vec![3];
        if event == EventName::LabelNode {
            scenario.workload.template.node_selector = scenario.nodes[0].labels.clone();
            scenario.nodes[1].later_labels = Some(scenario.nodes[0].labels.clone());
        }
        if matches!(event, EventName::ReadinessChange | EventName::LivenessChange) {
            let probe = podproof_vocabulary::scenario::Probe {
                initial_delay_seconds: 0,
                period_seconds: 10,
                timeout_seconds: 1,
                success_threshold: 1,
                failure_threshold: 1,
            };
            let container = &mut scenario.workload.template.containers[0];
            (container.readiness_probe, container.liveness_probe) = (Some(probe), Some(probe));
        }
        scenario.slots += 4;
        all.push(scenario);
    }
    let mut drained = ENTRIES.iter().find(|entry| entry.name == "drain-pdb").expect("built in").scenario();
    drained.nodes.push(podproof_vocabulary::catalogue::node(2));
    all.push(untimed(drained));
    let mut reused = untimed(web("reused", Story::PodDeletion, 1, 2));
    reused.addresses_are_reused = true;
    all.push(reused);
    all
}

impl World {
    /// The states of some moves from the beginning: all before and within moves that `most` states lead to.
    fn new(scenario: Scenario, most: usize, every: usize) -> Self {
        let reduced = Reduced::new(Model::new(scenario).expect("a scenario of a test fits"));
        let mut queue: Vec<ClusterState> = reduced.initial().into_iter().map(|(state, _)| state).collect();
        let mut seen: BTreeSet<ClusterState> = queue.iter().cloned().collect();
        let mut at = 0;
        let mut states = Vec::new();
        while at < queue.len() && queue.len() < most {
            let here = queue[at].clone();
            let mut taken = Vec::new();
            reduced.moves(&here, |outcome| taken.push((outcome.taken, outcome.next)));
            for (step, mut next) in taken {
                if at.is_multiple_of(every) {
                    states.extend(reduced.small_steps(&here, &step).into_iter().map(|(_, state)| state));
                }
                Symmetry::of(&reduced.model.rules).sort(&reduced.model.rules, &mut next);
                if seen.insert(next.clone()) {
                    queue.push(next);
                }
            }
            at += 1;
        }
        states.sort();
        states.dedup();
        Self { model: reduced.model, states }
    }

    fn enabled(&self, state: &ClusterState) -> Vec<Action> {
        let mut actions = Vec::new();
        self.model.enabled(state, &mut actions);
        actions
    }

    fn footprint(&self, declared: Declared, state: &ClusterState, action: &Action) -> Footprint {
        self.model.open(state, |cluster| declared(cluster, action))
    }

    fn sorted(&self, mut state: ClusterState) -> ClusterState {
        Symmetry::of(&self.model.rules).sort(&self.model.rules, &mut state);
        state
    }

    fn is_choosing(&self, state: &ClusterState) -> bool {
        self.model.open(state, footprint::is_choosing)
    }

    /// What differs between two states; a slot that was freed is nobody's.
    fn changed(&self, before: &ClusterState, after: &ClusterState) -> Vec<Resource> {
        self.model.open(before, |before| {
            self.model.open(after, |after| {
                let is_freed = |resource: &Resource| {
                    matches!(*resource, Resource::Head(pod)
                        if before.pod(pod).head.used() && !after.pod(pod).head.used())
                };
                written(before, after).into_iter().filter(|resource| !is_freed(resource)).collect()
            })
        })
    }

    /// Every step writes no more than is declared.
    fn writes_as_declared(&self, declared: Declared) -> Result<(), String> {
        for state in &self.states {
            for action in self.enabled(state) {
                let footprint = self.footprint(declared, state, &action);
                let changed = self.changed(state, &self.model.apply(state, &action));
                if let Some(more) = changed.into_iter().find(|r| !footprint.writes.contains(r)) {
                    return Err(format!("{}: {action:?} writes {more:?}", self.model.rules.scenario.name));
                }
            }
        }
        Ok(())
    }

    /// Steps whose footprints do not meet commute, and show the promises the same but for those that look at what both write: and
    /// whether a pod stops before or after the collector [removes](removes) it shows, though neither asks for the other.
    fn commutes_as_declared(&self, declared: Declared) -> Result<u64, String> {
        let mut pairs = 0;
        for state in self.states.iter().filter(|state| !self.is_choosing(state)) {
            let actions = self.enabled(state);
            let footprints: Vec<Footprint> =
                actions.iter().map(|action| self.footprint(declared, state, action)).collect();
            for (one, first) in actions.iter().enumerate() {
                for (other, second) in actions.iter().enumerate().skip(one + 1) {
                    let is_removed = removes(first, &footprints[other]) || removes(second, &footprints[one]);
                    if !is_removed && !footprints[one].meets(&footprints[other]) {
                        self.commutes(state, first, second, &footprints[one], &footprints[other])?;
                        pairs += 1;
                    }
                }
            }
        }
        Ok(pairs)
    }

    fn commutes(
        &self,
        state: &ClusterState,
        first: &Action,
        second: &Action,
        one: &Footprint,
        other: &Footprint,
    ) -> Result<(), String> {
        let what = || format!("{}: {first:?} and {second:?}", self.model.rules.scenario.name);
        let way = |first: &Action, second: &Action| -> Result<(ClusterState, Judged), String> {
            let between = self.model.apply(state, first);
            if !self.enabled(&between).contains(second) {
                return Err(format!("{}: {first:?} disables {second:?}", what()));
            }
            let last = self.model.apply(&between, second);
            let shown = self.model.judge(state, first, &between);
            Ok((self.sorted(last.clone()), shown.union(self.model.judge(&between, second, &last))))
        };
        let (there, back) = (way(first, second)?, way(second, first)?);
        if there.0 != back.0 {
            return Err(format!("{}: the orders end in different states", what()));
        }
        // What stands in a state every step into it has shown.
        let standing = self.model.judge(state, &Action::Tick, state);
        let safety = Property::all().filter(|property| property.facts().kind == Kind::Safety);
        for property in safety.filter(|&property| self.sees_no_order(state, property, one, other)) {
            let shows = |judged: Judged| {
                let broken = judged.broken.contains(property) && !standing.broken.contains(property);
                (broken, judged.reached.contains(property) && !standing.reached.contains(property))
            };
            if shows(there.1) != shows(back.1) {
                return Err(format!("{}: {property} is shown by one order alone", what()));
            }
        }
        Ok(())
    }

    fn sees_no_order(
        &self,
        state: &ClusterState,
        property: Property,
        one: &Footprint,
        other: &Footprint,
    ) -> bool {
        match self.model.open(state, |cluster| footprint::sight_of(cluster, property)) {
            Sight::Step | Sight::EachPod => true,
            Sight::All(seen) => {
                let writes = |footprint: &Footprint| footprint.writes.iter().any(|r| seen.contains(r));
                !(writes(one) && writes(other))
            }
        }
    }

    /// A step does the same where something that it is not declared to read is as in another reachable state.
    fn reads_as_declared(&self, declared: Declared) -> Result<u64, String> {
        let others: Vec<&ClusterState> =
            self.states.iter().filter(|state| !self.is_choosing(state)).collect();
        let mut tried = 0;
        for (number, &state) in others.iter().enumerate() {
            let donor = others[(number * 31 + 17) % others.len()];
            for action in self.enabled(state) {
                let footprint = self.footprint(declared, state, &action);
                for resource in self.model.open(state, footprint::everything) {
                    if footprint.reads.contains(&resource) || footprint.writes.contains(&resource) {
                        continue;
                    }
                    let Some(hybrid) = self.transplanted(state, donor, resource) else { continue };
                    tried += 1;
                    let name = &self.model.rules.scenario.name;
                    if !self.enabled(&hybrid).contains(&action) {
                        return Err(format!("{name}: {resource:?} makes {action:?} impossible"));
                    }
                    let plain = self.model.apply(state, &action);
                    let expected = self.transplanted(&plain, donor, resource);
                    if expected.is_some_and(|expected| expected != self.model.apply(&hybrid, &action)) {
                        return Err(format!("{name}: {action:?} depends on {resource:?}"));
                    }
                }
            }
        }
        Ok(tried)
    }

    /// `state` with one resource as in `donor`; none if it is the same there, or if the state would be none: of pods that are
    /// not in both, or whose objects are gone, as then a slot may be free.
    fn transplanted(
        &self,
        state: &ClusterState,
        donor: &ClusterState,
        resource: Resource,
    ) -> Option<ClusterState> {
        let mut hybrid = state.clone();
        let mut donor = donor.clone();
        let (mut to, from) =
            (Cluster::new(&self.model.rules, &mut hybrid), Cluster::new(&self.model.rules, &mut donor));
        if let Some(pod) = resource.pod() {
            let lives = |cluster: &Cluster<'_>| cluster.pod(pod).head.used() && cluster.pod(pod).api.exists();
            if !lives(&to) || !lives(&from) {
                return None;
            }
        }
        if !differs(&to, &from, resource) {
            return None;
        }
        transplant(&mut to, &from, resource);
        if footprint::is_choosing(&to) || step::is_cut_off(&to) {
            return None;
        }
        // Nor a state in which what ends every step has not ended yet.
        let mut ended = hybrid.clone();
        let mut cluster = Cluster::new(&self.model.rules, &mut ended);
        drain::settle(&mut cluster);
        addresses::settle(&mut cluster);
        (ended == hybrid).then_some(hybrid)
    }
}

/// Does the collector remove a pod of which another step writes what its kubelet does with it? Its plan for the pod keeps that one's
/// process from being a part (`undisturbed`).
fn removes(action: &Action, other: &Footprint) -> bool {
    matches!(*action, Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod })
        if other.writes.contains(&Resource::Kubelet(pod)))
}

fn transplant(to: &mut Cluster<'_>, from: &Cluster<'_>, resource: Resource) {
    use Resource as R;
    match resource {
        // Whose slot it is stays.
        R::Head(pod) => {
            let head = from.pod(pod).head;
            let own = to.pod(pod).head;
            to.pod_mut(pod).head = head.with_used(true).with_revision(own.revision()).with_node(own.node());
        }
        R::Object(pod) => to.pod_mut(pod).api = from.pod(pod).api,
        R::Scheduler(pod) => to.pod_mut(pod).scheduler = from.pod(pod).scheduler,
        R::Controller(pod) => to.pod_mut(pod).controller = from.pod(pod).controller,
        R::Kubelet(pod) => {
            to.pod_mut(pod).kubelet = from.pod(pod).kubelet;
            to.containers_of_mut(pod).copy_from_slice(from.containers_of(pod));
        }
        R::Slice(pod) => to.pod_mut(pod).slice = from.pod(pod).slice,
        R::Rules(node, pod) => *to.proxy_mut(node, pod) = from.proxy(node, pod),
        R::Node(node) => to.node_mut(node).api = from.node(node).api,
        R::SchedulerNode(node) => to.node_mut(node).scheduler = from.node(node).scheduler,
        R::ControllerNode(node) => to.node_mut(node).controller = from.node(node).controller,
        R::Machine(node) => to.node_mut(node).machine = from.node(node).machine,
        R::Deployment => to.shared.deployment = from.shared.deployment,
        R::DeploymentCopy => to.shared.deployment_view = from.shared.deployment_view,
        R::ReplicaSet(revision) => *to.replica_set_mut(revision) = from.replica_set(revision),
        R::Budget => to.shared.budget = from.shared.budget,
        R::Events => to.shared.events_left = from.shared.events_left,
        R::ControlPlane => to.shared.control_plane = from.shared.control_plane,
        R::Choosing => {}
    }
}

#[test]
fn steps_write_what_is_declared_and_nothing_else() {
    for scenario in scenarios() {
        World::new(scenario, 300, 4).writes_as_declared(footprint::of).expect("writes are declared");
    }
}

/// STM-1: the collector writes over an end that a kubelet has said, which remembers it. The scenarios do not come to that.
#[test]
fn what_the_collector_leaves_to_a_kubelet_is_declared() {
    let mut cluster =
        TestCluster::running(1, 1, |s| s.workload.template.restart_policy = RestartPolicy::Never);
    cluster.befall(Environment::FinishContainer { pod: P0, container: C0 });
    cluster.settle_but(|action| {
        let is_news = |to: &Watcher| *to == Watcher::ControllerManager;
        matches!(action, Action::ReplicaSet(_))
            || matches!(action, Action::Watch(Watch::DeliverPod { to, .. }) if is_news(to))
    });
    cluster.change(|cluster| {
        let node = cluster.node_mut(N0);
        (node.api, node.controller) = (NodeObject::new(), NodeObject::new());
    });
    let fail = PodGarbageCollector::FailPod { pod: P0 };
    assert!(cluster.can(fail));
    let model = Model::new(cluster.look(|cluster| cluster.rules.scenario.clone())).expect("it fits");
    let world = World { model, states: vec![cluster.state()] };
    assert_eq!(world.writes_as_declared(footprint::of), Ok(()));
    let forgets = |cluster: &Cluster<'_>, action: &Action| {
        let mut declared = footprint::of(cluster, action);
        declared.writes.retain(|resource| *resource != Resource::Kubelet(P0));
        declared
    };
    let found = world.writes_as_declared(forgets).expect_err("it is not declared");
    assert!(found.contains("FailPod") && found.contains("Kubelet"), "{found}");
}

#[test]
fn steps_whose_footprints_do_not_meet_commute() {
    let mut pairs = 0;
    for scenario in scenarios() {
        pairs += World::new(scenario, 400, 4).commutes_as_declared(footprint::of).expect("they commute");
    }
    assert!(pairs > 20_000, "{pairs} pairs are declared independent");
}

#[test]
fn steps_read_what_is_declared_and_nothing_else() {
    let mut tried = 0;
    for scenario in scenarios() {
        tried += World::new(scenario, 300, 8).reads_as_declared(footprint::of).expect("reads are declared");
    }
    assert!(tried > 20_000, "{tried} states were tried");
}

/// Without the single steps fused the same holds: what is declared is of small steps.
#[test]
fn a_footprint_is_of_a_small_step() {
    let model = Model::new(untimed(web("single", Story::Create, 2, 2))).expect("it fits");
    let reduced = Reduced::with(model, Fusions::none());
    let mut state = reduced.initial().swap_remove(0).0;
    for _ in 0..60 {
        let mut actions = Vec::new();
        reduced.model.enabled(&state, &mut actions);
        let Some(action) = actions.last() else { break };
        let next = reduced.model.apply(&state, action);
        let world = World {
            model: Model::new(reduced.model.rules.scenario.clone()).expect("it fits"),
            states: Vec::new(),
        };
        let footprint = world.footprint(footprint::of, &state, action);
        let changed = world.changed(&state, &next);
        assert!(
            changed.iter().all(|resource| footprint.writes.contains(resource)),
            "{action:?}: {changed:?}"
        );
        state = next;
    }
}

fn rollout() -> World {
    World::new(untimed(web("wrong", Story::Rollout, 1, 2)), 600, 1)
}

#[test]
fn a_write_that_is_not_declared_is_found() {
    let forgets: Declared = |cluster, action| {
        let mut footprint = footprint::of(cluster, action);
        footprint.writes.retain(|resource| !matches!(resource, Resource::Object(_)));
        footprint
    };
    let found = rollout().writes_as_declared(forgets).expect_err("objects are written");
    assert!(found.contains("writes Object"), "{found}");
}

#[test]
fn a_dependence_that_is_not_declared_is_found() {
    let forgets: Declared = |cluster, action| {
        let mut footprint = footprint::of(cluster, action);
        let is_object = |resource: &Resource| matches!(resource, Resource::Object(_));
        footprint.reads.retain(|resource| !is_object(resource));
        footprint.writes.retain(|resource| !is_object(resource));
        footprint
    };
    rollout().commutes_as_declared(forgets).expect_err("news and reports of a pod depend on its object");
}

#[test]
fn a_read_that_is_not_declared_is_found() {
    let forgets: Declared = |cluster, action| {
        let mut footprint = footprint::of(cluster, action);
        footprint.reads.retain(|resource| !matches!(resource, Resource::Machine(_)));
        footprint
    };
    let mut scenario = untimed(web("wrong", Story::Rollout, 1, 2));
    scenario.events.set(EventName::NodeCrash, 1);
    let found = World::new(scenario, 600, 2).reads_as_declared(forgets).expect_err("a machine may be off");
    assert!(found.contains("Machine"), "{found}");
}
