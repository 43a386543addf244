//! What an entry of a log asks of the model.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Action, Watcher};

use super::sighting::Condition;

/// What an entry of a log asks of the model.
pub enum Plan {
    /// It is about nothing that this workload has to do with.
    NotHere,
    /// It changes nothing that the model represents, and anybody may do it.
    Nothing,
    /// It is outside the model, for this reason.
    NotModelled(String),
    /// A process did it.
    By(Deed),
    /// It happened to the cluster: these steps of the environment or of a client, one after the other.
    Befalls(Vec<Action>),
    /// It cannot be, whatever the model does.
    Wrong(String),
    /// The controller manager cannot have seen that in the store as far as the log shows it: what is not answered yet may be missing.
    Unseen(String),
}

/// Something that a process did.
pub struct Deed {
    /// Which.
    pub whose: Watcher,
    /// As which steps, any of them; none if it changes nothing that the model represents.
    pub actions: Vec<Action>,
    /// What must be so before.
    pub before: Option<Condition>,
    /// What must be so after.
    pub after: Option<Condition>,
    /// The pod that it is about.
    pub about: Option<PodId>,
    /// What the entry says that was to be so after it.
    pub says: String,
    /// If that cannot be, it was this.
    pub or: Option<Box<Self>>,
}

impl Deed {
    /// One of these steps.
    pub fn steps(whose: Watcher, actions: Vec<Action>) -> Self {
        Self { whose, actions, before: None, after: None, about: None, says: String::new(), or: None }
    }

    /// Nothing that the model represents changes, but this must be so.
    pub fn only_if(whose: Watcher, before: Condition) -> Self {
        Self { before: Some(before), ..Self::steps(whose, Vec::new()) }
    }

    /// After it this must be so.
    #[must_use]
    pub fn then(mut self, says: impl Into<String>, after: Condition) -> Self {
        self.says = says.into();
        self.after = Some(after);
        self
    }

    /// If it cannot have been this, it was another.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.or = Some(Box::new(other));
        self
    }

    /// It is about this pod.
    #[must_use]
    pub fn about(mut self, pod: PodId) -> Self {
        self.about = Some(pod);
        self
    }
}
