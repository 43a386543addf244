//! A pod template as one number, and what of it its pods must have.

use serde_json::Value;

use crate::fingerprint::{Fnv, fingerprint};

/// What a pod or a template says of the pod that whoever creates it must not change: its labels, and the image of each container.
pub(super) fn made_of(pod: &Value) -> u64 {
    let mut hash = Fnv::NEW;
    hash.value(&pod["metadata"]["labels"]);
    for field in ["initContainers", "containers"] {
        for container in pod["spec"][field].as_array().into_iter().flatten() {
            hash.value(&container["name"]);
            hash.value(&container["image"]);
        }
    }
    hash.number()
}

/// The label that a Deployment adds to the template of each of its ReplicaSets.
pub(super) const HASH: &str = "pod-template-hash";

/// The template of a Deployment, or the one that its ReplicaSet is made of.
fn plain(controller: &Value) -> Value {
    let mut template = controller["spec"]["template"].clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    template
}

/// The number of the template of a Deployment, or of the one that its ReplicaSet is made of.
pub fn template_of(controller: &Value) -> u64 {
    fingerprint(&plain(controller))
}

/// What that template says of its pods that no ReplicaSet of it changes: labels and images.
pub(super) fn pods_of(controller: &Value) -> u64 {
    made_of(&plain(controller))
}
