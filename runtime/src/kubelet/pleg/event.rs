//! The events of the PLEG: the difference between two lists (PLEG-5).

use std::collections::BTreeMap;

use crate::api::Uid;
use crate::container_runtime::{
    ContainerId, ContainerState, ListedContainer, ListedSandbox, SandboxId, SandboxState,
};

/// A sandbox or a container, as the PLEG keeps both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plegged {
    /// A sandbox.
    Sandbox(SandboxId),
    /// A container.
    Container(ContainerId),
}

/// The state of a sandbox or a container, as the PLEG tells them apart; what is not listed does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PleggedState {
    /// A running container, or a ready sandbox.
    Running,
    /// An exited container, or a sandbox that is not ready.
    Exited,
    /// Created and not started, or the runtime cannot say.
    Unknown,
}

/// What the PLEG tells the sync loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum PlegEventKind {
    ContainerStarted,
    ContainerDied,
    ContainerRemoved,
    ContainerChanged,
}

/// An event of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlegEvent {
    /// The pod.
    pub uid: Uid,
    /// What happened.
    pub kind: PlegEventKind,
    /// What it happened to.
    pub subject: Plegged,
}

/// The sandboxes and containers of one pod, by what the PLEG saw of them last.
pub type Record = BTreeMap<Plegged, PleggedState>;

/// What a pair of lists says of each pod.
pub fn records(sandboxes: &[ListedSandbox], containers: &[ListedContainer]) -> BTreeMap<Uid, Record> {
    let mut records: BTreeMap<Uid, Record> = BTreeMap::new();
    for sandbox in sandboxes {
        let state = match sandbox.state {
            SandboxState::Ready => PleggedState::Running,
            SandboxState::NotReady => PleggedState::Exited,
        };
        records.entry(sandbox.uid.clone()).or_default().insert(Plegged::Sandbox(sandbox.id), state);
    }
    for container in containers {
        let state = match container.state {
            ContainerState::Running => PleggedState::Running,
            ContainerState::Exited => PleggedState::Exited,
            ContainerState::Created | ContainerState::Unknown => PleggedState::Unknown,
        };
        records.entry(container.uid.clone()).or_default().insert(Plegged::Container(container.id), state);
    }
    records
}

/// PLEG-5: the events of one pod between two records of it.
pub fn events(uid: &Uid, old: &Record, new: &Record, events: &mut Vec<PlegEvent>) {
    let mut subjects: Vec<Plegged> = old.keys().chain(new.keys()).copied().collect();
    subjects.sort_unstable();
    subjects.dedup();
    for subject in subjects {
        let (before, after) = (old.get(&subject), new.get(&subject));
        for &kind in kinds(before.copied(), after.copied()) {
            events.push(PlegEvent { uid: uid.clone(), kind, subject });
        }
    }
}

fn kinds(old: Option<PleggedState>, new: Option<PleggedState>) -> &'static [PlegEventKind] {
    use PlegEventKind::{ContainerChanged, ContainerDied, ContainerRemoved, ContainerStarted};
    match (old, new) {
        (old, new) if old == new => &[],
        (_, Some(PleggedState::Running)) => &[ContainerStarted],
        (_, Some(PleggedState::Exited)) => &[ContainerDied],
        (_, Some(PleggedState::Unknown)) => &[ContainerChanged],
        (Some(PleggedState::Exited), None) => &[ContainerRemoved],
        (_, None) => &[ContainerDied, ContainerRemoved],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of PLEG-5, row by row.
    #[test]
    fn each_change_of_state_has_its_events() {
        use PlegEventKind::{ContainerChanged, ContainerDied, ContainerRemoved, ContainerStarted};
        use PleggedState::{Exited, Running, Unknown};
        for (old, new, expected) in [
            (None, Some(Running), &[ContainerStarted][..]),
            (None, Some(Exited), &[ContainerDied]),
            (Some(Running), Some(Exited), &[ContainerDied]),
            (Some(Running), None, &[ContainerDied, ContainerRemoved]),
            (Some(Exited), None, &[ContainerRemoved]),
            (Some(Running), Some(Unknown), &[ContainerChanged]),
            (Some(Exited), Some(Running), &[ContainerStarted]),
            (Some(Running), Some(Running), &[]),
            (None, None, &[]),
        ] {
            assert_eq!(kinds(old, new), expected, "{old:?} {new:?}");
        }
    }
}
