//! Ways to make a scenario smaller by one thing. One that does not apply changes nothing.

use podproof_vocabulary::Scenario;
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::ContainerKind;

/// A way to make a scenario smaller.
pub(super) type Simplify = fn(&mut Scenario);

/// All of them, the largest first.
pub(super) const ALL: &[Simplify] = &[
    |scenario| {
        scenario.neighbours.pop();
    },
    |scenario| {
        scenario.budgets.pop();
    },
    |scenario| scenario.service = None,
    |scenario| scenario.spare_nodes = scenario.spare_nodes.saturating_sub(1),
    |scenario| {
        if scenario.nodes.len() > 1 {
            scenario.nodes.pop();
        }
    },
    |scenario| scenario.workload.replicas = scenario.workload.replicas.saturating_sub(1),
    |scenario| {
        let events: Vec<_> = scenario.events.iter().filter(|(_, count)| *count > 0).collect();
        if let Some(&(event, count)) = events.last() {
            scenario.events.set(event, count - 1);
        }
    },
    |scenario| {
        let containers = &mut scenario.workload.template.containers;
        let app = containers.iter().filter(|container| container.kind == ContainerKind::App).count();
        let last = containers.iter().rposition(|container| container.kind != ContainerKind::App || app > 1);
        let serving = usize::from(scenario.workload.template.serving);
        if let Some(last) = last.filter(|&last| last > serving) {
            containers.remove(last);
        }
    },
    |scenario| scenario.workload.min_ready_seconds = 0,
    |scenario| scenario.workload.progress_deadline_seconds = None,
    |scenario| scenario.workload.template.finalizer = false,
    |scenario| scenario.workload.template.node_name = None,
    |scenario| scenario.workload.template.node_selector.clear(),
    |scenario| scenario.release = Release::NEWEST,
    |scenario| scenario.slots = scenario.slots.saturating_sub(1).max(1),
];
