//! The check that a trace comes from, as a command line, as far as its world tells what was asked for.

use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::event::{Budget, EventName, ScaleTarget};
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::scenario::{
    Beginning, ContainerKind, Hang, Labels, OnSigterm, PodTemplate, RING_CAPACITY, Timing,
};
use podproof_vocabulary::{Property, Release, Scenario};

use crate::plain::word;

/// Nodes that are generated, and replicas that are checked at most, unless the command line says how many.
const NODES: usize = 2;
const REPLICAS: u32 = 2;

/// The command line of a check of `manifest` that searches the world of `scenario` for what breaks `property`; none, if no command
/// line makes such a world. Slots are left out: they break nothing and keep nothing.
pub(super) fn check(manifest: &str, scenario: &Scenario, property: Property) -> Option<String> {
    let mut words = vec!["podproof".to_owned(), "check".to_owned(), manifest.to_owned()];
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    if !is_of_manifest(scenario) {
        return None;
    }
    add("--workload", workload(scenario));
    add("--story", scenario.story.name().to_owned());
    add("--property", property.name().to_owned());
    let workload = &scenario.workload;
    if u32::from(workload.replicas) != workload.manifest_replicas.min(REPLICAS) {
        let is_cut = u32::from(workload.replicas) <= workload.manifest_replicas;
        add("--replicas", is_cut.then(|| workload.replicas.to_string())?);
    }
    // Where the input has Node objects, this says what is so.
    let nodes = scenario.nodes.len().checked_sub(scenario.spare_nodes.into())?;
    if nodes != NODES {
        add("--nodes", nodes.to_string());
    }
    if scenario.release != Release::NEWEST {
        add("--release", scenario.release.to_string());
    }
    let (on_sigterm, listens_after) = behaviour(&workload.template)?;
    if on_sigterm != OnSigterm::Exit {
        add("--on-sigterm", says(on_sigterm));
    }
    if listens_after != 0 {
        add("--listens-after", listens_after.to_string());
    }
    let usual = Latencies::of(scenario.release);
    for row in Latencies::ROWS {
        let seconds = row.value(&scenario.latencies);
        if seconds != row.value(&usual) {
            add("--latency", format!("{}={seconds}", row.name));
        }
    }
    for event in events(scenario)? {
        add("--event", event);
    }
    if scenario.hang != Hang::default() {
        add("--hang", scenario.hang.to_string());
    }
    if let Some(taint) = &scenario.event_taint {
        add("--taint", taint.to_string());
    }
    for label in labels(scenario)? {
        add("--label", label);
    }
    let usual = if property.facts().timed { Timing::Timed } else { Timing::Untimed };
    if scenario.timing != usual {
        let timing = if scenario.timing == Timing::Timed { "timed" } else { "untimed" };
        add("--timing", timing.to_owned());
    }
    if let Some(mutant) = scenario.mutant {
        add("--mutant", mutant.name().to_owned());
    }
    if scenario.approximations == Approximations::NONE {
        words.push("--exact".to_owned());
    } else if scenario.approximations.with(Approximation::Focus) != Approximations::ALL {
        return None;
    }
    if scenario.inaccurate_detectors {
        words.push("--inaccurate-detectors".to_owned());
    }
    Some(words.iter().map(|text| word(text)).collect::<Vec<_>>().join(" "))
}

/// Has it nothing that no manifest and no option says?
fn is_of_manifest(scenario: &Scenario) -> bool {
    scenario.begins == Beginning::Nothing
        && scenario.ring_capacity == RING_CAPACITY
        && scenario.scale_targets.is_empty()
        && scenario.rollouts.is_empty()
        && scenario.deletion_graces.is_empty()
}

/// What a check calls the workload: with its namespace where another one has its name.
fn workload(scenario: &Scenario) -> String {
    let workload = &scenario.workload;
    let (kind, name) = (workload.kind.name(), &workload.name);
    let names = [format!("{kind}/{}/{name}", workload.namespace), format!("{kind}/{name}")];
    let own = names.into_iter().find(|own| scenario.name.starts_with(own));
    own.unwrap_or_else(|| name.clone())
}

/// What every process does, if it is the same of all; init containers listen to nobody.
fn behaviour(template: &PodTemplate) -> Option<(OnSigterm, u32)> {
    let first = template.containers.first().map_or(OnSigterm::Exit, |container| container.on_sigterm);
    let mut listens = template
        .containers
        .iter()
        .filter(|container| container.kind != ContainerKind::Init)
        .map(|container| container.listens_after_seconds);
    let after = listens.next().unwrap_or(0);
    let are_alike = template.containers.iter().all(|container| container.on_sigterm == first)
        && listens.all(|other| other == after);
    are_alike.then_some((first, after))
}

fn says(on_sigterm: OnSigterm) -> String {
    match on_sigterm {
        OnSigterm::Exit => "exit".to_owned(),
        OnSigterm::Drain(seconds) => format!("drain={seconds}"),
        OnSigterm::Close(seconds) => format!("close={seconds}"),
        OnSigterm::Ignore => "ignore".to_owned(),
    }
}

/// The labels that a `label-node` event gives, if they are the same on all nodes that do not have them.
fn labels(scenario: &Scenario) -> Option<Vec<String>> {
    let later = || scenario.nodes.iter().filter_map(|node| Some((node, node.later_labels.as_ref()?)));
    let given: Labels = later()
        .flat_map(|(node, later)| later.iter().filter(|(key, value)| node.labels.get(*key) != Some(*value)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let are_given = scenario.nodes.iter().all(|node| {
        let own = node.labels.iter().chain(&given).map(|(key, value)| (key.clone(), value.clone()));
        let wanted: Labels = own.collect();
        node.later_labels == (wanted != node.labels).then_some(wanted)
    });
    are_given.then(|| given.iter().map(|(key, value)| format!("{key}={value}")).collect())
}

/// What may happen beside the story, as `--event` takes it.
fn events(scenario: &Scenario) -> Option<Vec<String>> {
    let says = |(event, count): (EventName, u8)| match (event, scenario.scale) {
        _ if count == Budget::NO_BOUND => None,
        (EventName::Scale, Some(scale)) if count == 1 => Some(match scale {
            ScaleTarget::By(change) => format!("scale={change:+}"),
            ScaleTarget::To(replicas) => format!("scale:{replicas}"),
        }),
        (EventName::Scale, _) => None,
        (event, _) => Some(format!("{}={count}", event.name())),
    };
    scenario.events.iter().map(says).collect()
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::mutant::Mutant;

    use super::*;

    fn asked(edit: impl FnOnce(&mut Scenario)) -> Option<String> {
        let mut scenario = catalogue::web("x", Story::Drain, 2, 2);
        scenario.name = "Deployment/web".to_owned();
        edit(&mut scenario);
        let told = check("web.yaml", &scenario, Property::TerminalIsFinal)?;
        let usual =
            "podproof check web.yaml --workload Deployment/web --story drain --property terminal-is-final";
        Some(told.strip_prefix(usual).expect("what is always said").to_owned())
    }

    #[test]
    fn what_is_not_usual_is_said() {
        assert_eq!(asked(|_| {}).as_deref(), Some(""));
        let told = asked(|scenario| {
            scenario.workload.manifest_replicas = 5;
            scenario.workload.replicas = 3;
            scenario.nodes.push(catalogue::node(3));
            scenario.release = Release { minor: 30 };
            scenario.latencies = Latencies::of(scenario.release);
            scenario.latencies.watch = 3;
            scenario.workload.template.containers[0].on_sigterm = OnSigterm::Drain(5);
            scenario.workload.template.containers[0].listens_after_seconds = 7;
            scenario.events.set(EventName::ContainerCrash, 2);
            scenario.events.set(EventName::Scale, 1);
            scenario.scale = Some(ScaleTarget::By(1));
            scenario.mutant = Some(Mutant::ProxyNeverAdds);
            scenario.approximations = Approximations::NONE;
            scenario.timing = Timing::Timed;
            scenario.inaccurate_detectors = true;
            scenario.events.set(EventName::RuntimeHang, 1);
            scenario.hang = Hang::StuckInspect;
            scenario.event_taint = "gpu=yes:NoSchedule".parse().ok();
            for node in &mut scenario.nodes {
                let mut later = node.labels.clone();
                later.insert("disk".into(), "ssd".into());
                node.later_labels = Some(later);
            }
        });
        let told = told.expect("all of it can be asked for");
        for option in [
            " --replicas 3 --nodes 3 --release 1.30 --on-sigterm drain=5 --listens-after 7 --latency watch=3 --event ",
            " --event container-crash=2",
            " --event scale=+1",
            " --hang stuck-inspect --taint gpu=yes:NoSchedule --label disk=ssd",
            " --timing timed --mutant proxy-never-adds --exact --inaccurate-detectors",
        ] {
            assert!(told.contains(option), "{told}");
        }
    }

    #[test]
    fn what_no_command_line_says_has_none() {
        let edits: [fn(&mut Scenario); 7] = [
            |scenario| scenario.begins = Beginning::Running,
            |scenario| scenario.scale_targets = vec![3],
            |scenario| scenario.workload.replicas = 3,
            |scenario| scenario.events.set(EventName::Scale, 2),
            |scenario| scenario.events.set(EventName::ContainerCrash, Budget::NO_BOUND),
            |scenario| scenario.nodes[0].later_labels = Some(Labels::new()),
            |scenario| {
                scenario.approximations = Approximations::ALL.without(Approximation::CurrentNodeViews);
            },
        ];
        for (place, edit) in edits.into_iter().enumerate() {
            assert_eq!(asked(edit), None, "{place}");
        }
    }
}
