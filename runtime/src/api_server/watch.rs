//! Watches: each brings the changes of one resource to one client, in order and without a gap until it breaks (MOD-1).
//! There is no order between two watches (API-39).

use std::collections::{BTreeMap, VecDeque};

use crate::api::{Key, Object, Resource, Selector, Version};
use crate::client::WatchId;
use crate::clock::Moment;
use crate::slip::{Slip, Slips};

/// One write, as the history keeps it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object.
    pub key: Key,
    /// As it was; absent if it was created.
    pub old: Option<Object>,
    /// As it is; absent if it was removed.
    pub new: Option<Object>,
    /// The version of the write.
    pub version: Version,
    /// When.
    pub at: Moment,
}

/// What a watch brings.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// The object was created, or came to be selected.
    Added(Key, Object, Version),
    /// It was changed.
    Modified(Key, Object, Version),
    /// It was removed, or is no longer selected; as it was last.
    Deleted(Key, Object, Version),
    /// Nothing else happened up to this version (API-35).
    Bookmark(Version),
}

impl WatchEvent {
    /// The version that the watch has come to.
    pub const fn version(&self) -> Version {
        match self {
            Self::Added(.., version)
            | Self::Modified(.., version)
            | Self::Deleted(.., version)
            | Self::Bookmark(version) => *version,
        }
    }
}

/// An open watch.
#[derive(Debug)]
struct Watch {
    resource: Resource,
    selector: Selector,
    /// Sent and not yet received.
    events: VecDeque<WatchEvent>,
    /// The last version that it was told of.
    sent: Version,
}

/// All open watches.
#[derive(Debug, Default)]
pub struct Watches {
    open: BTreeMap<WatchId, Watch>,
    last: u64,
}

impl Watches {
    /// Opens a watch after `from`; what the history holds since is sent at once.
    pub(super) fn open(
        &mut self,
        resource: Resource,
        selector: Selector,
        from: Version,
        history: &VecDeque<Change>,
    ) -> WatchId {
        self.last += 1;
        let id = WatchId(self.last);
        let missed = history.iter().filter(|change| change.version > from);
        let events = missed.filter_map(|change| event_of(change, &selector)).collect();
        self.open.insert(id, Watch { resource, selector, events, sent: from });
        id
    }

    /// Tells all watches of the resource.
    pub(super) fn tell(&mut self, resource: Resource, change: &Change) {
        for watch in self.open.values_mut().filter(|watch| watch.resource == resource) {
            if let Some(event) = event_of(change, &watch.selector) {
                watch.sent = change.version;
                watch.events.push_back(event);
            }
        }
    }

    /// Tells every watch how far the store has come, unless it was told something newer (API-35).
    pub(super) fn bookmark(&mut self, version: Version, slips: Slips) {
        for watch in self.open.values_mut().filter(|watch| watch.sent < version) {
            watch.sent = version;
            match slips.has(Slip::BookmarkOvertakesEvents) {
                true => watch.events.push_front(WatchEvent::Bookmark(version)),
                false => watch.events.push_back(WatchEvent::Bookmark(version)),
            }
        }
    }

    /// Is there something to receive?
    pub fn has_news(&self, id: WatchId) -> bool {
        self.open.get(&id).is_some_and(|watch| !watch.events.is_empty())
    }

    /// The next event that will be received.
    pub fn peek(&self, id: WatchId) -> Option<&WatchEvent> {
        self.open.get(&id)?.events.front()
    }

    /// Receives the next event.
    pub fn next(&mut self, id: WatchId) -> Option<WatchEvent> {
        self.open.get_mut(&id)?.events.pop_front()
    }

    /// Is this watch open?
    pub fn is_open(&self, id: WatchId) -> bool {
        self.open.contains_key(&id)
    }

    /// Ends a watch. What was on its way is lost.
    pub fn close(&mut self, id: WatchId) {
        self.open.remove(&id);
    }

    /// Ends all watches, as a restart of the API server does.
    pub fn close_all(&mut self) {
        self.open.clear();
    }
}

/// What a change is to a watch with this selector: an object that comes to be selected is added, one that no longer is was
/// deleted. Kubernetes: `storage/cacher/cacher.go` `convertToWatchEvent`.
fn event_of(change: &Change, selector: &Selector) -> Option<WatchEvent> {
    let selected = |object: &&Object| selector.matches(object);
    let (key, version) = (change.key.clone(), change.version);
    match (change.old.as_ref().filter(selected), change.new.as_ref().filter(selected)) {
        (None, None) => None,
        (None, Some(new)) => Some(WatchEvent::Added(key, new.clone(), version)),
        (Some(_), Some(new)) => Some(WatchEvent::Modified(key, new.clone(), version)),
        (Some(old), None) => Some(WatchEvent::Deleted(key, old.clone(), version)),
    }
}
