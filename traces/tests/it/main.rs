//! Traces from outside: made by searches, written, read, shown and replayed.

mod browser;
mod common;
mod every;

mod claims;
mod colours;
mod corpus;
mod determinism;
mod diff;
mod export;
mod hostile;
mod limits;
mod page;
mod page_by_key;
mod page_in_browser;
mod paths;
mod readers;
mod reading;
mod remedy;
mod round_trip;
mod shorten;
mod show;
mod slice;
mod tampered;
mod turning;
mod version;
mod words;
