//! The Node object is created, or one of its name is taken over (NOD-5; S28 `kubelet_node_status.go` `registerWithAPIServer`).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, NodeStatus};

use super::send;
use crate::api::{ApiError, Key, Object, Patch, Preconditions, Request, Resource, Response};
use crate::client::CallId;
use crate::clock::Moment;
use crate::kubelet::host::Host;

/// The first wait after a registration that failed; each next one is twice as long, up to 7 s.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(7);

#[derive(Clone, Debug)]
enum Stage {
    Waiting(Moment),
    Creating(CallId),
    Updating(CallId),
    Done,
}

/// The registration of a node.
#[derive(Clone, Debug)]
pub struct Registration {
    node: Node,
    wait: Duration,
    stage: Stage,
}

impl Registration {
    /// A node that is to be registered.
    pub const fn new(node: Node, now: Moment) -> Self {
        Self { node, wait: FIRST_WAIT, stage: Stage::Waiting(now) }
    }

    /// The node is registered.
    pub const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// When it is tried next.
    pub const fn next(&self) -> Option<Moment> {
        match self.stage {
            Stage::Waiting(next) => Some(next),
            _ => None,
        }
    }

    /// It is tried.
    pub fn begin(&mut self, host: &mut Host<'_, '_>) {
        let call = send(host, Request::Create(Object::from(self.node.clone())));
        self.stage = Stage::Creating(call);
    }

    /// An answer; it need not be one to this.
    pub fn on_answer(
        &mut self,
        call: CallId,
        answer: &Result<Response, ApiError>,
        host: &mut Host<'_, '_>,
    ) -> bool {
        match self.stage {
            Stage::Creating(expected) if expected == call => match answer {
                Ok(_) => self.stage = Stage::Done,
                Err(ApiError::AlreadyExists) => {
                    // What the object says of capacity and addresses may be another machine's.
                    let own = self.node.status.clone().unwrap_or_default();
                    let status = NodeStatus { conditions: None, ..own };
                    let patch = Patch::NodeStatusWhole(Arc::new(status));
                    let key = Key::of(&self.node.metadata);
                    let request = Request::Patch(Resource::Node, key, Preconditions::NONE, patch);
                    self.stage = Stage::Updating(send(host, request));
                }
                Err(_) => self.wait(host.now()),
            },
            Stage::Updating(expected) if expected == call => match answer {
                Ok(_) => self.stage = Stage::Done,
                Err(_) => self.wait(host.now()),
            },
            _ => return false,
        }
        true
    }

    fn wait(&mut self, now: Moment) {
        self.stage = Stage::Waiting(now + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }
}
