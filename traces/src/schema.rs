//! The JSON Schemas of the format, generated from its types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, json_schema};
use serde_json::Value;

use crate::reproducer::Reproducer;
use crate::trace::{Trace, VERSION};

/// The schema of a trace (JSON Schema, draft 2020-12). It says what [`Trace::from_json`] takes of the shape of a document; that
/// also refuses some that have the shape, as a scenario without nodes.
pub fn schema() -> Value {
    let mut schema = schema_of::<Trace>("A trace of podproof");
    if let Some(Value::Array(names)) = schema.pointer_mut("/$defs/TaintName/oneOf") {
        names.push(
            json_schema!({ "const": "custom-no-execute", "description": OLD_TAINT, "deprecated": true })
                .to_value(),
        );
    }
    schema.to_value()
}

/// The same of a reproducer.
pub fn reproducer_schema() -> Value {
    schema_of::<Reproducer>("A reproducer of podproof").to_value()
}

fn schema_of<T: JsonSchema>(title: &str) -> Schema {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    RecursiveTransform(closed).transform(&mut schema);
    RecursiveTransform(bounded).transform(&mut schema);
    schema.insert("title".to_owned(), title.into());
    if let Some(version) = schema.pointer_mut("/properties/version") {
        let says = version.get("description").cloned();
        *version = json_schema!({ "const": VERSION }).to_value();
        if let (Some(says), Value::Object(version)) = (says, version) {
            version.insert("description".to_owned(), says);
        }
    }
    schema
}

/// What is to be known of a name that is read and no longer written.
const OLD_TAINT: &str = "`custom`, as it was called when it had one effect only.";

/// A whole number is one that its type can hold.
fn bounded(schema: &mut Schema) {
    let most = match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => u64::from(u32::MAX),
        Some("uint64") => u64::MAX,
        _ => return,
    };
    schema.insert("maximum".to_owned(), most.into());
}

/// No object has fields that nobody knows.
fn closed(schema: &mut Schema) {
    if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}
