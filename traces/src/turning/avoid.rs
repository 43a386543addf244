//! Is there a run from a state that comes to rest with the promise kept?

use foldhash::quality::FixedState;
use hashbrown::HashMap;
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

/// Searches for runs to one goal. What one of them has found out, those after it know.
pub(super) struct Searches<'w> {
    pub(super) goal: Goal<'w>,
    /// States that they may still see, all together.
    pub(super) left: usize,
    known: HashMap<ClusterState, Fate, FixedState>,
}

/// What is known of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// A run that keeps the promise goes on with this step, or rests here.
    Kept(Option<Action>),
    /// Every run from here breaks it.
    Lost,
}

/// Where a search is with a state that it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// On the run that is being tried.
    OnTheWay,
    /// Every step out of it was tried.
    Tried,
}

/// A state on the way.
struct Place {
    state: ClusterState,
    /// The steps out of it that are still to be tried, the best last.
    untried: Vec<Action>,
    /// Nothing more happens here, and nothing is owed.
    rests: bool,
}

impl<'w> Searches<'w> {
    /// Searches that may see `left` states, all together.
    pub(super) fn new(goal: Goal<'w>, left: usize) -> Self {
        Self { goal, left, known: HashMap::default() }
    }

    /// Searches depth first, so that a run is found soon where there are many: news and rules go before what stops containers, and
    /// time passes last.
    pub(super) fn avoidable(&mut self, from: &ClusterState) -> Avoidable {
        match self.known.get(from) {
            Some(Fate::Kept(_)) => return Avoidable::Yes(self.run(from)),
            Some(Fate::Lost) => return Avoidable::No,
            None => {}
        }
        let mut seen = HashMap::<_, _, FixedState>::from_iter([(from.clone(), Seen::OnTheWay)]);
        let mut taken: Vec<Action> = Vec::new();
        let mut places = vec![self.goal.place(from)];
        // A run may go round, or be cut off: then that none rests proves nothing.
        let mut is_open = false;
        let most = self.left.min(self.goal.most);
        let says = loop {
            let Some(here) = places.last_mut() else {
                break if is_open { Avoidable::Unknown } else { Avoidable::No };
            };
            if here.rests {
                break Avoidable::Yes(taken.clone());
            }
            let Some(action) = here.untried.pop() else {
                seen.insert(here.state.clone(), Seen::Tried);
                places.pop();
                taken.pop();
                continue;
            };
            let Some(next) = self.goal.kept(&here.state, &action) else { continue };
            match (seen.get(&next), self.known.get(&next)) {
                (Some(Seen::OnTheWay), _) => is_open = true,
                (Some(Seen::Tried), _) | (None, Some(Fate::Lost)) => {}
                (None, Some(Fate::Kept(_))) => {
                    taken.push(action);
                    break Avoidable::Yes([&taken[..], &self.run(&next)].concat());
                }
                (None, None) if seen.len() >= most => break Avoidable::Unknown,
                (None, None) => {
                    is_open |= self.goal.world.model().limit(&next).is_some();
                    taken.push(action);
                    places.push(self.goal.place(&next));
                    seen.insert(next, Seen::OnTheWay);
                }
            }
        };
        self.left = self.left.saturating_sub(seen.len());
        if !is_open {
            let lost = seen.into_iter().filter(|&(_, seen)| seen == Seen::Tried);
            self.known.extend(lost.map(|(state, _)| (state, Fate::Lost)));
        }
        if matches!(says, Avoidable::Yes(_)) {
            let next = taken.into_iter().map(Some).chain([None]);
            self.known.extend(places.into_iter().map(|place| place.state).zip(next.map(Fate::Kept)));
        }
        says
    }

    /// The rest of a run that is known to keep the promise.
    fn run(&self, from: &ClusterState) -> Vec<Action> {
        let (mut state, mut run) = (from.clone(), Vec::new());
        while let Some(&Fate::Kept(Some(action))) = self.known.get(&state) {
            state = self.goal.world.model().apply(&state, &action);
            run.push(action);
        }
        run
    }
}

impl Goal<'_> {
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
        let rests = untried.is_empty() && self.may_end(state);
        Place { state: state.clone(), untried, rests }
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

    /// Is nothing owed in a state after which nothing happens, and was nothing cut off?
    fn may_end(&self, state: &ClusterState) -> bool {
        let model = self.world.model();
        let owes = || {
            let own = model.obligations.range(self.property);
            model.pending(state).iter().any(|bit| own.contains(bit))
        };
        model.limit(state).is_none() && !(self.is_progress && owes())
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
