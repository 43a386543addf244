//! What the log shows of Services and PodDisruptionBudgets, and which pods they select.

use std::rc::Rc;

use podproof_vocabulary::manifest;
use podproof_vocabulary::scenario::{LabelSelector, Labels};
use serde_json::{Value, json};

use super::documents;
use super::life::{Life, Moment, Register, Sight};
use crate::record::Object;

/// A Service or PodDisruptionBudget of the log.
#[derive(Debug)]
pub(super) struct Selector {
    pub namespace: Rc<str>,
    pub name: Rc<str>,
    pub life: Life,
    /// Its manifest as it was first seen.
    pub manifest: Value,
    /// What it selects; none selects nothing.
    selector: Option<LabelSelector>,
    /// The entry that shows a change of what it asks for.
    pub changed: Option<Moment>,
}

/// All Services, or all budgets.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    pub register: Register<Selector>,
}

impl Selectors {
    /// Takes note of a Service.
    pub fn see_service(&mut self, at: Moment, sight: Sight, object: &Object) {
        let labels = &object.whole["spec"]["selector"];
        let selects_some = labels.as_object().is_some_and(|labels| !labels.is_empty());
        let selector = selects_some.then(|| label_selector(&json!({"matchLabels": labels}))).flatten();
        self.see(at, sight, object, documents::service(object), selector);
    }

    /// Takes note of a PodDisruptionBudget.
    pub fn see_budget(&mut self, at: Moment, sight: Sight, object: &Object) {
        let manifest = documents::budget(object);
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
        manifest: Value,
        selector: Option<LabelSelector>,
    ) {
        let record = self.register.entry(object, || Selector {
            namespace: Rc::clone(&object.namespace),
            name: Rc::clone(&object.name),
            life: Life::new(at, sight),
            manifest: manifest.clone(),
            selector,
            changed: None,
        });
        if record.life.is_news(at, sight, object)
            && record.changed.is_none()
            && record.manifest["spec"] != manifest["spec"]
        {
            record.changed = Some(at);
        }
    }

    /// Takes note that one has been removed.
    pub fn remove(&mut self, at: Moment, namespace: &Rc<str>, name: &Rc<str>) {
        if let Some(record) = self.register.named(namespace, name) {
            record.life.gone.get_or_insert(at);
        }
    }

    /// Those that select pods with these labels in this namespace, in the order of their names.
    pub fn selecting<'s>(&'s self, namespace: &str, labels: &Labels) -> Vec<&'s Selector> {
        let all = self.register.by_uid.values();
        let mut found: Vec<_> = all.filter(|record| record.selects(namespace, labels)).collect();
        found.sort_by_key(|record| (Rc::clone(&record.name), record.life.first));
        found
    }
}

impl Selector {
    /// Does it select pods with these labels in this namespace?
    pub fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        *self.namespace == *namespace
            && self.selector.as_ref().is_some_and(|selector| manifest::selects(selector, labels))
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
