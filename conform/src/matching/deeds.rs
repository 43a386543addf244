//! What processes were seen to do, and what befalls the cluster: what is common changes, and the others will hear.

use podproof_model::{Cluster, ClusterState, parts, step};
use podproof_vocabulary::action::{Action, Environment, ReplicaSet};

use super::ahead::{self, Ahead};
use super::evictions::is_eviction;
use super::path::{Moment, Taken};
use super::plan::Deed;
use super::quest::Quest;
use super::replay::{Ended, Replay};
use super::sighting::SLACK;
use super::unexplained::Unexplained;
use crate::record::{Entry, Micros};

impl Replay {
    /// A process did it, in words `seen`.
    pub(super) fn done(&mut self, number: u64, entry: &Entry, seen: &str, deed: &Deed) -> Result<(), Ended> {
        let Some(index) = self.parts.iter().position(|part| part.whose == deed.whose) else { return Ok(()) };
        if let Some(most) = self.without_slots(deed) {
            let why = format!(
                "there are all the {most} pods that a state holds, with those that are gone and that somebody remembers"
            );
            let unexplained = Unexplained::wrong(number, entry, seen.to_owned(), why);
            return Err(Box::new(Unexplained { unsure: true, ..unexplained }));
        }
        let moment = Moment { writes: self.writes, at: entry.from };
        let (ground, parts) = self.split();
        let quest = Quest {
            entry: number,
            actions: &deed.actions,
            before: deed.before.as_ref(),
            after: deed.after.as_ref(),
            deadline: entry.from - SLACK,
            until: entry.to + SLACK,
            moment,
            about: deed.about,
        };
        let part = &mut parts[index];
        // It may have decided where others go before it heard of what it decides by now.
        if part.decides_by_news(ground.model) {
            part.go_ahead(ground, moment, Ahead::Decision);
        }
        if deed.actions.iter().any(ahead::reads_pods) {
            part.hear_of_pods(ground.model, moment);
        }
        let found = part.fulfil(ground, &quest);
        if let (Err(_), Some(other)) = (&found, &deed.or) {
            return self.done(number, entry, seen, other);
        }
        found.map_err(|failure| {
            let seen = match deed.says.as_str() {
                "" => seen.to_owned(),
                says => format!("{seen}: {says}"),
            };
            let could = part.could(ground, &quest);
            Box::new(Unexplained::failed(
                number,
                entry.place.clone(),
                entry.from,
                seen,
                &failure,
                part.whose,
                could,
            ))
        })?;
        self.note_sync(entry, &deed.actions);
        if !deed.actions.is_empty() {
            self.hold_new(index, deed);
            self.spread(index, entry.from);
        }
        self.parts[index].forget_met();
        Ok(())
    }

    /// How many pods a state holds, if it holds so many and `deed` is to create one more.
    fn without_slots(&mut self, deed: &Deed) -> Option<usize> {
        let creates = |action: &Action| matches!(action, Action::ReplicaSet(ReplicaSet::CreatePod { .. }));
        let model = &self.models[self.now].1;
        let cluster = Cluster::new(&model.rules, &mut self.common);
        let is_full = cluster.pod_ids().all(|pod| cluster.used().contains(pod));
        (is_full && deed.actions.iter().any(creates)).then(|| cluster.pod_ids().count())
    }

    /// The ReplicaSet controller creates or deletes pods in one sync with the status that it writes after that.
    fn note_sync(&mut self, entry: &Entry, actions: &[Action]) {
        let model = &self.models[self.now].1;
        let cluster = Cluster::new(&model.rules, &mut self.common);
        for action in actions {
            match *action {
                Action::ReplicaSet(ReplicaSet::CreatePod { revision }) => {
                    self.counts.note_sync(revision, entry.from, entry.to);
                }
                Action::ReplicaSet(ReplicaSet::DeletePod { pod }) => {
                    self.counts.note_sync(cluster.revision_of(pod), entry.from, entry.to);
                }
                _ => {}
            }
        }
    }

    /// What is common is as the process that wrote has left it; the others will hear.
    fn spread(&mut self, index: usize, at: Micros) {
        let model = &self.models[self.now].1;
        let common_of = |state: &ClusterState| {
            let mut common = state.clone();
            parts::keep_only(&mut Cluster::new(&model.rules, &mut common), None);
            common
        };
        let common = common_of(&self.parts[index].possible[0].state);
        self.parts[index].possible.retain(|possible| common_of(&possible.state) == common);
        self.go_ahead(&common, None, at);
        self.count_write(at);
        let model = &self.models[self.now].1;
        let moment = Moment { writes: self.writes, at };
        for (other, part) in self.parts.iter_mut().enumerate() {
            match other == index {
                true => part.heard_itself(model, moment),
                false => part.hear(model, &common, moment),
            }
        }
        self.change_common(common, at);
    }

    /// What is common is this now.
    fn change_common(&mut self, mut now: ClusterState, at: Micros) {
        let rules = &self.models[self.now].1.rules;
        let mut before = std::mem::replace(&mut self.common, now.clone());
        let now = Cluster::new(rules, &mut now);
        self.dates.note(&Cluster::new(rules, &mut before), &now, at);
        self.counts.note(&now, at.max(self.reached));
    }

    /// Something happens to the cluster.
    pub(super) fn befall(&mut self, number: u64, entry: &Entry, actions: &[Action]) -> Result<(), Ended> {
        // An eviction may take long to come to its deletion: others hear of it late, and what it gives time to may have begun early.
        let at = if is_eviction(entry) { entry.to.min(self.reached.max(entry.from)) } else { entry.from };
        for action in actions {
            let model = &self.models[self.now].1;
            let mut now = self.common.clone();
            let mut cluster = Cluster::new(&model.rules, &mut now);
            let mut enabled = Vec::new();
            step::enabled(&cluster, &mut enabled);
            let moment = Moment { writes: self.writes, at };
            if step::is_write(action) && !enabled.contains(action) {
                let why = "this cannot happen now".into();
                let says = format!("{action:?}");
                return Err(Box::new(Unexplained::wrong(number, entry, says, why)));
            }
            self.eyes.note(action);
            match *action {
                Action::Environment(Environment::CrashNode { node }) => self.grown.note_off(node),
                // It may have been without power, where that it was cut off is a guess.
                Action::Environment(Environment::PartitionNode { node }) if self.guessed.contains(&node) => {
                    self.grown.note_off(node);
                }
                _ => {}
            }
            if let Action::Environment(Environment::StopControllerManager | Environment::StopApiServer) =
                action
            {
                self.slices.excuse();
            }
            step::apply(&mut cluster, action);
            parts::keep_only(&mut cluster, None);
            self.go_ahead(&now, Some(action), at);
            let model = &self.models[self.now].1;
            for part in &mut self.parts {
                part.befall(model, action, moment);
            }
            self.change_common(now, entry.from);
            self.befallen.push(Taken { action: *action, moment, shown_by: Some(number), is_write: true });
            self.count_write(at);
        }
        Ok(())
    }
}
