//! Tests of what the replay goes by.

use std::rc::Rc;

use podproof_model::Model;
use podproof_vocabulary::action::Watcher;
use podproof_vocabulary::catalogue::web;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::observation::Address;
use podproof_vocabulary::scenario::{ContainerKind, Scenario};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::eyes::Eyes;
use super::names::{At, Names};
use super::part::Part;
use super::path::Fit;
use super::replay::Replay;
use super::sighting::OPEN;
use super::sighting::tests::seen;
use super::subject::Subject;
use crate::record::{AppEvent, AppWhat, Entry, Micros, Place, RulesEvent, Seen};

#[test]
fn an_address_that_nobody_remembers_any_more_is_used_again() {
    let pod = PodId(0);
    let (first, second): (Rc<str>, Rc<str>) = ("10.0.0.1".into(), "10.0.0.2".into());
    let mut names = Names::new(Vec::new());
    assert_eq!(names.address(pod, &first), None);
    names.bind_address(pod, &first, Address(0));
    names.bind_address(pod, &second, Address(0));
    // Rules may still lead to the first.
    assert_eq!(names.at(&first), Some(At::Own(pod, Address(0))));
    assert_eq!(names.at(&second), Some(At::Own(pod, Address(0))));
    assert_eq!(names.addresses(pod), std::slice::from_ref(&second), "it is called by the newest");
}

/// After a deletion without grace the first runs on where nobody reaches it, and the second has its name.
#[test]
fn of_two_pods_of_one_name_the_one_on_the_node_speaks() {
    let (name, first, second): (Rc<str>, Rc<str>, Rc<str>) = ("web-1".into(), "1".into(), "2".into());
    let mut names = Names::new(vec!["node-a".into(), "node-b".into()]);
    names.bind_pod(&name, &first, PodId(0));
    assert_eq!(names.speaker("web-1", "", Some("node-b")), None, "it has no node yet");
    names.set_home(PodId(0), NodeId(1));
    assert_eq!(names.speaker("web-1", "", Some("node-b")), Some(PodId(0)));
    names.retire(&name, &second);
    assert_eq!(names.speaker("web-1", "", Some("node-b")), None, "the second may be there");
    names.note_namesake("web-1", "node-b");
    assert_eq!(names.speaker("web-1", "", Some("node-b")), None, "the second is there");
    names.note_namesake("web-1", "node-a");
    assert_eq!(names.speaker("web-1", "", Some("node-b")), Some(PodId(0)));
    assert_eq!(names.speaker("web-1", "", Some("node-a")), None);
    assert_eq!(names.speaker("web-1", "1", Some("node-a")), Some(PodId(0)), "its UID says more");
    assert_eq!(names.speaker("web-1", "", Some("node-c")), None, "a node that nobody knows");
    names.bind_pod(&name, &second, PodId(1));
    names.set_home(PodId(1), NodeId(0));
    assert_eq!(names.speaker("web-1", "", Some("node-b")), Some(PodId(0)));
    assert_eq!(names.speaker("web-1", "", Some("node-a")), Some(PodId(1)));
    assert_eq!(names.speaker("web-1", "", None), Some(PodId(1)));
}

#[test]
fn a_process_keeps_more_sightings_open_than_a_word_has_bits() {
    let model = Model::new(web("sightings", Story::Create, 1, 1)).expect("a world that fits");
    let first = model.initial().swap_remove(0);
    let mut part = Part::new(&model, Watcher::Kubelet(NodeId(0)), &first, &Rc::default());
    let last = OPEN as u64 - 1;
    (0..=last).for_each(|entry| part.sight(seen(entry, 10 * entry as Micros, Vec::new())));
    part.possible[0].met = 1 << last | 1;
    // One comes between the first and the second: those behind it keep what was met.
    part.sight(seen(1_000, 5, Vec::new()));
    assert_eq!(part.possible[0].met, 1 << OPEN | 1);
    assert_eq!(part.first_before(Micros::MAX), Some(1));
    part.forget_met();
    assert_eq!(part.explained, [0]);
    assert_eq!(part.possible[0].met, 1 << last);
}

#[test]
fn of_two_orders_the_one_that_goes_with_the_times_is_better() {
    let (mut better, mut worse) = (Fit::default(), Fit::default());
    better.see(10);
    better.write(15, 25);
    better.see(20);
    worse.write(15, 25);
    worse.see(20);
    worse.see(10);
    assert!(better < worse);
    // A write is somewhere between its receipt and its answer.
    let mut between = Fit::default();
    between.see(20);
    between.write(15, 25);
    assert!(between < worse);
    // What was heard of was written before.
    let (mut early, mut late) = (Fit::default(), Fit::default());
    early.hear(30);
    early.see(20);
    late.see(20);
    late.hear(30);
    assert!(late < early);
}

fn subject_of(scenario: Scenario) -> Subject {
    Subject {
        scenarios: vec![(0, scenario)],
        namespace: "shop".into(),
        name: "web".into(),
        uid: "web".into(),
        created: Default::default(),
        evicted: Default::default(),
        went: Default::default(),
        commanded: Default::default(),
        traits: Default::default(),
        nodes: vec!["node-a".into()],
        service: Some("web".into()),
        ports: None,
        slices: Vec::new(),
        shared_budget: None,
        strange_services: Default::default(),
        service_from: None,
        service_is_steady: false,
        budget: None,
    }
}

/// Requests that are answered, rules that are sampled, and what pods do that the log never shows: for hours, and nobody writes anything.
#[test]
fn of_what_is_seen_while_nobody_writes_nothing_is_kept_for_long() {
    let subject = subject_of(web("quiet", Story::Create, 1, 1));
    let eyes = Eyes::new(Default::default(), Default::default(), true, Default::default(), 0);
    let mut replay = Replay::new(subject, eyes, None, None, &Rc::default()).expect("a world that fits");
    let (pod, uid): (Rc<str>, Rc<str>) = ("web-1".into(), "1".into());
    replay.names.bind_pod(&pod, &uid, PodId(0));
    replay.names.set_home(PodId(0), NodeId(0));
    let (mut kept, mut outcomes) = (0, 0);
    for number in 1..=20_000_u64 {
        let at = 1_000_000 * number as Micros;
        let stranger = number.is_multiple_of(10).then(|| "nobody".into());
        let seen = match number % 4 {
            0 => Seen::Rules(RulesEvent {
                node: "node-a".into(),
                written: false,
                endpoints: Default::default(),
            }),
            _ => Seen::App(AppEvent {
                pod: stranger.clone().unwrap_or_else(|| pod.clone()),
                uid: stranger.or_else(|| Some(uid.clone())),
                node: None,
                container: "app".into(),
                what: AppWhat::Served("r".into()),
            }),
        };
        let place = Place { file: "app.jsonl".into(), line: number };
        replay.take(number, &Entry { place, from: at, to: at, seen }).expect("it is lawful");
        kept = kept.max(replay.kept());
        outcomes += replay.outcomes().len();
    }
    // Every tenth second a pod is heard of that nobody knows, which waits for a minute.
    assert!(kept < 20, "{kept} are kept");
    assert!(outcomes > 19_980, "{outcomes} are known");
}

#[test]
fn a_process_without_a_name_is_of_the_only_container_that_lasts() {
    let subject = |kinds: &[ContainerKind]| {
        let mut scenario = web("containers", Story::Create, 1, 1);
        let first = scenario.workload.template.containers[0].clone();
        let named = |(index, &kind): (usize, &ContainerKind)| podproof_vocabulary::scenario::Container {
            name: format!("c{index}"),
            kind,
            ..first.clone()
        };
        scenario.workload.template.containers = kinds.iter().enumerate().map(named).collect();
        subject_of(scenario)
    };
    let one = subject(&[ContainerKind::Init, ContainerKind::App]);
    assert_eq!(one.container("c0"), Some(ContainerId(0)));
    assert_eq!(one.container(""), Some(ContainerId(1)));
    assert_eq!(one.container("c7"), None);
    let two = subject(&[ContainerKind::App, ContainerKind::App]);
    assert_eq!((two.container(""), two.container("c1")), (None, Some(ContainerId(1))));
}
