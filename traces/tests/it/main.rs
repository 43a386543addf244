//! Traces from outside: made by searches, written, read, shown and replayed.

mod common;
mod every;

mod corpus;
mod determinism;
mod diff;
mod export;
mod paths;
mod reading;
mod round_trip;
mod shorten;
mod show;
mod slice;
mod tampered;
mod turning;
mod version;
mod words;
