//! The order of an audit log.

use serde_json::{Value, json};

use super::{at, audit, entries, event, lines, pod, told};
use crate::reading::order::{HELD, Order, Ticket};
use crate::reading::subject::{Subject, Tells};

/// A write of a pod that has a node, or has none.
fn shown(name: &str, version: u64, times: (u64, u64), node: Option<&str>) -> Value {
    pod("patch", name, version, times, json!({"responseObject": {"spec": {"nodeName": node}}}))
}

/// A write of a pod that is answered with a Status.
fn done(subresource: &str, name: &str, times: (u64, u64)) -> Value {
    let answer = json!({"kind": "Status", "metadata": {}, "code": 201});
    let more = json!({"objectRef": {"subresource": subresource}, "responseObject": answer});
    event("create", "pods", name, times, more)
}

#[test]
fn writes_stand_by_version_and_not_by_answer() {
    let events = [
        pod("update", "c", 30, (2, 5), json!({})),
        pod("update", "a", 10, (1, 7), json!({})),
        pod("update", "b", 20, (0, 9), json!({})),
    ];
    assert_eq!(told(&audit(&events)), ["a@10", "b@20", "c@30"]);
}

#[test]
fn what_has_no_version_stands_by_receipt_among_the_latest_receipts() {
    let events = [
        pod("update", "a", 10, (20, 25), json!({})),
        // Received before the write of version 10, committed behind it: its position is that of 10.
        pod("update", "b", 20, (5, 30), json!({})),
        done("binding", "early", (19, 31)),
        done("binding", "late", (21, 32)),
        pod("update", "c", 30, (22, 33), json!({})),
    ];
    assert_eq!(told(&audit(&events)), ["early/binding", "a@10", "b@20", "late/binding", "c@30"]);
}

#[test]
fn what_is_refused_stands_by_receipt_and_what_is_not_modelled_by_its_answer() {
    let refused = event("update", "pods", "r", (15, 40), json!({"responseStatus": {"code": 409}}));
    let events = [
        pod("update", "a", 10, (10, 11), json!({})),
        pod("update", "b", 20, (20, 21), json!({})),
        event("get", "pods", "g", (12, 30), json!({})),
        refused,
    ];
    assert_eq!(told(&audit(&events)), ["a@10", "r!409", "b@20", "reads"]);
}

#[test]
fn a_slow_write_finds_its_place() {
    let mut events = vec![pod("update", "slow", 5, (0, 59_000), json!({}))];
    events.extend(
        (1..59)
            .map(|second| pod("update", "p", 10 + second, (second * 1_000, second * 1_000 + 5), json!({}))),
    );
    events.sort_by_key(|event| event["stageTimestamp"].to_string());
    let told = told(&audit(&events));
    assert_eq!(told.len(), 59);
    assert_eq!(told[0], "slow@5");
}

#[test]
fn an_event_is_held_for_a_minute_of_the_log_and_no_longer() {
    let mut order = Order::default();
    let (mut held, mut most, mut last) = (0_i64, 0, None);
    for second in 0..1_000 {
        let from = second * 1_000_000;
        let version = (second % 2 == 0).then_some(second as u64 + 1);
        let tells = Tells::Was { bound: Some(true), deleting: None };
        let subject = Subject { pod: ("s".into(), second.to_string().into()), uid: "".into(), tells };
        let ticket = Ticket { file: 0, from, to: from + 5, version, is_state: false, subject: Some(subject) };
        order.push(ticket, second);
        held += 1;
        while let Some((_, event)) = order.pop() {
            held -= 1;
            assert!(last.is_none_or(|last| last < event));
            assert!(event * 1_000_000 + HELD < from + 5, "it left too early");
            last = Some(event);
        }
        most = most.max(held);
        assert!(order.kept() <= 62, "{}", order.kept());
    }
    assert_eq!(most, 61);
}

#[test]
fn what_comes_too_late_is_not_lost() {
    // A watch that lasted two minutes, and a write that no API server would let wait so long.
    let events = [
        pod("update", "a", 10, (0, 5), json!({})),
        pod("update", "b", 20, (100_000, 100_005), json!({})),
        event("watch", "pods", "", (1, 120_000), json!({})),
        pod("update", "late", 5, (2, 120_001), json!({})),
        pod("update", "c", 30, (130_000, 130_005), json!({})),
    ];
    assert_eq!(told(&audit(&events)), ["a@10", "late@5", "b@20", "reads", "c@30"]);
}

#[test]
fn a_binding_stands_before_what_shows_the_node() {
    // Both were under way at once; the status that shows the node was received first.
    let events = [
        pod("create", "p", 10, (0, 2), json!({})),
        done("binding", "p", (20, 50)),
        pod("update", "q", 11, (25, 28), json!({})),
        shown("p", 12, (15, 55), Some("node-a")),
    ];
    let expected = ["p@10", "p/binding", "q@11", "p@12"];
    assert_eq!(told(&audit(&events)), expected);
    let [create, binding, other, status] = events;
    assert_eq!(told(&audit(&[create, other, status, binding])), expected);
}

#[test]
fn a_binding_stands_behind_what_does_not_show_the_node() {
    let events = [
        pod("create", "p", 10, (0, 2), json!({})),
        shown("p", 12, (25, 30), None),
        done("binding", "p", (20, 50)),
        shown("p", 13, (60, 61), Some("node-a")),
    ];
    assert_eq!(told(&audit(&events)), ["p@10", "p@12", "p/binding", "p@13"]);
}

#[test]
fn a_log_that_contradicts_itself_is_read_to_its_end() {
    // No pod loses its node again.
    let events = [
        shown("p", 13, (25, 30), None),
        done("binding", "p", (20, 50)),
        shown("p", 12, (15, 55), Some("node-a")),
    ];
    assert_eq!(told(&audit(&events)), ["p@12", "p@13", "p/binding"]);
}

#[test]
fn an_eviction_stands_where_the_pod_begins_to_go() {
    let deleting = |version, times| {
        let more = json!({"responseObject": {"metadata": {"deletionTimestamp": "2026-11-22T07:38:00Z"}}});
        pod("patch", "p", version, times, more)
    };
    let events = [
        pod("create", "p", 10, (0, 2), json!({})),
        done("eviction", "p", (20, 50)),
        shown("p", 11, (25, 28), None),
        deleting(12, (15, 55)),
    ];
    assert_eq!(told(&audit(&events)), ["p@10", "p@11", "p/eviction", "p@12"]);
}

#[test]
fn a_deletion_does_not_say_that_an_eviction_came_first() {
    let more = json!({"responseObject": {"metadata": {"deletionTimestamp": "2026-11-22T07:38:00Z"}}});
    let events = [pod("delete", "p", 12, (15, 55), more), done("eviction", "p", (20, 50))];
    assert_eq!(told(&audit(&events)), ["p@12", "p/eviction"]);
}

#[test]
fn another_pod_of_the_same_name_says_nothing() {
    let uid = |uid: &str| json!({"responseObject": {"metadata": {"uid": uid}}, "objectRef": {"uid": uid}});
    let mut binding = done("binding", "p", (20, 50));
    super::over(&mut binding, json!({"objectRef": {"uid": "first"}}));
    let mut second = shown("p", 12, (25, 30), None);
    super::over(&mut second, uid("second"));
    assert_eq!(told(&audit(&[second, binding])), ["p/binding", "p@12"]);
}

#[test]
fn the_state_at_the_beginning_stands_before_what_came_after_it() {
    let list = json!({"t_us": at(90), "event": {"type": "LIST", "resourceVersion": "11", "items": [{"metadata": {"name": "p"}}]}});
    let events = [
        pod("update", "a", 10, (80, 81), json!({})),
        pod("update", "b", 11, (82, 83), json!({})),
        // Received before the recorder had its list, and not in it.
        pod("update", "c", 12, (84, 85), json!({})),
    ];
    let files = [("audit.jsonl", &*lines(&events)), ("watch/pods.jsonl", &*lines(&[list]))];
    assert_eq!(told(&entries(&files)), ["a@10", "b@11", "list of 1", "c@12"]);
}

#[test]
fn the_logs_of_two_servers_are_one() {
    let first = [pod("update", "a", 10, (0, 5), json!({})), pod("update", "c", 30, (20, 25), json!({}))];
    let second = [pod("update", "b", 20, (10, 15), json!({})), pod("update", "d", 40, (30, 35), json!({}))];
    let files = [("audit-1.jsonl", &*lines(&first)), ("audit-2.jsonl", &*lines(&second))];
    assert_eq!(told(&entries(&files)), ["a@10", "b@20", "c@30", "d@40"]);
}

#[test]
fn what_was_not_under_way_at_the_same_time_says_nothing() {
    let deleting = json!({"responseObject": {"metadata": {"deletionTimestamp": "2026-11-22T07:38:00Z"}}});
    // The pod was going before it was evicted.
    let events = [pod("patch", "p", 12, (15, 18), deleting), done("eviction", "p", (20, 50))];
    assert_eq!(told(&audit(&events)), ["p@12", "p/eviction"]);
    // The next one of this name does not; an eviction has no UID.
    let events = [done("eviction", "p", (20, 50)), pod("create", "p", 13, (60, 65), json!({}))];
    assert_eq!(told(&audit(&events)), ["p/eviction", "p@13"]);
}

#[test]
fn a_binding_that_is_refused_or_another_kind_of_answer_says_nothing() {
    let mut refused = done("binding", "p", (20, 50));
    super::over(&mut refused, json!({"responseStatus": {"code": 409}}));
    assert_eq!(told(&audit(&[shown("p", 12, (25, 30), None), refused])), ["p!409", "p@12"]);
    // Up to 1.21 ephemeral containers are answered with a kind of their own, which has no node.
    let mut other = shown("p", 12, (25, 30), None);
    super::over(&mut other, json!({"responseObject": {"kind": "EphemeralContainers"}}));
    assert_eq!(told(&audit(&[other, done("binding", "p", (20, 50))])), ["p/binding", "p@12"]);
}

#[test]
fn a_binding_stands_before_a_deletion_that_was_under_way_with_it() {
    let of = |subresource, name, times| done(subresource, name, times);
    let events = [
        // A pod that is being deleted is not bound, whichever was received first.
        of("binding", "p", (11, 15)),
        of("eviction", "p", (10, 20)),
        of("eviction", "q", (30, 35)),
        of("binding", "q", (36, 40)),
    ];
    assert_eq!(told(&audit(&events)), ["p/binding", "p/eviction", "q/eviction", "q/binding"]);
}
