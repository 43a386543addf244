//! What happens to the cluster.

use arbitrary::{Result, Unstructured};
use podproof_vocabulary::event::{EventName, ScaleTarget, Story};
use podproof_vocabulary::scenario::{Scenario, Taint, TaintEffect};

use super::limits::{EVENT_KINDS_MAX, EVENTS_MAX};
use super::{one_in, one_of};

/// What operators do; the rest are faults.
pub const OPERATORS: [EventName; 9] = [
    EventName::Rollout,
    EventName::Scale,
    EventName::DeletePod,
    EventName::EvictPod,
    EventName::CordonNode,
    EventName::UncordonNode,
    EventName::DrainNode,
    EventName::TaintNode,
    EventName::UntaintNode,
];

const PEACEFUL: [Story; 5] =
    [Story::Create, Story::Rollout, Story::PodDeletion, Story::Drain, Story::ScaleDown];

/// The story and the events of a scenario. Of its nodes, the last are those that join it.
pub fn events(u: &mut Unstructured<'_>, scenario: &mut Scenario, faults: bool) -> Result<()> {
    scenario.story = if faults { one_of(u, &Story::ALL)? } else { one_of(u, &PEACEFUL)? };
    let drawn = EventName::all().filter(|&event| event != EventName::RemoveNode);
    let all: Vec<EventName> = if faults { drawn.collect() } else { OPERATORS.to_vec() };
    for _ in 0..u.int_in_range(0..=EVENT_KINDS_MAX)? {
        let event = one_of(u, &all)?;
        let count = u.int_in_range(1..=EVENTS_MAX)?;
        scenario.events.set(event, count);
    }
    let may_fail = scenario.story == Story::NodeFailure || scenario.events.count(EventName::NodeCrash) > 0;
    if may_fail && scenario.events.count(EventName::TaintNode) > 0 {
        // PGC-2: of a node that may fail the taint of operators says that it has.
        let (key, effect) = ("node.kubernetes.io/out-of-service".into(), TaintEffect::NoExecute);
        scenario.event_taint = Some(Taint { key, value: String::new(), effect });
    }
    let joining = scenario.events.count(EventName::AddNode);
    if joining > 0 {
        let nodes = u8::try_from(scenario.nodes.len()).unwrap_or(u8::MAX);
        scenario.spare_nodes = joining.min(nodes - 1);
        let there = nodes - scenario.spare_nodes;
        scenario.neighbours.retain(|neighbour| neighbour.node < there);
    }
    let choice: u8 = u.arbitrary()?;
    let target = match choice & 1 == 1 {
        true => ScaleTarget::By(one_of(u, &[-2, -1, 1])?),
        false => ScaleTarget::To(u.int_in_range(0..=3)?),
    };
    // In bits that nothing else is drawn from: inputs that were found before this event was drawn are still what they were.
    if faults && choice >> 5 == 0b111 {
        scenario.events.set(EventName::RemoveNode, 1);
    }
    scenario.scale = Some(target);
    if one_in(u, 4)? {
        scenario.scale_targets = vec![0, 1, 2];
    }
    Ok(())
}

/// Does a scenario hold nothing but what operators do?
pub fn is_peaceful(scenario: &Scenario) -> bool {
    PEACEFUL.contains(&scenario.story) && scenario.events.iter().all(|(event, _)| OPERATORS.contains(&event))
}
