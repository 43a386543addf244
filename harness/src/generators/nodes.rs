//! Nodes, and what pods may say of them.

use arbitrary::{Result, Unstructured};
use podproof_vocabulary::catalogue;
use podproof_vocabulary::scenario::{
    LabelSelector, Labels, Node, NodeSelectorTerm, Operator, Requirement, Resources, Taint, TaintEffect,
    Toleration,
};

use super::limits::{HEALTH_KEYS, SECONDS_MAX, TAINT_KEYS, TAINTS_MAX, TOPOLOGY_KEYS, VALUES};
use super::{one_in, one_of};

const EFFECTS: [TaintEffect; 3] =
    [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute];

/// The n-th node: in a zone, with a disk or not, perhaps tainted, cordoned or small.
pub fn node(u: &mut Unstructured<'_>, number: usize) -> Result<Node> {
    let mut node = catalogue::node(number);
    let zone = one_of(u, &VALUES)?;
    node.labels.insert(TOPOLOGY_KEYS[1].into(), zone.into());
    if one_in(u, 8)? {
        node.labels.remove(TOPOLOGY_KEYS[1]);
    }
    if one_in(u, 3)? {
        node.labels.insert(TOPOLOGY_KEYS[2].into(), one_of(u, &VALUES)?.into());
    }
    if one_in(u, 4)? {
        for _ in 0..u.int_in_range(1..=TAINTS_MAX)? {
            let taint = taint(u)?;
            if !node.taints.iter().any(|old| old.key == taint.key && old.effect == taint.effect) {
                node.taints.push(taint);
            }
        }
    }
    node.unschedulable = one_in(u, 10)?;
    if one_in(u, 4)? {
        let cpu_milli = one_of(u, &[0, 500, 1000, 1500, 2000])?;
        node.allocatable = Resources { cpu_milli, memory: 2 << 30, pods: u.int_in_range(0..=4)? };
    }
    Ok(node)
}

fn taint(u: &mut Unstructured<'_>) -> Result<Taint> {
    // The taint of a cordoned node is the controller's own: manifests have the others.
    let key = one_of(u, &TAINT_KEYS[..2])?.into();
    Ok(Taint { key, value: one_of(u, &["", "1"])?.into(), effect: one_of(u, &EFFECTS)? })
}

/// A toleration of one of the taints that there may be.
pub fn toleration(u: &mut Unstructured<'_>) -> Result<Toleration> {
    let exists = u.arbitrary()?;
    let everything = exists && one_in(u, 6)?;
    let effect = if one_in(u, 3)? { None } else { Some(one_of(u, &EFFECTS)?) };
    // Only a toleration of NoExecute may say for how long.
    let may_end = effect == Some(TaintEffect::NoExecute);
    Ok(Toleration {
        key: if everything { String::new() } else { one_of(u, &TAINT_KEYS)?.into() },
        exists,
        value: if exists { String::new() } else { one_of(u, &["", "1"])?.into() },
        effect,
        seconds: if may_end && u.arbitrary()? { Some(u.int_in_range(0..=4)?) } else { None },
    })
}

/// A toleration of a node that is not well: for ever, not at all, or for a while.
pub fn health_toleration(u: &mut Unstructured<'_>) -> Result<Toleration> {
    Ok(Toleration {
        key: one_of(u, &HEALTH_KEYS)?.into(),
        exists: u.arbitrary()?,
        value: String::new(),
        effect: Some(TaintEffect::NoExecute),
        seconds: match u.int_in_range(0..=2)? {
            0 => None,
            1 => Some(0),
            _ => Some(u.int_in_range(1..=SECONDS_MAX)?),
        },
    })
}

/// `nodeSelector`.
pub fn node_selector(u: &mut Unstructured<'_>) -> Result<Labels> {
    Ok([(one_of(u, &TOPOLOGY_KEYS[1..])?.into(), one_of(u, &VALUES)?.into())].into())
}

/// Required node affinity.
pub fn node_affinity(u: &mut Unstructured<'_>) -> Result<Vec<NodeSelectorTerm>> {
    let mut terms = Vec::new();
    for _ in 0..u.int_in_range(1..=2)? {
        let mut term = NodeSelectorTerm::default();
        for _ in 0..u.int_in_range(0..=2)? {
            term.expressions.push(node_requirement(u)?);
        }
        if one_in(u, 4)? {
            let operator = one_of(u, &[Operator::In, Operator::NotIn])?;
            let name = format!("node-{}", u.int_in_range(1..=3)?);
            term.fields.push(Requirement { key: "metadata.name".into(), operator, values: vec![name] });
        }
        terms.push(term);
    }
    Ok(terms)
}

fn node_requirement(u: &mut Unstructured<'_>) -> Result<Requirement> {
    use Operator::{DoesNotExist, Exists, Gt, In, Lt, NotIn};
    let operator = one_of(u, &[In, NotIn, Exists, DoesNotExist, Gt, Lt])?;
    let key = one_of(u, &TOPOLOGY_KEYS[1..])?.into();
    let values = match operator {
        Exists | DoesNotExist => Vec::new(),
        Gt | Lt => vec![one_of(u, &["0", "1", "2", "-1"])?.into()],
        In | NotIn => some_values(u)?,
    };
    Ok(Requirement { key, operator, values })
}

fn some_values(u: &mut Unstructured<'_>) -> Result<Vec<String>> {
    let mut values = vec![one_of(u, &VALUES)?.to_owned()];
    if u.arbitrary()? {
        values.push(one_of(u, &VALUES)?.to_owned());
    }
    Ok(values)
}

/// A selector of pods by their labels `app` and `tier`.
pub fn pod_selector(u: &mut Unstructured<'_>) -> Result<Option<LabelSelector>> {
    use Operator::{DoesNotExist, Exists, In, NotIn};
    let mut selector = LabelSelector::default();
    match u.int_in_range(0..=5)? {
        0 => return Ok(None),
        1 => {}
        2 => {
            let operator = one_of(u, &[In, NotIn, Exists, DoesNotExist])?;
            let values = match operator {
                Exists | DoesNotExist => Vec::new(),
                _ => vec![one_of(u, &["front", "back"])?.to_owned()],
            };
            selector.expressions.push(Requirement { key: "tier".into(), operator, values });
        }
        _ => {
            selector.labels.insert("app".into(), one_of(u, &["web", "db"])?.into());
        }
    }
    Ok(Some(selector))
}
