//! What is a bug and what is not.
//!
//! - [`agreement`]: two systems through one script
//! - [`history`]: a naive API server
//! - [`pleg`]: a naive PLEG

pub mod agreement;
pub mod history;
pub mod pleg;
