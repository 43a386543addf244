//! The page for a browser, as a document: it asks for nothing, no name in it is markup, and its data tell what happened.

use std::collections::BTreeMap;

use podproof_model::Model;
use podproof_traces::{Called, CalledPod, Page, Trace};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::{EventName, Story};
use serde_json::Value;

use crate::common::{broken, short_pre_stop, web};

/// Names that are none: markup, quotes, letters that turn the direction, pictures, line ends, and one that is very long.
pub const HOSTILE: [&str; 7] = [
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"'`${document.title}`",
    "\u{202e}gnp.evil\u{2066}",
    "pod 🦀 עברית",
    "a\u{0}\n\u{1b}[2J\u{2028}b",
    "--><!--<![CDATA[&lt;&#60;",
];

/// A failed request at the deletion of a pod.
pub fn failed_request() -> Trace {
    broken(&web(Story::PodDeletion, None), Property::NoFailedRequest)
}

/// The same, in which whatever can be named has a hostile name.
pub fn hostile() -> Trace {
    let mut trace = failed_request();
    let long = "long-".repeat(2_000);
    let [script, image, quotes, turned, picture, control, comment] = HOSTILE.map(str::to_owned);
    trace.scenario.name = script.clone();
    trace.scenario.workload.name = image;
    trace.scenario.nodes[0].name = comment;
    trace.scenario.workload.template.containers[0].name = quotes;
    if let Some(service) = &mut trace.scenario.service {
        service.name = turned.clone();
    }
    let pods = [script, picture, long].map(|name| CalledPod { name, addresses: vec![control.clone()] });
    trace.naming(Called { pods: pods.into(), replica_sets: vec![turned] })
}

/// So many steps of a world in which much happens.
pub fn path_of(steps: usize) -> Trace {
    let mut scenario = web(Story::Rollout, None);
    for event in [EventName::ContainerCrash, EventName::DeletePod, EventName::WatchBreak] {
        scenario.events.set(event, 200);
    }
    let model = Model::new(scenario).expect("a small world");
    let first = model.initial().into_iter().next().expect("there is a beginning");
    let (mut state, mut taken, mut drawn) = (first.clone(), Vec::new(), 1_u64);
    while taken.len() < steps {
        let mut enabled: Vec<Action> = Vec::new();
        model.enabled(&state, &mut enabled);
        // A linear congruential generator (Knuth, MMIX).
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let action = enabled[(drawn >> 33) as usize % enabled.len()];
        state = model.apply(&state, &action);
        taken.push(action);
    }
    Trace::path(&model, &first, &taken)
}

/// The data of a page.
fn data(document: &str) -> Value {
    let (_, rest) =
        document.split_once("<script type=\"application/json\" id=\"data\">").expect("a block of data");
    let (block, _) = rest.split_once("</script>").expect("its end");
    serde_json::from_str(block).expect("the data are JSON")
}

/// What is so after a step, by the name of the object and of the field.
fn state(data: &Value, number: usize) -> BTreeMap<(String, String), String> {
    let place = |value: &Value| value.as_u64().expect("a place") as usize;
    let mut state = BTreeMap::new();
    let steps = data["steps"].as_array().expect("steps");
    let sets = [&data["first"]].into_iter().chain(steps[..number].iter().map(|step| &step["sets"]));
    for set in sets.flat_map(|sets| sets.as_array().expect("a list")) {
        let object = &data["objects"][place(&set[0])];
        let pod = object["pod"].as_u64().map(|pod| data["objects"][pod as usize]["name"].clone());
        let name = [pod.as_ref().and_then(Value::as_str), object["name"].as_str()];
        let name = name.into_iter().flatten().collect::<Vec<_>>().join(": ");
        let field = data["fields"][place(&set[1])].as_str().expect("a name").to_owned();
        match set[2].as_str() {
            Some(value) => state.insert((name, field), value.to_owned()),
            None => state.remove(&(name, field)),
        };
    }
    state
}

#[test]
fn a_page_asks_for_nothing_and_runs_nothing_else() {
    let document = Page::of(&failed_request()).to_html();
    assert!(document.starts_with("<!doctype html>\n<html lang=\"en\">"), "{}", &document[..200]);
    for loading in
        [" src=", "<link", "@import", "fetch(", "XMLHttp", "import(", "url(http", "innerHTML", "eval("]
    {
        assert!(!document.contains(loading), "{loading}");
    }
    for (place, _) in document.match_indices("http") {
        let is_name = ["http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg", "http-equiv"];
        assert!(
            is_name.iter().any(|name| document[place..].starts_with(name)),
            "{}",
            &document[place..place + 60]
        );
    }
    let policy = "content=\"default-src 'none'; style-src 'sha256-";
    assert!(document.contains(policy) && !document.contains("unsafe-inline"), "{}", &document[..600]);
    assert!(!document.contains("{{"), "a place that nothing was put in");
}

#[test]
fn no_name_is_markup() {
    let trace = hostile();
    let document = Page::of(&trace).to_html();
    let plain = Page::of(&failed_request()).to_html();
    for mark in ["<", ">", "</script", "<!--", "\u{202e}", "\u{2066}", "\u{1b}", "\u{0}"] {
        let count = |text: &str| text.matches(mark).count();
        assert_eq!(count(&document), count(&plain), "{mark:?} of a name stands in the document");
    }
    let data = data(&document);
    assert_eq!(data["title"], HOSTILE[0]);
    let names: Vec<&str> =
        data["objects"].as_array().unwrap().iter().filter_map(|object| object["name"].as_str()).collect();
    assert!(names.iter().any(|name| name.contains(HOSTILE[0])), "{names:?}");
    assert!(names.iter().any(|name| name.contains("\\u{202e}gnp.evil\\u{2066}")), "{names:?}");
}

#[test]
fn the_data_tell_what_is_so_after_each_step() {
    let trace = failed_request();
    let data = data(&Page::of(&trace).to_html());
    let last = trace.stem.len();
    let of = |number: usize, name: &str, field: &str| {
        state(&data, number).remove(&(name.to_owned(), field.to_owned()))
    };
    let node = format!("node {}", trace.scenario.nodes[0].name);
    assert_eq!(of(0, &node, "Ready").as_deref(), Some("True"));
    assert_eq!(of(0, "pod web-l4f8/0", "phase"), None);
    assert_eq!(of(last, "pod web-l4f8/0", "deleting").as_deref(), Some("graceful"));
    assert_eq!(of(last, "pod web-l4f8/0: container app", "process").as_deref(), Some("exited, code 0"));
    assert_eq!(of(last, "pod web-l4f8/0: container app", "accepts").as_deref(), Some("no"));
    assert_eq!(of(last, "pod web-l4f8/0: rules on node-1", "conditions").as_deref(), Some("ready, serving"));
    assert_eq!(data["end"], last);
    assert!(
        data["reasons"][0].as_str().unwrap().contains("still routes new connections"),
        "{}",
        data["reasons"]
    );
    // A step sets what it says that it changed, and nothing else.
    for (step, told) in trace.stem.iter().zip(data["steps"].as_array().unwrap()) {
        assert_eq!(step.changed.is_empty(), told["sets"].as_array().unwrap().is_empty(), "{told}");
    }
}

#[test]
fn arrows_go_forward_from_what_was_written_to_who_learns_of_it() {
    let trace = failed_request();
    let data = data(&Page::of(&trace).to_html());
    let arrows: Vec<(usize, usize)> = serde_json::from_value(data["arrows"].clone()).unwrap();
    assert!(arrows.iter().all(|(from, to)| from < to), "{arrows:?}");
    let text = |number: usize| data["steps"][number - 1]["text"].as_str().unwrap();
    let learned = |of: &str, from: &str| {
        arrows.iter().any(|&(one, other)| text(other).contains(of) && text(one).contains(from))
    };
    assert!(learned("kubelet on node-1 now sees pod", "somebody deletes pod"), "{arrows:?}");
    assert!(learned("programs the rules", "now sees the EndpointSlice"), "{arrows:?}");
    assert!(learned("container app of pod web-l4f8/0 exits", "sends SIGTERM"), "{arrows:?}");
}

#[test]
fn bars_tell_how_long_something_is_so() {
    let trace = failed_request();
    let data = data(&Page::of(&trace).to_html());
    let last = trace.stem.len() as u64;
    let of = |kind: &str| -> Vec<(u64, u64, String)> {
        let bars = data["bars"].as_array().unwrap().iter();
        let own =
            bars.filter(|bar| data["objects"][bar["object"].as_u64().unwrap() as usize]["kind"] == kind);
        own.flat_map(|bar| serde_json::from_value::<Vec<_>>(bar["segments"].clone()).unwrap()).collect()
    };
    let phases: Vec<String> = of("container").into_iter().map(|(_, _, phase)| phase).collect();
    assert_eq!(phases, ["accepts", "drains", "exited"]);
    assert!(
        of("container").windows(2).all(|pair| pair[0].1 == pair[1].0),
        "no gap between what it is and was"
    );
    let rule = of("rule").pop().expect("a rule");
    assert_eq!((rule.1, rule.2.as_str()), (last, "ready"), "the rule is there to the end");
}

#[test]
fn a_slot_that_is_used_again_is_another_pod() {
    let trace = path_of(600);
    let data = data(&Page::of(&trace).to_html());
    let pods: Vec<&Value> =
        data["objects"].as_array().unwrap().iter().filter(|object| object["kind"] == "pod").collect();
    assert!(pods.len() > usize::from(trace.scenario.slots), "{} pods", pods.len());
    let mut names: Vec<&str> = pods.iter().filter_map(|pod| pod["name"].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), pods.len(), "each has a name of its own");
}

#[test]
fn a_long_trace_is_a_small_page() {
    let document = Page::of(&path_of(2_000)).to_html();
    assert!(document.len() < 1_500_000, "{} bytes", document.len());
}

#[test]
fn the_program_has_words_and_a_colour_for_every_bar() {
    let document = Page::of(&path_of(2_000)).to_html();
    let data = data(&document);
    let mut phases: Vec<String> = Vec::new();
    for bar in data["bars"].as_array().unwrap() {
        let segments: Vec<(u64, u64, String)> = serde_json::from_value(bar["segments"].clone()).unwrap();
        phases.extend(segments.into_iter().map(|(_, _, phase)| phase));
    }
    phases.sort_unstable();
    phases.dedup();
    assert!(phases.len() >= 4, "{phases:?}");
    for phase in phases {
        let words = [format!("  {phase}: \""), format!("  \"{phase}\": \"")];
        assert!(words.iter().any(|words| document.contains(words)), "no words for {phase}");
        assert!(document.contains(&format!(".{phase} {{")), "no colour for {phase}");
    }
}

/// The facts of a page, by name.
fn facts(trace: &Trace) -> BTreeMap<String, String> {
    let data = data(&Page::of(trace).to_html());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let facts = data["facts"].as_array().expect("a list");
    facts.iter().map(|fact| (text(&fact[0]), text(&fact[1]))).collect()
}

/// What a stranger asks who reads it: why is all of it at one moment, and why are there fewer replicas than in the manifest?
#[test]
fn what_was_checked_is_told_beside_what_the_manifest_has() {
    let mut trace = failed_request();
    assert_eq!(facts(&trace)["time"], "does not pass in an untimed search: each step may take any time");
    for (manifest, says) in [
        (1, "Deployment web with 1 replica on 1 node"),
        (2, "Deployment web with 1 of the manifest's 2 replicas on 1 node"),
        (0, "Deployment web with 1 instead of the manifest's 0 replicas on 1 node"),
    ] {
        trace.scenario.workload.manifest_replicas = manifest;
        assert!(facts(&trace)["world"].starts_with(says), "{}", facts(&trace)["world"]);
    }
    let timed = broken(&short_pre_stop(), Property::NoFailedRequest);
    assert!(facts(&timed)["time"].ends_with("on; all else takes any time (focus)"), "{:?}", facts(&timed));
    let mut at_once = timed;
    at_once.stem.iter_mut().for_each(|step| step.tick = 0);
    assert!(facts(&at_once)["time"].contains("(focus); all of it may happen within one second: "));
}

/// What says where a pod can be reached stands once beside it, and is said to be its own.
#[test]
fn an_address_is_told_as_one_of_its_pod() {
    let trace = failed_request();
    let data = data(&Page::of(&trace).to_html());
    let so = state(&data, trace.stem.len());
    let of_pod = |field: &str| so[&("pod web-l4f8/0".to_owned(), field.to_owned())].clone();
    assert_eq!((of_pod("podIP").as_str(), of_pod("sandbox").as_str()), ("its #0", "ready"));
}
