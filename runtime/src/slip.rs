//! Wrong mechanisms that can be switched on, one at a time, to show that a harness finds them. All are off by default.
//!
//! A slip is asked for where the right mechanism stands: `if !context.has(Slip::X) { … }`.

use std::fmt;

macro_rules! slips {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// One wrong mechanism.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Slip {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Slip {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

slips! {
    /// The API server does not look at UID preconditions (API-7).
    UidIgnored = "uid-ignored",
    /// The API server takes an update that was made from an older version (API-1).
    VersionIgnored = "version-ignored",
    /// The API server binds a pod that is bound already (API-20).
    SecondBindingAccepted = "second-binding-accepted",
    /// A deletion that is already running may be given more time (DEL-10).
    GraceExtended = "grace-extended",
    /// An object goes although a finalizer keeps it (DEL-12).
    FinalizersIgnored = "finalizers-ignored",
    /// An update writes the status too (API-8).
    UpdateWritesStatus = "update-writes-status",
    /// A watch from before what is kept of the history begins, without what is forgotten (API-36).
    ForgottenHistoryWatched = "forgotten-history-watched",
    /// A bookmark overtakes the events before it (API-35).
    BookmarkOvertakesEvents = "bookmark-overtakes-events",
    /// An eviction does not spend the budget that it asks (EVI-4).
    BudgetNotSpent = "budget-not-spent",
    /// A watch that starts at an old version brings only what comes from now on (API-33).
    WatchFromNow = "watch-from-now",
    /// After a broken watch the cache is listed anew, and what vanished meanwhile stays in it (API-33).
    MissedDeletionsKept = "missed-deletions-kept",
    /// A key that is added while a worker is at it is lost (CTL-2).
    AddedWhileProcessingLost = "added-while-processing-lost",
    /// A key that failed often waits no longer than one that failed once.
    BackOffDoesNotGrow = "back-off-does-not-grow",
    /// An object that changes stays where it was in the indexes of a cache, too (client-go `threadSafeMap`).
    IndexKeepsOldValues = "index-keeps-old-values",
    /// A taint that goes does not cancel the timers of pods that tolerate the others for ever (TEC-3).
    ForeverDoesNotCancel = "forever-does-not-cancel",
    /// The timer of a toleration starts anew with every change of the node (TEC-4).
    TolerationRestarts = "toleration-restarts",
    /// The timer of a toleration starts anew when one taint takes the place of another (TEC-3, TEC-4).
    SwapRestartsToleration = "swap-restarts-toleration",
    /// Pods are marked not ready only on the pass that flips the node, and never again if that fails (NLC-8).
    NotReadyMarkNotRetried = "not-ready-mark-not-retried",
    /// A node is judged by its status alone: its lease is not looked at (NLC-5).
    LeaseIgnored = "lease-ignored",
    /// Nodes are tainted although the whole cluster is dark (NLC-16).
    FullDisruptionTaints = "full-disruption-taints",
    /// A node that is waiting to be tainted is tainted without another look at it (NLC-12).
    TaintWithoutRecheck = "taint-without-recheck",
    /// Pods of a node whose object is missing are removed without quarantine and live look (PGC-3).
    OrphansNotQuarantined = "orphans-not-quarantined",
    /// A node that is missing is looked at once: pods that are bound to it later stay (PGC-3, kubernetes/kubernetes#12545).
    MissingNodeLookedAtOnce = "missing-node-looked-at-once",
    /// The disruption controller overwrites what an eviction has spent (EVI-4, PDB-4).
    BudgetStatusOverwritten = "budget-status-overwritten",
    /// Evicted pods that have not gone yet count as healthy (PDB-3).
    DisruptedPodsCounted = "disrupted-pods-counted",
    /// A percentage is one of the pods that there are, not of those that are wanted (PDB-1).
    PercentageOfPodsPresent = "percentage-of-pods-present",
    /// The EndpointSlice controller trusts slices that are older than what it wrote (EPS-9).
    StaleSlicesTrusted = "stale-slices-trusted",
    /// Endpoints of pods that are being deleted stay ready (EPS-3).
    TerminatingStaysReady = "terminating-stays-ready",
    /// A pod that turns ready or unready does not wake the Services that select it (EPS-7).
    ReadyFlipNotNoticed = "ready-flip-not-noticed",
    /// A ReplicaSet that is gone leaves its expectations to the next of its name (CTL-3).
    ExpectationsInherited = "expectations-inherited",
    /// A creation whose outcome is unknown stays expected (CTL-3, MOD-3).
    TimedOutCreationExpected = "timed-out-creation-expected",
    /// Pods that are being deleted count as replicas (RS-1, RS-2).
    DeletingPodsCounted = "deleting-pods-counted",
    /// Failed pods count as replicas (RS-1).
    FailedPodsCounted = "failed-pods-counted",
    /// Ready pods are deleted before those that are not (RS-5).
    ReadyPodsDeletedFirst = "ready-pods-deleted-first",
    /// The Deployment controller does not count what old ReplicaSets still want when it scales up (DEP-2).
    SurgeIgnored = "surge-ignored",
    /// The Deployment controller scales old ReplicaSets down by what is wanted of the new one, available or not (DEP-3).
    UnavailableCounted = "unavailable-counted",
    /// Deletions and creations in flight are not remembered: a sync trusts its cache (CTL-3).
    ExpectationsForgotten = "expectations-forgotten",
    /// The scheduler does not ask which node a pod names (FLT-1).
    NodeNameNotAsked = "node-name-not-asked",
    /// A node is cordoned only once its taint is there (FLT-2).
    CordonNeedsTaint = "cordon-needs-taint",
    /// NoExecute taints keep no pod away that is to come (FLT-6).
    NoExecuteLetsPodsIn = "no-execute-lets-pods-in",
    /// All terms of a node affinity have to match, not one (FLT-5).
    AffinityTermsAllMatch = "affinity-terms-all-match",
    /// A port of the host on all addresses conflicts with none on one (FLT-4).
    PortOnAllAddressesIsFree = "port-on-all-addresses-is-free",
    /// Requests of sidecars are not counted beside those of app containers (FIT-1).
    SidecarsNotCounted = "sidecars-not-counted",
    /// A pod that is being deleted is taken to have left its node already (SCH-1).
    DeletingPodsNotCounted = "deleting-pods-not-counted",
    /// A binding that failed leaves its pod assumed (SCH-6).
    FailedBindingNotForgotten = "failed-binding-not-forgotten",
    /// What happens while a pod is in its scheduling cycle does not wake it (SCH-8).
    EventsDuringCycleLost = "events-during-cycle-lost",
    /// A pod that leaves a node wakes nobody (SCH-8).
    DeletedPodsWakeNobody = "deleted-pods-wake-nobody",
    /// A node that is removed takes the pods on it out of the cache (SCH-17).
    NodeRemovalForgetsPods = "node-removal-forgets-pods",
    /// A pod that is no longer watched stays in the cache (SCH-5).
    DeletedPodsKeepRoom = "deleted-pods-keep-room",
    /// Anti-affinity of the pods that run already is not asked (FLT-11).
    SymmetricAntiAffinityIgnored = "symmetric-anti-affinity-ignored",
    /// Topology spread counts pods that are being deleted (FLT-18).
    SpreadCountsDeleting = "spread-counts-deleting",
    /// The scheduler does not assume a pod on its node while the binding is in flight (SCH-4).
    AssumeForgotten = "assume-forgotten",
    /// The PLEG tells nobody that a container died (PLEG-7).
    PlegLosesDeaths = "pleg-loses-deaths",
    /// The PLEG takes note of what it listed although it could not inspect it (PLEG-6).
    PlegForgetsFailedInspection = "pleg-forgets-failed-inspection",
    /// The PLEG dates what it listed by the end of the list (PLEG-2).
    PlegDatesListByItsEnd = "pleg-dates-list-by-its-end",
    /// The PLEG says that the pod cache is fresh before it has inspected what changed (PLEG-9).
    PlegSaysFreshBeforeInspection = "pleg-says-fresh-before-inspection",
    /// The PLEG is healthy however long ago it last listed (PLEG-4).
    PlegIsAlwaysHealthy = "pleg-is-always-healthy",
    /// The runtime says that a container is stopped once it has got SIGTERM (KIL-6).
    StopAnswersAtSigterm = "stop-answers-at-sigterm",
    /// Whoever renews the lease does not read it anew after a conflict (NOD-4).
    LeaseNotReadAnew = "lease-not-read-anew",
    /// A pod worker does not wait for a pod cache that is newer than its last sync (PW-16).
    WorkerTrustsOldCache = "worker-trusts-old-cache",
    /// A pod worker does not look whether what it stopped is stopped (STP-5).
    StopIsNotVerified = "stop-is-not-verified",
    /// Admission counts pods that have ended (ADM, hazard `completed-pods-still-counted`).
    EndedPodsCount = "ended-pods-count",
    /// Admission does not count pods that are being stopped (ADM-14).
    StoppingPodsDoNotCount = "stopping-pods-do-not-count",
    /// A pod whose phase is terminal is run like any other (PW-3).
    TerminalPodsRunAgain = "terminal-pods-run-again",
    /// A pod that is not configured any more is forgotten and not stopped (PW-12).
    OrphansAreForgotten = "orphans-are-forgotten",
    /// Housekeeping does not wait until the pods of the node are known (SRC-6).
    HousekeepingBeforeSources = "housekeeping-before-sources",
    /// The sync loop goes on while the runtime is not well (SRC-5).
    LoopIgnoresRuntimeHealth = "loop-ignores-runtime-health",
    /// Init containers whose last state is gone run again beside the app (CPA-6).
    InitRunsAgainBesideApp = "init-runs-again-beside-app",
    /// The last dead container of a name is removed too (CPA-16).
    LastDeadContainerRemoved = "last-dead-container-removed",
    /// Sidecars are stopped together with the app containers (KIL-8).
    SidecarsStopWithApp = "sidecars-stop-with-app",
    /// Sidecars wait for app containers that never started (KIL-8).
    SidecarsWaitForUnstarted = "sidecars-wait-for-unstarted",
    /// What a preStop hook took is not taken from the grace period (KIL-4).
    FullGraceAfterPreStop = "full-grace-after-pre-stop",
    /// A preStop hook is waited for beyond the grace period (KIL-4).
    PreStopIsWaitedFor = "pre-stop-is-waited-for",
    /// A restarted container is not held back (CLB-1).
    BackOffForgotten = "back-off-forgotten",
    /// What a probe found of the container before counts for the new one (PRB-7).
    ProbeResultOfOldContainer = "probe-result-of-old-container",
    /// A probe that has failed as often as it may counts on with the next container (PRB-7, kubernetes/kubernetes#46371).
    ProbeCountSurvivesHold = "probe-count-survives-hold",
    /// A kubelet that restarts forgets what was ready, in every release (PRB-12).
    ReadinessLostOverRestart = "readiness-lost-over-restart",
    /// A terminal phase is written while containers may run (STM-4).
    TerminalPhaseBeforeStop = "terminal-phase-before-stop",
    /// The object of a deleted pod is removed before its worker has finished (STM-6).
    RemovedBeforeFinished = "removed-before-finished",
    /// A status that came while an older one was written counts as written (STM-9).
    NewerStatusCountsAsWritten = "newer-status-counts-as-written",
    /// The status manager does not look whose status it writes (STM-2).
    StatusOfNamesake = "status-of-namesake",
    /// A status is written as a whole, over what others wrote since it was read (STM-2).
    StatusPatchIsWhole = "status-patch-is-whole",
    /// What others write into a status is never repaired (STM-1).
    StatusIsNeverReconciled = "status-is-never-reconciled",
    /// A kube-proxy programs rules before it knows the Services and slices (PRX-6).
    ProxyProgramsBeforeItIsSynced = "proxy-programs-before-it-is-synced",
    /// What changes while a kube-proxy programs its rules is lost (PRX-1).
    ProxyLosesChangesWhileProgramming = "proxy-loses-changes-while-programming",
    /// A kube-proxy keeps the endpoints of slices that are gone (PRX-1).
    ProxyKeepsDeletedSlices = "proxy-keeps-deleted-slices",
    /// A kube-proxy never uses endpoints that terminate (PRX-20).
    ProxyNeverFallsBack = "proxy-never-falls-back",
    /// A kube-proxy uses every endpoint that serves, terminating or not (PRX-20).
    ProxyTakesTerminatingForReady = "proxy-takes-terminating-for-ready",
    /// Connections from inside follow the policy for those from outside, and these the other (PRX-21).
    ProxySwapsPolicies = "proxy-swaps-policies",
    /// A pod is assumed no longer once its binding is answered, whether or not the watch has told of it (SCH-6).
    AssumedPodExpires = "assumed-pod-expires",
    /// What a kube-proxy failed to program is not programmed until something else changes (PRX-7).
    ProxyForgetsFailedProgramming = "proxy-forgets-failed-programming",
    /// A kube-proxy that begins anew leaves the rules of a Service as it finds them, whatever they say (PRX-8).
    ProxyComparesByPresence = "proxy-compares-by-presence",
    /// The node says that it is ready whatever its runtime does (NOD-3).
    NodeIsAlwaysReady = "node-is-always-ready",
    /// A kubelet that starts lists its pods before it has listed its node, and asks the Node that it would register (ADM-6,
    /// kubernetes/kubernetes#99336).
    PodsBeforeOwnNode = "pods-before-own-node",
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which slips are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slips(u128);

impl Slips {
    /// None.
    pub const NONE: Self = Self(0);

    /// Only this one.
    pub const fn only(slip: Slip) -> Self {
        Self(1 << slip as u32)
    }

    /// Is it on?
    pub const fn has(self, slip: Slip) -> bool {
        self.0 & 1 << slip as u32 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_at_a_time() {
        for &on in Slip::ALL {
            for &asked in Slip::ALL {
                assert_eq!(Slips::only(on).has(asked), on == asked);
            }
            assert!(!Slips::NONE.has(on));
        }
    }

    #[test]
    fn every_slip_has_a_name_of_its_own() {
        let mut names: Vec<_> = Slip::ALL.iter().map(|slip| slip.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Slip::ALL.len());
    }
}
