//! What recorders wrote, cut from a recording.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{at, entries, lines, read, told, word};
use crate::record::{AppWhat, Entry, RuntimeWhat, Seen};

/// An event of a container runtime.
fn runtime(topic: &str, ms: i64, more: Value) -> Value {
    let mut line = json!({
        "container": "app", "container_id": "2e8a", "ev_us": at(ms), "kind": "container", "node": "node-a", "ns": "s",
        "pod": "web-1", "t_us": at(ms + 4), "topic": topic, "uid": "c7b0",
    });
    super::over(&mut line, more);
    line
}

fn one(file: &str, line: Value) -> Entry {
    let mut entries = entries(&[(file, &lines(&[line]))]);
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

fn problem(file: &str, first: Value, line: Value) -> String {
    let problem =
        read(&[(file, &lines(&[first, line]))]).into_iter().find_map(Result::err).expect("a problem");
    assert_eq!(problem.line, 2);
    format!("{}; accepted: {}", problem.says, problem.accepted)
}

#[test]
fn a_container_runtime() {
    let exit = json!({"exit_status": 137, "exited_at": "2026-11-22T07:37:00.029786391Z"});
    let exec = json!({"exec_id": "d37e", "exit_status": 1, "exited_at": "2026-11-22T07:37:00.050Z"});
    let events = [
        json!({"node": "node-a", "t_us": at(0), "topic": "RIG_CONNECTED"}),
        runtime("/containers/create", 1, json!({})),
        runtime("/tasks/create", 2, json!({})),
        runtime("/tasks/start", 10, json!({})),
        runtime("/tasks/exec-added", 19, json!({"exec_id": "d37e"})),
        runtime("/tasks/exec-started", 20, json!({"exec_id": "d37e"})),
        runtime("/tasks/exit", 30, exit.clone()),
        runtime("/tasks/delete", 40, exit),
        runtime("/tasks/exit", 51, exec),
        runtime("/containers/delete", 60, json!({})),
    ];
    let entries = entries(&[("runtime-node-a.jsonl", &lines(&events))]);
    let whats: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.seen {
            Seen::Runtime(event) => Some((event.what, entry.from - at(0))),
            _ => None,
        })
        .collect();
    let expected = [
        (RuntimeWhat::Started, 10_000),
        (RuntimeWhat::ExecStarted, 20_000),
        (RuntimeWhat::Exited(137), 29_786),
        (RuntimeWhat::ExecExited(1), 50_000),
        (RuntimeWhat::Deleted, 60_000),
    ];
    assert_eq!(whats, expected);
    assert!(entries.iter().all(|entry| entry.from == entry.to));
}

#[test]
fn a_container_that_is_none_is_the_sandbox() {
    let entry = one("r.jsonl", runtime("/tasks/start", 10, json!({"container": null, "ev_us": null})));
    // Without the runtime's own time the recorder's is all there is.
    assert_eq!(entry.from, at(14));
    let Seen::Runtime(event) = entry.seen else { panic!("an event of a runtime") };
    assert_eq!(
        (event.container, &*event.node, &*event.namespace, &*event.pod, &*event.uid),
        (None, "node-a", "s", "web-1", "c7b0")
    );
}

#[test]
fn an_exit_at_no_time_is_a_problem() {
    let wrong = runtime("/tasks/exit", 30, json!({"exited_at": "soon"}));
    let says = problem("r.jsonl", runtime("/tasks/start", 10, json!({})), wrong);
    assert_eq!(says, "`exited_at` is \"soon\"; accepted: a time as in RFC 3339");
}

#[test]
fn what_a_recorder_heard_late_stands_at_its_time() {
    let late = json!({"exited_at": "2026-11-22T07:37:00.001Z"});
    let events = [runtime("/tasks/start", 10, json!({"pod": "q"})), runtime("/tasks/exit", 20, late)];
    assert_eq!(told(&entries(&[("r.jsonl", &lines(&events))])), ["web-1 Exited(0)", "q Started"]);
    // But not before what has been told a minute of the log ago.
    let late = json!({"exited_at": "2026-11-22T07:37:00.001Z"});
    let events = [
        runtime("/tasks/start", 10, json!({"pod": "q"})),
        runtime("/tasks/start", 61_000, json!({"pod": "r"})),
        runtime("/tasks/exit", 61_001, late),
    ];
    let entries = entries(&[("r.jsonl", &lines(&events))]);
    assert_eq!(told(&entries), ["q Started", "web-1 Exited(0)", "r Started"]);
    assert_eq!(entries[1].from, at(1));
}

#[test]
fn a_process() {
    let app = |kind: &str, more: Value| {
        let mut line =
            json!({"container": "app", "kind": kind, "mono_us": 304, "pod": "web-1", "t_us": at(5)});
        super::over(&mut line, more);
        line
    };
    let lines = lines(&[
        app("started", json!({"uid": "63b7"})),
        app("listening", json!({"port": "8080"})),
        app("probe", json!({"code": 200, "path": "/ready"})),
        app("probe", json!({"code": 200})),
        json!({"t_us": at(5), "kind": "req", "pod": "web-1", "id": "node-a-1"}),
        app("signal", json!({"n": 1, "sig": "terminated"})),
        app("signal", json!({"n": 1, "sig": "SIGUSR1"})),
        app("signal", json!({"n": 1, "sig": "urgent I/O condition"})),
        app("drain-end", json!({})),
        app("exit", json!({"code": 3, "why": "term-immediate"})),
    ]);
    let events: Vec<_> = entries(&[("app.jsonl", &lines)])
        .into_iter()
        .filter_map(|entry| match entry.seen {
            Seen::App(event) if entry.from == at(5) && entry.to == at(5) => Some(event),
            _ => None,
        })
        .collect();
    let whats: Vec<_> = events.iter().map(|event| event.what.clone()).collect();
    let expected = [
        AppWhat::Started,
        AppWhat::Listening,
        AppWhat::Probed { path: "/ready".into(), well: true },
        AppWhat::Served("node-a-1".into()),
        AppWhat::Signal(15),
        AppWhat::Signal(10),
        AppWhat::Signal(23),
        AppWhat::Exit(3),
    ];
    assert_eq!(whats, expected);
    assert_eq!((events[0].uid.as_deref(), &*events[0].container), (Some("63b7"), "app"));
    assert_eq!((events[3].uid.as_deref(), &*events[3].container), (None, ""));
}

/// One line that says nothing is no reason to read none.
#[test]
fn a_signal_of_a_name_that_is_not_known_is_counted() {
    let signal = json!({"kind": "signal", "sig": "SIGWINCH", "pod": "p", "t_us": at(4)});
    let entry = one("app.jsonl", signal);
    assert_eq!((word(&entry), entry.from), ("signals of names that are not known", at(4)));
}

#[test]
fn rules() {
    let rules = |more: Value| {
        let mut line = json!({"endpoints": {"s/web": ["10.244.1.22:8080"]}, "start_us": at(10), "t_us": at(30), "src": "restore", "rc": 0});
        super::over(&mut line, more);
        line
    };
    let lines = lines(&[
        rules(json!({})),
        rules(json!({"rc": 1})),
        rules(json!({"src": "sample", "rc": null, "start_us": at(20)})),
    ]);
    let entries = entries(&[("proxy-node-b.jsonl", &lines)]);
    let events: Vec<_> = entries
        .iter()
        .map(|entry| match &entry.seen {
            Seen::Rules(event) => (entry.from, entry.to, &*event.node, event.written),
            seen => panic!("{seen:?}"),
        })
        .collect();
    // What could not be written changed nothing.
    assert_eq!(events, [(at(10), at(30), "node-b", true), (at(20), at(30), "node-b", false)]);
    let Seen::Rules(event) = &entries[0].seen else { panic!("rules") };
    assert_eq!(event.endpoints, BTreeMap::from([("s/web".to_owned(), vec!["10.244.1.22:8080".to_owned()])]));
    let says = problem("proxy-n.jsonl", rules(json!({})), rules(json!({"src": "guess"})));
    assert_eq!(says, "`src` is \"guess\"; accepted: restore or sample");
}

#[test]
fn rules_of_no_node_are_a_problem() {
    let rules = json!({"endpoints": {}, "t_us": at(30), "src": "sample"});
    let mut of_line = rules.clone();
    of_line["node"] = json!("node-c");
    let Seen::Rules(event) = one("rules.jsonl", of_line.clone()).seen else { panic!("rules") };
    assert_eq!(&*event.node, "node-c");
    let all = read(&[("rules.jsonl", &lines(&[rules]))]);
    let problem = all[0].as_ref().expect_err("no node");
    assert_eq!(problem.says, "the rules are of no node");
}

#[test]
fn requests() {
    let answered =
        json!({"d_us": 1_529, "id": "node-a-1", "node": "node-a", "ok": true, "pod": "web-1", "t_us": at(7)});
    let entry = one("client.jsonl", answered.clone());
    assert_eq!((entry.from, entry.to), (at(7), at(7) + 1_529));
    let Seen::Request(event) = entry.seen else { panic!("a request") };
    assert_eq!((&*event.id, &*event.node, event.outcome), ("node-a-1", "node-a", Ok("web-1".into())));
    let failed = json!({"d_us": 9, "errno": "ECONNREFUSED", "id": "1", "node": "n", "ok": false, "phase": "dial", "t_us": at(7)});
    let Seen::Request(event) = one("client.jsonl", failed).seen else { panic!("a request") };
    assert_eq!(event.outcome, Err("ECONNREFUSED".into()));
    // No time is beyond all times, and none ends before it begins.
    let mut strange = answered;
    for (d_us, to) in [(i64::MAX, 253_402_300_800_000_000), (-5, at(7))] {
        strange["d_us"] = json!(d_us);
        assert_eq!(one("client.jsonl", strange.clone()).to, to);
    }
    let untold = [
        json!({"d_us": 9, "id": "1", "node": "n", "ok": false, "pod": "p", "t_us": at(7)}),
        json!({"d_us": 9, "id": "1", "node": "n", "ok": true, "errno": "EPIPE", "t_us": at(7)}),
    ];
    for line in untold {
        let entry = one("client.jsonl", line);
        let says = "connections of clients that do not say how they ended";
        assert_eq!((word(&entry), entry.from, entry.to), (says, at(7), at(7) + 9));
    }
}

#[test]
fn faults() {
    let lines = lines(&[
        json!({"t_us": at(5), "fault": "poweroff-node", "target": "node-b", "detail": "SIGKILL"}),
        json!({"t_us": at(6), "fault": "evict", "target": "Pod/p", "end_us": at(8), "code": 429, "message": "no"}),
    ]);
    let entries = entries(&[("faults.jsonl", &lines)]);
    assert_eq!(
        (entries[0].from, entries[0].to, entries[1].from, entries[1].to),
        (at(5), at(5), at(6), at(8))
    );
    let Seen::Fault(event) = &entries[1].seen else { panic!("a fault") };
    assert_eq!((&*event.fault, &*event.target), ("evict", "Pod/p"));
}
