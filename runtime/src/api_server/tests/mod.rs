//! The API server alone: one test for each rule, each with the request that would go wrong without it.

mod admission;
mod deletion;
mod eviction;
mod watching;
mod writes;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podproof_vocabulary::Release;

use super::ApiServer;
use crate::api::patch::{PodStatusPatch, new_pod_condition};
use crate::api::{
    ApiError, DeleteOptions, Key, Kind, Object, Patch, Preconditions, Request, Resource, Response,
};
use crate::client::CallId;
use crate::clock::Moment;
use crate::slip::{Slip, Slips};

/// A server and what time it is.
pub struct Bench {
    pub server: ApiServer,
    pub now: Moment,
}

impl Bench {
    pub fn new() -> Self {
        Self::at(Release::NEWEST)
    }

    pub fn at(release: Release) -> Self {
        Self { server: ApiServer::new(release, Slips::NONE), now: Moment(10_000) }
    }

    pub fn with(slip: Slip) -> Self {
        Self { server: ApiServer::new(Release::NEWEST, Slips::only(slip)), now: Moment(10_000) }
    }

    /// What the server says in the end.
    pub fn call(&mut self, request: &Request) -> Result<Response, ApiError> {
        match self.server.serve(CallId(1), request, self.now) {
            Some(answer) => answer,
            None => self.server.proceed(CallId(1), self.now),
        }
    }

    /// Creates an object and gives it back as it is stored.
    pub fn create<K: Kind>(&mut self, object: K) -> K {
        let object = K::wrap(std::sync::Arc::new(object));
        let answer = self.call(&Request::Create(object)).expect("it can be created");
        K::of(answer.object().expect("it comes back")).map(|object| (**object).clone()).expect("of its kind")
    }

    /// A pod, bound to a node if one is named.
    pub fn pod(&mut self, name: &str, node: Option<&str>) -> Pod {
        self.create(pod(name, node))
    }

    pub fn stored(&self, name: &str) -> Option<&Pod> {
        self.server.store().get(&key(name))
    }

    pub fn delete(&mut self, name: &str, grace_seconds: Option<i64>) -> Result<Response, ApiError> {
        let options = DeleteOptions { grace_seconds, preconditions: Preconditions::NONE };
        self.call(&Request::Delete(Resource::Pod, key(name), options))
    }

    pub fn patch(&mut self, name: &str, patch: Patch) -> Result<Response, ApiError> {
        self.call(&Request::Patch(Resource::Pod, key(name), Preconditions::NONE, patch))
    }

    pub fn set_phase(&mut self, name: &str, phase: &str) {
        let patch = PodStatusPatch { phase: Some(phase.to_owned()), ..PodStatusPatch::default() };
        self.patch(name, Patch::PodStatus(patch)).expect("the pod exists");
    }

    pub fn set_ready(&mut self, name: &str, ready: bool) {
        let condition = new_pod_condition("Ready", if ready { "True" } else { "False" }, "", self.now);
        let patch = PodStatusPatch {
            phase: Some("Running".to_owned()),
            conditions: vec![condition],
            ..PodStatusPatch::default()
        };
        self.patch(name, Patch::PodStatus(patch)).expect("the pod exists");
    }
}

pub fn key(name: &str) -> Key {
    Key::new("default", name)
}

pub fn pod(name: &str, node: Option<&str>) -> Pod {
    Pod {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("default".to_owned()),
            labels: Some(BTreeMap::from([("app".to_owned(), "web".to_owned())])),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            containers: vec![Container { name: "app".to_owned(), ..Container::default() }],
            node_name: node.map(str::to_owned),
            ..PodSpec::default()
        }),
        status: None,
    }
}

/// The pod of an answer.
pub fn pod_of(answer: Result<Response, ApiError>) -> Pod {
    match answer {
        Ok(Response::Object(Object::Pod(pod))) => (*pod).clone(),
        other => panic!("no pod: {other:?}"),
    }
}
