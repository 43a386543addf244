//! Objects for worlds.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Node, NodeStatus, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podproof_runtime::api::{DeleteOptions, Key, Preconditions};

/// The namespace of everything that has one.
pub const NAMESPACE: &str = "default";

/// The key of an object in that namespace.
pub fn key(name: &str) -> Key {
    Key::new(NAMESPACE, name)
}

/// Labels.
pub fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The metadata of an object in that namespace.
pub fn meta(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), namespace: Some(NAMESPACE.to_owned()), ..ObjectMeta::default() }
}

/// A container.
pub fn container(name: &str) -> Container {
    Container { name: name.to_owned(), image: Some("image:1".to_owned()), ..Container::default() }
}

/// A container that asks for CPU.
pub fn asking(name: &str, milli: u32) -> Container {
    let requests = Some([("cpu".to_owned(), Quantity(format!("{milli}m")))].into());
    let resources = Some(ResourceRequirements { requests, ..ResourceRequirements::default() });
    Container { resources, ..container(name) }
}

/// A pod with these containers.
pub fn pod(name: &str, containers: Vec<Container>) -> Pod {
    Pod { metadata: meta(name), spec: Some(PodSpec { containers, ..PodSpec::default() }), ..Pod::default() }
}

/// A node.
pub fn node(name: &str, cpu_milli: u32, pods: u32) -> Node {
    let quantities =
        [("cpu", format!("{cpu_milli}m")), ("memory", "8Gi".to_owned()), ("pods", pods.to_string())];
    let allocatable = quantities.map(|(name, amount)| (name.to_owned(), Quantity(amount)));
    Node {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels([("kubernetes.io/hostname", name)])),
            ..ObjectMeta::default()
        },
        status: Some(NodeStatus { allocatable: Some(allocatable.into()), ..NodeStatus::default() }),
        ..Node::default()
    }
}

/// A deletion with this grace, or the object's own.
pub const fn deletion(grace_seconds: Option<i64>) -> DeleteOptions {
    DeleteOptions { grace_seconds, preconditions: Preconditions::NONE }
}
