//! The command as a user meets it.

mod run;

mod bounds;
mod checkpoint;
mod cli;
mod conform;
mod hunt;
mod interrupted;
mod refusals;
mod simulate;
