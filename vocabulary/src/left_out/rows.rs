//! Kinds of objects and behaviours that are left out; and the whole table.

use super::fields::FIELDS;
use super::{Concern, Kind, Row};
use crate::event::EventName;
use crate::property::Property::{
    self, CrashRecovers, DeletionCompletes, DisruptionBudgetKept, EndpointsConverge, NoAvoidableBlackout,
    NoFailedRequest, NoMisroutedRequest, NoTrafficAfterSigterm, NoexecuteEvicts, PlacementLawful,
    PodsWithinSurge, ReplacedAfterNodeFailure, RolloutCompletes, ScheduledIfFeasible, StoppedBeforeGone,
    TerminalIsFinal, UnreachableEndpointsLeave,
};

/// Promises that pods start where there is room.
pub(super) const START: &[Property] =
    &[ReplacedAfterNodeFailure, ScheduledIfFeasible, RolloutCompletes, CrashRecovers];
/// Promises about placement.
pub(super) const PLACEMENT: &[Property] =
    &[PlacementLawful, ReplacedAfterNodeFailure, ScheduledIfFeasible, RolloutCompletes];
/// Promises about traffic.
pub(super) const TRAFFIC: &[Property] =
    &[NoTrafficAfterSigterm, NoFailedRequest, NoMisroutedRequest, NoAvoidableBlackout, EndpointsConverge];
/// Promises that speak of requests that fail.
pub(super) const REQUESTS: &[Property] = &[NoFailedRequest, NoAvoidableBlackout];
/// No verdict depends on it.
pub(super) const NONE: &[Property] = &[];

const fn object(what: &'static str, reason: &'static str, could_change: &'static [Property]) -> Row {
    Row {
        what,
        kind: Kind::Object,
        reason,
        could_change,
        concerns: Concern::WhenUsed,
        contradicts: false,
        adds: false,
    }
}

const fn behaviour(
    concerns: Concern,
    what: &'static str,
    reason: &'static str,
    could_change: &'static [Property],
) -> Row {
    Row { what, kind: Kind::Behaviour, reason, could_change, concerns, contradicts: false, adds: false }
}

const OBJECTS: &[Row] = &[
    object("StatefulSet", "its controller, with an identity for each pod, is not modelled", NONE),
    object(
        "DaemonSet",
        "its controller, with a pod for each node, is not modelled; its pods take no room on the nodes",
        PLACEMENT,
    ),
    object("Job", "its controller and pods that end are not modelled", NONE),
    object("CronJob", "its controller is not modelled", NONE),
    object("ReplicationController", "its controller is not modelled; a ReplicaSet does the same", NONE),
    object(
        "HorizontalPodAutoscaler",
        "what it scales is checked with its minReplicas, and nobody changes the replicas but a scale event",
        &[
            RolloutCompletes,
            ScheduledIfFeasible,
            NoTrafficAfterSigterm,
            NoFailedRequest,
            NoAvoidableBlackout,
            DisruptionBudgetKept,
        ],
    ),
    object(
        "VerticalPodAutoscaler",
        "nobody changes the requests, and nobody evicts pods for it",
        &[NoAvoidableBlackout],
    ),
    object(
        "PriorityClass",
        "priorities matter for preemption only, which is left out",
        &[ScheduledIfFeasible, DisruptionBudgetKept],
    ),
    object("NetworkPolicy", "every connection that a rule sends arrives", REQUESTS),
    object("Ingress", "what stands before a Service is left out", REQUESTS),
    object("Gateway", "what stands before a Service is left out", REQUESTS),
    object("HTTPRoute", "what stands before a Service is left out", REQUESTS),
    object("EndpointSlice", "slices are those that the controller writes", TRAFFIC),
    object("Endpoints", "endpoints are those that the controller writes", TRAFFIC),
    object(
        "ResourceQuota",
        "every pod that a controller creates is admitted",
        &[RolloutCompletes, ReplacedAfterNodeFailure],
    ),
    object("LimitRange", "requests are those of the manifest, and no admission changes them", PLACEMENT),
    object(
        "PersistentVolumeClaim",
        "volumes are not modelled: they bind and attach at once, anywhere",
        START,
    ),
    object("PersistentVolume", "volumes are not modelled: they bind and attach at once, anywhere", START),
    object("StorageClass", "volumes are not modelled: they bind and attach at once, anywhere", START),
    object("ConfigMap", "what a process is told is not modelled; it is assumed to be there", START),
    object("Secret", "what a process is told is not modelled; it is assumed to be there", START),
    object("ServiceAccount", "permissions are not modelled: nobody is refused", NONE),
    object("Role", "permissions are not modelled: nobody is refused", NONE),
    object("RoleBinding", "permissions are not modelled: nobody is refused", NONE),
    object("ClusterRole", "permissions are not modelled: nobody is refused", NONE),
    object("ClusterRoleBinding", "permissions are not modelled: nobody is refused", NONE),
    object("Namespace", "namespaces are names only, and none is ever deleted", NONE),
    object("MutatingWebhookConfiguration", "objects are stored as the manifest has them", START),
    object("ValidatingWebhookConfiguration", "every object that Kubernetes itself accepts is stored", START),
    object(
        "CustomResourceDefinition",
        "other controllers than those of Kubernetes itself are not modelled",
        NONE,
    ),
    object("RuntimeClass", "all nodes have one runtime, and pods have no overhead", PLACEMENT),
];

const BEHAVIOURS: &[Row] = &[
    behaviour(
        Concern::Always,
        "preemption",
        "no pod is deleted to make room for one of a higher priority",
        &[ScheduledIfFeasible, DisruptionBudgetKept],
    ),
    behaviour(
        Concern::Service,
        "established connections",
        "verdicts speak of new connections; what becomes of those that are open is not modelled",
        REQUESTS,
    ),
    behaviour(
        Concern::HeadlessService,
        "DNS records",
        "who resolves a headless Service keeps addresses for as long as it likes",
        REQUESTS,
    ),
    behaviour(
        Concern::ExternalService,
        "load balancers",
        "what stands before the nodes is left out: it sends connections to every living node, also where the health check of externalTrafficPolicy Local would pass it over; no-avoidable-blackout alone asks only nodes with a pod",
        REQUESTS,
    ),
    behaviour(
        Concern::Always,
        "image pulls",
        "an image is on the node as soon as it is wanted, and no pull fails; while one goes on nobody stops its pod, and its container starts \
         even so (PW-19)",
        &[
            ReplacedAfterNodeFailure,
            ScheduledIfFeasible,
            RolloutCompletes,
            CrashRecovers,
            DeletionCompletes,
            NoexecuteEvicts,
            TerminalIsFinal,
        ],
    ),
    behaviour(
        Concern::Always,
        "volumes",
        "volumes bind, attach and mount at once, anywhere, and never block a deletion",
        &[ScheduledIfFeasible, RolloutCompletes, ReplacedAfterNodeFailure, DeletionCompletes],
    ),
    behaviour(
        Concern::Always,
        "failing probes of a healthy process",
        "a probe succeeds exactly if the container accepts connections; none flaps but by readiness-change and \
         liveness-change events",
        &[NoAvoidableBlackout, RolloutCompletes, EndpointsConverge],
    ),
    behaviour(
        Concern::Always,
        "rate limits of controllers",
        "no zone is treated as disrupted, and evictions from failed nodes are not slowed down",
        &[ReplacedAfterNodeFailure, NoexecuteEvicts, UnreachableEndpointsLeave],
    ),
    behaviour(
        Concern::Deployment,
        "rollback and revision history",
        "nobody rolls back, and old ReplicaSets stay at size 0",
        NONE,
    ),
    behaviour(
        Concern::Events(&[EventName::ContainerCrash, EventName::ContainerExit]),
        "reset of the restart back-off",
        "a container that runs for ten minutes keeps the back-off of its earlier ends (CLB-3)",
        &[CrashRecovers, NoAvoidableBlackout],
    ),
    behaviour(
        Concern::Events(&[EventName::NodeCrash, EventName::NodePartition, EventName::KubeletRestart]),
        "new grace after a total outage",
        "when the first of several silent nodes comes back, the others get no new grace period (NLC-17): they count as \
         unreachable all the time",
        &[ReplacedAfterNodeFailure, NoexecuteEvicts, UnreachableEndpointsLeave],
    ),
    behaviour(
        Concern::Events(&[EventName::RuntimeHang, EventName::CniFailure]),
        "final status under a stuck PLEG",
        "a kubelet whose relist is stuck reports no final status for a pod whose containers it has just stopped (STP-6)",
        &[DeletionCompletes, CrashRecovers],
    ),
    behaviour(
        Concern::Events(&[EventName::ResourcePressure]),
        "a node under pressure",
        "a pod is evicted, and the pressure is gone: no condition and no taint keep pods of low quality of service off the node for five \
         minutes (EVM-9), and its kubelet rejects none of those that come (ADM-2)",
        &[
            NoAvoidableBlackout,
            PlacementLawful,
            ReplacedAfterNodeFailure,
            ScheduledIfFeasible,
            RolloutCompletes,
        ],
    ),
    behaviour(
        Concern::Deployment,
        "expiry of expectations",
        "a ReplicaSet controller waits for the news of the pods that it has created for as long as they take; in Kubernetes for five \
         minutes, and then it may create them once more (CTL-3, kubernetes/kubernetes#129795)",
        &[PodsWithinSurge],
    ),
    behaviour(
        Concern::Service,
        "errors of the EndpointSlice controller",
        "every write of a slice succeeds in the end; in Kubernetes a Service is dropped after 15 failures until its next event (EPS-8)",
        &[EndpointsConverge, UnreachableEndpointsLeave],
    ),
    behaviour(
        Concern::Always,
        "lost events of the PLEG",
        "no event is lost on a full channel; in Kubernetes one is healed by the next resync of its pod, after 60 to 90 s (PLEG-7)",
        &[CrashRecovers, DeletionCompletes],
    ),
    behaviour(
        Concern::Events(&[EventName::LostResponse]),
        "other writes whose outcome is lost",
        "the outcome is lost of creations and deletions of pods by the ReplicaSet controller and of bindings alone, not of statuses, \
         slices, evictions and taints",
        &[DisruptionBudgetKept, EndpointsConverge, DeletionCompletes],
    ),
    behaviour(
        Concern::Events(&[
            EventName::ControllerManagerRestart,
            EventName::SchedulerRestart,
            EventName::KubeletRestart,
            EventName::ApiServerRestart,
        ]),
        "stale first lists",
        "who starts lists what the store has now; in Kubernetes a first list may be older than what the same process has seen before it \
         was restarted (API-37; not with the streaming lists of API-38)",
        &[TerminalIsFinal, PodsWithinSurge],
    ),
    behaviour(
        Concern::Events(&[EventName::ControllerManagerRestart]),
        "taints when the node lifecycle controller begins",
        "a controller that begins leaves NoExecute taints as they are; in Kubernetes it takes them off every node first, and toleration \
         times begin anew",
        &[NoexecuteEvicts, ReplacedAfterNodeFailure],
    ),
    behaviour(
        Concern::Events(&[EventName::KubeletRestart]),
        "ready for a moment after a kubelet restart",
        "a kubelet that starts says of what it finds running what it knows, and nothing before its probes have told; in Kubernetes the \
         first status is made before the probes have workers, and says Ready of what is not: until 1.34 of all that runs, from 1.35 on of \
         what started less than ten seconds before (PRB-12, kubernetes/kubernetes#135795)",
        &[NoTrafficAfterSigterm, NoFailedRequest, NoAvoidableBlackout, DisruptionBudgetKept],
    ),
    behaviour(
        Concern::Events(&[EventName::ControllerManagerRestart]),
        "requests of a controller manager that dies",
        "what it has planned and not written is lost with it; in Kubernetes a creation or a deletion on its way may land after the next \
         one has listed, which then chooses another (CTL-5, MOD-3)",
        &[NoTrafficAfterSigterm, NoFailedRequest, NoAvoidableBlackout, PodsWithinSurge, DisruptionBudgetKept],
    ),
    behaviour(
        Concern::Events(&[EventName::ContainerCrash, EventName::ContainerExit, EventName::SandboxDeath]),
        "failures of a probe that are counted over a restart",
        "a new container begins with no failure counted; in Kubernetes those of the one before it, which crashed before they were enough, \
         count on, and it may be stopped after its first (PRB-4, kubernetes/kubernetes#46371)",
        &[NoTrafficAfterSigterm, NoFailedRequest, NoAvoidableBlackout, CrashRecovers],
    ),
    behaviour(
        Concern::Events(&[EventName::LivenessChange]),
        "a sync that stops containers",
        "a pod that is deleted while a probe's kill goes on begins to stop at once; in Kubernetes the sync that kills comes to its end \
         first, and starts the container anew, and only then the grace period of the whole pod begins (PW-14, PW-19)",
        &[NoFailedRequest, DeletionCompletes],
    ),
    behaviour(
        Concern::Events(&[EventName::KubeletRestart, EventName::ForceDeletePod]),
        "a pod that has ended before its kubelet looks",
        "a kubelet that starts inspects what runs before it takes a pod for stopped; in Kubernetes one whose phase somebody else has \
         ended, and which is deleted then, may go before its containers (PW-3)",
        &[StoppedBeforeGone],
    ),
    behaviour(
        Concern::Events(&[EventName::NodeCrash, EventName::NodePartition, EventName::NodeReturn]),
        "marks and taints that come late",
        "a controller manager that starts marks no pods of a node that is not Ready again (NLC-7), and before 1.26 no patch of taints is \
         older than what it overwrites (kubernetes/kubernetes#126755)",
        &[NoexecuteEvicts, UnreachableEndpointsLeave],
    ),
    Row {
        contradicts: true,
        ..behaviour(
            Concern::WhenUsed,
            crate::manifest::ROOM,
            "fewer replicas are checked than the manifest has, and the nodes of the input, which are not made fewer, have no room for \
             all that a rollout of the manifest's size needs",
            &[RolloutCompletes],
        )
    },
    Row {
        contradicts: true,
        ..behaviour(
            Concern::WhenUsed,
            crate::manifest::HIDDEN,
            "pods of StatefulSets, DaemonSets, Jobs and other kinds are on no node, and take no room and no host port there; what keeps pods \
             apart or together does not ask for them",
            &[RolloutCompletes, ReplacedAfterNodeFailure, ScheduledIfFeasible],
        )
    },
    Row {
        contradicts: true,
        ..behaviour(
            Concern::WhenUsed,
            crate::manifest::UNCOUNTED,
            "of resources other than cpu, memory and pods, of what a pod asks for as a whole (spec.resources, FIT-4), and of its overhead (FIT-3) \
             nothing is compared with what the nodes of the input can allocate",
            &[RolloutCompletes, ReplacedAfterNodeFailure, ScheduledIfFeasible],
        )
    },
    Row {
        contradicts: true,
        ..behaviour(
            Concern::WhenUsed,
            crate::manifest::ATTACHED,
            "a volume is at once wherever a pod is; in Kubernetes one that is ReadWriteOnce keeps a second pod on another node waiting for as long \
             as the first has it (VOL-2), and one that is ReadWriteOncePod keeps it from any node (FLT-23): a rolling update that makes the new \
             pod first may wait for ever",
            &[RolloutCompletes],
        )
    },
    Row {
        contradicts: true,
        ..behaviour(
            Concern::WhenUsed,
            crate::manifest::NOT_READY,
            "every node of the input is taken to work from the beginning, whatever its status says",
            START,
        )
    },
    behaviour(
        Concern::WhenUsed,
        crate::manifest::ADDED,
        "pods have the containers and the readiness gates of the manifest, and none that a webhook adds while they are created",
        &[
            NoTrafficAfterSigterm,
            NoFailedRequest,
            NoAvoidableBlackout,
            ReplacedAfterNodeFailure,
            ScheduledIfFeasible,
            RolloutCompletes,
            CrashRecovers,
        ],
    ),
    Row {
        contradicts: true,
        adds: true,
        ..behaviour(
            Concern::WhenUsed,
            crate::manifest::ADOPTION,
            "a ReplicaSet makes pods its own that it selects and nobody controls, and a Deployment such ReplicaSets; what is too many \
             then is deleted, these or its own",
            TRAFFIC,
        )
    },
    Row {
        contradicts: true,
        ..behaviour(
            Concern::WhenUsed,
            crate::manifest::ASKED,
            "a readiness probe succeeds exactly if the container accepts connections where the Service sends them, and one of another \
             port may succeed before",
            REQUESTS,
        )
    },
    behaviour(
        Concern::WhenUsed,
        crate::manifest::BESIDE,
        "a connection is answered by the container alone that the Service sends to; what it needs of the others in its pod, which get \
         SIGTERM at the same time, each after its own hook, is not modelled",
        &[NoFailedRequest],
    ),
    behaviour(
        Concern::Events(&[EventName::NodeCrash, EventName::NodePartition]),
        "connections to a node that failed",
        "no-failed-request and no-traffic-after-sigterm ask for pods of nodes that can be reached; those of a failed one are in the \
         rules until its Ready condition is Unknown and the rules have followed (node-monitor grace period), and a part of the new \
         connections fails until then; unreachable-endpoints-leave asks that it ends",
        &[NoFailedRequest],
    ),
    behaviour(
        Concern::Events(&[EventName::NodeCrash, EventName::NodeReturn]),
        "graceful node shutdown",
        "a node loses power at once: no kubelet stops its pods first, which would be Ready, and in the rules, until they have stopped (SHD-5)",
        &[NoTrafficAfterSigterm, NoFailedRequest, TerminalIsFinal],
    ),
    behaviour(
        Concern::WhenUsed,
        "static pods",
        "a kubelet runs what the API server has bound to its node, and nothing from files",
        NONE,
    ),
    behaviour(
        Concern::WhenUsed,
        "events of the runtime in the PLEG",
        "a PLEG learns by relists alone, as it does while the gate EventedPLEG is off (5.4)",
        NONE,
    ),
    behaviour(
        Concern::WhenUsed,
        "machines of one name",
        "a Node object is one machine, and no other registers under its name",
        NONE,
    ),
    behaviour(
        Concern::WhenUsed,
        "modes of kube-proxy",
        "rules are a table that is written as a whole; what iptables, IPVS or nftables do with it each in its own way is not modelled",
        NONE,
    ),
    behaviour(
        Concern::WhenUsed,
        crate::manifest::ENDED,
        "the address of a pod that has ended, and was not Ready before, leaves the slice at once; a change of the phase alone brings \
         nobody to the slice (EPS-7), and with publishNotReadyAddresses connections go there until another pod of the Service changes",
        &[EndpointsConverge, NoFailedRequest],
    ),
    behaviour(
        Concern::WhenUsed,
        crate::manifest::OTHER_RESOURCES,
        "only cpu, memory and pods are compared with what a node can allocate",
        PLACEMENT,
    ),
];

const COUNT: usize = FIELDS.len() + OBJECTS.len() + BEHAVIOURS.len();

/// The whole table.
pub(super) const ALL: [Row; COUNT] = {
    let mut all = [const { behaviour(Concern::WhenUsed, "", "", NONE) }; COUNT];
    let parts: [&[Row]; 3] = [FIELDS, OBJECTS, BEHAVIOURS];
    let (mut part, mut next) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            let Row { what, kind, reason, could_change, concerns, contradicts, adds } = parts[part][index];
            all[next] = Row { what, kind, reason, could_change, concerns, contradicts, adds };
            index += 1;
            next += 1;
        }
        part += 1;
    }
    all
};
