//! Neighbours: running pods of other workloads that share the Service or a budget, that affinity or spread selects, or that take room or
//! host ports which the workload needs.

use super::selector::{meets, selects, selects_hashed};
use super::service::{ParsedBudget, ParsedService};
use super::workload::Parsed;
use crate::scenario::{
    Container, ContainerKind, HostPort, Labels, Neighbour, Node, Operator, PodAffinityTerm, PodTemplate,
    Protocol, Resources, RestartPolicy, TaintEffect, Toleration, WorkloadKind,
};

/// What ties a pod of another workload to the workload that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ties {
    /// The Service selects it.
    pub in_service: bool,
    /// A budget of the workload selects it.
    pub in_budget: bool,
    /// An affinity, an anti-affinity of either side, or a spread constraint selects it.
    pub by_placement: bool,
    /// It holds a host port that the workload wants (FLT-4), or room on a node that is not large enough for all (FLT-3).
    pub by_room: bool,
    /// The Service or a budget selects it, and it may have ended.
    pub by_what_ended: bool,
}

impl Ties {
    /// Is there one at all?
    pub fn any(self) -> bool {
        self.in_service || self.in_budget || self.by_placement || self.by_room
    }
}

/// What ties `other` to `own`.
pub fn ties(
    own: &Parsed<'_>,
    other: &Parsed<'_>,
    service: Option<&ParsedService<'_>>,
    budgets: &[&ParsedBudget<'_>],
) -> Ties {
    let (mine, theirs) = (&own.workload, &other.workload);
    let labels = &theirs.template.labels;
    let terms = mine.template.pod_affinity.iter().chain(&mine.template.pod_anti_affinity);
    let mut spread = mine.template.spread.iter().filter_map(|constraint| constraint.selector.as_ref());
    let in_namespace = mine.namespace == theirs.namespace;
    let in_service = service.is_some_and(|service| is_endpoint(service, other));
    let in_budget = budgets.iter().any(|budget| budget_selects(budget, &theirs.namespace, labels));
    let ends = may_have_ended(other);
    let by_placement =
        terms.into_iter().any(|term| term_selects(term, &mine.namespace, &theirs.namespace, labels))
            || (in_namespace && spread.any(|selector| selects(selector, labels)))
            || theirs
                .template
                .pod_anti_affinity
                .iter()
                .any(|term| term_selects(term, &theirs.namespace, &mine.namespace, &mine.template.labels));
    Ties {
        in_service: in_service && !ends,
        in_budget: in_budget && !ends,
        by_placement,
        by_room: clash(&host_ports(&mine.template.containers), &host_ports(&theirs.template.containers)),
        by_what_ended: ends && (in_service || in_budget),
    }
}

/// Does a Service send to a pod of `other`? One that lacks each target port by its name is no endpoint (S28 `endpointslice/utils.go`
/// `getEndpointPorts`).
fn is_endpoint(service: &ParsedService<'_>, other: &Parsed<'_>) -> bool {
    let template = &other.workload.template;
    service.selects(&other.workload.namespace, &template.labels)
        && !service.serving(&template.containers).0.is_empty()
}

/// Is it a Pod that runs to its end? A manifest does not say whether it has come to it; then it is no endpoint (S28 `endpointslice/utils.go`
/// `ShouldPodBeInEndpoints`), and not Ready, so that no budget counts it as healthy.
pub fn may_have_ended(other: &Parsed<'_>) -> bool {
    let workload = &other.workload;
    workload.kind == WorkloadKind::Pod && workload.template.restart_policy != RestartPolicy::Always
}

/// FLT-4: may no two pods with these host ports be on one node?
pub fn clash(own: &[(Protocol, HostPort)], others: &[(Protocol, HostPort)]) -> bool {
    let any = |port: &HostPort| port.ip == "0.0.0.0";
    let same = |(protocol, port): &(Protocol, HostPort), (other, held): &(Protocol, HostPort)| {
        protocol == other && port.port == held.port && (port.ip == held.ip || any(port) || any(held))
    };
    own.iter().any(|own| others.iter().any(|other| same(own, other)))
}

/// Does a budget select pods with these labels, in this namespace?
pub fn budget_selects(budget: &ParsedBudget<'_>, namespace: &str, labels: &Labels) -> bool {
    budget.object.namespace == namespace
        && budget.selector.as_ref().is_some_and(|selector| selects_hashed(selector, labels))
}

/// FLT-12: a term without namespaces speaks of its pod's own.
pub fn term_selects(term: &PodAffinityTerm, own_namespace: &str, namespace: &str, labels: &Labels) -> bool {
    let in_namespace = match term.namespaces.as_slice() {
        _ if term.all_namespaces => true,
        [] => namespace == own_namespace,
        names => names.iter().any(|name| name == namespace),
    };
    in_namespace && term.selector.as_ref().is_some_and(|selector| selects(selector, labels))
}

/// Pods of one other workload that are placed at most.
const PODS_MAX: u32 = 255;

/// How many pods of another workload are there: as many as are checked, but where what they take on nodes of the input matters, all.
pub fn count(other: &Parsed<'_>, ties: Ties, nodes_are_given: bool) -> u32 {
    match nodes_are_given && ties.by_room {
        true => other.workload.manifest_replicas.min(PODS_MAX),
        false => other.workload.replicas.into(),
    }
}

/// The pods of `others` on `nodes`: one after the other, each on the next node that may run it, and rather on one that `own` may not use
/// anyway. Also says which have nowhere to run.
pub fn place(
    own: &Parsed<'_>,
    others: &[(&Parsed<'_>, Ties)],
    nodes: &[Node],
    nodes_are_given: bool,
) -> (Vec<Neighbour>, Vec<String>) {
    let own_may_use = |node: usize| {
        let workload = &own.workload;
        may_run(&workload.template, &workload.namespace, node, nodes, &[])
    };
    let wanted: Vec<bool> = (0..nodes.len()).map(own_may_use).collect();
    let mut placed: Vec<Neighbour> = Vec::new();
    let mut says = Vec::new();
    let mut next = 0;
    for (other, ties) in others {
        let workload = &other.workload;
        let mut homeless = 0_u32;
        let pods = count(other, *ties, nodes_are_given);
        for number in 0..pods {
            let from_next = || (0..nodes.len()).map(|step| (next + step) % nodes.len());
            let mut candidates =
                from_next().filter(|&node| !wanted[node]).chain(from_next().filter(|&node| wanted[node]));
            let Some(node) = candidates
                .find(|&node| may_run(&workload.template, &workload.namespace, node, nodes, &placed))
            else {
                homeless += 1;
                continue;
            };
            next = node + 1;
            let checked = number < workload.replicas.into();
            placed.push(Neighbour {
                in_service: ties.in_service && checked,
                in_budget: ties.in_budget && checked,
                ..pod_of(other, number, node)
            });
        }
        if homeless > 0 {
            says.push(format!(
                "{homeless} of {pods} pods of {} fit on no node, and are left out",
                other.object.title()
            ));
        }
    }
    (placed, says)
}

/// Pod `number` of a workload, on a node.
fn pod_of(of: &Parsed<'_>, number: u32, node: usize) -> Neighbour {
    let workload = &of.workload;
    Neighbour {
        name: format!("{}/{} {number}", workload.kind.name(), workload.name),
        namespace: workload.namespace.clone(),
        labels: workload.template.labels.clone(),
        node: u8::try_from(node).unwrap_or(0),
        requests: requests(&workload.template.containers),
        host_ports: host_ports(&workload.template.containers),
        pod_anti_affinity: workload.template.pod_anti_affinity.clone(),
        tolerations: workload.template.tolerations.clone(),
        is_bare: workload.kind == WorkloadKind::Pod,
        in_service: false,
        in_budget: false,
    }
}

/// One more pod of a workload, on a node.
pub fn add_one(placed: &mut Vec<Neighbour>, of: &Parsed<'_>, node: usize) {
    placed.push(pod_of(of, 0, node));
}

/// What the containers ask for, in their order.
pub fn requests(containers: &[Container]) -> Vec<(ContainerKind, Resources)> {
    containers.iter().map(|container| (container.kind, container.requests)).collect()
}

/// FIT-1 to FIT-3: what the containers of a pod ask for at the moment when that is most.
pub fn effective(containers: &[(ContainerKind, Resources)]) -> Resources {
    let each = |of: fn(&Resources) -> u64| {
        let (mut lasting, mut most) = (0_u64, 0_u64);
        for (kind, requests) in containers {
            match kind {
                ContainerKind::Init => most = most.max(lasting.saturating_add(of(requests))),
                ContainerKind::Sidecar | ContainerKind::App => lasting = lasting.saturating_add(of(requests)),
            }
        }
        most.max(lasting)
    };
    Resources { cpu_milli: each(|own| own.cpu_milli), memory: each(|own| own.memory), pods: 0 }
}

/// Both together.
pub fn add(one: Resources, other: Resources) -> Resources {
    Resources {
        cpu_milli: one.cpu_milli.saturating_add(other.cpu_milli),
        memory: one.memory.saturating_add(other.memory),
        pods: one.pods.saturating_add(other.pods),
    }
}

/// The ports of the node that the containers hold while their pod runs, by protocol.
pub fn host_ports(containers: &[Container]) -> Vec<(Protocol, HostPort)> {
    let lasting = containers.iter().filter(|container| container.kind != ContainerKind::Init);
    lasting
        .flat_map(|container| &container.ports)
        .filter_map(|port| Some((port.protocol, port.host.clone()?)))
        .collect()
}

/// May a pod of `template` run on the node, beside those that were placed before? Its requests are taken at most.
pub fn may_run(
    template: &PodTemplate,
    namespace: &str,
    index: usize,
    nodes: &[Node],
    placed: &[Neighbour],
) -> bool {
    let node = &nodes[index];
    if let Some(name) = &template.node_name {
        return *name == node.name;
    }
    if !is_tolerated(template, node) || !is_wanted(template, node) {
        return false;
    }
    let here = || placed.iter().filter(|neighbour| usize::from(neighbour.node) == index);
    let wanted = effective(&requests(&template.containers));
    let taken = here().map(|neighbour| effective(&neighbour.requests)).fold(Resources::default(), add);
    let fits = |room: u64, taken: u64, wanted: u64| wanted == 0 || taken.saturating_add(wanted) <= room;
    let room = node.allocatable;
    if here().count() as u64 >= room.pods
        || !fits(room.cpu_milli, taken.cpu_milli, wanted.cpu_milli)
        || !fits(room.memory, taken.memory, wanted.memory)
    {
        return false;
    }
    let ports = host_ports(&template.containers);
    if here().any(|neighbour| clash(&ports, &neighbour.host_ports)) {
        return false;
    }
    let shares = |key: &str, other: &Neighbour| {
        let domain = node.labels.get(key);
        domain.is_some() && nodes.get(usize::from(other.node)).and_then(|node| node.labels.get(key)) == domain
    };
    placed.iter().all(|other| {
        let own = template.pod_anti_affinity.iter().all(|term| {
            !shares(&term.topology_key, other)
                || !term_selects(term, namespace, &other.namespace, &other.labels)
        });
        let theirs = other.pod_anti_affinity.iter().all(|term| {
            !shares(&term.topology_key, other)
                || !term_selects(term, &other.namespace, namespace, &template.labels)
        });
        own && theirs
    })
}

/// FLT-6, FLT-7: does a pod of `template` tolerate the node's cordon and taints?
pub fn is_tolerated(template: &PodTemplate, node: &Node) -> bool {
    let tolerated = |key: &str, value: &str, effect| {
        template.tolerations.iter().any(|one| tolerates(one, key, value, effect))
    };
    let kept_off =
        node.unschedulable && !tolerated("node.kubernetes.io/unschedulable", "", TaintEffect::NoSchedule);
    let mut taints = node.taints.iter().filter(|taint| taint.effect != TaintEffect::PreferNoSchedule);
    !kept_off && taints.all(|taint| tolerated(&taint.key, &taint.value, taint.effect))
}

/// FLT-5: does a pod of `template` ask for the node, by its selector and its affinity?
pub fn is_wanted(template: &PodTemplate, node: &Node) -> bool {
    template.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
        && template
            .node_affinity
            .as_ref()
            .is_none_or(|terms| terms.iter().any(|term| term_admits(term, node)))
}

fn term_admits(term: &crate::scenario::NodeSelectorTerm, node: &Node) -> bool {
    let by_name =
        term.fields.iter().all(|field| field.values.contains(&node.name) == (field.operator == Operator::In));
    let is_empty = term.expressions.is_empty() && term.fields.is_empty();
    !is_empty && by_name && term.expressions.iter().all(|requirement| meets(&node.labels, requirement))
}

/// FLT-7: does a toleration match a taint?
pub fn tolerates(toleration: &Toleration, key: &str, value: &str, effect: TaintEffect) -> bool {
    toleration.effect.is_none_or(|tolerated| tolerated == effect)
        && (toleration.key == key || (toleration.key.is_empty() && toleration.exists))
        && (toleration.exists || toleration.value == value)
}
