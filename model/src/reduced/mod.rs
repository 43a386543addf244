//! Searches run on moves: a small step together with the small steps that follow at once. What follows, and why that
//! changes no verdict, is for [`fusion`]. A move is nothing but small steps taken by [`crate::step`]; every one of them is
//! judged, and traces hold them and no moves.
//!
//! A timed search may *follow* one pod: when a pod's deletion, or its readiness, is written, the move goes on in two
//! ways, with that pod's clocks running from here on and without ([`focus`]). Any one pod is so followed by some run.

pub mod focus;
pub mod fusion;
pub mod partial_order;
pub mod symmetry;

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::Action;

use crate::buffer::with_actions;
use crate::cluster::Cluster;
use crate::progress::Obligations;
use crate::properties::Judged;
use crate::state::ClusterState;
use crate::system::Model;
use crate::{fairness, step, time};
use fusion::Fusions;

/// A move: the step that begins it, and the pod that is followed from its end on, if that begins there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Move {
    /// The step that begins it.
    pub head: Action,
    /// The pod that is followed from its end on.
    pub follow: Option<PodId>,
}

/// Where a move leads, and what its small steps did to the promises.
pub struct Outcome {
    /// The move.
    pub taken: Move,
    /// The state after it.
    pub next: ClusterState,
    /// What its small steps broke and reached.
    pub judged: Judged,
    /// The unit of fairness of the step that begins it.
    pub unit: Option<fairness::Unit>,
    /// Obligations that it discharges although they are pending on both sides.
    pub discharged: Obligations,
    /// The classes of its small steps, a bit each (see [`Action::class`]).
    pub classes: u128,
}

/// A model whose transitions are moves.
pub struct Reduced {
    /// The model of small steps.
    pub model: Model,
    fusions: Fusions,
}

impl Reduced {
    /// The model with the fusions that its scenario allows.
    pub fn new(model: Model) -> Self {
        let fusions = Fusions::of(&model.rules);
        Self { model, fusions }
    }

    /// The model with these fusions.
    pub fn with(model: Model, fusions: Fusions) -> Self {
        Self { model, fusions }
    }

    /// The fusions.
    pub fn fusions(&self) -> &Fusions {
        &self.fusions
    }

    /// The states in which everything begins, with what the steps that follow at once did.
    pub fn initial(&self) -> Vec<(ClusterState, Judged)> {
        let settle = |mut state: ClusterState| {
            let mut judged = Judged::default();
            self.settle(&mut state, |before, action, after| {
                judged = judged.union(self.model.judge_step(before, action, after));
            });
            (state, judged)
        };
        self.model.initial().into_iter().map(settle).collect()
    }

    /// Takes the steps that follow at once, until none does.
    fn settle(&self, state: &mut ClusterState, mut visit: impl FnMut(&Cluster<'_>, &Action, &Cluster<'_>)) {
        let mut before = state.clone();
        while let Some(action) = self.next_fused(&Cluster::new(&self.model.rules, state)) {
            before.clone_from(state);
            let mut cluster = Cluster::new(&self.model.rules, state);
            step::apply(&mut cluster, &action);
            visit(&Cluster::new(&self.model.rules, &mut before), &action, &cluster);
        }
    }

    /// The same, step by step.
    fn settle_in_steps(&self, state: &mut ClusterState, steps: &mut Vec<(Action, ClusterState)>) {
        while let Some(action) = self.next_fused(&Cluster::new(&self.model.rules, state)) {
            step::apply(&mut Cluster::new(&self.model.rules, state), &action);
            steps.push((action, state.clone()));
        }
    }

    fn next_fused(&self, cluster: &Cluster<'_>) -> Option<Action> {
        let timed = cluster.rules.is_timed();
        if timed && !cluster.rules.clocks.follow() {
            return None;
        }
        with_actions(|possible| {
            // A step with a clock keeps its latency.
            let is_free = |action: &Action| !timed || !time::is_clocked(cluster, action);
            let follows = |action: &Action| self.fusions.fuses(cluster, action) && is_free(action);
            step::first_candidate(cluster, possible, follows).or_else(|| {
                possible.retain(is_free);
                self.fusions.next_of_a_kill(possible)
            })
        })
    }

    /// Every move out of `state`, in a fixed order.
    pub fn moves(&self, state: &ClusterState, mut visit: impl FnMut(Outcome)) {
        self.model.open(state, |here| {
            with_actions(|heads| {
                self.heads(here, heads);
                for &head in heads.iter() {
                    self.take(state, here, head, &mut visit);
                }
            });
        });
    }

    fn take(&self, state: &ClusterState, here: &Cluster<'_>, head: Action, visit: &mut impl FnMut(Outcome)) {
        let mut next = state.clone();
        let mut cluster = Cluster::new(&self.model.rules, &mut next);
        step::apply(&mut cluster, &head);
        let mut judged = self.model.judge_step(here, &head, &cluster);
        let mut classes = 1 << head.class();
        self.settle(&mut next, |before, action, after| {
            classes |= 1 << action.class();
            judged = judged.union(self.model.judge_step(before, action, after));
        });
        let after = Cluster::new(&self.model.rules, &mut next);
        let unit = fairness::unit_of(here, &head);
        let discharged = self.model.discharged(here, &after);
        let followable =
            if self.model.rules.clocks.follow() { focus::begins(here, &after) } else { Vec::new() };
        let outcome =
            |follow, next| Outcome { taken: Move { head, follow }, next, judged, unit, discharged, classes };
        for pod in followable {
            visit(outcome(Some(pod), self.follow(&next, pod)));
        }
        visit(outcome(None, next));
    }

    /// The steps that begin the moves out of a state.
    fn heads(&self, cluster: &Cluster<'_>, heads: &mut Vec<Action>) {
        let followed = cluster.shared.control_plane.followed();
        if followed.is_some_and(|pod| focus::is_over(cluster, pod)) {
            return;
        }
        step::enabled(cluster, heads);
        if let Some(pod) = followed {
            heads.retain(|action| focus::takes(cluster, pod, action));
        }
    }

    fn follow(&self, state: &ClusterState, pod: PodId) -> ClusterState {
        let mut next = state.clone();
        let mut cluster = Cluster::new(&self.model.rules, &mut next);
        cluster.shared.control_plane.set_followed(Some(pod));
        with_actions(|possible| {
            step::candidates(&cluster, possible);
            time::restart(&mut cluster, None, possible);
        });
        next
    }

    /// The state after a move.
    pub fn after(&self, state: &ClusterState, taken: Move) -> ClusterState {
        let mut next = self.model.apply(state, &taken.head);
        self.settle(&mut next, |_, _, _| {});
        match taken.follow {
            Some(pod) => self.follow(&next, pod),
            None => next,
        }
    }

    /// The small steps of a move, each with the state after it.
    pub fn small_steps(&self, state: &ClusterState, taken: &Move) -> Vec<(Action, ClusterState)> {
        let mut next = self.model.apply(state, &taken.head);
        let mut steps = vec![(taken.head, next.clone())];
        self.settle_in_steps(&mut next, &mut steps);
        steps
    }

    /// The small steps that follow at once in an initial state.
    pub fn first_steps(&self, state: &ClusterState) -> Vec<(Action, ClusterState)> {
        let mut next = state.clone();
        let mut steps = Vec::new();
        self.settle_in_steps(&mut next, &mut steps);
        steps
    }
}
