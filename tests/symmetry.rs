//! Pods of one template are alike: a state can do what its representative can, and a search over representatives says what
//! a search over all states says.

use std::collections::{BTreeSet, VecDeque};

use podproof::searched::Searched;
use podproof_checker::{Bounds, Search, System};
use podproof_model::reduced::{Reduced, symmetry};
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::catalogue::{self, web};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::{Scenario, Timing};
use podproof_vocabulary::{Property, property};

fn untimed(scenario: Scenario) -> Scenario {
    let approximations = scenario.approximations.without(Approximation::Focus);
    Scenario { approximations, ..scenario }
}

fn worlds() -> Vec<Scenario> {
    let mut mutated = web("mutated", Story::Rollout, 2, 1);
    mutated.mutant = Some(Mutant::ReplicaSetStatusNeverWritten);
    let mut stuck = web("stuck", Story::ScaleDown, 2, 1);
    stuck.mutant = Some(Mutant::KubeletNeverRemoves);
    let mut crashes = web("crashes", Story::Create, 2, 1);
    crashes.events.set(EventName::ContainerCrash, 1);
    let named = |name: &str| catalogue::find(name).expect("a built-in scenario").scenario();
    vec![
        untimed(web("rollout", Story::Rollout, 1, 2)),
        untimed(web("create", Story::Create, 2, 2)),
        untimed(web("node-failure", Story::NodeFailure, 2, 2)),
        untimed(mutated),
        untimed(stuck),
        untimed(crashes),
        untimed(named("anti-affinity")),
        untimed(named("drain-pdb")),
        Scenario {
            timing: Timing::Timed,
            addresses_are_reused: true,
            ..web("timed", Story::PodDeletion, 2, 1)
        },
    ]
}

fn model(scenario: &Scenario) -> Reduced {
    Reduced::new(Model::new(scenario.clone()).expect("a scenario of a test fits"))
}

#[test]
fn a_state_can_do_what_its_representative_can() {
    for scenario in worlds() {
        let reduced = model(&scenario);
        let sorted = |mut state: ClusterState| {
            symmetry::sort(&reduced.model.rules, &mut state);
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

#[test]
fn a_search_over_representatives_says_what_a_search_over_all_states_says() {
    for scenario in worlds() {
        let timed = scenario.timing == Timing::Timed;
        let all = Property::all().filter(|p| !timed || p.facts().kind == property::Kind::Safety);
        let judged = PropertySet::of(all);
        let say = |system: &Searched| {
            let bounds = Bounds { states: 1_000_000, ..Bounds::default() };
            let report = Search::new(system).bounds(bounds).threads(2).run();
            assert!(report.is_complete(), "{}", scenario.name);
            let broken: BTreeSet<u32> =
                report.violations.iter().map(|violation| violation.property).collect();
            let kept: BTreeSet<Property> =
                report.lassos.iter().map(|lasso| system.property_of(lasso.obligation)).collect();
            let owed: Vec<Property> =
                judged.iter().filter(|&p| report.owed & system.obligations_of(p) != 0).collect();
            let lengths: Vec<(u32, usize)> = report
                .violations
                .iter()
                .map(|violation| (violation.property, violation.path.steps.len()))
                .collect();
            (
                report.states,
                (broken, report.reached, kept, owed, lengths.into_iter().collect::<BTreeSet<_>>()),
            )
        };
        let symmetric = Searched::new(model(&scenario), judged);
        assert!(symmetric.is_symmetric() && symmetric.initial().len() == symmetric.reduced().initial().len());
        let (fewer, with) = say(&symmetric);
        let (more, without) = say(&Searched::new(model(&scenario), judged).without_symmetry());
        assert_eq!(with, without, "{}", scenario.name);
        let one_pod_at_a_time = scenario.workload.replicas == 1;
        assert!(
            fewer < more || one_pod_at_a_time,
            "{}: {fewer} representatives of {more} states",
            scenario.name
        );
    }
}
