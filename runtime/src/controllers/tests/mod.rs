//! The controllers, each alone with an API server.

mod budgets;
mod deployments;
mod endpoints;
mod evictions;
mod garbage;
mod nodes;
mod replica_sets;
mod rolling;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::{PodTemplateSpec, Service, ServiceSpec, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use podproof_vocabulary::Release;

use super::ControllerManager;
use crate::api::{Key, Kind, Patch, Preconditions, Request, Resource};
use crate::operation::Process;
use crate::slip::Slips;
use crate::testing::{Bench, labels, pod};

/// A controller manager among so many ready nodes, in zones of their own.
pub fn bench(nodes: usize, slips: Slips) -> Bench {
    bench_at(Release::NEWEST, nodes, slips)
}

pub fn bench_at(release: Release, nodes: usize, slips: Slips) -> Bench {
    let mut bench = Bench::at(release, slips);
    for index in 0..nodes {
        let zone = format!("zone-{index}");
        bench.create_node(&format!("node-{index}"), &[("topology.kubernetes.io/zone", &zone)]);
    }
    bench.add(Process::ControllerManager, Box::new(ControllerManager::default()));
    bench.settle();
    bench
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), namespace: Some("default".to_owned()), ..ObjectMeta::default() }
}

fn template() -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(&[("app", "web")])), ..ObjectMeta::default() }),
        spec: pod("x").spec,
    }
}

fn selector() -> LabelSelector {
    LabelSelector { match_labels: Some(labels(&[("app", "web")])), match_expressions: None }
}

pub fn replica_set(replicas: i32) -> ReplicaSet {
    ReplicaSet {
        metadata: meta("web"),
        spec: Some(ReplicaSetSpec {
            replicas: Some(replicas),
            selector: selector(),
            template: Some(template()),
            ..ReplicaSetSpec::default()
        }),
        status: None,
    }
}

pub fn deployment(replicas: i32) -> Deployment {
    Deployment {
        metadata: meta("web"),
        spec: Some(DeploymentSpec {
            replicas: Some(replicas),
            selector: selector(),
            template: template(),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

pub fn service() -> Service {
    Service {
        metadata: meta("web"),
        spec: Some(ServiceSpec { selector: Some(labels(&[("app", "web")])), ..ServiceSpec::default() }),
        status: None,
    }
}

/// Changes an object, unconditionally.
pub fn update<K: Kind>(bench: &mut Bench, key: &Key, change: impl FnOnce(&mut K)) {
    let mut object: K = bench.cluster.server().store().get::<K>(key).expect("it exists").clone();
    change(&mut object);
    bench.call(Request::Update(K::wrap(std::sync::Arc::new(object)))).expect("it may change");
}

/// Somebody puts a taint on a node.
pub fn put_taint(bench: &mut Bench, node: &str, key: &str, effect: &str) {
    let taint = Taint { key: key.to_owned(), effect: effect.to_owned(), ..Taint::default() };
    let patch = Patch::NodeTaints { add: vec![taint], remove: Vec::new() };
    let patch = Request::Patch(Resource::Node, Key::global(node), Preconditions::NONE, patch);
    bench.call(patch).expect("the node exists");
}
