//! The nodes of a workload's scenario: those of the log, as they are when the workload begins, and what changes of them.

use std::rc::Rc;

use podproof_vocabulary::manifest;
use podproof_vocabulary::scenario::Node;
use serde_json::{Value, json};

use super::documents::{self, Document};
use super::life::Moment;
use super::nodes;
use super::observed::{NodeChange, NodeSeen};
use super::roots::Root;
use super::surveyor::Surveyor;

/// The most nodes that a state of the model holds.
const MOST: usize = 60;

/// The nodes of a scenario.
pub(super) struct Stage {
    pub nodes: Vec<Node>,
    /// How many of them, counted from the end, join later.
    pub spare: u8,
    pub seen: Vec<NodeSeen>,
    pub changes: Vec<NodeChange>,
    /// The nodes that the workload's own pods were on.
    pub own: Vec<Rc<str>>,
    /// What was assumed of them.
    pub assumptions: Vec<String>,
    /// What is odd about them.
    pub warnings: Vec<String>,
}

/// A node of the log that a workload may meet.
struct Candidate<'s> {
    name: &'s Rc<str>,
    node: &'s nodes::Node,
    /// It joins after the workload began.
    is_late: bool,
}

impl Stage {
    /// The nodes of a workload: those that its pods were on first, if a state cannot hold all.
    pub fn of(root: &Root<'_>, surveyor: &Surveyor, options: &manifest::Options) -> Self {
        let span = root.span(surveyor);
        let own = own_nodes(root, surveyor);
        let place = |name: &Rc<str>| own.iter().position(|own| own == name).unwrap_or(own.len());
        let all = surveyor.nodes.by_name.iter().filter(|(_, node)| node.life.span().overlaps(span));
        let mut candidates: Vec<_> = all
            .map(|(name, node)| Candidate { name, node, is_late: node.life.span().from > root.life.first })
            .collect();
        candidates.sort_by_key(|candidate| (place(candidate.name), candidate.name));
        let mut warnings = Vec::new();
        if candidates.len() > MOST {
            warnings.push(format!(
                "{} of {} nodes are left out: a state holds {MOST}",
                candidates.len() - MOST,
                candidates.len()
            ));
            candidates.truncate(MOST);
        }
        candidates.sort_by_key(|one| (one.is_late, one.is_late.then_some(one.node.life.first), one.name));
        let spare = candidates.iter().filter(|candidate| candidate.is_late).count();
        let mut stage = Self {
            nodes: Vec::new(),
            spare: u8::try_from(spare).unwrap_or(u8::MAX),
            seen: Vec::new(),
            changes: Vec::new(),
            own,
            assumptions: Vec::new(),
            warnings,
        };
        for candidate in &candidates {
            stage.add(candidate, root.life.span().from, options);
        }
        stage.changes.sort_by_key(|change| (change.at, change.node));
        stage
    }

    fn add(&mut self, candidate: &Candidate<'_>, began: Moment, options: &manifest::Options) {
        let number = u8::try_from(self.nodes.len()).unwrap_or(u8::MAX);
        let (earlier, later): (Vec<_>, Vec<_>) =
            candidate.node.changes.iter().partition(|(at, _)| *at <= began);
        let first = earlier.last().map_or(&candidate.node.first, |(_, manifest)| manifest);
        let (node, says) = read(candidate.name, first, options);
        self.assumptions.extend(says);
        let mut before = Rc::new(node);
        self.nodes.push((*before).clone());
        self.seen.push(NodeSeen { name: Rc::clone(candidate.name), span: candidate.node.life.span() });
        for (at, manifest) in later {
            let (after, _) = read(candidate.name, manifest, options);
            let after = Rc::new(after);
            if after != before {
                self.changes.push(NodeChange { at: *at, node: number, before, after: Rc::clone(&after) });
                before = after;
            }
        }
    }
}

/// The nodes that the pods of a workload were on, in the order in which they came there.
fn own_nodes(root: &Root<'_>, surveyor: &Surveyor) -> Vec<Rc<str>> {
    let pods = root.pods.iter().filter_map(|uid| surveyor.pods.register.by_uid.get(uid));
    let mut bound: Vec<_> = pods.filter_map(|pod| pod.bound.clone()).collect();
    bound.sort_by(|(a, at), (b, then)| (at, a).cmp(&(then, b)));
    let mut names: Vec<Rc<str>> = Vec::new();
    for (name, _) in bound {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A node for a workload that is read without those of its scenario.
pub(super) fn stand_in() -> Document {
    let labels = json!({"kubernetes.io/hostname": "none"});
    let metadata = json!({"name": "none", "labels": labels});
    let status = json!({"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "1"}});
    let manifest = json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status});
    Document { title: "Node/none".into(), manifest, may_be_left_out: false }
}

/// A node out of its manifest, and what was assumed of it.
fn read(name: &str, manifest: &Value, options: &manifest::Options) -> (Node, Vec<String>) {
    let title = format!("Node/{name}");
    // Manifests are read for a workload.
    let container = json!({"name": "none", "image": "none"});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "none"}, "spec": {"containers": [container]}});
    let documents = [
        Document { title: "Pod/none".into(), manifest: pod, may_be_left_out: false },
        Document { title: title.clone(), manifest: manifest.clone(), may_be_left_out: true },
    ];
    match documents::read(&documents, options) {
        Ok((mut input, mut says)) => {
            says.extend(input.assumptions.into_iter().filter(|says| says.starts_with("Node/")));
            let nodes = input.scenarios.first_mut().map(|scenario| std::mem::take(&mut scenario.nodes));
            let node = nodes.and_then(|nodes| nodes.into_iter().next());
            let node = node.unwrap_or_else(|| podproof_vocabulary::catalogue::node(1));
            (Node { name: name.into(), ..node }, says)
        }
        Err(says) => (Node { name: name.into(), ..podproof_vocabulary::catalogue::node(1) }, vec![says]),
    }
}
