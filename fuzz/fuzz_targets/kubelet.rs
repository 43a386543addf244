//! The case `kubelet` under libFuzzer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podproof_harness::cases::kubelet::{TestCase, check};

fuzz_target!(|case: TestCase| {
    let _ = check(&case);
});
