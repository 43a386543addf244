//! The ReplicaSets of a Deployment: which is the new one, how it is made, and what they say of themselves.

use std::fmt::{self, Write};
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};

use super::super::informers::{BY_CONTROLLER, Informers};
use super::rolling::Bounds;
use crate::api::Uid;

/// The label that tells the pods of one ReplicaSet from those of the others.
pub const HASH_LABEL: &str = "pod-template-hash";

/// The number that was wanted when the ReplicaSet was last scaled.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";

/// That number and its surge.
const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// The ReplicaSets that a Deployment controls, the oldest first.
pub fn owned(deployment: &Deployment, informers: &Informers) -> Vec<Arc<ReplicaSet>> {
    let uid = deployment.metadata.uid.as_deref().unwrap_or("");
    let sets = informers.replica_sets.cache().by_index(BY_CONTROLLER, uid);
    let mut sets: Vec<_> = sets.map(|(_, set)| Arc::clone(set)).collect();
    sets.sort_by(|one, other| age(one).cmp(&age(other)));
    sets
}

fn age(set: &ReplicaSet) -> (Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>, Option<&String>) {
    (set.metadata.creation_timestamp.as_ref(), set.metadata.name.as_ref())
}

/// The ReplicaSet whose template is the Deployment's, but for the hash; the oldest if there are several.
pub fn new_of(deployment: &Deployment, sets: &[Arc<ReplicaSet>]) -> Option<Arc<ReplicaSet>> {
    let wanted = deployment.spec.as_ref().map(|spec| &spec.template)?;
    sets.iter().find(|set| same_template(set, wanted)).cloned()
}

fn same_template(set: &ReplicaSet, wanted: &PodTemplateSpec) -> bool {
    let Some(own) = set.spec.as_ref().and_then(|spec| spec.template.as_ref()) else { return false };
    if own.spec != wanted.spec {
        return false;
    }
    let mut own = own.metadata.clone().unwrap_or_default();
    let mut wanted = wanted.metadata.clone().unwrap_or_default();
    for meta in [&mut own, &mut wanted] {
        meta.labels.get_or_insert_default().remove(HASH_LABEL);
    }
    own == wanted
}

/// `spec.replicas` of a ReplicaSet.
pub fn wanted_of(set: &ReplicaSet) -> i64 {
    i64::from(set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1))
}

/// `status.availableReplicas` of a ReplicaSet.
pub fn available_of(set: &ReplicaSet) -> i64 {
    i64::from(set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0))
}

/// The ReplicaSet of a Deployment's template.
pub fn make(deployment: &Deployment, bounds: Bounds, replicas: i64) -> ReplicaSet {
    let name = deployment.metadata.name.clone().unwrap_or_default();
    let spec = deployment.spec.clone().unwrap_or_default();
    let mut template = spec.template;
    let hash = hash_of(&template);
    let meta = template.metadata.get_or_insert_default();
    meta.labels.get_or_insert_default().insert(HASH_LABEL.to_owned(), hash.clone());
    let labels = meta.labels.clone();
    let mut selector: LabelSelector = spec.selector;
    selector.match_labels.get_or_insert_default().insert(HASH_LABEL.to_owned(), hash.clone());
    let mut set = ReplicaSet {
        metadata: ObjectMeta {
            name: Some(format!("{name}-{hash}")),
            namespace: deployment.metadata.namespace.clone(),
            labels,
            owner_references: Some(vec![OwnerReference {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                name,
                uid: Uid::of(&deployment.metadata).as_str().to_owned(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            }]),
            ..ObjectMeta::default()
        },
        spec: Some(ReplicaSetSpec {
            min_ready_seconds: spec.min_ready_seconds,
            replicas: None,
            selector,
            template: Some(template),
        }),
        status: None,
    };
    resize(&mut set, bounds, replicas);
    set
}

/// Sets the wanted number of a ReplicaSet, and notes what was wanted of the Deployment (DEP-10).
pub fn resize(set: &mut ReplicaSet, bounds: Bounds, replicas: i64) {
    set.spec.get_or_insert_default().replicas = Some(i32::try_from(replicas).unwrap_or(i32::MAX));
    let annotations = set.metadata.annotations.get_or_insert_default();
    annotations.insert(DESIRED.to_owned(), bounds.replicas.to_string());
    annotations.insert(MAX.to_owned(), (bounds.replicas + bounds.surge).to_string());
}

/// The number that was wanted of the Deployment when this ReplicaSet was last scaled.
pub fn desired_of(set: &ReplicaSet) -> Option<i64> {
    set.metadata.annotations.as_ref()?.get(DESIRED)?.parse().ok()
}

/// That number and its surge.
pub fn max_of(set: &ReplicaSet) -> Option<i64> {
    set.metadata.annotations.as_ref()?.get(MAX)?.parse().ok()
}

/// A hash of the template: equal templates have equal names. Which hash does not matter.
fn hash_of(template: &PodTemplateSpec) -> String {
    /// FNV-1a.
    struct Fnv(u64);

    impl Write for Fnv {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for byte in text.bytes() {
                self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            Ok(())
        }
    }

    let mut fnv = Fnv(0xcbf2_9ce4_8422_2325);
    // Writing into a hash cannot fail.
    let _ = write!(fnv, "{template:?}");
    format!("{:x}", fnv.0 & 0xff_ffff_ffff)
}
