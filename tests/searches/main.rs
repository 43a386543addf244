//! Whole searches of the model: what they find, that they find it always, and that no reduction changes it.

mod common;

mod beginning;
mod determinism;
mod equivariance;
mod fairness;
mod fusions;
mod futures;
mod golden;
mod liveness;
mod mutants;
mod partial_order;
mod recording;
mod reference;
mod symmetry;
mod timed;
mod twins;
mod verdicts;
mod views;
