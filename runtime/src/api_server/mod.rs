//! kube-apiserver with its store: every write in the cluster goes through here, one after the other.
//!
//! - [`store`]: the objects, one version counter, the history; [`watch`]: what reaches those who watch
//! - `create` with its `admission` and defaults; `update`: replacing, status, patches, scale
//! - `delete`: the state machine of graceful deletion; `binding`; `eviction` within a budget
//!
//! Left out: namespaces and their deletion, authorization, quotas, the garbage collection of owned objects (GC-3).

mod admission;
mod binding;
mod create;
mod delete;
mod eviction;
pub mod store;
mod update;
pub mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use podproof_vocabulary::Release;

use crate::api::{ApiError, Request, Response};
use crate::client::{CallId, WatchId};
use crate::clock::Moment;
use crate::operation::{Component, Operation, Step, Timer};
use crate::slip::{Slip, Slips};

use eviction::Granted;
pub use store::Store;
pub use watch::WatchEvent;

/// How often watches are told how far the store has come (API-35).
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

/// The API server.
#[derive(Debug)]
pub struct ApiServer {
    store: Store,
    release: Release,
    slips: Slips,
    running: bool,
    bookmarks_at: Moment,
    /// Evictions whose budget is spent and whose pod is not yet deleted (EVI-5).
    evictions: BTreeMap<CallId, Granted>,
}

impl ApiServer {
    /// A server with an empty store.
    pub fn new(release: Release, slips: Slips) -> Self {
        Self {
            store: Store::default(),
            release,
            slips,
            running: true,
            bookmarks_at: Moment::default() + BOOKMARK_PERIOD,
            evictions: BTreeMap::new(),
        }
    }

    /// What is stored.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Forgets the history of every resource, as compaction does (API-36).
    pub fn compact(&mut self) {
        for &resource in crate::api::Resource::ALL {
            self.store.compact(resource);
        }
    }

    /// Does it answer?
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// It stops: watches end, and what it was at work on stays half done. The store stays.
    pub fn stop(&mut self) {
        self.running = false;
        self.store.watches.close_all();
        self.evictions.clear();
    }

    /// It answers again.
    pub const fn start(&mut self) {
        self.running = true;
    }

    /// Carries out a request that arrives. No answer yet means that it takes more than one write: [`ApiServer::proceed`].
    pub fn serve(
        &mut self,
        call: CallId,
        request: &Request,
        now: Moment,
    ) -> Option<Result<Response, ApiError>> {
        let answer = match request {
            Request::Get(resource, key) => {
                let found = self.store.object(*resource, key).cloned();
                found.map(Response::Object).ok_or(ApiError::NotFound)
            }
            Request::List(resource, selector) => {
                let (objects, version) = self.store.list(*resource, selector);
                Ok(Response::List(objects, version))
            }
            Request::Watch(resource, selector, from) => {
                let now_only = self.slips.has(Slip::WatchFromNow);
                let from = if now_only { self.store.version() } else { *from };
                self.store.watch(*resource, selector.clone(), from, self.slips).map(Response::Watch)
            }
            Request::Create(object) => self.create(object.clone(), now).map(Response::Object),
            Request::Update(object) => self.update(object.clone(), now).map(Response::Object),
            Request::UpdateStatus(object) => self.update_status(object.clone(), now).map(Response::Object),
            Request::Patch(resource, key, preconditions, patch) => {
                self.patch(*resource, key, preconditions, patch, now).map(Response::Object)
            }
            Request::Scale(resource, key, preconditions, replicas) => {
                self.scale(*resource, key, preconditions, *replicas, now).map(Response::Object)
            }
            Request::Bind { pod, preconditions, node } => self.bind(pod, preconditions, node, now),
            Request::Evict { pod, options } => return self.evict(call, pod, options, now),
            Request::Delete(resource, key, options) => {
                self.delete(*resource, key, options, now).map(Response::Object)
            }
        };
        Some(answer)
    }

    /// Goes on with a request that takes more than one write.
    pub fn proceed(&mut self, call: CallId, now: Moment) -> Result<Response, ApiError> {
        match self.evictions.remove(&call) {
            Some(granted) => self.delete_evicted(&granted, now),
            // The server was restarted in between.
            None => Err(ApiError::Timeout),
        }
    }

    /// Is there something to receive on this watch?
    pub fn has_news(&self, watch: WatchId) -> bool {
        self.store.watches.has_news(watch)
    }

    /// The next event of a watch, before it is received.
    pub fn peek(&self, watch: WatchId) -> Option<&WatchEvent> {
        self.store.watches.peek(watch)
    }

    /// Receives the next event of a watch.
    pub fn next_event(&mut self, watch: WatchId) -> Option<WatchEvent> {
        self.store.watches.next(watch)
    }

    /// Is this watch open?
    pub fn is_open(&self, watch: WatchId) -> bool {
        self.store.watches.is_open(watch)
    }

    /// A watch breaks: what was on its way is lost.
    pub fn close(&mut self, watch: WatchId) {
        self.store.watches.close(watch);
    }

    /// The server's own timers that are due.
    pub fn pending(&self, now: Moment, operations: &mut Vec<Operation>) {
        if self.running && self.bookmarks_at <= now {
            operations.push(Operation::new(Component::ApiServer, Step::Wake(Timer::Bookmark)));
        }
    }

    /// When its next timer is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.running.then_some(self.bookmarks_at)
    }

    /// Watches are told how far the store has come (API-35).
    pub fn send_bookmarks(&mut self, now: Moment) {
        self.bookmarks_at = now + BOOKMARK_PERIOD;
        let version = self.store.version();
        self.store.watches.bookmark(version, self.slips);
    }
}

#[cfg(test)]
mod tests;
