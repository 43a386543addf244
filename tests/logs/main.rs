//! Logs that are not whole, or very long: they begin late, have watches in place of an audit log, or are several in one.

mod attacked;
mod files;
mod late;
mod memory;
mod together;
mod watched;
