//! What is said between the components and the API server: objects, requests and answers.
//!
//! - [`object`]: the eight kinds of objects, shared and never changed in place
//! - [`key`]: names, identities and versions
//! - [`request`]: the verbs with their preconditions; [`patch`]: what a patch changes; [`status_changes`]: a kubelet's
//! - [`answer`]: what comes back, or why it was refused
//! - [`selector`], [`quantity`]: labels and amounts
//! - [`constants`]: reasons, conditions, taints and labels by their names

pub mod answer;
pub mod constants;
pub mod key;
pub mod object;
pub mod patch;
pub mod quantity;
pub mod request;
pub mod selector;
pub mod status_changes;

pub use answer::{ApiError, Response};
pub use key::{Key, Uid, Version};
pub use object::{Kind, Object, Resource};
pub use patch::Patch;
pub use request::{DeleteOptions, Preconditions, Request, Selector};
