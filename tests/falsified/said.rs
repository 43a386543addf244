//! What a line says, shared by all recordings that are told alike: a lie changes a few lines of thousands.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

/// A JSON value, and its text once it has been written.
#[derive(Clone, Debug)]
pub struct Said {
    value: Arc<Value>,
    written: Arc<OnceLock<String>>,
}

impl Said {
    /// Its text, in one line.
    pub fn written(&self) -> &str {
        self.written.get_or_init(|| self.value.to_string())
    }
}

impl From<Value> for Said {
    fn from(value: Value) -> Self {
        Self { value: Arc::new(value), written: Arc::default() }
    }
}

impl Deref for Said {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl DerefMut for Said {
    fn deref_mut(&mut self) -> &mut Value {
        self.written = Arc::default();
        Arc::make_mut(&mut self.value)
    }
}

impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.value, &other.value) || self.value == other.value
    }
}
