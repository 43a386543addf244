//! Every step and every change has words, and the words are for people.

use std::collections::BTreeSet;

use crate::every::{CONTAINER, NODE, POD, REVISION};
use podproof_traces::{Change, Names, words};
use podproof_vocabulary::action::{Action, CLASSES, Environment, Kubelet, LostWrite, Watch, Watcher};
use podproof_vocabulary::catalogue;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::observation::{Address, Deletion, EndpointSeen, Phase, PodSeen};
use podproof_vocabulary::scenario::{CUSTOM_TAINT, Taint, TaintEffect};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

/// The names of a world in which the pod of the tests runs on the node of the tests.
fn names() -> Names {
    let mut names = Names::new(&catalogue::web("x", Story::Rollout, 1, 2));
    let object = PodSeen {
        revision: REVISION,
        node: Some(NODE),
        phase: Phase::Pending,
        deletion: Deletion::None,
        finalizer: false,
        ready: false,
        address: None,
    };
    names.see(&[Change::PodAppears { pod: POD, object }]);
    names
}

/// Words without numbers of ours, Rust's debugging syntax, or stray blanks.
fn are_for_people(words: &str) {
    assert!(!words.is_empty());
    assert!(!words.contains(['{', '}', '(', ')', '"', '_']), "{words}");
    assert!(!words.contains("Some") && !words.contains("None") && !words.contains("  "), "{words}");
    assert_eq!(words.trim(), words);
}

#[test]
fn every_action_has_words_of_its_own() {
    let names = names();
    let mut all = BTreeSet::new();
    for action in crate::every::action() {
        let sentence = words::action(&names, &action);
        are_for_people(&sentence);
        assert!(!sentence.contains('#'), "a name is missing: {sentence}");
        assert!(all.insert(sentence.clone()), "two steps have the words '{sentence}'");
    }
}

/// `{"kubelet":{"send-sigterm":{…}}}` is of the class `kubelet/send-sigterm`.
#[test]
fn the_class_of_an_action_is_what_its_file_calls_it() {
    let mut classes = Vec::new();
    for action in crate::every::action() {
        let mut names = Vec::new();
        let mut value = serde_json::to_value(action).expect("an action is JSON");
        while names.len() < 2 {
            value = match value {
                serde_json::Value::String(name) => {
                    names.push(name);
                    break;
                }
                serde_json::Value::Object(fields) => {
                    let (name, inner) = fields.into_iter().next().expect("a variant has one name");
                    names.push(name);
                    inner
                }
                other => panic!("an action is no {other}"),
            };
        }
        let class = CLASSES[usize::from(action.class())];
        assert_eq!(class, names.join("/"));
        classes.push(class);
    }
    assert_eq!(classes, CLASSES);
}

#[test]
fn an_action_names_whom_it_concerns() {
    let names = names();
    let says = |action, expected: &str| assert_eq!(words::action(&names, &action), expected);
    says(
        Action::Kubelet(Kubelet::SendSigterm { pod: POD, container: CONTAINER }),
        "kubelet on node-2 sends SIGTERM to container app of pod web-kpb6/0",
    );
    says(
        Action::Watch(Watch::List { watcher: Watcher::Proxy(NODE) }),
        "kube-proxy on node-2 lists everything again",
    );
    says(
        Action::Watch(Watch::DeliverPod { to: Watcher::ControllerManager, pod: POD }),
        "controller-manager now sees pod web-kpb6/0",
    );
    let lost = LostWrite::BindPod { pod: POD };
    says(
        Action::Environment(Environment::LoseResponse { write: lost, committed: false }),
        "the scheduler's binding of pod web-kpb6/0 fails, and its answer is lost",
    );
}

#[test]
fn what_has_no_name_is_called_by_its_number() {
    let names = names();
    let action = Action::Kubelet(Kubelet::SendSigkill { pod: PodId(200), container: ContainerId(201) });
    assert_eq!(words::action(&names, &action), "kubelet sends SIGKILL to container #201 of pod #200");
    let action = Action::Environment(Environment::CrashNode { node: NodeId(202) });
    assert_eq!(words::action(&names, &action), "node #202 loses power");
    let change = Change::ReplicaSet { revision: Revision(255), now: None };
    assert!(words::change(&names, &change).starts_with("ReplicaSet web-"));
}

#[test]
fn every_change_has_words_of_its_own() {
    let names = names();
    let mut all = BTreeSet::new();
    for change in crate::every::change() {
        let clause = words::change(&names, &change);
        are_for_people(&clause);
        assert!(all.insert(clause.clone()), "two changes have the words '{clause}'");
    }
}

#[test]
fn a_change_says_what_is_so_now() {
    let names = names();
    let says = |change, expected: &str| assert_eq!(words::change(&names, &change), expected);
    let endpoint = EndpointSeen {
        address: Address(1),
        node: Some(NODE),
        ready: false,
        serving: true,
        terminating: true,
    };
    says(
        Change::Rule { node: NODE, pod: POD, endpoint: Some(endpoint) },
        "rules on node-2: pod web-kpb6/0 at its address #1, not ready, serving, terminating",
    );
    says(Change::Endpoint { pod: POD, endpoint: None }, "EndpointSlice: pod web-kpb6/0 is taken out");
    says(
        Change::PodDeletion { pod: POD, deletion: Deletion::Graceful },
        "pod web-kpb6/0: deleting, with its grace period",
    );
    says(Change::PodPhase { pod: POD, phase: Phase::Failed }, "pod web-kpb6/0: phase Failed");
}

#[test]
fn the_taint_of_an_event_is_called_as_the_model_calls_it() {
    let taint = podproof_traces::change::TaintName::Custom;
    let says = |names: &Names| words::change(names, &Change::NodeTaint { node: NODE, taint, present: true });
    assert_eq!(says(&names()), format!("node node-2: has taint {CUSTOM_TAINT}:NoExecute"));
    let mut scenario = catalogue::web("x", Story::Rollout, 1, 2);
    let (key, effect) = ("gpu".to_owned(), TaintEffect::NoSchedule);
    scenario.event_taint = Some(Taint { key, value: "yes".into(), effect });
    assert_eq!(says(&Names::new(&scenario)), "node node-2: has taint gpu=yes:NoSchedule");
}
