//! Logs that somebody has wrapped on their way: what takes the lines out again.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::kind::Word;

/// Fields in which a shipper of logs puts a line, or an event.
const FIELDS: [(&str, bool); 5] =
    [("log", true), ("message", true), ("MESSAGE", true), ("_source", false), ("event", false)];

/// What a first line is that is none of a log by itself, and the command that makes lines of one; nothing, if that is not known.
pub(super) fn wrapped(line: &[u8]) -> Option<String> {
    if line.starts_with(b"[") {
        return Some("this is one list of JSON: `jq -c '.[]'` makes a line of each event".into());
    }
    if of_container(line) {
        return Some(
            "this is what a container runtime has written down of a container: `cut -d ' ' -f 4-` takes the lines out"
                .into(),
        );
    }
    let members: BTreeMap<String, Word> = serde_json::from_slice(line).ok()?;
    if members.contains_key("protoPayload") {
        return Some(
            "this is an audit log of Google Cloud, which has no objects of the API server's form".into(),
        );
    }
    let holds_event = |(name, is_text): &&(&str, bool)| match members.get(*name) {
        Some(Word::Text(text)) => *is_text && is_event(text),
        Some(Word::Other) => !is_text,
        None => false,
    };
    let (name, is_text) = FIELDS.iter().find(holds_event)?;
    let how = if *is_text { "-r" } else { "-c" };
    Some(format!("its event stands in `{name}`: `jq {how} .{name}` takes it out"))
}

/// A line in the manner of the CRI: a time, the stream, whether it goes on, and what was written.
fn of_container(line: &[u8]) -> bool {
    let mut words = line.splitn(4, |byte| *byte == b' ').skip(1);
    let stream = words.next().is_some_and(|word| [&b"stdout"[..], b"stderr"].contains(&word));
    stream && words.next().is_some_and(|word| [&b"F"[..], b"P"].contains(&word)) && words.next().is_some()
}

/// Is it JSON of an event, as text?
fn is_event(text: &str) -> bool {
    let members: Option<BTreeMap<String, IgnoredAny>> = serde_json::from_str(text.trim()).ok();
    members.is_some_and(|members| members.contains_key("apiVersion") && members.contains_key("kind"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1"}"#;

    #[test]
    fn what_takes_an_event_out_is_said() {
        let text = serde_json::to_string(EVENT).unwrap();
        for (line, command) in [
            (format!("[{EVENT},"), "jq -c '.[]'"),
            (format!("2026-11-22T07:00:00.000000000Z stdout F {EVENT}"), "cut -d ' ' -f 4-"),
            (format!(r#"{{"log":{text},"stream":"stdout"}}"#), "jq -r .log"),
            (format!(r#"{{"timestamp":1,"message":{text}}}"#), "jq -r .message"),
            (format!(r#"{{"_index":"k8s","_source":{EVENT}}}"#), "jq -c ._source"),
            (r#"{"protoPayload":{},"insertId":"1"}"#.into(), "Google Cloud"),
        ] {
            let says = wrapped(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert!(says.contains(command), "{says}");
        }
    }

    #[test]
    fn of_what_holds_no_event_nothing_is_said() {
        for line in [
            "hello",
            r#"{"kind":"Pod","apiVersion":"v1"}"#,
            r#"{"log":"starting up","stream":"stdout"}"#,
            r#"{"message":"{\"level\":\"info\"}"}"#,
        ] {
            assert_eq!(wrapped(line.as_bytes()), None, "{line}");
        }
    }
}
