//! The kinds of objects. An object in a store, a cache or an event is shared and never changed in place.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Key, Uid, Version};

/// A kind of object, as a Rust type.
pub trait Kind: Clone + Default + fmt::Debug + PartialEq + 'static {
    /// The resource that it is served under.
    const RESOURCE: Resource;

    /// Its metadata.
    fn meta(&self) -> &ObjectMeta;

    /// Its metadata, to be changed.
    fn meta_mut(&mut self) -> &mut ObjectMeta;

    /// As an object of any kind.
    fn wrap(this: Arc<Self>) -> Object;

    /// The object, if it is of this kind.
    fn of(object: &Object) -> Option<&Arc<Self>>;

    /// Its namespace and name.
    fn key(&self) -> Key {
        Key::of(self.meta())
    }

    /// Its identity.
    fn uid(&self) -> Uid {
        Uid::of(self.meta())
    }

    /// The version that it was read at.
    fn version(&self) -> Version {
        Version::of(self.meta())
    }

    /// `deleting` (0.4): `metadata.deletionTimestamp` is set.
    fn is_deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// One of its labels.
    fn label(&self, name: &str) -> Option<&str> {
        self.meta().labels.as_ref()?.get(name).map(String::as_str)
    }
}

macro_rules! kinds {
    ($($kind:ident = $plural:literal,)+) => {
        /// A resource of the API, by its kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is the Kubernetes kind of that name")]
        pub enum Resource {
            $($kind,)+
        }

        impl Resource {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// Its plural, as it stands in an address.
            pub const fn plural(self) -> &'static str {
                match self {
                    $(Self::$kind => $plural,)+
                }
            }
        }

        /// An object of any kind. Cheap to clone.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each is the Kubernetes kind of that name")]
        pub enum Object {
            $($kind(Arc<$kind>),)+
        }

        impl Object {
            /// The resource that it is served under.
            pub const fn resource(&self) -> Resource {
                match self {
                    $(Self::$kind(_) => Resource::$kind,)+
                }
            }

            /// Its metadata.
            pub fn meta(&self) -> &ObjectMeta {
                match self {
                    $(Self::$kind(object) => &object.metadata,)+
                }
            }

            /// Its metadata, to be changed; the object is copied if it is shared.
            pub fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $(Self::$kind(object) => &mut Arc::make_mut(object).metadata,)+
                }
            }
        }

        $(impl Kind for $kind {
            const RESOURCE: Resource = Resource::$kind;

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }

            fn wrap(this: Arc<Self>) -> Object {
                Object::$kind(this)
            }

            fn of(object: &Object) -> Option<&Arc<Self>> {
                match object {
                    Object::$kind(object) => Some(object),
                    _ => None,
                }
            }
        }

        impl From<$kind> for Object {
            fn from(object: $kind) -> Self {
                Self::$kind(Arc::new(object))
            }
        })+
    };
}

kinds! {
    Pod = "pods",
    Node = "nodes",
    Deployment = "deployments",
    ReplicaSet = "replicasets",
    Service = "services",
    EndpointSlice = "endpointslices",
    PodDisruptionBudget = "poddisruptionbudgets",
    Lease = "leases",
}

impl Object {
    /// Its namespace and name.
    pub fn key(&self) -> Key {
        Key::of(self.meta())
    }

    /// Its identity.
    pub fn uid(&self) -> Uid {
        Uid::of(self.meta())
    }

    /// The version that it was read at.
    pub fn version(&self) -> Version {
        Version::of(self.meta())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changing_a_shared_object_leaves_the_other_copy_alone() {
        let first = Object::from(Pod::default());
        let mut second = first.clone();
        second.meta_mut().name = Some("web".to_owned());
        assert_eq!(first.meta().name, None);
        assert_eq!(second.key(), Key::global("web"));
    }

    #[test]
    fn an_object_is_only_of_its_own_kind() {
        let object = Object::from(Node::default());
        assert!(<Node as Kind>::of(&object).is_some());
        assert!(<Pod as Kind>::of(&object).is_none());
        assert_eq!(object.resource().plural(), "nodes");
    }
}
