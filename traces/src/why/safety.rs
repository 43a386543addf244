//! Who is guilty where a safety property is broken.

use podproof_model::kubelet;
use podproof_model::properties::Subject;
use podproof_model::properties::placement::spelled_out::SpelledOut;
use podproof_model::properties::traffic::dark_to;
use podproof_model::state::Worker;
use podproof_model::traffic::{self, Origin};
use podproof_vocabulary::action::{Action, Drain, Kubelet, Scheduler};
use podproof_vocabulary::observation::{
    Deletion, EndpointSeen, Hook, Observation, Observe, Process, Sandbox,
};
use podproof_vocabulary::scenario::{ContainerKind, Scenario};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Property};

use super::{fallback, race};
use crate::names::Names;
use crate::walk::{Walk, World};
use crate::words::{phase_name, process_name};

/// Pods that a sentence names one by one.
const PODS_NAMED: usize = 8;

/// Both sides of the last step of a walk.
struct Scene<'s> {
    world: &'s World,
    walk: &'s Walk<'s>,
    scenario: &'s Scenario,
    action: &'s Action,
    before: Observation,
    after: &'s Observation,
    names: &'s Names,
}

/// Why the last step of `walk`, which was `action`, breaks `property`: a sentence for each culprit that can be told. None
/// if it does not break it.
pub(crate) fn safety(
    world: &World,
    walk: &Walk<'_>,
    action: &Action,
    names: &Names,
    property: Property,
) -> Vec<String> {
    let before = world.model().open(&walk.before, |cluster| Observation::of(cluster));
    let scenario = &world.model().rules.scenario;
    let scene = Scene { world, walk, scenario, action, before, after: &walk.seen, names };
    match property {
        Property::NoTrafficAfterSigterm => scene.traffic_after_sigterm(),
        Property::NoFailedRequest => scene.failed_request(),
        Property::NoMisroutedRequest => scene.misrouted_request(),
        Property::NoAvoidableBlackout => scene.blackout(),
        Property::ReadyMeansReady => scene.wrong_slice(),
        Property::PlacementLawful => scene.placement(),
        Property::DisruptionBudgetKept => scene.budget(),
        Property::RolloutWithinBounds => scene.rollout(),
        Property::PodsWithinSurge => scene.surge(),
        Property::TerminalIsFinal => scene.terminal(),
        Property::StoppedBeforeGone => scene.gone(),
        Property::GraceHonoured => scene.grace(),
        Property::InitBeforeApp => scene.order(),
        Property::SandboxHoldsNamespaces => scene.namespaces(),
        Property::OneAddressOnePod => scene.addresses(),
        Property::ReplacedAfterNodeFailure
        | Property::ScheduledIfFeasible
        | Property::RolloutCompletes
        | Property::DeletionCompletes
        | Property::EndpointsConverge
        | Property::UnreachableEndpointsLeave
        | Property::CrashRecovers
        | Property::RuntimeHangDetected
        | Property::NoexecuteEvicts => Vec::new(),
    }
}

impl Scene<'_> {
    fn pods(&self) -> impl Iterator<Item = PodId> + use<> {
        PodId::first(self.after.pods())
    }

    fn containers(&self) -> impl Iterator<Item = ContainerId> + use<> {
        ContainerId::first(self.after.containers())
    }

    fn serving(&self) -> ContainerId {
        ContainerId(self.scenario.workload.template.serving)
    }

    fn runs(&self, pod: PodId) -> Option<ContainerId> {
        self.containers().find(|&container| self.after.container(pod, container).process == Process::Running)
    }

    /// A sentence for each destination of a living node's rules that is `guilty`.
    fn routes(&self, guilty: impl Fn(PodId, EndpointSeen) -> Option<String>) -> Vec<String> {
        let mut sentences = Vec::new();
        let mut places = Vec::new();
        for node in NodeId::first(self.after.nodes()).filter(|&node| self.after.node(node).powered) {
            for (pod, endpoint) in traffic::destinations(self.scenario, self.after, node) {
                let Some(which) = guilty(pod, endpoint) else { continue };
                places.push((node, pod, endpoint.ready));
                sentences.push(format!(
                    "{} still routes new connections of {} to {} ({}), {which}",
                    self.names.node(node),
                    self.names.service(),
                    self.names.pod(pod),
                    self.names.address(pod, endpoint.address)
                ));
            }
        }
        // The rules know of the deletion, and send connections there all the same.
        let fallen_back = places.iter().find(|&&(.., is_ready)| !is_ready);
        if let Some(&(node, ..)) = fallen_back {
            sentences.push(fallback::sentence(&self.names.node(node)));
            return sentences;
        }
        // Why the rules are old, if a deletion is on its way to them.
        sentences.extend(self.world.model().open(&self.walk.state, |cluster| {
            places.into_iter().find_map(|(node, pod, _)| race::behind(cluster, self.names, node, pod))
        }));
        sentences
    }

    fn traffic_after_sigterm(&self) -> Vec<String> {
        let serving = self.serving();
        self.routes(|pod, endpoint| {
            let signalled = self.after.container(pod, serving).sigterm;
            let own = self.after.sandbox(pod).address == Some(endpoint.address);
            (signalled && own)
                .then(|| format!("whose {} has received SIGTERM", self.names.container(serving)))
        })
    }

    fn failed_request(&self) -> Vec<String> {
        self.routes(|pod, endpoint| {
            let node = endpoint.node.map(|node| self.after.node(node));
            let reachable = node.is_none_or(|node| node.powered && node.connected);
            let reused = self.after.reused_address(pod) == Some(endpoint.address);
            let fails = reachable && !reused && !traffic::accepts(self.scenario, self.after, pod, endpoint);
            fails.then(|| self.refusal(pod, endpoint))
        })
    }

    /// Why nobody accepts at an endpoint.
    fn refusal(&self, pod: PodId, endpoint: EndpointSeen) -> String {
        let sandbox = self.after.sandbox(pod);
        let container = self.after.container(pod, self.serving());
        let name = self.names.container(self.serving());
        if sandbox.sandbox != Sandbox::Ready {
            return "whose sandbox is gone".to_owned();
        }
        if let Some(address) = sandbox.address.filter(|&address| address != endpoint.address) {
            return format!("which has {} now", self.names.address(pod, address));
        }
        match container.process {
            Process::Running if container.sigterm => format!("whose {name} accepts nothing since SIGTERM"),
            Process::Running if self.is_ready_unasked() => format!(
                "whose {name} accepts nothing yet (without a readinessProbe it is ready as soon as it runs)"
            ),
            Process::Running => format!("whose {name} accepts nothing yet"),
            process => format!("whose {name} {}", process_name(process)),
        }
    }

    /// Does nobody ask the serving container whether it is ready?
    fn is_ready_unasked(&self) -> bool {
        let serving = &self.scenario.workload.template.containers[self.serving().index()];
        serving.readiness_probe.is_none() && serving.startup_probe.is_none()
    }

    fn misrouted_request(&self) -> Vec<String> {
        self.routes(|pod, endpoint| {
            let reused = self.after.reused_address(pod) == Some(endpoint.address);
            reused.then(|| "and a pod of another workload has that address now".to_owned())
        })
    }

    fn blackout(&self) -> Vec<String> {
        self.world.model().open(&self.walk.state, |cluster| {
            let steady = cluster.used_pods().find(|&pod| podproof_model::time::is_steady(cluster, pod));
            let Some(steady) = steady else { return Vec::new() };
            let subject = Subject::Followed(cluster.shared.control_plane.followed());
            let sentence = |node| {
                let from = match dark_to(self.scenario, cluster, subject, node)? {
                    Origin::Inside => "",
                    Origin::Outside => " from outside the cluster",
                };
                let (pod, service) = (self.names.pod(steady), self.names.service());
                let name = self.names.node(node);
                Some(format!("{name} routes no connection of {service}{from} to a pod that accepts it, although {pod} has long been Ready"))
            };
            cluster.node_ids().filter_map(sentence).collect()
        })
    }

    fn wrong_slice(&self) -> Vec<String> {
        let publishes =
            self.scenario.service.as_ref().is_some_and(|service| service.publish_not_ready_addresses);
        self.world.model().open(&self.walk.before, |before| {
            let wrong = self.pods().filter_map(|pod| {
                let endpoint = self.after.endpoint(pod)?;
                let view = before.pod(pod).controller.view();
                let asked = publishes || (view.ready() && !view.deleting());
                let seen = match (view.ready(), view.deleting()) {
                    (_, true) => "deleting",
                    (true, false) => "Ready",
                    (false, false) => "not Ready",
                };
                let written = if endpoint.ready { "ready" } else { "not ready" };
                let pod = self.names.pod(pod);
                (endpoint.ready != asked).then(|| {
                    format!("the slice calls {pod} {written}, and its writer's copy of the pod is {seen}")
                })
            });
            wrong.collect()
        })
    }

    fn placement(&self) -> Vec<String> {
        let model = self.world.model();
        let mut sentences = Vec::new();
        if let Action::Scheduler(Scheduler::AssumePod { pod, node }) = *self.action {
            let lawful = model.open(&self.walk.before, |before| {
                let cache = podproof_model::scheduler::cache(before);
                SpelledOut::new(self.scenario, &cache, before.revision_of(pod)).is_lawful(node)
            });
            if !lawful {
                let (pod, node) = (self.names.pod(pod), self.names.node(node));
                sentences.push(format!("the scheduler's own cache rules {node} out for {pod}"));
            }
        }
        model.open(&self.walk.state, |after| {
            for node in after.node_ids() {
                let is_admitted = |pod: &PodId| {
                    matches!(after.pod(*pod).kubelet.worker(), Worker::Sync | Worker::Terminating)
                };
                let admitted: Vec<_> =
                    kubelet::known(after, node).filter(is_admitted).map(|pod| self.names.pod(pod)).collect();
                let room = model.rules.room[node.index()];
                if admitted.len() as u64 > room {
                    let node = self.names.node(node);
                    sentences.push(format!("{node} has room for {room} and runs {}", admitted.join(", ")));
                }
            }
        });
        sentences
    }

    fn budget(&self) -> Vec<String> {
        let (Action::Drain(Drain::DeletePod { pod }), Some(budget)) =
            (self.action, self.scenario.budgets.first())
        else {
            return Vec::new();
        };
        let wanted = self
            .before
            .deployment()
            .map_or(self.scenario.workload.replicas, |deployment| deployment.replicas);
        let neighbours = self.scenario.neighbours.iter().filter(|neighbour| neighbour.in_budget).count();
        let desired = budget.ask.desired_healthy(u32::from(wanted) + neighbours as u32);
        let healthy =
            |pod: &PodId| self.after.pod(*pod).is_some_and(|pod| pod.ready && pod.deletion == Deletion::None);
        let left = self.pods().filter(healthy).count() + neighbours;
        let (pod, name) = (self.names.pod(*pod), self.names.budget());
        vec![format!("the eviction of {pod} leaves {left} healthy pods, and {name} asks for {desired}")]
    }

    fn rollout(&self) -> Vec<String> {
        let (view, total, available) = self.world.model().open(&self.walk.state, |after| {
            let total: u32 = after.replica_sets.iter().map(|column| u32::from(column.replicas())).sum();
            let available: u32 =
                after.replica_sets.iter().map(|column| u32::from(column.available_seen())).sum();
            (after.shared.deployment_view, total, available)
        });
        let (surge, unavailable) = self.scenario.workload.strategy.fenceposts(view.replicas());
        let most = u32::from(view.replicas()) + u32::from(surge);
        let fewest = u32::from(view.replicas()).saturating_sub(unavailable.into());
        if total > most {
            return vec![format!("the ReplicaSets want {total} replicas now; replicas + maxSurge is {most}")];
        }
        vec![format!(
            "the controller sees {available} available pods and takes so many away that fewer than replicas - maxUnavailable, {fewest}, are left"
        )]
    }

    fn surge(&self) -> Vec<String> {
        let Some(deployment) = self.after.deployment() else { return Vec::new() };
        let lives = |pod: &PodId| {
            self.after.pod(*pod).is_some_and(|object| !object.phase.is_terminal())
                || self.runs(*pod).is_some()
        };
        let alive: Vec<_> = self.pods().filter(lives).map(|pod| self.names.pod(pod)).collect();
        let surge = self.scenario.workload.strategy.fenceposts(deployment.replicas).0;
        let most = usize::from(deployment.replicas) + usize::from(surge);
        let named = match alive.len() {
            ..=PODS_NAMED => format!(", {}", alive.join(", ")),
            _ => String::new(),
        };
        vec![format!("{} pods are alive at once{named}; replicas + maxSurge is {most}", alive.len())]
    }

    fn terminal(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for pod in self.pods() {
            let name = self.names.pod(pod);
            if let (Some(before), Some(after)) = (self.before.pod(pod), self.after.pod(pod))
                && before.phase.is_terminal()
                && before.phase != after.phase
            {
                sentences.push(format!(
                    "{name} was {} and is {}",
                    phase_name(before.phase),
                    phase_name(after.phase)
                ));
            }
            let terminates = self.before.sandbox(pod).terminating && self.after.sandbox(pod).terminating;
            for container in self.containers().filter(|_| terminates) {
                let runs = |seen: &Observation| seen.container(pod, container).process == Process::Running;
                if !runs(&self.before) && runs(self.after) {
                    let container = self.names.container(container);
                    sentences.push(format!(
                        "{container} of {name} is started although its worker terminates the pod"
                    ));
                }
            }
        }
        sentences
    }

    fn gone(&self) -> Vec<String> {
        let removed =
            self.pods().filter(|&pod| self.before.pod(pod).is_some() && self.after.pod(pod).is_none());
        let sentence = |pod| {
            let container = self.names.container(self.runs(pod)?);
            Some(format!("{} is removed while its {container} runs", self.names.pod(pod)))
        };
        removed.filter_map(sentence).collect()
    }

    fn grace(&self) -> Vec<String> {
        let seconds = self.scenario.workload.template.grace_seconds;
        match *self.action {
            Action::Kubelet(Kubelet::SendSigkill { pod, container }) => {
                let (pod, container) = (self.names.pod(pod), self.names.container(container));
                vec![format!(
                    "{container} of {pod} gets SIGKILL before the grace in force has run out (its own is {seconds} s)"
                )]
            }
            Action::Kubelet(Kubelet::SendSigterm { pod, container }) => {
                let hook = match self.before.container(pod, container).hook {
                    Hook::Running => "while its preStop hook runs",
                    Hook::None | Hook::Done => "before its preStop hook has run",
                };
                vec![format!(
                    "{} of {} gets SIGTERM {hook}",
                    self.names.container(container),
                    self.names.pod(pod)
                )]
            }
            _ => Vec::new(),
        }
    }

    fn order(&self) -> Vec<String> {
        let containers = &self.scenario.workload.template.containers;
        let process = |pod, container| self.before.container(pod, container).process;
        match *self.action {
            Action::Kubelet(Kubelet::StartContainer { pod, container }) => {
                let waits_for = |other: &ContainerId| {
                    let before =
                        *other < container || containers[container.index()].kind == ContainerKind::App;
                    match containers[other.index()].kind {
                        ContainerKind::Init => before && process(pod, *other) != Process::ExitedOk,
                        ContainerKind::Sidecar => before && process(pod, *other) == Process::Absent,
                        ContainerKind::App => false,
                    }
                };
                let started = format!("{} of {}", self.names.container(container), self.names.pod(pod));
                let sentence = |other| {
                    format!(
                        "{started} is started, and {} {}",
                        self.names.container(other),
                        process_name(process(pod, other))
                    )
                };
                self.containers().filter(waits_for).map(sentence).collect()
            }
            Action::Kubelet(Kubelet::SendSigterm { pod, container }) => {
                let apps =
                    self.containers().filter(|other| containers[other.index()].kind == ContainerKind::App);
                let running = apps.filter(|&other| process(pod, other) == Process::Running);
                let signalled = format!("{} of {}", self.names.container(container), self.names.pod(pod));
                running
                    .map(|app| format!("{signalled} gets SIGTERM while {} runs", self.names.container(app)))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn namespaces(&self) -> Vec<String> {
        let sentence = |pod| {
            let container = self.names.container(self.runs(pod)?);
            let sandbox = self.after.sandbox(pod);
            let lacks = match (sandbox.sandbox, sandbox.address) {
                (Sandbox::Ready, Some(_)) => return None,
                (Sandbox::Ready, None) => "its sandbox has no address",
                (Sandbox::None, _) => "its sandbox is gone",
                (Sandbox::Dead, _) => "its sandbox is dead",
            };
            Some(format!("{container} of {} runs, and {lacks}", self.names.pod(pod)))
        };
        self.pods().filter_map(sentence).collect()
    }

    fn addresses(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for pod in self.pods().filter(|&pod| self.after.sandbox(pod).sandbox == Sandbox::Ready) {
            let address = self.after.sandbox(pod).address;
            if let Some(address) = address.filter(|_| address == self.after.reused_address(pod)) {
                let (pod, address) = (self.names.pod(pod), self.names.address(pod, address));
                sentences.push(format!(
                    "the sandbox of {pod} holds {address}, and so does a pod of another workload"
                ));
            }
            let accepting: Vec<_> = self
                .containers()
                .filter(|&container| self.after.container(pod, container).accepting)
                .collect();
            let ports = |container: &ContainerId| {
                let ports = &self.scenario.workload.template.containers[container.index()].ports;
                ports.iter().map(|port| (port.port, port.protocol)).collect::<Vec<_>>()
            };
            for (place, one) in accepting.iter().enumerate() {
                let shared = accepting[..place]
                    .iter()
                    .find(|other| ports(one).iter().any(|port| ports(other).contains(port)));
                sentences.extend(shared.map(|other| {
                    let (one, other) = (self.names.container(*one), self.names.container(*other));
                    format!("{one} and {other} of {} listen on one port", self.names.pod(pod))
                }));
            }
        }
        let template = &self.scenario.workload.template;
        let claims = template
            .containers
            .iter()
            .any(|container| container.ports.iter().any(|port| port.host.is_some()));
        for node in NodeId::first(self.after.nodes()).filter(|_| claims) {
            let on_node = |pod: &PodId| self.after.pod(*pod).is_some_and(|object| object.node == Some(node));
            let holders: Vec<_> =
                self.pods().filter(on_node).filter(|&pod| self.runs(pod).is_some()).collect();
            if holders.len() > 1 {
                let holders: Vec<_> = holders.into_iter().map(|pod| self.names.pod(pod)).collect();
                sentences.push(format!(
                    "{} hold the same host port on {}",
                    holders.join(" and "),
                    self.names.node(node)
                ));
            }
        }
        sentences
    }
}
