//! A bench for tests of single rules: a small cluster with one state at hand, whose steps are taken one by one, by name or
//! by pattern, and whose state can be looked into or put into a situation.

use podproof_vocabulary::action::{self, Action, Environment};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::observation::{Observation, PodSeen};
use podproof_vocabulary::scenario::{ContainerKind, Labels, Neighbour, PreStop, Probe, Scenario};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Property, catalogue};

use crate::properties::Judged;
use crate::state::ClusterState;
use crate::{Cluster, Model, step, time};

/// The first pod.
pub(crate) const P0: PodId = PodId(0);
/// The second pod.
pub(crate) const P1: PodId = PodId(1);
/// The first node.
pub(crate) const N0: NodeId = NodeId(0);
/// The second node.
pub(crate) const N1: NodeId = NodeId(1);
/// The first container.
pub(crate) const C0: ContainerId = ContainerId(0);
/// The second container.
pub(crate) const C1: ContainerId = ContainerId(1);
/// The third container.
pub(crate) const C2: ContainerId = ContainerId(2);

/// More steps than any test needs to become quiet.
const PATIENCE: usize = 3000;

/// A cluster at one moment.
pub(crate) struct TestCluster {
    model: Model,
    state: ClusterState,
}

impl TestCluster {
    /// The beginning of a scenario.
    pub(crate) fn of(scenario: Scenario) -> Self {
        let model = Model::new(scenario).expect("test scenarios fit");
        let state = model.initial().swap_remove(0);
        Self { model, state }
    }

    /// The beginning of `Deployment/web`, of `replicas` on `nodes`, after `tweak`: with every kube-proxy, and with slow timers
    /// that may fire at any moment.
    pub(crate) fn web(replicas: u8, nodes: usize, tweak: impl FnOnce(&mut Scenario)) -> Self {
        let mut scenario = catalogue::web("test", Story::Create, replicas, nodes);
        scenario.one_proxy = false;
        scenario.approximations = scenario.approximations.without(Approximation::SlowTimersWhenQuiet);
        tweak(&mut scenario);
        Self::of(scenario)
    }

    /// The same, with everything up and quiet.
    pub(crate) fn running(replicas: u8, nodes: usize, tweak: impl FnOnce(&mut Scenario)) -> Self {
        let mut cluster = Self::web(replicas, nodes, tweak);
        cluster.settle();
        cluster
    }

    /// The state as it is, to compare later ones with.
    pub(crate) fn state(&self) -> ClusterState {
        self.state.clone()
    }

    /// Looks into the state.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Cluster<'_>) -> R) -> R {
        self.model.open(&self.state, look)
    }

    /// Puts the state into a situation, by hand or through a component's function.
    pub(crate) fn change<R>(&mut self, change: impl FnOnce(&mut Cluster<'_>) -> R) -> R {
        change(&mut Cluster::new(&self.model.rules, &mut self.state))
    }

    /// Changes the scenario behind the compiled rules' back: these are then wrong about it.
    pub(crate) fn make_rules_wrong(&mut self, change: impl FnOnce(&mut Scenario)) {
        change(&mut self.model.rules.scenario);
    }

    /// What an outsider sees.
    pub(crate) fn seen(&self) -> Observation {
        self.look(|cluster| Observation::of(cluster))
    }

    /// A pod object that must exist.
    #[track_caller]
    pub(crate) fn pod(&self, pod: PodId) -> PodSeen {
        self.seen().slots[pod.index()].pod.expect("the pod object exists")
    }

    /// Does the pod object exist?
    pub(crate) fn exists(&self, pod: PodId) -> bool {
        self.seen().slots[pod.index()].pod.is_some()
    }

    /// Every enabled step.
    pub(crate) fn enabled(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        self.model.enabled(&self.state, &mut actions);
        actions
    }

    /// Is this step enabled?
    pub(crate) fn can(&self, action: impl IntoAction) -> bool {
        self.enabled().contains(&action.into_action())
    }

    /// Is a step of this form enabled?
    pub(crate) fn any(&self, form: impl Fn(&Action) -> bool) -> bool {
        self.enabled().iter().any(form)
    }

    /// Takes a step, which must be enabled.
    #[track_caller]
    pub(crate) fn take(&mut self, action: impl IntoAction) {
        let action = action.into_action();
        let enabled = self.enabled();
        assert!(enabled.contains(&action), "{action:?} is not among {enabled:#?}");
        self.state = self.model.apply(&self.state, &action);
    }

    /// Takes a step, which must be enabled, and says what it does to the promises.
    #[track_caller]
    pub(crate) fn judge(&mut self, action: impl IntoAction) -> Judged {
        let (before, action) = (self.state.clone(), action.into_action());
        self.take(action);
        self.model.judge(&before, &action, &self.state)
    }

    /// Takes the one enabled step of this form.
    #[track_caller]
    pub(crate) fn take_one(&mut self, form: impl Fn(&Action) -> bool) -> Action {
        let matching: Vec<_> = self.enabled().into_iter().filter(form).collect();
        let [action] = matching.as_slice() else {
            panic!("one step of this form was to be enabled, not {matching:?}, of {:#?}", self.enabled())
        };
        self.take(*action);
        *action
    }

    /// Takes the first enabled step that neither the environment nor a slow timer is behind, and that is not held back,
    /// until there is none.
    #[track_caller]
    pub(crate) fn settle_but(&mut self, held_back: impl Fn(&Action) -> bool) {
        for _ in 0..PATIENCE {
            let slow = |action: &Action| self.look(|cluster| time::is_slow(cluster, action));
            let next = self.enabled().into_iter().find(|action| {
                !matches!(action, Action::Environment(_) | Action::Tick)
                    && !slow(action)
                    && !held_back(action)
            });
            let Some(action) = next else { return };
            self.state = self.model.apply(&self.state, &action);
        }
        panic!("still not quiet after {PATIENCE} steps: {:#?}", self.enabled());
    }

    /// Takes every step that neither the environment nor a slow timer is behind, until there is none.
    #[track_caller]
    pub(crate) fn settle(&mut self) {
        self.settle_but(|_| false);
    }

    /// Takes steps as [`Self::settle_but`] does, until a step of this form is enabled.
    #[track_caller]
    pub(crate) fn settle_until(&mut self, form: impl Fn(&Action) -> bool) {
        for _ in 0..PATIENCE {
            if self.any(&form) {
                return;
            }
            let next = self.enabled().into_iter().find(|action| {
                let slow = self.look(|cluster| time::is_slow(cluster, action));
                !matches!(action, Action::Environment(_) | Action::Tick) && !slow
            });
            let Some(action) = next else { break };
            self.state = self.model.apply(&self.state, &action);
        }
        panic!("no step of the form became possible; there are {:#?}", self.enabled());
    }

    /// Takes the first enabled step that the environment is not behind, a tick last of all, until this is so.
    #[track_caller]
    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if done(self) {
                return;
            }
            let next = self.enabled().into_iter().find(|action| !matches!(action, Action::Environment(_)));
            self.take(next.expect("something can still happen"));
        }
        panic!("not so after {PATIENCE} steps: {:#?}", self.enabled());
    }

    /// Is an obligation of this property pending?
    pub(crate) fn owes(&self, property: Property) -> bool {
        self.model.owed(&self.state).pending & self.model.obligations.of_property(property) != 0
    }

    /// Is the premise of an obligation of this property true?
    pub(crate) fn reaches(&self, property: Property) -> bool {
        self.model.owed(&self.state).reached & self.model.obligations.of_property(property) != 0
    }

    /// Deletes a pod through the API, with its own grace period.
    pub(crate) fn delete(&mut self, pod: PodId) {
        use crate::api_server::pods::{Grace, delete};
        self.change(|cluster| {
            delete(cluster, pod, Grace::Own);
            crate::api_server::pods::reclaim_slots(cluster);
        });
    }

    /// Something happens to the cluster, whether or not its budget allows it.
    pub(crate) fn befall(&mut self, event: Environment) {
        self.change(|cluster| step::apply(cluster, &Action::Environment(event)));
    }
}

/// Lets `event` happen `count` times.
pub(crate) fn allow(scenario: &mut Scenario, event: EventName, count: u8) {
    scenario.events.set(event, count);
}

/// A pod of another workload on the first node.
pub(crate) fn neighbour() -> Neighbour {
    Neighbour {
        name: "Deployment/canary 0".into(),
        namespace: "default".into(),
        labels: Labels::new(),
        node: 0,
        requests: Vec::new(),
        host_ports: Vec::new(),
        pod_anti_affinity: Vec::new(),
        tolerations: Vec::new(),
        is_bare: false,
        in_service: false,
        in_budget: false,
    }
}

/// With what no built-in scenario has: hooks, probes that apps may fail, clients that evict.
pub(crate) fn probe_all(scenario: &mut Scenario) {
    let probe = Some(Probe {
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    });
    let containers = &mut scenario.workload.template.containers;
    for container in containers.iter_mut().filter(|container| container.kind != ContainerKind::Init) {
        container.pre_stop = Some(PreStop::Seconds(5));
        container.listens_after_seconds = 1;
        (container.startup_probe, container.readiness_probe, container.liveness_probe) =
            (probe, probe, probe);
    }
    for event in [EventName::ReadinessChange, EventName::LivenessChange, EventName::EvictPod] {
        allow(scenario, event, 2);
    }
}

/// A step of a component, which is an action.
pub(crate) trait IntoAction {
    /// The action that it is.
    fn into_action(self) -> Action;
}

impl IntoAction for Action {
    fn into_action(self) -> Action {
        self
    }
}

macro_rules! steps_are_actions {
    ($($component:ident)*) => {
        $(impl IntoAction for action::$component {
            fn into_action(self) -> Action {
                Action::$component(self)
            }
        })*
    };
}

steps_are_actions! {
    Watch Scheduler Deployment ReplicaSet NodeLifecycle TaintEviction PodGarbageCollector Disruption EndpointSlice Kubelet
    Container Proxy Drain Process Environment
}
