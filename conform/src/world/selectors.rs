//! What the log shows of Services and PodDisruptionBudgets, and which pods they select.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::manifest;
use podproof_vocabulary::scenario::{LabelSelector, Labels};
use serde_json::{Value, json};

use super::documents;
use super::kept::{Kept, named};
use super::life::{Life, Moment, Register, Sight, Span};
use crate::record::{Object, SliceFacts};

/// A Service or PodDisruptionBudget of the log.
#[derive(Debug)]
pub(super) struct Selector {
    pub namespace: Rc<str>,
    pub name: Rc<str>,
    pub life: Life,
    /// Its manifest as it was first seen, without its name.
    manifest: Rc<Value>,
    selects: Selects,
    /// The entry that creates it.
    created: Option<Moment>,
    /// The entry that shows a change of what it asks for.
    pub changed: Option<Moment>,
}

/// An EndpointSlice of the log.
#[derive(Debug)]
struct SliceLife {
    /// Its namespace, and its Service.
    of: (Rc<str>, Rc<str>),
    /// `addressType`.
    family: Rc<str>,
    life: Life,
}

/// What a Service or PodDisruptionBudget selects.
#[derive(Debug)]
enum Selects {
    /// Pods with these labels; none selects nothing.
    Labels(Option<LabelSelector>),
    /// These pods, by UID: it is a Service that only its EndpointSlices show.
    Pods(BTreeSet<Rc<str>>),
}

/// All Services, or all budgets.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    pub register: Register<Selector>,
    kept: Kept,
    /// EndpointSlices, by namespace and name.
    slices: BTreeMap<(Rc<str>, Rc<str>), SliceLife>,
}

impl Selectors {
    /// The EndpointSlices that a Service had at a moment, each with its family.
    pub fn slices_at(&self, at: Moment, service: &Selector) -> Vec<(Rc<str>, Rc<str>)> {
        let was_there = |slice: &SliceLife| {
            let Span { from, to } = slice.life.span();
            let of = (&slice.of.0, &slice.of.1) == (&service.namespace, &service.name);
            of && (slice.life.existed || from < at) && to.is_none_or(|to| at < to)
        };
        let there = self.slices.iter().filter(|(_, slice)| was_there(slice));
        there.map(|((_, name), slice)| (Rc::clone(name), Rc::clone(&slice.family))).collect()
    }

    /// Takes note of a Service.
    pub fn see_service(&mut self, at: Moment, sight: Sight, object: &Object) {
        let labels = &object.whole["spec"]["selector"];
        let selects_some = labels.as_object().is_some_and(|labels| !labels.is_empty());
        let selector = selects_some.then(|| label_selector(&json!({"matchLabels": labels}))).flatten();
        let manifest = self.kept.share_nameless(documents::service(object));
        let known = self.register.named(&object.namespace, &object.name);
        if let Some(known) = known.filter(|known| known.is_shown_by_slices() && known.life.gone.is_none()) {
            known.manifest = manifest;
            known.selects = Selects::Labels(selector);
            known.created = (sight == Sight::Created).then_some(at);
            return;
        }
        self.see(at, sight, object, manifest, selector);
    }

    /// Takes note of an EndpointSlice: the Service that it is of may have been written before the log began.
    pub fn see_slice(&mut self, at: Moment, sight: Sight, slice: &Object, facts: &SliceFacts) {
        if facts.service.is_empty() {
            return;
        }
        let name = (Rc::clone(&slice.namespace), Rc::clone(&slice.name));
        let known = self.slices.entry(name).or_insert_with(|| SliceLife {
            of: (Rc::clone(&slice.namespace), Rc::clone(&facts.service)),
            family: Rc::clone(&facts.family),
            life: Life::new(at, sight),
        });
        known.life.is_news(at, sight, slice);
        if known.of.1 != facts.service {
            return;
        }
        let service = Object { name: Rc::clone(&facts.service), uid: "".into(), ..slice.clone() };
        if self.register.named(&service.namespace, &service.name).is_none() {
            self.register.entry(&service, || Selector {
                namespace: Rc::clone(&service.namespace),
                name: Rc::clone(&service.name),
                life: Life::new(at, Sight::Found),
                manifest: self.kept.share_nameless(documents::service_of(slice, &facts.service)),
                selects: Selects::Pods(BTreeSet::new()),
                created: None,
                changed: None,
            });
        }
        let record = self.register.named(&service.namespace, &service.name);
        if let Some(Selects::Pods(pods)) = record.map(|record| &mut record.selects) {
            pods.extend(facts.endpoints.iter().filter_map(|endpoint| endpoint.uid.clone()));
        }
    }

    /// Takes note of a PodDisruptionBudget.
    pub fn see_budget(&mut self, at: Moment, sight: Sight, object: &Object) {
        let manifest = self.kept.share_nameless(documents::budget(object));
        let given = &object.whole["spec"]["selector"];
        // The empty selector selects nothing in policy/v1beta1, and everything in policy/v1.
        let is_empty = given.as_object().is_some_and(serde_json::Map::is_empty);
        let is_old = object.whole["apiVersion"] == "policy/v1beta1";
        let selector = label_selector(given).filter(|_| !(is_empty && is_old));
        self.see(at, sight, object, manifest, selector);
    }

    fn see(
        &mut self,
        at: Moment,
        sight: Sight,
        object: &Object,
        manifest: Rc<Value>,
        selector: Option<LabelSelector>,
    ) {
        let record = self.register.entry(object, || Selector {
            namespace: Rc::clone(&object.namespace),
            name: Rc::clone(&object.name),
            life: Life::new(at, sight),
            manifest: Rc::clone(&manifest),
            selects: Selects::Labels(selector),
            created: (sight == Sight::Created).then_some(at),
            changed: None,
        });
        if record.life.is_news(at, sight, object)
            && record.changed.is_none()
            && documents::service_asks(&record.manifest["spec"]) != documents::service_asks(&manifest["spec"])
        {
            record.changed = Some(at);
        }
    }

    /// Takes note that an EndpointSlice has been removed.
    pub fn remove_slice(&mut self, at: Moment, namespace: &Rc<str>, name: &Rc<str>) {
        if let Some(slice) = self.slices.get_mut(&(Rc::clone(namespace), Rc::clone(name))) {
            slice.life.gone.get_or_insert(at);
        }
    }

    /// Takes note that one has been removed.
    pub fn remove(&mut self, at: Moment, namespace: &Rc<str>, name: &Rc<str>) {
        if let Some(record) = self.register.named(namespace, name) {
            record.life.gone.get_or_insert(at);
        }
    }

    /// Those that select one of these pods in this namespace, or pods with these labels, in the order of their names.
    pub fn selecting<'s>(&'s self, namespace: &str, labels: &Labels, pods: &[Rc<str>]) -> Vec<&'s Selector> {
        let all = self.register.by_uid.values();
        let selects = |record: &&Selector| match &record.selects {
            Selects::Labels(_) => record.selects(namespace, labels, ""),
            Selects::Pods(_) => pods.iter().any(|uid| record.selects(namespace, labels, uid)),
        };
        let mut found: Vec<_> = all.filter(selects).collect();
        found.sort_by_key(|record| (Rc::clone(&record.name), record.life.first));
        found
    }

    /// The names of those of this namespace of which it is known that they never selected one of these pods, which have these labels.
    pub fn strangers<'p>(
        &self,
        namespace: &Rc<str>,
        pods: impl Iterator<Item = (&'p Rc<str>, &'p Labels)> + Clone,
    ) -> BTreeSet<Rc<str>> {
        let all = self.register.by_uid.values();
        let is_stranger = |one: &&Selector| {
            *one.namespace == **namespace
                && one.is_as_it_was()
                && !self.register.is_reused(namespace, &one.name)
                && !pods.clone().any(|(uid, labels)| one.selects(namespace, labels, uid))
        };
        all.filter(is_stranger).map(|one| Rc::clone(&one.name)).collect()
    }

    /// The entry that creates a Service, if none of this name was removed; and whether it asked for the same as long as it was there.
    pub fn steady(&self, service: &Selector) -> (Option<Moment>, bool) {
        let is_first = !self.register.is_reused(&service.namespace, &service.name);
        (service.created.filter(|_| is_first), service.is_as_it_was())
    }
}

impl Selector {
    /// What it asks for is known from its beginning, or from that of the log, and nobody has changed it.
    fn is_as_it_was(&self) -> bool {
        !self.is_shown_by_slices()
            && self.changed.is_none()
            && (self.created.is_some() || self.life.sight == Sight::Listed)
    }

    /// Does it select this pod, which has these labels and is in this namespace?
    pub fn selects(&self, namespace: &str, labels: &Labels, uid: &str) -> bool {
        *self.namespace == *namespace
            && match &self.selects {
                Selects::Labels(selector) => {
                    selector.as_ref().is_some_and(|selector| manifest::selects(selector, labels))
                }
                Selects::Pods(pods) => pods.contains(uid),
            }
    }

    /// The ports of pods that a Service sends to, with their protocols. None if only slices show them, if one has a name, which each
    /// pod may give to another number, or if they change during the log.
    pub fn target_ports(&self) -> Option<BTreeSet<(u16, Rc<str>)>> {
        if self.is_shown_by_slices() || self.changed.is_some() {
            return None;
        }
        let port = |port: &Value| {
            let number = match &port["targetPort"] {
                Value::Null => port["port"].as_u64()?,
                target => target.as_u64()?,
            };
            // The API server sets a target of 0 to the port (`SetDefaults_Service`).
            let number = if number == 0 { port["port"].as_u64()? } else { number };
            Some((u16::try_from(number).ok()?, port["protocol"].as_str().unwrap_or("TCP").into()))
        };
        let ports = self.manifest["spec"]["ports"].as_array().filter(|ports| !ports.is_empty())?;
        ports.iter().map(port).collect()
    }

    /// Only EndpointSlices show it.
    pub fn is_shown_by_slices(&self) -> bool {
        matches!(self.selects, Selects::Pods(_))
    }

    /// Its manifest, for a workload that it selects and whose pods have these labels.
    pub fn manifest(&self, labels: &Labels) -> Value {
        let mut manifest = named(&self.manifest, &self.name);
        if self.is_shown_by_slices() {
            let lasting = labels.iter().filter(|(key, _)| *key != documents::TEMPLATE_HASH);
            manifest["spec"]["selector"] = json!(lasting.collect::<BTreeMap<_, _>>());
        }
        manifest
    }
}

/// `matchLabels` and `matchExpressions`; none of what is no selector.
fn label_selector(given: &Value) -> Option<LabelSelector> {
    given.as_object()?;
    let expressions = given["matchExpressions"].as_array().into_iter().flatten();
    let expressions: Vec<Value> = expressions
        .map(|one| json!({"key": one["key"], "operator": one["operator"], "values": listed(&one["values"])}))
        .collect();
    let labels = if given["matchLabels"].is_object() { given["matchLabels"].clone() } else { json!({}) };
    serde_json::from_value(json!({"labels": labels, "expressions": expressions})).ok()
}

/// A list, empty where there is none.
fn listed(given: &Value) -> Value {
    if given.is_array() { given.clone() } else { json!([]) }
}
