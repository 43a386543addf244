//! A change that may help.

use podproof_vocabulary::manifest::edit::{FieldPath, Value};

use crate::edits::Edit;
use crate::tune::parameter::Parameter;

/// A change that may help, of one setting or of several.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    says: Vec<String>,
    /// What is changed.
    pub edits: Vec<Edit>,
    /// A field whose value is to be found.
    pub parameter: Option<Parameter>,
}

impl Candidate {
    /// A change that is told so.
    pub fn of(says: String, edit: Edit) -> Self {
        Self { says: vec![says], edits: vec![edit], parameter: None }
    }

    /// A field of the workload gets a number.
    pub fn number(says: &str, path: FieldPath, value: u32) -> Self {
        Self::of(format!("{says} of {value}"), Edit::of_workload(path, Value::number(value)))
    }

    /// The smallest value of a field.
    pub fn parameter(parameter: Parameter) -> Self {
        Self { parameter: Some(parameter), ..Self::default() }
    }

    /// This change and that.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            says: [&self.says[..], &other.says].concat(),
            edits: [&self.edits[..], &other.edits].concat(),
            parameter: self.parameter.clone().or_else(|| other.parameter.clone()),
        }
    }

    /// How many settings it changes.
    pub fn settings(&self) -> usize {
        self.says.len() + usize::from(self.parameter.is_some())
    }

    /// The change in words.
    pub fn says(&self) -> String {
        let parameter = self.parameter.iter().map(|parameter| parameter.says.as_str());
        self.says.iter().map(String::as_str).chain(parameter).collect::<Vec<_>>().join(" and ")
    }
}
