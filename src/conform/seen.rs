//! What an entry of a log says, as a clause.

use std::rc::Rc;

use podproof_conform::matching::Subject;
use podproof_conform::matching::actor::Actor;
use podproof_conform::record::{
    AppEvent, AppWhat, BudgetFacts, ContainerStateSeen, Entry, Facts, FaultEvent, NodeFacts, Object,
    PodFacts, RulesEvent, RuntimeEvent, RuntimeWhat, Seen, SliceFacts, Verb, Write,
};

/// What the words of an entry depend on: of which Service the rules are told.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// `metadata.namespace` of the workload.
    pub namespace: Rc<str>,
    /// The name of its Service.
    pub service: Option<Rc<str>>,
}

impl About {
    /// Of the workload that is followed.
    pub fn of(subject: &Subject) -> Self {
        Self { namespace: Rc::clone(&subject.namespace), service: subject.service.clone() }
    }
}

/// What `entry` says, as whoever follows a workload tells it.
pub fn words(about: &About, entry: &Entry) -> String {
    match &entry.seen {
        Seen::Write(event) => write(event),
        Seen::List(objects) => format!("a list of {} objects", objects.len()),
        Seen::Change(change) => format!("watch: {:?} {}", change.kind, object(&change.object)).to_lowercase(),
        Seen::Told(writes) => writes.first().map(write).unwrap_or_default(),
        Seen::Runtime(event) => runtime(event),
        Seen::App(event) => app(event),
        Seen::Rules(event) => rules(about, event),
        Seen::Request(event) => match &event.outcome {
            Ok(pod) => format!("a request from {} is answered by {pod}", event.node),
            Err(error) => format!("a request from {} fails: {error}", event.node),
        },
        Seen::Fault(event) => fault(event),
        Seen::Renewal { node, lease } if node == lease => format!("kubelet {node} renews its lease"),
        Seen::Renewal { node, lease } => format!("kubelet {node} renews the lease of {lease}"),
        Seen::Missed { .. } => "a watch was interrupted".into(),
        Seen::Other(what) => what.to_string(),
    }
}

fn actor(write: &Write) -> String {
    match Actor::of(write) {
        Actor::Scheduler => "kube-scheduler".into(),
        Actor::Controller(controller) => controller.to_string(),
        Actor::Kubelet(node) => format!("kubelet {node}"),
        Actor::ApiServer => "API server".into(),
        Actor::Client(user) => user.to_string(),
    }
}

fn write(write: &Write) -> String {
    let who = actor(write);
    let name = &write.name;
    let what = match (&*write.resource, &*write.subresource, write.verb) {
        ("pods", "binding", _) => match &write.target {
            Some(node) => format!("binds pod {name} to {node}"),
            None => format!("binds pod {name}"),
        },
        ("pods", "eviction", _) => format!("evicts pod {name}"),
        (resource, subresource, verb) => {
            let kind = kind(resource);
            let of = if subresource.is_empty() { String::new() } else { format!("{subresource} of ") };
            let grace = write.grace_seconds.map(|seconds| format!(" with grace period {seconds}"));
            let grace = grace.filter(|_| verb == Verb::Delete).unwrap_or_default();
            format!("{} {of}{kind} {name}{grace}", verb_words(verb))
        }
    };
    match &write.object {
        _ if write.code >= 400 => format!("{who} {what}: refused with {}", write.code),
        Some(object) if write.verb != Verb::Delete => match facts(object) {
            facts if facts.is_empty() => format!("{who} {what}"),
            facts => format!("{who} {what}: {facts}"),
        },
        _ => format!("{who} {what}"),
    }
}

const fn verb_words(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "creates",
        Verb::Update => "updates",
        Verb::Patch => "patches",
        Verb::Delete => "deletes",
        Verb::DeleteCollection => "deletes all",
    }
}

/// The kind of a resource, where people know it better than the resource.
fn kind(resource: &str) -> &str {
    match resource {
        "pods" => "pod",
        "nodes" => "node",
        "deployments" => "Deployment",
        "replicasets" => "ReplicaSet",
        "endpointslices" => "EndpointSlice",
        "poddisruptionbudgets" => "PodDisruptionBudget",
        "services" => "Service",
        other => other,
    }
}

fn object(object: &Object) -> String {
    match facts(object) {
        facts if facts.is_empty() => object.name.to_string(),
        facts => format!("{}: {facts}", object.name),
    }
}

/// What matters of an object.
fn facts(object: &Object) -> String {
    match &object.facts {
        Facts::Pod(facts) => pod(facts),
        Facts::Node(facts) => node(facts),
        Facts::Deployment(facts) => {
            let deadline = if facts.deadline_exceeded { ", progress deadline exceeded" } else { "" };
            format!("{}{deadline}", replicas(facts.replicas))
        }
        Facts::ReplicaSet(facts) => format!("{}, {} available", replicas(facts.replicas), facts.available),
        Facts::EndpointSlice(facts) => slice(facts),
        Facts::PodDisruptionBudget(facts) => budget(facts),
        Facts::Service | Facts::Other(_) => String::new(),
    }
}

fn replicas(number: u32) -> String {
    if number == 1 { "1 replica".into() } else { format!("{number} replicas") }
}

fn pod(facts: &PodFacts) -> String {
    let mut is = vec![facts.phase.to_string(), if facts.ready { "Ready" } else { "not Ready" }.to_owned()];
    if facts.deleting {
        is.push("deleting".into());
    }
    for container in &facts.containers {
        let state = match &container.state {
            ContainerStateSeen::Terminated(code) => format!("{} ended with {code}", container.name),
            ContainerStateSeen::Waiting(why) if &**why == "CrashLoopBackOff" => {
                format!("{} waits: {why}", container.name)
            }
            ContainerStateSeen::Waiting(_) | ContainerStateSeen::Running => continue,
        };
        is.push(state);
    }
    is.join(", ")
}

fn node(facts: &NodeFacts) -> String {
    let mut is = Vec::new();
    if let Some(ready) = &facts.ready {
        is.push(format!("Ready {ready}"));
    }
    if facts.unschedulable {
        is.push("unschedulable".into());
    }
    is.extend(facts.taints.iter().map(|(key, value, effect)| match &**value {
        "" => format!("{key}:{effect}"),
        value => format!("{key}={value}:{effect}"),
    }));
    is.join(", ")
}

fn slice(facts: &SliceFacts) -> String {
    let endpoint = |endpoint: &podproof_conform::record::EndpointFacts| {
        let who = endpoint.pod.as_ref().unwrap_or(&endpoint.address);
        let conditions = [
            (endpoint.ready, "ready"),
            (!endpoint.ready, "not ready"),
            (endpoint.serving && !endpoint.ready, "serving"),
            (endpoint.terminating, "terminating"),
        ];
        let is: Vec<_> = conditions.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
        format!("{who} {}", is.join(" "))
    };
    match facts.endpoints.is_empty() {
        true => "nothing".into(),
        false => facts.endpoints.iter().map(endpoint).collect::<Vec<_>>().join(", "),
    }
}

fn budget(facts: &BudgetFacts) -> String {
    let disrupted = match &facts.disrupted[..] {
        [] => String::new(),
        pods => format!(", disrupted {}", pods.iter().map(|pod| &**pod).collect::<Vec<_>>().join(", ")),
    };
    format!(
        "{} disruptions allowed, {} healthy of {}{disrupted}",
        facts.allowed, facts.healthy, facts.desired
    )
}

fn runtime(event: &RuntimeEvent) -> String {
    let what = match event.what {
        RuntimeWhat::Started => "starts".into(),
        RuntimeWhat::Exited(status) => format!("exits with status {status}"),
        RuntimeWhat::Deleted => "is removed".into(),
        RuntimeWhat::ExecStarted => "runs a command beside its process".into(),
        RuntimeWhat::ExecExited(status) => format!("ends that command with status {status}"),
    };
    match &event.container {
        Some(container) => format!("{}: container {container} of pod {} {what}", event.node, event.pod),
        None => format!("{}: the sandbox of pod {} {what}", event.node, event.pod),
    }
}

/// SIGTERM and SIGKILL, by number.
const SIGNALS: [(i32, &str); 2] = [(15, "SIGTERM"), (9, "SIGKILL")];

fn app(event: &AppEvent) -> String {
    let what = match &event.what {
        AppWhat::Started => "begins".into(),
        AppWhat::Listening => "accepts connections".into(),
        AppWhat::Signal(number) => match SIGNALS.iter().find(|(known, _)| known == number) {
            Some((_, name)) => format!("receives {name}"),
            None => format!("receives signal {number}"),
        },
        AppWhat::Exit(code) => format!("exits with code {code}"),
        AppWhat::Served(request) => format!("answers request {request}"),
        AppWhat::Probed { path, well: true } => format!("answers a probe at {path}"),
        AppWhat::Probed { path, well: false } => format!("answers a probe at {path} badly"),
    };
    format!("container {} of pod {} {what}", event.container, event.pod)
}

fn rules(about: &About, event: &RulesEvent) -> String {
    let service = about.service.as_deref().unwrap_or_default();
    let addresses = event.endpoints.get(&format!("{}/{service}", about.namespace));
    let to = match addresses.map(Vec::as_slice) {
        None | Some([]) => "nowhere".into(),
        Some(addresses) => format!("to {}", addresses.join(", ")),
    };
    format!("kube-proxy {} sends Service {service} {to}", event.node)
}

fn fault(event: &FaultEvent) -> String {
    format!("{} {}", event.fault, event.target)
}

#[cfg(test)]
mod tests;
