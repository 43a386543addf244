//! One template for the pods of several, which differ in how much they ask for and how long things take: the least of each, so that
//! whatever the pods of any of them do the pods of this one may do. Times are lower bounds where a log is followed, and who asks for
//! less has more room.

use podproof_vocabulary::scenario::{Container, OnSigterm, PodTemplate, PreStop, Probe, Resources};

/// The least of two templates; none, if they differ in anything else, or in which of their timers run out first.
pub(super) fn least(one: &PodTemplate, other: &PodTemplate) -> Option<PodTemplate> {
    if one.containers.len() != other.containers.len() {
        return None;
    }
    let mut both = one.clone();
    both.grace_seconds = one.grace_seconds.min(other.grace_seconds);
    for (own, theirs) in both.containers.iter_mut().zip(&other.containers) {
        own.requests = least_resources(own.requests, theirs.requests);
        own.pre_stop = match (own.pre_stop, theirs.pre_stop) {
            (Some(PreStop::Seconds(own)), Some(PreStop::Seconds(theirs))) => {
                Some(PreStop::Seconds(own.min(theirs)))
            }
            (own, theirs) if own == theirs => own,
            _ => return None,
        };
        own.startup_probe = least_probe(own.startup_probe, theirs.startup_probe)?;
        own.readiness_probe = least_probe(own.readiness_probe, theirs.readiness_probe)?;
        own.liveness_probe = least_probe(own.liveness_probe, theirs.liveness_probe)?;
    }
    let is_rest_equal = without_amounts(one) == without_amounts(other);
    let orders = [one, other, &both].map(run_out);
    (is_rest_equal && orders.iter().all(|order| *order == orders[0])).then_some(both)
}

fn least_resources(one: Resources, other: Resources) -> Resources {
    Resources {
        cpu_milli: one.cpu_milli.min(other.cpu_milli),
        memory: one.memory.min(other.memory),
        pods: one.pods.min(other.pods),
    }
}

/// The least of two probes, or no probe; none, if only one is there.
fn least_probe(one: Option<Probe>, other: Option<Probe>) -> Option<Option<Probe>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Some(Probe {
            initial_delay_seconds: one.initial_delay_seconds.min(other.initial_delay_seconds),
            period_seconds: one.period_seconds.min(other.period_seconds),
            timeout_seconds: one.timeout_seconds.min(other.timeout_seconds),
            success_threshold: one.success_threshold.min(other.success_threshold),
            failure_threshold: one.failure_threshold.min(other.failure_threshold),
        })),
        (None, None) => Some(None),
        _ => None,
    }
}

fn without_amounts(template: &PodTemplate) -> PodTemplate {
    let mut rest = template.clone();
    rest.grace_seconds = 0;
    for container in &mut rest.containers {
        container.requests = Resources::default();
        container.pre_stop = None;
        container.startup_probe = None;
        container.readiness_probe = None;
        container.liveness_probe = None;
    }
    rest
}

/// For each container whether the grace period may run out before its hook, and before its process has ended (KIL-2, KIL-3).
fn run_out(template: &PodTemplate) -> Vec<(bool, bool)> {
    let of = |container: &Container| {
        let hook = match container.pre_stop {
            Some(PreStop::Seconds(seconds) | PreStop::AtLeast(seconds)) => seconds,
            Some(PreStop::AnyTime) | None => 0,
        };
        let ends_late = match container.on_sigterm {
            OnSigterm::Exit => hook >= template.grace_seconds,
            OnSigterm::Drain(seconds) | OnSigterm::Close(seconds) => {
                hook.saturating_add(seconds) >= template.grace_seconds
            }
            OnSigterm::Ignore => true,
        };
        (hook >= template.grace_seconds, ends_late)
    };
    template.containers.iter().map(of).collect()
}
