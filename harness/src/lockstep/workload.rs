//! The workload's objects as somebody else writes them: who applies, scales and rolls out, and the controllers that are played.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use podproof_runtime::api::{Kind as _, Object, Preconditions, Request, Resource};
use podproof_runtime::controllers::informers::SERVICE_NAME_LABEL;
use podproof_vocabulary::action::Component;
use podproof_vocabulary::observation::{Observation, ReplicaSetSeen};
use podproof_vocabulary::scenario::WorkloadKind;
use podproof_vocabulary::{PodId, Revision};

use super::Running;
use super::views::DESIRED;
use crate::{ModelSystem, Refused, objects};

impl Running {
    /// The Service and what is known of the workload before anybody has seen it.
    pub(super) fn create_service(&mut self) -> Result<(), Refused> {
        match objects::service(&self.scenario) {
            Some(service) => self.call(Request::Create(service.into())).map(drop),
            None => Ok(()),
        }
    }

    /// What a user applies.
    pub(super) fn apply_workload(&mut self) -> Result<(), Refused> {
        match self.scenario.workload.kind {
            WorkloadKind::Deployment => {
                let deployment = objects::deployment(&self.scenario, Revision(0));
                self.call(Request::Create(deployment.into()))?;
            }
            WorkloadKind::ReplicaSet => {
                let set = objects::replica_set(&self.scenario);
                self.call(Request::Create(set.into()))?;
            }
            WorkloadKind::Pod => {}
        }
        if self.covered.has(Component::DisruptionController) {
            for budget in objects::budgets(&self.scenario) {
                self.call(Request::Create(budget.into()))?;
            }
        }
        Ok(())
    }

    /// What a step of somebody else changed of the workload.
    pub(super) fn replay_workload(
        &mut self,
        before: &Observation,
        after: &Observation,
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        if let (Some(old), Some(new)) = (before.deployment, after.deployment) {
            let key = self.workload_key();
            if new.replicas != old.replicas {
                let scale = Request::Scale(
                    Resource::Deployment,
                    key.clone(),
                    Preconditions::NONE,
                    new.replicas.into(),
                );
                self.call(scale)?;
            }
            if new.revision != old.revision {
                let stored = self.cluster.server().store().get::<Deployment>(&key).cloned();
                let mut deployment = stored.ok_or_else(|| Refused::because("there is no Deployment"))?;
                let template =
                    objects::deployment(&self.scenario, new.revision).spec.unwrap_or_default().template;
                deployment.spec.get_or_insert_default().template = template;
                self.call(Request::Update(deployment.into()))?;
            }
        }
        let (model, state) = rest.model();
        for (index, (old, new)) in before.replica_sets.iter().zip(&after.replica_sets).enumerate() {
            let revision = Revision::from(index);
            let desired = model.open(state, |cluster| cluster.replica_set(revision).desired());
            if let Some(new) = new.filter(|new| Some(*new) != *old) {
                self.replay_replica_set(revision, *old, new, desired)?;
            }
        }
        if !self.covered.has(Component::EndpointSliceController) {
            self.replay_slice(before, after)?;
        }
        Ok(())
    }

    fn replay_replica_set(
        &mut self,
        revision: Revision,
        old: Option<ReplicaSetSeen>,
        new: ReplicaSetSeen,
        desired: u8,
    ) -> Result<(), Refused> {
        let stored = self.replica_set(revision).map(|(_, set)| set.clone());
        let mut set = match stored {
            Some(set) => set,
            None => {
                let deployment = self.cluster.server().store().get::<Deployment>(&self.workload_key());
                let owner = deployment.map(|deployment| owner(&deployment.clone().into()));
                objects::replica_set_of(&self.scenario, revision, owner.into_iter().collect())
            }
        };
        let is_new = old.is_none();
        if is_new || old.is_some_and(|old| old.replicas != new.replicas) {
            set.spec.get_or_insert_default().replicas = Some(new.replicas.into());
            if self.has_deployment() {
                let annotations = set.metadata.annotations.get_or_insert_default();
                annotations.insert(DESIRED.to_owned(), desired.to_string());
            }
            let request = if is_new {
                Request::Create(set.clone().into())
            } else {
                Request::Update(set.clone().into())
            };
            self.call(request)?;
        }
        if old.map_or(0, |old| old.available) != new.available
            && let Some((_, stored)) = self.replica_set(revision)
        {
            let mut set = stored.clone();
            set.status.get_or_insert_default().available_replicas = Some(new.available.into());
            self.call(Request::UpdateStatus(set.into()))?;
        }
        Ok(())
    }

    fn replay_slice(&mut self, before: &Observation, after: &Observation) -> Result<(), Refused> {
        let same = before.slots.iter().zip(&after.slots).all(|(old, new)| old.endpoint == new.endpoint);
        let Some(service) = self.scenario.service.as_ref().map(|service| service.name.clone()) else {
            return Ok(());
        };
        if same {
            return Ok(());
        }
        let endpoints = PodId::first(after.slots.len()).filter_map(|slot| {
            let seen = after.slots[slot.index()].endpoint?;
            let name = self.names.get(&slot)?;
            Some(Endpoint {
                addresses: vec![self.ip(slot, seen.address)],
                conditions: Some(EndpointConditions {
                    ready: Some(seen.ready),
                    serving: Some(seen.serving),
                    terminating: Some(seen.terminating),
                }),
                node_name: seen.node.map(|node| self.scenario.nodes[node.index()].name.clone()),
                target_ref: Some(ObjectReference {
                    name: Some(name.key.name().to_owned()),
                    uid: Some(name.uid.as_str().to_owned()),
                    ..ObjectReference::default()
                }),
                ..Endpoint::default()
            })
        });
        let slice = EndpointSlice {
            address_type: "IPv4".to_owned(),
            endpoints: Some(endpoints.collect()),
            metadata: ObjectMeta {
                name: Some(format!("{service}-played")),
                namespace: Some(self.scenario.workload.namespace.clone()),
                labels: Some([(SERVICE_NAME_LABEL.to_owned(), service)].into()),
                ..ObjectMeta::default()
            },
            ports: None,
        };
        let exists = self.cluster.server().store().get::<EndpointSlice>(&slice.key()).is_some();
        let request = if exists { Request::Update(slice.into()) } else { Request::Create(slice.into()) };
        self.call(request).map(drop)
    }

    /// What tells the pods of a revision from those of others: labels and owner of those that its ReplicaSet makes.
    pub(super) fn adopt_by_set(&self, pod: &mut k8s_openapi::api::core::v1::Pod, revision: Revision) {
        let Some((_, set)) = self.replica_set(revision) else { return };
        let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
        let labels =
            template.and_then(|template| template.metadata.as_ref()).and_then(|meta| meta.labels.clone());
        pod.metadata.labels = labels;
        pod.metadata.owner_references = Some(vec![owner(&set.clone().into())]);
    }
}

/// A reference to the controller of an object.
fn owner(object: &Object) -> OwnerReference {
    let (api_version, kind) = match object.resource() {
        Resource::Deployment => ("apps/v1", "Deployment"),
        _ => ("apps/v1", "ReplicaSet"),
    };
    OwnerReference {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: object.key().name().to_owned(),
        uid: object.uid().as_str().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
