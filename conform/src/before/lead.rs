//! Leading the model from nothing to where a workload stood when the log began.

use std::collections::{BTreeMap, BTreeSet};

use podproof_model::{Cluster, ClusterState, Model};
use podproof_vocabulary::action::{
    Action, Container, Deployment, Environment, Kubelet, ReplicaSet, Scheduler, TaintEviction,
};
use podproof_vocabulary::scenario::WorkloadKind;
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use super::Before;
use super::first_sight::{ContainerBefore, Stage};
use super::target::{PodBefore, Target};
use crate::matching::Subject;

/// Steps that a pod may take to come where it was, with all that happens because of it.
const STEPS_A_POD: usize = 2_000;

/// Leads the model of `subject` to `target`.
///
/// # Errors
/// A sentence that says what could not be reached.
pub fn lead(model: &Model, subject: &Subject, target: Target) -> Result<Before, String> {
    let mut leader = Leader::new(model, subject, &target);
    leader.go()?;
    leader.compare()?;
    let (state, steps) = (leader.state, leader.steps);
    let slots = leader.created.into_iter().map(|(slot, pod)| (slot, pod.cloned())).collect();
    let replica_sets = target.replica_sets.iter().map(|set| (set.name.clone(), set.uid.clone())).collect();
    let Target { began, template, .. } = target;
    Ok(Before { state, steps, began, pods: slots, replica_sets, template })
}

struct Leader<'l> {
    model: &'l Model,
    subject: &'l Subject,
    target: &'l Target,
    state: ClusterState,
    steps: Vec<Action>,
    /// Which pod of the target is in which slot. Pods that are in none of them are gone before the log begins.
    slots: BTreeMap<PodId, &'l PodBefore>,
    /// Every pod that was created, one after the other.
    created: Vec<(PodId, Option<&'l PodBefore>)>,
    /// The template that the Deployment has so far.
    revision: Revision,
    /// Containers that have ended.
    ended: BTreeSet<(PodId, ContainerId)>,
}

impl<'l> Leader<'l> {
    fn new(model: &'l Model, subject: &'l Subject, target: &'l Target) -> Self {
        let state = model.initial().swap_remove(0);
        let mut leader = Self {
            model,
            subject,
            target,
            state,
            steps: Vec::new(),
            slots: BTreeMap::new(),
            created: Vec::new(),
            revision: Revision(0),
            ended: BTreeSet::new(),
        };
        if subject.kind() == WorkloadKind::Pod {
            leader.slots.extend(target.pods.first().map(|pod| (PodId(0), pod)));
            leader.created.push((PodId(0), target.pods.first()));
        }
        leader
    }

    fn go(&mut self) -> Result<(), String> {
        // A Deployment whose first ReplicaSet is created in the log has done nothing yet.
        if self.subject.kind() == WorkloadKind::Deployment && self.target.replica_sets.is_empty() {
            return Ok(());
        }
        self.rest()?;
        for revision in 1..self.target.replica_sets.len() {
            self.revision = Revision::from(revision);
            self.take(Action::Environment(Environment::ChangeTemplate))?;
            self.rest()?;
        }
        for action in self.what_befell() {
            if let Action::Environment(
                Environment::FinishContainer { pod, container }
                | Environment::CrashContainer { pod, container },
            ) = action
            {
                self.ended.insert((pod, container));
            }
            self.take(action)?;
            self.rest()?;
        }
        self.delete()
    }

    /// Deletes those that were being deleted, one after the other. What others do because of it has been done if there is a pod that took
    /// the place, and else it may be still to come.
    fn delete(&mut self) -> Result<(), String> {
        let next = |leader: &Self| {
            let mut all = leader.slots.keys().copied();
            all.find(|&pod| leader.is_to_go(pod) && !leader.is_deleting(pod))
        };
        while let Some(pod) = next(self) {
            self.take(Action::Environment(Environment::DeletePod { pod }))?;
            if self.slots.len() < self.target.pods.len() {
                self.rest()?;
            }
        }
        Ok(())
    }

    /// Was it being deleted when the log began?
    fn is_to_go(&self, pod: PodId) -> bool {
        self.slots.get(&pod).is_some_and(|pod| matches!(pod.stage, Stage::Deleting(_)))
    }

    fn is_deleting(&self, pod: PodId) -> bool {
        self.model.open(&self.state, |cluster| cluster.pod(pod).api.is_deleting())
    }

    /// Takes steps until none is left that leads on.
    fn rest(&mut self) -> Result<(), String> {
        let most = STEPS_A_POD * (1 + self.target.pods.len());
        let mut enabled = Vec::new();
        let begun = self.steps.len();
        loop {
            self.model.enabled(&self.state, &mut enabled);
            let next = self.model.open(&self.state, |cluster| {
                enabled.iter().find(|action| self.leads_on(cluster, action)).copied()
            });
            let Some(action) = next else { return Ok(()) };
            self.step(action);
            if self.steps.len() - begun > most {
                return Err("it never came to rest before the log began".into());
            }
        }
    }

    fn take(&mut self, action: Action) -> Result<(), String> {
        let mut enabled = Vec::new();
        self.model.enabled(&self.state, &mut enabled);
        if !enabled.contains(&action) {
            return Err(format!("before the log began {action:?} was not possible"));
        }
        self.step(action);
        Ok(())
    }

    fn step(&mut self, action: Action) {
        let next = self.model.apply(&self.state, &action);
        if let Action::ReplicaSet(ReplicaSet::CreatePod { revision }) = action {
            let pod = self.next_of(revision);
            let before = self.model.open(&self.state, |cluster| cluster.used());
            let new =
                self.model.open(&next, |cluster| cluster.used_pods().find(|&pod| !before.contains(pod)));
            self.slots.extend(new.zip(pod));
            self.created.extend(new.map(|new| (new, pod)));
        }
        self.state = next;
        self.steps.push(action);
    }

    /// The next pod of a ReplicaSet that is to be there when the log begins.
    fn next_of(&self, revision: Revision) -> Option<&'l PodBefore> {
        let placed = |pod: &PodBefore| self.slots.values().any(|placed| placed.uid == pod.uid);
        self.target.pods.iter().find(|pod| pod.revision == revision && !placed(pod))
    }

    /// Does the step lead to where the workload stood?
    fn leads_on(&self, cluster: &Cluster<'_>, action: &Action) -> bool {
        let wanted =
            |revision: Revision| self.target.replica_sets.get(revision.index()).map_or(0, |set| set.replicas);
        let is_going = |pod| self.is_to_go(pod) && cluster.pod(pod).api.is_deleting();
        match *action {
            // How far its kubelet had come is not known: as far as the log shows.
            Action::Kubelet(step) if step.pod().is_some_and(is_going) => false,
            Action::Environment(_) | Action::Drain(_) | Action::Process(_) | Action::Tick => false,
            Action::Scheduler(Scheduler::FlushPod { .. }) => false,
            Action::Scheduler(Scheduler::AssumePod { pod, node }) => {
                self.slots.get(&pod).is_none_or(|pod| match &pod.stage {
                    Stage::Unbound => false,
                    _ => pod.node.as_ref().is_none_or(|name| self.node(name) == Some(node)),
                })
            }
            Action::Deployment(Deployment::ScaleReplicaSet { revision, replicas }) => {
                let now = cluster.replica_set(revision).replicas();
                replicas.abs_diff(wanted(revision)) < now.abs_diff(wanted(revision))
            }
            Action::Deployment(Deployment::ExceedProgressDeadline) => false,
            Action::ReplicaSet(ReplicaSet::CreatePod { revision }) => {
                // What an earlier template had more of is gone when the log begins.
                self.next_of(revision).is_some() || revision < self.last()
            }
            Action::ReplicaSet(ReplicaSet::ChooseVictim { pod }) => {
                !self.slots.contains_key(&pod) || self.is_to_go(pod)
            }
            Action::TaintEviction(TaintEviction::DeletePod { pod }) => !self.slots.contains_key(&pod),
            Action::Kubelet(Kubelet::CreateSandbox { pod }) => {
                let waits = |(_, container): &(_, ContainerBefore)| *container == ContainerBefore::Waiting;
                self.slots.get(&pod).is_none_or(|pod| match &pod.stage {
                    Stage::Bound(containers) | Stage::Deleting(containers) => {
                        containers.is_empty() || pod.ip.is_some() || !containers.iter().all(waits)
                    }
                    _ => true,
                })
            }
            Action::Kubelet(Kubelet::StartContainer { pod, container }) => {
                let was_started = self.container(pod, container) != Some(&ContainerBefore::Waiting);
                was_started && !self.ended.contains(&(pod, container))
            }
            Action::Container(Container::Listen { pod, container }) => {
                self.container(pod, container) != Some(&ContainerBefore::Starting)
            }
            _ => true,
        }
    }

    /// What happened to containers once all else was as it should be.
    fn what_befell(&self) -> Vec<Action> {
        let containers = &self.subject.scenario().workload.template.containers;
        let all = self.slots.keys().flat_map(|&pod| {
            (0..containers.len()).map(ContainerId::from).map(move |container| (pod, container))
        });
        let befell = |(pod, container): (PodId, ContainerId)| match self.container(pod, container)? {
            ContainerBefore::Ended(0) => Some(Environment::FinishContainer { pod, container }),
            ContainerBefore::Ended(_) => Some(Environment::CrashContainer { pod, container }),
            ContainerBefore::Unready => Some(Environment::ChangeReadiness { pod, container }),
            _ => None,
        };
        let runs = |&(pod, container): &(PodId, ContainerId)| {
            self.model.open(&self.state, |cluster| cluster.container(pod, container).process())
                == podproof_vocabulary::observation::Process::Running
        };
        all.filter(runs).filter_map(befell).map(Action::Environment).collect()
    }

    /// The last template that there was.
    fn last(&self) -> Revision {
        Revision::from(self.target.replica_sets.len().saturating_sub(1))
    }

    fn node(&self, name: &str) -> Option<NodeId> {
        self.subject.nodes.iter().position(|node| &**node == name).map(NodeId::from)
    }

    /// How a container is to stand; nothing, if nothing is known of it.
    fn container(&self, pod: PodId, container: ContainerId) -> Option<&'l ContainerBefore> {
        let name = &self.subject.scenario().workload.template.containers.get(container.index())?.name;
        let containers = self.slots.get(&pod)?.stage.containers();
        containers.iter().find(|(known, _)| **known == **name).map(|(_, container)| container)
    }

    /// Is all as it was?
    fn compare(&self) -> Result<(), String> {
        self.model.open(&self.state, |cluster| {
            for (number, set) in self.target.replica_sets.iter().enumerate() {
                let found = cluster.replica_set(Revision::from(number)).replicas();
                if self.subject.kind() == WorkloadKind::Deployment && found != set.replicas {
                    return Err(format!(
                        "ReplicaSet/{} wanted {} pods when the log began, and the model has no way to that: there it wants {found}",
                        set.name, set.replicas
                    ));
                }
            }
            let placed = self.slots.len();
            let pods = self.target.pods.len();
            if placed != pods || cluster.used_pods().count() != pods {
                return Err(format!("it had {pods} pods when the log began, and the model has no way to that"));
            }
            for (&slot, pod) in &self.slots {
                let object = cluster.pod(slot).api;
                let found = object.node().map(|node| self.subject.nodes.get(node.index()));
                let as_it_was = match (&pod.stage, &pod.node) {
                    (Stage::Unbound, _) => found.is_none(),
                    (_, None) => found.is_some(),
                    (_, Some(name)) => found == Some(Some(name)),
                };
                if !as_it_was {
                    let place = pod.node.as_ref().map_or("had no node".into(), |node| format!("was on {node}"));
                    return Err(format!(
                        "Pod/{} {place} when the log began, and the model has no way to that",
                        pod.name
                    ));
                }
                self.compare_containers(cluster, slot, pod)?;
            }
            Ok(())
        })
    }

    fn compare_containers(&self, cluster: &Cluster<'_>, slot: PodId, pod: &PodBefore) -> Result<(), String> {
        use podproof_vocabulary::observation::Process;
        for container in cluster.container_ids() {
            let Some(wanted) = self.container(slot, container) else { continue };
            let found = cluster.container(slot, container).process();
            let as_it_was = match wanted {
                ContainerBefore::Waiting => found == Process::Absent,
                ContainerBefore::Starting | ContainerBefore::Unready | ContainerBefore::Ready => {
                    found == Process::Running
                }
                ContainerBefore::Ended(0) => found == Process::ExitedOk,
                ContainerBefore::Ended(_) => found == Process::ExitedError,
            };
            if !as_it_was {
                let name = &self.subject.scenario().workload.template.containers[container.index()].name;
                return Err(format!(
                    "container {name} of Pod/{} was {wanted:?} when the log began, and the model has no way to that",
                    pod.name
                ));
            }
        }
        Ok(())
    }
}
