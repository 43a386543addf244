//! Bytes into valid inputs. Nothing here is ever rejected: what would not fit is made to fit.
//!
//! - [`limits`]: how large the worlds are
//! - [`scenario`]: a small scenario, with [`nodes`], [`pods`] and [`events`]
//! - [`situation`]: who is on which node, for the filters
//! - [`requests`]: a conversation with the API server
//! - [`texts`]: files that almost are what a reader expects
//! - [`values`]: JSON documents with values that nobody can have written

pub mod events;
pub mod limits;
pub mod nodes;
pub mod pods;
pub mod requests;
pub mod scenario;
pub mod situation;
pub mod texts;
pub mod values;

use arbitrary::{Result, Unstructured};

/// One of several things.
pub(crate) fn one_of<T: Copy>(u: &mut Unstructured<'_>, options: &[T]) -> Result<T> {
    u.choose(options).copied()
}

/// True once in so many times.
pub(crate) fn one_in(u: &mut Unstructured<'_>, times: u8) -> Result<bool> {
    u.ratio(1, times)
}
