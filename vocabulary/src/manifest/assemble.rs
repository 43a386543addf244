//! From objects to a cluster for each workload: which Services, budgets, neighbours and nodes belong to it.

use std::collections::{BTreeMap, BTreeSet};

use super::affinity::NAMESPACE_NAME;
use super::aside::Aside;
use super::autoscaler::Autoscalers;
use super::class::{Class, behind};
use super::cursor::Object;
use super::neighbours::{Ties, add, budget_selects, count, effective, may_have_ended, place, requests, ties};
use super::nodes::generate;
use super::pod::{Context, template_labels};
use super::service::{ParsedBudget, ParsedService};
use super::workload::Parsed;
use super::world::{World, refuse_duplicates};
use super::{
    Input, Options, Problem, Reading, Source, Warning, adoption, attached, fields, full_size, hidden,
    setting, webhook,
};
use crate::approximation::Approximations;
use crate::event::{Budget, Story};
use crate::left_out::{self, Row};
use crate::scenario::probing::latest_failure;
use crate::scenario::{
    Beginning, BudgetAsk, Hang, IntOrPercent, Labels, Node, Resources, Scenario, Timing, WorkloadKind,
};

/// The namespaces that the input knows, with their labels: those of the Namespaces that are in it, and the one that each has.
fn namespaces(objects: &[Object]) -> BTreeMap<String, Labels> {
    let named = |name: &String| (name.clone(), Labels::from([(NAMESPACE_NAME.to_owned(), name.clone())]));
    let mut namespaces: BTreeMap<String, Labels> =
        objects.iter().map(|object| named(&object.namespace)).collect();
    for object in objects.iter().filter(|object| object.kind == "Namespace" && object.api_version == "v1") {
        let (name, mut labels) = named(&object.name);
        labels.extend(template_labels(&object.tree));
        namespaces.insert(name, labels);
    }
    namespaces
}

/// Reads the objects and gives each workload its cluster.
///
/// # Errors
/// All problems of all objects, and those between them.
pub fn assemble(objects: &[Object], sources: &[Source], options: &Options) -> Result<Reading, Vec<Problem>> {
    let namespaces = namespaces(objects);
    let (aside, objects) = Aside::part(objects);
    let autoscalers = Autoscalers::of(&objects);
    let context = Context { options, namespaces: &namespaces, autoscalers: &autoscalers };
    let world = World::of(aside, &objects, &context);
    refuse_duplicates(&objects);
    let mut problems: Vec<Problem> =
        objects.iter().flat_map(|object| object.findings.borrow().problems.clone()).collect();
    if problems.is_empty() {
        world.refuse_idle_selectors();
        problems.extend(objects.iter().flat_map(|object| object.findings.borrow().problems.clone()));
        problems.extend(world.refuse_nothing(&objects, sources));
    }
    problems.sort();
    problems.dedup();
    if !problems.is_empty() {
        return Err(problems);
    }
    let workloads = world.workloads.iter().map(|own| world.input(own, options)).collect();
    Ok(Reading { workloads, warnings: world.warnings() })
}

impl<'o> World<'o> {
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
        (assumptions, warnings): (&mut Vec<String>, &mut Vec<Warning>),
    ) -> Vec<Class<'_, 'o>> {
        let mut classes: Vec<Class<'_, 'o>> = Vec::new();
        let labels = &own.workload.template.labels;
        for service in self.services.iter().filter(|service| service.selects(&own.object.namespace, labels)) {
            let (serving, says) = service.serving(&own.workload.template.containers);
            if serving.is_empty() {
                // What is sent nothing breaks no promise about requests: nobody should take that for a proof.
                let place = service.object.place(service.object.tree.mark);
                let name = self.name(own);
                let warning = |says| Warning { place: Some(place.clone()), says: format!("{name}: {says}") };
                warnings.extend(says.into_iter().map(warning));
                continue;
            }
            assumptions.extend(says);
            let ties = self.ties(own, Some(service), budgets);
            // Hooks and signals go to each container by itself.
            for serving in serving {
                let named = |class: &Class<'_, '_>| crate::scenario::Service {
                    name: class.name(),
                    ..service.service.clone()
                };
                let known = classes.iter_mut().find(|class| {
                    class.serving == serving
                        && class.ties == ties
                        && class.service().is_some_and(|known| known.service == named(class))
                });
                match known {
                    Some(class) => class.services.push(service),
                    None => classes.push(Class { services: vec![service], serving, ties: ties.clone() }),
                }
            }
        }
        if classes.is_empty() {
            let (serving, ties) = (own.workload.template.serving, self.ties(own, None, budgets));
            classes.push(Class { services: Vec::new(), serving, ties });
        }
        classes
    }

    fn ties(
        &self,
        own: &Parsed<'_>,
        service: Option<&ParsedService<'_>>,
        budgets: &[&ParsedBudget<'_>],
    ) -> Vec<Ties> {
        let short = self.short(own);
        let of = |other: &Parsed<'_>| {
            let none = Ties {
                in_service: false,
                in_budget: false,
                by_placement: false,
                by_room: false,
                by_what_ended: false,
            };
            if std::ptr::eq(other, own) {
                return none;
            }
            let ties = ties(own, other, service, budgets);
            let wanted = effective(&requests(&other.workload.template.containers));
            let takes_room = short.pods
                || (short.cpu_milli && wanted.cpu_milli > 0)
                || (short.memory && wanted.memory > 0);
            Ties { by_room: ties.by_room || takes_room, ..ties }
        };
        self.workloads.iter().map(of).collect()
    }

    /// What `own` asks for, and some node of the input has not enough of for all pods of all workloads at once: there it matters what other
    /// workloads take (FLT-3). Generated nodes have room for all.
    fn short(&self, own: &Parsed<'_>) -> Short {
        let own_each = effective(&requests(&own.workload.template.containers));
        let sum = self.workloads.iter().fold(Resources::default(), |sum, other| {
            let is_own = std::ptr::eq(other, own);
            // Also what a rollout of the manifest's own size takes.
            let pods = if is_own {
                own.pods_at_once.max(own.slots.into())
            } else {
                other.workload.manifest_replicas
            };
            add(sum, room_of(pods, other))
        });
        let lacks =
            |of: fn(&Resources) -> u64| self.nodes.iter().any(|(node, _)| of(&node.allocatable) < of(&sum));
        Short {
            cpu_milli: own_each.cpu_milli > 0 && lacks(|room| room.cpu_milli),
            memory: own_each.memory > 0 && lacks(|room| room.memory),
            pods: lacks(|room| room.pods),
        }
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
        let mut blocked_drains = Vec::new();
        let mut rows = own.object.findings.borrow().rows.clone();
        let classes = self.classes(own, &budgets, (&mut assumptions, &mut warnings));
        let scaled: Vec<_> =
            budgets.iter().map(|budget| self.scaled(own, budget, &mut assumptions)).collect();
        if budgets.len() > 1 {
            let names: Vec<_> = budgets.iter().map(|budget| budget.object.name.as_str()).collect();
            let says = format!(
                "{name}: several PodDisruptionBudgets select it ({}): no eviction is granted",
                names.join(", ")
            );
            blocked_drains
                .push(Warning { place: Some(budgets[1].object.place(budgets[1].object.tree.mark)), says });
        }
        blocked_drains.extend(budgets.iter().filter_map(|budget| self.forbids(own, budget)));
        warnings.extend(blocked_drains.iter().cloned());
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
            assumptions.extend(others.iter().map(|(other, ties)| never_changes(other, *ties)));
            let ended = self.workloads.iter().zip(&class.ties).filter(|(_, ties)| ties.by_what_ended);
            assumptions.extend(ended.map(|(other, _)| has_ended(other)));
            let (neighbours, says) = place(own, &others, &nodes, !self.nodes.is_empty());
            warnings.extend(
                says.into_iter().map(|says| Warning { place: None, says: format!("{name}: {says}") }),
            );
            let lacks = full_size::lacks_room(own, &nodes, &neighbours, options.release)
                .filter(|_| !self.nodes.is_empty());
            if let Some(lack) = lacks {
                rows.extend(left_out::behaviour(full_size::ROOM).filter(|_| lack.concerns_rollouts));
                let place = Some(own.object.place(own.object.tree.mark));
                warnings.push(Warning { place, says: format!("{name}: {}", lack.says) });
            }
            let hidden = self.hidden_places(&name, own, &nodes, &neighbours);
            rows.extend(left_out::behaviour(hidden::HIDDEN).filter(|_| !hidden.is_empty()));
            warnings.extend(hidden);
            let found = class.notes(own);
            rows.extend(found.rows);
            assumptions.extend(found.assumptions);
            warnings.extend(found.warnings);
            if self.nodes.is_empty() {
                let more = |count| self.nodes(own, &others, &Options { nodes: count, ..options.clone() }).0;
                let says = full_size::lacks_nodes(own, &nodes, more, options.release);
                let place = || Some(own.object.place(own.object.tree.mark));
                warnings.extend(says.map(|says| Warning { place: place(), says: format!("{name}: {says}") }));
            }
            let mut workload = own.workload.clone();
            workload.template.serving = class.serving;
            scenarios.push(Scenario {
                name: if classes.len() > 1 { behind(&name, own, class, &classes) } else { name.clone() },
                release: options.release,
                nodes,
                spare_nodes: 0,
                workload,
                neighbours,
                one_proxy: true,
                addresses_are_reused: false,
                service: class.service().map(|service| service.service.clone()),
                budgets: scaled.clone(),
                begins: Beginning::Nothing,
                story: Story::Create,
                events: Budget::default(),
                scale: None,
                scale_targets: Vec::new(),
                rollouts: Vec::new(),
                deletion_graces: Vec::new(),
                event_taint: None,
                slots: own.slots,
                latencies: options.latencies.clone(),
                timing: Timing::Untimed,
                approximations: Approximations::ALL,
                inaccurate_detectors: false,
                hang: Hang::RpcTimeout,
                ring_capacity: crate::scenario::RING_CAPACITY,
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
        warnings.extend(never_ready(own, &scenarios[0]));
        rows.extend(self.doubts_of_room(own, &rows, scenarios[0].nodes.len()));
        let adoptions = adoption::of(own, &self.workloads);
        rows.extend(left_out::behaviour(adoption::ADOPTION).filter(|_| !adoptions.is_empty()));
        warnings.extend(adoptions);
        let added = webhook::added(own.object, &self.others);
        rows.extend(left_out::behaviour(webhook::ADDED).filter(|_| !added.is_empty()));
        warnings.extend(added);
        warnings.sort();
        rows.extend(self.shared.iter().flat_map(|object| object.findings.borrow().rows.clone()));
        rows.extend(self.others.iter().filter_map(|object| left_out::object(&object.kind)));
        rows.extend(scenarios.iter().flat_map(left_out::behaviours));
        rows.sort_by_key(|row| row.position());
        rows.dedup();
        let mut seen = BTreeSet::new();
        assumptions.retain(|says| seen.insert(says.clone()));
        warnings.dedup();
        let objects: Vec<&Object> = budgets.iter().map(|budget| budget.object).collect();
        let settings = |class: &Class<'_, '_>| {
            let serving = &own.workload.template.containers[usize::from(class.serving)];
            (class.serving, setting::places(own.object, own.workload.kind, &serving.name, &objects))
        };
        Input {
            name,
            place: own.object.place(own.object.tree.mark),
            settings: classes.iter().map(settings).collect(),
            scenarios,
            target_ports: classes.iter().map(|class| class.target_of(own)).collect(),
            services: classes.iter().map(Class::names).collect(),
            nodes_are_given: !self.nodes.is_empty(),
            manifest_replicas: own.workload.manifest_replicas,
            checked_replicas: own.workload.replicas,
            scaled_by: own.scaled_by.clone(),
            attached: attached::claim(own.object, &self.others),
            assumptions,
            warnings,
            blocked_drains,
            left_out: rows,
        }
    }

    /// Rows of room that the pods of `own` may lack, and that is not looked at: on so many nodes, and with what was noted of it.
    fn doubts_of_room(&self, own: &Parsed<'o>, noted: &[&Row], nodes: usize) -> Vec<&'static Row> {
        let mut doubts = Vec::new();
        if !self.nodes.is_empty() && fields::asks_for_more(noted) {
            doubts.extend(left_out::behaviour(fields::UNCOUNTED));
        }
        let overlap = own.workload.kind != WorkloadKind::Pod && own.pods_at_once > 1;
        let has_one_place = attached::is_of_one_pod(own.object, &self.others)
            || (nodes > 1 && attached::claim(own.object, &self.others).is_some());
        if overlap && has_one_place {
            doubts.extend(left_out::behaviour(attached::ATTACHED));
        }
        doubts
    }

    /// A budget at the size that is checked, counted over all the pods that it expects.
    fn scaled(
        &self,
        own: &Parsed<'_>,
        budget: &ParsedBudget<'_>,
        assumptions: &mut Vec<String>,
    ) -> crate::scenario::DisruptionBudget {
        let expects_all = matches!(budget.budget.ask, BudgetAsk::MinAvailable(IntOrPercent::Int(_)));
        let (manifest, checked) = self.selected(own, budget, expects_all);
        let own = (own.workload.manifest_replicas, own.workload.replicas.into());
        let (scaled, says) = budget.scaled(manifest, checked, own);
        assumptions.extend(says);
        scaled
    }

    /// The pods that a budget of a workload selects, with or without those of no controller: those of the manifest, and those that are
    /// checked.
    fn selected(&self, own: &Parsed<'_>, budget: &ParsedBudget<'_>, with_bare: bool) -> (u32, u32) {
        let all = self.workloads.iter().filter(|other| {
            let labels = &other.workload.template.labels;
            std::ptr::eq(*other, own)
                || (budget_selects(budget, &other.object.namespace, labels) && !may_have_ended(other))
        });
        let counted = all.filter(|of| with_bare || of.workload.kind != WorkloadKind::Pod);
        let count = |of: &Parsed<'_>| (of.workload.manifest_replicas, u32::from(of.workload.replicas));
        counted.map(count).fold((0, 0), |(manifest, checked), (more, more_checked)| {
            (manifest.saturating_add(more), checked + more_checked)
        })
    }

    /// A budget that no eviction of a healthy pod is within (PDB-4, EVI-4): what is evicted waits for ever, as drains do. Unless it asks
    /// for a number of available pods it expects none without a controller (PDB-1), and with none expected it grants no eviction.
    fn forbids(&self, own: &Parsed<'_>, budget: &ParsedBudget<'_>) -> Option<Warning> {
        let (pods, _) = self.selected(own, budget, true);
        let expected = match budget.budget.ask {
            BudgetAsk::MinAvailable(IntOrPercent::Int(_)) => pods,
            _ => self.selected(own, budget, false).0,
        };
        let hint = if expected == 0 { "" } else { "; maxUnavailable: 1 allows one" };
        let says = format!(
            "{} allows no disruption while all pods that it selects are healthy, {pods}: no eviction of them is granted, and a drain \
             waits for ever{hint}",
            budget.object.title()
        );
        let allowed = match expected {
            0 => 0,
            _ => pods.saturating_sub(budget.budget.ask.desired_healthy(expected)),
        };
        (pods > 0 && allowed == 0)
            .then(|| Warning { place: Some(budget.object.place(budget.object.tree.mark)), says })
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
        let rooms = others.iter().map(|(other, ties)| room_of(count(other, *ties, false), other));
        let room = rooms.fold(room_of(own.slots.into(), own), add);
        generate(options.nodes, &own.workload.template, room)
    }
}

/// Containers that are killed each time before they listen.
fn never_ready(own: &Parsed<'_>, scenario: &Scenario) -> Vec<Warning> {
    let template = &scenario.workload.template;
    let late = template.containers.iter().filter(|own| own.fails_before_listening(&scenario.latencies));
    late.filter_map(|container| {
        let (kind, probe) = container.guard()?;
        let says = format!(
            "container {} listens {} s after its start, and its {kind} probe has failed for good {} s after it at the latest: it is \
             killed each time, and {}",
            container.name,
            container.listens_after_seconds,
            latest_failure(&probe),
            // CND-9: without a readiness probe what runs and has started is ready.
            match container.startup_probe.or(container.readiness_probe) {
                Some(_) => "no pod ever becomes Ready",
                None => "never accepts a connection, though its pod is Ready in between",
            }
        );
        Some(Warning { place: Some(own.object.place(own.object.tree.mark)), says })
    })
    .collect()
}

/// What is taken for granted of the pods of another workload.
fn never_changes(other: &Parsed<'_>, ties: Ties) -> String {
    let title = other.object.title();
    if ties.in_service {
        format!(
            "the pods of {title}, behind the same Service, are Ready, and stay so unless their node is drained, tainted or fails; what \
             else may happen to them is not followed here"
        )
    } else if may_have_ended(other) {
        format!("the pod of {title} stays where it is")
    } else {
        format!("the pods of {title} are healthy, and stay where they are")
    }
}

/// What is taken for granted of a Pod that runs to its end.
fn has_ended(other: &Parsed<'_>) -> String {
    format!(
        "{}, which ends (restartPolicy {:?}), has ended, or is not Ready: no connection goes to it, and no budget counts it",
        other.object.title(),
        other.workload.template.restart_policy
    )
}

/// What so many pods of a workload take at most.
fn room_of(pods: u32, parsed: &Parsed<'_>) -> Resources {
    let each = effective(&requests(&parsed.workload.template.containers));
    let pods = u64::from(pods);
    Resources {
        cpu_milli: each.cpu_milli.saturating_mul(pods),
        memory: each.memory.saturating_mul(pods),
        pods,
    }
}

/// Of which resources a node may not have enough.
#[derive(Clone, Copy)]
struct Short {
    cpu_milli: bool,
    memory: bool,
    pods: bool,
}
