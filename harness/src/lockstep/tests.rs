//! Runtimes that are tampered with behind the driver's back: what is done to them must be found out.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use podproof_model::api_server::eviction::{Answer, ask};
use podproof_runtime::Step;
use podproof_runtime::api::{DeleteOptions, Patch, Preconditions, Resource};
use podproof_runtime::operation::Queue;
use podproof_vocabulary::action::EndpointSlice::WriteSlice;
use podproof_vocabulary::action::{Deployment, Kubelet};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::observation::Phase;
use podproof_vocabulary::scenario::{BudgetAsk, DisruptionBudget, IntOrPercent, Probe};
use podproof_vocabulary::{ContainerId, Property, Revision, catalogue};

use super::*;
use crate::system::Refusal;

/// At most so many steps until something is so.
const STEPS_MAX: usize = 2_000;

fn begun(scenario: &Scenario) -> RuntimeSystem {
    let mut scenario = scenario.clone();
    fit(&mut scenario);
    let mut system = RuntimeSystem::new(Slips::NONE);
    system.reset(&scenario).expect("it fits");
    system
}

/// Goes on in any order until this is so, or until nothing is left to do.
fn until(system: &mut RuntimeSystem, done: impl Fn(&RuntimeSystem) -> bool) -> Result<(), Refused> {
    let mut random = fastrand::Rng::with_seed(0);
    for _ in 0..STEPS_MAX {
        if done(system) {
            return Ok(());
        }
        let Some(&action) = random.choice(system.rest.enabled()) else { return Ok(()) };
        match system.apply(&action) {
            Err(refused) if refused.refusal == Refusal::Difference => return Err(refused),
            Ok(()) | Err(_) => {}
        }
    }
    panic!("it never comes to that");
}

fn running(system: &mut RuntimeSystem) -> &mut Running {
    system.running.as_mut().expect("it was reset")
}

fn pod_runs(system: &RuntimeSystem) -> bool {
    let seen = system.observation().slots[0].pod;
    seen.is_some_and(|pod| pod.phase == Phase::Running && pod.ready && pod.address.is_some())
}

/// EVI-2: of two budgets one goes, so that evictions are granted which the model refuses. The budget that is compared stays.
#[test]
fn an_eviction_that_is_granted_where_it_is_to_be_refused_is_found() {
    let mut scenario = catalogue::web("x", Story::Drain, 1, 2);
    let ask_all = BudgetAsk::MaxUnavailable(IntOrPercent::Int(1));
    for name in ["web", "web-2"] {
        let budget = DisruptionBudget { name: name.into(), ask: ask_all, always_allow_unhealthy: false };
        scenario.budgets.push(budget);
    }
    let mut system = begun(&scenario);
    let is_refused = |system: &RuntimeSystem| {
        let (model, state) = system.rest.model();
        pod_runs(system)
            && model.open(state, |cluster| {
                cluster.shared.control_plane.evicts() && ask(cluster, PodId(0)) == Answer::Refused
            })
    };
    until(&mut system, is_refused).expect("both refuse");
    let other = running(&mut system).budget_key().expect("there are two").sibling("web-2");
    let options = DeleteOptions::default();
    running(&mut system)
        .call(Request::Delete(Resource::PodDisruptionBudget, other, options))
        .expect("it goes");
    let refused = until(&mut system, |_| false).expect_err("the runtime grants it");
    assert!(refused.why.contains("that is to be refused"), "{refused}");
}

/// An address that is not the pod's own, of which the last octet is right.
#[test]
fn another_address_with_the_same_end_is_seen() {
    let mut system = begun(&catalogue::web("x", Story::Create, 1, 1));
    until(&mut system, pod_runs).expect("both go on");
    let before = system.observation();
    let running = running(&mut system);
    let address = before.slots[0].pod.and_then(|pod| pod.address).expect("it has one");
    let own = running.ip(PodId(0), address);
    let foreign = own.replacen("10.", "11.", 1);
    let key = running.key(PodId(0)).expect("it has a pod");
    let stored = running.cluster.server().store().get::<Pod>(&key);
    let status = stored.and_then(|pod| pod.status.clone()).unwrap_or_default();
    let tampered = PodStatus { pod_ip: Some(foreign), ..status };
    let patch = Patch::PodStatusWhole(Arc::new(tampered));
    running.call(Request::Patch(Resource::Pod, key, Preconditions::NONE, patch)).expect("it is written");
    assert_ne!(system.observation().slots[0].pod, before.slots[0].pod);
}

/// A model that is at rest has nothing to do, and neither may the runtime have.
#[test]
fn what_the_runtime_would_do_at_rest_is_asked() {
    let mut system = begun(&catalogue::web("x", Story::Create, 1, 1));
    until(&mut system, |_| false).expect("both come to rest");
    assert!(system.rest.enabled().is_empty() && !system.rest.is_stuck());
    let mut own = Vec::new();
    system.pending(&mut own);
    assert_eq!(own, [], "and the runtime is at rest, too");
    let running = running(&mut system);
    let key = running.workload_key();
    let scale = Request::Scale(Resource::Deployment, key, Preconditions::NONE, 2);
    running.call(scale).expect("it is scaled");
    running.deliver_next(controllers::OWN, Resource::Deployment).expect("its controller hears of it");
    system.settle().expect("the controllers look");
    system.pending(&mut own);
    let scales = |action: &Action| matches!(action, Action::Deployment(Deployment::ScaleReplicaSet { .. }));
    assert!(own.iter().any(scales), "{own:?}");
}

/// Before a Deployment is looked at of which a scaling was given up somebody labels it, and only then.
#[test]
fn a_deployment_whose_scaling_was_given_up_is_looked_at_again() {
    let mut system = begun(&catalogue::web("x", Story::Create, 1, 1));
    until(&mut system, |_| false).expect("both come to rest");
    let running = running(&mut system);
    let key = running.workload_key();
    let work = Step::Work(Queue::Main, key.clone());
    for given_up in [false, true] {
        running.scaling_given_up = given_up;
        running.remind(&key).expect("its controller hears of it");
        let steps = running.steps_of(podproof_runtime::Component::Deployment);
        assert_eq!(steps.contains(&work), given_up);
    }
    running.work(podproof_runtime::Component::Deployment, &key).expect("a worker takes it");
    assert!(!running.scaling_given_up, "it has been looked at");
}

const PROBE: Probe = Probe {
    initial_delay_seconds: 0,
    period_seconds: 1,
    timeout_seconds: 1,
    success_threshold: 1,
    failure_threshold: 2,
};

/// A machine whose kubelet has come to rest is tampered with: what is pending before it goes on by its clocks, and after.
fn lingering(tamper: impl FnOnce(&mut Running)) -> (Vec<Action>, Vec<Action>) {
    let mut scenario = catalogue::web("x", Story::Create, 1, 1);
    scenario.workload.template.containers[0].readiness_probe = Some(PROBE);
    let mut system = begun(&scenario);
    until(&mut system, |_| false).expect("both come to rest");
    let pending = |system: &RuntimeSystem| {
        let mut own = Vec::new();
        system.pending(&mut own);
        own
    };
    system.linger().expect("it ends");
    assert_eq!(pending(&system), [], "nothing comes of it");
    tamper(running(&mut system));
    let before = pending(&system);
    system.linger().expect("it ends");
    (before, pending(&system))
}

/// A container crashes behind the model's back: nobody looks, until the kubelet lists what runs and the pod's worker syncs once more.
#[test]
fn what_another_sync_would_do_at_rest_is_asked() {
    let (before, after) = lingering(|running| {
        let (node, id) = running.running_of(PodId(0), ContainerId(0)).expect("it runs");
        running.end_process(node, id, 1).expect("it crashes");
    });
    let starts = |action: &Action| matches!(action, Action::Kubelet(Kubelet::StartContainer { .. }));
    assert_eq!(before, []);
    assert!(after.iter().any(starts), "{after:?}");
}

/// An app answers its readiness probe in another way behind the model's back: nobody asks it, until the probe goes round.
#[test]
fn what_another_probe_would_find_at_rest_is_asked() {
    let (before, after) = lingering(|running| {
        running.falter(PodId(0), ContainerId(0)).expect("it runs");
    });
    assert_eq!(before, []);
    assert_eq!(after, [Action::Kubelet(Kubelet::ReportStatus { pod: PodId(0) })]);
}

/// A pod goes while its kubelet does not run: nobody stops what is left of it, until the kubelet keeps house (PW-13).
#[test]
fn what_housekeeping_would_do_at_rest_is_asked() {
    let (before, after) = lingering(|running| {
        let kubelet = Watcher::Kubelet(NodeId(0));
        running.stop(kubelet).expect("it runs");
        let gone = DeleteOptions { grace_seconds: Some(0), ..DeleteOptions::default() };
        let key = running.key(PodId(0)).expect("it has a pod");
        running.call(Request::Delete(Resource::Pod, key, gone)).expect("it is there");
        running.start_kubelet(NodeId(0)).expect("it starts");
        running.list(kubelet).expect("it lists");
    });
    let stops = Action::Kubelet(Kubelet::BeginTermination { pod: PodId(0) });
    assert!(!before.contains(&stops) && after.contains(&stops), "{before:?}, {after:?}");
}

/// NOD-3: a kubelet that takes its node for one that is not ready would say so, and the model says nothing of the kind.
#[test]
fn what_a_kubelet_would_say_of_its_node_is_asked() {
    let mut system = begun(&catalogue::web("x", Story::Create, 1, 1));
    until(&mut system, pod_runs).expect("both go on");
    let mut own = Vec::new();
    let report = Action::Kubelet(Kubelet::ReportNodeStatus { node: NodeId(0) });
    system.pending(&mut own);
    assert!(!own.contains(&report) && !system.rest.enabled().contains(&report), "{own:?}");
    let second = Duration::from_secs(1);
    running(&mut system).set_patience(NodeId(0), second, second);
    let later = running(&mut system).cluster.now() + second + second;
    running(&mut system).pass_until(later).expect("time passes");
    system.pending(&mut own);
    assert!(own.contains(&report), "{own:?}");
}

/// EPS-3: an entry that says something else than the controller's copy of its pod breaks a promise on the runtime's own side.
#[test]
fn a_slice_that_lies_breaks_a_promise_of_the_runtime() {
    let mut system = begun(&catalogue::web("x", Story::Create, 1, 1));
    let is_ready = |system: &RuntimeSystem| {
        system.observation().slots[0].endpoint.is_some_and(|endpoint| endpoint.ready)
    };
    until(&mut system, is_ready).expect("it comes into the slice");
    let running = running(&mut system);
    let write = Action::EndpointSlice(WriteSlice);
    assert_eq!(running.judge(&write, None), PropertySet::NONE);
    let stored = running.cluster.server().store().all::<EndpointSlice>().next();
    let mut slice = stored.map(|(_, slice)| slice.clone()).expect("there is one");
    for endpoint in slice.endpoints.iter_mut().flatten() {
        endpoint.conditions.get_or_insert_default().ready = Some(false);
    }
    running.call(Request::Update(slice.into())).expect("it is written");
    assert_eq!(running.judge(&write, None), PropertySet::of([Property::ReadyMeansReady]));
}

/// I-35, I-36: with one pod wanted, and one more at most while it rolls out, three are too many and none is too few.
#[test]
fn a_write_beyond_surge_and_unavailable_breaks_a_promise_of_the_runtime() {
    let mut system = begun(&catalogue::web("x", Story::Create, 1, 1));
    until(&mut system, |_| false).expect("both come to rest");
    let running = running(&mut system);
    let scale = |revision, replicas| {
        Action::Deployment(Deployment::ScaleReplicaSet { revision: Revision(revision), replicas })
    };
    let kept = running.judge(&scale(0, 1), running.wanted(&scale(0, 1)));
    assert_eq!(kept, PropertySet::NONE);
    let (key, _) = running.replica_set(Revision(0)).expect("it is there");
    let too_many = Request::Scale(Resource::ReplicaSet, key.clone(), Preconditions::NONE, 3);
    running.call(too_many).expect("it is scaled");
    assert_eq!(running.judge(&scale(0, 3), Some(1)), PropertySet::of([Property::RolloutWithinBounds]));
    assert_eq!(running.judge(&scale(0, 3), Some(3)), PropertySet::NONE, "a write that raises nothing");
}
