//! Why, when and in which order containers are stopped.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use podproof_runtime::api::Kind as _;
use podproof_runtime::api::constants::is_terminal;
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::Container;
use podproof_runtime::container_runtime::{ContainerId, Request};
use podproof_runtime::kubelet::kill::container::KillContainer;
use podproof_runtime::kubelet::probes::results::ProbeResult;

use super::Machine;
use super::shapes::{self, INIT, SIDECAR};

/// The least grace period of a stop (KIL-5).
const LEAST: i64 = 2;
/// What a kubelet is late by at most once nothing is pending.
const LATE: Duration = Duration::from_secs(3);

impl Machine {
    /// Judges what the kubelet has just asked its runtime for.
    pub(super) fn judge_calls(&mut self) {
        let calls = self.new_calls();
        let now = self.now();
        self.note_kills();
        for call in &calls {
            if let Request::Exec { container, .. } = call {
                // A kill that failed begins anew, with another hook.
                self.facts.hooked.insert(*container, now);
            }
        }
        for call in &calls {
            if let Request::StopContainer { container, timeout_seconds } = call {
                self.judge_stop(*container, i64::from(*timeout_seconds));
                self.facts.stopped.entry(*container).or_insert(now);
            }
        }
        for call in &calls {
            if let Request::StopContainer { container, .. } = call {
                self.judge_order(*container);
            }
        }
    }

    /// A kill begins for all containers at once, whenever the hook of each begins then (KIL-1).
    fn note_kills(&mut self) {
        let now = self.now();
        let kills =
            self.kubelet().into_iter().flat_map(|own| own.workers().iter()).filter_map(|(_, it)| it.kill());
        let begun: Vec<_> = kills.flat_map(|kill| kill.containers()).map(KillContainer::id).collect();
        for id in begun {
            self.facts.killed.entry(id).or_insert(now);
        }
    }

    fn container(&self, id: ContainerId) -> Option<Container> {
        self.runtime.borrow().containers().find(|(own, _)| *own == id).map(|(_, container)| container.clone())
    }

    fn stored(&self, uid: &str) -> Option<Pod> {
        let mut pods = self.stage.cluster.server().store().all::<Pod>();
        pods.find(|(_, pod)| pod.uid().as_str() == uid).map(|(_, pod)| pod.clone())
    }

    fn judge_stop(&self, id: ContainerId, timeout: i64) {
        let Some(container) = self.container(id) else { return };
        let uid = container.uid.as_str();
        let why = self.reason(id, uid);
        assert!(
            why.is_some(),
            "{} of {uid} is stopped, and there is no reason for it",
            container.status.name
        );
        let Some(pod) = self.facts.pods.get(uid) else { return };
        // KIL-4: what the hook took is taken from the grace period.
        if let Some(&hooked) = self.facts.hooked.get(&id) {
            let used = i64::try_from(self.now().since(hooked).as_secs()).unwrap_or(i64::MAX);
            // The hook and the wait after it are counted in whole seconds, each by itself.
            let most = (longest_grace(pod) - used + 1).max(LEAST);
            assert!(
                timeout <= most,
                "{timeout} s are left after a hook of {used} s, and there should be {most} s"
            );
        }
        // PW-12: a pod whose object is gone keeps its grace period; before 1.31 nothing shortens it.
        let orphan = why == Some(Reason::Gone) && self.release.minor < 31;
        let known = self.facts.restarted.is_none() && !self.facts.evicted.contains(uid) && !self.facts.late;
        if known && container.process.is_some() {
            self.the_hook_is_not_cut_short(id, pod, why);
        }
        // KIL-12: nor does it lose its hook.
        let hook =
            pod.spec.iter().flat_map(|spec| &spec.containers).find(|it| it.name == *container.status.name);
        let has_hook = hook.and_then(|it| it.lifecycle.as_ref()).is_some_and(|it| it.pre_stop.is_some());
        let loses_it = has_hook && !self.facts.hooked.contains_key(&id);
        let why_not =
            format!("the hook of {} of a pod that was deleted by force does not run", container.status.name);
        assert!(!(why == Some(Reason::Gone) && known && loses_it), "{why_not}");
        let own = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30);
        // KIL-8: a sidecar has what its wait for the app has left.
        let waits = *container.status.name == *SIDECAR;
        let asked = pod.metadata.deletion_grace_period_seconds.is_some();
        let plain = !asked && !waits && !self.facts.hooked.contains_key(&id);
        assert!(
            !(orphan && known && plain) || timeout >= own.min(LEAST + 1),
            "{} of a pod that was deleted by force gets {timeout} s of {own} s",
            container.status.name
        );
    }

    /// KIL-4: a hook has as long as it takes, or as the grace period is; from 1.31 on that of a pod whose object is gone is the least
    /// (PW-18).
    fn the_hook_is_not_cut_short(&self, id: ContainerId, pod: &Pod, why: Option<Reason>) {
        let Some(&hooked) = self.facts.hooked.get(&id) else { return };
        let own = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30);
        let forced = why == Some(Reason::Gone) && self.release.minor >= 31;
        let asked = pod.metadata.deletion_grace_period_seconds.unwrap_or(own).min(own);
        let least = if forced { LEAST } else { asked.max(LEAST) };
        let used = i64::try_from(self.now().since(hooked).as_secs()).unwrap_or(i64::MAX);
        let undisturbed = self.facts.trouble.is_none_or(|trouble| trouble < hooked);
        assert!(
            !undisturbed || used + 1 >= least.min(shapes::SHORT_HOOK),
            "the hook of {id:?} has had {used} s, and the grace period has {least} s"
        );
    }

    fn reason(&self, id: ContainerId, uid: &str) -> Option<Reason> {
        let Some(pod) = self.stored(uid) else { return Some(Reason::Gone) };
        let told = self.kubelet().and_then(|kubelet| kubelet.parts().status.get(&pod.uid()).cloned());
        let ended = told
            .and_then(|status| status.phase)
            .is_some_and(|phase| ["Succeeded", "Failed"].contains(&&*phase));
        if pod.is_deleting() || self.facts.evicted.contains(uid) {
            Some(Reason::Asked)
        } else if self.facts.failed.contains_key(&id) {
            Some(Reason::Probe)
        } else if is_terminal(&pod)
            || ended
            || self.facts.failed_by_others.contains(uid)
            || self.app_is_over(&pod)
            || self.facts.lost_sandbox.contains(uid)
        {
            Some(Reason::Over)
        } else {
            None
        }
    }

    /// Nothing of the app runs, or is to run on: what is left of a pod that is not restarted is stopped (CPA-10).
    fn app_is_over(&self, pod: &Pod) -> bool {
        let restarts = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) == Some("Always");
        let runtime = self.runtime.borrow();
        let uid = pod.uid();
        let mut app = runtime.containers().filter(|(_, it)| it.uid == uid && *it.status.name != *SIDECAR);
        !restarts && app.all(|(id, it)| it.process.is_none() || self.facts.failed.contains_key(&id))
    }

    /// KIL-8: a sidecar is stopped after the app containers, unless the grace period is over or it failed itself.
    fn judge_order(&self, id: ContainerId) {
        let Some(sidecar) = self.container(id).filter(|it| *it.status.name == *SIDECAR) else { return };
        let Some(pod) = self.stored(sidecar.uid.as_str()).filter(podproof_runtime::api::Kind::is_deleting)
        else {
            return;
        };
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        let runtime = self.runtime.borrow();
        for (other, app) in
            runtime.containers().filter(|(_, it)| it.uid == sidecar.uid && it.process.is_some())
        {
            let is_app = ![SIDECAR, INIT].contains(&&*app.status.name);
            let Some(&since) = self.facts.killed.get(&other).filter(|_| is_app) else { continue };
            let left = Duration::from_secs(u64::try_from(grace).unwrap_or(0)) > self.now().since(since);
            let unsure = self.facts.late
                || self.facts.evicted.contains(sidecar.uid.as_str())
                || self.facts.trouble.is_some_and(|trouble| trouble >= since);
            assert!(
                unsure || !left,
                "{SIDECAR} is stopped while {} runs, and there is grace left",
                app.status.name
            );
        }
    }

    /// PRB-4: a probe that failed as often as it may has failed, whichever container it looked at before.
    pub(super) fn judge_probe(&mut self) {
        let Some((id, kind)) = self.facts.just_failed.take() else { return };
        let found = self.kubelet().and_then(|own| own.parts().probes.results().get(kind, id));
        assert_eq!(found, Some(ProbeResult::Failure), "what the {kind:?} probe of {id:?} says");
    }

    /// KIL-4, KIL-8: at rest, who should have been told to stop was.
    pub(super) fn judge_stops_at_rest(&self) {
        if self.facts.late {
            return;
        }
        let now = self.now();
        let runtime = self.runtime.borrow();
        let untold = |id: &ContainerId| !self.facts.stopped.contains_key(id);
        for (id, container) in runtime.containers().filter(|(id, it)| it.process.is_some() && untold(id)) {
            let uid = container.uid.as_str();
            // CPA-10, PRB-7: a kubelet that starts anew has forgotten what failed before.
            let known = |at: &Moment| self.facts.restarted.is_none_or(|restarted| restarted < *at);
            if let Some(&failed) = self.facts.failed.get(&id).filter(|&at| known(at))
                && now.since(failed) > LATE * 2
                && self.is_calm_for(now.since(failed))
            {
                let worker = self.kubelet().and_then(|own| own.workers().get(&container.uid));
                let is_at_it = worker.is_none_or(|worker| worker.kill().is_some());
                let name = &container.status.name;
                assert!(
                    is_at_it || self.facts.killed.contains_key(&id),
                    "the probe of {name} has failed since {failed}, and it runs on"
                );
            }
            let Some(pod) = self.facts.pods.get(uid) else { continue };
            if let Some(&hooked) = self.facts.hooked.get(&id)
                && self.facts.trouble.is_none_or(|trouble| trouble < hooked)
            {
                let grace = Duration::from_secs(u64::try_from(longest_grace(pod)).unwrap_or(0)) + LATE;
                assert!(
                    now.since(hooked) <= grace,
                    "the hook of {} is waited for beyond {grace:?}",
                    container.status.name
                );
            }
            let deleting = self.stored(uid).filter(podproof_runtime::api::Kind::is_deleting);
            let Some(deleting) = deleting.filter(|_| *container.status.name == *SIDECAR) else { continue };
            let alone = !runtime.containers().any(|(_, it)| {
                it.uid == container.uid
                    && it.process.is_some()
                    && ![SIDECAR, INIT].contains(&&*it.status.name)
            });
            let ends = runtime.containers().filter(|(_, it)| it.uid == container.uid);
            let last_end = ends.filter_map(|(_, it)| it.status.finished_at).max();
            // A kubelet that waits to list its node or its pods anew, up to a minute, cannot know that the pod is deleted.
            let Some(hears) = self.facts.hears else { continue };
            // What was under way when the pod was deleted may take as long as its grace period, and what ended then may have been removed: a sync
            // that stops all for a new sandbox goes on to start in that (CPA-4, PW-19).
            let began = container.status.started_at.unwrap_or_default();
            let since = deleted_at(&deleting).max(last_end.unwrap_or_default()).max(hears).max(began);
            let waits = now.since(since) > Duration::from_secs(20) && self.is_calm_for(now.since(since));
            assert!(!(alone && waits), "{SIDECAR} waits since {since} for an app that does not run");
        }
    }
}

/// Why a container is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Gone,
    Asked,
    Probe,
    Over,
}

/// The longest grace period that the pod ever had.
fn longest_grace(pod: &Pod) -> i64 {
    let own = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30);
    pod.metadata.deletion_grace_period_seconds.map_or(own, |deletion| deletion.max(own))
}

/// When its deletion was asked for.
fn deleted_at(pod: &Pod) -> Moment {
    let until = pod.metadata.deletion_timestamp.as_ref().map(Moment::from_time).unwrap_or_default();
    until
        - Duration::from_secs(
            u64::try_from(pod.metadata.deletion_grace_period_seconds.unwrap_or(0)).unwrap_or(0),
        )
}
