//! Objects and a cluster for unit tests.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Node, Pod, PodSpec};
use podproof_vocabulary::Release;

use crate::api::patch::{PodStatusPatch, new_node_condition, new_pod_condition};
use crate::api::{
    ApiError, DeleteOptions, Key, Kind, Object, Patch, Preconditions, Request, Resource, Response,
};
use crate::chooser::First;
use crate::client::{Call, CallId};
use crate::clock::Moment;
use crate::operation::{Component, Process};
use crate::slip::Slips;
use crate::{Actor, Cluster, Operation, Step};

pub fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub fn key(name: &str) -> Key {
    Key::new("default", name)
}

/// A pod `app=web` with one container.
pub fn pod(name: &str) -> Pod {
    let mut pod = Pod {
        spec: Some(PodSpec {
            containers: vec![Container { name: "app".to_owned(), ..Container::default() }],
            ..PodSpec::default()
        }),
        ..Pod::default()
    };
    pod.metadata.name = Some(name.to_owned());
    pod.metadata.namespace = Some("default".to_owned());
    pod.metadata.labels = Some(labels(&[("app", "web")]));
    pod
}

/// The same pod, bound to a node.
pub fn bound(mut pod: Pod, node: &str) -> Pod {
    pod.spec.get_or_insert_default().node_name = Some(node.to_owned());
    pod
}

/// A cluster with one process, whose operations are completed one by one.
pub struct Bench {
    pub cluster: Cluster,
}

impl Bench {
    pub fn at(release: Release, slips: Slips) -> Self {
        Self { cluster: Cluster::new(release, slips, Box::new(First)) }
    }

    pub fn add(&mut self, process: Process, actor: Box<dyn Actor>) {
        self.cluster.add(process, actor);
    }

    pub fn call(&mut self, request: Request) -> Result<Response, ApiError> {
        self.cluster.call(request)
    }

    pub fn create(&mut self, object: impl Into<Object>) -> Object {
        match self.call(Request::Create(object.into())) {
            Ok(Response::Object(object)) => object,
            other => panic!("it was not created: {other:?}"),
        }
    }

    /// A node that is Ready and has no taints.
    pub fn create_node(&mut self, name: &str, pairs: &[(&str, &str)]) {
        let mut node = Node::default();
        node.metadata.name = Some(name.to_owned());
        node.metadata.labels = Some(labels(pairs));
        self.create(node);
        self.heartbeat(name, "True");
        let mut node = self.node(name).clone();
        node.spec.get_or_insert_default().taints = None;
        self.call(Request::Update(node.into())).expect("it exists");
    }

    /// The kubelet of a node says how it is.
    pub fn heartbeat(&mut self, name: &str, ready: &str) {
        let ready = new_node_condition("Ready", ready, "", self.now());
        let (key, patch) = (Key::global(name), Patch::NodeConditions(vec![ready]));
        self.call(Request::Patch(Resource::Node, key, Preconditions::NONE, patch)).expect("it exists");
    }

    /// A pod runs, ready or not, with an address.
    pub fn run(&mut self, name: &str, ready: bool) {
        let now = self.now();
        let mut pod = self.pod(name).expect("it exists").clone();
        let status = pod.status.get_or_insert_default();
        status.phase = Some("Running".to_owned());
        let digits = name.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 250);
        status.pod_ip.get_or_insert_with(|| format!("10.0.0.{digits}"));
        let ready = new_pod_condition("Ready", if ready { "True" } else { "False" }, "", now);
        crate::api::patch::merge_pod_condition(status.conditions.get_or_insert_default(), ready);
        self.call(Request::UpdateStatus(pod.into())).expect("it exists");
    }

    pub fn set_phase(&mut self, name: &str, phase: &str) {
        let patch = PodStatusPatch { phase: Some(phase.to_owned()), ..PodStatusPatch::default() };
        self.patch_pod(name, Patch::PodStatus(patch));
    }

    pub fn patch_pod(&mut self, name: &str, patch: Patch) {
        self.call(Request::Patch(Resource::Pod, key(name), Preconditions::NONE, patch)).expect("it exists");
    }

    pub fn delete_pod(&mut self, name: &str, grace_seconds: Option<i64>) {
        let options = DeleteOptions { grace_seconds, preconditions: Preconditions::NONE };
        self.call(Request::Delete(Resource::Pod, key(name), options)).expect("it exists");
    }

    pub fn pod(&self, name: &str) -> Option<&Pod> {
        self.cluster.server().store().get(&key(name))
    }

    pub fn pods(&self) -> Vec<&Pod> {
        self.cluster.server().store().all::<Pod>().map(|(_, pod)| pod).collect()
    }

    pub fn names(&self) -> Vec<String> {
        self.pods().iter().filter_map(|pod| pod.metadata.name.clone()).collect()
    }

    pub fn node(&self, name: &str) -> &Node {
        self.cluster.server().store().get(&Key::global(name)).expect("it exists")
    }

    /// Key and effect of each taint of a node.
    pub fn taints(&self, name: &str) -> Vec<String> {
        let taints = self.node(name).spec.as_ref().and_then(|spec| spec.taints.as_ref());
        let mut taints: Vec<String> = taints
            .into_iter()
            .flatten()
            .map(|taint| format!("{}:{}", taint.key.trim_start_matches("node.kubernetes.io/"), taint.effect))
            .collect();
        taints.sort();
        taints
    }

    pub fn get<K: Kind>(&self, name: &str) -> Option<&K> {
        self.cluster.server().store().get(&key(name))
    }

    pub fn now(&self) -> Moment {
        self.cluster.now()
    }

    pub fn pending(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        self.cluster.pending(&mut operations);
        operations
    }

    /// Lets everything happen but what `held` says, in order.
    pub fn settle_but(&mut self, held: impl Fn(&Self, &Operation) -> bool) {
        for _ in 0..20_000 {
            let next = self.pending().into_iter().find(|operation| !held(self, operation));
            let Some(next) = next else { return };
            self.cluster.complete(&next).expect("it is pending");
        }
        panic!("it does not settle: {:?}", self.pending());
    }

    pub fn settle(&mut self) {
        self.settle_but(|_, _| false);
    }

    /// Time passes, and everything that becomes due happens.
    pub fn pass(&mut self, seconds: u64) {
        self.pass_but(seconds, |_, _| false);
    }

    /// Time passes, and everything that becomes due happens but what `held` says.
    pub fn pass_but(&mut self, seconds: u64, held: impl Fn(&Self, &Operation) -> bool) {
        let end = Moment(self.now().0 + seconds * 1_000);
        self.settle_but(&held);
        while let Some(next) = self.cluster.next_deadline().filter(|next| *next <= end) {
            self.cluster.pass_until(next);
            self.settle_but(&held);
        }
        self.cluster.pass_until(end);
        self.settle_but(&held);
    }

    /// The request of an operation on a call.
    pub fn request(&self, operation: &Operation) -> Option<&Request> {
        match operation.step {
            Step::Arrive(call) | Step::Serve(call) | Step::Answer(call) => {
                self.cluster.calls().get(call).map(|call| &call.request)
            }
            _ => None,
        }
    }

    /// The calls in flight of a component that are writes.
    pub fn writes(&self, component: Component) -> Vec<Call> {
        let calls = self.cluster.calls().iter();
        calls.filter(|call| call.caller == component && call.request.is_write()).cloned().collect()
    }

    pub fn complete(&mut self, component: Component, step: Step) {
        self.cluster.complete(&Operation::new(component, step)).expect("it is pending");
    }

    pub fn arrive(&mut self, call: &Call) {
        self.complete(call.caller, Step::Arrive(call.id));
    }

    pub fn lose(&mut self, component: Component, call: CallId) {
        self.complete(component, Step::LoseRequest(call));
    }
}

/// Is it news of this resource on its way to somebody?
pub fn delivers(operation: &Operation, resource: Resource) -> bool {
    operation.step == Step::Deliver(resource)
}
