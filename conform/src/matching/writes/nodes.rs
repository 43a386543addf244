//! Writes of nodes.

use podproof_model::Cluster;
use podproof_model::state::NodeObject;
use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Environment, Kubelet, NodeLifecycle, Watcher};
use podproof_vocabulary::observation::NodeReady;

use super::Known;
use crate::matching::actor::Actor;
use crate::matching::plan::{Deed, Plan};
use crate::record::{Facts, Micros, NodeFacts, Verb, Write};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// What the model represents of a Node object of the log, with what it does not see left as it is in `now`.
pub fn represented(known: &Known<'_, '_>, now: NodeObject, facts: &NodeFacts) -> NodeObject {
    let has = |key: &str, effect: &str| {
        facts.taints.iter().any(|(theirs, _, what)| &**theirs == key && &**what == effect)
    };
    let own = known.subject.scenario().event_taint.as_ref();
    let custom = own.is_some_and(|taint| {
        let is = |(key, value, effect): &(std::rc::Rc<str>, std::rc::Rc<str>, std::rc::Rc<str>)| {
            **key == *taint.key && **value == *taint.value && **effect == *format!("{:?}", taint.effect)
        };
        facts.taints.iter().any(is)
    });
    let ready = match facts.ready.as_deref() {
        Some("True") => NodeReady::True,
        Some("False") => NodeReady::False,
        Some(_) => NodeReady::Unknown,
        None => now.ready(),
    };
    now.with_ready(ready)
        .with_unschedulable(facts.unschedulable)
        .with_not_ready_no_schedule(has(NOT_READY, "NoSchedule"))
        .with_unreachable_no_schedule(has(UNREACHABLE, "NoSchedule"))
        .with_unschedulable_no_schedule(has(UNSCHEDULABLE, "NoSchedule"))
        .with_not_ready_no_execute(has(NOT_READY, "NoExecute"))
        .with_unreachable_no_execute(has(UNREACHABLE, "NoExecute"))
        .with_custom(custom)
}

/// What a write of a node asks of the model.
pub fn plan(known: &Known<'_, '_>, actor: &Actor, write: &Write) -> Plan {
    let Some(node) = known.names.node(&write.name) else { return Plan::NotHere };
    let Some(object) = &write.object else { return Plan::NotModelled("nodes without their object".into()) };
    let Facts::Node(facts) = &object.facts else { return Plan::NotHere };
    if write.verb == Verb::Delete {
        // `plugin/pkg/admission/noderestriction`: a kubelet may delete no node but its own.
        if let Actor::Kubelet(name) = actor
            && **name != *write.name
        {
            return Plan::Wrong(format!("the kubelet of {name} removes another node"));
        }
        if let Actor::Scheduler = actor {
            return super::not_theirs(write, "remove nodes");
        }
        return Plan::NotModelled("the removal of nodes".into());
    }
    let now = known.cluster.node(node).api;
    let after = represented(known, now, facts);
    if !now.exists() {
        return joins(after, node);
    }
    if now == after {
        return same(known, actor, node);
    }
    let is = move |cluster: &Cluster<'_>| cluster.node(node).api == after;
    let says = words(after);
    let control =
        |actions| Plan::By(Deed::steps(Watcher::ControllerManager, actions).then(says.clone(), Box::new(is)));
    match actor {
        Actor::Kubelet(name) if **name == *write.name => {
            let report = Action::Kubelet(Kubelet::ReportNodeStatus { node });
            Plan::By(Deed::steps(Watcher::Kubelet(node), vec![report]).then(says, Box::new(is)))
        }
        Actor::Kubelet(name) => Plan::Wrong(format!("the kubelet of {name} writes another node")),
        Actor::Controller(controller)
            if &**controller == "node-controller" || &**controller == "taint-controller" =>
        {
            let becomes_unknown = after.ready() == NodeReady::Unknown && now.ready() != NodeReady::Unknown;
            if becomes_unknown {
                if let Some(why) = heard_lately(known, node) {
                    return Plan::Wrong(why);
                }
                match nothing_befell(known, node) {
                    true if known.eyes.was_away() => {
                        return Plan::NotModelled(
                            "nodes that seem silent while the API server is away".into(),
                        );
                    }
                    true => return Plan::Wrong("nothing was done to the node".into()),
                    false => {}
                }
            }
            control(vec![
                Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { node }),
                Action::NodeLifecycle(NodeLifecycle::TaintNoSchedule { node }),
                Action::NodeLifecycle(NodeLifecycle::TaintNoExecute { node }),
            ])
        }
        Actor::Scheduler | Actor::Controller(_) => super::not_theirs(write, "change nodes in this way"),
        _ => match by_user(now, after, node) {
            Some(steps) => Plan::Befalls(steps),
            None => Plan::NotModelled("changes of nodes by hand beside cordons and one taint".into()),
        },
    }
}

/// A write of a node that is not there yet. It joins when it is Ready for the first time: until then its taints keep pods away.
fn joins(after: NodeObject, node: NodeId) -> Plan {
    let new = NodeObject::new().with_exists(true);
    let after = after.with_exists(true);
    if after.ready() != new.ready() || after.not_ready_no_schedule() || after.not_ready_no_execute() {
        return Plan::Nothing;
    }
    match by_user(new, after, node) {
        Some(steps) => {
            let joins = Action::Environment(Environment::AddNode { node });
            Plan::Befalls(std::iter::once(joins).chain(steps).collect())
        }
        None => Plan::NotModelled("nodes that join with taints of their own".into()),
    }
}

/// The kubelet of `node` runs and reaches the API server.
pub fn can_write(cluster: &Cluster<'_>, node: NodeId) -> bool {
    let machine = cluster.node(node).machine;
    machine.powered() && machine.connected() && machine.kubelet_runs()
}

/// A write that changes nothing that the model represents: heartbeats, addresses, annotations.
fn same(known: &Known<'_, '_>, actor: &Actor, node: NodeId) -> Plan {
    match actor {
        Actor::Kubelet(name) if known.names.node(name) != Some(node) => {
            Plan::Wrong(format!("the kubelet of {name} writes another node"))
        }
        Actor::Kubelet(_) => {
            let writes = move |cluster: &Cluster<'_>| can_write(cluster, node);
            Plan::By(Deed::only_if(Watcher::Kubelet(node), Box::new(writes)))
        }
        _ => Plan::Nothing,
    }
}

/// A node that cannot be silent: it is up, and its kubelet runs.
fn nothing_befell(known: &Known<'_, '_>, node: NodeId) -> bool {
    let machine = known.cluster.node(node).machine;
    machine.powered() && machine.connected() && !known.eyes.may_be_silent(node, known.at.from)
}

/// Why a node cannot be found silent: it was heard of too lately. How long the controller waits is a flag of its own, but it is
/// never less than what lies between two signs of life (NLC-2).
fn heard_lately(known: &Known<'_, '_>, node: NodeId) -> Option<String> {
    let (silence, interval) = known.dates.silence(node, known.at.from)?;
    let seconds = |micros: Micros| micros as f64 / 1e6;
    (silence < interval + interval / 2).then(|| {
        format!(
            "its kubelet was heard of {:.1} s before, and between two signs of life of it there are {:.1} s at least",
            seconds(silence),
            seconds(interval)
        )
    })
}

/// What somebody with `kubectl` did, as steps.
fn by_user(now: NodeObject, after: NodeObject, node: NodeId) -> Option<Vec<Action>> {
    let mut steps = Vec::new();
    let mut reached = now;
    match (now.unschedulable(), after.unschedulable()) {
        (false, true) => steps.push(Environment::CordonNode { node }),
        (true, false) => steps.push(Environment::UncordonNode { node }),
        _ => {}
    }
    reached.set_unschedulable(after.unschedulable());
    match (now.custom(), after.custom()) {
        (false, true) => steps.push(Environment::TaintNode { node }),
        (true, false) => steps.push(Environment::UntaintNode { node }),
        _ => {}
    }
    reached.set_custom(after.custom());
    (reached == after).then(|| steps.into_iter().map(Action::Environment).collect())
}

fn words(object: NodeObject) -> String {
    let mut words = vec![format!("Ready {:?}", object.ready())];
    for (is_set, word) in [
        (object.unschedulable(), "unschedulable"),
        (object.not_ready_no_schedule(), "taint not-ready:NoSchedule"),
        (object.unreachable_no_schedule(), "taint unreachable:NoSchedule"),
        (object.unschedulable_no_schedule(), "taint unschedulable:NoSchedule"),
        (object.not_ready_no_execute(), "taint not-ready:NoExecute"),
        (object.unreachable_no_execute(), "taint unreachable:NoExecute"),
        (object.custom(), "the taint of a user"),
    ] {
        if is_set {
            words.push(word.into());
        }
    }
    words.join(", ")
}
