//! The Kubernetes release of a scenario, and the switches that depend on it.
//!
//! Source of every switch: `kubernetes-semantics` 13.2 (collected from the feature-gate table of the v1.36
//! documentation and from changelogs); the rule that a switch belongs to is cited where the model reads it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A Kubernetes minor release `1.NN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Release {
    /// The `NN` of `1.NN`.
    pub minor: u8,
}

impl Release {
    /// The newest release whose behaviour is known to the model, and the default.
    pub const NEWEST: Self = Self { minor: 36 };
    /// The oldest release that a scenario may name: the one that the recordings show.
    pub const OLDEST: Self = Self { minor: 20 };

    /// Deleting pods stay in their EndpointSlice as `terminating` (EPS-2). On from 1.22; the recordings of 1.20
    /// have the gate switched on, so a scenario of 1.20 has it too.
    pub const fn keeps_terminating_endpoints(self) -> bool {
        self.minor >= 22 || self.minor == 20
    }

    /// kube-proxy falls back to serving, terminating endpoints (PRX-20, PRX-21). On from 1.26.
    pub const fn falls_back_to_terminating(self) -> bool {
        self.minor >= 26
    }

    /// A deleted pod gets a terminal phase before it is removed (PHS-11). From 1.27.
    pub const fn writes_terminal_phase_before_removal(self) -> bool {
        self.minor >= 27
    }

    /// A pod that ends by itself, or that its kubelet evicts, keeps its phase until its containers have stopped (STM-4,
    /// kubernetes/kubernetes#108366). From 1.24; before, the kubelet reports the end first and stops what is left then.
    pub const fn withholds_terminal_phase(self) -> bool {
        self.minor >= 24
    }

    /// `restartPolicy: Always` init containers run beside the app containers (CPA-8, KIL-8). From 1.29.
    pub const fn has_native_sidecars(self) -> bool {
        self.minor >= 29
    }

    /// The `sleep` action of a preStop hook (KIL-3). From 1.30.
    pub const fn has_sleep_hook(self) -> bool {
        self.minor >= 30
    }

    /// A `sleep` of zero seconds is accepted (KIL-3, KEP-4818). On from 1.33.
    pub const fn allows_zero_sleep(self) -> bool {
        self.minor >= 33
    }

    /// `matchLabelKeys` and `mismatchLabelKeys` of pod affinity (FLT-14). On from 1.31.
    pub const fn has_match_label_keys_in_affinity(self) -> bool {
        self.minor >= 31
    }

    /// `matchLabelKeys` of topology spread constraints (FLT-19, KEP-3243). On from 1.27.
    pub const fn has_match_label_keys_in_spread(self) -> bool {
        self.minor >= 27
    }

    /// A topology spread constraint whose selector is `{}` counts no pod (FLT-18, kubernetes/kubernetes#116607). From 1.27; mended after
    /// 1.36 (kubernetes/kubernetes#141340).
    pub const fn counts_nothing_for_empty_spread_selectors(self) -> bool {
        self.minor >= 27
    }

    /// `minDomains` of topology spread constraints (FLT-16). On from 1.27.
    pub const fn has_min_domains(self) -> bool {
        self.minor >= 27
    }

    /// `nodeAffinityPolicy` and `nodeTaintsPolicy` of topology spread constraints (FLT-17, KEP-3094). On from 1.26.
    pub const fn has_node_inclusion_policies(self) -> bool {
        self.minor >= 26
    }

    /// `namespaceSelector` of pod affinity (KEP-2249). On from 1.22.
    pub const fn has_namespace_selector_in_affinity(self) -> bool {
        self.minor >= 22
    }

    /// `internalTrafficPolicy` of a Service (PRX-21, KEP-2086). On from 1.22.
    pub const fn has_internal_traffic_policy(self) -> bool {
        self.minor >= 22
    }

    /// A force deletion leaves one second of grace, raised to the floor of two (PW-18). From 1.31; between 1.22
    /// and 1.30 the kubelet read zero as "unset" and used the whole grace period; 1.20 and 1.21 used the floor
    /// (seen in the recording of a force deletion).
    pub const fn force_deletion_uses_minimum_grace(self) -> bool {
        self.minor >= 31 || self.minor < 22
    }

    /// Default of `--node-monitor-grace-period` in seconds: 50 from 1.32, 40 before (C-2).
    pub const fn node_monitor_grace_seconds(self) -> u32 {
        if self.minor >= 32 { 50 } else { 40 }
    }

    /// A restarted kubelet keeps the readiness that it finds in the API instead of starting from False (PRB-12).
    /// From 1.35.
    pub const fn keeps_readiness_over_kubelet_restart(self) -> bool {
        self.minor >= 35
    }

    /// A probe that is made out of turn shifts those after it (kubernetes/kubernetes#119089). From 1.32.
    pub const fn shifts_probes_after_a_trigger(self) -> bool {
        self.minor >= 32
    }

    /// What the PLEG says of a pod is dated by the begin of its list (kubernetes/kubernetes#138024), and not by the begin of the pod's own
    /// inspection. From 1.36.
    pub const fn dates_statuses_by_their_list(self) -> bool {
        self.minor >= 36
    }

    /// A pod that a back-off holds back is synced anew when that ends (kubernetes/kubernetes#133066), instead of every 10 to 15 s (K-12).
    /// From 1.35.
    pub const fn retries_when_a_back_off_ends(self) -> bool {
        self.minor >= 35
    }

    /// A patch of a node's taints carries the version that it was made from (kubernetes/kubernetes#113136). From 1.26; the
    /// last patch releases of 1.24 and 1.25 do so too, but a release is named without its patch.
    pub const fn taint_patches_carry_versions(self) -> bool {
        self.minor >= 26
    }

    /// The pod garbage collector writes phase Failed before it deletes (PGC-5). On from 1.26.
    pub const fn collector_fails_pods(self) -> bool {
        self.minor >= 26
    }

    /// The pod garbage collector removes pods that terminate on a node which is out of service (PGC-2): on from 1.26
    /// (`NodeOutOfServiceVolumeDetach`).
    pub const fn collects_from_nodes_out_of_service(self) -> bool {
        self.minor >= 26
    }

    /// A kubelet refuses pods that do not tolerate the NoExecute taints of its node (ADM-9, kubernetes/kubernetes#101218). From 1.24;
    /// before, they are admitted, and evicted.
    pub const fn kubelet_asks_for_tolerations(self) -> bool {
        self.minor >= 24
    }

    /// Housekeeping stops what runs of a configured pod that was rejected after its kubelet started anew (ADM-13, PW-13,
    /// kubernetes/kubernetes#113145). From 1.27; before, it goes on until the pod is deleted.
    pub const fn stops_what_runs_of_rejected_pods(self) -> bool {
        self.minor >= 27
    }

    /// Housekeeping lets go of a pod that was deleted before its kubelet heard of it, and that was rejected (ADM-12,
    /// kubernetes/kubernetes#118497). From 1.28; the last patch releases of 1.27 do so too, but a release is named without its patch.
    pub const fn removes_rejected_pods_that_were_deleted_before(self) -> bool {
        self.minor >= 28
    }

    /// A kubelet that starts anew asks pods for admission that have ended, and one that is rejected has Failed, whatever it was before
    /// (ADM-1, kubernetes/kubernetes#126341). Before 1.28; of later ones the first patch releases do so too, but a release is named
    /// without its patch.
    pub const fn admits_ended_pods_anew(self) -> bool {
        self.minor < 28
    }

    /// Ports of the host that a sidecar asks for keep its pod from nodes on which they are taken (FLT-4, kubernetes/kubernetes#132040).
    /// From 1.34; the last patch releases of 1.33 do so too, but a release is named without its patch.
    pub const fn counts_host_ports_of_sidecars(self) -> bool {
        self.minor >= 34
    }

    /// `unhealthyPodEvictionPolicy` of a PodDisruptionBudget has its effect (EVI-3). From 1.27.
    pub const fn has_unhealthy_pod_eviction_policy(self) -> bool {
        self.minor >= 27
    }
}

impl Default for Release {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let accepted = format!("a release from {} to {}", Self::OLDEST, Self::NEWEST);
        let minor = text.strip_prefix("1.").and_then(|minor| minor.parse().ok());
        match minor.map(|minor| Self { minor }) {
            Some(release) if (Self::OLDEST..=Self::NEWEST).contains(&release) => Ok(release),
            _ => Err(format!("'{text}' is not {accepted}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_from_its_name() {
        assert_eq!("1.28".parse(), Ok(Release { minor: 28 }));
        for wrong in ["1.19", "1.37", "2.0", "1.", "28", "1.-3"] {
            assert!(wrong.parse::<Release>().is_err(), "{wrong} must be refused");
        }
    }

    #[test]
    fn the_default_node_monitor_grace_changed_in_1_32() {
        assert_eq!(Release { minor: 31 }.node_monitor_grace_seconds(), 40);
        assert_eq!(Release::NEWEST.node_monitor_grace_seconds(), 50);
    }
}
