//! The informers that all controllers share: they see one cache for each resource, and each has event handlers of its own.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::api::constants::node_of;
use crate::api::{ApiError, Kind, Resource, Response, Selector};
use crate::api_server::WatchEvent;
use crate::client::cache::IndexValue;
use crate::client::informer::Follower;
use crate::client::{CallId, Informer, WatchId};
use crate::clock::{Clock, Moment, earlier};
use crate::context::Context;
use crate::operation::{Component, Operation, Refused};

/// The index of objects by the UID of their controller.
pub const BY_CONTROLLER: usize = 0;

/// The index of pods by node.
pub const BY_NODE: usize = 1;

/// The label of a slice that names its Service.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// The index of slices by Service.
pub const BY_SERVICE: usize = 0;

/// The owner that controls an object (GC-1).
pub fn controller_of(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// The caches of the controller manager.
#[derive(Debug)]
#[expect(missing_docs, reason = "each follows the Kubernetes resource of that name")]
pub struct Informers {
    pub pods: Informer<Pod>,
    pub nodes: Informer<Node>,
    pub deployments: Informer<Deployment>,
    pub replica_sets: Informer<ReplicaSet>,
    pub services: Informer<Service>,
    pub endpoint_slices: Informer<EndpointSlice>,
    pub budgets: Informer<PodDisruptionBudget>,
    pub leases: Informer<Lease>,
}

fn informer<K: Kind>(indexes: &[IndexValue<K>], listeners: &[Component]) -> Informer<K> {
    Informer::new(Component::ControllerManager, Selector::Everything, indexes, listeners)
}

impl Default for Informers {
    fn default() -> Self {
        use Component as C;
        Self {
            pods: informer(
                &[|pod| controller_of(&pod.metadata).map(|owner| owner.uid.as_str()), |pod| node_of(pod)],
                &[
                    C::Deployment,
                    C::ReplicaSet,
                    C::NodeLifecycle,
                    C::TaintEviction,
                    C::Disruption,
                    C::EndpointSlice,
                ],
            ),
            nodes: informer(&[], &[C::NodeLifecycle, C::TaintEviction]),
            deployments: informer(&[], &[C::Deployment]),
            replica_sets: informer(
                &[|set| controller_of(&set.metadata).map(|owner| owner.uid.as_str())],
                &[C::Deployment, C::ReplicaSet],
            ),
            services: informer(&[], &[C::EndpointSlice]),
            endpoint_slices: informer(&[|slice| slice.label(SERVICE_NAME_LABEL)], &[C::EndpointSlice]),
            budgets: informer(&[], &[C::Disruption]),
            leases: informer(&[], &[]),
        }
    }
}

impl Informers {
    fn all(&self) -> [&dyn Follower; 8] {
        [
            &self.pods,
            &self.nodes,
            &self.deployments,
            &self.replica_sets,
            &self.services,
            &self.endpoint_slices,
            &self.budgets,
            &self.leases,
        ]
    }

    fn of(&mut self, resource: Resource) -> &mut dyn Follower {
        match resource {
            Resource::Pod => &mut self.pods,
            Resource::Node => &mut self.nodes,
            Resource::Deployment => &mut self.deployments,
            Resource::ReplicaSet => &mut self.replica_sets,
            Resource::Service => &mut self.services,
            Resource::EndpointSlice => &mut self.endpoint_slices,
            Resource::PodDisruptionBudget => &mut self.budgets,
            Resource::Lease => &mut self.leases,
        }
    }

    pub(super) fn start(&mut self, context: &mut Context<'_>) {
        for &resource in Resource::ALL {
            self.of(resource).start(context);
        }
    }

    pub(super) fn are_synced(&self) -> bool {
        self.all().iter().all(|informer| informer.is_synced())
    }

    pub(super) fn watches(&self, tell: &mut dyn FnMut(Resource, WatchId)) {
        for informer in self.all() {
            informer.watch().into_iter().for_each(|watch| tell(informer.resource(), watch));
        }
    }

    pub(super) fn on_event(&mut self, resource: Resource, event: WatchEvent) {
        self.of(resource).on_event(event);
    }

    pub(super) fn on_broken(&mut self, resource: Resource, context: &mut Context<'_>) {
        self.of(resource).on_broken(context);
    }

    pub(super) fn on_answer(
        &mut self,
        call: CallId,
        answer: &Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) {
        for &resource in Resource::ALL {
            if self.of(resource).on_answer(call, answer, context) {
                return;
            }
        }
    }

    pub(super) fn wake(&mut self, resource: Resource, context: &mut Context<'_>) -> Result<(), Refused> {
        self.of(resource).wake(context)
    }

    pub(super) fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.all().iter().for_each(|informer| informer.pending(clock, operations));
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.all().iter().map(|informer| informer.next_deadline()).fold(None, earlier)
    }
}
