//! stateright's breadth-first search is the reference: on the model of single steps and on the model of moves ours finds
//! as many states and the same broken safety promises.

use std::collections::BTreeSet;

use crate::common::Checked;
use podproof_checker::{Plain, Search};
use podproof_model::front_door::Judges;
use podproof_model::reduced::Reduced;
use podproof_model::reduced::fusion::Fusions;
use podproof_model::{ClusterState, Model};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::property::{Kind, PROPERTIES, PropertySet};
use podproof_vocabulary::scenario::{IntOrPercent, Strategy, Timing};
use podproof_vocabulary::{Property, Scenario, catalogue};
use stateright::{Checker, Model as _};

/// No search of these tests has more states.
const STATES: u64 = 200_000;

/// A model whose states carry what the steps out of them break, with its safety promises as stateright's `always`
/// properties, and one more that holds everywhere: without it stateright would end as soon as the others are decided.
struct Referee<M>(M);

impl<M: Judges + stateright::Model<State = ClusterState>> Referee<M> {
    fn judged(&self, state: ClusterState) -> (ClusterState, PropertySet) {
        let broken = self.0.judge_all(&state).broken;
        (state, broken)
    }
}

fn keeps<M, const PROPERTY: usize>(_: &Referee<M>, (_, broken): &(ClusterState, PropertySet)) -> bool {
    !broken.contains(PROPERTIES[PROPERTY].property)
}

impl<M: Judges + stateright::Model<State = ClusterState>> stateright::Model for Referee<M> {
    type State = (ClusterState, PropertySet);
    type Action = M::Action;

    fn init_states(&self) -> Vec<Self::State> {
        self.0.init_states().into_iter().map(|state| self.judged(state)).collect()
    }

    fn actions(&self, (state, _): &Self::State, actions: &mut Vec<M::Action>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, (state, _): &Self::State, action: M::Action) -> Option<Self::State> {
        self.0.next_state(state, action).map(|next| self.judged(next))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        macro_rules! always {
            ($($index:literal)*) => {
                vec![$(stateright::Property::always(PROPERTIES[$index].name, keeps::<M, $index>)),*]
            };
        }
        let mut all = always!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
        let safety = PROPERTIES.iter().filter(|facts| facts.kind == Kind::Safety);
        assert!(
            safety.map(|facts| facts.name).eq(all.iter().map(|property| property.name)),
            "list every safety promise"
        );
        all.push(stateright::Property::always("everything", |_, _| true));
        all
    }
}

/// States and broken safety promises as stateright has them.
fn by_stateright<M>(model: M) -> (u64, BTreeSet<Property>)
where
    M: Judges + stateright::Model<State = ClusterState> + Send + Sync + 'static,
    M::Action: Clone + PartialEq + std::fmt::Debug + std::hash::Hash + Send + Sync,
{
    let checker = Referee(model).checker().threads(1).spawn_bfs().join();
    let broken =
        checker.discoveries().into_keys().map(|name| name.parse().expect("only promises are broken"));
    (checker.unique_state_count() as u64, broken.collect())
}

/// The same as ours has them.
fn by_ours(checked: &Checked) -> (u64, BTreeSet<Property>) {
    let report = checked.report(2, STATES);
    assert!(report.is_complete(), "{:?}", report.stopped);
    let broken = report.violations.iter().map(|violation| PROPERTIES[violation.property as usize].property);
    (report.states, broken.collect())
}

fn model(scenario: &Scenario) -> Model {
    Model::new(scenario.clone()).expect("a scenario of a test fits")
}

fn single_steps_agree(scenario: &Scenario) -> u64 {
    let reference = by_stateright(model(scenario));
    assert_eq!(by_ours(&Checked::with(scenario.clone(), Fusions::none())), reference, "{scenario:?}");
    reference.0
}

fn moves_agree(scenario: &Scenario) -> u64 {
    let reference = by_stateright(Reduced::new(model(scenario)));
    assert_eq!(by_ours(&Checked::new(scenario.clone())), reference, "{scenario:?}");
    reference.0
}

fn web(story: Story, replicas: u8, nodes: usize) -> Scenario {
    catalogue::web("reference", story, replicas, nodes)
}

fn timed(scenario: Scenario) -> Scenario {
    Scenario { timing: Timing::Timed, ..scenario }
}

fn with_all_clocks(scenario: Scenario) -> Scenario {
    let approximations = scenario.approximations.without(Approximation::Focus);
    Scenario { approximations, ..timed(scenario) }
}

#[test]
fn single_steps_are_searched_as_by_stateright() {
    single_steps_agree(&web(Story::Create, 1, 1));
    single_steps_agree(&web(Story::NodeFailure, 1, 2));
    single_steps_agree(&web(Story::RuntimeHang, 1, 2));
    single_steps_agree(&web(Story::ScaleDown, 1, 1));
    single_steps_agree(&web(Story::Create, 2, 1));
}

#[test]
fn moves_are_searched_as_by_stateright() {
    for story in Story::ALL {
        moves_agree(&web(story, 1, 1));
        moves_agree(&web(story, 1, 2));
    }
    moves_agree(&web(Story::Create, 2, 2));
    moves_agree(&web(Story::ScaleDown, 2, 1));
}

#[test]
fn the_built_in_scenarios_are_searched_as_by_stateright() {
    let mut compared = 0;
    for entry in catalogue::ENTRIES {
        let untimed = entry.scenario();
        moves_agree(&untimed);
        let timed = timed(untimed);
        // What takes stateright minutes is left to the counts of the golden test.
        if Checked::new(timed.clone()).report(2, 60_000).is_complete() {
            moves_agree(&timed);
            compared += 1;
        }
    }
    assert!(compared >= 17, "{compared} of {} with time", catalogue::ENTRIES.len());
}

#[test]
fn timed_states_are_searched_as_by_stateright() {
    single_steps_agree(&with_all_clocks(web(Story::Create, 1, 1)));
    single_steps_agree(&with_all_clocks(web(Story::Create, 1, 2)));
    moves_agree(&timed(web(Story::Create, 1, 1)));
    moves_agree(&timed(web(Story::Rollout, 1, 1)));
    moves_agree(&timed(web(Story::PodDeletion, 1, 1)));
}

#[test]
fn exact_watches_and_faults_are_searched_as_by_stateright() {
    let mut scenario = web(Story::Create, 1, 1);
    scenario.approximations = scenario.approximations.without(Approximation::CoalescedWatchEvents);
    scenario.events.set(EventName::WatchBreak, 1);
    single_steps_agree(&scenario);
    moves_agree(&scenario);
    let mut scenario = web(Story::Create, 1, 2);
    scenario.events.set(EventName::ContainerCrash, 1);
    scenario.events.set(EventName::ProxyStop, 1);
    moves_agree(&scenario);
}

#[test]
fn wrong_rules_are_found_as_by_stateright() {
    for mutant in [
        Mutant::SliceKeepsTerminatingReady,
        Mutant::WorkerStartsAfterTermination,
        Mutant::KubeletRemovesEarly,
        Mutant::SigkillAtOnce,
        Mutant::SandboxStoppedFirst,
    ] {
        moves_agree(&Scenario { mutant: Some(mutant), ..web(Story::Rollout, 1, 1) });
    }
    let recreate = |mutant| {
        let mut scenario = Scenario { mutant, ..web(Story::Rollout, 1, 1) };
        scenario.workload.strategy = Strategy::Recreate;
        scenario
    };
    moves_agree(&recreate(None));
    moves_agree(&recreate(Some(Mutant::RecreateDoesNotWait)));
    let mut surging = web(Story::Rollout, 1, 1);
    surging.workload.strategy =
        Strategy::RollingUpdate { max_surge: IntOrPercent::Int(0), max_unavailable: IntOrPercent::Int(1) };
    surging.mutant = Some(Mutant::DeploymentIgnoresSurge);
    moves_agree(&surging);
}

#[test]
fn the_adapter_for_stateright_finds_what_stateright_finds() {
    for scenario in [
        web(Story::ScaleDown, 1, 1),
        web(Story::NodeFailure, 1, 2),
        with_all_clocks(web(Story::Create, 1, 1)),
    ] {
        let (states, broken) = by_stateright(model(&scenario));
        let plain = Plain::new(Referee(model(&scenario))).expect("no eventually property");
        let report = Search::new(&plain).threads(2).run();
        let names = plain.names();
        let found: BTreeSet<Property> = report
            .violations
            .iter()
            .map(|violation| names[violation.property as usize].parse().expect("only promises are broken"))
            .collect();
        assert_eq!((report.states, found), (states, broken), "{}", scenario.story);
    }
}
