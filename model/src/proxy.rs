//! kube-proxy of a node: programs the endpoints that it has seen, in a step of its own (PRX-1 to PRX-8).
//!
//! Each node is on its own; nobody waits for it and nobody learns what it has done (PRX-5). Its rules live in the
//! kernel and outlive it (PRX-8). Which endpoints a rule then sends connections to is for [`traffic`](crate::traffic).

use podproof_vocabulary::action::{Action, Proxy};
use podproof_vocabulary::mutant::Mutant;

use crate::cluster::Cluster;
use crate::scope::{Part, Parts, Scope};
use crate::state::Endpoint;

/// The entry that the next programming writes, from what kube-proxy sees and what the kernel has.
fn next(cluster: &Cluster<'_>, view: Endpoint, rule: Endpoint) -> Endpoint {
    let usable = |endpoint: Endpoint| endpoint.is_present() && endpoint.ready();
    if (cluster.has_mutant(Mutant::ProxyNeverRemoves) && usable(rule) && !usable(view))
        || (cluster.has_mutant(Mutant::ProxyNeverAdds) && !rule.is_present())
    {
        return rule;
    }
    view
}

/// The parts whose candidates are its.
pub const PARTS: Parts = Parts::of(&[Part::Rules]);

/// The steps that the kube-proxies can take.
pub fn candidates(cluster: &Cluster<'_>, _scope: Scope, out: &mut Vec<Action>) {
    // Of all pods, for the same reason as the [slice](crate::endpoints::candidates).
    for node in cluster.node_ids().filter(|&node| cluster.models_proxy(node)) {
        let machine = cluster.node(node).machine;
        let behind = || {
            cluster.used_pods().any(|pod| {
                let proxy = cluster.proxy(node, pod);
                proxy.view != proxy.rule && next(cluster, proxy.view, proxy.rule) != proxy.rule
            })
        };
        // PRX-6: before its first list a kube-proxy has seen nothing, so there is nothing to write. What it has seen it writes
        // also when its watch has broken.
        if machine.powered() && machine.proxy_runs() && behind() {
            out.push(Action::Proxy(Proxy::ProgramRules { node }));
        }
    }
}

/// Programs the rules of a node, all at once (PRX-3, PRX-4).
pub fn apply(cluster: &mut Cluster<'_>, step: Proxy) {
    let Proxy::ProgramRules { node } = step;
    for pod in cluster.pod_ids() {
        let proxy = cluster.proxy(node, pod);
        let rule = next(cluster, proxy.view, proxy.rule);
        cluster.proxy_mut(node, pod).rule = rule;
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::NodeId;
    use podproof_vocabulary::action::{EndpointSlice, Environment, Watch, Watcher};

    use super::*;
    use crate::test_cluster::{N0, N1, P0, TestCluster};

    fn program(node: NodeId) -> Proxy {
        Proxy::ProgramRules { node }
    }

    fn deliver(node: NodeId) -> Watch {
        Watch::DeliverSlice { node }
    }

    fn rule_is_ready(cluster: &TestCluster, node: NodeId) -> bool {
        cluster.seen().slots[0].rules[node.index()].unwrap().ready
    }

    /// A pod whose deletion is in the slice and at no node.
    fn deleted() -> TestCluster {
        let mut cluster = TestCluster::running(1, 2, |_| {});
        cluster.delete(P0);
        cluster.take(Watch::DeliverPod { to: Watcher::ControllerManager, pod: P0 });
        cluster.take(EndpointSlice::WriteSlice);
        cluster
    }

    /// PRX-1.
    #[test]
    fn rules_change_after_the_slice_was_seen_and_in_a_step_of_their_own() {
        let mut cluster = deleted();
        assert!(!cluster.can(program(N0)));
        cluster.take(deliver(N0));
        assert!(rule_is_ready(&cluster, N0));
        cluster.take(program(N0));
        assert!(!rule_is_ready(&cluster, N0));
        assert!(!cluster.can(program(N0)));
    }

    /// PRX-5.
    #[test]
    fn each_node_programs_its_rules_on_its_own() {
        let mut cluster = deleted();
        cluster.take(deliver(N0));
        cluster.take(program(N0));
        assert!(rule_is_ready(&cluster, N1) && cluster.can(deliver(N1)) && !cluster.can(program(N1)));
    }

    /// PRX-2.
    #[test]
    fn what_a_kube_proxy_has_seen_it_programs_though_its_watch_has_broken() {
        let mut cluster = deleted();
        cluster.take(deliver(N0));
        cluster.befall(Environment::BreakWatches { watcher: Watcher::Proxy(N0) });
        cluster.take(program(N0));
        assert!(!rule_is_ready(&cluster, N0));
    }

    /// PRX-6, PRX-7.
    #[test]
    fn before_its_list_a_kube_proxy_writes_nothing_and_its_rules_stay() {
        let mut cluster = deleted();
        cluster.befall(Environment::BreakWatches { watcher: Watcher::Proxy(N0) });
        assert!(!cluster.can(deliver(N0)) && !cluster.can(program(N0)));
        assert!(rule_is_ready(&cluster, N0));
        cluster.take(Watch::List { watcher: Watcher::Proxy(N0) });
        cluster.take(program(N0));
        assert!(!rule_is_ready(&cluster, N0));
    }

    /// PRX-8.
    #[test]
    fn the_rules_of_a_stopped_kube_proxy_stay() {
        let mut cluster = deleted();
        cluster.take(deliver(N0));
        cluster.befall(Environment::StopProxy { node: N0 });
        assert!(!cluster.can(program(N0)) && !cluster.can(deliver(N0)));
        assert!(rule_is_ready(&cluster, N0));
    }

    /// 7.6, MOD-1: a node that is cut off keeps its rules. As the recording of a partition shows, its kube-proxy then goes on where
    /// its watch was.
    #[test]
    fn a_node_that_is_cut_off_keeps_its_rules_until_the_news_arrive() {
        let mut cluster = deleted();
        cluster.befall(Environment::PartitionNode { node: N1 });
        assert!(!cluster.can(deliver(N1)));
        cluster.befall(Environment::HealPartition { node: N1 });
        assert!(rule_is_ready(&cluster, N1));
        assert!(!cluster.can(Watch::List { watcher: Watcher::Proxy(N1) }));
        cluster.take(deliver(N1));
        cluster.take(program(N1));
        assert!(!rule_is_ready(&cluster, N1));
    }

    /// DNS-1.
    #[test]
    fn a_headless_service_has_no_rules() {
        let cluster = TestCluster::running(1, 1, |s| s.service.as_mut().unwrap().headless = true);
        assert!(cluster.seen().slots[0].endpoint.unwrap().ready);
        assert_eq!(cluster.seen().slots[0].rules, [None]);
    }
}
