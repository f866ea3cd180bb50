//! A package is read, whatever its bytes, without a panic. Start from real ones:
//! `cargo +nightly fuzz run package corpus ../../tests/compat -- -max_len=262144`

#![no_main]

use libfuzzer_sys::fuzz_target;
use xinglin_runtime::Package;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(package) = Package::read(bytes) {
        // What is taken can be shown.
        let _ = package.sheet();
    }
});
