//! Answers with the version of an earlier write.

use serde_json::json;

use super::{audit, entries, lines, pod, told};

#[test]
fn a_write_that_changes_nothing_stays_at_its_time() {
    let events = [
        pod("update", "p", 10, (0, 5), json!({})),
        pod("update", "q", 20, (10, 15), json!({})),
        pod("patch", "p", 10, (20, 25), json!({})),
        pod("update", "q", 30, (30, 35), json!({})),
    ];
    assert_eq!(told(&audit(&events)), ["p@10", "q@20", "p@10", "q@30"]);
}

#[test]
fn nor_does_it_carry_others_along() {
    // The write of version 10 is not in the log: only that 20 was known before tells that the patch is stale. Taken for the
    // writer of 10 it would set the position of 20 to its own receipt.
    let events = [
        pod("update", "q", 20, (10, 15), json!({})),
        super::event("get", "pods", "g", (12, 13), json!({})),
        pod("patch", "p", 10, (20, 25), json!({})),
    ];
    assert_eq!(told(&audit(&events)), ["q@20", "reads", "p@10"]);
}

#[test]
fn of_two_with_one_version_the_first_received_has_written_it() {
    let events = [
        // Answered first, received last: it has seen what the other had written.
        pod("patch", "p", 10, (6, 20), json!({"user": {"username": "second"}})),
        pod("update", "p", 10, (0, 30), json!({"user": {"username": "first"}})),
        pod("update", "q", 11, (3, 31), json!({})),
    ];
    let entries = audit(&events);
    assert_eq!(told(&entries), ["p@10", "q@11", "p@10"]);
    assert_eq!(entries[0].place.line, 2);
}

#[test]
fn it_stands_behind_the_write_whose_version_it_has() {
    let events = [
        pod("update", "q", 9, (8, 9), json!({})),
        pod("update", "p", 10, (0, 30), json!({})),
        // Received before 9 was, so that its own time alone would put it first.
        pod("patch", "p", 10, (1, 31), json!({})),
    ];
    let entries = audit(&events);
    assert_eq!(told(&entries), ["q@9", "p@10", "p@10"]);
    assert_eq!(entries[2].place.line, 3);
}

#[test]
fn a_removal_stands_behind_everything_before_it() {
    // Up to 1.25 it is answered with the last version of the object, from 1.26 on with that of the removal.
    for version in [12, 14] {
        let events = [
            pod("delete", "p", 10, (0, 5), json!({"user": {"username": "first"}})),
            pod("patch", "p", 12, (10, 15), json!({})),
            pod("update", "q", 13, (20, 25), json!({})),
            pod("delete", "p", version, (30, 35), json!({})),
            pod("update", "q", 15, (40, 45), json!({})),
        ];
        let removal = format!("p@{version}");
        assert_eq!(told(&audit(&events)), ["p@10", "p@12", "q@13", &removal, "q@15"]);
    }
}

#[test]
fn clocks_of_two_servers_may_differ() {
    // By the first server's clock 20 was answered before the request for 10 came to the second.
    let first = [pod("update", "q", 20, (100, 105), json!({}))];
    let second = |from| [pod("update", "p", 10, (from, from + 5), json!({}))];
    let order = |from| {
        told(&entries(&[("audit-1.jsonl", &*lines(&first)), ("audit-2.jsonl", &*lines(&second(from)))]))
    };
    assert_eq!(order(1_100), ["p@10", "q@20"]);
    assert_eq!(order(1_110), ["q@20", "p@10"]);
    // Those of one server do not.
    let one = [first[0].clone(), pod("update", "p", 10, (106, 110), json!({}))];
    assert_eq!(told(&audit(&one)), ["q@20", "p@10"]);
    // At the same moment is not before.
    let one = [first[0].clone(), pod("update", "p", 10, (105, 110), json!({}))];
    assert_eq!(told(&audit(&one)), ["p@10", "q@20"]);
}

#[test]
fn an_answer_of_long_ago_is_remembered() {
    let second = |second: u64| (second * 1_000, second * 1_000 + 5);
    let mut events: Vec<_> =
        (0..5).map(|index| pod("update", "q", 20 + index, second(index), json!({}))).collect();
    // Ten minutes later: known to be stale it does not carry along a write that was received before it.
    events.push(pod("patch", "p", 23, (600_010, 600_015), json!({})));
    events.push(super::event("get", "pods", "g", (600_005, 600_016), json!({})));
    events.push(pod("update", "q", 30, (600_000, 600_020), json!({})));
    assert_eq!(told(&audit(&events))[5..], ["q@30", "p@23", "reads"]);
}
