//! A strategic merge patch of a pod's status as its kubelet makes it: of two statuses, what differs (STM-2; S28
//! `pkg/util/pod/pod.go` `preparePatchBytesForPodStatus`). What the kubelet did not change stays as the API has it.

use k8s_openapi::api::core::v1::{PodCondition, PodResourceClaimStatus, PodStatus};

/// Makes of `live` what a patch from `from` to `to` makes of it. Statuses of containers are replaced as a list; conditions, IPs
/// and claims merge by their keys (`patchMergeKey` of each).
pub fn change_pod_status(live: &mut PodStatus, from: &PodStatus, to: &PodStatus) {
    let PodStatus {
        allocated_resources,
        conditions,
        container_statuses,
        ephemeral_container_statuses,
        extended_resource_claim_status,
        host_ip,
        host_ips,
        init_container_statuses,
        message,
        node_allocatable_resource_claim_statuses,
        nominated_node_name,
        observed_generation,
        phase,
        pod_ip,
        pod_ips,
        qos_class,
        reason,
        resize,
        resource_claim_statuses,
        resources,
        start_time,
    } = to;
    set(&mut live.allocated_resources, &from.allocated_resources, allocated_resources);
    set(&mut live.container_statuses, &from.container_statuses, container_statuses);
    set(
        &mut live.ephemeral_container_statuses,
        &from.ephemeral_container_statuses,
        ephemeral_container_statuses,
    );
    set(
        &mut live.extended_resource_claim_status,
        &from.extended_resource_claim_status,
        extended_resource_claim_status,
    );
    set(&mut live.host_ip, &from.host_ip, host_ip);
    set(&mut live.init_container_statuses, &from.init_container_statuses, init_container_statuses);
    set(&mut live.message, &from.message, message);
    set(
        &mut live.node_allocatable_resource_claim_statuses,
        &from.node_allocatable_resource_claim_statuses,
        node_allocatable_resource_claim_statuses,
    );
    set(&mut live.nominated_node_name, &from.nominated_node_name, nominated_node_name);
    set(&mut live.observed_generation, &from.observed_generation, observed_generation);
    set(&mut live.phase, &from.phase, phase);
    set(&mut live.pod_ip, &from.pod_ip, pod_ip);
    set(&mut live.qos_class, &from.qos_class, qos_class);
    set(&mut live.reason, &from.reason, reason);
    set(&mut live.resize, &from.resize, resize);
    set(&mut live.resources, &from.resources, resources);
    set(&mut live.start_time, &from.start_time, start_time);
    let nothing = |_: &mut _, _: &_, _: &_| {};
    merge(&mut live.host_ips, &from.host_ips, host_ips, |one, other| one.ip == other.ip, nothing);
    let nothing = |_: &mut _, _: &_, _: &_| {};
    merge(&mut live.pod_ips, &from.pod_ips, pod_ips, |one, other| one.ip == other.ip, nothing);
    let same = |one: &PodResourceClaimStatus, other: &PodResourceClaimStatus| one.name == other.name;
    let claim = |live: &mut PodResourceClaimStatus, from: &_, to: &_| set(live, from, to);
    merge(
        &mut live.resource_claim_statuses,
        &from.resource_claim_statuses,
        resource_claim_statuses,
        same,
        claim,
    );
    let same = |one: &PodCondition, other: &PodCondition| one.type_ == other.type_;
    merge(&mut live.conditions, &from.conditions, conditions, same, change_condition);
}

fn change_condition(live: &mut PodCondition, from: &PodCondition, to: &PodCondition) {
    let PodCondition {
        last_probe_time,
        last_transition_time,
        message,
        observed_generation,
        reason,
        status,
        type_: _,
    } = to;
    set(&mut live.last_probe_time, &from.last_probe_time, last_probe_time);
    set(&mut live.last_transition_time, &from.last_transition_time, last_transition_time);
    set(&mut live.message, &from.message, message);
    set(&mut live.observed_generation, &from.observed_generation, observed_generation);
    set(&mut live.reason, &from.reason, reason);
    set(&mut live.status, &from.status, status);
}

fn set<T: Clone + PartialEq>(live: &mut T, from: &T, to: &T) {
    if from != to {
        live.clone_from(to);
    }
}

/// Entries of `from` that are not in `to` go, those that are new are set, and of those in both what differs is.
fn merge<T: Clone + PartialEq>(
    live: &mut Option<Vec<T>>,
    from: &Option<Vec<T>>,
    to: &Option<Vec<T>>,
    same: impl Fn(&T, &T) -> bool,
    change: impl Fn(&mut T, &T, &T),
) {
    let (from, to) = (from.as_deref().unwrap_or_default(), to.as_deref().unwrap_or_default());
    if from == to {
        return;
    }
    let entries = live.get_or_insert_default();
    let has = |list: &[T], entry: &T| list.iter().any(|other| same(entry, other));
    entries.retain(|entry| !has(from, entry) || has(to, entry));
    for new in to {
        let old = from.iter().find(|old| same(old, new));
        match (entries.iter_mut().find(|entry| same(entry, new)), old) {
            (Some(entry), Some(old)) => change(entry, old, new),
            (Some(entry), None) => entry.clone_from(new),
            (None, Some(old)) if old == new => {}
            (None, _) => entries.push(new.clone()),
        }
    }
    // An empty list is none.
    if entries.is_empty() {
        *live = None;
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::PodIP;

    use super::*;

    fn condition(type_: &str, status: &str, reason: &str) -> PodCondition {
        let reason = Some(reason.to_owned());
        PodCondition { type_: type_.to_owned(), status: status.to_owned(), reason, ..PodCondition::default() }
    }

    fn status(phase: &str, conditions: &[PodCondition], ips: &[&str]) -> PodStatus {
        let ips: Vec<_> = ips.iter().map(|&ip| PodIP { ip: ip.to_owned() }).collect();
        PodStatus {
            phase: Some(phase.to_owned()),
            conditions: Some(conditions.to_vec()),
            pod_ips: (!ips.is_empty()).then_some(ips),
            ..PodStatus::default()
        }
    }

    #[test]
    fn what_was_not_changed_stays_as_it_is() {
        let ready = |status| condition("Ready", status, "kubelet");
        let from = status("Running", &[ready("True"), condition("Gone", "True", "")], &["10.0.0.1"]);
        let to = status("Running", &[ready("False"), condition("New", "True", "")], &["10.0.0.2"]);
        let target = condition("DisruptionTarget", "False", "other");
        let mut live = from.clone();
        live.phase = Some("Failed".to_owned());
        live.conditions = Some(vec![condition("Ready", "True", "other"), target.clone()]);
        change_pod_status(&mut live, &from, &to);
        let conditions = [condition("Ready", "False", "other"), target, condition("New", "True", "")];
        assert_eq!(live, status("Failed", &conditions, &["10.0.0.2"]));
    }

    #[test]
    fn a_status_that_nobody_else_wrote_becomes_what_was_computed() {
        let from = status("Pending", &[condition("Ready", "False", "")], &[]);
        let mut to = status("Running", &[condition("Ready", "True", "")], &["10.0.0.1"]);
        to.pod_ip = Some("10.0.0.1".to_owned());
        let mut live = from.clone();
        change_pod_status(&mut live, &from, &to);
        assert_eq!(live, to);
        change_pod_status(&mut live, &to, &from);
        assert_eq!(live, from);
    }
}
