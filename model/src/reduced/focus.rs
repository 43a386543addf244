//! Following one pod: a timed search runs the clocks of a single pod, any, with its way to the rules, and lets all else
//! take any time.
//!
//! A pod is followed from the write of its readiness, or from the write of its deletion; where a Service publishes pods
//! that are not ready, also from the write of its address. A deletion with grace 0, or of a pod that has ended, removes the
//! object in the same write (DEL-17, DEL-18). A promise about latencies is broken for some pod exactly if it is broken in a
//! run that follows that pod. Both kinds end early:
//!
//! - *Followed for its readiness* (`no-avoidable-blackout`): what is judged is that its own rule comes within the bound,
//!   which is more than the promise asks, as another pod's rule would do as well. Nothing but its own way to the rules can
//!   change that, so only these steps are taken (unless an event may strike the components on the way), and the run
//!   ends when the rule should have been there.
//! - *Followed for its deletion*: the run ends when nothing of it runs and nobody can route to it any more.
//!
//! Letting others take any time, and asking more, only adds behaviours: `holds` is sound, and a counterexample stands
//! only if it replays with all clocks.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::{EventName, Story};

use crate::cluster::Cluster;
use crate::controllers::replica_set;
use crate::state::Endpoint;
use crate::{step, time};

/// The pods that may be followed from a step on: those whose readiness, deletion or published address it wrote.
pub fn begins(before: &Cluster<'_>, after: &Cluster<'_>) -> Vec<PodId> {
    if before.shared.control_plane.followed().is_some() {
        return Vec::new();
    }
    let service = after.rules.scenario.service.as_ref();
    let publishes = service.is_some_and(|service| service.publish_not_ready_addresses);
    let begins = |&pod: &PodId| {
        let (old, new) = (before.pod(pod).api, after.pod(pod).api);
        if !new.exists() {
            return old.exists() && !old.is_deleting();
        }
        let becomes_ready = new.ready() && !old.ready();
        let is_published = publishes && new.address().is_some() && new.address() != old.address();
        match new.is_deleting() {
            true => !old.is_deleting(),
            false => becomes_ready || is_published,
        }
    };
    after.used_pods().filter(begins).collect()
}

/// The pod is followed for its readiness.
fn is_for_readiness(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let object = cluster.pod(pod).api;
    object.exists() && !object.is_deleting()
}

/// Nothing more can come of following this pod.
pub fn is_over(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    if is_for_readiness(cluster, pod) {
        return !has_events(cluster) && time::is_steady(cluster, pod);
    }
    // A deletion is for good, and a container that has stopped stays so: an endpoint that is neither ready nor serving,
    // in store, copy, slice and rules, never is again.
    let stopped = cluster.containers_of(pod).iter().all(|container| !container.is_running());
    let idle = |endpoint: Endpoint| !endpoint.ready() && !endpoint.serving();
    let mut proxies =
        cluster.node_ids().filter(|&node| cluster.models_proxy(node)).map(|node| cluster.proxy(node, pod));
    stopped
        && !column.api.ready()
        && !column.controller.view().ready()
        && idle(column.slice)
        && proxies.all(|proxy| idle(proxy.view) && idle(proxy.rule))
}

/// Events that may strike while a pod is followed: those of the budget, and the healing of the story's partition. A story's
/// own event comes when all is quiet, and so before or after.
fn has_events(cluster: &Cluster<'_>) -> bool {
    let scenario = &cluster.rules.scenario;
    scenario.story == Story::Partition || EventName::all().any(|event| scenario.events.count(event) > 0)
}

/// Is nothing taken but the pod's own way to the rules, while it is followed?
pub fn is_alone(cluster: &Cluster<'_>, pod: PodId) -> bool {
    is_for_readiness(cluster, pod) && !has_events(cluster)
}

/// The steps that are taken while `pod` is followed alone: those with a clock, and the tick.
pub fn enabled(cluster: &Cluster<'_>, pod: PodId, out: &mut Vec<Action>) {
    step::followed_candidates(cluster, pod, out);
    out.retain(|action| time::is_clocked(cluster, action) && time::allows(cluster, action));
    let stands_still = step::is_cut_off(cluster) || replica_set::choosing(cluster).is_some();
    if !stands_still && time::may_tick(cluster) {
        out.push(Action::Tick);
    }
}
