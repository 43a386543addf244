//! Pods of one template and nodes of one class are alike: what can be done in a state can be done, renamed, in the renamed
//! state, with the renamed outcome and the same judgement. States are met on random walks through every built-in scenario and
//! through worlds with every fault; each is renamed at random. Symmetry rests on this, and a rule that breaks a tie by the
//! lowest number fails here.

use std::collections::BTreeSet;

use fastrand::Rng;
use podproof_model::reduced::Reduced;
use podproof_model::reduced::symmetry::{Renaming, Symmetry};
use podproof_model::{ClusterState, Model, fairness};
use podproof_vocabulary::action::{Action, Rename};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue::{self, ENTRIES, web};
use podproof_vocabulary::event::{EventName, ScaleTarget, Story};
use podproof_vocabulary::mutant::MUTANTS;
use podproof_vocabulary::property::{Kind, PROPERTIES, PropertySet};
use podproof_vocabulary::scenario::{
    BudgetAsk, DisruptionBudget, Hang, HostPort, IntOrPercent, LabelSelector, Neighbour, PodAffinityTerm,
    Probe, Resources, Scenario, Service, SpreadConstraint, Taint, TaintEffect, Timing, WorkloadKind,
};
use podproof_vocabulary::{NodeId, PodId, Property};

const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

const PROBE: Probe = Probe {
    initial_delay_seconds: 0,
    period_seconds: 10,
    timeout_seconds: 1,
    success_threshold: 1,
    failure_threshold: 1,
};

/// A model whose states are renamed.
struct World {
    reduced: Reduced,
    pods_only: Symmetry,
    symmetry: Symmetry,
    classes: Vec<Vec<NodeId>>,
    name: String,
}

/// What was met in the states of a world.
#[derive(Default)]
struct Met {
    /// States that were compared with a renaming of theirs that is another state.
    renamed: usize,
    /// Among them those in which nodes were renamed.
    nodes: usize,
    /// States of which two renamings have two representatives.
    apart: usize,
}

impl World {
    fn new(scenario: &Scenario) -> Self {
        let reduced = Reduced::new(Model::new(scenario.clone()).expect("a scenario of a test fits"));
        let rules = &reduced.model.rules;
        let pods_only = match Symmetry::asked(rules, true, false) {
            Ok(pods) => pods,
            Err(_) => Symmetry::none(),
        };
        let name = format!("{} {} {:?}", scenario.name, scenario.timing.name(), scenario.mutant);
        Self { pods_only, symmetry: Symmetry::of(rules), classes: rules.classes_of_nodes(), name, reduced }
    }

    fn model(&self) -> &Model {
        &self.reduced.model
    }

    /// Any numbering of the pods, and any of the nodes of each class.
    fn draw(&self, classes: &[Vec<NodeId>], rng: &mut Rng) -> Renaming {
        let rules = &self.model().rules;
        let mut pods: Vec<PodId> = PodId::first(rules.pods).collect();
        rng.shuffle(&mut pods);
        let mut nodes: Vec<NodeId> = NodeId::first(rules.nodes).collect();
        for class in classes {
            let mut members = class.clone();
            rng.shuffle(&mut members);
            for (node, named) in class.iter().zip(members) {
                nodes[node.index()] = named;
            }
        }
        Renaming::new(pods, nodes)
    }

    fn enabled(&self, state: &ClusterState) -> Vec<Action> {
        let mut actions = Vec::new();
        self.model().enabled(state, &mut actions);
        actions
    }

    fn used(&self, state: &ClusterState) -> BTreeSet<PodId> {
        self.model().open(state, |cluster| cluster.used_pods().collect())
    }

    /// What a small step does to a state and, renamed, to the renamed state.
    fn same_step(&self, state: &ClusterState, names: &Renaming, renamed: &ClusterState, action: Action) {
        let model = self.model();
        let named = action.renamed(names);
        let (next, theirs) = (model.apply(state, &action), model.apply(renamed, &named));
        let mut names = names.clone();
        let new = |before, after| self.used(after).difference(&self.used(before)).next().copied();
        if let (Some(pod), Some(becomes)) = (new(state, &next), new(renamed, &theirs)) {
            names.match_slots(pod, becomes);
        }
        assert_eq!(names.state(&model.rules, &next), theirs, "{}: after {action:?}", self.name);
        let judged = model.judge(state, &action, &next);
        assert_eq!(judged, model.judge(renamed, &named, &theirs), "{}: judging {action:?}", self.name);
        assert_eq!(model.limit(&next), model.limit(&theirs), "{}: {action:?}", self.name);
        let units = (model.unit_of(state, &action), model.unit_of(renamed, &named));
        assert_eq!(self.bound(units.0), self.bound(units.1), "{}: the unit of {action:?}", self.name);
    }

    /// A unit as it may bind a cycle where pods and the nodes of each class are renamed: its class alone, if its key is. The
    /// search's own symmetry renames no other.
    fn bound(&self, unit: Option<fairness::Unit>) -> Option<(fairness::Unit, bool)> {
        let has_peers =
            |node: NodeId| self.classes.iter().any(|class| class.len() > 1 && class.contains(&node));
        unit.map(|unit| {
            let renamed = fairness::is_of_pod(unit) || fairness::node_of(unit).is_some_and(has_peers);
            assert!(renamed || !self.symmetry.renames(unit), "{}: {unit}", self.name);
            match renamed {
                true => (unit >> 9, true),
                false => (unit, false),
            }
        })
    }

    /// The units that bind a cycle over representatives stay what they are where its nodes are renamed.
    fn same_units(&self, state: &ClusterState, rng: &mut Rng) {
        let model = self.model();
        let names = self.draw(self.symmetry.classes(), rng);
        let renamed = names.state(&model.rules, state);
        for action in self.enabled(state) {
            let Some(unit) = model.unit_of(state, &action) else { continue };
            let theirs = model.unit_of(&renamed, &action.renamed(&names));
            assert!(self.symmetry.renames(unit) || theirs == Some(unit), "{}: {action:?}", self.name);
            assert_eq!(theirs.map(|unit| unit >> 9), Some(unit >> 9), "{}: {action:?}", self.name);
        }
    }

    /// How many obligations of each progress promise a set holds.
    fn counts(&self, obligations: u128) -> Vec<u32> {
        let progress = PROPERTIES.iter().filter(|facts| facts.kind == Kind::Liveness);
        let layout = &self.model().obligations;
        progress.map(|facts| (obligations & layout.of_property(facts.property)).count_ones()).collect()
    }

    /// What is owed and held back, whoever it is that it is owed to.
    fn duties(&self, state: &ClusterState) -> impl PartialEq + std::fmt::Debug {
        let owed = self.model().owed(state);
        let mut held: Vec<_> =
            self.model().held_back(state).into_iter().map(|unit| self.bound(Some(unit))).collect();
        held.sort_unstable();
        (self.counts(owed.pending), self.counts(owed.reached), held)
    }

    /// Every move out of a state, with the numbers that `names` gives to nodes and whichever it gives to pods. The premise of
    /// `terminal-is-final` is true of whatever step follows the one that begins a termination: that may be one of the same
    /// move or of the next, as the steps that follow at once come in the order of the pods. It is left to the small steps. So is
    /// all that is judged in a state in which something follows already, which no search begins a move in: what is broken there
    /// and ends with those steps is seen or not, as they come in the order of the nodes.
    fn moves(&self, state: &ClusterState, names: &Renaming) -> BTreeSet<impl Ord + std::fmt::Debug> {
        let rules = &self.model().rules;
        let is_judged = self.reduced.first_steps(state).is_empty();
        let mut all = BTreeSet::new();
        self.reduced.moves(state, |outcome| {
            let mut next = names.state(rules, &outcome.next);
            self.pods_only.sort(rules, &mut next);
            let reached = outcome.judged.reached.iter().filter(|&p| p != Property::TerminalIsFinal);
            let judged = is_judged.then(|| (outcome.judged.broken.bits(), PropertySet::of(reached).bits()));
            let unit = self.bound(outcome.unit);
            all.insert((next, judged, unit, outcome.discharged.bits(), outcome.classes));
        });
        all
    }

    fn compare(&self, state: &ClusterState, rng: &mut Rng, met: &mut Met) {
        let rules = &self.model().rules;
        let names = self.draw(&self.classes, rng);
        let renamed = names.state(rules, state);
        assert_eq!(names.inverse().state(rules, &renamed), *state, "{}", self.name);
        met.renamed += usize::from(renamed != *state);
        let nodes_only = names.then(&names_of_pods(rules.pods, rules.nodes, &names));
        met.nodes += usize::from(nodes_only.state(rules, state) != *state);

        let ours = self.enabled(state);
        let named: BTreeSet<Action> = ours.iter().map(|action| action.renamed(&names)).collect();
        let theirs: BTreeSet<Action> = self.enabled(&renamed).into_iter().collect();
        assert_eq!(named, theirs, "{}: what is enabled", self.name);
        for &action in &ours {
            self.same_step(state, &names, &renamed, action);
        }
        assert_eq!(self.duties(state), self.duties(&renamed), "{}: what is owed", self.name);
        let identity = Renaming::identity(rules);
        assert_eq!(self.moves(state, &names), self.moves(&renamed, &identity), "{}: moves", self.name);

        self.same_units(state, rng);
        let renamed = self.draw(self.symmetry.classes(), rng).state(rules, state);
        self.same_form(state, &renamed, met);
    }

    /// A representative is a renaming of the state, and of itself.
    fn same_form(&self, state: &ClusterState, renamed: &ClusterState, met: &mut Met) {
        let rules = &self.model().rules;
        let mut sorted = state.clone();
        let names = self.symmetry.sort_and_tell(rules, &mut sorted);
        assert_eq!(names.state(rules, state), sorted, "{}: the renaming that is told", self.name);
        let mut again = sorted.clone();
        self.symmetry.sort(rules, &mut again);
        assert_eq!(again, sorted, "{}: sorting twice", self.name);
        let mut theirs = renamed.clone();
        self.symmetry.sort(rules, &mut theirs);
        met.apart += usize::from(theirs != sorted);
    }

    /// Compares the states of random walks, some of moves and some of small steps.
    fn walk(&self, seed: u64, walks: usize, steps: usize) -> Met {
        let mut rng = Rng::with_seed(seed);
        let mut met = Met::default();
        let initial = self.model().initial();
        for walk in 0..walks {
            let mut state = initial[rng.usize(..initial.len())].clone();
            for _ in 0..steps {
                self.compare(&state, &mut rng, &mut met);
                let mut next = Vec::new();
                if walk % 2 == 0 {
                    self.reduced.moves(&state, |outcome| next.push(outcome.next));
                } else {
                    let step = |action: &Action| self.model().apply(&state, action);
                    next.extend(self.enabled(&state).iter().map(step));
                }
                if next.is_empty() {
                    break;
                }
                state = next.swap_remove(rng.usize(..next.len()));
            }
        }
        met
    }
}

/// Takes back what `names` does to pods.
fn names_of_pods(pods: usize, nodes: usize, names: &Renaming) -> Renaming {
    let back = names.inverse();
    Renaming::new(PodId::first(pods).map(|pod| back.pod(pod)).collect(), NodeId::first(nodes).collect())
}

/// A scenario untimed, with the clocks of one pod, and with all clocks.
fn timings(scenario: &Scenario) -> [Scenario; 3] {
    let without = scenario.approximations.without(Approximation::Focus);
    let timed = Scenario { timing: Timing::Timed, addresses_are_reused: true, ..scenario.clone() };
    [
        Scenario { timing: Timing::Untimed, approximations: without, ..scenario.clone() },
        timed.clone(),
        Scenario { approximations: without, ..timed },
    ]
}

#[test]
fn every_built_in_scenario_treats_pods_and_nodes_alike() {
    for entry in ENTRIES {
        for (number, scenario) in timings(&entry.scenario()).iter().enumerate() {
            let world = World::new(scenario);
            let met = world.walk(number as u64, 12, 60);
            assert!(met.renamed > 0 || scenario.slots == 1, "{}", world.name);
            let has_classes = world.classes.iter().any(|class| class.len() > 1);
            assert_eq!(met.nodes > 0, has_classes, "{}: nodes are renamed", world.name);
            assert_eq!(met.apart, 0, "{}: renamings of one state have one representative", world.name);
        }
    }
}

/// `Deployment/web` with everything that may happen to a cluster.
fn faults(replicas: u8, nodes: usize) -> Scenario {
    let mut scenario = web("faults", Story::Rollout, replicas, nodes);
    for event in EventName::all() {
        scenario.events.set(event, 1);
    }
    scenario.events.set(EventName::SandboxDeath, 3);
    scenario.nodes.push(catalogue::node(nodes + 1));
    scenario.nodes.push(catalogue::node(nodes + 2));
    scenario.spare_nodes = 2;
    scenario.scale = Some(ScaleTarget::By(1));
    scenario.addresses_are_reused = true;
    scenario.budgets.push(DisruptionBudget {
        name: "web".into(),
        ask: BudgetAsk::MinAvailable(IntOrPercent::Int(1)),
        always_allow_unhealthy: false,
    });
    scenario.slots += 4;
    scenario
}

fn selector(scenario: &Scenario) -> Option<LabelSelector> {
    Some(LabelSelector { labels: scenario.workload.template.labels.clone(), expressions: Vec::new() })
}

fn service(scenario: &mut Scenario) -> &mut Service {
    scenario.service.as_mut().expect("web has a Service")
}

fn neighbour(node: u8) -> Neighbour {
    Neighbour {
        name: "Deployment/other 0".into(),
        namespace: "default".into(),
        labels: [("app".to_owned(), "web".to_owned())].into(),
        node,
        requests: Vec::new(),
        host_ports: Vec::new(),
        pod_anti_affinity: Vec::new(),
        tolerations: Vec::new(),
        is_bare: false,
        in_service: true,
        in_budget: true,
    }
}

fn with(base: &Scenario, tweak: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = base.clone();
    tweak(&mut scenario);
    scenario
}

/// Worlds in which something speaks of nodes.
fn worlds() -> Vec<Scenario> {
    let base = faults(2, 3);
    let term = |scenario: &Scenario| PodAffinityTerm {
        topology_key: HOSTNAME.into(),
        selector: selector(scenario),
        namespaces: Vec::new(),
        all_namespaces: false,
        same_revision: false,
    };
    let spread = SpreadConstraint {
        max_skew: 1,
        topology_key: HOSTNAME.into(),
        selector: selector(&base),
        min_domains: 1,
        honour_node_affinity: true,
        honour_node_taints: true,
        same_revision: true,
    };
    let taint = Taint { key: "gpu".into(), value: String::new(), effect: TaintEffect::NoExecute };
    vec![
        base.clone(),
        with(&base, |s| s.one_proxy = false),
        with(&base, |s| s.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents)),
        with(&base, |s| s.workload.template.spread.push(spread.clone())),
        with(&base, |s| s.workload.template.pod_anti_affinity.push(term(&base))),
        with(&base, |s| s.workload.template.pod_affinity.push(term(&base))),
        with(&base, |s| s.nodes[1].taints.push(taint.clone())),
        with(&base, |s| s.neighbours.push(neighbour(1))),
        with(&base, |s| {
            s.neighbours.push(neighbour(1));
            s.workload.template.spread.push(spread.clone());
            service(s).internal_local = true;
            s.one_proxy = false;
        }),
        with(&base, |s| s.workload.template.node_name = Some("node-2".into())),
        with(&base, |s| s.workload.template.node_name = Some("nowhere".into())),
        with(&base, |s| s.workload.kind = WorkloadKind::ReplicaSet),
        with(&base, |s| s.inaccurate_detectors = true),
        with(&base, |s| s.hang = Hang::TooManyPods { limit: 1 }),
        with(&base, |s| s.hang = Hang::CniStatus),
        with(&base, |s| {
            let port = &mut s.workload.template.containers[0].ports[0];
            port.host = Some(HostPort { port: 80, ip: String::new() });
            s.workload.template.finalizer = true;
        }),
        with(&base, |s| {
            for node in &mut s.nodes {
                node.allocatable = Resources { cpu_milli: 1_000, memory: 1 << 30, pods: 110 };
            }
            s.workload.template.containers[0].requests.cpu_milli = 600;
        }),
        with(&base, |s| service(s).publish_not_ready_addresses = true),
        with(&base, |s| {
            let container = &mut s.workload.template.containers[0];
            (container.readiness_probe, container.liveness_probe) = (Some(PROBE), Some(PROBE));
            s.scale_targets = vec![0, 3];
        }),
        // Nodes move to another zone and are no longer what the template asks for.
        with(&base, |s| {
            for node in &mut s.nodes {
                let host = (HOSTNAME.to_owned(), node.name.clone());
                node.later_labels = Some([host, (ZONE.to_owned(), "zone-2".to_owned())].into());
            }
            s.events.set(EventName::LabelNode, 4);
            s.workload.template.spread.push(SpreadConstraint { topology_key: ZONE.into(), ..spread.clone() });
            s.workload.template.node_selector = [(ZONE.to_owned(), "zone-1".to_owned())].into();
        }),
        with(&base, |s| s.event_taint = Some(Taint { effect: TaintEffect::NoSchedule, ..taint.clone() })),
    ]
}

#[test]
fn faults_and_rules_that_speak_of_nodes_treat_pods_and_nodes_alike() {
    for (number, base) in worlds().iter().enumerate() {
        for scenario in timings(base) {
            // A kube-proxy of its own for each node is many bonds between pods and nodes.
            let world = World::new(&scenario);
            let met = world.walk(100 + number as u64, 4, 150);
            assert!(met.nodes > 50, "{number}: nodes are renamed");
            assert!(met.apart * 50 <= met.renamed, "{number}: {} of {} apart", met.apart, met.renamed);
        }
    }
}

#[test]
fn wrong_rules_treat_pods_and_nodes_alike_too() {
    for facts in MUTANTS {
        let scenario = with(&faults(1, 2), |s| s.mutant = Some(facts.mutant));
        let [untimed, timed, _] = timings(&scenario);
        for scenario in [untimed, timed] {
            World::new(&scenario).walk(7, 2, 100);
        }
    }
}

/// A rule that told nodes apart would be noticed: here the nodes differ, and are taken for equal.
#[test]
fn a_difference_between_nodes_is_noticed() {
    let scenario = with(&web("different", Story::Create, 1, 2), |s| {
        let taint = Taint { key: "gpu".into(), value: String::new(), effect: TaintEffect::NoSchedule };
        s.nodes[1].taints.push(taint);
    });
    let mut world = World::new(&scenario);
    assert_eq!(world.classes.len(), 2, "they are not of one class");
    world.classes = vec![vec![NodeId(0), NodeId(1)]];
    let noticed = std::panic::catch_unwind(|| world.walk(1, 6, 60));
    assert!(noticed.is_err());
}
