//! What the tests of the model share.

use podproof_vocabulary::event::EventName;
use podproof_vocabulary::scenario::{ContainerKind, PreStop, Probe, Scenario};

/// With what no built-in scenario has: hooks, probes that apps may fail, clients that evict.
pub fn probe_all(scenario: &mut Scenario) {
    let probe = Some(Probe {
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    });
    let containers = &mut scenario.workload.template.containers;
    for container in containers.iter_mut().filter(|container| container.kind != ContainerKind::Init) {
        container.pre_stop = Some(PreStop::Seconds(5));
        container.listens_after_seconds = 1;
        (container.startup_probe, container.readiness_probe, container.liveness_probe) =
            (probe, probe, probe);
    }
    for event in [EventName::ReadinessChange, EventName::LivenessChange, EventName::EvictPod] {
        scenario.events.set(event, 2);
    }
}
