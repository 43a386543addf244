//! The pod cache: what the PLEG last saw of each pod, and how old that is. Whoever reads from it may wait for something newer
//! than a moment (PLEG-10).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::api::Uid;
use crate::clock::Moment;
use crate::container_runtime::{ContainerState, ContainerStatus, RuntimeError, SandboxState, SandboxStatus};

/// What a runtime said of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodStatus {
    /// Its sandboxes, newest first.
    pub sandboxes: Vec<SandboxStatus>,
    /// Its containers, newest first.
    pub containers: Vec<ContainerStatus>,
    /// Its address; that of the last sandbox that had one, if none is ready (PLEG-11).
    pub address: Option<Ipv4Addr>,
}

impl PodStatus {
    /// The newest container of this name.
    pub fn find(&self, name: &str) -> Option<&ContainerStatus> {
        self.containers.iter().find(|container| *container.name == *name)
    }

    /// The containers that run.
    pub fn running(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.containers.iter().filter(|container| container.state == ContainerState::Running)
    }

    /// Is anything of the pod there that can run: a ready sandbox or a running container?
    pub fn is_running(&self) -> bool {
        self.running().next().is_some()
            || self.sandboxes.iter().any(|sandbox| sandbox.state == SandboxState::Ready)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    status: Result<Arc<PodStatus>, RuntimeError>,
    modified: Moment,
}

/// What the PLEG last saw of each pod.
#[derive(Clone, Debug, Default)]
pub struct PodCache {
    entries: BTreeMap<Uid, Entry>,
    /// Everything is known as of this moment, unless its own entry is newer (PLEG-9).
    as_of: Option<Moment>,
    nothing: Arc<PodStatus>,
}

impl PodCache {
    /// The status of a pod; nothing runs of one that the PLEG never saw.
    ///
    /// # Errors
    /// If the runtime could not say.
    pub fn get(&self, uid: &Uid) -> Result<Arc<PodStatus>, RuntimeError> {
        self.entries.get(uid).map_or_else(|| Ok(self.nothing.clone()), |entry| entry.status.clone())
    }

    /// The status of a pod, once it is newer than `moment`; none as long as it is not (PLEG-10).
    pub fn newer_than(
        &self,
        uid: &Uid,
        moment: Option<Moment>,
    ) -> Option<Result<Arc<PodStatus>, RuntimeError>> {
        let newer = |known: Moment| moment.is_none_or(|moment| known > moment);
        let entry = self.entries.get(uid);
        let is_newer = entry.is_some_and(|entry| newer(entry.modified)) || self.as_of.is_some_and(newer);
        is_newer.then(|| self.get(uid))
    }

    /// The PLEG has looked at a pod at this moment.
    pub fn set(&mut self, uid: &Uid, status: Result<Arc<PodStatus>, RuntimeError>, now: Moment) {
        self.entries.insert(uid.clone(), Entry { status, modified: now });
    }

    /// The PLEG has seen that nothing is left of a pod.
    pub fn remove(&mut self, uid: &Uid) {
        self.entries.remove(uid);
    }

    /// Everything was looked at, at this moment (PLEG-9).
    pub fn update_time(&mut self, now: Moment) {
        self.as_of = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_waits_until_its_pod_or_everything_is_newer() {
        let (uid, mut cache) = (Uid::from("a"), PodCache::default());
        assert_eq!(cache.newer_than(&uid, None), None, "nobody has looked yet");
        cache.set(&uid, Err(RuntimeError::Unavailable), Moment(5));
        assert_eq!(cache.newer_than(&uid, Some(Moment(4))), Some(Err(RuntimeError::Unavailable)));
        assert_eq!(cache.newer_than(&uid, Some(Moment(5))), None);
        cache.update_time(Moment(6));
        assert!(cache.newer_than(&uid, Some(Moment(5))).is_some());
        assert_eq!(cache.newer_than(&Uid::from("b"), None), Some(Ok(Arc::default())), "nothing runs of it");
    }
}
