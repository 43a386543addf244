//! News for the controller manager: what its model has news of, and what it has not.

use podproof_runtime::api::{Object, Resource};
use podproof_runtime::api_server::WatchEvent;
use podproof_vocabulary::action::Watch;
use podproof_vocabulary::observation::ReplicaSetSeen;

use super::Running;
use super::controllers::OWN;
use super::views::{deployment_view, set_view};
use crate::{ModelSystem, Refused};

impl Running {
    /// News that change nothing that the controllers of the model read.
    pub(super) fn absorb(&mut self, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        let waits_for_budget = model.open(state, |cluster| cluster.shared.budget.unseen());
        for (resource, watch) in self.open_watches(OWN) {
            while !(resource == Resource::PodDisruptionBudget && waits_for_budget)
                && self.cluster.server().peek(watch).is_some_and(|event| self.is_no_news(resource, event))
            {
                self.deliver_next(OWN, resource)?;
            }
        }
        Ok(())
    }

    /// Does the next event of a resource change nothing that the controllers of the model read?
    fn is_no_news(&self, resource: Resource, event: &WatchEvent) -> bool {
        let Some(manager) = self.manager() else { return false };
        let informers = manager.informers();
        let (key, object) = match event {
            WatchEvent::Bookmark(_) => return true,
            WatchEvent::Added(key, object, _) | WatchEvent::Modified(key, object, _) => (key, Some(object)),
            WatchEvent::Deleted(key, ..) => (key, None),
        };
        match (resource, object) {
            (Resource::Pod, Some(Object::Pod(new))) => informers
                .pods
                .cache()
                .get(key)
                .is_some_and(|old| self.controller_view(old) == self.controller_view(new)),
            (Resource::Node, Some(Object::Node(new))) => {
                informers.nodes.cache().get(key).is_some_and(|old| self.node_view(old) == self.node_view(new))
            }
            (Resource::ReplicaSet, Some(Object::ReplicaSet(new))) => {
                informers.replica_sets.cache().get(key).is_some_and(|old| set_view(old) == set_view(new))
            }
            (Resource::Deployment, Some(Object::Deployment(new))) => informers
                .deployments
                .cache()
                .get(key)
                .is_some_and(|old| deployment_view(old) == deployment_view(new)),
            (Resource::Pod | Resource::Node | Resource::ReplicaSet | Resource::Deployment, _) => {
                // A pod of another workload is none of the model's.
                resource == Resource::Pod && self.slot(key).is_none()
            }
            _ => true,
        }
    }

    /// News reach the controllers.
    pub(super) fn deliver_to_controllers(&mut self, watch: Watch, rest: &ModelSystem) -> Result<(), Refused> {
        if !self.has_controllers() {
            return Ok(());
        }
        let (model, state) = rest.model();
        match watch {
            Watch::DeliverPod { pod, .. } => {
                let target = model.open(state, |cluster| cluster.pod(pod).controller.view());
                let key = self.key(pod)?;
                self.deliver_until(OWN, Resource::Pod, |own| {
                    let seen = own.manager().and_then(|manager| manager.informers().pods.cache().get(&key));
                    seen.map(|pod| own.controller_view(pod)).unwrap_or_default() == target
                })
            }
            Watch::DeliverNode { node, .. } => {
                let target = model.open(state, |cluster| cluster.node(node).controller);
                let key = self.node_key(node);
                self.deliver_until(OWN, Resource::Node, |own| {
                    let seen = own.manager().and_then(|manager| manager.informers().nodes.cache().get(&key));
                    seen.map(|node| own.node_view(node)).unwrap_or_default() == target
                })
            }
            Watch::DeliverReplicaSet { revision } => {
                let column = model.open(state, |cluster| cluster.replica_set(revision));
                let seen =
                    ReplicaSetSeen { replicas: column.replicas_seen(), available: column.available_seen() };
                let target = (seen, column.desired_seen());
                let key = self.set_key(revision)?;
                self.deliver_until(OWN, Resource::ReplicaSet, |own| {
                    let sets =
                        own.manager().and_then(|manager| manager.informers().replica_sets.cache().get(&key));
                    sets.map(|set| set_view(set)) == Some(target)
                })
            }
            Watch::DeliverDeployment => {
                let view = model.open(state, |cluster| cluster.shared.deployment_view);
                let key = self.workload_key();
                self.deliver_until(OWN, Resource::Deployment, |own| {
                    let seen =
                        own.manager().and_then(|manager| manager.informers().deployments.cache().get(&key));
                    seen.and_then(|seen| deployment_view(seen)).is_some_and(|seen| {
                        (seen.replicas, seen.revision.0) == (view.replicas(), view.revision())
                    })
                })
            }
            Watch::DeliverBudget => self.deliver_until(OWN, Resource::PodDisruptionBudget, |own| {
                own.next_event(OWN, Resource::PodDisruptionBudget).is_none()
            }),
            _ => Ok(()),
        }
    }
}
