//! Volumes and what mounts them: left out of the model, and refused all the same where the API server refuses them.
//!
//! Source: S28 `pkg/apis/core/validation/validation.go` (`ValidateVolumes`, `ValidateVolumeMounts`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as core;

use super::cursor::Cursor;
use super::tree::quoted;

/// Refuses volumes of one name, and mounts of volumes that the pod does not have.
pub fn refuse_unknown(at: &Cursor<'_>, spec: &core::PodSpec) {
    let mut names = BTreeSet::new();
    for (cursor, volume) in at.field("volumes").items(spec.volumes.as_deref().unwrap_or_default()) {
        if !names.insert(volume.name.as_str()) {
            cursor.field("name").refuse(format!("{} stands twice", quoted(&volume.name)), "each name once");
        }
    }
    let inits = spec.init_containers.as_deref().unwrap_or_default();
    for (list, containers) in [("initContainers", inits), ("containers", &spec.containers)] {
        for (cursor, container) in at.field(list).items(containers) {
            let mounts = container.volume_mounts.as_deref().unwrap_or_default();
            for (cursor, mount) in cursor.field("volumeMounts").items(mounts) {
                if !names.contains(mount.name.as_str()) {
                    let all: Vec<_> = names.iter().copied().collect();
                    let accepted = if all.is_empty() { "one of spec.volumes".into() } else { all.join(", ") };
                    cursor
                        .field("name")
                        .refuse(format!("{} is no volume of the pod", quoted(&mount.name)), accepted);
                }
            }
        }
    }
}
