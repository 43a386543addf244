//! From objects to a cluster for each workload: which Services, budgets, neighbours and nodes belong to it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{
    apps::v1 as apps, core::v1 as core, policy::v1 as policy, scheduling::v1 as scheduling,
};
use serde::de::DeserializeOwned;

use super::cursor::Object;
use super::decode::decode;
use super::fields::note_left_out;
use super::neighbours::{Ties, budget_selects, place, requests, ties};
use super::nodes::{at_most, generate, node};
use super::pod::{Context, template_labels};
use super::selector::show;
use super::service::{ParsedBudget, ParsedService, budget, service};
use super::tree::Value;
use super::workload::{Parsed, deployment, pod, replica_set};
use super::{Input, Options, Problem, Reading, Warning};
use crate::approximation::Approximations;
use crate::event::{Budget, Story};
use crate::left_out::{self, Row};
use crate::scenario::{Hang, Labels, Node, Resources, Scenario, Timing};

/// The most nodes that a state of the model can hold.
const MOST_NODES: usize = 60;

/// Everything that was read, by kind.
#[derive(Default)]
struct World<'o> {
    workloads: Vec<Parsed<'o>>,
    services: Vec<ParsedService<'o>>,
    budgets: Vec<ParsedBudget<'o>>,
    nodes: Vec<(Node, Vec<String>)>,
    /// Objects that belong to the input as a whole.
    shared: Vec<&'o Object>,
    /// Objects of other kinds.
    others: Vec<&'o Object>,
}

/// Reads the objects and gives each workload its cluster.
///
/// # Errors
/// All problems of all objects, and those between them.
pub fn assemble(objects: &[Object], options: &Options) -> Result<Reading, Vec<Problem>> {
    let namespaces: BTreeSet<String> = objects.iter().map(|object| object.namespace.clone()).collect();
    let world = World::of(objects, &Context { options, namespaces: &namespaces });
    refuse_duplicates(objects);
    let mut problems: Vec<Problem> =
        objects.iter().flat_map(|object| object.findings.borrow().problems.clone()).collect();
    if problems.is_empty() {
        world.refuse_idle_selectors();
        problems.extend(objects.iter().flat_map(|object| object.findings.borrow().problems.clone()));
        problems.extend(world.refuse_nothing(objects));
    }
    problems.sort();
    problems.dedup();
    if !problems.is_empty() {
        return Err(problems);
    }
    let workloads = world.workloads.iter().map(|own| world.input(own, options)).collect();
    Ok(Reading { workloads, warnings: world.warnings() })
}

/// Reads one object as a `T`, and notes what is wrong with it and what is left out.
fn read<T: DeserializeOwned>(object: &Object, api_version: &str) -> Option<T> {
    let at = object.cursor();
    if object.api_version == "policy/v1beta1" && api_version == "policy/v1" {
        at.field("apiVersion").warn("policy/v1beta1 is not served since Kubernetes 1.25; read as policy/v1");
    } else if object.api_version != api_version {
        at.field("apiVersion")
            .refuse(format!("of {} is '{}'", object.title(), object.api_version), api_version);
        return None;
    }
    if object.name.is_empty() {
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
    decoded.object.filter(|_| is_whole)
}

fn refuse_duplicates(objects: &[Object]) {
    let mut seen: BTreeMap<_, &Object> = BTreeMap::new();
    for object in objects.iter().filter(|object| !object.name.is_empty()) {
        let group = object.api_version.rsplit_once('/').map_or("", |(group, _)| group);
        if let Some(first) = seen.insert((group, &object.kind, &object.namespace, &object.name), object) {
            let place = first.place(first.tree.mark);
            object.cursor().at("metadata.name").refuse(
                format!(
                    "{} stands twice in namespace {}; the other is at {place}",
                    object.title(),
                    object.namespace
                ),
                "each object once",
            );
        }
    }
}

/// The labels of the pods that an object of a kind that is not represented would have.
fn labels_of_other(object: &Object) -> Option<Labels> {
    let spec = object.tree.get("spec")?;
    let template = spec.get("template").or_else(|| spec.get("jobTemplate")?.get("spec")?.get("template"))?;
    Some(template_labels(template))
}

impl<'o> World<'o> {
    fn of(objects: &'o [Object], context: &Context<'_>) -> Self {
        let mut world = Self::default();
        for object in objects {
            match object.kind.as_str() {
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
                "Service" if !object.api_version.contains('/') => {
                    let parsed =
                        read::<core::Service>(object, "v1").and_then(|given| service(object, &given));
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
                _ => world.others.push(object),
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
        known.chain(others).collect()
    }

    /// A Service or budget that selects no pod of the input, of whatever kind, most likely has a typo.
    fn refuse_idle_selectors(&self) {
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
            object.cursor().at("spec.selector").refuse(says, accepted);
        };
        for service in &self.services {
            refuse(service.object, &|namespace, labels| service.selects(namespace, labels));
        }
        for budget in self.budgets.iter().filter(|budget| budget.selector.is_some()) {
            refuse(budget.object, &|namespace, labels| budget_selects(budget, namespace, labels));
        }
    }

    fn refuse_nothing(&self, objects: &[Object]) -> Vec<Problem> {
        let problem = |says: String, accepted: &str| Problem {
            place: None,
            field: String::new(),
            says,
            accepted: accepted.into(),
        };
        let mut problems = Vec::new();
        if self.workloads.is_empty() {
            let kinds: BTreeSet<_> = objects.iter().map(|object| object.kind.as_str()).collect();
            let held = match objects.first() {
                None => "the input holds no object".to_owned(),
                Some(_) => format!(
                    "the input holds no workload that is represented, only {}",
                    Vec::from_iter(kinds).join(", ")
                ),
            };
            problems.push(problem(held, "at least one Deployment, ReplicaSet or Pod"));
        }
        if self.nodes.len() > MOST_NODES {
            problems.push(problem(format!("the input holds {} Nodes", self.nodes.len()), "at most 60 Nodes"));
        }
        problems
    }

    /// Warnings that concern no single workload.
    fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
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

    fn name(&self, own: &Parsed<'_>) -> String {
        let (kind, object) = (own.workload.kind, own.object);
        let is_namesake = |other: &Parsed<'_>| {
            other.workload.kind == kind
                && other.object.name == object.name
                && other.object.namespace != object.namespace
        };
        if self.workloads.iter().any(is_namesake) {
            format!("{}/{}/{}", kind.name(), object.namespace, object.name)
        } else {
            object.title()
        }
    }

    /// The Services that select a workload, by class: what they are but for their names, with the container that serves
    /// and the neighbours that share them.
    fn classes(
        &self,
        own: &Parsed<'_>,
        budgets: &[&ParsedBudget<'_>],
        assumptions: &mut Vec<String>,
    ) -> Vec<Class<'_, 'o>> {
        let mut classes: Vec<Class<'_, 'o>> = Vec::new();
        let labels = &own.workload.template.labels;
        for service in self.services.iter().filter(|service| service.selects(&own.object.namespace, labels)) {
            let (serving, says) = service.serving(&own.workload.template.containers);
            assumptions.extend(says);
            let ties = self.ties(own, Some(service), budgets);
            let named = |class: &Class<'_, '_>| crate::scenario::Service {
                name: class.name(),
                ..service.service.clone()
            };
            let known = classes.iter_mut().find(|class| {
                class.serving == serving
                    && class.ties == ties
                    && class.service.is_some_and(|known| known.service == named(class))
            });
            match known {
                Some(class) => class.names.push(service.object.name.clone()),
                None => classes.push(Class {
                    service: Some(service),
                    serving,
                    ties,
                    names: vec![service.object.name.clone()],
                }),
            }
        }
        if classes.is_empty() {
            let (serving, ties) = (own.workload.template.serving, self.ties(own, None, budgets));
            classes.push(Class { service: None, serving, ties, names: Vec::new() });
        }
        classes
    }

    fn ties(
        &self,
        own: &Parsed<'_>,
        service: Option<&ParsedService<'_>>,
        budgets: &[&ParsedBudget<'_>],
    ) -> Vec<Ties> {
        let of = |other: &Parsed<'_>| {
            let none = Ties { in_service: false, in_budget: false, by_placement: false };
            if std::ptr::eq(other, own) { none } else { ties(own, other, service, budgets) }
        };
        self.workloads.iter().map(of).collect()
    }

    fn input(&self, own: &Parsed<'o>, options: &Options) -> Input {
        let name = self.name(own);
        let labels = &own.workload.template.labels;
        let budgets: Vec<_> = self
            .budgets
            .iter()
            .filter(|budget| budget_selects(budget, &own.object.namespace, labels))
            .collect();
        let mut assumptions = own.assumptions.clone();
        let mut warnings = own.object.findings.borrow().warnings.clone();
        let mut rows = own.object.findings.borrow().rows.clone();
        let classes = self.classes(own, &budgets, &mut assumptions);
        let scaled: Vec<_> =
            budgets.iter().map(|budget| self.scaled(own, budget, &mut assumptions)).collect();
        if budgets.len() > 1 {
            let names: Vec<_> = budgets.iter().map(|budget| budget.object.name.as_str()).collect();
            let says = format!(
                "{name}: several PodDisruptionBudgets select it ({}): no eviction is granted",
                names.join(", ")
            );
            warnings
                .push(Warning { place: Some(budgets[1].object.place(budgets[1].object.tree.mark)), says });
        }
        let mut scenarios = Vec::new();
        for class in &classes {
            let others: Vec<_> = self
                .workloads
                .iter()
                .zip(class.ties.iter().copied())
                .filter(|(_, ties)| ties.any())
                .collect();
            let (nodes, says) = self.nodes(own, &others, options);
            assumptions.extend(says);
            let (neighbours, says) = place(&others, &nodes);
            warnings.extend(
                says.into_iter().map(|says| Warning { place: None, says: format!("{name}: {says}") }),
            );
            let mut workload = own.workload.clone();
            workload.template.serving = class.serving;
            scenarios.push(Scenario {
                name: if classes.len() > 1 {
                    format!("{name} behind Service/{}", class.name())
                } else {
                    name.clone()
                },
                release: options.release,
                nodes,
                spare_nodes: 0,
                workload,
                neighbours,
                one_proxy: true,
                addresses_are_reused: false,
                service: class.service.map(|service| service.service.clone()),
                budgets: scaled.clone(),
                story: Story::Create,
                events: Budget::default(),
                scale: None,
                slots: own.slots,
                latencies: options.latencies.clone(),
                timing: Timing::Untimed,
                approximations: Approximations::ALL,
                inaccurate_detectors: false,
                hang: Hang::RpcTimeout,
                mutant: None,
            });
        }
        let of_services =
            self.services.iter().filter(|service| service.selects(&own.object.namespace, labels));
        let related: Vec<&Object> = of_services
            .map(|service| service.object)
            .chain(budgets.iter().map(|budget| budget.object))
            .collect();
        for object in &related {
            warnings.extend(object.findings.borrow().warnings.iter().cloned());
            rows.extend(object.findings.borrow().rows.iter().copied());
        }
        warnings.extend(self.hidden_neighbours(&name, own, &budgets));
        warnings.sort();
        rows.extend(self.shared.iter().flat_map(|object| object.findings.borrow().rows.clone()));
        rows.extend(self.others.iter().filter_map(|object| left_out::object(&object.kind)));
        rows.extend(scenarios.iter().flat_map(left_out::behaviours));
        let position = |row: &&'static Row| left_out::ROWS.iter().position(|other| std::ptr::eq(*row, other));
        rows.sort_by_key(position);
        rows.dedup_by_key(|row| position(row));
        let mut seen = BTreeSet::new();
        assumptions.retain(|says| seen.insert(says.clone()));
        warnings.dedup();
        Input {
            name,
            scenarios,
            services: classes.into_iter().map(|class| class.names).collect(),
            manifest_replicas: own.workload.manifest_replicas,
            checked_replicas: own.workload.replicas,
            assumptions,
            warnings,
            left_out: rows,
        }
    }

    /// A budget at the size that is checked, counted over all the pods that it selects.
    fn scaled(
        &self,
        own: &Parsed<'_>,
        budget: &ParsedBudget<'_>,
        assumptions: &mut Vec<String>,
    ) -> crate::scenario::DisruptionBudget {
        let others = self.workloads.iter().filter(|other| {
            !std::ptr::eq(*other, own)
                && budget_selects(budget, &other.object.namespace, &other.workload.template.labels)
        });
        let (mut manifest, mut checked) = (own.workload.manifest_replicas, u32::from(own.workload.replicas));
        for other in others {
            manifest = manifest.saturating_add(other.workload.manifest_replicas);
            checked += u32::from(other.workload.replicas);
        }
        let (scaled, says) = budget.scaled(manifest, checked);
        assumptions.extend(says);
        scaled
    }

    /// The nodes of the input, else generated ones with room for all pods.
    fn nodes(
        &self,
        own: &Parsed<'_>,
        others: &[(&Parsed<'_>, Ties)],
        options: &Options,
    ) -> (Vec<Node>, Vec<String>) {
        if !self.nodes.is_empty() {
            let nodes = self.nodes.iter().map(|(node, _)| node.clone()).collect();
            return (nodes, self.nodes.iter().flat_map(|(_, says)| says.clone()).collect());
        }
        let times = |pods: u8, parsed: &Parsed<'_>| {
            let each = at_most(requests(&parsed.workload.template.containers).into_iter());
            let pods = u64::from(pods);
            Resources {
                cpu_milli: each.cpu_milli.saturating_mul(pods),
                memory: each.memory.saturating_mul(pods),
                pods,
            }
        };
        let rooms = others.iter().map(|(other, _)| times(other.workload.replicas, other));
        let room = rooms.fold(times(own.slots, own), |sum, more| Resources {
            cpu_milli: sum.cpu_milli.saturating_add(more.cpu_milli),
            memory: sum.memory.saturating_add(more.memory),
            pods: sum.pods.saturating_add(more.pods),
        });
        generate(options.nodes, &own.workload.template, room)
    }

    /// Pods of kinds that are not represented, and that a Service or budget of the workload selects too.
    fn hidden_neighbours(&self, name: &str, own: &Parsed<'_>, budgets: &[&ParsedBudget<'_>]) -> Vec<Warning> {
        let labels = &own.workload.template.labels;
        let services: Vec<_> =
            self.services.iter().filter(|service| service.selects(&own.object.namespace, labels)).collect();
        let mut warnings = Vec::new();
        for other in &self.others {
            let Some(labels) = labels_of_other(other) else { continue };
            let by_service = services
                .iter()
                .find(|service| service.selects(&other.namespace, &labels))
                .map(|service| service.object.title());
            let by_budget = budgets
                .iter()
                .find(|budget| budget_selects(budget, &other.namespace, &labels))
                .map(|budget| budget.object.title());
            if let Some(by) = by_service.or(by_budget) {
                let says =
                    format!("{name}: {by} also selects pods of {}, which is not represented", other.title());
                warnings.push(Warning { place: Some(other.place(other.tree.mark)), says });
            }
        }
        warnings
    }
}

/// Services that differ in nothing but their names.
struct Class<'w, 'o> {
    service: Option<&'w ParsedService<'o>>,
    serving: u8,
    ties: Vec<Ties>,
    names: Vec<String>,
}

impl Class<'_, '_> {
    fn name(&self) -> String {
        self.service.map(|service| service.object.name.clone()).unwrap_or_default()
    }
}
