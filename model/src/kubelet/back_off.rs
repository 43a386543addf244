//! The crash-loop back-off: how long a container that has ended waits for its restart (CLB-1 to CLB-7).
//!
//! Source: S28 `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (`doBackOff`), `pkg/kubelet/pod_workers.go` (`completeWork`).

use podproof_vocabulary::Release;
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::scenario::Scenario;

use crate::cluster::Cluster;
use crate::state::Container;

/// The last step of the restart back-off ladder: 10, 20, 40, 80, 160, 300 s (CLB-1).
pub const LAST_BACKOFF: u8 = 6;

/// Seconds that the next restart waits after the exit; the first is immediate (CLB-1).
pub fn backoff_seconds(cluster: &Cluster<'_>, container: Container) -> u32 {
    step_seconds(&cluster.rules.scenario.latencies, container.backoff())
}

/// The same at this step of the ladder.
fn step_seconds(latencies: &Latencies, step: u8) -> u32 {
    match step {
        0 => 0,
        step => (latencies.restart_backoff << (step - 1)).min(latencies.restart_backoff_limit),
    }
}

/// Between which seconds a restart comes, from when the cache shows that it is due: its back-off runs from the exit (CLB-2), which is up to
/// a relist before that, or longer where the exit was in a sandbox before this one. A sync that is held back is tried again at the end of
/// the back-off, or after a minute if that is earlier, and up to half as long later (kubernetes/kubernetes#133066); before 1.35 every 10 to
/// 15 s (K-12).
pub fn restart_seconds(cluster: &Cluster<'_>, container: Container) -> (u32, u32) {
    let latencies = &cluster.rules.scenario.latencies;
    let wait = backoff_seconds(cluster, container);
    let from = match container.cached().has_exited() {
        true => wait.saturating_sub(latencies.pleg_relist),
        false => 0,
    };
    (from, wait.saturating_add(retry_seconds(cluster.rules.scenario.release, wait)))
}

/// How much later than the end of a back-off the next try may be, for every back-off that a scenario can have.
pub(crate) fn all_retry_seconds(scenario: &Scenario) -> impl Iterator<Item = u32> + '_ {
    (1..=LAST_BACKOFF).map(|step| retry_seconds(scenario.release, step_seconds(&scenario.latencies, step)))
}

/// How much later than the end of a back-off of `wait` seconds the next try may be.
fn retry_seconds(release: Release, wait: u32) -> u32 {
    const SYNC_FREQUENCY: u32 = 60;
    const LONGEST_RETRY: u32 = 15;
    match wait {
        0 => 0,
        _ if release.retries_when_a_back_off_ends() => wait.min(SYNC_FREQUENCY) / 2,
        _ => LONGEST_RETRY,
    }
}
