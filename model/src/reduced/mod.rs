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
mod touches;

use std::cell::Cell;

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::property::PropertySet;

use crate::buffer::with_actions;
use crate::cluster::Cluster;
use crate::properties::{self, Judged};
use crate::scope::Scope;
use crate::state::ClusterState;
use crate::system::Model;
use crate::{fairness, step, time};
use fusion::Fusions;
use touches::{Touched, Touches};

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
    /// The promises whose obligations it discharges although they are pending on both sides.
    pub discharged: PropertySet,
    /// The classes of its small steps, a bit each (see [`Action::class`]).
    pub classes: u128,
}

/// A model whose transitions are moves.
pub struct Reduced {
    /// The model of small steps.
    pub model: Model,
    fusions: Fusions,
    touches: Touches,
}

impl Reduced {
    /// The model with the fusions that its scenario allows.
    pub fn new(model: Model) -> Self {
        let fusions = Fusions::of(&model.rules);
        Self::with(model, fusions)
    }

    /// The model with these fusions.
    pub fn with(model: Model, fusions: Fusions) -> Self {
        let touches = Touches::of(&model.rules, fusions.parts());
        Self { model, fusions, touches }
    }

    /// The fusions.
    pub fn fusions(&self) -> &Fusions {
        &self.fusions
    }

    /// The states in which everything begins, with what the steps that follow at once did.
    pub fn initial(&self) -> Vec<(ClusterState, Judged)> {
        let settle = |mut state: ClusterState| {
            let mut judged = Judged::default();
            let judge = |before: &mut ClusterState, action: &Action, after: &Cluster<'_>, _| {
                let before = Cluster::new(&self.model.rules, before);
                judged = judged.union(self.model.judge_step(&before, action, after));
            };
            self.settle(&mut state, Scope::EVERYTHING, |_| {}, judge, |_| {});
            (state, judged)
        };
        let followed = |(state, judged): (ClusterState, Judged)| {
            self.beginnings(state).into_iter().map(move |state| (state, judged))
        };
        self.model.initial().into_iter().map(settle).flat_map(followed).collect()
    }

    /// A state in which everything begins, and the same with each pod followed that is ready there: its readiness was written before
    /// there was anybody to see.
    pub fn beginnings(&self, state: ClusterState) -> Vec<ClusterState> {
        let ready: Vec<PodId> = match self.model.rules.clocks.follow() {
            true => self.model.open(&state, |cluster| {
                cluster.used_pods().filter(|&pod| cluster.pod(pod).api.ready()).collect()
            }),
            false => Vec::new(),
        };
        let followed: Vec<_> = ready.into_iter().map(|pod| self.follow(&state, pod)).collect();
        [state].into_iter().chain(followed).collect()
    }

    /// Takes the steps that follow at once, until none does. Without what is in `scope` none would. `begin` is told of the first
    /// state, `visit` of each step, and what `end` says of the last state is given back.
    fn settle<R>(
        &self,
        state: &mut ClusterState,
        mut scope: Scope,
        begin: impl FnOnce(&Cluster<'_>),
        mut visit: impl FnMut(&mut ClusterState, &Action, &Cluster<'_>, Touched),
        end: impl FnOnce(&Cluster<'_>) -> R,
    ) -> R {
        let rules = &self.model.rules;
        let mut before: Option<ClusterState> = None;
        let mut taken = None;
        let mut begin = Some(begin);
        loop {
            let cluster = Cluster::new(rules, state);
            if let Some(begin) = begin.take() {
                begin(&cluster);
            }
            if let (Some(before), Some((action, touched))) = (&mut before, taken) {
                visit(before, &action, &cluster, touched);
                scope = scope.union(touched.scope);
            }
            let Some(action) = self.next_fused(&cluster, scope) else { return end(&cluster) };
            let before = match &mut before {
                Some(before) => {
                    before.clone_from(state);
                    before
                }
                None => before.insert(state.clone()),
            };
            taken = Some((action, self.apply(before, &action, state)));
        }
    }

    /// Takes a step in `state`, which is equal to `before`; what it has touched.
    fn apply(&self, before: &ClusterState, action: &Action, state: &mut ClusterState) -> Touched {
        let mut cluster = Cluster::new(&self.model.rules, state);
        step::apply(&mut cluster, action);
        let evicts = cluster.shared.control_plane.evicts();
        let touched = self.touches.between(before, state.words(), evicts);
        // Promises about states read clocks too, which only a tick makes run down. And what a state says in which everything
        // begins with pods that run was judged by nobody; out of it only events lead.
        match action {
            Action::Tick | Action::Environment(_) => Touched { promises: self.model.judged, ..touched },
            _ => touched,
        }
    }

    /// The same, step by step.
    fn settle_in_steps(&self, state: &mut ClusterState, steps: &mut Vec<(Action, ClusterState)>) {
        while let Some(action) = self.next_fused(&Cluster::new(&self.model.rules, state), Scope::EVERYTHING) {
            step::apply(&mut Cluster::new(&self.model.rules, state), &action);
            steps.push((action, state.clone()));
        }
    }

    /// The next step that follows at once, if nothing outside of `scope` does.
    fn next_fused(&self, cluster: &Cluster<'_>, scope: Scope) -> Option<Action> {
        let timed = cluster.rules.is_timed();
        if timed && !cluster.rules.clocks.follow() {
            return None;
        }
        with_actions(|possible| {
            // A step with a clock keeps its latency.
            let is_free = |action: &Action| !timed || !time::is_clocked(cluster, action);
            let follows = |action: &Action| self.fusions.fuses(cluster, action) && is_free(action);
            step::first_candidate(cluster, scope, possible, follows)
                .or_else(|| self.fusions.next_kill(cluster, scope, is_free))
        })
    }

    /// Every move out of `state`, in a fixed order.
    pub fn moves(&self, state: &ClusterState, visit: impl FnMut(Outcome)) {
        self.moves_but(state, visit, |_| {});
    }

    /// The same; the units of what is possible and held back go to `hold_back` ([`step::enabled_but`]).
    pub fn moves_but(
        &self,
        state: &ClusterState,
        mut visit: impl FnMut(Outcome),
        mut hold_back: impl FnMut(fairness::Unit),
    ) {
        self.model.open(state, |here| {
            with_actions(|heads| {
                let hold_back = |action: &Action| {
                    if let Some(unit) = fairness::unit_of(here, action) {
                        hold_back(unit);
                    }
                };
                self.heads(here, heads, hold_back);
                let untouched = if self.is_settled(here, heads) { Scope::NOTHING } else { Scope::EVERYTHING };
                for &head in heads.iter() {
                    self.take(state, here, (head, untouched), &mut visit);
                }
            });
        });
    }

    /// Does nothing follow at once, so that after one more step only what it touches may? So it is at the end of every move and in
    /// no other state.
    fn is_settled(&self, cluster: &Cluster<'_>, enabled: &[Action]) -> bool {
        let timed = cluster.rules.is_timed();
        let is_free = |action: &Action| !timed || !time::is_clocked(cluster, action);
        let follows = |action: &Action| self.fusions.fuses(cluster, action) && is_free(action);
        !enabled.iter().any(follows)
            && with_actions(|free| {
                free.extend(enabled.iter().copied().filter(is_free));
                self.fusions.next_of_a_kill(free, Scope::EVERYTHING).is_none()
            })
    }

    /// Takes the move that `head` begins. What else than it touches may follow at once is in `more`.
    fn take(
        &self,
        state: &ClusterState,
        here: &Cluster<'_>,
        (head, more): (Action, Scope),
        visit: &mut impl FnMut(Outcome),
    ) {
        let mut next = state.clone();
        let touched = self.apply(state, &head, &mut next);
        let judged = Cell::new(Judged::default());
        let judge = |asked, before: &Cluster<'_>, action: &Action, after: &Cluster<'_>| {
            judged.set(judged.get().union(self.model.judge_only(asked, before, action, after)));
        };
        let asked = match here.shared.control_plane.followed() {
            // Nobody has judged yet what the state in which a pod began to be followed says of that pod.
            Some(_) => self.model.judged,
            None => self.asked(touched, &head),
        };
        let mut classes = 1 << head.class();
        let (discharged, followable) = self.settle(
            &mut next,
            touched.scope.union(more),
            |after| {
                if !asked.is_empty() {
                    judge(asked, here, &head, after);
                }
            },
            |before, action, after, touched| {
                classes |= 1 << action.class();
                let asked = self.asked(touched, action);
                if !asked.is_empty() {
                    judge(asked, &Cluster::new(&self.model.rules, before), action, after);
                }
            },
            |after| {
                let follows = self.model.rules.clocks.follow();
                let followable = if follows { focus::begins(here, after) } else { Vec::new() };
                (self.model.discharged(here, after), followable)
            },
        );
        let (judged, unit) = (judged.get(), fairness::unit_of(here, &head));
        let outcome =
            |follow, next| Outcome { taken: Move { head, follow }, next, judged, unit, discharged, classes };
        for pod in followable {
            visit(outcome(Some(pod), self.follow(&next, pod)));
        }
        visit(outcome(None, next));
    }

    /// The promises that have something to say of a step which no other has said before: those about states that read what it
    /// has touched, and those about choices of its kind.
    fn asked(&self, touched: Touched, action: &Action) -> PropertySet {
        self.model.judged.intersection(touched.promises.union(properties::about_choice(action)))
    }

    /// The steps that begin the moves out of a state.
    fn heads(&self, cluster: &Cluster<'_>, heads: &mut Vec<Action>, hold_back: impl FnMut(&Action)) {
        let followed = cluster.shared.control_plane.followed();
        if followed.is_some_and(|pod| focus::is_over(cluster, pod)) {
            return;
        }
        match followed {
            Some(pod) if focus::is_alone(cluster, pod) => focus::enabled(cluster, pod, heads),
            _ => step::enabled_but(cluster, heads, hold_back),
        }
    }

    fn follow(&self, state: &ClusterState, pod: PodId) -> ClusterState {
        let mut next = state.clone();
        let mut cluster = Cluster::new(&self.model.rules, &mut next);
        cluster.shared.control_plane.set_followed(Some(pod));
        step::restart_clocks(&mut cluster, None);
        next
    }

    /// The state after a move.
    pub fn after(&self, state: &ClusterState, taken: Move) -> ClusterState {
        let mut next = self.model.apply(state, &taken.head);
        self.settle(&mut next, Scope::EVERYTHING, |_| {}, |_, _, _, _| {}, |_| {});
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
