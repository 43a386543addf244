//! What may not be started: twice at once, beside what comes after it, too soon, after the end, or where there is no room.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use podproof_runtime::Operation;
use podproof_runtime::api::Kind as _;
use podproof_runtime::api::constants::is_terminal;
use podproof_runtime::api::quantity::thousandths;
use podproof_runtime::container_runtime::simulated::Container;
use podproof_runtime::container_runtime::{ContainerId, Request};
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::operation::Step;

use super::shapes::{INIT, SIDECAR};
use super::{Machine, ROOM};

/// A container that crashed twice is held back at least so long (CLB-1).
const BACK_OFF: Duration = Duration::from_secs(10);
/// Runs that are longer forget that (CLB-3).
const FORGETS: Duration = Duration::from_secs(600);

impl Machine {
    /// SRC-5: while the runtime is not well, the sync loop takes nothing.
    pub(super) fn judge_before(&self, operation: &Operation) {
        let Step::Kubelet(KubeletStep::Take(source)) = operation.step else { return };
        let healthy = self.kubelet().is_some_and(|kubelet| kubelet.parts().pleg.is_healthy(self.now()));
        assert!(healthy, "the sync loop takes from {source:?}, and the PLEG is not healthy");
    }

    pub(super) fn judge_start(&self, _: &Operation) {
        let Some(Request::StartContainer(id)) = self.facts.request else { return };
        let runtime = self.runtime.borrow();
        let all: Vec<(ContainerId, &Container)> = runtime.containers().collect();
        let started = all.iter().find(|(own, container)| *own == id && container.process.is_some());
        let Some((_, started)) = started else { return };
        let (uid, name) = (started.uid.as_str(), &*started.status.name);
        let siblings: Vec<&Container> =
            all.iter().filter(|(own, it)| *own != id && it.uid == started.uid).map(|(_, it)| *it).collect();
        self.nothing_twice(name, &siblings);
        if name == INIT {
            let app = siblings
                .iter()
                .find(|it| it.process.is_some() && ![INIT, SIDECAR].contains(&&*it.status.name));
            assert!(app.is_none(), "{INIT} starts beside {:?}", app.map(|it| &it.status.name));
        }
        let stored =
            self.stage.cluster.server().store().all::<Pod>().find(|(_, pod)| pod.uid().as_str() == uid);
        let told = self.facts.failed_by_others.contains(uid);
        assert!(
            told || !stored.is_some_and(|(_, pod)| is_terminal(pod)),
            "{name} of {uid} starts, and its pod has ended"
        );
        self.not_again(uid, name, &siblings);
        self.not_too_soon(started, &siblings);
        self.there_is_room();
    }

    fn nothing_twice(&self, name: &str, siblings: &[&Container]) {
        let twin = siblings.iter().any(|it| it.process.is_some() && *it.status.name == *name);
        assert!(self.facts.late || !twin, "{name} runs twice");
    }

    /// CPA-4, CPA-16: a pod that is never restarted runs each container once.
    fn not_again(&self, uid: &str, name: &str, siblings: &[&Container]) {
        let policy = self.facts.pods.get(uid).and_then(|pod| pod.spec.as_ref()?.restart_policy.as_deref());
        let ran = siblings.iter().any(|it| *it.status.name == *name && it.status.started_at.is_some());
        let unsure = self.facts.late || name == SIDECAR;
        assert!(unsure || policy != Some("Never") || !ran, "{name} of {uid} runs again, and is never to");
    }

    /// CLB-1, CLB-2. The kubelet forgets when it restarts, and does not know what somebody else removed.
    fn not_too_soon(&self, started: &Container, siblings: &[&Container]) {
        let earlier = siblings.iter().filter(|it| it.status.name == started.status.name);
        let mut earlier: Vec<&Container> =
            earlier.copied().filter(|it| it.status.started_at.is_some()).collect();
        earlier.sort_by_key(|it| it.status.id);
        let (Some(last), Some(before)) =
            (earlier.last(), earlier.len().checked_sub(2).map(|place| earlier[place]))
        else {
            return;
        };
        let (Some(began), Some(ended)) = (last.status.started_at, last.status.finished_at) else { return };
        // One that the kubelet killed itself is started again by the same sync, which does not know yet that it ended.
        let killed = [last, &before].iter().any(|it| self.facts.stopped.contains_key(&it.status.id));
        let forgotten = self.facts.pruned || self.facts.restarted.is_some() || ended.since(began) > FORGETS;
        let unsure = self.facts.late || killed || forgotten;
        let after = self.now().since(ended);
        assert!(
            unsure || after >= BACK_OFF,
            "{} is started again {after:?} after its last end",
            started.status.name
        );
    }

    /// ADM-14: pods that are being stopped still have what they asked for. One that somebody else has failed takes up none while its worker
    /// is not told of that, and goes on (SRC-2: RECONCILE tells none; S28 `filterOutInactivePods`, `isAdmittedPodTerminal`).
    fn there_is_room(&self) {
        let runtime = self.runtime.borrow();
        let mut uids: Vec<&str> = runtime
            .containers()
            .filter(|(_, it)| it.process.is_some())
            .map(|(_, it)| it.uid.as_str())
            .collect();
        uids.sort_unstable();
        uids.dedup();
        let is_overlooked =
            |uid: &&str| self.facts.forced.contains(*uid) || self.facts.failed_by_others.contains(*uid);
        let unsure = self.facts.late || self.facts.restarted.is_some() || uids.iter().any(is_overlooked);
        let used: i128 = uids.iter().filter_map(|uid| self.facts.pods.get(*uid)).map(size_of).sum();
        assert!(
            unsure || used <= ROOM.into(),
            "what runs has {used} thousandths of a CPU, and there are {ROOM}"
        );
    }
}

/// Thousandths of a CPU.
pub(super) fn size_of(pod: &Pod) -> i128 {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let requests = containers.filter_map(|container| container.resources.as_ref()?.requests.as_ref());
    requests.filter_map(|requests| requests.get("cpu")).map(thousandths).sum()
}
