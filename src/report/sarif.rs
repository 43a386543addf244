//! The report as SARIF 2.1.0: a rule for each promise, a result for each that is broken, and a notification
//! for each verdict that is incomplete and for what the verdicts rest on: a bound of a search is nothing to mend in a manifest.

use std::fmt::Write as _;
use std::path::Path;

use podproof_vocabulary::Property;
use podproof_vocabulary::manifest::{Place, Setting, Warning};
use podproof_vocabulary::property::PROPERTIES;
use serde_json::{Value, json};

use super::{approximations, left_out, measured, said, size, warnings};
use crate::remedy::Found;
use crate::verdict::{CheckReport, ResultRow, Verdict, WorkloadReport};

/// The whole report, ended by a line break.
pub fn render(report: &CheckReport) -> String {
    let rules: Vec<Value> = PROPERTIES
        .iter()
        .map(|facts| {
            let help = format!("It is judged where this comes about: {}.", facts.premise);
            rule(facts.name, facts.says, &help, page(facts.property))
        })
        .chain([rule(
            DRAIN_BLOCKED,
            "no eviction is granted, so a drain waits for ever",
            BUDGET_HELP,
            "workloads/pods/disruptions/",
        )])
        .collect();
    let results: Vec<Value> = report
        .workloads
        .iter()
        .flat_map(|workload| {
            let blocked = workload.blocked_drains.iter().map(|warning| blocked_drain(workload, warning));
            workload.results.iter().filter_map(|row| result(workload, row)).chain(blocked)
        })
        .collect();
    let notices: Vec<Value> =
        report.errors.iter().map(|error| json!({ "level": "error", "message": { "text": error } })).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "podproof", "version": env!("CARGO_PKG_VERSION"), "rules": rules
            } },
            "invocations": [{
                "executionSuccessful": report.errors.is_empty(),
                "exitCode": report.exit(),
                "toolConfigurationNotifications": notices,
                "toolExecutionNotifications": notifications(report)
            }],
            "columnKind": "unicodeCodePoints",
            "results": results
        }]
    });
    format!("{document:#}\n")
}

/// The rule of a PodDisruptionBudget that grants no eviction.
const DRAIN_BLOCKED: &str = "drain-blocked";
const BUDGET_HELP: &str = "Let no more than one PodDisruptionBudget select a pod, and let it allow a disruption while all pods are \
                           healthy: maxUnavailable of at least 1, or minAvailable below the replicas.";

/// Where Kubernetes documents its concepts.
const CONCEPTS: &str = "https://kubernetes.io/docs/concepts/";

/// A rule, with the page of Kubernetes' concepts on what it is about. GitHub shows both descriptions at the top of an alert.
fn rule(id: &str, says: &str, help: &str, page: &str) -> Value {
    json!({
        "id": id, "shortDescription": { "text": says }, "fullDescription": { "text": format!("{says}. {help}") },
        "help": { "text": help }, "helpUri": format!("{CONCEPTS}{page}")
    })
}

/// The page of Kubernetes' concepts on what a promise is about.
const fn page(property: Property) -> &'static str {
    match property {
        Property::NoTrafficAfterSigterm
        | Property::NoFailedRequest
        | Property::NoMisroutedRequest
        | Property::GraceHonoured
        | Property::StoppedBeforeGone
        | Property::DeletionCompletes => "workloads/pods/pod-lifecycle/#pod-termination",
        Property::NoAvoidableBlackout
        | Property::ReadyMeansReady
        | Property::EndpointsConverge
        | Property::UnreachableEndpointsLeave => "services-networking/endpoint-slices/",
        Property::PlacementLawful | Property::ScheduledIfFeasible => "scheduling-eviction/assign-pod-node/",
        Property::DisruptionBudgetKept => "workloads/pods/disruptions/",
        Property::RolloutWithinBounds | Property::PodsWithinSurge | Property::RolloutCompletes => {
            "workloads/controllers/deployment/"
        }
        Property::InitBeforeApp => "workloads/pods/init-containers/",
        Property::TerminalIsFinal
        | Property::SandboxHoldsNamespaces
        | Property::OneAddressOnePod
        | Property::CrashRecovers => "workloads/pods/pod-lifecycle/",
        Property::ReplacedAfterNodeFailure | Property::RuntimeHangDetected => "architecture/nodes/",
        Property::NoexecuteEvicts => "scheduling-eviction/taint-and-toleration/",
    }
}

/// What makes a drain wait for ever, at the line of the budget.
fn blocked_drain(workload: &WorkloadReport, warning: &Warning) -> Value {
    let text = match warning.says.starts_with(&format!("{}: ", workload.name)) {
        true => warning.says.clone(),
        false => format!("{}: {}", workload.name, warning.says),
    };
    let mut result = json!({
        "ruleId": DRAIN_BLOCKED, "level": "warning",
        "message": { "text": text },
        "fingerprints": { "podproof/v1": format!("{}/{DRAIN_BLOCKED}/{}", workload.name, warning.says) }
    });
    let place = warning.place.as_ref().and_then(|place| physical(&workload.name, place));
    result["locations"] = place.into_iter().collect();
    result
}

/// What the verdicts rest on, and what else is to be known.
fn notifications(report: &CheckReport) -> Vec<Value> {
    let mut said: Vec<Value> =
        report.warnings.iter().map(|warning| notification("", "warning", "warning", warning)).collect();
    for workload in &report.workloads {
        let name = workload.name.as_str();
        let blocked: Vec<String> = workload.blocked_drains.iter().map(ToString::to_string).collect();
        let others = workload.warnings.iter().filter(|says| !blocked.contains(says));
        said.extend(others.map(|says| notification(name, "warning", "warning", says)));
        for row in workload.results.iter().filter(|row| row.verdict == Verdict::Incomplete) {
            let (property, story, timing) = (row.property, row.story, row.timing.name());
            let why = row.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            let says = format!("{property} is incomplete, story {story}, {timing}{why}");
            let level = if row.counts { "warning" } else { "note" };
            said.push(notification(name, level, "incomplete", &says));
        }
        for search in workload.searches.iter().filter(|search| !search.outcome.stopped.is_empty()) {
            let reasons = search.outcome.stopped.join("; ");
            let says = format!("{}: incomplete: {reasons}", super::name(search));
            said.push(notification(name, "warning", "bound", &says));
        }
        for search in &workload.searches {
            let of = super::name(search);
            let warned = warnings(search).into_iter().map(|text| ("warning", "coverage", text));
            let lines = warned.chain(measured(search).into_iter().map(|text| ("note", "measured", text)));
            said.extend(
                lines.map(|(level, kind, text)| notification(name, level, kind, &format!("{of}: {text}"))),
            );
        }
        said.push(notification(name, "note", "size", &size(workload)));
        let (approximations, left_out) = (approximations(workload), left_out(workload));
        for (kind, lines) in [
            ("assumption", &workload.assumptions),
            ("approximation", &approximations),
            ("left-out", &left_out),
        ] {
            said.extend(lines.iter().map(|says| notification(name, "note", kind, says)));
        }
    }
    said
}

fn notification(workload: &str, level: &str, kind: &str, says: &str) -> Value {
    let text = match (workload, kind) {
        ("", _) => says.to_owned(),
        (_, "warning" | "incomplete" | "bound" | "size" | "coverage" | "measured") => {
            format!("{workload}: {says}")
        }
        _ => format!("{workload}: {kind}: {says}"),
    };
    json!({ "level": level, "message": { "text": text }, "properties": { "workload": workload, "kind": kind } })
}

/// A path as a reference of RFC 3986.
fn uri(path: &Path) -> String {
    let mut uri = if path.is_absolute() { "file://".to_owned() } else { String::new() };
    for byte in path.display().to_string().replace('\\', "/").bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => uri.push(byte.into()),
            byte => write!(uri, "%{byte:02X}").expect("writing to a String"),
        }
    }
    uri
}

fn result(workload: &WorkloadReport, row: &ResultRow) -> Option<Value> {
    let level = match (row.verdict, row.counts) {
        (Verdict::Broken, true) => "error",
        (Verdict::Broken, false) => "note",
        (Verdict::Incomplete | Verdict::Holds | Verdict::NotApplicable, _) => return None,
    };
    let mut text =
        format!("{}, story {}, {}: {}", workload.name, row.story, row.timing.name(), row.verdict.name());
    let said = said(workload, row);
    if !said.is_empty() {
        text = format!("{text}: {}", said.join("; "));
    }
    let trace = row.counterexample.iter().find_map(|counterexample| counterexample.path.as_deref());
    let trace = trace.map(|path| json!({ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } }));
    let mut result = json!({
        "ruleId": row.property.name(), "level": level, "message": { "text": text },
        "fingerprints": { "podproof/v1": format!("{}/{}/{}/{}", workload.name, row.story, row.property, row.timing.name()) }
    });
    match (location(workload, row), trace) {
        (Some(location), trace) => {
            result["locations"] = json!([location]);
            let related = trace.map(|mut trace| {
                trace["id"] = 1.into();
                trace["message"] = json!({ "text": "how it comes to that, step by step" });
                trace
            });
            result["relatedLocations"] = related.into_iter().collect();
        }
        // What comes from no file is shown by its trace.
        (None, trace) => result["locations"] = trace.into_iter().collect(),
    }
    Some(result)
}

/// The line of the manifest to look at: what the remedy changes, if one was found; else the setting that the promise depends on
/// most, or the workload.
fn location(workload: &WorkloadReport, row: &ResultRow) -> Option<Value> {
    let trace = row.counterexample.as_ref().map(|counterexample| &counterexample.trace);
    let serving = trace.map(|trace| trace.scenario.workload.template.serving);
    let places = serving.and_then(|serving| workload.settings.get(&serving));
    let places = places.or_else(|| workload.settings.values().next());
    let setting = setting(row.property).and_then(|setting| Some((setting, places?.get(&setting)?)));
    let found = row.remedy.as_ref().and_then(|remedy| remedy.found.as_ref());
    let (logical, place) = match (found, setting) {
        (Some(Found { says, place: Some(place), .. }), _) => (format!("{}: {says}", workload.name), place),
        (_, Some((setting, place))) => (format!("{}: {}", workload.name, setting.field()), place),
        (_, None) => (workload.name.clone(), workload.place.as_ref()?),
    };
    physical(&logical, place)
}

/// A place of the manifest, and what stands there. Standard input is no file that anybody could look at.
fn physical(logical: &str, place: &Place) -> Option<Value> {
    (place.file != "-").then(|| {
        json!({
            "physicalLocation": {
                "artifactLocation": { "uri": uri(Path::new(&place.file)) },
                "region": { "startLine": place.line, "startColumn": place.column }
            },
            "logicalLocations": [{ "fullyQualifiedName": logical }]
        })
    })
}

/// The setting of a manifest that a promise depends on most; none, where it is the whole of it.
const fn setting(property: Property) -> Option<Setting> {
    match property {
        Property::NoTrafficAfterSigterm | Property::NoFailedRequest | Property::NoMisroutedRequest => {
            Some(Setting::PreStop)
        }
        Property::NoAvoidableBlackout | Property::ReadyMeansReady | Property::EndpointsConverge => {
            Some(Setting::ReadinessProbe)
        }
        Property::GraceHonoured | Property::StoppedBeforeGone => Some(Setting::Grace),
        Property::DisruptionBudgetKept => Some(Setting::Budget),
        Property::RolloutWithinBounds | Property::PodsWithinSurge | Property::RolloutCompletes => {
            Some(Setting::Strategy)
        }
        Property::PlacementLawful | Property::ScheduledIfFeasible => Some(Setting::Placement),
        Property::ReplacedAfterNodeFailure | Property::NoexecuteEvicts => Some(Setting::Tolerations),
        Property::TerminalIsFinal
        | Property::InitBeforeApp
        | Property::SandboxHoldsNamespaces
        | Property::OneAddressOnePod
        | Property::DeletionCompletes
        | Property::UnreachableEndpointsLeave
        | Property::CrashRecovers
        | Property::RuntimeHangDetected => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri(Path::new("my traces/web:1%.json")), "my%20traces/web%3A1%25.json");
        assert_eq!(uri(Path::new("podproof-traces/web.json")), "podproof-traces/web.json");
        assert_eq!(uri(Path::new("/deploy/web.yaml")), "file:///deploy/web.yaml");
    }
}
