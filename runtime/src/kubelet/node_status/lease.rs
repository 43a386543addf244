//! The node's lease: renewed four times in its duration, on its own, however the rest of the kubelet fares (NOD-1, NOD-4; S28
//! `component-helpers/apimachinery/lease`).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};

use super::{RETRIES, send};
use crate::api::{ApiError, Key, Object, Request, Resource, Response};
use crate::client::CallId;
use crate::clock::Moment;
use crate::kubelet::host::Host;
use crate::slip::Slip;

/// The namespace of the leases of nodes.
pub const NAMESPACE: &str = "kube-node-lease";

/// The first wait after a read or a creation that failed, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(7);

#[derive(Clone, Debug)]
enum Stage {
    Waiting(Moment),
    Updating(CallId),
    Reading(CallId),
    Creating(CallId),
}

/// Whoever renews the lease.
#[derive(Clone, Debug)]
pub struct LeaseRenewal {
    key: Key,
    duration: Duration,
    /// As the last answer had it; none if it has to be read.
    lease: Option<Arc<Lease>>,
    stage: Stage,
    wait: Duration,
    tries: u32,
}

impl LeaseRenewal {
    /// Nothing was renewed yet.
    pub fn new(node: &str, duration: Duration, now: Moment) -> Self {
        Self {
            key: Key::new(NAMESPACE, node),
            duration,
            lease: None,
            stage: Stage::Waiting(now),
            wait: FIRST_WAIT,
            tries: 0,
        }
    }

    /// When it is renewed next.
    pub const fn next(&self) -> Option<Moment> {
        match self.stage {
            Stage::Waiting(next) => Some(next),
            _ => None,
        }
    }

    /// It is renewed: with what is known of it, or else it is read first.
    pub fn begin(&mut self, host: &mut Host<'_, '_>) {
        self.stage = match self.lease.clone() {
            Some(lease) => Stage::Updating(send(host, Request::Update(self.renewed(&lease, host.now())))),
            None => Stage::Reading(send(host, Request::Get(Resource::Lease, self.key.clone()))),
        };
    }

    /// An answer; it need not be one to this.
    pub fn on_answer(
        &mut self,
        call: CallId,
        answer: &Result<Response, ApiError>,
        host: &mut Host<'_, '_>,
    ) -> bool {
        match self.stage {
            Stage::Updating(expected) if expected == call => match lease_of(answer) {
                Ok(lease) => self.rest(Some(lease), host.now()),
                Err(_) => {
                    if !host.context.has(Slip::LeaseNotReadAnew) {
                        self.lease = None;
                    }
                    self.retry(host);
                }
            },
            Stage::Reading(expected) if expected == call => match lease_of(answer) {
                Ok(lease) => {
                    self.wait = FIRST_WAIT;
                    self.lease = Some(lease);
                    self.begin(host);
                }
                Err(ApiError::NotFound) => {
                    let new = Lease::default();
                    let request = Request::Create(self.renewed(&new, host.now()));
                    self.stage = Stage::Creating(send(host, request));
                }
                Err(_) => self.back_off(host.now()),
            },
            Stage::Creating(expected) if expected == call => match lease_of(answer) {
                Ok(lease) => self.rest(Some(lease), host.now()),
                Err(_) => self.back_off(host.now()),
            },
            _ => return false,
        }
        true
    }

    fn renewed(&self, lease: &Lease, now: Moment) -> Object {
        let mut lease = lease.clone();
        lease.metadata.namespace = Some(self.key.namespace().to_owned());
        lease.metadata.name = Some(self.key.name().to_owned());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.key.name().to_owned()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            renew_time: Some(now.to_micro_time()),
            ..LeaseSpec::default()
        });
        Object::from(lease)
    }

    fn rest(&mut self, lease: Option<Arc<Lease>>, now: Moment) {
        self.lease = lease;
        self.tries = 0;
        self.wait = FIRST_WAIT;
        self.stage = Stage::Waiting(now + self.duration / 4);
    }

    /// It can be neither read nor created: it is tried again, later each time, for as long as that takes (S28 `backoffEnsureLease`).
    fn back_off(&mut self, now: Moment) {
        self.stage = Stage::Waiting(now + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    /// It could not be updated: that is tried a few times at once.
    fn retry(&mut self, host: &mut Host<'_, '_>) {
        self.tries += 1;
        if self.tries < RETRIES { self.begin(host) } else { self.rest(self.lease.clone(), host.now()) }
    }
}

fn lease_of(answer: &Result<Response, ApiError>) -> Result<Arc<Lease>, ApiError> {
    match answer {
        Ok(Response::Object(Object::Lease(lease))) => Ok(Arc::clone(lease)),
        Ok(_) => Err(ApiError::Internal),
        Err(error) => Err(*error),
    }
}
