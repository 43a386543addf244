//! Changing what is stored: replacing an object or its status, patches, scale.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, NodeSpec, Pod, PodCondition, Taint, Toleration};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::ApiServer;
use crate::api::patch::{PodStatusPatch, merge_node_condition, merge_pod_condition};
use crate::api::status_changes::change_pod_status;
use crate::api::{ApiError, Key, Object, Patch, Preconditions, Resource, Uid, Version};
use crate::clock::Moment;
use crate::slip::Slip;

impl ApiServer {
    /// Replaces an object but its status. An update that carries a version conflicts with any other write since (API-1);
    /// without one the last writer wins, where the kind allows it (API-2).
    pub(super) fn update(&mut self, new: Object, now: Moment) -> Result<Object, ApiError> {
        let old = self.stored_for(&new)?;
        let mut new = if self.slips.has(Slip::UpdateWritesStatus) { new } else { with_status_of(new, &old) };
        if let (Object::Pod(old), Object::Pod(new)) = (&old, &new)
            && !may_become(old, new)
        {
            return Err(ApiError::Invalid);
        }
        keep_system_fields(&mut new, &old);
        self.replace(old, new, now)
    }

    /// Replaces the status of an object, and nothing else; spec and status share one version (API-8).
    pub(super) fn update_status(&mut self, new: Object, now: Moment) -> Result<Object, ApiError> {
        let old = self.stored_for(&new)?;
        let new = with_status_of(old.clone(), &new);
        self.replace(old, new, now)
    }

    /// Changes some fields; it conflicts only if it carries a precondition that fails (API-3).
    pub(super) fn patch(
        &mut self,
        resource: Resource,
        key: &Key,
        preconditions: &Preconditions,
        patch: &Patch,
        now: Moment,
    ) -> Result<Object, ApiError> {
        let old = self.stored(resource, key, preconditions)?;
        let new = patched(&old, patch)?;
        self.replace(old, new, now)
    }

    /// Sets `spec.replicas`, and nothing else.
    pub(super) fn scale(
        &mut self,
        resource: Resource,
        key: &Key,
        preconditions: &Preconditions,
        replicas: i32,
        now: Moment,
    ) -> Result<Object, ApiError> {
        let old = self.stored(resource, key, preconditions)?;
        let mut new = old.clone();
        match &mut new {
            Object::Deployment(new) => {
                Arc::make_mut(new).spec.get_or_insert_default().replicas = Some(replicas);
            }
            Object::ReplicaSet(new) => {
                Arc::make_mut(new).spec.get_or_insert_default().replicas = Some(replicas);
            }
            _ => return Err(ApiError::NotFound),
        }
        self.replace(old, new, now)
    }

    /// The stored object, if the preconditions hold of it (API-7).
    pub(super) fn stored(
        &self,
        resource: Resource,
        key: &Key,
        preconditions: &Preconditions,
    ) -> Result<Object, ApiError> {
        let object = self.store.object(resource, key).ok_or(ApiError::NotFound)?;
        let is_it = self.slips.has(Slip::UidIgnored)
            || preconditions.uid.as_ref().is_none_or(|uid| uid.is_of(object.meta()));
        let unchanged = self.slips.has(Slip::VersionIgnored)
            || preconditions.version.is_none_or(|version| version == object.version());
        if is_it && unchanged { Ok(object.clone()) } else { Err(ApiError::Conflict) }
    }

    /// The stored object that an update replaces.
    fn stored_for(&self, new: &Object) -> Result<Object, ApiError> {
        let version = new.version();
        if version == Version(0) && !allows_unconditional_update(new.resource()) {
            return Err(ApiError::Invalid);
        }
        let preconditions = Preconditions {
            uid: new.meta().uid.as_deref().map(Uid::from),
            version: (version != Version(0)).then_some(version),
        };
        self.stored(new.resource(), &new.key(), &preconditions)
    }

    /// Writes `new` in place of `old`. Nothing new is no write (API-5). The update that takes the last finalizer of an object
    /// whose deletion waits for nothing else removes it (DEL-12).
    pub(super) fn replace(&mut self, old: Object, mut new: Object, now: Moment) -> Result<Object, ApiError> {
        let (before, after) = (old.meta(), new.meta());
        let finalizers = |meta: &ObjectMeta| meta.finalizers.clone().unwrap_or_default();
        let had = finalizers(before);
        let has = finalizers(after);
        let deleting = before.deletion_timestamp.is_some();
        if deleting && has.iter().any(|finalizer| !had.contains(finalizer)) {
            // No finalizer can be added any more (API-11).
            return Err(ApiError::Invalid);
        }
        let grace_is_over = before.deletion_grace_period_seconds.unwrap_or(0) == 0;
        if after.deletion_timestamp.is_some() && deleting && grace_is_over && has.is_empty() {
            self.store.remove(new.resource(), &new.key(), now);
            return Ok(new);
        }
        new.meta_mut().resource_version.clone_from(&before.resource_version);
        if new == old {
            return Ok(old);
        }
        if spec_differs(&old, &new) {
            let meta = new.meta_mut();
            meta.generation = Some(meta.generation.unwrap_or(0) + 1);
        }
        Ok(self.store.put(new.key(), new, now))
    }
}

/// Budgets and leases must carry a version (API-2). Kubernetes: `AllowUnconditionalUpdate` of each strategy.
const fn allows_unconditional_update(resource: Resource) -> bool {
    !matches!(resource, Resource::PodDisruptionBudget | Resource::Lease)
}

/// What no client sets (API-12 among it: nothing clears `deletionTimestamp`).
fn keep_system_fields(new: &mut Object, old: &Object) {
    let (old, new) = (old.meta(), new.meta_mut());
    new.uid.clone_from(&old.uid);
    new.generation = old.generation;
    new.creation_timestamp.clone_from(&old.creation_timestamp);
    new.deletion_timestamp.clone_from(&old.deletion_timestamp);
    new.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
}

/// `object` with the status of `other`.
fn with_status_of(mut object: Object, other: &Object) -> Object {
    match (&mut object, other) {
        (Object::Pod(object), Object::Pod(other)) => {
            Arc::make_mut(object).status.clone_from(&other.status);
        }
        (Object::Node(object), Object::Node(other)) => {
            Arc::make_mut(object).status.clone_from(&other.status);
        }
        (Object::Deployment(object), Object::Deployment(other)) => {
            Arc::make_mut(object).status.clone_from(&other.status);
        }
        (Object::ReplicaSet(object), Object::ReplicaSet(other)) => {
            Arc::make_mut(object).status.clone_from(&other.status);
        }
        (Object::PodDisruptionBudget(object), Object::PodDisruptionBudget(other)) => {
            Arc::make_mut(object).status.clone_from(&other.status);
        }
        _ => {}
    }
    object
}

/// A change of the spec is a new generation, of a slice that of anything it tells.
fn spec_differs(old: &Object, new: &Object) -> bool {
    match (old, new) {
        (Object::Pod(old), Object::Pod(new)) => old.spec != new.spec,
        (Object::Deployment(old), Object::Deployment(new)) => old.spec != new.spec,
        (Object::ReplicaSet(old), Object::ReplicaSet(new)) => old.spec != new.spec,
        (Object::PodDisruptionBudget(old), Object::PodDisruptionBudget(new)) => old.spec != new.spec,
        // All but the metadata, and the labels of that (S28 `endpointslice/strategy.go` `PrepareForUpdate`).
        (Object::EndpointSlice(old), Object::EndpointSlice(new)) => {
            let told = |slice: &EndpointSlice| {
                let meta = ObjectMeta { labels: slice.metadata.labels.clone(), ..ObjectMeta::default() };
                EndpointSlice { metadata: meta, ..slice.clone() }
            };
            told(old) != told(new)
        }
        _ => false,
    }
}

/// What of a pod's spec may change after creation: images, a deadline, a negative grace to 1, more tolerations, fewer gates
/// (API-10). `nodeName` is set by a binding only.
fn may_become(old: &Pod, new: &Pod) -> bool {
    let (Some(old), Some(new)) = (&old.spec, &new.spec) else { return old.spec == new.spec };
    let mut like_old = new.clone();
    let pairs = like_old.containers.iter_mut().zip(&old.containers);
    pairs.for_each(|(new, old)| new.image.clone_from(&old.image));
    let (new_init, old_init) = (&mut like_old.init_containers, &old.init_containers);
    let pairs = new_init.iter_mut().flatten().zip(old_init.iter().flatten());
    pairs.for_each(|(new, old)| new.image.clone_from(&old.image));
    let lower = match (old.active_deadline_seconds, new.active_deadline_seconds) {
        (Some(old), Some(new)) => new <= old,
        (Some(_), None) => false,
        (None, _) => true,
    };
    like_old.active_deadline_seconds = old.active_deadline_seconds;
    if old.termination_grace_period_seconds < Some(0) && new.termination_grace_period_seconds == Some(1) {
        like_old.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    // How long one lasts may change (S28 `validateOnlyAddedTolerations`).
    let same = |old: &Toleration, new: &Toleration| {
        *old == Toleration { toleration_seconds: old.toleration_seconds, ..new.clone() }
    };
    let only_added = old
        .tolerations
        .iter()
        .flatten()
        .all(|old| new.tolerations.iter().flatten().any(|new| same(old, new)));
    like_old.tolerations.clone_from(&old.tolerations);
    let only_removed = new
        .scheduling_gates
        .iter()
        .flatten()
        .all(|new| old.scheduling_gates.iter().flatten().any(|old| old == new));
    like_old.scheduling_gates.clone_from(&old.scheduling_gates);
    lower && only_added && only_removed && like_old == *old
}

/// `old` with a patch applied.
fn patched(old: &Object, patch: &Patch) -> Result<Object, ApiError> {
    let mut new = old.clone();
    match (patch, &mut new) {
        (Patch::PodStatus(patch), Object::Pod(pod)) => patch_pod_status(Arc::make_mut(pod), patch),
        (Patch::PodStatusWhole(status), Object::Pod(pod)) => {
            let pod = Arc::make_mut(pod);
            let mut conditions = pod.status.take().and_then(|status| status.conditions).unwrap_or_default();
            for condition in status.conditions.iter().flatten() {
                merge_pod_condition(&mut conditions, condition.clone());
            }
            let mut status = (**status).clone();
            status.conditions = Some(conditions);
            pod.status = Some(status);
        }
        (Patch::PodStatusChanges { from, to }, Object::Pod(pod)) => {
            change_pod_status(Arc::make_mut(pod).status.get_or_insert_default(), from, to);
        }
        (Patch::NodeConditions(conditions), Object::Node(node)) => {
            let own = Arc::make_mut(node).status.get_or_insert_default().conditions.get_or_insert_default();
            conditions.iter().for_each(|condition| merge_node_condition(own, condition.clone()));
        }
        (Patch::NodeStatusWhole(status), Object::Node(node)) => {
            let node = Arc::make_mut(node);
            let mut conditions = node.status.take().and_then(|status| status.conditions).unwrap_or_default();
            for condition in status.conditions.iter().flatten() {
                merge_node_condition(&mut conditions, condition.clone());
            }
            let mut status = (**status).clone();
            status.conditions = Some(conditions);
            node.status = Some(status);
        }
        (Patch::NodeTaints { add, remove }, Object::Node(node)) => {
            let own = &mut node_spec(Arc::make_mut(node)).taints;
            let mut taints = own.take().unwrap_or_default();
            let same = |one: &Taint, other: &Taint| one.key == other.key && one.effect == other.effect;
            taints.retain(|taint| !add.iter().chain(remove).any(|other| same(taint, other)));
            taints.extend(add.iter().cloned());
            *own = Some(taints).filter(|taints| !taints.is_empty());
        }
        (Patch::NodeUnschedulable(unschedulable), Object::Node(node)) => {
            node_spec(Arc::make_mut(node)).unschedulable = unschedulable.then_some(true);
        }
        (Patch::AddOwner(owner), new) => {
            let owners = new.meta_mut().owner_references.get_or_insert_default();
            // At most one owner controls an object (GC-1).
            if owner.controller == Some(true)
                && owners.iter().any(|old| old.controller == Some(true) && old.uid != owner.uid)
            {
                return Err(ApiError::Invalid);
            }
            owners.retain(|old| old.uid != owner.uid);
            owners.push(owner.clone());
        }
        (Patch::RemoveOwner(uid), new) => {
            let owners = &mut new.meta_mut().owner_references;
            *owners =
                owners.take().map(|all| all.into_iter().filter(|own| own.uid != uid.as_str()).collect());
        }
        (Patch::RemoveFinalizer(finalizer), new) => {
            let finalizers = &mut new.meta_mut().finalizers;
            *finalizers =
                finalizers.take().map(|all| all.into_iter().filter(|old| old != finalizer).collect());
        }
        (Patch::Label { name, value }, new) => {
            let labels = &mut new.meta_mut().labels;
            match value {
                Some(value) => labels.get_or_insert_default().insert(name.clone(), value.clone()),
                None => labels.as_mut().and_then(|labels| labels.remove(name)),
            };
        }
        _ => return Err(ApiError::Invalid),
    }
    Ok(new)
}

fn node_spec(node: &mut Node) -> &mut NodeSpec {
    node.spec.get_or_insert_default()
}

fn patch_pod_status(pod: &mut Pod, patch: &PodStatusPatch) {
    let status = pod.status.get_or_insert_default();
    let set = |field: &mut Option<String>, value: &Option<String>| {
        if let Some(value) = value {
            *field = (!value.is_empty()).then(|| value.clone());
        }
    };
    set(&mut status.phase, &patch.phase);
    set(&mut status.reason, &patch.reason);
    set(&mut status.message, &patch.message);
    set(&mut status.nominated_node_name, &patch.nominated_node_name);
    for condition in &patch.conditions {
        let conditions = status.conditions.get_or_insert_default();
        let mut condition = condition.clone();
        // What says the same as before says it since then (S28 `podutil.UpdatePodCondition`).
        let same = |old: &&PodCondition| old.type_ == condition.type_ && old.status == condition.status;
        if let Some(since) = conditions.iter().find(same).map(|old| old.last_transition_time.clone()) {
            condition.last_transition_time = since;
        }
        merge_pod_condition(conditions, condition);
    }
}
