//! Tests of probe workers: when they probe, and what they make of it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, Pod, PodCondition, PodSpec,
    Probe,
};

use super::results::ProbeResult::{Failure, Success, Unknown};
use super::*;
use crate::kubelet::api_status::containers::id_text;

struct Rig {
    probes: Probes,
    pod: KnownPod,
    status: ApiStatus,
    now: Moment,
    slips: Slips,
    release: Release,
}

fn probe() -> Option<Probe> {
    Some(Probe {
        period_seconds: Some(2),
        failure_threshold: Some(2),
        initial_delay_seconds: Some(5),
        ..Probe::default()
    })
}

impl Rig {
    fn new(policy: &str, kinds: &[ProbeKind]) -> Self {
        let of = |kind| probe().filter(|_| kinds.contains(&kind));
        let app = Container {
            name: "app".to_owned(),
            startup_probe: of(ProbeKind::Startup),
            readiness_probe: of(ProbeKind::Readiness),
            liveness_probe: of(ProbeKind::Liveness),
            ..Container::default()
        };
        let spec =
            PodSpec { containers: vec![app], restart_policy: Some(policy.to_owned()), ..PodSpec::default() };
        let mut pod = Pod { spec: Some(spec), ..Pod::default() };
        pod.metadata.uid = Some("a".to_owned());
        let pod = KnownPod::new(Arc::new(pod), Release::NEWEST);
        let mut probes = Probes::new(Release::NEWEST, Slips::NONE, Moment(0));
        probes.add_pod(&pod, Moment(0));
        let (status, now, slips) = (ApiStatus::default(), Moment(0), Slips::NONE);
        let mut rig = Self { probes, pod, status, now, slips, release: Release::NEWEST };
        rig.runs(1);
        rig
    }

    /// Its container is a sidecar.
    fn make_sidecar(&mut self) {
        let mut pod = Pod::clone(&self.pod.object);
        if let Some(spec) = &mut pod.spec {
            let mut containers = std::mem::take(&mut spec.containers);
            containers.iter_mut().for_each(|own| own.restart_policy = Some("Always".to_owned()));
            spec.init_containers = Some(containers);
        }
        self.pod = KnownPod::new(Arc::new(pod), Release::NEWEST);
    }

    /// The kubelet starts anew, and finds a container that runs for so long. The API says whether the pod was ready.
    fn restart(&mut self, minor: u8, seconds: u64, was_ready: bool) {
        let release = Release { minor };
        let mut pod = Pod::clone(&self.pod.object);
        let status = if was_ready { "True" } else { "False" }.to_owned();
        let ready = PodCondition { type_: "Ready".to_owned(), status, ..PodCondition::default() };
        pod.status = Some(ApiStatus { conditions: Some(vec![ready]), ..ApiStatus::default() });
        self.pod = KnownPod::new(Arc::new(pod), release);
        self.runs(1);
        self.pass(seconds);
        self.probes = Probes::new(release, Slips::NONE, self.now);
    }

    /// What the status that is made now says.
    fn is_ready(&mut self) -> bool {
        let mut status = self.status.clone();
        self.probes.update(&self.pod, &mut status);
        status.container_statuses.expect("there is one")[0].ready
    }

    /// The container with this number runs.
    fn runs(&mut self, id: u32) {
        let running = ContainerStateRunning { started_at: Some(self.now.to_time()) };
        self.is(id, ContainerState { running: Some(running), ..ContainerState::default() });
    }

    fn is(&mut self, id: u32, state: ContainerState) {
        let app = ApiContainer {
            name: "app".to_owned(),
            container_id: Some(id_text(ContainerId(id))),
            state: Some(state),
            started: Some(true),
            ..ApiContainer::default()
        };
        self.status.container_statuses = Some(vec![app]);
    }

    fn key(kind: ProbeKind) -> ProbeKey {
        ProbeKey { uid: Uid::from("a"), container: "app".into(), kind }
    }

    /// A round of this worker: whether a probe was sent.
    fn round(&mut self, kind: ProbeKind) -> bool {
        let Self { probes, pod, status, now, slips, release } = self;
        let (pod, status) = (Some(&*pod), Some(&*status));
        let situation = Situation { pod, status, now: *now, release: *release, slips: *slips };
        assert!(probes.begin(&Self::key(kind), &situation), "it is due");
        self.probes.running().any(|key| key.kind == kind)
    }

    /// A round whose probe is sent, and answered.
    fn probe(&mut self, kind: ProbeKind, passes: bool) {
        assert!(self.round(kind), "it probes");
        self.finish(kind, passes);
        self.now = self.now + Duration::from_secs(2);
    }

    /// A probe that is on its way is answered.
    fn finish(&mut self, kind: ProbeKind, passes: bool) {
        let Self { probes, pod, status, now, slips, release } = self;
        let (pod, status) = (Some(&*pod), Some(&*status));
        let situation = Situation { pod, status, now: *now, release: *release, slips: *slips };
        assert!(probes.finish(&Self::key(kind), &situation, |_| passes));
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn result(&self, kind: ProbeKind, id: u32) -> Option<ProbeResult> {
        self.probes.results().get(kind, ContainerId(id))
    }
}

/// PRB-2.
#[test]
fn what_counts_before_the_first_probe() {
    for (kind, expected) in
        [(ProbeKind::Startup, Unknown), (ProbeKind::Readiness, Failure), (ProbeKind::Liveness, Success)]
    {
        let mut rig = Rig::new("Always", &[kind]);
        assert!(!rig.round(kind), "PRB-1: 5 s have to pass first");
        assert_eq!(rig.result(kind, 1), Some(expected));
    }
}

/// PRB-1, PRB-4.
#[test]
fn a_result_changes_once_it_came_as_often_as_its_threshold() {
    let mut rig = Rig::new("Always", &[ProbeKind::Readiness]);
    rig.pass(5);
    rig.probe(ProbeKind::Readiness, true);
    assert_eq!(rig.result(ProbeKind::Readiness, 1), Some(Success), "once is enough");
    rig.probe(ProbeKind::Readiness, false);
    rig.probe(ProbeKind::Readiness, true);
    rig.probe(ProbeKind::Readiness, false);
    assert_eq!(rig.result(ProbeKind::Readiness, 1), Some(Success), "not twice in a row");
    rig.probe(ProbeKind::Readiness, false);
    assert_eq!(rig.result(ProbeKind::Readiness, 1), Some(Failure));
}

/// PRB-1: the period is from probe to probe, however late the answers come. A probe that takes longer than that is followed by the next at
/// once.
#[test]
fn late_answers_do_not_shift_the_probes() {
    let mut rig = Rig::new("Always", &[ProbeKind::Readiness]);
    rig.pass(6);
    for (takes, next) in [(1_000, 8_000), (1_500, 10_000), (4_500, 12_000), (100, 16_000)] {
        assert!(rig.round(ProbeKind::Readiness), "it probes");
        rig.now = rig.now + Duration::from_millis(takes);
        rig.finish(ProbeKind::Readiness, true);
        let due = rig.probes.next_round(&Rig::key(ProbeKind::Readiness));
        assert_eq!(due, Some(Moment(next)), "after {takes} ms");
        rig.now = rig.now.max(Moment(next));
    }
}

/// CND-9: a probe that is asked for while one is on its way comes after it. From 1.32 on the next is a whole period later
/// (kubernetes/kubernetes#119089).
#[test]
fn a_probe_out_of_turn_waits_for_the_one_before() {
    for (minor, next) in [(31, 8_000), (32, 9_500)] {
        let mut rig = Rig::new("Always", &[ProbeKind::Readiness]);
        rig.release = Release { minor };
        let key = Rig::key(ProbeKind::Readiness);
        rig.pass(6);
        assert!(rig.round(ProbeKind::Readiness), "it probes");
        rig.now = Moment(7_500);
        assert!(!rig.is_ready(), "nobody knows");
        rig.finish(ProbeKind::Readiness, false);
        assert_eq!(rig.probes.next_round(&key), Some(Moment(7_500)), "1.{minor}: it is lost");
        assert!(rig.round(ProbeKind::Readiness), "it probes again");
        rig.finish(ProbeKind::Readiness, true);
        assert_eq!(rig.probes.next_round(&key), Some(Moment(next)), "1.{minor}");
        assert!(rig.is_ready());
    }
}

/// PRB-3.
#[test]
fn other_probes_wait_for_the_startup_probe_and_it_ends_with_the_start() {
    let mut rig = Rig::new("Always", &ProbeKind::ALL);
    rig.pass(5);
    rig.status.container_statuses.as_mut().expect("there is one")[0].started = Some(false);
    assert!(!rig.round(ProbeKind::Readiness) && !rig.round(ProbeKind::Liveness));
    rig.probe(ProbeKind::Startup, true);
    assert_eq!(rig.result(ProbeKind::Startup, 1), Some(Success));
    rig.status.container_statuses.as_mut().expect("there is one")[0].started = Some(true);
    assert!(!rig.round(ProbeKind::Startup) && rig.round(ProbeKind::Readiness));
}

/// PRB-6.
#[test]
fn a_container_that_does_not_run_fails() {
    for (policy, goes_on) in [("Always", true), ("Never", false)] {
        let mut rig = Rig::new(policy, &[ProbeKind::Readiness]);
        rig.pass(5);
        rig.probe(ProbeKind::Readiness, true);
        let terminated = Some(ContainerStateTerminated::default());
        rig.is(1, ContainerState { terminated, ..ContainerState::default() });
        assert!(!rig.round(ProbeKind::Readiness));
        let left = rig.probes.next_deadline(Moment(0)).is_some();
        assert_eq!(left, goes_on, "{policy}");
        assert_eq!(rig.result(ProbeKind::Readiness, 1), goes_on.then_some(Failure));
    }
}

/// PRB-7: after a liveness failure it waits for another container, and counts anew.
#[test]
fn a_failed_liveness_probe_is_on_hold_until_there_is_a_new_container() {
    let mut rig = Rig::new("Always", &[ProbeKind::Liveness]);
    rig.pass(5);
    rig.probe(ProbeKind::Liveness, false);
    rig.probe(ProbeKind::Liveness, false);
    assert_eq!(rig.result(ProbeKind::Liveness, 1), Some(Failure));
    assert!(!rig.round(ProbeKind::Liveness), "it is on hold");
    rig.runs(2);
    rig.pass(5);
    rig.probe(ProbeKind::Liveness, false);
    assert_eq!(
        (rig.result(ProbeKind::Liveness, 1), rig.result(ProbeKind::Liveness, 2)),
        (None, Some(Success))
    );
    rig.probe(ProbeKind::Liveness, false);
    assert_eq!(rig.result(ProbeKind::Liveness, 2), Some(Failure));
}

/// PRB-4: what came in a row goes on with the next container, if the one before ended by itself.
#[test]
fn a_container_that_ends_leaves_its_count_to_the_next() {
    let mut rig = Rig::new("Always", &[ProbeKind::Liveness, ProbeKind::Readiness]);
    rig.pass(5);
    rig.probe(ProbeKind::Liveness, false);
    rig.runs(2);
    rig.pass(5);
    rig.probe(ProbeKind::Liveness, false);
    assert_eq!(rig.result(ProbeKind::Liveness, 2), Some(Failure), "the second in a row");
    assert!(!rig.round(ProbeKind::Liveness), "it is on hold");
    rig.runs(3);
    rig.pass(5);
    rig.probe(ProbeKind::Liveness, false);
    assert_eq!(rig.result(ProbeKind::Liveness, 3), Some(Success), "it counts anew");
}

/// SP-8, PRB-6: a worker that is over is not made again as long as the first of its pod lives; so a pod with a container that has ended
/// for good comes to rest.
#[test]
fn a_worker_that_is_over_is_not_made_again() {
    let mut rig = Rig::new("Never", &[ProbeKind::Startup, ProbeKind::Readiness]);
    for (over, is_made_again) in [(ProbeKind::Readiness, false), (ProbeKind::Startup, true)] {
        rig.probes.stop(&Rig::key(over));
        rig.probes.add_pod(&rig.pod, rig.now);
        assert_eq!(rig.probes.has_worker(&rig.pod.uid, "app", over), is_made_again, "{over:?}");
        rig.probes.remove_pod(&rig.pod.uid);
        rig.probes.add_pod(&rig.pod, rig.now);
    }
}

/// PRB-10, STP-2, STP-4.
#[test]
fn a_pod_that_terminates_keeps_its_readiness_probe_to_the_end() {
    let mut rig = Rig::new("Always", &ProbeKind::ALL);
    rig.probes.stop_liveness_and_startup(&rig.pod);
    let left: Vec<ProbeKind> = rig.probes.due(Moment(0)).map(|key| key.kind).collect();
    assert_eq!(left, [ProbeKind::Readiness]);
    rig.probes.remove_pod(&Uid::from("a"));
    assert_eq!(rig.probes.next_deadline(Moment(0)), None);
}

/// CND-9: without a probe a running container is started and ready; with one that has not run it is not, and is probed at once.
#[test]
fn readiness_without_a_result() {
    let ready = |kinds: &[ProbeKind]| {
        let mut rig = Rig::new("Always", kinds);
        rig.pass(1);
        if let Some(&kind) = kinds.first() {
            rig.round(kind);
            rig.probes.results.remove(kind, ContainerId(1));
            assert!(rig.probes.next_deadline(rig.now).is_some());
        }
        let (pod, mut status) = (rig.pod.clone(), rig.status.clone());
        status.container_statuses.as_mut().expect("there is one")[0].started = None;
        rig.probes.update(&pod, &mut status);
        let due = rig.probes.due(rig.now).next().is_some();
        let app = &status.container_statuses.as_ref().expect("there is one")[0];
        (app.started, app.ready, due)
    };
    assert_eq!(ready(&[]), (Some(true), true, false));
    assert_eq!(ready(&[ProbeKind::Readiness]), (Some(true), false, true));
    assert_eq!(ready(&[ProbeKind::Startup]), (Some(false), false, false));
    assert_eq!(ready(&[ProbeKind::Liveness]), (Some(true), true, false));
}

/// PRB-12, kubernetes/kubernetes#135795: what a kubelet that starts says of a container that runs, before and after its pod has
/// workers.
#[test]
fn readiness_before_the_first_probe_of_a_restarted_kubelet() {
    let said = |minor, seconds, was_ready| {
        let mut rig = Rig::new("Always", &[ProbeKind::Readiness]);
        rig.restart(minor, seconds, was_ready);
        let before = rig.is_ready();
        rig.probes.add_pod(&rig.pod, rig.now);
        rig.round(ProbeKind::Readiness);
        (before, rig.is_ready())
    };
    for was_ready in [true, false] {
        assert_eq!(said(34, 30, was_ready), (true, false), "until 1.34 nothing is known");
        assert_eq!(said(36, 30, was_ready), (was_ready, was_ready), "from 1.35 on it is as ready as it was");
        assert_eq!(said(36, 9, was_ready), (true, false), "unless it started just before");
    }
}

/// PRB-12, PRB-4: what is kept is kept until a probe found another result as often as its threshold says.
#[test]
fn kept_readiness_ends_with_the_threshold() {
    let mut rig = Rig::new("Always", &[ProbeKind::Readiness]);
    rig.restart(36, 30, true);
    rig.probes.add_pod(&rig.pod, rig.now);
    rig.probe(ProbeKind::Readiness, false);
    assert!(rig.is_ready(), "once is not twice");
    rig.probe(ProbeKind::Readiness, false);
    assert!(!rig.is_ready());
}

/// PRB-12, kubernetes/kubernetes#142305: what a kubelet that starts finds running has started, as it has no worker for its startup probe;
/// from 1.35 on the status that says so is kept, and the probe is never made.
#[test]
fn a_restarted_kubelet_takes_what_runs_for_started() {
    for (minor, is_kept) in [(34, false), (35, true), (36, true)] {
        let mut rig = Rig::new("Always", &[ProbeKind::Startup]);
        rig.restart(minor, 30, false);
        let (pod, mut status) = (rig.pod.clone(), rig.status.clone());
        let mut started = |rig: &mut Rig| {
            rig.probes.update(&pod, &mut status);
            status.container_statuses.as_ref().expect("there is one")[0].started
        };
        assert_eq!(started(&mut rig), Some(true), "1.{minor}");
        rig.probes.add_pod(&rig.pod, rig.now);
        assert_eq!(started(&mut rig), Some(is_kept), "1.{minor}");
    }
}

/// CPA-8, kubernetes/kubernetes#137146: the apps of a pod wait for the result of the startup probe of a sidecar, also under a kubelet that
/// takes the sidecar for started.
#[test]
fn a_sidecar_that_counts_as_started_has_passed_its_startup_probe() {
    let result = |seconds, is_sidecar: bool, started| {
        let mut rig = Rig::new("Always", &[ProbeKind::Startup]);
        if is_sidecar {
            rig.make_sidecar();
        }
        rig.restart(36, seconds, false);
        rig.status.container_statuses.as_mut().expect("there is one")[0].started = Some(started);
        rig.probes.add_pod(&rig.pod, rig.now);
        rig.round(ProbeKind::Startup);
        rig.result(ProbeKind::Startup, 1)
    };
    assert_eq!(result(30, true, true), Some(Success));
    assert_eq!(result(30, true, false), None, "one that has not started is probed");
    assert_eq!(result(30, false, true), None, "nothing waits for an app");
    assert_eq!(result(9, true, true), Some(Unknown), "one that started just before is probed anew");
}

/// CPA-8, kubernetes/kubernetes#133072: a sidecar starts again also in a pod that never restarts, and its worker waits for that.
#[test]
fn the_worker_of_an_exited_sidecar_goes_on() {
    for is_sidecar in [false, true] {
        let mut rig = Rig::new("Never", &[ProbeKind::Startup]);
        if is_sidecar {
            rig.make_sidecar();
            rig.probes = Probes::new(Release::NEWEST, Slips::NONE, rig.now);
            rig.probes.add_pod(&rig.pod, rig.now);
        }
        let terminated = ContainerStateTerminated { exit_code: 1, ..ContainerStateTerminated::default() };
        rig.is(1, ContainerState { terminated: Some(terminated), ..ContainerState::default() });
        rig.round(ProbeKind::Startup);
        assert_eq!(rig.probes.has_worker(&rig.pod.uid, "app", ProbeKind::Startup), is_sidecar);
    }
}
