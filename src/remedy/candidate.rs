//! A change that may help.

use podproof_vocabulary::manifest::edit::{FieldPath, Value};

use crate::edits::Edit;
use crate::tune::parameter::Parameter;

/// A change that may help, of one setting or of several.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    says: Vec<String>,
    edits: Vec<Edit>,
    /// The fields whose values are to be found, the first first.
    pub parameters: Vec<Parameter>,
}

impl Candidate {
    /// A change that is told so.
    pub fn of(says: String, edit: Edit) -> Self {
        Self { says: vec![says], edits: vec![edit], parameters: Vec::new() }
    }

    /// A field of the workload gets a number.
    pub fn number(says: &str, path: FieldPath, value: u32) -> Self {
        Self::of(format!("{says} of {value}"), Edit::of_workload(path, Value::number(value)))
    }

    /// The smallest value of a field.
    pub fn parameter(parameter: Parameter) -> Self {
        Self { parameters: vec![parameter], ..Self::default() }
    }

    /// This change and that.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            says: [&self.says[..], &other.says].concat(),
            edits: [&self.edits[..], &other.edits].concat(),
            parameters: [&self.parameters[..], &other.parameters].concat(),
        }
    }

    /// How many settings it changes.
    pub fn settings(&self) -> usize {
        self.says.len() + self.parameters.len()
    }

    /// The greatest values of its fields.
    pub fn greatest(&self) -> Vec<u32> {
        self.parameters.iter().map(|parameter| parameter.to).collect()
    }

    /// What is changed where its fields have these values.
    pub fn edits(&self, values: &[u32]) -> Vec<Edit> {
        let fields = self.parameters.iter().zip(values);
        let fields = fields.filter_map(|(parameter, value)| parameter.edit(*value));
        self.edits.iter().cloned().chain(fields).collect()
    }

    /// The change in words, where its fields have these values. A field that has its value already is no change.
    pub fn says(&self, values: &[u32]) -> String {
        let is_changed = |(parameter, value): &(&Parameter, &u32)| parameter.edit(**value).is_some();
        let fields = self.parameters.iter().zip(values).filter(is_changed);
        let fields =
            fields.map(|(parameter, value)| format!("{} of {}", parameter.says, parameter.value(*value)));
        self.says.iter().cloned().chain(fields).collect::<Vec<_>>().join(" and ")
    }
}
