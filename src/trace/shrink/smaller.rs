//! The worlds that are a little smaller than one: what goes is what a reader would have to understand for nothing.

use podproof_vocabulary::Property;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::scenario::{OnSigterm, Scenario, WorkloadKind};

use crate::remedy::is_of_requests;

/// Replicas of the worlds that are tried at once, at most.
const REPLICAS_SMALL: u8 = 3;
/// Nodes of these, at most.
const NODES_SMALL: usize = 2;
/// Slots of these for each replica, and for one more: one for the old pod, one for the new one, and as many for what is remembered.
const SLOTS_FOR_EACH: u8 = 4;

/// A world that is smaller.
#[derive(Clone, Debug, PartialEq)]
pub struct Smaller {
    /// What is smaller, as `nodes: 1 instead of 2`.
    pub says: String,
    /// Is it nothing but a number, which [`counts`] tells of?
    pub is_count: bool,
    /// The world.
    pub scenario: Scenario,
}

/// Every world that is smaller than `scenario` by one thing, what weighs most first.
/// What a property is kept by is no such thing: with a hook less it may be broken for another reason.
pub fn worlds(scenario: &Scenario, property: Property) -> Vec<Smaller> {
    let mut worlds = Worlds { of: scenario, all: Vec::new() };
    worlds.without("the wrong rule", |world| world.mutant.take().is_some());
    worlds.small();
    worlds.nodes();
    worlds.replicas();
    worlds.events();
    worlds.containers(property);
    worlds.objects();
    worlds.settings();
    worlds.placement();
    worlds.slots();
    worlds.all
}

struct Worlds<'s> {
    of: &'s Scenario,
    all: Vec<Smaller>,
}

impl Worlds<'_> {
    /// The world after `change`, if that changes anything.
    fn add(&mut self, says: impl Into<String>, change: impl FnOnce(&mut Scenario)) {
        let mut scenario = self.of.clone();
        change(&mut scenario);
        if scenario != *self.of {
            self.all.push(Smaller { says: says.into(), is_count: false, scenario });
        }
    }

    /// The same, where there is less of something.
    fn count(&mut self, says: String, change: impl FnOnce(&mut Scenario)) {
        let known = self.all.len();
        self.add(says, change);
        self.all[known..].iter_mut().for_each(|smaller| smaller.is_count = true);
    }

    fn without(&mut self, what: &str, take: impl FnOnce(&mut Scenario) -> bool) {
        self.add(format!("without {what}"), |world| _ = take(world));
    }

    /// A world that is much larger than what is to be shown would take many steps to become small, each of them too large for
    /// a search: so the smallest are tried at once.
    fn small(&mut self) {
        let (replicas, nodes) = (self.of.workload.replicas, self.of.nodes.len());
        for fewer in (1..=REPLICAS_SMALL).filter(|&fewer| fewer < replicas) {
            for kept in
                (1..=NODES_SMALL).filter(|&kept| kept < nodes && kept > usize::from(self.of.spare_nodes))
            {
                let says =
                    format!("replicas: {fewer} instead of {replicas}, nodes: {kept} instead of {nodes}");
                self.count(says, |world| {
                    world.workload.replicas = fewer;
                    world.slots = world.slots.min(SLOTS_FOR_EACH * (fewer + 1));
                    keep_nodes(world, |at| at < kept);
                });
            }
        }
    }

    fn nodes(&mut self) {
        let count = self.of.nodes.len();
        for fewer in halves(count).filter(|&fewer| fewer > usize::from(self.of.spare_nodes)) {
            self.count(format!("nodes: {fewer} instead of {count}"), |world| {
                keep_nodes(world, |at| at < fewer);
            });
        }
        if count > 1 + usize::from(self.of.spare_nodes) {
            for gone in 0..count - 1 {
                let name = self.of.nodes[gone].name.clone();
                self.add(format!("without node {name}"), |world| keep_nodes(world, |at| at != gone));
            }
        }
        self.add("without nodes that join", |world| {
            let joined = usize::from(world.spare_nodes);
            world.spare_nodes = 0;
            keep_nodes(world, |at| at < count - joined);
            world.events.set(EventName::AddNode, 0);
        });
    }

    fn replicas(&mut self) {
        let count = self.of.workload.replicas;
        for fewer in halves(count.into()) {
            self.count(format!("replicas: {fewer} instead of {count}"), |world| {
                world.workload.replicas = fewer as u8;
            });
        }
    }

    fn events(&mut self) {
        for (event, count) in self.of.events.iter() {
            self.add(format!("without the event {event}"), |world| world.events.set(event, 0));
            for fewer in halves(count.into()) {
                self.count(format!("{event}: {fewer} instead of {count}"), |world| {
                    world.events.set(event, fewer as u8);
                });
            }
        }
        self.add("without other numbers of replicas to scale to", |world| world.scale_targets.clear());
        self.add("without detectors that err", |world| world.inaccurate_detectors = false);
    }

    fn containers(&mut self, property: Property) {
        let template = &self.of.workload.template;
        for (index, container) in template.containers.iter().enumerate() {
            if index != usize::from(template.serving) {
                self.add(format!("without container {}", container.name), |world| {
                    let template = &mut world.workload.template;
                    template.containers.remove(index);
                    template.serving -= u8::from(usize::from(template.serving) > index);
                });
            }
        }
        for (index, container) in template.containers.iter().enumerate() {
            let of = |what: &str| format!("container {}: {what}", container.name);
            let with = |change: fn(&mut podproof_vocabulary::scenario::Container)| {
                move |world: &mut Scenario| change(&mut world.workload.template.containers[index])
            };
            self.add(of("no startup probe"), with(|container| container.startup_probe = None));
            self.add(of("no liveness probe"), with(|container| container.liveness_probe = None));
            self.add(of("no readiness probe"), with(|container| container.readiness_probe = None));
            if index != usize::from(template.serving) || !is_of_requests(property) {
                self.add(of("no preStop hook"), with(|container| container.pre_stop = None));
            }
            self.add(
                of("exits on SIGTERM at once"),
                with(|container| container.on_sigterm = OnSigterm::Exit),
            );
            self.add(of("listens at once"), with(|container| container.listens_after_seconds = 0));
            self.add(
                of("claims no host port"),
                with(|container| {
                    container.ports.iter_mut().for_each(|port| port.host = None);
                }),
            );
            self.add(
                of("requests no resources"),
                with(|container| {
                    container.requests = podproof_vocabulary::scenario::Resources::default();
                }),
            );
        }
    }

    fn objects(&mut self) {
        self.add("without neighbours", |world| world.neighbours.clear());
        self.add("without a PodDisruptionBudget", |world| world.budgets.clear());
        self.without("a Service", |world| world.service.take().is_some());
        self.add("without a finalizer", |world| world.workload.template.finalizer = false);
        self.add("addresses are not used again", |world| world.addresses_are_reused = false);
        self.add("one kube-proxy is modelled", |world| world.one_proxy = true);
    }

    fn settings(&mut self) {
        self.add("minReadySeconds: 0", |world| world.workload.min_ready_seconds = 0);
        if self.of.workload.kind == WorkloadKind::Deployment {
            self.add("no progressDeadlineSeconds", |world| world.workload.progress_deadline_seconds = None);
        }
    }

    fn placement(&mut self) {
        self.add("without required node affinity", |world| world.workload.template.node_affinity = None);
        self.add("without a nodeSelector", |world| world.workload.template.node_selector.clear());
        self.add("without pod affinity", |world| world.workload.template.pod_affinity.clear());
        self.add("without pod anti-affinity", |world| world.workload.template.pod_anti_affinity.clear());
        self.add("without topology spread", |world| world.workload.template.spread.clear());
        self.add("without taints of nodes", |world| {
            world.nodes.iter_mut().for_each(|node| node.taints.clear());
        });
        self.add("nodes whose labels stay", |world| {
            world.nodes.iter_mut().for_each(|node| node.later_labels = None);
        });
    }

    fn slots(&mut self) {
        let count = self.of.slots;
        let fewer = [count / 4, count / 2, count.saturating_sub(count.div_ceil(8))];
        for fewer in fewer.into_iter().filter(|&fewer| fewer >= self.of.workload.replicas.max(1)) {
            self.count(format!("slots: {fewer} instead of {count}"), |world| world.slots = fewer);
        }
    }
}

/// The numbers that are smaller in `now` than in `before`, however many steps led there. An event that is gone altogether is told as that,
/// and slots are the pods that are remembered at once (`podproof check --slots`).
pub fn counts(before: &Scenario, now: &Scenario) -> Vec<String> {
    let sizes = |world: &Scenario| {
        let replicas = ("replicas".to_owned(), usize::from(world.workload.replicas));
        let nodes = ("nodes".to_owned(), world.nodes.len());
        let slots = ("slots for pods that are remembered".to_owned(), usize::from(world.slots));
        let events = world.events.iter().map(|(event, count)| (event.to_string(), usize::from(count)));
        [replicas, nodes].into_iter().chain(events).chain([slots]).collect::<Vec<_>>()
    };
    let after = sizes(now);
    let fewer = sizes(before).into_iter().filter_map(|(what, count)| {
        let (_, left) = after.iter().find(|(other, _)| *other == what)?;
        (*left < count).then(|| format!("{what}: {left} instead of {count}"))
    });
    fewer.collect()
}

/// Smaller numbers than `count`, at least 1: the least first, then what is nearer.
fn halves(count: usize) -> impl Iterator<Item = usize> {
    let mut steps = vec![1, count / 2, count.saturating_sub(1)];
    steps.retain(|&fewer| fewer > 0 && fewer < count);
    steps.dedup();
    steps.into_iter()
}

/// Keeps nodes by their places; what names the others goes with them.
fn keep_nodes(world: &mut Scenario, keep: impl Fn(usize) -> bool) {
    let kept: Vec<usize> = (0..world.nodes.len()).filter(|&at| keep(at)).collect();
    world.nodes = kept.iter().map(|&at| world.nodes[at].clone()).collect();
    world.neighbours.retain(|neighbour| kept.contains(&usize::from(neighbour.node)));
    for neighbour in &mut world.neighbours {
        let place = kept.iter().position(|&at| at == usize::from(neighbour.node)).unwrap_or(0);
        neighbour.node = place as u8;
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue::{ENTRIES, find};

    use super::*;

    #[test]
    fn every_smaller_world_has_a_model() {
        for entry in ENTRIES {
            for smaller in worlds(&entry.scenario(), Property::StoppedBeforeGone) {
                let model = podproof_model::Model::new(smaller.scenario);
                assert!(model.is_ok(), "{}: {}: {:?}", entry.name, smaller.says, model.err());
            }
        }
    }

    #[test]
    fn what_can_be_smaller_is_made_so() {
        let mut world = find("init-and-sidecar").expect("built in").scenario();
        let says: Vec<String> =
            worlds(&world, Property::StoppedBeforeGone).into_iter().map(|smaller| smaller.says).collect();
        for expected in ["without container prepare", "without container log"] {
            assert!(says.iter().any(|says| says == expected), "{says:?}");
        }
        // The serving container keeps its place among those that are left.
        world = worlds(&world, Property::StoppedBeforeGone)
            .into_iter()
            .find(|smaller| smaller.says == "without container prepare")
            .expect("one")
            .scenario;
        assert_eq!(world.workload.template.serving, 1);
    }

    /// Two steps to one number are told as one.
    #[test]
    fn a_number_is_told_as_it_was_and_as_it_is() {
        let mut world = find("rollout").expect("built in").scenario();
        world.slots = 6;
        let before = world.clone();
        world.slots = 3;
        world.slots = 2;
        assert_eq!(counts(&before, &world), ["slots for pods that are remembered: 2 instead of 6"]);
        assert_eq!(counts(&world, &world), [] as [String; 0]);
    }

    /// A budget of 255 needs eight halves, not 255 steps.
    #[test]
    fn a_budget_of_events_becomes_smaller_by_halves() {
        let mut world = find("rollout").expect("built in").scenario();
        world.events.set(EventName::SandboxDeath, 200);
        let says: Vec<String> =
            worlds(&world, Property::StoppedBeforeGone).into_iter().map(|smaller| smaller.says).collect();
        for fewer in [1, 100, 199] {
            let expected = format!("sandbox-death: {fewer} instead of 200");
            assert!(says.contains(&expected), "{says:?}");
        }
    }

    #[test]
    fn nothing_grows() {
        let size = |world: &Scenario| serde_json::to_string(world).expect("a scenario is JSON").len();
        for entry in ENTRIES {
            let world = entry.scenario();
            for smaller in worlds(&world, Property::StoppedBeforeGone) {
                assert!(smaller.scenario != world, "{}", smaller.says);
                let grows = size(&smaller.scenario) > size(&world) + 4;
                assert!(!grows, "{}: {}", entry.name, smaller.says);
            }
        }
    }

    #[test]
    fn a_neighbour_stays_on_its_node() {
        let mut world = find("rollout").expect("built in").scenario();
        let neighbour = |node| podproof_vocabulary::scenario::Neighbour {
            name: "Deployment/db 0".into(),
            namespace: "default".into(),
            labels: Default::default(),
            node,
            requests: Vec::new(),
            host_ports: Vec::new(),
            pod_anti_affinity: Vec::new(),
            tolerations: Vec::new(),
            is_bare: false,
            in_service: false,
            in_budget: false,
        };
        world.neighbours = vec![neighbour(0), neighbour(1)];
        keep_nodes(&mut world, |at| at == 1);
        assert_eq!(world.nodes.len(), 1);
        assert_eq!(world.neighbours.iter().map(|neighbour| neighbour.node).collect::<Vec<_>>(), [0]);
    }
}
