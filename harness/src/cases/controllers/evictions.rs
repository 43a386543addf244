//! What a budget may not do: let too many pods be evicted, or forget an eviction that was granted (EVI-4, PDB-3, PDB-4).

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use podproof_runtime::Cluster;
use podproof_runtime::api::{Kind as _, Object, Request};
use podproof_runtime::client::Call;
use podproof_runtime::clock::Moment;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::operation::{Component, Process};

use super::objects::WEB;
use super::steps::{Steps, healthy, replicas_of};
use crate::stage::build::key;

/// A pod that was evicted and did not go counts as healthy again after this (EVI-5, C-27).
const REMEMBERED: Duration = Duration::from_secs(120);

impl Steps {
    /// As long as nobody else takes pods, evictions leave as many healthy ones as they must.
    pub(super) fn within_the_budget(&self, cluster: &Cluster) {
        let replicas = cluster.server().store().get::<Deployment>(&key(WEB)).map_or(0, replicas_of);
        let (left, least) = (healthy(cluster), usize::try_from(self.ask.least(replicas)).unwrap_or(0));
        let granted = left < self.healthy;
        assert!(
            !(self.evictions_only && granted) || left >= least,
            "an eviction leaves {left} healthy pods, and {least} have to be"
        );
    }

    /// Of the status as it is now, the disruption controller keeps every eviction whose pod it does not see go.
    pub(super) fn no_eviction_is_forgotten(call: &Call, cluster: &Cluster) {
        let (Component::Disruption, Request::UpdateStatus(Object::PodDisruptionBudget(told))) =
            (call.caller, &call.request)
        else {
            return;
        };
        let manager: Option<&ControllerManager> = cluster.actor(Process::ControllerManager);
        let stored = cluster.server().store().get::<PodDisruptionBudget>(&told.key());
        // Another version is a conflict.
        let stored = stored.filter(|stored| stored.version() == told.version());
        let (Some(manager), Some(stored)) = (manager, stored) else { return };
        let pods = manager.informers().pods.cache();
        let is_seen = |name: &str| {
            pods.get(&key(name)).is_some_and(|pod| !pod.is_deleting() && pod.label("app") == Some(WEB))
        };
        let of = |budget: &PodDisruptionBudget| {
            budget.status.as_ref().and_then(|status| status.disrupted_pods.clone()).unwrap_or_default()
        };
        let kept = of(told);
        for (name, since) in of(stored).into_iter().filter(|(name, _)| !kept.contains_key(name)) {
            let ago = cluster.now().since(Moment::from_time(&since));
            assert!(
                ago >= REMEMBERED || !is_seen(&name),
                "the eviction of {name} {ago:?} ago is forgotten, and the pod is there"
            );
        }
    }
}
