//! What the log shows of Deployments and ReplicaSets: what they want, and each change of that.

use std::rc::Rc;

use serde_json::Value;

use super::documents;
use super::kept::Kept;
use super::life::{Life, Moment, Register, Sight};
use crate::record::{Object, Owner};

/// What is followed as it changes, or what nothing of the model comes of: old ReplicaSets are removed whenever that is.
const ASIDE: &[&str] = &["paused", "replicas", "template", "revisionHistoryLimit"];

/// A Deployment or ReplicaSet of the log.
#[derive(Debug)]
pub(super) struct Controller {
    pub namespace: Rc<str>,
    pub name: Rc<str>,
    /// The controller that owns it.
    pub owner: Option<Owner>,
    pub life: Life,
    /// Its manifest as it was first seen, without its name.
    pub manifest: Rc<Value>,
    /// The replicas that were wanted first.
    pub replicas: u32,
    /// Each change of them: the entry that shows it, and the replicas from then on.
    pub scales: Vec<(Moment, u32)>,
    /// Its template, and each that it got later, with the entry that shows it.
    pub templates: Vec<(Moment, Rc<Value>)>,
    /// The entry that shows a change of anything else that it asks for.
    pub changed: Option<Moment>,
    /// `deployment.kubernetes.io/revision`.
    pub number: u64,
    /// It as it was first seen, if its creation is not in the log.
    pub object: Option<Box<Object>>,
}

/// All controllers of one kind.
#[derive(Debug, Default)]
pub(super) struct Controllers {
    pub register: Register<Controller>,
    kept: Kept,
}

impl Controllers {
    /// Takes note of a controller of this kind.
    pub fn see(&mut self, at: Moment, sight: Sight, kind: &str, object: &Object, replicas: u32) {
        let controller = self.register.entry(object, || Controller {
            namespace: Rc::clone(&object.namespace),
            name: Rc::clone(&object.name),
            owner: object.owner.clone(),
            life: Life::new(at, sight),
            manifest: self.kept.share_nameless(documents::controller(kind, object)),
            replicas,
            scales: Vec::new(),
            templates: vec![(at, self.kept.share(documents::template(&object.whole)))],
            changed: None,
            number: 0,
            object: (sight != Sight::Created).then(|| Box::new(object.clone())),
        });
        if !controller.life.is_news(at, sight, object) || sight == Sight::Gone {
            return;
        }
        let number = &object.whole["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        controller.number = number.as_str().and_then(|text| text.parse().ok()).unwrap_or(controller.number);
        controller.scale(at, replicas);
        let template = documents::template(&object.whole);
        // Nothing comes of a template while a Deployment is paused (DEP-10).
        let is_paused = object.whole["spec"]["paused"] == true;
        if !is_paused && controller.templates.last().is_some_and(|(_, known)| **known != template) {
            controller.templates.push((at, self.kept.share(template)));
        }
        let asks_else = |manifest: &Value| documents::all_but(&manifest["spec"], ASIDE);
        if controller.changed.is_none() && asks_else(&controller.manifest) != asks_else(&object.whole) {
            controller.changed = Some(at);
        }
    }

    /// Takes note that the `scale` subresource was written.
    pub fn scale(&mut self, at: Moment, namespace: &Rc<str>, name: &Rc<str>, replicas: u32) {
        if let Some(controller) = self.register.named(namespace, name) {
            controller.scale(at, replicas);
        }
    }

    /// Takes note that a controller has been removed.
    pub fn remove(&mut self, at: Moment, namespace: &Rc<str>, name: &Rc<str>) {
        if let Some(controller) = self.register.named(namespace, name) {
            controller.life.gone.get_or_insert(at);
        }
    }
}

impl Controller {
    fn scale(&mut self, at: Moment, replicas: u32) {
        let known = self.scales.last().map_or(self.replicas, |&(_, replicas)| replicas);
        if known != replicas {
            self.scales.push((at, replicas));
        }
    }
}
