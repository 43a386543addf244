//! Traces from outside: made by searches, written, read, shown and replayed.

mod browser;
mod common;
mod every;

mod colours;
mod determinism;
mod page;
mod page_in_browser;
mod paths;
mod round_trip;
mod show;
mod tampered;
mod words;
