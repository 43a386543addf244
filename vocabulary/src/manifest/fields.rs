//! Which fields the model represents, and what is noted of the others: each is a row of the table of what is left out.

use std::collections::BTreeMap;

use super::Warning;
use super::cursor::{Cursor, Object};
use super::decode::Used;
use super::edit::{FieldPath, Key};
use super::represented::REPRESENTED;
use super::tree::Mark;
use crate::left_out::{self, PROBED, Row};

/// What a warning says of fields that are not represented and that no verdict depends on.
const HARMLESS: &str = "not represented, and no verdict depends on it";

/// The row for resources that are not `cpu`, `memory` or `pods`.
pub const OTHER_RESOURCES: &str = "resources other than cpu, memory and pods";

/// What is said where the input has nodes, and their room is not compared with all that pods ask for.
pub const UNCOUNTED: &str = "room on the nodes of the input that is asked for and not counted";

/// What pods ask for in another way than by the requests of their containers for cpu and memory (FIT-3, FIT-4).
const ASKED_BESIDE: [&str; 3] = [OTHER_RESOURCES, "Pod.spec.resources", "Pod.spec.overhead"];

/// Do the pods of a workload with these findings ask for room that is not counted?
pub fn asks_for_more(rows: &[&Row]) -> bool {
    rows.iter().any(|row| ASKED_BESIDE.contains(&row.what))
}

/// Is a warning only of fields that no verdict depends on?
pub fn is_harmless(warning: &str) -> bool {
    warning.contains(HARMLESS)
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It has its effect, or it only holds fields, some of which have theirs.
    Represented,
    /// It is left out.
    LeftOut(&'static Row),
    /// Neither list knows it. A test sees to it that there is no such field.
    Unknown,
}

/// The name by which the lists know a field of an object.
pub fn normalise(kind: &str, path: &str) -> String {
    let path = match (kind, path.strip_prefix("spec.template.")) {
        ("Deployment" | "ReplicaSet", Some(within)) => format!("Pod.{within}"),
        _ => format!("{kind}.{path}"),
    };
    const INIT: &str = "Pod.spec.initContainers[].";
    let path = match path.strip_prefix(INIT) {
        Some("restartPolicy") | None => path,
        Some(within) => format!("Pod.spec.containers[].{within}"),
    };
    const CONTAINER: &str = "Pod.spec.containers[].";
    let of_probe = path.strip_prefix(CONTAINER).and_then(|within| {
        ["livenessProbe", "readinessProbe", "startupProbe"]
            .into_iter()
            .find_map(|probe| within.strip_prefix(probe))
    });
    match of_probe {
        Some(within) => format!("{CONTAINER}*Probe{within}"),
        None => path,
    }
}

/// Is `path` the field of `entry`, or within it?
pub fn is_within(path: &str, entry: &str) -> bool {
    let (path, entry) = match entry.strip_prefix("*.") {
        Some(entry) => (path.split_once('.').map_or("", |(_, within)| within), entry),
        None => (path, entry),
    };
    path.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{']))
}

/// What becomes of the field with this normalised path.
pub fn fate(path: &str) -> Fate {
    let (kind, within) = path.split_once('.').unwrap_or((path, ""));
    // A field that holds others, some of them represented, is judged by those.
    let holds = |entry: &str| match entry.strip_prefix("*.") {
        Some(entry) => is_within(entry, within),
        None => is_within(entry, path),
    };
    let is_template = matches!(kind, "Deployment" | "ReplicaSet") && within == "spec.template";
    if is_template || REPRESENTED.iter().any(|entry| holds(entry)) {
        return Fate::Represented;
    }
    match left_out::field(path) {
        Some(row) => Fate::LeftOut(row),
        None if left_out::fields().any(|row| is_within(row.what, path)) => Fate::Represented,
        None => Fate::Unknown,
    }
}

/// The row of a field of an object of this kind, if it is left out.
pub fn left_out_field(kind: &str, path: &FieldPath) -> Option<&'static Row> {
    let mut text = String::new();
    for key in &path.0 {
        match key {
            Key::Field(name) if text.is_empty() => text.push_str(name),
            Key::Field(name) => text.extend([".", name]),
            Key::Index(_) | Key::Named(_) | Key::Front => text.push_str("[]"),
        }
    }
    match fate(&normalise(kind, &text)) {
        Fate::LeftOut(row) => Some(row),
        Fate::Represented | Fate::Unknown => None,
    }
}

/// Notes in the object what is left out of the fields that it sets: each once, at its first place. Those that could
/// change a verdict get a warning each, the others one together.
pub fn note_left_out(object: &Object, used: &[Used]) {
    let mut places: BTreeMap<&str, (Mark, usize, &'static Row)> = BTreeMap::new();
    for field in used {
        let Fate::LeftOut(row) = fate(&normalise(&object.kind, &field.path)) else { continue };
        // A field within one that is left out is left out with it; false, and a list of nothing, are what is so anyway.
        let around = field.path.rsplit_once('.').map_or("", |(around, _)| around.trim_end_matches("[]"));
        let is_within_another = matches!(fate(&normalise(&object.kind, around)), Fate::LeftOut(_));
        if is_within_another || (field.says_nothing && !row.could_change.is_empty()) {
            continue;
        }
        places.entry(&field.path).and_modify(|(_, count, _)| *count += 1).or_insert((field.mark, 1, row));
    }
    let title = object.title();
    let mut findings = object.findings.borrow_mut();
    let mut harmless = Vec::new();
    let mut in_order: Vec<_> = places.into_iter().collect();
    in_order.sort_by_key(|(_, (mark, ..))| *mark);
    for (path, (mark, count, row)) in in_order {
        findings.rows.push(row);
        let more = if count > 1 { format!(" ({count} places)") } else { String::new() };
        if row.reason == PROBED {
            // Verdicts rest on what is said of it with the rest that is left out.
        } else if row.could_change.is_empty() {
            harmless.push((mark, format!("{path} at line {}{more}", mark.line)));
        } else {
            let says = format!("{title}: {path}{more} is not represented: {}", row.reason);
            findings.warnings.push(Warning { place: Some(object.place(mark)), says });
        }
    }
    if let Some(&(mark, _)) = harmless.first() {
        let paths: Vec<_> = harmless.into_iter().map(|(_, says)| says).collect();
        let says = format!("{title}: {HARMLESS}: {}", paths.join(", "));
        findings.warnings.push(Warning { place: Some(object.place(mark)), says });
    }
}

/// Notes the row called `what` for something at `cursor`.
pub fn note(cursor: &Cursor<'_>, what: &str, subject: &str) {
    let row = left_out::ROWS.iter().find(|row| row.what == what).expect("the row is in the table");
    cursor.warn(format!("{subject} is not represented: {}", row.reason));
    cursor.object.findings.borrow_mut().rows.push(row);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::left_out::Kind;
    use crate::manifest::schema;
    use k8s_openapi::api::{
        apps::v1 as apps, core::v1 as core, policy::v1 as policy, scheduling::v1 as scheduling,
    };

    /// The normalised paths of all fields of all kinds that are read.
    fn all_fields() -> Vec<String> {
        let kinds = [
            ("Deployment", schema::fields::<apps::Deployment>()),
            ("ReplicaSet", schema::fields::<apps::ReplicaSet>()),
            ("Pod", schema::fields::<core::Pod>()),
            ("Service", schema::fields::<core::Service>()),
            ("PodDisruptionBudget", schema::fields::<policy::PodDisruptionBudget>()),
            ("Node", schema::fields::<core::Node>()),
            ("PriorityClass", schema::fields::<scheduling::PriorityClass>()),
        ];
        let of = |(kind, paths): (&str, Vec<String>)| {
            paths.into_iter().map(|path| normalise(kind, &path)).collect::<Vec<_>>()
        };
        let mut all: Vec<String> = kinds.into_iter().flat_map(of).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    #[test]
    fn every_field_of_a_known_kind_is_represented_or_in_the_table() {
        let all = all_fields();
        assert!(all.len() > 500, "the types have far more than {} fields", all.len());
        assert!(all.iter().any(|path| path == "Pod.spec.containers[].env[].valueFrom.secretKeyRef.name"));
        let unknown: Vec<_> = all.iter().filter(|path| fate(path) == Fate::Unknown).collect();
        assert!(unknown.is_empty(), "neither in REPRESENTED nor in left_out::ROWS: {unknown:#?}");
    }

    #[test]
    fn the_row_of_a_field_is_found_by_its_path() {
        let row = |path: &str| left_out_field("Deployment", &path.parse().expect(path)).map(|row| row.what);
        assert_eq!(row("spec.revisionHistoryLimit"), Some("Deployment.spec.revisionHistoryLimit"));
        assert_eq!(row("spec.template.spec.initContainers[a].ports[0].hostPort"), None);
        assert_eq!(row("spec.template.spec.containers[0].image"), Some("Pod.spec.containers[].image"));
    }

    #[test]
    fn every_name_in_the_lists_is_a_field() {
        let all = all_fields();
        let exists = |name: &str| {
            all.iter().any(|path| is_within(path, name) && (is_same(path, name) || name.starts_with("*.")))
        };
        for name in REPRESENTED.iter().copied().chain(left_out::fields().map(|row| row.what)) {
            assert!(exists(name), "no kind has a field {name}");
        }
    }

    fn is_same(path: &str, name: &str) -> bool {
        is_within(path, name) && is_within(name, path)
    }

    #[test]
    fn no_row_speaks_of_a_field_that_is_represented() {
        for row in left_out::fields().filter(|row| !row.what.starts_with("*.")) {
            let clash =
                REPRESENTED.iter().find(|entry| is_within(entry, row.what) || is_within(row.what, entry));
            assert_eq!(clash, None, "{}", row.what);
        }
        let all = all_fields();
        for row in left_out::fields().filter(|row| row.what.starts_with("*.")) {
            let covers = |path: &String| fate(path) == Fate::LeftOut(row);
            assert!(all.iter().any(covers), "{} covers nothing", row.what);
        }
    }

    #[test]
    fn each_row_stands_once() {
        let mut names: Vec<_> = left_out::ROWS.iter().map(|row| (row.kind, row.what)).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(left_out::ROWS.iter().any(|row| row.kind == Kind::Behaviour && row.what == OTHER_RESOURCES));
    }
}
