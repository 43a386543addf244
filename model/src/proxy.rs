//! kube-proxy of a node: programs the endpoints that it has seen, in a step of its own (PRX-1 to PRX-8).
//!
//! Each node is on its own; nobody waits for it and nobody learns what it has done (PRX-5). Its rules live in the
//! kernel and outlive it (PRX-8). Which endpoints a rule then sends connections to is for [`traffic`](crate::traffic).

use podproof_vocabulary::action::{Action, Proxy};
use podproof_vocabulary::mutant::Mutant;

use crate::cluster::Cluster;
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

/// The steps that the kube-proxies can take.
pub fn candidates(cluster: &Cluster<'_>, out: &mut Vec<Action>) {
    for node in cluster.node_ids().filter(|&node| cluster.models_proxy(node)) {
        let machine = cluster.node(node).machine;
        let behind = || {
            cluster.used_pods().any(|pod| {
                let proxy = cluster.proxy(node, pod);
                next(cluster, proxy.view, proxy.rule) != proxy.rule
            })
        };
        // PRX-6: nothing is written before the first list; the rules of a broken watch stay (PRX-7).
        if machine.powered() && machine.proxy_runs() && !machine.proxy_must_list() && behind() {
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
