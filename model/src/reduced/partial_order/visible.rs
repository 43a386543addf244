//! Which moves of a pod's process show the judged promises the same, whatever others do before or after them.
//!
//! Both orders of two moves end in one state, and a promise that is a predicate on states is judged there. What may differ is
//! the state between, so a move must not take away what another would have shown with it. A promise that looks at each pod
//! by itself (`stopped-before-gone`, `terminal-is-final`, `grace-honoured`, `init-before-app`,
//! `sandbox-holds-namespaces`; `one-address-one-pod` but for host ports; how many fit on a node, where there is room for
//! all) shows of one pod what it shows, whatever is between: where the object of a pod may go while its containers run, the
//! collector's plan for it keeps its process from being a part; one that looks at a step alone (`ready-means-ready`,
//! `rollout-within-bounds`, the choice of a node) reads nothing that such a move writes.

use podproof_vocabulary::scenario::ContainerKind;
use podproof_vocabulary::{PodId, Property};

use super::PartialOrder;
use crate::cluster::Cluster;
use crate::rules::Rules;
use crate::state::{Endpoint, PodObject, ProxyPod};
use crate::time;

fn runs(cluster: &Cluster<'_>, pod: PodId) -> bool {
    cluster.containers_of(pod).iter().any(|container| container.is_running())
}

/// Alive, as `pods-within-surge` counts.
fn is_alive(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let object = cluster.pod(pod).api;
    (object.exists() && !object.phase().is_terminal()) || runs(cluster, pod)
}

fn claims_host_ports(rules: &Rules) -> bool {
    let containers = rules.scenario.workload.template.containers.iter();
    containers
        .filter(|container| container.kind != ContainerKind::Init)
        .any(|container| container.ports.iter().any(|port| port.host.is_some()))
}

/// A rule sends connections to the pod, or may come to without the kubelet's saying that it is ready.
fn is_routed_to(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    let service = cluster.rules.scenario.service.as_ref();
    let usable = |entry: Endpoint| entry.ready() || entry.serving();
    let known = |proxy: &ProxyPod| usable(proxy.view) || usable(proxy.rule);
    service.is_some_and(|service| service.publish_not_ready_addresses)
        || column.api.ready()
        || column.controller.view().ready()
        || usable(column.slice)
        || cluster.proxies_of(pod).iter().any(known)
}

impl PartialOrder {
    /// A move of `pod` reads nothing that others write, and what it writes they do not read, as far as that depends on the
    /// scenario.
    pub(super) fn is_own_affair(&self, before: &Cluster<'_>, after: &Cluster<'_>, pod: PodId) -> bool {
        let (old, new) = (before.pod(pod), after.pod(pod));
        let changes_address = old.kubelet.address() != new.kubelet.address();
        let changes_worker = old.kubelet.worker() != new.kubelet.worker();
        // Filters and admission that look at other pods read who is where, by copy and by worker.
        if !self.ignores_occupants && (changes_worker || old.scheduler != new.scheduler) {
            return false;
        }
        // The neighbour waits for an address that no sandbox holds.
        if self.reuses_addresses && (changes_address || changes_worker) {
            return false;
        }
        // A new address is one that nobody remembers.
        let remembered = || {
            old.api.address().is_some()
                || old.controller.view().address().is_some()
                || old.slice.is_present()
                || before
                    .proxies_of(pod)
                    .iter()
                    .any(|proxy| proxy.view.is_present() || proxy.rule.is_present())
        };
        !(changes_address && new.kubelet.address().is_some() && remembered())
    }

    /// A move of `pod` takes nothing away from what the judged promises see of the moves of others.
    pub(super) fn shows_the_same(&self, before: &Cluster<'_>, after: &Cluster<'_>, pod: PodId) -> bool {
        let judges = |property| self.judged.contains(property);
        let (old, new) = (before.pod(pod), after.pod(pod));
        // It counts the pods that are alive.
        if judges(Property::PodsWithinSurge) && is_alive(before, pod) != is_alive(after, pod) {
            return false;
        }
        // It counts the healthy pods whenever an eviction deletes one. Evictions begin only when all is quiet.
        let is_healthy = |object: PodObject| object.exists() && object.ready() && !object.is_deleting();
        let evicts = before.shared.control_plane.evicts();
        if judges(Property::DisruptionBudgetKept) && evicts && is_healthy(old.api) != is_healthy(new.api) {
            return false;
        }
        // It counts who holds a host port of a node.
        let changes_holder = || {
            runs(before, pod) != runs(after, pod)
                || (old.api.exists(), old.api.node()) != (new.api.exists(), new.api.node())
        };
        if judges(Property::OneAddressOnePod) && claims_host_ports(before.rules) && changes_holder() {
            return false;
        }
        // They read the rules beside the containers.
        let serving = before.rules.serving();
        let seen = |cluster: &Cluster<'_>| {
            let container = cluster.container(pod, serving);
            (container.accepting(), container.sigterm(), cluster.pod(pod).kubelet.address())
        };
        if self.reads_rules && seen(before) != seen(after) && is_routed_to(before, pod) {
            return false;
        }
        // It asks for a rule as soon as some pod is steady.
        !(judges(Property::NoAvoidableBlackout)
            && time::is_steady(before, pod)
            && !time::is_steady(after, pod))
    }
}
