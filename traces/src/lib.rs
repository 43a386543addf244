//! Traces of podproof: a path through one scenario in one JSON file, that anybody can replay and read.
//!
//! - [`trace`]: what a trace is, and recording one
//! - `along`: recording one step by step, as long as it may be
//! - [`change`]: what a step changed of what an outsider can see
//! - `advance`: an observation brought forward by it
//! - [`digest`]: which state a step leads to, in a few letters
//! - [`json`]: the file
//! - `schema`: the file as a JSON Schema (feature `schema`)
//! - [`replay`](mod@replay): does the model still do what the trace tells?
//! - `standing`: does the claim of a trace stand?
//! - [`names`]: what the objects are called
//! - [`words`]: steps and changes as sentences
//! - `why`: what the end of a trace has to do with its property
//! - [`told`](mod@told): a trace step by step in words
//! - `when`: when a step was taken
//! - [`slice`](mod@slice): the steps that its end depends on
//! - [`turning`](mod@turning): the step after which its end could no longer be avoided
//! - [`show`](mod@show): the story for a terminal
//! - `object`: the objects of an observation, and what is so of each
//! - [`plain`]: names that steer nothing where they are shown
//! - [`page`]: the story for a browser
//! - [`diff`](mod@diff): two traces beside one another
//! - [`shorten`](mod@shorten): a shorter trace that breaks the same
//! - [`export`]: traces for other tools
//! - [`reproducer`]: what a case found that follows no path through a scenario
//!
//! A trace holds small steps only, so that it depends on no reduction of a search. The pod that a timed search follows is
//! the one thing that it keeps of one.

mod advance;
mod again;
mod along;
pub mod change;
pub mod diff;
pub mod digest;
pub mod export;
pub mod json;
pub mod names;
mod object;
pub mod page;
pub mod plain;
pub mod replay;
pub mod reproducer;
#[cfg(feature = "schema")]
pub mod schema;
pub mod shorten;
pub mod show;
pub mod slice;
mod standing;
pub mod told;
pub mod trace;
pub mod turning;
mod walk;
mod when;
mod why;
pub mod words;

pub use along::Along;
pub use change::{Change, difference};
pub use diff::{are_alike, diff};
pub use digest::Digest;
pub use json::{Fault, ReadError};
pub use names::Names;
pub use page::Page;
pub use plain::is_steering;
pub use replay::{Divergence, Replayed, end, first_other_state, replay};
pub use reproducer::Reproducer;
pub use shorten::{broken_by, shorten};
pub use show::{SMALLER_WORLD, Style, View, show, show_as, show_remedy, show_slice, show_turning};
pub use slice::{Arrow, Slice, slice};
pub use told::{Told, essence, told};
pub use trace::{Called, CalledPod, Followed, Kind, Log, Origin, Remedy, Trace, TraceStep, VERSION};
pub use turning::{Reason, Turning, TurningPoint, turning, turning_point};
pub use why::{falls_back, reasons, unschedulable, why};
