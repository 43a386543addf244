//! For every class of steps: is it fair, and why. `tests/searches/fairness.rs` holds [`unit_of`](super::unit_of) against it, step by
//! step.
//!
//! No class is of strong fairness. What disables a component's step again and again is either a step of its own unit, or spends a
//! budget of the environment, which runs out; and strong fairness would take runs away, so what holds without it holds.

use podproof_vocabulary::event::Story;

/// What is demanded of the steps of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fairness {
    /// A unit whose steps are possible from some point on, for ever, is taken infinitely often.
    Weak,
    /// A unit whose steps are possible infinitely often is taken infinitely often.
    Strong,
    /// Such a step may never come.
    None,
    /// Weak where this story is told, which promises the step; else none.
    PromisedBy(Story),
}

/// What is said of a class.
pub struct Row {
    /// The class, as in `podproof_vocabulary::action::CLASSES`.
    pub class: &'static str,
    /// How fair its steps are.
    pub fairness: Fairness,
    /// Why, with the rule of Kubernetes that it rests on.
    pub why: &'static str,
}

const fn weak(class: &'static str, why: &'static str) -> Row {
    Row { class, fairness: Fairness::Weak, why }
}

const fn none(class: &'static str, why: &'static str) -> Row {
    Row { class, fairness: Fairness::None, why }
}

/// Why a watch delivers.
const DELIVERS: &str = "a connected watch delivers in order, after any delay (MOD-1, API-33); where it is cut, nothing is possible";
/// Why a controller syncs.
const SYNCS: &str =
    "level-triggered: a key with work is queued, and queued again after an error, until it is done (CTL-1)";
/// Why the pod worker goes on.
const WORKS: &str =
    "the pod's worker is woken until its work is done, and again after an error (PW-5, SRC-5)";
/// Why a termination goes on.
const KILLS: &str =
    "killing a container goes through preStop, SIGTERM and SIGKILL, each in its time (KIL-3, KIL-4)";
/// Why a probe's result comes.
const PROBES: &str = "probes run periodically while their container does (PRB-1)";
/// Why the node lifecycle controller acts.
/// Why a process comes back.
const RESTARTS: &str = "a process manager starts it again: systemd, or the kubelet for static pods";
/// Why a drain goes on.
const DRAINS: &str =
    "kubectl drain, or a client that evicts a pod, asks again every 5 s until it may (DRN-3)";
/// Why an operator is not fair.
const ASKS: &str = "nobody has to ask for it: an operator or another controller may, within a budget";
/// Why a fault is not fair.
const FAULT: &str = "a fault: it may come, within a budget, and never has to";

/// Why what an app does by itself is not fair.
const APP: &str = "an app may do it, within a budget, and never has to";

/// Every class of steps, in the order of their numbers.
pub const FAIRNESS: &[Row] = &[
    weak("tick", "time passes; no tick is possible while a step is due, and none in untimed searches"),
    weak("watch/deliver-pod", DELIVERS),
    weak("watch/deliver-node", DELIVERS),
    weak("watch/deliver-deployment", DELIVERS),
    weak("watch/deliver-replica-set", DELIVERS),
    weak("watch/deliver-budget", DELIVERS),
    weak("watch/deliver-slice", DELIVERS),
    weak(
        "watch/list",
        "a consumer without a watch lists again and again until it is answered (MOD-1, API-33)",
    ),
    weak("scheduler/assume-pod", "the scheduling loop pops what is in its active queue (SCH-3)"),
    weak("scheduler/park-pod", "the same attempt with no node that fits, so of the same unit (SCH-8)"),
    weak("scheduler/bind-pod", "the binding cycle of an assumed pod runs to its end (SCH-4)"),
    weak("scheduler/flush-pod", "unschedulable pods are moved by a periodic flush (SCH-10)"),
    weak("deployment/create-replica-set", SYNCS),
    weak("deployment/scale-replica-set", SYNCS),
    weak(
        "deployment/exceed-progress-deadline",
        "the Deployment is queued again for its progress deadline (DEP-8)",
    ),
    weak("replica-set/plan-replicas", SYNCS),
    weak("replica-set/choose-victim", SYNCS),
    weak("replica-set/create-pod", SYNCS),
    weak("replica-set/delete-pod", SYNCS),
    weak("replica-set/update-status", SYNCS),
    weak(
        "replica-set/count-available",
        "the ReplicaSet is queued again when minReadySeconds are over (RS-7)",
    ),
    weak(
        "node-lifecycle/mark-node-unknown",
        "a pass over all nodes every period finds one that is silent (NLC-3); that one errs is promised by nobody",
    ),
    weak(
        "node-lifecycle/mark-pod-not-ready",
        "the pass that turns a node Unknown patches its pods, and a later one those left (NLC-6)",
    ),
    weak("node-lifecycle/taint-no-schedule", "mirrors the node's conditions at once (NLC-13)"),
    weak("node-lifecycle/taint-no-execute", "the zone's queue is worked off at a limited rate (NLC-11)"),
    weak(
        "taint-eviction/delete-pod",
        "a timer for each pod that does not tolerate the taint for ever, and retries (TEC-10)",
    ),
    weak("pod-garbage-collector/fail-pod", "a collection every 20 s (C-12)"),
    weak("pod-garbage-collector/delete-pod", "a collection every 20 s (C-12)"),
    weak("disruption/update-status", SYNCS),
    weak(
        "disruption/forget-disruption",
        "a stale DisruptionTarget is queued again for its timeout (EVI-5, C-27)",
    ),
    weak("endpoint-slice/write-slice", SYNCS),
    weak("kubelet/begin-termination", WORKS),
    weak("kubelet/create-sandbox", WORKS),
    weak(
        "kubelet/start-container",
        "the worker starts what should run, after its back-off (CPA-9, CPA-12, CLB-1); without a network plugin nobody promises it (SP-4)",
    ),
    weak("kubelet/stop-container", WORKS),
    weak("kubelet/run-pre-stop", KILLS),
    weak("kubelet/finish-pre-stop", "a preStop hook ends, or its grace does (KIL-4)"),
    weak("kubelet/expire-grace", KILLS),
    weak("kubelet/send-sigterm", KILLS),
    weak("kubelet/send-sigkill", KILLS),
    weak("kubelet/stop-sandbox", "the kill of a pod ends with its sandboxes (KIL-1)"),
    weak("kubelet/finish-pod", WORKS),
    weak(
        "kubelet/report-status",
        "the status manager syncs what is newer than the API's, and again after an error (STM-1, STM-10)",
    ),
    weak(
        "kubelet/remove-pod",
        "the status manager sends the last deletion once the pod's resources are gone (STM-6)",
    ),
    weak("kubelet/forget-pod", "housekeeping takes away workers of pods that are gone (PW-12, SRC-9)"),
    weak("kubelet/flip-readiness", PROBES),
    weak("kubelet/pass-startup", PROBES),
    weak("kubelet/fail-probe", PROBES),
    weak(
        "kubelet/relist",
        "the PLEG lists the runtime periodically; while the runtime hangs nothing is possible (PLEG-4)",
    ),
    weak(
        "kubelet/notice-hang",
        "the node's status asks each time whether the last relist is too long ago (NOD-2); that it errs is promised by nobody",
    ),
    weak("kubelet/report-node-status", "a heartbeat that reaches the API is sent periodically (NOD-3)"),
    weak("container/listen", "a process does what its annotation says: it listens in the end"),
    weak("container/exit", "a process does what its annotation says: it exits where it is said to"),
    none(
        "container/reuse-address",
        "CNI may give a free address to a neighbour; nobody promises that there is one",
    ),
    weak("proxy/program-rules", "a pending change is synced within the min-sync period (PRX-1)"),
    weak("drain/list-pods", DRAINS),
    weak("drain/evict-pod", DRAINS),
    weak("drain/delete-pod", DRAINS),
    weak("process/start-api-server", RESTARTS),
    weak("process/start-scheduler", RESTARTS),
    weak("process/start-controller-manager", RESTARTS),
    weak("process/start-kubelet", RESTARTS),
    none("environment/change-template", ASKS),
    none("environment/scale", ASKS),
    none("environment/delete-pod", ASKS),
    none("environment/force-delete-pod", ASKS),
    none("environment/cordon-node", ASKS),
    none("environment/drain-node", ASKS),
    none("environment/taint-node", ASKS),
    none("environment/add-node", ASKS),
    none("environment/crash-node", FAULT),
    none("environment/return-node", "nobody promises that a node that crashed comes back"),
    none("environment/partition-node", FAULT),
    Row {
        class: "environment/heal-partition",
        fairness: Fairness::PromisedBy(Story::Partition),
        why: "the story of a partition is one that heals; any other cut may stay",
    },
    none("environment/stop-kubelet", FAULT),
    none("environment/crash-container", FAULT),
    none("environment/kill-sandbox", FAULT),
    none("environment/hang-runtime", FAULT),
    none("environment/fail-cni", FAULT),
    none("environment/break-watches", FAULT),
    none("environment/lose-response", FAULT),
    none("environment/stop-controller-manager", FAULT),
    none("environment/stop-scheduler", FAULT),
    none("environment/stop-proxy", FAULT),
    none("environment/stop-api-server", FAULT),
    none("environment/evict-under-pressure", FAULT),
    none("environment/uncordon-node", ASKS),
    none("environment/untaint-node", ASKS),
    none("environment/evict-pod", ASKS),
    none("environment/finish-container", APP),
    none("environment/recover-runtime", "nobody promises that a runtime that hangs answers again"),
    none("environment/change-readiness", APP),
    none("environment/change-liveness", APP),
    none("environment/scale-to", ASKS),
    none("environment/relabel-node", ASKS),
    none("environment/remove-node", ASKS),
];

#[cfg(test)]
mod tests {
    use podproof_vocabulary::action::CLASSES;

    use super::*;

    #[test]
    fn every_class_has_its_row() {
        assert!(FAIRNESS.iter().map(|row| row.class).eq(CLASSES.iter().copied()));
    }

    #[test]
    fn no_class_is_of_strong_fairness() {
        assert!(FAIRNESS.iter().all(|row| row.fairness != Fairness::Strong));
    }
}
