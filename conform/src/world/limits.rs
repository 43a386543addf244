//! Workloads that are larger than a state of the model, or have what no state holds: what comes after that is not followed.

use super::life::Moment;
use super::manifests::Read;
use super::stage::{self, Stage};
use super::story::MOST_ROLLOUTS;
use super::surveyor::Surveyor;
use super::traits;

/// The most replicas that a state can want.
pub(super) const MOST_REPLICAS: u32 = 255;

/// Where a workload is more than a state of the model: the entry that shows it, and in what.
pub(super) fn limits(read: &Read<'_>, stage: &Stage, surveyor: &Surveyor) -> Vec<(Moment, String)> {
    let root = &read.root;
    let is_left_out = |name: &str| stage.seen.iter().all(|seen| *seen.name != *name);
    let pods = root.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
    let bound = pods.filter_map(|pod| pod.bound.as_ref());
    let far = bound.filter(|(node, _)| is_left_out(node)).map(|&(_, at)| at).min();
    let nodes =
        far.map(|at| (at, format!("it has pods on more than the {} nodes that a state holds", stage::MOST)));
    let wanted = root.controller.iter().flat_map(|controller| {
        let first = (controller.life.span().from, controller.replicas);
        std::iter::once(first).chain(controller.scales.iter().copied())
    });
    let replicas = wanted.into_iter().find(|&(_, replicas)| replicas > MOST_REPLICAS);
    let replicas = replicas.map(|(at, replicas)| {
        (at, format!("its {replicas} replicas are more than the {MOST_REPLICAS} that a state holds"))
    });
    let templates = read.revisions.changed.get(MOST_ROLLOUTS);
    let templates = templates.map(|&at| {
        (at, format!("there are more than the {MOST_ROLLOUTS} changes of its template that a state holds"))
    });
    let since = root.life.span().from;
    let beyond = traits::beyond_a_state(&read.manifest).into_iter().map(|what| (since, what));
    [nodes, replicas, templates].into_iter().flatten().chain(beyond).collect()
}
