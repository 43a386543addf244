//! One workload as it is observed: its scenario, out of its manifest and of all that a log shows beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::approximation::Approximations;
use podproof_vocabulary::manifest::{self, Annotated};
use podproof_vocabulary::scenario::{CUSTOM_TAINT, Scenario, Taint, TaintEffect, Toleration};

use super::life::Moment;
use super::limits;
use super::manifests::Read;
use super::neighbours::{self, Other, Surroundings};
use super::observed::{Followed, Named, NodeChange, Observed, RevisionSeen};
use super::pods::Pod;
use super::processes;
use super::roots::{Revision, Root};
use super::selectors::Selector;
use super::shared;
use super::stage::{Known, Stage};
use super::story;
use super::surveyor::Surveyor;
use super::traits::Traits;

/// What a workload is composed with.
pub(super) struct Setting<'c> {
    pub surveyor: &'c Surveyor,
    pub annotated: &'c [Annotated],
    pub nodes: &'c BTreeMap<&'c Rc<str>, Known<'c>>,
    /// The pods of other workloads that had a place on a node at the same time.
    pub others: Vec<Other<'c>>,
    /// All workloads, and its place among them.
    pub roots: &'c [Rc<Root<'c>>],
    pub index: usize,
    /// Between which moments it is followed.
    pub followed: Followed,
}

impl Setting<'_> {
    /// A workload with its worlds, one for each class of Services.
    pub fn observe(&self, read: &Read<'_>) -> Vec<Observed> {
        let several = read.input.scenarios.len() > 1;
        let worlds = read.input.scenarios.iter().zip(&read.input.services);
        worlds
            .map(|(scenario, services)| {
                let service = services.first();
                let service = service
                    .and_then(|name| read.services.iter().copied().find(|service| *service.name == **name));
                let name = match service.filter(|_| several) {
                    Some(service) => format!("{} behind Service/{}", read.root.name, service.name),
                    None => read.root.name.clone(),
                };
                let mut observed = self.world(read, Scenario { name, ..scenario.clone() }, service);
                if let [first, others @ ..] = &services[..]
                    && !others.is_empty()
                {
                    let others = others.join(", Service/");
                    observed.assumptions.push(format!("Service/{first} stands for Service/{others} too"));
                }
                observed
            })
            .collect()
    }

    fn world(&self, read: &Read<'_>, mut scenario: Scenario, service: Option<&Selector>) -> Observed {
        let (root, surveyor) = (&read.root, self.surveyor);
        let span = root.span(surveyor);
        let mut warnings = read.warnings.clone();
        let mut assumptions: Vec<_> =
            read.input.assumptions.iter().filter(|says| !processes::is_guess(says)).cloned().collect();
        assumptions.extend(processes::set(&mut scenario, root, &read.manifest, self.annotated));
        let stage = Stage::of(root, surveyor, self.nodes, self.followed);
        warnings.extend(stage.warnings.iter().cloned());
        assumptions.extend(stage.assumptions.iter().cloned());
        if stage.nodes.is_empty() {
            warnings.push("the log shows no node: the model has one that is made up".into());
        } else {
            scenario.nodes.clone_from(&stage.nodes);
            assumptions.extend(stage.guess_labels(&mut scenario));
        }
        scenario.spare_nodes = stage.spare;
        warnings.extend(self.tolerate_events(&mut scenario, &stage.changes));
        self.set_finalizer(&mut scenario, root, &mut warnings);
        let budgets: Vec<_> = scenario
            .budgets
            .iter()
            .filter_map(|budget| read.budgets.iter().copied().find(|known| *known.name == *budget.name))
            .collect();
        let shared = budgets.first().filter(|budget| {
            shared::is_shared(budget, root, self.roots, self.index, surveyor, self.followed)
        });
        let shared_budget = shared.and_then(|_| scenario.budgets.first().cloned());
        if let Some(budget) = &shared_budget {
            warnings.push(shared::says(&budget.name));
            // Where there are several, none of its pods is evicted, whatever their statuses are (EVI-2).
            if scenario.budgets.len() == 1 {
                scenario.budgets.clear();
            }
        }
        let surroundings = Surroundings {
            scenario: &scenario,
            nodes: &stage.seen,
            span,
            own_nodes: stage.own.clone(),
            service,
            budgets: &budgets,
        };
        let (neighbours, seen, too_many) = surroundings.neighbours(self.others.iter());
        if too_many > 0 {
            warnings.push(format!(
                "{too_many} of the pods beside it are left out: a scenario holds {}",
                neighbours::MOST
            ));
        }
        scenario.neighbours = neighbours;
        // A manifest is read with fewer than a state can want.
        if let Some(controller) = root.controller {
            let replicas = controller.replicas.min(limits::MOST_REPLICAS);
            scenario.workload.replicas = u8::try_from(replicas).unwrap_or(u8::MAX);
        }
        let scales = story::scales(root);
        scenario.slots = story::slots(root, surveyor);
        let own_grace = scenario.workload.template.grace_seconds;
        scenario.deletion_graces = story::graces(root, surveyor, own_grace);
        scenario.one_proxy = false;
        scenario.approximations = Approximations::NONE;
        story::set_events(&mut scenario, &read.revisions.rollouts, &scales);
        warnings.extend(oddities(service));
        let limits = limits::limits(read, &stage, surveyor);
        let mut unfollowed = unfollowed(read, service, &budgets, surveyor);
        unfollowed.extend(more_taints(&scenario, &stage));
        Observed {
            kind: root.kind,
            namespace: Rc::clone(&root.namespace),
            object_name: Rc::clone(&root.object_name),
            uid: Rc::clone(&root.uid),
            controller: root.owner.clone(),
            span: root.life.span(),
            followed: self.followed,
            pods: root.pods.clone(),
            created: created(root, surveyor),
            evicted: evicted(root, surveyor),
            went: went(root, surveyor),
            commanded: commanded(root, surveyor),
            traits: Traits::of(&read.manifest),
            revisions: read.revisions.all.iter().map(seen_revision).collect(),
            scales,
            service: service.map(named),
            service_ports: service.and_then(Selector::target_ports),
            strange_services: strange_services(root, surveyor),
            service_from: service.and_then(|one| surveyor.services.steady(one).0),
            service_is_steady: service.is_some_and(|one| surveyor.services.steady(one).1),
            slices: service.map_or_else(Vec::new, |one| surveyor.services.slices_at(self.followed.from, one)),
            budgets: budgets.into_iter().map(named).collect(),
            shared_budget,
            nodes: stage.seen,
            node_changes: stage.changes,
            neighbours: seen,
            unfollowed,
            limits,
            existing: root.existing(surveyor),
            assumptions,
            warnings,
            scenario,
        }
    }

    /// A NoExecute taint that a user sets during the log is a `taint-node` event, whose taint has a key of its own: what the
    /// pods tolerate of the one they tolerate of the other.
    fn tolerate_events(&self, scenario: &mut Scenario, changes: &[NodeChange]) -> Option<String> {
        let come = changes.iter().flat_map(NodeChange::come);
        let of_events: Vec<_> = come.filter(|taint| taint.effect == TaintEffect::NoExecute).collect();
        let tolerations = &mut scenario.workload.template.tolerations;
        let tolerated = |taint: &Taint| {
            let first = tolerations
                .iter()
                .find(|one| manifest::tolerates(one, &taint.key, &taint.value, taint.effect));
            first.map(|toleration| toleration.seconds)
        };
        let first = tolerated(of_events.first()?);
        let says = of_events.iter().any(|taint| tolerated(taint) != first).then(|| {
            "NoExecute taints with several keys come during the log; the model tolerates all as it tolerates the first".into()
        });
        if let Some(seconds) = first {
            let (key, value) = (CUSTOM_TAINT.into(), String::new());
            let effect = Some(TaintEffect::NoExecute);
            tolerations.insert(0, Toleration { key, exists: true, value, effect, seconds });
        }
        says
    }

    /// The finalizer of a scenario is one that nobody removes.
    fn set_finalizer(&self, scenario: &mut Scenario, root: &Root<'_>, warnings: &mut Vec<String>) {
        let pods = &self.surveyor.pods.register.by_uid;
        let is_lost = root.pods.iter().any(|uid| pods.get(uid).is_some_and(|pod| pod.lost_finalizer));
        if scenario.workload.template.finalizer && is_lost {
            scenario.workload.template.finalizer = false;
            warnings.push(
                "somebody takes the finalizers of its pods away: the model has pods without finalizers"
                    .into(),
            );
        }
    }
}

/// NoExecute taints that come during the log beside the first, which is the only one that the model has; those that the pods of a workload
/// tolerate for ever do nothing to it.
fn more_taints(scenario: &Scenario, stage: &Stage) -> Vec<(Moment, String)> {
    let tolerations = &scenario.workload.template.tolerations;
    let matters = |taint: &Taint| {
        let mut all = tolerations.iter();
        let first = all.find(|one| manifest::tolerates(one, &taint.key, &taint.value, taint.effect));
        taint.effect == TaintEffect::NoExecute && first.is_none_or(|first| first.seconds.is_some())
    };
    let come = || stage.changes.iter().flat_map(|change| change.come().map(move |taint| (change, taint)));
    let is_first = |taint: &&Taint| taint.effect == TaintEffect::NoExecute;
    let first = come().map(|(_, taint)| taint).find(is_first);
    let others = come().filter(|(_, taint)| matters(taint) && first != Some(*taint));
    let what = |taint: &Taint, node: u8| {
        let node = stage.seen.get(usize::from(node)).map_or("?", |node| &*node.name);
        format!("whether {node} has the taint {}:NoExecute", taint.key)
    };
    others.map(|(change, taint)| (change.at, what(taint, change.node))).collect()
}

/// The pods of a workload, in the order in which the log shows them.
fn pods_of<'s>(root: &'s Root<'_>, surveyor: &'s Surveyor) -> impl Iterator<Item = &'s Pod> {
    root.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid))
}

/// The writes that create a workload, its ReplicaSets and its pods, by UID; and those of pods also by name, where no other had the same.
fn created(root: &Root<'_>, surveyor: &Surveyor) -> BTreeMap<Rc<str>, Moment> {
    let register = &surveyor.pods.register;
    let uids = root.pods.iter().chain(&root.replica_sets).chain([&root.uid]);
    let known = |uid| surveyor.created.get(uid).copied();
    let named = root.pods.iter().filter_map(|uid| {
        let pod = register.by_uid.get(uid).filter(|pod| !register.is_reused(&pod.namespace, &pod.name))?;
        Some((Rc::clone(&pod.name), known(uid)?))
    });
    uids.filter_map(|uid| Some((Rc::clone(uid), known(uid)?))).chain(named).collect()
}

/// The names of the pods that EndpointSlices show terminating, with the first entry that does.
fn went(root: &Root<'_>, surveyor: &Surveyor) -> BTreeMap<Rc<str>, u64> {
    pods_of(root, surveyor).filter_map(|pod| Some((Rc::clone(&pod.name), pod.went?.0))).collect()
}

/// The Services of which it is known that they never selected a pod of this workload: none, if the labels of some pod change.
fn strange_services(root: &Root<'_>, surveyor: &Surveyor) -> BTreeSet<Rc<str>> {
    if pods_of(root, surveyor).any(|pod| pod.labels_changed.is_some() || pod.gained_labels) {
        return BTreeSet::new();
    }
    let pods = root.pods.iter().filter_map(|uid| {
        let pod = surveyor.pods.register.by_uid.get(uid)?;
        Some((uid, &*pod.labels))
    });
    surveyor.services.strangers(&root.namespace, pods)
}

/// The names of the pods that their kubelets evicted.
fn evicted(root: &Root<'_>, surveyor: &Surveyor) -> BTreeSet<Rc<str>> {
    pods_of(root, surveyor).filter(|pod| pod.evicted).map(|pod| Rc::clone(&pod.name)).collect()
}

/// The names of the pods, with their containers, in which several commands run.
fn commanded(root: &Root<'_>, surveyor: &Surveyor) -> BTreeSet<(Rc<str>, Rc<str>)> {
    let pods = pods_of(root, surveyor);
    let mut all = BTreeSet::new();
    for pod in pods {
        let containers = surveyor.commands.several_in(&root.namespace, &pod.name);
        all.extend(containers.map(|container| (Rc::clone(&pod.name), container)));
    }
    all
}

fn seen_revision(revision: &Revision) -> RevisionSeen {
    RevisionSeen { from: revision.from, replica_set: revision.replica_set.clone() }
}

fn named(selector: &Selector) -> Named {
    Named {
        namespace: Rc::clone(&selector.namespace),
        name: Rc::clone(&selector.name),
        span: selector.life.span(),
    }
}

/// What changes in the log and not in the model.
fn oddities(service: Option<&Selector>) -> Vec<String> {
    let mut says = Vec::new();
    if let Some(service) = service.filter(|service| service.is_shown_by_slices()) {
        says.push(format!(
            "Service/{} is not in the log, only its EndpointSlices: it is taken as one of type ClusterIP with defaults",
            service.name
        ));
    }
    says
}

/// What asks for something else during the log, where the model keeps what was asked for first.
fn unfollowed(
    read: &Read<'_>,
    service: Option<&Selector>,
    budgets: &[&Selector],
    surveyor: &Surveyor,
) -> Vec<(Moment, String)> {
    let of = |kind: &str, selector: &Selector| {
        Some((selector.changed?, format!("the spec of {kind}/{}", selector.name)))
    };
    let span = read.root.span(surveyor);
    let own = read.root.controller.and_then(|controller| controller.changed);
    let own = own.map(|at| (at, format!("the spec of {}, beside template and replicas,", read.root.name)));
    let services = service.and_then(|service| of("Service", service));
    let removed = service.and_then(|service| Some((service.life.gone?, service)));
    let is_missed = |(at, _): &(Moment, &Selector)| span.to.is_none_or(|to| *at < to);
    let removed = removed
        .filter(is_missed)
        .map(|(at, service)| (at, format!("whether Service/{} is there", service.name)));
    let budgets = budgets.iter().filter_map(|budget| of("PodDisruptionBudget", budget));
    // A pod that its ReplicaSet does not select any more is none of its own.
    let pods = read.root.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
    let pods =
        pods.filter_map(|pod| Some((pod.labels_changed?, format!("what Pod/{} has as labels", pod.name))));
    own.into_iter()
        .chain(services)
        .chain(removed)
        .chain(budgets)
        .chain(read.differing.clone())
        .chain(pods)
        .collect()
}
