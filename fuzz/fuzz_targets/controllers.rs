//! The case `controllers` under libFuzzer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podproof_harness::cases::controllers::{TestCase, check};

fuzz_target!(|case: TestCase| {
    let _ = check(&case);
});
