//! Which nodes a pod may go to, by brute force over a scenario's own words: no table, no cache, no cleverness. A third
//! reading of FLT-1 to FLT-19, beside those of the model and of the runtime.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::scenario::{
    ContainerKind, HostPort, LabelSelector, Labels, Operator, PodAffinityTerm, Protocol, Requirement,
    Resources, SpreadConstraint, TaintEffect, Toleration,
};

use crate::generators::situation::Situation;
use crate::objects::{POD_TEMPLATE_HASH, hash_of};

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

/// A pod that is somewhere.
struct Other {
    node: usize,
    namespace: String,
    labels: Labels,
    deleting: bool,
    requests: Resources,
    ports: Vec<(Protocol, HostPort)>,
    anti_affinity: Vec<PodAffinityTerm>,
}

/// A situation, spelled out.
pub struct Brute<'a> {
    situation: &'a Situation,
    others: Vec<Other>,
    /// The pod's own labels.
    labels: Labels,
}

impl<'a> Brute<'a> {
    /// Spells a situation out.
    pub fn new(situation: &'a Situation) -> Self {
        let workload = &situation.scenario.workload;
        let labels = |revision| {
            let mut labels = workload.template.labels.clone();
            labels.insert(POD_TEMPLATE_HASH.into(), hash_of(revision));
            labels
        };
        let own = situation.placed.iter().map(|placed| Other {
            node: placed.node.index(),
            namespace: workload.namespace.clone(),
            labels: labels(placed.revision),
            deleting: placed.deleting,
            requests: own_requests(situation),
            ports: own_ports(situation),
            anti_affinity: workload.template.pod_anti_affinity.clone(),
        });
        let neighbours = situation.scenario.neighbours.iter().map(|neighbour| Other {
            node: neighbour.node.into(),
            namespace: neighbour.namespace.clone(),
            labels: neighbour.labels.clone(),
            deleting: false,
            requests: requests_of(&neighbour.requests),
            ports: neighbour.host_ports.clone(),
            anti_affinity: neighbour.pod_anti_affinity.clone(),
        });
        let others = own.chain(neighbours).collect();
        Self { situation, others, labels: labels(situation.revision) }
    }

    /// What each filter says of a node.
    pub fn passes(&self, node: NodeId) -> Passes {
        let node = node.index();
        Passes {
            node_name: self.template().node_name.as_ref().is_none_or(|name| *name == self.name(node)),
            node_unschedulable: !self.situation.nodes[node].unschedulable
                || self.tolerates("node.kubernetes.io/unschedulable", "", TaintEffect::NoSchedule),
            taint_toleration: self.tolerates_taints(node),
            node_affinity: self.selects_node(node),
            node_ports: self.ports_are_free(node),
            node_resources_fit: self.fits(node),
            pod_topology_spread: self.template().spread.iter().all(|spread| self.is_spread(spread, node)),
            inter_pod_affinity: self.is_near(node) && self.is_apart(node),
        }
    }

    fn template(&self) -> &podproof_vocabulary::scenario::PodTemplate {
        &self.situation.scenario.workload.template
    }

    fn name(&self, node: usize) -> String {
        self.situation.scenario.nodes[node].name.clone()
    }

    fn label(&self, node: usize, key: &str) -> Option<&String> {
        self.node_labels(node).get(key)
    }

    fn node_labels(&self, node: usize) -> &Labels {
        self.situation.scenario.nodes[node].labels_when(self.situation.nodes[node].relabelled)
    }

    fn tolerates(&self, key: &str, value: &str, effect: TaintEffect) -> bool {
        let matches = |own: &Toleration| {
            (own.effect.is_none() || own.effect == Some(effect))
                && (own.key == key || own.key.is_empty() && own.exists)
                && (own.exists || own.value == value)
        };
        self.template().tolerations.iter().any(matches)
    }

    fn tolerates_taints(&self, node: usize) -> bool {
        let seen = self.situation.nodes[node].taints;
        let mut taints: Vec<(String, String, TaintEffect)> = Vec::new();
        for taint in &self.situation.scenario.nodes[node].taints {
            taints.push((taint.key.clone(), taint.value.clone(), taint.effect));
        }
        let mut add = |is_set: bool, key: &str, effect| {
            if is_set {
                taints.push((format!("node.kubernetes.io/{key}"), String::new(), effect));
            }
        };
        add(seen.not_ready_no_schedule, "not-ready", TaintEffect::NoSchedule);
        add(seen.unreachable_no_schedule, "unreachable", TaintEffect::NoSchedule);
        add(seen.unschedulable_no_schedule, "unschedulable", TaintEffect::NoSchedule);
        add(seen.not_ready_no_execute, "not-ready", TaintEffect::NoExecute);
        add(seen.unreachable_no_execute, "unreachable", TaintEffect::NoExecute);
        if seen.custom {
            let taint = self.situation.scenario.taint_of_events();
            taints.push((taint.key, taint.value, taint.effect));
        }
        let kept_away = |(key, value, effect): &(String, String, TaintEffect)| {
            *effect != TaintEffect::PreferNoSchedule && !self.tolerates(key, value, *effect)
        };
        !taints.iter().any(kept_away)
    }

    fn selects_node(&self, node: usize) -> bool {
        let labels = self.node_labels(node);
        let fields = Labels::from([("metadata.name".to_owned(), self.name(node))]);
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

    fn ports_are_free(&self, node: usize) -> bool {
        let all = |ip: &str| ip.is_empty() || ip == "0.0.0.0";
        let clash = |(a, b): (&(Protocol, HostPort), &(Protocol, HostPort))| {
            a.0 == b.0 && a.1.port == b.1.port && (a.1.ip == b.1.ip || all(&a.1.ip) || all(&b.1.ip))
        };
        let held: Vec<_> = self.on(node).flat_map(|other| &other.ports).collect();
        !own_ports(self.situation).iter().any(|own| held.iter().any(|held| clash((own, held))))
    }

    fn fits(&self, node: usize) -> bool {
        let allocatable = self.situation.scenario.nodes[node].allocatable;
        let own = own_requests(self.situation);
        let (mut cpu, mut memory, mut pods) = (0, 0, 0);
        for other in self.on(node) {
            cpu += other.requests.cpu_milli;
            memory += other.requests.memory;
            pods += 1;
        }
        pods < allocatable.pods
            && (own.cpu_milli == 0 || cpu + own.cpu_milli <= allocatable.cpu_milli)
            && (own.memory == 0 || memory + own.memory <= allocatable.memory)
    }

    fn on(&self, node: usize) -> impl Iterator<Item = &Other> {
        self.others.iter().filter(move |other| other.node == node)
    }

    fn is_spread(&self, spread: &SpreadConstraint, node: usize) -> bool {
        let nodes = 0..self.situation.nodes.len();
        let eligible = |&node: &usize| {
            self.template().spread.iter().all(|other| self.label(node, &other.topology_key).is_some())
                && (!spread.honour_node_affinity || self.selects_node(node))
                && (!spread.honour_node_taints || self.tolerates_taints(node))
        };
        let counts = |labels: &Labels| {
            selects(spread.selector.as_ref(), labels)
                && (!spread.same_revision || same_revision(labels, &self.labels))
        };
        let matching = |domain: &String| {
            let here =
                |node: usize| eligible(&node) && self.label(node, &spread.topology_key) == Some(domain);
            let namespace = &self.situation.scenario.workload.namespace;
            let matches = |other: &&Other| {
                here(other.node) && !other.deleting && other.namespace == *namespace && counts(&other.labels)
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
        matching(own) + i64::from(counts(&self.labels)) - least <= i64::from(spread.max_skew)
    }

    fn is_near(&self, node: usize) -> bool {
        let terms = &self.template().pod_affinity;
        let namespace = &self.situation.scenario.workload.namespace;
        let matches_all = |labels: &Labels, theirs: &str| {
            terms.iter().all(|term| term_selects(term, namespace, &self.labels, theirs, labels))
        };
        let has_keys = terms.iter().all(|term| self.label(node, &term.topology_key).is_some());
        let matching: Vec<&Other> =
            self.others.iter().filter(|other| matches_all(&other.labels, &other.namespace)).collect();
        let shares = |other: &Other, term: &PodAffinityTerm| {
            self.label(other.node, &term.topology_key) == self.label(node, &term.topology_key)
        };
        let near = terms.iter().all(|term| matching.iter().any(|other| shares(other, term)));
        // A pod that matches counts only where its node has a key.
        let anywhere = matching
            .iter()
            .any(|other| terms.iter().any(|term| self.label(other.node, &term.topology_key).is_some()));
        let first = !anywhere && matches_all(&self.labels, namespace);
        has_keys && (near || first)
    }

    fn is_apart(&self, node: usize) -> bool {
        let namespace = &self.situation.scenario.workload.namespace;
        let together = |other: &Other, key: &str| {
            let here = self.label(node, key);
            here.is_some() && here == self.label(other.node, key)
        };
        let own_terms = self.template().pod_anti_affinity.iter();
        let mut disliked = own_terms.flat_map(|term| self.others.iter().map(move |other| (term, other)));
        let mut disliking =
            self.others.iter().flat_map(|other| other.anti_affinity.iter().map(move |term| (term, other)));
        !disliked.any(|(term, other)| {
            together(other, &term.topology_key)
                && term_selects(term, namespace, &self.labels, &other.namespace, &other.labels)
        }) && !disliking.any(|(term, other)| {
            together(other, &term.topology_key)
                && term_selects(term, &other.namespace, &other.labels, namespace, &self.labels)
        })
    }
}

fn same_revision(one: &Labels, other: &Labels) -> bool {
    one.get(POD_TEMPLATE_HASH) == other.get(POD_TEMPLATE_HASH)
}

/// Does a term of a pod with these labels in `own` select one with those in `theirs`?
fn term_selects(
    term: &PodAffinityTerm,
    own: &str,
    labels: &Labels,
    theirs: &str,
    their_labels: &Labels,
) -> bool {
    let says_nothing = term.namespaces.is_empty() && !term.all_namespaces;
    let in_namespace = term.all_namespaces
        || term.namespaces.iter().any(|name| name == theirs)
        || says_nothing && own == theirs;
    in_namespace
        && selects(term.selector.as_ref(), their_labels)
        && (!term.same_revision || same_revision(labels, their_labels))
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

fn own_ports(situation: &Situation) -> Vec<(Protocol, HostPort)> {
    let containers = situation.scenario.workload.template.containers.iter();
    let ports = containers.filter(|own| own.kind != ContainerKind::Init).flat_map(|own| &own.ports);
    ports.filter_map(|port| Some((port.protocol, port.host.clone()?))).collect()
}

fn own_requests(situation: &Situation) -> Resources {
    let containers = situation.scenario.workload.template.containers.iter();
    requests_of(&containers.map(|own| (own.kind, own.requests)).collect::<Vec<_>>())
}

/// FIT-1 to FIT-3: what runs at once, at the moment when that is most.
fn requests_of(containers: &[(ContainerKind, Resources)]) -> Resources {
    let at_once = |amount: fn(&Resources) -> u64| {
        let of = |kind| {
            let own = containers.iter().filter(move |(own, _)| *own == kind);
            own.map(|(_, requests)| amount(requests)).sum::<u64>()
        };
        let mut most = of(ContainerKind::App) + of(ContainerKind::Sidecar);
        let mut sidecars = 0;
        for (kind, requests) in containers {
            match kind {
                ContainerKind::Init => most = most.max(sidecars + amount(requests)),
                ContainerKind::Sidecar => sidecars += amount(requests),
                ContainerKind::App => {}
            }
        }
        most
    };
    Resources { cpu_milli: at_once(|own| own.cpu_milli), memory: at_once(|own| own.memory), pods: 0 }
}
