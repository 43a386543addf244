//! Traces from outside: made by searches, written, read, shown and replayed.

mod common;
mod every;

mod determinism;
mod paths;
mod round_trip;
mod show;
mod tampered;
mod words;
