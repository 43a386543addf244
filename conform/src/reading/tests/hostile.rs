//! Whatever the bytes are: entries or problems, and an end.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::{lines, pod, put};
use crate::reading::kind::source_of;
use crate::reading::{Log, Source};
use crate::record::Place;
use crate::report::Options;
use crate::run::run;

/// A line of each source, and what is read in more than one way.
fn samples() -> Vec<String> {
    let deployment = json!({
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "namespace": "s", "uid": "d1"},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app"}]}}},
    });
    let node = json!({"nodeName": "n"});
    [
        pod("create", "p", 7, (0, 5), json!({"responseObject": {"spec": node}})),
        pod("create", "p", 7, (0, 5), json!({"objectRef": {"subresource": "binding"}, "responseObject": null})),
        json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [pod("delete", "p", 9, (6, 7), json!({}))]}),
        pod("deletecollection", "p", 9, (6, 7), json!({"responseObject": {"items": [{"metadata": {"name": "p"}}]}})),
        json!({"event": {"type": "LIST", "items": [{"metadata": {"name": "p"}}], "resourceVersion": "5"}, "t_us": 1}),
        json!({"event": {"type": "ADDED", "object": {"kind": "Pod", "metadata": {"resourceVersion": "6"}}}, "t_us": 2}),
        json!({"type": "ADDED", "object": deployment}),
        json!({"type": "ERROR", "object": {"kind": "Status"}}),
        json!({"type": "ADDED", "object": {"kind": "Node", "apiVersion": "v1", "status": {"conditions": [{"type": "Ready"}]}}}),
        json!({"node": "n", "t_us": 1, "topic": "/tasks/exit", "pod": "p", "exited_at": "2026-11-22T07:37:00.1Z", "exit_status": 1}),
        json!({"kind": "signal", "pod": "p", "t_us": 1, "sig": "terminated"}),
        json!({"endpoints": {"s/web": ["10.244.1.22:8080"]}, "src": "restore", "rc": 0, "t_us": 1, "node": "n"}),
        json!({"d_us": 1, "id": "1", "node": "n", "ok": true, "pod": "p", "t_us": 1}),
        json!({"t_us": 1, "fault": "create", "target": "Service/web"}),
    ]
    .map(|line| line.to_string())
    .to_vec()
}

/// Reads a folder with these files, if it is one of a log; each line gives at most one problem.
fn survives(files: &[(String, Vec<u8>)]) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut lines = 0;
    for (name, bytes) in files {
        put(folder.path(), name, bytes);
        lines += 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    }
    if let Ok(log) = Log::find(&[folder.path().to_owned()]) {
        let problems = log.entries().filter_map(Result::err).inspect(|problem| {
            let _ = problem.to_string();
        });
        prop_assert!(problems.count() <= 2 * lines);
        // What is read is judged.
        let options = Options { max_states: Some(100), ..Options::default() };
        _ = run(&log, &options, |_| {});
    }
    Ok(())
}

/// A line with a part that is replaced.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let tokens = [
        "null",
        "-1",
        "[]",
        "{}",
        "\"\"",
        "1e999",
        "9223372036854775807",
        "[[[",
        "\"\\ud800\"",
        ":",
        "\u{0}",
    ];
    let part = prop_oneof![
        vec(any::<u8>(), 0..6),
        proptest::sample::select(tokens.to_vec()).prop_map(|token| token.as_bytes().to_vec()),
    ];
    (proptest::sample::select(samples()), any::<prop::sample::Index>(), 0..12_usize, part).prop_map(
        |(line, at, length, part)| {
            let mut line = line.into_bytes();
            let start = at.index(line.len());
            let end = (start + length).min(line.len());
            line.splice(start..end, part);
            line
        },
    )
}

/// A line in which the value of a member is another one.
fn retyped() -> impl Strategy<Value = Vec<u8>> {
    let values = [
        "null",
        "-1",
        "18446744073709551615",
        "-9223372036854775808",
        "\"x\"",
        "[]",
        "{}",
        "true",
        "1.5",
        "[null]",
    ];
    let members = proptest::sample::select(samples()).prop_flat_map(|line| {
        let colons: Vec<usize> = line.match_indices("\":").map(|(at, _)| at + 2).collect();
        (Just(line), proptest::sample::select(colons))
    });
    (members, proptest::sample::select(values.to_vec())).prop_map(|((line, at), value)| {
        // The value that stands there is as long as the shortest JSON that begins there.
        let mut rest = serde_json::Deserializer::from_str(&line[at..]).into_iter::<serde_json::Value>();
        let _ = rest.next();
        format!("{}{value}{}", &line[..at], &line[at + rest.byte_offset()..]).into_bytes()
    })
}

#[test]
fn each_sample_is_of_a_source() {
    let place = Place { file: "a".into(), line: 1 };
    let source =
        |line: &String| source_of(line.as_bytes(), &place).expect("it is JSON").expect("it is known");
    let sources: std::collections::BTreeSet<Source> = samples().iter().map(source).collect();
    assert_eq!(sources.len(), 7);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(files in vec(vec(any::<u8>(), 0..200), 1..4)) {
        let files: Vec<_> = files.into_iter().enumerate().map(|(index, bytes)| (format!("{index}.log"), bytes)).collect();
        survives(&files)?;
    }

    #[test]
    fn any_bytes_behind_gzips_own_are_read(bytes in vec(any::<u8>(), 0..200)) {
        survives(&[("a.log".to_owned(), [&[0x1f, 0x8b, 8, 0], bytes.as_slice()].concat())])?;
    }

    #[test]
    fn any_line_that_is_nearly_right_is_read(broken in vec(prop_oneof![mutated(), retyped()], 1..6)) {
        // Each behind a first line by which its file is known, whatever became of it.
        for (index, sample) in samples().iter().enumerate() {
            let mut bytes = sample.clone().into_bytes();
            for line in &broken {
                bytes.push(b'\n');
                bytes.extend_from_slice(line);
            }
            survives(&[(format!("{index}.log"), bytes)])?;
        }
    }
}

#[test]
fn an_object_that_is_too_deep_is_a_problem() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let line = lines(&[pod("create", "p", 7, (0, 5), json!({"responseObject": {"spec": {"deep": 0}}}))]);
    let line = line.replace("\"deep\":0", &format!("\"deep\":{deep}"));
    let problem =
        super::read(&[("audit.jsonl", &line)]).into_iter().find_map(Result::err).expect("a problem");
    assert_eq!(problem.line, 1);
    assert!(problem.says.contains("recursion limit"), "{problem}");
}
