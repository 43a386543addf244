//! How long things take: one table, in seconds, with the Kubernetes flag or constant behind each row.
//!
//! A *bound* is an upper limit with lower limit 0 (a message, a sync, a relist). A *timer* has exactly its length.
//! Untimed searches read none of the bounds, and of the timers only their order where one process started them
//! together.

use serde::{Deserialize, Serialize};

use crate::release::Release;
use crate::scenario::limits::DAY_SECONDS;

/// One row of the table.
pub struct Row {
    /// Name for `--latency NAME=SECONDS`.
    pub name: &'static str,
    /// What takes this long, as an assumption of a verdict.
    pub says: &'static str,
    /// The Kubernetes flag, field or constant that sets it.
    pub flag: &'static str,
    get: fn(&Latencies) -> u32,
    set: fn(&mut Latencies, u32),
}

impl Row {
    /// The row's value in `latencies`, in seconds.
    pub fn value(&self, latencies: &Latencies) -> u32 {
        (self.get)(latencies)
    }
}

macro_rules! latencies {
    ($($(#[$doc:meta])* $field:ident = $default:expr, $name:literal, $says:literal, $flag:literal;)*) => {
        /// Every latency and timer that no manifest sets, in seconds.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct Latencies {
            $($(#[$doc])* pub $field: u32,)*
        }

        impl Latencies {
            /// The defaults of `release`.
            pub fn of(release: Release) -> Self {
                let defaults: fn(Release) -> Self = |_release| Self { $($field: $default(_release),)* };
                defaults(release)
            }

            /// The table, a row for each latency.
            pub const ROWS: &'static [Row] = &[$(Row {
                name: $name, says: $says, flag: $flag,
                get: |latencies| latencies.$field,
                set: |latencies, seconds| latencies.$field = seconds,
            },)*];
        }
    };
}

latencies! {
    /// Bound: a write reaches a watcher.
    watch = |_| 1, "watch", "watch delivery within", "no flag: the network";
    /// Bound: a controller of the controller manager acts on its view, with its write.
    controller_sync = |_| 1, "controller-sync", "controller sync with its write within", "--concurrent-*-syncs";
    /// Bound: the EndpointSlice controller writes the slice.
    endpoint_slice_sync = |_| 1, "endpoint-slice-sync", "EndpointSlice sync with its write within",
        "--endpointslice-updates-batch-period";
    /// Bound: kube-proxy programs what it has seen.
    proxy_sync = |_| 1, "proxy-sync", "kube-proxy programs its rules within", "--iptables-min-sync-period";
    /// Bound: the scheduler decides, and again until the binding is written.
    scheduler = |_| 1, "scheduler", "scheduling decision, and binding, within", "podInitialBackoffSeconds";
    /// Bound: the kubelet takes the next step of a pod.
    kubelet_reaction = |_| 1, "kubelet-reaction", "kubelet reaction within", "no flag: the sync loop";
    /// Bound: the PLEG lists the containers once more.
    pleg_relist = |_| 1, "pleg-relist", "PLEG relist within", "genericPlegRelistPeriod";
    /// Bound: the kubelet patches a pod's status.
    status_report = |_| 1, "status-report", "pod status report within", "--kube-api-qps of the kubelet";
    /// Bound: the kubelet removes the object after the last container stopped.
    final_deletion = |_| 10, "final-deletion", "final deletion after the last container within",
        "status manager syncPeriod";
    /// Bound: the kubelet posts its node's status; also the period of the lease.
    heartbeat = |_| 10, "heartbeat", "node status and lease renewed within", "nodeStatusUpdateFrequency";
    /// Timer: silence after which a node's Ready becomes Unknown.
    node_monitor_grace = |release: Release| release.node_monitor_grace_seconds(), "node-monitor-grace",
        "node declared Unknown after silence of", "--node-monitor-grace-period";
    /// Timer: toleration of not-ready and unreachable that admission adds to a pod without its own.
    default_toleration = |_| 300, "default-toleration", "not-ready and unreachable tolerated for",
        "--default-unreachable-toleration-seconds";
    /// Timer: a relist that does not finish makes the PLEG unhealthy.
    pleg_threshold = |_| 180, "pleg-threshold", "PLEG unhealthy after a stuck relist of", "genericPlegRelistThreshold";
    /// Timer: a runtime that does not answer counts as down (K-6, SRC-5), long before a call of its own runs out.
    runtime_timeout = |_| 30, "runtime-timeout", "runtime down after no answer for", "maxWaitForContainerRuntime";
    /// Timer: the first wait of the restart back-off; each next one is twice as long.
    restart_backoff = |_| 10, "restart-backoff", "first restart back-off of", "MaxContainerBackOff ladder";
    /// Timer: the longest wait of the restart back-off.
    restart_backoff_limit = |_| 300, "restart-backoff-limit", "longest restart back-off of",
        "crashLoopBackOff.maxContainerRestartPeriod";
    /// Timer: the least time between SIGTERM and SIGKILL.
    minimum_grace = |_| 2, "minimum-grace", "least time from SIGTERM to SIGKILL of", "minimumGracePeriodInSeconds";
    /// Timer: a pod on a missing node is collected.
    orphan_quarantine = |_| 40, "orphan-quarantine", "pod of a missing node collected after",
        "quarantineTime of podgc";
    /// Timer: an evicted pod that did not go returns to its budget.
    disruption_timeout = |_| 120, "disruption-timeout", "disrupted pod forgotten after", "DeletionTimeout";
    /// Timer: a pod that no event woke is tried again.
    unschedulable_flush = |_| 300, "unschedulable-flush", "unschedulable pod tried again after",
        "podMaxInUnschedulablePodsDuration";
    /// Bound: a drain asks again for an eviction that was refused.
    eviction_retry = |_| 5, "eviction-retry", "refused eviction asked for again within", "kubectl drain (5 s)";
    /// Bound: a component that was restarted is up again.
    process_start = |_| 10, "process-start", "restarted component up again within", "no flag: the process manager";
}

impl Latencies {
    /// Sets the row called `name` to `seconds`.
    ///
    /// # Errors
    /// A sentence that lists the names, if there is no such row, or the limit, if `seconds` is above a day.
    pub fn set(&mut self, name: &str, seconds: u32) -> Result<(), String> {
        if seconds > DAY_SECONDS {
            return Err(format!(
                "latency '{name}' of {seconds} s is more than a day; accepted are 0 to 86400"
            ));
        }
        match Self::ROWS.iter().find(|row| row.name == name) {
            Some(row) => {
                (row.set)(self, seconds);
                Ok(())
            }
            None => {
                let names: Vec<_> = Self::ROWS.iter().map(|row| row.name).collect();
                Err(format!("no latency is called '{name}'; accepted are {}", names.join(", ")))
            }
        }
    }

    /// The longest time from a write of a pod's status, or of its deletion, to the rules of every connected node:
    /// watch, slice, watch, proxy (`kubernetes-semantics` 8.3, `Lb`).
    pub fn propagation(&self) -> u32 {
        self.watch + self.endpoint_slice_sync + self.watch + self.proxy_sync
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::of(Release::NEWEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_reaches_every_rule_within_four_seconds_by_default() {
        assert_eq!(Latencies::default().propagation(), 4);
    }

    #[test]
    fn a_latency_is_set_by_its_name() {
        let mut latencies = Latencies::default();
        latencies.set("watch", 5).expect("a known name");
        assert_eq!(latencies.propagation(), 12);
        assert!(latencies.set("wach", 5).expect_err("unknown").contains("watch, controller-sync"));
        assert!(latencies.set("watch", 86_401).is_err());
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Latencies::ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Latencies::ROWS.len());
    }
}
