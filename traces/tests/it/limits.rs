//! One set of limits: what the reader of manifests accepts the reader of traces takes, and what nobody can have written it refuses.

use podproof_model::Model;
use podproof_traces::{Fault, Trace};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::manifest::{self, Options, Source};
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, Scenario};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{broken, web};

/// Numbers at the edges of what manifests, states and clocks hold.
const NUMBERS: [i64; 14] = [
    0,
    1,
    2,
    30,
    3_600,
    3_601,
    86_400,
    86_401,
    2_419_200,
    3_000_000,
    16_777_216,
    i32::MAX as i64 - 1,
    i32::MAX as i64,
    i32::MAX as i64 + 1,
];

/// What may be asked for of a node's name.
const NODES: [&str; 5] = ["", "node-1", "node-2", "other", "Web_1"];

/// A Deployment with these numbers in its fields, as they come, that asks for a node by its host name.
fn manifest(numbers: &[i64], node: &str) -> String {
    let mut numbers = numbers.iter().copied();
    let mut next = || numbers.next().unwrap_or(1);
    let mut probe = |success: Option<i64>| {
        json!({
            "tcpSocket": { "port": 80 },
            "initialDelaySeconds": next(), "periodSeconds": next(), "timeoutSeconds": next(), "failureThreshold": next(),
            "successThreshold": success.unwrap_or(1),
        })
    };
    let (startup, liveness, readiness) = (probe(None), probe(None), probe(Some(i32::MAX.into())));
    let grace = next();
    let container = json!({
        "name": "app", "image": "x", "startupProbe": startup, "livenessProbe": liveness, "readinessProbe": readiness,
        "lifecycle": { "preStop": { "sleep": { "seconds": grace.min(next()) } } },
        "resources": { "requests": { "memory": "1Pi", "cpu": "1M" } },
    });
    let toleration = json!({ "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": next() });
    let selector = json!({ "matchLabels": { "app": "web" } });
    let (replicas, ready, deadline, surge, unavailable, skew) =
        (next(), next(), next(), next(), next(), next());
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas, "minReadySeconds": ready, "progressDeadlineSeconds": deadline,
            "strategy": { "rollingUpdate": { "maxSurge": surge, "maxUnavailable": unavailable } },
            "selector": selector,
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": {
                "terminationGracePeriodSeconds": grace, "containers": [container], "tolerations": [toleration],
                "nodeSelector": if node.is_empty() { json!({}) } else { json!({ "kubernetes.io/hostname": node }) },
                "topologySpreadConstraints": [
                    { "maxSkew": skew, "minDomains": next(), "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector },
                ],
            } },
        },
    });
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "web" },
        "spec": { "selector": selector, "minAvailable": next() },
    });
    format!("{deployment}\n{budget}\n")
}

/// The scenarios of a manifest; none, if it is refused.
fn scenarios(text: String) -> Vec<Scenario> {
    let source = Source { path: "web.json".to_owned(), text: text.into_bytes() };
    let reading = manifest::read(&[source], &Options::default());
    reading.map_or_else(
        |_| Vec::new(),
        |reading| reading.workloads.into_iter().flat_map(|input| input.scenarios).collect(),
    )
}

/// A trace of no step in a world, written and read.
fn comes_back(mut scenario: Scenario) -> Result<(), String> {
    // What clocks can count is less, and said by the model.
    scenario.timing = Timing::Untimed;
    let model = Model::new(scenario)?;
    let first = model.initial().swap_remove(0);
    let trace = Trace::path(&model, &first, &[]);
    let read = Trace::from_json(&trace.to_json()).map_err(|error| error.to_string())?;
    if read == trace { Ok(()) } else { Err("another trace is read than was written".to_owned()) }
}

/// The largest of all that is accepted.
#[test]
fn the_greatest_numbers_of_a_manifest_are_read_in_its_trace() {
    let most = i64::from(i32::MAX);
    // A deadline has to be longer than what it waits for.
    let mut numbers = vec![most; 23];
    numbers[16] = i64::from(i32::MAX) - 1;
    let scenarios = scenarios(manifest(&numbers, "node-2"));
    let scenario = scenarios.first().expect("the manifest is accepted");
    let template = &scenario.workload.template;
    let probe = template.containers[0].readiness_probe.expect("it has one");
    assert_eq!(u64::from(probe.period_seconds), most as u64);
    assert_eq!(
        (u64::from(template.grace_seconds), template.tolerations[0].seconds),
        (most as u64, Some(most as u32))
    );
    assert_eq!(comes_back(scenario.clone()), Ok(()));
}

/// A pod that asks for the second of two generated nodes does not make the first one of the same name.
#[test]
fn generated_nodes_have_different_names() {
    // A deadline has to be longer than what it waits for.
    let mut numbers = [1; 23];
    numbers[16] = 0;
    for node in NODES {
        let scenarios = scenarios(manifest(&numbers, node));
        let mut names: Vec<_> = scenarios[0].nodes.iter().map(|node| node.name.clone()).collect();
        assert!(node.is_empty() || names[0] == node, "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 2, "{node}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever the one reader accepts and the model takes, the other one takes too.
    #[test]
    fn what_a_manifest_may_say_its_trace_may_say(
        numbers in prop::collection::vec(prop_oneof![
            3 => Just(1_i64),
            3 => prop::sample::select(&NUMBERS[..]),
            1 => 0..=i64::from(i32::MAX),
        ], 23),
        node in prop::sample::select(&NODES[..]),
    ) {
        for scenario in scenarios(manifest(&numbers, node)) {
            prop_assert_eq!(comes_back(scenario), Ok(()));
        }
    }
}

/// A trace as JSON, in which `edit` changes something; what the reader says.
fn refusal(edit: impl FnOnce(&mut Value)) -> String {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let mut document = serde_json::to_value(&trace).expect("a trace is JSON");
    edit(&mut document);
    let error = Trace::from_json(&document.to_string()).expect_err("nobody can have written it");
    assert_eq!(error.fault, Fault::Content, "{error}");
    assert!(error.line > 0 && error.column > 0, "{error}");
    format!("{}: {}", error.field, error.message)
}

#[test]
fn what_nobody_can_have_written_is_refused_in_its_place() {
    let name = "accepted is a name of 1 to 253 letters without control characters";
    let cases: [(&str, Value, String); 10] = [
        (
            "/scenario/release",
            json!(255),
            "the model knows no Kubernetes 1.255; accepted are 20 to 36 (1.20 to 1.36)".to_owned(),
        ),
        ("/scenario/nodes/0/name", json!(""), format!("the name is empty; {name}")),
        ("/scenario/workload/name", json!("w".repeat(254)), format!("the name has 254 letters; {name}")),
        (
            "/scenario/service/name",
            json!("a\u{1b}[2J"),
            format!("the name holds a control character; {name}"),
        ),
        (
            "/scenario/workload/template/containers/0/name",
            json!("\n"),
            format!("the name holds a control character; {name}"),
        ),
        (
            "/scenario/name",
            json!(""),
            "the name is empty; accepted is a name of 1 to 400 letters without control characters".to_owned(),
        ),
        (
            "/scenario/workload/manifest-replicas",
            json!(u32::MAX),
            "4294967295 is out of range; accepted are 0 to 2147483647".to_owned(),
        ),
        (
            "/called",
            json!({ "pods": [{ "name": "\u{7}", "addresses": [] }], "replica-sets": [] }),
            format!("the name holds a control character; {name}"),
        ),
        (
            "/scenario/approximations",
            json!(["focus", "current-node-views", "focus"]),
            "'focus' stands here twice; accepted is once".to_owned(),
        ),
        (
            "/scenario/events",
            json!([["rollout", 1], ["rollout", 2]]),
            "'rollout' stands here twice; accepted is once".to_owned(),
        ),
    ];
    for (at, value, says) in cases {
        let said = refusal(|document| match document.pointer_mut(at) {
            Some(place) => *place = value,
            None => document["called"] = value,
        });
        let mut field = at.trim_start_matches('/').replace("/0", "[0]").replace('/', ".");
        field += match at {
            "/called" => ".pods[0].name",
            "/scenario/approximations" => "[2]",
            "/scenario/events" => "[1]",
            _ => "",
        };
        assert_eq!(said, format!("{field}: {says}"));
    }
}

#[test]
fn two_nodes_of_one_name_are_refused() {
    let said = refusal(|document| {
        let nodes = document["scenario"]["nodes"].as_array_mut().expect("a list");
        nodes.push(nodes[0].clone());
    });
    assert_eq!(said, "scenario.nodes[1].name: two nodes are called 'node-1'; accepted is each name once");
}

/// What is told of a set does not depend on the order in which it stands.
#[test]
fn the_order_of_a_set_makes_no_difference() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let mut document = serde_json::to_value(&trace).expect("a trace is JSON");
    document["scenario"]["approximations"].as_array_mut().expect("a list").reverse();
    assert_eq!(Trace::from_json(&document.to_string()), Ok(trace));
}

/// As many labels as a file has room for: each beside each other one would take minutes.
const LABELS: usize = 200_000;

#[test]
fn a_node_may_have_many_labels() {
    let mut trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let labels = (0..LABELS).map(|label| (format!("example.com/{label}"), "x".to_owned()));
    trace.scenario.nodes[0].labels.extend(labels);
    assert_eq!(Trace::from_json(&trace.to_json()).as_ref(), Ok(&trace));
}
