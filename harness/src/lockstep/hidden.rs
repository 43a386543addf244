//! Hidden steps: what the runtime does and the model has no action for.

/// A hidden step.
pub struct Hidden {
    /// The operation of the runtime.
    pub operation: &'static str,
    /// The action that it is a part of.
    pub within: &'static str,
    /// How often at most.
    pub most: usize,
}

/// No action takes more hidden steps of one kind.
pub(super) const HIDDEN_MAX: usize = 1_000;

/// All of them.
pub const HIDDEN: &[Hidden] = &[
    Hidden {
        operation: "Deliver of an event that changes nothing that the component reads",
        within: "watch/deliver-*, and after every step for the controllers",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Notify: event handlers do not lag behind the cache",
        within: "watch/deliver-*, watch/list",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Arrive, Answer of lists and watches; Wake(Reflect)",
        within: "watch/list, process/start-*",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "the history is compacted, so that a broken watch lists anew",
        within: "watch/list",
        most: 1,
    },
    Hidden {
        operation: "time passes, Wake(BackoffFlush)",
        within: "scheduler/assume-pod, scheduler/park-pod",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes, Wake(UnschedulableFlush)",
        within: "scheduler/flush-pod",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Arrive, Answer of a binding that must fail",
        within: "watch/deliver-pod that says so, watch/list",
        most: 1,
    },
    Hidden {
        operation: "LoseRequest of what a process had sent: the model has no request that outlives its process",
        within: "environment/stop-*",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Arrive, Answer of the condition PodScheduled",
        within: "scheduler/park-pod, scheduler/bind-pod",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Work of a controller that comes to no write, or to one that changes nothing that is compared",
        within: "every step, while the model has no step of this controller",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes until a key that failed is due, Wake(Delayed)",
        within: "deployment/*, replica-set/*, disruption/*, endpoint-slice/*",
        most: 1,
    },
    Hidden {
        operation: "a second passes, so that no two ReplicaSets are of one age",
        within: "deployment/create-replica-set",
        most: 1,
    },
    Hidden {
        operation: "Arrive, Answer of the deletion of a pod that is gone",
        within: "watch/deliver-pod that says so",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "LoseRequest of what a sync would write after its first write: the model looks anew before each",
        within: "deployment/*, replica-set/create-pod and replica-set/delete-pod that end a sync",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes, leases are renewed, Wake(NodeMonitor): a pass over all nodes that marks none Unknown",
        within: "watch/deliver-node, watch/list, and after every step when 5 s have passed",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes until a node was silent for too long, the others renew their leases, Wake(NodeMonitor)",
        within: "node-lifecycle/mark-node-unknown",
        most: 1,
    },
    Hidden {
        operation: "time passes, Wake(TaintPass): the next node of a zone that waits for its taint",
        within: "node-lifecycle/taint-no-execute",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Work of the node lifecycle controller: nodes and pods that changed",
        within: "every step",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "LoseRequest of a patch of taints that the copy does not ask for any more, of the first look at a node, and of \
                    Ready=False of a pod that has just been bound",
        within: "every step",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes, Wake(CollectGarbage); Arrive, Answer of a look whether a node is there",
        within: "pod-garbage-collector/*, and after every step when 20 s have passed",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Work of the taint eviction controller, which starts and cancels timers",
        within: "every step",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes until a toleration has run out; Arrive, Answer of a look and of DisruptionTarget",
        within: "taint-eviction/delete-pod",
        most: 1,
    },
    Hidden {
        operation: "Serve, Answer of an eviction whose pod somebody else deleted",
        within: "the deletion",
        most: 1,
    },
    Hidden { operation: "time passes until rules may be programmed", within: "proxy/program-rules", most: 1 },
    Hidden {
        operation: "Sync, Program of rules that are there already",
        within: "every step, while the model has none to program",
        most: 1,
    },
    Hidden {
        operation: "Take of what the sync loop has, housekeeping excepted; Return of an answered call; CheckRuntime",
        within: "kubelet/*, watch/deliver-pod and watch/list to a kubelet",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Perform of calls that read, of PullImage, and of what changes nothing or fails for a sandbox that has died",
        within: "kubelet/*, container/*",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Begin, Mount of a sync; time passes until the worker is handed its pod again",
        within: "kubelet/create-sandbox, start-container, stop-container, begin-termination, report-status, probes, and \
                 environment/evict-under-pressure of a pod that waits for a restart",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Relist that finds nothing the model has not seen; time passes until it is due",
        within: "kubelet/*, where a worker waits for a newer pod cache (PW-16)",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Perform of CreateContainer; Listen of a process that listens at once; the exit of one that finds its port taken",
        within: "kubelet/start-container",
        most: 1,
    },
    Hidden {
        operation: "Perform of StopSandbox of a sandbox that died, RemoveContainer of its init containers",
        within: "kubelet/create-sandbox",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "hooks and grace periods of a container that has exited",
        within: "every step of its machine",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "BeginProbe, FinishProbe until the threshold is reached",
        within: "kubelet/flip-readiness, pass-startup, fail-probe",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "Arrive, Answer of the live read before a status; LoseRequest of the rest of the batch: the model writes one pod",
        within: "kubelet/report-status, kubelet/remove-pod",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes until the runtime is asked and a report is due; Register, Arrive, Answer of all but the conditions",
        within: "kubelet/report-node-status",
        most: HIDDEN_MAX,
    },
    Hidden {
        operation: "time passes until the last list of the PLEG is older than its threshold",
        within: "kubelet/notice-hang",
        most: 1,
    },
    Hidden {
        operation: "Take of housekeeping",
        within: "kubelet/forget-pod; begin-termination of what only the runtime knows; remove-pod of a pod that was rejected",
        most: 1,
    },
    Hidden {
        operation: "Lose of calls to a runtime whose kubelet has stopped: the model has none that outlives its caller",
        within: "environment/stop-kubelet, environment/crash-node",
        most: HIDDEN_MAX,
    },
];
