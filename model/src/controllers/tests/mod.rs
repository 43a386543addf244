//! Tests of the controllers' rules.

mod deployment;
mod disruption;
mod nodes;
mod replica_set;
mod taints;
