//! Names, identities and versions. A name is not an identity: a new object may have the name of an old one (API-6).

use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Namespace and name of an object. Cheap to clone. Objects without a namespace have an empty one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    namespace: Arc<str>,
    name: Arc<str>,
}

impl Key {
    /// An object in a namespace.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// An object outside of namespaces, such as a Node.
    pub fn global(name: &str) -> Self {
        Self::new("", name)
    }

    /// The key of the object that has this metadata.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self::new(metadata.namespace.as_deref().unwrap_or(""), metadata.name.as_deref().unwrap_or(""))
    }

    /// Another object of the same namespace.
    pub fn sibling(&self, name: &str) -> Self {
        Self { namespace: Arc::clone(&self.namespace), name: name.into() }
    }

    /// The namespace; empty if there is none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `metadata.uid`: unique for the life of the cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(Arc<str>);

impl Uid {
    /// The identity of the object that has this metadata; empty before it was created.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self(metadata.uid.as_deref().unwrap_or("").into())
    }

    /// Is this the identity of the object that has this metadata?
    pub fn is_of(&self, metadata: &ObjectMeta) -> bool {
        metadata.uid.as_deref() == Some(&*self.0)
    }

    /// As it stands in the object.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Uid {
    fn from(uid: &str) -> Self {
        Self(uid.into())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A resource version: the value of the store's one counter after a write. Comparable within the cluster (API-39).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version of the object that has this metadata; 0 before it was created.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self(metadata.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_kubectl_writes_it() {
        assert_eq!(Key::new("default", "web-1").to_string(), "default/web-1");
        assert_eq!(Key::global("node-0").to_string(), "node-0");
        assert_eq!(Key::new("a", "x").sibling("y"), Key::new("a", "y"));
    }

    #[test]
    fn an_object_that_was_never_stored_has_neither_identity_nor_version() {
        let metadata = ObjectMeta::default();
        assert_eq!(Uid::of(&metadata).as_str(), "");
        assert!(!Uid::of(&metadata).is_of(&metadata), "no object is known by an empty identity");
        assert_eq!(Version::of(&metadata), Version(0));
    }
}
