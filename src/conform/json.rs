//! The JSON document. Its core never changes; more may be added.

use podproof_conform::judged::{Cause, Causes, Connections};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::account::{Account, Again, Broken, Found, Workload};
use super::causes;
use super::moment;
use crate::report::{pretty, rounded};

/// One document, ended by a line break.
pub fn render(account: &Account) -> String {
    pretty(&Document(account))
}

/// The document of a log or a command line that is wrong, ended by a line break: the same fields, and no verdict.
pub fn refused(errors: &[String]) -> String {
    pretty(&json!({
        "version": 1,
        "exit": crate::exit::WRONG_INPUT,
        "verdict": null,
        "entries": 0,
        "explained": 0,
        "not_modelled": 0,
        "broken": [],
        "broken_not_counted": [],
        "first_unexplained": null,
        "states": 0,
        "seconds": 0.0,
        "outside": {},
        "left_out": [],
        "warnings": [],
        "errors": errors,
        "workloads": [],
    }))
}

/// The document. A log may have many workloads, so what is said of each is put into words when it is written.
struct Document<'a>(&'a Account);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let head = head(self.0);
        let mut document = serializer.serialize_map(None)?;
        for (name, value) in head.as_object().into_iter().flatten() {
            document.serialize_entry(name, value)?;
        }
        document.serialize_entry("workloads", &Workloads(&self.0.workloads))?;
        document.end()
    }
}

struct Workloads<'a>(&'a [Workload]);

impl Serialize for Workloads<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(workload))
    }
}

/// What is said of the log as a whole.
fn head(account: &Account) -> Value {
    let names =
        |counts| account.broken(counts).into_iter().map(|property| property.name()).collect::<Vec<_>>();
    let left_out = account.left_out.iter().map(|(what, why)| json!({ "what": what, "why": why }));
    json!({
        "version": 1,
        "exit": account.exit(),
        "verdict": account.verdict.name(),
        "entries": account.entries,
        "explained": account.explained,
        "not_modelled": account.not_modelled(),
        "broken": names(true),
        "broken_not_counted": names(false),
        "first_unexplained": account.first_unexplained().map(found),
        "states": account.states,
        "seconds": rounded(account.seconds),
        "outside": account.outside,
        "left_out": left_out.collect::<Vec<_>>(),
        "warnings": account.warnings,
        "errors": [],
    })
}

fn workload(workload: &Workload) -> Value {
    let names = |properties: &[podproof_vocabulary::Property]| {
        properties.iter().map(|property| property.name()).collect::<Vec<_>>()
    };
    let not_judged =
        workload.not_judged.iter().map(|(property, why)| json!({ "property": property.name(), "why": why }));
    json!({
        "name": workload.name,
        "verdict": workload.verdict.name(),
        "replicas": workload.replicas,
        "nodes": workload.nodes,
        "steps": workload.steps,
        "trace": workload.trace.as_ref().map(|path| path.display().to_string()),
        "broken": workload.broken.iter().map(broken).collect::<Vec<_>>(),
        "kept": names(&workload.kept),
        "not_met": names(&workload.not_met),
        "not_judged": not_judged.collect::<Vec<_>>(),
        "asked_in_vain": names(&workload.asked_in_vain),
        "unseen": workload.unseen.iter().map(|(at, says)| json!({ "at": moment(*at), "says": says })).collect::<Vec<_>>(),
        "connections": connections(&workload.connections),
        "unexplained": workload.unexplained.as_ref().map(found),
        "misfit": workload.misfit.as_ref().map(|(step, says)| json!({ "step": step, "says": says })),
        "assumptions": workload.assumptions,
        "warnings": workload.warnings,
    })
}

fn connections(said: &Connections) -> Value {
    let odd = said.odd.iter().map(|odd| match &odd.outcome {
        Ok(pod) => json!({ "at": moment(odd.at), "node": &*odd.node, "pod": &**pod }),
        Err(error) => json!({ "at": moment(odd.at), "node": &*odd.node, "error": &**error }),
    });
    json!({
        "answered": said.answered,
        "failed": said.failed,
        "late": said.late,
        "failed_for": said.failed_for.iter().map(failed_for).collect::<Vec<_>>(),
        "unexplained": said.unexplained,
        "first_unexplained": odd.collect::<Vec<_>>(),
    })
}

fn failed_for((causes, count): (&Causes, &u64)) -> Value {
    json!({
        "connections": count,
        "causes": causes.iter().map(causes::words).collect::<Vec<_>>(),
        "counts": causes.iter().any(Cause::counts),
    })
}

fn broken(broken: &Broken) -> Value {
    json!({
        "property": broken.property.name(),
        "counts": broken.counts,
        "step": broken.step,
        "at": moment(broken.at),
        "says": broken.says,
        "again": broken.again.iter().map(again).collect::<Vec<_>>(),
        "more": broken.more,
        "trace": broken.trace.as_ref().map(|path| path.display().to_string()),
    })
}

fn again(again: &Again) -> Value {
    json!({ "step": again.step, "at": moment(again.at), "says": again.says })
}

fn found(found: &Found) -> Value {
    json!({
        "entry": found.entry,
        "file": found.file,
        "line": found.line,
        "at": moment(found.at),
        "seen": found.seen,
        "why": found.why,
        "unsure": found.unsure,
        "allowed": found.allowed,
    })
}
