//! The limits of a scenario, one set for all: what the manifest reader accepts, what a state of the model can hold, and what the
//! reader of traces takes. Whoever reads a scenario from outside asks [`Scenario::beyond`], and whoever reads its parts from other
//! words (a manifest, an annotation, an option) has these numbers from here.

use std::collections::BTreeSet;

use super::{IntOrPercent, Labels, OnSigterm, PreStop, Probe, Resources, Scenario, Strategy, Taint};
use crate::latency::Latencies;
use crate::release::Release;
use crate::scenario::BudgetAsk;

/// Nodes that a state of the model can hold.
pub const NODES_MAX: usize = 60;
/// Pods that a state of the model can remember at once.
pub const SLOTS_MAX: usize = 250;
/// Containers of a pod that a state of the model can hold, init containers counted.
pub const CONTAINERS_MAX: usize = 32;
/// The greatest number that a field of a manifest can have, be it seconds or pods or results of a probe: an int32.
pub const NUMBER_MAX: u32 = i32::MAX as u32;
/// The greatest amount of a resource, in bytes or thousandths: an int64, as a quantity of Kubernetes
/// (`apimachinery/pkg/api/resource`).
pub const AMOUNT_MAX: u64 = i64::MAX as u64;
/// The longest time that no field of Kubernetes sets, in seconds: of a message or a timer of its components, and of a process until
/// it listens or has drained. A day.
pub const DAY_SECONDS: u32 = 24 * 60 * 60;
/// Letters of the longest name of an object (S28 `DNS1123SubdomainMaxLength`).
pub const NAME_MAX: usize = 253;
/// Letters of the longest name that has a kind, a namespace or a number beside the name of an object.
pub const TITLE_MAX: usize = 400;

/// A field of a scenario that is beyond the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// Its path in the scenario's JSON, as `workload.template.serving`.
    pub field: String,
    /// What is wrong with it, and what would be accepted.
    pub says: String,
}

impl Beyond {
    /// The same, `says` being said of `field`.
    pub fn of(field: impl Into<String>, says: impl Into<String>) -> Self {
        Self { field: field.into(), says: says.into() }
    }
}

/// Why `name` is the name of nothing, if it is of more than `most` letters, of none, or holds a control character.
///
/// # Errors
/// What is wrong with it, and what would be accepted.
pub fn check_name(name: &str, most: usize) -> Result<(), String> {
    let accepted = format!("accepted is a name of 1 to {most} letters without control characters");
    let length = name.chars().count();
    if length == 0 {
        Err(format!("the name is empty; {accepted}"))
    } else if length > most {
        Err(format!("the name has {length} letters; {accepted}"))
    } else if name.chars().any(char::is_control) {
        Err(format!("the name holds a control character; {accepted}"))
    } else {
        Ok(())
    }
}

impl Scenario {
    /// The first field that no manifest, no option and no log can have given this scenario, or that a state of the model cannot
    /// hold.
    pub fn beyond(&self) -> Option<Beyond> {
        let checks = [release, counts, names, amounts, numbers, times];
        checks.into_iter().find_map(|check| check(self))
    }
}

fn release(scenario: &Scenario) -> Option<Beyond> {
    let known = Release::OLDEST..=Release::NEWEST;
    (!known.contains(&scenario.release)).then(|| {
        let (oldest, newest) = (Release::OLDEST, Release::NEWEST);
        let says = format!(
            "the model knows no Kubernetes {}; accepted are {} to {} ({oldest} to {newest})",
            scenario.release, oldest.minor, newest.minor
        );
        Beyond::of("release", says)
    })
}

/// How many there are of what a state holds, and places among them.
fn counts(scenario: &Scenario) -> Option<Beyond> {
    let nodes = scenario.nodes.len();
    let template = &scenario.workload.template;
    let containers = template.containers.len();
    if !(1..=NODES_MAX).contains(&nodes) {
        return Some(Beyond::of("nodes", format!("{nodes} nodes; accepted are 1 to {NODES_MAX}")));
    }
    if usize::from(scenario.spare_nodes) > nodes {
        return Some(Beyond::of("spare-nodes", format!("accepted are 0 to {nodes}, the number of nodes")));
    }
    if !(1..=SLOTS_MAX).contains(&usize::from(scenario.slots)) {
        return Some(Beyond::of("slots", format!("accepted are 1 to {SLOTS_MAX}")));
    }
    if !(1..=CONTAINERS_MAX).contains(&containers) {
        let says = format!("{containers} containers; accepted are 1 to {CONTAINERS_MAX}");
        return Some(Beyond::of("workload.template.containers", says));
    }
    if usize::from(template.serving) >= containers {
        let says = format!("accepted are 0 to {}, a container of the template", containers - 1);
        return Some(Beyond::of("workload.template.serving", says));
    }
    let stray = scenario.neighbours.iter().position(|neighbour| usize::from(neighbour.node) >= nodes);
    stray.map(|index| {
        let says = format!("accepted are 0 to {}, a node of the scenario", nodes - 1);
        Beyond::of(format!("neighbours[{index}].node"), says)
    })
}

/// Names of objects: each is one, and those by which objects are told apart stand once.
fn names(scenario: &Scenario) -> Option<Beyond> {
    let workload = &scenario.workload;
    let template = &workload.template;
    let mut names: Vec<(String, &str, usize)> = vec![
        ("name".into(), &scenario.name, TITLE_MAX),
        ("workload.namespace".into(), &workload.namespace, NAME_MAX),
        ("workload.name".into(), &workload.name, NAME_MAX),
    ];
    for (index, neighbour) in scenario.neighbours.iter().enumerate() {
        names.push((format!("neighbours[{index}].name"), &neighbour.name, TITLE_MAX));
        names.push((format!("neighbours[{index}].namespace"), &neighbour.namespace, NAME_MAX));
    }
    let mut add = |field: String, name| names.push((field, name, NAME_MAX));
    for (index, node) in scenario.nodes.iter().enumerate() {
        add(format!("nodes[{index}].name"), &node.name);
    }
    for (index, container) in template.containers.iter().enumerate() {
        add(format!("workload.template.containers[{index}].name"), &container.name);
    }
    if let Some(name) = &template.node_name {
        add("workload.template.node-name".into(), name);
    }
    if let Some(service) = &scenario.service {
        add("service.name".into(), &service.name);
    }
    for (index, budget) in scenario.budgets.iter().enumerate() {
        add(format!("budgets[{index}].name"), &budget.name);
    }
    let wrong = |(field, name, most): (String, &str, usize)| {
        check_name(name, most).err().map(|says| Beyond::of(field, says))
    };
    let nodes = scenario.nodes.iter().map(|node| node.name.as_str());
    let containers = template.containers.iter().map(|container| container.name.as_str());
    names
        .into_iter()
        .find_map(wrong)
        .or_else(|| twice("nodes", "nodes", nodes))
        .or_else(|| twice("workload.template.containers", "containers", containers))
        .or_else(|| labels(scenario))
}

/// The second of two objects in the list `field` that have one name.
fn twice<'n>(field: &str, what: &str, names: impl Iterator<Item = &'n str>) -> Option<Beyond> {
    let mut seen = BTreeSet::new();
    let index = names.enumerate().find(|&(_, name)| !seen.insert(name));
    index.map(|(index, name)| {
        let says = format!("two {what} are called '{name}'; accepted is each name once");
        Beyond::of(format!("{field}[{index}].name"), says)
    })
}

/// Labels of nodes and pods, and taints: a key is a name, and a value is one or nothing.
fn labels(scenario: &Scenario) -> Option<Beyond> {
    let template = &scenario.workload.template;
    let mut sets: Vec<(String, &Labels)> = vec![
        ("workload.template.labels".into(), &template.labels),
        ("workload.template.node-selector".into(), &template.node_selector),
    ];
    let mut taints: Vec<(String, &Taint)> =
        scenario.event_taint.iter().map(|taint| ("event-taint".to_owned(), taint)).collect();
    for (index, node) in scenario.nodes.iter().enumerate() {
        sets.push((format!("nodes[{index}].labels"), &node.labels));
        sets.extend(node.later_labels.iter().map(|later| (format!("nodes[{index}].later-labels"), later)));
        let own = node.taints.iter().enumerate();
        taints.extend(own.map(|(place, taint)| (format!("nodes[{index}].taints[{place}]"), taint)));
    }
    for (index, neighbour) in scenario.neighbours.iter().enumerate() {
        sets.push((format!("neighbours[{index}].labels"), &neighbour.labels));
    }
    let value = |text: &str| if text.is_empty() { Ok(()) } else { check_name(text, NAME_MAX) };
    let of_set = |(field, labels): (String, &Labels)| {
        let pair = labels.iter().find_map(|(key, text)| check_name(key, TITLE_MAX).and(value(text)).err());
        pair.map(|says| Beyond::of(field, format!("a key or value of a label: {says}")))
    };
    let of_taint = |(field, taint): (String, &Taint)| {
        let key =
            check_name(&taint.key, TITLE_MAX).err().map(|says| Beyond::of(format!("{field}.key"), says));
        key.or_else(|| value(&taint.value).err().map(|says| Beyond::of(format!("{field}.value"), says)))
    };
    sets.into_iter().find_map(of_set).or_else(|| taints.into_iter().find_map(of_taint))
}

/// Amounts that no quantity of Kubernetes can say.
fn amounts(scenario: &Scenario) -> Option<Beyond> {
    let nodes = scenario.nodes.iter().enumerate();
    let nodes = nodes.map(|(at, node)| (format!("nodes[{at}].allocatable"), node.allocatable));
    let containers = scenario.workload.template.containers.iter().enumerate();
    let containers = containers
        .map(|(at, container)| (format!("workload.template.containers[{at}].requests"), container.requests));
    let neighbours = scenario.neighbours.iter().enumerate().flat_map(|(at, neighbour)| {
        let requests = neighbour.requests.iter().enumerate();
        requests.map(move |(place, (_, amount))| (format!("neighbours[{at}].requests[{place}][1]"), *amount))
    });
    nodes.chain(containers).chain(neighbours).find_map(|(field, Resources { cpu_milli, memory, pods })| {
        let parts = [("cpu-milli", cpu_milli), ("memory", memory), ("pods", pods)];
        let (part, value) = parts.into_iter().find(|&(_, value)| value > AMOUNT_MAX)?;
        let says = format!("{value} is too much; accepted are 0 to {AMOUNT_MAX}");
        Some(Beyond::of(format!("{field}.{part}"), says))
    })
}

/// Numbers of pods that no field of Kubernetes can say, and probes that never run or never come to a result.
fn numbers(scenario: &Scenario) -> Option<Beyond> {
    let workload = &scenario.workload;
    let mut from_zero = vec![("workload.manifest-replicas".to_owned(), workload.manifest_replicas)];
    let value = |part: IntOrPercent| match part {
        IntOrPercent::Int(value) | IntOrPercent::Percent(value) => value,
    };
    if let Strategy::RollingUpdate { max_surge, max_unavailable } = workload.strategy {
        from_zero.push(("workload.strategy.rolling-update.max_surge".into(), value(max_surge)));
        from_zero.push(("workload.strategy.rolling-update.max_unavailable".into(), value(max_unavailable)));
    }
    for (index, budget) in scenario.budgets.iter().enumerate() {
        let (BudgetAsk::MinAvailable(ask) | BudgetAsk::MaxUnavailable(ask)) = budget.ask;
        from_zero.push((format!("budgets[{index}].ask"), value(ask)));
    }
    let mut from_one = Vec::new();
    for (index, constraint) in workload.template.spread.iter().enumerate() {
        from_one.push((format!("workload.template.spread[{index}].max-skew"), constraint.max_skew));
        from_one.push((format!("workload.template.spread[{index}].min-domains"), constraint.min_domains));
    }
    for (at, probe) in probes(scenario) {
        let thresholds =
            [("success-threshold", probe.success_threshold), ("failure-threshold", probe.failure_threshold)];
        let times = [("period-seconds", probe.period_seconds), ("timeout-seconds", probe.timeout_seconds)];
        from_one.extend(times.into_iter().chain(thresholds).map(|(part, n)| (format!("{at}.{part}"), n)));
    }
    let out_of = |least: u32| {
        move |(field, value): (String, u32)| {
            (!(least..=NUMBER_MAX).contains(&value)).then(|| {
                let says = format!("{value} is out of range; accepted are {least} to {NUMBER_MAX}");
                Beyond::of(field, says)
            })
        }
    };
    from_zero.into_iter().find_map(out_of(0)).or_else(|| from_one.into_iter().find_map(out_of(1)))
}

/// The probes of the workload, each with its path.
fn probes(scenario: &Scenario) -> impl Iterator<Item = (String, &Probe)> {
    let containers = scenario.workload.template.containers.iter().enumerate();
    containers.flat_map(|(index, container)| {
        let probes = [
            ("startup-probe", &container.startup_probe),
            ("readiness-probe", &container.readiness_probe),
            ("liveness-probe", &container.liveness_probe),
        ];
        probes.into_iter().filter_map(move |(name, probe)| {
            Some((format!("workload.template.containers[{index}].{name}"), probe.as_ref()?))
        })
    })
}

/// Times that are longer than their fields and options can say. The graces that deletions ask for are any: an int64 of a request
/// says them.
fn times(scenario: &Scenario) -> Option<Beyond> {
    let workload = &scenario.workload;
    let template = &workload.template;
    let mut times = vec![
        ("workload.min-ready-seconds".to_owned(), workload.min_ready_seconds, NUMBER_MAX),
        (
            "workload.progress-deadline-seconds".to_owned(),
            workload.progress_deadline_seconds.unwrap_or(0),
            NUMBER_MAX,
        ),
        ("workload.template.grace-seconds".to_owned(), template.grace_seconds, NUMBER_MAX),
    ];
    for row in Latencies::ROWS {
        let field = format!("latencies.{}", row.name.replace('-', "_"));
        times.push((field, row.value(&scenario.latencies), DAY_SECONDS));
    }
    for (index, toleration) in template.tolerations.iter().enumerate() {
        let field = format!("workload.template.tolerations[{index}].seconds");
        times.push((field, toleration.seconds.unwrap_or(0), NUMBER_MAX));
    }
    for (index, container) in template.containers.iter().enumerate() {
        let at = |field: &str| format!("workload.template.containers[{index}].{field}");
        times.push((at("listens-after-seconds"), container.listens_after_seconds, DAY_SECONDS));
        if let Some(PreStop::Seconds(length)) = container.pre_stop {
            times.push((at("pre-stop"), length, NUMBER_MAX));
        }
        if let OnSigterm::Drain(length) | OnSigterm::Close(length) = container.on_sigterm {
            times.push((at("on-sigterm"), length, DAY_SECONDS));
        }
    }
    let delays = probes(scenario).map(|(at, probe)| (format!("{at}.initial-delay-seconds"), probe));
    times.extend(delays.map(|(at, probe)| (at, probe.initial_delay_seconds, NUMBER_MAX)));
    times.into_iter().find(|&(_, value, most)| value > most).map(|(field, value, most)| {
        Beyond::of(field, format!("{value} is too long; accepted are 0 to {most} seconds"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{ENTRIES, web};
    use crate::event::Story;

    fn says(edit: impl FnOnce(&mut Scenario)) -> Option<String> {
        let mut scenario = web("x", Story::Rollout, 1, 2);
        edit(&mut scenario);
        scenario.beyond().map(|Beyond { field, says }| format!("{field}: {says}"))
    }

    #[test]
    fn every_scenario_of_the_catalogue_is_within() {
        for entry in ENTRIES {
            assert_eq!(entry.scenario().beyond(), None, "{}", entry.name);
        }
    }

    #[test]
    fn a_release_that_nobody_knows_is_beyond() {
        for minor in [0, 19, 37, 255] {
            let found = says(|scenario| scenario.release = Release { minor }).unwrap_or_default();
            let expected = "accepted are 20 to 36 (1.20 to 1.36)";
            assert!(found.starts_with("release: ") && found.ends_with(expected), "{found}");
        }
        for minor in [20, 36] {
            assert_eq!(says(|scenario| scenario.release = Release { minor }), None);
        }
    }

    #[test]
    fn names_are_names_and_stand_once() {
        let accepted = "accepted is a name of 1 to 253 letters without control characters";
        for (name, wrong) in [
            (String::new(), "the name is empty"),
            ("a".repeat(254), "the name has 254 letters"),
            ("a\u{7}b".to_owned(), "the name holds a control character"),
        ] {
            let found = says(|scenario| scenario.nodes[1].name = name);
            assert_eq!(found, Some(format!("nodes[1].name: {wrong}; {accepted}")));
        }
        assert_eq!(says(|scenario| scenario.nodes[1].name = "é".repeat(253)), None);
        let found = says(|scenario| scenario.nodes[1].name = scenario.nodes[0].name.clone());
        let twice = "nodes[1].name: two nodes are called 'node-1'; accepted is each name once";
        assert_eq!(found.as_deref(), Some(twice));
        let found = says(|scenario| drop(scenario.nodes[0].labels.insert("\n".into(), String::new())));
        assert!(found.is_some_and(|says| says.starts_with("nodes[0].labels: a key or value of a label: ")));
    }

    #[test]
    fn numbers_are_those_of_kubernetes() {
        let most = NUMBER_MAX;
        for (value, is_within) in [(0, true), (most, true), (most + 1, false), (u32::MAX, false)] {
            let found = says(|scenario| scenario.workload.manifest_replicas = value);
            assert_eq!(found.is_none(), is_within, "{found:?}");
            let found = says(|scenario| scenario.workload.template.grace_seconds = value);
            assert_eq!(found.is_none(), is_within, "{found:?}");
        }
        let probe = |edit: fn(&mut Probe)| {
            let mut probe = Probe {
                initial_delay_seconds: NUMBER_MAX,
                period_seconds: NUMBER_MAX,
                timeout_seconds: NUMBER_MAX,
                success_threshold: 1,
                failure_threshold: NUMBER_MAX,
            };
            edit(&mut probe);
            says(|scenario| scenario.workload.template.containers[0].readiness_probe = Some(probe))
        };
        assert_eq!(probe(|_| {}), None);
        let expected = "workload.template.containers[0].readiness-probe.period-seconds: 0 is out of range; \
                        accepted are 1 to 2147483647";
        assert_eq!(probe(|probe| probe.period_seconds = 0).as_deref(), Some(expected));
        let found = says(|scenario| scenario.latencies.watch = DAY_SECONDS + 1);
        assert_eq!(
            found.as_deref(),
            Some("latencies.watch: 86401 is too long; accepted are 0 to 86400 seconds")
        );
    }
}
