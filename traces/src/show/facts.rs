//! What is to be known of the world that a trace happens in, before its story.

use podproof_vocabulary::Scenario;
use podproof_vocabulary::action::Component;
use podproof_vocabulary::scenario::{Beginning, Hang, Node, Timing, Workload};

use crate::names::Names;
use crate::trace::{Followed, Trace};

/// What is to be known of the world that a trace happens in, each with what it is called.
pub(crate) fn facts(trace: &Trace, names: &Names) -> Vec<(&'static str, String)> {
    let scenario = &trace.scenario;
    let world = format!(
        "{} {} with {} on {}, story {}, {}, Kubernetes 1.{}",
        scenario.workload.kind.name(),
        scenario.workload.name,
        replicas(&scenario.workload),
        count(scenario.nodes.len(), "node"),
        scenario.story,
        scenario.timing.name(),
        scenario.release.minor
    );
    let manifest = trace.manifest.iter().map(|file| ("manifest", file.clone()));
    let mut facts: Vec<_> = manifest.chain([("world", world)]).collect();
    if scenario.begins == Beginning::Running {
        facts.push(("begins", "with the workload running and at rest".to_owned()));
    }
    let given = given(scenario);
    if !given.is_empty() {
        facts.push(("events", given.join("; ")));
    }
    if let Some(mutant) = scenario.mutant {
        facts.push(("wrong rule", format!("{mutant}: {}", mutant.facts().says)));
    }
    if let Some(node) = trace.observed_proxy {
        facts.push(("rules", format!("those of {}", names.node(node))));
    }
    facts.extend(time(trace).map(|says| ("time", says)));
    facts.extend(legend(trace).map(|says| ("lanes", says)));
    facts
}

/// What the events of a world bring with them, where that was said.
fn given(scenario: &Scenario) -> Vec<String> {
    let hang = Some(scenario.hang).filter(|&hang| hang != Hang::default());
    let hang = hang.map(|hang| format!("runtime-hang: {hang}"));
    let taint = scenario.event_taint.as_ref().map(|taint| format!("taint-node: {taint}"));
    let relabelled = |node: &Node| {
        let later = node.later_labels.as_ref()?;
        let set = later.iter().filter(|(key, value)| node.labels.get(*key) != Some(*value));
        let taken = node.labels.keys().filter(|key| !later.contains_key(*key));
        let changes: Vec<_> = set
            .map(|(key, value)| format!("{key}={value}"))
            .chain(taken.map(|key| format!("{key}-")))
            .collect();
        Some(format!("label-node on {}: {}", node.name, changes.join(", ")))
    };
    hang.into_iter().chain(taint).chain(scenario.nodes.iter().filter_map(relabelled)).collect()
}

/// The replicas of a workload, with those of its manifest where they are others.
fn replicas(workload: &Workload) -> String {
    match (u32::from(workload.replicas), workload.manifest_replicas) {
        (checked, manifest) if checked == manifest => count(workload.replicas.into(), "replica"),
        (checked, 1) => format!("{checked} instead of the manifest's 1 replica"),
        (checked, manifest) if checked < manifest => {
            format!("{checked} of the manifest's {manifest} replicas")
        }
        (checked, manifest) => format!("{checked} instead of the manifest's {manifest} replicas"),
    }
}

/// What is to be known of the time of a trace: how it passes, if it does.
fn time(trace: &Trace) -> Option<String> {
    if let Some(log) = &trace.log {
        return Some(format!(
            "that of the log, which begins at {}; no entry shows a step that has none",
            log.began
        ));
    }
    let passes = trace.steps().any(|(_, step)| step.tick > 0);
    if let Some(Followed { from_step, .. }) = trace.followed {
        let says =
            format!("the clocks of one pod run, from step {from_step} on; all else takes any time (focus)");
        return Some(if passes { says } else { format!("{says}; {AT_ONCE}") });
    }
    match trace.scenario.timing {
        Timing::Untimed => Some("does not pass in an untimed search: each step may take any time".to_owned()),
        Timing::Timed => (!passes).then(|| AT_ONCE.to_owned()),
    }
}

/// What is said of a trace with time in which none passes.
const AT_ONCE: &str = "all of it may happen within one second: a bound is the longest that a step may take, not how long it takes";

/// Which lanes are parts of one process, where its steps are told by the name of that.
fn legend(trace: &Trace) -> Option<String> {
    let is_part = |component: &Component| component.process() != component.name();
    let parts = Component::ALL.into_iter().filter(is_part);
    let parts: Vec<_> = parts.filter(|part| trace.steps().any(|(_, step)| step.component == *part)).collect();
    let groups = parts.chunk_by(|one, next| one.process() == next.process()).map(|group| {
        let names: Vec<_> = group.iter().map(|part| part.name()).collect();
        let are = if names.len() == 1 { "is" } else { "are" };
        format!("{} {are} of the {}", listed(&names), group[0].process())
    });
    let groups: Vec<_> = groups.collect();
    (!groups.is_empty()).then(|| groups.join("; "))
}

/// Names in a row, as `scheduler, kubelet and pleg`.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;

    #[test]
    fn what_events_bring_is_said_where_somebody_chose_it() {
        let mut scenario = catalogue::web("x", Story::Drain, 2, 2);
        assert_eq!(given(&scenario), Vec::<String>::new());
        scenario.event_taint = Some("gpu:NoExecute".parse().expect("a taint"));
        scenario.hang = Hang::StuckInspect;
        let labels = [("disk", "ssd"), ("zone", "a")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let node = &mut scenario.nodes[1];
        node.later_labels = Some(labels.into_iter().collect());
        node.labels = [("old".to_owned(), "yes".to_owned()), ("zone".to_owned(), "a".to_owned())].into();
        let name = node.name.clone();
        let labels = format!("label-node on {name}: disk=ssd, old-");
        let says = ["runtime-hang: stuck-inspect", "taint-node: gpu:NoExecute", &labels];
        assert_eq!(given(&scenario), says);
    }
}
