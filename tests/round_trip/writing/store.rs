//! The objects, as the API server has them.

use std::collections::BTreeMap;

use podproof_vocabulary::{NodeId, PodId, Release, Revision};
use serde_json::{Value, json};

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pod,
    Node,
    Service,
    Deployment,
    ReplicaSet,
    EndpointSlice,
    PodDisruptionBudget,
}

impl Kind {
    /// `kind`
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// `objectRef.resource`
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Pod => "pods",
            Self::Node => "nodes",
            Self::Service => "services",
            Self::Deployment => "deployments",
            Self::ReplicaSet => "replicasets",
            Self::EndpointSlice => "endpointslices",
            Self::PodDisruptionBudget => "poddisruptionbudgets",
        }
    }

    /// `objectRef.apiGroup`
    pub const fn group(self) -> &'static str {
        match self {
            Self::Pod | Self::Node | Self::Service => "",
            Self::Deployment | Self::ReplicaSet => "apps",
            Self::EndpointSlice => "discovery.k8s.io",
            Self::PodDisruptionBudget => "policy",
        }
    }

    /// `objectRef.apiVersion`: what the controllers of a release use.
    pub fn version(self, release: Release) -> &'static str {
        match self {
            Self::EndpointSlice | Self::PodDisruptionBudget if release.minor < 21 => "v1beta1",
            _ => "v1",
        }
    }

    /// `apiVersion` of an object.
    pub fn api_version(self, release: Release) -> String {
        match self.group() {
            "" => self.version(release).into(),
            group => format!("{group}/{}", self.version(release)),
        }
    }
}

/// All objects.
#[derive(Debug, Default)]
pub(super) struct Store {
    version: u64,
    pub pods: BTreeMap<PodId, Value>,
    pub nodes: BTreeMap<NodeId, Value>,
    pub sets: BTreeMap<Revision, Value>,
    pub service: Option<Value>,
    pub deployment: Option<Value>,
    pub slice: Option<Value>,
    pub budget: Option<Value>,
}

impl Store {
    /// A store that has been written to before.
    pub fn at(version: u64) -> Self {
        Self { version, ..Self::default() }
    }

    /// The version of the newest write.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// An object is written: it gets the next version.
    pub fn stamp(&mut self, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        object
    }
}

/// A condition in a status; its time of transition changes with its status alone.
pub(super) fn set_condition(status: &mut Value, kind: &str, value: &str, extra: &[(&str, &str)], now: &str) {
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    let known = conditions.iter().position(|condition| condition["type"] == kind);
    let mut condition = json!({"type": kind, "status": value, "lastTransitionTime": now});
    for (key, text) in extra {
        condition[*key] = json!(text);
    }
    match known {
        Some(index) => {
            if conditions[index]["status"] == value {
                condition["lastTransitionTime"] = conditions[index]["lastTransitionTime"].clone();
            }
            conditions[index] = condition;
        }
        None => conditions.push(condition),
    }
}
