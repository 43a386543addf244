//! Reflector and informer: a cache that follows one resource by list and watch, and tells event handlers what changed.
//!
//! It lists, watches from the version of the list, and after a broken watch goes on from the last version it has seen; only if
//! the server no longer knows that version does it list again (API-33, API-36). The handlers lag behind the cache: what a
//! handler is told may be older than what the cache holds (API-41).
//!
//! Left out: the queue of deltas between reflector and cache, which nobody can observe; a first list that is older than the
//! newest state (API-37), as there is one server whose cache does not lag.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::cache::{Cache, IndexValue};
use super::work_queue::Backoff;
use super::{CallId, WatchId};
use crate::api::{ApiError, Key, Kind, Object, Request, Resource, Response, Selector, Version};
use crate::api_server::WatchEvent;
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::{Component, Operation, Refused, Step, Timer};
use crate::slip::{Slip, Slips};

/// How long a reflector waits before it lists again. Kubernetes: `client-go/tools/cache/reflector.go`.
const RETRY: Backoff = Backoff { base: Duration::from_millis(800), max: Duration::from_secs(30) };

/// What an event handler is told.
#[derive(Clone, Debug)]
pub enum Notification<K> {
    /// An object came into the cache.
    Added(Key, Arc<K>),
    /// An object changed: as it was, as it is.
    Updated(Key, Arc<K>, Arc<K>),
    /// An object left the cache: as it was last known.
    Deleted(Key, Arc<K>),
}

impl<K> Notification<K> {
    /// The object that it is about.
    pub const fn key(&self) -> &Key {
        match self {
            Self::Added(key, _) | Self::Updated(key, ..) | Self::Deleted(key, _) => key,
        }
    }

    /// The object as it is now, or as it was last known.
    pub const fn object(&self) -> &Arc<K> {
        match self {
            Self::Added(_, object) | Self::Updated(_, _, object) | Self::Deleted(_, object) => object,
        }
    }
}

/// What the reflector is at.
#[derive(Debug)]
enum State {
    Idle,
    Listing(CallId),
    Opening(CallId),
    Watching(WatchId),
    Waiting(Moment),
}

/// One event handler and what it has not been told yet.
#[derive(Debug)]
struct Listener<K> {
    component: Component,
    notifications: VecDeque<Notification<K>>,
}

/// An informer of any resource, as its process drives it.
pub trait Follower {
    /// The resource that it follows.
    fn resource(&self) -> Resource;

    /// It begins: it lists.
    fn start(&mut self, context: &mut Context<'_>);

    /// Has the first list come?
    fn is_synced(&self) -> bool;

    /// The open watch.
    fn watch(&self) -> Option<WatchId>;

    /// An answer comes back. Not every answer of the component is this informer's: false if it is another's.
    fn on_answer(
        &mut self,
        call: CallId,
        answer: &Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) -> bool;

    /// The watch brings an event.
    fn on_event(&mut self, event: WatchEvent);

    /// The watch broke: it goes on from the last version that it has seen.
    fn on_broken(&mut self, context: &mut Context<'_>);

    /// Handlers that have something to be told, and a retry that is due.
    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>);

    /// When a retry is due.
    fn next_deadline(&self) -> Option<Moment>;

    /// The retry that is due.
    ///
    /// # Errors
    /// If none is.
    fn wake(&mut self, context: &mut Context<'_>) -> Result<(), Refused>;
}

/// A cache that follows one resource.
#[derive(Debug)]
pub struct Informer<K> {
    /// Who lists and watches.
    component: Component,
    selector: Selector,
    state: State,
    /// The version that the cache has come to.
    version: Version,
    failures: u32,
    synced: bool,
    cache: Cache<K>,
    listeners: Vec<Listener<K>>,
}

impl<K: Kind> Informer<K> {
    /// An informer that has not begun. Each of `listeners` has an event handler of its own.
    pub fn new(
        component: Component,
        selector: Selector,
        indexes: &[IndexValue<K>],
        listeners: &[Component],
    ) -> Self {
        let listener = |&component: &Component| Listener { component, notifications: VecDeque::new() };
        Self {
            component,
            selector,
            state: State::Idle,
            version: Version(0),
            failures: 0,
            synced: false,
            cache: Cache::new(indexes),
            listeners: listeners.iter().map(listener).collect(),
        }
    }

    /// What it knows.
    pub const fn cache(&self) -> &Cache<K> {
        &self.cache
    }

    /// Has the first list come, and has this event handler been told of all of it?
    pub fn has_told(&self, component: Component) -> bool {
        let listener = self.listeners.iter().find(|listener| listener.component == component);
        self.synced && listener.is_none_or(|listener| listener.notifications.is_empty())
    }

    /// The version that the cache has come to.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// What an event handler is told next.
    ///
    /// # Errors
    /// If there is nothing to tell it.
    pub fn next_notification(&mut self, component: Component) -> Result<Notification<K>, Refused> {
        let listener = self.listeners.iter_mut().find(|listener| listener.component == component);
        listener.and_then(|listener| listener.notifications.pop_front()).ok_or(Refused)
    }

    fn open(&mut self, context: &mut Context<'_>) {
        let watch = Request::Watch(K::RESOURCE, self.selector.clone(), self.version);
        self.state = State::Opening(context.calls.send(self.component, watch));
    }

    fn wait(&mut self, now: Moment) {
        self.state = State::Waiting(now + RETRY.after(self.failures));
        self.failures += 1;
    }

    /// The cache becomes what was listed. What is not in the list is gone, and its deletion was missed (API-33).
    fn replace(&mut self, objects: &[Object], version: Version, slips: Slips) {
        let listed: BTreeSet<Key> = objects.iter().map(Object::key).collect();
        if !slips.has(Slip::MissedDeletionsKept) {
            for key in self.cache.keys().iter().filter(|key| !listed.contains(key)) {
                self.unset(key);
            }
        }
        for object in objects {
            self.set(object.key(), object);
        }
        self.version = version;
        self.synced = true;
    }

    fn set(&mut self, key: Key, object: &Object) {
        let Some(new) = K::of(object) else { return };
        let notification = match self.cache.insert(key.clone(), Arc::clone(new)) {
            Some(old) => Notification::Updated(key, old, Arc::clone(new)),
            None => Notification::Added(key, Arc::clone(new)),
        };
        self.tell(&notification);
    }

    fn unset(&mut self, key: &Key) {
        if let Some(old) = self.cache.remove(key) {
            self.tell(&Notification::Deleted(key.clone(), old));
        }
    }

    fn tell(&mut self, notification: &Notification<K>) {
        for listener in &mut self.listeners {
            listener.notifications.push_back(notification.clone());
        }
    }
}

impl<K: Kind> Follower for Informer<K> {
    fn resource(&self) -> Resource {
        K::RESOURCE
    }

    fn is_synced(&self) -> bool {
        self.synced
    }

    fn watch(&self) -> Option<WatchId> {
        match self.state {
            State::Watching(watch) => Some(watch),
            _ => None,
        }
    }

    fn start(&mut self, context: &mut Context<'_>) {
        self.cache.set_slips(context.slips);
        let list = Request::List(K::RESOURCE, self.selector.clone());
        self.state = State::Listing(context.calls.send(self.component, list));
    }

    fn on_answer(
        &mut self,
        call: CallId,
        answer: &Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) -> bool {
        match self.state {
            State::Listing(own) if own == call => match answer {
                Ok(Response::List(objects, version)) => {
                    self.replace(objects, *version, context.slips);
                    self.open(context);
                }
                _ => self.wait(context.now()),
            },
            State::Opening(own) if own == call => match answer {
                Ok(Response::Watch(watch)) => {
                    self.failures = 0;
                    self.state = State::Watching(*watch);
                }
                // What lies between is not known any more (API-36).
                Err(ApiError::Expired) => self.start(context),
                _ => self.wait(context.now()),
            },
            _ => return false,
        }
        true
    }

    fn on_event(&mut self, event: WatchEvent) {
        self.version = event.version();
        match event {
            WatchEvent::Added(key, object, _) | WatchEvent::Modified(key, object, _) => {
                self.set(key, &object);
            }
            WatchEvent::Deleted(key, object, _) => {
                if self.cache.remove(&key).is_some()
                    && let Some(last) = K::of(&object)
                {
                    self.tell(&Notification::Deleted(key, Arc::clone(last)));
                }
            }
            WatchEvent::Bookmark(_) => {}
        }
    }

    fn on_broken(&mut self, context: &mut Context<'_>) {
        if let State::Watching(_) = self.state {
            self.open(context);
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        let told = self.listeners.iter().filter(|listener| !listener.notifications.is_empty());
        operations.extend(told.map(|listener| Operation::new(listener.component, Step::Notify(K::RESOURCE))));
        if let State::Waiting(until) = self.state
            && clock.is_due(until)
        {
            operations.push(Operation::new(self.component, Step::Wake(Timer::Reflect(K::RESOURCE))));
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        match self.state {
            State::Waiting(until) => Some(until),
            _ => None,
        }
    }

    fn wake(&mut self, context: &mut Context<'_>) -> Result<(), Refused> {
        match self.state {
            State::Waiting(until) if context.clock.is_due(until) => {
                self.start(context);
                Ok(())
            }
            _ => Err(Refused),
        }
    }
}
