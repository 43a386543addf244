//! What each class of steps reads and writes: the declared footprints that say which steps depend on one another.
//!
//! A guard's reads count as the step's. A step that waits until nothing else is possible (a slow timer, the story's event)
//! reads everything, and what befalls the cluster is declared to write everything too. Two steps whose footprints do not
//! meet commute: neither makes the other impossible, and both orders end in the same state, up to the names of pods. What
//! ends a step belongs to it:
//!
//! - a drain or another eviction is over, or a pod is off its list: declared for steps that write a pod that is listed;
//! - a neighbour's address is forgotten: declared for steps that write where it is remembered;
//! - a slot is free: declared for nobody. Whoever is the last to forget a pod frees its slot, in every order.

pub use podproof_vocabulary::Resource;
use podproof_vocabulary::action::{
    Action, Container, Deployment, Disruption, Drain, Kubelet, NodeLifecycle, PodGarbageCollector,
    ReplicaSet, Scheduler, TaintEviction, Watch, Watcher,
};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::scenario::Strategy;
use podproof_vocabulary::{NodeId, PodId, Property};

use crate::cluster::Cluster;
use crate::controllers::replica_set;
use crate::state::Worker;
use crate::time;

/// What a step reads and writes; sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// What decides whether it is possible and what it does.
    pub reads: Vec<Resource>,
    /// What it changes.
    pub writes: Vec<Resource>,
}

impl Footprint {
    /// Does the order of two steps matter, as far as is declared?
    pub fn meets(&self, other: &Self) -> bool {
        let touches = |one: &[Resource], other: &[Resource]| {
            one.iter().any(|resource| other.binary_search(resource).is_ok())
        };
        touches(&self.writes, &other.writes)
            || touches(&self.writes, &other.reads)
            || touches(&self.reads, &other.writes)
    }

    /// What either reads and writes.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.reads.extend(&other.reads);
        self.writes.extend(&other.writes);
        self.sorted()
    }

    fn sorted(mut self) -> Self {
        for list in [&mut self.reads, &mut self.writes] {
            list.sort_unstable();
            list.dedup();
        }
        self
    }

    fn reads(mut self, more: impl IntoIterator<Item = Resource>) -> Self {
        self.reads.extend(more);
        self
    }

    fn writes(mut self, more: impl IntoIterator<Item = Resource>) -> Self {
        self.writes.extend(more);
        self
    }

    /// Reads and writes.
    fn changes(self, more: impl IntoIterator<Item = Resource> + Clone) -> Self {
        self.reads(more.clone()).writes(more)
    }
}

/// Lists of resources of one cluster.
struct Of<'c, 'a>(&'c Cluster<'a>);

impl Of<'_, '_> {
    fn pods(&self, each: fn(PodId) -> Resource) -> Vec<Resource> {
        self.0.pod_ids().map(each).collect()
    }

    fn nodes(&self, each: fn(NodeId) -> Resource) -> Vec<Resource> {
        self.0.node_ids().map(each).collect()
    }

    fn replica_sets(&self) -> Vec<Resource> {
        self.0.revision_ids().map(Resource::ReplicaSet).collect()
    }

    fn rules_on(&self, node: NodeId) -> Vec<Resource> {
        self.0.pod_ids().map(|pod| Resource::Rules(node, pod)).collect()
    }

    fn rules_of(&self, pod: PodId) -> Vec<Resource> {
        self.0.node_ids().map(|node| Resource::Rules(node, pod)).collect()
    }

    fn everything(&self) -> Vec<Resource> {
        use Resource as R;
        let of_pods = [R::Head, R::Object, R::Scheduler, R::Controller, R::Kubelet, R::Slice];
        let of_nodes = [R::Node, R::SchedulerNode, R::ControllerNode, R::Machine];
        let mut all =
            vec![R::Deployment, R::DeploymentCopy, R::Choosing, R::Budget, R::ControlPlane, R::Events];
        of_pods.into_iter().for_each(|each| all.extend(self.pods(each)));
        of_nodes.into_iter().for_each(|each| all.extend(self.nodes(each)));
        self.0.node_ids().for_each(|node| all.extend(self.rules_on(node)));
        all.extend(self.replica_sets());
        all
    }
}

/// Every part of a cluster.
pub fn everything(cluster: &Cluster<'_>) -> Vec<Resource> {
    Of(cluster).everything()
}

/// The footprint of a step that is possible in a cluster.
pub fn of(cluster: &Cluster<'_>, action: &Action) -> Footprint {
    let list = Of(cluster);
    let slow = time::is_slow(cluster, action);
    let waits_for_quiet = slow && cluster.rules.approximates(Approximation::SlowTimersWhenQuiet);
    let footprint = of_class(cluster, &list, action).reads([Resource::ControlPlane, Resource::Choosing]);
    let footprint = if waits_for_quiet { footprint.reads(list.everything()) } else { footprint };
    with_what_ends_it(cluster, footprint).sorted()
}

/// What is declared of the step alone.
fn of_class(cluster: &Cluster<'_>, list: &Of<'_, '_>, action: &Action) -> Footprint {
    use Resource as R;
    let nothing = Footprint::default();
    match *action {
        Action::Tick | Action::Process(_) | Action::Environment(_) => nothing.changes(list.everything()),
        Action::Watch(step) => of_watch(cluster, list, step),
        Action::Scheduler(step) => of_scheduler(cluster, list, step),
        Action::Deployment(
            Deployment::CreateReplicaSet { revision, .. } | Deployment::ScaleReplicaSet { revision, .. },
        ) => {
            let recreates = cluster.rules.scenario.workload.strategy == Strategy::Recreate;
            let old_pods =
                if recreates { [list.pods(R::Controller), list.pods(R::Head)].concat() } else { Vec::new() };
            let deadline = cluster.rules.scenario.workload.progress_deadline_seconds;
            nothing
                .reads(list.replica_sets())
                .reads(old_pods)
                .reads([R::DeploymentCopy])
                .writes([R::ReplicaSet(revision)])
                .changes(deadline.map(|_| R::Deployment))
        }
        Action::Deployment(Deployment::ExceedProgressDeadline) => {
            nothing.reads(list.replica_sets()).changes([R::Deployment])
        }
        Action::ReplicaSet(step) => of_replica_set(cluster, list, step),
        Action::NodeLifecycle(step) => match step {
            NodeLifecycle::MarkNodeUnknown { node } => {
                let pods = list.pods(R::Controller);
                nothing
                    .reads([R::Machine(node), R::ControllerNode(node)])
                    .changes(pods)
                    .changes([R::Node(node)])
            }
            NodeLifecycle::MarkPodNotReady { pod } => nothing.changes([R::Controller(pod), R::Object(pod)]),
            NodeLifecycle::TaintNoSchedule { node } | NodeLifecycle::TaintNoExecute { node } => {
                nothing.reads(list.nodes(R::ControllerNode)).changes([R::Node(node)])
            }
        },
        Action::TaintEviction(TaintEviction::DeletePod { pod }) => nothing
            .reads(list.nodes(R::ControllerNode))
            .reads([R::Controller(pod)])
            .changes([R::Object(pod), R::Head(pod)]),
        Action::PodGarbageCollector(
            PodGarbageCollector::FailPod { pod } | PodGarbageCollector::DeletePod { pod },
        ) => nothing.reads([list.nodes(R::ControllerNode), list.nodes(R::Node)].concat()).changes([
            R::Object(pod),
            R::Controller(pod),
            R::Head(pod),
            R::Kubelet(pod),
        ]),
        Action::Disruption(Disruption::UpdateStatus | Disruption::ForgetDisruption { .. }) => nothing
            .reads([list.replica_sets(), list.pods(R::Object), vec![R::DeploymentCopy]].concat())
            .changes([list.pods(R::Controller), list.pods(R::Head), vec![R::Budget]].concat()),
        Action::EndpointSlice(_) => nothing
            .reads([list.pods(R::Controller), list.nodes(R::ControllerNode)].concat())
            .changes(list.pods(R::Slice))
            .changes(if cluster.rules.may_lose_node_objects() {
                list.pods(R::Controller)
            } else {
                Vec::new()
            }),
        Action::Kubelet(step) => of_kubelet(cluster, list, step),
        Action::Container(Container::Listen { pod, .. } | Container::Exit { pod, .. }) => {
            nothing.reads(machine_of(cluster, pod)).changes([R::Kubelet(pod)])
        }
        Action::Container(Container::ReuseAddress { pod }) => nothing
            .reads(
                [machine_of(cluster, pod), list.rules_of(pod), vec![R::Kubelet(pod), R::Slice(pod)]].concat(),
            )
            .changes([R::Head(pod), R::ControlPlane]),
        Action::Proxy(podproof_vocabulary::action::Proxy::ProgramRules { node }) => {
            nothing.reads([R::Machine(node)]).changes(list.rules_on(node))
        }
        Action::Drain(Drain::ListPods) => {
            nothing.reads(list.pods(R::Object)).changes(list.pods(R::Head)).changes([R::ControlPlane])
        }
        Action::Drain(Drain::EvictPod { pod }) => {
            nothing.reads([R::Object(pod)]).changes([R::Head(pod), R::Budget])
        }
        Action::Drain(Drain::DeletePod { pod }) => {
            nothing.reads([R::Budget]).changes([R::Head(pod), R::Object(pod), R::ControlPlane])
        }
    }
}

fn of_watch(cluster: &Cluster<'_>, list: &Of<'_, '_>, step: Watch) -> Footprint {
    use Resource as R;
    let nothing = Footprint::default();
    match step {
        // News may wake whatever is parked.
        Watch::DeliverPod { to: Watcher::Scheduler, pod } => {
            nothing.reads([R::Object(pod)]).changes(list.pods(R::Scheduler))
        }
        Watch::DeliverPod { to: Watcher::Kubelet(node), pod } => {
            let asks_admission = cluster.pod(pod).kubelet.worker() == Worker::None;
            let others = match asks_admission && !cluster.rules.filters.ignore_occupants(cluster.rules.pods) {
                true => list.pods(R::Kubelet),
                false => Vec::new(),
            };
            let taints = asks_admission.then_some(R::Node(node));
            let news = [R::Machine(node), R::Object(pod), R::Head(pod)];
            nothing.reads(others).reads(taints).reads(news).changes([R::Kubelet(pod)])
        }
        Watch::DeliverPod { to: Watcher::ControllerManager | Watcher::Proxy(_), pod } => {
            let news = nothing.reads([R::Object(pod)]).changes([R::Controller(pod)]);
            match cluster.rules.may_lose_node_objects() {
                // Whose Node object is gone leaves the slice with news of any pod.
                true => news
                    .reads([list.pods(R::Slice), list.nodes(R::ControllerNode)].concat())
                    .changes(list.pods(R::Controller)),
                false => news,
            }
        }
        Watch::DeliverNode { to: Watcher::Scheduler, node } => {
            nothing.reads([R::Node(node)]).changes(list.pods(R::Scheduler)).changes([R::SchedulerNode(node)])
        }
        Watch::DeliverNode { node, .. } => {
            let news = nothing.reads([R::Node(node)]).changes([R::ControllerNode(node)]);
            match cluster.rules.may_lose_node_objects() {
                // A node that goes leaves its pods their timers, and the mutant's collector looks at them; who is about to look at the Service
                // finds them without a node.
                true => news
                    .reads([list.pods(R::Slice), list.nodes(R::ControllerNode)].concat())
                    .changes(list.pods(R::Controller)),
                false => news,
            }
        }
        Watch::DeliverDeployment => nothing.reads([R::Deployment]).changes([R::DeploymentCopy]),
        Watch::DeliverReplicaSet { revision } => nothing.changes([R::ReplicaSet(revision)]),
        Watch::DeliverBudget => {
            nothing.reads(list.pods(R::Head)).changes(list.pods(R::Controller)).changes([R::Budget])
        }
        Watch::DeliverSlice { node } => {
            nothing.reads(list.pods(R::Slice)).reads([R::Machine(node)]).changes(list.rules_on(node))
        }
        Watch::List { .. } => nothing.changes(list.everything()),
    }
}

fn of_scheduler(cluster: &Cluster<'_>, list: &Of<'_, '_>, step: Scheduler) -> Footprint {
    use Resource as R;
    let nothing = Footprint::default();
    match step {
        Scheduler::AssumePod { pod, .. } | Scheduler::ParkPod { pod } | Scheduler::FlushPod { pod } => {
            let occupants = match cluster.rules.filters.ignore_occupants(cluster.rules.pods) {
                true => Vec::new(),
                false => [list.pods(R::Scheduler), list.pods(R::Head)].concat(),
            };
            nothing.reads(occupants).reads(list.nodes(R::SchedulerNode)).changes([R::Scheduler(pod)])
        }
        // A binding that is refused wakes what is parked.
        Scheduler::BindPod { pod } => {
            let object = cluster.pod(pod).api;
            let is_refused = !object.exists() || object.is_deleting() || object.node().is_some();
            let woken = if is_refused { list.pods(R::Scheduler) } else { Vec::new() };
            nothing.changes(woken).changes([R::Scheduler(pod), R::Object(pod), R::Head(pod)])
        }
    }
}

fn of_replica_set(cluster: &Cluster<'_>, list: &Of<'_, '_>, step: ReplicaSet) -> Footprint {
    use Resource as R;
    let nothing = Footprint::default();
    let pods = || [list.pods(R::Controller), list.pods(R::Head)].concat();
    match step {
        ReplicaSet::PlanReplicas { revision } => {
            nothing.reads(pods()).changes([R::ReplicaSet(revision), R::Choosing])
        }
        ReplicaSet::ChooseVictim { pod } => nothing.reads(pods()).changes([
            R::Controller(pod),
            R::ReplicaSet(cluster.revision_of(pod)),
            R::Choosing,
        ]),
        ReplicaSet::CreatePod { revision } => match crate::api_server::pods::free_slot(cluster) {
            Some(pod) => nothing.reads(list.pods(R::Head)).changes([
                R::Head(pod),
                R::Object(pod),
                R::Controller(pod),
                R::ReplicaSet(revision),
            ]),
            None => nothing.changes(list.everything()),
        },
        ReplicaSet::DeletePod { pod } => nothing.changes([R::Controller(pod), R::Object(pod), R::Head(pod)]),
        ReplicaSet::UpdateStatus { revision } => {
            let deadline = cluster.rules.scenario.workload.progress_deadline_seconds;
            nothing
                .reads([pods(), list.replica_sets()].concat())
                .changes([R::ReplicaSet(revision)])
                .changes(deadline.map(|_| R::Deployment))
        }
        ReplicaSet::CountAvailable { pod } => nothing.changes([R::Controller(pod)]),
    }
}

/// The machine that a pod is on.
fn machine_of(cluster: &Cluster<'_>, pod: PodId) -> Vec<Resource> {
    let node = cluster.pod(pod).kubelet.node().or(cluster.pod(pod).head.node());
    node.filter(|node| node.index() < cluster.rules.nodes).map(Resource::Machine).into_iter().collect()
}

fn of_kubelet(cluster: &Cluster<'_>, list: &Of<'_, '_>, step: Kubelet) -> Footprint {
    use Resource as R;
    let nothing = Footprint::default();
    // A relist may be stuck over the number of sandboxes.
    let sandboxes = || if cluster.rules.has_hangs() { list.pods(R::Kubelet) } else { Vec::new() };
    let own = |pod: PodId| {
        nothing.clone().reads(machine_of(cluster, pod)).reads(sandboxes()).changes([R::Kubelet(pod)])
    };
    match step {
        // CNI gives an address that nobody remembers.
        Kubelet::CreateSandbox { pod } => own(pod).reads(list.rules_of(pod)).reads([
            R::Object(pod),
            R::Controller(pod),
            R::Slice(pod),
            R::Head(pod),
        ]),
        Kubelet::ReportStatus { pod } => own(pod).changes([R::Object(pod)]),
        Kubelet::RemovePod { pod } => own(pod).changes([R::Object(pod), R::Head(pod)]),
        Kubelet::BeginTermination { pod }
        | Kubelet::StopSandbox { pod }
        | Kubelet::FinishPod { pod }
        | Kubelet::ForgetPod { pod }
        | Kubelet::StartContainer { pod, .. }
        | Kubelet::StopContainer { pod, .. }
        | Kubelet::RunPreStop { pod, .. }
        | Kubelet::FinishPreStop { pod, .. }
        | Kubelet::ExpireGrace { pod, .. }
        | Kubelet::SendSigterm { pod, .. }
        | Kubelet::SendSigkill { pod, .. }
        | Kubelet::FlipReadiness { pod, .. }
        | Kubelet::PassStartup { pod, .. }
        | Kubelet::FailProbe { pod, .. } => own(pod),
        Kubelet::Relist { node } => nothing.changes(list.pods(R::Kubelet)).changes([R::Machine(node)]),
        Kubelet::NoticeHang { node } => nothing.reads(sandboxes()).changes([R::Machine(node)]),
        Kubelet::ReportNodeStatus { node } => {
            let registers = cluster.node(node).machine.must_register();
            nothing
                .reads([R::Machine(node)])
                .changes(registers.then_some(R::Machine(node)))
                .changes([R::Node(node)])
        }
    }
}

/// With what happens at the end of every step because of what it wrote.
fn with_what_ends_it(cluster: &Cluster<'_>, footprint: Footprint) -> Footprint {
    use Resource as R;
    let control = cluster.shared.control_plane;
    let mut more = Vec::new();
    for &resource in &footprint.writes {
        let of = match resource {
            R::Head(pod) | R::Object(pod) => {
                let head = cluster.pod(pod).head;
                (control.evicts() && (head.drain_listed() || head.eviction_granted())).then_some(pod)
            }
            R::Slice(pod) | R::Rules(_, pod) => {
                (control.neighbour_moved() && cluster.pod(pod).head.reused_address().is_some()).then_some(pod)
            }
            _ => None,
        };
        more.extend(of.into_iter().flat_map(|pod| [R::Head(pod), R::ControlPlane]));
    }
    let is_last = more.contains(&R::ControlPlane);
    let heads = if is_last { Of(cluster).pods(R::Head) } else { Vec::new() };
    footprint.reads(heads).changes(more)
}

/// What a promise looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A step, and what that reads.
    Step,
    /// Each pod by itself.
    EachPod,
    /// All of these together.
    All(Vec<Resource>),
}

/// What a safety promise looks at. Two steps of which at most one writes that show it the same in both orders. Of a pod itself they may
/// not where the collector removes it and its kubelet goes on with it.
pub fn sight_of(cluster: &Cluster<'_>, property: Property) -> Sight {
    use Resource as R;
    let list = Of(cluster);
    let pods = |all: &[fn(PodId) -> Resource]| all.iter().flat_map(|&each| list.pods(each)).collect();
    let alone = cluster.rules.filters.ignore_occupants(cluster.rules.pods);
    match property {
        Property::ReadyMeansReady | Property::RolloutWithinBounds => Sight::Step,
        Property::TerminalIsFinal
        | Property::StoppedBeforeGone
        | Property::GraceHonoured
        | Property::InitBeforeApp
        | Property::SandboxHoldsNamespaces => Sight::EachPod,
        Property::PlacementLawful if alone => Sight::EachPod,
        Property::PlacementLawful => Sight::All(pods(&[R::Kubelet, R::Scheduler])),
        Property::OneAddressOnePod | Property::PodsWithinSurge => {
            Sight::All(pods(&[R::Object, R::Kubelet, R::Head]))
        }
        Property::DisruptionBudgetKept => Sight::All(pods(&[R::Object])),
        // Those of the rules, and those of progress, of which nothing is said here.
        _ => Sight::All(list.everything()),
    }
}

/// The ReplicaSet that is choosing, for tests of [`Resource::Choosing`].
pub fn is_choosing(cluster: &Cluster<'_>) -> bool {
    replica_set::choosing(cluster).is_some()
}
