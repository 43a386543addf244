//! Watches: order, selectors, history, bookmarks.

use super::{Bench, key, pod};
use crate::api::{ApiError, Object, Request, Resource, Response, Selector, Version};
use crate::api_server::WatchEvent;
use crate::client::WatchId;
use crate::clock::Moment;
use crate::slip::Slip;

fn watch(bench: &mut Bench, selector: Selector, from: Version) -> Result<WatchId, ApiError> {
    match bench.call(&Request::Watch(Resource::Pod, selector, from)) {
        Ok(Response::Watch(watch)) => Ok(watch),
        Ok(other) => panic!("no watch: {other:?}"),
        Err(error) => Err(error),
    }
}

/// Everything that the watch brings, in short.
fn events(bench: &mut Bench, watch: WatchId) -> Vec<(&'static str, String, u64)> {
    let mut events = Vec::new();
    while let Some(event) = bench.server.next_event(watch) {
        let version = event.version().0;
        events.push(match event {
            WatchEvent::Added(key, ..) => ("added", key.name().to_owned(), version),
            WatchEvent::Modified(key, ..) => ("modified", key.name().to_owned(), version),
            WatchEvent::Deleted(key, ..) => ("deleted", key.name().to_owned(), version),
            WatchEvent::Bookmark(_) => ("bookmark", String::new(), version),
        });
    }
    events
}

fn said(events: &[(&'static str, String, u64)]) -> Vec<String> {
    events.iter().map(|(kind, name, _)| format!("{kind} {name}")).collect()
}

#[test]
fn a_watch_brings_every_change_after_its_version_in_order() {
    let mut bench = Bench::new();
    bench.pod("old", None);
    let from = bench.server.store().version();
    bench.pod("missed", None);
    let watch = watch(&mut bench, Selector::Everything, from).expect("the history reaches back");
    bench.set_phase("old", "Running");
    bench.delete("missed", None).expect("it exists");
    let events = events(&mut bench, watch);
    let expected = ["added missed", "modified old", "modified missed", "deleted missed"];
    assert_eq!(said(&events), expected, "API-33, DEL-7: a deletion without grace is two writes");
    assert!(events.windows(2).all(|pair| pair[0].2 < pair[1].2), "API-40");
}

#[test]
fn slip_watch_from_now_has_a_gap() {
    let mut bench = Bench::with(Slip::WatchFromNow);
    bench.pod("missed", None);
    let watch = watch(&mut bench, Selector::Everything, Version(0)).expect("the history reaches back");
    assert!(events(&mut bench, watch).is_empty());
}

#[test]
fn an_object_that_comes_to_be_selected_is_added_and_one_that_leaves_is_deleted() {
    let mut bench = Bench::new();
    let kubelet = watch(&mut bench, Selector::OnNode("node-0".into()), Version(0)).expect("it is open");
    let scheduler = watch(&mut bench, Selector::NotTerminal, Version(0)).expect("it is open");
    bench.pod("web", None);
    let bind = Request::Bind { pod: key("web"), preconditions: Default::default(), node: "node-0".into() };
    bench.call(&bind).expect("it is not bound");
    bench.set_phase("web", "Succeeded");
    assert_eq!(said(&events(&mut bench, kubelet)), ["added web", "modified web"]);
    let seen = events(&mut bench, scheduler);
    assert_eq!(said(&seen), ["added web", "modified web", "deleted web"], "SCH-1");
}

#[test]
fn a_version_that_history_no_longer_knows_is_gone() {
    let mut bench = Bench::new();
    bench.pod("web", None);
    let old = bench.server.store().version();
    bench.set_phase("web", "Running");
    bench.server.compact();
    assert_eq!(watch(&mut bench, Selector::Everything, old), Err(ApiError::Expired), "API-36");
    let now = bench.server.store().version();
    assert!(watch(&mut bench, Selector::Everything, now).is_ok());
}

#[test]
fn history_is_kept_by_count_and_by_age() {
    let mut bench = Bench::new();
    bench.pod("web", None);
    let flip = |bench: &mut Bench, times: u32| {
        for time in 0..times {
            bench.set_phase("web", if time % 2 == 0 { "Running" } else { "Pending" });
        }
    };
    flip(&mut bench, 150);
    assert!(watch(&mut bench, Selector::Everything, Version(1)).is_ok(), "API-36: all of it is fresh");
    bench.now = Moment(10_000 + 75_001);
    flip(&mut bench, 1);
    assert_eq!(watch(&mut bench, Selector::Everything, Version(1)), Err(ApiError::Expired), "API-36");
    let kept = Version(bench.server.store().version().0 - 100);
    assert!(watch(&mut bench, Selector::Everything, kept).is_ok(), "API-36: 100 are kept whatever their age");
}

#[test]
fn other_resources_are_not_told() {
    let mut bench = Bench::new();
    let watch = watch(&mut bench, Selector::Everything, Version(0)).expect("it is open");
    let mut node = k8s_openapi::api::core::v1::Node::default();
    node.metadata.name = Some("node-0".to_owned());
    bench.create(node);
    assert!(events(&mut bench, watch).is_empty(), "API-39");
    bench.server.send_bookmarks(bench.now);
    assert_eq!(events(&mut bench, watch), [("bookmark", String::new(), 1)], "API-35");
    bench.server.send_bookmarks(bench.now);
    assert!(events(&mut bench, watch).is_empty(), "there is nothing new to say");
}

#[test]
fn a_list_is_the_newest_state_and_says_its_version() {
    let mut bench = Bench::new();
    bench.create(pod("a", Some("node-0")));
    bench.create(pod("b", Some("node-1")));
    let list = Request::List(Resource::Pod, Selector::OnNode("node-1".into()));
    let Ok(Response::List(objects, version)) = bench.call(&list) else { panic!("it lists") };
    assert_eq!(objects.iter().map(Object::key).collect::<Vec<_>>(), [key("b")]);
    assert_eq!(version, Version(2), "API-30");
}

#[test]
fn a_stopped_server_closes_watches_and_keeps_objects() {
    let mut bench = Bench::new();
    let watch = watch(&mut bench, Selector::Everything, Version(0)).expect("it is open");
    bench.pod("web", None);
    bench.server.stop();
    assert!(!bench.server.is_open(watch));
    bench.server.start();
    assert!(bench.stored("web").is_some());
}

#[test]
fn slip_forgotten_history_watched_has_a_gap() {
    let mut bench = Bench::with(Slip::ForgottenHistoryWatched);
    bench.pod("forgotten", None);
    bench.server.compact();
    let watch = watch(&mut bench, Selector::Everything, Version(0)).expect("the slip opens it");
    assert!(events(&mut bench, watch).is_empty());
    let mut right = Bench::new();
    right.pod("forgotten", None);
    right.server.compact();
    let refused = right.call(&Request::Watch(Resource::Pod, Selector::Everything, Version(0)));
    assert_eq!(refused, Err(ApiError::Expired), "API-36");
}

#[test]
fn slip_bookmark_overtakes_events_tells_of_what_has_not_come() {
    let brought = |mut bench: Bench| {
        let watch = watch(&mut bench, Selector::Everything, Version(0)).expect("it is open");
        bench.pod("web", None);
        let mut node = k8s_openapi::api::core::v1::Node::default();
        node.metadata.name = Some("node-0".to_owned());
        bench.create(node);
        bench.server.send_bookmarks(bench.now);
        said(&events(&mut bench, watch))
    };
    assert_eq!(brought(Bench::new()), ["added web", "bookmark "]);
    assert_eq!(brought(Bench::with(Slip::BookmarkOvertakesEvents)), ["bookmark ", "added web"]);
}
