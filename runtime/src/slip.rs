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
    /// An eviction does not spend the budget that it asks (EVI-4).
    BudgetNotSpent = "budget-not-spent",
    /// A watch that starts at an old version brings only what comes from now on (API-33).
    WatchFromNow = "watch-from-now",
    /// After a broken watch the cache is listed anew, and what vanished meanwhile stays in it (API-33).
    MissedDeletionsKept = "missed-deletions-kept",
    /// A key that is added while a worker is at it is lost (CTL-2).
    AddedWhileProcessingLost = "added-while-processing-lost",
    /// A taint that goes does not cancel the timers of pods that tolerate the others for ever (TEC-3).
    ForeverDoesNotCancel = "forever-does-not-cancel",
    /// The timer of a toleration starts anew with every change of the node (TEC-4).
    TolerationRestarts = "toleration-restarts",
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
    /// The disruption controller overwrites what an eviction has spent (EVI-4, PDB-4).
    BudgetStatusOverwritten = "budget-status-overwritten",
    /// Evicted pods that have not gone yet count as healthy (PDB-3).
    DisruptedPodsCounted = "disrupted-pods-counted",
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
