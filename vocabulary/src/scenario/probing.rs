//! When the probe that guards the start of a container has failed for good: its startup probe, or without one its liveness probe (PRB-3).

use super::{Container, Probe};
use crate::latency::Latencies;

impl Container {
    /// The probe that kills the container if it does not listen soon enough, and what it is called.
    pub fn guard(&self) -> Option<(&'static str, Probe)> {
        let startup = self.startup_probe.map(|probe| ("startup", probe));
        startup.or_else(|| self.liveness_probe.map(|probe| ("liveness", probe)))
    }

    /// It may be killed before it listens (PRB-4, PRB-7).
    pub fn may_fail_before_listening(&self) -> bool {
        self.guard().is_some_and(|(_, probe)| {
            self.listens_after_seconds > 0 && earliest_failure(&probe) <= self.listens_after_seconds
        })
    }

    /// It is always killed before it listens, as long as its kubelet probes it.
    pub fn fails_before_listening(&self, latencies: &Latencies) -> bool {
        self.guard().is_some_and(|(_, probe)| {
            // The kubelet probes a container once it knows that it runs.
            let known = latencies.pleg_relist.saturating_add(latencies.kubelet_reaction);
            latest_failure(&probe).saturating_add(known) < self.listens_after_seconds
        })
    }
}

/// Seconds from the start of a container until its probe can have failed as often as its threshold says.
fn earliest_failure(probe: &Probe) -> u32 {
    let more = probe.failure_threshold.saturating_sub(1).saturating_mul(probe.period_seconds);
    probe.initial_delay_seconds.saturating_add(more)
}

/// Seconds from the start of a container until its probe has failed as often as its threshold says, each time by its timeout: a worker has
/// one probe on its way at a time.
pub fn latest_failure(probe: &Probe) -> u32 {
    let each = probe.period_seconds.max(probe.timeout_seconds);
    probe
        .initial_delay_seconds
        .saturating_add(probe.failure_threshold.saturating_mul(each))
        .saturating_add(probe.timeout_seconds)
}

#[cfg(test)]
mod tests {
    use crate::catalogue;
    use crate::event::Story;

    use super::*;

    /// PRB-4: 2 s + 3 × 10 s + 1 s, and 2 s until the kubelet knows of the container.
    #[test]
    fn what_listens_too_late_is_killed() {
        let scenario = catalogue::web("x", Story::Create, 1, 1);
        let probe = Probe {
            initial_delay_seconds: 2,
            period_seconds: 10,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold: 3,
        };
        let mut container = scenario.workload.template.containers[0].clone();
        for is_startup in [true, false] {
            container.startup_probe = is_startup.then_some(probe);
            container.liveness_probe = (!is_startup).then_some(probe);
            for (listens, may, does) in [
                (0, false, false),
                (21, false, false),
                (22, true, false),
                (35, true, false),
                (36, true, true),
            ] {
                container.listens_after_seconds = listens;
                assert_eq!(container.may_fail_before_listening(), may, "{listens} s");
                assert_eq!(container.fails_before_listening(&scenario.latencies), does, "{listens} s");
            }
        }
        container.startup_probe = Some(Probe { period_seconds: 1, timeout_seconds: 10, ..probe });
        container.listens_after_seconds = 44;
        assert!(!container.fails_before_listening(&scenario.latencies), "three that take 10 s each");
        container.listens_after_seconds = 45;
        assert!(container.fails_before_listening(&scenario.latencies));
        // The startup probe holds the liveness probe back.
        container.startup_probe = Some(Probe { failure_threshold: 30, ..probe });
        assert!(!container.fails_before_listening(&scenario.latencies));
        container.startup_probe = None;
        container.liveness_probe = None;
        assert!(!container.fails_before_listening(&scenario.latencies), "nobody looks");
    }
}
