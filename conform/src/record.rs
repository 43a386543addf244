//! What an entry of a log can say.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

/// Microseconds since the epoch.
pub type Micros = i64;

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named.
    pub file: Rc<str>,
    /// The line, from 1.
    pub line: u64,
}

/// One entry of a log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// It happened neither before this moment: of a write, when the request was received.
    pub from: Micros,
    /// nor after this one: of a write, when the answer was sent.
    pub to: Micros,
    /// What it says.
    pub seen: Seen,
}

/// What an entry says.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A write to the API server, granted or refused.
    Write(Box<Write>),
    /// The objects of a resource, as a watch began with them.
    List(Vec<Object>),
    /// A watch told of an object; nobody says who wrote it.
    Change(Box<Change>),
    /// A watch told of a write. It is one of these, by different writers, the likeliest first.
    Told(Vec<Write>),
    /// The container runtime of a node did something.
    Runtime(RuntimeEvent),
    /// A process said something of itself.
    App(AppEvent),
    /// The rules of a node were read or written.
    Rules(RulesEvent),
    /// A connection was tried.
    Request(RequestEvent),
    /// Somebody did something to the cluster.
    Fault(FaultEvent),
    /// A kubelet renewed a lease: a sign of life.
    Renewal {
        /// The node whose kubelet did.
        node: Rc<str>,
        /// The name of the lease: that of its node.
        lease: Rc<str>,
    },
    /// A watch was interrupted: what it should have told since then may be missing, and changes that come with this entry are made of
    /// what there was when it began anew.
    Missed {
        /// When it told of the last thing before.
        since: Micros,
    },
    /// Something that no part of the model speaks of: a word for the list of what is not modelled, such as `leases`.
    Other(Rc<str>),
}

/// What a write asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Verb {
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

/// A write to the API server.
#[derive(Clone, Debug)]
pub struct Write {
    /// `user.username`.
    pub user: Rc<str>,
    /// `userAgent`, or nothing.
    pub agent: Rc<str>,
    /// What was asked for.
    pub verb: Verb,
    /// `objectRef.resource`, for example `pods`.
    pub resource: Rc<str>,
    /// `objectRef.subresource`, or nothing.
    pub subresource: Rc<str>,
    /// `objectRef.namespace`, or nothing.
    pub namespace: Rc<str>,
    /// `objectRef.name`, else the name that the object got.
    pub name: Rc<str>,
    /// The UID of the object, if the request or the answer has it.
    pub uid: Rc<str>,
    /// The version of the object that an update is of.
    pub asked_version: Option<u64>,
    /// When it was received and answered, by the clock of its API server alone.
    pub took: Option<(Micros, Micros)>,
    /// The UID that the object has to have.
    pub asked_uid: Option<Rc<str>>,
    /// What it was answered with is not what it asked for: in what, in words.
    pub disagrees: Option<Rc<str>>,
    /// `responseStatus.code`; 0 if the log does not say.
    pub code: u16,
    /// `gracePeriodSeconds` of a deletion, if it sets one.
    pub grace_seconds: Option<i64>,
    /// The log has what was asked for: what is not set above was not asked for.
    pub shows_request: bool,
    /// The log has nothing but that: the object is what the request makes of those that there were.
    pub only_asked: bool,
    /// What the pod is made of that a creation asks for, as [`ReplicaSetFacts::pods`]; of a ReplicaSet, as [`DeploymentFacts::pods`].
    pub made_of: Option<u64>,
    /// `spec` of the pod that a creation asks for, before admission changes it.
    pub asked_spec: Option<Rc<Value>>,
    /// `target.name` of a binding.
    pub target: Option<Rc<str>>,
    /// The object after the write, if the log has it.
    pub object: Option<Object>,
    /// `metadata.resourceVersion` of that object.
    pub resource_version: Option<u64>,
}

impl Write {
    /// A write of which no more is known than this, and that it was granted.
    pub fn granted(verb: Verb) -> Self {
        Self {
            user: "".into(),
            agent: "".into(),
            verb,
            resource: "".into(),
            subresource: "".into(),
            namespace: "".into(),
            name: "".into(),
            uid: "".into(),
            asked_version: None,
            took: None,
            asked_uid: None,
            disagrees: None,
            code: 200,
            grace_seconds: None,
            shows_request: false,
            only_asked: false,
            made_of: None,
            asked_spec: None,
            target: None,
            object: None,
            resource_version: None,
        }
    }
}

/// An event of a watch.
#[derive(Clone, Debug)]
pub struct Change {
    /// ADDED, MODIFIED or DELETED.
    pub kind: ChangeKind,
    /// `metadata.resourceVersion`.
    pub resource_version: Option<u64>,
    /// The object.
    pub object: Object,
}

/// The type of a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// An object of the API, with the fields that matter here, and whole.
#[derive(Clone, Debug)]
pub struct Object {
    /// `metadata.namespace`, or nothing.
    pub namespace: Rc<str>,
    /// `metadata.name`.
    pub name: Rc<str>,
    /// `metadata.uid`, or nothing.
    pub uid: Rc<str>,
    /// The owner that is the controller.
    pub owner: Option<Owner>,
    /// `metadata.labels`.
    pub labels: Rc<BTreeMap<String, String>>,
    /// The rest, by its kind.
    pub facts: Facts,
    /// The object as the log has it.
    pub whole: Rc<Value>,
}

/// An owner reference with `controller: true`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub struct Owner {
    pub kind: Rc<str>,
    pub name: Rc<str>,
    pub uid: Rc<str>,
}

/// What matters of an object.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum Facts {
    Pod(PodFacts),
    Node(NodeFacts),
    Deployment(DeploymentFacts),
    ReplicaSet(ReplicaSetFacts),
    EndpointSlice(SliceFacts),
    PodDisruptionBudget(BudgetFacts),
    Service,
    /// Another kind: its name.
    Other(Rc<str>),
}

/// What matters of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// `spec.nodeName`.
    pub node: Option<Rc<str>>,
    /// `status.phase`; Pending where the log has none.
    pub phase: Rc<str>,
    /// Condition Ready is True.
    pub ready: bool,
    /// `status.podIP`.
    pub ip: Option<Rc<str>>,
    /// `status.podIPs` beside that: where there are two families, one of each.
    pub more_ips: Vec<Rc<str>>,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `metadata.deletionGracePeriodSeconds`.
    pub deletion_grace_seconds: Option<i64>,
    /// `metadata.finalizers` is not empty.
    pub finalizers: bool,
    /// `status.initContainerStatuses` and `status.containerStatuses`.
    pub containers: Vec<ContainerFacts>,
}

/// The status of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Its name.
    pub name: Rc<str>,
    /// It is an init container.
    pub init: bool,
    /// `state`.
    pub state: ContainerStateSeen,
    /// `ready`.
    pub ready: bool,
    /// `restartCount`.
    pub restarts: u32,
}

/// The state of a container, as its status has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerStateSeen {
    /// `waiting`, and why.
    Waiting(Rc<str>),
    /// `running`.
    Running,
    /// `terminated`, with its exit code.
    Terminated(i32),
}

/// What matters of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Condition Ready: True, False or Unknown.
    pub ready: Option<Rc<str>>,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// `spec.taints`: key, value, effect.
    pub taints: Vec<(Rc<str>, Rc<str>, Rc<str>)>,
}

/// What matters of a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentFacts {
    /// `spec.replicas`.
    pub replicas: u32,
    /// `spec.template`, as one number that differs when it does.
    pub template: u64,
    /// The labels and the images of `spec.template`, as one number: those of a ReplicaSet of it beside the label that this adds.
    pub pods: u64,
    /// `spec.paused`.
    pub paused: bool,
    /// Condition Progressing is False because its deadline ran out.
    pub deadline_exceeded: bool,
}

/// What matters of a ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSetFacts {
    /// `spec.replicas`.
    pub replicas: u32,
    /// The labels and the images of `spec.template`, as one number that differs when they do.
    pub pods: u64,
    /// `status.availableReplicas`.
    pub available: u32,
    /// Annotation `deployment.kubernetes.io/desired-replicas`.
    pub desired: Option<u32>,
}

/// What matters of an EndpointSlice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SliceFacts {
    /// Label `kubernetes.io/service-name`.
    pub service: Rc<str>,
    /// `addressType`: the family of its addresses.
    pub family: Rc<str>,
    /// `endpoints`.
    pub endpoints: Vec<EndpointFacts>,
    /// `ports`: number and protocol.
    pub ports: BTreeSet<(u16, Rc<str>)>,
}

/// An endpoint of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointFacts {
    /// Its first address.
    pub address: Rc<str>,
    /// How many addresses it has beside that.
    pub more_addresses: usize,
    /// `nodeName`; in older releases a part of the topology.
    pub node: Option<Rc<str>>,
    /// `targetRef.name` of a pod.
    pub pod: Option<Rc<str>>,
    /// `targetRef.uid`.
    pub uid: Option<Rc<str>>,
    /// `conditions.ready`; unset is true.
    pub ready: bool,
    /// `conditions.serving`; unset is as `ready`.
    pub serving: bool,
    /// `conditions.terminating`; unset is false.
    pub terminating: bool,
}

/// What matters of a PodDisruptionBudget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetFacts {
    /// `status.disruptionsAllowed`.
    pub allowed: u32,
    /// `status.currentHealthy`.
    pub healthy: u32,
    /// `status.desiredHealthy`.
    pub desired: u32,
    /// The names in `status.disruptedPods`.
    pub disrupted: Vec<Rc<str>>,
}

/// Something that the container runtime of a node did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeEvent {
    /// The node.
    pub node: Rc<str>,
    /// The pod's namespace, name and UID.
    pub namespace: Rc<str>,
    /// Its name.
    pub pod: Rc<str>,
    /// Its UID.
    pub uid: Rc<str>,
    /// The container; none is the sandbox.
    pub container: Option<Rc<str>>,
    /// What.
    pub what: RuntimeWhat,
    /// Which command it is that runs beside the process; nothing, if it is the process itself.
    pub command: Rc<str>,
}

/// What a container runtime did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeWhat {
    /// The process was started.
    Started,
    /// The process ended, with this exit status.
    Exited(i32),
    /// What was left of it was removed.
    Deleted,
    /// A process beside it was started: a preStop hook or an exec probe.
    ExecStarted,
    /// That process ended.
    ExecExited(i32),
}

/// Something that a process said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppEvent {
    /// Its pod's name.
    pub pod: Rc<str>,
    /// Its pod's UID, if it says so.
    pub uid: Option<Rc<str>>,
    /// Its node, if it says so.
    pub node: Option<Rc<str>>,
    /// Its container.
    pub container: Rc<str>,
    /// What.
    pub what: AppWhat,
}

/// What a process said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppWhat {
    /// It began.
    Started,
    /// It accepts connections.
    Listening,
    /// It got a signal, by number.
    Signal(i32),
    /// It exits with this code.
    Exit(i32),
    /// It answered a request: the client's number of it.
    Served(Rc<str>),
    /// It answered a probe of its kubelet at this path, well or not.
    Probed {
        /// The path.
        path: Rc<str>,
        /// The answer was one from 200 to 399.
        well: bool,
    },
}

/// The rules of a node, as they were read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesEvent {
    /// The node.
    pub node: Rc<str>,
    /// The write of kube-proxy itself, with exact times; else a sample of what is there.
    pub written: bool,
    /// For each Service, `namespace/name`, the addresses with their ports.
    pub endpoints: BTreeMap<String, Vec<String>>,
}

/// A connection that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestEvent {
    /// Its number.
    pub id: Rc<str>,
    /// The node that it came from.
    pub node: Rc<str>,
    /// The name of the pod that answered; or the error, such as `ECONNREFUSED`.
    pub outcome: Result<Rc<str>, Rc<str>>,
}

/// The fault that a recorder writes where it has lost the container runtime of a node.
pub const UNHEARD: &str = "RIG_DISCONNECTED";

/// Something that somebody did to the cluster beside the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultEvent {
    /// What, for example `poweroff-node`.
    pub fault: Rc<str>,
    /// To whom: a node, or an object.
    pub target: Rc<str>,
    /// The API server was asked for it, so an audit log shows what came of it.
    pub by_request: bool,
}

/// What is away when the API server is.
pub const API_SERVER: &str = "API server";

/// Something that is away for a while.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outage {
    /// What.
    pub what: &'static str,
    /// Whose.
    pub target: Rc<str>,
}

impl FaultEvent {
    /// What it takes away, or, if that is over with it, gives back.
    pub fn outage(&self) -> Option<(Outage, bool)> {
        let (what, is_over) = match &*self.fault {
            "poweroff-node" => ("machine", false),
            "poweron-node" => ("machine", true),
            "partition-start" => ("link", false),
            "partition-heal" => ("link", true),
            "sigterm-kubelet" => ("kubelet", false),
            "start-kubelet" => ("kubelet", true),
            "sigstop-containerd" => ("runtime", false),
            "sigcont-containerd" => ("runtime", true),
            "apiserver-exited" => (API_SERVER, false),
            "apiserver-ready" => (API_SERVER, true),
            _ => return None,
        };
        Some((Outage { what, target: Rc::clone(&self.target) }, is_over))
    }
}
