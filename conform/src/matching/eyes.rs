//! What a log can see: which steps it would show if they were taken, so that they are not taken behind its back.

use std::collections::BTreeSet;
use std::rc::Rc;

use podproof_model::{Cluster, parts, step};
use podproof_vocabulary::action::{Action, Container, Kubelet, Proxy, Watcher};
use podproof_vocabulary::observation::Sandbox;
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::subject::Subject;

/// What a log can see beside the writes to the API server.
#[derive(Clone, Debug, Default)]
pub struct Eyes {
    /// Nodes whose container runtime was listened to.
    pub runtimes: BTreeSet<NodeId>,
    /// Nodes whose rules were watched.
    pub rules: BTreeSet<NodeId>,
    /// Containers whose process writes what it does.
    pub apps: BTreeSet<(PodId, ContainerId)>,
    /// Names of pods and containers whose process writes what it does.
    pub writers: BTreeSet<(Rc<str>, Rc<str>)>,
}

impl Eyes {
    /// Those of the containers of a pod that has just come whose process will write what it does are known from now on.
    pub fn open(&mut self, subject: &Subject, name: &Rc<str>, pod: PodId) {
        for (index, container) in subject.scenario.workload.template.containers.iter().enumerate() {
            if self.writers.contains(&(name.clone(), container.name.as_str().into())) {
                self.apps.insert((pod, ContainerId::from(index)));
            }
        }
    }

    /// May `whose` process take this step without the log showing it?
    pub fn is_hidden(&self, cluster: &Cluster<'_>, whose: Watcher, action: &Action) -> bool {
        if step::is_write(action) || parts::process_of(cluster, action) != Some(whose) {
            return false;
        }
        let heard = |pod| {
            parts::process_of(cluster, &Action::Kubelet(Kubelet::CreateSandbox { pod })).is_some_and(
                |process| matches!(process, Watcher::Kubelet(node) if self.runtimes.contains(&node)),
            )
        };
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
            Action::Proxy(Proxy::ProgramRules { node }) => self.rules.contains(&node),
            _ => false,
        };
        !shown
    }
}
