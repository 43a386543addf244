//! The API server: the store, graceful deletion, and the subresources. It takes no steps of its own; every write of
//! another component goes through here, so that each rule of the API stands in one place.
//!
//! Left out: admission other than default tolerations, authorization, several replicas with lagging caches (API-31),
//! and absolute resource versions; an optimistic update is refused exactly if its writer's copy is not current.

pub mod binding;
pub mod eviction;
pub mod pods;

use crate::cluster::Cluster;

/// Does the API server answer?
pub fn answers(cluster: &Cluster<'_>) -> bool {
    !cluster.shared.control_plane.api_server_down()
}
