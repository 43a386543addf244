//! The world of a trace in which whatever waits for quiet may come at any moment.

use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::scenario::{Scenario, Timing};

/// The same world, but that steps take any time, slow timers and failure detectors fire at any moment, and the story's event is
/// one of the budget. What could happen there can happen here: all this only adds behaviours.
pub(super) fn free(scenario: &Scenario) -> Scenario {
    let approximations =
        scenario.approximations.without(Approximation::SlowTimersWhenQuiet).without(Approximation::Focus);
    let mut free =
        Scenario { timing: Timing::Untimed, inaccurate_detectors: true, approximations, ..scenario.clone() };
    let mut add = |event: EventName| {
        let count = free.events.count(event).saturating_add(1);
        free.events.set(event, count);
    };
    if let Some(event) = scenario.story.event() {
        add(event);
    }
    if scenario.story == Story::Partition {
        add(EventName::PartitionHeal);
    }
    free.story = Story::Create;
    free
}
