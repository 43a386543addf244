//! What a process may have done unseen by now. It is searched for only when something asks for it, and as rings lose nothing,
//! waiting is no worse: but for what cannot come later. A link that is cut brings no news, and a machine without power runs
//! nothing; and a kubelet admits a pod by the taints that its node has then (ADM-9). Nor can what a write has read come after it, or
//! a list show what is no more: a kubelet that may be started may have listed before the next write.

use podproof_model::watch::ring::Stream;
use podproof_model::{Cluster, Model, parts, step};
use podproof_vocabulary::action::{
    Action, Environment, Kubelet, NodeLifecycle, Process, Scheduler, Watch, Watcher,
};
use podproof_vocabulary::{NodeId, PodId};

use super::eyes::Leave;
use super::part::{Part, Possible, Prints};
use super::path::{Moment, Taken};
use super::quest::Ground;

/// What a process may have done before a change, and cannot do after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// It may have heard what was on its way.
    News,
    /// It may have done anything.
    Anything,
    /// It may have noticed that its container runtime hangs.
    Notice,
    /// It may have been started, and have listed what there was.
    Start,
    /// It may have decided to place a pod on a node that is other than it has heard, and bind it when it gets to that (SCH-4).
    Decision,
}

/// States that are kept because something cannot come later.
const MOST: usize = 256;

/// What `whose` process cannot do any more once this has happened.
pub fn before(action: &Action, whose: Watcher) -> Option<Ahead> {
    let of = |node: NodeId| [Watcher::Kubelet(node), Watcher::Proxy(node)].contains(&whose);
    match *action {
        Action::Environment(Environment::PartitionNode { node }) => of(node).then_some(Ahead::News),
        Action::Environment(
            Environment::CrashNode { node }
            | Environment::StopKubelet { node }
            | Environment::HangRuntime { node },
        ) => of(node).then_some(Ahead::Anything),
        // What its probes found before an app began to say something else they do not find after that.
        Action::Environment(Environment::ChangeReadiness { .. } | Environment::ChangeLiveness { .. }) => {
            matches!(whose, Watcher::Kubelet(_)).then_some(Ahead::Anything)
        }
        // The threshold passes only over a relist that is stuck (PLEG-4).
        Action::Environment(Environment::RecoverRuntime { node }) => of(node).then_some(Ahead::Notice),
        Action::Environment(Environment::StopApiServer) => Some(Ahead::News),
        _ => None,
    }
}

/// Does a write depend on the pods that its process has heard of? With a node that the controller finds silent go the pods that it has
/// seen Ready there by then (NLC-6).
pub fn reads_pods(action: &Action) -> bool {
    matches!(action, Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { .. }))
}

impl Part {
    /// Is it a kubelet that has not listed its pods since it was started, or does not run, in all states that it may be in? The first
    /// list sees most; but what it lists it admits by the taints of its node, so with other taints it may be a later one.
    pub fn is_to_start(&mut self, model: &Model) -> bool {
        let Watcher::Kubelet(node) = self.whose else { return false };
        let is_to_start = |possible: &mut Possible| {
            let machine = possible.open(model).node(node).machine;
            !machine.kubelet_runs() || machine.kubelet_must_list()
        };
        match self.has_other_taints {
            true => self.possible.iter_mut().any(is_to_start),
            false => self.possible.iter_mut().all(is_to_start),
        }
    }

    /// The node of this kubelet is found silent, so it does not run by then, or nobody hears of it (NLC-2). Whoever wrote nothing down
    /// of that leaves it as it is.
    pub fn be_silent(&mut self, model: &Model) {
        let Watcher::Kubelet(node) = self.whose else { return };
        let is_silent = |possible: &Possible| {
            let machine = possible.clone().open(model).node(node).machine;
            !(machine.powered() && machine.connected() && machine.kubelet_runs())
        };
        if self.possible.iter().any(is_silent) {
            self.possible.retain(is_silent);
        }
    }

    /// Must it hear of a node by now, and may have decided before it does where a pod goes that is on none yet?
    pub fn is_to_decide(&mut self, model: &Model, moment: Moment) -> bool {
        self.whose == Watcher::Scheduler
            && self.is_pending(model)
            && self.possible.clone().iter_mut().any(|possible| {
                self.must_hear(&possible.open(model), moment).contains(&Stream::SchedulerNodes)
            })
    }

    /// Is a pod on no node yet?
    fn is_pending(&mut self, model: &Model) -> bool {
        self.pending(model) > 0
    }

    /// How many pods are on no node yet.
    fn pending(&mut self, model: &Model) -> usize {
        let Some(possible) = self.possible.first_mut() else { return 0 };
        let cluster = possible.open(model);
        let is_pending = |&pod: &PodId| {
            let object = cluster.pod(pod).api;
            object.exists() && object.node().is_none() && !object.is_deleting()
        };
        cluster.used_pods().filter(is_pending).count()
    }

    /// Is it the scheduler, with several pods to place, that has not heard of all that became of nodes?
    pub fn decides_by_news(&mut self, model: &Model) -> bool {
        let whose = self.whose;
        whose == Watcher::Scheduler
            && self.pending(model) > 1
            && self.possible.iter_mut().any(|possible| {
                let queues = parts::queues(&possible.open(model), whose);
                queues.iter().any(|&(stream, length)| stream == Stream::SchedulerNodes && length > 0)
            })
    }

    /// It may also have gone ahead by now.
    pub fn go_ahead(&mut self, ground: Ground<'_>, moment: Moment, how: Ahead) {
        let mut queue = self.possible.clone();
        let mut seen: Prints = queue.iter().map(|possible| possible.print()).collect();
        let mut enabled = Vec::new();
        let mut next = 0;
        while next < queue.len() && queue.len() < MOST {
            let mut possible = queue[next].clone();
            next += 1;
            self.looked_at += 1;
            let cluster = possible.open(ground.model);
            if cluster.shared.control_plane.ring_overflow() {
                continue;
            }
            step::enabled(&cluster, &mut enabled);
            enabled.retain(|action| self.may(ground, &cluster, action, how));
            for &action in &enabled {
                let mut after = possible.clone();
                let before = possible.open(ground.model);
                let earliest = after.clock.earliest(&before, ground.dates, &action);
                if earliest.is_some_and(|(_, earliest)| earliest > moment.at) {
                    continue;
                }
                after.clock.note(&before, ground.dates, &action, None);
                self.take(ground.model, &mut after, Taken::hidden(action, moment));
                if seen.insert(after.print()) {
                    queue.push(after);
                }
            }
        }
        self.possible = queue;
    }

    /// It may also have heard of some of the pods that it is still to hear of, in the order in which that was sent.
    pub fn hear_of_pods(&mut self, model: &Model, moment: Moment) {
        let pods = Stream::pods(self.whose);
        let mut heard = Vec::new();
        for mut possible in self.possible.clone() {
            while heard.len() < MOST {
                let Some(action) = parts::next_of(&possible.open(model), self.whose, &[pods]) else { break };
                self.take(model, &mut possible, Taken::hidden(action, moment));
                heard.push(possible.clone());
            }
        }
        self.join(heard);
    }

    fn may(&self, ground: Ground<'_>, cluster: &Cluster<'_>, action: &Action, how: Ahead) -> bool {
        match how {
            Ahead::News => {
                let is_event = matches!(action, Action::Watch(watch) if !matches!(watch, Watch::List { .. }));
                is_event && parts::process_of(cluster, action) == Some(self.whose)
            }
            // It takes nothing in before its first relist (SRC-5).
            Ahead::Start => {
                let is_start = match *action {
                    Action::Process(Process::StartKubelet { .. }) | Action::Watch(Watch::List { .. }) => true,
                    Action::Kubelet(Kubelet::Relist { node }) => {
                        cluster.node(node).machine.first_relist_pending()
                    }
                    _ => false,
                };
                is_start && ground.eyes.leave(cluster, self.whose, action) == Leave::Hidden
            }
            Ahead::Notice => {
                matches!(action, Action::Kubelet(Kubelet::NoticeHang { node }) if self.whose == Watcher::Kubelet(*node))
            }
            Ahead::Decision => {
                let leads_on = match *action {
                    Action::Watch(watch) => {
                        !matches!(watch, Watch::List { .. })
                            && parts::process_of(cluster, action) == Some(self.whose)
                    }
                    Action::Scheduler(Scheduler::AssumePod { node, .. }) => {
                        let node = cluster.node(node);
                        node.scheduler != node.api.for_scheduler()
                    }
                    Action::Scheduler(Scheduler::FlushPod { .. }) => true,
                    _ => false,
                };
                leads_on && ground.eyes.leave(cluster, self.whose, action) == Leave::Hidden
            }
            Ahead::Anything => ground.eyes.leave(cluster, self.whose, action) == Leave::Hidden,
        }
    }
}
