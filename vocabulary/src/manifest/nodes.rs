//! Nodes: those of the input, or as many equal ones as the options say, made to suit the workload.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1 as core;

use super::container::amounts;
use super::cursor::Object;
use super::fields;
use super::names::is_value;
use super::selector::meets;
use super::toleration::taints;
use crate::catalogue;
use crate::scenario::limits::{AMOUNT_MAX, NAME_MAX, check_name};
use crate::scenario::{Labels, Node, Operator, PodAffinityTerm, PodTemplate, Requirement, Resources};

/// What is said of a node that is down from the beginning.
pub const NOT_READY: &str = "nodes that are not Ready from the beginning";

const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";

/// Reads a Node. What a node does not say of its room is that of a generated one.
pub fn node(object: &Object, given: &core::Node) -> (Node, Vec<String>) {
    let cursor = object.cursor();
    let title = object.title();
    let mut assumptions = Vec::new();
    let spec = given.spec.clone().unwrap_or_default();
    let mut labels = given.metadata.labels.clone().unwrap_or_default();
    let machine = given.status.as_ref().and_then(|status| status.node_info.as_ref());
    let is = |told: Option<&String>, otherwise: &str| {
        told.filter(|told| !told.is_empty()).map_or_else(|| otherwise.to_owned(), Clone::clone)
    };
    // What a kubelet gives its node (S28 `kubelet_node_status.go` `initialNode`).
    let system = is(machine.map(|machine| &machine.operating_system), "linux");
    let architecture = is(machine.map(|machine| &machine.architecture), "amd64");
    let own = [
        (HOSTNAME, object.name.clone()),
        ("kubernetes.io/os", system.clone()),
        ("kubernetes.io/arch", architecture.clone()),
        ("beta.kubernetes.io/os", system),
        ("beta.kubernetes.io/arch", architecture),
    ];
    let mut missing = Vec::new();
    for (key, value) in own {
        if !labels.contains_key(key) {
            missing.push(format!("{key}={value}"));
            labels.insert(key.into(), value);
        }
    }
    if !missing.is_empty() {
        assumptions.push(format!(
            "{title} lacks labels that its kubelet gives it: {} are taken",
            missing.join(", ")
        ));
    }
    let status = cursor.field("status");
    let status_given = given.status.clone().unwrap_or_default();
    let field = if status_given.allocatable.is_some() { "allocatable" } else { "capacity" };
    let read = amounts(
        &status.field(field),
        status_given.allocatable.as_ref().or(status_given.capacity.as_ref()),
        true,
    );
    let ready = status_given.conditions.iter().flatten().find(|condition| condition.type_ == "Ready");
    if let Some(condition) = ready.filter(|condition| condition.status != "True") {
        fields::note(
            &status.field("conditions"),
            NOT_READY,
            &format!("that its condition Ready is {}", condition.status),
        );
    }
    let plenty = catalogue::node(1).allocatable;
    let mut assumed = Vec::new();
    let mut of = |name: &str, otherwise: u64| {
        read.get(name).copied().unwrap_or_else(|| {
            assumed.push(name.to_owned());
            otherwise
        })
    };
    let allocatable = Resources {
        cpu_milli: of("cpu", plenty.cpu_milli),
        memory: of("memory", plenty.memory),
        pods: of("pods", plenty.pods),
    };
    if !assumed.is_empty() {
        let amounts =
            format!("{} cores, {} GiB, {} pods", plenty.cpu_milli / 1000, plenty.memory >> 30, plenty.pods);
        assumptions.push(format!(
            "{title} does not say its allocatable {}: as of a node with {amounts}",
            assumed.join(", ")
        ));
    }
    let taints = taints(&cursor.at("spec.taints"), spec.taints.as_deref().unwrap_or_default());
    let node = Node {
        name: object.name.clone(),
        labels,
        taints,
        unschedulable: spec.unschedulable == Some(true),
        allocatable,
        later_labels: None,
    };
    (node, assumptions)
}

/// Makes `count` equal nodes that can run all pods of `template` and hold `room` beside them, and says what they were
/// given for it.
pub fn generate(count: u8, template: &PodTemplate, room: Resources) -> (Vec<Node>, Vec<String>) {
    let Wishes { labels: wanted, in_turn, names, is_too_little } = wishes(template);
    let mut assumptions = Vec::new();
    let default = catalogue::node(1).allocatable;
    let has_own_zone =
        keeps_zones_apart(template) && !wanted.contains_key(ZONE) && !in_turn.contains_key(ZONE);
    let mut nodes = named(count, names);
    for (index, node) in nodes.iter_mut().enumerate() {
        node.labels.extend(wanted.iter().map(|(key, value)| (key.clone(), value.clone())));
        let next = |values: &Vec<String>| values[index % values.len()].clone();
        node.labels.extend(in_turn.iter().map(|(key, values)| (key.clone(), next(values))));
        for key in topology_keys(template) {
            node.labels.entry(key.to_owned()).or_insert_with(|| domain(index + 1));
        }
        if has_own_zone {
            node.labels.insert(ZONE.into(), format!("zone-{}", index + 1));
        }
        node.allocatable = Resources {
            cpu_milli: default.cpu_milli.max(room.cpu_milli.min(AMOUNT_MAX)),
            memory: default.memory.max(room.memory.min(AMOUNT_MAX)),
            pods: default.pods.max(room.pods),
        };
    }
    let shown: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
    let names_said = if shown.len() > 4 {
        format!("{} to {}", shown[0], shown[shown.len() - 1])
    } else {
        shown.join(", ")
    };
    let zones = match in_turn.get(ZONE) {
        Some(zones) if zones.len() > 1 => "in the zones that the pods ask for",
        _ if has_own_zone => "each in a zone of its own, as the pods are spread over zones",
        _ => "in one zone",
    };
    assumptions.push(format!(
        "{count} generated nodes ({names_said}): equal, untainted, {zones}, with room for all pods (the input has no Node)"
    ));
    for (key, value) in &wanted {
        assumptions.push(format!("generated nodes carry the label {key}={value}, which the pods ask for"));
    }
    for (key, values) in &in_turn {
        assumptions.push(match values.as_slice() {
            [value] => format!("generated nodes carry the label {key}={value}, which the pods ask for"),
            _ => format!(
                "generated nodes carry the label {key} with the values that the pods ask for, in turn: {}",
                values.join(", ")
            ),
        });
    }
    for key in topology_keys(template) {
        if !wanted.contains_key(key)
            && !in_turn.contains_key(key)
            && !catalogue::node(1).labels.contains_key(key)
        {
            assumptions.push(format!("generated nodes are each a domain of their own by the label {key}"));
        }
    }
    if is_too_little {
        assumptions.push("no generated node could be given all that the pods' node affinity asks for".into());
    }
    (nodes, assumptions)
}

/// So many nodes, the first of which have these names, each once; what can be no name is passed over. The others have the names of
/// their places, or where one of the first has that already, another one.
fn named(count: u8, names: Vec<String>) -> Vec<Node> {
    let is_name = |name: &str| check_name(name, NAME_MAX).is_ok();
    let mut seen = BTreeSet::new();
    let names: Vec<String> =
        names.into_iter().filter(|name| is_name(name) && seen.insert(name.clone())).collect();
    let (count, asked_for) = (usize::from(count), names.len());
    let numbers = (asked_for + 1..=count).chain(1..=asked_for).chain(count + 1..);
    let others = numbers.map(catalogue::node).filter(|node| !seen.contains(&node.name));
    let wanted = names.into_iter().zip(1..).map(|(name, number)| {
        let mut node = catalogue::node(number);
        node.labels.insert(HOSTNAME.into(), name.clone());
        node.name = name;
        node
    });
    wanted.chain(others).take(count).collect()
}

/// Must pods be in different zones, and nowhere in the same?
fn keeps_zones_apart(template: &PodTemplate) -> bool {
    let of_zone = |term: &PodAffinityTerm| term.topology_key == ZONE;
    let apart = template.pod_anti_affinity.iter().any(of_zone)
        || template.spread.iter().any(|constraint| constraint.topology_key == ZONE);
    apart && !template.pod_affinity.iter().any(of_zone)
}

/// Keys of required affinity and spread, which a node must have to be of any domain.
fn topology_keys(template: &PodTemplate) -> impl Iterator<Item = &str> {
    let terms = template
        .pod_affinity
        .iter()
        .chain(&template.pod_anti_affinity)
        .map(|term| term.topology_key.as_str());
    terms
        .chain(template.spread.iter().map(|constraint| constraint.topology_key.as_str()))
        .filter(|key| !key.is_empty())
}

/// The labels that a node must have for pods of `template` to be placed there, but for its host name.
pub fn wished_labels(template: &PodTemplate) -> Labels {
    let Wishes { mut labels, in_turn, .. } = wishes(template);
    labels.extend(in_turn.into_iter().filter_map(|(key, values)| Some((key, values.into_iter().next()?))));
    labels
}

/// What nodes must be like for a template.
#[derive(Default)]
struct Wishes {
    /// The labels that all must have.
    labels: Labels,
    /// Labels that nodes are told apart by, with the values that may be had.
    in_turn: BTreeMap<String, Vec<String>>,
    /// The names that some must have.
    names: Vec<String>,
    /// That is not all that is asked for, which is impossible.
    is_too_little: bool,
}

/// What nodes must be like for `template`.
fn wishes(template: &PodTemplate) -> Wishes {
    let mut names: Vec<String> = template.node_name.iter().cloned().collect();
    let mut selector = template.node_selector.clone();
    names.extend(selector.remove(HOSTNAME));
    let terms = template.node_affinity.as_deref().unwrap_or_default();
    let mut found: Option<Wishes> = None;
    for term in terms {
        if term.expressions.is_empty() && term.fields.is_empty() {
            continue;
        }
        let mut labels = selector.clone();
        let mut names = names.clone();
        let mut in_turn = BTreeMap::new();
        for requirement in &term.expressions {
            let key = &requirement.key;
            if key == HOSTNAME && requirement.operator == Operator::In {
                names.extend(requirement.values.iter().cloned());
            } else if labels.contains_key(key)
                || (requirement.operator == Operator::Exists && has(template, key))
            {
                // A node has it anyway, and not the same as every other one.
            } else if requirement.operator == Operator::In && tells_apart(template, key) {
                let meets_all = |value: &&String| {
                    let own = Labels::from([(key.clone(), (*value).clone())]);
                    let mut of_key = term.expressions.iter().filter(|other| other.key == *key);
                    is_value(value) && of_key.all(|other| meets(&own, other))
                };
                let values: Vec<String> = requirement.values.iter().filter(meets_all).cloned().collect();
                if !values.is_empty() {
                    in_turn.insert(key.clone(), values);
                }
            } else if let Some(value) = wish(requirement).filter(|value| is_value(value)) {
                labels.insert(key.clone(), value);
            }
        }
        names.extend(
            term.fields
                .iter()
                .filter(|field| field.operator == Operator::In)
                .flat_map(|field| field.values.iter().cloned()),
        );
        names.dedup();
        // All labels of a node that is given these wishes.
        let mut whole: BTreeMap<_, _> = catalogue::node(1).labels;
        whole.extend(labels.clone());
        whole.extend(in_turn.iter().map(|(key, values)| (key.clone(), values[0].clone())));
        whole.extend(names.first().map(|name| (HOSTNAME.to_owned(), name.clone())));
        for key in topology_keys(template) {
            whole.entry(key.to_owned()).or_insert_with(|| domain(1));
        }
        if !term.expressions.iter().all(|requirement| meets(&whole, requirement)) {
            continue;
        }
        // Values of one label that several terms ask for are had in turn too, if these ask for the same otherwise.
        match &mut found {
            None => found = Some(Wishes { labels, in_turn, names, is_too_little: false }),
            Some(first) => {
                let is_alike = first.labels == labels && first.names == names && in_turn.len() == 1;
                if is_alike && first.in_turn.keys().eq(in_turn.keys()) {
                    for (key, values) in in_turn {
                        let known = first.in_turn.entry(key).or_default();
                        known.extend(values);
                        let mut seen = BTreeSet::new();
                        known.retain(|value| seen.insert(value.clone()));
                    }
                }
            }
        }
    }
    let is_too_little = template.node_affinity.is_some();
    found.unwrap_or(Wishes { labels: selector, names, is_too_little, ..Wishes::default() })
}

/// Are the nodes of a cluster told apart by this label, so that pods may have to be where it has different values (FLT-10, FLT-15)?
fn tells_apart(template: &PodTemplate, key: &str) -> bool {
    [ZONE, REGION].contains(&key) || topology_keys(template).any(|other| other == key)
}

/// Does every generated node have this label, with the value that its place gives it?
fn has(template: &PodTemplate, key: &str) -> bool {
    catalogue::node(1).labels.contains_key(key) || topology_keys(template).any(|other| other == key)
}

/// The domain of the node at this place, from 1, by a label that it is not given otherwise.
fn domain(place: usize) -> String {
    format!("domain-{place}")
}

/// A value with which a label meets a requirement; none if it does so best by not being there.
fn wish(requirement: &Requirement) -> Option<String> {
    let bound = || requirement.values.first()?.parse::<i64>().ok();
    match requirement.operator {
        Operator::In => requirement.values.first().cloned(),
        Operator::Exists => Some("true".into()),
        Operator::Gt => bound().and_then(|bound| bound.checked_add(1)).map(|value| value.to_string()),
        Operator::Lt => bound().and_then(|bound| bound.checked_sub(1)).map(|value| value.to_string()),
        Operator::NotIn | Operator::DoesNotExist => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::web;
    use crate::event::Story;
    use crate::scenario::NodeSelectorTerm;

    fn template(expressions: Vec<Requirement>) -> PodTemplate {
        let term = NodeSelectorTerm { expressions, fields: Vec::new() };
        PodTemplate { node_affinity: Some(vec![term]), ..web("", Story::Create, 2, 2).workload.template }
    }

    fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
        Requirement { key: key.into(), operator, values: values.iter().map(|&value| value.into()).collect() }
    }

    #[test]
    fn generated_nodes_carry_what_node_affinity_asks_for() {
        let wanted = template(vec![
            requirement("disk", Operator::In, &["ssd", "nvme"]),
            requirement("gpu", Operator::Exists, &[]),
            requirement("gen", Operator::Gt, &["3"]),
            requirement("age", Operator::Lt, &["3"]),
            requirement("old", Operator::DoesNotExist, &[]),
            requirement(HOSTNAME, Operator::In, &["a", "b"]),
        ]);
        let (nodes, says) = generate(3, &wanted, Resources::default());
        assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["a", "b", "node-3"]);
        for (key, value) in [("disk", "ssd"), ("gpu", "true"), ("gen", "4"), ("age", "2")] {
            assert_eq!(nodes[0].labels.get(key).map(String::as_str), Some(value), "{key}");
        }
        assert!(says.iter().any(|says| says.contains("disk=ssd")), "{says:?}");
    }

    #[test]
    fn generated_nodes_have_the_names_that_are_asked_for_and_no_two_the_same() {
        for (asked, names) in [
            ("other", ["other", "node-2"]),
            ("node-1", ["node-1", "node-2"]),
            ("node-2", ["node-2", "node-1"]),
        ] {
            let mut wanted = template(Vec::new());
            wanted.node_name = Some(asked.to_owned());
            let (nodes, _) = generate(2, &wanted, Resources::default());
            let found: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
            assert_eq!(found, names);
            assert!(nodes.iter().all(|node| node.labels[HOSTNAME] == node.name), "{nodes:?}");
        }
    }

    /// FLT-12, FLT-13: nobody says of a cluster that it has one zone by asking for pods in several.
    #[test]
    fn generated_nodes_have_zones_where_pods_are_to_be_in_different_ones() {
        let zones = |template: &PodTemplate| {
            let (nodes, says) = generate(2, template, Resources::default());
            let zones: BTreeSet<String> = nodes.iter().map(|node| node.labels[ZONE].clone()).collect();
            (zones.len(), says.iter().any(|says| says.contains("each in a zone of its own")))
        };
        let term = PodAffinityTerm {
            topology_key: ZONE.into(),
            selector: None,
            namespaces: Vec::new(),
            all_namespaces: false,
            same_revision: false,
        };
        let plain = template(Vec::new());
        assert_eq!(zones(&plain), (1, false));
        let apart = PodTemplate { pod_anti_affinity: vec![term.clone()], ..plain };
        assert_eq!(zones(&apart), (2, true));
        let together = PodTemplate { pod_affinity: vec![term], ..apart.clone() };
        assert_eq!(zones(&together), (1, false));
        let in_one = PodTemplate { node_selector: BTreeMap::from([(ZONE.into(), "a".into())]), ..apart };
        assert_eq!(zones(&in_one), (1, false), "that is what the pods ask for");
    }

    /// FLT-10, FLT-15: nodes that are all of one zone would make nothing of what keeps pods in several.
    #[test]
    fn generated_nodes_are_of_all_the_zones_that_are_asked_for() {
        let of = |template: &PodTemplate, key: &str| {
            let (nodes, says) = generate(3, template, Resources::default());
            let values: Vec<String> = nodes.iter().map(|node| node.labels[key].clone()).collect();
            (values.join(" "), says.join("; "))
        };
        let zones = |operator, values: &[&str]| requirement(ZONE, operator, values);
        let plain = template(vec![zones(Operator::In, &["a", "b"])]);
        let (values, says) = of(&plain, ZONE);
        assert_eq!(values, "a b a");
        assert!(says.contains("untainted, in the zones that the pods ask for, with room"), "{says}");
        assert!(
            says.contains("topology.kubernetes.io/zone with the values that the pods ask for, in turn: a, b"),
            "{says}"
        );
        let but_one = template(vec![zones(Operator::In, &["a", "b", "c"]), zones(Operator::NotIn, &["b"])]);
        assert_eq!(of(&but_one, ZONE).0, "a c a");
        let (values, says) = of(&template(vec![zones(Operator::In, &["a"])]), ZONE);
        assert_eq!(values, "a a a");
        assert!(
            says.contains("in one zone") && says.contains("topology.kubernetes.io/zone=a, which"),
            "{says}"
        );
        let mut either = template(vec![zones(Operator::In, &["a"])]);
        let term =
            |zone| NodeSelectorTerm { expressions: vec![zones(Operator::In, &[zone])], fields: Vec::new() };
        either.node_affinity = Some(["a", "b", "a"].map(term).to_vec());
        assert_eq!(of(&either, ZONE).0, "a b a", "one term or the other");
        let term = PodAffinityTerm {
            topology_key: "rack".into(),
            selector: None,
            namespaces: Vec::new(),
            all_namespaces: false,
            same_revision: false,
        };
        let racks = |operator, values: &[&str]| PodTemplate {
            pod_anti_affinity: vec![term.clone()],
            ..template(vec![requirement("rack", operator, values)])
        };
        assert_eq!(of(&racks(Operator::In, &["r1", "r2"]), "rack").0, "r1 r2 r1");
        assert_eq!(of(&racks(Operator::Exists, &[]), "rack").0, "domain-1 domain-2 domain-3");
        let unasked = template(vec![requirement("rack", Operator::In, &["r1", "r2"])]);
        assert_eq!(of(&unasked, "rack").0, "r1 r1 r1", "nothing depends on it");
    }

    #[test]
    fn generated_nodes_keep_the_labels_that_have_to_exist() {
        let wanted = template(vec![
            requirement(HOSTNAME, Operator::Exists, &[]),
            requirement(ZONE, Operator::Exists, &[]),
        ]);
        let (nodes, says) = generate(2, &wanted, Resources::default());
        let names: Vec<&str> = nodes.iter().map(|node| node.labels[HOSTNAME].as_str()).collect();
        assert_eq!(names, ["node-1", "node-2"]);
        assert_eq!(nodes[0].labels[ZONE], "zone-1");
        assert!(!says.iter().any(|says| says.contains("no generated node")), "{says:?}");
    }

    #[test]
    fn affinity_that_no_node_can_meet_is_said() {
        let wanted =
            template(vec![requirement("a", Operator::In, &["x"]), requirement("a", Operator::NotIn, &["x"])]);
        let (_, says) = generate(1, &wanted, Resources::default());
        assert!(says.iter().any(|says| says.contains("no generated node")), "{says:?}");
    }
}
