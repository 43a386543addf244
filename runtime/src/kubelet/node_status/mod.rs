//! What a kubelet says of its node: that it is there, that it lives, whether it is ready (NOD-1 to NOD-5).
//!
//! - [`registration`]: the Node object is created, or found
//! - [`status`]: the Ready condition is posted
//! - [`lease`]: the lease is renewed, whatever else the kubelet does (NOD-4)

pub mod lease;
pub mod registration;
pub mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;

use self::lease::LeaseRenewal;
use self::registration::Registration;
use self::status::Reporter;
use super::host::Host;
use crate::api::{ApiError, Key, Request, Response};
use crate::client::CallId;
use crate::clock::Moment;
use crate::operation::Component;

/// How often a write is tried before its next period (K-4, K-5).
pub(super) const RETRIES: u32 = 5;

/// What is due of a node's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeStep {
    /// The node is registered.
    Register,
    /// The node's status is computed, and posted if it has to be.
    Report,
    /// The lease is renewed.
    Renew,
}

/// What a kubelet says of its node.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    registration: Registration,
    reporter: Reporter,
    lease: LeaseRenewal,
}

impl NodeStatus {
    /// Nothing was said yet.
    pub fn new(
        node: Node,
        report_period: Duration,
        post_period: Duration,
        lease: Duration,
        now: Moment,
    ) -> Self {
        let key = Key::of(&node.metadata);
        Self {
            lease: LeaseRenewal::new(key.name(), lease, now),
            reporter: Reporter::new(key, report_period, post_period, now),
            registration: Registration::new(node, now),
        }
    }

    /// What is due by now.
    pub fn due(&self, now: Moment) -> impl Iterator<Item = NodeStep> {
        let steps = [
            (NodeStep::Register, self.registration.next()),
            (NodeStep::Report, self.reporter.next().filter(|_| self.registration.is_done())),
            (NodeStep::Renew, self.lease.next()),
        ];
        steps.into_iter().filter(move |(_, next)| next.is_some_and(|next| next <= now)).map(|(step, _)| step)
    }

    /// When the next thing is due that is not yet.
    pub fn next_deadline(&self, now: Moment) -> Option<Moment> {
        let report = self.reporter.next().filter(|_| self.registration.is_done());
        let all = [self.registration.next(), report, self.lease.next()];
        all.into_iter().flatten().filter(|&next| next > now).min()
    }

    /// Something that is due begins. None if it is not due.
    pub fn begin(&mut self, step: NodeStep, host: &mut Host<'_, '_>) -> Option<()> {
        self.due(host.now()).any(|due| due == step).then_some(())?;
        match step {
            NodeStep::Register => self.registration.begin(host),
            NodeStep::Report => self.reporter.begin(host),
            NodeStep::Renew => self.lease.begin(host),
        }
        Some(())
    }

    /// The kubelet became ready for the first time: that is posted at once.
    pub fn trigger(&mut self, now: Moment) {
        self.reporter.trigger(now);
    }

    /// An answer of the API server; it need not be one to a request about the node.
    pub fn on_answer(
        &mut self,
        call: CallId,
        answer: &Result<Response, ApiError>,
        ready: Readiness,
        host: &mut Host<'_, '_>,
    ) -> bool {
        self.registration.on_answer(call, answer, host)
            || self.reporter.on_answer(call, answer, ready, host)
            || self.lease.on_answer(call, answer, host)
    }
}

/// Whether the node is ready (NOD-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is.
    Ready,
    /// It is not.
    NotReady,
}

pub(super) fn send(host: &mut Host<'_, '_>, request: Request) -> CallId {
    host.context.calls.send(Component::Kubelet(host.node), request)
}
