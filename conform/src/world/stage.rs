//! The nodes of a workload's scenario: those of the log, as they are when it begins, and what changes of them.

use std::collections::BTreeMap;
use std::rc::Rc;

use podproof_vocabulary::scenario::{Node, Scenario};
use podproof_vocabulary::{catalogue, manifest};
use serde_json::{Value, json};

use super::documents::{self, Document};
use super::life::{Life, Moment};
use super::observed::{Followed, NodeChange, NodeSeen};
use super::roots::Root;
use super::surveyor::Surveyor;
use crate::before::first_sight::Began;

/// The label that a kubelet gives its node.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The most nodes that a state of the model holds.
pub(super) const MOST: usize = 60;

/// A node of the log, its manifests read.
pub(super) struct Known<'s> {
    life: &'s Life,
    /// What it is from the beginning, and from each change on.
    states: Vec<(Moment, Rc<Node>)>,
    /// What was assumed of it.
    assumptions: Vec<String>,
    /// It was not Ready when the log began.
    was_unready: bool,
    /// The log shows nothing of it but its name.
    is_only_named: bool,
}

impl Known<'_> {
    /// Was it there when the log began, and not Ready?
    pub fn was_unready(&self) -> bool {
        self.was_unready
    }
}

/// The nodes of a log, by name.
pub(super) fn known<'s>(
    surveyor: &'s Surveyor,
    options: &manifest::Options,
) -> BTreeMap<&'s Rc<str>, Known<'s>> {
    let began = surveyor.began;
    let read_one = |(name, node): (&'s Rc<str>, &'s super::nodes::Node)| {
        let (first, assumptions) = read(name, &node.first, options);
        let later = node.changes.iter().map(|(at, manifest)| (*at, Rc::new(read(name, manifest, options).0)));
        let states = std::iter::once((Moment::default(), Rc::new(first))).chain(later).collect();
        let was_unready = began.is_some_and(|began| node.was_unready(Began::at(began)));
        let is_only_named = node.is_only_named;
        (name, Known { life: &node.life, states, assumptions, was_unready, is_only_named })
    };
    surveyor.nodes.by_name.iter().map(read_one).collect()
}

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

/// A node that a workload may meet.
struct Candidate<'s> {
    name: &'s Rc<str>,
    node: &'s Known<'s>,
    /// It joins after the workload began.
    is_late: bool,
}

impl Stage {
    /// The nodes of a workload: those that its pods were on first, if a state cannot hold all.
    pub fn of(
        root: &Root<'_>,
        surveyor: &Surveyor,
        known: &BTreeMap<&Rc<str>, Known<'_>>,
        followed: Followed,
    ) -> Self {
        let span = root.span(surveyor);
        let own = own_nodes(root, surveyor);
        let place = |name: &Rc<str>| own.iter().position(|own| own == name).unwrap_or(own.len());
        let all = known.iter().filter(|(_, node)| node.life.span().overlaps(span));
        let mut candidates: Vec<_> = all
            .map(|(&name, node)| Candidate { name, node, is_late: node.life.span().from > root.life.first })
            .collect();
        candidates.sort_by_key(|candidate| (place(candidate.name), candidate.name));
        let mut warnings = Vec::new();
        if candidates.len() > MOST {
            let (left_out, all) = (candidates.len() - MOST, candidates.len());
            warnings.push(format!("{left_out} of {all} nodes are left out: a state holds {MOST}"));
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
            stage.add(candidate, followed);
        }
        stage.changes.sort_by_key(|change| (change.at, change.node));
        stage
    }

    /// Nodes of which the log shows nothing but the name have labels that nobody knows: those that the workload's pods were on have what
    /// these ask for. What was guessed is returned.
    pub fn guess_labels(&self, scenario: &mut Scenario) -> Option<String> {
        let template = &scenario.workload.template;
        let wished = manifest::wished_labels(template);
        let together: Vec<&String> = template.pod_affinity.iter().map(|term| &term.topology_key).collect();
        let apart = template.pod_anti_affinity.iter().map(|term| &term.topology_key);
        let apart: Vec<&String> = apart.chain(template.spread.iter().map(|one| &one.topology_key)).collect();
        let mut guessed = Vec::new();
        for (node, seen) in scenario.nodes.iter_mut().zip(&self.seen) {
            if !seen.is_only_named || !self.own.contains(&seen.name) {
                continue;
            }
            let before = node.labels.clone();
            node.labels.insert(HOSTNAME.into(), seen.name.to_string());
            for (key, value) in &wished {
                node.labels.entry(key.clone()).or_insert_with(|| value.clone());
            }
            for key in &together {
                node.labels.entry((*key).clone()).or_insert_with(|| "one".into());
            }
            for key in &apart {
                node.labels.entry((*key).clone()).or_insert_with(|| seen.name.to_string());
            }
            let is_known = |key: &String| *key == HOSTNAME || before.contains_key(key);
            if !node.labels.keys().all(is_known) {
                guessed.push(&*seen.name);
            }
        }
        (!guessed.is_empty()).then(|| {
            format!(
                "the log shows no label of {}: they are taken to have those that the pods there ask for",
                guessed.join(", ")
            )
        })
    }

    /// A node is followed for as long as the workload.
    fn add(&mut self, candidate: &Candidate<'_>, followed: Followed) {
        let number = u8::try_from(self.nodes.len()).unwrap_or(u8::MAX);
        let states = &candidate.node.states;
        let first = states.partition_point(|(at, _)| *at <= followed.from).saturating_sub(1);
        let last = states.partition_point(|(at, _)| followed.to.is_none_or(|to| *at <= to)).max(first);
        let states = &states[first..last.max(first + 1)];
        self.nodes.push((*states[0].1).clone());
        self.seen.push(NodeSeen {
            name: Rc::clone(candidate.name),
            span: candidate.node.life.span(),
            was_unready: candidate.node.was_unready,
            is_only_named: candidate.node.is_only_named,
        });
        self.assumptions.extend(candidate.node.assumptions.iter().cloned());
        for pair in states.windows(2) {
            let [(_, before), (at, after)] = pair else { continue };
            let (before, after) = (Rc::clone(before), Rc::clone(after));
            self.changes.push(NodeChange { at: *at, node: number, before, after });
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
    let labels =
        json!({"kubernetes.io/hostname": "none", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"});
    let metadata = json!({"name": "none", "labels": labels});
    let status = json!({"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "1"}});
    let manifest = json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status});
    Document { title: "Node/none".into(), manifest, may_be_left_out: false }
}

/// A node out of its manifest, and what was assumed of it.
fn read(name: &str, manifest: &Value, options: &manifest::Options) -> (Node, Vec<String>) {
    // Manifests are read for a workload.
    let containers = json!([{"name": "none", "image": "none"}]);
    let spec = json!({"containers": containers});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "none"}, "spec": spec});
    let documents = [
        Document { title: "Pod/none".into(), manifest: pod, may_be_left_out: false },
        Document { title: format!("Node/{name}"), manifest: manifest.clone(), may_be_left_out: true },
    ];
    let (node, says) = match documents::read(&documents, options) {
        Ok((mut input, mut says)) => {
            says.extend(input.assumptions.into_iter().filter(|says| says.starts_with("Node/")));
            (input.scenarios.pop().and_then(|mut scenario| scenario.nodes.pop()), says)
        }
        Err(says) => (None, vec![says]),
    };
    (Node { name: name.into(), ..node.unwrap_or_else(|| catalogue::node(1)) }, says)
}
