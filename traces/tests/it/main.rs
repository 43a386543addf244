//! Traces from outside: made by searches, written, read, shown and replayed.

mod common;
mod every;

mod determinism;
mod paths;
mod round_trip;
mod show;
mod slice;
mod tampered;
mod turning;
mod words;
