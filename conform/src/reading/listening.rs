//! From when on a recorder listened: of what it does not tell from before then nobody knows whether it was so.

use serde::Deserialize;
use serde_json::Value;

use super::kind::Source;
use super::lines::Lines;
use super::moment::moment;
use crate::record::Micros;

/// A recorder that begins to listen later than this after the log first speaks of pods may have missed something. Those of the recordings
/// begin before.
pub const LATE: Micros = 2_000_000;

/// What a line says of its time and of rules.
#[derive(Deserialize)]
struct Line {
    t_us: Option<Micros>,
    #[serde(rename = "requestReceivedTimestamp")]
    received: Option<String>,
    #[serde(rename = "stageTimestamp")]
    stage: Option<String>,
    /// Those of an `EventList`.
    items: Option<Vec<Self>>,
    src: Option<String>,
    endpoints: Option<Value>,
}

/// From when on a file tells of what recorders tell: a recorder since its first line, an audit log since it first speaks of pods.
pub(super) fn since(source: Source, first: &[u8], lines: &mut Lines) -> Option<Micros> {
    let speaks_of_pods = |line: &[u8]| line.windows(PODS.len()).any(|window| window == PODS);
    if source != Source::Audit || speaks_of_pods(first) {
        return moment_of(first);
    }
    while let Some(Ok(line)) = lines.next() {
        if speaks_of_pods(line) {
            return moment_of(line);
        }
    }
    None
}

/// The resource, as requests name it.
const PODS: &[u8] = b"\"pods\"";

/// The moment that a line tells.
fn moment_of(line: &[u8]) -> Option<Micros> {
    fn of(line: &Line) -> Option<Micros> {
        let text = line.received.as_deref().or(line.stage.as_deref());
        line.t_us.or_else(|| moment(text?)).or_else(|| of(line.items.as_ref()?.first()?))
    }
    of(&serde_json::from_slice(line).ok()?)
}

/// Whether the file of this first line tells of each change: rules that were only looked at now and then change between two looks.
pub(super) fn tells_changes(source: Source, first: &[u8], lines: &mut Lines) -> bool {
    if source != Source::Rules {
        return true;
    }
    let rules = |line: &[u8]| {
        let line: Line = serde_json::from_slice(line).ok()?;
        Some((line.src? != "sample", line.endpoints?))
    };
    let Some((is_written, there)) = rules(first) else { return true };
    let (mut tells, mut changes) = (is_written, false);
    while !tells && let Some(Ok(line)) = lines.next() {
        let Some((is_written, now)) = rules(line) else { continue };
        tells = is_written;
        changes |= now != there;
    }
    tells || !changes
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_of_each_kind_of_file_tells_a_moment() {
        let at = |line: Value| moment_of(line.to_string().as_bytes());
        let event = json!({"requestReceivedTimestamp": "1970-01-01T00:00:02.5Z", "verb": "get"});
        assert_eq!(at(json!({"t_us": 7, "topic": "RIG_CONNECTED"})), Some(7));
        assert_eq!(at(event.clone()), Some(2_500_000));
        assert_eq!(at(json!({"kind": "EventList", "items": [event]})), Some(2_500_000));
        assert_eq!(at(json!({"stageTimestamp": "1970-01-01T00:00:03Z"})), Some(3_000_000));
        assert_eq!(at(json!({"type": "ADDED", "object": {}})), None);
    }

    #[test]
    fn an_audit_log_tells_of_pods_from_the_first_on() {
        let event = |at: i64, resource: &str| {
            json!({"stageTimestamp": format!("1970-01-01T00:00:0{at}Z"), "objectRef": {"resource": resource}})
                .to_string()
        };
        let since = |all: &[String]| {
            let mut lines = Lines::over(Box::new(Cursor::new(all[1..].join("\n"))), "x".into());
            since(Source::Audit, all[0].as_bytes(), &mut lines)
        };
        assert_eq!(since(&[event(1, "leases"), event(2, "nodes"), event(3, "pods")]), Some(3_000_000));
        assert_eq!(since(&[event(1, "pods"), event(2, "pods")]), Some(1_000_000));
        assert_eq!(since(&[event(1, "leases"), event(2, "nodes")]), None);
    }

    #[test]
    fn rules_that_change_between_looks_are_not_told() {
        let line =
            |src: &str, pods: usize| json!({"t_us": 1, "src": src, "endpoints": {"a/web": vec!["1"; pods]}});
        let tells = |all: &[Value]| {
            let text: String = all[1..].iter().map(|line| format!("{line}\n")).collect();
            let mut lines = Lines::over(Box::new(Cursor::new(text)), "x".into());
            tells_changes(Source::Rules, all[0].to_string().as_bytes(), &mut lines)
        };
        assert!(!tells(&[line("sample", 0), line("sample", 1)]));
        assert!(tells(&[line("sample", 1), line("sample", 1)]), "nothing has changed");
        assert!(tells(&[line("sample", 0), line("restore", 1), line("sample", 1)]));
        assert!(tells(&[line("sample", 0), line("sample", 1), line("restore", 2)]), "one was written before");
        assert!(tells(&[line("restore", 0), line("sample", 1)]));
    }
}
