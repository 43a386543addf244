//! What a process may have done unseen by now. It is searched for only when something asks for it, and as rings lose nothing,
//! waiting is no worse: but for what cannot come later. A link that is cut brings no news, and a machine without power runs
//! nothing; and a kubelet admits a pod by the taints that its node has then (ADM-9). Nor can what a write has read come after it.

use podproof_model::watch::ring::Stream;
use podproof_model::{Cluster, Model, parts, step};
use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Action, Environment, Kubelet, NodeLifecycle, Watch, Watcher};

use super::eyes::Leave;
use super::part::{Part, Prints};
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
            Ahead::Notice => {
                matches!(action, Action::Kubelet(Kubelet::NoticeHang { node }) if self.whose == Watcher::Kubelet(*node))
            }
            Ahead::Anything => ground.eyes.leave(cluster, self.whose, action) == Leave::Hidden,
        }
    }
}
