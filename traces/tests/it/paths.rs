//! A path, which breaks nothing, and names of its own for what is in it.

use crate::common::{broken, web};
use podproof_model::Model;
use podproof_traces::{
    Called, CalledPod, Divergence, Page, Replayed, Style, Trace, View, replay, show, show_as, why,
};
use podproof_vocabulary::Property;
use podproof_vocabulary::event::Story;

const PLAIN: Style = Style { colour: false, width: 200 };
const FULL: View<'static> = View { full: true, from: None, file: None };

/// A failed request, and the same steps as a path.
fn pair() -> (Trace, Trace) {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let model = Model::new(trace.scenario.clone()).expect("the worlds of these tests are small");
    let first = model.initial().into_iter().next().expect("there is a beginning");
    let steps: Vec<_> = trace.stem.iter().map(|step| step.action).collect();
    let path = Trace::path(&model, &first, &steps);
    (trace, path)
}

/// Names as a real cluster has them.
fn called() -> Called {
    let pod = CalledPod { name: "web-6d4c7df8d-xft7r".into(), addresses: vec!["10.244.1.7".into()] };
    Called { pods: vec![pod], replica_sets: vec!["web-6d4c7df8d".into()] }
}

#[test]
fn a_path_is_written_read_and_replayed() {
    let (trace, path) = pair();
    assert_eq!(path.stem, trace.stem);
    let text = path.to_json();
    assert!(text.contains("\"property\": null,\n  \"kind\": \"path\""), "{text}");
    let read = Trace::from_json(&text).unwrap();
    assert_eq!(read, path);
    assert_eq!(replay(&read), Ok(Replayed::CanBeTaken));
    assert!(Replayed::CanBeTaken.stands());
    assert!(Replayed::CanBeTaken.to_string().starts_with("it can be taken"));
    assert_eq!(why(&path), "", "it breaks nothing");
}

#[test]
fn a_path_that_no_longer_fits_is_told_where() {
    let (_, mut path) = pair();
    path.stem.remove(4);
    let Err(Divergence::NotEnabled { step, .. }) = replay(&path) else { panic!("a step is missing") };
    assert_eq!(step, 5);
    let story = show(&path, PLAIN);
    assert!(
        story.ends_with("\nthe model of today does not take these steps: replay says which\n"),
        "{story}"
    );
}

#[test]
fn the_story_of_a_path_blames_nobody() {
    let (_, path) = pair();
    let story = show(&path, PLAIN);
    let title = format!("{}: a path of {} steps\n  world: ", path.scenario.name, path.stem.len());
    assert!(story.starts_with(&title), "{story}");
    assert!(story.ends_with("\nthe model of today takes every step\n"), "{story}");
    assert!(!story.contains("broken") && !story.contains("promise:"), "{story}");
}

#[test]
fn names_of_its_own_are_told_in_the_story() {
    let (trace, path) = pair();
    let named = Trace::from_json(&trace.naming(called()).to_json()).unwrap();
    assert_eq!(named.called, Some(called()));
    assert_eq!(replay(&named), Ok(Replayed::StillBroken { at_step: named.stem.len() }));
    for story in [show_as(&named, PLAIN, FULL), show_as(&path.naming(called()), PLAIN, FULL)] {
        for told in [
            "creates a pod of ReplicaSet web-6d4c7df8d\n",
            "pod web-6d4c7df8d-xft7r: podIP is 10.244.1.7\n",
            "EndpointSlice: pod web-6d4c7df8d-xft7r at 10.244.1.7, ready, serving\n",
        ] {
            assert!(story.contains(told), "{told} is not in\n{story}");
        }
        assert!(!story.contains("web-l4f8"), "{story}");
    }
    assert!(why(&named).contains("to pod web-6d4c7df8d-xft7r (10.244.1.7), whose"), "{}", why(&named));
}

#[test]
fn an_empty_name_is_none() {
    let (trace, _) = pair();
    let named = trace.naming(Called { pods: vec![CalledPod::default()], replica_sets: vec![String::new()] });
    let story = show_as(&named, PLAIN, FULL);
    assert!(story.contains("pod web-l4f8/0: podIP is its address #0\n"), "{story}");
}

#[test]
fn a_trace_of_another_kind_breaks_a_property() {
    let (_, path) = pair();
    let refusal = |from: &str, to: &str| {
        let text = path.to_json();
        assert!(text.contains(from), "the file has no {from}");
        Trace::from_json(&text.replacen(from, to, 1)).expect_err("the file was tampered with").to_string()
    };
    for (from, to, expected) in [
        ("\"kind\": \"path\"", "\"kind\": \"safety\"", "property: a trace of this kind breaks a property"),
        ("\"property\": null", "\"property\": \"no-failed-request\"", "kind: no-failed-request is broken"),
        ("\"obligation\": null", "\"obligation\": 1", "obligation: only a lasso has an obligation"),
        (
            "\"followed\": null",
            "\"followed\": {\"pod\": 0, \"from-step\": 1}",
            "followed: a path follows no pod",
        ),
        (
            "\"cycle\": []",
            "\"cycle\": [{\"component\":\"time\",\"action\":\"tick\",\"tick\":1,\"changed\":[]}]",
            "cycle: only a lasso",
        ),
    ] {
        let message = refusal(from, to);
        assert!(message.contains(expected) && message.starts_with("line "), "{message}");
    }
    let mut path = path;
    path.kind = podproof_traces::Kind::Safety;
    let Err(Divergence::Unfit { why }) = replay(&path) else { panic!("it breaks nothing") };
    assert!(why.starts_with("property: "), "{why}");
}

/// What a log shows of a path has its time there, in the file and wherever it is told; what it does not show has none.
#[test]
fn the_times_of_a_log_are_told() {
    let (trace, path) = pair();
    let times = |step: usize| step.is_multiple_of(2).then_some(9_164_377 + step as u64 * 1_000_000);
    for trace in [path, trace] {
        let began = "2026-11-22T07:28:31.795437Z".to_owned();
        let logged = trace.clone().logged(began.clone(), (0..trace.stem.len()).map(times));
        let read = Trace::from_json(&logged.to_json()).unwrap();
        assert_eq!((&read, read.stem[2].seen_at, read.stem[3].seen_at), (&logged, Some(11_164_377), None));
        let story = show_as(&read, PLAIN, FULL);
        assert!(
            story.contains(&format!("time: that of the log, which begins at {began}; no entry")),
            "{story}"
        );
        let line = |number: usize| {
            let number = format!("{number:>2}  ");
            let is = |line: &&str| line.trim_start().starts_with(number.trim_start());
            story.lines().find(is).unwrap_or_else(|| panic!("{number} is not in\n{story}")).to_owned()
        };
        assert!(line(3).contains("  11.164 s  "), "{story}");
        assert!(!line(4).contains(" s  "), "{story}");
        let page = Page::of(&read).to_html();
        assert!(page.contains("\"time\":\"11.164 s\"") && page.contains("\"time\":null"), "{page}");
        let again = read.recorded_again().expect("the model takes it");
        assert_eq!((again.log, again.stem[2].seen_at), (logged.log, Some(11_164_377)));
    }
}
