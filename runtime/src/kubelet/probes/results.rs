//! The results of probes, one for each container instance and kind of probe. A change is told to the sync loop (PRB-8).

use std::collections::{BTreeMap, VecDeque};

use crate::api::Uid;
use crate::container_runtime::{ContainerId, ProbeKind};

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum ProbeResult {
    Unknown,
    Success,
    Failure,
}

/// A change of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeUpdate {
    /// The pod.
    pub uid: Uid,
    /// The container instance.
    pub container: ContainerId,
    /// Which probe.
    pub kind: ProbeKind,
    /// What it is now.
    pub result: ProbeResult,
}

/// The results of all probes of a kubelet.
#[derive(Clone, Debug, Default)]
pub struct ProbeResults {
    results: BTreeMap<(ContainerId, ProbeKind), ProbeResult>,
    updates: VecDeque<ProbeUpdate>,
}

impl ProbeResults {
    /// Nothing was probed yet.
    pub const fn new() -> Self {
        Self { results: BTreeMap::new(), updates: VecDeque::new() }
    }

    /// The result of a container instance; none if there is no such probe, or it has not begun.
    pub fn get(&self, kind: ProbeKind, container: ContainerId) -> Option<ProbeResult> {
        self.results.get(&(container, kind)).copied()
    }

    /// Sets a result, and tells the sync loop if it is another one than before.
    pub fn set(&mut self, uid: &Uid, kind: ProbeKind, container: ContainerId, result: ProbeResult) {
        if self.results.insert((container, kind), result) != Some(result) {
            self.updates.push_back(ProbeUpdate { uid: uid.clone(), container, kind, result });
        }
    }

    /// Forgets the result of a container instance.
    pub fn remove(&mut self, kind: ProbeKind, container: ContainerId) {
        self.results.remove(&(container, kind));
    }

    /// The next change of this kind, in the order in which they came.
    pub fn take_update(&mut self, kind: ProbeKind) -> Option<ProbeUpdate> {
        let place = self.updates.iter().position(|update| update.kind == kind)?;
        self.updates.remove(place)
    }

    /// Is there a change of this kind that the sync loop has not taken?
    pub fn has_update(&self, kind: ProbeKind) -> bool {
        self.updates.iter().any(|update| update.kind == kind)
    }
}
