//! What is exported is read by what others wrote for these formats: the crate itf (of Apalache's authors), and Graphviz where it is
//! installed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use podproof_traces::export::{dot, itf};
use podproof_traces::{Kind, Trace};
use serde::Deserialize;

use crate::corpus::traces;
use crate::page::hostile;

/// A state of an exported trace, with those of its variables that say most, as who uses the crate would read it.
#[derive(Debug, Deserialize)]
struct State {
    action_taken: String,
    pods: BTreeMap<String, Pod>,
    endpoint_slice: BTreeMap<String, Endpoint>,
    rules: BTreeMap<String, BTreeMap<String, Endpoint>>,
    nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Deserialize)]
struct Pod {
    exists: bool,
    containers: BTreeMap<String, Container>,
}

#[derive(Debug, Deserialize)]
struct Container {
    accepting: bool,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    ready: bool,
}

#[derive(Debug, Deserialize)]
struct Node {
    taints: BTreeSet<String>,
}

fn read(trace: &Trace) -> ::itf::Trace<State> {
    let document = itf::export(trace).expect("the model takes it");
    ::itf::trace_from_str(&document).unwrap_or_else(|error| panic!("{}: {error}", trace.scenario.name))
}

#[test]
fn the_crate_itf_reads_every_trace_of_the_corpus() {
    for trace in traces() {
        let read = read(&trace);
        let name = &trace.scenario.name;
        assert_eq!(read.meta.format.as_deref(), Some("ITF"), "{name}");
        assert_eq!(read.states.len(), trace.steps().count() + 1, "{name}");
        let entry = trace.stem.len() + usize::from(!trace.cycle.is_empty());
        assert_eq!(read.loop_index, (trace.kind == Kind::Lasso).then_some(entry as u64), "{name}");
        let mut actions = read.states.iter().map(|state| state.value.action_taken.as_str());
        assert_eq!(actions.next(), Some(""), "{name}");
        assert!(actions.eq(trace.steps().map(|(_, step)| step.says.as_str())), "{name}");
        assert!(
            read.states.iter().all(|state| state.value.nodes.len() == trace.scenario.nodes.len()),
            "{name}"
        );
    }
}

#[test]
fn what_the_crate_itf_has_read_tells_what_is_broken() {
    let trace = traces().into_iter().find(|trace| {
        trace.title.as_ref().is_some_and(|title| title.starts_with("A rolling update refuses requests"))
    });
    let read = read(&trace.expect("the race of the rolling update is in the corpus"));
    let last = &read.states.last().expect("it has states").value;
    let deaf =
        last.pods.iter().find(|(_, pod)| !pod.containers.values().any(|container| container.accepting));
    let (name, pod) = deaf.expect("a pod accepts nothing any more");
    assert!(pod.exists);
    assert!(last.endpoint_slice[name].ready, "and is ready for the slice");
    assert!(
        last.rules.values().any(|rules| rules.get(name).is_some_and(|rule| rule.ready)),
        "and for a node"
    );
    assert!(last.nodes.values().all(|node| node.taints.is_empty()));
}

/// What Graphviz says of a graph; nothing where it is not installed.
fn drawn(graph: &str) -> Option<Result<String, String>> {
    let spawned = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut process) = spawned else {
        let _ = writeln!(std::io::stderr(), "passed over: Graphviz is not installed");
        return None;
    };
    let mut input = process.stdin.take().expect("it is piped");
    input.write_all(graph.as_bytes()).expect("it reads a graph");
    drop(input);
    let output = process.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
}

#[test]
fn graphviz_draws_the_graph_around_a_step() {
    let hostile = hostile();
    let of_corpus = traces().into_iter().step_by(9);
    for trace in of_corpus.chain([hostile]) {
        let step = trace.stem.len();
        let graph = dot::export(&trace, step, 2).expect("the model takes it");
        let Some(drawn) = drawn(&graph) else { return };
        let picture = drawn.unwrap_or_else(|says| panic!("{}: {says}\n{graph}", trace.scenario.name));
        let boxes = |text: &str, mark: &str| text.matches(mark).count();
        assert!(boxes(&picture, "class=\"node\"") > 2, "{picture}");
        assert!(!picture.contains("<script"), "a name is markup: {picture}");
    }
}
