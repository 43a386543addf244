//! What a kubelet may not write: of pods that are not its own, of what has not ended yet, of what nobody saw.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod};
use podproof_runtime::Operation;
use podproof_runtime::api::constants::{is_terminal, node_of, pod_condition};
use podproof_runtime::api::{Key, Kind as _, Patch, Request, Resource};
use podproof_runtime::container_runtime::{ContainerId, ContainerState};
use podproof_runtime::kubelet::api_status::containers::reason::CONTAINER_STATUS_UNKNOWN;
use podproof_runtime::kubelet::api_status::containers::{parse_id, terminated};

use super::starts::size_of;
use super::{Machine, NODE_NAME, ROOM};

/// A pod that ended gives its room back no later than this.
const GIVEN_BACK: Duration = Duration::from_secs(30);
/// A container that ran less than 10 s before its kubelet restarted has just started; timestamps have whole seconds.
const JUST_STARTED: Duration = Duration::from_secs(11);

impl Machine {
    pub(super) fn judge_write(&self, operation: &Operation) {
        let (Some(request), true) = (&self.facts.api_request, Self::is_own(operation.component)) else {
            return;
        };
        let Some(before) = &self.facts.stored else { return };
        match request {
            Request::Patch(
                Resource::Pod,
                key,
                _,
                Patch::PodStatusWhole(_) | Patch::PodStatusChanges { .. },
            ) => {
                let after = self.stage.cluster.server().store().get::<Pod>(key);
                let Some(after) = after.filter(|after| after.version() != before.version()) else { return };
                assert!(node_of(after).is_some(), "{key} is on no node, and a kubelet writes its status");
                self.what_others_wrote_stays(before, after);
                self.ends_are_ends(before, after);
                self.it_is_told_of_its_own(after);
                self.restarts_do_not_shrink(before, after);
                self.ready_is_ready(before, after);
                self.there_was_no_room(before, after);
                self.the_node_was_another(after);
            }
            Request::Delete(Resource::Pod, key, _) => {
                let gone = self
                    .stage
                    .cluster
                    .server()
                    .store()
                    .get::<Pod>(key)
                    .is_none_or(|now| now.uid() != before.uid());
                if gone {
                    assert!(
                        node_of(before).is_some() && before.is_deleting(),
                        "{key} is none of the kubelet's"
                    );
                    self.nothing_is_left(before);
                }
            }
            _ => {}
        }
    }

    fn runs(&self, pod: &Pod) -> bool {
        let (runtime, uid) = (self.runtime.borrow(), pod.uid());
        runtime.containers().any(|(_, it)| it.uid == uid && it.process.is_some())
    }

    /// STM-2: a patch holds what the kubelet has changed. Nothing that somebody else wrote since it was read goes back to what it was.
    fn what_others_wrote_stays(&self, before: &Pod, after: &Pod) {
        let Some(read) = self.facts.read.as_ref().filter(|read| read.uid() == after.uid()) else { return };
        if self.facts.restarted.is_some() {
            return;
        }
        let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
        let is_back = phase(read) != phase(before) && phase(after) == phase(read);
        assert!(!is_back, "{} is {:?} again, which was {:?}", after.key(), phase(after), phase(before));
        for now in before.status.iter().flat_map(|status| status.conditions.iter().flatten()) {
            let status = |pod| pod_condition(pod, &now.type_).map(|condition| condition.status.clone());
            let is_back = status(read) != status(before) && status(after) == status(read);
            assert!(!is_back, "{} of {} is what it was before {}", now.type_, after.key(), now.status);
        }
    }

    /// STM-4. A pod that runs may be rejected when its kubelet starts anew, and has failed then (ADM-13).
    fn ends_are_ends(&self, before: &Pod, after: &Pod) {
        let ends = is_terminal(after) && !is_terminal(before);
        let message = after.status.as_ref().and_then(|status| status.message.as_deref());
        let is_rejected = message.is_some_and(|message| message.starts_with("Pod was rejected"));
        assert!(
            self.facts.late || !ends || is_rejected || !self.runs(after),
            "{} has ended, and something of it runs",
            after.key()
        );
    }

    /// STM-2: what is told of a pod is told of its own containers.
    fn it_is_told_of_its_own(&self, after: &Pod) {
        let (runtime, uid) = (self.runtime.borrow(), after.uid());
        for status in statuses_of(after) {
            let Some(id) = id_of(status) else { continue };
            let owner = runtime.containers().find(|(own, _)| *own == id).map(|(_, container)| &container.uid);
            assert!(
                owner.is_none_or(|owner| *owner == uid),
                "{} is told of a container of {owner:?}",
                after.key()
            );
        }
    }

    /// CPA-16: a container that is started again counts on from the last one of its name, which nobody but a user removes while its
    /// pod runs. Of a pod that was evicted, or deleted and has been stopped, its kubelet removes what exited (S28
    /// `ShouldPodContentBeRemoved`, `getContainersToDeleteInPod`): once the one that was told of is gone, what is left counts, a container
    /// that was made and never started, or an older one that was listed before it went, too (`getPodContainerStatuses`).
    fn restarts_do_not_shrink(&self, before: &Pod, after: &Pod) {
        let unsure = self.facts.pruned || self.facts.late || self.facts.restarted.is_some();
        for new in statuses_of(after).filter(|_| !unsure) {
            let old = status_of(before, &new.name);
            let is_cleared = after.is_deleting() || self.facts.evicted.contains(after.uid().as_str());
            let is_what_is_left = is_cleared && self.state_of(old).is_none();
            let old = old.map_or(0, |old| old.restart_count);
            assert!(
                is_what_is_left || new.restart_count >= old,
                "{} was restarted {old} times, and {}",
                new.name,
                new.restart_count
            );
        }
    }

    /// What the runtime has of the container that a status tells of.
    fn state_of(&self, status: Option<&ContainerStatus>) -> Option<ContainerState> {
        let id = status.and_then(id_of)?;
        let runtime = self.runtime.borrow();
        runtime.containers().find(|(own, _)| *own == id).map(|(_, container)| container.status.state)
    }

    /// PRB-2, PRB-7, PRB-12: what turns ready passed its probe, and what passes it stays ready.
    fn ready_is_ready(&self, before: &Pod, after: &Pod) {
        let uid = after.uid().as_str().to_owned();
        for container in
            after.spec.iter().flat_map(|spec| &spec.containers).filter(|it| it.readiness_probe.is_some())
        {
            let (Some(old), Some(new)) =
                (status_of(before, &container.name), status_of(after, &container.name))
            else {
                continue;
            };
            let Some(id) = id_of(new) else { continue };
            let same = old.container_id == new.container_id;
            let turns = new.ready && !(old.ready && same);
            let passed = self.facts.accepted.contains(&id);
            assert!(
                !turns || passed || self.is_ready_unprobed(id, &uid),
                "{} is ready, and never passed its probe",
                new.name
            );
            let lost = old.ready && !new.ready && same;
            let passes = passed && !self.facts.faltered.contains(&id) && self.is_running(id);
            let leaves = after.is_deleting()
                || is_terminal(after)
                || self.facts.evicted.contains(&uid)
                || self.facts.failed_by_others.contains(&uid)
                || self.facts.lost_sandbox.contains(&uid)
                || self.facts.stopped.contains_key(&id)
                || container.startup_probe.is_some()
                || self.ran_before_the_restart(id).is_some_and(|time| !self.is_kept(time, &uid));
            let keeps = self.release.keeps_readiness_over_kubelet_restart();
            assert!(
                !(keeps && lost && passes) || leaves,
                "{} passes its probe, and is not ready any more",
                new.name
            );
        }
    }

    /// May a container be ready that nobody has probed since its kubelet restarted (PRB-12)? From 1.35 on those of pods that were
    /// ready may; before that, and if it had just started, every one, for a moment (kubernetes/kubernetes#135795).
    fn is_ready_unprobed(&self, id: ContainerId, uid: &str) -> bool {
        let keeps = self.release.keeps_readiness_over_kubelet_restart();
        let kept = |time| time < JUST_STARTED || self.facts.ready_then.contains(uid);
        self.ran_before_the_restart(id).is_some_and(|time| !keeps || kept(time))
    }

    /// Is the readiness of a container kept that ran for so long before its kubelet restarted?
    fn is_kept(&self, time: Duration, uid: &str) -> bool {
        time >= JUST_STARTED && self.facts.ready_then.contains(uid) && !self.facts.doubted.contains(uid)
    }

    /// How long it had run when its kubelet restarted: no time, if it was there and a call of the kubelet before started it after that.
    fn ran_before_the_restart(&self, id: ContainerId) -> Option<Duration> {
        let runtime = self.runtime.borrow();
        let (_, container) = runtime.containers().find(|(own, _)| *own == id)?;
        let (started, restarted) = (container.status.started_at?, self.facts.restarted?);
        let was_there = started <= restarted || Some(id) <= self.facts.newest_then;
        was_there.then(|| restarted.since(started))
    }

    fn is_running(&self, id: ContainerId) -> bool {
        self.runtime.borrow().containers().any(|(own, it)| own == id && it.process.is_some())
    }

    /// ADM-5, ADM-14: who is rejected would not fit.
    fn there_was_no_room(&self, before: &Pod, after: &Pod) {
        let reason = after.status.as_ref().and_then(|status| status.reason.as_deref());
        if reason != Some("OutOfcpu")
            || before.status.as_ref().and_then(|status| status.reason.as_deref()) == reason
        {
            return;
        }
        let (own, now) = (after.uid(), self.now());
        let others = self.facts.pods.iter().filter(|(uid, _)| **uid != own.as_str());
        let took = others
            .filter(|(uid, _)| self.facts.room.get(*uid).is_some_and(|&until| now.since(until) < GIVEN_BACK));
        let used: i128 = took.map(|(_, pod)| size_of(pod)).sum();
        let unsure = !self.is_calm_for(GIVEN_BACK);
        assert!(
            unsure || used + size_of(after) > ROOM.into(),
            "{} is rejected, asks for {}, and {used} of {ROOM} are taken",
            after.key(),
            size_of(after)
        );
    }

    /// ADM-6: a kubelet asks its node as the API has it, not as it would register it (kubernetes/kubernetes#99336). The labels of this one
    /// stay as they are.
    fn the_node_was_another(&self, after: &Pod) {
        let reason = after.status.as_ref().and_then(|status| status.reason.as_deref());
        let node = self.stage.cluster.server().store().get::<Node>(&Key::global(NODE_NAME));
        let labels = node.and_then(|node| node.metadata.labels.as_ref());
        let mut wanted = after.spec.iter().flat_map(|spec| spec.node_selector.iter().flatten());
        let fits = wanted.all(|(name, value)| labels.and_then(|own| own.get(name)) == Some(value));
        assert!(
            reason != Some("NodeAffinity") || !fits,
            "{} is rejected, and its node has the labels {labels:?}",
            after.key()
        );
    }

    /// STM-6, STP-5: nothing of the pod runs, and how it ended was told.
    fn nothing_is_left(&self, pod: &Pod) {
        let uid = pod.uid();
        // PW-3: of a pod that somebody else has failed, a kubelet that starts anew and has not inspected anything yet takes what
        // runs for stopped (S28 `pod_workers.go` `UpdatePod`, `isPodStatusCacheTerminal`).
        let misled = self.facts.restarted.is_some() && self.facts.failed_by_others.contains(uid.as_str());
        assert!(
            self.facts.late || misled || !self.runs(pod),
            "{} is removed, and something of it runs",
            pod.key()
        );
        if !self.facts.looked_at.contains(uid.as_str()) || self.facts.late || self.facts.restarted.is_some() {
            return;
        }
        for container in statuses_of(pod) {
            let Some(&exit) = id_of(container).and_then(|id| self.facts.exits.get(&id)) else { continue };
            let state = terminated(container.state.as_ref());
            let last = terminated(container.last_state.as_ref());
            // STD-3: one that was held back when its pod was stopped, and of which nothing is left, waits and then counts as lost; how
            // it ended is its last state (S28 `TerminatePod`).
            let is_lost = state.is_some_and(|end| end.reason.as_deref() == Some(CONTAINER_STATUS_UNKNOWN));
            let told = last.filter(|_| is_lost).or(state).map(|end| end.exit_code);
            assert_eq!(
                told,
                Some(exit),
                "how {} of {} ended, and what was told of it",
                container.name,
                pod.key()
            );
        }
    }
}

fn status_of<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    statuses_of(pod).find(|status| status.name == name)
}

fn statuses_of(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}

fn id_of(status: &ContainerStatus) -> Option<ContainerId> {
    status.container_id.as_deref().and_then(parse_id)
}
