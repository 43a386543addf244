//! The scheduler: each filter on small clusters, the queue, the cache, and the scheduler among calls.

mod affinity;
mod caching;
mod cycles;
mod placing;
mod spreading;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Node, NodeSpec, NodeStatus, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::cache::Cache;
use super::filter::{self, Plugin, Plugins};
use crate::api::Kind;
use crate::slip::Slips;

pub fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub fn selector(pairs: &[(&str, &str)]) -> LabelSelector {
    LabelSelector { match_labels: Some(labels(pairs)), match_expressions: None }
}

pub fn amounts(pairs: &[(&str, &str)]) -> BTreeMap<String, Quantity> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Quantity((*value).to_owned()))).collect()
}

/// A node with 4 CPUs and room for 10 pods.
pub fn node(name: &str, pairs: &[(&str, &str)]) -> Node {
    let mut node = Node {
        spec: Some(NodeSpec::default()),
        status: Some(NodeStatus {
            allocatable: Some(amounts(&[("cpu", "4"), ("pods", "10")])),
            ..NodeStatus::default()
        }),
        ..Node::default()
    };
    node.metadata.name = Some(name.to_owned());
    node.metadata.labels = Some(labels(pairs));
    node
}

pub fn container(cpu: &str) -> Container {
    Container {
        name: "app".to_owned(),
        resources: Some(ResourceRequirements {
            requests: Some(amounts(&[("cpu", cpu)])),
            ..ResourceRequirements::default()
        }),
        ..Container::default()
    }
}

/// A pod `app=web` that asks for nothing.
pub fn pod(name: &str) -> Pod {
    let mut pod = Pod {
        spec: Some(PodSpec { containers: vec![Container::default()], ..PodSpec::default() }),
        ..Pod::default()
    };
    pod.metadata.name = Some(name.to_owned());
    pod.metadata.namespace = Some("default".to_owned());
    pod.metadata.uid = Some(format!("uid-{name}"));
    pod.metadata.labels = Some(labels(&[("app", "web")]));
    pod
}

pub fn spec(pod: &mut Pod) -> &mut PodSpec {
    pod.spec.as_mut().expect("it has one")
}

pub fn with(mut pod: Pod, change: impl FnOnce(&mut PodSpec)) -> Pod {
    change(spec(&mut pod));
    pod
}

pub fn on(pod: Pod, node: &str) -> Pod {
    with(pod, |spec| spec.node_name = Some(node.to_owned()))
}

pub fn cache(nodes: &[Node], pods: &[Pod], slips: Slips) -> Cache {
    let mut cache = Cache::default();
    nodes.iter().for_each(|node| cache.set_node(&Arc::new(node.clone())));
    pods.iter().for_each(|pod| cache.set_pod(&Arc::new(pod.clone()), slips));
    cache
}

/// The names of the nodes that the pod may go to, or who rejected it.
pub fn feasible_with(nodes: &[Node], pods: &[Pod], pod: &Pod, slips: Slips) -> Result<Vec<String>, Plugins> {
    let nodes = filter::feasible(pod, &cache(nodes, pods, slips), slips)?;
    Ok(nodes.iter().map(|key| key.name().to_owned()).collect())
}

pub fn feasible(nodes: &[Node], pods: &[Pod], pod: &Pod) -> Result<Vec<String>, Plugins> {
    feasible_with(nodes, pods, pod, Slips::NONE)
}

pub fn rejected_by(nodes: &[Node], pods: &[Pod], pod: &Pod, plugin: Plugin) {
    let rejectors = feasible(nodes, pods, pod).expect_err("no node passes");
    assert!(rejectors.contains(plugin), "{plugin:?} is not among {rejectors:?} for {:?}", pod.key());
}
