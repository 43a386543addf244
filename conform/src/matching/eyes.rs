//! What a log can see: which steps it would show if they were taken, so that they are not taken behind its back.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_model::{Cluster, kubelet, parts, step};
use podproof_vocabulary::action::{Action, Container, Environment, Kubelet, Process, Proxy, Watcher};
use podproof_vocabulary::observation::Sandbox;
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::local::destinations;
use super::subject::Subject;
use crate::record::Micros;

/// Processes that write what they do: names of pods and of their containers.
pub type Writers = BTreeSet<(Rc<str>, Rc<str>)>;

/// What a log can see beside the writes to the API server.
#[derive(Clone, Debug, Default)]
pub struct Eyes {
    /// Nodes whose container runtime was listened to.
    runtimes: BTreeSet<NodeId>,
    /// Nodes whose rules were watched.
    rules: BTreeSet<NodeId>,
    /// What was done to the cluster was written down.
    faults: bool,
    /// When the log began.
    began: Micros,
    /// Nodes whose kubelet was heard of in the log.
    heard: BTreeSet<NodeId>,
    /// Whose process writes what it does.
    writers: Rc<Writers>,
    /// Containers whose process writes what it does.
    apps: BTreeSet<(PodId, ContainerId)>,
    /// Pods that their kubelets say that they evicted: when they decided to shows nowhere.
    evicted: BTreeSet<PodId>,
    /// Nodes whose kubelet somebody stopped, and will start again.
    stopped: BTreeSet<NodeId>,
    /// When the kubelet of a node was last started by somebody.
    started: BTreeMap<NodeId, Micros>,
    /// Nobody could be heard for a while: the API server was away.
    was_away: bool,
}

/// How long a kubelet may take from its start to its first sign of life.
const STARTING: Micros = 60_000_000;

/// A node that is silent is found so within this time: twice the default of `--node-monitor-grace-period` (40 s, since 1.32 50 s), and
/// some more.
const FOUND: Micros = 120_000_000;

/// May a step be taken although no entry shows it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It shows nowhere.
    Hidden,
    /// It happens to the cluster, and no file would show it.
    Fault,
    /// The log would show it, or it is not this process' step.
    Seen,
}

impl Eyes {
    /// The eyes of a log that listened to these nodes' runtimes and watched these nodes' rules, with or without a list of what
    /// was done to the cluster, and with these pods' containers writing what they do; it began at `began`.
    pub fn new(
        runtimes: BTreeSet<NodeId>,
        rules: BTreeSet<NodeId>,
        faults: bool,
        writers: Rc<Writers>,
        began: Micros,
    ) -> Self {
        Self { runtimes, rules, faults, writers, began, ..Self::default() }
    }

    /// Those of the containers of a pod that has just come whose process will write what it does are known from now on.
    pub fn open(&mut self, subject: &Subject, name: &Rc<str>, pod: PodId) {
        let own = self.writers.range((Rc::clone(name), "".into())..).take_while(|(pod, _)| pod == name);
        let containers = own.filter_map(|(_, container)| subject.container(container));
        self.apps.extend(containers.map(|container| (pod, container)));
        if subject.evicted.contains(name) {
            self.evicted.insert(pod);
        }
    }

    /// A pod is gone.
    pub fn close(&mut self, pod: PodId) {
        self.apps.retain(|&(of, _)| of != pod);
        self.evicted.remove(&pod);
    }

    /// Was what was done to the cluster written down?
    pub fn has_faults(&self) -> bool {
        self.faults
    }

    /// The kubelet of `node` was heard of.
    pub fn hear(&mut self, node: NodeId) {
        self.heard.insert(node);
    }

    /// May `node`, which is found silent at `at`, have been so when the log began? What was done to it then is in no file.
    pub fn may_have_been_silent(&self, node: NodeId, at: Micros) -> bool {
        !self.heard.contains(&node) && at < self.began.saturating_add(FOUND)
    }

    /// The kubelet of `node` may run again from now on.
    pub fn let_start(&mut self, node: NodeId, at: Micros) {
        self.stopped.remove(&node);
        self.started.insert(node, at);
    }

    /// May the kubelet of `node` be silent at `at`, for all that is known of it beside its machine?
    pub fn may_be_silent(&self, node: NodeId, at: Micros) -> bool {
        let starting = self.started.get(&node).is_some_and(|&started| at < started + STARTING);
        !self.faults || self.stopped.contains(&node) || starting
    }

    /// Is it known that the kubelet of `node` has run all the time?
    pub fn has_run(&self, node: NodeId) -> bool {
        self.faults && !self.stopped.contains(&node) && !self.started.contains_key(&node)
    }

    /// Was the API server away, so that no kubelet could be heard for a while?
    pub fn was_away(&self) -> bool {
        self.was_away
    }

    /// Something was done to the cluster.
    pub fn note(&mut self, action: &Action) {
        match *action {
            Action::Environment(Environment::StopApiServer) => self.was_away = true,
            Action::Environment(Environment::StopKubelet { node }) => {
                self.stopped.insert(node);
            }
            // A machine that boots starts its kubelet.
            Action::Environment(Environment::CrashNode { node }) => {
                self.stopped.remove(&node);
            }
            _ => {}
        }
    }

    /// May something have happened to this process that no file would show? On any node a probe may fail by itself.
    pub fn miss_faults(whose: Watcher) -> bool {
        matches!(whose, Watcher::Kubelet(_))
    }

    /// May `whose` process take this step without an entry that shows it?
    pub fn leave(&self, cluster: &Cluster<'_>, whose: Watcher, action: &Action) -> Leave {
        if let Action::Environment(step) = action {
            return self.leave_to_fault(cluster, whose, step);
        }
        if step::is_write(action) || parts::process_of(cluster, action) != Some(whose) {
            return Leave::Seen;
        }
        let heard = |pod| kubelet::node_of(cluster, pod).is_some_and(|node| self.runtimes.contains(&node));
        let shown = match *action {
            Action::Kubelet(
                Kubelet::CreateSandbox { pod }
                | Kubelet::StartContainer { pod, .. }
                | Kubelet::SendSigkill { pod, .. },
            )
            | Action::Container(Container::Exit { pod, .. }) => heard(pod),
            Action::Kubelet(Kubelet::StopSandbox { pod }) => {
                heard(pod) && cluster.pod(pod).kubelet.sandbox() == Sandbox::Ready
            }
            Action::Kubelet(Kubelet::SendSigterm { pod, container })
            | Action::Container(Container::Listen { pod, container }) => {
                self.apps.contains(&(pod, container))
            }
            Action::Proxy(Proxy::ProgramRules { node }) => {
                self.rules.contains(&node) && shows_in_rules(cluster, node, action)
            }
            Action::Process(Process::StartKubelet { node }) => self.stopped.contains(&node),
            _ => false,
        };
        if shown { Leave::Seen } else { Leave::Hidden }
    }

    /// What may have happened on this process' node, where nobody wrote it down.
    fn leave_to_fault(&self, cluster: &Cluster<'_>, whose: Watcher, step: &Environment) -> Leave {
        let Watcher::Kubelet(node) = whose else { return Leave::Seen };
        let here = |pod| cluster.pod(pod).kubelet.node() == Some(node);
        let unseen = match *step {
            Environment::CrashContainer { pod, .. }
            | Environment::FinishContainer { pod, .. }
            | Environment::KillSandbox { pod } => here(pod) && !self.runtimes.contains(&node),
            Environment::StopKubelet { node: other } => other == node && !self.faults,
            // A probe fails by itself, too, as on a machine that is busy: whoever wrote down what was done to the cluster did not do that.
            Environment::ChangeReadiness { pod, .. } | Environment::ChangeLiveness { pod, .. } => here(pod),
            Environment::EvictUnderPressure { pod } => here(pod) && self.evicted.contains(&pod),
            _ => false,
        };
        if unseen { Leave::Fault } else { Leave::Seen }
    }
}

/// Would the rules that are written send connections elsewhere than those that are there? A change of what is not used is
/// no change to who reads the rules.
fn shows_in_rules(cluster: &Cluster<'_>, node: NodeId, action: &Action) -> bool {
    let before = destinations(cluster, node);
    let mut state = cluster.copy();
    let mut after = Cluster::new(cluster.rules, &mut state);
    step::apply(&mut after, action);
    destinations(&after, node) != before
}
