//! What may happen in a scenario: whatever the log may show must be possible in the model.

use std::collections::BTreeSet;

use podproof_vocabulary::event::{Budget, EventName, ScaleTarget};
use podproof_vocabulary::scenario::Scenario;

use super::observed::Scaling;
use super::roots::Root;
use super::surveyor::Surveyor;

/// So many pods of a workload have a slot each, and never use one again.
const FEW_PODS: usize = 100;
/// The most pods of a workload that a state can remember at once.
const MOST_SLOTS: usize = 250;
/// The most template changes of a Deployment that a state can hold.
pub(super) const MOST_ROLLOUTS: usize = 59;

/// The slots of a workload: one for each of its pods. Of more than a hundred pods as many as there were at once, and a
/// quarter more for those that are gone and remembered, but a hundred at least.
pub(super) fn slots(root: &Root<'_>, surveyor: &Surveyor) -> u8 {
    let pods = root.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
    let mut turns = Vec::new();
    for span in pods.map(|pod| pod.life.span()) {
        turns.push((span.from, 1));
        turns.extend(span.to.map(|to| (to, -1)));
    }
    turns.sort_unstable();
    let (mut now, mut at_once) = (0_i64, 0_i64);
    for (_, change) in turns {
        now += change;
        at_once = at_once.max(now);
    }
    // Of those that were there before the log, some may never be in it.
    let unseen = root.controller.filter(|controller| controller.life.existed);
    let unseen = unseen.map_or(0, |controller| usize::try_from(controller.replicas).unwrap_or(usize::MAX));
    let all = root.pods.len().saturating_add(unseen);
    let at_once = usize::try_from(at_once).unwrap_or(0).saturating_add(unseen);
    let remembered = at_once.saturating_add(at_once.div_ceil(4)).max(FEW_PODS);
    u8::try_from(all.min(remembered).clamp(1, MOST_SLOTS)).unwrap_or(u8::MAX)
}

/// The scalings of a workload.
pub(super) fn scales(root: &Root<'_>) -> Vec<Scaling> {
    let scales = root.controller.map_or(&[][..], |controller| &controller.scales);
    scales.iter().map(|&(at, replicas)| Scaling { at, replicas }).collect()
}

/// Grace periods, in seconds, that deletions of its pods ask for beside `own`, that of its template; 0 is another kind of deletion.
pub(super) fn graces(root: &Root<'_>, surveyor: &Surveyor, own: u32) -> Vec<u32> {
    let pods = root.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
    let all: BTreeSet<u32> = pods.flat_map(|pod| &pod.graces).copied().collect();
    all.into_iter().filter(|&seconds| seconds > 0 && seconds != own).collect()
}

/// Sets the budgets of events: each may happen at any moment and as often as it likes, but for those of which the log shows how
/// often, as the states of the model grow with them.
pub(super) fn set_events(scenario: &mut Scenario, rollouts: &[usize], scales: &[Scaling]) {
    let count = |number: usize, most: usize| u8::try_from(number.min(most)).unwrap_or(u8::MAX);
    let mut events = Budget::default();
    for event in EventName::all() {
        events.set(event, Budget::NO_BOUND);
    }
    events.set(EventName::Rollout, count(rollouts.len(), MOST_ROLLOUTS));
    if rollouts.iter().zip(1..).any(|(&template, next)| template != next) {
        let to = |&template: &usize| u8::try_from(template).unwrap_or(u8::MAX);
        scenario.rollouts = rollouts.iter().take(MOST_ROLLOUTS).map(to).collect();
    }
    events.set(EventName::Scale, count(scales.len(), usize::from(u8::MAX)));
    scenario.events = events;
    scenario.scale = scales.first().map(target);
}

/// What a `scale` event of the model sets the replicas to.
pub(super) fn target(scaling: &Scaling) -> ScaleTarget {
    ScaleTarget::To(u8::try_from(scaling.replicas).unwrap_or(u8::MAX))
}
