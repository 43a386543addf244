//! Logs that are not whole: they begin late, or have watches in place of an audit log.

mod files;
mod late;
mod watched;
