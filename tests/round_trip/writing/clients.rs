//! What users do through the API, and what happens to the cluster beside it.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Drain, Environment};
use podproof_vocabulary::observation::Deletion;
use podproof_vocabulary::scenario::WorkloadKind;
use serde_json::Value;

use super::actor::Actor;
use super::audit::Answer;
use super::pods::Grace;
use super::store::Kind;
use super::writer::{Taken, Writer};

impl Writer<'_> {
    pub(super) fn drain(&mut self, taken: &Taken<'_, '_>, step: Drain) {
        match step {
            Drain::ListPods => {}
            // The budget is written while the eviction waits for its answer.
            Drain::EvictPod { pod } => {
                let moments = self.clock.moments();
                self.evictions.insert(pod, moments.received);
                let disrupted = |cluster: &podproof_model::Cluster<'_>| cluster.pod(pod).head.disrupted();
                let spends = taken.was.shared.budget != taken.is.shared.budget
                    || disrupted(taken.was) != disrupted(taken.is);
                if spends {
                    self.report_budget(Actor::ApiServer, taken.is);
                }
            }
            Drain::DeletePod { pod } => self.evict(taken, pod),
        }
        self.answer_overtaken(taken);
    }

    /// A granted eviction deletes its pod, and is answered.
    fn evict(&mut self, taken: &Taken<'_, '_>, pod: PodId) {
        let (before, after) = taken.pod(pod);
        let deletion = before.map_or(Deletion::None, |pod| pod.deletion);
        let refused = matches!(self.mark_deleted(pod, deletion, after), Answer::Refused(..));
        let answer = if refused { Answer::Refused(404, "NotFound") } else { Answer::Done };
        self.answer_eviction(pod, &answer);
    }

    fn answer_eviction(&mut self, pod: PodId, answer: &Answer) {
        let mut moments = self.clock.moments();
        moments.received = self.evictions.remove(&pod).unwrap_or(moments.received);
        let request = self.of_pod(Actor::Admin, "create", "eviction", pod, Value::Null);
        self.ask_at(request, answer, moments);
    }

    /// Somebody else has deleted a pod whose eviction was granted: the eviction is answered all the same.
    pub(super) fn answer_overtaken(&mut self, taken: &Taken<'_, '_>) {
        let over: Vec<PodId> = self.evictions.keys().copied().collect();
        for pod in over.into_iter().filter(|&pod| !taken.is.pod(pod).head.eviction_granted()) {
            let answer = match taken.after.slots[pod.index()].pod {
                Some(_) => Answer::Done,
                None => Answer::Refused(404, "NotFound"),
            };
            self.answer_eviction(pod, &answer);
        }
    }

    pub(super) fn environment(&mut self, taken: &Taken<'_, '_>, step: Environment) {
        match step {
            Environment::ChangeTemplate => {
                if let Some(deployment) = &taken.after.deployment {
                    self.patch_deployment(deployment);
                }
            }
            Environment::Scale => match self.scenario.workload.kind {
                WorkloadKind::Deployment => {
                    if let Some(deployment) = &taken.after.deployment {
                        self.scale(Kind::Deployment, deployment.replicas);
                    }
                }
                _ => {
                    if let Some(set) = &taken.after.replica_sets[0] {
                        self.scale(Kind::ReplicaSet, set.replicas);
                    }
                }
            },
            Environment::DeletePod { pod } => {
                let (before, after) = taken.pod(pod);
                self.delete_pod(Actor::Admin, pod, Grace::Own, before, after);
            }
            Environment::ForceDeletePod { pod } => {
                let (before, after) = taken.pod(pod);
                self.delete_pod(Actor::Admin, pod, Grace::Zero, before, after);
            }
            Environment::CordonNode { node }
            | Environment::UncordonNode { node }
            | Environment::DrainNode { node }
            | Environment::TaintNode { node }
            | Environment::UntaintNode { node } => {
                if taken.before.nodes[node.index()] != taken.after.nodes[node.index()] {
                    self.patch_node(Actor::Admin, node, &taken.after.nodes[node.index()]);
                }
            }
            Environment::AddNode { node } => self.register(node, &taken.after.nodes[node.index()]),
            _ => self.befall(taken, step),
        }
        self.answer_overtaken(taken);
    }
}
