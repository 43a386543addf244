//! What a trace must be beyond its types, so that the model can take its scenario.

use podproof_vocabulary::Scenario;
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::scenario::{OnSigterm, PreStop, Resources};

use crate::trace::{Kind, Trace};

/// The longest time that a scenario may name, in seconds: four weeks.
const SECONDS_MAX: u32 = 4 * 7 * 24 * 60 * 60;

/// The greatest period, in seconds, or threshold of a probe: the product of two of them is a time that a clock can hold.
const COUNT_MAX: u32 = 3600;

/// What a state of the model can hold.
const NODES_MAX: usize = 60;
const SLOTS_MAX: u8 = 250;
const CONTAINERS_MAX: usize = 32;

/// The greatest quantity of Kubernetes (`apimachinery/pkg/api/resource`: an int64).
const AMOUNT_MAX: u64 = i64::MAX as u64;

/// A field that is wrong, and what would be accepted.
type Complaint = (String, String);

/// The first field of `trace` that no search can have written.
pub(super) fn check(trace: &Trace) -> Option<Complaint> {
    scenario(&trace.scenario).or_else(|| shape(trace))
}

fn complaint(field: impl Into<String>, message: impl Into<String>) -> Option<Complaint> {
    Some((field.into(), message.into()))
}

fn shape(trace: &Trace) -> Option<Complaint> {
    let kind = Trace::kind_for(trace.property);
    if trace.kind != kind {
        let accepted = match kind {
            Kind::Safety => "safety",
            Kind::Lasso => "lasso",
            Kind::Path => "path",
        };
        return match trace.property {
            Some(property) => complaint(
                "kind",
                format!("{property} is broken by a trace of another kind; accepted is {accepted}"),
            ),
            None => complaint(
                "property",
                "a trace of this kind breaks a property; accepted is its name, or kind path",
            ),
        };
    }
    match trace.kind {
        Kind::Safety | Kind::Path if !trace.cycle.is_empty() => {
            complaint("cycle", "only a lasso has a cycle; accepted is []")
        }
        Kind::Safety | Kind::Path if trace.obligation.is_some() => {
            complaint("obligation", "only a lasso has an obligation; accepted is null")
        }
        Kind::Path if trace.followed.is_some() => {
            complaint("followed", "a path follows no pod; accepted is null")
        }
        Kind::Lasso if trace.obligation.is_none() => {
            complaint("obligation", "a lasso keeps an obligation pending; accepted is its number")
        }
        _ => None,
    }
}

fn scenario(scenario: &Scenario) -> Option<Complaint> {
    let nodes = scenario.nodes.len();
    let template = &scenario.workload.template;
    if nodes == 0 || nodes > NODES_MAX {
        return complaint("scenario.nodes", format!("{nodes} nodes; accepted are 1 to {NODES_MAX}"));
    }
    if usize::from(scenario.spare_nodes) > nodes {
        return complaint("scenario.spare-nodes", format!("accepted are 0 to {nodes}, the number of nodes"));
    }
    if scenario.slots == 0 || scenario.slots > SLOTS_MAX {
        return complaint("scenario.slots", format!("accepted are 1 to {SLOTS_MAX}"));
    }
    let containers = template.containers.len();
    if containers == 0 || containers > CONTAINERS_MAX {
        let field = "scenario.workload.template.containers";
        return complaint(field, format!("{containers} containers; accepted are 1 to {CONTAINERS_MAX}"));
    }
    if usize::from(template.serving) >= template.containers.len() {
        let last = template.containers.len() - 1;
        return complaint(
            "scenario.workload.template.serving",
            format!("accepted are 0 to {last}, a container of the template"),
        );
    }
    if let Some(index) = scenario.neighbours.iter().position(|neighbour| usize::from(neighbour.node) >= nodes)
    {
        let field = format!("scenario.neighbours[{index}].node");
        return complaint(field, format!("accepted are 0 to {}, a node of the scenario", nodes - 1));
    }
    amounts(scenario).or_else(|| times(scenario))
}

/// Amounts that no quantity of Kubernetes can say.
fn amounts(scenario: &Scenario) -> Option<Complaint> {
    let nodes = scenario.nodes.iter().enumerate();
    let nodes = nodes.map(|(at, node)| (format!("scenario.nodes[{at}].allocatable"), node.allocatable));
    let containers = scenario.workload.template.containers.iter().enumerate();
    let containers = containers.map(|(at, container)| {
        (format!("scenario.workload.template.containers[{at}].requests"), container.requests)
    });
    let neighbours = scenario.neighbours.iter().enumerate().flat_map(|(at, neighbour)| {
        let requests = neighbour.requests.iter().enumerate();
        requests.map(move |(place, (_, amount))| {
            (format!("scenario.neighbours[{at}].requests[{place}][1]"), *amount)
        })
    });
    nodes.chain(containers).chain(neighbours).find_map(|(field, Resources { cpu_milli, memory, pods })| {
        let parts = [("cpu-milli", cpu_milli), ("memory", memory), ("pods", pods)];
        let (part, value) = parts.into_iter().find(|&(_, value)| value > AMOUNT_MAX)?;
        complaint(format!("{field}.{part}"), format!("{value} is too much; accepted are 0 to {AMOUNT_MAX}"))
    })
}

/// Times that no clock can hold, and probes that never run.
fn times(scenario: &Scenario) -> Option<Complaint> {
    let workload = &scenario.workload;
    let mut seconds = vec![
        ("scenario.workload.min-ready-seconds".to_owned(), workload.min_ready_seconds),
        (
            "scenario.workload.progress-deadline-seconds".to_owned(),
            workload.progress_deadline_seconds.unwrap_or(0),
        ),
        ("scenario.workload.template.grace-seconds".to_owned(), workload.template.grace_seconds),
    ];
    for row in Latencies::ROWS {
        seconds.push((
            format!("scenario.latencies.{}", row.name.replace('-', "_")),
            row.value(&scenario.latencies),
        ));
    }
    for (index, grace) in scenario.deletion_graces.iter().enumerate() {
        seconds.push((format!("scenario.deletion-graces[{index}]"), *grace));
    }
    for (index, toleration) in workload.template.tolerations.iter().enumerate() {
        let field = format!("scenario.workload.template.tolerations[{index}].seconds");
        seconds.push((field, toleration.seconds.unwrap_or(0)));
    }
    let mut counts = Vec::new();
    for (index, container) in workload.template.containers.iter().enumerate() {
        let at = |field: &str| format!("scenario.workload.template.containers[{index}].{field}");
        seconds.push((at("listens-after-seconds"), container.listens_after_seconds));
        if let Some(PreStop::Seconds(length)) = container.pre_stop {
            seconds.push((at("pre-stop"), length));
        }
        if let OnSigterm::Drain(length) | OnSigterm::Close(length) = container.on_sigterm {
            seconds.push((at("on-sigterm"), length));
        }
        let probes = [
            ("startup-probe", container.startup_probe),
            ("readiness-probe", container.readiness_probe),
            ("liveness-probe", container.liveness_probe),
        ];
        for (name, probe) in probes {
            let Some(probe) = probe else { continue };
            let part = |part: &str| at(&format!("{name}.{part}"));
            seconds.push((part("initial-delay-seconds"), probe.initial_delay_seconds));
            counts.push((part("period-seconds"), probe.period_seconds));
            counts.push((part("timeout-seconds"), probe.timeout_seconds));
            counts.push((part("success-threshold"), probe.success_threshold));
            counts.push((part("failure-threshold"), probe.failure_threshold));
        }
    }
    let too_long = seconds.into_iter().find(|&(_, value)| value > SECONDS_MAX);
    let never = counts.into_iter().find(|&(_, value)| value == 0 || value > COUNT_MAX);
    too_long
        .map(|(field, value)| {
            (field, format!("{value} is too long; accepted are 0 to {SECONDS_MAX} seconds"))
        })
        .or_else(|| {
            never.map(|(field, value)| {
                (field, format!("{value} is out of range; accepted are 1 to {COUNT_MAX}"))
            })
        })
}
