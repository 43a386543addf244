//! The source of pods: the API server's pods of this node, followed by list and watch. Each change of what is followed is
//! compared with what was known, by identity, and told to the sync loop as additions, updates, deletions, removals and
//! reconciliations (SRC-2, SRC-3; S28 `config/config.go` `updatePodsInternal`, `checkAndUpdatePod`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use podproof_vocabulary::Release;

use super::pod::KnownPod;
use crate::api::{Kind, Uid};
use crate::client::Cache;

/// What happened to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodOperation {
    /// They are gone.
    Remove,
    /// They are new.
    Add,
    /// They changed.
    Update,
    /// They are being deleted.
    Delete,
    /// Their status is not what the kubelet knew.
    Reconcile,
}

impl PodOperation {
    /// The order in which one comparison tells of them.
    const ORDER: [Self; 5] = [Self::Remove, Self::Add, Self::Update, Self::Delete, Self::Reconcile];
}

/// What the sync loop is told.
#[derive(Clone, Debug)]
pub struct PodUpdate {
    /// What happened.
    pub operation: PodOperation,
    /// To whom.
    pub pods: Vec<KnownPod>,
}

/// What the source has said so far.
#[derive(Clone, Debug, Default)]
pub struct PodConfig {
    known: BTreeMap<Uid, KnownPod>,
    updates: VecDeque<PodUpdate>,
    was_set: bool,
    is_ready: bool,
}

impl PodConfig {
    /// Has the sync loop taken the source's first set of pods (SRC-6)?
    pub const fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// What the sync loop is told next.
    pub fn take_update(&mut self) -> Option<PodUpdate> {
        let update = self.updates.pop_front()?;
        self.is_ready = true;
        Some(update)
    }

    /// The source counts as ready although the sync loop has taken nothing from it.
    pub const fn trust(&mut self) {
        self.is_ready = true;
    }

    /// Is there anything to tell the sync loop?
    pub fn has_updates(&self) -> bool {
        !self.updates.is_empty()
    }

    /// The source has this set of pods now.
    pub fn set(&mut self, cache: &Cache<Pod>, release: Release) {
        let mut found: BTreeMap<PodOperation, Vec<KnownPod>> = BTreeMap::new();
        if !std::mem::replace(&mut self.was_set, true) {
            // The first set is told of even if it is empty.
            found.insert(PodOperation::Add, Vec::new());
        }
        let mut seen = Vec::new();
        for (_, object) in cache.iter() {
            let uid = object.uid();
            match self.known.get_mut(&uid) {
                None => {
                    let pod = KnownPod::new(Arc::clone(object), release);
                    self.known.insert(uid.clone(), pod.clone());
                    found.entry(PodOperation::Add).or_default().push(pod);
                }
                Some(known) => {
                    if let Some(operation) = compare(&known.object, object) {
                        *known = known.with(Arc::clone(object), release);
                        found.entry(operation).or_default().push(known.clone());
                    }
                }
            }
            seen.push(uid);
        }
        seen.sort_unstable();
        let gone: Vec<Uid> =
            self.known.keys().filter(|uid| seen.binary_search(uid).is_err()).cloned().collect();
        let removed: Vec<KnownPod> = gone.iter().filter_map(|uid| self.known.remove(uid)).collect();
        if !removed.is_empty() {
            found.insert(PodOperation::Remove, removed);
        }
        for operation in PodOperation::ORDER {
            if let Some(pods) = found.remove(&operation) {
                self.updates.push_back(PodUpdate { operation, pods });
            }
        }
    }
}

/// What changed between two states of one pod object; none if nothing that a kubelet reads did.
fn compare(old: &Arc<Pod>, new: &Arc<Pod>) -> Option<PodOperation> {
    if Arc::ptr_eq(old, new) {
        return None;
    }
    let (before, after) = (&old.metadata, &new.metadata);
    let differs = old.spec != new.spec
        || before.labels != after.labels
        || before.annotations != after.annotations
        || before.deletion_timestamp != after.deletion_timestamp
        || before.deletion_grace_period_seconds != after.deletion_grace_period_seconds;
    if differs {
        Some(if new.is_deleting() { PodOperation::Delete } else { PodOperation::Update })
    } else {
        (old.status != new.status).then_some(PodOperation::Reconcile)
    }
}
