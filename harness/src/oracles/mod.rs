//! What is a bug and what is not.
//!
//! - [`agreement`]: two systems through one script
//! - [`filters`]: which nodes a pod may go to, by brute force
//! - [`history`]: a naive API server
//! - [`pleg`]: a naive PLEG

pub mod agreement;
pub mod filters;
pub mod history;
pub mod pleg;
