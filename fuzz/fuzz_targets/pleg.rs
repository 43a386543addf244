//! The case `pleg` under libFuzzer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podproof_harness::cases::pleg::{TestCase, check};

fuzz_target!(|case: TestCase| {
    let _ = check(&case);
});
