//! Fields of the kinds that are read, and that the model leaves out.

use super::rows::{NONE, PLACEMENT, REQUESTS, START};
use super::{Concern, Kind, Row};
use crate::property::Property::{
    self, CrashRecovers, DeletionCompletes, DisruptionBudgetKept, EndpointsConverge, GraceHonoured,
    InitBeforeApp, NoAvoidableBlackout, NoFailedRequest, NoMisroutedRequest, NoTrafficAfterSigterm,
    NoexecuteEvicts, OneAddressOnePod, PlacementLawful, ReplacedAfterNodeFailure, RolloutCompletes,
    ScheduledIfFeasible, StoppedBeforeGone, TerminalIsFinal,
};

const fn field(what: &'static str, reason: &'static str, could_change: &'static [Property]) -> Row {
    Row {
        what,
        kind: Kind::Field,
        reason,
        could_change,
        concerns: Concern::WhenUsed,
        contradicts: false,
        adds: false,
    }
}

/// A field that forbids what the model does.
const fn against(what: &'static str, reason: &'static str, could_change: &'static [Property]) -> Row {
    Row { contradicts: true, ..field(what, reason, could_change) }
}

const DESCRIBES: &str = "it describes the object and steers nothing";
const WRITTEN: &str = "it is written by the cluster, not by a manifest";
const PROCESS: &str = "what a process is and does is said by the annotations podproof.io/on-sigterm and podproof.io/listens-after";
const SCORES: &str = "it only scores, and every node that passes the filters is a possible choice";
const VOLUMES: &str = "volumes are not modelled: they bind, attach and mount at once, anywhere";
const PRIORITY: &str = "priorities matter for preemption only, which is left out";
const SECURITY: &str = "permissions are not modelled: nobody is refused";
const ADDRESSES: &str = "a Service has one address, and all nodes reach all pods";
pub(crate) const PROBED: &str = "what a probe asks is not modelled: it succeeds exactly if the container accepts connections, unless an event says \
     otherwise";
const HOOK: &str = "what a hook asks is not modelled: it takes any time up to the grace period";
const NAMES: &str = "names of hosts are not modelled";

/// Who may stop whom when there is no room.
const PREEMPTED: &[Property] = &[ScheduledIfFeasible, DisruptionBudgetKept];
/// Which containers of a pod run again, and which are killed for that.
const RESTARTS: &[Property] = &[
    CrashRecovers,
    NoFailedRequest,
    NoTrafficAfterSigterm,
    NoAvoidableBlackout,
    InitBeforeApp,
    GraceHonoured,
    RolloutCompletes,
];
/// How a process stops.
const STOP: &[Property] = &[NoTrafficAfterSigterm, NoFailedRequest, GraceHonoured];

pub(super) const FIELDS: &[Row] = &[
    // Any object.
    field("*.metadata.annotations", DESCRIBES, NONE),
    field("*.metadata.creationTimestamp", WRITTEN, NONE),
    field(
        "*.metadata.deletionGracePeriodSeconds",
        "an object that is being deleted is read as if it were not",
        &[DeletionCompletes],
    ),
    field(
        "*.metadata.deletionTimestamp",
        "an object that is being deleted is read as if it were not",
        &[DeletionCompletes],
    ),
    field(
        "*.metadata.finalizers",
        "only finalizers of pods are represented; other objects are never deleted",
        NONE,
    ),
    field("*.metadata.generation", WRITTEN, NONE),
    field("*.metadata.labels", DESCRIBES, NONE),
    field("*.metadata.managedFields", WRITTEN, NONE),
    field(
        "*.metadata.ownerReferences",
        "an object of the input is taken to belong to nobody",
        &[RolloutCompletes],
    ),
    field("*.metadata.resourceVersion", WRITTEN, NONE),
    field("*.metadata.selfLink", WRITTEN, NONE),
    field("*.metadata.uid", WRITTEN, NONE),
    field("*.status", "the cluster starts without the object, and writes its status itself", NONE),
    // Deployment.
    against("Deployment.spec.paused", "a Deployment is read as if it were not paused", &[RolloutCompletes]),
    field("Deployment.spec.revisionHistoryLimit", "old ReplicaSets stay at size 0, and steer nothing", NONE),
    // Pod: where it runs.
    field("Pod.spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution", SCORES, NONE),
    field("Pod.spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution", SCORES, NONE),
    field("Pod.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution", SCORES, NONE),
    field("Pod.spec.overhead", "a pod asks for what its containers ask for", PLACEMENT),
    field("Pod.spec.preemptionPolicy", PRIORITY, PREEMPTED),
    field("Pod.spec.priority", PRIORITY, PREEMPTED),
    field("Pod.spec.priorityClassName", PRIORITY, PREEMPTED),
    field("Pod.spec.resourceClaims", "devices are not modelled", PLACEMENT),
    field("Pod.spec.resources", "a pod asks for what its containers ask for", PLACEMENT),
    field("Pod.spec.runtimeClassName", "all nodes have one runtime, and pods have no overhead", PLACEMENT),
    field("Pod.spec.schedulerName", "all pods are bound by kube-scheduler", PLACEMENT),
    against("Pod.spec.schedulingGates", "a gate is taken to be open", START),
    field("Pod.spec.schedulingGroup", "each pod is scheduled by itself", PLACEMENT),
    field("Pod.spec.os", "all nodes run Linux", &[PlacementLawful]),
    // Pod: how it lives and ends.
    Row {
        adds: true,
        ..against(
            "Pod.spec.activeDeadlineSeconds",
            "the kubelet ends no pod for its age (PHS-13)",
            &[NoTrafficAfterSigterm, NoFailedRequest, NoAvoidableBlackout, CrashRecovers, EndpointsConverge],
        )
    },
    field("Pod.spec.ephemeralContainers", "nobody debugs a pod", NONE),
    against(
        "Pod.spec.readinessGates",
        "a condition that somebody has to set (CND-5) is taken to be true as soon as the containers are ready",
        &[RolloutCompletes, ReplacedAfterNodeFailure, CrashRecovers, EndpointsConverge, NoAvoidableBlackout],
    ),
    field("Pod.spec.shareProcessNamespace", "each container's first process gets its own signals", STOP),
    field(
        "Pod.spec.volumes",
        VOLUMES,
        &[ScheduledIfFeasible, RolloutCompletes, StoppedBeforeGone, DeletionCompletes],
    ),
    // Pod: its network.
    field(
        "Pod.spec.hostNetwork",
        "the pod holds its ports on the node, but has an address of its own",
        &[NoMisroutedRequest, OneAddressOnePod],
    ),
    field("Pod.spec.dnsConfig", NAMES, NONE),
    field("Pod.spec.dnsPolicy", NAMES, NONE),
    field("Pod.spec.hostAliases", NAMES, NONE),
    field("Pod.spec.hostname", NAMES, NONE),
    field("Pod.spec.hostnameOverride", NAMES, NONE),
    field("Pod.spec.setHostnameAsFQDN", NAMES, NONE),
    field("Pod.spec.subdomain", NAMES, NONE),
    field("Pod.spec.enableServiceLinks", "it only fills environment variables", NONE),
    // Pod: what it may do.
    field("Pod.spec.automountServiceAccountToken", SECURITY, NONE),
    field("Pod.spec.hostIPC", SECURITY, NONE),
    field("Pod.spec.hostPID", SECURITY, NONE),
    field("Pod.spec.hostUsers", SECURITY, NONE),
    field("Pod.spec.imagePullSecrets", "an image is on the node as soon as it is wanted", NONE),
    field("Pod.spec.securityContext", SECURITY, NONE),
    field("Pod.spec.serviceAccount", SECURITY, NONE),
    field("Pod.spec.serviceAccountName", SECURITY, NONE),
    // Containers.
    field("Pod.spec.containers[].*Probe.exec", PROBED, NONE),
    field("Pod.spec.containers[].*Probe.grpc", PROBED, NONE),
    field("Pod.spec.containers[].*Probe.httpGet", PROBED, NONE),
    field("Pod.spec.containers[].*Probe.tcpSocket", PROBED, NONE),
    field(
        "Pod.spec.containers[].*Probe.terminationGracePeriodSeconds",
        "a container that a probe kills has the grace of its pod",
        &[GraceHonoured, CrashRecovers],
    ),
    field("Pod.spec.containers[].args", PROCESS, NONE),
    field("Pod.spec.containers[].command", PROCESS, NONE),
    field("Pod.spec.containers[].env", PROCESS, NONE),
    field("Pod.spec.containers[].envFrom", PROCESS, NONE),
    field("Pod.spec.containers[].image", PROCESS, NONE),
    field("Pod.spec.containers[].imagePullPolicy", "an image is on the node as soon as it is wanted", NONE),
    field(
        "Pod.spec.containers[].lifecycle.postStart",
        "a container is running as soon as it starts; while its hook runs its pod is not synced (CPA-12), nobody stops it, and the next \
         container starts even so (PW-19)",
        &[
            InitBeforeApp,
            NoFailedRequest,
            RolloutCompletes,
            ReplacedAfterNodeFailure,
            CrashRecovers,
            DeletionCompletes,
            NoexecuteEvicts,
            TerminalIsFinal,
        ],
    ),
    field("Pod.spec.containers[].lifecycle.preStop.httpGet.host", HOOK, NONE),
    field("Pod.spec.containers[].lifecycle.preStop.httpGet.httpHeaders", HOOK, NONE),
    field("Pod.spec.containers[].lifecycle.preStop.httpGet.path", HOOK, NONE),
    field("Pod.spec.containers[].lifecycle.preStop.httpGet.port", HOOK, NONE),
    field("Pod.spec.containers[].lifecycle.preStop.httpGet.scheme", HOOK, NONE),
    field(
        "Pod.spec.containers[].lifecycle.preStop.tcpSocket.host",
        "the kubelet knows no such hook, and it always fails",
        NONE,
    ),
    field(
        "Pod.spec.containers[].lifecycle.preStop.tcpSocket.port",
        "the kubelet knows no such hook, and it always fails",
        NONE,
    ),
    field("Pod.spec.containers[].lifecycle.stopSignal", "the signal to stop is SIGTERM", STOP),
    field("Pod.spec.containers[].resizePolicy", "nobody resizes a pod in place", NONE),
    field("Pod.spec.containers[].resources.claims", "devices are not modelled", PLACEMENT),
    field(
        "Pod.spec.containers[].restartPolicy",
        "an app container has the restartPolicy of its pod (MC-16)",
        RESTARTS,
    ),
    field(
        "Pod.spec.containers[].restartPolicyRules",
        "a container has the restartPolicy of its pod; a rule may restart it alone, or kill all the others without hook and grace, and \
         run init containers again (MC-16, MC-17)",
        RESTARTS,
    ),
    field("Pod.spec.containers[].securityContext", SECURITY, NONE),
    field("Pod.spec.containers[].stdin", PROCESS, NONE),
    field("Pod.spec.containers[].stdinOnce", PROCESS, NONE),
    field("Pod.spec.containers[].terminationMessagePath", PROCESS, NONE),
    field("Pod.spec.containers[].terminationMessagePolicy", PROCESS, NONE),
    field("Pod.spec.containers[].tty", PROCESS, NONE),
    field("Pod.spec.containers[].volumeDevices", VOLUMES, START),
    field("Pod.spec.containers[].volumeMounts", VOLUMES, START),
    field("Pod.spec.containers[].workingDir", PROCESS, NONE),
    // Service.
    field("Service.spec.allocateLoadBalancerNodePorts", "what stands before the nodes is left out", NONE),
    field("Service.spec.clusterIPs", ADDRESSES, NONE),
    field("Service.spec.externalIPs", ADDRESSES, REQUESTS),
    field("Service.spec.externalName", "a Service of type ExternalName is not represented at all", NONE),
    field("Service.spec.healthCheckNodePort", "health checks of load balancers are left out", REQUESTS),
    field("Service.spec.ipFamilies", ADDRESSES, NONE),
    field("Service.spec.ipFamilyPolicy", ADDRESSES, NONE),
    field("Service.spec.loadBalancerClass", "what stands before the nodes is left out", NONE),
    field("Service.spec.loadBalancerIP", "what stands before the nodes is left out", NONE),
    field("Service.spec.loadBalancerSourceRanges", "what stands before the nodes is left out", NONE),
    field("Service.spec.ports[].appProtocol", DESCRIBES, NONE),
    field("Service.spec.ports[].name", DESCRIBES, NONE),
    field("Service.spec.ports[].nodePort", "the number of a port on the nodes steers nothing", NONE),
    field(
        "Service.spec.sessionAffinity",
        "each new connection may go to any endpoint that the rules name",
        REQUESTS,
    ),
    field(
        "Service.spec.sessionAffinityConfig",
        "each new connection may go to any endpoint that the rules name",
        REQUESTS,
    ),
    field(
        "Service.spec.trafficDistribution",
        "each new connection may go to any endpoint that the rules name, near or far",
        REQUESTS,
    ),
    // Node.
    field("Node.spec.configSource", WRITTEN, NONE),
    field("Node.spec.externalID", WRITTEN, NONE),
    field("Node.spec.podCIDR", "a pod has an address of its own, whatever it is", NONE),
    field("Node.spec.podCIDRs", "a pod has an address of its own, whatever it is", NONE),
    field("Node.spec.providerID", DESCRIBES, NONE),
    field("Node.spec.taints[].timeAdded", "tolerations run from when the controller saw the taint", NONE),
    // PriorityClass.
    field("PriorityClass.description", DESCRIBES, NONE),
    field("PriorityClass.globalDefault", PRIORITY, PREEMPTED),
    field("PriorityClass.preemptionPolicy", PRIORITY, PREEMPTED),
    field("PriorityClass.value", PRIORITY, PREEMPTED),
];
