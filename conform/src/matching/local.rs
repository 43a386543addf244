//! What is seen beside the API: container runtimes, processes, rules, and what somebody did to the cluster.

use std::collections::BTreeSet;
use std::rc::Rc;

use podproof_model::{Cluster, traffic};
use podproof_vocabulary::action::{Action, Container, Environment, Kubelet, Process, Proxy, Watcher};
use podproof_vocabulary::observation::{Address, Hook};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::names::{At, Names};
use super::sighting::{Choice, Condition, Sighting};
use super::subject::Subject;
use crate::record::{
    AppEvent, AppWhat, Entry, FaultEvent, RulesEvent, RuntimeEvent, RuntimeWhat, Seen, UNHEARD,
};

/// What an entry that is no write comes to.
pub enum Local {
    /// It is about nothing that this workload has to do with.
    NotHere,
    /// Its pod is not known, perhaps not yet.
    NotYet,
    /// It speaks of addresses that nobody has, perhaps not yet: in words, and which.
    Nobody(String, Vec<Rc<str>>),
    /// It is outside the model, for this reason.
    NotModelled(String),
    /// It cannot be, whatever the model does: in words, and why.
    Wrong(String, String),
    /// This process was seen to do something.
    Seen(Watcher, Sighting),
}

/// Files whose order among each other is not known, by number.
const RUNTIME: u8 = 0;
const APP: u8 = 1;
const RULES: u8 = 2;

/// What `entry` comes to.
pub fn local(subject: &Subject, names: &Names, number: u64, entry: &Entry) -> Local {
    match &entry.seen {
        Seen::Runtime(event) => runtime(subject, names, number, entry, event),
        Seen::App(event) => app(subject, names, number, entry, event),
        Seen::Rules(event) => rules(subject, names, number, entry, event),
        _ => Local::NotHere,
    }
}

fn left_out(what: &str) -> Local {
    Local::NotModelled(what.into())
}

/// A container that the template does not have.
fn stranger(name: &str) -> Local {
    Local::NotModelled(match name {
        "" => "what processes say without the name of their container".into(),
        name => format!("container {name}, which the template does not have"),
    })
}

fn sighting(
    number: u64,
    entry: &Entry,
    says: String,
    source: u8,
    about: PodId,
    actions: Vec<Action>,
) -> Sighting {
    Sighting {
        entry: number,
        place: entry.place.clone(),
        says,
        at: entry.to,
        source,
        actions,
        only: None,
        already: None,
        after: None,
        about: Some(about),
    }
}

/// What a container runtime did, in words.
fn runtime_words(event: &RuntimeEvent) -> String {
    let what = match event.what {
        RuntimeWhat::Started => "started".into(),
        RuntimeWhat::Exited(status) => format!("exited with status {status}"),
        RuntimeWhat::Deleted => "was removed".into(),
        RuntimeWhat::ExecStarted => "runs a command beside its process".into(),
        RuntimeWhat::ExecExited(status) => format!("ended a command with status {status}"),
    };
    match &event.container {
        Some(container) => format!("container {container} of pod {} {what}", event.pod),
        None => format!("the sandbox of pod {} {what}", event.pod),
    }
}

fn runtime(subject: &Subject, names: &Names, number: u64, entry: &Entry, event: &RuntimeEvent) -> Local {
    if !subject.is_near(&event.namespace) {
        return Local::NotHere;
    }
    let Some(node) = names.node(&event.node) else { return Local::NotHere };
    let Some(pod) = names.pod(&event.pod, &event.uid) else { return Local::NotYet };
    let Some(name) = &event.container else { return sandbox(node, pod, number, entry, event) };
    let Some(container) = subject.container(name) else { return stranger(name) };
    let kubelet = |step| Action::Kubelet(step);
    // A probe's command shows in the same way as a hook.
    let has_hook = subject.scenario().workload.template.containers[container.index()].pre_stop.is_some()
        && !subject.traits.probed_by_commands.contains(name);
    // What somebody runs there shows so too. One command is the hook if its kubelet stops the container; of several any may be.
    let is_any = subject.commanded.contains(&(Rc::clone(&event.pod), Rc::clone(name)));
    let mut already: Option<Condition> = None;
    let mut only: Option<Choice> = None;
    let actions = match event.what {
        RuntimeWhat::Started => vec![kubelet(Kubelet::StartContainer { pod, container })],
        RuntimeWhat::Exited(0) => {
            // Who got SIGTERM ends because of it.
            only = Some(Box::new(move |cluster, action| {
                !matches!(action, Action::Environment(_)) || !cluster.container(pod, container).sigterm()
            }));
            vec![
                Action::Container(Container::Exit { pod, container }),
                Action::Environment(Environment::FinishContainer { pod, container }),
            ]
        }
        RuntimeWhat::Exited(137) => {
            // A process that nobody stops may be killed by the kernel; one that is being stopped is killed by its kubelet.
            only = Some(Box::new(move |cluster, action| {
                let by_kubelet = matches!(action, Action::Kubelet(_));
                by_kubelet || !cluster.container(pod, container).stopping()
            }));
            vec![
                kubelet(Kubelet::SendSigkill { pod, container }),
                Action::Environment(Environment::CrashContainer { pod, container }),
            ]
        }
        RuntimeWhat::Exited(_) => vec![Action::Environment(Environment::CrashContainer { pod, container })],
        RuntimeWhat::ExecStarted if has_hook => {
            already = Some(Box::new(move |cluster: &Cluster<'_>| {
                let container = cluster.container(pod, container);
                is_any || container.hook() != Hook::None || !container.stopping()
            }));
            vec![kubelet(Kubelet::RunPreStop { pod, container })]
        }
        RuntimeWhat::ExecExited(_) if has_hook => {
            already = Some(Box::new(move |cluster: &Cluster<'_>| {
                is_any || cluster.container(pod, container).hook() != Hook::Running
            }));
            vec![kubelet(Kubelet::FinishPreStop { pod, container })]
        }
        RuntimeWhat::ExecStarted | RuntimeWhat::ExecExited(_) | RuntimeWhat::Deleted => {
            return left_out("removals of dead containers, and commands that run beside a process");
        }
    };
    Local::Seen(
        Watcher::Kubelet(node),
        Sighting { already, only, ..sighting(number, entry, runtime_words(event), RUNTIME, pod, actions) },
    )
}

fn sandbox(node: NodeId, pod: PodId, number: u64, entry: &Entry, event: &RuntimeEvent) -> Local {
    let actions = match event.what {
        RuntimeWhat::Started => vec![Action::Kubelet(Kubelet::CreateSandbox { pod })],
        RuntimeWhat::Exited(_) => vec![
            Action::Kubelet(Kubelet::StopSandbox { pod }),
            Action::Environment(Environment::KillSandbox { pod }),
        ],
        RuntimeWhat::Deleted | RuntimeWhat::ExecStarted | RuntimeWhat::ExecExited(_) => {
            return left_out("removals of dead containers, and commands that run beside a process");
        }
    };
    Local::Seen(Watcher::Kubelet(node), sighting(number, entry, runtime_words(event), RUNTIME, pod, actions))
}

/// SIGTERM.
const TERM: i32 = 15;

fn app(subject: &Subject, names: &Names, number: u64, entry: &Entry, event: &AppEvent) -> Local {
    // Whose it was is of no consequence (`answered`).
    if let AppWhat::Probed { .. } = event.what {
        return left_out("probes that processes answered");
    }
    let uid = event.uid.as_deref().unwrap_or_default();
    let Some(pod) = names.speaker(&event.pod, uid, event.node.as_deref()) else { return Local::NotYet };
    let Some(container) = subject.container(&event.container) else { return stranger(&event.container) };
    let action = match event.what {
        AppWhat::Listening => Action::Container(Container::Listen { pod, container }),
        AppWhat::Signal(TERM) => Action::Kubelet(Kubelet::SendSigterm { pod, container }),
        // A runtime shows it too, and better.
        AppWhat::Started | AppWhat::Exit(_) => {
            return left_out("what processes say of their start and their end");
        }
        AppWhat::Signal(_) => return left_out("signals but for SIGTERM"),
        AppWhat::Served(_) | AppWhat::Probed { .. } => return left_out("requests that processes answered"),
    };
    let Some(node) = names.home(pod) else { return Local::NotYet };
    let what = match event.what {
        AppWhat::Listening => "accepts connections",
        _ => "has received SIGTERM",
    };
    let says = format!("container {} of pod {} {what}", event.container, event.pod);
    let mut seen = sighting(number, entry, says, APP, pod, vec![action]);
    if event.what == AppWhat::Listening {
        // Who accepts from its start on says so after it.
        seen.already = Some(Box::new(move |cluster| {
            cluster.rules.container(container).listens_after == 0
                && cluster.container(pod, container).accepting()
        }));
    }
    Local::Seen(Watcher::Kubelet(node), seen)
}

/// Where new connections of the Service are sent to on `node`.
pub fn destinations(cluster: &Cluster<'_>, node: NodeId) -> BTreeSet<(PodId, Address)> {
    let chosen = traffic::destinations(&cluster.rules.scenario, cluster, node);
    chosen.map(|(pod, endpoint)| (pod, endpoint.address)).collect()
}

fn rules(subject: &Subject, names: &Names, number: u64, entry: &Entry, event: &RulesEvent) -> Local {
    if !event.written {
        return left_out("samples of rules");
    }
    let (Some(node), Some(service)) = (names.node(&event.node), &subject.service) else {
        return Local::NotHere;
    };
    let key = format!("{}/{service}", subject.namespace);
    let addresses = event.endpoints.get(&key).map_or(&[][..], |addresses| addresses);
    let says = format!("the rules of {} send {service} to {}", event.node, addresses.join(", "));
    if let Some(port) = other_port(subject, addresses) {
        return Local::Wrong(says, format!("no endpoint of the Service has port {port}"));
    }
    // Where they must lead to, and where they may.
    let (mut sure, mut possible, mut nobodys) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for address in addresses {
        let ip = address.rsplit_once(':').map_or(&**address, |(ip, _)| ip).trim_matches(['[', ']']);
        match names.at(ip) {
            // The address of a node is that of all pods in its network.
            Some(At::Own(..)) if subject.traits.in_host_network => possible.extend(names.holders(ip)),
            Some(At::Own(pod, address)) => {
                sure.insert((pod, address));
            }
            Some(At::Other) => {}
            None => {
                nobodys.push(ip.into());
            }
        }
    }
    if !nobodys.is_empty() {
        return Local::Nobody(says, nobodys);
    }
    possible.extend(&sure);
    let fits = Rc::new(move |cluster: &Cluster<'_>| {
        let leads = destinations(cluster, node);
        sure.is_subset(&leads) && leads.is_subset(&possible)
    });
    let already = Rc::clone(&fits);
    let program = Action::Proxy(Proxy::ProgramRules { node });
    Local::Seen(
        Watcher::Proxy(node),
        Sighting {
            entry: number,
            place: entry.place.clone(),
            says,
            at: entry.to,
            source: RULES,
            actions: vec![program],
            only: None,
            already: Some(Box::new(move |cluster| already(cluster))),
            after: Some(Box::new(move |cluster| fits(cluster))),
            about: None,
        },
    )
}

/// A port to which rules lead and the Service does not: kube-proxy has it from the slices, with the address (S28
/// `pkg/proxy/endpointslicecache.go`). Nothing, where the Service's ports are not known.
fn other_port(subject: &Subject, addresses: &[String]) -> Option<u16> {
    let wanted = subject.ports.as_ref()?;
    let mut ports = addresses.iter().filter_map(|address| address.rsplit_once(':')?.1.parse().ok());
    ports.find(|port| !wanted.iter().any(|(wanted, _)| wanted == port))
}

/// What a fault is to the model.
pub enum Fault {
    /// This happens to the cluster, one after the other.
    Befalls(Vec<Action>),
    /// The kubelet of this node is started; it takes a while.
    Starts(NodeId),
    /// Whoever listened to the runtime of this node lost it.
    Unheard(NodeId),
    /// The log shows it elsewhere.
    Elsewhere,
    /// It is about nothing that this workload has to do with.
    NotHere,
    /// The model has nothing like it.
    NotModelled,
}

/// What a fault is to the model.
pub fn fault(subject: &Subject, names: &Names, event: &FaultEvent) -> Fault {
    let node = |step: fn(NodeId) -> Action| match names.node(&event.target) {
        Some(node) => Fault::Befalls(vec![step(node)]),
        None => Fault::NotHere,
    };
    let pod = |step: &dyn Fn(PodId, ContainerId) -> Environment| {
        let name = event.target.rsplit('/').next().unwrap_or_default();
        let serving = ContainerId(subject.scenario().workload.template.serving);
        match names.pod(name, "") {
            Some(pod) => Fault::Befalls(vec![Action::Environment(step(pod, serving))]),
            None => Fault::NotHere,
        }
    };
    // Whatever keeps a component running starts it again, and no file shows when it leads again.
    let restarts = |stops, starts| Fault::Befalls(vec![Action::Environment(stops), Action::Process(starts)]);
    match &*event.fault {
        "poweroff-node" => node(|node| Action::Environment(Environment::CrashNode { node })),
        "poweron-node" => node(|node| Action::Environment(Environment::ReturnNode { node })),
        "partition-start" => node(|node| Action::Environment(Environment::PartitionNode { node })),
        "partition-heal" => node(|node| Action::Environment(Environment::HealPartition { node })),
        "sigterm-kubelet" | "sigkill-kubelet" => {
            node(|node| Action::Environment(Environment::StopKubelet { node }))
        }
        UNHEARD => names.node(&event.target).map_or(Fault::NotHere, Fault::Unheard),
        "start-kubelet" => names.node(&event.target).map_or(Fault::NotHere, Fault::Starts),
        "sigstop-containerd" => node(|node| Action::Environment(Environment::HangRuntime { node })),
        "sigcont-containerd" => node(|node| Action::Environment(Environment::RecoverRuntime { node })),
        "readiness-off" | "readiness-on" => {
            pod(&|pod, container| Environment::ChangeReadiness { pod, container })
        }
        "liveness-off" | "liveness-on" => {
            pod(&|pod, container| Environment::ChangeLiveness { pod, container })
        }
        "sigterm-kcm" | "sigkill-kcm" => {
            restarts(Environment::StopControllerManager, Process::StartControllerManager)
        }
        "sigterm-scheduler" | "sigkill-scheduler" => {
            restarts(Environment::StopScheduler, Process::StartScheduler)
        }
        "apiserver-exited" => Fault::Befalls(vec![Action::Environment(Environment::StopApiServer)]),
        "apiserver-ready" => Fault::Befalls(vec![Action::Process(Process::StartApiServer)]),
        // Asked for through the API, or the beginning or the end of something else, or shown by a runtime.
        "create" | "delete" | "delete-grace-0" | "evict" | "cordon" | "uncordon" | "taint" | "untaint"
        | "label" | "unlabel" | "rolling-update" | "scale" | "poweroff-node-done" | "poweron-node-done"
        | "start-apiserver" | "sigterm-apiserver" | "sigkill-sandbox" | "kubelet-exited" | "kcm-exited"
        | "scheduler-exited" | "start-kcm" | "start-scheduler" => Fault::Elsewhere,
        _ if event.by_request => Fault::Elsewhere,
        _ => Fault::NotModelled,
    }
}
