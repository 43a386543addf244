//! A trace within an outcome, as its own file has it: who reads and writes it is `podproof_traces`.

use podproof_traces::Trace;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// Writes it, if there is one.
pub fn serialize<S: Serializer>(trace: &Option<Trace>, serializer: S) -> Result<S::Ok, S::Error> {
    let document = trace.as_ref().map(|trace| RawValue::from_string(trace.to_json().trim_end().to_owned()));
    document.transpose().map_err(ser::Error::custom)?.serialize(serializer)
}

/// Reads it, if there is one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Trace>, D::Error> {
    let document = Option::<Box<RawValue>>::deserialize(deserializer)?;
    document.map(|document| Trace::from_json(document.get())).transpose().map_err(de::Error::custom)
}
