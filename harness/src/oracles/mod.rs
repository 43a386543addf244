//! What is a bug and what is not.
//!
//! - [`agreement`]: two systems through one script
//! - [`history`]: a naive API server
//! - [`pleg`]: a naive PLEG
//! - [`promises`]: which promises a scenario keeps
//! - [`rest`]: how a script ends, and what must have come by then

pub mod agreement;
pub mod history;
pub mod pleg;
pub mod promises;
pub mod rest;
