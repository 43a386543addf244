//! Random walks.

use std::collections::BTreeSet;

use fastrand::Rng;
use podproof_model::{Cluster, ClusterState, Model, time};
use podproof_vocabulary::action::{Action, Environment};
use podproof_vocabulary::{Property, Scenario};

use super::mail::Mail;
use super::writing::waits;

/// A walk.
pub struct Walk {
    pub model: Model,
    pub seed: u64,
    pub path: Vec<Action>,
    /// The promises that were broken on the way.
    pub broken: BTreeSet<Property>,
}

/// Most steps of a walk.
const STEPS: usize = 400;

/// Events are delivered within so many steps.
const LAG: usize = 100;

/// One step in so many is something that happens to the cluster.
const PACES: [u32; 3] = [8, 32, 128];

/// A walk through `scenario`.
pub fn walk(scenario: &Scenario, seed: u64) -> Walk {
    let model = Model::new(scenario.clone()).expect("a scenario of a test fits");
    let mut rng = Rng::with_seed(seed);
    let pace = PACES[rng.usize(..PACES.len())];
    let mut state = model.initial().swap_remove(0);
    let (mut path, mut broken, mut enabled) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut mail = Mail::new();
    while path.len() < STEPS && model.limit(&state).is_none() {
        model.enabled(&state, &mut enabled);
        let from = model.open(&state, |cluster| {
            mail.note(cluster, path.len());
            let overdue = mail.overdue(cluster, path.len().saturating_sub(LAG));
            if overdue.is_empty() { next_of(cluster, &mut rng, pace, &enabled) } else { overdue }
        });
        let Some(action) = choose(&mut rng, &from) else { break };
        let next = model.apply(&state, &action);
        if model.limit(&next).is_some() {
            break;
        }
        broken.extend(model.judge(&state, &action, &next).broken.iter());
        state = next;
        path.push(action);
    }
    Walk { model, seed, path, broken }
}

/// Steps of one sort that may come next: what happens to the cluster, timers, or anything else.
fn next_of(cluster: &Cluster<'_>, rng: &mut Rng, pace: u32, enabled: &[Action]) -> Vec<Action> {
    // Who evicts within an API server ends with it, and would not be answered as it was: the log could not show it.
    let is_evicting = cluster.used_pods().any(|pod| {
        let (head, object) = (cluster.pod(pod).head, cluster.pod(pod).api);
        head.eviction_granted() && object.exists() && !object.is_deleting()
    });
    let ends_it = |action: &Action| is_evicting && *action == Action::Environment(Environment::StopApiServer);
    let enabled = enabled.iter().copied().filter(|action| !ends_it(action));
    let (events, own): (Vec<Action>, Vec<Action>) =
        enabled.partition(|action| matches!(action, Action::Environment(_)));
    let (slow, quick): (Vec<Action>, Vec<Action>) =
        own.iter().partition(|action| time::is_slow(cluster, action) || waits(cluster, action) > 0);
    let news = quick.iter().any(|action| matches!(action, Action::Watch(_)));
    let event = !events.is_empty() && (own.is_empty() || rng.u32(..pace) == 0);
    // A timer takes longer than news.
    let timer = !slow.is_empty() && !news && (quick.is_empty() || rng.u32(..8) == 0);
    match () {
        () if event => events,
        () if timer => slow,
        () => quick,
    }
}

/// A component first, then a class of its steps, then a step.
fn choose(rng: &mut Rng, from: &[Action]) -> Option<Action> {
    let components: Vec<_> = from.iter().map(Action::component).collect();
    let component = *components.get(rng.usize(..components.len().max(1)))?;
    let of_component: Vec<_> = from.iter().filter(|action| action.component() == component).collect();
    Some(*of_component[rng.usize(..of_component.len())])
}

/// The walk of the same seed that takes these steps instead; none if one of them is not possible when it is taken.
pub fn along(walk: &Walk, path: Vec<Action>) -> Option<Walk> {
    let model = Model::new(walk.model.rules.scenario.clone()).expect("it was one before");
    let mut state: ClusterState = model.initial().swap_remove(0);
    let (mut broken, mut enabled) = (BTreeSet::new(), Vec::new());
    for action in &path {
        model.enabled(&state, &mut enabled);
        if !enabled.contains(action) {
            return None;
        }
        let next = model.apply(&state, action);
        broken.extend(model.judge(&state, action, &next).broken.iter());
        state = next;
    }
    model.limit(&state).is_none().then_some(Walk { model, seed: walk.seed, path, broken })
}
