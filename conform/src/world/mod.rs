//! The workloads and nodes of a log, as scenarios.
