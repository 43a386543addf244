//! Volumes that one node at a time may have: pods on another node wait for them.

use super::cursor::Object;
use super::tree::Tree;
use super::webhook::pod;

/// Modes in which a volume is had by several nodes at once.
const SHARED: [&str; 2] = ["ReadWriteMany", "ReadOnlyMany"];

/// The first claim of the pods of a workload whose volume one node at a time may have: one that is not in the input is most likely
/// ReadWriteOnce (S28 `pkg/controller/volume/attachdetach/reconciler/reconciler.go` `attachDesiredVolumes`: Multi-Attach error).
pub fn claim(workload: &Object, others: &[&Object]) -> Option<String> {
    let volumes = pod(workload)?.get("spec")?.get("volumes")?.items();
    let claims =
        volumes.iter().filter_map(|volume| volume.get("persistentVolumeClaim")?.get("claimName")?.text());
    let is_shared = |name: &str| {
        let is_it = |other: &&&Object| {
            other.kind == "PersistentVolumeClaim"
                && other.namespace == workload.namespace
                && other.name == name
        };
        let modes = others.iter().find(is_it).and_then(|claim| claim.tree.get("spec")?.get("accessModes"));
        let modes = modes.map(Tree::items).unwrap_or_default();
        !modes.is_empty() && modes.iter().all(|mode| mode.text().is_some_and(|mode| SHARED.contains(&mode)))
    };
    claims.into_iter().find(|name| !is_shared(name)).map(|name| format!("PersistentVolumeClaim/{name}"))
}
