//! Pods of one template and nodes of one class are alike: a state can do what its representative can, and a search over
//! representatives says what a search over all states says, whichever symmetry it uses.
#![expect(clippy::print_stdout, reason = "the table of states is what one reads the tests for")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::{Command, Output};

use fastrand::Rng;
use podproof::arguments::SymmetryChoice;
use podproof::plan::{Behind, Plan};
use podproof::progress::Line;
use podproof::search::{self, Limits};
use podproof::searched::Searched;
use podproof::verdict::{Outcome, Verdict};
use podproof_checker::{Bounds, Search};
use podproof_model::reduced::Reduced;
use podproof_model::reduced::symmetry::Symmetry;
use podproof_model::{ClusterState, Model};
use podproof_traces::replay;
use podproof_vocabulary::Property;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::catalogue::{self, ENTRIES, web};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::{MUTANTS, Mutant};
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{Scenario, Taint, TaintEffect, Timing, WorkloadKind};
use serde_json::Value;

use crate::common;

const ALL: [SymmetryChoice; 4] =
    [SymmetryChoice::None, SymmetryChoice::Pods, SymmetryChoice::Nodes, SymmetryChoice::All];

fn untimed(scenario: Scenario) -> Scenario {
    let approximations = scenario.approximations.without(Approximation::Focus);
    Scenario { timing: Timing::Untimed, approximations, ..scenario }
}

fn timed(scenario: Scenario) -> Scenario {
    Scenario { timing: Timing::Timed, addresses_are_reused: true, ..scenario }
}

/// A pod that nothing would make another of.
fn bare_pod(name: &str, nodes: usize) -> Scenario {
    let mut scenario = web(name, Story::Create, 1, nodes);
    scenario.workload.kind = WorkloadKind::Pod;
    Scenario { slots: 2, ..scenario }
}

fn worlds() -> Vec<Scenario> {
    let mut mutated = web("mutated", Story::Rollout, 2, 1);
    mutated.mutant = Some(Mutant::ReplicaSetStatusNeverWritten);
    let mut stuck = web("stuck", Story::ScaleDown, 2, 1);
    stuck.mutant = Some(Mutant::KubeletNeverRemoves);
    let mut crashes = web("crashes", Story::Create, 2, 1);
    crashes.events.set(EventName::ContainerCrash, 1);
    let mut hangs = web("hangs", Story::RuntimeHang, 1, 3);
    hangs.mutant = Some(Mutant::PlegAlwaysHealthy);
    let named = |name: &str| catalogue::find(name).expect("a built-in scenario").scenario();
    vec![
        untimed(web("create", Story::Create, 2, 2)),
        untimed(web("node-failure", Story::NodeFailure, 2, 2)),
        untimed(Scenario { service: None, ..web("no-service", Story::Rollout, 1, 3) }),
        untimed(mutated),
        untimed(stuck),
        untimed(crashes),
        untimed(named("anti-affinity")),
        untimed(named("drain-pdb")),
        untimed(web("rollout-3", Story::Rollout, 1, 3)),
        untimed(web("create-3", Story::Create, 2, 3)),
        untimed(web("node-failure-3", Story::NodeFailure, 1, 3)),
        untimed(hangs),
        untimed(Scenario { one_proxy: false, ..web("every-proxy", Story::PodDeletion, 1, 2) }),
        timed(web("timed", Story::PodDeletion, 2, 1)),
        timed(web("timed-4", Story::Create, 1, 4)),
        Scenario { timing: Timing::Timed, ..untimed(bare_pod("clocks", 3)) },
    ]
}

fn model(scenario: &Scenario) -> Reduced {
    Reduced::new(Model::new(scenario.clone()).expect("a scenario of a test fits"))
}

#[test]
fn a_state_can_do_what_its_representative_can() {
    for scenario in worlds() {
        let reduced = model(&scenario);
        let rules = &reduced.model.rules;
        let symmetry = Symmetry::of(rules);
        let sorted = |mut state: ClusterState| {
            symmetry.sort(rules, &mut state);
            state
        };
        let successors = |state: &ClusterState| {
            let mut all = BTreeSet::new();
            reduced.moves(state, |outcome| {
                all.insert((
                    sorted(outcome.next),
                    outcome.judged.broken.bits(),
                    outcome.judged.reached.bits(),
                ));
            });
            all
        };
        let mut queue: VecDeque<ClusterState> =
            reduced.initial().into_iter().map(|(state, _)| state).collect();
        let mut seen: BTreeSet<ClusterState> = queue.iter().cloned().collect();
        let mut renamed = 0;
        while let Some(state) = queue.pop_front() {
            let representative = sorted(state.clone());
            renamed += usize::from(representative != state);
            assert_eq!(successors(&state), successors(&representative), "{}", scenario.name);
            assert_eq!(sorted(representative.clone()), representative, "{}: sorting twice", scenario.name);
            reduced.moves(&state, |outcome| {
                if seen.len() < 4_000 && seen.insert(outcome.next.clone()) {
                    queue.push_back(outcome.next);
                }
            });
        }
        assert!(renamed > 0, "{}: some state is not its own representative", scenario.name);
    }
}

/// The lengths of the counterexamples by property, the premises that were reached, and the progress promises owed.
type Said = (BTreeMap<u32, usize>, u64, Vec<Property>);

/// What one search, and no other after it, says of the safety promises and of what was reached, with the lengths of the
/// counterexamples; and which progress promises it cannot rule out to be broken.
fn say(system: &Searched, judged: PropertySet) -> (u64, Said, BTreeSet<Property>) {
    let bounds = Bounds { states: 1_000_000, ..Bounds::default() };
    let report = Search::new(system).bounds(bounds).threads(2).run();
    assert!(report.is_complete(), "{}", system.reduced().model.rules.scenario.name);
    let lengths: BTreeMap<u32, usize> =
        report.violations.iter().map(|found| (found.property, found.path.steps.len())).collect();
    let kept = report.lassos.iter().map(|lasso| system.property_of(lasso.obligation)).collect();
    let owed: Vec<Property> =
        judged.iter().filter(|&p| report.owed & system.obligations_of(p) != 0).collect();
    (report.states, (lengths, report.reached, owed), kept)
}

#[test]
fn a_search_over_representatives_says_what_a_search_over_all_states_says() {
    for scenario in worlds() {
        let is_timed = scenario.timing == Timing::Timed;
        let all = Property::all().filter(|p| !is_timed || p.facts().kind == Kind::Safety);
        let judged = PropertySet::of(all);
        let rules = model(&scenario).model.rules;
        let (most, expected, kept) = say(&Searched::new(model(&scenario), judged).without_symmetry(), judged);
        let mut row = format!("{:20} {most:>7}", scenario.name);
        for choice in ALL {
            let Ok(symmetry) = choice.of(&rules) else { continue };
            let system = Searched::new(model(&scenario), judged).with_symmetry(symmetry);
            let (states, said, maybe) = say(&system, judged);
            assert_eq!(said, expected, "{} {choice:?}", scenario.name);
            assert!(maybe.is_superset(&kept), "{} {choice:?}: {maybe:?} {kept:?}", scenario.name);
            assert!(states <= most, "{} {choice:?}", scenario.name);
            row += &format!(" {} {states:>7}", choice.name());
        }
        println!("{row}");
    }
}

fn limits(symmetry: SymmetryChoice, states: u64) -> Limits {
    Limits { states, symmetry, ..common::LIMITS }
}

/// What a search says in the end, every counterexample replayed; nothing if it has more than `states` states.
fn outcome(plan: &Plan, choice: SymmetryChoice, states: u64) -> Option<(u64, Vec<(Property, Verdict)>)> {
    let line = Line::new("test", states);
    let outcome: Outcome = search::run(plan, &limits(choice, states), &line).ok()?;
    for finding in &outcome.findings {
        if let Some(trace) = &finding.trace {
            let replayed = replay(trace).expect("a trace is one of the model");
            assert!(replayed.stands(), "{} {choice:?}: {replayed}", plan.scenario.name);
        }
    }
    let said = outcome.findings.iter().map(|finding| (finding.property, finding.verdict)).collect();
    outcome.stopped.is_empty().then_some((outcome.states, said))
}

/// The same verdict of every promise with each symmetry that the scenario has; how many states with each.
fn same_verdicts(scenario: &Scenario, states: u64) -> Option<BTreeMap<&'static str, u64>> {
    let by_kind = |p: &Property| match (scenario.timing, scenario.approximations.has(Approximation::Focus)) {
        (Timing::Timed, true) => p.facts().kind == Kind::Safety,
        _ => true,
    };
    let judged = PropertySet::of(Property::all().filter(by_kind));
    let (story, timing) = (scenario.story, scenario.timing);
    let plan = Plan { story, timing, behind: Behind::default(), scenario: scenario.clone(), judged };
    let (most, expected) = outcome(&plan, SymmetryChoice::None, states)?;
    let rules = model(scenario).model.rules;
    let mut counts = BTreeMap::from([("none", most)]);
    for choice in ALL {
        if choice.of(&rules).is_err() {
            continue;
        }
        let (fewer, said) = outcome(&plan, choice, states).expect("no more states than without");
        assert_eq!(said, expected, "{} {choice:?} {scenario:?}", scenario.name);
        assert!(fewer <= most, "{} {choice:?}: {fewer} of {most}", scenario.name);
        counts.insert(choice.name(), fewer);
    }
    Some(counts)
}

#[test]
fn every_built_in_scenario_has_the_same_verdicts_with_each_symmetry() {
    for entry in ENTRIES {
        let scenario = entry.scenario();
        let counts = same_verdicts(&untimed(scenario.clone()), 100_000).expect("it is smaller");
        println!("{:25} untimed {counts:?}", entry.name);
        if let Some(counts) = same_verdicts(&timed(scenario), 25_000) {
            println!("{:25} timed   {counts:?}", entry.name);
        }
    }
}

/// A small world, drawn.
fn draw(rng: &mut Rng) -> Scenario {
    let mut scenario = web(
        "drawn",
        Story::ALL[rng.usize(..Story::ALL.len())],
        1 + u8::from(rng.u8(..4) == 0),
        rng.usize(3..=4),
    );
    if rng.bool() {
        let events: Vec<EventName> = EventName::all().collect();
        let event = events[rng.usize(..events.len())];
        scenario.events.set(event, 1);
        if event == EventName::AddNode {
            scenario.spare_nodes = 1;
        }
    }
    if rng.u8(..3) == 0 {
        scenario.mutant = Some(MUTANTS[rng.usize(..MUTANTS.len())].mutant);
    }
    if rng.u8(..4) == 0 {
        let taint = Taint { key: "gpu".into(), value: String::new(), effect: TaintEffect::NoSchedule };
        scenario.nodes[0].taints.push(taint);
    }
    if rng.u8(..4) == 0 {
        scenario.workload.template.containers[0].requests.cpu_milli = 600;
        for node in &mut scenario.nodes {
            node.allocatable.cpu_milli = 1_000;
        }
    }
    scenario.one_proxy = rng.u8(..8) != 0;
    scenario.workload.template.finalizer = rng.u8(..8) == 0;
    if rng.u8(..6) == 0 {
        scenario.approximations = scenario.approximations.without(Approximation::SlowTimersWhenQuiet);
    }
    match rng.u8(..8) {
        0 => timed(scenario),
        _ => untimed(scenario),
    }
}

/// How many worlds are drawn.
const DRAWN: usize = 48;

#[test]
fn random_worlds_have_the_same_verdicts_with_each_symmetry() {
    let mut rng = Rng::with_seed(29);
    let (mut judged, mut with_nodes) = (0, 0);
    for _ in 0..DRAWN {
        let scenario = draw(&mut rng);
        // Those that are larger are not compared.
        if let Some(counts) = same_verdicts(&scenario, 15_000) {
            judged += 1;
            with_nodes += usize::from(counts.get("nodes").is_some_and(|&fewer| fewer < counts["none"]));
        }
    }
    println!("{judged} of {DRAWN} worlds were small enough; in {with_nodes} of them nodes saved states");
    assert!(judged * 4 >= DRAWN && with_nodes * 6 >= DRAWN, "{judged} {with_nodes}");
}

fn podproof(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podproof"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().expect("the command runs")
}

/// A reduction that is asked for and cannot be had is an error that says why, and is found before anything is searched.
#[test]
fn a_symmetry_that_a_search_has_not_is_refused() {
    for (what, about, why) in [
        ("nodes", &["--scenario", "pod-life"][..], "there is only one node"),
        ("nodes", &["--scenario", "rollout"], "one is told apart by its kube-proxy"),
        ("all", &["--scenario", "control-plane-taint"], "no two nodes are interchangeable"),
        ("pods", &["--scenario", "rollout", "--exact"], "without coalesced-watch-events"),
        ("pods", &["--scenario", "rollout", "--engine", "stateright-bfs"], "stateright searches without"),
    ] {
        let output = podproof(&[&["check", "--symmetry", what], about].concat());
        assert_eq!(output.status.code(), Some(2), "{about:?}");
        let errors = String::from_utf8(output.stderr).expect("text");
        assert!(errors.contains(&format!("--symmetry {what} cannot be honoured: ")), "{errors}");
        assert!(errors.contains(why), "{errors}");
    }
}

#[test]
fn a_search_uses_the_symmetry_that_is_asked_for_and_all_of_it_by_default() {
    let about = ["--nodes", "3", "--timing", "untimed", "--story", "rollout", "--format", "json"];
    let example = ["examples/web-prestop.yaml", "--replicas", "1"];
    let states = |asked: &[&str]| {
        let output = podproof(&[&["check"], &about[..], &example, asked].concat());
        let document: Value =
            serde_json::from_str(&String::from_utf8(output.stdout).expect("text")).expect("a document");
        let search = &document["workloads"][0]["searches"][0];
        let name = search["measured"]["symmetry"].as_str().expect("a name").to_owned();
        (name, search["states"].as_u64().expect("a number"))
    };
    let (none, every) = states(&["--symmetry", "none"]);
    let (nodes, fewer) = states(&["--symmetry", "nodes"]);
    assert_eq!((none.as_str(), nodes.as_str()), ("none", "nodes"));
    assert!(fewer < every, "{fewer} {every}");
    assert_eq!(states(&[]), states(&["--symmetry", "all"]));
}
