//! The command: arguments, plans, searches, progress and reports. No rule of Kubernetes lives here.
//!
//! Read in this order:
//!
//! - [`arguments`]: the command line; [`choices`]: what its options choose from;
//!   [`promises`]: which promises they ask for
//! - [`input`]: files into sources
//! - [`plan`]: a workload and its stories into searches
//! - [`events`]: what may happen beside a story
//! - [`searched`]: the model as the checker sees it
//! - [`search`]: one search, and what it says of each promise
//! - [`hunt`]: searches that look for what is broken
//! - [`kept`]: a check that outlives its process
//! - [`confirm`]: a counterexample of one pod's clocks, taken again with all clocks
//! - [`reference_engine`]: the same by stateright's checkers
//! - [`simulate`]: random walks at full size
//! - [`conform`](mod@conform): the log of a real cluster against the model
//! - [`edits`]: changes of a manifest's text; [`trial`]: a manifest with some, checked again; [`remedy`]: the change that makes a promise hold
//! - [`tune`]: the smallest values at which the promises hold
//! - [`check`], [`explore`], [`scenarios`], [`names`], [`trace`]: the commands
//! - [`counterexamples`]: the files in which counterexamples are kept
//! - [`verdict`], [`report`]: what was found, in each format
//! - [`output`]: how it is said

pub mod arguments;
pub mod check;
pub mod choices;
pub mod confirm;
pub mod conform;
pub mod counterexamples;
pub mod coverage;
pub mod edits;
pub mod events;
pub mod explore;
pub mod hunt;
pub mod input;
pub mod interrupt;
pub mod kept;
pub mod manifests;
pub mod mistaken;
pub mod names;
pub mod output;
pub mod plan;
pub mod progress;
pub mod promises;
pub mod reference_engine;
pub mod refusals;
pub mod remedy;
pub mod report;
pub mod same_file;
pub mod scenarios;
pub mod search;
pub mod searched;
pub mod simulate;
pub mod trace;
pub mod trial;
pub mod tune;
pub mod verdict;

/// Exit statuses of the command.
pub mod exit {
    /// Every checked property holds or is not applicable.
    pub const HOLDS: u8 = 0;
    /// A property that counts is broken.
    pub const BROKEN: u8 = 1;
    /// The input or the command line is wrong.
    pub const WRONG_INPUT: u8 = 2;
    /// A bound ended a search first, and nothing broken was found.
    pub const INCOMPLETE: u8 = 3;
}
