//! Who makes the scenarios of a log, of one workload after the other: what was read for one is kept only while it may be beside
//! another.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::Release;
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::manifest::{self, Annotated};

use super::life::{Moment, Span};
use super::manifests::{self, Read};
use super::neighbours::Other;
use super::observe::Setting;
use super::observed::{Followed, NotModelled, Observed, World};
use super::pods::Pod;
use super::roots::{self, Root};
use super::stage::{self, Known};
use super::surveyor::Surveyor;

/// Makes the scenarios of a log.
pub struct Composer<'s> {
    surveyor: &'s Surveyor,
    annotated: Vec<Annotated>,
    options: manifest::Options,
    nodes: BTreeMap<&'s Rc<str>, Known<'s>>,
    /// The workloads, in the order in which the log shows them.
    roots: Vec<Rc<Root<'s>>>,
    followed: Vec<Followed>,
    /// All pods that had a place on a node, in the order in which they came there.
    placed: Vec<Placed<'s>>,
    /// Manifests that were read, by the places of their workloads; none, if one cannot be.
    read: BTreeMap<usize, Option<Rc<Read<'s>>>>,
    not_modelled: BTreeSet<NotModelled>,
    warnings: Vec<String>,
    /// Nodes whose kubelets are of a release that does something otherwise, with its minor number.
    kubelets: BTreeMap<Rc<str>, u8>,
    /// Nodes whose kubelets have written nothing.
    unheard: BTreeSet<Rc<str>>,
    /// Of what the log has nothing although it was written, in which namespace.
    unwritten: Vec<(Rc<str>, &'static str)>,
    /// How many workloads have been composed.
    composed: usize,
    /// The log has pods, and kubelets run all of them from files.
    only_mirrors: bool,
}

/// What is said of a log without answers.
const ONLY_ASKED: &str = "the log does not show what writes were answered with (an audit policy of level Request): what they left is \
    made of what was asked for, and for how long pods tolerate a node that fails, which admission says, is taken to be any time";

/// Why nothing is made of objects that were created.
const NOT_HELD: &str = "the log does not hold them (an audit policy of level Metadata)";
const NOT_WRITTEN_BACK: &str = "the log does not show what was answered (an audit policy of level Request), and no controller writes \
    them back as they were created";

/// A pod that had a place on a node.
struct Placed<'s> {
    uid: &'s Rc<str>,
    pod: &'s Pod,
    node: &'s Rc<str>,
    span: Span,
    /// The place of its workload, and its own among the pods of that.
    of: Option<(usize, usize)>,
}

impl<'s> Composer<'s> {
    /// For a log that was seen, by this release, of which this is to be said.
    pub(super) fn new(
        surveyor: &'s Surveyor,
        release: Release,
        says: Option<String>,
        annotated: Vec<Annotated>,
    ) -> Self {
        let options = manifest::Options {
            nodes: 1,
            replicas: 100,
            release,
            latencies: Latencies::of(release),
            on_sigterm: None,
            listens_after_seconds: None,
            skip_others: false,
        };
        let (roots, mut not_modelled) = roots::roots(surveyor);
        let only_mirrors = roots.is_empty() && !not_modelled.is_empty() && surveyor.unseen == 0;
        if surveyor.unseen > 0 {
            not_modelled.insert(NotModelled {
                what: format!("{} objects that were created", surveyor.unseen),
                why: if surveyor.only_asked { NOT_WRITTEN_BACK } else { NOT_HELD }.into(),
            });
        }
        let kubelets = surveyor.versions.other_kubelets(release);
        let unheard = surveyor.unheard_nodes();
        let mut of_kubelets = Vec::new();
        if let Some((node, minor)) = kubelets.first_key_value() {
            of_kubelets.push(format!(
                "the kubelet of {node} is of release 1.{minor}{}: it does some things otherwise than those of {release}, which is taken",
                and_others(kubelets.len())
            ));
        }
        let bound = surveyor.pods.register.by_uid.values().filter_map(|pod| Some(&pod.bound.as_ref()?.0));
        let bound: BTreeSet<&Rc<str>> = bound.filter(|node| unheard.contains(*node)).collect();
        if let Some(node) = bound.first() {
            of_kubelets.push(format!(
                "the log has pods on {node}, and nothing that the kubelet there wrote ({} such nodes): an audit policy may leave it out",
                bound.len()
            ));
        }
        let unwritten = surveyor.unwritten();
        let is_missing = |(_, says): &(_, &str)| format!("the log leaves something out: {says}");
        let missing: BTreeSet<String> = unwritten.iter().map(is_missing).collect();
        let only_asked = surveyor.only_asked.then(|| ONLY_ASKED.to_owned());
        Self {
            surveyor,
            annotated,
            nodes: stage::known(surveyor, &options),
            options,
            followed: roots.iter().map(|root| root.followed(surveyor)).collect(),
            placed: placed(surveyor, &roots),
            roots: roots.into_iter().map(Rc::new).collect(),
            read: BTreeMap::new(),
            not_modelled,
            warnings: says.into_iter().chain(only_asked).chain(of_kubelets).chain(missing).collect(),
            kubelets,
            unheard,
            unwritten,
            composed: 0,
            only_mirrors,
        }
    }

    /// Between which moments each workload is followed.
    pub fn followed(&self) -> &[Followed] {
        &self.followed
    }

    /// When the log began, in microseconds since the epoch.
    pub fn began(&self) -> i64 {
        self.surveyor.began.unwrap_or_default()
    }

    /// Nodes whose kubelets are of a release that does something otherwise than the one that is taken, with its minor number.
    pub fn other_kubelets(&self) -> &BTreeMap<Rc<str>, u8> {
        &self.kubelets
    }

    /// Nodes whose kubelets have written nothing, though the log says who writes.
    pub fn unheard_nodes(&self) -> &BTreeSet<Rc<str>> {
        &self.unheard
    }

    /// Of what the log has nothing although what it has shows that it was written, in which namespace; the nodes have none.
    pub fn unwritten(&self) -> &[(Rc<str>, &'static str)] {
        &self.unwritten
    }

    /// Are there pods that the log never shows?
    pub fn has_strangers(&self) -> bool {
        self.surveyor.strangers
    }

    /// The addresses of pods that were there when the log began, and of which it shows nothing else.
    pub fn addresses_before(&self) -> impl Iterator<Item = &Rc<str>> {
        self.surveyor.addresses_before()
    }

    /// Was a node there when the log began, and not Ready?
    pub fn has_unready_nodes(&self) -> bool {
        !self.roots.is_empty() && self.nodes.values().any(Known::was_unready)
    }

    /// The worlds of a workload by its place, one for each class of Services; none, if it cannot be read.
    pub fn compose(&mut self, index: usize) -> Vec<Observed> {
        let Some(read) = self.read(index) else { return Vec::new() };
        let span = read.root.span(self.surveyor);
        let last = span
            .to
            .map_or(self.placed.len(), |to| self.placed.partition_point(|placed| placed.span.from < to));
        let beside = |(_, placed): &(usize, &Placed<'_>)| {
            placed.span.overlaps(span) && placed.of.is_none_or(|(of, _)| of != index)
        };
        let beside: Vec<usize> =
            self.placed[..last].iter().enumerate().filter(beside).map(|(place, _)| place).collect();
        let mut met = Vec::new();
        for place in beside {
            let of = self.placed[place].of.and_then(|(of, number)| Some((self.read(of)?, number)));
            let name = match &of {
                Some((read, number)) => format!("{} {number}", read.root.name),
                None => self.placed[place].pod.name.to_string(),
            };
            met.push((place, of.map(|(read, _)| read), name));
        }
        let others = met.iter().map(|(place, read, name)| {
            let &Placed { uid, pod, node, span, .. } = &self.placed[*place];
            let template = read.as_ref().and_then(|read| read.input.scenarios.first());
            Other { uid, pod, node, span, name, template: template.map(|one| &one.workload.template) }
        });
        let setting = Setting {
            surveyor: self.surveyor,
            annotated: &self.annotated,
            nodes: &self.nodes,
            others: others.collect(),
            roots: &self.roots,
            index,
            followed: self.followed[index],
        };
        let observed = setting.observe(&read);
        self.composed += observed.len();
        observed
    }

    /// What was read of workloads that were gone before this moment is let go.
    pub fn let_go(&mut self, before: Moment) {
        let (roots, surveyor) = (&self.roots, self.surveyor);
        self.read.retain(|&index, _| roots[index].span(surveyor).to.is_none_or(|to| to >= before));
    }

    /// What the log is about as a whole, after all of its workloads have been composed.
    pub fn world(self) -> World {
        World {
            not_modelled: self.not_modelled.into_iter().collect(),
            release: self.options.release,
            warnings: self.warnings,
            pod_names: self.surveyor.pod_names(&self.roots),
            workloads: self.composed,
            only_mirrors: self.only_mirrors,
        }
    }

    fn read(&mut self, index: usize) -> Option<Rc<Read<'s>>> {
        if let Some(known) = self.read.get(&index) {
            return known.clone();
        }
        let root = &self.roots[index];
        let read = manifests::read(root, self.surveyor, &self.options);
        let read = read.map_err(|why| NotModelled { what: root.name.clone(), why });
        let read = read.map(Rc::new).map_err(|says| _ = self.not_modelled.insert(says)).ok();
        self.read.insert(index, read.clone());
        read
    }
}

/// In words, where one of so many is named.
fn and_others(all: usize) -> String {
    if all > 1 { format!(", as are those of {} more nodes", all - 1) } else { String::new() }
}

/// The pods that had a place on a node, in the order in which they came there.
fn placed<'s>(surveyor: &'s Surveyor, roots: &[Root<'_>]) -> Vec<Placed<'s>> {
    let mut places = BTreeMap::new();
    for (index, root) in roots.iter().enumerate() {
        places.extend(root.pods.iter().enumerate().map(|(number, uid)| (uid, (index, number))));
    }
    let all = surveyor.pods.register.by_uid.iter().filter_map(|(uid, pod)| {
        let ((node, _), span) = (pod.bound.as_ref()?, pod.on_node()?);
        Some(Placed { uid, pod, node, span, of: places.get(uid).copied() })
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|placed| (placed.span.from, placed.uid));
    all
}
