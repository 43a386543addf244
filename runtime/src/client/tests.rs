//! The informer between a server and a handler: order, gaps, lists, retries.

use k8s_openapi::api::core::v1::Pod;
use podproof_vocabulary::Release;

use super::informer::Follower as _;
use super::{CallId, Calls, Informer, Notification};
use crate::api::{Key, Kind, Object, Resource, Selector};
use crate::api_server::ApiServer;
use crate::chooser::First;
use crate::clock::{Clock, Moment};
use crate::context::Context;
use crate::operation::Component;
use crate::slip::{Slip, Slips};

const OWN: Component = Component::Scheduler;

/// A server, an informer of its pods, and what is on its way between them.
struct Bench {
    server: ApiServer,
    informer: Informer<Pod>,
    calls: Calls,
    clock: Clock,
    slips: Slips,
}

impl Bench {
    fn new(slips: Slips) -> Self {
        let mut bench = Self {
            server: ApiServer::new(Release::NEWEST, slips),
            informer: Informer::new(OWN, Selector::Everything, &[], &[OWN]),
            calls: Calls::default(),
            clock: Clock::default(),
            slips,
        };
        bench.with(|informer, context| informer.start(context));
        bench
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Informer<Pod>, &mut Context<'_>) -> T) -> T {
        let mut context = Context {
            clock: self.clock,
            release: Release::NEWEST,
            slips: self.slips,
            calls: &mut self.calls,
            chooser: &mut First,
        };
        act(&mut self.informer, &mut context)
    }

    /// The call in flight is carried out and answered.
    fn answer(&mut self) {
        let call = self.in_flight().expect("something is in flight");
        let request = self.calls.arrive(call).expect("it was sent").request.clone();
        let answer = self.server.serve(call, &request, self.clock.now()).expect("it takes one write");
        assert_eq!(self.calls.answer(call, answer), None);
        let (_, answer) = self.calls.receive(call).expect("it was answered");
        assert!(self.with(|informer, context| informer.on_answer(call, &answer, context)));
    }

    fn lose(&mut self) {
        let call = self.in_flight().expect("something is in flight");
        self.calls.lose(call).expect("it was sent");
        let lost = Err(crate::api::ApiError::Timeout);
        assert!(self.with(|informer, context| informer.on_answer(call, &lost, context)));
    }

    fn in_flight(&self) -> Option<CallId> {
        self.calls.iter().next().map(|call| call.id)
    }

    fn what_is_in_flight(&self) -> Option<&'static str> {
        use crate::api::Request;
        self.calls.iter().next().map(|call| match call.request {
            Request::List(..) => "list",
            Request::Watch(..) => "watch",
            _ => "something else",
        })
    }

    fn create(&mut self, name: &str) {
        let mut pod = crate::testing::pod(name);
        pod.metadata.uid = None;
        let request = crate::api::Request::Create(pod.into());
        self.server.serve(CallId(999), &request, self.clock.now()).expect("one write").expect("it is new");
    }

    fn delete(&mut self, name: &str) {
        let key = Key::new("default", name);
        let request = crate::api::Request::Delete(Resource::Pod, key, Default::default());
        self.server.serve(CallId(999), &request, self.clock.now()).expect("one write").expect("it exists");
    }

    /// Everything that the watch brings.
    fn deliver(&mut self) {
        while let Some(event) = self.informer.watch().and_then(|watch| self.server.next_event(watch)) {
            self.informer.on_event(event);
        }
    }

    fn break_watch(&mut self) {
        let watch = self.informer.watch().expect("it is open");
        self.server.close(watch);
        self.with(|informer, context| informer.on_broken(context));
    }

    fn names(&self) -> Vec<String> {
        self.informer.cache().iter().map(|(key, _)| key.name().to_owned()).collect()
    }

    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Ok(notification) = self.informer.next_notification(OWN) {
            let kind = match notification {
                Notification::Added(..) => "added",
                Notification::Updated(..) => "updated",
                Notification::Deleted(..) => "deleted",
            };
            told.push(format!("{kind} {}", notification.key().name()));
        }
        told
    }
}

/// An informer that has listed and watches.
fn watching(slips: Slips) -> Bench {
    let mut bench = Bench::new(slips);
    bench.answer();
    bench.answer();
    bench
}

#[test]
fn what_happens_between_list_and_watch_is_not_missed() {
    let mut bench = Bench::new(Slips::NONE);
    bench.create("listed");
    bench.answer();
    assert!(bench.informer.is_synced());
    bench.create("between");
    bench.answer();
    bench.create("watched");
    bench.deliver();
    assert_eq!(bench.names(), ["between", "listed", "watched"], "API-33");
    assert_eq!(bench.told(), ["added listed", "added between", "added watched"]);
}

#[test]
fn slip_watch_from_now_misses_it() {
    let mut bench = Bench::new(Slips::only(Slip::WatchFromNow));
    bench.answer();
    bench.create("between");
    bench.answer();
    bench.deliver();
    assert!(bench.names().is_empty());
}

#[test]
fn a_broken_watch_goes_on_where_it_was() {
    let mut bench = watching(Slips::NONE);
    bench.create("web");
    bench.deliver();
    bench.break_watch();
    bench.delete("web");
    bench.create("new");
    assert_eq!(bench.what_is_in_flight(), Some("watch"), "API-33: it does not list");
    bench.answer();
    bench.deliver();
    assert_eq!(bench.names(), ["new"]);
    assert_eq!(
        bench.told(),
        ["added web", "updated web", "deleted web", "added new"],
        "MOD-2: nothing is skipped"
    );
}

#[test]
fn a_version_that_is_gone_means_a_list_and_a_missed_deletion_is_told() {
    let mut bench = watching(Slips::NONE);
    bench.create("gone");
    bench.create("stays");
    bench.deliver();
    bench.told();
    bench.break_watch();
    bench.delete("gone");
    bench.server.compact();
    bench.answer();
    assert_eq!(bench.what_is_in_flight(), Some("list"), "API-36");
    bench.answer();
    bench.answer();
    assert_eq!(bench.names(), ["stays"], "API-33");
    assert_eq!(bench.told(), ["deleted gone", "updated stays"], "API-33");
}

#[test]
fn slip_missed_deletions_stay_in_the_cache() {
    let mut bench = watching(Slips::only(Slip::MissedDeletionsKept));
    bench.create("gone");
    bench.deliver();
    bench.break_watch();
    bench.delete("gone");
    bench.server.compact();
    bench.answer();
    bench.answer();
    assert_eq!(bench.names(), ["gone"]);
}

#[test]
fn a_list_that_is_lost_is_tried_again_later_and_later() {
    let mut bench = Bench::new(Slips::NONE);
    let mut waits = Vec::new();
    for _ in 0..7 {
        bench.lose();
        let due = bench.informer.next_deadline().expect("it waits");
        waits.push(due.since(bench.clock.now()).as_millis());
        assert!(bench.with(|informer, context| informer.wake(context)).is_err(), "it is early");
        bench.clock.pass_until(due);
        bench.with(|informer, context| informer.wake(context)).expect("it is due");
    }
    assert_eq!(waits, [800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
    bench.answer();
    bench.answer();
    bench.create("web");
    bench.deliver();
    assert_eq!(bench.names(), ["web"]);
}

#[test]
fn the_handler_lags_behind_the_cache() {
    let mut bench = watching(Slips::NONE);
    bench.create("web");
    bench.deliver();
    bench.delete("web");
    bench.deliver();
    assert!(bench.names().is_empty());
    let first = bench.informer.next_notification(OWN).expect("it is told everything");
    assert!(matches!(first, Notification::Added(..)), "API-41: the handler is told of what is gone already");
}

#[test]
fn a_bookmark_moves_the_version_alone() {
    let mut bench = watching(Slips::NONE);
    let mut node = k8s_openapi::api::core::v1::Node::default();
    node.metadata.name = Some("node-0".to_owned());
    let request = crate::api::Request::Create(Object::from(node));
    bench.server.serve(CallId(999), &request, Moment(0)).expect("one write").expect("it is new");
    bench.server.send_bookmarks(Moment(0));
    bench.deliver();
    assert_eq!(bench.informer.version(), bench.server.store().version(), "API-35");
    assert!(bench.told().is_empty());
    assert_eq!(bench.informer.resource(), Pod::RESOURCE);
}
