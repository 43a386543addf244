//! Which nodes a pod may go to, over a scenario's own words: no table, no cleverness. A reading of FLT-1 to FLT-19 that
//! shares nothing with the scheduler's filters, so that a promise can judge what these let through.

use podproof_vocabulary::scenario::{
    Container, ContainerKind, HostPort, LabelSelector, Labels, Node, Operator, PodAffinityTerm, PodTemplate,
    Protocol, Requirement, Resources, Scenario, SpreadConstraint, TaintEffect, Toleration,
};
use podproof_vocabulary::{NodeId, Release, Revision};

use crate::scheduler::filters::{Occupant, Placement};
use crate::state::NodeObject;

/// What each filter says of a node: may the pod go there?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the filter of that name")]
pub struct Passes {
    pub node_name: bool,
    pub node_unschedulable: bool,
    pub taint_toleration: bool,
    pub node_affinity: bool,
    pub node_ports: bool,
    pub node_resources_fit: bool,
    pub pod_topology_spread: bool,
    pub inter_pod_affinity: bool,
}

impl Passes {
    /// Every filter lets the pod go there.
    pub const fn all(self) -> bool {
        self.node_name
            && self.node_unschedulable
            && self.taint_toleration
            && self.node_affinity
            && self.node_ports
            && self.node_resources_fit
            && self.pod_topology_spread
            && self.inter_pod_affinity
    }
}

/// FLT-3: which of its resources a node has too little of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    /// Of CPU.
    pub cpu: bool,
    /// Of memory.
    pub memory: bool,
    /// It runs as many pods as it may.
    pub pods: bool,
}

/// A pod that is somewhere.
struct Other<'a> {
    node: NodeId,
    namespace: &'a str,
    labels: &'a Labels,
    /// The template that it is of, which its label `pod-template-hash` says; none of a neighbour.
    revision: Option<Revision>,
    deleting: bool,
    requests: Resources,
    ports: Vec<(Protocol, &'a HostPort)>,
    anti_affinity: &'a [PodAffinityTerm],
}

/// A pod that is to go somewhere, with all that are somewhere already.
pub struct SpelledOut<'a> {
    scenario: &'a Scenario,
    nodes: &'a [NodeObject],
    others: Vec<Other<'a>>,
    revision: Revision,
}

impl<'a> SpelledOut<'a> {
    /// Spells out what a pod of `revision` meets at `placement`. Pods on nodes that are gone are not seen (S28
    /// `internal/cache/cache.go` `updateNodeInfoSnapshotList`: a snapshot lists the nodes of the tree).
    pub fn new(scenario: &'a Scenario, placement: &'a Placement, revision: Revision) -> Self {
        let workload = &scenario.workload;
        let own = placement.occupants.iter().map(|occupant| Other {
            node: occupant.node,
            namespace: &workload.namespace,
            labels: &workload.template.labels,
            revision: Some(occupant.revision),
            deleting: occupant.deleting,
            requests: own_requests(&workload.template),
            ports: own_ports(&workload.template, scenario.release),
            anti_affinity: &workload.template.pod_anti_affinity,
        });
        let neighbours = scenario.neighbours.iter().map(|neighbour| Other {
            node: NodeId(neighbour.node),
            namespace: &neighbour.namespace,
            labels: &neighbour.labels,
            revision: None,
            deleting: false,
            requests: requests_of(&neighbour.requests),
            ports: neighbour.host_ports.iter().map(|(protocol, port)| (*protocol, port)).collect(),
            anti_affinity: &neighbour.pod_anti_affinity,
        });
        let nodes = placement.nodes.as_slice();
        let is_there = |other: &Other<'_>| nodes[other.node.index()].exists();
        Self { scenario, nodes, others: own.chain(neighbours).filter(is_there).collect(), revision }
    }

    /// What each filter says of a node.
    pub fn passes(&self, node: NodeId) -> Passes {
        Passes {
            node_name: self.template().node_name.as_ref().is_none_or(|name| name == self.name(node)),
            node_unschedulable: !self.nodes[node.index()].unschedulable()
                || self.tolerates("node.kubernetes.io/unschedulable", "", TaintEffect::NoSchedule),
            taint_toleration: self.untolerated_taint(node).is_none(),
            node_affinity: self.selects_node(node),
            node_ports: self.taken_port(node).is_none(),
            node_resources_fit: self.fits(node),
            pod_topology_spread: self.template().spread.iter().all(|spread| self.is_spread(spread, node)),
            inter_pod_affinity: self.is_near(node) && self.is_apart(node),
        }
    }

    /// Is there a node, and may the pod go to it?
    pub fn is_lawful(&self, node: NodeId) -> bool {
        self.nodes[node.index()].exists() && self.passes(node).all()
    }

    fn template(&self) -> &'a PodTemplate {
        &self.scenario.workload.template
    }

    fn name(&self, node: NodeId) -> &'a String {
        &self.scenario.nodes[node.index()].name
    }

    fn label(&self, node: NodeId, key: &str) -> Option<&'a String> {
        self.node_labels(node).get(key)
    }

    fn node_labels(&self, node: NodeId) -> &'a Labels {
        self.scenario.nodes[node.index()].labels_when(self.nodes[node.index()].relabelled())
    }

    fn tolerates(&self, key: &str, value: &str, effect: TaintEffect) -> bool {
        let matches = |own: &Toleration| {
            (own.effect.is_none() || own.effect == Some(effect))
                && (own.key == key || own.key.is_empty() && own.exists)
                && (own.exists || own.value == value)
        };
        self.template().tolerations.iter().any(matches)
    }

    /// The key of a taint that keeps the pod away.
    pub fn untolerated_taint(&self, node: NodeId) -> Option<String> {
        let seen = self.nodes[node.index()];
        let mut taints: Vec<(String, String, TaintEffect)> = Vec::new();
        for taint in &self.scenario.nodes[node.index()].taints {
            taints.push((taint.key.clone(), taint.value.clone(), taint.effect));
        }
        let mut add = |is_set: bool, key: &str, effect| {
            if is_set {
                taints.push((format!("node.kubernetes.io/{key}"), String::new(), effect));
            }
        };
        add(seen.not_ready_no_schedule(), "not-ready", TaintEffect::NoSchedule);
        add(seen.unreachable_no_schedule(), "unreachable", TaintEffect::NoSchedule);
        add(seen.unschedulable_no_schedule(), "unschedulable", TaintEffect::NoSchedule);
        add(seen.not_ready_no_execute(), "not-ready", TaintEffect::NoExecute);
        add(seen.unreachable_no_execute(), "unreachable", TaintEffect::NoExecute);
        if seen.custom() {
            let taint = self.scenario.taint_of_events();
            taints.push((taint.key, taint.value, taint.effect));
        }
        let keeps_away = |(key, value, effect): &(String, String, TaintEffect)| {
            *effect != TaintEffect::PreferNoSchedule && !self.tolerates(key, value, *effect)
        };
        taints.into_iter().find(keeps_away).map(|(key, ..)| key)
    }

    fn selects_node(&self, node: NodeId) -> bool {
        let labels = self.node_labels(node);
        let fields = Labels::from([("metadata.name".to_owned(), self.name(node).clone())]);
        let template = self.template();
        let selected = template.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        let required = template.node_affinity.as_ref().is_none_or(|terms| {
            terms.iter().any(|term| {
                let asked = term.expressions.len() + term.fields.len();
                let kept = term.expressions.iter().filter(|own| meets(own, labels)).count()
                    + term.fields.iter().filter(|own| meets(own, &fields)).count();
                asked > 0 && kept == asked
            })
        });
        selected && required
    }

    /// A host port of the pod that another one on the node holds.
    pub fn taken_port(&self, node: NodeId) -> Option<u16> {
        let all = |ip: &str| ip.is_empty() || ip == "0.0.0.0";
        let clash = |(a, b): (&(Protocol, &HostPort), &(Protocol, &HostPort))| {
            a.0 == b.0 && a.1.port == b.1.port && (a.1.ip == b.1.ip || all(&a.1.ip) || all(&b.1.ip))
        };
        let held: Vec<_> = self.on(node).flat_map(|other| &other.ports).collect();
        let is_taken = |own: &(Protocol, &HostPort)| held.iter().any(|held| clash((own, held)));
        own_ports(self.template(), self.scenario.release)
            .into_iter()
            .find(is_taken)
            .map(|(_, port)| port.port)
    }

    fn fits(&self, node: NodeId) -> bool {
        self.lacks(node) == Lacks::default()
    }

    /// What the node has too little of for the pod.
    pub fn lacks(&self, node: NodeId) -> Lacks {
        let allocatable = self.scenario.nodes[node.index()].allocatable;
        let own = own_requests(self.template());
        let (mut cpu, mut memory, mut pods) = (0u64, 0u64, 0);
        for other in self.on(node) {
            cpu = cpu.saturating_add(other.requests.cpu_milli);
            memory = memory.saturating_add(other.requests.memory);
            pods += 1;
        }
        Lacks {
            cpu: own.cpu_milli > 0 && cpu.saturating_add(own.cpu_milli) > allocatable.cpu_milli,
            memory: own.memory > 0 && memory.saturating_add(own.memory) > allocatable.memory,
            pods: pods >= allocatable.pods,
        }
    }

    fn on(&self, node: NodeId) -> impl Iterator<Item = &Other<'a>> {
        self.others.iter().filter(move |other| other.node == node)
    }

    fn is_spread(&self, spread: &SpreadConstraint, node: NodeId) -> bool {
        let nodes = NodeId::first(self.nodes.len());
        let eligible = |&node: &NodeId| {
            self.nodes[node.index()].exists()
                && self.template().spread.iter().all(|other| self.label(node, &other.topology_key).is_some())
                && (!spread.honour_node_affinity || self.selects_node(node))
                && (!spread.honour_node_taints || self.untolerated_taint(node).is_none())
        };
        let counts = |labels: &Labels, revision: Option<Revision>| {
            selects(spread.selector.as_ref(), labels)
                && (!spread.same_revision || revision == Some(self.revision))
        };
        // FLT-18: a selector without a word counts nobody.
        let says_nothing =
            spread.selector.as_ref().is_some_and(|selector| *selector == LabelSelector::default());
        let nobody = says_nothing && !spread.same_revision && self.scenario.release.minor >= 27;
        let matching = |domain: &String| {
            if nobody {
                return 0;
            }
            let here =
                |node: NodeId| eligible(&node) && self.label(node, &spread.topology_key) == Some(domain);
            let namespace = &self.scenario.workload.namespace;
            let matches = |other: &&Other<'_>| {
                here(other.node)
                    && !other.deleting
                    && other.namespace == *namespace
                    && counts(other.labels, other.revision)
            };
            i64::try_from(self.others.iter().filter(matches).count()).unwrap_or(i64::MAX)
        };
        let mut domains: Vec<&String> =
            nodes.filter(eligible).filter_map(|node| self.label(node, &spread.topology_key)).collect();
        domains.sort();
        domains.dedup();
        let least = domains.iter().map(|domain| matching(domain)).min().unwrap_or(0);
        let least = if domains.len() < spread.min_domains as usize { 0 } else { least };
        let Some(own) = self.label(node, &spread.topology_key) else { return false };
        matching(own) + i64::from(counts(&self.template().labels, Some(self.revision))) - least
            <= i64::from(spread.max_skew)
    }

    fn is_near(&self, node: NodeId) -> bool {
        let terms = &self.template().pod_affinity;
        let namespace = &self.scenario.workload.namespace;
        let matches_all = |theirs: &str, labels: &Labels, revision: Option<Revision>| {
            terms.iter().all(|term| {
                term_selects(term, namespace, theirs, labels)
                    && (!term.same_revision || revision == Some(self.revision))
            })
        };
        let has_keys = terms.iter().all(|term| self.label(node, &term.topology_key).is_some());
        let matching: Vec<&Other<'_>> = self
            .others
            .iter()
            .filter(|other| matches_all(other.namespace, other.labels, other.revision))
            .collect();
        let shares = |other: &Other<'_>, term: &PodAffinityTerm| {
            self.label(other.node, &term.topology_key) == self.label(node, &term.topology_key)
        };
        let near = terms.iter().all(|term| matching.iter().any(|other| shares(other, term)));
        // A pod that matches counts only where its node has a key.
        let anywhere = matching
            .iter()
            .any(|other| terms.iter().any(|term| self.label(other.node, &term.topology_key).is_some()));
        let first = !anywhere && matches_all(namespace, &self.template().labels, Some(self.revision));
        has_keys && (near || first)
    }

    fn is_apart(&self, node: NodeId) -> bool {
        let namespace = &self.scenario.workload.namespace;
        let together = |other: &Other<'_>, key: &str| {
            let here = self.label(node, key);
            here.is_some() && here == self.label(other.node, key)
        };
        let own_terms = self.template().pod_anti_affinity.iter();
        let mut disliked = own_terms.flat_map(|term| self.others.iter().map(move |other| (term, other)));
        let mut disliking =
            self.others.iter().flat_map(|other| other.anti_affinity.iter().map(move |term| (term, other)));
        !disliked.any(|(term, other)| {
            together(other, &term.topology_key)
                && term_selects(term, namespace, other.namespace, other.labels)
                && (!term.same_revision || other.revision == Some(self.revision))
        }) && !disliking.any(|(term, other)| {
            together(other, &term.topology_key)
                && term_selects(term, other.namespace, namespace, &self.template().labels)
                && (!term.same_revision || other.revision == Some(self.revision))
        })
    }
}

/// Does a term of a pod in `own` select, by namespace and labels, one with `labels` in `theirs`?
fn term_selects(term: &PodAffinityTerm, own: &str, theirs: &str, labels: &Labels) -> bool {
    let says_nothing = term.namespaces.is_empty() && !term.all_namespaces;
    let in_namespace = term.all_namespaces
        || term.namespaces.iter().any(|name| name == theirs)
        || says_nothing && own == theirs;
    in_namespace && selects(term.selector.as_ref(), labels)
}

fn selects(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    let Some(selector) = selector else { return false };
    selector.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && selector.expressions.iter().all(|own| meets(own, labels))
}

fn meets(own: &Requirement, labels: &Labels) -> bool {
    let value = labels.get(&own.key);
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<i64>().ok());
    let pair = number(value).zip(number(own.values.first()));
    match own.operator {
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::In => value.is_some_and(|value| own.values.contains(value)),
        Operator::NotIn => !value.is_some_and(|value| own.values.contains(value)),
        Operator::Gt => pair.is_some_and(|(value, bound)| value > bound),
        Operator::Lt => pair.is_some_and(|(value, bound)| value < bound),
    }
}

/// Can `count` pods of `revision` be placed one after the other?
pub fn places(scenario: &Scenario, placement: &mut Placement, revision: Revision, count: u8) -> bool {
    if count == 0 {
        return true;
    }
    NodeId::first(placement.nodes.len()).any(|node| {
        SpelledOut::new(scenario, placement, revision).is_lawful(node) && {
            placement.occupants.push(Occupant { node, revision, deleting: false });
            let placed = places(scenario, placement, revision, count - 1);
            placement.occupants.pop();
            placed
        }
    })
}

/// Ways to place pods that are looked through at most.
const WAYS_MAX: u64 = 4096;

/// The wanted pods of the workload, one after the other, each on the first node that takes it, up to the first that none takes; none, if
/// there is no such, or if placed in another way all may find a node. Where there are too many ways only the first pod is looked at. All nodes that are there from the beginning are Ready.
pub fn first_without_a_node(scenario: &Scenario) -> Option<Placement> {
    let revision = Revision(0);
    let replicas = scenario.workload.replicas;
    let mut placement = before_any(scenario);
    let ways = (placement.nodes.len() as u64).checked_pow(u32::from(replicas));
    let is_searched = ways.is_some_and(|ways| ways <= WAYS_MAX);
    let wanted = usize::from(if is_searched { replicas } else { replicas.min(1) });
    while placement.occupants.len() < wanted {
        let spelled_out = SpelledOut::new(scenario, &placement, revision);
        let node = NodeId::first(placement.nodes.len()).find(|&node| spelled_out.is_lawful(node));
        let Some(node) = node else { break };
        placement.occupants.push(Occupant { node, revision, deleting: false });
    }
    let is_stuck = placement.occupants.len() < wanted;
    let in_another_way = || places(scenario, &mut before_any(scenario), revision, replicas);
    let is_certain = is_stuck && (placement.occupants.is_empty() || !in_another_way());
    is_certain.then_some(placement)
}

/// No pod of the workload is anywhere yet.
fn before_any(scenario: &Scenario) -> Placement {
    let count = scenario.nodes.len() - usize::from(scenario.spare_nodes);
    let object = |(index, node): (usize, &Node)| {
        NodeObject::new()
            .with_exists(index < count)
            .with_unschedulable(node.unschedulable)
            .with_unschedulable_no_schedule(node.unschedulable)
    };
    Placement { nodes: scenario.nodes.iter().enumerate().map(object).collect(), ..Placement::default() }
}

/// How many pods of the workload fit on `node` beside its neighbours, counted one after the other; no further than `most`.
pub fn room(scenario: &Scenario, node: NodeId, most: usize) -> u64 {
    let object = NodeObject::new().with_exists(true);
    let nodes = scenario.nodes.iter().map(|_| object).collect();
    let mut placement = Placement { nodes, ..Placement::default() };
    while placement.occupants.len() < most && SpelledOut::new(scenario, &placement, Revision(0)).fits(node) {
        placement.occupants.push(Occupant { node, revision: Revision(0), deleting: false });
    }
    placement.occupants.len() as u64
}

/// FLT-4: those of apps, and from 1.34 on those of sidecars.
fn own_ports(template: &PodTemplate, release: Release) -> Vec<(Protocol, &HostPort)> {
    let with_sidecars = release.counts_host_ports_of_sidecars();
    let is_counted = |own: &&Container| {
        own.kind == ContainerKind::App || own.kind == ContainerKind::Sidecar && with_sidecars
    };
    let containers = template.containers.iter().filter(is_counted);
    let ports = containers.flat_map(|own| &own.ports);
    ports.filter_map(|port| Some((port.protocol, port.host.as_ref()?))).collect()
}

fn own_requests(template: &PodTemplate) -> Resources {
    let of = |own: &Container| (own.kind, own.requests);
    requests_of(&template.containers.iter().map(of).collect::<Vec<_>>())
}

/// FIT-1 to FIT-3: what runs at once, at the moment when that is most.
fn requests_of(containers: &[(ContainerKind, Resources)]) -> Resources {
    let at_once = |amount: fn(&Resources) -> u64| {
        let of = |kind| {
            let own = containers.iter().filter(move |(own, _)| *own == kind);
            own.map(|(_, requests)| amount(requests)).fold(0, u64::saturating_add)
        };
        let mut most = of(ContainerKind::App).saturating_add(of(ContainerKind::Sidecar));
        let mut sidecars = 0u64;
        for (kind, requests) in containers {
            match kind {
                ContainerKind::Init => most = most.max(sidecars.saturating_add(amount(requests))),
                ContainerKind::Sidecar => sidecars = sidecars.saturating_add(amount(requests)),
                ContainerKind::App => {}
            }
        }
        most
    };
    Resources { cpu_milli: at_once(|own| own.cpu_milli), memory: at_once(|own| own.memory), pods: 0 }
}
