//! Requests to the API server: a verb, a resource, preconditions, a body.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::{Key, Object, Patch, Resource, Uid, Version};

/// What must be true of the stored object, or else the request is refused with a conflict (API-1, API-7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// It is this object and no other of its name.
    pub uid: Option<Uid>,
    /// Nobody wrote it since.
    pub version: Option<Version>,
}

impl Preconditions {
    /// Nothing must be true.
    pub const NONE: Self = Self { uid: None, version: None };

    /// It is this object.
    pub const fn uid(uid: Uid) -> Self {
        Self { uid: Some(uid), version: None }
    }

    /// Nobody wrote it since.
    pub const fn version(version: Version) -> Self {
        Self { uid: None, version: Some(version) }
    }
}

/// Options of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// `gracePeriodSeconds`; if absent, the pod's own.
    pub grace_seconds: Option<i64>,
    /// What must be true.
    pub preconditions: Preconditions,
}

/// Which objects of a resource a list or a watch is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selector {
    /// All.
    #[default]
    Everything,
    /// Pods with this `spec.nodeName`: what a kubelet watches.
    OnNode(Arc<str>),
    /// Pods whose phase is neither Succeeded nor Failed: what the scheduler watches (SCH-1).
    NotTerminal,
    /// The one object of this name.
    Named(Key),
}

impl Selector {
    /// Is this object selected?
    pub fn matches(&self, object: &Object) -> bool {
        let pod = |test: fn(&Pod) -> bool| matches!(object, Object::Pod(pod) if test(pod));
        match self {
            Self::Everything => true,
            Self::OnNode(node) => matches!(object, Object::Pod(pod)
                if pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(&**node)),
            Self::NotTerminal => {
                let terminal = pod(|pod| {
                    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                    matches!(phase, Some("Succeeded" | "Failed"))
                });
                !terminal
            }
            Self::Named(key) => {
                object.meta().name.as_deref() == Some(key.name())
                    && object.meta().namespace.as_deref().unwrap_or("") == key.namespace()
            }
        }
    }
}

/// A request to the API server.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Reads one object, the newest (API-30).
    Get(Resource, Key),
    /// Reads all objects that are selected, the newest (API-30).
    List(Resource, Selector),
    /// Asks for every change after a version (API-33).
    Watch(Resource, Selector, Version),
    /// Creates an object; an empty name with `generateName` gets a suffix.
    Create(Object),
    /// Replaces an object but its status. With `metadata.resourceVersion` it conflicts with any other write since.
    Update(Object),
    /// Replaces the status of an object, and nothing else (API-8).
    UpdateStatus(Object),
    /// Changes some fields of an object (API-3).
    Patch(Resource, Key, Preconditions, Patch),
    /// Sets `spec.replicas` through the scale subresource.
    Scale(Resource, Key, Preconditions, i32),
    /// Binds a pod to a node (API-20).
    Bind {
        /// The pod.
        pod: Key,
        /// What must be true of it.
        preconditions: Preconditions,
        /// The node's name.
        node: Arc<str>,
    },
    /// Evicts a pod within its disruption budget (EVI-1 to EVI-7).
    Evict {
        /// The pod.
        pod: Key,
        /// Of the deletion.
        options: DeleteOptions,
    },
    /// Deletes an object (DEL-1 to DEL-18).
    Delete(Resource, Key, DeleteOptions),
}

impl Request {
    /// Does it change something?
    pub const fn is_write(&self) -> bool {
        !matches!(self, Self::Get(..) | Self::List(..) | Self::Watch(..))
    }

    /// The resource that it is about.
    pub const fn resource(&self) -> Resource {
        match self {
            Self::Get(resource, _)
            | Self::List(resource, _)
            | Self::Watch(resource, ..)
            | Self::Patch(resource, ..)
            | Self::Scale(resource, ..)
            | Self::Delete(resource, ..) => *resource,
            Self::Create(object) | Self::Update(object) | Self::UpdateStatus(object) => object.resource(),
            Self::Bind { .. } | Self::Evict { .. } => Resource::Pod,
        }
    }
}
