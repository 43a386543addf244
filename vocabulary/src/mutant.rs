//! Mutants: one-line wrong rules, switchable in a scenario. Under each, the search must find its property broken;
//! a property that no mutant breaks proves nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::property::Property;

/// What a mutant does wrong and what must notice.
pub struct Facts {
    /// The mutant.
    pub mutant: Mutant,
    /// Its name, in kebab case.
    pub name: &'static str,
    /// The wrong rule in one sentence.
    pub says: &'static str,
    /// The properties that the search must find broken under it.
    pub breaks: &'static [Property],
}

macro_rules! mutants {
    ($($variant:ident $name:literal breaks $($property:ident),+ => $says:literal;)*) => {
        /// A one-line wrong rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Mutant {
            $(#[doc = $says] $variant,)*
        }

        /// Every mutant.
        pub const MUTANTS: &[Facts] = &[$(Facts {
            mutant: Mutant::$variant,
            name: $name,
            says: $says,
            breaks: &[$(Property::$property),+],
        },)*];
    };
}

mutants! {
    SliceKeepsTerminatingReady "slice-keeps-terminating-ready"
        breaks NoTrafficAfterSigterm, NoFailedRequest, ReadyMeansReady =>
        "the EndpointSlice controller leaves a deleting pod ready";
    SliceIgnoresReadiness "slice-ignores-readiness" breaks ReadyMeansReady, EndpointsConverge =>
        "the EndpointSlice controller takes every pod for a ready one";
    SliceKeepsEndedPods "slice-keeps-ended-pods" breaks EndpointsConverge =>
        "the EndpointSlice controller keeps pods that have ended, and whose address is another's soon";
    ProxyNeverRemoves "proxy-never-removes"
        breaks NoTrafficAfterSigterm, NoFailedRequest, NoMisroutedRequest, EndpointsConverge, UnreachableEndpointsLeave =>
        "kube-proxy adds endpoints to its rules and never takes one out";
    ProxyNeverAdds "proxy-never-adds" breaks NoAvoidableBlackout, EndpointsConverge =>
        "kube-proxy takes endpoints out of its rules and never adds one";
    SchedulerIgnoresResources "scheduler-ignores-resources" breaks PlacementLawful =>
        "the scheduler leaves out the NodeResourcesFit filter";
    AdmissionIgnoresResources "admission-ignores-resources" breaks PlacementLawful =>
        "the kubelet admits a pod for which the node has no room";
    EvictionSpendsNothing "eviction-spends-nothing" breaks DisruptionBudgetKept =>
        "an admitted eviction leaves disruptionsAllowed as it was";
    BudgetStatusOverwritten "budget-status-overwritten" breaks DisruptionBudgetKept =>
        "the disruption controller writes the status of a budget over an eviction that it has not seen";
    DeploymentIgnoresSurge "deployment-ignores-surge" breaks RolloutWithinBounds =>
        "the Deployment controller scales the new ReplicaSet up to all replicas at once";
    DeploymentIgnoresUnavailable "deployment-ignores-unavailable" breaks RolloutWithinBounds =>
        "the Deployment controller scales old ReplicaSets down to nothing at once";
    RecreateDoesNotWait "recreate-does-not-wait" breaks PodsWithinSurge =>
        "the Recreate strategy creates new pods before the old ones are gone";
    WorkerStartsAfterTermination "worker-starts-after-termination" breaks TerminalIsFinal =>
        "the pod worker starts a container of a pod that is terminating";
    KubeletRemovesEarly "kubelet-removes-early" breaks StoppedBeforeGone =>
        "the kubelet removes the pod object without waiting for its containers";
    SigkillAtOnce "sigkill-at-once" breaks GraceHonoured =>
        "SIGKILL follows SIGTERM without the grace period";
    SigtermDuringPreStop "sigterm-during-pre-stop" breaks GraceHonoured =>
        "SIGTERM is sent while the preStop hook runs";
    AppsDoNotWaitForInit "apps-do-not-wait-for-init" breaks InitBeforeApp =>
        "app containers start without waiting for the init containers";
    SidecarsStopWithApps "sidecars-stop-with-apps" breaks InitBeforeApp =>
        "sidecars get SIGTERM together with the app containers";
    SandboxStoppedFirst "sandbox-stopped-first" breaks SandboxHoldsNamespaces =>
        "the sandbox is stopped before the containers";
    AddressFreedEarly "address-freed-early" breaks OneAddressOnePod =>
        "CNI gives an address away while its sandbox still holds it";
    HostPortsIgnored "host-ports-ignored" breaks OneAddressOnePod =>
        "neither scheduler nor kubelet looks at host ports";
    TaintEvictionNeverFires "taint-eviction-never-fires" breaks ReplacedAfterNodeFailure, NoexecuteEvicts =>
        "the taint eviction controller deletes nothing";
    SchedulerNeverWakes "scheduler-never-wakes" breaks ScheduledIfFeasible =>
        "neither an event nor the flush moves a pod out of the scheduler's unschedulable pods";
    ReplicaSetStatusNeverWritten "replica-set-status-never-written" breaks RolloutCompletes =>
        "the ReplicaSet controller does not report available replicas";
    ReplicaSetNeverDeletes "replica-set-never-deletes" breaks RolloutCompletes =>
        "the ReplicaSet controller deletes no pod, however many there are too many";
    KubeletNeverRemoves "kubelet-never-removes" breaks DeletionCompletes =>
        "the kubelet never sends the final deletion";
    NodeLifecycleForgetsPods "node-lifecycle-forgets-pods" breaks UnreachableEndpointsLeave =>
        "the pods of a node that became Unknown keep Ready=True";
    KubeletNeverRestarts "kubelet-never-restarts" breaks CrashRecovers =>
        "the kubelet does not start a container that exited";
    PlegAlwaysHealthy "pleg-always-healthy" breaks RuntimeHangDetected =>
        "a relist that never finishes goes unnoticed";
    PodgcLooksOnce "podgc-looks-once" breaks ReplacedAfterNodeFailure =>
        "the pods of a Node object that is deleted are collected once, when that is seen, and never those that are bound to it later";
}

impl Mutant {
    /// What is known of it.
    pub fn facts(self) -> &'static Facts {
        &MUTANTS[self as usize]
    }

    /// Its name in kebab case.
    pub fn name(self) -> &'static str {
        self.facts().name
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mutant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        MUTANTS.iter().find(|facts| facts.name == text).map(|facts| facts.mutant).ok_or_else(|| {
            let names: Vec<_> = MUTANTS.iter().map(|facts| facts.name).collect();
            format!("no mutant is called '{text}'; accepted are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_a_mutant_that_breaks_it() {
        for property in Property::all() {
            assert!(
                MUTANTS.iter().any(|facts| facts.breaks.contains(&property)),
                "no mutant breaks {property}: add one, or the property may hold for the wrong reason"
            );
        }
    }

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, facts) in MUTANTS.iter().enumerate() {
            assert_eq!(facts.mutant as usize, index);
            assert_eq!(facts.name.parse(), Ok(facts.mutant));
        }
    }
}
