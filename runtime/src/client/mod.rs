//! What every client of the API server is built of.
//!
//! - [`calls`]: requests in flight, their arrival and their answers

pub mod calls;

pub use calls::{Call, CallId, CallState, Calls, WatchId};
