//! A scenario, compiled: names resolved to numbers, selectors to tables, so that guards and effects only look up.

use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::TaintsSeen;
use podproof_vocabulary::scenario::limits;
use podproof_vocabulary::scenario::{
    Container, ContainerKind, ContainerPort, Labels, Node, OnSigterm, PreStop, Probe, Scenario, Taint,
    TaintEffect, Timing, Toleration, WorkloadKind,
};
use podproof_vocabulary::{ContainerId, NodeId};

use crate::properties::placement::spelled_out::room;
use crate::scheduler::filters::Filters;
use crate::state::layout::{Counts, Layout};
use crate::time::{Clocks, TICKS_MAX};

/// A scenario, compiled.
pub struct Rules {
    /// What it was compiled from.
    pub scenario: Scenario,
    /// Where the sections of a state are.
    pub layout: Layout,
    /// Number of pod slots.
    pub pods: usize,
    /// Number of nodes, spare ones counted.
    pub nodes: usize,
    /// Number of template hashes that the Deployment may have.
    pub revisions: usize,
    /// The containers of a pod.
    pub containers: Vec<ContainerRules>,
    /// The filter predicates of the scheduler.
    pub filters: Filters,
    /// How many pods of the workload fit on each node, not by the filters' reckoning but for judging it.
    pub room: Vec<u64>,
    /// For how long a pod tolerates each NoExecute taint.
    pub tolerations: TaintTolerations,
    /// `nodeName` of the template.
    pub template_node: Option<NodeId>,
    /// The clocks that run.
    pub clocks: Clocks,
    /// What can happen at all: the events that have a budget, that of the story, and what the story promises.
    pub events: Vec<EventName>,
}

/// A container, compiled.
pub struct ContainerRules {
    /// What it is for.
    pub kind: ContainerKind,
    /// An init container that ends; one that never does blocks its pod.
    pub completes: bool,
    /// Its preStop hook.
    pub hook: Option<PreStop>,
    /// What its process does on SIGTERM.
    pub on_sigterm: OnSigterm,
    /// Seconds from its start until it accepts connections.
    pub listens_after: u32,
    /// Its probes.
    pub startup: Option<Probe>,
    /// Its probes.
    pub readiness: Option<Probe>,
    /// Its probes.
    pub liveness: Option<Probe>,
    /// A startup or liveness probe may have failed as often as it may before the process accepts connections.
    pub may_fail_before_listening: bool,
    /// It always has, and no kubelet ever stops probing.
    pub fails_before_listening: bool,
    /// Containers that listen on a port of its.
    pub port_conflicts: Vec<ContainerId>,
}

impl ContainerRules {
    /// Seconds from SIGTERM until the process exits; none if it never does.
    pub const fn exits_after(&self) -> Option<u32> {
        match self.on_sigterm {
            OnSigterm::Exit => Some(0),
            OnSigterm::Drain(seconds) | OnSigterm::Close(seconds) => Some(seconds),
            OnSigterm::Ignore => None,
        }
    }

    fn compile(scenario: &Scenario, index: usize) -> Self {
        let containers = &scenario.workload.template.containers;
        let container = &containers[index];
        let native = scenario.release.has_native_sidecars();
        // Before native sidecars the field was dropped, and what should have been a sidecar was an init container
        // that never ends (kubernetes-semantics 13.2).
        let (kind, completes) = match container.kind {
            ContainerKind::Sidecar if !native => (ContainerKind::Init, false),
            kind => (kind, true),
        };
        let stops_probing = [EventName::KubeletRestart, EventName::RuntimeHang]
            .iter()
            .any(|&event| may_happen(scenario, event));
        Self {
            kind,
            completes,
            hook: container.pre_stop,
            on_sigterm: container.on_sigterm,
            listens_after: container.listens_after_seconds,
            startup: container.startup_probe,
            readiness: container.readiness_probe,
            liveness: container.liveness_probe,
            may_fail_before_listening: container.may_fail_before_listening(),
            fails_before_listening: container.fails_before_listening(&scenario.latencies) && !stops_probing,
            port_conflicts: Self::port_conflicts(containers, index, native),
        }
    }

    /// Containers of one pod share its ports (MC-6): the API does not reject a port that two of them name, and the
    /// second process cannot bind it. An init container runs beside nothing but the sidecars before it (CPA-7, CPA-8).
    fn port_conflicts(containers: &[Container], index: usize, native: bool) -> Vec<ContainerId> {
        let port = |port: &ContainerPort| (port.port, port.protocol);
        let runs_alone = |at: usize| match containers[at].kind {
            ContainerKind::Init => true,
            ContainerKind::Sidecar => !native,
            ContainerKind::App => false,
        };
        let stays = |at: usize| native && containers[at].kind == ContainerKind::Sidecar;
        let meet = |one: usize, other: usize| {
            let (first, second) = (one.min(other), one.max(other));
            !runs_alone(first) && !runs_alone(second) || stays(first) && runs_alone(second)
        };
        let shares = |other: &Container| {
            other
                .ports
                .iter()
                .any(|theirs| containers[index].ports.iter().any(|ours| port(ours) == port(theirs)))
        };
        let others = containers.iter().enumerate();
        others
            .filter(|&(other, container)| other != index && meet(index, other) && shares(container))
            .map(|(other, _)| other.into())
            .collect()
    }
}

/// How long a taint is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tolerated {
    /// Not at all.
    No,
    /// For so many seconds.
    For(u32),
    /// For ever.
    Always,
}

/// How long a pod tolerates each NoExecute taint.
pub struct TaintTolerations {
    /// Of the nodes' manifests, by node: the least.
    pub of_node: Vec<Tolerated>,
    /// `node.kubernetes.io/not-ready`
    pub not_ready: Tolerated,
    /// `node.kubernetes.io/unreachable`
    pub unreachable: Tolerated,
    /// The taint of a `taint-node` event.
    pub custom: Tolerated,
    /// `node.kubernetes.io/not-ready:NoSchedule` is tolerated.
    pub not_ready_no_schedule: bool,
    /// `node.kubernetes.io/unreachable:NoSchedule` is tolerated.
    pub unreachable_no_schedule: bool,
    /// `node.kubernetes.io/unschedulable:NoSchedule` is tolerated.
    pub unschedulable_no_schedule: bool,
}

pub(crate) const NOT_READY: &str = "node.kubernetes.io/not-ready";
pub(crate) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Does `toleration` match a taint? (FLT-7, k8s.io/api core/v1 `toleration.go` `ToleratesTaint`)
pub(crate) fn tolerates(toleration: &Toleration, key: &str, value: &str, effect: TaintEffect) -> bool {
    let effect_matches = toleration.effect.is_none_or(|tolerated| tolerated == effect);
    let key_matches = (toleration.key.is_empty() && toleration.exists) || toleration.key == key;
    let value_matches = toleration.exists || toleration.value == value;
    effect_matches && key_matches && value_matches
}

/// TEC-3: for each taint the first toleration that matches it counts (S28 `pkg/apis/core/v1/helper/helpers.go`
/// `GetMatchingTolerations`); without seconds it is for ever.
fn no_execute(tolerations: &[Toleration], key: &str, value: &str) -> Tolerated {
    let first = tolerations.iter().find(|t| tolerates(t, key, value, TaintEffect::NoExecute));
    match first.map(|toleration| toleration.seconds) {
        Some(Some(seconds)) => Tolerated::For(seconds),
        Some(None) => Tolerated::Always,
        None => Tolerated::No,
    }
}

/// Does a pod with these tolerations stay beside a NoExecute taint for ever (TEC-3)?
pub(crate) fn tolerates_for_ever(tolerations: &[Toleration], key: &str, value: &str) -> bool {
    no_execute(tolerations, key, value) == Tolerated::Always
}

impl TaintTolerations {
    fn compile(scenario: &Scenario) -> Self {
        let tolerations = &scenario.workload.template.tolerations;
        let no_execute = |key: &str, value: &str| no_execute(tolerations, key, value);
        let no_schedule = |key| tolerations.iter().any(|t| tolerates(t, key, "", TaintEffect::NoSchedule));
        let of_node = scenario.nodes.iter().map(|node| {
            let taints = node.taints.iter().filter(|taint| taint.effect == TaintEffect::NoExecute);
            taints.map(|taint| no_execute(&taint.key, &taint.value)).min().unwrap_or(Tolerated::Always)
        });
        Self {
            of_node: of_node.collect(),
            not_ready: no_execute(NOT_READY, ""),
            unreachable: no_execute(UNREACHABLE, ""),
            custom: match scenario.taint_of_events() {
                Taint { key, value, effect: TaintEffect::NoExecute } => no_execute(&key, &value),
                // TEC-1, ADM-9: no other effect drives a pod away.
                _ => Tolerated::Always,
            },
            not_ready_no_schedule: no_schedule(NOT_READY),
            unreachable_no_schedule: no_schedule(UNREACHABLE),
            unschedulable_no_schedule: no_schedule(UNSCHEDULABLE),
        }
    }

    /// How long a pod may stay on `node` with these of the NoExecute taints that its manifest or an event gave it. What the node
    /// lifecycle controller sets itself is left out: it tells of a node on which pods may be unable to stop.
    pub fn on_given(&self, node: NodeId, taints: TaintsSeen) -> Tolerated {
        let own = self.of_node[node.index()];
        if taints.custom { own.min(self.custom) } else { own }
    }

    /// How long a pod may stay on `node` with these NoExecute taints.
    pub fn on(&self, node: NodeId, taints: TaintsSeen) -> Tolerated {
        let mut least = self.of_node[node.index()];
        for (is_set, tolerated) in [
            (taints.not_ready_no_execute, self.not_ready),
            (taints.unreachable_no_execute, self.unreachable),
            (taints.custom, self.custom),
        ] {
            if is_set {
                least = least.min(tolerated);
            }
        }
        least
    }
}

/// May this event happen in the scenario?
fn may_happen(scenario: &Scenario, event: EventName) -> bool {
    let story = scenario.story;
    scenario.events.count(event) > 0 || story.event() == Some(event) || story.promises() == Some(event)
}

impl Rules {
    /// Events that one ring of an exact search holds.
    pub fn ring_capacity(&self) -> usize {
        self.scenario.ring_capacity.into()
    }

    /// Compiles `scenario`.
    ///
    /// # Errors
    /// A sentence that names the limit, if the scenario is larger than a state can hold.
    pub fn compile(scenario: Scenario) -> Result<Self, String> {
        let nodes = scenario.nodes.len();
        let containers = scenario.workload.template.containers.len();
        let revisions = match scenario.workload.kind {
            WorkloadKind::Deployment => {
                let story = usize::from(scenario.story.event() == Some(EventName::Rollout));
                1 + usize::from(scenario.events.count(EventName::Rollout)) + story
            }
            WorkloadKind::ReplicaSet | WorkloadKind::Pod => 1,
        };
        if scenario.rollouts.iter().any(|&template| usize::from(template) >= revisions) {
            return Err(format!("{}: a rollout goes to a template that there is not", scenario.name));
        }
        let pods = usize::from(scenario.slots);
        for (count, limit, what) in [
            (nodes, limits::NODES_MAX, "nodes"),
            (revisions, 60, "template changes"),
            (pods, limits::SLOTS_MAX, "pod slots"),
            (containers, limits::CONTAINERS_MAX, "containers in a pod"),
        ] {
            if count > limit {
                return Err(format!(
                    "{}: {count} {what} are more than a state can hold ({limit})",
                    scenario.name
                ));
            }
        }
        assert!(nodes > 0 && containers > 0 && pods > 0, "a scenario has a node, a container and a slot");
        let clocks = Clocks::of(&scenario, pods, nodes, containers, revisions);
        if let Some(ticks) = clocks.too_long() {
            return Err(format!(
                "{}: the longest time of the scenario is {ticks} ticks of {} s, more than a clock counts ({TICKS_MAX})",
                scenario.name, clocks.unit
            ));
        }
        let exact_views = !scenario.approximations.has(Approximation::CoalescedWatchEvents);
        let ring_words = if exact_views {
            crate::watch::ring::words(pods, nodes, scenario.ring_capacity.into())
        } else {
            0
        };
        let counts = Counts { pods, nodes, containers, revisions, clocks: clocks.count(), ring_words };
        let containers = (0..containers).map(|index| ContainerRules::compile(&scenario, index)).collect();
        // A node that is not there gets the first number behind those that are (PGC-3).
        let template_node = scenario.workload.template.node_name.as_ref().map(|name| {
            NodeId::from(scenario.nodes.iter().position(|node| node.name == *name).unwrap_or(nodes))
        });
        Ok(Self {
            layout: Layout::new(counts),
            pods,
            nodes,
            revisions,
            containers,
            filters: Filters::compile(&scenario),
            room: (0..nodes).map(|node| room(&scenario, node.into(), pods)).collect(),
            tolerations: TaintTolerations::compile(&scenario),
            events: EventName::all().filter(|&event| may_happen(&scenario, event)).collect(),
            template_node,
            clocks,
            scenario,
        })
    }

    /// A container's rules.
    pub fn container(&self, container: ContainerId) -> &ContainerRules {
        &self.containers[container.index()]
    }

    /// The containers of one kind, in their order.
    pub fn of_kind(&self, kind: ContainerKind) -> impl DoubleEndedIterator<Item = ContainerId> + '_ {
        let containers = self.containers.iter().enumerate();
        containers.filter(move |(_, rules)| rules.kind == kind).map(|(index, _)| index.into())
    }

    /// The container that serves the Service's port.
    pub fn serving(&self) -> ContainerId {
        ContainerId(self.scenario.workload.template.serving)
    }

    /// Does the scenario name this approximation?
    pub fn approximates(&self, approximation: Approximation) -> bool {
        self.scenario.approximations.has(approximation)
    }

    /// Is time modelled in ticks?
    pub fn is_timed(&self) -> bool {
        self.scenario.timing == Timing::Timed
    }

    /// A crashed node may come back.
    pub fn nodes_may_return(&self) -> bool {
        self.scenario.events.count(EventName::NodeReturn) > 0
    }

    /// Are there rules to program? A headless Service has none.
    pub fn has_proxies(&self) -> bool {
        self.scenario.service.as_ref().is_some_and(|service| !service.headless)
    }

    /// Is one kube-proxy modelled, and not that of each node?
    pub fn observes_one_proxy(&self) -> bool {
        self.scenario.one_proxy && self.has_proxies()
    }

    /// May a runtime hang?
    pub fn has_hangs(&self) -> bool {
        [EventName::RuntimeHang, EventName::CniFailure].into_iter().any(|event| self.may_happen(event))
    }

    /// May a kubelet evict a pod?
    pub fn has_evictions_under_pressure(&self) -> bool {
        self.may_happen(EventName::ResourcePressure)
    }

    /// May a Node object be removed?
    pub fn may_lose_node_objects(&self) -> bool {
        self.may_happen(EventName::RemoveNode)
    }

    fn may_happen(&self, event: EventName) -> bool {
        self.events.contains(&event)
    }

    /// The nodes in classes of those that differ in nothing but their names: what may happen on one may happen on any other of
    /// its class, and whoever tells nodes apart by what they are treats them alike. The classes, and the nodes of each, are
    /// in the order of their numbers.
    ///
    /// Nodes of one class have the same labels but for the host name, which is each one's own name and nobody else's, and the
    /// same are in store for them; the same taints, allocatable resources and `unschedulable`; both are there from the beginning or both are not; no
    /// neighbour runs on either; and what the template says of names and labels (`nodeName`, `nodeSelector`, node affinity)
    /// holds of both or of neither. Everything else that reads a node reads one of these, or its state: spread and affinity over
    /// host names count pods in domains that are renamed with the nodes, and over any other key they find both in one domain.
    pub fn classes_of_nodes(&self) -> Vec<Vec<NodeId>> {
        let mut classes: Vec<Vec<NodeId>> = Vec::new();
        for node in NodeId::first(self.nodes) {
            match classes.iter_mut().find(|class| self.are_alike(class[0], node)) {
                Some(class) => class.push(node),
                None => classes.push(vec![node]),
            }
        }
        classes
    }

    fn are_alike(&self, a: NodeId, b: NodeId) -> bool {
        const HOSTNAME: &str = "kubernetes.io/hostname";
        let nodes = &self.scenario.nodes;
        let spare = nodes.len() - usize::from(self.scenario.spare_nodes);
        let sets = |node: &Node| [false, true].map(|set| node.labels_when(set).clone());
        let names_its_host = |node: &Node| {
            let claims = |labels: &Labels| labels.get(HOSTNAME) == Some(&node.name);
            sets(node).iter().all(claims)
                && nodes.iter().filter(|other| sets(other).iter().any(claims)).count() == 1
        };
        let labels = |node: &Node| {
            let mut both = sets(node);
            both.iter_mut().for_each(|labels| drop(labels.remove(HOSTNAME)));
            (both, node.later_labels.is_some())
        };
        let plain = |node: NodeId| {
            self.scenario.neighbours.iter().all(|neighbour| usize::from(neighbour.node) != node.index())
        };
        let (one, other) = (&nodes[a.index()], &nodes[b.index()]);
        (a.index() < spare) == (b.index() < spare)
            && plain(a)
            && plain(b)
            && names_its_host(one)
            && names_its_host(other)
            && labels(one) == labels(other)
            && one.taints == other.taints
            && one.unschedulable == other.unschedulable
            && one.allocatable == other.allocatable
            && self.filters.treats_alike(a, b)
    }

    /// One node of each class.
    pub fn kinds_of_nodes(&self) -> Vec<NodeId> {
        self.classes_of_nodes().into_iter().map(|class| class[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;

    /// The numbers of classes of three nodes, of which `tweak` changes something.
    fn classes(tweak: impl FnOnce(&mut Vec<Node>)) -> usize {
        let mut scenario = catalogue::web("x", Story::Create, 1, 3);
        tweak(&mut scenario.nodes);
        Rules::compile(scenario).expect("it fits").classes_of_nodes().len()
    }

    #[test]
    fn nodes_are_alike_if_the_same_labels_are_in_store_for_them() {
        let later = |node: &Node| {
            let mut labels = node.labels.clone();
            labels.insert("disk".into(), "ssd".into());
            Some(labels)
        };
        assert_eq!(classes(|_| {}), 1);
        assert_eq!(classes(|nodes| nodes.iter_mut().for_each(|node| node.later_labels = later(node))), 1);
        assert_eq!(classes(|nodes| nodes[1].later_labels = later(&nodes[1])), 2);
        let unchanged = |nodes: &mut Vec<Node>| nodes[1].later_labels = Some(nodes[1].labels.clone());
        assert_eq!(classes(unchanged), 2, "only one of them can change at all");
        let takes_a_name = |nodes: &mut Vec<Node>| {
            for node in 0..3 {
                nodes[node].later_labels = Some(nodes[0].labels.clone());
            }
        };
        assert_eq!(classes(takes_a_name), 3, "host names are no longer each one's own");
    }
}
