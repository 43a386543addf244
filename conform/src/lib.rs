//! Is what a real cluster did a behaviour of the model? Logs are read into entries, the workloads in them become
//! scenarios, and a path of the model is looked for whose visible steps are those entries.
//!
//! - [`record`]: what an entry of a log can say
//! - [`reading`]: files into entries, in order
//! - [`before`]: where what was there already stood when the log began
//! - [`matching`]: the replay of one workload
//! - [`unsigned`]: who may have made a write that only watches tell of
//! - [`world`]: the workloads and nodes of a log, as scenarios
//! - [`run`]: a log against the model; `follow`: its second pass, `strays`: pods that nobody follows any more, or yet; [`report`]: what comes of it; [`tally`]: its entries, counted
//! - [`fingerprint`]: pieces of JSON as numbers
//! - [`spool`]: what grows with a log, on disk
//! - [`doubts`]: why an entry that nothing explains may be lawful all the same
//! - [`judged`]: what a log says of the promises

pub mod before;
pub mod doubts;
pub mod fingerprint;
mod follow;
pub mod judged;
pub mod matching;
mod places;
pub mod reading;
pub mod record;
pub mod report;
pub mod run;
pub mod spool;
mod strays;
pub mod tally;
pub mod unsigned;
pub mod world;
