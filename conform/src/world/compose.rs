//! A scenario for each workload, out of all that a log showed.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_model::rules::CUSTOM_TAINT;
use podproof_vocabulary::Release;
use podproof_vocabulary::approximation::Approximations;
use podproof_vocabulary::event::{Budget, EventName, ScaleTarget};
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::manifest::{self, Annotated, Input};
use podproof_vocabulary::scenario::{PodTemplate, Scenario, TaintEffect, Toleration};
use serde_json::Value;

use super::documents::{self, Document};
use super::life::Moment;
use super::neighbours::{self, Other, Surroundings};
use super::observed::{Named, NodeChange, NotModelled, Observed, PodSeen, RevisionSeen, Scaling, World};
use super::processes;
use super::roots::{self, Revision, Root};
use super::selectors::Selector;
use super::stage::{self, Stage};
use super::surveyor::Surveyor;

/// So many pods of a workload have a slot each, and never use one again.
const FEW_PODS: usize = 100;
/// The most pods of a workload that a state can remember at once.
const MOST_SLOTS: usize = 250;
/// The most template changes of a Deployment that a state can hold.
const MOST_ROLLOUTS: usize = 59;

/// A workload whose manifest was read.
struct Read<'s> {
    root: Root<'s>,
    revisions: Vec<Revision>,
    services: Vec<&'s Selector>,
    budgets: Vec<&'s Selector>,
    /// Its manifest, with the pods of its first template.
    manifest: Value,
    input: Input,
    warnings: Vec<String>,
}

/// The world of a log that was seen.
pub(super) fn world(surveyor: &Surveyor, release: Option<Release>, annotated: &[Annotated]) -> World {
    let (shown, says) = surveyor.versions.release();
    let (release, says) = release.map_or((shown, says), |release| (release, None));
    let options = manifest::Options {
        nodes: 1,
        replicas: 100,
        release,
        latencies: Latencies::of(release),
        on_sigterm: None,
        listens_after_seconds: None,
    };
    let (roots, mut not_modelled) = roots::roots(surveyor);
    if surveyor.unseen > 0 {
        not_modelled.insert(NotModelled {
            what: format!("{} objects that were created", surveyor.unseen),
            why: "the log does not hold them (an audit policy of level Metadata)".into(),
        });
    }
    let mut read = Vec::new();
    for root in roots {
        let what = root.name.clone();
        match read_root(root, surveyor, &options) {
            Ok(one) => read.push(one),
            Err(why) => {
                not_modelled.insert(NotModelled { what, why });
            }
        }
    }
    let composer =
        Composer { surveyor, options: &options, annotated, templates: templates(&read), names: names(&read) };
    let workloads: Vec<_> = read.iter().flat_map(|one| composer.observe(one)).collect();
    let pods = pods(surveyor, &workloads);
    let warnings = says.into_iter().collect();
    World { workloads, not_modelled: not_modelled.into_iter().collect(), release, warnings, pods }
}

/// Every pod of the log, with the workloads that it is of.
fn pods(surveyor: &Surveyor, workloads: &[Observed]) -> BTreeMap<Rc<str>, PodSeen> {
    let all = surveyor.pods.register.by_uid.iter().map(|(uid, pod)| {
        let seen = PodSeen {
            namespace: Rc::clone(&pod.namespace),
            name: Rc::clone(&pod.name),
            first: pod.life.first,
            span: pod.life.span(),
            bound: pod.bound.clone(),
            workloads: Vec::new(),
        };
        (Rc::clone(uid), seen)
    });
    let mut pods: BTreeMap<_, _> = all.collect();
    for (index, workload) in workloads.iter().enumerate() {
        for uid in &workload.pods {
            if let Some(pod) = pods.get_mut(uid) {
                pod.workloads.push(index);
            }
        }
    }
    pods
}

/// Reads the manifest of a workload, with the Services and budgets that select it.
fn read_root<'s>(
    root: Root<'s>,
    surveyor: &'s Surveyor,
    options: &manifest::Options,
) -> Result<Read<'s>, String> {
    let revisions = roots::revisions(&root, surveyor);
    let (labels, span) = (root.labels(surveyor), root.span(surveyor));
    let mut names = BTreeSet::new();
    let mut selecting = |selectors: &'s super::selectors::Selectors| {
        names.clear();
        let found = selectors.selecting(&root.namespace, &labels, &root.pods).into_iter();
        // Of several that had one name, the first that the workload saw.
        found
            .filter(|selector| selector.life.span().overlaps(span) && names.insert(Rc::clone(&selector.name)))
            .collect::<Vec<_>>()
    };
    let services = selecting(&surveyor.services);
    let budgets = selecting(&surveyor.budgets);
    let selectors = services.iter().map(|service| ("Service", service));
    let selectors = selectors.chain(budgets.iter().map(|budget| ("PodDisruptionBudget", budget)));
    let mut documents: Vec<_> = selectors
        .map(|(kind, selector)| Document {
            title: format!("{kind}/{}", selector.name),
            manifest: selector.manifest(&labels),
            may_be_left_out: true,
        })
        .collect();
    if !surveyor.nodes.by_name.is_empty() {
        documents.push(stage::stand_in());
    }
    let manifest = |replica_set: Option<&Rc<str>>| {
        root.manifest(surveyor, replica_set).ok_or("the log has no manifest of it")
    };
    let mut read = |manifest: &Value| {
        let (title, manifest) = (root.name.clone(), manifest.clone());
        documents.push(Document { title, manifest, may_be_left_out: false });
        let read = documents::read(&documents, options);
        documents.pop();
        read
    };
    let first = manifest(revisions.first().and_then(|first| first.replica_set.as_ref()))?;
    let (input, mut warnings) = read(&first)?;
    let template = |input: &Input| input.scenarios.first().map(|scenario| scenario.workload.template.clone());
    for (number, revision) in revisions.iter().enumerate().skip(1).filter(|(_, revision)| !revision.is_back) {
        let Some(set) = &revision.replica_set else { continue };
        let other = manifest(Some(set))?;
        let is_other = read(&other).map_or(true, |(other, _)| template(&other) != template(&input));
        if is_other {
            warnings.push(format!(
                "template {} changes more than a template hash; the model gives its pods what template 1 has",
                number + 1
            ));
        }
    }
    Ok(Read { root, revisions, services, budgets, manifest: first, input, warnings })
}

/// The template of each pod of a workload.
fn templates(read: &[Read<'_>]) -> BTreeMap<Rc<str>, Rc<PodTemplate>> {
    let mut templates = BTreeMap::new();
    for one in read {
        let Some(scenario) = one.input.scenarios.first() else { continue };
        let template = Rc::new(scenario.workload.template.clone());
        templates.extend(one.root.pods.iter().map(|uid| (Rc::clone(uid), Rc::clone(&template))));
    }
    templates
}

/// What the workload of each pod is called.
fn names(read: &[Read<'_>]) -> BTreeMap<Rc<str>, String> {
    let of = |one: &Read<'_>| {
        let name = one.root.name.clone();
        one.root
            .pods
            .iter()
            .enumerate()
            .map(move |(number, uid)| (Rc::clone(uid), format!("{name} {number}")))
            .collect::<Vec<_>>()
    };
    read.iter().flat_map(of).collect()
}

/// What all workloads are composed with.
struct Composer<'c> {
    surveyor: &'c Surveyor,
    options: &'c manifest::Options,
    annotated: &'c [Annotated],
    templates: BTreeMap<Rc<str>, Rc<PodTemplate>>,
    names: BTreeMap<Rc<str>, String>,
}

impl Composer<'_> {
    /// A workload with its worlds, one for each class of Services.
    fn observe(&self, read: &Read<'_>) -> Vec<Observed> {
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
        let stage = Stage::of(root, surveyor, self.options);
        warnings.extend(stage.warnings.iter().cloned());
        assumptions.extend(stage.assumptions.iter().cloned());
        if stage.nodes.is_empty() {
            warnings.push("the log shows no node: the model has one that is made up".into());
        } else {
            scenario.nodes.clone_from(&stage.nodes);
        }
        scenario.spare_nodes = stage.spare;
        warnings.extend(self.tolerate_events(&mut scenario, &stage.changes));
        self.set_finalizer(&mut scenario, root, &mut warnings);
        let budgets: Vec<_> = scenario
            .budgets
            .iter()
            .filter_map(|budget| read.budgets.iter().copied().find(|known| *known.name == *budget.name))
            .collect();
        let surroundings = Surroundings {
            scenario: &scenario,
            nodes: &stage.seen,
            span,
            own_nodes: stage.own.clone(),
            service,
            budgets: &budgets,
        };
        let (neighbours, seen, too_many) = surroundings.neighbours(self.others(root));
        if too_many > 0 {
            warnings.push(format!(
                "{too_many} of the pods beside it are left out: a scenario holds {}",
                neighbours::MOST
            ));
        }
        scenario.neighbours = neighbours;
        let scales = scales(root, span.from);
        scenario.slots = slots(root, surveyor);
        set_story(&mut scenario, read.revisions.len() - 1, &scales, &mut warnings);
        warnings.extend(oddities(read, service, &budgets, surveyor));
        Observed {
            kind: root.kind,
            namespace: Rc::clone(&root.namespace),
            object_name: Rc::clone(&root.object_name),
            uid: Rc::clone(&root.uid),
            controller: root.owner.clone(),
            span: root.life.span(),
            pods: root.pods.clone(),
            revisions: read.revisions.iter().map(seen_revision).collect(),
            scales,
            service: service.map(named),
            budgets: budgets.into_iter().map(named).collect(),
            nodes: stage.seen,
            node_changes: stage.changes,
            neighbours: seen,
            existing: root.existing(surveyor),
            assumptions,
            warnings,
            scenario,
        }
    }

    /// The pods of other workloads.
    fn others<'o>(&'o self, root: &'o Root<'_>) -> impl Iterator<Item = Other<'o>> {
        let own: BTreeSet<_> = root.pods.iter().collect();
        let all = self.surveyor.pods.register.by_uid.iter();
        all.filter(move |(uid, _)| !own.contains(uid)).map(|(uid, pod)| Other {
            uid,
            pod,
            name: self.names.get(uid).map_or(&*pod.name, String::as_str),
            template: self.templates.get(uid).map(Rc::as_ref),
        })
    }

    /// A NoExecute taint that a user sets during the log is a `taint-node` event, whose taint has a key of its own: what the
    /// pods tolerate of the one they tolerate of the other.
    fn tolerate_events(&self, scenario: &mut Scenario, changes: &[NodeChange]) -> Option<String> {
        let come = changes.iter().flat_map(|change| {
            let comes = |taint: &&_| !change.before.taints.contains(taint);
            change.after.taints.iter().filter(comes)
        });
        let of_events: Vec<_> = come.filter(|taint| taint.effect == TaintEffect::NoExecute).collect();
        let tolerations = &mut scenario.workload.template.tolerations;
        let tolerated = |taint: &podproof_vocabulary::scenario::Taint| {
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

/// The slots of a workload: one for each of its pods. Of more than a hundred pods as many as there were at once, and a
/// quarter more for those that are gone and remembered, but a hundred at least.
fn slots(root: &Root<'_>, surveyor: &Surveyor) -> u8 {
    let pods = root.pods.len();
    let spans = root.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
    let mut turns = Vec::new();
    for span in spans.map(|pod| pod.life.span()) {
        turns.push((span.from, 1));
        turns.extend(span.to.map(|to| (to, -1)));
    }
    turns.sort_unstable();
    let (mut now, mut at_once) = (0_i64, 0_i64);
    for (_, change) in turns {
        now += change;
        at_once = at_once.max(now);
    }
    let at_once = usize::try_from(at_once).unwrap_or(0);
    let remembered = (at_once + at_once.div_ceil(4)).max(FEW_PODS);
    // Of those that were there before the log, some may never be in it.
    let unseen = root.controller.filter(|controller| controller.life.existed);
    let unseen = unseen.map_or(0, |controller| usize::try_from(controller.replicas).unwrap_or(usize::MAX));
    let pods = pods.saturating_add(unseen);
    u8::try_from(pods.min(remembered).clamp(1, MOST_SLOTS)).unwrap_or(u8::MAX)
}

/// The events of a scenario: whatever the log may show must be possible in the model.
fn set_story(scenario: &mut Scenario, rollouts: usize, scales: &[Scaling], warnings: &mut Vec<String>) {
    if rollouts > MOST_ROLLOUTS {
        warnings
            .push(format!("{rollouts} template changes are more than a state can hold ({MOST_ROLLOUTS})"));
    }
    let count = |number: usize, most: usize| u8::try_from(number.min(most)).unwrap_or(u8::MAX);
    let mut events = Budget::default();
    for event in EventName::all() {
        events.set(event, u8::MAX);
    }
    events.set(EventName::Rollout, count(rollouts, MOST_ROLLOUTS));
    events.set(EventName::Scale, count(scales.len(), usize::from(u8::MAX)));
    scenario.events = events;
    scenario.scale =
        scales.first().map(|scaling| ScaleTarget::To(u8::try_from(scaling.replicas).unwrap_or(u8::MAX)));
    scenario.one_proxy = false;
    scenario.approximations = Approximations::NONE;
}

/// The scalings after a workload began.
fn scales(root: &Root<'_>, from: Moment) -> Vec<Scaling> {
    let scales = root.controller.map_or(&[][..], |controller| &controller.scales);
    scales.iter().filter(|(at, _)| *at >= from).map(|&(at, replicas)| Scaling { at, replicas }).collect()
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
fn oddities(
    read: &Read<'_>,
    service: Option<&Selector>,
    budgets: &[&Selector],
    surveyor: &Surveyor,
) -> Vec<String> {
    let mut says = Vec::new();
    if let Some(service) = service.filter(|service| service.is_shown_by_slices()) {
        says.push(format!(
            "Service/{} is not in the log, only its EndpointSlices: it is taken as one of type ClusterIP with defaults",
            service.name
        ));
    }
    if read.root.controller.is_some_and(|controller| controller.changed.is_some()) {
        says.push("its spec changes beside template and replicas; the model keeps what it was first".into());
    }
    if read.revisions.iter().any(|revision| revision.is_back) {
        says.push("it goes back to a template that it had; the model makes a new ReplicaSet for it".into());
    }
    for selector in service.into_iter().chain(budgets.iter().copied()).filter(|one| one.changed.is_some()) {
        says.push(format!("the spec of {} changes; the model keeps what it was first", selector.name));
    }
    let pods = read.root.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
    for pod in pods.filter(|pod| pod.labels_changed) {
        says.push(format!("the labels of Pod/{} change; the model keeps what they were first", pod.name));
    }
    says
}
