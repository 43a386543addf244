//! What every client of the API server is built of, as in client-go.
//!
//! - [`calls`]: requests in flight, their arrival and their answers
//! - [`informer`]: list and watch into a [`cache`], and event handlers
//! - [`work_queue`]: keys that wait for a worker
//! - [`expectations`]: what was asked for and not yet seen

pub mod cache;
pub mod calls;
pub mod expectations;
pub mod informer;
pub mod work_queue;

#[cfg(test)]
mod tests;

pub use cache::Cache;
pub use calls::{Call, CallId, CallState, Calls, WatchId};
pub use expectations::Expectations;
pub use informer::{Informer, Notification};
pub use work_queue::{Backoff, WorkQueue};
