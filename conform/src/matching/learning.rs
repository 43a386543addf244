//! What a replay learns beside the steps: names and addresses, pods that are gone for good, links that must have been cut.

use podproof_model::{Cluster, parts};
use podproof_vocabulary::action::{Action, Environment, Process, ReplicaSet, Watcher};
use podproof_vocabulary::{NodeId, PodId, Revision};

use super::actor::Actor;
use super::made_of::MadeOf;
use super::path::{Moment, Taken};
use super::plan::Deed;
use super::replay::{Ended, Replay};
use super::writes::grace;
use crate::before::Before;
use crate::doubts::SETTLING;
use crate::reading::template_of;
use crate::record::{Entry, Facts, Micros, Object, Verb, Write};

/// How long watches may take to come back after a cut: each waits longer after each failure (the recordings of partitions show
/// 22 s), and a controller manager that lost its lease must become leader again.
const COMING_BACK: Micros = 60_000_000;

impl Replay {
    /// After some repairs watches take their time.
    pub(super) fn come_back(&mut self, action: &Action, at: Micros) {
        let concerned = |whose: Watcher| match *action {
            Action::Environment(Environment::HealPartition { node }) => {
                [Watcher::Kubelet(node), Watcher::Proxy(node)].contains(&whose)
            }
            Action::Process(Process::StartApiServer) => true,
            Action::Process(Process::StartControllerManager) => whose == Watcher::ControllerManager,
            Action::Process(Process::StartScheduler) => whose == Watcher::Scheduler,
            _ => false,
        };
        for part in self.parts.iter_mut().filter(|part| concerned(part.whose)) {
            part.news.be_lenient(at + COMING_BACK);
        }
    }

    /// Where nobody wrote down what was done to the cluster, or it was done before the log began: the link of a node that is found
    /// silent is cut, and works again when its kubelet writes.
    pub(super) fn infer_links(&mut self, number: u64, entry: &Entry, write: &Write) -> Result<(), Ended> {
        let actor = Actor::of(write);
        if let Actor::Kubelet(name) = &actor {
            self.names.node(name).into_iter().for_each(|node| self.eyes.hear(node));
        }
        if &*write.resource != "nodes" && &*write.resource != "pods" {
            return Ok(());
        }
        let is_hidden = |replay: &Self, node| {
            !replay.eyes.has_faults() || replay.eyes.may_have_been_silent(node, entry.from)
        };
        // Of one that is still to join nothing is cut.
        let is_cut_off = |replay: &mut Self, node| {
            let model = &replay.models[replay.now].1;
            let cluster = Cluster::new(&model.rules, &mut replay.common);
            cluster.node(node).api.exists() && !cluster.node(node).machine.connected()
        };
        let connected = |replay: &mut Self, node| {
            let model = &replay.models[replay.now].1;
            Cluster::new(&model.rules, &mut replay.common).node(node).machine.connected()
        };
        let step = match actor {
            Actor::Kubelet(name) => match self.names.node(&name) {
                Some(node) if self.may_heal(node) && is_cut_off(self, node) => {
                    Environment::HealPartition { node }
                }
                _ => return Ok(()),
            },
            Actor::Controller(_) => {
                let unknown = |object: &Object| matches!(&object.facts, Facts::Node(facts) if facts.ready.as_deref() == Some("Unknown"));
                match self.names.node(&write.name) {
                    Some(node)
                        if write.object.as_ref().is_some_and(unknown)
                            && is_hidden(self, node)
                            && connected(self, node) =>
                    {
                        Environment::PartitionNode { node }
                    }
                    _ => return Ok(()),
                }
            }
            _ => return Ok(()),
        };
        if let Environment::PartitionNode { node } = step {
            self.guessed.insert(node);
        }
        self.befall(number, entry, &[Action::Environment(step)])?;
        self.come_back(&Action::Environment(step), entry.to);
        Ok(())
    }

    /// May the link of a node work again although no file says so?
    fn may_heal(&self, node: NodeId) -> bool {
        !self.eyes.has_faults() || self.guessed.contains(&node)
    }

    /// What happens when `actions` do. A machine whose power is switched on had none before, where it was taken to be cut off.
    pub(super) fn with_what_was_guessed(&mut self, actions: Vec<Action>) -> Vec<Action> {
        let model = &self.models[self.now].1;
        let cluster = Cluster::new(&model.rules, &mut self.common);
        let before = |action: &Action| match *action {
            Action::Environment(Environment::ReturnNode { node })
                if self.guessed.contains(&node) && cluster.node(node).machine.powered() =>
            {
                Some(Action::Environment(Environment::CrashNode { node }))
            }
            _ => None,
        };
        actions.into_iter().flat_map(|action| before(&action).into_iter().chain([action])).collect()
    }

    /// Is it a guess what was done to the machine of this process?
    pub fn guesses_of(&self, whose: Watcher) -> bool {
        matches!(whose, Watcher::Kubelet(node) | Watcher::Proxy(node) if self.guessed.contains(&node))
    }

    /// What was there when the log began.
    pub(super) fn know(&mut self, before: Before) {
        for (name, uid) in &before.replica_sets {
            let revision = self.names.next_revision();
            self.names.bind_replica_set(name, uid, revision);
        }
        for (slot, pod) in &before.pods {
            let Some(pod) = pod else {
                self.names.pass_over();
                continue;
            };
            self.names.bind_pod(&pod.name, &pod.uid, *slot);
            self.eyes.open(&self.subject, &pod.name, *slot);
            let mut common = self.common.clone();
            let address = Cluster::new(&self.model().rules, &mut common).pod(*slot).api.address();
            if let (Some(ip), Some(address)) = (&pod.ip, address) {
                self.names.bind_address(*slot, ip, address);
                self.names.bind_more_addresses(*slot, ip, &pod.more_ips);
            }
            if let Some((at, seconds)) = pod.deletion {
                self.dates.deleted.insert(*slot, at);
                self.dates.give(*slot, at, seconds);
            }
            if let Some(node) = pod.node.as_ref().and_then(|name| self.names.node(name)) {
                self.names.set_home(*slot, node);
            }
        }
        self.began_with =
            before.pods.iter().filter_map(|(slot, pod)| Some((*slot, pod.as_ref()?.name.clone()))).collect();
        self.names.expect_strangers();
        if let Some(template) = before.template {
            let revision = self.deployment_revision();
            self.templates.learn(revision, template);
        }
        self.counted_from = before.began.saturating_add(SETTLING);
        let mut common = self.common.clone();
        let cluster = Cluster::new(&self.models[self.now].1.rules, &mut common);
        self.counts.begin(&cluster, before.replica_sets.len());
        let moment = Moment { writes: 0, at: before.began };
        self.led = before.steps.into_iter().map(|action| Taken::hidden(action, moment)).collect();
    }

    /// How long a deletion gives its pod.
    fn learn_grace(&mut self, write: &Write, at: Micros) {
        let is_deletion = match &*write.subresource {
            "" => write.verb == Verb::Delete,
            "eviction" => true,
            _ => false,
        };
        if let (true, "pods") = (is_deletion, &*write.resource)
            && let (Some(pod), Some(seconds)) = (self.names.pod(&write.name, &write.uid), grace::set(write))
        {
            self.dates.give(pod, at, seconds);
        }
    }

    /// Names and addresses that a write brings to light, which was received at `at`.
    pub(super) fn learn(&mut self, write: &Write, at: Micros) {
        self.learn_grace(write, at);
        let Some(object) = &write.object else {
            if let Some(target) = &write.target
                && let (Some(pod), Some(node)) =
                    (self.names.pod(&write.name, &write.uid), self.names.node(target))
            {
                self.names.set_home(pod, node);
            }
            return;
        };
        match &object.facts {
            Facts::Pod(facts) => {
                let is_new = write.verb == Verb::Create
                    && write.subresource.is_empty()
                    && self.names.pod(&object.name, &object.uid).is_none();
                if is_new {
                    let mut common = self.common.clone();
                    let cluster = Cluster::new(&self.models[self.now].1.rules, &mut common);
                    let bound: Vec<PodId> = self.names.pods().collect();
                    let new = cluster.used_pods().find(|pod| !bound.contains(pod));
                    if let Some(pod) = new {
                        self.names.bind_pod(&object.name, &object.uid, pod);
                        self.eyes.open(&self.subject, &object.name, pod);
                    }
                }
                if let Some(pod) = self.names.pod(&object.name, &object.uid) {
                    let mut common = self.common.clone();
                    let address = Cluster::new(&self.model().rules, &mut common).pod(pod).api.address();
                    if let (Some(ip), Some(address)) = (&facts.ip, address) {
                        self.names.bind_address(pod, ip, address);
                        self.names.bind_more_addresses(pod, ip, &facts.more_ips);
                    }
                    if let Some(node) = facts.node.as_ref().and_then(|name| self.names.node(name)) {
                        self.names.set_home(pod, node);
                    }
                }
            }
            Facts::ReplicaSet(facts) => {
                let comes = write.verb == Verb::Create || !self.led.is_empty() && facts.replicas > 0;
                if comes && self.names.replica_set(&object.name, &object.uid).is_none() {
                    let revision = self.templates.of_new_set(template_of(&object.whole), &self.names);
                    self.names.bind_replica_set(&object.name, &object.uid, revision);
                }
                if let Some(revision) = self.names.replica_set(&object.name, &object.uid) {
                    let has_version = write.resource_version.is_some() && !write.only_asked;
                    self.counts.note_set(revision, &object.whole, at, has_version);
                    if &*write.subresource == "status" {
                        self.counts.note_status(revision);
                    }
                    self.made_of.insert(revision, MadeOf::of(facts, write, object));
                }
            }
            Facts::Deployment(facts) => {
                if &*write.subresource == "status" {
                    self.counts.note_deployment(&object.whole, at);
                }
                if !facts.paused {
                    let revision = self.deployment_revision();
                    self.templates.learn(revision, facts.template);
                    self.templates.learn_pods(facts.pods);
                }
            }
            _ => {}
        }
    }

    /// The template that the Deployment has.
    fn deployment_revision(&mut self) -> Revision {
        let rules = &self.models[self.now].1.rules;
        Revision(Cluster::new(rules, &mut self.common).shared.deployment.revision())
    }

    /// Addresses and nodes of pods that are none of the workload's.
    pub(super) fn learn_of_others(&mut self, write: &Write) {
        if let Some(target) = &write.target {
            self.names.note_namesake(&write.name, target);
        }
        if let Some(object) = &write.object
            && let Facts::Pod(facts) = &object.facts
        {
            facts.node.iter().for_each(|node| self.names.note_namesake(&write.name, node));
            facts.ip.iter().chain(&facts.more_ips).for_each(|ip| self.names.note_other(ip));
        }
    }

    /// The slot of a pod that was just created stays its own.
    pub(super) fn hold_new(&mut self, index: usize, deed: &Deed) {
        let creates = |action: &Action| matches!(action, Action::ReplicaSet(ReplicaSet::CreatePod { .. }));
        if !deed.actions.iter().any(creates) {
            return;
        }
        let model = &self.models[self.now].1;
        let mut common = self.common.clone();
        let before = Cluster::new(&model.rules, &mut common).used();
        let mut created = None;
        for possible in &mut self.parts[index].possible {
            let mut cluster = possible.open(model);
            let new = cluster.used_pods().find(|&pod| !before.contains(pod));
            if let Some(pod) = new {
                parts::hold_slot(&mut cluster, pod, true);
            }
            created = created.or(new);
        }
        self.created.extend(created);
    }

    /// A write of a pod, answered at `at`, may have removed it.
    pub(super) fn note_removed(&mut self, write: &Write, at: Micros) {
        if &*write.resource != "pods" {
            return;
        }
        let facts = write.object.as_ref().and_then(|object| match &object.facts {
            Facts::Pod(facts) => Some(facts),
            _ => None,
        });
        let is_kept = facts.is_some_and(|facts| facts.deleting && facts.finalizers);
        if self.names.is_held(&write.uid) {
            if !is_kept && facts.is_some() {
                self.names.let_go(&write.uid, at);
            }
            return;
        }
        let Some(pod) = self.names.pod(&write.name, &write.uid) else { return };
        if !Cluster::new(&self.models[self.now].1.rules, &mut self.common).pod(pod).api.exists() {
            match is_kept {
                true => self.names.hold(pod),
                false => self.names.note_removed(pod, at),
            }
        }
    }

    /// Pods that are gone, and that no process remembers, leave their slots to others.
    pub(super) fn forget_pods(&mut self) {
        let rules = &self.models[self.now].1.rules;
        let mut common = self.common.clone();
        let mut cluster = Cluster::new(rules, &mut common);
        let known: Vec<PodId> = self.names.pods().collect();
        let gone: Vec<PodId> = known.into_iter().filter(|&pod| !cluster.pod(pod).api.exists()).collect();
        for pod in gone {
            let model = &self.models[self.now].1;
            if !parts::forgets(&cluster, pod) || !self.parts.iter_mut().all(|part| part.forgets(model, pod)) {
                continue;
            }
            parts::hold_slot(&mut cluster, pod, false);
            for part in &mut self.parts {
                part.hold_slot(model, pod, false);
            }
            self.names.forget_pod(pod);
            self.eyes.close(pod);
            self.dates.forget(pod);
            self.grown.forget(pod);
            self.ends.forget(pod);
            self.fixed.forget(pod);
            self.answered.forget(pod);
            self.given.forget(pod);
        }
        self.common = common;
    }
}
