//! What is a bug and what is not.
//!
//! - [`agreement`]: two systems through one script
//! - [`history`]: a naive API server

pub mod agreement;
pub mod history;
