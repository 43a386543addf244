//! Entries in words.

use std::collections::BTreeMap;
use std::rc::Rc;

use podproof_conform::record::{ContainerFacts, EndpointFacts, Place};
use serde_json::Value;

use super::*;

fn says(seen: Seen) -> String {
    let about = About { namespace: "shop".into(), service: Some("front".into()) };
    words(&about, &Entry { place: Place { file: "audit.jsonl".into(), line: 1 }, from: 0, to: 0, seen })
}

fn written(user: &str, verb: Verb, resource: &str, subresource: &str) -> Write {
    Write {
        user: user.into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace: "shop".into(),
        name: "web-1".into(),
        shows_request: true,
        ..Write::granted(verb)
    }
}

fn with(facts: Facts) -> Option<Object> {
    Some(Object {
        namespace: "shop".into(),
        name: "web-1".into(),
        uid: "".into(),
        owner: None,
        labels: Rc::new(BTreeMap::new()),
        facts,
        whole: Rc::new(Value::Null),
    })
}

fn write_says(write: Write) -> String {
    says(Seen::Write(Box::new(write)))
}

#[test]
fn whoever_wrote_is_called_by_what_it_is() {
    for (user, who) in [
        ("system:kube-scheduler", "kube-scheduler"),
        ("system:serviceaccount:kube-system:replicaset-controller", "replicaset-controller"),
        ("system:node:node-a", "kubelet node-a"),
        ("system:apiserver", "API server"),
        ("alice", "alice"),
    ] {
        let deletes = written(user, Verb::Delete, "pods", "");
        assert_eq!(write_says(deletes), format!("{who} deletes pod web-1"));
    }
}

#[test]
fn bindings_evictions_deletions_and_refusals_are_told() {
    let binds = Write {
        target: Some("node-b".into()),
        ..written("system:kube-scheduler", Verb::Create, "pods", "binding")
    };
    assert_eq!(write_says(binds), "kube-scheduler binds pod web-1 to node-b");
    let evicts = Write { code: 429, ..written("alice", Verb::Create, "pods", "eviction") };
    assert_eq!(write_says(evicts), "alice evicts pod web-1: refused with 429");
    let deletes = Write { grace_seconds: Some(0), ..written("system:node:n", Verb::Delete, "pods", "") };
    assert_eq!(write_says(deletes), "kubelet n deletes pod web-1 with grace period 0");
    let scales = written("alice", Verb::Patch, "deployments", "scale");
    assert_eq!(write_says(scales), "alice patches scale of Deployment web-1");
}

#[test]
fn what_matters_of_an_object_is_told() {
    let container = |name: &str, state| ContainerFacts {
        name: name.into(),
        init: false,
        state,
        ready: false,
        restarts: 0,
    };
    let pod = PodFacts {
        phase: "Running".into(),
        ready: false,
        deleting: true,
        containers: vec![
            container("app", ContainerStateSeen::Terminated(137)),
            container("aside", ContainerStateSeen::Running),
            container("crasher", ContainerStateSeen::Waiting("CrashLoopBackOff".into())),
        ],
        ..PodFacts::default()
    };
    let reports = Write { object: with(Facts::Pod(pod)), ..written("u", Verb::Patch, "pods", "status") };
    assert_eq!(
        write_says(reports),
        "u patches status of pod web-1: Running, not Ready, deleting, app ended with 137, crasher waits: CrashLoopBackOff"
    );
    let node = NodeFacts {
        ready: Some("Unknown".into()),
        unschedulable: true,
        taints: vec![("gpu".into(), "yes".into(), "NoSchedule".into()), ("k".into(), "".into(), "E".into())],
    };
    let taints = Write { object: with(Facts::Node(node)), ..written("u", Verb::Update, "nodes", "") };
    assert_eq!(
        write_says(taints),
        "u updates node web-1: Ready Unknown, unschedulable, gpu=yes:NoSchedule, k:E"
    );
    let endpoint = |pod: Option<&str>, ready, serving, terminating| EndpointFacts {
        address: "10.0.0.1".into(),
        pod: pod.map(Rc::from),
        ready,
        serving,
        terminating,
        ..EndpointFacts::default()
    };
    let slice = SliceFacts {
        service: "front".into(),
        endpoints: vec![endpoint(Some("a"), true, true, false), endpoint(None, false, true, true)],
        ..SliceFacts::default()
    };
    let slices = written("u", Verb::Update, "endpointslices", "");
    let writes = Write { object: with(Facts::EndpointSlice(slice)), ..slices.clone() };
    assert_eq!(
        write_says(writes),
        "u updates EndpointSlice web-1: a ready, 10.0.0.1 not ready serving terminating"
    );
    let empty = Write { object: with(Facts::EndpointSlice(SliceFacts::default())), ..slices };
    assert_eq!(write_says(empty), "u updates EndpointSlice web-1: nothing");
    let budget = BudgetFacts { allowed: 1, healthy: 2, desired: 1, disrupted: vec!["a".into(), "b".into()] };
    let counts = Write {
        object: with(Facts::PodDisruptionBudget(budget)),
        ..written("u", Verb::Update, "poddisruptionbudgets", "status")
    };
    assert_eq!(
        write_says(counts),
        "u updates status of PodDisruptionBudget web-1: 1 disruptions allowed, 2 healthy of 1, disrupted a, b"
    );
}

#[test]
fn what_recorders_wrote_is_told() {
    let runtime = |container: Option<&str>, what| {
        let of = |text: &str| Rc::<str>::from(text);
        says(Seen::Runtime(RuntimeEvent {
            node: of("n"),
            namespace: of("shop"),
            pod: of("web-1"),
            uid: of(""),
            container: container.map(Rc::from),
            what,
            command: of(""),
        }))
    };
    assert_eq!(runtime(None, RuntimeWhat::Started), "n: the sandbox of pod web-1 starts");
    assert_eq!(
        runtime(Some("app"), RuntimeWhat::Exited(137)),
        "n: container app of pod web-1 exits with status 137"
    );
    let app = |what| {
        says(Seen::App(AppEvent {
            pod: "web-1".into(),
            uid: None,
            node: None,
            container: "app".into(),
            what,
        }))
    };
    assert_eq!(app(AppWhat::Signal(15)), "container app of pod web-1 receives SIGTERM");
    assert_eq!(app(AppWhat::Signal(1)), "container app of pod web-1 receives signal 1");
    assert_eq!(app(AppWhat::Listening), "container app of pod web-1 accepts connections");
}

#[test]
fn of_rules_only_those_of_its_own_service_are_told() {
    let rules = |endpoints: BTreeMap<String, Vec<String>>| {
        says(Seen::Rules(RulesEvent { node: "n".into(), written: true, endpoints }))
    };
    let both = BTreeMap::from([
        ("shop/front".to_owned(), vec!["10.0.0.1:80".to_owned(), "10.0.0.2:80".to_owned()]),
        ("shop/back".to_owned(), vec!["10.0.0.3:80".to_owned()]),
    ]);
    assert_eq!(rules(both), "kube-proxy n sends Service front to 10.0.0.1:80, 10.0.0.2:80");
    assert_eq!(rules(BTreeMap::new()), "kube-proxy n sends Service front nowhere");
}
