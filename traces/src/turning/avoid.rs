//! Is there a run from a state that comes to rest with the promise kept?

use std::collections::BTreeSet;

use podproof_model::{ClusterState, environment};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::{Action, Container, Kubelet};

use crate::walk::World;

/// What a search says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Avoidable {
    /// By this run.
    Yes(Vec<Action>),
    /// Every run breaks the promise.
    No,
    /// A bound came first, or some run goes round for ever.
    Unknown,
}

/// The promise that a run is to keep.
pub(super) struct Goal<'w> {
    pub(super) world: &'w World,
    pub(super) property: Property,
    /// It is one of progress: nothing of it may be pending where the run rests.
    pub(super) is_progress: bool,
    /// States that one search sees at most.
    pub(super) most: usize,
}

/// A state on the way, with the steps out of it that are still to be tried, the best last.
struct Place {
    state: ClusterState,
    untried: Vec<Action>,
}

impl Goal<'_> {
    /// Searches depth first, so that a run is found soon where there are many: news and rules go before what stops containers, and
    /// time passes last.
    pub(super) fn avoidable(&self, from: &ClusterState, left: &mut usize) -> Avoidable {
        let mut seen = BTreeSet::from([from.clone()]);
        let mut taken: Vec<Action> = Vec::new();
        let mut places = vec![self.place(from)];
        // A run may go round, or be cut off: then that none rests proves nothing.
        let mut is_open = false;
        let most = (*left).min(self.most);
        let says = loop {
            let Some(here) = places.last_mut() else {
                break if is_open { Avoidable::Unknown } else { Avoidable::No };
            };
            if here.untried.is_empty() && self.rests(&here.state) {
                break Avoidable::Yes(taken);
            }
            let Some(action) = here.untried.pop() else {
                places.pop();
                taken.pop();
                continue;
            };
            let Some(next) = self.kept(&here.state, &action) else { continue };
            if seen.len() >= most {
                break Avoidable::Unknown;
            }
            if !seen.insert(next.clone()) {
                is_open |= places.iter().any(|place| place.state == next);
                continue;
            }
            is_open |= self.world.model().limit(&next).is_some();
            taken.push(action);
            places.push(self.place(&next));
        };
        *left = left.saturating_sub(seen.len());
        says
    }

    /// The state after a step that does not break the promise.
    pub(super) fn kept(&self, state: &ClusterState, action: &Action) -> Option<ClusterState> {
        let model = self.world.model();
        let next = model.apply(state, action);
        let is_broken = model.judge(state, action, &next).broken.contains(self.property);
        (!is_broken).then_some(next)
    }

    fn place(&self, state: &ClusterState) -> Place {
        let mut untried = self.steps(state);
        untried.sort_by_key(|action| std::cmp::Reverse(rank(action)));
        Place { state: state.clone(), untried }
    }

    /// Can this step be taken, whether or not a run can count on it?
    pub(super) fn is_possible(&self, state: &ClusterState, action: &Action) -> bool {
        let mut enabled = Vec::new();
        self.world.model().enabled(state, &mut enabled);
        enabled.contains(action)
    }

    /// The steps that a run can count on.
    pub(super) fn steps(&self, state: &ClusterState) -> Vec<Action> {
        let model = self.world.model();
        let mut steps = Vec::new();
        model.enabled(state, &mut steps);
        model.open(state, |cluster| {
            steps.retain(|action| match action {
                Action::Environment(step) => environment::is_promised(cluster, step),
                _ => true,
            });
        });
        steps
    }

    /// Nothing more happens here, and nothing is owed.
    fn rests(&self, state: &ClusterState) -> bool {
        let model = self.world.model();
        let owes = || {
            let own = model.obligations.range(self.property);
            model.pending(state).iter().any(|bit| own.contains(bit))
        };
        self.steps(state).is_empty() && model.limit(state).is_none() && !(self.is_progress && owes())
    }
}

/// Which steps are tried first, the least.
const fn rank(action: &Action) -> u8 {
    match action {
        Action::Watch(_) | Action::EndpointSlice(_) | Action::Proxy(_) => 0,
        Action::Kubelet(
            Kubelet::BeginTermination { .. }
            | Kubelet::StopContainer { .. }
            | Kubelet::RunPreStop { .. }
            | Kubelet::ExpireGrace { .. }
            | Kubelet::SendSigterm { .. }
            | Kubelet::SendSigkill { .. },
        )
        | Action::Container(Container::Exit { .. }) => 3,
        Action::Kubelet(_) | Action::Container(_) => 2,
        Action::Tick => 4,
        _ => 1,
    }
}
