//! Everything that the input holds, by kind, and what is wrong between its objects.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::Metadata;
use k8s_openapi::api::{
    apps::v1 as apps, core::v1 as core, policy::v1 as policy, scheduling::v1 as scheduling,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;

use super::aside::Aside;
use super::cursor::Object;
use super::decode::decode;
use super::fields::note_left_out;
use super::hidden::Hidden;
use super::neighbours::budget_selects;
use super::nodes::node;
use super::pod::{Context, template_labels};
use super::selector::show;
use super::service::{ParsedBudget, ParsedService, budget, service};
use super::tree::{Tree, Value};
use super::workload::{Parsed, deployment, pod, replica_set};
use super::{Place, Problem, Source, Warning, names};
use crate::left_out;
use crate::scenario::limits::NODES_MAX;
use crate::scenario::{Labels, Node};

/// Everything that was read, by kind.
#[derive(Default)]
pub struct World<'o> {
    /// Deployments, ReplicaSets and Pods.
    pub workloads: Vec<Parsed<'o>>,
    /// Services that select pods.
    pub services: Vec<ParsedService<'o>>,
    /// PodDisruptionBudgets.
    pub budgets: Vec<ParsedBudget<'o>>,
    /// Nodes, each with what was assumed of it.
    pub nodes: Vec<(Node, Vec<String>)>,
    /// Objects that belong to the input as a whole.
    pub shared: Vec<&'o Object>,
    /// Objects of other kinds.
    pub others: Vec<&'o Object>,
    /// Of these, those that make pods.
    pub hidden: Vec<Hidden<'o>>,
    /// What is no part of what is checked.
    pub aside: Aside<'o>,
}

/// Reads one object as a `T`, and notes what is wrong with it and what is left out.
fn read<T: DeserializeOwned + Metadata<Ty = ObjectMeta>>(object: &Object, api_version: &str) -> Option<T> {
    let at = object.cursor();
    if object.api_version == "policy/v1beta1" && api_version == "policy/v1" {
        at.field("apiVersion").warn("policy/v1beta1 is not served since Kubernetes 1.25; read as policy/v1");
    } else if object.api_version != api_version {
        at.field("apiVersion")
            .refuse(format!("of {} is '{}'", object.title(), object.api_version), api_version);
        return None;
    }
    let name = object.tree.get("metadata").and_then(|metadata| metadata.get("name"));
    if object.name.is_empty() && name.is_none_or(|name| matches!(name.value, Value::Null | Value::String(_)))
    {
        at.at("metadata.name").refuse("is missing", format!("the name of the {}", object.kind));
    }
    let mut tree = Cow::Borrowed(&object.tree);
    if object.api_version != api_version
        && let Value::Mapping(entries) = &mut tree.to_mut().value
    {
        // The version is part of the type; what is to be said of it was said above.
        for entry in entries.iter_mut().filter(|entry| entry.key == "apiVersion") {
            entry.value.value = Value::String(api_version.into());
        }
    }
    let decoded = decode::<T>(&tree);
    let is_whole = decoded.misfits.is_empty();
    for misfit in decoded.misfits {
        let place = misfit.mark.map(|mark| object.place(mark));
        let problem = Problem { place, field: misfit.path, says: misfit.says, accepted: misfit.accepted };
        object.findings.borrow_mut().problems.push(problem);
    }
    note_left_out(object, &decoded.used);
    let given = decoded.object.filter(|_| is_whole)?;
    names::metadata(object, given.metadata());
    Some(given)
}

/// Refuses a second object of one kind, namespace and name, of the kinds that are represented. Others, such as a Namespace that each
/// file begins with, may stand twice, as files are applied one after the other. Of objects that only say what their names begin with
/// each gets another.
pub fn refuse_duplicates(objects: &[&Object]) {
    let mut seen: BTreeMap<_, &Object> = BTreeMap::new();
    let is_named = |object: &&&Object| {
        object.tree.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Tree::text).is_some()
    };
    for &object in objects.iter().filter(|object| is_represented(object)).filter(is_named) {
        let group = object.api_version.rsplit_once('/').map_or("", |(group, _)| group);
        if let Some(first) = seen.insert((group, &object.kind, &object.namespace, &object.name), object) {
            let place = first.place(first.tree.mark);
            let whose = match object.kind.as_str() {
                "Node" | "PriorityClass" => String::new(),
                _ => format!(" in namespace {}", object.namespace),
            };
            object.cursor().at("metadata.name").refuse(
                format!("{} stands twice{whose}; the other is at {place}", object.title()),
                "each object once",
            );
        }
    }
}

/// Is it of a kind that is read, and not of one of the same name in a group of somebody's own?
fn is_represented(object: &Object) -> bool {
    let group = match object.kind.as_str() {
        "Deployment" | "ReplicaSet" => "apps",
        "Pod" | "Service" | "Node" => "",
        "PodDisruptionBudget" => "policy",
        "PriorityClass" => "scheduling.k8s.io",
        _ => return false,
    };
    let own = object.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    // What has the group of no such kind is a typo or of an old version, and is refused where it is read.
    own == group || !own.contains('.') || own.ends_with(".k8s.io")
}

/// The template of the pods that an object of a kind that is not represented would have.
pub fn template_of_other(object: &Object) -> Option<&Tree> {
    let spec = object.tree.get("spec")?;
    spec.get("template").or_else(|| spec.get("jobTemplate")?.get("spec")?.get("template"))
}

/// Their labels.
pub fn labels_of_other(object: &Object) -> Option<Labels> {
    template_of_other(object).map(template_labels)
}

impl<'o> World<'o> {
    /// Reads each object, and sorts them by kind.
    pub fn of(aside: Aside<'o>, objects: &[&'o Object], context: &Context<'_>) -> Self {
        let mut world = Self { aside, ..Self::default() };
        for &object in objects {
            match object.kind.as_str() {
                _ if !is_represented(object) => {
                    world.hidden.extend(Hidden::of(object, context));
                    world.others.push(object);
                }
                "Deployment" => {
                    let given = read::<apps::Deployment>(object, "apps/v1");
                    world.workloads.extend(given.and_then(|given| deployment(object, &given, context)));
                }
                "ReplicaSet" => {
                    let given = read::<apps::ReplicaSet>(object, "apps/v1");
                    world.workloads.extend(given.and_then(|given| replica_set(object, &given, context)));
                }
                "Pod" => {
                    let given = read::<core::Pod>(object, "v1");
                    world.workloads.extend(given.and_then(|given| pod(object, &given, context)));
                }
                "Service" => {
                    let parsed = read::<core::Service>(object, "v1")
                        .and_then(|given| service(object, &given, context.options.release));
                    match parsed {
                        Some(parsed) => world.services.push(parsed),
                        None => world.shared.push(object),
                    }
                }
                "PodDisruptionBudget" => {
                    let given = read::<policy::PodDisruptionBudget>(object, "policy/v1");
                    world
                        .budgets
                        .extend(given.and_then(|given| budget(object, &given, context.options.release)));
                }
                "Node" => {
                    world.nodes.extend(read::<core::Node>(object, "v1").map(|given| node(object, &given)));
                    world.shared.push(object);
                }
                "PriorityClass" => {
                    read::<scheduling::PriorityClass>(object, "scheduling.k8s.io/v1");
                    world.shared.push(object);
                }
                kind => unreachable!("{kind} is represented"),
            }
        }
        world
    }

    /// Who has pods in the input: namespace, labels, and name.
    fn pods(&self) -> Vec<(String, Labels, String)> {
        let known = self.workloads.iter().map(|parsed| {
            (parsed.object.namespace.clone(), parsed.workload.template.labels.clone(), parsed.object.title())
        });
        let others = self
            .others
            .iter()
            .filter_map(|object| Some((object.namespace.clone(), labels_of_other(object)?, object.title())));
        known.chain(others).chain(self.aside.pods()).collect()
    }

    /// A Service or budget that selects no pod of the input, of whatever kind, most likely has a typo.
    pub fn refuse_idle_selectors(&self) {
        let pods = self.pods();
        let refuse = |object: &Object, selects: &dyn Fn(&str, &Labels) -> bool| {
            if pods.iter().any(|(namespace, labels, _)| selects(namespace, labels)) {
                return;
            }
            let here = &object.namespace;
            let elsewhere = pods.iter().find(|(_, labels, _)| selects(here, labels));
            let says = match elsewhere {
                Some((namespace, _, title)) => {
                    format!(
                        "selects no pod of the input in namespace {here}; it would select those of {title} in namespace {namespace}"
                    )
                }
                None => format!("selects no pod of the input in namespace {here}"),
            };
            let near: Vec<_> = pods
                .iter()
                .filter(|(namespace, ..)| namespace == here)
                .map(|(_, labels, title)| format!("{} of {title}", show(labels)))
                .collect();
            let some = near.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
            let accepted = if near.is_empty() {
                "a selector that matches the labels of a pod template".into()
            } else {
                format!("a selector that matches the labels of a pod template: {some}")
            };
            // Pods that nobody of the input has may be those that an operator makes of an object of a kind of its own.
            let is_strange =
                |other: &&&Object| other.namespace == *here && left_out::object(&other.kind).is_none();
            match self.others.iter().find(is_strange) {
                Some(other) => object.cursor().at("spec.selector").warn(format!(
                    "{says}; whether {} has pods that it would select is not known",
                    other.title()
                )),
                None => object.cursor().at("spec.selector").refuse(says, accepted),
            }
        };
        for service in &self.services {
            refuse(service.object, &|namespace, labels| service.selects(namespace, labels));
        }
        for budget in self.budgets.iter().filter(|budget| budget.selector.is_some()) {
            refuse(budget.object, &|namespace, labels| budget_selects(budget, namespace, labels));
        }
    }

    /// An input without a workload, and one that is too large.
    pub fn refuse_nothing(&self, objects: &[&Object], sources: &[Source]) -> Vec<Problem> {
        let problem = |place: Option<Place>, says: String, accepted: &str| Problem {
            place,
            field: String::new(),
            says,
            accepted: accepted.into(),
        };
        let mut problems = Vec::new();
        if self.workloads.is_empty() {
            let kinds: BTreeSet<_> = objects.iter().map(|object| object.kind.as_str()).collect();
            let kinds = Vec::from_iter(kinds).join(", ");
            let held = match (objects.first(), self.aside.hooks()) {
                (None, None) => "no object".to_owned(),
                (None, Some(hooks)) => format!("no workload, only {hooks}"),
                (Some(_), None) => format!("no workload that is represented, only {kinds}"),
                (Some(_), Some(hooks)) => {
                    format!("no workload that is represented, only {kinds}, and {hooks}")
                }
            };
            let more = match sources {
                [_, more @ ..] if !more.is_empty() => {
                    let names: Vec<_> = more.iter().map(|source| source.path.as_str()).collect();
                    format!(", with {},", names.join(", "))
                }
                _ => String::new(),
            };
            let start = |source: &Source| Place { file: source.path.clone(), line: 1, column: 1 };
            let says = format!("the input{more} holds {held}");
            let accepted = "at least one Deployment, ReplicaSet or Pod";
            problems.push(problem(sources.first().map(start), says, accepted));
        }
        if self.nodes.len() > NODES_MAX {
            let first_too_many = self.shared.iter().filter(|object| object.kind == "Node").nth(NODES_MAX);
            let place = first_too_many.map(|object| object.place(object.tree.mark));
            let says = format!("the input holds {} Nodes", self.nodes.len());
            problems.push(problem(place, says, &format!("at most {NODES_MAX} Nodes")));
        }
        problems
    }

    /// Warnings that concern no single workload.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.aside.warnings();
        let mut kinds: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for object in &self.others {
            kinds.entry(&object.kind).or_default().push(object);
        }
        for (kind, objects) in kinds {
            let first = objects[0];
            let count =
                if objects.len() > 1 { format!(" ({} objects)", objects.len()) } else { String::new() };
            let reason = left_out::object(kind).map_or("the model does not know the kind", |row| row.reason);
            let says = format!("{kind}{count} is not represented: {reason}");
            warnings.push(Warning { place: Some(first.place(first.tree.mark)), says });
        }
        let is_alone = |namespace: &str, selects: &dyn Fn(&str, &Labels) -> bool| {
            !self.workloads.iter().any(|parsed| {
                parsed.object.namespace == namespace && selects(namespace, &parsed.workload.template.labels)
            })
        };
        let services = self
            .services
            .iter()
            .filter(|service| is_alone(&service.object.namespace, &|ns, labels| service.selects(ns, labels)));
        let budgets = self.budgets.iter().filter(|budget| {
            is_alone(&budget.object.namespace, &|ns, labels| budget_selects(budget, ns, labels))
        });
        let lonely: Vec<&Object> =
            services.map(|service| service.object).chain(budgets.map(|budget| budget.object)).collect();
        for object in &lonely {
            let says = format!(
                "{} selects no pods of a kind that is represented, and is not checked",
                object.title()
            );
            warnings.push(Warning { place: Some(object.place(object.tree.mark)), says });
        }
        for object in lonely.iter().chain(&self.shared) {
            warnings.extend(object.findings.borrow().warnings.iter().cloned());
        }
        warnings.sort();
        warnings
    }
}
