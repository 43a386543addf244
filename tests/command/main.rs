//! The command as a user meets it.

mod case;
mod run;

mod action;
mod asked;
mod bounds;
mod checkpoint;
mod cli;
mod conform;
mod explore;
mod help;
mod hunt;
mod inputs;
mod interrupted;
mod kept_traces;
mod left_out;
mod neighbours;
mod page;
mod patches;
mod prices;
mod pull_request;
mod readers;
mod readme;
mod refusals;
mod remedy;
mod reproducer;
mod says;
mod simulate;
mod trace;
mod trace_schema;
mod tune;
mod tune_fields;
