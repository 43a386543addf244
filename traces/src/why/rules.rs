//! Where the news of a pod are stuck on their way to the rules of a node: in the store, in the EndpointSlice, in kube-proxy's copy.

use podproof_model::state::Endpoint;
use podproof_model::{Cluster, progress, traffic};
use podproof_vocabulary::{NodeId, PodId};

use crate::names::Names;

/// The nodes whose rules are judged: they live, are connected, and their kube-proxy is modelled and runs.
fn judged<'c>(cluster: &'c Cluster<'_>) -> impl Iterator<Item = NodeId> + 'c {
    cluster.node_ids().filter(|&node| {
        let machine = cluster.node(node).machine;
        cluster.models_proxy(node) && machine.powered() && machine.connected() && machine.proxy_runs()
    })
}

/// What the rules of a node say of a pod, and should not, a sentence each.
pub(super) fn differ(cluster: &Cluster<'_>, names: &Names) -> Vec<String> {
    let places = judged(cluster).flat_map(|node| cluster.used_pods().map(move |pod| (node, pod)));
    let sentence = |(node, pod): (NodeId, PodId)| {
        let asked = progress::asked_for(cluster, pod);
        let proxy = cluster.proxy(node, pod);
        if proxy.rule == asked {
            return None;
        }
        let (pod_name, node_name) = (names.pod(pod), names.node(node));
        let so = match (proxy.rule.is_present(), asked.is_present()) {
            (false, _) => format!("the rules of {node_name} lack {pod_name}"),
            (true, false) => {
                format!("the rules of {node_name} still have {pod_name}, which has no endpoint by the API")
            }
            (true, true) => {
                format!(
                    "the rules of {node_name} have {pod_name} as {}, and the API says {}",
                    is(proxy.rule),
                    is(asked)
                )
            }
        };
        Some(format!("{so}: {}", stuck(cluster, names, node, pod, asked)))
    };
    places.filter_map(sentence).collect()
}

/// The nodes that send connections to `pod`, and where the news that they should not are stuck.
pub(super) fn route_to(cluster: &Cluster<'_>, names: &Names, pod: PodId) -> Vec<String> {
    let routes = |&node: &NodeId| {
        traffic::destinations(&cluster.rules.scenario, cluster, node)
            .any(|(destination, _)| destination == pod)
    };
    let object = cluster.pod(pod).api;
    let sentence = |node: NodeId| {
        let why = if object.exists() && object.ready() && !object.is_deleting() {
            "the API still says that the pod is Ready".to_owned()
        } else {
            stuck(cluster, names, node, pod, progress::asked_for(cluster, pod))
        };
        format!("{} sends connections to {}: {why}", names.node(node), names.pod(pod))
    };
    judged(cluster).filter(routes).map(sentence).collect()
}

/// The first of the copies between store and rules that does not say what is asked for.
fn stuck(cluster: &Cluster<'_>, names: &Names, node: NodeId, pod: PodId, asked: Endpoint) -> String {
    let proxy = cluster.proxy(node, pod);
    let slice = cluster.pod(pod).slice;
    let node = names.node(node);
    if slice != asked {
        "the EndpointSlice is not written anew".to_owned()
    } else if proxy.view != slice {
        format!("kube-proxy on {node} does not learn what the EndpointSlice says")
    } else if proxy.rule != proxy.view {
        format!("kube-proxy on {node} does not program what it knows")
    } else if asked.ready() {
        "its endpoint stays ready, as the Service publishes addresses that are not (publishNotReadyAddresses)"
            .to_owned()
    } else {
        "without a ready endpoint, rules lead to those that terminate and serve".to_owned()
    }
}

/// Conditions of an endpoint.
fn is(endpoint: Endpoint) -> &'static str {
    match (endpoint.ready(), endpoint.serving(), endpoint.terminating()) {
        (true, ..) => "ready",
        (false, true, true) => "terminating and serving",
        (false, false, true) => "terminating",
        (false, true, false) => "serving, not ready",
        (false, false, false) => "not ready",
    }
}
