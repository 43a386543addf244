//! Logs that are not whole, or very long: they begin late, have watches in place of an audit log, or are several in one.

mod asked;
mod asked_for;
mod attacked;
mod beyond;
mod budgets;
mod clocks;
mod families;
mod files;
mod gaps;
mod graces;
mod late;
mod limits;
mod memory;
mod names;
mod namespaces;
mod partial;
mod policies;
mod refused;
mod silent;
mod slow;
mod together;
mod too_many;
mod unlike;
mod watched;
