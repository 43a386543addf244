//! The manifests of workloads, read with the Services and budgets that select them.

use std::collections::BTreeSet;
use std::rc::Rc;

use podproof_vocabulary::manifest::{self, Input};
use serde_json::Value;

use super::documents::{self, Document};
use super::least::least;
use super::life::Moment;
use super::roots::{self, Revisions, Root};
use super::selectors::Selector;
use super::stage;
use super::surveyor::Surveyor;

/// A workload whose manifest was read.
pub(super) struct Read<'s> {
    pub root: Rc<Root<'s>>,
    pub revisions: Revisions,
    pub services: Vec<&'s Selector>,
    pub budgets: Vec<&'s Selector>,
    /// Its manifest, with the pods of its first template.
    pub manifest: Value,
    pub input: Input,
    /// Templates whose pods differ from those of the first: the entry that shows them, and what they are called.
    pub differing: Vec<(Moment, String)>,
    pub warnings: Vec<String>,
}

/// Reads the manifest of a workload, with the Services and budgets that select it.
pub(super) fn read<'s>(
    root: &Rc<Root<'s>>,
    surveyor: &'s Surveyor,
    options: &manifest::Options,
) -> Result<Read<'s>, String> {
    let revisions = roots::revisions(root, surveyor);
    let (labels, span) = (root.labels(surveyor), root.span(surveyor));
    let mut names = BTreeSet::new();
    let mut selecting = |selectors: &'s super::selectors::Selectors| {
        names.clear();
        let found = selectors.selecting(&root.namespace, &labels, &root.pods).into_iter();
        // Of several that had one name, the first that the workload saw.
        found
            .filter(|selector| selector.life.span().overlaps(span) && names.insert(Rc::clone(&selector.name)))
            .collect::<Vec<_>>()
    };
    let services = selecting(&surveyor.services);
    let budgets = selecting(&surveyor.budgets);
    let selectors = services.iter().map(|service| ("Service", service));
    let selectors = selectors.chain(budgets.iter().map(|budget| ("PodDisruptionBudget", budget)));
    let mut documents: Vec<_> = selectors
        .map(|(kind, selector)| Document {
            title: format!("{kind}/{}", selector.name),
            manifest: selector.manifest(&labels),
            may_be_left_out: true,
        })
        .collect();
    if !surveyor.nodes.by_name.is_empty() {
        documents.push(stage::stand_in());
    }
    let manifest = |replica_set: Option<&Rc<str>>| {
        root.manifest(surveyor, replica_set).ok_or("the log has no manifest of it")
    };
    let mut read = |manifest: &Value| {
        let (title, manifest) = (root.name.clone(), manifest.clone());
        documents.push(Document { title, manifest, may_be_left_out: false });
        let read = documents::read(&documents, options);
        documents.pop();
        read
    };
    // All pods of the model are as those of the first template that the log shows pods of.
    let has_pods = |set: &Rc<str>| surveyor.pods.manifest_of(set).is_some();
    let sets = revisions.all.iter().enumerate();
    let sets = sets.filter_map(|(number, revision)| Some((number, revision.replica_set.as_ref()?)));
    let mut sets = sets.filter(|(_, set)| has_pods(set));
    let first = manifest(sets.next().map(|(_, set)| set))?;
    let (mut input, mut warnings) = read(&first)?;
    let mut differing = Vec::new();
    let template = |input: &Input| Some(input.scenarios.first()?.workload.template.clone());
    let mut all = template(&input);
    let mut changed = Vec::new();
    for (number, set) in sets {
        let other = manifest(Some(set))?;
        let other = read(&other).ok().and_then(|(other, _)| template(&other));
        if other == template(&input) {
            continue;
        }
        match all.as_ref().zip(other.as_ref()).and_then(|(all, other)| least(all, other)) {
            Some(both) => {
                all = Some(both);
                changed.push((number + 1).to_string());
            }
            None => {
                let what = format!("what the pods of template {} are made of, beside its hash,", number + 1);
                differing.push((revisions.all[number].from, what));
            }
        }
    }
    if let Some(all) = all.filter(|_| !changed.is_empty()) {
        input.scenarios.iter_mut().for_each(|scenario| scenario.workload.template = all.clone());
        warnings.push(format!(
            "the pods of template {} wait for other times or ask for other resources than those of the first: the model has the least \
             of each",
            changed.join(", ")
        ));
    }
    Ok(Read {
        root: Rc::clone(root),
        revisions,
        services,
        budgets,
        manifest: first,
        input,
        differing,
        warnings,
    })
}
