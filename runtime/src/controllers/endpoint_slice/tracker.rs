//! What the EndpointSlice controller wrote: while the cache is older than that, a sync waits instead of writing again (EPS-9).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::api::{Key, Kind, Object, Uid};

/// What a slice is expected to be like in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Of this generation or a later one.
    Generation(i64),
    /// Gone.
    Deleted,
}

/// Slices by Service, as they were last written.
#[derive(Debug, Default)]
pub struct Tracker {
    expected: BTreeMap<Key, BTreeMap<Uid, Expected>>,
}

impl Tracker {
    /// A slice was created or updated.
    pub fn wrote(&mut self, service: &Key, object: &Object) {
        if let Object::EndpointSlice(slice) = object {
            let generation = Expected::Generation(slice.metadata.generation.unwrap_or(0));
            self.expected.entry(service.clone()).or_default().insert(slice.uid(), generation);
        }
    }

    /// A slice was deleted.
    pub fn expect_deletion(&mut self, service: &Key, object: &Object) {
        self.expected.entry(service.clone()).or_default().insert(object.uid(), Expected::Deleted);
    }

    /// Is the cache older than what was written?
    pub fn is_stale(&self, service: &Key, slices: &[Arc<EndpointSlice>]) -> bool {
        let Some(expected) = self.expected.get(service) else { return false };
        expected.iter().any(|(uid, expected)| {
            let cached = slices.iter().find(|slice| slice.uid() == *uid);
            match (expected, cached) {
                (Expected::Deleted, cached) => cached.is_some(),
                (Expected::Generation(_), None) => true,
                (Expected::Generation(wrote), Some(cached)) => {
                    cached.metadata.generation.unwrap_or(0) < *wrote
                }
            }
        })
    }

    /// Is this slice, as it appears in the cache, what was written, or older?
    pub fn is_known(&self, service: &Key, slice: &EndpointSlice) -> bool {
        match self.expected.get(service).and_then(|expected| expected.get(&slice.uid())) {
            Some(Expected::Generation(wrote)) => slice.metadata.generation.unwrap_or(0) <= *wrote,
            Some(Expected::Deleted) => true,
            None => false,
        }
    }

    /// A slice left the cache. Did this controller write it, and not delete it? One that it never wrote, as one of the process
    /// before it, it does not miss (S28 `endpointslice_controller.go` `onEndpointSliceDelete`).
    pub fn misses(&mut self, service: &Key, slice: &EndpointSlice) -> bool {
        let expected = self.expected.get_mut(service).and_then(|expected| expected.remove(&slice.uid()));
        matches!(expected, Some(Expected::Generation(_)))
    }

    /// The Service is gone.
    pub fn forget(&mut self, service: &Key) {
        self.expected.remove(service);
    }
}
