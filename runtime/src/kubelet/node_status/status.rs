//! The node's Ready condition is computed once in a period, and posted when it changed or was not posted for long (NOD-2, NOD-3;
//! S28 `kubelet_node_status.go` `tryUpdateNodeStatus`).

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, NodeCondition};

use super::{RETRIES, Readiness, send};
use crate::api::constants::condition::{FALSE, READY, TRUE};
use crate::api::constants::node_condition;
use crate::api::{ApiError, Key, Object, Patch, Preconditions, Request, Resource, Response};
use crate::client::CallId;
use crate::clock::Moment;
use crate::kubelet::host::Host;
use crate::slip::Slip;

/// Conditions beside Ready that this kubelet posts: it never runs short of anything.
const OTHERS: [&str; 3] = ["MemoryPressure", "DiskPressure", "PIDPressure"];

#[derive(Clone, Debug)]
enum Stage {
    Waiting(Moment),
    Reading(CallId),
    Posting(CallId),
}

/// Whoever posts the node's status.
#[derive(Clone, Debug)]
pub struct Reporter {
    key: Key,
    period: Duration,
    post_period: Duration,
    stage: Stage,
    begun: Moment,
    posted: Option<Moment>,
    tries: u32,
}

impl Reporter {
    /// Nothing was posted yet.
    pub const fn new(key: Key, period: Duration, post_period: Duration, now: Moment) -> Self {
        Self { key, period, post_period, stage: Stage::Waiting(now), begun: now, posted: None, tries: 0 }
    }

    /// When the status is computed next.
    pub const fn next(&self) -> Option<Moment> {
        match self.stage {
            Stage::Waiting(next) => Some(next),
            _ => None,
        }
    }

    /// It is computed at once.
    pub fn trigger(&mut self, now: Moment) {
        if let Stage::Waiting(next) = &mut self.stage {
            *next = (*next).min(now);
        }
    }

    /// The node is read.
    pub fn begin(&mut self, host: &mut Host<'_, '_>) {
        if self.tries == 0 {
            self.begun = host.now();
        }
        self.stage = Stage::Reading(send(host, Request::Get(Resource::Node, self.key.clone())));
    }

    /// An answer; it need not be one to this.
    pub fn on_answer(
        &mut self,
        call: CallId,
        answer: &Result<Response, ApiError>,
        ready: Readiness,
        host: &mut Host<'_, '_>,
    ) -> bool {
        match self.stage {
            Stage::Reading(expected) if expected == call => match answer {
                Ok(Response::Object(Object::Node(node))) => self.post(node, ready, host),
                _ => self.retry(host),
            },
            Stage::Posting(expected) if expected == call => match answer {
                Ok(_) => {
                    self.posted = Some(host.now());
                    self.rest();
                }
                Err(_) => self.retry(host),
            },
            _ => return false,
        }
        true
    }

    fn post(&mut self, node: &Node, ready: Readiness, host: &mut Host<'_, '_>) {
        let now = host.now();
        let is_ready = ready == Readiness::Ready || host.context.has(Slip::NodeIsAlwaysReady);
        let value = if is_ready { TRUE } else { FALSE };
        let changed = node_condition(node, READY).is_none_or(|condition| condition.status != value);
        let recent = self.posted.is_some_and(|posted| now.since(posted) < self.post_period);
        if !changed && recent {
            self.rest();
            return;
        }
        let reason = if is_ready { "KubeletReady" } else { "KubeletNotReady" };
        let mut conditions = vec![condition(node, READY, value, reason, now)];
        conditions
            .extend(OTHERS.map(|type_| condition(node, type_, FALSE, "KubeletHasSufficientResources", now)));
        let patch = Patch::NodeConditions(conditions);
        let request = Request::Patch(Resource::Node, self.key.clone(), Preconditions::NONE, patch);
        self.stage = Stage::Posting(send(host, request));
    }

    fn rest(&mut self) {
        self.tries = 0;
        self.stage = Stage::Waiting(self.begun + self.period);
    }

    fn retry(&mut self, host: &mut Host<'_, '_>) {
        self.tries += 1;
        if self.tries < RETRIES { self.begin(host) } else { self.rest() }
    }
}

fn condition(node: &Node, type_: &str, value: &str, reason: &str, now: Moment) -> NodeCondition {
    let before = node_condition(node, type_).filter(|before| before.status == value);
    NodeCondition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        last_heartbeat_time: Some(now.to_time()),
        last_transition_time: before
            .and_then(|before| before.last_transition_time.clone())
            .or_else(|| Some(now.to_time())),
        message: None,
    }
}
