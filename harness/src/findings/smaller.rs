//! Ways to make a scenario smaller by one thing. One that does not apply changes nothing.

use podproof_vocabulary::Scenario;
use podproof_vocabulary::catalogue;
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{
    Container, ContainerKind, IntOrPercent, Neighbour, Node, OnSigterm, PodTemplate, Resources,
    RestartPolicy, Strategy,
};

/// A way to make a scenario smaller.
#[derive(Clone, Copy)]
pub(super) enum Simplify {
    /// Something is taken off the scenario.
    Whole(fn(&mut Scenario)),
    /// Something is taken off the pods.
    Template(fn(&mut PodTemplate)),
    /// Something is taken off one container.
    Container(fn(&mut Container)),
    /// Something is taken off one node.
    Node(fn(&mut Node)),
    /// Something is taken off one neighbour.
    Neighbour(fn(&mut Neighbour)),
}

impl Simplify {
    /// The scenarios that are smaller by what this takes off, one for each part of this one that has it.
    pub(super) fn of(self, scenario: &Scenario) -> impl Iterator<Item = Scenario> + '_ {
        let parts = match self {
            Self::Whole(_) | Self::Template(_) => 1,
            Self::Container(_) => scenario.workload.template.containers.len(),
            Self::Node(_) => scenario.nodes.len(),
            Self::Neighbour(_) => scenario.neighbours.len(),
        };
        let smaller = move |part| {
            let mut smaller = scenario.clone();
            match self {
                Self::Whole(simplify) => simplify(&mut smaller),
                Self::Template(simplify) => simplify(&mut smaller.workload.template),
                Self::Container(simplify) => simplify(&mut smaller.workload.template.containers[part]),
                Self::Node(simplify) => simplify(&mut smaller.nodes[part]),
                Self::Neighbour(simplify) => simplify(&mut smaller.neighbours[part]),
            }
            smaller
        };
        (0..parts).map(smaller).filter(move |smaller| smaller != scenario)
    }
}

/// All of them, the largest first.
pub(super) const ALL: &[Simplify] = &[
    Simplify::Whole(|scenario| {
        scenario.neighbours.pop();
    }),
    Simplify::Whole(|scenario| {
        scenario.budgets.pop();
    }),
    Simplify::Whole(|scenario| scenario.service = None),
    Simplify::Whole(|scenario| scenario.spare_nodes = scenario.spare_nodes.saturating_sub(1)),
    Simplify::Whole(|scenario| {
        if scenario.nodes.len() > 1 {
            scenario.nodes.pop();
        }
    }),
    Simplify::Whole(|scenario| {
        scenario.workload.replicas = scenario.workload.replicas.saturating_sub(1);
    }),
    Simplify::Whole(|scenario| {
        let events: Vec<_> = scenario.events.iter().filter(|(_, count)| *count > 0).collect();
        if let Some(&(event, count)) = events.last() {
            scenario.events.set(event, count - 1);
        }
    }),
    Simplify::Template(|template| {
        let containers = &mut template.containers;
        let app = containers.iter().filter(|container| container.kind == ContainerKind::App).count();
        let last = containers.iter().rposition(|container| container.kind != ContainerKind::App || app > 1);
        if let Some(last) = last.filter(|&last| last > usize::from(template.serving)) {
            containers.remove(last);
        }
    }),
    // What stands before the container that serves moves it forward.
    Simplify::Template(|template| {
        if template.serving > 0 {
            template.containers.remove(0);
            template.serving -= 1;
        }
    }),
    Simplify::Container(|container| container.liveness_probe = None),
    Simplify::Container(|container| container.startup_probe = None),
    Simplify::Container(|container| container.readiness_probe = None),
    Simplify::Container(|container| container.pre_stop = None),
    Simplify::Container(|container| container.on_sigterm = OnSigterm::Exit),
    Simplify::Container(|container| container.listens_after_seconds = 0),
    Simplify::Container(|container| container.ports.iter_mut().for_each(|port| port.host = None)),
    Simplify::Container(|container| container.requests = Resources::default()),
    Simplify::Template(|template| template.restart_policy = RestartPolicy::Always),
    Simplify::Template(|template| template.grace_seconds = 30),
    Simplify::Template(|template| template.finalizer = false),
    Simplify::Template(|template| template.node_name = None),
    Simplify::Template(|template| template.node_selector.clear()),
    Simplify::Template(|template| template.node_affinity = None),
    Simplify::Template(|template| template.pod_affinity.clear()),
    Simplify::Template(|template| template.pod_anti_affinity.clear()),
    Simplify::Template(|template| template.spread.clear()),
    // Those that admission adds stay.
    Simplify::Whole(|scenario| {
        scenario.workload.template.tolerations = catalogue::default_tolerations(&scenario.latencies);
    }),
    Simplify::Node(|node| node.taints.clear()),
    Simplify::Node(|node| node.unschedulable = false),
    Simplify::Node(|node| node.later_labels = None),
    Simplify::Node(|node| node.allocatable = catalogue::node(1).allocatable),
    // Each node has its own.
    Simplify::Node(|node| node.labels.retain(|key, _| key == "kubernetes.io/hostname")),
    Simplify::Neighbour(|neighbour| neighbour.pod_anti_affinity.clear()),
    Simplify::Neighbour(|neighbour| neighbour.host_ports.clear()),
    Simplify::Neighbour(|neighbour| neighbour.tolerations.clear()),
    Simplify::Neighbour(|neighbour| neighbour.requests.clear()),
    Simplify::Whole(|scenario| scenario.workload.min_ready_seconds = 0),
    Simplify::Whole(|scenario| scenario.workload.progress_deadline_seconds = None),
    Simplify::Whole(|scenario| {
        let quarter = IntOrPercent::Percent(25);
        scenario.workload.strategy = Strategy::RollingUpdate { max_surge: quarter, max_unavailable: quarter };
    }),
    Simplify::Whole(|scenario| scenario.deletion_graces.clear()),
    Simplify::Whole(|scenario| scenario.event_taint = None),
    Simplify::Whole(|scenario| scenario.addresses_are_reused = false),
    Simplify::Whole(|scenario| scenario.release = Release::NEWEST),
    Simplify::Whole(|scenario| scenario.slots = scenario.slots.saturating_sub(1).max(1)),
];

#[cfg(test)]
mod tests {
    use arbitrary::Unstructured;
    use podproof_model::Model;

    use super::*;
    use crate::generators::scenario::{Shape, scenario};
    use crate::runner::input;

    fn drawn() -> impl Iterator<Item = Scenario> {
        (0..300).map(|number| {
            let bytes = input(1, number);
            let shape = Shape { faults: true, timed: true, placement: true, releases: true };
            let mut drawn =
                scenario(&mut Unstructured::new(&bytes), shape).expect("bytes that run out are zeros");
            // What traces may have, and the generator does not draw.
            if number % 2 == 0 {
                drawn.workload.template.node_name = Some(drawn.nodes[0].name.clone());
                drawn.nodes[0].later_labels = Some(drawn.nodes[0].labels.clone());
                drawn.event_taint = Some(drawn.taint_of_events());
                (drawn.deletion_graces, drawn.addresses_are_reused) = (vec![0], true);
                for neighbour in &mut drawn.neighbours {
                    neighbour.tolerations.clone_from(&drawn.workload.template.tolerations);
                }
            }
            drawn
        })
    }

    /// Takes off whatever can be taken off.
    fn smallest(mut of: Scenario) -> Scenario {
        while let Some(smaller) = ALL.iter().find_map(|simplify| simplify.of(&of).next()) {
            of = smaller;
        }
        of
    }

    /// A way that no scenario lets is none, and a scenario that the model cannot run is no smaller one.
    #[test]
    fn each_way_leads_from_some_scenario_to_one_that_the_model_runs() {
        for (number, &simplify) in ALL.iter().enumerate() {
            let mut smaller = drawn().flat_map(|scenario| simplify.of(&scenario).collect::<Vec<_>>());
            assert!(smaller.any(|scenario| Model::new(scenario).is_ok()), "way {number}");
        }
    }

    /// What nobody needs is not left in a scenario to be read as if it mattered.
    #[test]
    fn nothing_is_left_that_could_be_taken_off() {
        for scenario in drawn() {
            let left = smallest(scenario);
            assert_eq!((left.nodes.len(), left.neighbours.len(), left.budgets.len()), (1, 0, 0));
            assert!(left.events.iter().all(|(_, count)| count == 0), "{:?}", left.events);
            let template = &left.workload.template;
            let [container] = template.containers.as_slice() else {
                panic!("{:?} are left", template.containers)
            };
            let plain = Container { name: container.name.clone(), ..catalogue::app() };
            let ports = container.ports.iter().filter(|port| port.host.is_some()).count();
            assert_eq!((&Container { ports: plain.ports.clone(), ..container.clone() }, ports), (&plain, 0));
            let plain = catalogue::web("web", left.story, 1, 1).workload.template;
            let kept = PodTemplate {
                labels: template.labels.clone(),
                containers: template.containers.clone(),
                ..plain
            };
            assert_eq!(template, &kept);
            let node = &left.nodes[0];
            assert_eq!((node.taints.len(), node.labels.len(), node.unschedulable), (0, 1, false));
            assert_eq!((left.service, left.slots, left.release), (None, 1, Release::NEWEST));
            assert_eq!((left.deletion_graces, left.event_taint), (Vec::new(), None));
        }
    }
}
