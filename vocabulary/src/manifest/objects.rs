//! From the bytes of a file to the objects in it.

use std::cell::RefCell;
use std::rc::Rc;

use super::cursor::{Findings, Object};
use super::tree::{Mark, Tree, Value};
use super::yaml::Fault;
use super::{Place, Problem, Source, Warning, joined, json, yaml};

/// The largest file that is read, in bytes.
const MOST_BYTES: usize = 8 << 20;

/// What a file holds.
pub struct Contents {
    /// Its objects, lists of objects taken apart.
    pub objects: Vec<Object>,
    /// What was passed over, as it is no object.
    pub passed_over: Vec<Warning>,
}

/// What an object is, said by the list that it is in.
#[derive(Clone)]
struct Named {
    api_version: String,
    kind: String,
}

/// The objects of a file. With `skip_others` documents that are none (that have neither `apiVersion` nor `kind`), and files that are
/// templates, are passed over.
///
/// # Errors
/// Whatever keeps the file from being objects at all.
pub fn objects(source: &Source, skip_others: bool) -> Result<Contents, Vec<Problem>> {
    let file: Rc<str> = source.path.as_str().into();
    let problem = |mark: Mark, field: &str, says: String, accepted: String| Problem {
        place: Some(Place { file: source.path.clone(), line: mark.line, column: mark.column }),
        field: field.into(),
        says,
        accepted,
    };
    let passed_over = |mark: Mark, what: &str| Warning {
        place: Some(Place { file: source.path.clone(), line: mark.line, column: mark.column }),
        says: format!("{what}: passed over (--skip-others)"),
    };
    let template = |at: Mark| template_marker(&source.text, at).filter(|_| skip_others);
    let of_template = |template: &Fault| Contents {
        objects: Vec::new(),
        passed_over: vec![passed_over(template.mark, "a template that was not rendered")],
    };
    let trees = match trees(&source.text) {
        Ok(trees) => trees,
        Err(fault) => {
            return match template(fault.mark) {
                Some(template) => Ok(of_template(&template)),
                None => Err(vec![problem(fault.mark, "", fault.says, fault.accepted)]),
            };
        }
    };
    let mut skipped = Vec::new();
    let mut objects = Vec::new();
    let mut problems = Vec::new();
    let mut rest: Vec<(Tree, Option<Named>)> = trees.into_iter().rev().map(|tree| (tree, None)).collect();
    while let Some((tree, by_list)) = rest.pop() {
        let text = |name: &str| {
            tree.get(name).and_then(Tree::text).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (api_version, kind) = match (text("apiVersion"), text("kind"), by_list) {
            (None, None, Some(named)) if matches!(tree.value, Value::Mapping(_)) => {
                (Some(named.api_version), Some(named.kind))
            }
            (api_version, kind, _) => (api_version, kind),
        };
        match (&tree.value, api_version, kind) {
            (Value::Null, ..) => {}
            (Value::Mapping(_), Some(api_version), Some(kind))
                if kind.ends_with("List") && tree.get("items").is_some() =>
            {
                // A list of one kind names it for its items (apimachinery `unstructuredJSONScheme` `decodeToList`).
                let of = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
                let named = of.map(|kind| Named { api_version, kind: kind.to_owned() });
                let items = tree.get("items").map(Tree::items).unwrap_or_default();
                rest.extend(items.iter().rev().map(|item| (item.clone(), named.clone())));
            }
            (Value::Mapping(_), Some(api_version), Some(kind)) => {
                let of = |name: &str| {
                    tree.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Tree::text)
                };
                let namespace =
                    of("namespace").filter(|name| !name.is_empty()).unwrap_or("default").to_owned();
                let name = of("name").or(of("generateName")).unwrap_or_default().to_owned();
                let findings = RefCell::new(Findings::default());
                objects.push(Object {
                    file: Rc::clone(&file),
                    api_version,
                    kind,
                    namespace,
                    name,
                    tree,
                    findings,
                });
            }
            (Value::Mapping(_), None, None)
                if skip_others && tree.get("apiVersion").is_none() && tree.get("kind").is_none() =>
            {
                skipped.push(passed_over(tree.mark, "no object: apiVersion and kind are missing"));
            }
            (Value::Mapping(_), api_version, kind) => {
                let field = if api_version.is_none() { "apiVersion" } else { "kind" };
                let (mark, says) = match tree.get(field) {
                    Some(value) => (value.mark, format!("is {}", value.describe())),
                    None => (tree.mark, "is missing".into()),
                };
                let accepted = match (field, api_version, kind) {
                    ("kind", ..) => "the kind of an object, such as Deployment",
                    (_, None, None) => {
                        "the version of a kind, such as apps/v1 (--skip-others passes over what is no object)"
                    }
                    _ => "the version of a kind, such as apps/v1",
                };
                problems.push(problem(mark, field, says, accepted.into()));
            }
            _ if skip_others => {
                skipped
                    .push(passed_over(tree.mark, &format!("no object: a document is {}", tree.describe())));
            }
            _ => {
                let says = format!("a document is {}", tree.describe());
                problems.push(problem(
                    tree.mark,
                    "",
                    says,
                    "an object with apiVersion, kind and metadata".into(),
                ));
            }
        }
    }
    let place = problems.first().and_then(|problem| problem.place.as_ref());
    if let Some(mark) = place.map(|place| Mark { line: place.line, column: place.column }) {
        if let Some(template) = template(mark) {
            return Ok(of_template(&template));
        }
        // Templates often are YAML, but never objects.
        if let Some(helm) = template_marker(&source.text, mark) {
            return Err(vec![problem(helm.mark, "", helm.says, helm.accepted)]);
        }
    }
    if problems.is_empty() { Ok(Contents { objects, passed_over: skipped }) } else { Err(problems) }
}

pub(super) fn trees(bytes: &[u8]) -> Result<Vec<Tree>, Fault> {
    if bytes.len() > MOST_BYTES {
        return Err(Fault {
            mark: Mark { line: 1, column: 1 },
            says: format!("the file is {} MB large", bytes.len().div_ceil(1_000_000)),
            accepted: format!("a file of at most {} MiB", MOST_BYTES >> 20),
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        Fault {
            mark: end_of(&before),
            says: "is no UTF-8 text".into(),
            accepted: "YAML or JSON in UTF-8".into(),
        }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let read = if text.trim_start().starts_with('{') {
        // A flow mapping of YAML starts alike; what is neither was most likely meant as JSON.
        json::documents(text).or_else(|fault| yaml::documents(text).map_err(|_| fault))
    } else {
        let parts = joined::parts(text);
        parts
            .iter()
            .map(|part| yaml::documents(part))
            .collect::<Result<Vec<_>, _>>()
            .map(|trees| trees.concat())
    };
    read.map_err(|fault| template_marker(bytes, fault.mark).unwrap_or(fault))
}

/// The place at which a text ends.
fn end_of(text: &str) -> Mark {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Mark { line: number(line), column: number(column) }
}

/// The first `{{` of a template that was not rendered, if that may be why there is a fault here: one stands about there, or begins a
/// line. Text that is rendered elsewhere, such as a rule for alerts, has some too.
fn template_marker(bytes: &[u8], fault: Mark) -> Option<Fault> {
    let text = std::str::from_utf8(bytes).ok()?;
    let about = (fault.line as usize).saturating_sub(2);
    let stands_there = text.lines().skip(about).take(3).any(|line| line.contains("{{"));
    if !stands_there && !text.lines().any(|line| line.trim_start().starts_with("{{")) {
        return None;
    }
    let mark = end_of(&text[..text.find("{{")?]);
    Some(Fault {
        mark,
        says: "looks like a template: '{{' stands here".into(),
        accepted: "rendered manifests, such as 'helm template CHART' or 'kubectl kustomize DIR' print".into(),
    })
}
