//! What a file is, by its first line.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::lines::parse;
use super::problem::Problem;
use crate::record::Place;

/// Where entries come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The audit log of an API server.
    Audit,
    /// What a watch told.
    Watch,
    /// The events of container runtimes.
    Runtime,
    /// What processes said of themselves.
    App,
    /// The rules of nodes.
    Rules,
    /// The connections that were tried.
    Requests,
    /// What was done to the cluster beside the API.
    Faults,
}

/// What a first line may be, in words.
pub(super) const ACCEPTED: &str = "lines of JSON: events of audit.k8s.io, watch events with `type` and `object`, \
     or the runtime, app, proxy, client or fault lines of a recording";

/// The source that a line belongs to; none if it is JSON and none of them.
pub(super) fn source_of(line: &[u8], place: &Place) -> Result<Option<Source>, Problem> {
    let members: BTreeMap<String, Word> = parse(line, place, ACCEPTED)?;
    let has = |names: &[&str]| names.iter().all(|name| members.contains_key(*name));
    let word = |name: &str| match members.get(name) {
        Some(Word::Text(text)) => text.as_str(),
        _ => "",
    };
    Ok(if word("apiVersion").starts_with("audit.k8s.io/") && ["Event", "EventList"].contains(&word("kind")) {
        Some(Source::Audit)
    } else if has(&["t_us", "event"]) || has(&["type", "object"]) {
        Some(Source::Watch)
    } else if has(&["t_us", "topic", "node"]) {
        Some(Source::Runtime)
    } else if has(&["t_us", "fault"]) {
        Some(Source::Faults)
    } else if has(&["t_us", "src", "endpoints"]) {
        Some(Source::Rules)
    } else if has(&["t_us", "d_us", "id", "ok"]) {
        Some(Source::Requests)
    } else if has(&["t_us", "kind", "pod"]) {
        Some(Source::App)
    } else {
        None
    })
}

/// A value of which only a text is kept.
#[derive(Debug, PartialEq)]
pub(super) enum Word {
    Text(String),
    Other,
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor)
    }
}

struct WordVisitor;

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Word, E> {
        Ok(Word::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Word, E> {
        Ok(Word::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Word, E> {
        Ok(Word::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Word, E> {
        Ok(Word::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Word, E> {
        Ok(Word::Other)
    }

    fn visit_unit<E>(self) -> Result<Word, E> {
        Ok(Word::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Word, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Word::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Word, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Word::Other)
    }
}
