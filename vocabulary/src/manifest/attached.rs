//! Volumes that one node at a time may have: pods on another node wait for them.

use super::cursor::Object;
use super::tree::Tree;
use super::webhook::pod;

/// What is said of such a volume where pods overlap.
pub const ATTACHED: &str = "volumes that one node, or one pod, at a time may have";

/// Modes in which a volume is had by several nodes at once.
const SHARED: [&str; 2] = ["ReadWriteMany", "ReadOnlyMany"];

/// The first claim of the pods of a workload whose volume one node at a time may have: one that is not in the input is most likely
/// ReadWriteOnce (S28 `pkg/controller/volume/attachdetach/reconciler/reconciler.go` `attachDesiredVolumes`: Multi-Attach error).
pub fn claim(workload: &Object, others: &[&Object]) -> Option<String> {
    let is_shared = |modes: &[&str]| !modes.is_empty() && modes.iter().all(|mode| SHARED.contains(mode));
    claims(workload, others)
        .find(|(_, modes)| !is_shared(modes))
        .map(|(name, _)| format!("PersistentVolumeClaim/{name}"))
}

/// One pod at a time may have one of its volumes: a second waits for its place, on the same node, too (FLT-23).
pub fn is_of_one_pod(workload: &Object, others: &[&Object]) -> bool {
    claims(workload, others).any(|(_, modes)| modes.contains(&"ReadWriteOncePod"))
}

/// The claims of the pods of a workload, with the modes of access that the input gives them.
fn claims<'w>(workload: &'w Object, others: &'w [&Object]) -> impl Iterator<Item = (&'w str, Vec<&'w str>)> {
    let volumes = pod(workload).and_then(|pod| pod.get("spec")?.get("volumes")).map(Tree::items);
    let names = volumes.unwrap_or_default().iter();
    let names = names.filter_map(|volume| volume.get("persistentVolumeClaim")?.get("claimName")?.text());
    names.map(|name| {
        let is_it = |other: &&&Object| {
            other.kind == "PersistentVolumeClaim"
                && other.namespace == workload.namespace
                && other.name == name
        };
        let modes = others.iter().find(is_it).and_then(|claim| claim.tree.get("spec")?.get("accessModes"));
        let modes = modes.map(Tree::items).unwrap_or_default();
        (name, modes.iter().filter_map(Tree::text).collect())
    })
}
