//! Writes of pods.

use podproof_model::Cluster;
use podproof_model::api_server::eviction::{self, Answer};
use podproof_model::rules::Tolerated;
use podproof_model::state::PodObject;
use podproof_vocabulary::action::{
    Action, Drain, Environment, Kubelet, NodeLifecycle, PodGarbageCollector, ReplicaSet, Scheduler,
    TaintEviction, Watcher,
};
use podproof_vocabulary::observation::{Deletion, Phase};
use podproof_vocabulary::scenario::WorkloadKind;
use podproof_vocabulary::{NodeId, PodId};

use super::nodes::can_write;
use super::{Known, addresses, grace, not_theirs, statuses};
use crate::matching::actor::Actor;
use crate::matching::news::LAG_TIME;
use crate::matching::plan::{Deed, Plan};
use crate::record::{Facts, Object, PodFacts, Verb, Write};

/// What a write of a pod asks of the model.
pub fn plan(known: &Known<'_, '_>, actor: &Actor, write: &Write) -> Plan {
    if !known.subject.is_near(&write.namespace) {
        return Plan::NotHere;
    }
    if write.verb == Verb::Create && write.subresource.is_empty() {
        return create(known, actor, write);
    }
    // A binding does not say the UID.
    let of = if &*write.subresource == "binding" && write.uid.is_empty() { &write.name } else { &write.uid };
    if known.is_to_come(write, of) {
        return Plan::Wrong("a write of a pod before its creation".into());
    }
    if write.verb == Verb::DeleteCollection {
        return Plan::NotModelled("deletions of collections that the log does not name".into());
    }
    // API-6: nobody comes back. What was received before the removal was answered may have come before it.
    // Without answers nobody knows for sure which pod it is.
    let removed = known.names.removed(&write.name, &write.uid).filter(|_| !write.only_asked);
    if removed.is_some_and(|removed| removed < known.at.from) {
        return Plan::Wrong("a write that was granted, of a pod that is gone".into());
    }
    // DEL-14: for the model it is gone.
    if known.names.is_held(&write.uid) {
        return match facts(write).is_some_and(|facts| !facts.deleting) {
            true => Plan::Wrong("a write shows a pod that is not being deleted, and it is".into()),
            false => Plan::Nothing,
        };
    }
    let Some(pod) = known.names.pod(&write.name, &write.uid) else {
        return match namesake(known, write) {
            Some(_) => Plan::Wrong("the pod of this name that is there has another UID".into()),
            None => Plan::NotHere,
        };
    };
    match (&*write.subresource, write.verb) {
        ("binding", Verb::Create) => bind(known, actor, write, pod),
        ("eviction", Verb::Create) if never_evicts(actor) => not_theirs(write, "evict pods"),
        ("eviction", Verb::Create) => evict(known, pod),
        ("status", _) => status(known, actor, write, pod),
        ("", Verb::Delete) => delete(known, actor, write, pod),
        ("", _) => change(known, actor, write, pod),
        (subresource, _) => Plan::NotModelled(format!("pods/{subresource}")),
    }
}

fn facts(write: &Write) -> Option<&PodFacts> {
    match &write.object.as_ref()?.facts {
        Facts::Pod(facts) => Some(facts),
        _ => None,
    }
}

/// A pod of this name that is there, whatever its UID: there is one at most (API-6). Of one that the log shows late the UID may be
/// made up.
fn namesake(known: &Known<'_, '_>, write: &Write) -> Option<PodId> {
    let pod = known.names.pod(&write.name, "").filter(|_| !known.names.has_strangers())?;
    known.cluster.pod(pod).api.exists().then_some(pod)
}

/// Kubelets, the scheduler and these controllers delete pods, or leave them alone, and evict none.
fn never_evicts(actor: &Actor) -> bool {
    match actor {
        Actor::Kubelet(_) | Actor::Scheduler => true,
        Actor::Controller(controller) => OWNERS.contains(&&**controller) || OWN.contains(&&**controller),
        Actor::ApiServer | Actor::Client(_) => false,
    }
}

/// Controllers that the model has.
const OWN: [&str; 7] = [
    "deployment-controller",
    "replicaset-controller",
    "endpointslice-controller",
    "disruption-controller",
    "node-controller",
    "taint-eviction-controller",
    "pod-garbage-collector",
];

fn create(known: &Known<'_, '_>, actor: &Actor, write: &Write) -> Plan {
    if namesake(known, write).is_some() {
        return Plan::Wrong("a creation that was granted, of a pod whose name is taken".into());
    }
    let Some(object) = &write.object else { return Plan::NotHere };
    let begun = begun_with(write);
    if known.subject.kind() == WorkloadKind::Pod {
        // The workload itself: the story begins with it.
        return match (known.subject.is(object), begun, actor) {
            (false, ..) => Plan::NotHere,
            (true, Some(what), _) => Plan::Wrong(format!("a creation is answered with a pod that {what}")),
            // `plugin/pkg/admission/noderestriction/admission.go`, `admitPodCreate`.
            (true, None, Actor::Kubelet(_)) if object.whole["metadata"]["annotations"][MIRROR].is_null() => {
                not_theirs(write, "create pods that mirror none of its own")
            }
            (true, None, _) => Plan::Nothing,
        };
    }
    let owner = object.owner.as_ref();
    if owner.is_some_and(|owner| known.is_to_come(write, &owner.uid)) {
        return Plan::Wrong("a pod of a ReplicaSet before that is created".into());
    }
    let Some(revision) = owner.and_then(|owner| known.names.replica_set(&owner.name, &owner.uid)) else {
        return Plan::NotHere;
    };
    if let Some(what) = begun {
        return Plan::Wrong(format!("a creation is answered with a pod that {what}"));
    }
    match actor {
        // RS-3: `pkg/controller/controller_utils.go`, `GetPodFromTemplate`. What admission changes comes after the request.
        Actor::Controller(controller)
            if &**controller == "replicaset-controller"
                && let Some(why) = known.made_of.get(&revision).and_then(|set| set.misfit(write)) =>
        {
            Plan::Wrong(why)
        }
        Actor::Controller(controller) if &**controller == "replicaset-controller" && is_misnamed(object) => {
            Plan::Wrong("its name does not begin with that of its ReplicaSet".into())
        }
        Actor::Controller(controller) if &**controller == "replicaset-controller" => {
            let create = Action::ReplicaSet(ReplicaSet::CreatePod { revision });
            Plan::By(Deed::steps(Watcher::ControllerManager, vec![create]))
        }
        _ => Plan::Wrong("only the replicaset controller creates pods of a ReplicaSet".into()),
    }
}

/// The annotation of a pod that stands in the API for one which its kubelet has from a file.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What the answer to a creation says of the pod that no new one is: the API server gives it an empty status, whatever was asked for
/// (API-9; S28 `pkg/registry/core/pod/strategy.go` `PrepareForCreate`), and takes back a deletion
/// (`staging/src/k8s.io/apiserver/pkg/registry/rest/create.go`, `BeforeCreate`).
fn begun_with(write: &Write) -> Option<&'static str> {
    let is_answer = write.shows_request && !write.only_asked && write.resource_version.is_some();
    let facts = facts(write).filter(|_| is_answer)?;
    match () {
        () if facts.deleting => Some("is being deleted"),
        () if phase(&facts.phase).is_some_and(|phase| phase != Phase::Pending) => Some("is not Pending"),
        () if facts.ready => Some("is Ready"),
        () if facts.ip.is_some() => Some("has an address"),
        () => None,
    }
}

/// Is the generated name of a pod not made of that of its owner (`getPodsPrefix`, in the same file)?
fn is_misnamed(pod: &Object) -> bool {
    let (prefix, owner) = (pod.whole["metadata"]["generateName"].as_str(), pod.owner.as_ref());
    prefix
        .zip(owner)
        .is_some_and(|(prefix, owner)| prefix.strip_suffix('-').unwrap_or(prefix) != &*owner.name)
}

fn bind(known: &Known<'_, '_>, actor: &Actor, write: &Write, pod: PodId) -> Plan {
    let Some(target) = &write.target else {
        return Plan::NotModelled("bindings without their target".into());
    };
    let Some(node) = known.names.node(target) else {
        return Plan::Wrong(format!("a binding to {target}, which the log shows nowhere else"));
    };
    match actor {
        Actor::Scheduler => {
            let bind = Action::Scheduler(Scheduler::BindPod { pod });
            let there = move |cluster: &Cluster<'_>| cluster.pod(pod).api.node() == Some(node);
            Plan::By(
                Deed::steps(Watcher::Scheduler, vec![bind])
                    .then(format!("the pod is bound to {target}"), Box::new(there))
                    .about(pod),
            )
        }
        Actor::Client(_) => Plan::NotModelled("bindings by another scheduler".into()),
        _ => not_theirs(write, "bind pods"),
    }
}

/// The phase of this name.
pub fn phase(name: &str) -> Option<Phase> {
    match name {
        "Pending" => Some(Phase::Pending),
        "Running" => Some(Phase::Running),
        "Succeeded" => Some(Phase::Succeeded),
        "Failed" => Some(Phase::Failed),
        _ => None,
    }
}

fn status(known: &Known<'_, '_>, actor: &Actor, write: &Write, pod: PodId) -> Plan {
    let Some(facts) = facts(write) else { return Plan::NotModelled("statuses without their object".into()) };
    let Some(phase) = phase(&facts.phase) else {
        return unmodelled_phase(known, actor, pod, &facts.phase);
    };
    let ready = facts.ready;
    let now = known.cluster.pod(pod).api;
    if let Some(what) = changes_more(known, now, write, facts) {
        return Plan::Wrong(format!("a write of the status shows {what}"));
    }
    let by_kubelet = matches!(actor, Actor::Kubelet(_));
    let whole = write.object.as_ref().map(|object| &object.whole).filter(|_| by_kubelet);
    if let Some(why) = whole.and_then(|whole| statuses::pod(whole, write.only_asked)) {
        return Plan::Wrong(why);
    }
    // It has the address of its node from the beginning, and none of its own (`generateAPIPodStatus`).
    let in_host_network = known.subject.traits.in_host_network;
    if let Some(why) = addresses::misfit(known, pod, facts).filter(|_| !in_host_network) {
        return Plan::Wrong(why);
    }
    let address = facts.ip.as_ref().map(|ip| known.names.address(pod, ip));
    // Until 1.21 it has nothing of what it was before (`pkg/kubelet/eviction/eviction_manager.go`, `evictPod`).
    let is_evicted = facts.ip.is_none() && whole.is_some_and(|whole| whole["status"]["reason"] == "Evicted");
    let has_address = move |object: PodObject| match address {
        _ if in_host_network || is_evicted => true,
        None => object.address().is_none(),
        Some(Some(address)) => object.address() == Some(address),
        // One that it has not had before: a new sandbox brings it.
        Some(None) => object.address().is_some() && object.address() != now.address(),
    };
    let is =
        move |object: PodObject| object.phase() == phase && object.ready() == ready && has_address(object);
    let same = is(now);
    let after = move |cluster: &Cluster<'_>| is(cluster.pod(pod).api);
    let says =
        || format!("phase {}, ready {ready}, address {}", facts.phase, facts.ip.as_deref().unwrap_or("none"));
    match actor {
        Actor::Kubelet(name) => {
            let Some(node) = known.names.node(name) else {
                return Plan::Wrong(format!("a status from {name}, a node that the log shows nowhere else"));
            };
            if is_elsewhere(known, pod, name) {
                return Plan::Wrong(format!("the kubelet of {name} reports a pod of another node"));
            }
            let whose = Watcher::Kubelet(node);
            let deed = if same {
                // It changes what the model does not represent; but only the kubelet that has the pod reports it.
                Deed::only_if(whose, Box::new(move |cluster| knows(cluster, node, pod)))
            } else {
                let report = vec![Action::Kubelet(Kubelet::ReportStatus { pod })];
                let shown = statuses::shown(known.subject, whole.map(|whole| &**whole));
                let as_shown =
                    move |cluster: &Cluster<'_>| after(cluster) && statuses::fit(&shown, cluster, pod);
                let likely = Deed::steps(whose, report.clone()).then(says(), Box::new(as_shown));
                likely.about(pod).or(Deed::steps(whose, report).then(says(), Box::new(after)).about(pod))
            };
            Plan::By(deed.about(pod))
        }
        Actor::Controller(_) if same => Plan::Nothing,
        Actor::Controller(controller) if &**controller == "node-controller" => {
            let mark = Action::NodeLifecycle(NodeLifecycle::MarkPodNotReady { pod });
            Plan::By(
                Deed::steps(Watcher::ControllerManager, vec![mark]).then(says(), Box::new(after)).about(pod),
            )
        }
        Actor::Controller(controller) if &**controller == "pod-garbage-collector" => {
            let fail = Action::PodGarbageCollector(PodGarbageCollector::FailPod { pod });
            Plan::By(
                Deed::steps(Watcher::ControllerManager, vec![fail]).then(says(), Box::new(after)).about(pod),
            )
        }
        // The scheduler says why it could not place a pod, and which node it nominates.
        Actor::Scheduler | Actor::ApiServer | Actor::Client(_) if same => Plan::Nothing,
        // Of a node that is none of a kubelet's, or by hand.
        Actor::Client(_) => Plan::NotModelled("statuses of pods that others write".into()),
        _ => Plan::Wrong(format!("{} does not write the status of pods", write.user)),
    }
}

/// A phase that the model does not have. A kubelet writes the status of its own pods alone, and of the phases that there are Unknown is the
/// one that none is in since Kubernetes 1.5 (S28 `staging/src/k8s.io/api/core/v1/types.go` `PodPhase`).
fn unmodelled_phase(known: &Known<'_, '_>, actor: &Actor, pod: PodId, phase: &str) -> Plan {
    match actor {
        _ if phase.is_empty() => Plan::NotModelled("statuses without a phase".into()),
        _ if phase != "Unknown" => Plan::Wrong(format!("{phase} is no phase of a pod")),
        Actor::Kubelet(name) => match is_elsewhere(known, pod, name) {
            true => Plan::Wrong(format!("the kubelet of {name} reports a pod of another node")),
            false => Plan::NotModelled("phase Unknown".into()),
        },
        Actor::Scheduler => Plan::Wrong("the scheduler does not change phases".into()),
        _ => Plan::NotModelled("phase Unknown".into()),
    }
}

/// Is the pod bound to another node than this?
fn is_elsewhere(known: &Known<'_, '_>, pod: PodId, name: &str) -> bool {
    let home = known.names.home(pod);
    home.is_some() && known.names.node(name) != home
}

/// What a write of the status shows otherwise than it is, and cannot change: subresource `status` takes nothing else from a
/// request (`pkg/registry/core/pod/strategy.go`).
fn changes_more(
    known: &Known<'_, '_>,
    now: PodObject,
    write: &Write,
    facts: &PodFacts,
) -> Option<&'static str> {
    let node = facts.node.as_ref().map(|name| known.names.node(name));
    let is_far = now.node().is_some_and(|node| node.index() >= known.cluster.rules.nodes);
    // Without an answer it is what the log was taken to have come to when it was read, and evictions may have been granted later.
    let is_deleting = if write.only_asked { now.is_deleting() } else { facts.deleting };
    match (is_deleting, now.is_deleting()) {
        (true, false) => Some("a pod that is being deleted, and nobody has deleted it"),
        (false, true) => Some("a pod that is not being deleted, and it is"),
        _ if !is_far && node != now.node().map(Some) => Some("a pod on another node than it was bound to"),
        _ => None,
    }
}

/// The kubelet of `node` has the pod, in its copy or in its runtime, and can say so.
fn knows(cluster: &Cluster<'_>, node: NodeId, pod: PodId) -> bool {
    cluster.pod(pod).kubelet.node() == Some(node) && can_write(cluster, node)
}

fn evict(known: &Known<'_, '_>, pod: PodId) -> Plan {
    let head = known.cluster.pod(pod).head;
    let object = known.cluster.pod(pod).api;
    if object.is_deleting() || !object.exists() {
        return Plan::Nothing;
    }
    // Who is not Ready may go all the same (EVI-3), so it has to have been Ready all the time.
    let is_ready = object.phase() == Phase::Running && object.ready();
    if is_ready && known.dates.is_ready_since(pod, known.at.from) && known.shared_budget.allows_none(known.at)
    {
        return Plan::Wrong("the budget refuses this eviction".into());
    }
    let mut steps = Vec::new();
    if !head.eviction_granted() {
        if eviction::ask(known.cluster, pod) == Answer::Refused {
            return Plan::Wrong("the budget refuses this eviction".into());
        }
        steps.extend([
            Action::Environment(Environment::EvictPod { pod }),
            Action::Drain(Drain::EvictPod { pod }),
        ]);
    }
    steps.push(Action::Drain(Drain::DeletePod { pod }));
    Plan::Befalls(steps)
}

fn delete(known: &Known<'_, '_>, actor: &Actor, write: &Write, pod: PodId) -> Plan {
    let object = known.cluster.pod(pod).api;
    if !object.exists() {
        // DEL-7: of two that remove it at once both may be granted.
        let removed = known.names.removed(&write.name, &write.uid);
        return match removed.is_some_and(|removed| removed < known.at.from) {
            true => Plan::Wrong("a deletion that was granted, of a pod that is gone".into()),
            false => Plan::Nothing,
        };
    }
    if let Some(why) = grace::misfit(write, object) {
        return Plan::Wrong(why);
    }
    let at_once = grace::asked(write) == Some(0);
    let by = |action| Plan::By(Deed::steps(Watcher::ControllerManager, vec![action]).about(pod));
    match actor {
        Actor::Kubelet(name) => {
            let Some(node) = known.names.node(name) else {
                return Plan::Wrong(format!("a deletion by {name}, a node that the log shows nowhere else"));
            };
            if !at_once && write.shows_request {
                return not_theirs(write, "delete pods but for those that it has finished with");
            }
            let remove = Action::Kubelet(Kubelet::RemovePod { pod });
            Plan::By(Deed::steps(Watcher::Kubelet(node), vec![remove]).about(pod))
        }
        Actor::Controller(controller) => match &**controller {
            "replicaset-controller" => by(Action::ReplicaSet(ReplicaSet::DeletePod { pod })),
            // The taint eviction controller was part of the node controller until 1.29.
            "node-controller" | "taint-eviction-controller" if at_once => {
                by(Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod }))
            }
            // DEL-9: a plain deletion of a pod that is deleting changes nothing.
            "node-controller" | "taint-eviction-controller" if object.is_deleting() => Plan::Nothing,
            "node-controller" | "taint-eviction-controller" => match too_early(known, pod) {
                Some(why) => Plan::Wrong(why),
                None => by(Action::TaintEviction(TaintEviction::DeletePod { pod })),
            },
            "pod-garbage-collector" => {
                by(Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod }))
            }
            // Of a ReplicaSet's pods a controller of another kind knows nothing.
            controller if OWNERS.contains(&controller) && known.subject.kind() != WorkloadKind::Pod => {
                not_theirs(write, "delete pods of ReplicaSets")
            }
            controller if OWNERS.contains(&controller) || OUTSIDERS.contains(&controller) => {
                by_outsider(pod, at_once, object.deletion())
            }
            _ => not_theirs(write, "delete pods"),
        },
        Actor::Scheduler | Actor::ApiServer | Actor::Client(_) => {
            by_outsider(pod, at_once, object.deletion())
        }
    }
}

/// Controllers that the model does not have, and that delete pods of their own.
const OWNERS: [&str; 6] = [
    "statefulset-controller",
    "daemon-set-controller",
    "job-controller",
    "replication-controller",
    "ttl-after-finished-controller",
    "cronjob-controller",
];

/// Controllers that the model does not have, and that delete any pod.
const OUTSIDERS: [&str; 3] =
    ["namespace-controller", "generic-garbage-collector", "device-taint-eviction-controller"];

/// Why the taint eviction controller cannot delete a pod yet (TEC-2, TEC-4): its timer runs from the moment at which taint and
/// pod come together. It may not have heard yet that the node has lost one of them.
fn too_early(known: &Known<'_, '_>, pod: PodId) -> Option<String> {
    let node = known.cluster.pod(pod).api.node().filter(|node| node.index() < known.cluster.rules.nodes)?;
    let tainted = known.dates.tainted.get(&node)?;
    let bound = known.dates.bound.get(&pod).unwrap_or(tainted);
    let tolerations = &known.cluster.rules.tolerations;
    let news =
        known.dates.relieved.get(&node).filter(|(_, at)| at + LAG_TIME >= known.at.from && at >= bound);
    let before = news.map_or(Tolerated::Always, |(taints, _)| tolerations.on(node, *taints));
    match tolerations.on(node, known.cluster.node(node).api.taints()).min(before) {
        Tolerated::For(seconds) if !known.has_passed(*tainted.max(bound), seconds) => {
            Some(format!("it tolerates the taints of its node for {seconds} s"))
        }
        _ => None,
    }
}

/// A deletion by a user, by the scheduler's preemption, or by a controller that the model does not have.
fn by_outsider(pod: PodId, at_once: bool, deletion: Deletion) -> Plan {
    match (at_once, deletion) {
        (true, _) => Plan::Befalls(vec![Action::Environment(Environment::ForceDeletePod { pod })]),
        (false, Deletion::None) => Plan::Befalls(vec![Action::Environment(Environment::DeletePod { pod })]),
        // DEL-9: a plain deletion of a pod that is deleting changes nothing.
        (false, _) => Plan::Nothing,
    }
}

fn change(known: &Known<'_, '_>, actor: &Actor, write: &Write, pod: PodId) -> Plan {
    let Some(facts) = facts(write) else {
        return Plan::NotModelled("changes of pods without their object".into());
    };
    let object = known.cluster.pod(pod).api;
    // A kubelet may not (`plugin/pkg/admission/noderestriction`), and the scheduler is not allowed to
    // (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`).
    if matches!(actor, Actor::Kubelet(_) | Actor::Scheduler) {
        return not_theirs(write, "change pods beside their status");
    }
    // API-8, API-10: status is kept, as are the deletion and the node of the pod that there is.
    if let Some(what) = changes_more(known, object, write, facts) {
        return Plan::Wrong(format!("a change shows {what}"));
    }
    let phase = phase(&facts.phase);
    if phase.is_some_and(|phase| phase != object.phase()) || facts.ready != object.ready() {
        let says = format!("phase {}, ready {}", facts.phase, facts.ready);
        return Plan::Wrong(format!("a change that is none of its status shows another: {says}"));
    }
    match facts.finalizers == object.finalizer() {
        true => Plan::Nothing,
        false => Plan::NotModelled("changes of a pod's finalizers".into()),
    }
}
