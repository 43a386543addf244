//! Pods of kinds that are not represented: what of them concerns a workload is told, and that they are nowhere proves nothing.

use std::cell::RefCell;
use std::rc::Rc;

use k8s_openapi::api::core::v1 as core;

use super::Warning;
use super::cursor::{Findings, Object};
use super::decode::decode;
use super::neighbours::{
    add, budget_selects, clash, effective, host_ports, is_tolerated, is_wanted, requests, term_selects,
};
use super::pod::{Context, pod_template};
use super::selector::selects;
use super::service::ParsedBudget;
use super::tree::Value;
use super::workload::Parsed;
use super::world::{World, labels_of_other, template_of_other};
use crate::scenario::{Neighbour, Node, PodTemplate, Resources, WorkloadKind};

/// The row of what is left out.
pub const HIDDEN: &str = "pods of kinds that are not represented take places";

/// An object of a kind that is not represented, with the pods that it makes.
pub struct Hidden<'o> {
    object: &'o Object,
    template: PodTemplate,
    /// How many there are; none, if there is one on each node.
    pods: Option<u32>,
}

impl<'o> Hidden<'o> {
    /// Reads what an object makes, if that is pods. What the API server would refuse of it is not told.
    pub fn of(object: &'o Object, context: &Context<'_>) -> Option<Self> {
        let template = template_of_other(object)?;
        let given = decode::<core::PodTemplateSpec>(template).object?;
        let own = Object {
            file: Rc::clone(&object.file),
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            tree: template.clone(),
            findings: RefCell::new(Findings::default()),
        };
        let metadata = given.metadata.unwrap_or_default();
        let (template, _) =
            pod_template(&own.cursor(), &metadata, &given.spec?, WorkloadKind::ReplicaSet, context);
        let spec = object.tree.get("spec")?;
        let job = spec.get("jobTemplate").and_then(|job| job.get("spec")).unwrap_or(spec);
        let count = match object.kind.as_str() {
            "Job" | "CronJob" => job.get("parallelism"),
            _ => spec.get("replicas"),
        };
        let count = match count.map(|count| &count.value) {
            Some(&Value::Int(count)) => u32::try_from(count).unwrap_or(1),
            _ => 1,
        };
        let pods = (object.kind != "DaemonSet").then_some(count);
        Some(Self { object, template, pods })
    }

    /// What all that may be on one node ask for.
    fn on_one_node(&self) -> Resources {
        let each = effective(&requests(&self.template.containers));
        let pods = u64::from(self.pods.unwrap_or(1));
        Resources {
            cpu_milli: each.cpu_milli.saturating_mul(pods),
            memory: each.memory.saturating_mul(pods),
            pods,
        }
    }

    /// Why a pod of `own` may not be where one of them is, or has to be there.
    fn bears_on(&self, own: &Parsed<'_>) -> Option<&'static str> {
        let (mine, theirs) = (&own.workload, &self.template);
        let namespace = &self.object.namespace;
        let mut terms = mine.template.pod_affinity.iter().chain(&mine.template.pod_anti_affinity);
        let mut spread = mine.template.spread.iter().filter_map(|constraint| constraint.selector.as_ref());
        let is_selected = terms.any(|term| term_selects(term, &mine.namespace, namespace, &theirs.labels))
            || (mine.namespace == *namespace && spread.any(|selector| selects(selector, &theirs.labels)));
        let labels = &mine.template.labels;
        let keeps_away = theirs
            .pod_anti_affinity
            .iter()
            .any(|term| term_selects(term, namespace, &mine.namespace, labels));
        let (own_ports, their_ports) =
            (host_ports(&mine.template.containers), host_ports(&theirs.containers));
        match self.pods {
            Some(0) => None,
            _ if is_selected => Some("its affinity, anti-affinity or spread selects them"),
            _ if keeps_away => Some("their anti-affinity selects its pods"),
            _ if clash(&own_ports, &their_ports) => Some("they hold a host port that it wants"),
            _ => None,
        }
    }
}

/// Can what they take leave too little for the pods of `own` that are there at once? They may be on any node, all of them; where no other
/// pods are asked for or forbidden, one node may be lost.
fn take_room(own: &Parsed<'_>, nodes: &[Node], neighbours: &[Neighbour], hidden: &[Hidden<'_>]) -> bool {
    let template = &own.workload.template;
    let each = effective(&requests(&template.containers));
    let wanted = u64::from(own.pods_at_once.max(own.slots.into()));
    let all = hidden.iter().map(Hidden::on_one_node).fold(Resources::default(), add);
    let fit = |node: &Node, taken: Resources| {
        let left = |room: u64, taken: u64, each: u64| {
            room.saturating_sub(taken).checked_div(each).unwrap_or(u64::MAX)
        };
        let room = &node.allocatable;
        left(room.cpu_milli, taken.cpu_milli, each.cpu_milli)
            .min(left(room.memory, taken.memory, each.memory))
            .min(left(room.pods, taken.pods, 1))
            .min(wanted)
    };
    let usable = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| is_tolerated(template, node) && is_wanted(template, node));
    let each_node: Vec<(u64, u64)> = usable
        .map(|(place, node)| {
            let here = neighbours.iter().filter(|neighbour| usize::from(neighbour.node) == place);
            let of = |neighbour: &Neighbour| Resources { pods: 1, ..effective(&neighbour.requests) };
            let taken = here.map(of).fold(Resources::default(), add);
            (fit(node, taken), fit(node, add(taken, all)))
        })
        .collect();
    let is_free = template.pod_affinity.is_empty()
        && template.pod_anti_affinity.is_empty()
        && template.spread.is_empty()
        && template.node_name.is_none();
    let beside = each_node.iter().map(|(_, beside)| *beside);
    let most = beside.clone().max().unwrap_or(0);
    let is_enough = is_free && beside.sum::<u64>().saturating_sub(most) >= wanted;
    !is_enough && each_node.iter().any(|(alone, beside)| beside < alone)
}

impl World<'_> {
    /// What is told of pods of kinds that are not represented, and that may be where the pods of a workload have to be.
    pub fn hidden_places(
        &self,
        name: &str,
        own: &Parsed<'_>,
        nodes: &[Node],
        neighbours: &[Neighbour],
    ) -> Vec<Warning> {
        let is_short = !self.nodes.is_empty() && take_room(own, nodes, neighbours, &self.hidden);
        let wants = effective(&requests(&own.workload.template.containers));
        let told = self.hidden.iter().filter_map(|hidden| {
            let takes = hidden.on_one_node();
            let takes_some = (takes.cpu_milli > 0 && wants.cpu_milli > 0)
                || (takes.memory > 0 && wants.memory > 0)
                || (wants.cpu_milli == 0 && wants.memory == 0 && takes.pods > 0);
            let why = hidden
                .bears_on(own)
                .or_else(|| (is_short && takes_some).then_some("they may take room that it needs on its nodes"))?;
            let object = hidden.object;
            let says = format!(
                "{name}: the pods of {}, which are not represented, are on no node here, and {why}: whether its pods find a place is \
                 not decided",
                object.title()
            );
            Some(Warning { place: Some(object.place(object.tree.mark)), says })
        });
        told.collect()
    }

    /// Pods of kinds that are not represented, and that a Service or budget of the workload selects too.
    pub fn hidden_neighbours(
        &self,
        name: &str,
        own: &Parsed<'_>,
        budgets: &[&ParsedBudget<'_>],
    ) -> Vec<Warning> {
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
