//! Deployments, ReplicaSets and Pods, as large as the manifest has them and as small as they are checked.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::asked::{Asked, asked};
use super::autoscaler::Scaled;
use super::cursor::{Cursor, Object};
use super::full_size::pods_of_a_rollout;
use super::names;
use super::pod::{Context, pod_template, refuse_annotations};
use super::selector::{label_selector, selects, show};
use super::tree::quoted;
use crate::scenario::limits::{NUMBER_MAX, SLOTS_MAX};
use crate::scenario::{IntOrPercent, LabelSelector, Labels, Strategy, Workload, WorkloadKind};

/// The most pod slots that a state of the model can hold.
const MOST_SLOTS: u32 = SLOTS_MAX as u32;

/// A workload of the input.
pub struct Parsed<'o> {
    /// Where it was read.
    pub object: &'o Object,
    /// It, at the size that is checked.
    pub workload: Workload,
    /// Slots for its pods: twice what a rollout may have at once.
    pub slots: u8,
    /// Pods that the nodes must have room for at the size of the manifest, so that a rollout gets through.
    pub pods_at_once: u32,
    /// The selector of a Deployment or ReplicaSet, which adopts what it selects.
    pub selector: Option<LabelSelector>,
    /// The labels of the object, if nobody controls it.
    pub orphan: Option<Labels>,
    /// What the readiness probes of its containers ask.
    pub asked: BTreeMap<String, Asked>,
    /// Who sets its replicas, if it is not whoever writes its manifest.
    pub scaled_by: Option<String>,
    /// What was assumed.
    pub assumptions: Vec<String>,
}

/// Reads a Deployment.
pub fn deployment<'o>(
    object: &'o Object,
    given: &apps::Deployment,
    context: &Context<'_>,
) -> Option<Parsed<'o>> {
    let cursor = object.cursor();
    refuse_annotations(&cursor, &given.metadata);
    let at = cursor.field("spec");
    let Some(spec) = &given.spec else {
        at.refuse("is missing", "the spec of a Deployment: selector and template");
        return None;
    };
    let written = at.field("replicas").count(spec.replicas, 1);
    let scaled = context.autoscalers.scaled(object, written);
    let manifest_replicas = scaled.as_ref().map_or(written, |scaled| scaled.replicas);
    let min_ready_seconds = at.field("minReadySeconds").count(spec.min_ready_seconds, 0);
    let deadline_at = at.field("progressDeadlineSeconds");
    let deadline = deadline_at.count(spec.progress_deadline_seconds, 600);
    if deadline <= min_ready_seconds {
        let accepted = format!("more than minReadySeconds, which is {min_ready_seconds}");
        deadline_at.refuse(format!("is {deadline}"), accepted);
    }
    let strategy = strategy(&at.field("strategy"), spec.strategy.as_ref());
    let template = Some(&spec.template);
    let mut parsed =
        read(object, WorkloadKind::Deployment, manifest_replicas, &spec.selector, template, context)?;
    parsed.workload.min_ready_seconds = min_ready_seconds;
    // The largest number means no deadline (`HasProgressDeadline`).
    parsed.workload.progress_deadline_seconds = Some(deadline).filter(|&deadline| deadline != NUMBER_MAX);
    parsed.set_strategy(strategy);
    parsed.set_scaled(scaled);
    Some(parsed)
}

/// Reads a ReplicaSet.
pub fn replica_set<'o>(
    object: &'o Object,
    given: &apps::ReplicaSet,
    context: &Context<'_>,
) -> Option<Parsed<'o>> {
    let cursor = object.cursor();
    refuse_annotations(&cursor, &given.metadata);
    let at = cursor.field("spec");
    let Some(spec) = &given.spec else {
        at.refuse("is missing", "the spec of a ReplicaSet: selector and template");
        return None;
    };
    let written = at.field("replicas").count(spec.replicas, 1);
    let scaled = context.autoscalers.scaled(object, written);
    let manifest_replicas = scaled.as_ref().map_or(written, |scaled| scaled.replicas);
    let min_ready_seconds = at.field("minReadySeconds").count(spec.min_ready_seconds, 0);
    let mut parsed = read(
        object,
        WorkloadKind::ReplicaSet,
        manifest_replicas,
        &spec.selector,
        spec.template.as_ref(),
        context,
    )?;
    parsed.workload.min_ready_seconds = min_ready_seconds;
    parsed.set_strategy(Strategy::Recreate);
    parsed.set_scaled(scaled);
    parsed.orphan = labels_of_orphan(&given.metadata);
    Some(parsed)
}

/// Reads a bare Pod.
pub fn pod<'o>(object: &'o Object, given: &core::Pod, context: &Context<'_>) -> Option<Parsed<'o>> {
    let cursor = object.cursor();
    let Some(spec) = &given.spec else {
        cursor.field("spec").refuse("is missing", "the spec of a Pod: containers");
        return None;
    };
    let orphan = labels_of_orphan(&given.metadata);
    if orphan.is_none() {
        cursor
            .at("metadata.ownerReferences")
            .warn("a Pod that a controller owns is checked as a bare Pod: nobody replaces it");
    }
    let (template, assumptions) = pod_template(&cursor, &given.metadata, spec, WorkloadKind::Pod, context);
    let workload = Workload {
        kind: WorkloadKind::Pod,
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        manifest_replicas: 1,
        replicas: 1,
        strategy: Strategy::Recreate,
        min_ready_seconds: 0,
        progress_deadline_seconds: None,
        template,
    };
    let asked = asked(spec);
    Some(Parsed {
        object,
        workload,
        slots: 1,
        pods_at_once: 1,
        selector: None,
        orphan,
        asked,
        scaled_by: None,
        assumptions,
    })
}

fn read<'o>(
    object: &'o Object,
    kind: WorkloadKind,
    manifest_replicas: u32,
    selector: &meta::LabelSelector,
    template: Option<&core::PodTemplateSpec>,
    context: &Context<'_>,
) -> Option<Parsed<'o>> {
    let at = object.cursor().field("spec");
    let template_at = at.field("template");
    let Some((template, spec)) = template.and_then(|template| Some((template, template.spec.as_ref()?)))
    else {
        template_at.refuse("has no spec", "a pod template with metadata.labels and spec.containers");
        return None;
    };
    let metadata = template.metadata.clone().unwrap_or_default();
    names::labels_and_annotations(&template_at.field("metadata"), &metadata);
    let selector_at = at.field("selector");
    let labels = metadata.labels.clone().unwrap_or_default();
    let read_selector = label_selector(&selector_at, selector);
    if read_selector.labels.is_empty() && read_selector.expressions.is_empty() {
        selector_at.refuse("is empty or missing", "a selector that the template's labels match");
    } else if !selects(&read_selector, &labels) {
        let accepted = format!("a selector that the template's labels match: {}", show(&labels));
        selector_at.refuse("does not match the labels of the template", accepted);
    }
    if manifest_replicas == 0 {
        at.field("replicas").warn("replicas is 0: there are no pods to check");
    }
    let replicas = u8::try_from(manifest_replicas).unwrap_or(u8::MAX).min(context.options.replicas);
    let (template, assumptions) = pod_template(&template_at, &metadata, spec, kind, context);
    let workload = Workload {
        kind,
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        manifest_replicas,
        replicas,
        strategy: Strategy::Recreate,
        min_ready_seconds: 0,
        progress_deadline_seconds: None,
        template,
    };
    Some(Parsed {
        object,
        workload,
        slots: 1,
        pods_at_once: manifest_replicas,
        selector: Some(read_selector),
        orphan: None,
        asked: asked(spec),
        scaled_by: None,
        assumptions,
    })
}

/// The labels of an object that no controller owns.
fn labels_of_orphan(metadata: &meta::ObjectMeta) -> Option<Labels> {
    let is_controlled =
        metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true));
    (!is_controlled).then(|| metadata.labels.clone().unwrap_or_default())
}

/// A number, or a percentage (S28 `ValidatePositiveIntOrPercent`).
pub fn int_or_percent(cursor: &Cursor<'_>, given: &IntOrString) -> IntOrPercent {
    const ACCEPTED: &str = "a whole number from 0 to 2147483647, or a percentage such as '25%'";
    let read = match given {
        IntOrString::Int(value) => u32::try_from(*value).ok().map(IntOrPercent::Int),
        IntOrString::String(text) => text.strip_suffix('%').and_then(|digits| {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let percent: u32 = digits.parse().ok().filter(|_| is_number)?;
            (percent <= NUMBER_MAX).then_some(IntOrPercent::Percent(percent))
        }),
    };
    read.unwrap_or_else(|| {
        let is = match given {
            IntOrString::Int(value) => format!("is {value}"),
            IntOrString::String(text) => format!("is {}", quoted(text)),
        };
        cursor.refuse(is, ACCEPTED);
        IntOrPercent::Int(1)
    })
}

/// A number or a percentage that may not be above 100.
pub fn int_or_part(cursor: &Cursor<'_>, given: &IntOrString) -> IntOrPercent {
    let read = int_or_percent(cursor, given);
    if let IntOrPercent::Percent(101..) = read {
        cursor.refuse("is more than 100%", "a whole number, or a percentage from '0%' to '100%'");
    }
    read
}

/// Reads `strategy`, with its defaults (S28 `SetDefaults_Deployment`, `ValidateDeploymentStrategy`).
fn strategy(cursor: &Cursor<'_>, given: Option<&apps::DeploymentStrategy>) -> Strategy {
    let kinds = [("RollingUpdate", true), ("Recreate", false)];
    let rolls = cursor.field("type").one_of(given.and_then(|given| given.type_.as_deref()), &kinds, true);
    let at = cursor.field("rollingUpdate");
    let parameters = given.and_then(|given| given.rolling_update.as_ref());
    if !rolls {
        if parameters.is_some() {
            at.refuse("is set", "no rollingUpdate, as the type is Recreate");
        }
        return Strategy::Recreate;
    }
    let quarter = IntOrPercent::Percent(25);
    let surge = parameters.and_then(|parameters| parameters.max_surge.as_ref());
    let unavailable = parameters.and_then(|parameters| parameters.max_unavailable.as_ref());
    let max_surge = surge.map_or(quarter, |given| int_or_percent(&at.field("maxSurge"), given));
    let max_unavailable =
        unavailable.map_or(quarter, |given| int_or_part(&at.field("maxUnavailable"), given));
    let is_zero = |value| matches!(value, IntOrPercent::Int(0) | IntOrPercent::Percent(0));
    if is_zero(max_surge) && is_zero(max_unavailable) {
        at.refuse(
            "maxSurge and maxUnavailable are both 0: no pod could ever be replaced",
            "at least one of them above 0",
        );
    }
    Strategy::RollingUpdate { max_surge, max_unavailable }
}

impl Parsed<'_> {
    /// Notes who sets the replicas.
    fn set_scaled(&mut self, scaled: Option<Scaled>) {
        let Some(Scaled { by, says, .. }) = scaled else { return };
        self.scaled_by = Some(by);
        self.assumptions.insert(0, says);
    }

    /// Sets the strategy and the slots, and says what it means at the size that is checked.
    fn set_strategy(&mut self, strategy: Strategy) {
        let workload = &mut self.workload;
        let replicas = u32::from(workload.replicas);
        let manifest = workload.manifest_replicas;
        self.pods_at_once = pods_of_a_rollout(strategy, manifest);
        let mut strategy = strategy;
        let mut says = Vec::new();
        if let Strategy::RollingUpdate { max_surge, max_unavailable } = &mut strategy {
            let surge = max_surge.of(replicas, crate::scenario::Rounding::Up);
            if 2 * u64::from(replicas) + 2 * u64::from(surge) > MOST_SLOTS.into() {
                let most = replicas.min(MOST_SLOTS / 2 - replicas);
                says.push(format!(
                    "maxSurge is cut to {most}: {surge} more pods are more than a state can hold"
                ));
                *max_surge = IntOrPercent::Int(most);
            } else if let (IntOrPercent::Int(count), true) = (*max_surge, replicas < manifest) {
                says.push(format!("maxSurge is the number {count}, and kept as it is"));
            }
            match *max_unavailable {
                // Some pods of the manifest's stay, so one of those that are checked does.
                IntOrPercent::Int(count) if replicas > 1 && (replicas..manifest).contains(&count) => {
                    let most = replicas - 1;
                    says.push(format!(
                        "maxUnavailable is checked as {most} of {replicas}: {count} would be every checked replica, and {} of {manifest} stay",
                        manifest - count
                    ));
                    *max_unavailable = IntOrPercent::Int(most);
                }
                IntOrPercent::Int(count) if replicas < manifest => {
                    let all = if count >= replicas { "; that is every checked replica" } else { "" };
                    says.push(format!("maxUnavailable is the number {count}, and kept as it is{all}"));
                }
                // A rollout that waits for an old pod to go would wait for ever at the size that is checked.
                part @ IntOrPercent::Percent(_) if (2..manifest).contains(&replicas) => {
                    let of = |replicas| part.of(replicas, crate::scenario::Rounding::Down);
                    if of(replicas) == 0 && of(manifest) > 0 {
                        says.push(format!(
                            "maxUnavailable is checked as 1 of {replicas}: the same percentage would be 0, and is {} of {manifest}",
                            of(manifest)
                        ));
                        *max_unavailable = IntOrPercent::Int(1);
                    }
                }
                _ => {}
            }
        }
        if replicas < manifest {
            let recomputed = match strategy {
                Strategy::RollingUpdate { max_surge, max_unavailable } => {
                    match (max_surge, max_unavailable) {
                        (IntOrPercent::Percent(_), IntOrPercent::Percent(_)) => {
                            "; surge and unavailability recomputed from the same percentages"
                        }
                        (IntOrPercent::Percent(_), _) => "; surge recomputed from the same percentage",
                        (_, IntOrPercent::Percent(_)) => {
                            "; unavailability recomputed from the same percentage"
                        }
                        _ => "",
                    }
                }
                Strategy::Recreate => "",
            };
            self.assumptions.insert(0, format!("checked at {replicas} of {manifest} replicas{recomputed}"));
        }
        self.assumptions.extend(says);
        workload.strategy = strategy;
        let (surge, _) = strategy.fenceposts(workload.replicas);
        let pods = u32::from(surge) + replicas;
        self.slots = u8::try_from((2 * pods).clamp(1, MOST_SLOTS)).unwrap_or(u8::MAX);
    }
}
