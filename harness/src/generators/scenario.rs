//! A small scenario.

use arbitrary::{Result, Unstructured};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::release::Release;
use podproof_vocabulary::scenario::{
    BudgetAsk, DisruptionBudget, IntOrPercent, Node, Scenario, Strategy, Timing, WorkloadKind,
};

use super::limits::{NEIGHBOURS_MAX, NODES_MAX, REPLICAS_MAX, SPARE_SLOTS};
use super::{events, nodes, one_in, one_of, pods};

/// What a generated scenario may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Faults may happen.
    pub faults: bool,
    /// Time may pass in ticks.
    pub timed: bool,
    /// Pods of other workloads, affinities, taints: what the scheduler looks at.
    pub placement: bool,
    /// Releases before the newest.
    pub releases: bool,
}

/// A small scenario of one Deployment, ReplicaSet or Pod: all approximations off, every kube-proxy modelled.
pub fn scenario(u: &mut Unstructured<'_>, shape: Shape) -> Result<Scenario> {
    let kind = one_of(
        u,
        &[WorkloadKind::Deployment, WorkloadKind::Deployment, WorkloadKind::ReplicaSet, WorkloadKind::Pod],
    )?;
    let replicas = match kind {
        WorkloadKind::Pod => 1,
        _ => u.int_in_range(0..=REPLICAS_MAX)?,
    };
    let nodes_count = u.int_in_range(1..=NODES_MAX)?;
    let mut scenario = catalogue::web("fuzz", Story::Create, replicas, nodes_count);
    let minor = if shape.releases && one_in(u, 3)? {
        u.int_in_range(Release::OLDEST.minor..=Release::NEWEST.minor)?
    } else {
        Release::NEWEST.minor
    };
    scenario.release = Release { minor };
    scenario.latencies = Latencies::of(scenario.release);
    scenario.workload.kind = kind;
    if kind == WorkloadKind::Deployment {
        scenario.workload.strategy = strategy(u)?;
        scenario.workload.min_ready_seconds = if one_in(u, 5)? { 2 } else { 0 };
        scenario.workload.progress_deadline_seconds = if one_in(u, 5)? { Some(10) } else { None };
    }
    if shape.placement {
        scenario.nodes = (1..=nodes_count).map(|number| nodes::node(u, number)).collect::<Result<_>>()?;
    }
    let release = scenario.release;
    pods::template(u, &mut scenario.workload.template, kind, release)?;
    if !shape.placement {
        everywhere(&mut scenario);
    } else if one_in(u, 3)? {
        for number in 0..u.int_in_range(1..=NEIGHBOURS_MAX)? {
            let neighbour = pods::neighbour(u, number, nodes_count)?;
            scenario.neighbours.push(neighbour);
        }
    }
    events::events(u, &mut scenario, shape.faults)?;
    if shape.placement && one_in(u, 6)? {
        store_labels(u, &mut scenario.nodes)?;
    }
    services_and_budgets(u, &mut scenario)?;
    scenario.approximations = Approximations::NONE;
    if one_in(u, 4)? {
        scenario.approximations = scenario.approximations.with(Approximation::CoalescedWatchEvents);
    }
    scenario.ring_capacity = 8;
    scenario.one_proxy = false;
    scenario.timing = if shape.timed && one_in(u, 3)? { Timing::Timed } else { Timing::Untimed };
    let (surge, _) = scenario.workload.strategy.fenceposts(scenario.workload.replicas);
    scenario.slots = 2 * (scenario.workload.replicas.max(3) + surge) + SPARE_SLOTS;
    Ok(scenario)
}

/// Takes back what keeps pods from nodes.
fn everywhere(scenario: &mut Scenario) {
    let template = &mut scenario.workload.template;
    template.node_selector.clear();
    template.node_affinity = None;
    template.pod_affinity.clear();
    template.pod_anti_affinity.clear();
    template.spread.clear();
}

fn strategy(u: &mut Unstructured<'_>) -> Result<Strategy> {
    if one_in(u, 5)? {
        return Ok(Strategy::Recreate);
    }
    let mut part = || {
        Ok(match u.arbitrary()? {
            true => IntOrPercent::Int(u.int_in_range(0..=2)?),
            false => IntOrPercent::Percent(one_of(u, &[0, 25, 50, 100])?),
        })
    };
    let (max_surge, mut max_unavailable) = (part()?, part()?);
    let is_zero = |part| matches!(part, IntOrPercent::Int(0) | IntOrPercent::Percent(0));
    if is_zero(max_surge) && is_zero(max_unavailable) {
        // Both zero is refused by the API server.
        max_unavailable = IntOrPercent::Int(1);
    }
    Ok(Strategy::RollingUpdate { max_surge, max_unavailable })
}

fn store_labels(u: &mut Unstructured<'_>, nodes: &mut [Node]) -> Result<()> {
    for node in nodes {
        let mut labels = node.labels.clone();
        labels.insert("disk".into(), one_of(u, &super::limits::VALUES)?.into());
        // A change of labels that changes nothing is no write (API-5), and no event.
        node.later_labels = Some(labels).filter(|labels| *labels != node.labels);
    }
    Ok(())
}

fn services_and_budgets(u: &mut Unstructured<'_>, scenario: &mut Scenario) -> Result<()> {
    if one_in(u, 6)? {
        scenario.service = None;
    }
    if let Some(service) = &mut scenario.service {
        service.publish_not_ready_addresses = one_in(u, 6)?;
        service.internal_local = one_in(u, 6)?;
        service.headless = one_in(u, 8)?;
        service.external = !service.headless && one_in(u, 6)?;
        service.external_local = service.external && u.arbitrary()?;
    }
    if one_in(u, 3)? {
        let amount = match u.arbitrary()? {
            true => IntOrPercent::Int(u.int_in_range(0..=2)?),
            // Also what no number of pods is a whole part of.
            false => IntOrPercent::Percent(one_of(u, &[0, 33, 34, 50, 67, 100])?),
        };
        let ask = match u.arbitrary()? {
            true => BudgetAsk::MinAvailable(amount),
            false => BudgetAsk::MaxUnavailable(amount),
        };
        let always_allow_unhealthy = scenario.release.has_unhealthy_pod_eviction_policy() && u.arbitrary()?;
        scenario.budgets.push(DisruptionBudget { name: "web".into(), ask, always_allow_unhealthy });
        if one_in(u, 8)? {
            let second = DisruptionBudget { name: "web-2".into(), ..scenario.budgets[0].clone() };
            scenario.budgets.push(second);
        }
    }
    Ok(())
}
