//! Traces of podproof: a path through one scenario in one JSON file, that anybody can replay and read.
//!
//! - [`trace`]: what a trace is, and recording one
//! - [`change`]: what a step changed of what an outsider can see
//! - `advance`: an observation brought forward by it
//! - [`json`]: the file
//! - [`replay`](mod@replay): does the model still do what the trace tells?
//! - [`names`]: what the objects are called
//! - [`words`]: steps and changes as sentences
//! - `why`: what the end of a trace has to do with its property
//! - [`show`](mod@show): the story for a terminal
//! - `object`: the objects of an observation, and what is so of each
//! - [`page`]: the story for a browser
//!
//! A trace holds small steps only, so that it depends on no reduction of a search. The pod that a timed search follows is
//! the one thing that it keeps of one.

mod advance;
pub mod change;
pub mod json;
pub mod names;
mod object;
pub mod page;
pub mod replay;
pub mod show;
pub mod trace;
mod walk;
mod why;
pub mod words;

pub use change::{Change, difference};
pub use json::ReadError;
pub use names::Names;
pub use page::Page;
pub use replay::{Divergence, Replayed, end, replay};
pub use show::{Style, show};
pub use trace::{Called, CalledPod, Followed, Kind, Trace, TraceStep, VERSION};
pub use why::why;
