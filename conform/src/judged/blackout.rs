//! `no-avoidable-blackout` by the times of a log. A node is dark while its rules lead to no pod that accepts. That is a
//! blackout if it lasts longer than news takes to get there, and there was somebody to lead to for as long.

use std::collections::{BTreeMap, BTreeSet};

use podproof_model::{Cluster, Model, time, traffic};
use podproof_vocabulary::{NodeId, PodId};

use super::{Breach, Judgement};
use crate::matching::whole::Whole;
use crate::record::Micros;

const SECOND: Micros = 1_000_000;

/// Since when something is so.
struct Since<T>(BTreeMap<T, Micros>);

impl<T: Copy + Ord> Since<T> {
    fn update(&mut self, now: Micros, are: &BTreeSet<T>) {
        self.0.retain(|one, _| are.contains(one));
        for &one in are {
            self.0.entry(one).or_insert(now);
        }
    }

    /// The one for which it has been so for longest.
    fn longest(&self) -> Option<(T, Micros)> {
        self.0.iter().map(|(&one, &since)| (one, since)).min_by_key(|&(_, since)| since)
    }
}

/// Judges the rules of `nodes` along the path `whole`, each step on that of `models` that is in force then, until `until` or where the path ends before the log.
pub(super) fn judge(
    models: &[(u64, &Model)],
    whole: &Whole,
    nodes: &BTreeSet<NodeId>,
    until: Micros,
) -> Judgement {
    let Some((_, model)) = models.first() else { return Judgement::NotMet };
    let bound = SECOND * Micros::from(model.rules.scenario.latencies.propagation());
    let (mut steady, mut dark) = (Since::<PodId>(BTreeMap::new()), Since::<NodeId>(BTreeMap::new()));
    let (mut now, mut is_met, mut breach, mut last) = (Micros::MIN, false, None, 0);
    let mut until_now = |now: Micros, step: usize, steady: &Since<PodId>, dark: &Since<NodeId>| {
        let Some((pod, since)) = steady.longest() else { return };
        is_met |= since + bound < now;
        if let Some((node, dark)) = dark.longest()
            && since.max(dark) + bound < now
            && breach.is_none()
        {
            breach = Some(Breach { step, at: since.max(dark) + bound, dark: Some((node, pod)) });
        }
    };
    whole.walk(models, |step, taken, _, after, model| {
        now = now.max(taken.moment.at);
        last = step;
        until_now(now, step.saturating_sub(1), &steady, &dark);
        let (is_steady, is_dark) = model.open(after, |cluster| look(cluster, nodes));
        steady.update(now, &is_steady);
        dark.update(now, &is_dark);
    });
    until_now(now.max(until), last, &steady, &dark);
    match (breach, is_met) {
        (Some(breach), _) => Judgement::Broken(breach),
        (None, true) => Judgement::Kept,
        (None, false) => Judgement::NotMet,
    }
}

/// The pods that accept, are Ready in the API and not deleting; and the nodes that live, are connected and lead to no pod
/// that accepts.
fn look(cluster: &Cluster<'_>, nodes: &BTreeSet<NodeId>) -> (BTreeSet<PodId>, BTreeSet<NodeId>) {
    let scenario = &cluster.rules.scenario;
    let leads = |node| {
        traffic::destinations(scenario, cluster, node)
            .any(|(pod, endpoint)| traffic::accepts(scenario, cluster, pod, endpoint))
    };
    let lives = |node: NodeId| {
        let machine = cluster.node(node).machine;
        machine.powered() && machine.connected() && machine.proxy_runs()
    };
    let steady = cluster.used_pods().filter(|&pod| time::is_steady(cluster, pod)).collect();
    (steady, nodes.iter().copied().filter(|&node| lives(node) && !leads(node)).collect())
}
