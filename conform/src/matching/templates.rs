//! The templates that a Deployment had, by their number in the model.

use std::collections::{BTreeMap, BTreeSet};

use podproof_vocabulary::Revision;

use super::names::Names;

/// The templates that a Deployment had.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    now: Option<u64>,
    known: BTreeMap<Revision, u64>,
    /// What the pods of each are made of, as [`crate::record::DeploymentFacts::pods`].
    pods: BTreeSet<u64>,
}

impl Templates {
    /// The Deployment has this template, which is this one of the model's.
    pub fn learn(&mut self, revision: Revision, template: u64) {
        self.now = Some(template);
        self.known.insert(revision, template);
    }

    /// The pods of the template that the Deployment has are made of this.
    pub fn learn_pods(&mut self, pods: u64) {
        self.pods.insert(pods);
    }

    /// Is it known that no template that the Deployment has had makes pods of this?
    pub fn made_none_of(&self, pods: u64) -> bool {
        !self.pods.is_empty() && !self.pods.contains(&pods)
    }

    /// Is it another template than the Deployment has?
    pub fn is_new(&self, template: u64) -> bool {
        self.now.is_some_and(|now| now != template)
    }

    /// Which of the model's is the one that a new ReplicaSet is made of? A template that was changed before anything came of it has
    /// none.
    pub fn of_new_set(&self, template: u64, names: &Names) -> Revision {
        let is_free = |revision: &Revision| !names.has_replica_set(*revision);
        let mut newest = self.known.iter().rev();
        let found = newest.find(|(revision, known)| **known == template && is_free(revision));
        found.map_or_else(|| names.next_revision(), |(revision, _)| *revision)
    }
}
