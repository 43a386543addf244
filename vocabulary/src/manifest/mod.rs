//! Reading Kubernetes manifests into scenarios.
//!
//! Bytes become trees that know their lines (`yaml`, `json`), trees become objects of `k8s-openapi` with every unknown key
//! refused (`decode`), objects become words of a scenario with what the API server would refuse refused (`workload`,
//! `pod`, `container`, `service`, `nodes`), and those become a cluster for each workload (`world`, `assemble`). What is
//! left out on the way is noted from the table of [`crate::left_out`] (`fields`). One field is changed in the text by [`edit`].

mod adoption;
mod affinity;
mod annotated;
mod aside;
mod asked;
mod assemble;
mod attached;
mod autoscaler;
mod beside;
mod class;
mod container;
mod cursor;
mod decode;
pub mod edit;
mod fields;
mod full_size;
mod hidden;
mod joined;
mod json;
mod lifecycle;
pub(crate) mod names;
mod neighbours;
mod nodes;
mod objects;
mod pod;
mod probe;
mod quantity;
mod represented;
mod scalar;
#[cfg(test)]
mod schema;
mod script;
mod selector;
mod service;
mod setting;
mod suggest;
#[cfg(test)]
mod tests;
mod toleration;
mod tree;
mod volumes;
mod webhook;
mod workload;
mod world;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;

use crate::latency::Latencies;
use crate::left_out;
use crate::release::Release;
use crate::scenario::{OnSigterm, Scenario};

pub(crate) use adoption::ADOPTION;
pub use annotated::{Annotated, annotated};
pub(crate) use asked::ASKED;
pub(crate) use attached::ATTACHED;
pub(crate) use beside::BESIDE;
pub(crate) use fields::{OTHER_RESOURCES, UNCOUNTED, is_within};
pub use fields::{is_harmless, left_out_field};
pub(crate) use full_size::ROOM;
pub(crate) use hidden::HIDDEN;
pub use neighbours::{term_selects, tolerates};
pub(crate) use nodes::NOT_READY;
pub use nodes::wished_labels;
pub use pod::{LISTENS_AFTER, ON_SIGTERM};
pub use script::{Sleeps, sleeps_in_script};
pub use selector::selects;
pub(crate) use service::ENDED;
pub use setting::Setting;
pub(crate) use webhook::ADDED;

/// A file of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is called in messages.
    pub path: String,
    /// What it holds; not necessarily UTF-8.
    pub text: Vec<u8>,
}

/// How manifests are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How many nodes are generated, from 1 to 60, if the input has no Node.
    pub nodes: u8,
    /// The most replicas that are checked, up to 100.
    pub replicas: u8,
    /// The Kubernetes release.
    pub release: Release,
    /// How long things take.
    pub latencies: Latencies,
    /// What every process does on SIGTERM, whatever the annotations say.
    pub on_sigterm: Option<OnSigterm>,
    /// Seconds until every process accepts connections, whatever the annotations say.
    pub listens_after_seconds: Option<u32>,
    /// What is no object, as values of Helm and templates are not, is passed over with a warning; else it is refused.
    pub skip_others: bool,
}

impl Default for Options {
    fn default() -> Self {
        let release = Release::NEWEST;
        let latencies = Latencies::of(release);
        Self {
            nodes: 2,
            replicas: 2,
            release,
            latencies,
            on_sigterm: None,
            listens_after_seconds: None,
            skip_others: false,
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Something that is wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where, unless it is about the input as a whole.
    pub place: Option<Place>,
    /// The path of the field in its object; empty if it is about no field.
    pub field: String,
    /// What is wrong.
    pub says: String,
    /// What would be accepted.
    pub accepted: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}; accepted: {}", self.says, self.accepted)
    }
}

impl std::error::Error for Problem {}

/// Something that is not represented, or odd.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// Where, unless it is about the input as a whole.
    pub place: Option<Place>,
    /// What it is.
    pub says: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}: ", place.file, place.line)?;
        }
        f.write_str(&self.says)
    }
}

/// What the input holds.
#[derive(Debug)]
pub struct Reading {
    /// The workloads, in the order of the input; at least one.
    pub workloads: Vec<Input>,
    /// What concerns no single workload.
    pub warnings: Vec<Warning>,
}

/// A workload of the input with all that belongs to it.
#[derive(Debug)]
pub struct Input {
    /// Its kind and name: `Deployment/web`, or `Deployment/shop/web` where two namespaces have one of that name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Where each of its settings stands, or would, by the container that serves.
    pub settings: BTreeMap<u8, BTreeMap<Setting, Place>>,
    /// Its worlds: one for each class of Services that select it, or one without Service. Services that differ in nothing
    /// but their name are one class.
    pub scenarios: Vec<Scenario>,
    /// For each world, the names of the Services of its class.
    pub services: Vec<Vec<String>>,
    /// For each world, the TCP port of the container that serves which its Services send to.
    pub target_ports: Vec<Option<u16>>,
    /// The nodes are those of the input.
    pub nodes_are_given: bool,
    /// The replicas of the manifest.
    pub manifest_replicas: u32,
    /// The replicas that are checked.
    pub checked_replicas: u8,
    /// The HorizontalPodAutoscaler of the input that sets its replicas.
    pub scaled_by: Option<String>,
    /// The claim of its pods whose volume one node at a time may have.
    pub attached: Option<String>,
    /// What no manifest says and was assumed.
    pub assumptions: Vec<String>,
    /// What is not represented, and what is odd.
    pub warnings: Vec<Warning>,
    /// Of these, what makes a drain wait for ever, whatever is found of the workload.
    pub blocked_drains: Vec<Warning>,
    /// The rows of the table of what is left out that concern it.
    pub left_out: Vec<&'static left_out::Row>,
}

/// Reads all workloads of `sources`, each on a cluster of its own.
///
/// # Errors
/// All problems that could be found, in the order of their places: no YAML or JSON, a wrong type, a field that does not
/// exist, a value that the API server would refuse, a selector that selects nothing, two objects of one name, no workload
/// at all, or more than the limits allow.
pub fn read(sources: &[Source], options: &Options) -> Result<Reading, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut flag = |name: &str, value: u8, least: u8, most: u8| {
        if !(least..=most).contains(&value) {
            let says = format!("is {value}");
            problems.push(Problem {
                place: None,
                field: name.into(),
                says,
                accepted: format!("a number from {least} to {most}"),
            });
        }
    };
    flag("--nodes", options.nodes, 1, 60);
    flag("--replicas", options.replicas, 0, 100);
    let (mut objects, mut passed_over) = (Vec::new(), Vec::new());
    for source in sources {
        match objects::objects(source, options.skip_others) {
            Ok(found) => {
                objects.extend(found.objects);
                passed_over.extend(found.passed_over);
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        let mut reading = assemble::assemble(&objects, sources, options)?;
        reading.warnings.extend(sources.iter().flat_map(joints));
        reading.warnings.extend(passed_over);
        return Ok(reading);
    }
    problems.sort();
    Err(problems)
}

/// A warning for each place at which two files were joined without a line break.
fn joints(source: &Source) -> Vec<Warning> {
    let text = String::from_utf8_lossy(&source.text);
    let warning = |mark: tree::Mark| Warning {
        place: Some(Place { file: source.path.clone(), line: mark.line, column: mark.column }),
        says:
            "'---' ends a line that is followed by another object: read as a separator, on a line of its own"
                .into(),
    };
    joined::joints(&text).into_iter().map(warning).collect()
}
