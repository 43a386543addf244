//! The cache of an informer: the objects as its client last heard of them, with indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::{Key, Kind};
use crate::slip::{Slip, Slips};

/// What an index sorts objects by; an object without a value is not in it.
pub type IndexValue<K> = fn(&K) -> Option<&str>;

/// Objects by key, and the keys by the value of each index.
#[derive(Debug)]
pub struct Cache<K> {
    objects: BTreeMap<Key, Arc<K>>,
    indexes: Vec<Index<K>>,
    slips: Slips,
}

#[derive(Debug)]
struct Index<K> {
    value: IndexValue<K>,
    keys: BTreeMap<Arc<str>, BTreeSet<Key>>,
}

impl<K: Kind> Cache<K> {
    /// An empty cache with these indexes.
    pub fn new(indexes: &[IndexValue<K>]) -> Self {
        let index = |&value: &IndexValue<K>| Index { value, keys: BTreeMap::new() };
        Self { objects: BTreeMap::new(), indexes: indexes.iter().map(index).collect(), slips: Slips::NONE }
    }

    /// Which wrong mechanisms are on.
    pub(super) const fn set_slips(&mut self, slips: Slips) {
        self.slips = slips;
    }

    /// One object.
    pub fn get(&self, key: &Key) -> Option<&Arc<K>> {
        self.objects.get(key)
    }

    /// All objects, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Arc<K>)> {
        self.objects.iter()
    }

    /// The objects that have this value in the n-th index, by key.
    pub fn by_index(&self, index: usize, value: &str) -> impl Iterator<Item = (&Key, &Arc<K>)> {
        let keys = self.indexes[index].keys.get(value);
        keys.into_iter().flatten().filter_map(|key| self.objects.get_key_value(key))
    }

    /// Sets an object, and gives the one that was there.
    pub(super) fn insert(&mut self, key: Key, object: Arc<K>) -> Option<Arc<K>> {
        let old = self.objects.insert(key.clone(), Arc::clone(&object));
        for index in &mut self.indexes {
            let before = old.as_deref().and_then(index.value);
            let after = (index.value)(&object);
            if before == after {
                continue;
            }
            if !self.slips.has(Slip::IndexKeepsOldValues) {
                index.remove(before, &key);
            }
            if let Some(value) = after {
                index.keys.entry(value.into()).or_default().insert(key.clone());
            }
        }
        old
    }

    /// Removes an object.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<K>> {
        let old = self.objects.remove(key)?;
        for index in &mut self.indexes {
            let value = (index.value)(&old);
            index.remove(value, key);
        }
        Some(old)
    }

    /// The keys of all objects.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.objects.keys().cloned().collect()
    }
}

impl<K> Index<K> {
    fn remove(&mut self, value: Option<&str>, key: &Key) {
        let Some(value) = value else { return };
        let Some(keys) = self.keys.get_mut(value) else { return };
        keys.remove(key);
        if keys.is_empty() {
            self.keys.remove(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Pod, PodSpec};

    use super::*;

    fn pod(node: Option<&str>) -> Arc<Pod> {
        let spec = PodSpec { node_name: node.map(str::to_owned), ..PodSpec::default() };
        Arc::new(Pod { spec: Some(spec), ..Pod::default() })
    }

    fn names(cache: &Cache<Pod>, node: &str) -> Vec<String> {
        cache.by_index(0, node).map(|(key, _)| key.name().to_owned()).collect()
    }

    #[test]
    fn an_index_follows_every_change() {
        let mut cache = Cache::<Pod>::new(&[|pod| pod.spec.as_ref()?.node_name.as_deref()]);
        let key = Key::new("default", "web");
        cache.insert(key.clone(), pod(None));
        assert!(names(&cache, "node-0").is_empty());
        cache.insert(key.clone(), pod(Some("node-0")));
        assert_eq!(names(&cache, "node-0"), ["web"]);
        cache.insert(key.clone(), pod(Some("node-1")));
        assert!(names(&cache, "node-0").is_empty());
        assert_eq!(names(&cache, "node-1"), ["web"]);
        cache.remove(&key);
        assert!(names(&cache, "node-1").is_empty() && cache.get(&key).is_none());
    }

    #[test]
    fn slip_index_keeps_old_values_finds_what_has_moved() {
        let mut cache = Cache::<Pod>::new(&[|pod| pod.spec.as_ref()?.node_name.as_deref()]);
        cache.set_slips(Slips::only(Slip::IndexKeepsOldValues));
        let key = Key::new("default", "web");
        cache.insert(key.clone(), pod(Some("node-0")));
        cache.insert(key, pod(Some("node-1")));
        assert_eq!(names(&cache, "node-0"), ["web"], "it is on node-1");
    }
}
