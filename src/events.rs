//! What may happen to a cluster beside its story: which events a command line asks for, what they do, and how a report says it.

use std::collections::BTreeSet;

use podproof_vocabulary::event::{Budget, EventArgument, EventName, ScaleTarget};
use podproof_vocabulary::scenario::{Hang, Labels, Node, Scenario};

use crate::arguments::WorldArguments;

/// An event has one count, a `scale` event scales to one thing, and what says how something befalls is there with that.
///
/// # Errors
/// A sentence that names the event that is there twice, or the option that has no effect.
pub fn refuse(world: &WorldArguments) -> Result<(), String> {
    let mut targets = world.events.iter().filter_map(|event| event.scale);
    let first = targets.next();
    if !targets.all(|other| Some(other) == first) {
        return Err("--event scale is there with several targets; accepted is one target in a run".into());
    }
    let mut seen = BTreeSet::new();
    match world.events.iter().find(|event| !seen.insert(event.event)) {
        Some(EventArgument { event, .. }) => Err(format!(
            "--event {event} is there twice; accepted is one, with how often it may happen in all"
        )),
        None => refuse_idle(world).and_then(|()| refuse_strange(world)),
    }
}

/// Refuses an option that says how an event happens which is not asked for.
fn refuse_idle(world: &WorldArguments) -> Result<(), String> {
    let happens = |event: EventName| {
        world.stories.iter().any(|story| story.event() == Some(event))
            || world.events.iter().any(|asked| asked.event == event && asked.count > 0)
    };
    let options = [
        ("--hang", world.hang.is_some(), EventName::RuntimeHang),
        ("--taint", world.taint.is_some(), EventName::TaintNode),
        ("--label", !world.labels.is_empty(), EventName::LabelNode),
    ];
    match options.into_iter().find(|&(_, is_given, event)| is_given && !happens(event)) {
        Some((option, _, EventName::RuntimeHang)) => Err(format!(
            "{option} has no effect where no runtime hangs; accepted is {option} with --story runtime-hang or --event runtime-hang=1"
        )),
        Some((option, _, event)) => Err(format!(
            "{option} has no effect without the event; accepted is {option} with --event {event}=1"
        )),
        None => Ok(()),
    }
}

/// Refuses what these nodes cannot get: a taint of a key and effect that one of them has already, which would be two in one place
/// (S28 `validateNodeTaints`).
///
/// # Errors
/// A sentence that names the node.
pub fn refuse_on(nodes: &[Node], world: &WorldArguments) -> Result<(), String> {
    let Some(taint) = &world.taint else { return Ok(()) };
    let has_one =
        |node: &&Node| node.taints.iter().any(|own| (&own.key, own.effect) == (&taint.key, taint.effect));
    nodes.iter().find(has_one).map_or(Ok(()), |node| {
        Err(format!(
            "--taint {taint}: {} has a taint of this key and effect already, and a node has one of each; accepted is another",
            node.name
        ))
    })
}

/// Taints that controllers set, and take off when it is not so.
const OF_CONTROLLERS: [&str; 3] =
    ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable"];

/// Refuses a taint that is not somebody's to set, and labels that no two nodes have.
fn refuse_strange(world: &WorldArguments) -> Result<(), String> {
    if let Some(taint) = world.taint.as_ref().filter(|taint| OF_CONTROLLERS.contains(&taint.key.as_str())) {
        return Err(format!(
            "--taint {taint}: the node lifecycle controller sets and takes this one itself; accepted is another key"
        ));
    }
    let mut seen = BTreeSet::new();
    if let Some(label) = world.labels.iter().find(|label| !seen.insert(&label.key)) {
        return Err(format!("--label {} is there twice; accepted is one value", label.key));
    }
    let names_a_node = world.labels.iter().find(|label| label.key == "kubernetes.io/hostname");
    names_a_node.map_or(Ok(()), |label| {
        Err(format!("--label {}: each node has a value of its own; accepted is another key", label.key))
    })
}

/// What may befall the cluster beside its story, and how.
pub fn befall(scenario: &mut Scenario, world: &WorldArguments) {
    for event in &world.events {
        add_event(scenario, event);
    }
    scenario.hang = world.hang.unwrap_or(scenario.hang);
    scenario.event_taint = world.taint.clone().or(scenario.event_taint.take());
    if world.labels.is_empty() {
        return;
    }
    for node in &mut scenario.nodes {
        let own = node.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
        let given = world.labels.iter().map(|label| (label.key.clone(), label.value.clone()));
        let later: Labels = own.chain(given).collect();
        node.later_labels = (later != node.labels).then_some(later);
    }
}

fn add_event(scenario: &mut Scenario, event: &EventArgument) {
    let count = event.count;
    scenario.events.set(event.event, count);
    scenario.scale = event.scale.or(scenario.scale);
    if event.event == EventName::AddNode {
        for number in 1..=count.saturating_sub(scenario.spare_nodes) {
            let node = spare_node(&scenario.nodes, number);
            scenario.nodes.push(node);
        }
        scenario.spare_nodes = scenario.spare_nodes.max(count);
    }
}

/// One more node, equal to the first but for its name.
fn spare_node(nodes: &[Node], number: u8) -> Node {
    let first = &nodes[0];
    let mut name = format!("{}-spare-{number}", first.name);
    while nodes.iter().any(|node| node.name == name) {
        name.push('x');
    }
    let mut node = first.clone();
    let later = node.later_labels.iter_mut().flat_map(|labels| labels.values_mut());
    for value in node.labels.values_mut().chain(later).filter(|value| **value == first.name) {
        value.clone_from(&name);
    }
    Node { name, unschedulable: false, ..node }
}

/// How what befalls the cluster does so, a sentence each: the events beside the story, and the story's own where it has a choice that
/// was made.
pub fn told(scenario: &Scenario) -> Vec<String> {
    let is_chosen =
        scenario.story.event() == Some(EventName::RuntimeHang) && scenario.hang != Hang::default();
    let hang =
        is_chosen.then(|| format!("why a relist is stuck where a runtime hangs: {} (--hang)", scenario.hang));
    beside_the_story(scenario).into_iter().chain(hang).collect()
}

/// What may happen at any moment beside the story; nothing, where only the story is told.
fn beside_the_story(scenario: &Scenario) -> Option<String> {
    let times = |count: u8| match count {
        1 => "once".to_owned(),
        Budget::NO_BOUND => "any number of times".to_owned(),
        count => format!("{count} times"),
    };
    let target = |event: EventName| match (event, scenario.scale) {
        (EventName::Scale, Some(ScaleTarget::By(change))) => format!(" by {change:+}"),
        (EventName::Scale, Some(ScaleTarget::To(replicas))) => format!(" to {replicas}"),
        (EventName::Scale, None) => {
            let targets: Vec<_> = scenario.scale_targets.iter().map(ToString::to_string).collect();
            format!(" to {}", targets.join(" or "))
        }
        (EventName::TaintNode, _) => format!(" ({})", scenario.taint_of_events()),
        (EventName::LabelNode, _) => labels(scenario),
        (EventName::RuntimeHang, _) => format!(" ({})", scenario.hang),
        _ => String::new(),
    };
    let events =
        scenario.events.iter().map(|(event, count)| format!("{event}{} {}", target(event), times(count)));
    let events: Vec<String> = events.collect();
    (!events.is_empty())
        .then(|| format!("beside the story this may happen, at any moment: {} (--event)", events.join(", ")))
}

/// The labels that nodes get which they did not have, each once.
fn labels(scenario: &Scenario) -> String {
    let later = scenario.nodes.iter().flat_map(|node| {
        let later = node.later_labels.iter().flatten();
        later.filter(|(key, value)| node.labels.get(*key) != Some(*value))
    });
    let given: BTreeSet<String> = later.map(|(key, value)| format!("{key}={value}")).collect();
    let given: Vec<String> = given.into_iter().collect();
    if given.is_empty() { String::new() } else { format!(" ({})", given.join(", ")) }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;

    #[test]
    fn the_command_line_says_how_often_an_event_of_a_scenario_happens() {
        let mut scenario = catalogue::web("x", Story::Create, 1, 1);
        scenario.events.set(EventName::NodeCrash, 2);
        for count in [3, 1, 0] {
            add_event(&mut scenario, &EventArgument { event: EventName::NodeCrash, count, scale: None });
            assert_eq!(scenario.events.count(EventName::NodeCrash), count);
        }
    }

    #[test]
    fn a_spare_node_has_a_name_of_its_own_in_all_its_labels() {
        let mut scenario = catalogue::web("x", Story::Create, 1, 1);
        scenario.nodes[0].later_labels = Some(scenario.nodes[0].labels.clone());
        let spare = spare_node(&scenario.nodes, 1);
        assert_eq!(spare.labels["kubernetes.io/hostname"], spare.name);
        assert_eq!(spare.later_labels.as_ref(), Some(&spare.labels));
    }
}
