//! The promise of the grace period.

use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::Hook;

use super::{Judgement, Step};
use crate::cluster::Cluster;
use crate::kubelet::container_runtime;
use crate::state::Worker;
use crate::time;

/// `grace-honoured`: □ (a deletion sends SIGKILL ⇒ the smallest grace in force, at least 2 s, has run since it began) ∧
/// □ (a deletion sends SIGTERM ⇒ the preStop hook has ended or the grace has run out) (I-72, I-74). Premise: a deletion
/// sends a signal. Reads a clock, so it is model-only; untimed, "has run" is that the kubelet's timer fired.
pub fn grace_honoured(step: &Step<'_, Cluster<'_>>) -> Judgement {
    let (&Action::Kubelet(Kubelet::SendSigterm { pod, container })
    | &Action::Kubelet(Kubelet::SendSigkill { pod, container })) = step.action
    else {
        return Judgement::Silent;
    };
    let cluster = step.before;
    if cluster.pod(pod).kubelet.worker() != Worker::Terminating || !step.subject.is(pod) {
        return Judgement::Silent;
    }
    let state = cluster.container(pod, container);
    let broken = if matches!(step.action, Action::Kubelet(Kubelet::SendSigkill { .. })) {
        !time::grace_has_passed(cluster, pod, container).unwrap_or(state.grace_expired())
    } else {
        let has_hook = container_runtime::hook_of(cluster, pod, container).is_some();
        has_hook && state.hook() != Hook::Done && !state.grace_expired()
    };
    Judgement::of(true, broken)
}
