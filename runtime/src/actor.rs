//! A process as the cluster sees it: it gets answers and watch events, and has steps of its own that may happen.
//!
//! [`Cluster::add`](crate::Cluster::add) puts another in the place of one here.

use std::any::Any;

use crate::api::{ApiError, Resource, Response};
use crate::api_server::WatchEvent;
use crate::client::{CallId, WatchId};
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::{Component, Operation, Refused};

/// A process of the cluster.
pub trait Actor: Any {
    /// It begins, with nothing in memory (MOD-4).
    fn start(&mut self, context: &mut Context<'_>);

    /// It is gone, and so is its memory (MOD-4). What a process does not hold in memory stays, such as the containers of a
    /// machine.
    fn stop(&mut self);

    /// Its open watches.
    fn watches(&self, tell: &mut dyn FnMut(Resource, WatchId));

    /// One of its watches brings an event.
    fn on_event(&mut self, resource: Resource, event: WatchEvent, context: &mut Context<'_>);

    /// One of its watches broke.
    fn on_broken(&mut self, resource: Resource, context: &mut Context<'_>);

    /// An answer to a call of one of its components.
    fn on_answer(
        &mut self,
        caller: Component,
        call: CallId,
        answer: Result<Response, ApiError>,
        context: &mut Context<'_>,
    );

    /// What may happen next inside it: handlers to be told, keys to be taken, timers that are due, steps of its own.
    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>);

    /// One of these happens.
    ///
    /// # Errors
    /// If it is not pending.
    fn complete(&mut self, operation: &Operation, context: &mut Context<'_>) -> Result<(), Refused>;

    /// When its next timer is due. One that is due by `now` may count, but need not: it is pending, or it waits for something else.
    fn next_deadline(&self, now: Moment) -> Option<Moment>;
}
