//! Tests of what a kubelet says of its node, answer by answer.

use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{NodeCondition, NodeStatus as ApiStatus};

use super::*;
use crate::api::{Object, Patch, Resource};
use crate::kubelet::test_host::TestHost;
use crate::slip::{Slip, Slips};

struct Rig {
    host: TestHost,
    status: NodeStatus,
    ready: Readiness,
}

impl Rig {
    fn new() -> Self {
        Self::with(Slips::NONE)
    }

    fn with(slips: Slips) -> Self {
        let mut node = Node::default();
        node.metadata.name = Some("n".to_owned());
        let seconds = Duration::from_secs;
        let status = NodeStatus::new(node, seconds(10), seconds(300), seconds(40), Moment(0));
        Self { host: TestHost::new(slips), status, ready: Readiness::Ready }
    }

    fn due(&self) -> Vec<NodeStep> {
        self.status.due(self.host.now()).collect()
    }

    fn begin(&mut self, step: NodeStep) {
        let Self { host, status, .. } = self;
        host.with(|host| status.begin(step, host)).expect("it is due");
    }

    /// The request that is on its way.
    fn request(&self) -> Option<Request> {
        self.host.api.iter().last().map(|call| call.request.clone())
    }

    fn answer(&mut self, answer: Result<Response, ApiError>) {
        let call = self.host.api.iter().last().expect("something was asked").id;
        self.host.api.lose(call).expect("it is on its way");
        let Self { host, status, ready } = self;
        assert!(host.with(|host| status.on_answer(call, &answer, *ready, host)));
    }

    fn registered() -> Self {
        let mut rig = Self::new();
        rig.begin(NodeStep::Register);
        rig.answer(Ok(Response::Done));
        rig
    }
}

fn node(ready: &str) -> Result<Response, ApiError> {
    let condition =
        NodeCondition { type_: "Ready".to_owned(), status: ready.to_owned(), ..NodeCondition::default() };
    let status = ApiStatus { conditions: Some(vec![condition]), ..ApiStatus::default() };
    Ok(Response::Object(Object::from(Node { status: Some(status), ..Node::default() })))
}

fn posted(request: Option<Request>) -> Option<String> {
    match request {
        Some(Request::Patch(Resource::Node, _, _, Patch::NodeConditions(conditions))) => {
            conditions.into_iter().find(|it| it.type_ == "Ready").map(|it| it.status)
        }
        _ => None,
    }
}

/// NOD-5.
#[test]
fn a_registration_that_fails_waits_longer_each_time() {
    let mut rig = Rig::new();
    let mut waits = Vec::new();
    for _ in 0..9 {
        rig.begin(NodeStep::Register);
        rig.answer(Err(ApiError::Timeout));
        let next = rig.status.registration.next().expect("it is tried again");
        waits.push(next.since(rig.host.now()).as_millis());
        rig.host.clock.pass_until(next);
    }
    assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 7_000, 7_000]);
    rig.begin(NodeStep::Register);
    rig.answer(Err(ApiError::AlreadyExists));
    assert!(matches!(rig.request(), Some(Request::Patch(Resource::Node, ..))), "it is taken over");
    assert!(!rig.due().contains(&NodeStep::Report), "nothing is posted before it is registered");
    rig.answer(Ok(Response::Done));
    assert!(rig.due().contains(&NodeStep::Report));
}

/// NOD-2: posted at first, when it changed, and after 5 min.
#[test]
fn a_status_is_posted_when_it_changed_or_is_old() {
    let mut rig = Rig::registered();
    let mut report = |stored: &str, ready, at: u64| {
        rig.ready = ready;
        rig.host.clock.pass_until(Moment(at * 1_000));
        rig.begin(NodeStep::Report);
        rig.answer(node(stored));
        let posted = posted(rig.request());
        if posted.is_some() {
            rig.answer(Ok(Response::Done));
        }
        posted
    };
    assert_eq!(report("True", Readiness::Ready, 0).as_deref(), Some("True"), "the first is posted");
    assert_eq!(report("True", Readiness::Ready, 10), None);
    assert_eq!(report("True", Readiness::NotReady, 20).as_deref(), Some("False"));
    assert_eq!(report("Unknown", Readiness::Ready, 30).as_deref(), Some("True"));
    assert_eq!(report("True", Readiness::Ready, 329), None);
    assert_eq!(report("True", Readiness::Ready, 339).as_deref(), Some("True"), "5 min");
}

/// K-5.
#[test]
fn a_status_that_cannot_be_posted_is_tried_five_times() {
    let mut rig = Rig::registered();
    rig.begin(NodeStep::Report);
    for _ in 0..5 {
        assert!(rig.status.reporter.next().is_none(), "it is tried again at once");
        rig.answer(Err(ApiError::Timeout));
    }
    assert_eq!(rig.status.reporter.next(), Some(Moment(10_000)));
}

fn lease() -> Result<Response, ApiError> {
    Ok(Response::Object(Object::Lease(Arc::new(Lease::default()))))
}

/// NOD-1.
#[test]
fn a_lease_is_created_then_renewed_and_read_again_after_a_conflict() {
    let mut rig = Rig::registered();
    rig.begin(NodeStep::Renew);
    assert!(matches!(rig.request(), Some(Request::Get(Resource::Lease, _))));
    rig.answer(Err(ApiError::NotFound));
    assert!(matches!(rig.request(), Some(Request::Create(Object::Lease(_)))));
    rig.answer(lease());
    assert_eq!(rig.status.lease.next(), Some(Moment(10_000)), "a quarter of its duration");
    rig.host.pass(10);
    rig.begin(NodeStep::Renew);
    assert!(matches!(rig.request(), Some(Request::Update(Object::Lease(_)))));
    rig.answer(Err(ApiError::Conflict));
    assert!(matches!(rig.request(), Some(Request::Get(Resource::Lease, _))));
    rig.answer(lease());
    assert!(matches!(rig.request(), Some(Request::Update(Object::Lease(_)))));
    rig.answer(lease());
    assert_eq!(rig.status.lease.next(), Some(Moment(20_000)));
}

#[test]
fn slip_lease_not_read_anew_conflicts_for_ever() {
    let mut rig = Rig::with(Slips::only(Slip::LeaseNotReadAnew));
    rig.begin(NodeStep::Renew);
    rig.answer(lease());
    rig.answer(lease());
    for round in 1..3 {
        rig.host.pass(10 * round);
        rig.begin(NodeStep::Renew);
        for _ in 0..RETRIES {
            assert!(matches!(rig.request(), Some(Request::Update(Object::Lease(_)))), "it is not read");
            rig.answer(Err(ApiError::Conflict));
        }
    }
}

/// NOD-1: a lease that cannot be read is tried again after 200 ms, and later each time, up to 7 s; not only with the next renewal.
#[test]
fn a_lease_that_cannot_be_read_waits_longer_each_time() {
    let mut rig = Rig::new();
    rig.begin(NodeStep::Renew);
    rig.answer(Err(ApiError::NotFound));
    rig.answer(lease());
    rig.host.pass(10);
    rig.begin(NodeStep::Renew);
    rig.answer(Err(ApiError::Timeout));
    let mut waits = Vec::new();
    for _ in 0..7 {
        assert!(matches!(rig.request(), Some(Request::Get(Resource::Lease, _))));
        rig.answer(Err(ApiError::Timeout));
        let next = rig.status.lease.next().expect("it is tried again");
        waits.push(next.since(rig.host.now()).as_millis());
        rig.host.clock.pass_until(next);
        rig.begin(NodeStep::Renew);
    }
    assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 6_400, 7_000]);
    rig.answer(lease());
    assert!(matches!(rig.request(), Some(Request::Update(Object::Lease(_)))));
}

/// NOD-4: the lease is renewed although nothing is registered and nothing is ready.
#[test]
fn a_lease_needs_nothing_else() {
    let mut rig = Rig::new();
    rig.ready = Readiness::NotReady;
    assert_eq!(rig.due(), [NodeStep::Register, NodeStep::Renew]);
}
