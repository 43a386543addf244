//! The command as a user meets it.

mod run;

mod bounds;
mod checkpoint;
mod cli;
mod conform;
mod hunt;
mod interrupted;
mod readme;
mod refusals;
mod simulate;
mod trace;
mod trace_schema;
mod tune;
