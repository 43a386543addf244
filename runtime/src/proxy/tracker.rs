//! Change tracker: the newest state of every Service and slice that changed since the rules were computed last, and the states that
//! they were computed from (S28 `pkg/proxy/endpointslicecache.go`, `servicechangetracker.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::Key;

/// The objects of one resource, as they are applied and as they are pending.
#[derive(Clone, Debug)]
pub struct Tracker<K> {
    applied: BTreeMap<Key, Arc<K>>,
    /// None is a deletion.
    pending: BTreeMap<Key, Option<Arc<K>>>,
}

impl<K> Default for Tracker<K> {
    fn default() -> Self {
        Self { applied: BTreeMap::new(), pending: BTreeMap::new() }
    }
}

impl<K> Tracker<K> {
    /// An object is as it is now; none if it is gone.
    pub fn change(&mut self, key: Key, object: Option<Arc<K>>) {
        self.pending.insert(key, object);
    }

    /// What is pending is applied.
    pub fn apply(&mut self) {
        for (key, object) in std::mem::take(&mut self.pending) {
            match object {
                Some(object) => self.applied.insert(key, object),
                None => self.applied.remove(&key),
            };
        }
    }

    /// What is pending is forgotten.
    pub fn forget(&mut self) {
        self.pending.clear();
    }

    /// What is applied.
    pub fn applied(&self) -> impl Iterator<Item = (&Key, &Arc<K>)> {
        self.applied.iter()
    }
}
