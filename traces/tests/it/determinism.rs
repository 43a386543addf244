//! What is recorded is what is replayed, wherever the steps lead.

use podproof_model::Model;
use podproof_traces::{Trace, replay};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::{PreStop, Timing};
use podproof_vocabulary::{Property, Scenario, catalogue};
use proptest::prelude::*;

/// Worlds that differ in what may happen in them.
fn scenarios() -> impl Strategy<Value = Scenario> {
    let faults = proptest::sample::subsequence(EventName::all().collect::<Vec<_>>(), 0..4);
    let mutants =
        prop_oneof![Just(None), Just(Some(Mutant::SigkillAtOnce)), Just(Some(Mutant::AddressFreedEarly))];
    (proptest::sample::select(&Story::ALL), 1u8..3, 1usize..3, faults, mutants, 0u8..3, any::<bool>())
        .prop_map(|(story, replicas, nodes, faults, mutant, timing, exact)| {
            let mut scenario = catalogue::web("x", story, replicas, nodes);
            for event in faults {
                scenario.events.set(event, 1);
            }
            scenario.addresses_are_reused = true;
            scenario.mutant = mutant;
            scenario.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(2));
            if exact {
                scenario.approximations = Approximations::NONE;
                scenario.one_proxy = false;
            }
            if timing > 0 {
                scenario.timing = Timing::Timed;
            }
            if timing == 1 {
                scenario.approximations = scenario.approximations.without(Approximation::Focus);
            }
            scenario
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_random_walk_replays_as_it_was_recorded(
        scenario in scenarios(),
        beginning in any::<prop::sample::Index>(),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..120),
    ) {
        let model = Model::new(scenario).unwrap();
        let initial = model.initial();
        let first = beginning.get(&initial);
        let mut state = first.clone();
        let mut stem = Vec::new();
        for choice in choices {
            let mut enabled = Vec::new();
            model.enabled(&state, &mut enabled);
            if enabled.is_empty() {
                break;
            }
            let action = *choice.get(&enabled);
            state = model.apply(&state, &action);
            stem.push(action);
        }
        let trace = Trace::record(&model, Property::NoFailedRequest, first, &stem, None, None);
        let read = Trace::from_json(&trace.to_json()).unwrap();
        prop_assert_eq!(&read, &trace);
        let replayed = replay(&read);
        prop_assert!(replayed.is_ok(), "{}", replayed.unwrap_err());
        prop_assert_eq!(trace.to_json(), Trace::record(&model, Property::NoFailedRequest, first, &stem, None, None).to_json());
    }
}
