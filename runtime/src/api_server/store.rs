//! The versioned store: one counter for all resources, the objects as they are, and the recent history that watches start
//! from.
//!
//! The store stands for etcd and the watch cache of one API server at once: a read is always the newest state (API-30). Left
//! out: several API servers whose caches lag behind each other (API-31, API-37).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::watch::{Change, Watches};
use crate::api::{ApiError, Key, Kind, Object, Resource, Selector, Version};
use crate::client::WatchId;
use crate::clock::Moment;
use crate::slip::{Slip, Slips};

/// The watch cache keeps at least so many events of a resource (API-36).
const HISTORY_EVENTS_MIN: usize = 100;

/// The watch cache keeps events that are younger, however many there are (API-36).
const EVENT_FRESH: Duration = Duration::from_secs(75);

/// One resource.
#[derive(Debug, Default)]
struct Table {
    objects: BTreeMap<Key, Object>,
    history: VecDeque<Change>,
    /// Watches from a version before this one are refused (API-36).
    oldest: Version,
}

/// All objects, their history and the watches on them.
#[derive(Debug, Default)]
pub struct Store {
    tables: [Table; Resource::ALL.len()],
    version: Version,
    uids: u64,
    pub(super) watches: Watches,
}

impl Store {
    /// The version of the last write.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// An object of any kind.
    pub fn object(&self, resource: Resource, key: &Key) -> Option<&Object> {
        self.table(resource).objects.get(key)
    }

    /// An object.
    pub fn get<K: Kind>(&self, key: &Key) -> Option<&K> {
        self.object(K::RESOURCE, key).and_then(K::of).map(|object| &**object)
    }

    /// All objects of a kind, by name.
    pub fn all<K: Kind>(&self) -> impl Iterator<Item = (&Key, &K)> {
        let objects = self.table(K::RESOURCE).objects.iter();
        objects.filter_map(|(key, object)| K::of(object).map(|object| (key, &**object)))
    }

    /// The objects that are selected, and the version that they are the state of.
    pub fn list(&self, resource: Resource, selector: &Selector) -> (Vec<Object>, Version) {
        let selected = self.table(resource).objects.values().filter(|object| selector.matches(object));
        (selected.cloned().collect(), self.version)
    }

    /// A new identity.
    pub(super) fn new_uid(&mut self) -> String {
        self.uids += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.uids)
    }

    /// How many objects were ever created.
    pub(super) const fn created(&self) -> u64 {
        self.uids
    }

    /// Writes an object with the next version. Every watch of it gets an event.
    pub(super) fn put(&mut self, key: Key, mut object: Object, now: Moment) -> Object {
        let version = self.next_version();
        object.meta_mut().resource_version = Some(version.to_string());
        let resource = object.resource();
        let old = self.table_mut(resource).objects.insert(key.clone(), object.clone());
        self.record(resource, Change { key, old, new: Some(object.clone()), version, at: now });
        object
    }

    /// Removes an object. Every watch of it gets an event with the object as it was last, at the version of its removal.
    pub(super) fn remove(&mut self, resource: Resource, key: &Key, now: Moment) -> Option<Object> {
        let old = self.table_mut(resource).objects.remove(key)?;
        let version = self.next_version();
        let change = Change { key: key.clone(), old: Some(old.clone()), new: None, version, at: now };
        self.record(resource, change);
        Some(old)
    }

    /// Opens a watch that brings every change after `from`, in order (API-33).
    ///
    /// # Errors
    /// If the history no longer reaches back to that version (API-36).
    pub(super) fn watch(
        &mut self,
        resource: Resource,
        selector: Selector,
        from: Version,
        slips: Slips,
    ) -> Result<WatchId, ApiError> {
        let table = &self.tables[resource as usize];
        if from < table.oldest && !slips.has(Slip::ForgottenHistoryWatched) {
            return Err(ApiError::Expired);
        }
        Ok(self.watches.open(resource, selector, from, &table.history))
    }

    /// Forgets all history of a resource: the next watch from an old version is refused (API-36).
    pub fn compact(&mut self, resource: Resource) {
        let version = self.version;
        let table = self.table_mut(resource);
        table.history.clear();
        table.oldest = version;
    }

    fn record(&mut self, resource: Resource, change: Change) {
        self.watches.tell(resource, &change);
        let now = change.at;
        let table = self.table_mut(resource);
        table.history.push_back(change);
        while table.history.len() > HISTORY_EVENTS_MIN
            && let Some(first) = table.history.front()
            && now.since(first.at) > EVENT_FRESH
        {
            table.oldest = first.version;
            table.history.pop_front();
        }
    }

    fn next_version(&mut self) -> Version {
        self.version.0 += 1;
        self.version
    }

    fn table(&self, resource: Resource) -> &Table {
        &self.tables[resource as usize]
    }

    fn table_mut(&mut self, resource: Resource) -> &mut Table {
        &mut self.tables[resource as usize]
    }
}
