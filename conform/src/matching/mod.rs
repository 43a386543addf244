//! The replay: a path of the model is looked for whose visible steps are the entries of a log.
//!
//! Every write to the API server is in the log, and components share nothing but the store. So each process is followed on
//! its own ([`part`]): the states that it may be in, given all that was seen. A write is explained if its process can come to
//! make it; then the store has changed, and the news of it are on their way to the others. What a process does unseen
//! (deliveries, relists, probes) is searched for when something that it did asks for it, and not before: exact event rings lose
//! nothing, so waiting is no worse, but before what cannot be undone ([`ahead`]). At the end the paths of all processes are put
//! together and taken on the whole model ([`whole`]), small step by small step, and its promises are judged on the way.
//!
//! - [`subject`]: the workload that is followed; [`names`]: its objects; [`templates`] and [`made_of`]: what its pods are made of
//! - [`writes`]: entries of the API server; [`actor`]: who made them; [`plan`]: what they ask for
//! - [`local`]: what is seen beside the API; [`eyes`]: what would be seen
//! - [`part`] and [`path`]: one process, and how it came where it is; [`quest`]: how it came to do what was seen, in which order that is looked for (`frontier`), and what of it can wait (`later`); [`sighting`]: what
//!   was seen; [`news`]: what is on its way to it; [`clock`]: how long things take at least; [`counts`]: what
//!   there was to be counted; [`slices`]: how the slices of a Service go together; `grown`: what only grows; `ends`: what stays as it ended; `fixed`: what stays as it was; `answered`: what probes were told; `given`: what a deletion has
//!   given; `leaving`: whose controllers make nothing more
//! - [`replay`]: one workload along a log; what is done (`deeds`); what it learns there (`learning`), what it meets beside (`meeting`), what is under
//!   way (`evictions`), what was refused (`refusals`), which leases were renewed (`renewals`), what was asked for beside
//!   it ([`preconditions`]), what the log shows of a budget that others share ([`shared`]), what is outside the model ([`beyond`]), what came of each entry (`outcome`);
//!   [`unexplained`]: where it ends, and what could have been there (`allowed`); `ways`: what it keeps of how processes came there
//! - [`whole`]: all together, in one order (`weave`)

pub mod actor;
pub mod ahead;
mod allowed;
mod answered;
pub mod beyond;
pub mod clock;
pub mod counts;
mod deeds;
mod ends;
pub mod evictions;
pub mod eyes;
mod fixed;
mod frontier;
mod given;
mod grown;
mod later;
mod learning;
mod leaving;
pub mod local;
pub mod made_of;
mod meeting;
pub mod names;
pub mod news;
mod outcome;
pub mod part;
pub mod path;
pub mod plan;
pub mod preconditions;
pub mod quest;
mod refusals;
mod renewals;
pub mod replay;
pub mod shared;
pub mod sighting;
pub mod slices;
pub mod subject;
pub mod templates;
#[cfg(test)]
mod tests;
pub mod unexplained;
mod ways;
mod weave;
pub mod whole;
pub mod writes;

pub use outcome::Outcome;
pub use replay::{BOUND, Replay};
pub use subject::Subject;
pub use unexplained::Unexplained;
