//! The command as a user meets it.

mod bounds;
mod checkpoint;
mod cli;
mod conform;
mod hunt;
mod simulate;
