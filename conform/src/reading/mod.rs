//! Files into entries, in order.
//!
//! A log is what was given: files, or folders of a recording. What a file is shows its first line, whatever its name, and
//! gzip is seen by how it begins. Files are read line by line, as often as asked, and merged:
//!
//! - the audit log by resource versions and receipts (`order`), each event held for a minute of the log
//! - watches: beside an audit log only the lists with which they begin; without one everything, by resource version
//! - what recorders wrote, by time, each line held for a minute of the log as well
//!
//! Where an audit log has no answers (level Request), what writes left behind is made of what was asked for (`requests`).
//!
//! The clocks of several API servers and of nodes may differ, and can be set from what the log itself tells (`clocks`).
//!
//! Memory is bounded by what happens in such a minute, and not by the length of the log.

mod agreement;
mod audit;
mod clocks;
mod collection;
mod event;
mod facts;
mod gaps;
mod kind;
mod lanes;
mod lines;
mod listening;
mod log;
mod moment;
mod names;
mod order;
mod problem;
mod recognise;
mod recorder;
mod requests;
mod subject;
mod template;
mod watch;
mod wrapped;
mod written;

pub use clocks::Clocks;
pub use kind::Source;
pub(crate) use listening::LATE;
pub use log::{Entries, Log};
pub use problem::Problem;
pub(crate) use requests::is_nameless;
pub use template::template_of;
pub(crate) use watch::resource_of;

#[cfg(test)]
mod tests;
