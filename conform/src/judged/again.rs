//! What breaks a promise after the first time: another pod, or another cause. One log may have several things to mend.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_model::{Cluster, traffic};
use podproof_vocabulary::action::Watcher;
use podproof_vocabulary::observation::Observe;
use podproof_vocabulary::{ContainerId, PodId, Property};

use super::causes::Cause;
use crate::matching::Replay;
use crate::matching::whole::{self, Whole};
use crate::record::Micros;

/// A step that breaks a promise anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// The step of the path, from 0.
    pub step: usize,
    /// When.
    pub at: Micros,
    /// The cause is another one than each time before.
    pub is_new_cause: bool,
}

/// Who is guilty, and of what: of promises about connections the pods that these are sent to, of others the step.
type Culprits = BTreeSet<(Option<PodId>, Option<Cause>)>;

/// The steps of `whole` that break each of these promises anew, beside the first that broke it. `first` are the promises with the step,
/// from 0, that did so first.
pub fn again(
    replay: &Replay,
    whole: &Whole,
    first: &BTreeMap<Property, usize>,
) -> BTreeMap<Property, Vec<Again>> {
    let mut found: BTreeMap<Property, Vec<Again>> = BTreeMap::new();
    let Some(&begin) = first.values().min() else { return found };
    let nodes = &replay.subject.nodes;
    let mut guilty: BTreeMap<Property, Culprits> = BTreeMap::new();
    let mut causes: BTreeMap<Property, BTreeSet<Option<Cause>>> = BTreeMap::new();
    whole.walk(&replay.models(), |step, taken, before, after, model| {
        if step < begin {
            return;
        }
        let is_guessed = |node| replay.guesses_of(Watcher::Kubelet(node));
        let broken = whole::judge(model, before, &taken.action, after, is_guessed).broken;
        for (&property, &first) in first.iter().filter(|&(_, &first)| first <= step) {
            let now = match broken.contains(property) {
                true => model.open(after, |cluster| culprits(cluster, nodes, property)),
                false => Culprits::new(),
            };
            let last = guilty.insert(property, now.clone()).unwrap_or_default();
            let known = causes.entry(property).or_default();
            let new: Vec<_> = now.difference(&last).map(|(_, cause)| cause.clone()).collect();
            let before = known.len();
            known.extend(new.iter().cloned());
            let is_new_cause = known.len() > before;
            if !new.is_empty() && step > first {
                let again = Again { step, at: taken.moment.at, is_new_cause };
                found.entry(property).or_default().push(again);
            }
        }
    });
    found
}

/// Who breaks `property` where it is broken.
fn culprits(cluster: &Cluster<'_>, nodes: &[Rc<str>], property: Property) -> Culprits {
    let scenario = &cluster.rules.scenario;
    let serving = ContainerId(scenario.workload.template.serving);
    let living = cluster.node_ids().filter(|&node| cluster.node(node).machine.powered());
    let sent = living.flat_map(|node| traffic::destinations(scenario, cluster, node));
    match property {
        Property::NoFailedRequest => {
            let cause = sent.filter_map(|(pod, endpoint)| {
                let cause = Cause::of(cluster, nodes, pod, endpoint).filter(Cause::counts)?;
                Some((Some(pod), Some(cause)))
            });
            cause.collect()
        }
        Property::NoTrafficAfterSigterm => {
            let signalled = |pod: PodId| Observe::container(cluster, pod, serving).sigterm;
            sent.filter(|&(pod, _)| signalled(pod)).map(|(pod, _)| (Some(pod), None)).collect()
        }
        _ => Culprits::from([(None, None)]),
    }
}
