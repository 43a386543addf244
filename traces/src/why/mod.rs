//! What the end of a trace has to do with its property, in concrete terms: which node, which pod, which container.

mod progress;
mod safety;

pub(crate) use progress::obligation;
pub(crate) use safety::safety;
