//! Traces for other tools have the structure that these read.

use std::collections::{BTreeMap, BTreeSet};

use podproof_traces::export::{dot, itf, markdown, mermaid, perfetto};
use podproof_traces::{Replayed, Trace, is_steering, reasons, replay, told};
use podproof_vocabulary::Property;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::mutant::Mutant;
use serde_json::Value;

use crate::common::{broken, crash_loop, lassos, short_pre_stop, web};
use crate::page::hostile;

fn safety() -> Trace {
    broken(&web(Story::PodDeletion, None), Property::NoFailedRequest)
}

fn lasso() -> Trace {
    lassos(&crash_loop(), Property::NoexecuteEvicts)
        .into_iter()
        .find(|trace| trace.cycle.len() == 7)
        .expect("it crashes for ever")
}

fn rest() -> Trace {
    let found =
        lassos(&web(Story::PodDeletion, Some(Mutant::KubeletNeverRemoves)), Property::DeletionCompletes);
    found.into_iter().find(|trace| trace.cycle.is_empty()).expect("it rests")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("an export is JSON")
}

/// The shape of a value: what a type checker of the format would compare.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(fields) => match fields.get("#map").or(fields.get("#set")) {
            Some(Value::Array(members)) => {
                let shapes: BTreeSet<String> = members.iter().map(shape).collect();
                assert!(shapes.len() <= 1, "members of several shapes: {shapes:?}");
                "collection".to_owned()
            }
            _ => {
                let fields = fields.iter().filter(|(name, _)| *name != "#meta");
                let fields: Vec<_> =
                    fields.map(|(name, value)| format!("{name}: {}", shape(value))).collect();
                format!("{{{}}}", fields.join(", "))
            }
        },
        Value::Array(members) => format!("[{}]", members.iter().map(shape).collect::<Vec<_>>().join(", ")),
        Value::String(_) => "string".to_owned(),
        Value::Number(number) => {
            assert!(number.is_u64(), "no number of a trace is negative or broken");
            "number".to_owned()
        }
        Value::Bool(_) => "bool".to_owned(),
        Value::Null => panic!("the format has no null"),
    }
}

#[test]
fn itf_has_a_state_before_and_after_each_step_all_of_one_shape() {
    for trace in [safety(), lasso(), broken(&short_pre_stop(), Property::NoFailedRequest)] {
        let document = json(&itf::export(&trace).unwrap());
        let states = document["states"].as_array().unwrap();
        assert_eq!(states.len(), trace.steps().count() + 1);
        let shapes: BTreeSet<String> = states.iter().map(shape).collect();
        assert_eq!(shapes.len(), 1, "{shapes:?}");
        let vars: BTreeSet<&str> =
            document["vars"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let types: BTreeSet<&str> =
            document["#meta"]["varTypes"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(vars, types);
        for (index, state) in states.iter().enumerate() {
            let names: BTreeSet<&str> = state
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .filter(|name| *name != "#meta")
                .collect();
            assert_eq!(names, vars);
            assert_eq!(state["#meta"]["index"], index);
        }
    }
}

/// Of a node whose kube-proxy is not modelled nothing is known, which is not that it has no rules.
#[test]
fn itf_has_the_rules_of_the_nodes_whose_proxy_is_modelled() {
    let mut met = BTreeSet::new();
    for trace in crate::corpus::traces() {
        let document = json(&itf::export(&trace).unwrap());
        let keys = |state: &Value, map: &str| state[map]["#map"].as_array().unwrap().len();
        for state in document["states"].as_array().unwrap() {
            let expected = if trace.observed_proxy.is_some() { 1 } else { keys(state, "nodes") };
            assert_eq!(keys(state, "rules"), expected, "{}", trace.scenario.name);
        }
        met.insert((trace.observed_proxy.is_some(), trace.scenario.nodes.len() > 1));
    }
    assert!(met.contains(&(true, true)) && met.contains(&(false, true)), "{met:?}");
}

#[test]
fn itf_tells_what_the_steps_did() {
    let trace = safety();
    let document = json(&itf::export(&trace).unwrap());
    let states = document["states"].as_array().unwrap();
    assert_eq!(states[0]["action_taken"], "");
    for (step, state) in told(&trace).iter().zip(&states[1..]) {
        assert_eq!(state["action_taken"], step.says);
    }
    let pods = |state: &Value| state["pods"]["#map"].as_array().unwrap().len();
    assert_eq!((pods(&states[0]), pods(states.last().unwrap())), (0, 1));
    let container = &states.last().unwrap()["pods"]["#map"][0][1]["containers"]["#map"][0];
    assert_eq!((&container[0], &container[1]["process"]), (&"container app".into(), &"ExitedOk".into()));
}

#[test]
fn the_loop_of_an_itf_trace_closes() {
    let trace = lasso();
    let document = json(&itf::export(&trace).unwrap());
    let entry = document["loop"].as_u64().unwrap() as usize;
    assert_eq!(entry, trace.stem.len() + 1);
    let mut states: Vec<Value> = document["states"].as_array().unwrap().clone();
    for state in &mut states {
        let state = state.as_object_mut().unwrap();
        state.remove("#meta");
        state.remove("action_taken");
    }
    assert_eq!(states.last(), states.get(entry - 1), "the last step leads back to where the cycle begins");
    let document = json(&itf::export(&rest()).unwrap());
    assert_eq!(document["loop"].as_u64().unwrap() as usize, document["states"].as_array().unwrap().len() - 1);
    assert!(json(&itf::export(&safety()).unwrap()).get("loop").is_none());
}

#[test]
fn perfetto_has_a_slice_for_each_step_on_the_track_of_its_component() {
    for trace in [safety(), lasso(), broken(&short_pre_stop(), Property::NoFailedRequest)] {
        let document = json(&perfetto::export(&trace).unwrap());
        let events = document["traceEvents"].as_array().unwrap();
        let mut tracks = BTreeMap::new();
        for event in events.iter().filter(|event| event["name"] == "thread_name") {
            let key = (event["pid"].as_u64(), event["tid"].as_u64());
            assert!(tracks.insert(key, event["args"]["name"].as_str().unwrap()).is_none(), "{key:?} twice");
        }
        let slices: Vec<&Value> =
            events.iter().filter(|event| event["ph"] == "X" && event["pid"] == 1).collect();
        assert_eq!(slices.len(), trace.steps().count());
        for (slice, step) in slices.iter().zip(told(&trace)) {
            assert_eq!(slice["name"], step.says);
            assert_eq!(tracks[&(Some(1), slice["tid"].as_u64())], step.component.name());
        }
        assert_eq!(events.iter().filter(|event| event["ph"] == "i").count(), 1, "one moment of violation");
    }
}

#[test]
fn slices_of_one_track_do_not_overlap_and_last() {
    for trace in [safety(), lasso(), broken(&short_pre_stop(), Property::NoFailedRequest)] {
        let document = json(&perfetto::export(&trace).unwrap());
        let mut ends: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
        for event in document["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X") {
            let field = |name: &str| event[name].as_u64().unwrap();
            assert!(field("dur") > 0, "{event}");
            let slice = (field("ts"), field("ts") + field("dur"));
            ends.entry((field("pid"), field("tid"))).or_default().push(slice);
        }
        for (track, mut slices) in ends {
            slices.sort_unstable();
            for pair in slices.windows(2) {
                assert!(pair[0].1 <= pair[1].0, "{track:?}: {pair:?}");
            }
        }
    }
}

#[test]
fn seconds_pass_in_a_timed_trace_only() {
    let last = |trace: &Trace| {
        let document = json(&perfetto::export(trace).unwrap());
        document["traceEvents"].as_array().unwrap().iter().filter_map(|event| event["ts"].as_u64()).max()
    };
    let timed = broken(&short_pre_stop(), Property::NoFailedRequest);
    assert!(last(&timed) >= Some(3_000_000), "{:?}", last(&timed));
    assert!(last(&safety()) < Some(1_000_000), "{:?}", last(&safety()));
    // Those of a log are where it has them, whatever a file says.
    let logged =
        |at| safety().logged("2026-11-22T07:28:31Z".to_owned(), std::iter::once(None).chain([Some(at)]));
    let end = 7_000_000 + 1_000 * safety().stem.len() as u64;
    assert!(last(&logged(7_000_000)).is_some_and(|last| (7_000_000..=end).contains(&last)));
    assert_eq!(last(&logged(u64::MAX)), Some(u64::MAX));
}

/// The nodes of a graph, and its edges.
fn graph(text: &str) -> (BTreeSet<&str>, Vec<(&str, &str, &str)>) {
    assert!(text.starts_with("digraph trace {\n") && text.ends_with("}\n"), "{text}");
    let (mut nodes, mut edges) = (BTreeSet::new(), Vec::new());
    for line in text.lines().filter(|line| line.starts_with("  s")) {
        let (what, look) = line.trim().split_once(" [").expect("what is drawn has a look");
        match what.split_once(" -> ") {
            Some((from, to)) => edges.push((from, to, look)),
            None => assert!(nodes.insert(what), "{what} twice"),
        }
    }
    (nodes, edges)
}

#[test]
fn the_graph_around_a_step_has_its_steps_and_those_that_were_possible() {
    let trace = safety();
    let text = dot::export(&trace, 24, 2).unwrap();
    let (nodes, edges) = graph(&text);
    for (from, to, _) in &edges {
        assert!(nodes.contains(from) && nodes.contains(to), "{from} -> {to}");
    }
    let taken: Vec<_> = edges.iter().filter(|(_, _, look)| look.contains("penwidth=2")).collect();
    assert_eq!(taken.len(), 4, "two steps before and two after");
    for (edge, step) in taken.iter().zip(&told(&trace)[22..]) {
        assert!(edge.2.contains(&step.says), "{edge:?}");
    }
    assert!(edges.len() > taken.len(), "something else was possible");
    insta::assert_snapshot!(without_digests(&text));
}

/// Digests are those of the model of today, and say nothing of the graph.
fn without_digests(text: &str) -> String {
    let parts = text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
    let part = |part: &str| {
        let word = part.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        // A line break of the label stands before it, as the letter n.
        let digest = word.trim_start_matches('n');
        let is_digest = digest.len() == 8 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest { part.replace(digest, "digest") } else { part.to_owned() }
    };
    parts.map(part).collect()
}

#[test]
fn a_state_that_is_broken_is_red() {
    let text = dot::export(&safety(), 27, 1).unwrap();
    assert!(text.contains("breaks no-failed-request\", color=red"), "{text}");
    assert!(!dot::export(&safety(), 3, 1).unwrap().contains("color=red"));
}

#[test]
fn a_sequence_diagram_has_its_lifelines_and_messages() {
    for trace in [safety(), lasso(), rest()] {
        let text = mermaid::export(&trace);
        let lifelines: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("participant ")?.split(' ').next())
            .collect();
        let messages: Vec<&str> = text.lines().filter(|line| line.contains(">>")).collect();
        assert_eq!(messages.len(), trace.steps().count());
        for message in messages {
            let (ends, _) = message.trim().split_once(": ").unwrap();
            let (from, to) = ends.split_once("-->>").or_else(|| ends.split_once("->>")).unwrap();
            assert!(lifelines.contains(from) && lifelines.contains(to), "{message}");
        }
        let loops = text.lines().filter(|line| line.trim().starts_with("loop ")).count();
        let ends = text.lines().filter(|line| line.trim() == "end").count();
        assert_eq!((loops, ends), if trace.obligation.is_some() { (1, 1) } else { (0, 0) });
    }
    insta::assert_snapshot!(mermaid::export(&safety()));
}

/// Mermaid draws no text of more than 50,000 characters.
#[test]
fn a_sequence_diagram_is_short_enough_to_be_drawn() {
    let mut trace = safety();
    trace.stem = std::iter::repeat_n(trace.stem, 60).flatten().collect();
    let text = mermaid::export(&trace);
    let length = text.chars().count();
    assert!((mermaid::TEXT_MAX / 8..=mermaid::TEXT_MAX).contains(&length), "{length}");
    assert!(text.contains(" steps are left out"), "{text}");
}

#[test]
fn a_comment_has_the_reason_and_a_diagram() {
    for trace in [safety(), lasso(), rest()] {
        let text = markdown::export(&trace);
        for reason in reasons(&trace).unwrap() {
            assert!(text.contains(&format!("\n- {}\n", markdown::cell(&reason))), "{reason}: {text}");
        }
        let (before, diagram) = text.split_once("\n```mermaid\n").unwrap();
        assert!(before.contains(" steps\n\n- ") && diagram.ends_with("```\n"), "{text}");
        assert!(diagram.starts_with("sequenceDiagram\n"), "{text}");
    }
}

#[test]
fn a_trace_that_the_model_does_not_take_cannot_be_exported() {
    let mut trace = safety();
    trace.scenario.story = Story::Create;
    let error = itf::export(&trace).expect_err("nobody deletes the pod").to_string();
    assert!(error.contains("step 22"), "{error}");
}

/// A promise that is broken before the last step is broken there in the diagram too.
#[test]
fn a_sequence_diagram_breaks_where_its_trace_breaks() {
    let mut trace = broken(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
    trace.property = Some(Property::NoTrafficAfterSigterm);
    let Ok(Replayed::BrokenEarlier { at_step }) = replay(&trace) else {
        panic!("SIGTERM comes before SIGKILL")
    };
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    let place = |lines: &[String], mark: &str| {
        let place = lines.iter().position(|line| line.contains(mark));
        place.unwrap_or_else(|| panic!("{mark}: {lines:#?}"))
    };
    let whole = lines(&mermaid::export(&trace));
    let breaks = place(&whole, "Note over kubelet: no-traffic-after-sigterm is broken");
    assert!(place(&whole, &format!(": {at_step}. ")) < breaks, "{whole:#?}");
    assert!(breaks < place(&whole, &format!(": {}. ", at_step + 1)), "{whole:#?}");
    let some = lines(&mermaid::excerpt(&trace, |step| step != at_step, &[]));
    let breaks = place(&some, "Note over kubelet: no-traffic-after-sigterm is broken");
    assert!(place(&some, &format!(": {}. ", at_step - 1)) < breaks, "{some:#?}");
    assert!(breaks < place(&some, "1 step is left out"), "{some:#?}");
    assert!(place(&some, "1 step is left out") < place(&some, &format!(": {}. ", at_step + 1)), "{some:#?}");
    let end = lines(&mermaid::excerpt(&trace, |step| step > at_step, &[]));
    let noted = end.iter().rposition(|line| line.ends_with(": no-traffic-after-sigterm is broken"));
    let noted = noted.unwrap_or_else(|| panic!("{end:#?}"));
    assert!(end[noted].starts_with("Note over ") && noted < place(&end, &format!(": {}. ", at_step + 1)));
}

/// No name of a trace turns the direction of what stands around it, in any document.
#[test]
fn no_export_holds_what_steers_how_it_is_shown() {
    let trace = hostile();
    let last = trace.stem.len();
    for text in [
        itf::export(&trace).unwrap(),
        perfetto::export(&trace).unwrap(),
        dot::export(&trace, last, last).unwrap(),
        mermaid::export(&trace),
    ] {
        let steers = |letter: &char| is_steering(*letter) && *letter != '\n';
        assert_eq!(text.chars().find(steers), None);
        assert!(text.contains("u{202e}"), "a name turns its direction, and is written out: {text}");
    }
}
