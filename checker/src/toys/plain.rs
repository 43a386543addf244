//! The adapter for stateright's models.

use stateright::{Model, Property};

use crate::search::Search;
use crate::system::{Plain, System};

/// A counter that goes up by one or two as far as ten.
struct Counter {
    properties: Vec<Property<Self>>,
}

impl Counter {
    fn new(properties: Vec<Property<Self>>) -> Self {
        Self { properties }
    }
}

impl Model for Counter {
    type State = u8;
    type Action = u8;

    fn init_states(&self) -> Vec<u8> {
        vec![0, 200]
    }

    fn actions(&self, _state: &u8, actions: &mut Vec<u8>) {
        actions.extend([1, 2]);
    }

    fn next_state(&self, state: &u8, action: u8) -> Option<u8> {
        (state % 5 != 4 || action == 1).then_some(state + action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.properties.iter().map(|p| Property { expectation: p.expectation.clone(), ..*p }).collect()
    }

    fn within_boundary(&self, state: &u8) -> bool {
        *state <= 10
    }
}

#[test]
fn always_and_sometimes_are_judged_within_the_boundary() {
    let plain = Plain::new(Counter::new(vec![
        Property::always("below 7", |_, state| *state < 7),
        Property::always("not 200", |_, state| *state != 200),
        Property::sometimes("ten", |_, state| *state == 10),
        Property::sometimes("eleven", |_, state| *state == 11),
    ]));
    let plain = plain.unwrap();
    let report = Search::new(&plain).run();
    assert_eq!((report.states, report.dead_ends, report.is_complete()), (11, 1, true));
    assert_eq!(report.reached, 0b0111);
    assert_eq!(plain.unmet(&report), ["eleven"]);
    assert_eq!(plain.properties(), 0b0011, "what a hunt looks for");
    let broken: Vec<_> =
        report.violations.iter().map(|v| (plain.names()[v.property as usize], v.path.steps.len())).collect();
    assert_eq!(broken, [("below 7", 4)]);
    assert!(report.lassos.is_empty());
}

#[test]
fn eventually_is_refused_by_name() {
    let model = Counter::new(vec![Property::eventually("ten in the end", |_, state| *state == 10)]);
    let message = Plain::new(model).err().unwrap();
    for part in ["'ten in the end' is an eventually property", "leads_to", "always_eventually"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn more_properties_than_bits_are_refused() {
    let properties = |count| Counter::new(vec![Property::always("below 7", |_, state| *state < 7); count]);
    assert!(Plain::new(properties(64)).is_ok());
    assert!(Plain::new(properties(65)).err().unwrap().contains("65 properties"));
}

#[test]
fn states_are_those_of_stateright() {
    use stateright::Checker;
    // Without a property that stays open stateright ends at once.
    let model = || Counter::new(vec![Property::always("at most 10", |_, state| *state <= 10)]);
    let reference = model().checker().spawn_bfs().join().unique_state_count();
    assert_eq!(Search::new(&Plain::new(model()).unwrap()).run().states, reference as u64);
}
